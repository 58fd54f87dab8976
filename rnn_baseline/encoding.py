"""The encoded corpus: flat arrays of word ids on disk, and batches gathered from them without
Python work per row.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from rnn_baseline.model import UNKNOWN
from rnn_baseline.tokenization import CHUNK, encode_and_mark, encode_chunks
from utils.data.cache import cached_folder, tokenizer_text

ARRAYS = ("tokens", "offsets", "labels")
TRUNCATED = "truncated"  # file with the number of a split's texts that are longer than is read


class EncodedDataset(torch.utils.data.Dataset):
    """Rows of word ids and labels in flat arrays, with the few methods of `datasets.Dataset` that
    the Trainer uses.

    A DataLoader hands whole lists of row numbers to `__getitems__`, which returns the padded batch;
    the collator has nothing left to do.
    """

    column_names = ["input_ids", "labels", "length"]

    def __init__(
        self,
        tokens: torch.Tensor,
        offsets: torch.Tensor,
        labels: torch.Tensor,
        rows: torch.Tensor | None = None,
        n_truncated: int = 0,
    ):
        """
        Args:
            tokens: (n_words,) int32, the word ids of all texts one after the other.
            offsets: (n_texts + 1,) int64, where each text begins in `tokens`.
            labels: (n_texts,) int64.
            rows: (n,) int64, numbers of the texts in use; None: all.
            n_truncated: how many of all texts are longer than what is read of them.
        """
        self.tokens = tokens
        self.offsets = offsets
        self.labels = labels
        self.n_truncated = n_truncated
        if rows is None:
            rows = torch.arange(len(labels), device=offsets.device)
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, key):
        """A column (`labels` or `length`) as (n,) numpy, or one row by its number."""
        if key == "labels":
            return self.labels[self.rows].cpu().numpy()
        if key == "length":
            return (self.offsets[self.rows + 1] - self.offsets[self.rows]).cpu().numpy()
        row = self.rows[key]
        words = self.tokens[self.offsets[row] : self.offsets[row + 1]]
        return {"input_ids": words, "labels": self.labels[row]}

    def __getitems__(self, numbers) -> dict[str, torch.Tensor]:
        """One batch: input_ids (batch, longest) int32, labels (batch,), and attention_mask where
        lengths differ.
        """
        rows = self.rows[torch.as_tensor(numbers, device=self.rows.device)]
        starts = self.offsets[rows]  # (batch,)
        lengths = self.offsets[rows + 1] - starts
        longest = max(1, int(lengths.max()))
        places = torch.arange(longest, device=rows.device)  # (longest,)
        words = places < lengths[:, None]  # (batch, longest)
        batch = {"labels": self.labels[rows]}
        if len(self.tokens):
            # Places behind a text's end read the next texts' words, and are blanked out.
            read = (starts[:, None] + places).clamp(max=len(self.tokens) - 1)
            batch["input_ids"] = self.tokens[read].masked_fill(~words, 0)
        else:
            batch["input_ids"] = torch.zeros(words.shape, dtype=torch.int32, device=rows.device)
        if int(lengths.min()) < longest and longest > 1:
            batch["attention_mask"] = words.long()
        return batch

    def select(self, numbers) -> "EncodedDataset":
        """The rows of these numbers, which share the arrays."""
        numbers = torch.as_tensor(np.asarray(numbers, np.int64), device=self.rows.device)
        return EncodedDataset(self.tokens, self.offsets, self.labels, self.rows[numbers])

    def to(self, device) -> "EncodedDataset":
        """The arrays read whole into a device's memory."""
        return EncodedDataset(
            self.tokens.to(device, copy=True),
            self.offsets.to(device, copy=True),
            self.labels.to(device, copy=True),
            self.rows.to(device, copy=True),
            self.n_truncated,
        )


def identity_collator(batch):
    """The collator of `EncodedDataset`: its batches are ready."""
    return batch


def encode_splits(splits, tokenizer, max_length: int) -> dict[str, EncodedDataset]:
    """The splits as mapped files, from the cache when these very rows were encoded before in this
    order (`utils.data.cache`).

    Texts are encoded chunk by chunk, so that memory stays bounded.
    """

    def write(folder: Path):
        for split, dataset in splits.items():
            write_split(folder / split, dataset, tokenizer, max_length)

    parts = (max_length, tokenizer_text(tokenizer), ARRAYS, TRUNCATED)
    folder = cached_folder("words", splits, parts, write)
    if folder is None:  # the cache cannot be written
        return {
            split: encode_dataset(dataset, tokenizer, max_length)
            for split, dataset in splits.items()
        }
    return {split: read_split(folder / split) for split in splits}


def encode_dataset(dataset, tokenizer, max_length: int) -> EncodedDataset:
    """One split with `text` and `label`, encoded in memory."""
    table = dataset.with_format("arrow")[:]
    tokens, offsets, truncated = encode_and_mark(table["text"], tokenizer, max_length)
    return EncodedDataset(
        torch.from_numpy(tokens),
        torch.from_numpy(offsets),
        torch.tensor(table["label"].to_numpy()),
        n_truncated=int(truncated.sum()),
    )


def write_split(folder: Path, dataset, tokenizer, max_length: int):
    """tokens, offsets and labels of a split as raw files; tokens are appended chunk by chunk."""
    folder.mkdir(parents=True)
    rows = dataset.with_format("arrow")
    texts = (rows[start : start + CHUNK]["text"] for start in range(0, len(dataset), CHUNK))
    lengths = [np.zeros(0, np.int64)]  # a split without a row has no chunk
    n_truncated = 0
    with open(folder / "tokens", "wb") as stream:
        for tokens, words, longer in encode_chunks(texts, tokenizer, max_length):
            tokens.tofile(stream)
            lengths.append(words)
            n_truncated += int(longer.sum())
    offsets = np.r_[0, np.cumsum(np.concatenate(lengths))]
    labels = dataset.with_format("numpy")["label"][:]
    offsets.astype(np.int64).tofile(folder / "offsets")
    labels.astype(np.int64).tofile(folder / "labels")
    (folder / TRUNCATED).write_text(str(n_truncated), encoding="utf-8")


def read_split(folder: Path) -> EncodedDataset:
    """A split that `write_split` wrote, mapped into memory."""
    arrays = {}
    for name, dtype in zip(ARRAYS, (torch.int32, torch.int64, torch.int64), strict=True):
        path = folder / name
        size = path.stat().st_size // dtype.itemsize
        empty = torch.zeros(0, dtype=dtype)  # a file of no bytes cannot be mapped
        arrays[name] = torch.from_file(str(path), size=size, dtype=dtype) if size else empty
    n_truncated = int((folder / TRUNCATED).read_text(encoding="utf-8"))
    return EncodedDataset(**arrays, n_truncated=n_truncated)


def describe_words(encoded: dict[str, EncodedDataset]) -> dict[str, Any]:
    """What the network will see of each split.

    Returns:
        `share_unknown` of the words, `empty` (number of texts without a word) and `share_truncated`
        of the texts, each by split.
    """
    report: dict[str, Any] = {"share_unknown": {}, "empty": {}, "share_truncated": {}}
    for split, dataset in encoded.items():
        lengths = dataset["length"]
        # In parts: memory would not hold the comparison of all words of a large mapped corpus.
        parts = dataset.tokens.split(1_000_000)
        n_unknown = sum(int((part == UNKNOWN).sum()) for part in parts)
        report["share_unknown"][split] = n_unknown / max(1, len(dataset.tokens))
        report["empty"][split] = int((lengths == 0).sum())
        report["share_truncated"][split] = dataset.n_truncated / max(1, len(dataset))
    return report
