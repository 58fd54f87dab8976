"""Comparison of models: every number against scikit-learn or a bootstrap row by row; order of files
is no matter.
"""

import json

import numpy as np
import pytest
import yaml
from sklearn.metrics import accuracy_score, f1_score, log_loss, recall_score

from utils.metrics import classification_metrics
from utils.predictions import write_predictions
from wf_metrics.comparison import bootstrap, compare, disagreements, likely_label_errors, opinions
from wf_metrics.intervals import resample_counts
from wf_metrics.paired_predictions import align, read_runs

NAMES = ["acta", "cédula", "factura", "año"]


def table(path, seed, skill, n=300, names=NAMES, order=None, labels=None):
    """A predictions file whose model puts `skill` extra weight on the truth; the documents are
    always the same.
    """
    truth = np.random.default_rng(0).choice(
        len(NAMES) - 1, n, p=[0.6, 0.3, 0.1]
    )  # "año" never occurs
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, len(NAMES)))
    logits[np.arange(n), truth] += skill
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    rows = np.arange(n) if order is None else order
    columns = [NAMES.index(name) for name in names]
    p = p[:, columns] / p[:, columns].sum(axis=1, keepdims=True)
    labels = [NAMES[c] for c in truth] if labels is None else labels
    write_predictions(
        path, [f"doc-{i:03}" for i in rows], p[rows], names, [labels[i] for i in rows]
    )
    return str(path)


@pytest.fixture
def files(tmp_path):
    return [
        table(tmp_path / "bueno.parquet", 1, 3.0),
        table(tmp_path / "regular.csv", 2, 1.5),
        table(tmp_path / "malo.jsonl", 3, 0.5),
    ]


def test_scores_are_scikit_learns(files):
    aligned = align(read_runs(files, "test"))
    found = compare(aligned, 200, 0)
    assert [row["model"] for row in found["models"]] == ["bueno", "regular", "malo"]
    y = aligned.labels
    for row in found["models"]:
        p = aligned.probabilities[[run.model for run in aligned.runs].index(row["model"])]
        predictions = p.argmax(axis=1)
        assert row["accuracy"] == pytest.approx(accuracy_score(y, predictions))
        assert row["macro_f1"] == pytest.approx(
            f1_score(y, predictions, average="macro", labels=np.unique(y))
        )
        p = p.astype(float)
        loss = log_loss(y, p / p.sum(axis=1, keepdims=True), labels=range(4))
        assert row["log_loss"] == pytest.approx(loss, rel=1e-5)
        assert row["intervals"]["macro_f1"][0] < row["macro_f1"] < row["intervals"]["macro_f1"][1]
    ensemble = np.mean(aligned.probabilities, axis=0)
    assert found["ensemble"]["accuracy"] == pytest.approx(
        accuracy_score(y, ensemble.argmax(axis=1))
    )
    assert found["classes"] == 3 and found["documents"] == 300


def test_bootstrapped_metrics_are_those_of_the_resampled_rows(files):
    aligned = align(read_runs(files, "test"))
    counts = next(iter(resample_counts(aligned.labels, 6, 4)))
    drawn = bootstrap(aligned.labels, aligned.probabilities, 6, 4)
    for sample in range(6):
        rows = np.repeat(np.arange(300), counts[:, sample].astype(int))
        for place, p in enumerate(aligned.probabilities):
            expected = classification_metrics(aligned.labels[rows], p[rows])
            for metric, values in drawn.items():
                assert values[place, sample] == pytest.approx(expected[metric], abs=1e-6), metric
    recall = recall_score(
        aligned.labels[rows],
        aligned.probabilities[0][rows].argmax(axis=1),
        average="macro",
        labels=np.unique(aligned.labels),
    )
    assert drawn["balanced_accuracy"][0, -1] == pytest.approx(recall)


def test_paired_tests_tell_a_real_difference_from_chance(tmp_path, files):
    twin = table(tmp_path / "gemelo.parquet", 4, 3.0)
    found = compare(align(read_runs([*files, twin], "test")), 500, 0)
    rows = {row["other"]: row for row in found["comparisons"]}
    assert found["best"] in ("bueno", "gemelo")
    other = "gemelo" if found["best"] == "bueno" else "bueno"
    assert rows["malo"]["p_bootstrap_holm"] < 0.02 and rows["malo"]["p_mcnemar_holm"] < 0.001
    assert "a real difference" in rows["malo"]["verdict"]
    assert rows[other]["p_bootstrap_holm"] > 0.05 and "within chance" in rows[other]["verdict"]
    assert rows["malo"]["interval"][0] > 0
    assert all(
        row[f"{test}_holm"] >= row[test]
        for row in rows.values()
        for test in ("p_bootstrap", "p_mcnemar")
    )


def test_order_of_rows_and_of_classes_is_no_matter(tmp_path, files):
    order = np.random.default_rng(9).permutation(300)
    other = [
        table(tmp_path / "x" / "bueno.parquet", 1, 3.0, names=NAMES[::-1], order=order),
        table(tmp_path / "x" / "regular.parquet", 2, 1.5, order=order[::-1]),
        files[2],
    ]
    one, two = (compare(align(read_runs(paths, "test")), 200, 0) for paths in (files, other))
    for a, b in zip(one["models"], two["models"], strict=True):
        assert a["macro_f1"] == b["macro_f1"] and a["log_loss"] == pytest.approx(
            b["log_loss"], rel=1e-5
        )
        assert a["intervals"]["accuracy"] == b["intervals"]["accuracy"]


def test_a_class_that_one_model_does_not_know(tmp_path, files):
    narrow = table(tmp_path / "sin_año.parquet", 5, 3.0, names=NAMES[:3])
    aligned = align(read_runs([files[0], narrow], "test"))
    assert aligned.class_names == sorted(NAMES)
    assert (aligned.probabilities[1][:, aligned.class_names.index("año")] == 0).all()
    assert compare(aligned, 100, 0)["models"][0]["macro_f1"] > 0.8


def test_documents_without_a_label_are_left_out_and_said(tmp_path):
    truth = [NAMES[c] for c in np.random.default_rng(0).choice(3, 300, p=[0.6, 0.3, 0.1])]
    labels = [None if i < 20 else label for i, label in enumerate(truth)]
    paths = [table(tmp_path / f"{seed}.parquet", seed, 2.0, labels=labels) for seed in (1, 2)]
    aligned = align(read_runs(paths, "test"))
    assert len(aligned.ids) == 280 and "20 documents without a label" in aligned.notes[0]


def run_folder(folder, seed, skill, rate=1e-4, **results):
    """A finished run as compare sees it."""
    folder.mkdir(parents=True)
    table(folder / "predictions_test.parquet", seed, skill)
    config = {
        "room": "beto_text_model",
        "seed": seed,
        "model": {"name": "models/beto"},
        "dataset": {"hash": "abc"},
        "arguments": {"learning_rate": rate, "seed": seed, "output_dir": str(folder)},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (folder / "all_results.json").write_text(json.dumps(results), encoding="utf-8")
    return str(folder)


def test_seeds_are_one_model_and_costs_are_shown(tmp_path):
    costs = {
        "train_runtime": 60.0,
        "test_ms_per_document": 2.0,
        "model_bytes": 5_000_000,
        "parameters": 1000,
    }
    for seed in (1, 2, 3):
        run_folder(
            tmp_path / "tres" / f"seed_{seed}",
            seed,
            2.0,
            **costs | {"train_runtime": 50.0 + 5 * seed},
        )
    other = run_folder(tmp_path / "otro", 4, 1.0, rate=1e-3)
    aligned = align(read_runs([str(tmp_path / "tres"), other], "test"))
    found = compare(aligned, 100, 0)
    best, second = found["models"]
    assert best["model"] == "beto (seed_1)" and second["model"] == "beto (otro)"
    assert best["seeds"] == [1, 2, 3] and len(best["runs"]) == 3
    f1 = [classification_metrics(aligned.labels, p)["macro_f1"] for p in aligned.probabilities[:3]]
    assert best["macro_f1"] == pytest.approx(np.mean(f1))
    assert best["sd"]["macro_f1"] == pytest.approx(np.std(f1, ddof=1))
    assert (best["train_seconds"], best["megabytes"], best["parameters"]) == (60, 5, 1000)
    assert second["train_seconds"] is None and second["sd"] is None


def test_disagreements_and_likely_label_errors(tmp_path):
    names = ["a", "b"]
    labels = ["a", "a", "b", "a"]
    sure = {
        "uno": [[0.9, 0.1], [0.2, 0.8], [0.97, 0.03], [0.4, 0.6]],
        "dos": [[0.8, 0.2], [0.7, 0.3], [0.95, 0.05], [0.99, 0.01]],
    }
    paths = [str(tmp_path / f"{name}.parquet") for name in sure]
    for path, p in zip(paths, sure.values(), strict=True):
        write_predictions(path, list("wxyz"), np.array(p), names, labels)
    aligned = align(read_runs(paths, "test"))
    answers = opinions(aligned)
    different = disagreements(aligned, *answers)
    assert different["id"].to_list() == ["x", "z"]
    assert different["contradiction"].to_list() == pytest.approx([0.7, 0.6])
    assert different.loc[0, ["prediction uno", "prediction dos"]].to_list() == ["b", "a"]
    assert likely_label_errors(aligned, *answers, 0.9)["id"].to_list() == ["y"]
    assert likely_label_errors(aligned, *answers, 0.96).empty
