"""What rnn_throughput.py compares with: a notebook's preparation, training and prediction, with
Python per row.
"""

import gzip
import json
import re
import string
import time

import numpy as np
import torch
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

from utils.metrics import classification_metrics
from utils.training import probabilities_of

UNKNOWN = 1
FILTERS = (  # rnn_baseline's default ones, as gensim writes them
    (re.compile(r"<[^>]+>"), ""),
    (re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])"), " "),
    (re.compile(f"[{re.escape(string.punctuation)}]"), " "),
    (re.compile(r"[\W_]"), " "),
)


def row_ids(text: str, known: dict[str, int], max_length: int) -> list[int]:
    """The ids of one text: filter after filter, then a dictionary."""
    text = text.lower()
    for pattern, replacement in FILTERS:
        text = pattern.sub(replacement, text)
    return [known.get(word, UNKNOWN) for word in text.split()][:max_length]


def read_rows(path: str, known: dict[str, int], max_length: int) -> list[list[int]]:
    """The ids of every row of a jsonl.gz."""
    with gzip.open(path, "rt", encoding="utf-8") as stream:
        return [row_ids(json.loads(line)["text"], known, max_length) for line in stream]


class Rows(Dataset):
    """One item a row: a list of ids and a label."""

    def __init__(self, ids: list[list[int]], labels: list[int]):
        self.ids = ids
        self.labels = labels

    def __len__(self):
        return len(self.ids)

    def __getitem__(self, row: int) -> dict:
        return {"data": self.ids[row], "target": self.labels[row]}


def pad(items: list[dict]) -> dict[str, torch.Tensor]:
    """A batch of items: ids (batch, longest), lengths (batch,), labels (batch,)."""
    lengths = [len(item["data"]) for item in items]
    longest = max(1, *lengths)
    data = [item["data"] + [0] * (longest - len(item["data"])) for item in items]
    return {
        "data": torch.tensor(data),
        "lengths": torch.tensor(lengths),
        "target": torch.tensor([item["target"] for item in items]),
    }


def logits_of(model, batch: dict, device, packed: bool):
    """The network on a padded batch; not `packed`: padding is read as words, as the first of the
    origins did.
    """
    data = batch["data"].to(device)  # (batch, longest)
    mask = None
    if packed:
        mask = (torch.arange(data.shape[1]) < batch["lengths"][:, None]).long().to(device)
    return model(data, mask).logits


def train_epochs(
    model, splits: dict[str, Rows], epochs: int, batch_size: int, device, packed: bool
) -> dict:
    """A plain loop, Adam 1e-3, with an evaluation after every epoch.

    Returns:
        `seconds` of training alone, and `history`: (seconds since the start, balanced accuracy of
        validation) after each epoch.
    """
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    loader = DataLoader(splits["train"], batch_size=batch_size, shuffle=True, collate_fn=pad)
    start = time.perf_counter()
    seconds = 0.0
    history = []
    for _ in range(epochs):
        begun = time.perf_counter()
        model.train()
        for batch in loader:
            optimizer.zero_grad()
            logits = logits_of(model, batch, device, packed)
            loss = cross_entropy(logits, batch["target"].to(device))
            loss.backward()
            optimizer.step()
        seconds += time.perf_counter() - begun
        found = probabilities(model, splits["validation"], device, packed)
        score = balanced_accuracy(splits["validation"], found)
        history.append((time.perf_counter() - start, score))
    return {"seconds": seconds, "history": history}


@torch.no_grad()
def probabilities(model, rows: Rows, device, packed: bool, batch_size: int = 128) -> np.ndarray:
    """Class probabilities (n, n_classes) in the order of the rows."""
    model.eval()
    loader = DataLoader(rows, batch_size=batch_size, collate_fn=pad)
    logits = [logits_of(model, batch, device, packed).cpu() for batch in loader]
    return probabilities_of(torch.cat(logits).numpy())


def balanced_accuracy(rows: Rows, found: np.ndarray) -> float:
    return float(classification_metrics(np.array(rows.labels), found)["balanced_accuracy"])
