"""Speed, scores and memory of the RNN room beside what its users would write: in one run, on the
same titles.

    python benchmarks/rnn_throughput.py
    python benchmarks/rnn_throughput.py --parts scale --scale_rows 100000 1000000 4900000
    python benchmarks/rnn_throughput.py --parts train predict --rows 4000 --epochs 1 --wide_rows 1000

Titles are made from a seed (`utils.samples.titles`, unbalanced classes). Every way runs in a fresh
process on one core with OMP_NUM_THREADS=1, the ways of several processes on all cores. Where there
is a GPU, training and prediction use it, and a training with large batches is added. The benchmark
stops where ways of the same work find other ids or other probabilities.
"""

import json
import os
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from benchmarks.common import (
    available_cores,
    hardware,
    hardware_line,
    launch,
    markdown_table,
    write_results,
)
from utils.cli import parse
from utils.errors import InputError, exits_on_input_error
from utils.samples import titles as sample_titles
from utils.training import has_bf16

PARTS = ("prepare", "train", "predict", "scale")
MEMORY = {"peak_mb": "peak MB", "private_mb": "of it private"}
PREPARE = {
    "what": "way",
    "cores": "cores",
    "rows": "titles",
    "seconds": "seconds",
    "titles_per_second": "titles/s",
    "ratio": "suite is × faster",
    **MEMORY,
}
TRAIN = {
    "what": "way",
    "batch_size": "batch",
    "titles_per_second": "titles/s",
    "ratio": "× the origins' loop",
    "seconds": "seconds",
    "validation": "validation",
    "test": "test",
    "reached": "seconds to the loop's score",
    **MEMORY,
}
PREDICT = {
    "what": "way",
    "rows": "titles",
    "titles_per_second": "titles/s",
    "ratio": "suite is × faster",
    "difference": "greatest Δp",
    **MEMORY,
}
SCALE = {
    "rows": "titles",
    "what": "what",
    "seconds": "seconds",
    "titles_per_second": "titles/s",
    **MEMORY,
}
GOALS = {"prepare": 8, "train": 3}
TOLERANCE = 1e-4
BATCH, GPU_BATCH, RATE = 128, 4096, 1e-3
PIPELINE_ROWS = 1000  # at most so many titles one by one


@dataclass
class RnnThroughputArguments:
    """How much data, and which parts."""

    prepare_rows: int = field(default=500_000, metadata={"help": "titles of the part prepare"})
    rows: int = field(default=20_000, metadata={"help": "titles of the parts train and predict"})
    classes: int = field(default=632, metadata={"help": "classes, fewer where titles are few"})
    epochs: int = field(
        default=8, metadata={"help": "epochs of the narrow network (and of the linear models)"}
    )
    wide_rows: int = field(default=4_000, metadata={"help": "training titles of the wide network"})
    wide_epochs: int = field(default=1, metadata={"help": "epochs of the wide network"})
    batches: list[int] = field(
        default_factory=lambda: [512, 1024], metadata={"help": "the suite's, besides 128"}
    )
    predict_rows: int = field(default=20_000, metadata={"help": "titles predicted"})
    scale_rows: list[int] = field(
        default_factory=lambda: [100_000, 400_000], metadata={"help": "titles of the part scale"}
    )
    scale_steps: int = field(default=20, metadata={"help": "training steps measured at every size"})
    parts: list[str] = field(
        default_factory=lambda: list(PARTS),
        metadata={"help": "prepare, train, predict (needs train), scale"},
    )
    seed: int = field(default=0, metadata={"help": "seed of the titles and splits"})
    output: str = field(
        default="benchmarks/results", metadata={"help": "folder for rnn_throughput.json and .md"}
    )


@exits_on_input_error
def main(argv=None):
    args, _ = parse(RnnThroughputArguments, argv, doc=__doc__)
    check_arguments(args)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    results = {"hardware": hardware(gpu=gpu), "arguments": asdict(args), "tables": {}}
    with tempfile.TemporaryDirectory() as folder:
        for found in measure(args, Path(folder)):
            for name, rows in found.items():
                results["tables"][name] = results["tables"].get(name, []) + rows
            path = write_results(
                args.output, "rnn_throughput", results, markdown_report(results)
            )  # a kill keeps these
    print(path.read_text(encoding="utf-8"))
    return path


def measure(args, folder: Path):
    """Yield the rows of table after table."""
    if "prepare" in args.parts:
        yield {
            "prepare": prepare(make_data(args.prepare_rows, args, folder / "prepare"), args.seed)
        }
    if "train" in args.parts:
        data = make_data(args.rows, args, folder / "train")
        learn(data)
        prepare_whole(data, args.seed)
        yield from train(data, args)
    if "predict" in args.parts:
        yield {"predict": predict(data, args.predict_rows)}
    for rows in args.scale_rows if "scale" in args.parts else []:
        with tempfile.TemporaryDirectory() as large:
            yield {"scale": scale(make_data(rows, args, Path(large)), rows, args.scale_steps)}


def check_arguments(args):
    if set(args.parts) - set(PARTS):
        raise InputError(f"--parts {' '.join(args.parts)}: choose among {', '.join(PARTS)}")
    if "predict" in args.parts and "train" not in args.parts:
        raise InputError("--parts predict: needs train, whose network it takes")
    counts = (
        args.epochs,
        args.wide_epochs,
        args.wide_rows,
        args.predict_rows,
        args.scale_steps,
        *args.batches,
    )
    if min(args.prepare_rows, args.rows, *args.scale_rows) < 400 or min(counts) < 1:
        raise InputError("give at least 400 titles of every part, and 1 of everything else")


def make_data(rows: int, args, folder: Path) -> dict[str, str]:
    """Made titles, and where the ways keep what they write."""
    tqdm.write(f"{rows} titles …", file=sys.stderr)
    sample_titles.main(
        [
            "--rows",
            str(rows),
            "--classes",
            str(args.classes),
            "--seed",
            str(args.seed),
            "--output",
            str(folder / "titles"),
        ]
    )
    names = ("titles", "dataset", "tokenizer", "network", "cache")
    return {name: str(folder / name) for name in names} | {
        "source": str(folder / "titles" / "train.jsonl.gz")
    }


def way(what: str, data: dict, work: dict, one_core: bool = True) -> dict:
    """Run one way in a process of its own: what it found, its peak and private memory."""
    tqdm.write(f"{what} …", file=sys.stderr)
    result = Path(data["cache"] + ".json")
    work = work | {"cache": data["cache"], "result": str(result)}
    memory = launch([sys.executable, "-m", "benchmarks.rnn_contenders", json.dumps(work)], one_core)
    found = json.loads(result.read_text(encoding="utf-8"))
    return (
        {"what": what, "cores": 1 if one_core else available_cores()}
        | {k: memory[k] for k in MEMORY}
        | found
    )


# Parts.


def learn(data: dict) -> dict:
    """The tokenizer that the other ways are given."""
    return way(
        "suite: learn_tokenizer",
        data,
        {"way": "learn", "source": data["source"], "save": data["tokenizer"]},
    )


def prepare(data: dict, seed: int) -> list[dict]:
    """The training titles from jsonl.gz to ids, which must be the same; then all splits as the
    scripts do it.
    """
    learnt = learn(data)
    work, n = (
        {"way": "prepare", "source": data["source"], "tokenizer": data["tokenizer"]},
        available_cores(),
    )
    rows = [
        way("load_dataset + map", own_cache(data, "map-1"), work | {"how": "map"}),
        way("Python per row", data, work | {"how": "rows"}),
        way("suite: encode_texts", data, work | {"how": "suite"}),
        way(
            f"load_dataset + map, num_proc={n}",
            own_cache(data, "map-n"),
            work | {"how": "map", "processes": n},
            one_core=False,
        ),
        way("suite: encode_texts, all cores", data, work | {"how": "suite"}, one_core=False),
    ]
    if len({row["checksum"] for row in rows}) > 1:
        raise InputError("the ways of preparing found other ids")
    for row in rows:
        row["ratio"] = (
            rows[2 if row["cores"] == 1 else 4]["titles_per_second"] / row["titles_per_second"]
        )
    return [*rows, learnt, *prepare_whole(data, seed)]


def own_cache(data: dict, name: str) -> dict:
    """`load_dataset` must not find what another way left."""
    return data | {"cache": f"{data['cache']}-{name}"}


def prepare_whole(data: dict, seed: int) -> list[dict]:
    """prepare_dataset (duplicates, leaks, hash, profile), then preprocess.py's work, on all splits."""
    tqdm.write("prepare_dataset …", file=sys.stderr)
    run = launch(
        [
            sys.executable,
            "-m",
            "utils.prepare_dataset",
            data["titles"],
            "--output",
            data["dataset"],
            "--seed",
            seed,
        ],
        one_core=True,
    )
    first = {"what": "all splits: utils.prepare_dataset, whole process", "cores": 1} | run
    encode = {"way": "encode", "dataset": data["dataset"]}
    return [first, way("all splits: learn_tokenizer + encode_splits", data, encode)]


def train(data: dict, args):
    """Yield both networks' rows, by the origins' loop and by the suite; the narrow one beside
    linear models.
    """
    os.makedirs(data["cache"], exist_ok=True)
    given = {"way": "train", "dataset": data["dataset"], "tokenizer": data["tokenizer"]}
    narrow = given | {"shape": "001-best", "rows": args.rows, "epochs": args.epochs}
    wide = given | {"shape": "best", "rows": args.wide_rows, "epochs": args.wide_epochs}
    floor = {"way": "linear", "dataset": data["dataset"], "rows": args.rows, "epochs": args.epochs}
    rows = trainings(data, narrow, args.batches)
    rows += [
        way(f"{name}Vectorizer(1, 2) + SGDClassifier", data, floor | {"vectorizer": name.lower()})
        for name in ("Tfidf", "Hashing")
    ]
    yield {"train 001-best": compare_trainings(rows)}
    yield {"train best": compare_trainings(trainings(data, wide, args.batches[-1:]))}


def trainings(data: dict, work: dict, batches: list[int]) -> list[dict]:
    """The ways of training one network. Adam's rate grows with the square root of the batch."""
    rows = [
        way("origins' loop, packed", data, work | {"how": "packed", "batch_size": BATCH}),
        way(
            "origins' loop, padding read as words",
            data,
            work | {"how": "padded", "batch_size": BATCH},
        ),
    ]
    for size in [BATCH, *batches] + ([GPU_BATCH] if torch.cuda.is_available() else []):
        suite = work | {
            "how": "suite",
            "batch_size": size,
            "learning_rate": RATE * (size / BATCH) ** 0.5,
        }
        save = {"save": data["network"]} if size == BATCH and work["shape"] == "001-best" else {}
        rows.append(way("suite", data, suite | save))
        if has_bf16(use_cpu=not torch.cuda.is_available()):
            rows.append(way("suite, bf16", data, suite | {"bf16": True}))
    return rows


def compare_trainings(rows: list[dict]) -> list[dict]:
    """Speed beside the packed loop's, and when each way's validation score first reached the loop's
    last one.
    """
    target = rows[0]["validation"]
    for row in rows:
        row["ratio"] = row["titles_per_second"] / rows[0]["titles_per_second"]
        row["reached"] = next(
            (seconds for seconds, score in row["history"] if score >= target), "not reached"
        )
    return rows


def predict(data: dict, rows: int) -> list[dict]:
    """The saved network by every way; probabilities must agree."""
    few, saved, found = min(rows, PIPELINE_ROWS), data["cache"] + "-{}.npy", []
    for how, what, n in (
        ("pipeline-1", "pipeline, one title a call", few),
        ("pipeline-64", "pipeline, batch_size=64", few),
        ("loop", "origins' loop", rows),
        ("suite", "suite", rows),
    ):
        work = {
            "way": "predict",
            "how": how,
            "run": data["network"],
            "dataset": data["dataset"],
            "rows": n,
        }
        found.append(way(what, data, work | {"save": saved.format(how)}) | {"how": how})
    suite = np.load(saved.format("suite"))
    for row in found:
        other = np.load(saved.format(row["how"]))
        row["difference"] = float(np.abs(other - suite[: len(other)]).max())
        row["ratio"] = found[-1]["titles_per_second"] / row["titles_per_second"]
        if row["difference"] > TOLERANCE:
            raise InputError(
                f"{row['what']}: probabilities differ from the suite's by {row['difference']:.1e}"
            )
    return found


def scale(data: dict, rows: int, n_steps: int) -> list[dict]:
    """Preparation, and some training steps with the arrays in memory or on disk."""
    learn(data)
    found = prepare_whole(data, seed=0)
    work = {
        "way": "steps",
        "dataset": data["dataset"],
        "tokenizer": data["tokenizer"],
        "shape": "001-best",
        "batch_size": 1024,
        "n_steps": n_steps,
    }
    for streaming, what in ((False, "training, in memory"), (True, "training, --streaming")):
        found.append(way(what, data, work | {"streaming": streaming}))
    return [row | {"rows": rows} for row in found]


# The report.


def markdown_report(results: dict) -> str:
    """The tables as Markdown, and how the goals stand."""
    args, tables = results["arguments"], results["tables"]
    parts = [
        "# Throughput of the RNN room\n",
        hardware_line(results["hardware"]) + ". Command: `python benchmarks/rnn_throughput.py`.\n",
    ]
    for name, title, columns in (
        (
            "prepare",
            f"Preparation: the training split of {args['prepare_rows']:,} titles to ids",
            PREPARE,
        ),
        (
            "train 001-best",
            f"Training, bidirectional LSTM of 64, frozen vectors, {args['epochs']} epochs",
            TRAIN,
        ),
        (
            "train best",
            f"Training, 3 × 256 LSTM, {args['wide_rows']:,} titles, {args['wide_epochs']} epoch(s)",
            TRAIN,
        ),
        ("predict", "Prediction, from strings to probabilities", PREDICT),
        ("scale", f"Scale; training is {args['scale_steps']} steps of 1,024 titles", SCALE),
    ):
        if name in tables:
            parts += [f"## {title}\n", markdown_table(tables[name], columns)]
    return "\n".join(
        [
            *parts,
            *goals(tables),
            "No GPU was there: none is measured.\n" if results["hardware"]["gpu"] == "none" else "",
        ]
    )


def goals(tables: dict) -> list[str]:
    """One line a goal that was measured."""
    lines = []
    prepared = [row for row in tables.get("prepare", []) if row["what"].startswith("load_dataset")]
    if prepared:
        least = min(row["ratio"] for row in prepared)
        lines.append(
            f"Goal of the preparation, {GOALS['prepare']} times load_dataset + map on the same cores: "
            f"{verdict(least, GOALS['prepare'])}.\n"
        )
    for name in ("train 001-best", "train best"):
        suite = [
            row
            for row in tables.get(name, [])
            if row["what"].startswith("suite")
            and row["validation"] >= tables[name][0]["validation"]
        ]
        if name in tables:
            best = (
                verdict(max(row["ratio"] for row in suite), GOALS["train"])
                if suite
                else "missed (no way reached its balanced accuracy)"
            )
            lines.append(
                f"Goal of {name}, {GOALS['train']} times the packed loop at no lower balanced accuracy: "
                f"{best}.\n"
            )
    return lines


def verdict(ratio: float, goal: float) -> str:
    return f"{'met' if ratio >= goal else 'missed'} ({ratio:.2g} ×)"


if __name__ == "__main__":
    main()
