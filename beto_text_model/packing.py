"""Documents to one stream of pieces, the stream to full rows, and whole-word masks drawn anew at
each visit.

A row is `[CLS]` and the next pieces of the stream; documents follow each other with a separator
between them. There is no padding, and attention crosses the separator, as in BERT and RoBERTa.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from beto_text_model.raw_texts import RawTexts
from utils.data.cache import kept_folder, tokenizer_text
from utils.data.splits import splitmix64
from utils.errors import InputError

# A longer document goes to the tokenizer in parts: it needs some hundred bytes for each character
# it holds.
LONGEST_PART = 100_000
BATCH_CHARACTERS = 4_000_000
IGNORED = -100  # the label of a position that is not predicted


@dataclass
class Stream:
    """Pieces of documents one after the other."""

    pieces: np.ndarray  # (n,) token ids
    starts: np.ndarray  # (n,) bool, whether a word begins here; separators begin one of their own

    def __len__(self):
        return len(self.pieces)


def pack_corpus(corpus: RawTexts, tokenizer) -> tuple[Stream, dict[str, Stream]]:
    """The train stream and the held-out stream of each source, memory-mapped from the cache.

    The cache lies below the `datasets` cache folder (HF_DATASETS_CACHE), keyed by texts, cut and
    tokenizer.
    """
    rows = {"train": corpus.train}
    for code in range(len(corpus.names)):
        rows[f"held_out_{code}"] = corpus.held_out[corpus.sources[corpus.held_out] == code]

    def write(folder: Path):
        counts = {
            name: write_stream(folder / name, corpus.texts, numbers, tokenizer)
            for name, numbers in rows.items()
        }
        (folder / "streams.json").write_text(json.dumps(counts), encoding="utf-8")

    told_by = {"corpus": corpus.hash} | {name: r.tolist() for name, r in rows.items()}
    digest = hashlib.sha256(json.dumps(told_by).encode()).hexdigest()
    folder = kept_folder("packed", {"rows": digest}, (tokenizer_text(tokenizer),), write)
    if folder is None:
        raise InputError(
            "the packed texts have no place; free space, or name another in HF_DATASETS_CACHE"
        )
    counts = json.loads((folder / "streams.json").read_text(encoding="utf-8"))
    streams = {
        name: read_stream(folder / name, tokenizer, counts[name]) for name in counts if counts[name]
    }
    if "train" not in streams:
        raise InputError("the corpus gives not one piece to train on; check --dataset")
    held_out = {name: streams.get(f"held_out_{code}") for code, name in enumerate(corpus.names)}
    return streams["train"], {
        name: stream for name, stream in held_out.items() if stream is not None
    }


def piece_type(tokenizer) -> np.dtype:
    return np.dtype(np.uint16 if len(tokenizer) <= 2**16 else np.uint32)


def write_stream(path: Path, texts, rows: np.ndarray, tokenizer) -> int:
    """Tokenise the rows' texts into `<path>.pieces` and `<path>.starts`; returns the number of
    pieces.
    """
    dtype, count, separator = piece_type(tokenizer), 0, separator_of(tokenizer)
    with open(f"{path}.pieces", "wb") as pieces, open(f"{path}.starts", "wb") as starts:
        bar = tqdm(total=len(rows), desc=f"tokenising {path.name}", unit=" documents", disable=None)
        for batch in text_batches(texts, rows):
            encodings = tokenizer.backend_tokenizer.encode_batch(
                [part for part, _ in batch], add_special_tokens=False
            )
            for encoding, (_, ends) in zip(encodings, batch, strict=True):
                ids = np.array(encoding.ids + [separator] * ends, dtype)
                words = np.array(
                    [-2 if word is None else word for word in encoding.word_ids] + [-1] * ends
                )
                pieces.write(ids.tobytes())
                starts.write(np.diff(words, prepend=-3).astype(bool).tobytes())
                count += len(ids)
                bar.update(ends)
        bar.close()
    return count


def text_batches(texts, rows: np.ndarray):
    """Lists of (part of a text, whether the text ends with it) of some four million characters."""
    batch, characters = [], 0
    for row in rows:
        for part, ends in parts_of(texts[int(row)].as_py()):
            batch.append((part, ends))
            characters += len(part)
            if characters > BATCH_CHARACTERS:
                yield batch
                batch, characters = [], 0
    if batch:
        yield batch


def parts_of(text: str):
    """The text in (part, whether it is the last) of at most LONGEST_PART characters, cut at white
    space if any.
    """
    while len(text) > LONGEST_PART:
        cut = max(text.rfind(" ", 0, LONGEST_PART), text.rfind("\n", 0, LONGEST_PART))
        cut = cut if cut > 0 else LONGEST_PART
        yield text[:cut], False
        text = text[cut:]
    yield text, True


def read_stream(path: Path, tokenizer, count: int) -> Stream:
    """A stream that `write_stream` wrote, mapped into memory.

    Raises:
        InputError: it does not hold the `count` pieces that were written.
    """
    stream = Stream(
        np.memmap(f"{path}.pieces", piece_type(tokenizer), "r"),
        np.memmap(f"{path}.starts", bool, "r"),
    )
    if len(stream.pieces) != count or len(stream.starts) != count:
        raise InputError(
            f"{path}: {len(stream.pieces)} pieces where {count} were packed; remove this folder"
        )
    return stream


def separator_of(tokenizer) -> int:
    """The piece between documents: [SEP], or the end-of-text of tokenizers that have no separator."""
    found = tokenizer.sep_token_id if tokenizer.sep_token_id is not None else tokenizer.eos_token_id
    if found is None or tokenizer.mask_token_id is None:
        raise InputError(
            f"{tokenizer.name_or_path}: the tokenizer has no separator or no mask piece; masked language "
            "modelling needs a BERT-like tokenizer"
        )
    return found


def check_known(stream: Stream, tokenizer, where: str):
    """Refuse texts that the tokenizer does not know at all."""
    known = ~np.isin(stream.pieces[:1_000_000], tokenizer.all_special_ids)
    if not known.any():
        raise InputError(
            f"{where}: not one piece of the texts is known to the tokenizer; check that it is for this "
            "language, or train one with scripts/explore/train_tokenizer.py"
        )


class MaskedRows(torch.utils.data.Dataset):
    """Rows of a stream with their masks: `input_ids` and `labels` (length,), the label being -100
    where not masked.

    A number stands for (visit, row): number // n_rows and number % n_rows. Everything drawn is a
    function of (seed, visit, row, place) alone, so that neither the batch size, nor the number of
    processes, nor a resume changes a mask, and each visit of a row draws other ones.

    Args:
        share: chance of each word to be masked. whole_words: draw words rather than pieces.
    """

    def __init__(
        self,
        stream: Stream,
        tokenizer,
        length: int,
        share: float,
        seed: int,
        whole_words: bool = True,
    ):
        self.stream, self.length, self.share, self.seed, self.whole_words = (
            stream,
            length,
            share,
            seed,
            whole_words,
        )
        self.n_rows = len(stream) // (length - 1)
        self.first = (
            tokenizer.cls_token_id
            if tokenizer.cls_token_id is not None
            else separator_of(tokenizer)
        )
        self.mask, self.vocabulary = tokenizer.mask_token_id, len(tokenizer)
        self.special = np.zeros(max(self.vocabulary, int(max(tokenizer.all_special_ids)) + 1), bool)
        self.special[tokenizer.all_special_ids] = True

    def __len__(self):
        return self.n_rows

    def __getitems__(self, numbers):
        """A batch: list of rows, drawn together."""
        visits, rows = np.divmod(np.asarray(numbers, np.int64), self.n_rows)
        places = rows[:, None] * (self.length - 1) + np.arange(
            self.length - 1
        )  # (batch, length - 1)
        ids = np.concatenate(
            [np.full((len(rows), 1), self.first), self.stream.pieces[places].astype(np.int64)], 1
        )
        starts = np.concatenate(
            [np.ones((len(rows), 2), bool), self.stream.starts[places][:, 1:]], 1
        )
        inputs, labels = self.mask_batch(ids, starts, visits * self.n_rows + rows)
        return [{"input_ids": i, "labels": j} for i, j in zip(inputs, labels, strict=True)]

    def __getitem__(self, number):
        return self.__getitems__([number])[0]

    def mask_batch(self, ids, starts, keys):
        """Mask `ids` (batch, length): of the words drawn, 80 % become [MASK], 10 % random pieces,
        10 % stay.

        (Devlin et al. 2019; whole words as in the authors' later release.) Special pieces are never
        masked.
        """
        words = (
            np.cumsum(starts, 1)
            if self.whole_words
            else np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
        )
        drawn = uniform(keys, words, 3 * self.seed) < self.share
        drawn &= ~self.special[ids]
        kind = uniform(keys, words, 3 * self.seed + 1)
        places = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
        random = (uniform(keys, places, 3 * self.seed + 2) * self.vocabulary).astype(np.int64)
        inputs = np.where(
            drawn & (kind < 0.8), self.mask, np.where(drawn & (kind >= 0.9), random, ids)
        )
        return torch.from_numpy(inputs), torch.from_numpy(np.where(drawn, ids, IGNORED))


def uniform(keys: np.ndarray, places: np.ndarray, seed: int) -> np.ndarray:
    """Numbers in [0, 1) that depend on (key of the row, place, seed) alone: keys (batch,), places
    (batch, length).
    """
    mixed = splitmix64(splitmix64(keys, seed)[:, None] ^ places.astype(np.uint64), seed)
    return (mixed >> np.uint64(11)) * 2.0**-53


class PassSampler(torch.utils.data.Sampler):
    """Every row once in each pass, in an order that depends on (seed, pass) alone; yields visit ·
    n_rows + row.
    """

    def __init__(self, n_rows: int, seed: int):
        self.n_rows, self.seed, self.epoch = n_rows, seed, 0

    def __len__(self):
        return self.n_rows

    def set_epoch(self, epoch: int):
        self.epoch = epoch

    def __iter__(self):
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.n_rows)
        return iter((self.epoch * self.n_rows + order).tolist())
