"""Accents and ñ are sacred, the vocabulary is the same every time, and the cache never serves other
texts.
"""

import datasets
import pytest

from beto_text_model.inference import tokenise_texts
from beto_text_model.tokenization import share_truncated, tokenise_splits, train_wordpiece
from tests.helpers import corpus_rows, write_jsonl
from utils.data import load_corpus

TEXTS = ["El año de la cigüeña: ¿cédula, acción, camión? ¡Sí, señor! 12 % / NIÑO; útil y más"] * 3


@pytest.fixture(scope="module")
def tokenizer():
    return train_wordpiece([row["text"] for row in corpus_rows()] + TEXTS, 500, 64)


def test_every_sign_survives(tokenizer):
    signs = "á é í ó ú ü ñ Ñ ¿ ¡ % / ;"
    ids = tokenizer(f"{TEXTS[0]} año niño sí más").input_ids
    assert tokenizer.unk_token_id not in ids
    decoded = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    assert all(sign in decoded for sign in signs.split())
    assert tokenizer.tokenize("año") != tokenizer.tokenize("ano")


def test_an_uncased_tokenizer_strips_accents_as_beto_uncased_does():
    """The fact that bites: `año` and `ano` become one word."""
    from tokenizers.normalizers import BertNormalizer

    assert BertNormalizer(lowercase=True, strip_accents=None).normalize_str("Año ¿ü?") == "ano ¿u?"


def test_the_vocabulary_is_the_same_every_time():
    vocabularies = [
        train_wordpiece([row["text"] for row in corpus_rows()], 300, 64).get_vocab()
        for _ in range(5)
    ]
    assert all(v == vocabularies[0] for v in vocabularies)
    assert len(vocabularies[0]) <= 300


def test_only_the_usual_special_tokens(tokenizer):
    assert set(tokenizer.all_special_tokens) == {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
    # A piece `##a` is one of the vocabulary; in a text the same is signs and a letter.
    pieces = tokenizer.tokenize("##a ##ñ")
    assert len(pieces) == 6 and not {"##a", "##ñ"} & set(pieces)
    assert (pieces[2], pieces[5]) == ("a", "ñ")


def test_the_cache_is_used_for_the_same_texts_only(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    rows = corpus_rows(10)
    corpus = load_corpus(write_jsonl(tmp_path / "x.jsonl", rows))
    first = tokenise_splits(corpus.splits, tokenizer, 64)
    monkeypatch.setattr("beto_text_model.tokenization.tokenise", None)
    again = tokenise_splits(corpus.splits, tokenizer, 64)
    assert again["train"].to_list() == first["train"].to_list()
    monkeypatch.undo()
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    rows[0]["text"] += " cambiado"
    changed = load_corpus(write_jsonl(tmp_path / "x.jsonl", rows))
    other = tokenise_splits(changed.splits, tokenizer, 64)
    assert pieces(other) != pieces(first)
    assert tokenise_splits(corpus.splits, tokenizer, 5)["train"]["length"][0] <= 5


def test_the_cache_of_one_split_is_not_that_of_all(tmp_path, tokenizer, monkeypatch):
    """Splits in memory, which have no files to tell them by."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path)
    splits = {
        name: datasets.Dataset.from_list([{"id": "1", "text": name, "label": 0}])
        for name in ("train", "test")
    }
    assert set(tokenise_splits({"train": splits["train"]}, tokenizer, 64)) == {"train"}
    assert set(tokenise_splits(splits, tokenizer, 64)) == {"train", "test"}


def pieces(tokenised) -> dict:
    return {
        i: ids for s in tokenised.values() for i, ids in zip(s["id"], s["input_ids"], strict=True)
    }


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path, tokenizer, monkeypatch):
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "file")
    corpus = load_corpus(write_jsonl(tmp_path / "x.jsonl", corpus_rows(10)))
    tokenised = tokenise_splits(corpus.splits, tokenizer, 64)
    assert tokenised["train"]["id"][:] == corpus.splits["train"]["id"][:]


def test_truncated_are_the_texts_that_go_on_behind_the_cut(tmp_path, tokenizer):
    """A text of exactly `max_length` pieces is read whole."""
    rows = corpus_rows(10)
    longest = max(len(tokenizer(row["text"])["input_ids"]) for row in rows)
    corpus = load_corpus(write_jsonl(tmp_path / "x.jsonl", rows))
    for side in ("right", "middle"):
        whole = share_truncated(tokenise_splits(corpus.splits, tokenizer, longest, side))
        assert whole == {"train": 0, "validation": 0, "test": 0}
        cut = tokenise_splits(corpus.splits, tokenizer, longest - 1, side)
        number = sum(n * len(corpus.splits[s]) for s, n in share_truncated(cut).items())
        full = [len(tokenizer(row["text"])["input_ids"]) for row in rows].count(longest)
        assert number == pytest.approx(full) and max(cut["train"]["length"]) <= longest - 1


def test_rows_in_another_order_are_tokenised_in_that_order(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    splits = load_corpus(write_jsonl(tmp_path / "x.jsonl", corpus_rows(10))).splits
    first = tokenise_splits(splits, tokenizer, 64)
    turned = datasets.DatasetDict(
        {s: d.select(range(len(d) - 1, -1, -1)) for s, d in splits.items()}
    )
    second = tokenise_splits(turned, tokenizer, 64)
    assert second["test"]["id"][:] == first["test"]["id"][::-1]
    assert pieces(second) == pieces(first)


def test_a_cache_of_other_rows_is_made_anew(tmp_path, tokenizer, monkeypatch):
    """Held against its key when opened: a folder that was copied or edited is not served."""
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    splits = load_corpus(write_jsonl(tmp_path / "x.jsonl", corpus_rows(10))).splits
    first = tokenise_splits(splits, tokenizer, 64)
    (folder,) = (tmp_path / "cache" / "spanish-text-suite").glob("tokens-*")
    (folder / "rows.json").write_text('{"train": "of another dataset"}', encoding="utf-8")
    (folder / "test" / "dataset_info.json").unlink()
    assert pieces(tokenise_splits(splits, tokenizer, 64)) == pieces(first)


@pytest.mark.parametrize("length", [7, 8])
def test_the_middle_is_cut_and_the_ends_stay(tokenizer, length):
    text = "contrato factura acta extracto saldo cuenta reunión cláusula partes socios"
    whole, short = tokenizer(text, verbose=False).input_ids, tokenizer("acta").input_ids
    cut, kept, empty = tokenise_texts(tokenizer, [text, "acta", None], length, "middle")
    assert (
        len(cut) == length
        and kept == short
        and empty == [tokenizer.cls_token_id, tokenizer.sep_token_id]
    )
    assert cut == whole[: length - length // 2] + whole[-(length // 2) :]
    assert tokenise_texts(tokenizer, [text], length)[0] == [
        *whole[: length - 1],
        tokenizer.sep_token_id,
    ]
    assert tokenise_texts(tokenizer, [text], len(whole), "middle")[0] == whole


def test_the_cache_knows_which_side_is_cut(tmp_path, tokenizer, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    corpus = load_corpus(write_jsonl(tmp_path / "x.jsonl", corpus_rows(10)))
    sides = [tokenise_splits(corpus.splits, tokenizer, 5, side) for side in ("right", "middle")]
    assert pieces(sides[0]) != pieces(sides[1])
