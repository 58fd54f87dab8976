"""Pretrained word vectors (word2vec, GloVe, fastText as text): only the rows of the vocabulary are
kept in memory.
"""

import bz2
import gzip
import logging
import unicodedata
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from utils.errors import InputError

logger = logging.getLogger(__name__)
OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open}


def read_vectors(path, vocabulary: dict[str, int], size: int) -> dict[int, np.ndarray]:
    """Vectors of the vocabulary's words: {id: (size,) float32}.

    The file is read line by line; a first line of two numbers (word2vec's, fastText's) is a header,
    GloVe has none. A word of the vocabulary takes the vector of its own spelling (NFC), else that
    of its first spelling in other case.

    Args:
        path: .txt, .vec or any name, plain, .gz or .bz2.

    Raises:
        InputError: no such file, empty, damaged, cut short, or a row of another dimension than
            `size`.
    """
    path = Path(path)
    vectors = VocabularyVectors(vocabulary, size)
    rows = 0
    announced = None
    try:
        with OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8", newline="\n") as stream:
            for number, line in enumerate(stream, 1):
                parts = line.rstrip().split(" ")
                if number == 1 and len(parts) == 2 and all(part.isdigit() for part in parts):
                    announced = int(parts[0])
                    continue
                rows += 1
                vectors.add(parts, f"{path}: line {number}")
    except UnicodeDecodeError:
        raise InputError(
            f"{path}: not UTF-8 text; give the vectors as text (word2vec's .txt, fastText's .vec)"
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        # What the decompressors raise of a damaged file has no word of the system's.
        reason = getattr(error, "strerror", None) or f"damaged or cut short ({error})"
        raise InputError(f"{path}: {reason}; check --vectors or fetch the file again") from None
    if not rows:
        raise InputError(f"{path}: no vector in it; check --vectors")
    if announced is not None and rows < announced:
        raise InputError(
            f"{path}: {rows} vectors, {announced} announced in its first line: the file was cut "
            "short; fetch it again"
        )
    return vectors.folded | vectors.found


@dataclass
class VocabularyVectors:
    """The vectors of a vocabulary's words, collected row by row of a file."""

    vocabulary: dict[str, int]
    size: int
    found: dict[int, np.ndarray] = field(default_factory=dict)  # by the word's own spelling
    folded: dict[int, np.ndarray] = field(default_factory=dict)  # by its lower case

    def add(self, parts: list[str], where: str):
        """Keep the vector of a row (a word, which may hold blanks, and its numbers) where the
        vocabulary has the word; the first one of a word counts.

        Raises:
            InputError: another number of numbers than `size`, or none that is a number.
        """
        if len(parts) <= self.size:
            raise InputError(
                f"{where}: {len(parts) - 1} numbers, {self.size} expected; give --embedding_size "
                "of the file, or fetch the file again"
            )
        word = unicodedata.normalize("NFC", " ".join(parts[: -self.size]))
        # Words of several parts are allowed (fastText has some), but not ones that end in a number.
        if " " in word and is_number(parts[-self.size - 1]):
            raise InputError(
                f"{where}: more than {self.size} numbers; give --embedding_size of the file"
            )
        word_id = self.vocabulary.get(word)
        lower_id = self.vocabulary.get(word.lower())
        if word_id is None and lower_id is None:
            return
        try:
            vector = np.array(parts[-self.size :], np.float32)
        except ValueError:
            raise InputError(
                f"{where}: not a word and {self.size} numbers; fetch the file again"
            ) from None
        if not np.isfinite(vector).all():
            raise InputError(f"{where}: a number that is not finite; fetch the file again")
        if word_id is not None:
            self.found.setdefault(word_id, vector)
        elif lower_id is not None:
            self.folded.setdefault(lower_id, vector)


def is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def fill_embedding(weight: torch.Tensor, path, tokenizer) -> dict[str, Any]:
    """Put pretrained vectors into an embedding table (vocabulary, size); returns their coverage:
    `file`, `words` with a vector and their `share`.

    Words without a vector keep their random start, scaled to the vectors' own spread; the PAD row
    stays zero.

    Raises:
        InputError: as `read_vectors`, or no word of the vocabulary has a vector.
    """
    vocabulary = {word: word_id for word, word_id in tokenizer.get_vocab().items() if word_id > 1}
    vectors = read_vectors(path, vocabulary, weight.shape[1])
    if not vectors:
        raise InputError(
            f"{path}: has none of the {len(vocabulary)} words of the training texts; check its "
            "language and --filters"
        )
    word_ids = torch.tensor(list(vectors))
    table = torch.from_numpy(np.stack(list(vectors.values())))
    with torch.no_grad():
        spread = table.std()
        if spread > 0:
            weight *= spread / weight[1:].std()
        weight[word_ids] = table
        weight[0] = 0
    coverage = {
        "file": Path(path).name,
        "words": len(vectors),
        "share": len(vectors) / len(vocabulary),
    }
    logger.info(
        f"{coverage['file']}: vectors for {len(vectors)} of {len(vocabulary)} words "
        f"({coverage['share']:.1%})"
    )
    return coverage
