"""Every kind of source gives the same rows; strings stay strings; nothing is served from a stale
cache.
"""

import csv
import gzip
import json

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers import LABELS, corpus_rows, write_jsonl
from utils.data import DataOptions as Options
from utils.data import (
    fold_corpora,
    load_corpus,
    load_splits,
    load_unlabelled,
    repeat_corpora,
    save_prepared,
)

TRAPS = [
    {"id": "001", "text": "NA", "label": "01"},
    {"id": "2020-01-01", "text": "1.10", "label": "2020-01-01"},
    {"id": "1e5", "text": 'null, «ñ»; "comillas"', "label": "NA"},
    {"id": "007", "text": "línea 1\nlínea 2", "label": "true"},
]


def rows_of(splits) -> dict:
    """split -> [(id, text, label name)] in order."""
    names = splits["train"].features["label"].names
    return {s: [(r["id"], r["text"], names[r["label"]]) for r in d] for s, d in splits.items()}


def write_table(path, rows):
    """Write rows in the format that the file's name says."""
    kind = path.name.removesuffix(".gz").rsplit(".", 1)[1]
    if kind == "jsonl":
        return write_jsonl(path, rows)
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
        return path
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "wt", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter="\t" if kind == "tsv" else ",")
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "tsv", "jsonl", "jsonl.gz", "parquet"])
def test_strings_stay_strings_in_every_format(tmp_path, kind):
    for split in ("train", "validation", "test"):
        write_table(tmp_path / f"{split}.{kind}", TRAPS)
    splits = load_splits(tmp_path)
    expected = [(r["id"], r["text"], r["label"]) for r in TRAPS]
    assert rows_of(splits) == dict.fromkeys(("train", "validation", "test"), expected)
    assert (
        splits["train"].features["id"]
        == splits["train"].features["text"]
        == datasets.Value("string")
    )
    assert splits["train"].features["label"].names == sorted(r["label"] for r in TRAPS)


def test_numbers_in_json_and_parquet_keep_their_digits(tmp_path):
    lines = [
        '{"id": 1, "text": 1.10, "label": 3}',
        '{"id": 2, "text": "b", "label": 1.50}',
        '{"id": 3, "text": true, "label": 3}',
    ]
    (tmp_path / "x.jsonl").write_text("\n".join(lines * 1), encoding="utf-8")
    corpus = load_corpus(
        write_jsonl(tmp_path / "y.jsonl", [{"text": f"a {i}", "label": i % 2} for i in range(20)])
    )
    assert corpus.info["labels"] == ["0", "1"]
    from utils.data.sources import read_table
    from utils.records import Columns, ReadReport

    read = list(read_table(tmp_path / "x.jsonl", "train", Columns(), ReadReport()))
    assert read == [
        ("train", "1", "1.10", "3"),
        ("train", "2", "b", "1.50"),
        ("train", "3", "true", "3"),
    ]


def write_tree(folder, rows, split="train"):
    for row in rows:
        path = folder / split / row["label"].replace("/", "_") / f"{row['id']}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(row["text"], encoding="utf-8")


def test_tree_ids_are_paths_and_flat_test_files_are_unlabelled(tmp_path):
    rows = corpus_rows(6)
    write_tree(tmp_path, rows[0::2])
    write_tree(tmp_path, rows[1::2], "val")
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "suelto.txt").write_text("sin etiqueta", encoding="utf-8")
    corpus = load_corpus(tmp_path, Options(test_size=0.3))
    ids = [i for s in corpus.splits.values() for i in s["id"]]
    assert "contrato/doc-012" in ids and len(ids) == 30
    assert corpus.unlabelled["id"][:] == ["suelto"]
    assert corpus.info["report"]["given_splits"] == ["train", "validation"]
    assert len(corpus.splits["validation"]) == 15 and len(corpus.splits["test"]) > 0


def test_tree_without_split_folders(tmp_path):
    write_tree(tmp_path, corpus_rows(10), split=".")
    assert sum(map(len, load_splits(tmp_path).values())) == 50


def test_an_edited_file_is_seen(tmp_path):
    path = write_jsonl(tmp_path / "x.jsonl", corpus_rows(10))
    before = load_corpus(path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("factura venta", "factura VENTA nueva"), encoding="utf-8")
    after = load_corpus(path)
    assert before.info["hash"] != after.info["hash"]
    assert any("VENTA nueva" in t for t in after.splits["train"]["text"])


def test_an_edited_txt_of_the_same_size_is_seen(tmp_path):
    write_tree(tmp_path, corpus_rows(10))
    load_splits(tmp_path)
    path = tmp_path / "train" / "contrato" / "doc-020.txt"
    path.write_text(path.read_text(encoding="utf-8").replace("número", "NÚMERO"), encoding="utf-8")
    texts = [t for s in load_splits(tmp_path).values() for t in s["text"]]
    assert sum("NÚMERO" in t for t in texts) == 1


def test_settable_columns_and_a_semicolon_table_in_cp1252(tmp_path):
    lines = ["código;texto;tema"] + [
        f"{i};Señor «año» {i};{'España' if i % 2 else 'Perú'}" for i in range(30)
    ]
    (tmp_path / "x.csv").write_bytes("\r\n".join(lines).encode("cp1252"))
    corpus = load_corpus(
        tmp_path / "x.csv", Options(text_column="texto", label_column="tema", id_column="código")
    )
    assert corpus.info["labels"] == ["España", "Perú"]
    assert corpus.info["encodings"] == {"cp1252": 1}
    assert corpus.splits["train"]["text"][0].startswith("Señor «año»")
    assert any("cp1252" in n for n in corpus.info["notes"]) and any(
        "';'" in n for n in corpus.info["notes"]
    )


def test_bom_nfd_and_mojibake(tmp_path):
    rows = corpus_rows(8)
    rows[0]["text"] = "pagare\u0301 del an\u0303o"
    rows[1]["text"] = "declaraciÃ³n de la compaÃ±Ã­a"
    body = "\n".join(json.dumps(r, ensure_ascii=False) for r in rows)
    (tmp_path / "x.jsonl").write_bytes(b"\xef\xbb\xbf" + body.encode())
    corpus = load_corpus(tmp_path / "x.jsonl")
    texts = {i: t for s in corpus.splits.values() for i, t in zip(s["id"], s["text"], strict=True)}
    assert texts["doc-000"] == "pagaré del año"
    assert sum(corpus.info["report"]["mojibake"].values()) == 1
    assert corpus.info["report"]["mojibake_examples"] == ["doc-001"]
    assert corpus.info["encodings"] == {"utf-8-sig": 1}


def test_null_empty_and_unlabelled_rows_are_accounted_for(tmp_path):
    rows = corpus_rows(10)
    rows[0]["text"], rows[1]["text"], rows[2]["label"], rows[3]["label"] = None, "  ", None, "NR"
    corpus = load_corpus(write_jsonl(tmp_path / "x.jsonl", rows), Options(unlabelled=["NR"]))
    assert corpus.info["dropped"] == {"null or empty text": {"train": 2}}
    assert [d[1] for d in corpus.dropped] == ["doc-000", "doc-001"]
    assert corpus.unlabelled["id"][:] == ["doc-002", "doc-003"]
    assert sum(map(len, corpus.splits.values())) == 46
    assert "NR" not in corpus.info["labels"]


def test_given_splits_are_not_altered(tmp_path):
    rows = corpus_rows(10)
    write_jsonl(tmp_path / "train.jsonl", rows)
    write_jsonl(
        tmp_path / "test.jsonl",
        [
            {"id": "a", "text": rows[0]["text"].upper() + "!", "label": LABELS[1]},
            {"id": "b", "text": "", "label": LABELS[0]},
            {"id": "c", "text": "desconocido", "label": "nunca vista"},
        ],
    )
    corpus = load_corpus(tmp_path)
    assert corpus.splits["test"]["id"][:] == ["a", "b", "c"]
    report = corpus.info["report"]
    assert report["leaks"] == {"test in train": 1}
    assert report["label_conflicts"]["texts"] == 1
    assert report["classes_not_in_train"] == ["nunca vista"]
    assert report["null_or_empty_texts"]["test"] == 1
    assert "nunca vista" in corpus.splits["train"].features["label"].names
    without_leaks = load_corpus(tmp_path, Options(drop_leaks=True))
    assert without_leaks.info["dropped"] == {"text also in validation or test": {"train": 1}}
    assert len(without_leaks.splits["test"]) == 3


def test_cut_splits_do_not_leak_and_duplicates_can_go(tmp_path):
    rows = corpus_rows(20)
    rows += [r | {"id": f"copia {r['id']}", "text": r["text"].upper() + "."} for r in rows[::3]]
    path = write_jsonl(tmp_path / "x.jsonl", rows)
    corpus = load_corpus(path)
    folded = {s: {t.upper().rstrip(".") for t in d["text"]} for s, d in corpus.splits.items()}
    assert not folded["train"] & folded["test"] and not folded["train"] & folded["validation"]
    assert sum(map(len, corpus.splits.values())) == len(rows)
    fewer = load_corpus(path, Options(drop_duplicates=True))
    assert sum(map(len, fewer.splits.values())) == 100
    assert fewer.info["dropped"] == {"duplicate text": {"train": len(rows) - 100}}


def test_sample_fraction_keeps_every_class(tmp_path):
    path = write_jsonl(tmp_path / "x.jsonl", corpus_rows(40))
    corpus = load_corpus(path, Options(sample_fraction=0.1))
    assert sum(map(len, corpus.splits.values())) == 20
    assert len(corpus.info["labels"]) == 5


def test_rare_classes_are_reported(tmp_path):
    rows = corpus_rows(10) + [{"id": "u", "text": "único", "label": "una"}]
    rows += [{"id": f"d{i}", "text": f"doble {i}", "label": "dos"} for i in range(2)]
    corpus = load_corpus(write_jsonl(tmp_path / "x.jsonl", rows))
    assert corpus.info["report"]["rare_classes"] == {"dos": 2, "una": 1}
    counts = corpus.info["report"]["class_counts"]
    assert (
        counts["train"]["una"] == 1 and counts["test"]["dos"] == 1 and counts["train"]["dos"] == 1
    )


def test_prepared_folder_gives_the_same_and_is_left_alone(prepared, corpus_file):
    files = {p: p.stat().st_mtime_ns for p in prepared.rglob("*")}
    assert rows_of(load_splits(prepared)) == rows_of(load_splits(corpus_file))
    assert load_corpus(prepared).info["hash"] == load_corpus(corpus_file).info["hash"]
    assert {p: p.stat().st_mtime_ns for p in prepared.rglob("*")} == files


def test_hash_ignores_order_and_sees_every_field(tmp_path):
    rows = corpus_rows(10)
    for split in ("train", "validation", "test"):
        write_jsonl(tmp_path / "a" / f"{split}.jsonl", rows)
        write_jsonl(tmp_path / "b" / f"{split}.jsonl", rows[::-1])
    first = load_corpus(tmp_path / "a").info["hash"]
    assert load_corpus(tmp_path / "b").info["hash"] == first
    for change in ({"id": "otro"}, {"text": "otro"}, {"label": LABELS[1]}):
        write_jsonl(tmp_path / "b" / "train.jsonl", [rows[0] | change, *rows[1:]])
        assert load_corpus(tmp_path / "b").info["hash"] != first


def test_another_seed_cuts_otherwise(corpus_file):
    assert rows_of(load_splits(corpus_file, seed=0)) == rows_of(load_splits(corpus_file))
    assert load_splits(corpus_file, seed=1)["test"]["id"] != load_splits(corpus_file)["test"]["id"]


def test_a_dataset_saved_by_datasets_itself(tmp_path):
    rows = corpus_rows(10)
    features = datasets.Features(
        {"texto": datasets.Value("string"), "clase": datasets.ClassLabel(names=list(LABELS))}
    )
    columns = {
        "texto": [r["text"] for r in rows],
        "clase": [LABELS.index(r["label"]) for r in rows],
    }
    datasets.DatasetDict({"train": datasets.Dataset.from_dict(columns, features)}).save_to_disk(
        str(tmp_path / "d")
    )
    corpus = load_corpus(tmp_path / "d", Options(text_column="texto", label_column="clase"))
    assert corpus.info["labels"] == sorted(LABELS)
    names = {
        row["text"]: corpus.info["labels"][row["label"]]
        for s in corpus.splits.values()
        for row in s
    }
    assert names == {r["text"]: r["label"] for r in rows}
    datasets.Dataset.from_dict(columns, features).to_parquet(str(tmp_path / "x.parquet"))
    assert load_corpus(
        tmp_path / "x.parquet", Options(text_column="texto", label_column="clase")
    ).info["labels"] == sorted(LABELS)


def test_folds_test_every_row_once(corpus_file):
    corpus = load_corpus(corpus_file)
    tested = []
    for fold in fold_corpora(corpus, 4, seed=0):
        parts = [set(s["id"]) for s in fold.splits.values()]
        assert sum(map(len, parts)) == len(set().union(*parts)) == 200
        assert (
            fold.info["hash"] != corpus.info["hash"]
            and fold.info["derived"]["from"] == corpus.info["hash"]
        )
        tested += fold.splits["test"]["id"][:]
    assert len(tested) == len(set(tested)) == 200


def test_repeats_differ(corpus_file):
    first, second = repeat_corpora(load_corpus(corpus_file), 2)
    assert (
        abs(len(first.splits["test"]) - 50) <= 3 and abs(len(first.splits["validation"]) - 50) <= 3
    )
    assert set(first.splits["test"]["id"]) != set(second.splits["test"]["id"])


def test_unlabelled_rows_survive_the_prepared_folder(tmp_path):
    rows = corpus_rows(10)
    rows[7]["label"] = ""
    corpus = load_corpus(write_jsonl(tmp_path / "x.jsonl", rows))
    (tmp_path / "p").mkdir()
    save_prepared(corpus, tmp_path / "p")
    assert load_unlabelled(tmp_path / "p").to_list() == [{"id": "doc-007", "text": rows[7]["text"]}]


def test_lone_surrogates_do_not_stop_the_reading(tmp_path):
    lines = [json.dumps(r) for r in corpus_rows(10)]
    lines.append('{"id": "s", "text": "medio emoji \\ud83d y ya", "label": "contrato"}')
    (tmp_path / "x.jsonl").write_text("\n".join(lines), encoding="utf-8")
    texts = [t for s in load_splits(tmp_path / "x.jsonl").values() for t in s["text"]]
    assert "medio emoji \ufffd y ya" in texts


def test_imports_stay_light():
    """`utils.data` must not pull in torch, transformers or evaluate."""
    import subprocess
    import sys

    code = (
        "import sys, utils.data, utils.metrics; "
        "print({'torch', 'transformers', 'evaluate'} & set(sys.modules))"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip()
        == "set()"
    )


def test_pandas_and_numpy_agree_on_the_counts(corpus_file):
    corpus = load_corpus(corpus_file)
    frame = pd.concat(
        [pd.DataFrame({"split": s, "label": d["label"][:]}) for s, d in corpus.splits.items()]
    )
    counts = frame.groupby(["split", "label"]).size()
    for (split, label), n in counts.items():
        assert corpus.info["report"]["class_counts"][split][corpus.info["labels"][label]] == n
    assert np.sum(counts) == 200
