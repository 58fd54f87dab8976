"""Every notebook runs from top to bottom in an empty folder, and is committed without outputs."""

import json
import re
import sys

import nbformat
import pytest
from nbclient import NotebookClient

from tests.helpers import REPO_ROOT
from wf_metrics.notebooks_or_scripts import metrics_calc as metrics_calc_script

ROOMS = ("beto_text_model", "image_model", "linear_baseline", "rnn_baseline", "spacy_text_model")
NOTEBOOKS = sorted(
    path for room in ROOMS for path in (REPO_ROOT / room / "notebooks").rglob("*.ipynb")
)
# Of these rooms `make test` runs the notebook of training alone, `make test-all` all three.
SLOW = [
    path
    for path in NOTEBOOKS
    if path.parts[-4] != "beto_text_model" and path.parent.name != "train"
]
CALCULATOR = REPO_ROOT / "wf_metrics" / "notebooks_or_scripts" / "metrics_calculator.ipynb"


def name_of(path) -> str:
    return f"{path.parts[-4]}-{path.stem}"


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


def test_every_room_has_its_kinds():
    assert {(path.parts[-4], path.parent.name) for path in NOTEBOOKS} == {
        (room, kind) for room in ROOMS for kind in ("explore", "model_metrics", "train")
    }


def shortened(source: str) -> str:
    """A cell that trains for a few steps: how well what it shows has learnt is not looked at."""
    source = re.sub(r'max_steps", "\d+"', 'max_steps", "20"', source)
    return re.sub(r'MINUTES = "[\d.]+"', 'MINUTES = "0.05"', source)


def executed(path, folder, *more):
    """The notebook after it ran in an empty folder, with `more` code cells at its end; it must show
    and not write.
    """
    folder.mkdir()
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = shortened(cell.source)
    notebook.cells += [nbformat.v4.new_code_cell(source) for source in more]
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=place).execute()
    kinds = {
        kind
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        for kind in output.get("data", {})
    }
    assert "image/png" in kinds and "text/html" in kinds
    assert not list(folder.iterdir())
    return notebook


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, marks=pytest.mark.slow if path in SLOW else [], id=name_of(path))
        for path in NOTEBOOKS
    ],
)
def test_runs(path, kernel, tmp_path):
    executed(path, tmp_path / "work")


def test_metrics_calculator_runs_and_equals_the_script(kernel, tmp_path):
    sample = REPO_ROOT / "wf_metrics" / "wf_outputs"
    report = metrics_calc_script.main(
        [
            "--results",
            str(sample / "results.csv"),
            "--ground_truth",
            str(sample / "ground_truth.csv"),
            "--unify",
            str(sample / "unify.yaml"),
            "--output",
            str(tmp_path / "report"),
        ]
    )
    expected = json.loads((report / "wf_metrics.json").read_text(encoding="utf-8"))
    assert expected["arguments"].pop("output") == str(report)

    notebook = executed(CALCULATOR, tmp_path / "work", "import json; print(json.dumps(numbers))")
    found = json.loads(notebook.cells[-1].outputs[0].text)
    assert found["arguments"].pop("output") is None
    assert found == expected

    data = [
        output.data
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if "data" in output
    ]
    assert sum("image/png" in kinds for kinds in data) == 5
    shown = "".join(kinds.get("text/html", "") for kinds in data)
    for name, interval in expected["intervals"].items():
        for value in (expected[name], *interval):
            assert f"<td>{value:.4f}</td>" in shown


@pytest.mark.parametrize("path", [*NOTEBOOKS, CALCULATOR], ids=name_of)
def test_is_committed_clean(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert notebook.cells[0].cell_type == "markdown" and notebook.cells[0].source.startswith("# ")
    assert notebook.metadata.kernelspec.name == "python3"
    text = path.read_text(encoding="utf-8")
    assert not any(root in text for root in (str(REPO_ROOT), "/home/", "/Users/", "C:\\\\"))
