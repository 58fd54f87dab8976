"""Speed, scores and memory of rnn_baseline beside what its users would write: in one run, on the
same titles.

    python benchmarks/rnn_throughput.py
    python benchmarks/rnn_throughput.py --parts scale --scale_rows 100000 1000000 4900000
    python benchmarks/rnn_throughput.py --parts train predict --rows 4000 --epochs 1

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

from benchmarks.common import available_cores, hardware, launch, write_results
from benchmarks.rnn_report import MEMORY, markdown_report
from utils.cli import parse
from utils.errors import InputError, exits_on_input_error
from utils.samples import titles as sample_titles
from utils.training import has_bf16

PARTS = ("prepare", "train", "predict", "scale")
TOLERANCE = 1e-4  # of probabilities in fp32: the same work gives less
BATCH = 128  # of the origins' loops
GPU_BATCH = 4096
RATE = 1e-3  # Adam's, at BATCH
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
            # Written after each part: a kill leaves what was measured.
            report = markdown_report(results)
            path = write_results(args.output, "rnn_throughput", results, report)
    print(path.read_text(encoding="utf-8"))
    return path


def measure(args, folder: Path):
    """Yield `{table: rows}` after each part."""
    if "prepare" in args.parts:
        data = make_data(args.prepare_rows, args, folder / "prepare")
        yield {"prepare": prepare(data, args.seed)}
    if "train" in args.parts:
        data = make_data(args.rows, args, folder / "train")
        learn(data)
        prepare_whole(data, args.seed)
        yield from train(data, args)
    if "predict" in args.parts:
        yield {"predict": predict(data, args.predict_rows)}
    if "scale" in args.parts:
        for rows in args.scale_rows:
            # Millions of titles fill a disk: each size is removed before the next.
            with tempfile.TemporaryDirectory() as large:
                data = make_data(rows, args, Path(large))
                yield {"scale": scale(data, rows, args.scale_steps)}


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
    flags = {
        "--rows": rows,
        "--classes": args.classes,
        "--seed": args.seed,
        "--output": folder / "titles",
    }
    sample_titles.main([str(word) for pair in flags.items() for word in pair])
    names = ("titles", "dataset", "tokenizer", "network", "cache")
    paths = {name: str(folder / name) for name in names}
    return paths | {"source": str(folder / "titles" / "train.jsonl.gz")}


def way(what: str, data: dict, work: dict, one_core: bool = True) -> dict:
    """Run one way in a process of its own: what it found, its peak and private memory."""
    tqdm.write(f"{what} …", file=sys.stderr)
    result = Path(data["cache"] + ".json")
    work = work | {"cache": data["cache"], "result": str(result)}
    memory = launch([sys.executable, "-m", "benchmarks.rnn_contenders", json.dumps(work)], one_core)
    found = json.loads(result.read_text(encoding="utf-8"))
    row = {"what": what, "cores": 1 if one_core else available_cores()}
    row |= {name: memory[name] for name in MEMORY}
    return row | found


# Parts.


def learn(data: dict) -> dict:
    """The tokenizer that the other ways are given."""
    work = {"way": "learn", "source": data["source"], "save": data["tokenizer"]}
    return way("suite: learn_tokenizer", data, work)


def prepare(data: dict, seed: int) -> list[dict]:
    """The training titles from jsonl.gz to ids, which must be the same; then all splits as the
    scripts do it.

    Raises:
        InputError: the ways found other ids.
    """
    learnt = learn(data)
    work = {"way": "prepare", "source": data["source"], "tokenizer": data["tokenizer"]}
    suite = work | {"how": "suite"}
    n_cores = available_cores()
    one_core = [
        way("load_dataset + map", own_cache(data, "map-1"), work | {"how": "map"}),
        way("Python per row", data, work | {"how": "rows"}),
        way("suite: encode_texts", data, suite),
    ]
    all_cores = [
        way(
            f"load_dataset + map, num_proc={n_cores}",
            own_cache(data, "map-n"),
            work | {"how": "map", "processes": n_cores},
            one_core=False,
        ),
        way("suite: encode_texts, all cores", data, suite, one_core=False),
    ]
    if len({row["checksum"] for row in one_core + all_cores}) > 1:
        raise InputError("the ways of preparing found other ids")
    for rows in (one_core, all_cores):
        suite_speed = rows[-1]["titles_per_second"]
        for row in rows:
            row["ratio"] = suite_speed / row["titles_per_second"]
    return [*one_core, *all_cores, learnt, *prepare_whole(data, seed)]


def own_cache(data: dict, name: str) -> dict:
    """`load_dataset` must not find what another way left."""
    return data | {"cache": f"{data['cache']}-{name}"}


def prepare_whole(data: dict, seed: int) -> list[dict]:
    """All splits: prepare_dataset (duplicates, leaks, hash, profile), then preprocess.py's work."""
    tqdm.write("prepare_dataset …", file=sys.stderr)
    command = [sys.executable, "-m", "utils.prepare_dataset", data["titles"]]
    command += ["--output", data["dataset"], "--seed", seed]
    run = launch(command, one_core=True)
    first = {"what": "all splits: utils.prepare_dataset, whole process", "cores": 1} | run
    encode = {"way": "encode", "dataset": data["dataset"]}
    return [first, way("all splits: learn_tokenizer + encode_splits", data, encode)]


def train(data: dict, args):
    """Yield both networks' rows, by the origins' loop and by the suite; the narrow one beside
    linear models.
    """
    os.makedirs(data["cache"], exist_ok=True)
    network = {"way": "train", "dataset": data["dataset"], "tokenizer": data["tokenizer"]}
    narrow = network | {"shape": "001-best", "rows": args.rows, "epochs": args.epochs}
    wide = network | {"shape": "best", "rows": args.wide_rows, "epochs": args.wide_epochs}
    linear = {"way": "linear", "dataset": data["dataset"], "rows": args.rows, "epochs": args.epochs}
    rows = trainings(data, narrow, args.batches)
    for name in ("Tfidf", "Hashing"):
        work = linear | {"vectorizer": name.lower()}
        rows.append(way(f"{name}Vectorizer(1, 2) + SGDClassifier", data, work))
    yield {"train 001-best": compare_trainings(rows)}
    yield {"train best": compare_trainings(trainings(data, wide, args.batches[-1:]))}


def trainings(data: dict, work: dict, batches: list[int]) -> list[dict]:
    """The ways of training one network; the network that `predict` takes is saved on the way."""
    packed = work | {"how": "packed", "batch_size": BATCH}
    padded = work | {"how": "padded", "batch_size": BATCH}
    rows = [
        way("origins' loop, packed", data, packed),
        way("origins' loop, padding read as words", data, padded),
    ]
    on_gpu = torch.cuda.is_available()
    for size in [BATCH, *batches, *([GPU_BATCH] if on_gpu else [])]:
        # Adam's rate grows with the square root of the batch (Granziol et al. 2022).
        rate = RATE * (size / BATCH) ** 0.5
        suite = work | {"how": "suite", "batch_size": size, "learning_rate": rate}
        if size == BATCH and work["shape"] == "001-best":
            rows.append(way("suite", data, suite | {"save": data["network"]}))
        else:
            rows.append(way("suite", data, suite))
        if has_bf16(use_cpu=not on_gpu):
            rows.append(way("suite, bf16", data, suite | {"bf16": True}))
    return rows


def compare_trainings(rows: list[dict]) -> list[dict]:
    """Speed beside the packed loop's (the first row), and when each way's validation score first
    reached the loop's last one.
    """
    loop = rows[0]
    for row in rows:
        row["ratio"] = row["titles_per_second"] / loop["titles_per_second"]
        reached = [seconds for seconds, score in row["history"] if score >= loop["validation"]]
        row["reached"] = reached[0] if reached else "not reached"
    return rows


def predict(data: dict, rows: int) -> list[dict]:
    """The saved network by every way.

    Raises:
        InputError: a way gives other probabilities than the suite.
    """
    few = min(rows, PIPELINE_ROWS)
    work = {"way": "predict", "run": data["network"], "dataset": data["dataset"]}
    found = []
    probabilities = {}
    for how, what, n_titles in (
        ("pipeline-1", "pipeline, one title a call", few),
        ("pipeline-64", "pipeline, batch_size=64", few),
        ("loop", "origins' loop", rows),
        ("suite", "suite", rows),
    ):
        file = f"{data['cache']}-{how}.npy"
        row = way(what, data, work | {"how": how, "rows": n_titles, "save": file})
        found.append(row | {"how": how})
        probabilities[how] = np.load(file)
    for row in found:
        other = probabilities[row["how"]]
        difference = np.abs(other - probabilities["suite"][: len(other)]).max()
        row["difference"] = float(difference)
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


if __name__ == "__main__":
    main()
