"""Evaluate a finished run on a split of any dataset with the same classes.

    python spacy_text_model/scripts/train/eval.py runs/temas --dataset data/x/data_v2 --split test

Writes predictions, report, confusion matrix and figures to <RUN>/eval/<split>-<hash>/, never over
training's files. Without --dataset: the dataset of the training, read with the same options. RUN
may also be a folder that `spacy train --output RUN` wrote.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

from spacy_text_model.inference import (
    BATCH_SIZE,
    class_probabilities,
    load_pipeline,
    pipeline_folder,
)
from utils import runs
from utils.cli import parse, start_logging
from utils.data import DataOptions, codes_for
from utils.data.corpus import SPLITS
from utils.errors import InputError, exits_on_input_error
from utils.folders import whole_folder


@dataclass
class EvalArguments(DataOptions):
    """What to evaluate on; reading options default to those of the training."""

    dataset: str | None = field(
        default=None, metadata={"help": "prepared folder or raw source; default: the run's"}
    )
    split: str = field(default="test", metadata={"help": "train, validation or test"})
    batch_size: int = field(default=BATCH_SIZE, metadata={"help": "texts per batch"})
    n_process: int = field(
        default=1, metadata={"help": "processes; more than one pays on long texts"}
    )
    overwrite: bool = field(
        default=False, metadata={"help": "replace this evaluation where it is there already"}
    )


@exits_on_input_error
def main(argv=None) -> Path:
    """Evaluate; returns the folder that was written."""
    # Arguments.
    args, words = parse(EvalArguments, argv, doc=__doc__, positional=["run"])
    start_logging()
    run = Path(words["run"])
    if args.split not in SPLITS:
        raise InputError(f"--split {args.split!r}: choose one of {', '.join(SPLITS)}")

    # Model: its config says what it was trained on.
    nlp = load_pipeline(pipeline_folder(run))
    names = list(nlp.get_pipe("textcat").labels)

    # Splits: read as the run's own; a source without splits is evaluated whole.
    trained_on = nlp.config.interpolate()
    own, options = trained_on["paths"].get("dataset"), trained_on.get("dataset", {})
    if args.dataset is None and own is None:
        raise InputError(f"{run}: its config names no dataset; pass --dataset")
    corpus = runs.read_evaluation(args, words["explicit_args"], own or args.dataset, options)
    dataset = corpus.splits[args.split]
    labels = codes_for(names, dataset, args.split)
    folder = run / "eval" / f"{args.split}-{corpus.info['hash'][:8]}"
    runs.claim_evaluation(folder, args.overwrite)

    # Evaluate.
    start = time.perf_counter()
    probabilities = class_probabilities(nlp, dataset["text"], args.batch_size, args.n_process)
    seconds = time.perf_counter() - start

    # Save.
    with whole_folder(folder) as partial:
        results = runs.write_evaluation(
            partial, args.split, dataset["id"], labels, probabilities, names
        )
        results[f"{args.split}_ms_per_document"] = 1000 * seconds / len(labels)
        runs.write_json(
            partial / "all_results.json", results | {"dataset_hash": corpus.info["hash"]}
        )
    shown = [f"{args.split}_{m}" for m in ("macro_f1", "accuracy", "balanced_accuracy")]
    print(f"{folder}: " + ", ".join(f"{k} {results[k]:.4f}" for k in shown))
    return folder


if __name__ == "__main__":
    main()
