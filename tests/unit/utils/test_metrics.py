"""`utils.metrics` against scikit-learn, brute force and hand-computed cases."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn.metrics as sk

from utils import metrics

KEYS = [
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "macro_precision",
    "macro_recall",
    "weighted_f1",
    "weighted_precision",
    "weighted_recall",
    "top_3_accuracy",
    "log_loss",
    "ece",
]
ROOT = Path(__file__).resolve().parents[3]


def drawn(n, n_classes, seed=0, dtype=np.float64, truths=None):
    """Labels and probabilities that are right about half the time; `truths` limits the classes that
    occur.
    """
    rng = np.random.default_rng(seed)
    labels = rng.choice(n_classes if truths is None else truths, n)
    logits = rng.normal(size=(n, n_classes))
    logits[np.arange(n), labels] += 1.5
    exponentials = np.exp(logits)
    return labels, (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(dtype)


def expected(labels, probabilities):
    predictions = probabilities.argmax(axis=1)
    values = {
        "accuracy": sk.accuracy_score(labels, predictions),
        "balanced_accuracy": sk.recall_score(
            labels, predictions, labels=np.unique(labels), average="macro"
        ),
        "top_3_accuracy": brute_top_3(labels, probabilities),
        "ece": brute_ece(labels, probabilities),
    }
    for average in ("macro", "weighted"):
        for score in (sk.f1_score, sk.precision_score, sk.recall_score):
            name = f"{average}_{score.__name__.removesuffix('_score')}"
            values[name] = score(
                labels, predictions, labels=np.unique(labels), average=average, zero_division=0
            )
    return values


def brute_top_3(labels, probabilities):
    tops = [
        sorted(range(len(row)), key=row.tolist().__getitem__, reverse=True)[:3]
        for row in probabilities
    ]
    return np.mean([label in top for label, top in zip(labels, tops, strict=True)])


def brute_ece(labels, probabilities):
    error = 0
    for m in range(15):
        rows = [
            (row.max(), row.argmax() == label)
            for label, row in zip(labels, probabilities, strict=True)
            if m / 15 < row.max() <= (m + 1) / 15
        ]
        if rows:
            confidence, right = zip(*rows, strict=True)
            error += len(rows) / len(labels) * abs(np.mean(confidence) - np.mean(right))
    return error


CASES = {
    "all classes": drawn(500, 7),
    "absent and never-true-but-predicted classes": drawn(300, 9, truths=[1, 4, 8]),
    "more classes than rows": drawn(40, 200),
    "two classes": drawn(100, 2),
    "float32": drawn(400, 12, dtype=np.float32),
    "several chunks": drawn(400, 1500),
    "one true class": drawn(50, 4, truths=[2]),
    "ties": (
        np.arange(60) % 4,
        np.tile([[0.25] * 4, [0.4, 0.4, 0.1, 0.1], [0.1, 0.3, 0.3, 0.3]], (20, 1)),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_metrics_equal_scikit_learn(case):
    labels, probabilities = CASES[case]
    found = metrics.classification_metrics(labels, probabilities)
    assert list(found) == KEYS
    assert {type(value) for value in found.values()} == {float}
    assert {key: found[key] for key in expected(labels, probabilities)} == pytest.approx(
        expected(labels, probabilities), abs=1e-6 if probabilities.dtype == np.float32 else 1e-12
    )


@pytest.mark.parametrize("case", CASES)
def test_log_loss_equals_scikit_learn(case):
    labels, probabilities = CASES[case]
    wanted = sk.log_loss(labels, probabilities, labels=range(probabilities.shape[1]))
    assert metrics.classification_metrics(labels, probabilities)["log_loss"] == pytest.approx(
        wanted, rel=1e-6
    )


@pytest.mark.parametrize(("dtype", "eps"), [(np.float32, 2.0**-23), (np.float64, 2.0**-52)])
def test_log_loss_clips_at_the_machine_epsilon(dtype, eps):
    found = metrics.classification_metrics([0, 1], np.array([[0, 1], [0, 1]], dtype=dtype))
    assert found["log_loss"] == pytest.approx((-np.log(eps) - np.log(1 - eps)) / 2, rel=1e-6)


def test_float32_rows_may_miss_one_by_a_thousandth():
    found = metrics.classification_metrics(
        [0, 1], np.array([[0.601, 0.4], [0.2, 0.799]], dtype=np.float32)
    )
    assert found["log_loss"] == pytest.approx(-(np.log(0.601) + np.log(0.799)) / 2, rel=1e-6)


def test_hand_computed_case():
    # Predictions 0 0 1 2; class 3 absent. Confidences 0.9 0.6 0.7 0.4, of which the first and third
    # are right.
    probabilities = [
        [0.9, 0.1, 0, 0],
        [0.6, 0.3, 0.1, 0],
        [0.1, 0.7, 0.1, 0.1],
        [0.1, 0.25, 0.4, 0.25],
    ]
    found = metrics.classification_metrics([0, 1, 1, 1], probabilities)
    assert found["accuracy"] == 0.5
    assert found["macro_recall"] == found["balanced_accuracy"] == pytest.approx((1 + 1 / 3) / 2)
    assert found["macro_precision"] == pytest.approx((1 / 2 + 1) / 2)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found["weighted_f1"] == pytest.approx((2 / 3 + 3 * 1 / 2) / 4)
    assert found["top_3_accuracy"] == 1
    assert found["log_loss"] == pytest.approx(-np.log(0.9 * 0.3 * 0.7 * 0.25) / 4)
    assert found["ece"] == pytest.approx((0.1 + 0.6 + 0.3 + 0.4) / 4)


def test_ece_bins_are_closed_above():
    # 0.2 = 3/15 belongs to the bin below, 0.21 to the one above; together they would make another
    # sum.
    rows, accuracy, confidence = metrics.calibration_bins(
        [0.2, 0.21, 1.0, 0.0], [True, False, True, False]
    )
    assert np.flatnonzero(rows).tolist() == [0, 2, 3, 14]
    assert metrics.expected_calibration_error([0.2, 0.21], [True, False]) == pytest.approx(
        (0.8 + 0.21) / 2
    )


def test_ties_go_to_the_lower_class():
    even = np.full((4, 4), 0.25)
    found = metrics.classification_metrics([0, 1, 2, 3], even)
    assert (found["accuracy"], found["top_3_accuracy"]) == (0.25, 0.75)


def test_one_class():
    found = metrics.classification_metrics([0, 0], np.ones((2, 1), dtype=np.float32))
    assert found == pytest.approx(
        {key: 0.0 if key in ("log_loss", "ece") else 1.0 for key in KEYS}, abs=1e-6
    )


def test_chunks_cover_every_row_once():
    assert len(list(metrics.row_chunks(*CASES["several chunks"][1].shape))) == 3
    for n, n_classes in [(0, 5), (1, 10**7), (101, 6), (100, 5)]:
        rows = [row for part in metrics.row_chunks(n, n_classes, 20) for row in range(n)[part]]
        assert rows == list(range(n))


def test_a_bad_row_of_a_later_chunk_is_named():
    labels, probabilities = drawn(400, 1500)
    probabilities[377, 3] = np.nan
    with pytest.raises(ValueError, match="row 377 "):
        metrics.classification_metrics(labels, probabilities)


def test_a_memory_mapped_array_is_read_in_place(tmp_path):
    labels, probabilities = drawn(50, 5, dtype=np.float32)
    np.save(tmp_path / "p.npy", probabilities)
    mapped = np.load(tmp_path / "p.npy", mmap_mode="r")
    wanted = metrics.classification_metrics(labels, probabilities)
    assert metrics.classification_metrics(labels, mapped) == wanted


GOOD = [[0.5, 0.5], [0.9, 0.1]]


@pytest.mark.parametrize(
    ("labels", "probabilities", "words"),
    [
        ([], np.empty((0, 2)), "non-empty"),
        ([0, 1], np.empty((2, 0)), "non-empty"),
        ([0, 1], [0.5, 0.5], "non-empty"),
        ([0, 1, 0], GOOD, "3 labels"),
        ([0, 2], GOOD, "0..1"),
        ([-1, 0], GOOD, "0..1"),
        ([0.0, 1.0], GOOD, "integers"),
        ([[0, 1]], GOOD, "non-empty"),
        ([0, 1], [[0.5, 0.5], [np.nan, 0.5]], "row 1"),
        ([0, 1], [[np.inf, 0], [0.5, 0.5]], "row 0"),
        ([0, 1], [[np.inf, -np.inf], [0.5, 0.5]], "row 0"),
        ([0, 1], [[2.5, -0.5], [3.0, 1.0]], "softmax"),
        ([0, 1], [[1.2, -0.2], [0.5, 0.5]], "below 0"),
    ],
)
def test_bad_input_is_refused(labels, probabilities, words):
    with pytest.raises(ValueError, match=words):
        metrics.classification_metrics(labels, probabilities)


@pytest.mark.parametrize("seed", range(3))
def test_confusion_counts_equal_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    labels, predictions = rng.integers(0, 5, 80), rng.integers(1, 7, 80)
    counts = metrics.confusion_counts(labels, predictions, 8)
    assert counts.dtype == np.int64
    assert (counts == sk.confusion_matrix(labels, predictions, labels=range(8))).all()
    with pytest.raises(ValueError, match="predictions must lie in 0..4"):
        metrics.confusion_counts(labels, predictions, 5)


def test_per_class_table_states_absent_classes():
    # Classes: a right and wrong; ñ never predicted; c predicted but never true; d neither.
    probabilities = np.eye(4)[[0, 2, 0, 0]]
    table = metrics.per_class_table([0, 0, 0, 1], probabilities, ["a", "ñ", "c", "d"])
    assert [tuple(row.values()) for row in table] == [
        ("a", 2 / 3, 2 / 3, 2 / 3, 3, 3),
        ("ñ", 0.0, 0.0, 0.0, 1, 0),
        ("c", 0.0, None, None, 0, 1),
        ("d", None, None, None, 0, 0),
    ]
    assert list(table[0]) == ["class", "precision", "recall", "f1", "support", "predicted"]


def test_per_class_table_equals_scikit_learn():
    labels, probabilities = drawn(300, 9)
    table = metrics.per_class_table(labels, probabilities, list("abcdefghi"))
    scores = sk.precision_recall_fscore_support(
        labels, probabilities.argmax(1), labels=range(9), zero_division=0
    )
    columns = [[row[key] for row in table] for key in ("precision", "recall", "f1", "support")]
    np.testing.assert_allclose(columns, scores)


def test_report_is_the_metrics_and_the_table_and_goes_through_json():
    labels, probabilities = drawn(60, 5, dtype=np.float32, truths=[0, 2, 3])
    names = ["años", "b", "c", "d", "e"]
    report = metrics.classification_report(labels, probabilities, names)
    assert report == {
        "metrics": metrics.classification_metrics(labels, probabilities),
        "per_class": metrics.per_class_table(labels, probabilities, names),
        "absent_classes": ["b", "e"],
        "rows": 60,
    }
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    with pytest.raises(ValueError, match="4 class names"):
        metrics.classification_report(labels, probabilities, names[:4])


def test_softmax():
    found = metrics.softmax([[1000.0, 1000.0], [0.0, np.log(3)], [-1e30, 0.0]])
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0.5, 0.5], [0.25, 0.75], [0, 1]], rtol=1e-6)
    with pytest.raises(ValueError, match="NaN"):
        metrics.softmax([[np.nan, 0.0]])


def test_importing_metrics_is_light():
    heavy = "{'torch', 'transformers', 'datasets', 'evaluate'}"
    code = f"import sys, utils.metrics; print({heavy} & set(sys.modules))"
    assert (
        subprocess.check_output([sys.executable, "-c", code], text=True, cwd=ROOT).strip()
        == "set()"
    )


def test_evaluate_loads_the_metric_offline(tmp_path):
    labels, probabilities = drawn(30, 4, dtype=np.float32)
    np.savez(tmp_path / "data.npz", labels=labels, probabilities=probabilities)
    metric = ROOT / "utils/evaluate_metric/spanish_suite_metrics.py"
    code = (
        "import evaluate, json, numpy as np\n"
        f"data = np.load({str(tmp_path / 'data.npz')!r})\n"
        f"metric = evaluate.load({str(metric)!r})\n"
        "sides = {'references': data['labels'], 'predictions': data['probabilities']}\n"
        "print(json.dumps(metric.compute(**sides)))\n"
    )
    offline = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path / "hf")}
    # From another folder: the suite is found because it is installed, not because it is near.
    done = subprocess.run(
        [sys.executable, "-c", code], env=offline, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found == metrics.classification_metrics(labels, probabilities)
    assert list(found) == KEYS
