"""Caches are held against what was written: a damaged one is made anew, in one line; through the
command line, with the words of an RNN.
"""

import json
import os
import shutil
from pathlib import Path

import pytest

from rnn_baseline.scripts.train import preprocess
from tests.helpers import corpus_rows, write_jsonl


@pytest.fixture
def source(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    return write_jsonl(tmp_path / "x.jsonl", corpus_rows(10))


def fill(source: Path) -> tuple[Path, dict[str, bytes]]:
    """Fill the cache as a user does: its folder, and what is in each of its files."""
    preprocess.main(["--dataset", str(source)])
    (folder,) = (source.parent / "cache" / "spanish-text-suite").glob("words-*")
    files = [path for path in folder.rglob("*") if path.is_file()]
    return folder, {str(path.relative_to(folder)): path.read_bytes() for path in files}


def flip(path: Path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def cut(path: Path):
    os.truncate(path, path.stat().st_size - 8)


@pytest.mark.parametrize("damage", [flip, cut, Path.unlink])
@pytest.mark.parametrize("name", ["train/tokens", "test/labels"])
def test_a_damaged_cache_is_made_anew_and_says_so(source, caplog, damage, name):
    folder, written = fill(source)
    moment = (folder / name).stat().st_mtime_ns
    damage(folder / name)
    if (folder / name).exists():
        os.utime(folder / name, ns=(moment, moment))
    caplog.clear()
    again, files = fill(source)
    assert again == folder and files == written
    (line,) = [r.getMessage() for r in caplog.records if r.name == "utils.data.cache"]
    assert "made anew" in line and name in line


def test_a_whole_cache_is_served_with_what_others_lay_into_it(source, caplog):
    folder, written = fill(source)
    (folder / "notas.txt").write_text("mías", encoding="utf-8")
    caplog.clear()
    assert fill(source)[1] == written | {"notas.txt": "mías".encode()}
    assert [r.getMessage() for r in caplog.records if r.name == "utils.data.cache"] == [
        f"words: from {folder}"
    ]


@pytest.mark.parametrize("record", ["", "[]", '{"rows": {}}', "older"])
def test_a_cache_without_a_record_of_its_files_is_made_anew(source, record):
    folder, written = fill(source)
    older = json.dumps(json.loads(written["rows.json"])["rows"])  # as it was before
    (folder / "rows.json").write_text(older if record == "older" else record, encoding="utf-8")
    (folder / "train" / "tokens").write_bytes(b"")
    assert fill(source)[1] == written
    shutil.rmtree(folder)
    assert fill(source)[1] == written
