"""Evaluate a finished run on a split of any dataset with the same classes.

    python beto_text_model/scripts/train/eval.py runs/temas --dataset data/x/data_v2 --split test

Writes predictions, report, confusion matrix and figures to <RUN>/eval/<split>-<hash>/, never over
training's files. Without --dataset: the dataset of the training, read with the same options.
"""

import time
from pathlib import Path

from beto_text_model.inference import PACKAGE, load_predictor
from utils import runs
from utils.cli import parse, start_logging
from utils.data import label_ids_for
from utils.errors import exits_on_input_error
from utils.runs.arguments import DeviceArguments, EvalArguments
from utils.training.inference import inference_device


@exits_on_input_error
def main(argv=None) -> Path:
    """Evaluate; returns the folder that was written."""
    # Arguments.
    flags = [EvalArguments, DeviceArguments]
    args, device_args, words = parse(flags, argv, doc=__doc__, positional=["run"])
    start_logging()
    run = Path(words["run"])
    config, class_names = runs.read_config(run, PACKAGE), runs.read_labels(run)

    # Splits: read as the run's own; a source without splits is evaluated whole.
    trained_on, options = config["arguments"]["dataset"], config["dataset"]["options"]
    corpus = runs.read_evaluation(args, words["explicit_args"], trained_on, options)
    dataset = corpus.splits[args.split]
    label_ids = label_ids_for(class_names, dataset, args.split)
    folder = runs.claim_evaluation(run, args.split, corpus.info["hash"], args.overwrite)

    # Model.
    device = inference_device(device_args.use_cpu)
    predictor = load_predictor(run, device, device_args.precision)

    # Evaluate.
    start = time.perf_counter()
    probabilities = predictor.predict_probabilities(dataset["text"], args.batch_size)
    seconds = time.perf_counter() - start

    # Save.
    runs.save_evaluation(folder, corpus, args.split, label_ids, probabilities, class_names, seconds)
    return folder


if __name__ == "__main__":
    main()
