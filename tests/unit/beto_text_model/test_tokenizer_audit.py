"""The tokenizer audit: what a cased and an uncased tokenizer do to the same few texts, counted by
hand.
"""

import json

import pytest
from tokenizers import models, normalizers
from transformers import BertConfig, BertTokenizer

from beto_text_model.model import MINI_SCRATCH_LENGTH
from beto_text_model.scripts.explore import tokenizer_audit as tokenizer_audit_script
from beto_text_model.tokenization import SPECIAL, pipeline_around, train_wordpiece
from tests.helpers import corpus_rows, refused, write_jsonl

ACCENTED = "áéíóúüñÁÉÍÓÚÜÑ"
TEXTS = {
    "train": [("el año pasado está cerrado", "a"), ("Año nuevo: el ano ☎ ☎", "b")],
    "validation": [("esta mañana", "a"), ("", "b")],
    "test": [("está ☎2 año", "b"), ("¿mañana? 50%", "a")],
}
WORDS = [
    "el",
    "ano",
    "pasado",
    "esta",
    "cerrado",
    "nuevo",
    "man",
    "##ana",
    "?",
    "¿",
    "¡",
    "50",
    "%",
    "/",
    ":",
]


@pytest.fixture(scope="module")
def main():
    return tokenizer_audit_script.main


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    for split, rows in TEXTS.items():
        records = [
            {"id": str(i), "text": text, "label": label} for i, (text, label) in enumerate(rows)
        ]
        write_jsonl(folder / f"{split}.jsonl", records)
    return folder


@pytest.fixture(scope="module")
def uncased(tmp_path_factory):
    """A model folder with a tokenizer like BETO-uncased's; it reads 8 pieces."""
    vocabulary = [*SPECIAL, *WORDS, *"aeioun"]
    tokenizer = pipeline_around(
        models.WordPiece({w: i for i, w in enumerate(vocabulary)}, unk_token="[UNK]"),
        "wordpiece",
        False,
    )
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True, strip_accents=True)
    return saved(tmp_path_factory, tokenizer, len(vocabulary), True)


@pytest.fixture(scope="module")
def cased(tmp_path_factory):
    """The same for a tokenizer that keeps everything."""
    tokenizer = train_wordpiece(
        [text for rows in TEXTS.values() for text, _ in rows] + [ACCENTED + "¡%/;"], 500, 8
    )
    return saved(tmp_path_factory, tokenizer.backend_tokenizer, len(tokenizer), False)


def saved(tmp_path_factory, tokenizer, size, lower):
    folder = tmp_path_factory.mktemp("models") / "encoder"
    options = {"model_max_length": 8, "do_lower_case": lower, "strip_accents": lower}
    BertTokenizer(tokenizer_object=tokenizer, **options).save_pretrained(folder)
    BertConfig(vocab_size=size, max_position_embeddings=8).save_pretrained(folder)
    return folder


def audit(main, source, folder):
    return main(["--dataset", str(source), "--model_name_or_path", str(folder)])["tokenizers"][
        str(folder)
    ]


def test_an_uncased_tokenizer_takes_año_for_ano(main, source, uncased):
    found = audit(main, source, uncased)
    assert "".join(found["characters"][c] for c in ACCENTED) == "aeiouunaeiouun"
    assert {c: found["characters"][c] for c in "¿¡%/;"} == {
        "¿": "kept",
        "¡": "kept",
        "%": "kept",
        "/": "kept",
        ";": "[UNK]",
    }
    assert found["accents"] == {
        "accented_words": 7,
        "lost": 7,
        "colliding": 5,
        "collisions": [
            {"word": "año", "count": 3, "becomes": "ano", "same_as": {"ano": 1}},
            {"word": "está", "count": 2, "becomes": "esta", "same_as": {"esta": 1}},
        ],
    }


def test_a_cased_tokenizer_keeps_every_accent(main, source, cased):
    found = audit(main, source, cased)
    assert set(found["characters"].values()) == {"kept"}
    assert found["accents"] == {"accented_words": 7, "lost": 0, "colliding": 0, "collisions": []}


def test_unknown_pieces_and_lengths(main, source, uncased):
    found = audit(main, source, uncased)
    train, validation, test = (found["splits"][s] for s in ("train", "validation", "test"))
    assert found["unknown"] == {"☎": 2, "☎2": 1}
    # "[CLS] el ano pasado esta cerrado [SEP]" and "[CLS] ano nuevo : el ano [UNK] [UNK] [SEP]"
    assert (train["texts"], train["words"], train["median"], train["max"]) == (2, 11, 8, 9)
    assert (
        train["share_over"] == {"64": 0, "128": 0, "256": 0, "512": 0, "8": 0.5}
        and found["limit"] == 8
    )
    assert train["unknown_piece_share"] == 2 / 16 and train["unknown_word_share"] == 2 / 11
    assert train["pieces_per_word_mean"] == 12 / 11 and train["pieces_per_word_p95"] == 2
    # "[CLS] esta man ##ana [SEP]" and "[CLS] [SEP]"
    assert (validation["words"], validation["max"], validation["unknown_piece_share"]) == (2, 5, 0)
    # "[CLS] esta [UNK] ano [SEP]" and "[CLS] ¿ man ##ana ? 50 % [SEP]"
    assert test["unknown_word_share"] == 1 / 5 and test["pieces_per_word_p95"] == 4


def test_report_files(main, source, uncased, cased, tmp_path, capsys):
    folders = [str(uncased), str(cased)]
    flags = [
        "--dataset",
        str(source),
        "--output",
        str(tmp_path / "audit"),
        "--model_name_or_path",
        *folders,
    ]
    report = main(flags)
    assert sorted(p.name for p in (tmp_path / "audit").rglob("*.*")) == [
        "lengths.png",
        "report.json",
        "report.md",
    ]
    assert json.loads((tmp_path / "audit" / "report.json").read_text(encoding="utf-8")) == report
    text = (tmp_path / "audit" / "report.md").read_text(encoding="utf-8")
    assert (
        "| ñ | n | kept |" in text
        and "| año | 3 | ano | ano (1) |" in text
        and "| ☎2 | 1 |" in text
    )
    assert "already there" in refused(capsys, main, *flags)
    main([*flags, "--overwrite"])
    assert [p.name for p in tmp_path.iterdir()] == ["audit"]


def test_mini_scratch_and_a_text_of_100_000_words(main, tmp_path):
    long = {"id": "largo", "text": "ñandú palabra " * 50_000, "label": "01"}
    source = write_jsonl(tmp_path / "x.jsonl", [*corpus_rows(10), long])
    found = main(["--dataset", str(source), "--vocab_size", "200"])["tokenizers"]["mini-scratch"]
    assert max(row["max"] for row in found["splits"].values()) >= 100_002
    assert found["vocabulary"] <= 200 and found["limit"] == MINI_SCRATCH_LENGTH
    assert found["characters"]["ñ"] == "kept" and found["characters"]["Ü"] == "[UNK]"


def test_bad_input(main, source, cased, tmp_path, capsys):
    assert "no such model folder" in refused(
        capsys, main, "--dataset", source, "--model_name_or_path", "./no/está"
    )
    assert "no config.json" in refused(
        capsys, main, "--dataset", source, "--model_name_or_path", tmp_path
    )
    assert "no such file or folder" in refused(capsys, main, "--dataset", "./no/está")
    (tmp_path / "nota.txt").write_text("mía", encoding="utf-8")
    flags = [
        "--dataset",
        source,
        "--model_name_or_path",
        cased,
        "--output",
        tmp_path,
        "--overwrite",
    ]
    assert "holds no report.json" in refused(capsys, main, *flags)
    assert (tmp_path / "nota.txt").read_text(encoding="utf-8") == "mía"
