"""Unlabelled text from any source: every document once, NFC, with its source; the cut leaks
nothing.
"""

import gzip
import json
import lzma

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beto_text_model.raw_texts import RawTextOptions, load_raw_texts
from tests.helpers import corpus_rows
from utils.errors import InputError

TEXTS = [f"Texto número {i} sobre el año y la cigüeña" for i in range(40)]


def load(path, **options):
    return load_raw_texts(RawTextOptions(dataset=str(path), **options))


def texts(corpus) -> list[str]:
    return corpus.texts.to_pylist()


def jsonl(rows) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


@pytest.mark.parametrize("opener", [open, gzip.open, lzma.open])
def test_tables_plain_and_compressed(tmp_path, opener):
    path = tmp_path / ("x.jsonl" + {gzip.open: ".gz", lzma.open: ".xz"}.get(opener, ""))
    with opener(path, "wb") as stream:
        stream.write(jsonl({"source": "ab"[i % 2], "text": t} for i, t in enumerate(TEXTS)))
    corpus = load(path, held_out_size=0.1)
    assert texts(corpus) == TEXTS and corpus.source_names == ["a", "b"]
    assert len(corpus.held_out) == 4 and set(corpus.train) | set(corpus.held_out) == set(range(40))
    assert {corpus.sources[i] for i in corpus.held_out} == {0, 1}


def test_csv_with_another_column_and_parquet(tmp_path):
    (tmp_path / "x.csv").write_text(
        "texto;source\n" + "".join(f"{t};año (1)\n" for t in TEXTS), encoding="latin-1"
    )
    corpus = load(tmp_path / "x.csv", text_column="texto")
    assert texts(corpus) == TEXTS and corpus.source_names == [
        "año _1_"
    ]  # a name that every tracker takes
    pq.write_table(pa.table({"text": TEXTS}), tmp_path / "x.parquet")
    assert texts(load(tmp_path / "x.parquet")) == TEXTS
    with pytest.raises(InputError, match="--text_column"):
        load(tmp_path / "x.csv")


def test_a_tree_of_txt_at_any_depth(tmp_path):
    for i, text in enumerate(TEXTS):
        folder = tmp_path / "t" / ("leyes" if i % 2 else "cuentos/siglo XIX")
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{i:02}.txt").write_bytes(text.encode("cp1252" if i == 3 else "utf-8"))
    with gzip.open(tmp_path / "t" / "leyes" / "z.txt.gz", "wt", encoding="utf-8") as stream:
        stream.write("comprimido: cafe\u0301")
    (tmp_path / "t" / "foto.png").write_bytes(b"\x89PNG")
    (tmp_path / "t" / "leyes" / "binario.txt").write_bytes(b"\0\1\2")
    (tmp_path / "t" / "leyes" / "blanco.txt").write_text(" \n", encoding="utf-8")
    corpus = load(tmp_path / "t")
    assert set(texts(corpus)) == {*TEXTS, "comprimido: café"} and corpus.source_names == [
        "cuentos",
        "leyes",
    ]
    notes = " ".join(corpus.notes)
    assert (
        "binary" in notes
        and "2 texts without" in notes
        and "1 files" in notes
        and "cp1252" in notes
    )


def test_of_a_dataset_only_train_and_unlabelled(tmp_path, corpus_file):
    from utils.data import DataOptions, load_corpus, save_prepared

    (tmp_path / "p").mkdir()
    prepared = load_corpus(corpus_file, DataOptions(unlabelled=["NA"]))
    save_prepared(prepared, tmp_path / "p")
    found = texts(load(tmp_path / "p"))
    expected = prepared.splits["train"]["text"][:] + prepared.unlabelled["text"][:]
    assert sorted(found) == sorted(expected) and len(found) < len(corpus_rows())
    for split in ("train", "test"):
        (tmp_path / "s").mkdir(exist_ok=True)
        (tmp_path / "s" / f"{split}.jsonl").write_bytes(
            jsonl({"text": f"{split} {t}"} for t in TEXTS)
        )
    corpus = load(tmp_path / "s")
    assert texts(corpus) == [f"train {t}" for t in TEXTS] and "only train.jsonl" in " ".join(
        corpus.notes
    )


def test_equal_texts_stay_on_one_side(tmp_path):
    (tmp_path / "x.jsonl").write_bytes(jsonl({"text": t} for t in TEXTS * 2))
    corpus = load(tmp_path / "x.jsonl", held_out_size=0.3)
    sides = [{texts(corpus)[i] for i in rows} for rows in (corpus.train, corpus.held_out)]
    assert not sides[0] & sides[1] and len(corpus.held_out) == 24


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (b"", {}, "empty"),
        (jsonl([{"text": "solo uno"}]), {}, "one document"),
        (jsonl([{"text": " "}, {"text": None}]), {}, "no text in it"),
        (jsonl([{"text": t} for t in TEXTS]), {"held_out_size": 1}, "--held_out_size 1"),
        (jsonl([{"text": ["a"]}]), {}, "line 1"),
    ],
)
def test_what_cannot_be_used_is_refused(tmp_path, content, options, words):
    (tmp_path / "x.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=words):
        load(tmp_path / "x.jsonl", **options)


@pytest.mark.parametrize(
    ("name", "words"),
    [("no/esta", "no such file"), ("x.pdf", "unknown kind"), ("vacía", "no text in it")],
)
def test_places_that_cannot_be_used_are_refused(tmp_path, name, words):
    (tmp_path / "x.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "vacía").mkdir()
    with pytest.raises(InputError, match=words):
        load(tmp_path / name)


def test_links_blank_texts_and_lines_without_a_text(tmp_path):
    away, folder = tmp_path / "away", tmp_path / "textos"
    away.mkdir()
    folder.mkdir()
    (away / "1.txt").write_text("un texto", encoding="utf-8")
    (away / "2.txt").write_text("\u00a0\u200b", encoding="utf-8")
    (folder / "enlace").symlink_to(away)
    rows = [{"otro": "x"}, {"text": "segundo"}, {"text": "tercero", "source": "\u00a0"}]
    (folder / "x.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = load_raw_texts(RawTextOptions(str(folder), held_out_size=0))
    assert sorted(found.texts.to_pylist()) == ["segundo", "tercero", "un texto"]
    assert found.source_names == ["enlace", "x"]
