"""Speed and memory of wf_metrics beside scikit-learn and pandas.

    python benchmarks/workflow_metrics.py
    python benchmarks/workflow_metrics.py --rows 20000 --compare_rows 2000 --stock_rows 5000 \
        --output runs/benchmarks
    python benchmarks/workflow_metrics.py --parts macro_f1 confusion --loop_samples 20

Measured are bootstraps, full reports, confusions and a comparison.

The data are made from a seed and not measured: 632 unbalanced classes, 80 % right, errors spread
over all classes, probabilities peaked and summing to 1. Every way runs in a fresh process on one
core (where the system can pin one) with OMP_NUM_THREADS=1. Seconds start behind the imports, with
files still to be read; the whole process is shown of ways that are a command. scikit-learn's loops
draw a few resamples and are scaled to all of them.
"""

import json
import os
import shutil
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from operator import itemgetter
from pathlib import Path

import numpy as np

from benchmarks.common import hardware, hardware_line, launch, markdown_table, write_results
from benchmarks.workflow_contenders import SCORES, bootstraps, by_class, loop, stock_score
from utils.cli import parse
from utils.errors import InputError, exits_on_input_error
from utils.metrics import row_chunks
from utils.predictions import write_predictions
from utils.samples.titles import class_codes

RIGHT = 0.8
CHUNK_VALUES = 2**22  # probabilities made at once
TOLERANCE = 1e-4  # of scores, between ways that read the same data
ERRORS = 5  # Monte Carlo standard errors within which two bootstraps agree
# part: way: what it is. A suite way and the stock way of the same first word do the same work.
PARTS = {
    "balanced_accuracy": {
        "balanced-suite": "wf_metrics.intervals.bootstrap_balanced_accuracy",
        "balanced-stock": "loop of sklearn balanced_accuracy_score over resampled rows",
    },
    "macro_f1": {
        "f1-suite": "wf_metrics.intervals.bootstrap_macro_f1",
        "f1-stock": "loop of sklearn f1_score over resampled rows",
    },
    "report": {
        "csv-suite": "metrics_calc on csv files, without probabilities",
        "csv-stock": "pandas merge + sklearn report and confusion matrix of them, no intervals",
        "array-suite": "classification_report + both bootstraps of a memory-mapped array",
        "array-stock": "sklearn report, confusion matrix and log_loss of it, no intervals",
        "table-suite": "read_predictions + classification_report + both bootstraps of a parquet",
        "parquet-suite": "metrics_calc on that parquet",
        "parquet-stock": "pandas merge + sklearn report, confusion matrix and log_loss of it, "
        "no intervals",
    },
    "confusion": {
        "confusion-suite": "utils.metrics.confusion_counts",
        "confusion-stock": "sklearn confusion_matrix",
    },
    "compare": {"compare-suite": "wf_metrics.compare of several parquets"},
}
BOOTSTRAPS = {"balanced": "balanced_accuracy", "f1": "macro_f1"}
COMMANDS = ("csv-suite", "parquet-suite", "compare-suite")
GOALS = [
    ("balanced-stock", "ratio", 1000),
    ("f1-stock", "ratio", 100),
    ("compare-suite", "seconds", 20),
]
GOALS += [
    (way, "seconds", 5) for way in ("csv-suite", "array-suite", "table-suite", "parquet-suite")
]
GOALS += [(way, "whole_seconds", 5) for way in ("csv-suite", "parquet-suite")]
GOALS += [("compare-suite", "whole_seconds", 20), ("csv-suite", "peak_mb", 1000)]
GOALS += [(way, "peak_mb", 4000) for way in ("array-suite", "table-suite", "parquet-suite")]
COLUMNS = {
    "what": "way",
    "rows": "rows",
    "seconds": "seconds",
    "whole_seconds": "whole process, s",
    "ratio": "suite is × faster",
    "peak_mb": "peak MB",
    "private_mb": "of it private",
    "before_mb": "peak MB before the work",
    "note": "note",
}
GOAL_COLUMNS = {"what": "goal of", "bound": "goal", "measured": "measured", "verdict": "verdict"}
AGREEMENT = {
    "what": "bootstrap against loop",
    "rows": "rows",
    "classes": "classes",
    "samples": "samples each",
    "means": "means",
    "sds": "standard deviations",
    "errors": "apart, in standard errors",
}


@dataclass
class WorkflowArguments:
    """How much data, and which parts."""

    rows: int = field(default=1_000_000, metadata={"help": "documents"})
    classes: int = field(default=632, metadata={"help": "classes (fewer where rows are few)"})
    stock_rows: int = field(
        default=200_000, metadata={"help": "at most so many for stock ways with probabilities"}
    )
    samples: int = field(default=1000, metadata={"help": "bootstrap samples"})
    loop_samples: int = field(default=10, metadata={"help": "resamples that the loops really draw"})
    agree_rows: int = field(
        default=5000, metadata={"help": "documents on which bootstraps and loops are compared"}
    )
    compare_rows: int = field(default=100_000, metadata={"help": "documents of the comparison"})
    compare_files: int = field(default=5, metadata={"help": "prediction files of the comparison"})
    parts: list[str] = field(
        default_factory=lambda: list(PARTS), metadata={"help": ", ".join(PARTS)}
    )
    repeats: int = field(default=1, metadata={"help": "best of"})
    seed: int = field(default=0, metadata={"help": "seed of data and bootstraps"})
    output: str = field(
        default="benchmarks/results", metadata={"help": "folder for workflow_metrics.json and .md"}
    )


@exits_on_input_error
def main(argv=None):
    args, _ = parse(WorkflowArguments, argv, doc=__doc__)
    check(args)
    agreement = [agree(task, args) for task, part in BOOTSTRAPS.items() if part in args.parts]
    with tempfile.TemporaryDirectory() as folder:
        make_data(args, Path(folder))
        rows = [measure(way, args, Path(folder)) for part in args.parts for way in PARTS[part]]
    rows = with_ratios(rows)
    check_scores(rows)
    goals = [
        verdict(row, key, goal) for way, key, goal in GOALS for row in rows if row["way"] == way
    ]
    one_core = 1 if hasattr(os, "sched_setaffinity") else None
    results = {
        "hardware": hardware(cores_used=one_core),
        "arguments": asdict(args),
        "rows": rows,
        "goals": goals,
        "agreement": agreement,
    }
    report = markdown_report(results)
    print(report)
    return write_results(args.output, "workflow_metrics", results, report)


def check(args):
    """Refuse sizes that cannot be measured, and a disk that is too small."""
    if set(args.parts) - set(PARTS):
        raise InputError(f"--parts {' '.join(args.parts)}: choose among {', '.join(PARTS)}")
    fewest = min(args.rows, args.stock_rows, args.agree_rows, args.compare_rows)
    if fewest < 400 or args.samples < 100:
        raise InputError(
            "give at least 400 of --rows, --stock_rows, --agree_rows, --compare_rows, and 100 "
            "--samples"
        )
    if min(args.loop_samples, args.repeats, args.classes - 1, args.compare_files - 1) < 1:
        raise InputError(
            "give at least 1 of --loop_samples, --repeats, and 2 of --classes, --compare_files"
        )
    # Bytes: float32 probabilities twice, as array and as parquet, and a little for the rest.
    rows = args.rows + args.stock_rows + args.compare_files * args.compare_rows
    needed = 8.5 * args.classes * rows
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < needed:
        raise InputError(
            f"{tempfile.gettempdir()}: {free / 1e9:.1f} GB free, {needed / 1e9:.1f} needed; let "
            "TMPDIR name another folder, or give fewer --rows"
        )


# The data.


def make_data(args, folder: Path):
    """Write what the parts read into subfolders: full, stock (fewer rows) and compare."""
    print("making the data …", file=sys.stderr, flush=True)
    sizes = {"full": args.rows, "stock": args.stock_rows, "compare": args.compare_rows}
    for name, rows in sizes.items():
        (folder / name).mkdir()
        rng = np.random.default_rng(args.seed)
        labels = class_codes(rng, rows, min(args.classes, rows // 40))
        predictions = predicted(rng, labels)
        np.save(folder / name / "labels.npy", labels)
        np.save(folder / name / "predictions.npy", predictions)
        if name == "compare" and "compare" in args.parts:
            for number in range(args.compare_files):
                write_table(
                    folder / name / f"modelo_{number}.parquet", rng, labels, predicted(rng, labels)
                )
        elif name != "compare" and "report" in args.parts:
            confidence = write_table(
                folder / name / "predictions.parquet", rng, labels, predictions
            )
            write_csvs(folder / name, rng, labels, predictions, confidence)


def predicted(rng, labels: np.ndarray) -> np.ndarray:
    """Predicted classes (n,): most of them right, the others any wrong class."""
    other = (labels + rng.integers(1, labels.max() + 1, len(labels))) % (labels.max() + 1)
    return np.where(rng.random(len(labels)) < RIGHT, labels, other)


def write_table(path: Path, rng, labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Write probabilities.npy, and from it the table of predictions; returns confidences (n,)."""
    shape = len(labels), int(labels.max()) + 1
    array = np.lib.format.open_memmap(path.with_name("probabilities.npy"), "w+", np.float32, shape)
    power = np.where(labels == predictions, 4, 1)  # right ones are surer
    confidence = (1 - rng.random(len(labels)) ** power / 2).astype(np.float32)
    for rows in row_chunks(*shape, CHUNK_VALUES):
        line = np.arange(rows.stop - rows.start)
        chunk = rng.standard_exponential((len(line), shape[1]), np.float32)
        chunk[line, labels[rows]] += shape[1] / 4  # where wrong, the truth is often the second
        chunk[line, predictions[rows]] = 0
        chunk *= ((1 - confidence[rows]) / chunk.sum(axis=1))[:, None]
        chunk[line, predictions[rows]] = confidence[rows]
        array[rows] = chunk
    ids = [f"documento_{i:07}" for i in range(len(labels))]
    names = names_of(labels)
    write_predictions(path, ids, array, names, [names[code] for code in labels.tolist()])
    return confidence


def write_csvs(folder: Path, rng, labels, predictions, confidence):
    """Write results.csv as a workflow exports it, and truth.csv in another order."""
    names = names_of(labels)
    start = np.datetime64("2026-01-01T00:00:00")
    with open(folder / "results.csv", "w", encoding="utf-8") as stream:
        stream.write("key,prediction,confidence,timestamp\n")
        stream.writelines(
            f"s3://bandeja/entrada/{i % 997:03}/documento_{i:07}.pdf,{names[predictions[i]]},"
            f"{confidence[i]:.4f},{start + 5 * done}Z\n"
            for done, i in enumerate(rng.permutation(len(labels)).tolist())
        )
    with open(folder / "truth.csv", "w", encoding="utf-8") as stream:
        stream.write("file,typology\n")
        stream.writelines(
            f"documento_{i:07}.pdf,{names[code]}\n" for i, code in enumerate(labels.tolist())
        )


def names_of(labels: np.ndarray) -> list[str]:
    return [f"TIPOLOGIA_{code:04}" for code in range(int(labels.max()) + 1)]


# Measuring.


def measure(way: str, args, folder: Path) -> dict:
    """Seconds and peak memory of one way in a fresh process on one core, the best of repeats."""
    task, who = way.split("-")
    data = "full"
    if task == "compare":
        data = "compare"
    elif who == "stock" and task in ("array", "parquet") and args.stock_rows < args.rows:
        data = "stock"  # with all rows scikit-learn would take hours, or all of the memory
    runs = []
    for _ in range(args.repeats):
        print(f"{way} …", file=sys.stderr, flush=True)
        run = launch(
            [
                sys.executable,
                "-m",
                "benchmarks.workflow_contenders",
                way,
                folder / data,
                args.samples,
                args.loop_samples,
                args.seed,
            ],
            one_core=True,
        )
        run["whole_seconds"] = run["seconds"] if way in COMMANDS else None
        runs.append(run | json.loads((folder / data / f"{way}.json").read_text(encoding="utf-8")))
    what = next(ways[way] for ways in PARTS.values() if way in ways)
    rows = {"full": args.rows, "stock": args.stock_rows, "compare": args.compare_rows}[data]
    return {
        "way": way,
        "task": task,
        "what": what,
        "data": data,
        "rows": rows,
        **min(runs, key=itemgetter("seconds")),
    }


def with_ratios(rows: list[dict]) -> list[dict]:
    """The rows with `ratio`: seconds a row over those of the suite way that does the same work."""
    suite = {
        row["task"]: row["seconds"] / row["rows"] for row in rows if row["way"].endswith("suite")
    }
    return [row | {"ratio": row["seconds"] / row["rows"] / suite[row["task"]]} for row in rows]


def check_scores(rows: list[dict]):
    """Raise InputError where two ways of the same data found different scores: other work."""
    for key in (*SCORES, "matrix_crc32"):
        for data in ("full", "stock"):
            found = {
                row["way"]: row["scores"][key]
                for row in rows
                if row["data"] == data and key in row.get("scores", {})
            }
            if found and max(found.values()) - min(found.values()) > TOLERANCE:
                raise InputError(f"{key} differs, so this is not the same work: {found}")


def agree(task: str, args) -> dict:
    """Mean and standard deviation of a bootstrap and of the loop, and how far they are apart.

    Raises:
        InputError: further than chance allows.
    """
    rng = np.random.default_rng(args.seed)
    labels = class_codes(rng, args.agree_rows, min(args.classes, args.agree_rows // 40))
    predictions = predicted(rng, labels)
    ours = bootstraps()[task](labels, predictions, args.samples, args.seed)
    theirs = loop(
        stock_score(task, labels),
        labels,
        predictions,
        by_class(labels),
        args.samples,
        args.seed + 1,
    )
    means = ours.mean(), theirs.mean()
    sds = ours.std(ddof=1), theirs.std(ddof=1)
    apart = [
        float(abs(means[0] - means[1]) / np.hypot(*sds) * args.samples**0.5),
        float(abs(np.log(sds[0] / sds[1])) * args.samples**0.5),
    ]
    if max(apart) > ERRORS:
        raise InputError(
            f"{task}: means {means}, sds {sds} are {apart} standard errors apart: not one "
            "distribution"
        )
    return {
        "what": task,
        "rows": args.agree_rows,
        "classes": int(labels.max()) + 1,
        "samples": args.samples,
        "means": " and ".join(f"{value:.5f}" for value in means),
        "sds": " and ".join(f"{value:.6f}" for value in sds),
        "errors": "{:.1f} and {:.1f}".format(*apart),
        "mean": means,
        "sd": sds,
        "apart": apart,
    }


def verdict(row: dict, key: str, goal: float) -> dict:
    """Whether a goal is met."""
    met = row[key] >= goal if key == "ratio" else row[key] <= goal
    return {
        "way": row["way"],
        "key": key,
        "what": f"{row['what']}, {row['rows']:,} rows: {COLUMNS[key]}",
        "bound": ("at least " if key == "ratio" else "at most ") + f"{goal:,}",
        "goal": goal,
        "measured": float(row[key]),
        "verdict": "met" if met else "missed",
    }


def markdown_report(results: dict) -> str:
    """The Markdown tables."""
    args = results["arguments"]
    pinned = results["hardware"]["cores_used"]
    parts = [
        f"# Metrics of {args['rows']:,} documents, {min(args['classes'], args['rows'] // 40)} "
        f"classes, {args['samples']:,} bootstrap samples\n",
        f"{hardware_line(results['hardware'])}. Command: `python benchmarks/workflow_metrics.py`; "
        f"best of {args['repeats']}. Every way has {'one core' if pinned else 'all cores'} and "
        "OMP_NUM_THREADS=1.\n",
        markdown_table(results["rows"], COLUMNS),
        markdown_table(results["goals"], GOAL_COLUMNS),
    ]
    if results["agreement"]:
        parts += [
            "Both draw the same distribution:\n",
            markdown_table(results["agreement"], AGREEMENT),
        ]
    return "\n".join(parts)


if __name__ == "__main__":
    main()
