"""Options of the Trainer that the suite passes on, through a command line: they hold to the end."""

import json
import shutil

import numpy as np
import pytest

from beto_text_model.scripts.train import eval as eval_script
from beto_text_model.scripts.train import train as train_script
from utils.predictions import read_predictions

pytestmark = pytest.mark.usefixtures("no_figures_in_module")


@pytest.fixture
def train(prepared, tiny_encoder, tmp_path):
    """Train the tiny encoder with more flags; returns the run folder."""

    def call(*flags):
        words = ["--dataset", prepared, "--model_name_or_path", tiny_encoder, "--use_cpu"]
        words += ["--output_dir", tmp_path / "run", *flags]
        return train_script.main([str(word) for word in words])

    return call


def test_save_strategy_best_ends_with_the_best_weights(train):
    """Called best is the highest loss, that of the first epoch: the last weights are others."""
    words = ["--metric_for_best_model", "log_loss", "--greater_is_better", "true"]
    run = train("--save_strategy", "best", "--learning_rate", "5e-3", *words)
    history = json.loads((run / "log_history.json").read_text(encoding="utf-8"))
    losses = [entry["eval_log_loss"] for entry in history if "eval_log_loss" in entry]
    results = json.loads((run / "all_results.json").read_text(encoding="utf-8"))
    assert losses[0] == max(losses) > losses[-1] + 0.1
    assert results["validation_log_loss"] == pytest.approx(losses[0], abs=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("g++"), reason="torch compiles for the CPU with g++")
def test_a_compiled_model_is_saved_under_its_own_names(train, prepared):
    """torch.compile renames weights: the run must load and score without it."""
    run = train("--torch_compile", "true", "--max_steps", "4", "--learning_rate", "1e-2")
    folder = eval_script.main([str(run), "--dataset", str(prepared), "--use_cpu"])
    found = [read_predictions(f / "predictions_test.parquet").probabilities for f in (run, folder)]
    assert np.ptp(found[0], axis=0).max() > 0.01
    np.testing.assert_allclose(found[1], found[0], atol=1e-5)
