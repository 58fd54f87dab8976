"""Every notebook of the room runs from top to bottom in an empty folder, and is committed without outputs."""

import json
import sys

import nbformat
import pytest
from conftest import HOUSE, ROOM
from nbclient import NotebookClient

NOTEBOOKS = sorted((ROOM / "notebooks").rglob("*.ipynb"))


@pytest.fixture
def kernel(tmp_path, monkeypatch):
    """A kernel of this very environment, whatever other kernels the machine has."""
    folder = tmp_path / "jupyter" / "kernels" / "python3"
    folder.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    spec = {"argv": argv, "display_name": "Python 3", "language": "python"}
    (folder / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))


def test_there_are_four():
    assert [p.relative_to(ROOM / "notebooks").as_posix() for p in NOTEBOOKS] == [
        "explore/corpus.ipynb", "model_metrics/results.ipynb", "train/domain_adaptation.ipynb",
        "train/fine_tune.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_runs(path, kernel, tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(work)}}).execute()
    kinds = {kind for cell in notebook.cells if cell.cell_type == "code"
             for output in cell.outputs for kind in output.get("data", {})}
    assert "image/png" in kinds and "text/html" in kinds
    assert not list(work.iterdir())


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_is_committed_clean(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert notebook.cells[0].cell_type == "markdown" and notebook.cells[0].source.startswith("# ")
    assert notebook.metadata.kernelspec.name == "python3"
    text = path.read_text(encoding="utf-8")
    assert not any(root in text for root in (str(HOUSE), "/home/", "/Users/", "C:\\\\"))
