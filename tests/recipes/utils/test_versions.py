"""versions: differences with known answers, leaks, and a ground truth that wf_metrics scores
without ambiguity.
"""

import csv
import json
import os
import sys
from pathlib import Path

import pytest

from tests.helpers import corpus_rows, refused, write_jsonl
from utils import prepare_dataset, versions
from utils.text import nfc
from wf_metrics.notebooks_or_scripts import metrics_calc as metrics_calc_script


def write_splits(folder: Path, **splits) -> Path:
    """`{train,validation,test}.jsonl` of rows (id, text, label)."""
    for split, rows in splits.items():
        write_jsonl(
            folder / f"{split}.jsonl",
            [dict(zip(("id", "text", "label"), row, strict=True)) for row in rows],
        )
    return folder


def table(path: Path) -> list[dict]:
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def compare(one, two, output, *flags):
    """(diff.json, documents.csv by kind as (id, before, after))."""
    versions.main(["diff", str(one), str(two), "--output", str(output), *flags])
    kinds = {}
    for row in table(output / "documents.csv"):
        kinds.setdefault(row["kind"], []).append((row["id"], row["before"], row["after"]))
    return json.loads((output / "diff.json").read_text(encoding="utf-8")), kinds


V1 = {
    "train": [
        ("1", "uno igual", "factura"),
        ("2", "dos cambia aquí y sigue", "factura"),
        ("3", "tres", "acta"),
        ("4", "cuatro se va", "acta"),
        ("5", "cinco pasa a la prueba", "acta"),
        ("6", "Año séis", "factura"),
        ("viejo/7", "siete con otro nombre", "factura"),
        ("n", "sin etiqueta todavía", ""),
    ],
    "validation": [("v", "validación", "acta")],
    "test": [("t1", "prueba una", "factura"), ("t2", "prueba dos", "acta")],
}
V2 = {
    "train": [
        ("1", "uno igual", "factura"),
        ("2", "dos cambia allí y sigue", "factura"),
        ("3", "tres", "poder"),
        ("6", "año SEIS.", "factura"),
        ("nuevo/7", "siete con otro nombre", "acta"),
        ("n", "sin etiqueta todavía", "acta"),
        ("8", "Prueba  UNA", "acta"),
    ],
    "validation": [("v", "validación", "acta")],
    "test": [
        ("t1", "prueba una", "factura"),
        ("t2", "prueba dos", "acta"),
        ("5", "cinco pasa a la prueba", "acta"),
    ],
}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("versions")
    return write_splits(folder / "v1", **V1), write_splits(folder / "v2", **V2)


def test_every_kind_of_change(two, tmp_path, capsys):
    numbers, kinds = compare(*two, tmp_path / "out")
    assert kinds["added"] == [("8", "", "train: acta")] and kinds["removed"] == [
        ("4", "train: acta", "")
    ]
    assert kinds["renamed"] == [("nuevo/7", "viejo/7", "nuevo/7")]
    assert kinds["relabelled"] == [
        ("3", "acta", "poder"),
        ("n", "", "acta"),
        ("nuevo/7", "factura", "acta"),
    ]
    assert kinds["moved"] == [("5", "train", "test"), ("n", "unlabelled", "train")]
    assert [(i, a[-16:], b[-15:]) for i, a, b in kinds["changed"]] == [
        ("2", "cambia aquí y sigue"[-16:], "cambia allí y sigue"[-15:]),
        ("6", "Año séis", "año SEIS."),
    ]
    assert (
        numbers["changed_only_in_case_accents_punctuation_spacing"] == 1
        and not numbers["identical"]
    )
    # 5 was in train of the first and is in test of the second; t1's text came into train of the
    # second.
    assert kinds["leak_v1_train"] == [("5", "5", "5")] and kinds["leak_v2_train"] == [
        ("t1", "8", "t1")
    ]
    assert numbers["counts"] == {
        "added": 1,
        "removed": 1,
        "renamed": 1,
        "changed": 2,
        "relabelled": 3,
        "moved": 2,
        "leak_v1_train": 1,
        "leak_v2_train": 1,
    }
    assert numbers["rows"] == {
        "train": [7, 7],
        "validation": [1, 1],
        "test": [2, 3],
        "unlabelled": [1, 0],
    }
    classes = {c["class"]: (c["documents"], round(c["difference"], 4)) for c in numbers["classes"]}
    assert classes == {
        "acta": ([5, 6], round(6 / 11 - 5 / 10, 4)),
        "factura": ([5, 4], round(4 / 11 - 5 / 10, 4)),
        "poder": ([0, 1], round(1 / 11, 4)),
    }
    report = (tmp_path / "out" / "diff.md").read_text(encoding="utf-8")
    assert report in capsys.readouterr().out and "| poder | 0 | 0.0% | 1 | 9.1% | +9.1 |" in report
    assert [len(version["hash"]) for version in numbers["versions"]] == [64, 64]


def test_identical_versions_say_so(two, tmp_path, capsys):
    prepare_dataset.main([str(two[0]), "--output", str(tmp_path / "data_v1")])
    numbers, kinds = compare(two[0], tmp_path / "data_v1", tmp_path / "out")
    assert numbers["identical"] and kinds == {} and "Identical" in capsys.readouterr().out
    assert numbers["versions"][0]["hash"] == numbers["versions"][1]["hash"]
    # The other way round: what was added is removed.
    numbers, kinds = compare(two[1], tmp_path / "data_v1", tmp_path / "out", "--overwrite")
    assert (
        kinds["removed"] == [("8", "train: acta", "")] and numbers["counts"]["leak_v1_train"] == 1
    )


def test_ids_that_repeat_between_splits(tmp_path):
    """Row numbers are ids where a table has none: a document is then known by split and id."""
    one = write_splits(
        tmp_path / "1",
        train=[("0", "a b", "x"), ("1", "c", "y")],
        validation=[("0", "d", "x")],
        test=[("0", "e", "y")],
    )
    two = write_splits(
        tmp_path / "2",
        train=[("0", "a b", "x"), ("1", "c", "y")],
        validation=[("0", "d", "x")],
        test=[("0", "e", "x")],
    )
    numbers, kinds = compare(one, two, tmp_path / "out")
    assert numbers["documents_known_by"] == "split and id" and kinds == {
        "relabelled": [("test/0", "y", "x")]
    }


def test_a_relabelled_file_of_a_tree(tmp_path):
    """The typology is part of the id of a tree's document: it is renamed and relabelled, not
    removed and added.
    """
    for version, typology in (("1", "factura"), ("2", "acta")):
        for name in ("train/factura/a", "train/acta/b", "val/acta/c", f"test/{typology}/d"):
            path = tmp_path / version / f"{name}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"texto {name[-1]}", encoding="utf-8")
    _, kinds = compare(tmp_path / "1", tmp_path / "2", tmp_path / "out")
    assert kinds == {
        "renamed": [("acta/d", "factura/d", "acta/d")],
        "relabelled": [("acta/d", "factura", "acta")],
    }


def test_cells_that_a_spreadsheet_would_run(tmp_path):
    one = write_splits(
        tmp_path / "1",
        train=[("a", "x", "x"), ("b", "y", "y")],
        validation=[("c", "z", "x")],
        test=[("d", "u", "x")],
    )
    two = write_splits(
        tmp_path / "2",
        train=[("a", "=SUMA(A1)", "x"), ("b", "y", "y")],
        validation=[("c", "z", "x")],
        test=[("d", "u", "x")],
    )
    assert compare(one, two, tmp_path / "out")[1] == {"changed": [("a", "x", "'=SUMA(A1)")]}


def test_folder_without_output(two, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = versions.main(["diff", *map(str, two)])
    assert folder.parts[:3] == ("runs", "versions", "v1-v2") and len(list(folder.iterdir())) == 3


# The ground truth.


STRANGE = [
    "a.txt",
    "A.png",
    "única.pdf",
    ".oculta.txt",
    "=SUMA(A1).txt",
    "-rf.txt",
    "dos\nlineas.txt",
    "n\u0303andu\u0301.txt",
    "..txt",
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A tree whose test has names that occur often, and names that no workflow should see."""
    folder = tmp_path_factory.mktemp("tree") / "text_dataset"
    names = [f"test/factura/{name}" for name in STRANGE] + [
        "test/acta/a.txt",
        "test/acta/sub/a.txt",
        "test/acta/factura__a.txt",
        "test/cédula de ciudadanía/única.txt",
        "test/suelta.txt",
        "test/acta/notas.docx",
        "train/factura/a.txt",
        "test/acta/Thumbs.db",
    ]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"contenido de {name}", encoding="utf-8")
    return folder


EXPECTED = {  # path -> name
    "test/factura/A.png": "factura__A__2.png",  # factura__a is the name of another
    "test/factura/a.txt": "factura__a__3.txt",
    "test/acta/a.txt": "acta__a.txt",
    "test/acta/sub/a.txt": "acta__a__2.txt",
    "test/acta/factura__a.txt": "factura__a.txt",
    "test/factura/única.pdf": "factura__única.pdf",
    "test/cédula de ciudadanía/única.txt": "cédula de ciudadanía__única.txt",
    "test/factura/=SUMA(A1).txt": "_SUMA(A1).txt",
    "test/factura/-rf.txt": "_rf.txt",
    "test/factura/dos\nlineas.txt": "dos_lineas.txt",
    "test/factura/ñandú.txt": "ñandú.txt",
}


def test_ground_truth_of_a_tree(tree, tmp_path, capsys):
    versions.main(["ground_truth", str(tree), str(tmp_path / "ground_truth")])
    folder, said = tmp_path / "ground_truth", capsys.readouterr().out
    rows = table(folder / "ground_truth.csv")
    assert {row["path"]: row["file"] for row in rows} == EXPECTED
    assert sorted(p.name for p in (folder / "todas").iterdir()) == sorted(EXPECTED.values())
    muestras = {
        str(p.relative_to(folder / "muestras"))
        for p in (folder / "muestras").rglob("*")
        if p.is_file()
    }
    assert muestras == {f"{row['typology']}/{row['file']}" for row in rows}
    for row in rows:
        copies = [
            folder / "todas" / row["file"],
            folder / "muestras" / row["typology"] / row["file"],
        ]
        assert {nfc(copy.read_text(encoding="utf-8")) for copy in copies} == {
            f"contenido de {row['path']}"
        }
        assert not any(copy.is_symlink() for copy in copies)
    assert "1 files in no typology folder are left out" in said and ".docx" in said
    assert "9 files were renamed" in said
    assert sum(path.is_file() for path in tree.rglob("*")) == len(STRANGE) + 8  # copied, not moved


def score(folder: Path, truth: Path, output: Path, wrong: int = 0) -> dict:
    """Measure a workflow that saw `todas` and answered all but the first `wrong` files right."""
    answers = {row["file"]: row["typology"] for row in table(folder / "ground_truth.csv")}
    with open(output.with_suffix(".csv"), "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["archivo", "tipo"])
        for place, path in enumerate(sorted((folder / "todas").iterdir())):
            writer.writerow(
                [f"s3://cubo/{path.name}", "otra" if place < wrong else answers[path.name]]
            )
    words = ["--results", output.with_suffix(".csv"), "--ground_truth", truth, "--output", output]
    metrics_calc_script.main(list(map(str, words)))
    return json.loads((output / "wf_metrics.json").read_text(encoding="utf-8"))


def test_wf_metrics_scores_it_without_ambiguity(tree, tmp_path):
    folder = tmp_path / "ground_truth"
    versions.main(["ground_truth", str(tree), str(folder)])
    numbers = score(folder, folder / "muestras", tmp_path / "carpetas")
    assert numbers["accuracy"] == 1.0 and numbers["coverage"] == 1.0
    assert {
        key: numbers["counts"][key] for key in ("matched", "missing", "ambiguous", "extra")
    } == {"matched": len(EXPECTED), "missing": 0, "ambiguous": 0, "extra": 0}
    numbers = score(folder, folder / "ground_truth.csv", tmp_path / "tabla", wrong=1)
    assert numbers["accuracy"] == pytest.approx(10 / 11) and numbers["coverage"] == 1.0


def test_ground_truth_of_a_prepared_dataset(prepared, tmp_path, capsys):
    """Labels such as factura/recibo are no folder's name; the table keeps them."""
    from utils.data import load_splits

    folder = tmp_path / "ground_truth"
    versions.main(["ground_truth", str(prepared), str(folder), "--split", "val"])
    assert "typology 'factura/recibo' is the folder 'factura_recibo'" in capsys.readouterr().out
    rows = {row["path"]: row for row in table(folder / "ground_truth.csv")}
    dataset = load_splits(prepared)["validation"]
    assert len(rows) == len(dataset) == 20
    for row in dataset:
        made = rows[f"validation/{row['id']}"]
        assert made["typology"] == dataset.features["label"].int2str(row["label"])
        assert (folder / "todas" / made["file"]).read_bytes().decode() == row["text"]
    assert {p.name for p in (folder / "muestras").iterdir()} == {
        "cédula de ciudadanía",
        "factura_recibo",
        "contrato",
        "01",
        "NA",
    }
    assert score(folder, folder / "ground_truth.csv", tmp_path / "out")["accuracy"] == 1.0


def test_ids_that_are_paths_and_long(tmp_path):
    test = [
        (f"../{'x' * 300}/..", "uno", "a/b"),
        ("2020/01", "dos", "a_b"),
        ("2021/01", "tres", "a_b"),
        ("y" * 300, "cuatro", ".."),
    ]
    source = write_splits(
        tmp_path / "in",
        train=[("1", "u", "a/b"), ("2", "v", "a_b")],
        validation=[("3", "w", "a_b")],
        test=test,
    )
    versions.main(["ground_truth", str(source), str(tmp_path / "out")])
    made = {
        row["path"][-10:]: (row["file"], row["typology"])
        for row in table(tmp_path / "out" / "ground_truth.csv")
    }
    assert made == {
        f"{'x' * 7}/.."[-10:]: ("_.txt", "a/b"),
        "st/2020/01"[-10:]: ("a_b__01.txt", "a_b"),
        "st/2021/01"[-10:]: ("a_b__01__2.txt", "a_b"),
        "y" * 10: ("y" * 120 + ".txt", ".."),
    }
    folders = {
        p.name: sorted(q.name for q in p.iterdir())
        for p in (tmp_path / "out" / "muestras").iterdir()
    }
    assert folders == {
        "_": ["y" * 120 + ".txt"],
        "a_b": ["_.txt"],
        "a_b__2": ["a_b__01.txt", "a_b__01__2.txt"],
    }


def test_occupied_output_is_kept(tree, tmp_path, capsys):
    output = tmp_path / "out"
    output.mkdir()
    (output / "mi_trabajo.txt").write_text("no borrar", encoding="utf-8")
    for flags in ([], ["--overwrite"]):
        assert "no ground_truth.csv" in refused(
            capsys, versions.main, "ground_truth", tree, output, *flags
        )
    assert [p.name for p in output.iterdir()] == ["mi_trabajo.txt"]
    (output / "mi_trabajo.txt").unlink()
    versions.main(["ground_truth", str(tree), str(output)])
    (output / "todas" / "extra.txt").touch()
    assert "--overwrite" in refused(capsys, versions.main, "ground_truth", tree, output)
    versions.main(["ground_truth", str(tree), str(output), "--overwrite"])
    assert not (output / "todas" / "extra.txt").exists() and [
        p.name for p in tmp_path.iterdir()
    ] == ["out"]


def test_it_appears_whole_or_not_at_all(tree, tmp_path, capsys):
    (tree / "test" / "acta" / "rota.txt").symlink_to(tmp_path / "nada.txt")
    try:
        assert "link to nothing" in refused(
            capsys, versions.main, "ground_truth", tree, tmp_path / "out"
        )
    finally:
        (tree / "test" / "acta" / "rota.txt").unlink()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    sys.platform != "linux", reason="names that are no UTF-8 need a Linux file system"
)
def test_names_that_are_no_utf_8(tmp_path):
    for name in (b"test/x/a\xf1o.txt", b"test/y/b.txt"):
        path = Path(os.fsdecode(os.fsencode(tmp_path / "in") + b"/" + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"hola")
    versions.main(["ground_truth", str(tmp_path / "in"), str(tmp_path / "out")])
    assert sorted(p.name for p in (tmp_path / "out" / "todas").iterdir()) == ["año.txt", "b.txt"]


REFUSED = {
    "action": (["difff", "a", "b"], ["'difff'", "give diff"]),
    "missing word": (["diff", "a"], ["second"]),
    "no such source": (["diff", "nada/de/nada", "v1"], ["nada/de/nada"]),
    "no such tree": (["ground_truth", "nada/de/nada", "out"], ["nada/de/nada"]),
    "unknown split": (["ground_truth", "tree", "out", "--split", "prueba"], ["--split prueba"]),
    "no such split": (
        ["ground_truth", "tree", "out", "--split", "val"],
        ["no validation folder", "test, train"],
    ),
    "flat split": (["ground_truth", "flat", "out"], ["flat", "no document in test"]),
    "the same folder": (["ground_truth", "tree", "tree"], ["choose an output folder apart"]),
    "output inside": (["ground_truth", "tree", "tree/out"], ["choose an output folder apart"]),
    "diff's flag": (["ground_truth", "tree", "out", "--output", "x"], ["--output belongs to diff"]),
    "output is a file": (["ground_truth", "tree", "file.txt"], ["file.txt"]),
    "unknown flag": (["diff", "v1", "v1", "--splitt", "test"], ["--splitt", "--split"]),
    "occupied report": (["diff", "v1", "v1", "--output", "v1"], ["v1", "--overwrite"]),
    "not a report": (["diff", "v1", "v1", "--output", "v1", "--overwrite"], ["holds no diff.json"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "tree/train/a/1.txt",
        "tree/test/a/1.txt",
        "flat/train/a/1.txt",
        "flat/test/1.txt",
    ):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("hola", encoding="utf-8")
    Path("file.txt").touch()
    write_jsonl(tmp_path / "v1" / "train.jsonl", corpus_rows(8))
    before = sorted(map(str, tmp_path.rglob("*")))
    words, parts = REFUSED[case]
    message = refused(capsys, versions.main, *words)
    assert all(part in message for part in parts), message
    assert sorted(map(str, tmp_path.rglob("*"))) == before
