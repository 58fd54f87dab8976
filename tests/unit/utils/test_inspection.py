"""What looks into a classifier: literal entropies, projections that keep groups apart, pages that
need no network.
"""

import sys

import datasets
import numpy as np
import pytest
from matplotlib.colors import to_hex

from utils.data.corpus import Corpus
from utils.errors import InputError
from utils.figures import ORANGE, PALE, SKY
from utils.inspection import (
    entropies,
    interactive_scatter,
    label_rows,
    probabilities_figure,
    project,
    scatter_figure,
)


def groups(n=20, d=8, k=3):
    """k far groups of n points in d dimensions, one of them constant."""
    rng = np.random.default_rng(0)
    centres = 30 * np.eye(k, d)
    points = np.repeat(centres, n, 0) + rng.normal(size=(n * k, d))
    points[:, -1] = 5
    return points, np.repeat(np.arange(k), n)


def test_entropies():
    p = np.array([[1, 0, 0, 0], [0.25] * 4, [0.5, 0.5, 0, 0]], np.float32)
    assert entropies(p) == pytest.approx([0, np.log(4), np.log(2)]) and entropies(p).dtype == float
    assert entropies(np.zeros((0, 3))).shape == (0,)


def test_probabilities_of_a_document():
    names, p = [f"clase_{i}$" for i in range(20)], np.array([0.3, 0.5] + [0.2 / 18] * 18)
    axes = probabilities_figure(names, p, "clase_0$", "acta ¿1?").axes[0]
    assert [round(bar.get_width(), 3) for bar in axes.patches][:2] == [0.5, 0.3] and len(
        axes.patches
    ) == 15
    assert [to_hex(bar.get_facecolor()) for bar in axes.patches][:3] == [
        SKY.lower(),
        ORANGE.lower(),
        SKY.lower(),
    ]
    assert [t.get_text() for t in axes.get_yticklabels()][:2] == ["clase_1$", "clase_0$"]
    assert axes.get_title() == "acta ¿1?, label clase_0$" and "0.500" in [
        t.get_text() for t in axes.texts
    ]


@pytest.mark.parametrize("how", ["pca", "tsne"])
def test_projection_keeps_groups_apart(how):
    hidden, classes = groups()
    points = project(hidden, how, 1)
    assert points.shape == (60, 2) and np.isfinite(points).all()
    assert np.array_equal(points, project(hidden, how, 1))
    centres = np.stack([points[classes == c].mean(0) for c in range(3)])
    distances = np.linalg.norm(points[:, None] - centres[None], axis=2)
    assert (distances.argmin(1) == classes).all()
    assert np.allclose(
        project(hidden * [1, 1e6, 1, 1, 1, 1, 1, 1], "pca"), project(hidden, "pca")
    )  # standardised
    for n, d in ((4, 8), (5, 2), (7, 1), (6, 100)):
        few = project(np.random.default_rng(0).normal(size=(n, d)), how)
        assert few.shape == (n, 2) and np.isfinite(few).all()
    assert project(np.ones((9, 3)), how).tolist() == [[0, 0]] * 9


def test_projections_that_cannot_be():
    for hidden, how, said in (
        (np.eye(3), "pca", "at least 4"),
        (np.eye(5), "umap", "choose pca or tsne"),
        (np.full((5, 2), np.nan), "tsne", "not finite"),
    ):
        with pytest.raises(InputError, match=said):
            project(hidden, how)


def test_scatter_colours_the_frequent_and_greys_the_rest():
    classes = np.repeat(np.arange(20), np.arange(1, 21))
    points = np.random.default_rng(0).normal(size=(len(classes), 2))
    figure = scatter_figure(points, classes, [f"c{i}" for i in range(20)], "t-SNE")
    rest, *shown = figure.axes[0].collections
    assert (
        len(rest.get_offsets()) == sum(range(1, 9))
        and to_hex(rest.get_facecolor()[0]) == PALE.lower()
    )
    assert [len(own.get_offsets()) for own in shown] == list(range(20, 8, -1))
    assert len({to_hex(own.get_facecolor()[0]) for own in shown}) == 12
    said = [t.get_text() for t in figure.axes[0].get_legend().get_texts()]
    assert said[:3] == ["8 other classes", "c19", "c18"] and len(said) == 13
    few = scatter_figure(points[:1], classes[:1], ["a"], "").axes[0]
    assert [t.get_text() for t in few.get_legend().get_texts()] == ["a"]


def test_interactive_scatter_is_escaped_and_needs_no_network(tmp_path):
    points, classes = np.arange(8).reshape(4, 2), np.array([1, 0, 1, 1])
    texts = ["doc-1 → acta: <script>alert('ñ')</script> & más " + "x " * 200, "b", "c", "d"]
    figure = interactive_scatter(points, classes, ["acta", "<b>otra</b>"], texts)
    assert [trace.name for trace in figure.data] == ["acta", "&lt;b&gt;otra&lt;/b&gt;"]
    assert list(figure.data[1].x) == [0, 4, 6] and list(figure.data[0].y) == [3]
    shown = figure.data[1].text[0]
    assert (
        shown.startswith("doc-1 → acta: &lt;script&gt;")
        and "<script" not in shown
        and len(shown) < 300
    )
    figure.write_html(tmp_path / "a.html", include_plotlyjs=True)
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert len(page) > 1_000_000 and "<script src" not in page and "alert('ñ')</script>" not in page


def test_without_plotly(monkeypatch):
    monkeypatch.setitem(sys.modules, "plotly", None)
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(InputError, match="pip install -e"):
        interactive_scatter(np.zeros((1, 2)), [0], ["a"], ["b"])


def corpus(unlabelled=2):
    features = datasets.Features(
        {
            "id": datasets.Value("string"),
            "text": datasets.Value("string"),
            "label": datasets.ClassLabel(names=["01", "NA"]),
        }
    )
    splits = datasets.DatasetDict(
        {
            split: datasets.Dataset.from_dict(
                {"id": [f"{split}-{i}" for i in range(2)], "text": ["año", ""], "label": [1, 0]},
                features=features,
            )
            for split in ("train", "test")
        }
    )
    rest = datasets.Dataset.from_dict(
        {"id": [f"u{i}" for i in range(unlabelled)], "text": ["x"] * unlabelled}
    )
    return Corpus(splits, rest, {"labels": ["01", "NA"]}, [])


def test_labelled_rows_keep_peoples_labels():
    # The model's classes need not stand in the corpus's order.
    table = label_rows(corpus(), np.array([[0.9, 0.1], [0.25, 0.75]], np.float32), ["NA", "01"])
    assert list(table.columns) == ["id", "text", "label", "source", "confidence", "split"]
    assert table["label"].tolist() == ["NA", "01", "NA", "01", "NA", "01"]
    assert table["source"].tolist() == ["human"] * 4 + ["model"] * 2
    assert table["confidence"].isna().tolist() == [True] * 4 + [False] * 2
    assert table["confidence"][4:].tolist() == pytest.approx([0.9, 0.75])
    assert table["split"].tolist() == ["train", "train", "test", "test", "unlabelled", "unlabelled"]
    assert table["id"].tolist()[3:] == ["test-1", "u0", "u1"] and table["text"][0] == "año"
    assert len(label_rows(corpus(0), np.zeros((0, 2)), ["01", "NA"])) == 4
    for shape in ((1, 2), (2, 3), (3, 2)):
        with pytest.raises(ValueError, match="probabilities of shape"):
            label_rows(corpus(), np.ones(shape), ["01", "NA"])
