"""compare and monitor as a user runs them: files, exit codes, plain words, refusals."""

import csv
import json
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from scipy.stats import chi2_contingency

from tests.helpers import command, refused
from utils.predictions import read_predictions, write_predictions
from wf_metrics import compare, monitor
from wf_metrics.drift import class_drift

NAMES = ["contrato", "cédula", "factura"]


def predictions(path, n=200, seed=0, shares=(0.2, 0.3, 0.5), sure=0.9, ids="doc", labelled=True):
    """A predictions file of n documents whose predicted classes have these shares."""
    rng = np.random.default_rng(seed)
    truth, p = rng.choice(3, n, p=shares), np.full((n, 3), (1 - sure) / 2)
    shown = np.where(rng.random(n) < 0.85, truth, rng.integers(0, 3, n))
    p[np.arange(n), shown] = sure
    p += 0.02 * rng.random((n, 3))
    p /= p.sum(axis=1, keepdims=True)
    labels = [NAMES[c] for c in truth] if labelled else None
    write_predictions(path, [f"{ids}-{i}" for i in range(n)], p, NAMES, labels)
    return path


@pytest.fixture
def three(tmp_path):
    """Three prediction files of the same documents and labels."""
    paths = [predictions(tmp_path / f"{name}.parquet") for name in ("uno", "dos", "tres")]
    table = read_predictions(paths[0])
    for seed, path in enumerate(paths[1:], 1):
        p = (
            np.random.default_rng(seed).dirichlet(np.ones(3), len(table.ids)) * 0.5
            + 0.5 * table.probabilities
        )
        write_predictions(path, table.ids, p, NAMES, table.labels)
    return paths


def test_compare_writes_everything(three, tmp_path, capsys):
    folder = compare.main(
        [*map(str, three), "--output", str(tmp_path / "informe"), "--samples", "200"]
    )
    assert sorted(p.name for p in folder.iterdir()) == [
        "compare.json",
        "compare.md",
        "disagreements.csv",
        "figures",
        "label_errors.csv",
        "report.html",
    ]
    found = json.loads((folder / "compare.json").read_text(encoding="utf-8"))
    text = (folder / "compare.md").read_text(encoding="utf-8")
    html = (folder / "report.html").read_text(encoding="utf-8")
    assert text in capsys.readouterr().out
    for row in found["models"]:
        assert f"{row['macro_f1']:.3f}" in text and f"{row['macro_f1']:.3f}" in html
    assert all(row["verdict"] in text for row in found["comparisons"])
    with open(folder / "disagreements.csv", encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    sure = [float(row["contradiction"]) for row in rows]
    assert rows and sure == sorted(sure, reverse=True)
    assert "ensemble (mean of all runs)" in text


@pytest.fixture
def twin(run, tmp_path):
    """A copy of the finished run."""
    shutil.copytree(run, tmp_path / "gemela")
    return tmp_path / "gemela"


def test_compare_of_finished_runs(run, twin, tmp_path):
    config = yaml.safe_load((twin / "config.yaml").read_text(encoding="utf-8"))
    config["seed"] += 1
    (twin / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    folder = compare.main(
        [str(run), str(twin), "--output", str(tmp_path / "informe"), "--samples", "100"]
    )
    found = json.loads((folder / "compare.json").read_text(encoding="utf-8"))
    results = json.loads((run / "all_results.json").read_text(encoding="utf-8"))
    [row] = found["models"]  # the same settings but for the seed: two runs of one model
    assert row["macro_f1"] == pytest.approx(results["test_macro_f1"])
    assert (
        row["parameters"] == results["parameters"]
        and row["train_seconds"] == results["train_runtime"]
    )
    folder = compare.main(
        [
            str(run),
            str(twin),
            "--split",
            "validation",
            "--output",
            str(tmp_path / "v"),
            "--samples",
            "100",
        ]
    )
    found = json.loads((folder / "compare.json").read_text(encoding="utf-8"))
    assert found["models"][0]["macro_f1"] == pytest.approx(results["validation_macro_f1"])


def test_compare_refuses(three, run, twin, tmp_path, capsys):
    other = predictions(tmp_path / "otros.parquet", ids="hoja")
    message = refused(capsys, compare.main, three[0], other)
    assert (
        "200 only in the first (such as 'doc-0'), 200 only in the second (such as 'hoja-0'), "
        "0 in both" in message
    )
    table = read_predictions(three[0])
    labels = ["contrato" if i < 7 else label for i, label in enumerate(table.labels)]
    changed = tmp_path / "cambiado.parquet"
    write_predictions(changed, table.ids, table.probabilities, NAMES, labels)
    message = refused(capsys, compare.main, three[0], changed)
    assert "disagree on the labels of" in message and "'contrato' in the second" in message
    assert "at least two" in refused(capsys, compare.main, three[0])
    assert "the same run" in refused(capsys, compare.main, three[0], three[0])
    assert "the same model and seed" in refused(capsys, compare.main, run, twin)
    assert "no such file or folder" in refused(capsys, compare.main, tmp_path / "nada", three[0])
    assert "required" in refused(capsys, compare.main)
    assert "no predictions_train.parquet" in refused(
        capsys, compare.main, run, run, "--split", "train"
    )
    assert "at least 100" in refused(capsys, compare.main, *three, "--samples", "10")
    twice = tmp_path / "doble.parquet"
    write_predictions(twice, ["a", "a"], np.full((2, 3), 1 / 3), NAMES, ["factura", "factura"])
    assert "id 'a' occurs more than once" in refused(capsys, compare.main, twice, three[0])
    logits = tmp_path / "logits.parquet"
    write_predictions(logits, table.ids, 3 * table.probabilities, NAMES, table.labels)
    assert "sum to 3, not 1 (200 such documents)" in refused(capsys, compare.main, three[0], logits)
    blank = [predictions(tmp_path / f"sin_{i}.parquet", labelled=False) for i in (1, 2)]
    assert "no document has a label" in refused(capsys, compare.main, *blank)
    (tmp_path / "ocupada").mkdir()
    (tmp_path / "ocupada" / "mía.txt").write_text("mía", encoding="utf-8")
    assert "already there" in refused(
        capsys, compare.main, *three, "--output", tmp_path / "ocupada"
    )
    assert "holds no compare.json" in refused(
        capsys, compare.main, *three, "--output", tmp_path / "ocupada", "--overwrite"
    )
    assert (tmp_path / "ocupada" / "mía.txt").exists()


def test_monitor_tells_drift_from_none(tmp_path, capsys):
    reference = predictions(tmp_path / "agosto.parquet", 2000)
    same = predictions(tmp_path / "septiembre.parquet", 1000, seed=1)
    assert monitor.main([str(reference), str(same), "--output", str(tmp_path / "a")]) == 0
    assert "Class shares show no drift" in capsys.readouterr().out
    moved = predictions(tmp_path / "octubre.parquet", 1000, seed=2, shares=(0.6, 0.3, 0.1))
    assert monitor.main([str(reference), str(moved), "--output", str(tmp_path / "b")]) == 1
    found = json.loads((tmp_path / "b" / "monitor.json").read_text(encoding="utf-8"))
    assert found["drift"] and found["classes"]["drift"] and not found["confidence"]["drift"]
    assert found["classes"]["classes"][0]["class"] in ("contrato", "factura")
    assert (found["classes"]["reference_documents"], found["classes"]["current_documents"]) == (
        2000,
        1000,
    )
    doubtful = predictions(tmp_path / "noviembre.parquet", 1000, seed=3, sure=0.6)
    assert monitor.main([str(reference), str(doubtful), "--output", str(tmp_path / "c")]) == 1
    found = json.loads((tmp_path / "c" / "monitor.json").read_text(encoding="utf-8"))
    assert found["confidence"]["drift"] and not found["classes"]["drift"]
    assert "Confidence has fallen" in (tmp_path / "c" / "monitor.md").read_text(encoding="utf-8")
    assert sorted(p.name for p in (tmp_path / "c").rglob("*.*")) == [
        "class_shares.csv",
        "class_shares.png",
        "confidence.png",
        "monitor.json",
        "monitor.md",
    ]


def test_few_documents_are_no_drift_by_chance(tmp_path):
    reference = predictions(tmp_path / "agosto.parquet", 2000)
    few = predictions(tmp_path / "hoy.parquet", 12, seed=1, shares=(0.35, 0.3, 0.35))
    assert monitor.main([str(reference), str(few), "--output", str(tmp_path / "a")]) == 0
    assert "so few that only large changes show" in (tmp_path / "a" / "monitor.md").read_text(
        encoding="utf-8"
    )


def test_monitor_against_a_run_and_a_dataset(run, prepared, tmp_path):
    own = run / "predictions_test.parquet"
    assert monitor.main([str(run), str(own), "--output", str(tmp_path / "a")]) == 0
    assert (
        monitor.main([str(prepared), str(own), "--psi", "5", "--output", str(tmp_path / "b")]) == 0
    )
    found = json.loads((tmp_path / "b" / "monitor.json").read_text(encoding="utf-8"))
    assert found["confidence"] is None and found["classes"]["reference_documents"] == 20


def test_monitor_names_new_classes(tmp_path, capsys):
    lines = ["archivo,tipo,confianza", *(f"{i}.png,factura,0.9" for i in range(200))]
    (tmp_path / "antes.csv").write_text("\n".join(lines), encoding="utf-8")
    new = [line.replace("factura", "pasaporte") if i % 2 else line for i, line in enumerate(lines)]
    (tmp_path / "ahora.csv").write_text("\n".join(new), encoding="utf-8")
    words = [tmp_path / "antes.csv", tmp_path / "ahora.csv", "--output", tmp_path / "a"]
    assert monitor.main([str(word) for word in words]) == 1
    assert "Never seen in the reference: pasaporte" in capsys.readouterr().out


def test_rare_classes_neither_hide_nor_feign_drift():
    rng = np.random.default_rng(0)
    one, two, other = (
        pd.Series([f"c{c}" for c in rng.integers(0, 300, 870) + shift]) for shift in (0, 0, 300)
    )
    chance, moved = class_drift(one, two, 0.1, 0.01), class_drift(one, other, 0.1, 0.01)
    assert (
        chance["psi"] > 0.3
        and not chance["drift"]
        and abs(chance["psi"] - chance["psi_by_chance"]) < 0.1
    )
    assert moved["drift"] and moved["p"] < 0.001


def test_class_drift_agrees_with_pearsons_test_where_classes_are_many():
    rng = np.random.default_rng(1)
    one, two = (
        pd.Series(rng.choice(NAMES, n, p=p))
        for n, p in ((900, (0.3, 0.3, 0.4)), (700, (0.33, 0.31, 0.36)))
    )
    table = [side.value_counts().reindex(NAMES) for side in (one, two)]
    assert class_drift(one, two, 0.1, 0.01)["p"] == pytest.approx(
        chi2_contingency(table).pvalue, abs=0.04
    )


def test_monitor_refuses(run, prepared, tmp_path, capsys):
    file = predictions(tmp_path / "agosto.parquet", 50)
    out = ["--output", tmp_path / "a"]
    assert "no such file" in refused(capsys, monitor.main, tmp_path / "no.csv", file, *out)
    assert "--alpha" in refused(capsys, monitor.main, file, file, "--alpha", "2", *out)
    assert "another --split" in refused(capsys, monitor.main, run, file, "--split", "train", *out)
    assert "another --split" in refused(
        capsys, monitor.main, prepared, file, "--split", "prueba", *out
    )
    (tmp_path / "x.csv").write_text("archivo,tipo\na.png,\n", encoding="utf-8")
    assert "no row has a prediction" in refused(
        capsys, monitor.main, file, tmp_path / "x.csv", *out
    )
    assert not (tmp_path / "a").exists()


def test_exit_code_of_the_command(tmp_path):
    reference = predictions(tmp_path / "agosto.parquet", 500)
    moved = predictions(tmp_path / "octubre.parquet", 500, shares=(0.7, 0.2, 0.1))
    words = [
        sys.executable,
        "-m",
        "wf_metrics.monitor",
        reference,
        moved,
        "--output",
        tmp_path / "a",
    ]
    assert command(*words, check=False).returncode == 1
