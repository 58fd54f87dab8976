"""Run folders: one writer at a time, nothing of the user's removed, resumed as begun."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest
import yaml

from rnn_baseline.scripts.train import eval as eval_script
from rnn_baseline.scripts.train import pipeline as pipeline_script
from rnn_baseline.scripts.train import train as train_script
from tests.helpers import REPO_ROOT, command, corpus_rows, refused, write_jsonl
from utils import runs
from utils.errors import InputError, exits_on_input_error
from utils.folders import locked_folder
from utils.predictions import read_predictions

# None of these runs is looked at for its figures.
pytestmark = pytest.mark.usefixtures("no_figures_in_module")
SMALL = ["--hidden_size", "8", "--embedding_size", "8", "--num_layers", "1", "--max_steps", "4"]
SMALL += ["--use_cpu"]
ROOMS = {
    "rnn_baseline": SMALL,
    "beto_text_model": [
        *("--model_name_or_path", "mini-scratch", "--vocab_size", "200", "--max_length", "16"),
        *("--max_steps", "4", "--use_cpu"),
    ],
    "spacy_text_model": ["--training.max_steps", "20"],
}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_jsonl(tmp_path_factory.mktemp("folders") / "c.jsonl", corpus_rows(20))


def train(source, folder, *words):
    return train_script.main(
        ["--dataset", str(source), *SMALL, "--output_dir", str(folder), *words]
    )


HOLD = """
import sys, time
from pathlib import Path
from utils.folders import locked_folder
with locked_folder(Path(sys.argv[1]), "training"):
    print("held", flush=True)
    time.sleep(100)
"""


@contextlib.contextmanager
def held_by_another_process(folder):
    """The process that writes a folder as long as the block lasts."""
    env = os.environ | {"PYTHONPATH": str(REPO_ROOT)}
    words = [sys.executable, "-c", HOLD, str(folder)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, env=env, text=True)
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def held(tmp_path):
    """A folder that another process writes."""
    with held_by_another_process(tmp_path / "r") as process:
        yield tmp_path / "r", process


def test_a_second_training_is_refused_and_says_who_works_there(source, held, capsys):
    folder, process = held
    line = refused(capsys, train_script.main, "--dataset", source, *SMALL, "--output_dir", folder)
    assert "another training is working here" in line and f"pid {process.pid}" in line
    process.kill()
    process.wait()
    assert train(source, folder) == folder  # a lock dies with its process


def test_a_second_pipeline_is_refused_before_it_prepares(source, held, capsys):
    folder, process = held
    words = ["--dataset", source, *SMALL, "--output_dir", folder]
    line = refused(capsys, pipeline_script.main, *words)
    assert "is working here" in line and f"pid {process.pid}" in line
    assert not folder.exists()


def test_a_lock_leaves_nothing_behind(source, tmp_path):
    train(source, tmp_path / "r")
    assert [p.name for p in tmp_path.iterdir()] == ["r"]
    assert not list((tmp_path / "r").glob(".*"))


def test_two_evaluations_of_one_split(source, tmp_path, capsys):
    run = train(source, tmp_path / "r")
    folder = eval_script.main([str(run)])
    with held_by_another_process(folder):
        assert "is working here" in refused(capsys, eval_script.main, run, "--overwrite")
    assert eval_script.main([str(run), "--overwrite"]) == folder


def test_folders_of_the_user_beside_the_run_stay(source, tmp_path, capsys):
    for name in ("r.old", "r.partial"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "notas.txt").write_text("mías", encoding="utf-8")
    words = ["--dataset", source, *SMALL, "--output_dir", tmp_path / "r"]
    line = refused(capsys, train_script.main, *words, "--overwrite")
    assert "r.partial" in line and "not of this suite" in line
    (tmp_path / "r.partial" / "notas.txt").unlink()
    train(source, tmp_path / "r")
    train(source, tmp_path / "r", "--overwrite")
    assert (tmp_path / "r.old" / "notas.txt").read_text(encoding="utf-8") == "mías"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["r", "r.old"]


def test_a_link_is_followed_and_the_own_folder_refused(source, tmp_path, capsys, monkeypatch):
    train(source, tmp_path / "r")
    (tmp_path / "link").symlink_to(tmp_path / "r")
    assert train(source, tmp_path / "link", "--overwrite") == (tmp_path / "r").resolve()
    assert (tmp_path / "link").is_symlink()
    assert train(source, tmp_path / "x" / ".." / "y") == (tmp_path / "y").resolve()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    for name in (".", "../empty", tmp_path / "empty"):
        words = ["--dataset", source, *SMALL, "--output_dir", name]
        assert "the folder you are in" in refused(capsys, train_script.main, *words)


def test_two_default_folders_of_one_second_differ():
    first = runs.default_output_dir("room", "sample")
    time.sleep(0.01)
    assert runs.default_output_dir("room", "sample") != first


def begin(source, folder):
    """Leave an unfinished run: its training ends with an error after two epochs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "write_results", None)
        with pytest.raises(TypeError):
            train(source, folder, "--seed", "3", "--weight_decay", "0.1")
    assert (folder.parent / "r.partial" / "config.yaml").exists()
    return folder


@pytest.fixture(scope="module")
def begun(source, tmp_path_factory):
    """An unfinished run that no test finishes."""
    return begin(source, tmp_path_factory.mktemp("begun") / "r")


@pytest.mark.parametrize(
    "flag, value",
    [
        ("--seed", "4"),
        ("--learning_rate", "0.5"),
        ("--weight_decay", "0.2"),
        ("--hidden_size", "16"),
        ("--class_weights", "none"),
        ("--max_steps", "3"),
        ("--label_smoothing_factor", "0.3"),
        ("--lr_scheduler_type", "cosine"),
        ("--per_device_train_batch_size", "3"),
    ],
)
def test_a_run_is_resumed_with_the_arguments_it_was_begun_with(begun, source, capsys, flag, value):
    words = ["--dataset", source, *SMALL, "--seed", 3, "--weight_decay", 0.1, "--output_dir", begun]
    line = refused(capsys, train_script.main, *words, "--resume", flag, value)
    assert flag in line and "was begun with" in line


def test_what_changes_nothing_learnt_may_differ_and_is_recorded(source, tmp_path):
    begun = begin(source, tmp_path / "r")
    more = ["--seed", "3", "--weight_decay", "0.1", "--max_steps", "6", "--logging_steps", "2"]
    run = train(source, begun, *more, "--resume", "--keep_checkpoints", "true")
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    changes = config["resumed"][0]["changes"]
    assert changes["max_steps"] == {"before": 4, "now": 6}
    # Both the best checkpoint and the last one were there until the run was written.
    assert len(list(run.glob("checkpoint-*"))) >= 2


@pytest.mark.parametrize("room", ROOMS)
def test_a_shuffled_file_trains_the_same_model(room, tmp_path):
    """Neither a cache nor the order of training may depend on the order of the file."""
    import importlib
    import random

    module = importlib.import_module(f"{room}.scripts.train.train")
    rows, found = corpus_rows(16), []
    for name in ("a", "b"):
        path = write_jsonl(tmp_path / f"{name}.jsonl", rows)
        words = ["--dataset", str(path), *ROOMS[room], "--output_dir", str(tmp_path / name)]
        found.append(
            read_predictions(module.main([*words, "--seed", "1"]) / "predictions_test.parquet")
        )
        random.Random(5).shuffle(rows)
    truth = {row["id"]: row["label"] for row in rows}
    assert sorted(found[0].ids) == sorted(found[1].ids) and found[0].ids != found[1].ids
    first = dict(zip(found[0].ids, found[0].probabilities.tolist(), strict=True))
    for identifier, label, row in zip(
        found[1].ids, found[1].labels, found[1].probabilities.tolist(), strict=True
    ):
        assert label == truth[identifier]
        assert row == pytest.approx(first[identifier], abs=1e-6)


@pytest.mark.parametrize("name", ["wandb", "tensorboard"])
def test_none_beside_a_tracker_is_refused(source, tmp_path, capsys, name):
    words = ["--dataset", source, *SMALL, "--output_dir", tmp_path / "r", "--report_to", "none"]
    assert "none alone" in refused(capsys, train_script.main, *words, name)


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device", "figures/curves.png"),
        RuntimeError("SafetensorError: I/O error: No space left on device (os error 28)"),
        OSError("[Errno 28] Error writing bytes to file. Detail: [errno 28] No space left"),
    ],
)
def test_a_full_disk_is_one_line_in_every_command(error, capsys):
    @exits_on_input_error
    def main(argv):
        raise error

    assert "no space left" in refused(capsys, main).lower()


def hear_interrupts():
    """A shell's background jobs ignore Ctrl-C, and so would their children."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_an_interrupt_is_one_line_that_says_how_to_continue(source, tmp_path):
    words = ["-m", "rnn_baseline.scripts.train.train", "--dataset", str(source), *SMALL[:-3]]
    words += ["--use_cpu", "--num_train_epochs", "5000", "--output_dir", str(tmp_path / "r")]
    env = os.environ | {"PYTHONPATH": str(REPO_ROOT)}
    process = subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        text=True,
        preexec_fn=hear_interrupts,
    )
    deadline = time.time() + 120
    while time.time() < deadline and not list((tmp_path / "r.partial").glob("checkpoint-*")):
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.strip().splitlines()[-1].startswith("error: interrupted; the same command with")
    assert "Traceback" not in errors


def test_an_ascii_terminal_gets_escapes(source, tmp_path):
    code = "from utils.errors import exits_on_input_error\n@exits_on_input_error\ndef main():\n"
    code += "    print('opinión')\nmain()"
    env = {"PYTHONIOENCODING": "ascii", "PYTHONPATH": str(REPO_ROOT)}
    assert command(sys.executable, "-c", code, **env).stdout == "opini\\xf3n\n"


def test_locked_folder_is_free_after_an_error(tmp_path):
    with pytest.raises(InputError), locked_folder(tmp_path / "r", "a test"):
        raise InputError("x")
    assert not list(tmp_path.iterdir())


def test_a_report_goes_where_a_link_leads_and_never_over_the_folder_one_is_in(
    source, tmp_path, capsys, monkeypatch
):
    from beto_text_model.scripts.model_metrics import report

    run = train(source, tmp_path / "r")
    target = tmp_path / "target"
    target.mkdir()
    (tmp_path / "link").symlink_to(target)
    report.main([str(run), "--output", str(tmp_path / "link")])
    assert (tmp_path / "link").is_symlink() and (target / "report.md").exists()
    monkeypatch.chdir(tmp_path)
    line = refused(capsys, report.main, run, "--output", ".")
    assert "the folder you are in" in line
    assert {p.name for p in tmp_path.iterdir()} == {"r", "link", "target"}
