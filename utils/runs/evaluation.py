"""What a run folder shows of a split: predictions, report, confusion matrix, figures and card."""

import csv
from pathlib import Path
from typing import Any

import numpy as np

from utils.data import (
    Corpus,
    DataOptions,
    load_corpus,
    load_evaluation,
    options_of,
    usable_options,
)
from utils.figures import (
    calibration_figure,
    class_frequencies_figure,
    confusion_matrix_figure,
    curves_figure,
    per_class_figure,
    save_figure,
)
from utils.folders import whole_folder
from utils.metrics import classification_report, confusion_counts
from utils.predictions import write_predictions
from utils.runs.card import model_card
from utils.runs.folder import read_json, read_yaml, write_json


def write_evaluation(
    folder: Path, split: str, ids, labels, probabilities, class_names, *, headline=True
) -> dict:
    """Write one split's predictions and, for the headline split, report, confusion matrix and
    figures.

    Args:
        labels: (n,) int class codes. probabilities: (n, n_classes).

    Returns:
        The split's metrics under `<split>_<metric>` keys.
    """
    names = np.array(class_names, dtype=object)
    write_predictions(
        folder / f"predictions_{split}.parquet",
        ids,
        probabilities,
        class_names,
        list(names[labels]),
    )
    report = classification_report(labels, probabilities, class_names)
    if headline:
        counts = confusion_counts(labels, probabilities.argmax(1), len(class_names))
        write_json(folder / "classification_report.json", {"split": split} | report)
        write_confusion(folder / "confusion_matrix.csv", counts, class_names)
        figures = folder / "figures"
        figures.mkdir(exist_ok=True)
        save_figure(confusion_matrix_figure(counts, class_names), figures / "confusion_matrix.png")
        save_figure(per_class_figure(report["per_class"]), figures / "per_class.png")
        save_figure(calibration_figure(labels, probabilities), figures / "calibration.png")
    return {f"{split}_{name}": value for name, value in report["metrics"].items()} | {
        f"{split}_rows": report["rows"]
    }


def write_evaluations(
    folder: Path,
    corpus: Corpus,
    label_ids: dict[str, np.ndarray],
    probabilities: dict[str, np.ndarray],
) -> dict:
    """`write_evaluation` of each split that a training evaluates; returns all their metrics.

    Args:
        label_ids: split -> (n,) int. probabilities: split -> (n, n_classes).
    """
    results: dict[str, Any] = {}
    for split, values in probabilities.items():
        ids = corpus.splits[split]["id"]
        results |= write_evaluation(
            folder,
            split,
            ids,
            label_ids[split],
            values,
            corpus.info["labels"],
            headline=split == "test",
        )
    return results


def save_evaluation(
    folder: Path,
    corpus: Corpus,
    split: str,
    label_ids: np.ndarray,
    probabilities: np.ndarray,
    class_names: list[str],
    seconds: float,
):
    """Write what eval.py found of a split into a folder of its own, and print its scores.

    Args:
        label_ids: (n,) int. probabilities: (n, n_classes). seconds: what predicting took.
    """
    with whole_folder(folder) as partial:
        ids = corpus.splits[split]["id"]
        results = write_evaluation(partial, split, ids, label_ids, probabilities, class_names)
        results[f"{split}_ms_per_document"] = 1000 * seconds / len(label_ids)
        results["dataset_hash"] = corpus.info["hash"]
        write_json(partial / "all_results.json", results)
    print(headline(folder, results, split))


def headline(folder: Path, results: dict, split: str) -> str:
    """The line that a training or an evaluation ends with."""
    keys = [f"{split}_{metric}" for metric in ("macro_f1", "accuracy", "balanced_accuracy")]
    return f"{folder}: " + ", ".join(f"{key} {results[key]:.4f}" for key in keys)


def write_confusion(path: Path, counts: np.ndarray, class_names: list[str]):
    """Rows are the truth, columns the prediction."""
    with open(path, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["label", *class_names])
        writer.writerows(
            [name, *row] for name, row in zip(class_names, counts.tolist(), strict=True)
        )


def write_training_figures(
    folder: Path,
    log_history: list[dict],
    class_counts: dict,
    best_metric: str,
    greater: bool,
    unit: str = "epoch",
):
    """Curves per epoch (or another unit of the history) and class frequencies."""
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    curves = curves_figure(
        log_history, best_metric=f"eval_{best_metric}", greater_is_better=greater, unit=unit
    )
    save_figure(curves, figures / "curves.png")
    save_figure(class_frequencies_figure(class_counts), figures / "class_frequencies.png")


def write_results(folder: Path, results: dict, class_names: list[str], **card):
    """labels.json, all_results.json and the model card; `card`: what `model_card` is told of the
    room.
    """
    config = read_yaml(folder / "config.yaml")
    write_json(folder / "labels.json", class_names)
    write_json(folder / "all_results.json", results)
    report = read_json(folder / "classification_report.json")
    (folder / "README.md").write_text(model_card(config, results, report, **card), encoding="utf-8")


def read_as_trained(args, explicit_args: dict, config: dict) -> Corpus:
    """The run's own dataset or another one; options of reading that the user did not set are the
    run's.

    Args:
        args: `DataOptions` with `dataset`. config: the run's config.yaml.
    """
    source = args.dataset or config["arguments"]["dataset"]
    inherited = vars(usable_options(source, DataOptions(**config["dataset"]["options"])))
    for option in inherited.keys() - explicit_args.keys():
        setattr(args, option, inherited[option])
    return load_corpus(source, options_of(args))


def read_evaluation(
    args, explicit_args: dict, trained_on: str, options: dict, content: str = "text"
) -> Corpus:
    """What eval.py evaluates, read as the run's own dataset was.

    Options of reading that the user did not set are the run's. What the run sampled or dropped is
    sampled or dropped again only in its own dataset, never in another one.

    Args:
        args: `DataOptions` with `dataset` and `split`. trained_on: the run's dataset. options: how
            it was read.
    """
    source = args.dataset or trained_on
    own = Path(source).resolve() == Path(trained_on).resolve()
    inherited = vars(usable_options(source, DataOptions(**options), content))
    for option in inherited.keys() - explicit_args.keys():
        if own or option not in ("sample_fraction", "drop_duplicates", "drop_leaks"):
            setattr(args, option, inherited[option])
    if own:
        return load_corpus(source, options_of(args), content)
    return load_evaluation(source, options_of(args), args.split, content)
