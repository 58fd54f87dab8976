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
    """Pieces of documents one after the other, a separator behind each."""

    pieces: np.ndarray  # (n,) token ids
    starts: np.ndarray  # (n,) bool, whether a word begins here; separators begin one of their own

    def __len__(self):
        return len(self.pieces)


def pack_corpus(corpus: RawTexts, tokenizer) -> tuple[Stream, dict[str, Stream]]:
    """The train stream and the held-out stream of each source, memory-mapped from the cache.

    The cache lies below the `datasets` cache folder (HF_DATASETS_CACHE), keyed by texts, cut and
    tokenizer.
    """
    # Files bear numbers: a source may have a name that no file can have.
    rows = {"train": corpus.train}
    for number in range(len(corpus.source_names)):
        own = corpus.sources[corpus.held_out] == number
        rows[f"held_out_{number}"] = corpus.held_out[own]

    def write(folder: Path):
        counts = {}
        for name, numbers in rows.items():
            counts[name] = write_stream(folder / name, corpus.texts, numbers, tokenizer)
        (folder / "streams.json").write_text(json.dumps(counts), encoding="utf-8")

    content = {"corpus": corpus.hash} | {name: own.tolist() for name, own in rows.items()}
    digest = hashlib.sha256(json.dumps(content).encode()).hexdigest()
    folder = kept_folder("packed", {"rows": digest}, (tokenizer_text(tokenizer),), write)
    if folder is None:
        raise InputError(
            "the packed texts have no place; free space, or name another in HF_DATASETS_CACHE"
        )

    # A file without a byte cannot be mapped, so that streams without a piece are left out.
    counts = json.loads((folder / "streams.json").read_text(encoding="utf-8"))
    streams = {}
    for name, count in counts.items():
        if count:
            streams[name] = read_stream(folder / name, tokenizer, count)
    if "train" not in streams:
        raise InputError("the corpus gives not one piece to train on; check --dataset")
    held_out = {}
    for number, source in enumerate(corpus.source_names):
        if f"held_out_{number}" in streams:
            held_out[source] = streams[f"held_out_{number}"]
    return streams["train"], held_out


def piece_type(tokenizer) -> np.dtype:
    """The smallest type that holds the tokenizer's ids."""
    return np.dtype(np.uint16 if len(tokenizer) <= 2**16 else np.uint32)


def write_stream(path: Path, texts, rows: np.ndarray, tokenizer) -> int:
    """Tokenise the rows' texts into `<path>.pieces` and `<path>.starts`; returns the number of
    pieces.
    """
    dtype = piece_type(tokenizer)
    separator = separator_of(tokenizer)
    count = 0
    with (
        open(f"{path}.pieces", "wb") as pieces,
        open(f"{path}.starts", "wb") as starts,
        tqdm(
            total=len(rows), desc=f"tokenising {path.name}", unit=" documents", disable=None
        ) as bar,
    ):
        for batch in text_batches(texts, rows):
            parts = [part for part, _ in batch]
            encodings = tokenizer.backend_tokenizer.encode_batch(parts, add_special_tokens=False)
            for encoding, (_, is_last) in zip(encodings, batch, strict=True):
                # A word begins where the number of the word changes; what belongs to no word and
                # separators have numbers of their own, and so has the place before the first.
                ids = list(encoding.ids)
                words = [-2 if word is None else word for word in encoding.word_ids]
                if is_last:
                    ids.append(separator)
                    words.append(-1)
                    bar.update()
                begins = np.diff(np.array(words, np.int64), prepend=-3) != 0
                pieces.write(np.array(ids, dtype).tobytes())
                starts.write(begins.tobytes())
                count += len(ids)
    return count


def text_batches(texts, rows: np.ndarray):
    """Yield lists of (part of a text, whether it is the last one) of some BATCH_CHARACTERS."""
    batch: list[tuple[str, bool]] = []
    characters = 0
    for row in rows:
        for part, is_last in parts_of(texts[int(row)].as_py()):
            batch.append((part, is_last))
            characters += len(part)
            if characters > BATCH_CHARACTERS:
                yield batch
                batch = []
                characters = 0
    if batch:
        yield batch


def parts_of(text: str):
    """Yield (part, whether it is the last one) of at most LONGEST_PART characters, cut at white
    space if there is any.
    """
    while len(text) > LONGEST_PART:
        cut = max(text.rfind(" ", 0, LONGEST_PART), text.rfind("\n", 0, LONGEST_PART))
        if cut <= 0:
            cut = LONGEST_PART
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
    """The id of the piece between documents: [SEP], else the end-of-text piece.

    Raises:
        InputError: the tokenizer has neither, or no mask piece.
    """
    separator = tokenizer.sep_token_id
    if separator is None:
        separator = tokenizer.eos_token_id
    if separator is None or tokenizer.mask_token_id is None:
        raise InputError(
            f"{tokenizer.name_or_path}: the tokenizer has no separator or no mask piece; masked "
            "language modelling needs a BERT-like tokenizer"
        )
    return separator


def check_known(stream: Stream, tokenizer, where: str):
    """Refuse texts of whose first million pieces the tokenizer knows not one."""
    known = ~np.isin(stream.pieces[:1_000_000], tokenizer.all_special_ids)
    if not known.any():
        raise InputError(
            f"{where}: not one piece of the texts is known to the tokenizer; check that it is for "
            "this language, or train one with scripts/explore/train_tokenizer.py"
        )


class MaskedRows(torch.utils.data.Dataset):
    """Rows of a stream with their masks: `input_ids` and `labels` (length,), the label being -100
    where not masked.

    A number stands for (visit, row): number // n_rows and number % n_rows. Everything drawn is a
    function of (seed, visit, row, place) alone, so that neither the batch size, nor the number of
    processes, nor a resume changes a mask, and each visit of a row draws other ones.

    Args:
        stream: the documents' pieces.
        tokenizer: whose mask, first and special pieces are used.
        length: pieces in a row, the first one included.
        share: chance of each word to be masked.
        seed: of all that is drawn.
        whole_words: draw words rather than pieces.
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
        self.stream = stream
        self.length = length
        self.share = share
        self.seed = seed
        self.whole_words = whole_words
        self.n_rows = len(stream) // (length - 1)  # what does not fill a row is left out
        self.first = tokenizer.cls_token_id
        if self.first is None:
            self.first = separator_of(tokenizer)
        self.mask = tokenizer.mask_token_id
        self.vocabulary = len(tokenizer)
        special_ids = tokenizer.all_special_ids
        # A table over ids; special ones may lie behind the vocabulary's end.
        self.special = np.zeros(max(self.vocabulary, max(special_ids) + 1), bool)
        self.special[special_ids] = True

    def __len__(self):
        return self.n_rows

    def __getitems__(self, numbers):
        """A batch: list of rows, drawn together."""
        visits, rows = np.divmod(np.asarray(numbers, np.int64), self.n_rows)
        taken = self.length - 1
        places = rows[:, None] * taken + np.arange(taken)  # (batch, length - 1)
        pieces = self.stream.pieces[places].astype(np.int64)
        first = np.full((len(rows), 1), self.first)
        ids = np.concatenate([first, pieces], 1)  # (batch, length)
        # The row's first piece begins a word, even in the middle of one.
        starts = np.ones(ids.shape, bool)
        starts[:, 2:] = self.stream.starts[places][:, 1:]
        # The same row has another key at each visit.
        inputs, labels = self.mask_batch(ids, starts, visits * self.n_rows + rows)
        return [{"input_ids": i, "labels": j} for i, j in zip(inputs, labels, strict=True)]

    def __getitem__(self, number):
        return self.__getitems__([number])[0]

    def mask_batch(self, ids, starts, keys):
        """Inputs and labels (batch, length): of the words drawn, 80 % become [MASK], 10 % random
        pieces, 10 % stay (Devlin et al. 2019; whole words as in the authors' later release).

        Special pieces are never masked.

        Args:
            ids: (batch, length) pieces.
            starts: (batch, length) bool, whether a word begins here.
            keys: (batch,) what the masks of each row are drawn from.
        """
        places = np.broadcast_to(np.arange(ids.shape[1]), ids.shape)
        words = np.cumsum(starts, 1) if self.whole_words else places
        drawn = uniform(keys, words, 3 * self.seed) < self.share
        drawn &= ~self.special[ids]
        kind = uniform(keys, words, 3 * self.seed + 1)
        random = (uniform(keys, places, 3 * self.seed + 2) * self.vocabulary).astype(np.int64)
        inputs = np.where(drawn & (kind < 0.8), self.mask, ids)
        inputs = np.where(drawn & (kind >= 0.9), random, inputs)
        labels = np.where(drawn, ids, IGNORED)
        return torch.from_numpy(inputs), torch.from_numpy(labels)


def uniform(keys: np.ndarray, places: np.ndarray, seed: int) -> np.ndarray:
    """Numbers in [0, 1) that depend on (key of the row, place, seed) alone: keys (batch,), places
    (batch, length).
    """
    mixed = splitmix64(splitmix64(keys, seed)[:, None] ^ places.astype(np.uint64), seed)
    return (mixed >> np.uint64(11)) * 2.0**-53  # the upper 53 bits, which a double holds exactly


class PassSampler(torch.utils.data.Sampler):
    """Every row once in each pass, in an order that depends on (seed, pass) alone; yields visit ·
    n_rows + row.
    """

    def __init__(self, n_rows: int, seed: int):
        self.n_rows = n_rows
        self.seed = seed
        self.epoch = 0

    def __len__(self):
        return self.n_rows

    def set_epoch(self, epoch: int):
        self.epoch = epoch

    def __iter__(self):
        order = np.random.default_rng([self.seed, self.epoch]).permutation(self.n_rows)
        return iter((self.epoch * self.n_rows + order).tolist())
