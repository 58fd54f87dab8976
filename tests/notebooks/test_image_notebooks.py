"""The image room's notebooks run from top to bottom in an empty folder, and are committed without outputs."""

import pytest
import test_notebooks
from conftest import HOUSE

NOTEBOOKS = sorted((HOUSE / "image_model" / "notebooks").rglob("*.ipynb"))
kernel = test_notebooks.kernel


def test_there_are_three():
    assert [p.parent.name + "/" + p.name for p in NOTEBOOKS] == [
        "explore/pages.ipynb", "model_metrics/results.ipynb", "train/train_on_pages.ipynb"]


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_runs(path, kernel, tmp_path):
    test_notebooks.executed(path, tmp_path / "work")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_is_committed_clean(path):
    test_notebooks.test_is_committed_clean(path)
