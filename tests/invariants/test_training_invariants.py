"""What must not change a result, held through the real command line: how a batch is split over
accumulation steps and processes, a kill and a resume, padding and batch size, saving and loading,
and nothing at all (the same seed).
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from beto_text_model.scripts.train import eval as eval_script
from beto_text_model.scripts.train import predict as predict_script
from beto_text_model.scripts.train import train as train_script
from tests.helpers import PACKAGE, SCRIPTS, command
from utils.predictions import read_predictions

pytestmark = pytest.mark.usefixtures("no_figures_in_module")
TRAIN = SCRIPTS / "train.py"
STEPS = (
    24  # two epochs and a half of 160 rows in global batches of 16: lengths are grouped anew twice
)
FLAGS = [
    "--max_steps",
    STEPS,
    "--learning_rate",
    "1e-2",
    "--save_strategy",
    "steps",
    "--save_steps",
    "4",
    "--use_cpu",
    "--class_weights",
    "balanced",
    "--label_smoothing_factor",
    "0.1",
    "--metric_for_best_model",
    "log_loss",
    "--disable_tqdm",
    "true",
]


def accelerate_launch(config: str) -> list:
    """The words that launch a script with one of the shipped configs."""
    folder = PACKAGE / "configs" / "accelerate"
    return [Path(sys.executable).parent / "accelerate", "launch", "--config_file", folder / config]


@pytest.fixture(scope="module")
def train(prepared, tiny_encoder, tmp_path_factory):
    """Train with these batch flags, in this process or by a launcher; returns the run folder."""
    folder = tmp_path_factory.mktemp("invariants")

    def call(name, *flags, launcher=None):
        words = ["--dataset", prepared, "--model_name_or_path", tiny_encoder]
        words += ["--output_dir", folder / name, *FLAGS, *flags]
        if launcher:
            command(*launcher, TRAIN, *words)
        else:
            train_script.main([str(word) for word in words])
        return folder / name

    return call


@pytest.fixture(scope="module")
def uninterrupted(train) -> Path:
    """The reference: one fresh process, batches of 16."""
    launcher = accelerate_launch("cpu_1.yaml")
    return train("reference", "--per_device_train_batch_size", "16", launcher=launcher)


def probabilities(run: Path, split="test") -> np.ndarray:
    return read_predictions(run / f"predictions_{split}.parquet").probabilities


def assert_same(run: Path, reference: Path, tolerance: float):
    for split in ("validation", "test"):
        np.testing.assert_allclose(
            probabilities(run, split), probabilities(reference, split), atol=tolerance
        )


def test_the_reference_learns(uninterrupted):
    """Equal runs say nothing when nothing was learnt."""
    p = probabilities(uninterrupted)
    assert np.ptp(p, axis=0).max() > 0.3


@pytest.mark.parametrize(("per_device", "accumulation"), [(8, 2), (4, 4)])
def test_accumulation_does_not_change_the_result(train, uninterrupted, per_device, accumulation):
    run = train(
        f"{per_device}x{accumulation}",
        "--per_device_train_batch_size",
        per_device,
        "--gradient_accumulation_steps",
        accumulation,
    )
    assert_same(run, uninterrupted, 2e-5)


def test_two_processes_are_two_and_equal_one(train, uninterrupted):
    launcher = [*accelerate_launch("cpu_2.yaml"), "--main_process_port", "0"]
    run = train("two", "--per_device_train_batch_size", "8", launcher=launcher)
    config = (run / "config.yaml").read_text(encoding="utf-8")
    assert "processes: 2" in config and "global_batch_size: 16" in config
    assert_same(run, uninterrupted, 2e-5)


def test_torchrun_without_use_cpu_is_refused(prepared, tmp_path):
    """Two ranks that would each train alone, into one folder."""
    done = command(
        sys.executable,
        TRAIN,
        "--dataset",
        prepared,
        "--output_dir",
        tmp_path / "r",
        check=False,
        WORLD_SIZE="2",
        RANK="0",
        LOCAL_RANK="-1",
        CUDA_VISIBLE_DEVICES="",
    )
    assert done.returncode == 2 and "--use_cpu" in done.stderr


def test_the_same_seed_gives_the_same_bits(train, uninterrupted):
    """In this process, after other trainings, as in a fresh one."""
    again = train("again", "--per_device_train_batch_size", "16")
    assert (probabilities(again) == probabilities(uninterrupted)).all()
    assert (again / "model.safetensors").read_bytes() == (
        uninterrupted / "model.safetensors"
    ).read_bytes()


def test_another_seed_gives_another_model(train, uninterrupted):
    other = train("other", "--per_device_train_batch_size", "16", "--seed", "1", "--max_steps", "4")
    assert (probabilities(other) != probabilities(uninterrupted)).any()


def test_killed_and_resumed_equals_uninterrupted(train, prepared, tiny_encoder, tmp_path, capsys):
    """kill -9 after a checkpoint: nothing looks finished; --resume ends with the same bits."""
    uninterrupted = train("dropout", "--classifier_dropout", "0.3")
    words = [
        sys.executable,
        TRAIN,
        "--dataset",
        prepared,
        "--model_name_or_path",
        tiny_encoder,
        "--output_dir",
        tmp_path / "run",
        "--classifier_dropout",
        "0.3",
        *FLAGS,
    ]
    words = [str(w) for w in words]
    process = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ
    )
    deadline = time.time() + 120
    while not list((tmp_path / "run.partial").glob("checkpoint-*/trainer_state.json")):
        assert process.poll() is None and time.time() < deadline, "no checkpoint before the end"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "run").exists()
    # A kill in the middle of writing leaves a checkpoint without its last file: it must not be
    # resumed from.
    (tmp_path / "run.partial" / "checkpoint-9999").mkdir()
    capsys.readouterr()
    train_script.main([*words[2:], "--resume"])
    said = capsys.readouterr().out
    assert "resuming from" in said and "checkpoint-9999" not in said
    assert_same(tmp_path / "run", uninterrupted, 0)
    assert not (tmp_path / "run.partial").exists()


def test_saved_and_reloaded_equals_in_memory_whatever_the_batch(run, prepared):
    """eval.py loads what train.py saved; one text at a time has no padding, 64 have much."""
    for batch_size in (1, 64):
        folder = eval_script.main(
            [
                str(run),
                "--dataset",
                str(prepared),
                "--batch_size",
                str(batch_size),
                "--overwrite",
                "--use_cpu",
            ]
        )
        np.testing.assert_allclose(probabilities(folder), probabilities(run), atol=1e-5)


def test_a_narrow_encoder_trained_in_bf16_is_evaluated_in_fp32(prepared, tiny_encoder, tmp_path):
    """Its own scores are those of eval.py, which bf16's would miss by a thousandth."""
    run = train_script.main(
        [
            str(w)
            for w in (
                "--dataset",
                prepared,
                "--model_name_or_path",
                tiny_encoder,
                "--output_dir",
                tmp_path / "run",
                *FLAGS,
                "--bf16",
                "true",
            )
        ]
    )
    assert "precision: bf16" in (run / "config.yaml").read_text(encoding="utf-8")
    folder = eval_script.main([str(run), "--dataset", str(prepared), "--use_cpu"])
    assert np.ptp(probabilities(run), axis=0).max() > 0.3
    np.testing.assert_allclose(probabilities(folder), probabilities(run), atol=1e-5)


def test_prediction_order_is_the_input_order(run, prepared, tmp_path):
    """The labels of the test rows, given shuffled lengths, come back with their own ids."""
    reference = read_predictions(run / "predictions_test.parquet")
    from utils.data import load_splits

    test = load_splits(prepared)["test"]
    order = np.argsort([len(t) for t in test["text"]])[::-1]
    shuffled = test.select(order).select_columns(["id", "text"])
    shuffled.to_json(str(tmp_path / "in.jsonl"), force_ascii=False)
    output = tmp_path / "out.parquet"
    predict_script.main([str(run), "--input", str(tmp_path / "in.jsonl"), "--output", str(output)])
    got = read_predictions(output)
    assert got.ids == [reference.ids[i] for i in order] and set(got.labels) == {None}
    np.testing.assert_allclose(got.probabilities, reference.probabilities[order], atol=1e-5)
