"""Speed, padding and memory of BETO-shaped training and prediction: the suite beside stock
transformers, in one run.

    python benchmarks/beto_throughput.py
    python benchmarks/beto_throughput.py --shapes base --max_seconds 60 --repeats 3
    python benchmarks/beto_throughput.py --layers 6 --hidden_size 768 --no_bf16_crossover

Two shapes, both with random weights, so that no network is needed: `base` (12 × 768 and a
vocabulary of 31,002, as BETO) and `mini` (2 × 128, as mini-scratch). Two text sets made from the
project's own sample corpus: `short` (titles) and `mixed` (whole documents, cut at 512 pieces).
Every way runs in a process of its own, so that peaks of memory do not mix. `--bf16_crossover` adds
the table of bf16_crossover.py. A GPU is used where there is one (written for it, but measured on
CPUs only).
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

from benchmarks.beto_contenders import PREDICT_BATCH, gradient_difference, measure
from benchmarks.beto_work import Work, heads, prepare_work
from benchmarks.bf16_crossover import bf16_crossover, crossover_table
from benchmarks.common import hardware, hardware_line, markdown_table, write_results
from utils.cli import parse
from utils.errors import InputError, exits_on_input_error
from utils.training import BF16_MIN_HIDDEN_SIZE, BF16_TRAINING_MIN_HIDDEN_SIZE, has_bf16, wants_bf16

# hidden_size, layers, vocab_size
SHAPES = {"base": (768, 12, 31_002), "mini": (128, 2, 8_000)}
WIDE = 512  # from here on a shape is slow (one repeat is enough) and has BETO's vocabulary
TRAIN = ("pad-128", "pad-512", "dynamic", "suite-fp32", "suite")
PREDICT = ("pipeline-1", "pipeline-32", "pad-128", "pad-512", "suite-fp32", "suite")
DESCRIPTIONS = {
    "pad-128": "stock, padded to 128, fp32",
    "pad-512": "stock, padded to 512, fp32",
    "dynamic": "stock, dynamic padding, fp32",
    "suite-fp32": "suite without bf16",
    "suite": "suite",
    "suite-128": "suite, cut at 128",
    "pipeline-1": "stock pipeline, one text a call",
    "pipeline-32": "stock pipeline, batch_size=32",
}
COLUMNS = {
    "set": "texts",
    "way": "way",
    "precision": "precision",
    "per_second": "examples/s",
    "ratio": "suite is × faster",
    "waste": "padded/real",
    "peak_mb": "peak MB",
    "examples": "examples measured",
    "same": "same results as",
}
# Ways of the same work in fp32 agree to 1e-6 (docs/log); a real difference is far above this.
FP32_TOLERANCE = 1e-4
GRADIENT_TOLERANCE = 1e-2


@dataclass
class ThroughputArguments:
    """What to measure and for how long."""

    shapes: list[str] = field(
        default_factory=lambda: ["base", "mini"], metadata={"help": "base, mini or both"}
    )
    layers: int | None = field(
        default=None, metadata={"help": "measure one shape with this many layers"}
    )
    hidden_size: int | None = field(
        default=None, metadata={"help": "… and this width, instead of --shapes"}
    )
    sets: list[str] = field(
        default_factory=lambda: ["short", "mixed"], metadata={"help": "short, mixed or both"}
    )
    texts: int | None = field(
        default=None, metadata={"help": "take so many documents of the corpus; default all"}
    )
    batch_size: int = field(
        default=8, metadata={"help": "texts per training step (transformers' default is 8)"}
    )
    max_seconds: float = field(
        default=6.0, metadata={"help": "time limit of a way, shared by its repeats"}
    )
    warmup_steps: int = field(
        default=2, metadata={"help": "training steps before the clock starts"}
    )
    repeats: int | None = field(
        default=None, metadata={"help": "best of; default 1 from 512 wide on, 3 below"}
    )
    bf16_crossover: bool = field(
        default=True, metadata={"help": "also measure from which width bf16 pays"}
    )
    widths: list[int] = field(
        default_factory=lambda: [128, 256, 384, 512, 768], metadata={"help": "… these"}
    )
    use_cpu: bool = field(default=False, metadata={"help": "stay on the CPU"})
    output: str = field(
        default="benchmarks/results", metadata={"help": "folder for beto_throughput.json and .md"}
    )
    way: str | None = field(
        default=None, metadata={"help": "internal: measure this way alone, print it as json"}
    )
    work: str | None = field(
        default=None, metadata={"help": "internal: the folder that --way reads"}
    )


@exits_on_input_error
def main(argv=None):
    args, _ = parse(ThroughputArguments, argv, doc=__doc__)
    if args.way:
        print(json.dumps(measure_alone(args.way, Path(args.work))))
        return None
    started = time.perf_counter()
    args.use_cpu = args.use_cpu or not torch.cuda.is_available()
    shapes = wanted_shapes(args)
    results = {"hardware": machine_of(args), "arguments": asdict(args), "shapes": {}}
    for shape, (hidden_size, layers, vocab_size) in shapes.items():
        repeats = args.repeats or (1 if hidden_size >= WIDE else 3)
        work = Work(
            shape=shape,
            hidden_size=hidden_size,
            layers=layers,
            vocab_size=vocab_size,
            batch_size=args.batch_size,
            max_seconds=args.max_seconds / repeats,
            warmup_steps=args.warmup_steps,
            repeats=repeats,
            use_cpu=args.use_cpu,
            texts=args.texts,
        )
        with tempfile.TemporaryDirectory() as folder:
            prepare_work(work, Path(folder))
            results["shapes"][shape] = asdict(work) | measure_shape(work, args.sets, Path(folder))
    if args.bf16_crossover:
        results["bf16_crossover"] = bf16_crossover(args.widths, args.use_cpu)
    results["seconds"] = time.perf_counter() - started
    report = markdown_report(results)
    print(report)
    return write_results(args.output, "beto_throughput", results, report)


def wanted_shapes(args) -> dict[str, tuple[int, int, int]]:
    """Shape name -> (hidden_size, layers, vocab_size), from --shapes or --layers and --hidden_size.

    Raises:
        InputError: an unknown shape or text set, too few texts, or a width without whole heads.
    """
    if args.texts is not None and args.texts < 200:
        raise InputError(f"--texts {args.texts}: give at least 200")
    for name in args.shapes:
        if name not in SHAPES:
            raise InputError(f"--shapes {name!r}: choose base, mini or both")
    for name in args.sets:
        if name not in ("short", "mixed"):
            raise InputError(f"--sets {name!r}: choose short, mixed or both")
    if args.layers is None and args.hidden_size is None:
        return {name: SHAPES[name] for name in args.shapes}
    base_size, base_layers, _ = SHAPES["base"]
    hidden_size = args.hidden_size or base_size
    layers = args.layers or base_layers
    if hidden_size % heads(hidden_size):
        raise InputError(f"--hidden_size {hidden_size}: give a multiple of {heads(hidden_size)}")
    _, _, vocab_size = SHAPES["base" if hidden_size >= WIDE else "mini"]
    return {f"{layers}x{hidden_size}": (hidden_size, layers, vocab_size)}


def machine_of(args) -> dict:
    """Hardware and versions, with what this run computes on."""
    gpu = torch.cuda.is_available() and not args.use_cpu
    return hardware(
        torch_threads=torch.get_num_threads(),
        gpu=torch.cuda.get_device_name() if gpu else "none",
        bf16_in_hardware=has_bf16(args.use_cpu),
    )


# Measuring.


def measure_shape(work: Work, sets: list[str], folder: Path) -> dict:
    """Every way of one shape, each in its own process; ratios and comparisons are added to the
    rows.
    """
    # Where the suite does not choose bf16, `suite` is in fp32 already.
    has_bf16_way = wants_bf16(work.hidden_size, work.use_cpu, BF16_TRAINING_MIN_HIDDEN_SIZE)
    rows = []
    gradients = {}
    for text_set in sets:
        for task, names in (("train", TRAIN), ("predict", PREDICT)):
            ways = [name for name in names if has_bf16_way or name != "suite-fp32"]
            if text_set == "mixed":
                ways.append("suite-128")  # titles are shorter than 128 pieces anyway
            measured = [run_way(f"{text_set}/{task}/{name}", folder) for name in ways]
            for row in measured:
                row["ratio"] = ratio_of(row, measured, text_set)
                row["same"] = compare(row, measured, folder, text_set) if task == "predict" else ""
            rows += measured
        gradients[text_set] = run_way(f"{text_set}/check/gradients", folder)
        if gradients[text_set]["fp32"] > GRADIENT_TOLERANCE:
            raise InputError(
                f"gradients with and without padding differ by {gradients[text_set]['fp32']:.1e} "
                f"in {text_set}: the ways do not do the same work"
            )
    return {"rows": rows, "gradients": gradients}


def run_way(way: str, folder: Path) -> dict:
    """`--way` in a process of its own."""
    print(f"{way} …", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", "benchmarks.beto_throughput"]
    command += ["--way", way, "--work", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode == -9:  # the system's out-of-memory killer
        raise InputError(f"{way} ended with -9: out of memory; lower --batch_size")
    if done.returncode:
        raise InputError(f"{way} ended with {done.returncode}: {done.stderr[-800:]}")
    return json.loads(done.stdout.splitlines()[-1])


def measure_alone(way: str, folder: Path) -> dict:
    """What `--way` does: `<set>/check/gradients`, or `<set>/<train|predict>/<name>`."""
    text_set, task, _ = way.split("/")
    if task == "check":
        return gradient_difference(text_set, folder)
    return measure(way, folder)


def suite_partner(row: dict, text_set: str) -> str:
    """The suite's way that reads as much of each text as the row's way."""
    return "suite-128" if row["max_length"] == 128 and text_set == "mixed" else "suite"


def ratio_of(row: dict, rows: list[dict], text_set: str) -> float:
    """How many times faster the suite does the same work."""
    suite = next(r for r in rows if r["way"] == suite_partner(row, text_set))
    return suite["per_second"] / row["per_second"]


def compare(row: dict, rows: list[dict], folder: Path, text_set: str) -> str:
    """Probabilities against another way in fp32 that reads as much of each text, on the texts both
    did; the figures go into the row, and come back as a phrase.

    Raises:
        InputError: a way in fp32 gives other probabilities.
    """
    partner = suite_partner(row, text_set)
    others = [
        other
        for other in rows
        if other["way"] != row["way"]
        and other["precision"] == "fp32"
        and suite_partner(other, text_set) == partner
    ]
    if not others:
        return ""
    reference = max(others, key=weight_as_reference)["way"]
    mine = np.load(folder / f"{text_set}-predict-{row['way']}.npy")
    other = np.load(folder / f"{text_set}-predict-{reference}.npy")
    n = min(len(mine), len(other))
    row["max_difference"] = float(np.abs(mine[:n] - other[:n]).max())
    row["same_class"] = float((mine[:n].argmax(1) == other[:n].argmax(1)).mean())
    row["compared"] = n
    row["reference"] = reference
    if row["precision"] == "fp32" and row["max_difference"] > FP32_TOLERANCE:
        raise InputError(
            f"{text_set}, {row['way']}: probabilities differ from {reference} "
            f"by {row['max_difference']}"
        )
    return f"{reference}: Δp {row['max_difference']:.0e}, class {row['same_class']:.1%} (n {n})"


def weight_as_reference(row: dict) -> int:
    """Whichever predicted most is the best to compare with; the suite comes last."""
    return 0 if row["way"].startswith("suite") else row["examples"]


# The report.


def markdown_report(results: dict) -> str:
    """The Markdown tables with what is needed to read them."""
    parts = [
        "# BETO throughput: the suite beside stock transformers\n",
        f"{hardware_line(results['hardware'])}. Command: `python benchmarks/beto_throughput.py`; "
        f"{results.get('seconds', 0) / 60:.1f} minutes in all.\n",
    ]
    for shape, measured in results["shapes"].items():
        size = f"{shape} ({measured['layers']} × {measured['hidden_size']})"
        training = f"{size}: training, batches of {measured['batch_size']}"
        prediction = f"{size}: prediction, batches of {PREDICT_BATCH}"
        parts += task_table(training, measured, "train")
        parts += task_table(prediction, measured, "predict")
        for text_set, difference in measured["gradients"].items():
            parts.append(
                f"Same gradients, {text_set} texts, padded to 512 against dynamic padding, without "
                f"dropout: relative difference {difference['fp32']:.0e} in fp32; fp32 against bf16 "
                f"{difference['bf16']:.0e}.\n"
            )
    if "bf16_crossover" in results:
        parts += [
            "## bf16 by width (4 layers)\n",
            crossover_table(results["bf16_crossover"]),
            f"The suite trains in bf16 from a width of {BF16_TRAINING_MIN_HIDDEN_SIZE} on, "
            f"and predicts in it from {BF16_MIN_HIDDEN_SIZE} on.\n",
        ]
    return "\n".join(parts)


def task_table(title: str, measured: dict, task: str) -> list[str]:
    """Heading and table of one shape's training or prediction."""
    rows = []
    for row in measured["rows"]:
        if row["task"] == task:
            name = DESCRIPTIONS[row["way"]]
            if row["max_length"] == 128 and row["cut"]:
                name += f" (cuts {row['cut']:.0%})"
            rows.append(row | {"way": name})
    columns = dict(COLUMNS)
    if task == "train":
        del columns["same"]  # only probabilities are compared
    if any(row["gpu_mb"] for row in rows):
        columns["gpu_mb"] = "GPU peak MB"
    return [f"## {title}, best of {measured['repeats']}\n", markdown_table(rows, columns)]


if __name__ == "__main__":
    main()
