"""The report of a finished run: on predictions that are written by hand, every table is known
beforehand.
"""

import csv
import shutil

import numpy as np
import pytest
import yaml

from beto_text_model.scripts.model_metrics import report as report_script
from tests.helpers import LABELS, refused
from utils.data import load_corpus
from utils.predictions import write_predictions

NAMES = sorted(LABELS)


@pytest.fixture(scope="module")
def report():
    return report_script


@pytest.fixture
def copy(run, tmp_path):
    """The run, copied: its predictions can be replaced and a report written into it."""
    shutil.copytree(run, tmp_path / "papeles")
    return tmp_path / "papeles"


def predict(run, ids, labels, sure):
    """Write predictions of the test split: sure is (class, probability) a document, the rest shared
    evenly.
    """
    probabilities = np.array(
        [np.where(np.array(NAMES) == name, p, (1 - p) / 4) for name, p in sure]
    )
    write_predictions(run / "predictions_test.parquet", ids, probabilities, NAMES, labels)


def rows_of(path):
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_tables_of_known_predictions(report, copy, prepared):
    test = load_corpus(prepared).splits["test"]
    labels = [NAMES[c] for c in test["label"]]
    sure = [(label, 0.96) for label in labels]
    wrong = [
        labels.index("01"),
        labels.index("contrato"),
        labels.index("contrato", labels.index("contrato") + 1),
    ]
    for row, (name, p) in zip(wrong, [("contrato", 0.8), ("NA", 0.6), ("NA", 0.92)], strict=True):
        sure[row] = (name, p)
    predict(copy, test["id"][:], labels, sure)
    folder = report.main([str(copy), "--id", test["id"][wrong[2]]])
    assert folder == copy / "report" / "test"
    errors = rows_of(folder / "errors.csv")
    assert [e["id"] for e in errors] == [test["id"][wrong[i]] for i in (2, 0, 1)]
    assert [(e["label"], e["prediction"]) for e in errors] == [
        ("contrato", "NA"),
        ("01", "contrato"),
        ("contrato", "NA"),
    ]
    assert [float(e["confidence"]) for e in errors] == pytest.approx([0.92, 0.8, 0.6])
    assert [float(e["probability_of_label"]) for e in errors] == pytest.approx([0.02, 0.05, 0.1])
    assert errors[0]["text"] == test["text"][wrong[2]][:200]
    doubtful = rows_of(folder / "entropy.csv")[0]
    assert doubtful["id"] == errors[2]["id"]
    assert float(doubtful["entropy"]) == pytest.approx(-0.6 * np.log(0.6) - 0.4 * np.log(0.1))
    assert [list(row.values()) for row in rows_of(folder / "confusions.csv")] == [
        ["contrato", "NA", "2", str(2 / labels.count("contrato"))],
        ["01", "contrato", "1", str(1 / labels.count("01"))],
    ]
    thresholds = {float(row["confidence_from"]): row for row in rows_of(folder / "thresholds.csv")}
    assert [thresholds[t]["documents"] for t in (0, 0.7, 0.95, 0.99)] == ["20", "19", "17", "0"]
    assert [thresholds[t]["errors"] for t in (0, 0.7, 0.95, 0.99)] == ["3", "2", "0", "0"]
    assert (
        float(thresholds[0.7]["accuracy"]) == pytest.approx(17 / 19)
        and thresholds[0.99]["accuracy"] == ""
    )
    lengths = rows_of(folder / "lengths.csv")
    assert sum(int(row["documents"]) for row in lengths) == 20 and 2 <= len(lengths) <= 4
    assert sum(int(r["documents"]) * float(r["accuracy"]) for r in lengths) == pytest.approx(17)
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert (
        "20 documents, 3 errors" in text
        and "| contrato | NA | 2 |" in text
        and "## Document" in text
    )
    assert {p.name for p in (folder / "figures").iterdir()} == {"thresholds.png", "document.png"}


def test_goes_on_without_texts_and_defuses_formulas(report, copy, capsys):
    config = yaml.safe_load((copy / "config.yaml").read_text(encoding="utf-8"))
    config["arguments"]["dataset"] = "/no/está/data_v1"
    (copy / "config.yaml").write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8")
    ids = ["=1+1", "+3", "-x", "@y", "bien"]
    predict(copy, ids, ["01"] * 5, [("NA", 0.9 - i / 10) for i in range(5)])
    folder = report.main([str(copy), "--output", str(copy.parent / "informe")])
    assert "without texts: /no/está/data_v1" in capsys.readouterr().out
    errors = rows_of(folder / "errors.csv")
    assert [e["id"] for e in errors] == ["'=1+1", "'+3", "'-x", "'@y", "bien"]
    assert "text" not in errors[0] and not (folder / "lengths.csv").exists()
    assert "Without texts" in (folder / "report.md").read_text(encoding="utf-8")


def test_no_error_at_all(report, copy, prepared):
    test = load_corpus(prepared).splits["test"]
    labels = [NAMES[c] for c in test["label"]]
    predict(copy, test["id"][:], labels, [(label, 1.0) for label in labels])
    folder = report.main([str(copy)])
    assert rows_of(folder / "errors.csv") == rows_of(folder / "confusions.csv") == []
    assert "20 documents, 0 errors" in (folder / "report.md").read_text(encoding="utf-8")


def test_changed_dataset_gives_no_texts(report, copy, capsys):
    config = (copy / "config.yaml").read_text(encoding="utf-8")
    wanted = yaml.safe_load(config)["dataset"]["hash"]
    (copy / "config.yaml").write_text(config.replace(wanted, "f" * 64), encoding="utf-8")
    report.main([str(copy), "--split", "validation"])
    assert "has changed since the training" in capsys.readouterr().out


def test_refusals_and_nothing_lost(report, copy, capsys, tmp_path):
    main = report.main
    assert "not a finished run" in refused(capsys, main, tmp_path)
    assert "--split" in refused(capsys, main, copy, "--split", "train")
    assert "ids look like" in refused(capsys, main, copy, "--id", "otro")
    assert not (copy / "report").exists()
    main([str(copy)])
    assert "--overwrite" in refused(capsys, main, copy)
    main([str(copy), "--overwrite"])
    before = {p: p.stat().st_mtime_ns for p in copy.rglob("*")}
    assert "holds no report" in refused(capsys, main, copy, "--output", copy, "--overwrite")
    assert {p: p.stat().st_mtime_ns for p in copy.rglob("*")} == before
    (copy / "predictions_test.parquet").unlink()
    assert "predictions_test.parquet" in refused(capsys, main, copy, "--overwrite")
