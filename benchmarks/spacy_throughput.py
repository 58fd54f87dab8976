"""Speed of the spaCy room beside spaCy's own default config, `nlp(text)`, `nlp.pipe` and
scikit-learn's linear model.

    python benchmarks/spacy_throughput.py
    python benchmarks/spacy_throughput.py --classes 12 --rows 2000 --variants bow --parts train --output runs/b

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
SWEEP = TRAIN | {"ratio": "× first"}
FEW_CLASSES, MANY_CLASSES = (
    "default bow ensemble reduce attention".split(),
    "many_classes attention".split(),
)
MANY = 100  # classes; from there on 65,536 rows of weights a class take minutes an epoch
BATCHES, LENGTHS, PREDICT_BATCHES, PROCESSES = (
    (32, 128, 512),
    (4096, 16384, 65536),
    (32, 256, 1024),
    (1, 2),
)


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
    if missing := [str(path_of(name)) for name in args.variants if not path_of(name).exists()]:
        raise InputError(f"--variants: no such config {missing[0]}")
    if set(args.parts) - {"train", "predict", "sweep"}:
        raise InputError(f"--parts {' '.join(args.parts)}: choose among train, predict, sweep")
    if min(args.epochs, args.predict_rows) < 1 or min(args.classes) < 2 or args.rows < 40:
        raise InputError("give at least 40 --rows, 1 --epochs, 1 --predict_rows and 2 --classes")
    results = {"hardware": hardware(cores_used=1), "arguments": asdict(args), "tables": {}}
    with tempfile.TemporaryDirectory() as folder:
        for classes in args.classes:
            names = args.variants or (MANY_CLASSES if classes >= MANY else FEW_CLASSES)
            configs = {name: path_of(name) for name in names}
            results["tables"] |= measure(classes, configs, args, Path(folder) / str(classes))
            path = write_results(
                args.output, "spacy_throughput", results, markdown_report(results)
            )  # a kill keeps these
    print(path.read_text(encoding="utf-8"))
    return path


def path_of(name: str) -> Path:
    return CONFIG if name == "default" else PACKAGE / "configs" / f"{name}.cfg"


def measure(classes: int, configs: dict, args, folder: Path) -> dict:
    """The tables of one number of classes: {title: rows}."""
    folder.mkdir()
    data, tables = make_data(classes, max(args.rows, 40 * classes), folder), {}
    work = {
        "way": "train",
        "epochs": args.epochs,
        "spacy_files": str(folder / "spacy"),
        "overrides": {},
    } | data
    if "train" in args.parts:
        rows = [way("spacy init config", work | {"config": "stock", "save": str(folder / "stock")})]
        rows += [
            way(name, work | {"config": str(path), "save": str(folder / name)})
            for name, path in configs.items()
        ]
        floor = way(
            "scikit-learn TF-IDF + SGDClassifier(log_loss)", {"way": "fit", "save": ""} | data
        )
        tables[f"Training, {classes} classes"] = with_ratio([*rows, floor], rows[0])
    if {"train", "predict"} <= set(args.parts):
        for name in [*configs][:1]:
            tables[f"Prediction, {classes} classes, {name}"] = predictions(
                folder / name, floor, args, data
            )
    if "sweep" in args.parts:
        tables |= sweeps(classes, configs, work)
    return tables


def make_data(classes: int, rows: int, folder: Path) -> dict:
    """Write titles, cut them, and write spaCy's own files of the same splits."""
    write_unsplit(folder / "titles.jsonl.gz", rows, classes, seed=0)
    prepare_dataset.main([str(folder / "titles.jsonl.gz"), "--output", str(folder / "data")])
    preprocess = PACKAGE / "scripts" / "train" / "preprocess.py"
    subprocess.run(
        [
            sys.executable,
            str(preprocess),
            "--dataset",
            str(folder / "data"),
            "--output",
            str(folder / "spacy"),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return {"dataset": str(folder / "data")}


def way(what: str, work: dict) -> dict:
    """Run one way in a process of its own, on one core where the system can pin one."""
    tqdm.write(f"{what} …", file=sys.stderr)
    code = (
        "import os, runpy, sys; os.sched_setaffinity(0, {max(os.sched_getaffinity(0))}) "
        "if len(sys.argv) > 2 and hasattr(os, 'sched_setaffinity') else None; "
        "runpy.run_module('benchmarks.spacy_contenders', run_name='__main__', alter_sys=True)"
    )
    pinned = ["one_core"] if work.get("n_process", 1) == 1 else []
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(work), *pinned],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    if done.returncode:
        raise InputError(f"{what} failed: {done.stderr[-600:]}")
    return {"what": what} | json.loads(done.stdout.splitlines()[-1])


def predictions(pipeline: Path, floor: dict, args, data: dict) -> list[dict]:
    """The ways of predicting with one pipeline; all of them must name the same classes."""
    work = {"way": "predict", "pipeline": str(pipeline), "rows": args.predict_rows} | data
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
    batches = [
        way(f"batch of {n}", work | {"overrides": {"training.batcher.size": n}}) for n in BATCHES
    ]
    lengths = [
        way(f"length {n}", work | {"overrides": {"components.textcat.model.length": n}})
        for n in LENGTHS
    ]
    return {
        f"Sweep of the batch size, {classes} classes, {name}": with_ratio(batches, batches[0]),
        f"Sweep of the hash table's length, {classes} classes, {name}": with_ratio(
            lengths, lengths[0]
        ),
    }


def with_ratio(rows: list[dict], base: dict) -> list[dict]:
    return [row | {"ratio": row["rows_per_second"] / base["rows_per_second"]} for row in rows]


def markdown_report(results: dict) -> str:
    """The tables as Markdown."""
    parts = [
        "# Throughput of the spaCy room\n",
        hardware_line(results["hardware"]) + ".\n",
        f"{results['arguments']['rows']:,} titles (at least 40 a class), "
        f"{results['arguments']['epochs']} epoch(s).\n",
    ]
    for title, rows in results["tables"].items():
        columns = (
            PREDICT
            if title.startswith("Prediction")
            else TRAIN
            if title.startswith("Training")
            else SWEEP
        )
        parts += [f"## {title}\n", markdown_table(rows, columns)]
    return "\n".join(parts)


if __name__ == "__main__":
    main()
