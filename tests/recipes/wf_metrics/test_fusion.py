"""Late fusion: the formula, the weight that validation chooses, and the row of compare."""

import json
import shutil

import numpy as np
import pytest
import yaml

from tests.helpers import refused
from utils.metrics import classification_metrics
from utils.predictions import read_predictions, write_predictions
from wf_metrics import compare
from wf_metrics.fusion import WEIGHTS, choose_weight, fuse

NAMES = ["acta", "cédula", "factura"]


def probabilities(seed: int, truth: np.ndarray, sees: tuple, skill: float = 3.0) -> np.ndarray:
    """A model that tells the classes in `sees` from the others, and guesses between these."""
    logits = np.random.default_rng(seed).normal(size=(len(truth), len(NAMES)))
    for c in sees:
        logits[truth == c, c] += skill
        logits[truth != c, c] -= skill
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def run_folder(folder, model: str, seed: int, sees: tuple, skill: float = 3.0, names=NAMES):
    """A finished run as compare sees it."""
    folder.mkdir()
    for split, n in (("validation", 200), ("test", 300)):
        truth = np.random.default_rng(n).integers(0, 3, n)
        p = probabilities(seed + n, truth, sees, skill)
        order = np.random.default_rng(seed).permutation(n)  # every run in an order of its own
        write_predictions(
            folder / f"predictions_{split}.parquet",
            [f"d{i}" for i in order],
            p[order],
            names,
            [names[c] for c in truth[order]],
        )
    config = {
        "room": model,
        "seed": 0,
        "model": {"name": model},
        "dataset": {"hash": model},
        "arguments": {},
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    (folder / "all_results.json").write_text(
        json.dumps({"test_ms_per_document": 2.0}), encoding="utf-8"
    )
    return str(folder)


@pytest.fixture
def runs(tmp_path):
    """A text model that knows acta and a page model that knows cédula: each guesses what the other
    knows.
    """
    return [
        run_folder(tmp_path / "texto", "texto", 1, (0,)),
        run_folder(tmp_path / "imagen", "imagen", 2, (1,)),
    ]


def test_the_formula():
    one, other = np.array([[0.7, 0.2, 0.1]]), np.array([[0.1, 0.3, 0.6]])
    expected = one**0.25 * other**0.75
    np.testing.assert_allclose(fuse(one, other, 0.25), expected / expected.sum(), rtol=1e-6)
    np.testing.assert_allclose(fuse(one, other, 1), one, rtol=1e-6)
    np.testing.assert_allclose(fuse(one, other, 0), other, rtol=1e-6)
    sure = fuse(np.array([[1.0, 0.0, 0.0]]), np.array([[0.0, 0.5, 0.5]]), 0.5)
    assert np.isfinite(sure).all() and sure.sum() == pytest.approx(1)


def test_the_weight_is_the_best_of_the_grid_and_follows_the_better_model():
    truth = np.random.default_rng(0).integers(0, 3, 400)
    good, bad = probabilities(1, truth, (0, 1, 2)), probabilities(2, truth, (0,), 0.1)
    weight, losses = choose_weight(truth, good, bad)
    every = [classification_metrics(truth, fuse(good, bad, w))["log_loss"] for w in WEIGHTS]
    assert losses == every and losses[list(WEIGHTS).index(weight)] == min(every) and weight > 0.8
    assert choose_weight(truth, bad, good)[0] == pytest.approx(1 - weight)
    assert choose_weight(truth, good, good)[0] == 0.5


def test_fusion_is_a_row_of_compare_and_its_weight_is_said(runs, tmp_path, capsys):
    folder = compare.main(
        [*runs, "--fuse", *runs, "--samples", "100", "--output", str(tmp_path / "informe")]
    )
    found = json.loads((folder / "compare.json").read_text(encoding="utf-8"))
    first, second = (read_predictions(f"{run}/predictions_test.parquet") for run in runs)
    place = {i: row for row, i in enumerate(second.ids)}
    other = second.probabilities[[place[i] for i in first.ids]]
    expected = fuse(first.probabilities, other, found["fusion"]["weights"][0])
    labels = np.array([NAMES.index(label) for label in first.labels])
    row = found["models"][0]
    assert row["model"].startswith("fusion") and row["ms_per_document"] == 4.0
    assert row["accuracy"] == pytest.approx((expected.argmax(1) == labels).mean(), abs=1e-6)
    assert row["macro_f1"] > max(r["macro_f1"] for r in found["models"][1:]) + 0.1
    assert found["fusion"]["runs"] == runs and sum(found["fusion"]["weights"]) == pytest.approx(1)
    assert found["fusion"]["documents"] == 200
    for text in (
        (folder / "compare.md").read_text(encoding="utf-8"),
        capsys.readouterr().out,
        (folder / "report.html").read_text(encoding="utf-8"),
    ):
        assert row["model"] in text and "lowest log loss on 200 validation documents" in text

    plain = compare.main([*runs, "--samples", "100", "--output", str(tmp_path / "otro")])
    without = json.loads((plain / "compare.json").read_text(encoding="utf-8"))
    assert (
        without["fusion"] is None
        and without["ensemble"]["macro_f1"] == found["ensemble"]["macro_f1"]
    )
    assert [r["model"] for r in without["models"]] == [r["model"] for r in found["models"][1:]]
    for name in ("disagreements.csv", "label_errors.csv"):
        assert (plain / name).read_bytes() == (folder / name).read_bytes()


def test_fusion_refuses(runs, tmp_path, capsys):
    def say(*fuse, split="test"):
        return refused(
            capsys,
            compare.main,
            *runs,
            "--fuse",
            *fuse,
            "--split",
            split,
            "--output",
            tmp_path / "x",
        )

    assert "give two" in say(runs[0])
    assert "chosen on validation" in say(*runs, split="validation")
    assert "no predictions_validation.parquet" in refused(
        capsys,
        compare.main,
        *runs,
        "--fuse",
        runs[0],
        without_validation(runs[1], tmp_path),
        "--output",
        tmp_path / "x",
    )
    other = run_folder(tmp_path / "otras", "otras", 3, (0,), names=["acta", "cédula", "recibo"])
    assert "disagree on the labels" in say(runs[0], other)
    table = read_predictions(f"{runs[1]}/predictions_validation.parquet")
    ids = [f"x{i}" for i in table.ids]
    write_predictions(
        f"{other}/predictions_validation.parquet", ids, table.probabilities, NAMES, table.labels
    )
    assert "different documents" in say(runs[0], other)
    assert not (tmp_path / "x").exists()


def without_validation(run: str, tmp_path) -> str:
    shutil.copytree(run, tmp_path / "sin")
    (tmp_path / "sin" / "predictions_validation.parquet").unlink()
    return str(tmp_path / "sin")
