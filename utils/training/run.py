"""What becomes of a trained model in every torch package: its evaluation and its run folder."""

import time
from pathlib import Path

import numpy as np

from utils import runs
from utils.data import Corpus
from utils.folders import finish
from utils.training.trackers import close_trackers
from utils.training.trainer import SuiteTrainer, predict_split, raise_if_disk_full


def evaluate_split(trainer: SuiteTrainer, dataset, split: str, results: dict) -> np.ndarray:
    """Class probabilities (n, n_classes) of a split; what they cost goes into `results`."""
    start = time.perf_counter()
    probabilities = predict_split(trainer, dataset)
    seconds = time.perf_counter() - start
    results[f"{split}_ms_per_document"] = 1000 * seconds / len(dataset)
    return probabilities


def save_run(
    output_dir: Path,
    trainer: SuiteTrainer,
    corpus: Corpus,
    probabilities: dict[str, np.ndarray],
    results: dict,
    **card,
):
    """Write everything into the folder that the run works in, then give it its final name; push it
    and close the trackers where asked.

    Args:
        probabilities: split -> (n, n_classes). results: of the training; the evaluation's metrics
            are added.
        card: what `model_card` is told of the package.

    Raises:
        InputError: the disk is full; the last whole checkpoint is still there.
    """
    args = trainer.args
    working = Path(str(args.output_dir))
    is_first = args.process_index == 0
    try:
        # `_internal_call`: without a push, since the folder is not whole yet.
        trainer.save_model(str(working), _internal_call=True)
        if is_first:
            write_files(working, trainer, corpus, probabilities, results, card)
            finish(output_dir)
    except OSError as error:
        raise_if_disk_full(error, working)
        raise
    if args.push_to_hub:
        args.output_dir = str(output_dir)
        trainer.push_to_hub()
    if is_first:
        per_class = runs.read_json(output_dir / "classification_report.json")["per_class"]
        close_trackers(args.report_to, results, per_class, output_dir)
        print(runs.headline(output_dir, results, "test"))


def write_files(
    working: Path,
    trainer: SuiteTrainer,
    corpus: Corpus,
    probabilities: dict[str, np.ndarray],
    results: dict,
    card: dict,
):
    """The run folder's files, but for the model's own."""
    label_ids = {split: np.array(corpus.splits[split]["label"]) for split in probabilities}
    results |= runs.write_evaluations(working, corpus, label_ids, probabilities)
    results["parameters"] = trainer.model.num_parameters()
    results["model_bytes"] = runs.folder_bytes(working, "*.safetensors")
    history = trainer.state.log_history
    best_metric = trainer.args.metric_for_best_model or "loss"
    runs.write_training_figures(
        working,
        history,
        corpus.info["report"]["class_counts"],
        best_metric.removeprefix("eval_"),
        bool(trainer.args.greater_is_better),
    )
    runs.write_json(working / "log_history.json", history)
    runs.write_results(working, results, corpus.info["labels"], **card)
    runs.remove_leftovers(working, trainer.args.keep_checkpoints)
