"""The arrows of the house: rooms use utils, no room another room, utils no room; no circle of
imports.
"""

import ast
from pathlib import Path

import pytest

from tests.helpers import REPO_ROOT

ROOMS = ("beto_text_model", "spacy_text_model", "rnn_baseline", "linear_baseline", "image_model")
PACKAGES = (*ROOMS, "utils", "wf_metrics")
MAY_USE = {room: {room, "utils"} for room in ROOMS}
MAY_USE |= {"utils": {"utils"}, "wf_metrics": {"wf_metrics", "utils"}}


def module_of(path: Path, root: Path) -> str:
    name = ".".join(path.relative_to(root).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imports_of(path: Path, known: set[str], whole: bool) -> set[str]:
    """The modules of the house that a file imports; `whole`: inside functions too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = set()
    for node in ast.walk(tree) if whole else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            below = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (below & known) or {node.module}
    return {name for name in found if name.split(".")[0] in PACKAGES}


def breaches(root: Path) -> list[str]:
    """Imports that cross a wall."""
    found = []
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            for name in imports_of(path, set(), whole=True):
                if name.split(".")[0] not in MAY_USE[package]:
                    found.append(f"{path.relative_to(root)} imports {name}")
    return found


def circles(root: Path) -> list[str]:
    """Modules that import themselves by way of others when they are loaded."""
    files = {module_of(p, root): p for k in PACKAGES for p in (root / k).rglob("*.py")}
    # The face of a package re-exports its modules, which import each other by full name.
    faces = {name for name, path in files.items() if path.name == "__init__.py"}
    graph = {
        name: imports_of(path, set(files), whole=False) & files.keys() - faces
        for name, path in files.items()
        if name not in faces
    }
    found, done = [], set()

    def visit(name: str, way: list[str]):
        if name in way:
            found.append(" -> ".join([*way[way.index(name) :], name]))
        elif name not in done:
            for other in sorted(graph[name]):
                visit(other, [*way, name])
            done.add(name)

    for name in sorted(graph):
        visit(name, [])
    return found


def test_no_import_crosses_a_wall():
    assert not breaches(REPO_ROOT)


def test_no_circle_of_imports():
    assert not circles(REPO_ROOT)


def test_utils_shows_no_more_than_its_wings_and_commands():
    shown = {p.name for p in (REPO_ROOT / "utils").iterdir() if not p.name.startswith(("_", "."))}
    shown -= {"evaluate_metric", "manual_ejecucion.md", "temp_data"}
    assert len(shown) <= 26, sorted(shown)


@pytest.mark.parametrize(
    "file, text, found",
    [
        ("utils/a.py", "def f():\n    from rnn_baseline import model\n", breaches),
        ("image_model/a.py", "import beto_text_model.model\n", breaches),
        ("utils/a.py", "from utils import b\n", circles),
    ],
)
def test_a_breach_is_found(tmp_path, file, text, found):
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "utils" / "b.py").write_text("import utils.a\n", encoding="utf-8")
    (tmp_path / "utils" / "a.py").touch()
    assert not found(tmp_path)
    (tmp_path / file).write_text(text, encoding="utf-8")
    assert found(tmp_path)
