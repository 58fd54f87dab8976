"""Speed, padding and memory of BETO-shaped training and prediction: the suite beside stock
transformers, in one run.

    python benchmarks/beto_throughput.py
    python benchmarks/beto_throughput.py --shapes base --max_seconds 60 --repeats 3 --output benchmarks/results
    python benchmarks/beto_throughput.py --layers 6 --hidden_size 768 --no_bf16_crossover

Two shapes, both with random weights, so that no network is needed: `base` (12 × 768 and a
vocabulary of 31,002, as BETO) and `mini` (2 × 128, as mini-scratch). Two text sets made from the
project's own sample corpus: `short` (titles) and `mixed` (whole documents, cut at 512 pieces).
Every way runs in a process of its own, so that peaks of memory do not mix. `--bf16_crossover` adds
a table of the widths from which bf16 pays, by which the two BF16_…_HIDDEN_SIZE of utils/training.py
are set. A GPU is used where there is one (written for it, but measured on CPUs only).
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
from transformers import BertConfig, BertForSequenceClassification

from benchmarks.beto_contenders import PREDICT_BATCH, gradient_difference, measure
from benchmarks.beto_work import Work, heads, prepare_work
from benchmarks.common import cell, hardware, hardware_line, markdown_table, write_results
from utils.cli import parse
from utils.errors import InputError, exits_on_input_error
from utils.training import BF16_MIN_HIDDEN_SIZE, BF16_TRAINING_MIN_HIDDEN_SIZE, has_bf16, wants_bf16

SHAPES = {"base": (768, 12, 31_002), "mini": (128, 2, 8_000)}
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
FP32_TOLERANCE = 1e-4


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
        repeats = args.repeats or (1 if hidden_size >= 512 else 3)
        work = Work(
            shape,
            hidden_size,
            layers,
            vocab_size,
            args.batch_size,
            args.max_seconds / repeats,
            args.warmup_steps,
            repeats,
            args.use_cpu,
            args.texts,
        )
        with tempfile.TemporaryDirectory() as folder:
            prepare_work(work, Path(folder))
            results["shapes"][shape] = asdict(work) | measure_shape(work, args.sets, Path(folder))
    if args.bf16_crossover:
        results["bf16_crossover"] = bf16_crossover(args)
    results["seconds"] = time.perf_counter() - started
    print(report := markdown_report(results))
    return write_results(args.output, "beto_throughput", results, report)


def wanted_shapes(args) -> dict[str, tuple[int, int, int]]:
    """Shape name -> (hidden_size, layers, vocab_size)."""
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
    hidden_size, layers = args.hidden_size or 768, args.layers or 12
    if hidden_size % heads(hidden_size):
        raise InputError(f"--hidden_size {hidden_size}: give a multiple of {heads(hidden_size)}")
    return {
        f"{layers}x{hidden_size}": (hidden_size, layers, 31_002 if hidden_size >= 512 else 8_000)
    }


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
    bf16 = wants_bf16(work.hidden_size, work.use_cpu, BF16_TRAINING_MIN_HIDDEN_SIZE)
    rows, gradients = [], {}
    for text_set in sets:
        for task, names in (("train", TRAIN), ("predict", PREDICT)):
            names = [n for n in names if bf16 or n != "suite-fp32"]
            names += ["suite-128"] if text_set == "mixed" else []
            own = [run_way(f"{text_set}/{task}/{name}", folder) for name in names]
            for row in own:
                row["ratio"] = ratio_of(row, own, text_set)
                row["same"] = compare(row, own, folder, text_set) if task == "predict" else ""
            rows += own
        gradients[text_set] = run_way(f"{text_set}/check/gradients", folder)
        if gradients[text_set]["fp32"] > 100 * FP32_TOLERANCE:
            raise InputError(
                f"gradients with and without padding differ by {gradients[text_set]['fp32']:.1e} in "
                f"{text_set}: the ways do not do the same work"
            )
    return {"rows": rows, "gradients": gradients}


def run_way(way: str, folder: Path) -> dict:
    """`--way` in a process of its own."""
    print(f"{way} …", file=sys.stderr, flush=True)
    command = [
        sys.executable,
        "-m",
        "benchmarks.beto_throughput",
        "--way",
        way,
        "--work",
        str(folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        reason = (
            "out of memory; lower --batch_size" if done.returncode == -9 else done.stderr[-800:]
        )
        raise InputError(f"{way} ended with {done.returncode}: {reason}")
    return json.loads(done.stdout.splitlines()[-1])


def measure_alone(way: str, folder: Path) -> dict:
    return (
        gradient_difference(way.split("/")[0], folder) if "/check/" in way else measure(way, folder)
    )


def partner(row: dict, text_set: str) -> str:
    """The suite's way that reads as much of each text: titles are shorter than 128 pieces anyway."""
    return "suite-128" if row["max_length"] == 128 and text_set == "mixed" else "suite"


def ratio_of(row: dict, rows: list[dict], text_set: str) -> float:
    """How many times faster the suite does the same work."""
    suite = next(r for r in rows if r["way"] == partner(row, text_set))
    return suite["per_second"] / row["per_second"]


def compare(row: dict, rows: list[dict], folder: Path, text_set: str) -> str:
    """Probabilities against another stock way in fp32 that reads as much of each text, on the texts
    both did.

    Raises:
        InputError: a way in fp32 gives other probabilities.
    """
    others = [
        r
        for r in rows
        if partner(r, text_set) == partner(row, text_set)
        and r["precision"] == "fp32"
        and r["way"] != row["way"]
    ]
    if not others:
        return ""
    reference = max(others, key=examples_of)["way"]
    mine, other = (
        np.load(folder / f"{text_set}-predict-{name}.npy") for name in (row["way"], reference)
    )
    n = min(len(mine), len(other))
    row["max_difference"] = float(np.abs(mine[:n] - other[:n]).max())
    row["same_class"], row["compared"] = (
        float((mine[:n].argmax(1) == other[:n].argmax(1)).mean()),
        n,
    )
    row["reference"] = reference
    if row["precision"] == "fp32" and row["max_difference"] > FP32_TOLERANCE:
        raise InputError(
            f"{text_set}, {row['way']}: probabilities differ from {reference} by {row['max_difference']}"
        )
    return f"{reference}: Δp {row['max_difference']:.0e}, class {row['same_class']:.1%} (n {n})"


def examples_of(row: dict) -> int:
    """Whichever predicted most is the best to compare with; stock ways come before the suite's."""
    return row["examples"] * (not row["way"].startswith("suite"))


# From which width bf16 pays.


def bf16_crossover(args) -> list[dict]:
    """Seconds of a training step and of a prediction in fp32 and bf16 by width: 4 layers, two kinds
    of batches.
    """
    rows, device = (
        [],
        torch.device("cuda" if torch.cuda.is_available() and not args.use_cpu else "cpu"),
    )
    for width in args.widths:
        for batch, length in ((8, 24), (8, 256)):
            times = crossover_times(width, batch, length, device)
            rows.append(
                {"width": width, "batch": f"{batch} × {length}"}
                | times
                | {
                    "train_gain": times["train_fp32"] / times["train_bf16"],
                    "predict_gain": times["predict_fp32"] / times["predict_bf16"],
                }
            )
    return rows


def crossover_times(width: int, batch: int, length: int, device, rounds: int = 3) -> dict:
    """Best seconds of a step, the four ways in turn, so that a noisy moment hits them alike."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=2000,
        hidden_size=width,
        num_hidden_layers=4,
        num_attention_heads=heads(width),
        intermediate_size=4 * width,
        num_labels=16,
    )
    ids = torch.randint(5, 2000, (batch, length), device=device)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    labels = torch.randint(0, 16, (batch,), device=device)
    best = {}
    models = {
        kind: BertForSequenceClassification(config).to(device) for kind in ("train", "predict_fp32")
    }
    models["predict_bf16"] = BertForSequenceClassification(config).to(device, torch.bfloat16)
    optimizer = torch.optim.AdamW(models["train"].parameters(), lr=1e-5, fused=True)
    for _ in range(rounds):
        for kind in ("train_fp32", "train_bf16", "predict_fp32", "predict_bf16"):
            step = train_step if kind.startswith("train") else predict_step
            model = models.get(kind, models["train"])
            seconds = seconds_of(step, model, inputs, labels, optimizer, kind.endswith("bf16"))
            best[kind] = min(best.get(kind, seconds), seconds)
    return best


def seconds_of(step, *words, least: float = 0.1) -> float:
    """Mean seconds of `step(*words)` over a run of at least `least` seconds."""
    steps, start = 0, time.perf_counter()
    while (elapsed := time.perf_counter() - start) < least or steps == 0:
        step(*words)
        steps += 1
    return elapsed / steps


def train_step(model, inputs, labels, optimizer, bf16: bool):
    model.train()
    with torch.autocast(labels.device.type, torch.bfloat16, enabled=bf16):
        loss = model(**inputs, labels=labels).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item()
    optimizer.step()
    optimizer.zero_grad()


@torch.inference_mode()
def predict_step(model, inputs, labels, optimizer, bf16: bool):
    model.eval()(**inputs).logits.float().cpu()


# The report.


def markdown_report(results: dict) -> str:
    """The Markdown tables with what is needed to read them."""
    parts = [
        "# BETO throughput: the suite beside stock transformers\n",
        f"{hardware_line(results['hardware'])}. Command: "
        f"`python benchmarks/beto_throughput.py`; {results.get('seconds', 0) / 60:.1f} minutes in all.\n",
    ]
    for shape, measured in results["shapes"].items():
        for task, title in (
            ("train", f"training, batches of {measured['batch_size']}"),
            ("predict", f"prediction, batches of {PREDICT_BATCH}"),
        ):
            rows = [
                r
                | {
                    "way": DESCRIPTIONS[r["way"]]
                    + (f" (cuts {r['cut']:.0%})" if r["max_length"] == 128 and r["cut"] else "")
                }
                for r in measured["rows"]
                if r["task"] == task
            ]
            gpu = {"gpu_mb": "GPU peak MB"} if any(r["gpu_mb"] for r in rows) else {}
            shown = {k: v for k, v in (COLUMNS | gpu).items() if k != "same" or task == "predict"}
            parts += [
                f"## {shape} ({measured['layers']} × {measured['hidden_size']}): {title}, best of "
                f"{measured['repeats']}\n",
                markdown_table(rows, shown),
            ]
        parts += [
            f"Same gradients, {s} texts, padded to 512 against dynamic padding, without dropout: relative "
            f"difference {g['fp32']:.0e} in fp32; fp32 against bf16 {g['bf16']:.0e}.\n"
            for s, g in measured["gradients"].items()
        ]
    if "bf16_crossover" in results:
        parts += [
            "## bf16 by width (4 layers)\n",
            crossover_table(results["bf16_crossover"]),
            f"The suite trains in bf16 from a width of {BF16_TRAINING_MIN_HIDDEN_SIZE} on, "
            f"and predicts in it from {BF16_MIN_HIDDEN_SIZE} on.\n",
        ]
    return "\n".join(parts)


def crossover_table(rows: list[dict]) -> str:
    """Milliseconds a step, and how many times faster bf16 is."""
    shown = [
        {k: 1000 * v if k.endswith(("fp32", "bf16")) else cell(v) for k, v in row.items()}
        for row in rows
    ]
    return markdown_table(
        shown,
        {
            "width": "width",
            "batch": "texts × pieces",
            "train_fp32": "train fp32, ms",
            "train_bf16": "bf16, ms",
            "train_gain": "bf16 is × faster",
            "predict_fp32": "predict fp32, ms",
            "predict_bf16": "bf16, ms",
            "predict_gain": "bf16 is × faster",
        },
    )


if __name__ == "__main__":
    main()
