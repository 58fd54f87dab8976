"""Pretrained word vectors (word2vec, GloVe, fastText as text): only the rows of the vocabulary are
kept in memory.
"""

import bz2
import gzip
import logging
import unicodedata
import zlib
from pathlib import Path

import numpy as np
import torch

from utils.errors import InputError

logger = logging.getLogger(__name__)
OPENERS = {".gz": gzip.open, ".bz2": bz2.open}


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
    found, folded, rows, announced = {}, {}, 0, None
    try:
        with OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8", newline="\n") as stream:
            for number, line in enumerate(stream, 1):
                parts = line.rstrip().split(" ")
                if number == 1 and len(parts) == 2 and all(part.isdigit() for part in parts):
                    announced = int(parts[0])
                    continue
                rows += 1
                keep_row(parts, size, f"{path}: line {number}", vocabulary, found, folded)
    except UnicodeDecodeError:
        raise InputError(
            f"{path}: not UTF-8 text; give the vectors as text (word2vec's .txt, fastText's .vec)"
        ) from None
    except (OSError, EOFError, zlib.error) as error:
        reason = (
            error.strerror
            if getattr(error, "strerror", None)
            else f"damaged or cut short ({error})"
        )
        raise InputError(f"{path}: {reason}; check --vectors or fetch the file again") from None
    if not rows:
        raise InputError(f"{path}: no vector in it; check --vectors")
    if announced is not None and rows < announced:
        raise InputError(
            f"{path}: {rows} vectors, {announced} announced in its first line: the file was cut short; "
            "fetch it again"
        )
    return folded | found


def keep_row(parts: list[str], size: int, where: str, vocabulary: dict, found: dict, folded: dict):
    """Put one row's vector into `found` (the word itself) or `folded` (its lower case) where the
    vocabulary has it.
    """
    if len(parts) <= size:
        raise InputError(
            f"{where}: {len(parts) - 1} numbers, {size} expected; give --embedding_size of the file, "
            "or fetch the file again"
        )
    word = unicodedata.normalize("NFC", " ".join(parts[:-size]))
    code, lower = vocabulary.get(word), vocabulary.get(word.lower())
    if " " in word and is_number(parts[len(parts) - size - 1]):
        raise InputError(f"{where}: more than {size} numbers; give --embedding_size of the file")
    if code is None and lower is None:
        return
    try:
        vector = np.array(parts[-size:], np.float32)
    except ValueError:
        raise InputError(f"{where}: not a word and {size} numbers; fetch the file again") from None
    if not np.isfinite(vector).all():
        raise InputError(f"{where}: a number that is not finite; fetch the file again")
    if code is not None:
        found.setdefault(code, vector)
    elif lower is not None:
        folded.setdefault(lower, vector)


def is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def fill_embedding(weight: torch.Tensor, path, tokenizer) -> dict:
    """Put pretrained vectors into an embedding table (vocabulary, size); returns their coverage.

    Words without a vector keep their random start, scaled to the vectors' own spread; the PAD row
    stays zero.

    Raises:
        InputError: as `read_vectors`, or no word of the vocabulary has a vector.
    """
    vocabulary = {word: code for word, code in tokenizer.get_vocab().items() if code > 1}
    vectors = read_vectors(path, vocabulary, weight.shape[1])
    if not vectors:
        raise InputError(
            f"{path}: has none of the {len(vocabulary)} words of the training texts; check its language "
            "and --filters"
        )
    rows = torch.tensor(list(vectors))
    table = torch.from_numpy(np.stack(list(vectors.values())))
    with torch.no_grad():
        spread = table.std()
        weight *= spread / weight[1:].std() if spread > 0 else 1
        weight[rows] = table
        weight[0] = 0
    coverage = {
        "file": Path(path).name,
        "words": len(vectors),
        "share": len(vectors) / len(vocabulary),
    }
    logger.info(
        f"{coverage['file']}: vectors for {len(vectors)} of {len(vocabulary)} words ({coverage['share']:.1%})"
    )
    return coverage
