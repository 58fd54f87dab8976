"""What predicting has in common in the torch rooms: device, weights, batches by length."""

import torch
from safetensors import SafetensorError
from transformers import AutoModelForSequenceClassification

from utils.errors import InputError
from utils.training.device import wants_bf16

TOKENS_PER_ROW = 128  # of a full batch; longer texts go in smaller batches


def inference_device(use_cpu: bool = False) -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() and not use_cpu else "cpu")


def load_classifier(run, device: torch.device, precision: str = "auto"):
    """The model of a run folder, ready to predict; `precision` is fp32, bf16 or auto (see
    `wants_bf16`).
    """
    try:
        model = AutoModelForSequenceClassification.from_pretrained(run)
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{run}: cannot be loaded ({reason}); copy the run folder again") from None
    hidden_size = getattr(model.config, "hidden_size", None)
    if precision == "bf16" or precision == "auto" and wants_bf16(hidden_size, device.type == "cpu"):
        model = model.to(torch.bfloat16)
    return model.to(device).eval()


def batches_by_length(lengths: list[int], batch_size: int):
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
