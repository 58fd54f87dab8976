"""What predicting has in common in the torch packages: device, weights, batches by length."""

from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import AutoModelForSequenceClassification

from utils.errors import InputError
from utils.training.device import wants_bf16

TOKENS_PER_ROW = 128  # of a full batch; longer texts go in smaller batches


def inference_device(use_cpu: bool = False) -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() and not use_cpu else "cpu")


def load_classifier(
    run: Path,
    device: torch.device,
    precision: str = "auto",
    model_class=AutoModelForSequenceClassification,
):
    """The model of a run folder, ready to predict.

    Args:
        precision: fp32, bf16, or auto (see `wants_bf16`).
        model_class: one of transformers' `AutoModelFor…`.

    Raises:
        InputError: the weights cannot be loaded.
    """
    try:
        model = model_class.from_pretrained(run)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{run}: cannot be loaded ({reason}); copy the run folder again") from None
    hidden_size = getattr(model.config, "hidden_size", None)
    if precision == "bf16" or precision == "auto" and wants_bf16(hidden_size, device.type == "cpu"):
        model = model.to(torch.bfloat16)
    return model.to(device).eval()


def check_class_names(run: Path, class_names: list[str], model):
    """Refuse a run whose labels.json is not that of its weights: every name would be wrong."""
    own = [model.config.id2label[label_id] for label_id in range(model.config.num_labels)]
    if own != class_names:
        raise InputError(
            f"{run}/labels.json: not the classes that config.json names; copy the run folder again"
        )


def batches_by_length(lengths: list[int], batch_size: int) -> Iterator[list[int]]:
    """Yield lists of row numbers, longest texts first: up to `batch_size` rows and 128 times as
    many padded tokens.
    """
    order = sorted(range(len(lengths)), key=[-n for n in lengths].__getitem__)
    start = 0
    while start < len(order):
        longest = max(lengths[order[start]], 1)
        size = max(1, min(batch_size, batch_size * TOKENS_PER_ROW // longest))
        yield order[start : start + size]
        start += size
