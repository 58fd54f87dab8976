"""The table of predictions: exact round trips, whole or no file, refusals that name the file."""

import json
import os

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from utils import predictions as module
from utils.errors import InputError
from utils.predictions import read_predictions, write_predictions
from utils.records import csv_blocks

NAMES = ["año/niñez", "b, con coma", 'c "entre comillas"', "$d_{x}$"]
IDS = ["carpeta/ñandú", "a,b", "línea\nrota", "\u2028 raro", "001", "NA", "", 'di "sí"']
LABELS = ["año/niñez", None, "$d_{x}$", "b, con coma", "año/niñez", None, "no visto", "NA"]


def drawn(n=8, n_classes=4, seed=0):
    return np.random.default_rng(seed).dirichlet(np.full(n_classes, 0.3), n).astype(np.float32)


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_round_trip_is_exact(tmp_path, ending):
    path, probabilities = tmp_path / f"p.{ending}", drawn()
    probabilities[2] = [0.4, 0.4, 0.1, 0.1]
    write_predictions(path, IDS, probabilities, NAMES, LABELS)
    table = read_predictions(path)
    assert (table.ids, table.labels, table.class_names) == (IDS, LABELS, NAMES)
    assert table.predictions == [NAMES[index] for index in probabilities.argmax(axis=1)]
    assert table.predictions[2] == NAMES[0]
    assert table.probabilities.dtype == table.confidence.dtype == np.float32
    assert (table.probabilities == probabilities).all()
    assert (table.confidence == probabilities.max(axis=1)).all()
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_without_labels_and_with_empty_ones(tmp_path, ending):
    path = tmp_path / f"p.{ending}"
    write_predictions(path, IDS, drawn(), NAMES)
    assert read_predictions(path).labels == [None] * len(IDS)
    write_predictions(path, IDS, drawn(), NAMES, [""] * len(IDS))
    assert read_predictions(path).labels == [None] * len(IDS)


def test_parquet_schema_is_the_contract(tmp_path):
    write_predictions(tmp_path / "p.parquet", IDS, drawn().astype(np.float64), NAMES, LABELS)
    schema = pq.read_schema(tmp_path / "p.parquet")
    assert {field.name: str(field.type) for field in schema} == {
        "id": "string",
        "label": "string",
        "prediction": "string",
        "confidence": "float",
        "probabilities": "list<element: float>",
    }
    assert schema.metadata[b"class_names"] == json.dumps(NAMES, ensure_ascii=False).encode()


def test_row_groups_are_joined_in_order(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "ROW_GROUP_VALUES", 40)
    probabilities = drawn(101, 4)
    write_predictions(tmp_path / "p.parquet", [str(i) for i in range(101)], probabilities, NAMES)
    assert pq.ParquetFile(tmp_path / "p.parquet").num_row_groups == 11
    monkeypatch.setattr(module, "ROW_GROUP_VALUES", 28)
    table = read_predictions(tmp_path / "p.parquet")
    assert table.ids == [str(i) for i in range(101)]
    assert (table.probabilities == probabilities).all()


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_no_rows(tmp_path, ending):
    write_predictions(tmp_path / f"p.{ending}", [], np.empty((0, 4), np.float32), NAMES)
    table = read_predictions(tmp_path / f"p.{ending}")
    assert (table.ids, table.probabilities.shape, table.class_names) == ([], (0, 4), NAMES)


def test_text_files_keep_accents_and_short_numbers(tmp_path):
    probabilities = np.array([[0.1, 0.9]], dtype=np.float32)
    for ending in ("csv", "jsonl"):
        write_predictions(tmp_path / f"p.{ending}", ["ñ"], probabilities, ["á", "b"], ["á"])
    header, line = (tmp_path / "p.csv").read_text(encoding="utf-8").splitlines()
    assert header == '"id","label","prediction","confidence","probability_á","probability_b"'
    assert line == '"ñ","á","b",0.9,0.1,0.9'
    row = (
        '{"id": "ñ", "label": "á", "prediction": "b", "confidence": 0.9, '
        '"probabilities": {"á": 0.1, "b": 0.9}}\n'
    )
    assert (tmp_path / "p.jsonl").read_text(encoding="utf-8") == row


def test_a_csv_saved_again_by_a_spreadsheet_is_read(tmp_path):
    header = "\ufeffid,label,prediction,confidence,probability_a,probability_ñ"
    text = "\r\n".join([header, "001,,ñ,0.75,0.25,0.75", 'NA,"",a,1,1,0', ""])
    (tmp_path / "p.csv").write_text(text, encoding="utf-8", newline="")
    table = read_predictions(tmp_path / "p.csv")
    assert (table.ids, table.labels, table.predictions) == (["001", "NA"], [None, None], ["ñ", "a"])
    assert table.probabilities.tolist() == [[0.25, 0.75], [1, 0]]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "cp1252", "mac_roman", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("first", ["", "sep=;\r\n", "\r\n"])
def test_a_csv_of_a_spanish_excel_is_read(tmp_path, encoding, first):
    """Semicolons, decimal commas, Excel's own first line, and no UTF-8."""
    header = "id;label;prediction;confidence;probability_año;probability_niñez"
    rows = ["001;;niñez;0,75;0,25;0,75", '"a;1";año;año;1;1;0', "b;niñez;año;0,99999;0,99999;1E-05"]
    text = first + "\r\n".join([header, *rows, ""])
    (tmp_path / "p.csv").write_bytes(text.encode(encoding))
    table = read_predictions(tmp_path / "p.csv")
    assert (table.ids, table.labels) == (["001", "a;1", "b"], [None, "año", "niñez"])
    assert table.class_names == ["año", "niñez"]
    assert (
        table.probabilities.tolist() == np.float32([[0.25, 0.75], [1, 0], [0.99999, 1e-5]]).tolist()
    )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_json_lines_of_other_encodings_are_read(tmp_path, encoding):
    row = ROW.replace('"x"', '"año"')
    (tmp_path / "p.jsonl").write_bytes(row.encode(encoding))
    assert read_predictions(tmp_path / "p.jsonl").ids == ["año"]


def test_a_csv_in_several_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_blocks, "BLOCK", 256)
    ids, probabilities = [f"línea\nrota {i}" for i in range(101)], drawn(101, 4)
    write_predictions(tmp_path / "p.csv", ids, probabilities, NAMES)
    table = read_predictions(tmp_path / "p.csv")
    assert table.ids == ids and (table.probabilities == probabilities).all()


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_a_failure_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, ending):
    path = tmp_path / f"p.{ending}"
    write_predictions(path, IDS, drawn(), NAMES, LABELS)
    before = path.read_bytes()
    monkeypatch.setattr(module, "ROW_GROUP_VALUES", 8)
    broken = drawn(seed=1)
    broken[-1, 0] = np.nan  # found in the last row group, when others are written
    with pytest.raises(ValueError, match="rows 6..7 are not all finite"):
        write_predictions(path, IDS, broken, NAMES)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [path.name]


def test_folders_are_made_and_impossible_places_refused(tmp_path):
    write_predictions(tmp_path / "new" / "deep" / "p.parquet", IDS, drawn(), NAMES)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="file/p.parquet"):
        write_predictions(tmp_path / "file" / "p.parquet", IDS, drawn(), NAMES)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(InputError, match="folder.csv"):
        write_predictions(tmp_path / "folder.csv", IDS, drawn(), NAMES)
    assert sorted(os.listdir(tmp_path)) == ["file", "folder.csv", "new"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ids": IDS[1:]}, "7 ids"),
        ({"class_names": NAMES[1:]}, "3 class names"),
        ({"labels": LABELS[1:]}, "7 labels"),
        ({"class_names": ["a", "a", "b", "c"]}, "different"),
        ({"class_names": ["a", "", "b", "c"]}, "not empty"),
        ({"class_names": [1, 2, 3, 4]}, "strings"),
        ({"ids": list(range(8))}, "strings"),
        ({"labels": [3] * 8}, "class names"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(tmp_path, changes, words):
    arguments = {"ids": IDS, "probabilities": drawn(), "class_names": NAMES, "labels": LABELS}
    with pytest.raises(ValueError, match=words):
        write_predictions(tmp_path / "p.parquet", **arguments | changes)
    assert os.listdir(tmp_path) == []


def parquet(path, names=("a", "b"), **columns):
    """Write one row that is right but for `columns` (None leaves one out) and the names in the
    metadata.
    """
    good = {
        "id": ["x"],
        "label": ["a"],
        "prediction": ["b"],
        "confidence": [0.6],
        "probabilities": [[0.4, 0.6]],
    }
    table = pa.table(
        {name: values for name, values in (good | columns).items() if values is not None}
    )
    table = table.replace_schema_metadata({"class_names": json.dumps(names)} if names else None)
    pq.write_table(table, path)


def test_a_parquet_of_wider_types_is_read(tmp_path):
    parquet(tmp_path / "p.parquet", id=pa.array(["x"], pa.large_string()))
    assert (
        read_predictions(tmp_path / "p.parquet").probabilities.tolist()
        == np.float32([[0.4, 0.6]]).tolist()
    )


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"confidence": None}, "lacks the columns confidence"),
        ({"id": None, "probabilities": None}, "lacks the columns id, probabilities"),
        ({"names": None}, "class_names"),
        ({"names": []}, "class_names"),
        ({"names": ["a", "a"]}, "twice"),
        ({"names": ["a", "b", "c"]}, "3 probabilities"),
        ({"probabilities": pa.array([None], pa.list_(pa.float32()))}, "2 probabilities"),
        ({"probabilities": [[0.4, None]]}, "row 1"),
        ({"probabilities": [0.4]}, "readable parquet"),
        ({"probabilities": [["x", "y"]]}, "readable parquet"),
        ({"prediction": ["z"]}, "row 1: prediction 'z'"),
        ({"id": pa.array([None], pa.string())}, "row 1 has no id"),
    ],
)
def test_bad_parquet_is_refused(tmp_path, columns, words):
    parquet(tmp_path / "bad.parquet", **columns)
    with pytest.raises(InputError, match=words) as refusal:
        read_predictions(tmp_path / "bad.parquet")
    assert "bad.parquet" in str(refusal.value)


ROW = '{"id": "x", "label": null, "prediction": "a", "confidence": 1, "probabilities": {"a": 1}}\n'


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("p.parquet", b"no parquet at all", "readable parquet"),
        ("p.parquet", b"", "readable parquet"),
        ("p.csv", b"", "empty"),
        ("p.csv", b"id,label\nx,a\n", "lacks the columns prediction, confidence"),
        ("p.csv", b"id,label,prediction,confidence\nx,a,a,1\n", "probability_<class>"),
        (
            "p.csv",
            b"id,id,label,prediction,confidence,probability_a\nx,x,a,a,1,1\n",
            "more than one column id",
        ),
        ("p.csv", b"id,label,prediction,confidence,probability_a\nx,a,a,uno,1\n", "readable csv"),
        ("p.csv", b"id,label,prediction,confidence,probability_a\nx,a,a,1\n", "line 2: 4 fields"),
        ("p.csv", b"id,label,prediction,confidence,probability_a\nx,a,a,1,\n", "row 1"),
        (
            "p.csv",
            b'id,label,prediction,confidence,probability_a\n"x,a,a,1,1\ny,a,a,1,1\n',
            "line 3.*quotes",
        ),
        ("p.jsonl", b"", "empty"),
        ("p.jsonl", ROW.replace("}}", "").encode(), "line 1"),
        ("p.jsonl", (ROW + "{").encode(), "line 2"),
        ("p.jsonl", (ROW + ROW.replace('"a": 1', '"b": 1')).encode(), "line 2"),
        ("p.jsonl", (ROW + ROW.replace('"id"', '"name"')).encode(), "line 2"),
        ("p.jsonl", b"[1]\n", "line 1"),
        ("p.jsonl", ROW.replace('"x"', "7").encode(), "readable jsonl"),
        ("p.xlsx", b"", "end in .parquet, .csv or .jsonl"),
    ],
)
def test_bad_files_are_refused(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words) as refusal:
        read_predictions(tmp_path / name)
    assert name in str(refusal.value)


def test_missing_files_and_truncated_ones(tmp_path):
    with pytest.raises(InputError, match="no predictions file .*none.parquet"):
        read_predictions(tmp_path / "none.parquet")
    write_predictions(tmp_path / "p.parquet", IDS, drawn(), NAMES)
    whole = (tmp_path / "p.parquet").read_bytes()
    (tmp_path / "p.parquet").write_bytes(whole[:-20])
    with pytest.raises(InputError, match="p.parquet"):
        read_predictions(tmp_path / "p.parquet")
