"""Two commands at once into one folder: the second is told who works there; nothing is lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.helpers import REPO_ROOT, corpus_rows, refused, write_jsonl
from utils import extract_text, prepare_dataset
from utils.samples import documents, pages

HOLD = """
import sys, time
from pathlib import Path
from utils.folders import locked_folder
with locked_folder(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    time.sleep(100)
"""


@pytest.fixture
def hold():
    """A function that starts another process, which writes a folder until it is killed."""
    started = []

    def start(folder: Path, what: str) -> subprocess.Popen:
        env = os.environ | {"PYTHONPATH": str(REPO_ROOT)}
        words = [sys.executable, "-c", HOLD, str(folder), what]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, env=env, text=True)
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        return process

    yield start
    for process in started:
        stop(process)


def stop(process: subprocess.Popen):
    process.kill()
    process.wait()


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("flags", [[], ["--folds", "2"], ["--overwrite"]])
def test_two_preparations_into_one_folder(tmp_path, capsys, hold, flags):
    source, output = write_jsonl(tmp_path / "x.jsonl", corpus_rows(10)), tmp_path / "o"
    words = [str(source), "--output", str(output), *flags]
    if "--overwrite" in flags:
        prepare_dataset.main(words)
    before = contents(output)
    other = hold(output, "preparation")
    line = refused(capsys, prepare_dataset.main, *words)
    assert "another preparation is working here" in line and f"(pid {other.pid} on " in line
    assert contents(output) == before
    stop(other)
    prepare_dataset.main(words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o", "x.jsonl"]


def test_a_version_that_another_preparation_writes(tmp_path, capsys, hold, monkeypatch):
    """Without --output both choose the same next version."""
    monkeypatch.chdir(tmp_path)
    write_jsonl(tmp_path / "temas.jsonl", corpus_rows(10))
    hold(Path("data/temas/data_v1"), "preparation")
    assert "is working here" in refused(capsys, prepare_dataset.main, "temas.jsonl")


@pytest.mark.parametrize("flags", [[], ["--resume"], ["--overwrite"]])
def test_two_extractions_into_one_folder(tmp_path, capsys, hold, flags):
    source, output = tmp_path / "images", tmp_path / "texts"
    source.mkdir()
    Image.new("L", (300, 100), 255).save(source / "vacía.png")
    words = [str(source), str(output), *flags]
    if flags:
        extract_text.main(words[:2])
    before = contents(output)
    other = hold(output, "extraction")
    line = refused(capsys, extract_text.main, *words)
    assert "another extraction is working here" in line and f"(pid {other.pid} on " in line
    assert contents(output) == before
    stop(other)
    extract_text.main(words)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["images", "texts"]


@pytest.mark.parametrize("writer", [documents, pages])
def test_two_samples_into_one_folder(tmp_path, capsys, hold, monkeypatch, writer):
    monkeypatch.setattr(writer, "generate_sample", made_sample)
    other = hold(tmp_path / "sample", "sample writer")
    line = refused(capsys, writer.main, tmp_path / "sample")
    assert "another sample writer is working here" in line
    stop(other)
    writer.main([str(tmp_path / "sample")])
    assert [path.name for path in tmp_path.iterdir()] == ["sample"]


def made_sample(seed: int) -> list[dict[str, str]]:
    return [{"id": "acta/acta_0001", "text": "Acta", "label": "acta", "split": "train"}]


def test_a_refused_preparation_leaves_no_folder(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for words in (["nada.jsonl"], ["nada.jsonl", "--output", "a/b/c"]):
        assert "no such file" in refused(capsys, prepare_dataset.main, *words)
    assert not list(tmp_path.iterdir())


def test_outputs_that_are_links_or_here(tmp_path, capsys, monkeypatch):
    source = write_jsonl(tmp_path / "x.jsonl", corpus_rows(10))
    (tmp_path / "disk").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "disk")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for here in (".", "../here", tmp_path / "here"):
        message = refused(capsys, prepare_dataset.main, source, "--output", here)
        assert "the folder you are in" in message
    prepare_dataset.main([str(source), "--output", str(tmp_path / "link")])
    assert (tmp_path / "link").is_symlink() and (tmp_path / "disk" / "dataset.json").exists()


def test_an_interrupted_extraction_names_resume(tmp_path, capsys, monkeypatch):
    source, output = tmp_path / "images", tmp_path / "texts"
    source.mkdir()
    Image.new("L", (300, 100), 255).save(source / "vacía.png")

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(extract_text, "keep", interrupt)
        with pytest.raises(SystemExit) as stopped:
            extract_text.main([str(source), str(output)])
    assert stopped.value.code == 130 and "--resume" in capsys.readouterr().err
    extract_text.main([str(source), str(output), "--resume"])
    assert (output / "vacía.txt").exists()
