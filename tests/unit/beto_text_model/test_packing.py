"""Rows are the documents' pieces, each once and in order; masks follow the share, whole words, and
nothing else.
"""

import numpy as np
import pyarrow as pa
import pytest
import torch

from beto_text_model.packing import (
    IGNORED,
    LONGEST_PART,
    MaskedRows,
    PassSampler,
    Stream,
    check_known,
    pack_corpus,
    parts_of,
)
from beto_text_model.raw_texts import RawTexts
from beto_text_model.tokenization import train_tokenizer
from utils.errors import InputError

TEXTS = [f"El señor número {i} pidió la cigüeña del camión, ¿año {i * 7}?" for i in range(60)]
LENGTH = 32


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS, "wordpiece", 150, 512)


@pytest.fixture
def stream(tokenizer, tmp_path, monkeypatch) -> Stream:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    return pack_corpus(raw(TEXTS), tokenizer)[0]


def raw(texts, held_out=()) -> RawTexts:
    train = np.setdiff1d(np.arange(len(texts)), held_out)
    return RawTexts(
        pa.chunked_array([texts]),
        np.zeros(len(texts), int),
        ["x"],
        train,
        np.array(held_out, int),
        str(hash(tuple(texts))),
        [],
    )


def rows_of(stream, tokenizer, share=0.15, **options) -> MaskedRows:
    return MaskedRows(stream, tokenizer, LENGTH, share, options.pop("seed", 0), **options)


def batch(rows, numbers=None):
    found = rows.__getitems__(list(range(len(rows))) if numbers is None else numbers)
    return (torch.stack([r[key] for r in found]).numpy() for key in ("input_ids", "labels"))


def test_rows_hold_every_piece_once_in_order_with_separators(stream, tokenizer):
    expected = [
        i
        for text in TEXTS
        for i in [*tokenizer(text, add_special_tokens=False).input_ids, tokenizer.sep_token_id]
    ]
    assert stream.pieces.tolist() == expected
    inputs, labels = batch(rows_of(stream, tokenizer, 1e-9))
    assert (
        inputs.shape[1] == LENGTH
        and (inputs[:, 0] == tokenizer.cls_token_id).all()
        and (labels == IGNORED).all()
    )
    flat = inputs[:, 1:].ravel()
    assert flat.tolist() == expected[: len(flat)] and len(expected) - len(flat) < LENGTH - 1
    assert tokenizer.pad_token_id not in flat


def test_words_begin_where_the_tokenizer_says(stream, tokenizer):
    pieces = tokenizer.convert_ids_to_tokens(stream.pieces.tolist())
    assert stream.starts.tolist() == [not piece.startswith("##") for piece in pieces]
    assert not stream.starts.all()  # or the test of whole words would test nothing


def test_masks_follow_the_share_and_spare_special_pieces(stream, tokenizer):
    rows = rows_of(stream, tokenizer, 0.3)
    inputs, labels = batch(rows, range(200 * len(rows)))
    plain, _ = batch(rows_of(stream, tokenizer, 1e-9), list(range(len(rows))) * 200)
    special = np.isin(plain, tokenizer.all_special_ids)
    masked = labels != IGNORED
    assert not masked[special].any() and (inputs[special] == plain[special]).all()
    assert (labels[masked] == plain[masked]).all() and (inputs[~masked] == plain[~masked]).all()
    assert masked[~special].mean() == pytest.approx(0.3, abs=0.01)
    as_mask = inputs[masked] == tokenizer.mask_token_id
    kept = inputs[masked] == plain[masked]
    assert as_mask.mean() == pytest.approx(0.8, abs=0.01) and kept.mean() == pytest.approx(
        0.1, abs=0.012
    )


def test_whole_words_are_masked_together(stream, tokenizer):
    inputs, labels = batch(rows_of(stream, tokenizer, 0.3), range(2000))
    continues = np.array(
        [p.startswith("##") for p in tokenizer.convert_ids_to_tokens(range(len(tokenizer)))]
    )
    plain = np.where(labels != IGNORED, labels, inputs)
    inside = continues[plain[:, 2:]]  # a row may begin inside a word
    assert inside.any()
    masked = labels != IGNORED
    assert (masked[:, 2:] == masked[:, 1:-1])[inside].all()
    _, single = batch(rows_of(stream, tokenizer, 0.3, whole_words=False), range(2000))
    assert not ((single != IGNORED)[:, 2:] == (single != IGNORED)[:, 1:-1])[inside].all()


def test_masks_are_drawn_anew_each_visit_and_depend_on_nothing_else(stream, tokenizer):
    rows = rows_of(stream, tokenizer)
    n = len(rows)
    first, _ = batch(rows)
    again, _ = batch(rows)
    second, _ = batch(rows, range(n, 2 * n))
    other, _ = batch(rows_of(stream, tokenizer, seed=1))
    assert (first == again).all() and (first != second).any() and (first != other).any()
    backwards, _ = batch(rows, range(n - 1, -1, -1))
    alone = np.stack([rows[i]["input_ids"].numpy() for i in range(n)])
    assert (backwards[::-1] == first).all() and (alone == first).all()


def test_every_row_once_a_pass_in_another_order_each_time():
    sampler = PassSampler(50, 3)
    first = list(sampler)
    sampler.set_epoch(1)
    second = [i - 50 for i in sampler]
    assert sorted(first) == sorted(second) == list(range(50)) and first != second != list(range(50))


def test_the_cache_is_of_this_text_cut_and_tokenizer(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    stream, held_out = pack_corpus(raw(TEXTS), tokenizer)
    assert held_out == {}
    shorter, held_out = pack_corpus(raw(TEXTS, [0, 5]), tokenizer)
    assert len(shorter) + len(held_out["x"]) == len(stream)
    smaller = train_tokenizer(TEXTS, "wordpiece", 120, 512)
    assert len(pack_corpus(raw(TEXTS), smaller)[0]) > len(stream)
    monkeypatch.setattr("beto_text_model.packing.write_stream", None)  # what is kept is served
    assert (pack_corpus(raw(TEXTS), tokenizer)[0].pieces == stream.pieces).all()


def test_a_long_text_goes_in_parts_that_lose_nothing():
    text = "palabra ñandú " * 30_000 + "x" * 250_000
    parts = list(parts_of(text))
    assert (
        "".join(part for part, _ in parts) == text and max(len(p) for p, _ in parts) <= LONGEST_PART
    )
    assert [ends for _, ends in parts] == [False] * (len(parts) - 1) + [True]
    assert parts[0][0].endswith("ñandú") or parts[0][0].endswith("palabra")


def test_texts_that_the_tokenizer_does_not_know_are_refused(tokenizer, tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    stream, _ = pack_corpus(raw(["ЖЖЖ ЩЩЩ", "ДДД"]), tokenizer)
    with pytest.raises(InputError, match="not one piece"):
        check_known(stream, tokenizer, "x.txt")
