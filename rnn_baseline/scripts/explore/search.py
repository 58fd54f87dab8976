"""Search hyperparameters: one run a trial, in a study that continues after a kill and can choose
the least overfit of the best.

    python rnn_baseline/scripts/explore/search.py \\
        --space rnn_baseline/configs/search/meli-mlp-cnn.yaml \\
        --num_layers 1 --hidden_size 64 --max_length 64 --num_train_epochs 2
    python rnn_baseline/scripts/explore/search.py rnn_baseline/configs/meli-bilstm64.yaml \\
        --space rnn_baseline/configs/search/meli-bilstm.yaml --dataset data/meli/data_v1 \\
        --only activation=relu --max_gap 0.02
    python rnn_baseline/scripts/explore/search.py --space space.yaml --sampler tpe --trials 30 \\
        --dataset corpus.csv

Takes the flags of train.py, which every trial gets, and the space: `name: [values]`, or for tpe
also `name: {low: 1e-4, high: 1e-2, log: true}`. Each trial is a finished run in
<search_dir>/trial_<parameters>; the chosen one is copied to <search_dir>/best. Writes trials.csv,
summary.md and figures/. The same command continues where it stopped; stages of a grid (--only) and
later calls add to the same search.
"""

import sys
from pathlib import Path

from rnn_baseline.arguments import parse_training
from rnn_baseline.scripts.train import train
from utils.cli import start_logging
from utils.data import load_corpus, options_of
from utils.errors import exits_on_input_error
from utils.records import dataset_name
from utils.runs.pipeline import check_single_process
from utils.search.study import SearchArguments, search


@exits_on_input_error
def main(argv=None) -> Path:
    """Search; returns the folder of the chosen run."""
    # Arguments: those of train.py, and what to search.
    argv = list(sys.argv[1:] if argv is None else argv)
    model_args, data_args, args, plan, words = parse_training(argv, __doc__, SearchArguments)
    start_logging()
    check_single_process()
    default_dir = Path("runs", train.PACKAGE, dataset_name(data_args.dataset), "search")
    folder = Path(plan.search_dir or default_dir)

    # Splits: loaded here only for their hash, which all trials must share.
    dataset = load_corpus(data_args.dataset, options_of(data_args)).info["hash"]

    # Search: train what is missing, choose, report.
    best = search(
        train.main,
        plan,
        (model_args, args),
        argv,
        words["explicit_args"],
        dataset=dataset,
        folder=folder,
    )
    print((folder / "summary.md").read_text(encoding="utf-8"))
    return best


if __name__ == "__main__":
    main()
