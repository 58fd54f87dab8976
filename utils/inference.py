"""Class probabilities of any texts with a finished text model: sorted by length, padded no more
than needed.
"""

import numpy as np
import torch
from tqdm import tqdm
from transformers import AutoModelForSequenceClassification

from utils.training import probabilities_of, wants_bf16

TOKENISE_ROWS = 10_000
TOKENS_PER_ROW = 128  # of a full batch; longer texts go in smaller batches


def inference_device(use_cpu: bool = False) -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() and not use_cpu else "cpu")


def load_classifier(run, device: torch.device, precision: str = "auto"):
    """The model of a run folder, ready to predict; `precision` is fp32, bf16 or auto (see
    `wants_bf16`).
    """
    model = AutoModelForSequenceClassification.from_pretrained(run)
    hidden_size = getattr(model.config, "hidden_size", None)
    if precision == "bf16" or precision == "auto" and wants_bf16(hidden_size, device.type == "cpu"):
        model = model.to(torch.bfloat16)
    return model.to(device).eval()


def cut_of(config: dict) -> tuple[int, str]:
    """How many pieces a run (its config.yaml) reads of a text, and what a longer one loses."""
    return config["model"]["max_length"], config["model"].get("truncation_side", "right")


def tokenise_texts(
    tokenizer, texts: list[str], max_length: int, truncation_side: str = "right"
) -> list[list[int]]:
    """Token ids of each text, at most `max_length`; None counts as an empty text.

    Args:
        truncation_side: what a longer text loses: `right`, its end, or `middle`, so that its two
            ends are read (head and tail: Sun et al. 2019).
    """
    ids = []
    for start in range(0, len(texts), TOKENISE_ROWS):
        chunk = [text or "" for text in texts[start : start + TOKENISE_ROWS]]
        if truncation_side == "middle":
            ids += [
                cut_middle(whole, max_length)
                for whole in tokenizer(chunk, verbose=False)["input_ids"]
            ]
        else:
            ids += tokenizer(chunk, truncation=True, max_length=max_length)["input_ids"]
    return ids


def cut_middle(ids: list[int], max_length: int) -> list[int]:
    """The two ends of `ids`, `max_length` in all, special tokens at the ends included; the first is
    the longer one.
    """
    if len(ids) <= max_length:
        return ids
    return ids[: (max_length + 1) // 2] + ids[len(ids) - max_length // 2 :]


@torch.inference_mode()
def predict_probabilities(
    model, tokenizer, input_ids: list[list[int]], batch_size: int
) -> np.ndarray:
    """Class probabilities (n, n_classes) float32 in the order of `input_ids`.

    Batches are cut from the texts sorted by length, so that padding is small, and hold fewer of the
    long ones; neither the batch nor the padding changes a probability beyond rounding.
    """
    lengths = [len(ids) for ids in input_ids]
    logits = np.empty((len(input_ids), model.config.num_labels), np.float32)
    bar = tqdm(total=len(input_ids), desc="predicting", unit=" texts", disable=None)
    for rows in batches_by_length(lengths, batch_size):
        batch = tokenizer.pad({"input_ids": [input_ids[r] for r in rows]}, return_tensors="pt").to(
            model.device
        )
        logits[rows] = model(**batch).logits.float().cpu().numpy()
        bar.update(len(rows))
    bar.close()
    return probabilities_of(logits)


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
