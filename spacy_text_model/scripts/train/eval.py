"""Evaluate a finished run on a split of any dataset with the same classes.

    python spacy_text_model/scripts/train/eval.py runs/temas --dataset data/x/data_v2 --split test

Writes predictions, report, confusion matrix and figures to <RUN>/eval/<split>-<hash>/, never over
training's files. Without --dataset: the dataset of the training, read with the same options. RUN
may also be a folder that `spacy train --output RUN` wrote.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

from spacy_text_model.inference import PROCESSES, load_predictor
from utils import runs
from utils.cli import parse, start_logging
from utils.data import label_ids_for
from utils.errors import InputError, exits_on_input_error
from utils.runs.arguments import EvalArguments


@dataclass
class SpacyEvalArguments(EvalArguments):
    n_process: int = field(default=1, metadata={"help": PROCESSES})


@exits_on_input_error
def main(argv=None) -> Path:
    """Evaluate; returns the folder that was written."""
    # Arguments.
    args, words = parse(SpacyEvalArguments, argv, doc=__doc__, positional=["run"])
    start_logging()
    run = Path(words["run"])

    # Model: its config says what it was trained on.
    predictor = load_predictor(run)
    class_names = predictor.class_names

    # Splits: read as the run's own; a source without splits is evaluated whole.
    trained_on = predictor.nlp.config.interpolate()
    own, options = trained_on["paths"].get("dataset"), trained_on.get("dataset", {})
    if args.dataset is None and own is None:
        raise InputError(f"{run}: its config names no dataset; pass --dataset")
    corpus = runs.read_evaluation(args, words["explicit_args"], own or args.dataset, options)
    dataset = corpus.splits[args.split]
    label_ids = label_ids_for(class_names, dataset, args.split)
    folder = runs.claim_evaluation(run, args.split, corpus.info["hash"], args.overwrite)

    # Evaluate.
    start = time.perf_counter()
    probabilities = predictor.predict_probabilities(
        dataset["text"], args.batch_size, args.n_process
    )
    seconds = time.perf_counter() - start

    # Save.
    runs.save_evaluation(folder, corpus, args.split, label_ids, probabilities, class_names, seconds)
    return folder


if __name__ == "__main__":
    main()
