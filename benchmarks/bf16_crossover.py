"""From which width on bf16 pays: seconds of a training step and of a prediction in fp32 and bf16.

beto_throughput.py adds this table to its report; utils/training/device.py takes its two
BF16_…_HIDDEN_SIZE from it.
"""

import time

import torch
from transformers import BertConfig, BertForSequenceClassification

from benchmarks.beto_work import heads
from benchmarks.common import cell, markdown_table

# Texts × pieces of a batch: titles and documents.
BATCHES = ((8, 24), (8, 256))
VOCABULARY = 2000
CLASSES = 16
COLUMNS = {
    "width": "width",
    "batch": "texts × pieces",
    "train_fp32": "train fp32, ms",
    "train_bf16": "bf16, ms",
    "train_gain": "bf16 is × faster",
    "predict_fp32": "predict fp32, ms",
    "predict_bf16": "bf16, ms",
    "predict_gain": "bf16 is × faster",
}


def bf16_crossover(widths: list[int], use_cpu: bool) -> list[dict]:
    """One row for each width and each of the BATCHES, measured on encoders of 4 layers."""
    on_gpu = torch.cuda.is_available() and not use_cpu
    device = torch.device("cuda" if on_gpu else "cpu")
    rows = []
    for width in widths:
        for batch, length in BATCHES:
            times = crossover_times(width, batch, length, device)
            row = {"width": width, "batch": f"{batch} × {length}"} | times
            row["train_gain"] = times["train_fp32"] / times["train_bf16"]
            row["predict_gain"] = times["predict_fp32"] / times["predict_bf16"]
            rows.append(row)
    return rows


def crossover_times(width: int, batch: int, length: int, device, rounds: int = 3) -> dict:
    """Best seconds of a step for `train_fp32`, `train_bf16`, `predict_fp32` and `predict_bf16`."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        num_hidden_layers=4,
        num_attention_heads=heads(width),
        intermediate_size=4 * width,
        num_labels=CLASSES,
    )
    ids = torch.randint(5, VOCABULARY, (batch, length), device=device)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    labels = torch.randint(0, CLASSES, (batch,), device=device)

    # Training keeps fp32 weights and computes in bf16; prediction holds its weights in bf16.
    trained = BertForSequenceClassification(config).to(device)
    predicting = BertForSequenceClassification(config).to(device)
    predicting_bf16 = BertForSequenceClassification(config).to(device, torch.bfloat16)
    optimizer = torch.optim.AdamW(trained.parameters(), lr=1e-5, fused=True)
    steps = {
        "train_fp32": (train_step, trained, inputs, labels, optimizer, False),
        "train_bf16": (train_step, trained, inputs, labels, optimizer, True),
        "predict_fp32": (predict_step, predicting, inputs),
        "predict_bf16": (predict_step, predicting_bf16, inputs),
    }

    # The four take turns, so that a noisy moment of the machine hits them alike.
    best: dict[str, float] = {}
    for _ in range(rounds):
        for name, (step, *arguments) in steps.items():
            seconds = seconds_of(step, *arguments)
            best[name] = min(best.get(name, seconds), seconds)
    return best


def seconds_of(step, *arguments, least: float = 0.1) -> float:
    """Mean seconds of `step(*arguments)` over a run of at least `least` seconds."""
    start = time.perf_counter()
    elapsed = 0.0
    steps = 0
    while steps == 0 or elapsed < least:
        step(*arguments)
        steps += 1
        elapsed = time.perf_counter() - start
    return elapsed / steps


def train_step(model, inputs, labels, optimizer, bf16: bool):
    """One step as the Trainer makes it, clipped gradients included."""
    model.train()
    with torch.autocast(labels.device.type, torch.bfloat16, enabled=bf16):
        loss = model(**inputs, labels=labels).loss
    loss.backward()
    # .item() waits for the GPU, as the Trainer's logging of the norm does.
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).item()
    optimizer.step()
    optimizer.zero_grad()


@torch.inference_mode()
def predict_step(model, inputs):
    """One batch to logits on the CPU."""
    model.eval()(**inputs).logits.float().cpu()


def crossover_table(rows: list[dict]) -> str:
    """Milliseconds a step, and how many times faster bf16 is, as Markdown."""
    shown = []
    for row in rows:
        milliseconds = {k: 1000 * v for k, v in row.items() if k.endswith(("fp32", "bf16"))}
        others = {k: cell(v) for k, v in row.items() if k not in milliseconds}
        shown.append(others | milliseconds)
    return markdown_table(shown, COLUMNS)
