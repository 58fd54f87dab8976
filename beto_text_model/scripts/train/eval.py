"""Evaluate a finished run on a split of any dataset with the same classes.

    python beto_text_model/scripts/train/eval.py runs/temas --dataset data/x/data_v2 --split test

Writes predictions, report, confusion matrix and figures to <RUN>/eval/<split>-<hash>/, never over
training's files. Without --dataset: the dataset of the training, read with the same options.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

from transformers import AutoTokenizer

from beto_text_model.inference import predict_probabilities, tokenise_texts, truncation_of
from utils import runs
from utils.cli import parse, start_logging
from utils.data import DataOptions, codes_for
from utils.data.corpus import SPLITS
from utils.errors import InputError, exits_on_input_error
from utils.folders import whole_folder
from utils.training.inference import inference_device, load_classifier


@dataclass
class EvalArguments(DataOptions):
    """What to evaluate on; reading options default to those of the training."""

    dataset: str | None = field(
        default=None, metadata={"help": "prepared folder or raw source; default: the run's"}
    )
    split: str = field(default="test", metadata={"help": "train, validation or test"})
    batch_size: int = field(default=32, metadata={"help": "texts per batch"})
    precision: str = field(
        default="auto", metadata={"help": "fp32, bf16 or auto (bf16 for wide encoders)"}
    )
    use_cpu: bool = field(default=False, metadata={"help": "stay on the CPU"})
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
    config = runs.read_config(run, "beto_text_model")
    runs.check_files(run, "config.json", "model*.safetensors", "tokenizer_config.json")
    if args.split not in SPLITS:
        raise InputError(f"--split {args.split!r}: choose one of {', '.join(SPLITS)}")

    # Splits: read as the run's own; a source without splits is evaluated whole.
    trained_on, options = config["arguments"]["dataset"], config["dataset"]["options"]
    corpus = runs.read_evaluation(args, words["explicit_args"], trained_on, options)
    dataset = corpus.splits[args.split]
    names = runs.read_labels(run)
    labels = codes_for(names, dataset, args.split)
    folder = run / "eval" / f"{args.split}-{corpus.info['hash'][:8]}"
    runs.claim_evaluation(folder, args.overwrite)

    # Model.
    tokenizer = AutoTokenizer.from_pretrained(run)
    model = load_classifier(run, inference_device(args.use_cpu), args.precision)

    # Evaluate.
    input_ids = tokenise_texts(tokenizer, dataset["text"], *truncation_of(config))
    start = time.perf_counter()
    probabilities = predict_probabilities(model, tokenizer, input_ids, args.batch_size)
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
