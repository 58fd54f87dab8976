"""One of the ways that benchmarks/workflow_metrics.py compares, in a process of its own.

    python -m benchmarks.workflow_contenders WAY FOLDER SAMPLES LOOP_SAMPLES SEED

Leaves WAY.json in the folder: the seconds of the work, the peak of memory before it, and scores
where it has some. A way imports, outside the clock, what its user would.
"""

import json
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from zlib import crc32

import numpy as np

from benchmarks.common import peak_memory_mb

SCORES = ("accuracy", "macro_f1", "log_loss")


@dataclass
class Job:
    """What a way works on."""

    task: str  # the way's name before the dash
    folder: Path
    samples: int
    loop_samples: int
    seed: int

    def codes(self) -> tuple[np.ndarray, np.ndarray]:
        """True and predicted classes (n,)."""
        return np.load(self.folder / "labels.npy"), np.load(self.folder / "predictions.npy")


def main(words=None):
    way, folder, *numbers = sys.argv[1:] if words is None else words
    job = Job(way.split("-")[0], Path(folder), *map(int, numbers))
    (job.folder / f"{way}.json").write_text(json.dumps(WAYS[way](job)), encoding="utf-8")


def timed(work, *arguments, times: int = 1):
    """({seconds: best of `times`, before_mb: peak of memory until then}, result) of a call."""
    before = peak_memory_mb()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        result = work(*arguments)
        seconds.append(time.perf_counter() - start)
    return {"seconds": min(seconds), "before_mb": before}, result


# Bootstraps.


def bootstrap_suite(job: Job) -> dict:
    found, _ = timed(bootstraps()[job.task], *job.codes(), job.samples, job.seed)
    return found


def bootstraps() -> dict:
    from wf_metrics.intervals import bootstrap_balanced_accuracy, bootstrap_macro_f1

    return {"balanced": bootstrap_balanced_accuracy, "f1": bootstrap_macro_f1}


def bootstrap_stock(job: Job) -> dict:
    labels, predictions = job.codes()
    score = stock_score(job.task, labels)
    rows = by_class(labels)
    loop(score, labels, predictions, rows, 1, job.seed)  # warm up
    found, _ = timed(loop, score, labels, predictions, rows, job.loop_samples, job.seed)
    return found | {
        "seconds": found["seconds"] * job.samples / job.loop_samples,
        "note": f"{job.loop_samples} resamples timed, scaled to {job.samples:,}",
    }


def stock_score(task: str, labels: np.ndarray):
    """What a scikit-learn user calls on (labels, predictions)."""
    from sklearn.metrics import balanced_accuracy_score, f1_score

    macro_f1 = partial(f1_score, average="macro", labels=np.unique(labels), zero_division=0)
    return {"balanced": balanced_accuracy_score, "f1": macro_f1}[task]


def by_class(labels: np.ndarray):
    """Rows in the order of their class, where each one's class begins, and how long it is.

    Three (n,) arrays.
    """
    order = np.argsort(labels, kind="stable")
    _, first, sizes = np.unique(labels[order], return_index=True, return_counts=True)
    return order, np.repeat(first, sizes), np.repeat(sizes, sizes)


def loop(score, labels, predictions, rows, samples: int, seed: int) -> np.ndarray:
    """Scores (samples,) of rows drawn with replacement within each class; rows: see `by_class`."""
    order, start, size = rows
    rng = np.random.default_rng(seed)
    scores = np.empty(samples)
    for sample in range(samples):
        own = order[start + (rng.random(len(order)) * size).astype(np.intp)]
        scores[sample] = score(labels[own], predictions[own])
    return scores


# Confusion matrix.


def confusion_suite(job: Job) -> dict:
    from utils.metrics import confusion_counts

    labels, predictions = job.codes()
    return counted(*timed(confusion_counts, labels, predictions, labels.max() + 1, times=5))


def confusion_stock(job: Job) -> dict:
    from sklearn.metrics import confusion_matrix

    return counted(*timed(confusion_matrix, *job.codes(), times=5))


def counted(found: dict, counts: np.ndarray) -> dict:
    return found | {
        "scores": {"matrix_crc32": crc32(counts.astype(np.int64).tobytes())},
        "note": "best of 5 calls",
    }


# Full reports.


def array_suite(job: Job) -> dict:
    import wf_metrics.intervals  # noqa: F401 (imports are not timed)

    array = np.load(job.folder / "probabilities.npy", mmap_mode="r")
    found, scores = timed(suite_numbers, job, job.codes()[0], array)
    return found | {"scores": scores}


def table_suite(job: Job) -> dict:
    import utils.predictions
    import wf_metrics.intervals  # noqa: F401

    found, scores = timed(table_numbers, job, utils.predictions.read_predictions)
    return found | {"scores": scores}


def table_numbers(job: Job, read_predictions) -> dict:
    """All numbers of a predictions parquet."""
    table = read_predictions(job.folder / "predictions.parquet")
    code = {name: c for c, name in enumerate(table.class_names)}
    return suite_numbers(
        job, np.array([code[label] for label in table.labels]), table.probabilities
    )


def suite_numbers(job: Job, labels: np.ndarray, probabilities: np.ndarray) -> dict:
    """All numbers of a report, both intervals among them; returns the metrics."""
    from utils.metrics import classification_report, top_labels

    report = classification_report(labels, probabilities, range(probabilities.shape[1]))
    predictions, _ = top_labels(probabilities)
    for bootstrap in bootstraps().values():
        bootstrap(labels, predictions, job.samples, job.seed)
    return {key: report["metrics"][key] for key in SCORES}


def array_stock(job: Job) -> dict:
    import sklearn.metrics  # noqa: F401

    array = np.load(job.folder / "probabilities.npy", mmap_mode="r")
    found, scores = timed(stock_numbers, *job.codes(), array)
    return found | {"scores": scores}


def stock_numbers(labels, predictions, probabilities=None) -> dict:
    """What a scikit-learn user computes."""
    from sklearn.metrics import classification_report, confusion_matrix, log_loss

    report = classification_report(labels, predictions, output_dict=True, zero_division=0)
    confusion_matrix(labels, predictions)
    loss = {} if probabilities is None else {"log_loss": float(log_loss(labels, probabilities))}
    return {"accuracy": report["accuracy"], "macro_f1": report["macro avg"]["f1-score"]} | loss


def files_suite(job: Job) -> dict:
    from wf_metrics.notebooks_or_scripts import metrics_calc

    results, truth = files_of(job)
    found, report = timed(
        metrics_calc.main,
        [
            "--results",
            str(results),
            "--ground_truth",
            str(truth),
            "--samples",
            str(job.samples),
            "--seed",
            str(job.seed),
            "--overwrite",
            "--output",
            str(job.folder / f"report-{job.task}"),
        ],
    )
    numbers = json.loads((report / "wf_metrics.json").read_text(encoding="utf-8"))
    return found | {"scores": {key: numbers[key] for key in SCORES if key in numbers}}


def files_of(job: Job) -> tuple[Path, Path]:
    results = "results.csv" if job.task == "csv" else "predictions.parquet"
    return job.folder / results, job.folder / "truth.csv"


def files_stock(job: Job) -> dict:
    import pandas  # noqa: F401
    import sklearn.metrics  # noqa: F401

    found, scores = timed(pandas_numbers, *files_of(job))
    return found | {"scores": scores}


def pandas_numbers(results: Path, truth: Path) -> dict:
    """What a pandas user writes."""
    import pandas as pd

    if results.suffix == ".csv":
        frame = pd.read_csv(results)
        frame["file"] = frame["key"].str.rsplit("/", n=1).str[-1]
    else:
        frame = pd.read_parquet(results)
        frame["file"] = frame["id"] + ".pdf"
    merged = pd.read_csv(truth).merge(frame, on="file")
    probabilities = np.stack(merged["probabilities"]) if "probabilities" in merged else None
    return stock_numbers(merged["typology"], merged["prediction"], probabilities)


# Comparison.


def compare_suite(job: Job) -> dict:
    from wf_metrics import compare

    files = sorted(job.folder.glob("*.parquet"))
    found, _ = timed(
        compare.main,
        [
            *map(str, files),
            "--samples",
            str(job.samples),
            "--seed",
            str(job.seed),
            "--overwrite",
            "--output",
            str(job.folder / "report"),
        ],
    )
    return found


WAYS = {
    "balanced-suite": bootstrap_suite,
    "balanced-stock": bootstrap_stock,
    "f1-suite": bootstrap_suite,
    "f1-stock": bootstrap_stock,
    "confusion-suite": confusion_suite,
    "confusion-stock": confusion_stock,
    "csv-suite": files_suite,
    "csv-stock": files_stock,
    "array-suite": array_suite,
    "array-stock": array_stock,
    "table-suite": table_suite,
    "parquet-suite": files_suite,
    "parquet-stock": files_stock,
    "compare-suite": compare_suite,
}

if __name__ == "__main__":
    main()
