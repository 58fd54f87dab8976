"""Words: every filter against strings written by hand, and the fast encoder against the tokenizer
itself.
"""

import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import normalizers
from transformers import AutoTokenizer

from rnn_baseline import tokenization
from rnn_baseline.arguments import ModelArguments
from rnn_baseline.tokenization import (
    FILTERS,
    encode_texts,
    filter_steps,
    learn_tokenizer,
    word_tokenizer,
)

OF_001 = list(FILTERS)
DEFAULT = ["lower", "strip_tags", "split_alphanum", "strip_punctuation", "strip_non_alphanum"]


def normalised(text: str, *filters: str, min_word_length: int = 3) -> str:
    return normalizers.Sequence(filter_steps(filters, min_word_length)).normalize_str(text)


ALONE = {
    "none": [
        ("Año NUEVO_1 ¿sí? 50% 🙂", "Año NUEVO_1 ¿sí? 50% 🙂"),
        ("an\u0303o cafe\u0301", "año café"),
        ("a\u00a0b\tc\nd\u2003e\x1cf\x85g\u2028h", "a b c d e f g h"),
        ("", ""),
        ("a\u200bb", "a\u200bb"),
    ],
    "lower": [
        ("ÁRBOL Ñandú ¿QUÉ? 4X4", "árbol ñandú ¿qué? 4x4"),
        ("N\u0303U", "ñu"),
        ("ÜBER ÇA", "über ça"),
    ],
    "strip_tags": [
        ("a <b>hola</b> c", "a hola c"),
        ("<br\n/>x", "x"),
        ("hola<br>mundo", "holamundo"),
        ("a < b y\nc > d", "a  d"),
        ("sin < cierre", "sin < cierre"),
        ("3 > 2 y <>", "3 > 2 y <>"),
        ("<p class='ñ'>año</p>", "año"),
    ],
    "split_alphanum": [
        ("x3", "x 3"),
        ("4x4", "4 x 4"),
        ("2020", "2020"),
        ("ñ1ñ", "ñ 1 ñ"),
        ("a_1", "a_1"),
        ("iPhone6S/7", "iPhone 6 S/7"),
        ("an\u03031", "añ 1"),
        ("50%", "50%"),
        ("3 m²", "3 m ²"),
    ],
    "strip_punctuation": [
        ("¿50%? a_b; (4)", "¿50   a b   4 "),
        ("¡año!", "¡año "),
        ("1.000,50", "1 000 50"),
        ("<b>", " b "),
        ("€ ° «»", "€ ° «»"),
        ("a-b\\c[d]^e`", "a b c d  e "),
    ],
    "strip_non_alphanum": [
        ("¿Qué? ñ_1 🙂 50%", " Qué  ñ 1   50 "),
        ("N°38 «útil»", "N 38  útil "),
        ("q\u0303 x\u200by", "q\u0303 x y"),
        ("a\u00a0b", "a b"),
    ],
    "strip_multiple_whitespaces": [("a   b\t\n c", "a b c"), ("  a\u00a0\u00a0b ", " a b ")],
    "strip_numeric": [
        ("abc123 4x4 2020", "abc x "),
        ("1.000", "."),
        ("m² ½", "m "),
        ("٣ tres", " tres"),
    ],
    "strip_short": [
        ("de la casa el año ñu", "  casa  año "),
        ("a.b, (4) 123", "a.b, (4) 123"),
        ("sí", ""),
        ("ve e\u0301l", " "),
        ("¿él? no", "¿él? "),
    ],
    "stopwords": [
        ("no es nuevo el estado de la verdad manubrio", "        manubrio"),
        ("No NUEVO", "No NUEVO"),
        ("nosotras anuevo de-la", " anuevo de-la"),
        ("él está aquí", "  "),
        ("¿no?", "¿no?"),
    ],
}


@pytest.mark.parametrize(
    ("name", "text", "expected"), [(n, *pair) for n, pairs in ALONE.items() for pair in pairs]
)
def test_each_filter_alone(name, text, expected):
    assert normalised(text, *([] if name == "none" else [name])) == expected


def test_every_filter_is_tried():
    assert set(ALONE) == {*FILTERS, "none"}


@pytest.mark.parametrize(
    ("filters", "text", "words"),
    [
        (OF_001, "Manubrio Saltplus Hq (4 Pzas)", "manubrio saltplus pzas"),
        (OF_001, "Kit X3 Llantas 4x4 Rin 15 <b>Nuevo</b>", "kit llantas rin"),
        (OF_001, "Zapatos De Nin\u0303o N°38 ¡Envío\u00a0Gratis!", "zapatos niño envío gratis"),
        (OF_001, "Funda iPhone6S/7 100% Original_Apple 🙂", "funda iphone original apple"),
        (OF_001, "Repuesto<br\n>Motor 2020 12v", "repuestomotor"),
        (OF_001, "no es (de) la 4 x", ""),
        (DEFAULT, "¿Qué AÑO? x3 50% <i>4x4</i>", "qué año x 3 50 4 x 4"),
        (DEFAULT, "Calle_8 N°12-34, <b>Bogotá", "calle 8 n 12 34 bogotá"),
        ([], "Manubrio (4 Pzas)", "Manubrio (4 Pzas)"),
    ],
)
def test_the_filters_together(filters, text, words):
    for order in (filters, filters[::-1]):  # named in any order, they run in theirs
        assert normalised(text, *order).split() == words.split()
        tokenizer = word_tokenizer(words.split(), order, 3, 64)
        assert tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"]) == words.split()


@pytest.mark.parametrize(
    ("least", "words"), [(1, "a de año casa"), (2, "de año casa"), (4, "casa"), (5, "")]
)
def test_strip_short_counts_characters(least, words):
    assert (
        normalised("a de an\u0303o casa", "strip_short", min_word_length=least).split()
        == words.split()
    )


PIECES = [
    "año",
    "an\u0303o",
    "ÁRBOL",
    "no",
    "de",
    "x3",
    "4x4",
    "2020",
    "a_b",
    "50%",
    "¿qué?",
    "¡sí!",
    "🙂",
    "(Pzas)",
    "manubrio",
    "llantas-rin15",
    "cigüeña,",
    "nuevo",
    "NUEVO",
    "İstanbul",
    "ΟΔΟΣ",
    "ẞ",
    "q\u0303",
    "\u0301",
    "e\u0301e\u0301",
    "<",
    ">",
    "<b>",
    "</b>",
    "< b",
    "b >",
    "<>",
    "[PAD]",
    "[UNK]",
    "x[PAD]y",
    "[pad]",
    "a\u200bb",
    "\u200b",
    "\ufeff",
    "\u2060",
    "\u180e",
    "ﬁn",
    "²",
    "١٢",
    "漢字",
    "\U0001d538",
    "\u00ad",
    "...",
    "--",
    "'",
    '"',
    "\\",
    "\x00",
    "\x7f",
    "\ud7ff",
    "ſ",
    "ǆ",
]
BLANKS = [
    " ",
    "  ",
    "\t",
    "\n",
    "\r\n",
    "\u00a0",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x1f",
    "\x0b",
    "\x0c",
    "\x85",
    "\u1680",
    "\u2000",
    "\u2009",
    "\u200a",
    "\u2028",
    "\u2029",
    "\u202f",
    "\u205f",
    "\u3000",
    "",
]


def odd_texts(n: int, seed: int) -> list[str | None]:
    """Seeded texts of odd words and odd blanks, some empty, some null."""
    rng = random.Random(seed)
    texts = [None, "", " ", "\u00a0\x1c", "[PAD]", "[UNK] [PAD]", "<", "a <b\nc> d"]
    for _ in range(n - len(texts)):
        length = rng.choice([0, 1, 2, 3, 8, 20])
        texts.append("".join(rng.choice(PIECES) + rng.choice(BLANKS) for _ in range(length)))
    rng.shuffle(texts)
    return texts


def assert_ids_of_the_tokenizer(texts, tokenizer, max_length):
    """`encode_texts` gives, row by row, what the tokenizer gives."""
    flat, offsets = encode_texts(texts, tokenizer, max_length)
    assert flat.dtype == np.int32 and offsets.dtype == np.int64 and len(offsets) == len(texts) + 1
    assert offsets[0] == 0 and offsets[-1] == len(flat)
    plain = texts.to_pylist() if isinstance(texts, (pa.Array, pa.ChunkedArray)) else texts
    for row, text in enumerate(plain):
        expected = tokenizer(text or "", truncation=True, max_length=max_length)["input_ids"]
        assert flat[offsets[row] : offsets[row + 1]].tolist() == expected, (text, row)


FILTER_SETS = [
    [],
    ["lower"],
    ["strip_tags"],
    ["strip_tags", "strip_short"],
    DEFAULT,
    OF_001,
    ["split_alphanum", "strip_numeric", "stopwords"],
    ["strip_non_alphanum", "strip_short", "stopwords"],
]


@pytest.mark.parametrize("filters", FILTER_SETS, ids="+".join)
@pytest.mark.parametrize(
    ("chunk", "remembered"), [(100_000, 500_000), (7, 500_000), (1, 0), (64, 20)]
)
def test_ids_are_those_of_the_tokenizer(filters, chunk, remembered, monkeypatch):
    monkeypatch.setattr(tokenization, "CHUNK", chunk)
    monkeypatch.setattr(tokenization, "REMEMBERED", remembered)
    texts = odd_texts(130, seed=chunk)
    tokenizer = learn_tokenizer(texts, filters, min_frequency=3, max_length=64)
    assert len(tokenizer) > 10
    for max_length in (1, 3, 64):
        assert_ids_of_the_tokenizer(texts, tokenizer, max_length)


def test_ids_of_a_thousand_odd_texts():
    for filters in (DEFAULT, OF_001):
        tokenizer = learn_tokenizer(odd_texts(300, seed=1), filters, min_frequency=2)
        assert_ids_of_the_tokenizer(odd_texts(1000, seed=2), tokenizer, 12)


def test_any_arrow_array_is_read(monkeypatch):
    monkeypatch.setattr(tokenization, "CHUNK", 3)
    texts = odd_texts(20, seed=3)
    tokenizer = learn_tokenizer(texts, DEFAULT, min_frequency=1)
    flat, offsets = encode_texts(texts, tokenizer, 5)
    chunked = pa.chunked_array(
        [pa.array(texts[:4]), pa.array([], pa.string()), pa.array(texts[4:])]
    )
    for array in (
        pa.array(texts),
        pa.array(texts, pa.large_string()),
        chunked,
        pa.array([None, "x", *texts])[2:],
    ):
        found, starts = encode_texts(array, tokenizer, 5)
        assert (found == flat).all() and (starts == offsets).all()
        assert learn_tokenizer(array, DEFAULT, min_frequency=1).get_vocab() == tokenizer.get_vocab()


def test_no_text_and_no_word():
    tokenizer = word_tokenizer(["año"], DEFAULT, 3, 8)
    for texts, expected in [
        ([], [0]),
        ([None, "", "?!"], [0, 0, 0, 0]),
        (pa.array([], pa.string()), [0]),
    ]:
        flat, offsets = encode_texts(texts, tokenizer, 8)
        assert flat.tolist() == [] and offsets.tolist() == expected
        assert flat.dtype == np.int32 and offsets.dtype == np.int64


def test_padding_is_0_unknown_is_1_and_cut_is_at_the_end():
    tokenizer = word_tokenizer(["año", "nuevo"], ["lower"], 3, 3)
    assert (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.padding_side) == (
        0,
        1,
        "right",
    )
    assert tokenizer.model_max_length == 3 and len(tokenizer) == 4
    flat, offsets = encode_texts(["Año viejo", "nuevo nuevo año año", ""], tokenizer, 3)
    assert flat.tolist() == [2, 1, 3, 3, 2] and offsets.tolist() == [0, 2, 5, 5]
    batch = tokenizer(["Año viejo", "nuevo", ""], padding=True)
    assert batch["input_ids"] == [[2, 1], [3, 0], [0, 0]]
    assert batch["attention_mask"] == [[1, 1], [1, 0], [0, 0]]
    assert encode_texts(["Año viejo"], tokenizer, 3)[0].tolist() == [
        2,
        1,
    ]  # the padded call left nothing behind


def test_vocabulary_is_by_frequency_then_by_alphabet():
    texts = ["b b b ñ ñ a a", "c Z 4x4 [PAD] [UNK] [UNK] [PAD]", None, "a"]
    tokenizer = learn_tokenizer(texts, [], min_frequency=1)
    assert tokenizer.convert_ids_to_tokens(range(len(tokenizer))) == [
        "[PAD]",
        "[UNK]",
        "a",
        "b",
        "ñ",
        "4x4",
        "Z",
        "c",
    ]
    assert learn_tokenizer(texts[::-1], [], min_frequency=1).get_vocab() == tokenizer.get_vocab()
    assert sorted(learn_tokenizer(texts, [], min_frequency=2).get_vocab()) == [
        "[PAD]",
        "[UNK]",
        "a",
        "b",
        "ñ",
    ]
    assert sorted(learn_tokenizer(texts, [], min_frequency=1, vocab_size=1).get_vocab()) == [
        "[PAD]",
        "[UNK]",
        "a",
    ]
    assert len(learn_tokenizer(texts, [], min_frequency=9)) == 2
    assert len(learn_tokenizer([], DEFAULT)) == len(learn_tokenizer([None, ""], DEFAULT)) == 2


@pytest.mark.parametrize("filters", FILTER_SETS, ids="+".join)
@pytest.mark.parametrize(("chunk", "remembered"), [(100_000, 500_000), (5, 3)])
def test_counts_are_those_of_whole_texts(filters, chunk, remembered, monkeypatch):
    """Words are counted as if every text were normalised whole."""
    monkeypatch.setattr(tokenization, "CHUNK", chunk)
    monkeypatch.setattr(tokenization, "REMEMBERED", remembered)
    texts = odd_texts(150, seed=4)
    counts = Counter()
    for text in texts:
        counts.update(normalised(text or "", *filters).split())
    expected = [
        w for w, n in sorted(counts.items(), key=by_count) if n >= 3 and w not in ("[PAD]", "[UNK]")
    ]
    tokenizer = learn_tokenizer(texts, filters, min_frequency=3)
    assert tokenizer.convert_ids_to_tokens(range(2, len(tokenizer))) == expected


def by_count(item):
    return -item[1], item[0]


@pytest.mark.parametrize("filters", FILTER_SETS, ids="+".join)
def test_a_saved_tokenizer_gives_the_same_ids(filters, tmp_path):
    texts = odd_texts(100, seed=5)
    tokenizer = learn_tokenizer(texts, filters, min_frequency=2, min_word_length=4, max_length=9)
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded.get_vocab() == tokenizer.get_vocab() and loaded.model_max_length == 9
    assert (loaded.pad_token_id, loaded.unk_token_id, loaded.padding_side) == (0, 1, "right")
    for ours, theirs in zip(
        encode_texts(texts, tokenizer, 9), encode_texts(texts, loaded, 9), strict=True
    ):
        assert (ours == theirs).all()
    assert_ids_of_the_tokenizer(texts, loaded, 9)
    assert set(loaded("hola", return_tensors="np")) == {"input_ids", "attention_mask"}


def test_filters_are_checked_and_take_several_spellings():
    assert ModelArguments(filters=["lower,strip_tags", "none"]).filters == ["lower", "strip_tags"]
    assert ModelArguments(filters=["none"]).filters == []
    with pytest.raises(ValueError, match="--filters stemmer: choose among lower"):
        ModelArguments(filters=["lower", "stemmer"])
    for name in ("min_word_length", "min_frequency", "vocab_size", "max_length"):
        with pytest.raises(ValueError, match=f"--{name} 0"):
            ModelArguments(**{name: 0})
