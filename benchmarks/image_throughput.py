"""Images a second of training and prediction: the suite beside plain transformers, in one run.

    python benchmarks/image_throughput.py
    python benchmarks/image_throughput.py --shapes resnet-50 --pages 128 --max_seconds 30 \
        --output benchmarks/results

Two shapes with random weights, so that no network is needed: `resnet-tiny` (the default, 128
pixels) and `resnet-50` (224). Pages are those of the sample corpus, drawn again at the width of a
scan and saved as jpg. Stock is what transformers' image-classification example does: every image
decoded and resized each time it is used (here by the model's processor of Pillow and numpy), in the
training process or in `dataloader_num_workers`. Every way runs in a process of its own, so that
peaks of memory do not mix.
"""

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

from benchmarks.common import (
    available_cores,
    hardware,
    hardware_line,
    markdown_table,
    write_results,
)
from benchmarks.image_contenders import PREDICT_BATCH, SHAPES, Work, measure, prepare_work
from utils.cli import parse
from utils.errors import InputError, exits_on_input_error

DESCRIPTIONS = {
    "stock": "stock, no workers",
    "suite": "suite",
    "suite-augment": "suite with all augmentations",
    "pipeline-1": "stock pipeline, one file a call",
    "pipeline-32": "stock pipeline, batch_size=32",
}
TRAIN_COLUMNS = {
    "way": "way",
    "per_second": "images/s",
    "ratio": "suite is × faster",
    "loader_per_second": "loader alone, images/s",
    "before_seconds": "before the first step, s",
    "first_epoch": "first epoch, images/s",
    "peak_mb": "peak MB",
    "images": "images measured",
}
PREDICT_COLUMNS = {
    "way": "way",
    "per_second": "images/s",
    "ratio": "suite is × faster",
    "peak_mb": "peak MB",
    "images": "images measured",
    "same": "same results as the pipeline",
}
TOLERANCE = 1e-4  # of a probability: what rounding in batches of another size may change


@dataclass
class ImageThroughputArguments:
    """What to measure and for how long."""

    shapes: list[str] = field(
        default_factory=lambda: list(SHAPES), metadata={"help": "resnet-tiny, resnet-50, both"}
    )
    pages: int = field(default=200, metadata={"help": "pages of the sample corpus"})
    width: int = field(
        default=1240, metadata={"help": "their width in pixels: 1240 is A4 at 150 dots an inch"}
    )
    batch_size: int = field(
        default=8, metadata={"help": "images per training step (transformers' default is 8)"}
    )
    max_seconds: float = field(
        default=20.0, metadata={"help": "time limit of a training way, warm-up apart"}
    )
    warmup_steps: int = field(
        default=2, metadata={"help": "training steps before the clock starts"}
    )
    use_cpu: bool = field(default=False, metadata={"help": "stay on the CPU"})
    output: str = field(
        default="benchmarks/results", metadata={"help": "folder for image_throughput.json and .md"}
    )
    way: str | None = field(
        default=None, metadata={"help": "internal: measure this way alone, print it as json"}
    )
    work: str | None = field(
        default=None, metadata={"help": "internal: the folder that --way reads"}
    )


@exits_on_input_error
def main(argv=None):
    args, _ = parse(ImageThroughputArguments, argv, doc=__doc__)
    if args.way:
        print(json.dumps(measure(args.way, Path(args.work))))
        return None
    check_arguments(args)
    started = time.perf_counter()
    args.use_cpu = args.use_cpu or not torch.cuda.is_available()
    gpu = "none" if args.use_cpu else torch.cuda.get_device_name()
    machine = hardware(torch_threads=torch.get_num_threads(), gpu=gpu)
    results = {"hardware": machine, "arguments": asdict(args), "shapes": {}}
    for shape in args.shapes:
        work = Work(
            shape,
            args.pages,
            args.width,
            args.batch_size,
            args.max_seconds,
            args.warmup_steps,
            args.use_cpu,
        )
        with tempfile.TemporaryDirectory() as folder:
            prepare_work(work, Path(folder))
            results["shapes"][shape] = measure_shape(Path(folder))
    results["seconds"] = time.perf_counter() - started
    print(report := markdown_report(results))
    return write_results(args.output, "image_throughput", results, report)


def check_arguments(args):
    for name in args.shapes:
        if name not in SHAPES:
            raise InputError(f"--shapes {name!r}: choose {' or '.join(SHAPES)}, or both")
    least = PREDICT_BATCH + 8  # a batch that is not timed, and something to time
    if not least <= args.pages <= 2000 or args.width < 64:
        raise InputError(
            f"--pages {args.pages} --width {args.width}: give {least} to 2000 pages of 64 pixels "
            "or more"
        )
    if args.warmup_steps < 1 or args.batch_size < 2:
        raise InputError("--warmup_steps, --batch_size: give at least 1 and 2")


def measure_shape(folder: Path) -> list[dict]:
    """Every way of one shape, each in its own process, with ratios and comparisons."""
    ways = {
        "train": ["stock", f"stock-workers-{available_cores()}", "suite", "suite-augment"],
        "predict": ["pipeline-1", "pipeline-32", "suite"],
    }
    found = []
    for task, names in ways.items():
        rows = {name: run_way(f"{task}/{name}", folder) for name in names}
        for row in rows.values():
            row["ratio"] = rows["suite"]["per_second"] / row["per_second"]
            if task == "predict":
                row["same"] = agreement(folder, row)
        found += rows.values()
    return found


def run_way(way: str, folder: Path) -> dict:
    """`--way` in a process of its own."""
    print(f"{way} …", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "benchmarks.image_throughput"]
    command += ["--way", way, "--work", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        killed = done.returncode == -9  # what Linux does where memory ends
        reason = "out of memory; lower --batch_size" if killed else done.stderr[-800:]
        raise InputError(f"{way} ended with {done.returncode}: {reason}")
    return json.loads(done.stdout.splitlines()[-1])


def agreement(folder: Path, row: dict) -> str:
    """The largest difference of any probability from the pipeline's, noted in the row too.

    Raises:
        InputError: it is not rounding: the ways do not do the same work.
    """
    mine = np.load(folder / f"predict-{row['way']}.npy")
    reference = np.load(folder / "predict-pipeline-1.npy")
    difference = float(np.abs(mine - reference).max())
    row["max_difference"] = difference
    if difference > TOLERANCE:
        raise InputError(
            f"{row['way']}: probabilities differ from the pipeline's by {difference:.1e}"
        )
    return f"Δp {difference:.0e} (n {len(mine)})"


def markdown_report(results: dict) -> str:
    """The Markdown tables with what is needed to read them."""
    args = results["arguments"]
    parts = [
        "# Image throughput: the suite beside plain transformers\n",
        f"{hardware_line(results['hardware'])}. Command: `python benchmarks/image_throughput.py`; "
        f"{results['seconds'] / 60:.1f} minutes in all. {args['pages']} jpg, {args['width']} "
        "pixels wide.\n",
    ]
    for shape, rows in results["shapes"].items():
        size = SHAPES[shape][0]
        for task, title, columns in (
            ("train", f"training, batches of {args['batch_size']}", TRAIN_COLUMNS),
            ("predict", "prediction, from files", PREDICT_COLUMNS),
        ):
            shown = []
            for row in rows:
                if row["task"] == task:
                    shown.append(row | {"way": described(row["way"])})
            parts += [f"## {shape} ({size} × {size}): {title}\n", markdown_table(shown, columns)]
    parts.append(
        "`before the first step` is reading the files and, for the suite, resizing every page "
        "once; `first epoch` counts it in. A loader slower than its way's training step would "
        "starve the device.\n"
    )
    return "\n".join(parts)


def described(way: str) -> str:
    """A way in the words of the tables."""
    return DESCRIPTIONS.get(way) or f"stock, {way.rsplit('-', 1)[1]} workers"


if __name__ == "__main__":
    main()
