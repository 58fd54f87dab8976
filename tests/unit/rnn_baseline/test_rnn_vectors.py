"""Pretrained vectors: every format is read alike, and a file that is not whole is refused."""

import bz2
import gzip

import numpy as np
import pytest
import torch

from rnn_baseline.tokenization import word_tokenizer
from rnn_baseline.vectors import fill_embedding, read_vectors
from utils.errors import InputError

VOCABULARY = {"año": 2, "casa": 3, "niño": 4, "Bogotá": 5, "2020": 6}
ROWS = ["de 9 9 9", "año 1 -2 0.5", "casa 0.25 0 1e-1", "perro 7 7 7", "2020 3 3 3"]
EXPECTED = {2: [1, -2, 0.5], 3: [0.25, 0, 0.1], 6: [3, 3, 3]}


def text_of(rows, header=None, end="\n") -> bytes:
    return "".join(line + end for line in ([header] if header else []) + rows).encode()


def assert_found(path, expected, vocabulary=VOCABULARY):
    found = read_vectors(path, vocabulary, 3)
    assert {code: vector.tolist() for code, vector in found.items()} == {
        code: np.float32(vector).tolist() for code, vector in expected.items()
    }
    assert all(vector.dtype == np.float32 for vector in found.values())


WHOLE = {
    "glove.txt": text_of(ROWS),
    "word2vec.txt": text_of(ROWS, "5 3"),
    "fasttext.vec": text_of([row + " " for row in ROWS], "5 3"),
    "windows.txt": text_of(ROWS, "5 3", "\r\n"),
    "sin_salto_final.txt": text_of(ROWS, "5 3").rstrip(b"\n"),
    "sin_extensión": text_of(ROWS, "5 3"),
    "v.txt.gz": gzip.compress(text_of(ROWS, "5 3")),
    "glove.gz": gzip.compress(text_of(ROWS)),
    "SBW.txt.bz2": bz2.compress(text_of(ROWS, "5 3")),
    "dos_partes.bz2": bz2.compress(text_of(ROWS[:2])) + bz2.compress(text_of(ROWS[2:])),
    "más_de_las_anunciadas.txt": text_of(ROWS, "2 3"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_every_format_gives_the_rows_of_the_vocabulary_alone(name, tmp_path):
    (tmp_path / name).write_bytes(WHOLE[name])
    assert_found(tmp_path / name, EXPECTED)


@pytest.mark.parametrize(
    ("rows", "expected"),
    {
        "NFD in the file": (["an\u0303o 1 1 1", "nin\u0303o 2 2 2"], {2: [1, 1, 1], 4: [2, 2, 2]}),
        "other case": (["CASA 1 1 1", "Casa 2 2 2"], {3: [1, 1, 1]}),
        "own spelling first": (["casa 1 1 1", "Casa 2 2 2"], {3: [1, 1, 1]}),
        "own spelling later": (["Casa 2 2 2", "casa 1 1 1"], {3: [1, 1, 1]}),
        "lower case is not raised": (["bogotá 1 1 1", "casa 1 1 1"], {3: [1, 1, 1]}),
        "upper case in the vocabulary": (["Bogotá 1 1 1"], {5: [1, 1, 1]}),
        "twice": (["casa 1 1 1", "casa 2 2 2"], {3: [1, 1, 1]}),
        "words of several parts": (
            [". . . 4 4 4", "a la casa 5 5 5", "casa 1 1 1"],
            {3: [1, 1, 1]},
        ),
        "odd blanks in words": (
            ["ca\u0085sa 5 5 5", "\u00a0 6 6 6", " 7 7 7", "casa 1 1 1"],
            {3: [1, 1, 1]},
        ),
    }.values(),
)
def test_which_spelling_counts(rows, expected, tmp_path):
    (tmp_path / "v.txt").write_bytes(text_of(rows))
    assert_found(tmp_path / "v.txt", expected)


COMPRESSED = {
    "gz": gzip.compress(text_of(ROWS * 4000, "20000 3")),
    "bz2": bz2.compress(text_of(ROWS * 9000)),
}


def damaged(content: bytes, place: int) -> bytes:
    return content[:place] + b"\xff" * 8 + content[place + 8 :]


REFUSED = {
    "no such file": ("otro.txt", None, ["No such file", "--vectors"]),
    "truncated bz2": (
        "v.bz2",
        COMPRESSED["bz2"][:-60],
        ["damaged or cut short", "fetch the file again"],
    ),
    "truncated gz": (
        "v.gz",
        COMPRESSED["gz"][:-60],
        ["damaged or cut short", "fetch the file again"],
    ),
    "damaged bz2": ("v.bz2", damaged(COMPRESSED["bz2"], 100), ["damaged or cut short"]),
    "damaged gz": ("v.gz", damaged(COMPRESSED["gz"], 10), ["damaged or cut short"]),
    "gz with another sum": (
        "v.gz",
        damaged(COMPRESSED["gz"], len(COMPRESSED["gz"]) - 8),
        ["damaged or cut short"],
    ),
    "bz2 that is none": ("v.bz2", text_of(ROWS), ["damaged or cut short"]),
    "gz that is none": ("v.gz", text_of(ROWS), ["damaged or cut short"]),
    "empty bz2": ("v.bz2", b"", ["damaged or cut short"]),
    "cut at a row": ("v.txt", text_of(ROWS, "6 3"), ["5 vectors, 6 announced", "cut short"]),
    "cut in a row": ("v.txt", text_of(ROWS)[:-3], ["line 5", "2 numbers, 3 expected"]),
    "too few numbers": (
        "v.txt",
        text_of(["casa 1 2 3", "año 1 2"]),
        ["line 2", "2 numbers, 3 expected", "--embedding_size"],
    ),
    "too many numbers": (
        "v.txt",
        text_of(["casa 1 2 3 4"]),
        ["line 1", "more than 3 numbers", "--embedding_size"],
    ),
    "header of another size": (
        "v.txt",
        text_of(["casa 1 2 3 4 5"], "1 5"),
        ["line 2", "more than 3 numbers"],
    ),
    "empty": ("v.txt", b"", ["no vector", "--vectors"]),
    "header alone": ("v.txt", b"0 3\n", ["no vector"]),
    "latin-1": ("v.txt", "año 1 2 3\n".encode("latin-1"), ["not UTF-8", "fastText's .vec"]),
    "binary": ("v.bin", b"2 3\ncasa \x00\x80\x3f\xff\xfe", ["not UTF-8"]),
    "not a number": ("v.txt", text_of(["casa 1 dos 3"]), ["line 1", "not a word and 3 numbers"]),
    "nan": ("v.txt", text_of(["de 1 1 1", "casa 1 nan 3"]), ["line 2", "not finite"]),
    "infinite": ("v.txt", text_of(["casa 1 2 inf"]), ["line 1", "not finite"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_is_not_whole_is_refused(case, tmp_path):
    name, content, words = REFUSED[case]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        read_vectors(tmp_path / name, VOCABULARY, 3)
    message = str(error.value)
    assert message.startswith(str(tmp_path / name)) and "\n" not in message
    assert all(word in message for word in words), message


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(InputError, match="directory"):
        read_vectors(tmp_path, VOCABULARY, 3)


def table_of(words: list[str], size=3, seed=0):
    """A random embedding table with a zero row for padding, and its tokenizer."""
    weight = torch.randn(len(words) + 2, size, generator=torch.Generator().manual_seed(seed))
    weight[0] = 0
    return torch.nn.Parameter(weight), word_tokenizer(words, ["lower"], 3, 8)


@pytest.mark.parametrize("frozen", [True, False])
def test_the_table_holds_the_vectors_and_says_how_many(frozen, tmp_path):
    (tmp_path / "sbw.txt").write_bytes(
        text_of(ROWS + ["[PAD] 8 8 8", "[UNK] 8 8 8", "[pad] 8 8 8"], "8 3")
    )
    weight, tokenizer = table_of(["casa", "manubrio", "año", "xyz"])
    weight.requires_grad_(not frozen)
    before = weight.detach().clone()
    coverage = fill_embedding(weight, tmp_path / "sbw.txt", tokenizer)
    assert coverage == {"file": "sbw.txt", "words": 2, "share": 0.5}
    assert (
        weight[0].tolist() == [0, 0, 0]
        and weight.requires_grad is not frozen
        and weight.dtype == torch.float32
    )
    assert weight[2].tolist() == pytest.approx([0.25, 0, 0.1]) and weight[4].tolist() == [
        1,
        -2,
        0.5,
    ]
    spread = np.std([0.25, 0, 0.1, 1, -2, 0.5], ddof=1) / before[1:].std().item()
    for row in (1, 3, 5):  # the unknown word, and words without a vector, at the vectors' own scale
        assert weight[row].tolist() == pytest.approx((before[row] * spread).tolist(), rel=1e-5)


def test_a_file_with_none_of_the_words_is_refused(tmp_path):
    (tmp_path / "en.txt").write_bytes(text_of(["the 1 2 3", "[UNK] 1 2 3"]))
    weight, tokenizer = table_of(["casa", "año"])
    before = weight.detach().clone()
    with pytest.raises(InputError, match="none of the 2 words of the training texts.*--filters"):
        fill_embedding(weight, tmp_path / "en.txt", tokenizer)
    assert torch.equal(weight, before)
