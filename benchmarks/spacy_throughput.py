"""Speed of the suite's spaCy pipelines beside spaCy's default config, `nlp(text)`, `nlp.pipe` and
scikit-learn's linear model.

    python benchmarks/spacy_throughput.py
    python benchmarks/spacy_throughput.py --classes 12 --rows 2000 --variants bow --parts train \
        --output runs/b

Titles are made from a seed (`utils.samples.titles`): 3 to 9 words, unbalanced classes. Every way
runs in a fresh process on one core, on the same splits, for the same epochs; all models are scored
on the same test titles. Training seconds are those of spaCy's loop, reading included, with one
evaluation after the first step.
"""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tqdm import tqdm

from benchmarks.common import hardware, hardware_line, markdown_table, write_results
from benchmarks.prepare_titles import write_unsplit
from spacy_text_model.arguments import CONFIG, PACKAGE
from utils import prepare_dataset
from utils.cli import parse
from utils.errors import InputError, exits_on_input_error

TRAIN = {
    "what": "way",
    "rows_per_second": "train rows/s",
    "words_per_second": "words/s",
    "ratio": "× stock",
    "seconds": "seconds",
    "test_accuracy": "test accuracy",
    "peak_mb": "peak MB",
}
PREDICT = {
    "what": "way",
    "rows_per_second": "rows/s",
    "words_per_second": "words/s",
    "ratio": "× nlp.pipe",
    "peak_mb": "peak MB",
}
COLUMNS = {"Training": TRAIN, "Prediction": PREDICT, "Sweep": TRAIN | {"ratio": "× first"}}
MANY = 100  # classes; from there on 65,536 rows of weights a class take minutes an epoch
FEW_CLASSES_VARIANTS = ("default", "bow", "ensemble", "reduce", "attention")
MANY_CLASSES_VARIANTS = ("many_classes", "attention")
BATCHES = (32, 128, 512)
LENGTHS = (4096, 16384, 65536)
PREDICT_BATCHES = (32, 256, 1024)
PROCESSES = 2
# Stands between this process and a way: pins it to one core where the system can, so that all ways
# have the same, then runs the module as `python -m` would.
PINNED = """
import os, runpy, sys
if len(sys.argv) > 2 and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
runpy.run_module("benchmarks.spacy_contenders", run_name="__main__", alter_sys=True)
"""


@dataclass
class ThroughputArguments:
    """How much data, and which ways."""

    classes: list[int] = field(
        default_factory=lambda: [12, 45, 632], metadata={"help": "numbers of classes"}
    )
    rows: int = field(
        default=8_000, metadata={"help": "titles, of which 80 % train; never fewer than 40 a class"}
    )
    epochs: int = field(default=1, metadata={"help": "epochs of every training"})
    predict_rows: int = field(default=5_000, metadata={"help": "titles predicted"})
    variants: list[str] = field(
        default_factory=list,
        metadata={"help": "default, or names in spacy_text_model/configs; by number of classes"},
    )
    parts: list[str] = field(
        default_factory=lambda: ["train", "predict", "sweep"],
        metadata={"help": "train, predict (needs train), sweep"},
    )
    output: str = field(
        default="benchmarks/results", metadata={"help": "folder for spacy_throughput.json and .md"}
    )


@exits_on_input_error
def main(argv=None):
    args, _ = parse(ThroughputArguments, argv, doc=__doc__)
    for name in args.variants:
        if not path_of(name).exists():
            raise InputError(f"--variants: no such config {path_of(name)}")
    if set(args.parts) - {"train", "predict", "sweep"}:
        raise InputError(f"--parts {' '.join(args.parts)}: choose among train, predict, sweep")
    if min(args.epochs, args.predict_rows) < 1 or min(args.classes) < 2 or args.rows < 40:
        raise InputError("give at least 40 --rows, 1 --epochs, 1 --predict_rows and 2 --classes")
    tables: dict[str, list[dict]] = {}
    results = {"hardware": hardware(cores_used=1), "arguments": asdict(args), "tables": tables}
    with tempfile.TemporaryDirectory() as folder:
        for classes in args.classes:
            usual = MANY_CLASSES_VARIANTS if classes >= MANY else FEW_CLASSES_VARIANTS
            configs = {name: path_of(name) for name in args.variants or usual}
            tables |= measure(classes, configs, args, Path(folder) / str(classes))
            # Written again and again: a kill keeps the tables that are done.
            report = markdown_report(results)
            path = write_results(args.output, "spacy_throughput", results, report)
    print(path.read_text(encoding="utf-8"))
    return path


def path_of(name: str) -> Path:
    return CONFIG if name == "default" else PACKAGE / "configs" / f"{name}.cfg"


def measure(classes: int, configs: dict, args, folder: Path) -> dict:
    """The tables of one number of classes: {title: rows}."""
    folder.mkdir()
    dataset = make_data(classes, max(args.rows, 40 * classes), folder)
    tables: dict[str, list[dict]] = {}
    work = {
        "way": "train",
        "dataset": str(dataset),
        "epochs": args.epochs,
        "spacy_files": str(folder / "spacy"),
        "overrides": {},
    }
    if "train" in args.parts:
        rows = [way("spacy init config", work | {"config": "stock", "save": str(folder / "stock")})]
        for name, path in configs.items():
            rows.append(way(name, work | {"config": str(path), "save": str(folder / name)}))
        fit = {"way": "fit", "dataset": str(dataset)}
        floor = way("scikit-learn TF-IDF + SGDClassifier(log_loss)", fit)
        tables[f"Training, {classes} classes"] = with_ratio([*rows, floor], rows[0])
    if {"train", "predict"} <= set(args.parts):
        name = next(iter(configs))
        title = f"Prediction, {classes} classes, {name}"
        tables[title] = predictions(folder / name, floor, args, dataset)
    if "sweep" in args.parts:
        tables |= sweeps(classes, configs, work)
    return tables


def make_data(classes: int, rows: int, folder: Path) -> Path:
    """Write titles and cut them, and write spaCy's own files of the same splits; returns the
    prepared folder.
    """
    write_unsplit(folder / "titles.jsonl.gz", rows, classes, seed=0)
    dataset = folder / "data"
    prepare_dataset.main([str(folder / "titles.jsonl.gz"), "--output", str(dataset)])
    preprocess = [sys.executable, PACKAGE / "scripts" / "train" / "preprocess.py"]
    preprocess += ["--dataset", dataset, "--output", folder / "spacy"]
    subprocess.run(preprocess, check=True, stdout=subprocess.DEVNULL)
    return dataset


def way(what: str, work: dict) -> dict:
    """Run one way in a process of its own, on one core where the system can pin one.

    Args:
        what: its name in the tables.
        work: what spacy_contenders.py takes.
    """
    tqdm.write(f"{what} …", file=sys.stderr)
    command = [sys.executable, "-c", PINNED, json.dumps(work)]
    if work.get("n_process", 1) == 1:
        command.append("one_core")
    one_thread = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=one_thread)
    if done.returncode:
        raise InputError(f"{what} failed: {done.stderr[-600:]}")
    return {"what": what} | json.loads(done.stdout.splitlines()[-1])


def predictions(pipeline: Path, floor: dict, args, dataset: Path) -> list[dict]:
    """The ways of predicting with one pipeline.

    Args:
        floor: scikit-learn's row, which holds its speed of prediction too.

    Raises:
        InputError: they name different classes.
    """
    work = {"way": "predict", "dataset": str(dataset), "pipeline": str(pipeline)}
    work["rows"] = args.predict_rows
    rows = [
        way("nlp.pipe", work | {"how": "pipe"}),
        way("nlp(text)", work | {"how": "call"}),
        way("predict_probabilities", work | {"how": "suite"}),
    ]
    rows += [
        way(
            f"predict_probabilities, batch_size {size}", work | {"how": "suite", "batch_size": size}
        )
        for size in PREDICT_BATCHES
    ]
    rows += [
        way(f"nlp.pipe, n_process {n}", work | {"how": "pipe", "n_process": n})
        for n in PROCESSES[1:]
    ]
    if len({row["checksum"] for row in rows}) > 1:
        raise InputError(f"{pipeline}: the ways of predicting name different classes")
    sklearn = {
        "what": "scikit-learn predict_proba",
        "rows_per_second": floor["predict_rows_per_second"],
    }
    return with_ratio([*rows, sklearn], rows[0])


def sweeps(classes: int, configs: dict, work: dict) -> dict:
    """Batch size and hash-table length of the first config."""
    name, path = next(iter(configs.items()))
    work = work | {"config": str(path)}
    batches = []
    for n in BATCHES:
        batches.append(way(f"batch of {n}", work | {"overrides": {"training.batcher.size": n}}))
    lengths = []
    for n in LENGTHS:
        override = {"components.textcat.model.length": n}
        lengths.append(way(f"length {n}", work | {"overrides": override}))
    of_what = f"{classes} classes, {name}"
    return {
        f"Sweep of the batch size, {of_what}": with_ratio(batches, batches[0]),
        f"Sweep of the hash table's length, {of_what}": with_ratio(lengths, lengths[0]),
    }


def with_ratio(rows: list[dict], base: dict) -> list[dict]:
    """The rows with their speed as a multiple of the base's."""
    return [row | {"ratio": row["rows_per_second"] / base["rows_per_second"]} for row in rows]


def markdown_report(results: dict) -> str:
    """The tables as Markdown."""
    parts = [
        "# Throughput of the spaCy pipelines\n",
        hardware_line(results["hardware"]) + ".\n",
        f"{results['arguments']['rows']:,} titles (at least 40 a class), "
        f"{results['arguments']['epochs']} epoch(s).\n",
    ]
    for title, rows in results["tables"].items():
        columns = COLUMNS[title.split()[0].rstrip(",")]
        parts += [f"## {title}\n", markdown_table(rows, columns)]
    return "\n".join(parts)


if __name__ == "__main__":
    main()
