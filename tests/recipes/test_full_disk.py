"""A disk that is full at a real write, for which a limit of file sizes stands: one line, exit
code 2, nothing half written under its final name, and what was whole is still there.
"""

import contextlib
import os
import resource
import subprocess

import pytest

from rnn_baseline.scripts.train import predict as predict_script
from rnn_baseline.scripts.train import train as train_script
from tests.helpers import corpus_rows, refused, write_jsonl
from utils import runs

SMALL = [
    *("--hidden_size", "8", "--embedding_size", "8", "--num_layers", "1"),
    *("--num_train_epochs", "1", "--use_cpu"),
]


@contextlib.contextmanager
def file_sizes_limited_to(size: int):
    """No file of this process may become larger, as if the disk were full there."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_jsonl(tmp_path_factory.mktemp("full") / "c.jsonl", corpus_rows(20))


@pytest.fixture(scope="module")
def finished(source):
    """A run, which fills the caches too."""
    words = ["--dataset", str(source), *SMALL, "--output_dir", str(source.parent / "r")]
    return train_script.main(words)


def error_of(capsys, main, *words) -> str:
    """The last line that `main` prints before it exits with 2."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([str(word) for word in words])
    errors = capsys.readouterr().err
    assert stop.value.code == 2 and "Traceback" not in errors
    return errors.strip().splitlines()[-1]


# The model has 10 kB, the optimizer's state twice that, each figure more than 30 kB.
@pytest.mark.parametrize(
    "size, words",
    [
        pytest.param(12_000, "free space and rerun", id="optimizer state"),
        pytest.param(30_000, "is whole: free space and pass --resume", id="figures"),
    ],
)
def test_training_meets_a_full_disk(finished, source, size, words, tmp_path, capsys):
    line = ["--dataset", source, *SMALL, "--output_dir", tmp_path / "r"]
    with file_sizes_limited_to(size):
        error = error_of(capsys, train_script.main, *line)
    assert "no space left" in error and words in error
    assert not (tmp_path / "r").exists()
    train_script.main([str(word) for word in [*line, "--resume"]])
    assert (tmp_path / "r" / "all_results.json").exists()


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_predictions_meet_a_full_disk(finished, source, ending, tmp_path, capsys):
    output = tmp_path / f"p.{ending}"
    with file_sizes_limited_to(1500):
        line = refused(capsys, predict_script.main, finished, "--input", source, "--output", output)
    assert "File too large" in line and str(output) in line
    assert not list(tmp_path.iterdir())


def test_naming_the_commit_writes_nothing_into_the_checkout(tmp_path, monkeypatch):
    """`git status` would refresh the index, and leave its lock behind on a full disk."""

    def git(*words):
        who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init")
    (tmp_path / "a.txt").write_text("a", encoding="utf-8")
    git("add", "a.txt")
    git("commit", "-m", "a")
    os.utime(tmp_path / "a.txt", (1, 1))  # so that the index is out of date
    before = (tmp_path / ".git" / "index").read_bytes()
    monkeypatch.setattr("utils.runs.folder.REPO_ROOT", tmp_path)
    assert len(runs.commit()) == 40
    assert (tmp_path / ".git" / "index").read_bytes() == before
