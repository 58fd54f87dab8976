"""What people send: other encodings, stray quotes, NaN, splits in Spanish, links, odd names. Read
as it is meant, or refused in one line; never other rows or classes without a word.
"""

import csv
import io
import json
import os
import unicodedata
from pathlib import Path

import datasets
import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.helpers import corpus_rows, refused, write_jsonl
from utils import prepare_dataset
from utils.data import DataOptions, load_corpus, load_evaluation, load_splits
from utils.data.cache import order_digest
from utils.data.sources import read_unlabelled
from utils.data.split_names import split_of
from utils.records import Columns, ReadReport

ROWS = [
    {"id": f"d{i:02}", "text": f"educación número {i} del niño en España", "label": "ab"[i % 2]}
    for i in range(34)
]


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def table(rows=ROWS, delimiter=",", header=None) -> str:
    """Rows as a table of which nothing is quoted."""
    names = header or list(rows[0])
    lines = [names, *([str(value) for value in row.values()] for row in rows)]
    return "".join(delimiter.join(line) + "\n" for line in lines)


def documents(source, **options) -> dict[str, tuple[str, str]]:
    """id -> (text, label) of all splits."""
    found = {}
    for split in load_splits(source, **options).values():
        names = split.features["label"].names
        found |= {row["id"]: (row["text"], names[row["label"]]) for row in split}
    return found


def prepare(source, output, *flags) -> dict:
    prepare_dataset.main([str(source), "--output", str(output), *flags])
    return json.loads((output / "dataset.json").read_text(encoding="utf-8"))


# Quotes.


@pytest.mark.parametrize("closing", [20, None])
def test_a_tsv_that_quotes_nothing_keeps_all_its_rows(tmp_path, closing):
    rows = [dict(row) for row in ROWS]
    rows[3]["text"] = '"Hola dijo el niño'
    if closing:
        rows[closing]["text"] = 'y se fue"'
    path = write(tmp_path / "x.tsv", table(rows, "\t"))
    assert documents(path) == {row["id"]: (row["text"], row["label"]) for row in rows}


def test_a_tsv_that_quotes_is_read_by_its_quotes(tmp_path):
    rows = [dict(row) for row in ROWS]
    rows[2]["text"] = "uno\tdos\ntres"
    rows[5]["text"] = 'dijo "hola"\ny se fue'
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), delimiter="\t")
    writer.writeheader()
    writer.writerows(rows)
    path = write(tmp_path / "x.tsv", stream.getvalue())
    assert documents(path) == {row["id"]: (row["text"], row["label"]) for row in rows}


def test_a_csv_of_short_texts_with_line_breaks_is_no_stray_quote(tmp_path):
    rows = [{"text": f"uno {i}, dos\ntres", "label": "ab"[i % 2]} for i in range(20)]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    found = documents(write(tmp_path / "x.csv", stream.getvalue()))
    assert sorted(found.values()) == sorted((row["text"], row["label"]) for row in rows)


@pytest.mark.parametrize("delimiter", [",", ";", "|"])
def test_a_quote_that_swallows_rows_of_a_csv_is_refused_with_its_line(tmp_path, capsys, delimiter):
    rows = [dict(row) for row in ROWS]
    rows[3]["text"], rows[9]["text"] = '"Hola dijo', 'y se fue"'
    path = write(tmp_path / "x.csv", table(rows, delimiter))
    assert "line 5" in refused(capsys, prepare_dataset.main, path, "--output", tmp_path / "o")


@pytest.mark.parametrize("first", ["sep=;", '"sep=;"', "SEP=;\r", "\ufeffsep=;"])
def test_the_first_line_of_excel(tmp_path, first):
    path = write(tmp_path / "x.csv", first + "\n" + table(delimiter=";"))
    assert documents(path).keys() == {row["id"] for row in ROWS}
    rows = list(read_unlabelled(str(path), Columns(), ReadReport(), ["a", "b"]))
    assert len(rows) == 34 and rows[0] == tuple(ROWS[0].values())


@pytest.mark.parametrize("above", ["", "\n\n", "  \r\n", ",,\n", "\n\nsep=,\n", "\ufeff\n"])
@pytest.mark.parametrize("below", ["", "\n   \n", ",,\n,,\n", " , ,\n"])
def test_empty_rows_of_excel_around_a_table(tmp_path, above, below):
    rows = [dict(row) for row in ROWS]
    rows[4]["text"] = "uno, dos\ny tres"
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    path = write(tmp_path / "x.csv", above + stream.getvalue() + below)
    assert documents(path) == {row["id"]: (row["text"], row["label"]) for row in rows}
    if "," in below:
        info = load_corpus(path).info
        assert any("rows without any value left out" in note for note in info["notes"])
        assert info["rows"]["unlabelled"] == 0


def test_the_line_of_a_broken_row_below_empty_ones(tmp_path, capsys):
    path = write(tmp_path / "x.csv", "\n\nsep=;\n\n" + table(delimiter=";") + "z;uno\n")
    message = refused(capsys, prepare_dataset.main, path, "--output", tmp_path / "o")
    assert "line 40: 2 fields" in message


def test_empty_texts_of_a_table_of_one_column_stay(tmp_path):
    path = write(tmp_path / "x.csv", 'text\nuno\n""\n\ndos\n')
    rows = list(read_unlabelled(str(path), Columns(), ReadReport(), ["a"]))
    assert [text for _, text, _ in rows] == ["uno", "", "dos"]


# Encodings.


@pytest.mark.parametrize("encoding", ["mac_roman", "cp850", "cp1252", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "tree"])
def test_spanish_in_the_encodings_of_offices(tmp_path, encoding, kind):
    expected = {row["id"]: (row["text"], row["label"]) for row in ROWS}
    if kind == "tree":
        source = tmp_path / "tree"
        for row in ROWS:
            path = source / row["label"] / f"{row['id']}.txt"
            write(path, row["text"].encode(encoding))
        expected = {f"{label}/{i}": (text, label) for i, (text, label) in expected.items()}
    elif kind == "jsonl":
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
        source = write(tmp_path / "x.jsonl", lines.encode(encoding))
    else:
        text = table(delimiter="\t" if kind == "tsv" else ",")
        source = write(tmp_path / f"x.{kind}", text.encode(encoding))
    assert documents(source) == expected
    notes = load_corpus(source).info["notes"]
    assert "--encoding" in notes[0] and any(f"read as {encoding}" in note for note in notes)


def test_the_encoding_that_the_user_names(tmp_path, capsys):
    text = table().replace("niño", "ni¤o")
    path = write(tmp_path / "x.csv", text.encode("cp1252"))
    assert documents(path, encoding="iso8859-15")["d00"][0].count("ni€o") == 1
    out = ["--output", tmp_path / "o"]
    for name, part in (("marciano", "unknown"), ("utf-8", "not in utf-8"), ("base64", "unknown")):
        message = refused(capsys, prepare_dataset.main, path, *out, "--encoding", name)
        assert part in message


# Values that are none.


def test_nan_is_no_label_and_no_text(tmp_path, capsys):
    lines = [json.dumps(row, ensure_ascii=False) for row in ROWS]
    lines += [
        '{"id": "x", "text": "sin clase", "label": NaN}',
        '{"id": "y", "text": NaN, "label": "a"}',
    ]
    path = write(tmp_path / "x.jsonl", "\n".join(lines))
    info = prepare(path, tmp_path / "o")
    assert info["labels"] == ["a", "b"] and info["rows"]["unlabelled"] == 1
    assert info["dropped"] == {"null or empty text": {"train": 1}}

    frame = pd.DataFrame({"text": [r["text"] for r in ROWS], "label": [1.0, 2.0] * 17})
    frame.loc[0, "label"] = float("nan")
    frame.to_parquet(tmp_path / "x.parquet")
    corpus = load_corpus(tmp_path / "x.parquet")
    assert corpus.info["labels"] == ["1.0", "2.0"] and len(corpus.unlabelled) == 1

    write(tmp_path / "inf.jsonl", '{"text": "a", "label": Infinity}\n')
    message = refused(
        capsys, prepare_dataset.main, tmp_path / "inf.jsonl", "--output", tmp_path / "p"
    )
    assert "line 1" in message and "infinite" in message
    assert (
        documents(write(tmp_path / "n.csv", table().replace(",b\n", ",nan\n")))["d01"][1] == "nan"
    )


@pytest.mark.parametrize("nothing", ["\u00a0", "\u200b", "\u00ad \ufeff", "\u3000\u2060"])
def test_texts_that_show_nothing_are_empty(tmp_path, nothing):
    rows = [*ROWS, {"id": "z", "text": nothing, "label": "a"}]
    rows += [{"id": "u", "text": "sin clase", "label": nothing}]
    info = load_corpus(write_jsonl(tmp_path / "x.jsonl", rows)).info
    assert info["report"]["null_or_empty_texts"] == {"train": 1} and info["labels"] == ["a", "b"]


def test_codes_with_and_without_a_final_zero_are_mentioned(tmp_path):
    """A column of codes with a gap comes out of pandas as 171.0."""
    rows = [row | {"label": "171" if row["label"] == "a" else "9"} for row in ROWS]
    write(tmp_path / "s" / "train.csv", table(rows))
    rows = [row | {"label": row["label"] + ".0"} for row in rows]
    write(tmp_path / "s" / "test.csv", table(rows))
    info = load_corpus(tmp_path / "s").info
    assert {"171", "171.0"} in [set(group) for group in info["report"]["label_variants"]]
    assert any("'171' (" in note and "a final .0" in note for note in info["notes"])


@pytest.mark.parametrize("mark", [" NR ", unicodedata.normalize("NFD", "sin revisión")])
def test_evaluation_knows_the_marks_of_unlabelled_rows_as_prepare_does(tmp_path, mark):
    rows = [*ROWS, {"id": "u", "text": "otro", "label": mark}]
    path = write_jsonl(tmp_path / "x.jsonl", rows)
    options = DataOptions(unlabelled=[mark])
    assert load_corpus(path, options).info["labels"] == ["a", "b"]
    assert load_evaluation(path, options, "test").info["labels"] == ["a", "b"]


@pytest.mark.parametrize("other", ["A", "á", "a\u200b", "a\u00ad"])
def test_classes_that_look_alike_are_mentioned(tmp_path, other):
    rows = [*ROWS, *({"id": f"o{i}", "text": f"otro {i}", "label": other} for i in range(5))]
    info = load_corpus(write_jsonl(tmp_path / "x.jsonl", rows)).info
    assert {"a": 17, other: 5} in info["report"]["label_variants"]
    assert any("differ only in case" in note and repr(other) in note for note in info["notes"])


# Columns.


def test_the_columns_of_json_lines_are_those_of_any_line(tmp_path, capsys):
    late = [dict(row) for row in ROWS]
    del late[0]["label"], late[1]["text"]
    corpus = load_corpus(write_jsonl(tmp_path / "late.jsonl", late))
    assert corpus.unlabelled["id"][:] == ["d00"]
    assert corpus.info["dropped"] == {"null or empty text": {"train": 1}}
    for place, line in ((0, "line 1"), (7, "line 8")):
        rows = [dict(row) for row in ROWS]
        del rows[place]["id"]
        path = write_jsonl(tmp_path / f"{place}.jsonl", rows)
        message = refused(capsys, prepare_dataset.main, path, "--output", tmp_path / "o")
        assert line in message and "'id'" in message


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_columns_match_in_any_unicode_form(tmp_path, kind):
    name = {form: unicodedata.normalize(form, "opinión") for form in ("NFC", "NFD")}
    for written, asked in (("NFC", "NFD"), ("NFD", "NFC")):
        rows = [{"id": r["id"], name[written]: r["text"], "label": r["label"]} for r in ROWS]
        path = tmp_path / f"{written}.{kind}"
        if kind == "jsonl":
            write_jsonl(path, rows)
        elif kind == "csv":
            write(path, table(rows))
        else:
            pq.write_table(pd.DataFrame(rows).pipe(__import__("pyarrow").Table.from_pandas), path)
        assert documents(path, text_column=name[asked])["d00"][0] == ROWS[0]["text"]


# Splits and trees.


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("Entrenamiento", "train"),
        ("training", "train"),
        ("conjunto_de_entrenamiento", "train"),
        ("validación", "validation"),
        (unicodedata.normalize("NFD", "Validación"), "validation"),
        ("desarrollo", "validation"),
        ("DEV", "validation"),
        ("pruebas", "test"),
        ("test-set", "test"),
        ("prueba", "test"),
        ("contrato", None),
        ("datos", None),
        ("train_test", None),
        ("", None),
    ],
)
def test_names_of_splits(name, split):
    assert split_of(name) == split


def test_splits_in_spanish(tmp_path):
    for folder in ("entrenamiento", "Validación", "PRUEBA"):
        for row in ROWS[:8]:
            write(tmp_path / "tree" / folder / row["label"] / f"{row['id']}.txt", row["text"])
    splits = load_splits(tmp_path / "tree")
    assert {s: len(d) for s, d in splits.items()} == {"train": 8, "validation": 8, "test": 8}
    assert splits["train"].features["label"].names == ["a", "b"]
    for name in ("entrenamiento", "desarrollo", "pruebas"):
        write(tmp_path / "files" / f"{name}.csv", table(ROWS[:8]))
    assert len(load_splits(tmp_path / "files")["test"]) == 8


@pytest.mark.parametrize("split", ["prueba", "train", "desarrollo"])
def test_splits_beside_classes_are_refused(tmp_path, capsys, split):
    for folder in (split, "contrato", "factura"):
        write(tmp_path / "tree" / folder / "a" / "1.txt", "hola")
    write(tmp_path / "tree" / "train" / "a" / "1.txt", "hola")
    message = refused(capsys, prepare_dataset.main, tmp_path / "tree", "--output", tmp_path / "o")
    assert "contrato" in message and "named as a split" in message


def test_class_folders_that_are_links(tmp_path):
    for row in ROWS:
        write(tmp_path / "away" / row["label"] / f"{row['id']}.txt", row["text"])
    (tmp_path / "tree" / "train").mkdir(parents=True)
    for label in "ab":
        (tmp_path / "tree" / "train" / label).symlink_to(tmp_path / "away" / label)
        (tmp_path / "flat").mkdir(exist_ok=True)
        (tmp_path / "flat" / label).symlink_to(tmp_path / "away" / label)
    assert len(documents(tmp_path / "tree")) == len(documents(tmp_path / "flat")) == len(ROWS)


def test_what_lies_behind_links_counts_in_the_hash(tmp_path):
    for row in ROWS:
        write(tmp_path / "away" / row["label"] / f"{row['id']}.txt", row["text"])
    (tmp_path / "links" / "train").mkdir(parents=True)
    for label in "ab":
        (tmp_path / "links" / "train" / label).symlink_to(tmp_path / "away" / label)
    (tmp_path / "whole").symlink_to(tmp_path / "away")
    sources = (tmp_path / "away", tmp_path / "links", tmp_path / "whole")
    digests = [digests_of(source) for source in sources]
    assert digests[0] == digests[1] == digests[2]
    write(tmp_path / "away" / "b" / "d33.txt", "otro texto")
    edited = [digests_of(source) for source in sources]
    assert edited[0] == edited[1] == edited[2]
    assert all(old != new for old, new in zip(digests[0], edited[0], strict=True))


def digests_of(source) -> tuple[str, str]:
    """The content hash of a dataset, and the digest of its rows in their order."""
    corpus = load_corpus(source, DataOptions(test_size=0.3))
    pooled = datasets.concatenate_datasets(list(corpus.splits.values()))
    return corpus.info["hash"], order_digest(pooled)


def test_a_class_folder_that_may_not_be_read(tmp_path, capsys, monkeypatch):
    for row in ROWS:
        write(tmp_path / "tree" / row["label"] / f"{row['id']}.txt", row["text"])
    scandir = os.scandir

    def denied(path):
        if str(path).endswith("/b"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    message = refused(capsys, prepare_dataset.main, tmp_path / "tree", "--output", tmp_path / "o")
    assert "tree/b" in message and "Permission denied" in message


def test_names_that_are_not_utf_8(tmp_path):
    for i, row in enumerate(ROWS):
        folder = os.fsencode(tmp_path / "tree") + (b"/se\xf1al" if i % 2 else b"/otra")
        os.makedirs(folder, exist_ok=True)
        with open(folder + f"/a\u00f1o{i}.txt".encode("latin-1"), "wb") as stream:
            stream.write(row["text"].encode())
    info = prepare(tmp_path / "tree", tmp_path / "o")
    assert info["labels"] == ["otra", "señal"]
    rows = list(read_unlabelled(str(tmp_path / "tree"), Columns(), ReadReport(), info["labels"]))
    assert ("señal/año1", ROWS[1]["text"], "señal") in rows


# What predict reads.


def test_predict_reads_as_prepare_does(tmp_path):
    rows = [
        {"id": "1", "text": "un \ud83d texto", "label": " a "},
        {"id": "2", "text": "otro", "label": "NR"},
        {"id": "3", "text": unicodedata.normalize("NFD", "año"), "label": "\u00a0"},
    ]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    found = list(read_unlabelled(str(path), Columns(), ReadReport(), ["a"], ["NR"]))
    assert found == [("1", "un \ufffd texto", "a"), ("2", "otro", None), ("3", "año", None)]


# Options that a source leaves nothing to do.


@pytest.mark.parametrize(
    "flags",
    [
        ["--unlabelled", "salud"],
        ["--split_seed", "5"],
        ["--seed", "5"],
        ["--test_size", "0.3"],
        ["--validation_size", "0.3"],
        ["--text_column", "nope"],
        ["--label_column", "nope"],
        ["--id_column", "nope"],
        ["--encoding", "cp1252"],
        ["--ground_truth", "nope.csv"],
    ],
)
def test_reading_options_beside_a_prepared_folder_are_refused(prepared, tmp_path, capsys, flags):
    message = refused(capsys, prepare_dataset.main, prepared, "--output", tmp_path / "o", *flags)
    assert "prepared dataset" in message and flags[0].replace("--seed", "--split_seed") in message


def test_what_a_prepared_folder_still_takes(tmp_path):
    rows = [{"texto": r["text"], "label": r["label"], "id": r["id"]} for r in corpus_rows(20)]
    path = write_jsonl(tmp_path / "x.jsonl", rows)
    prepare(path, tmp_path / "o", "--text_column", "texto", "--seed", "3")
    again = load_corpus(tmp_path / "o", DataOptions(text_column="texto", split_seed=3))
    assert again.options == {"sample_fraction": 1.0, "drop_duplicates": False, "drop_leaks": False}
    sampled = load_corpus(tmp_path / "o", DataOptions(sample_fraction=0.5, split_seed=8))
    assert sampled.options["split_seed"] == 8
    assert sampled.info["options"]["text_column"] == "texto"
    prepare_dataset.main(
        [str(tmp_path / "o"), "--folds", "3", "--seed", "7", "--output", str(tmp_path / "folds")]
    )


def test_columns_of_sources_without_columns_are_refused(tmp_path, capsys):
    for row in ROWS:
        write(tmp_path / "tree" / row["label"] / f"{row['id']}.txt", row["text"])
    for source in ("sample", tmp_path / "tree"):
        words = [source, "--output", tmp_path / "o", "--text_column", "texto"]
        assert "--text_column texto" in refused(capsys, prepare_dataset.main, *words)


def test_sizes_of_given_splits_are_noted_and_not_recorded(tmp_path):
    for name in ("train", "test"):
        write_jsonl(tmp_path / "s" / f"{name}.jsonl", corpus_rows(10))
    corpus = load_corpus(tmp_path / "s", DataOptions(test_size=0.3))
    assert "test_size" not in corpus.options and "validation_size" in corpus.options
    assert any("--test_size 0.3" in note for note in corpus.info["notes"])


# --overwrite.


def test_overwrite_of_a_parent_keeps_its_versions_and_its_source(tmp_path, capsys):
    data = tmp_path / "temas"
    path = write_jsonl(data / "x.jsonl", corpus_rows(10))
    away = write_jsonl(tmp_path / "y.jsonl", corpus_rows(10))
    for version in ("data_v1", "data_v2"):
        prepare(path, data / version)
    before = sorted(map(str, data.rglob("*")))
    for source in (path, away):
        for flags in ([], ["--folds", "3"]):
            words = [source, "--output", data, "--overwrite", *flags]
            refused(capsys, prepare_dataset.main, *words)
    refused(
        capsys, prepare_dataset.main, data / "data_v1", "--output", data / "data_v1", "--overwrite"
    )
    assert sorted(map(str, data.rglob("*"))) == before


def test_overwrite_keeps_what_others_put_into_a_prepared_folder(tmp_path, capsys):
    path = write_jsonl(tmp_path / "x.jsonl", corpus_rows(10))
    prepare(path, tmp_path / "o")
    write(tmp_path / "o" / "notas.txt", "mías")
    words = [path, "--output", tmp_path / "o", "--overwrite"]
    assert "notas.txt" in refused(capsys, prepare_dataset.main, *words)
    assert (tmp_path / "o" / "notas.txt").read_text() == "mías"


def test_fewer_folds_leave_no_old_ones(tmp_path):
    path = write_jsonl(tmp_path / "x.jsonl", corpus_rows(10))
    for flags in (["--folds", "3"], ["--folds", "2"], []):
        words = [str(path), "--output", str(tmp_path / "o"), "--overwrite", *flags]
        prepare_dataset.main(words)
        kind, number = (flags[0].strip("-").rstrip("s"), int(flags[1])) if flags else ("", 0)
        expected = {f"{kind}_{n}" for n in range(1, number + 1)}
        found = {p.name for p in (tmp_path / "o").iterdir() if p.name[-1].isdigit()}
        assert found == expected
    assert (tmp_path / "o" / "dataset.json").exists()
    assert not list(tmp_path.glob(".*"))
