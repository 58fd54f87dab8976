"""Every figure at few and many classes: it renders without a warning, alike every time, and says
what it must.
"""

import os
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image

from utils import figures
from utils.figures import drawing, shortened
from utils.metrics import confusion_counts, per_class_table, softmax

pytestmark = pytest.mark.filterwarnings("error")
ROOT = Path(__file__).resolve().parents[3]
LONG = "Comunicación del cambio de titularidad de la cuenta de nómina"  # 61 characters


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    monkeypatch.setattr(drawing, "DPI", 60)  # half the time of the tests


def names(n):
    special = ["año_niñez", "precio $x_1$ y $", "100 % \\frac{", LONG, "dos\nlíneas"]
    return (special + [f"categoría {i}" for i in range(n)])[:n]


def drawn(n_classes, seed=0, skip=None):
    """Labels (never `skip`) and probabilities that are mostly right."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(np.delete(np.arange(n_classes), skip or []), min(10 * n_classes, 1500))
    logits = rng.normal(size=(len(labels), n_classes))
    logits[np.arange(len(labels)), labels] += 3
    return labels, softmax(logits)


def texts(figure):
    return [
        text.get_text() for text in figure.findobj(Text) if text.get_visible() and text.get_text()
    ]


def said(figure):
    return "\n".join(texts(figure))


def confusion(n, skip=None):
    labels, probabilities = drawn(n, skip=skip)
    counts = confusion_counts(labels, probabilities.argmax(1), n)
    return figures.confusion_matrix_figure(counts, names(n))


def frequencies(n):
    counts = {name: 3 * i for i, name in enumerate(names(n))}
    return figures.class_frequencies_figure(
        {"train": counts, "test": dict(list(counts.items())[:30])}
    )


def per_class(n):
    return figures.per_class_figure(per_class_table(*drawn(n), names(n)))


def calibration(n):
    return figures.calibration_figure(*drawn(n))


def saved(figure, path):
    figures.save_figure(figure, path)
    return path.read_bytes()


@pytest.mark.parametrize("n", [2, 12, 45, 632])
@pytest.mark.parametrize("draw", [confusion, frequencies, per_class, calibration])
def test_figures_of_classes_render_whole_and_alike(tmp_path, draw, n):
    figure = draw(n)
    assert isinstance(figure, Figure)
    first = saved(figure, tmp_path / "1.png")
    if n == 12:
        assert first == saved(figure, tmp_path / "2.png")
    pixels = np.asarray(Image.open(tmp_path / "1.png").convert("L"))
    assert min(pixels.shape) > 80
    assert pixels.std() > 5
    # Nothing is cut: the border that was asked for is white all around.
    assert min(pixels[:5].min(), pixels[-5:].min(), pixels[:, :5].min(), pixels[:, -5:].min()) > 250


def test_two_drawings_of_the_same_data_are_the_same_file(tmp_path):
    assert saved(confusion(5), tmp_path / "1.png") == saved(confusion(5), tmp_path / "2.png")
    assert saved(confusion(5), tmp_path / "1.png") != saved(
        confusion(5, skip=3), tmp_path / "2.png"
    )
    assert b"matplotlib" not in (tmp_path / "1.png").read_bytes().lower()


@pytest.mark.parametrize("draw", [confusion, frequencies, per_class])
@pytest.mark.parametrize("n", [5, 20])
def test_every_class_is_named_as_it_is(draw, n):
    figure = draw(n)
    missing = {shortened(name) for name in names(n)}.difference(texts(figure))
    assert not missing
    assert not any(text.get_parse_math() or text.get_usetex() for text in figure.findobj(Text))
    assert {text.get_fontfamily()[0] for text in figure.findobj(Text)} == {"DejaVu Sans"}


def test_names_are_shortened_in_the_middle():
    assert shortened(LONG, 20) == "Comunicaci…de nómina"
    assert shortened("corto") == "corto"
    assert shortened("dos\n líneas") == "dos líneas"
    assert {len(shortened("x" * n, 20)) for n in (21, 22, 60)} == {20}


def test_confusion_cells_hold_share_and_count():
    figure = figures.confusion_matrix_figure([[3, 1], [0, 0]], ["a", "ñ"])
    assert {"75%\n3", "25%\n1", "a", "ñ"} <= set(texts(figure))
    image = figure.axes[0].images[0].get_array()
    assert image.mask.tolist() == [[False, False], [True, True]]
    assert image[0].tolist() == [0.75, 0.25]
    assert [patch.get_hatch() for patch in figure.axes[0].patches] == ["////"]
    assert "grey: 1 class without examples" in said(figure)
    with pytest.raises(ValueError, match="3 class names"):
        figures.confusion_matrix_figure([[3, 1], [0, 0]], ["a", "b", "c"])


def test_confusion_matrix_without_any_row(tmp_path):
    assert saved(
        figures.confusion_matrix_figure(np.zeros((3, 3), int), list("abc")), tmp_path / "1.png"
    )


def test_confusions_of_many_classes_are_listed():
    counts = 5 * np.eye(100, dtype=int)
    counts[7, 3], counts[0, 99] = 1234, 8
    figure = figures.confusion_matrix_figure(counts, [f"ñ {i}" for i in range(100)])
    listed = [text for text in texts(figure) if "→" in text]
    assert [" ".join(text.split()) for text in listed] == ["ñ 7 → ñ 3: 1,234", "ñ 0 → ñ 99: 8"]
    assert "ñ 50" not in texts(figure)
    assert len([text for text in texts(confusion(61)) if "→" in text]) == 15
    assert "none: every row is right" in texts(
        figures.confusion_matrix_figure(np.eye(100, dtype=int), names(100))
    )


def test_frequencies_show_the_extremes():
    counts = {f"c{i}": i for i in range(50)}
    figure = figures.class_frequencies_figure({"train": counts, "test": {"á": 2, "b": 7}}, top=3)
    train, test = figure.axes
    assert [label.get_text() for label in train.get_yticklabels()] == [
        "c49",
        "c48",
        "c47",
        "c2",
        "c1",
        "c0",
    ]
    assert [bar.get_width() for bar in train.patches] == [49, 48, 47, 2, 1, 0]
    assert "… 44 classes between …" in said(figure)
    assert [label.get_text() for label in test.get_yticklabels()] == ["b", "á"]
    assert {"train: 1,225 rows, 50 classes", "test: 9 rows, 2 classes"} <= set(texts(figure))


def test_per_class_shows_the_worst_and_says_so():
    table = [
        {
            "class": f"c{i}",
            "precision": i / 50,
            "recall": i / 50,
            "f1": i / 50,
            "support": 2,
            "predicted": 2,
        }
        for i in range(40)
    ]
    table.append(
        {
            "class": "vacía",
            "precision": None,
            "recall": None,
            "f1": None,
            "support": 0,
            "predicted": 0,
        }
    )
    figure = figures.per_class_figure(table)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == [
        f"c{i}" for i in range(30)
    ]
    assert "F1 of the 30 worst of 40 classes (1 without rows left out)" in texts(figure)
    assert "0.02   2 rows" in texts(figure)
    assert "F1 per class (1 without rows left out)" in texts(
        figures.per_class_figure(table, most=40)
    )
    assert "no class has rows" in texts(figures.per_class_figure(table[-1:]))


def log():
    entries = [
        {"loss": 1 / step, "learning_rate": 1e-5, "epoch": step / 2, "step": step}
        for step in range(1, 7)
    ]
    scores = [(0.5, 0.9), (0.8, 0.5), (0.7, 0.6)]
    evaluations = [
        {
            "eval_macro_f1": f1,
            "eval_loss": loss,
            "eval_accuracy": f1,
            "epoch": float(i),
            "step": 2 * i,
        }
        for i, (f1, loss) in enumerate(scores, 1)
    ]
    # The best model is evaluated again at the end.
    last = [
        {"train_loss": 0.3, "epoch": 3.0, "step": 6},
        {"eval_macro_f1": 0.8, "epoch": 3.0, "step": 6},
    ]
    return [*entries, *evaluations, *last]


def lines(axes):
    return {line.get_label(): np.transpose(line.get_data()).tolist() for line in axes.lines}


def test_curves_show_losses_metrics_and_the_best_epoch():
    loss, metric = figures.curves_figure(log()).axes
    assert lines(loss)["training"] == [[step / 2, 1 / step] for step in range(1, 7)]
    assert lines(loss)["validation"] == [[1, 0.9], [2, 0.5], [3, 0.6]]
    assert lines(metric)["macro_f1"] == lines(metric)["accuracy"] == [[1, 0.5], [2, 0.8], [3, 0.7]]
    assert "balanced_accuracy" not in lines(metric)
    assert "best: epoch 2" in lines(loss)
    assert "best: epoch 2" in lines(metric)


@pytest.mark.parametrize("metric", ["loss", "eval_loss"])
def test_the_best_metric_can_be_another(metric):
    def marks(greater):
        return said(figures.curves_figure(log(), best_metric=metric, greater_is_better=greater))

    assert "best loss 0.5000 at epoch 2" in marks(False)
    assert "best loss 0.9000 at epoch 1" in marks(True)
    assert "best" not in said(figures.curves_figure(log(), best_metric="unknown"))


def test_the_best_epoch_is_never_a_nan():
    history = [
        {"eval_macro_f1": f1, "epoch": epoch, "step": epoch}
        for epoch, f1 in [(1, float("nan")), (2, 0.1)]
    ]
    assert "best: epoch 2" in lines(figures.curves_figure(history).axes[1])


@pytest.mark.parametrize(
    ("history", "words"),
    [
        ([], ["no loss was logged", "no validation metric was logged"]),
        (log()[:6], ["no validation metric was logged"]),
        (log()[6:7], ["best macro_f1 0.5000 at epoch 1"]),
        ([{"eval_loss": 1.0, "eval_accuracy": 0.1, "epoch": 0, "step": 0}], ["accuracy"]),
    ],
)
def test_curves_of_little(tmp_path, history, words):
    figure = figures.curves_figure(history)
    assert all(word in said(figure) for word in words)
    assert saved(figure, tmp_path / "1.png")


def test_lengths_mark_median_and_percentile(tmp_path):
    figure = figures.lengths_figure({"train": range(1, 101), "test": [5, 5, 6], "vacío": []})
    assert "median 50" in said(figure)
    assert "95th percentile 95" in said(figure)
    assert "no text in this split" in texts(figure)
    assert {axes.get_xscale() for axes in figure.axes} == {"linear"}
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == pytest.approx(100)
    assert saved(figure, tmp_path / "1.png")


def test_lengths_with_a_long_tail_are_logarithmic(tmp_path):
    figure = figures.lengths_figure({"train": [0] + [10] * 99 + [5000]})
    assert figure.axes[0].get_xscale() == "log"
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == 101
    assert "words per text (logarithmic)" in texts(figure)
    assert saved(figure, tmp_path / "1.png")


def test_calibration_shows_bins_and_error():
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.3, 0.7], [0.35, 0.65]], dtype=np.float32)
    figure = figures.calibration_figure([0, 1, 1, 1], probabilities)
    assert "Calibration: ECE 0.3625 (15 bins, 4 rows)" in texts(figure)
    above, below = figure.axes
    assert {i: bar.get_height() for i, bar in enumerate(below.patches) if bar.get_height()} == {
        9: 1,
        10: 1,
        13: 2,
    }
    accuracy = {i: bar.get_height() for i, bar in enumerate(above.patches) if bar.get_height() > 0}
    assert accuracy == {9: 1, 10: 1, 13: 0.5}


def test_seeds_show_mean_and_deviation(tmp_path):
    figure = figures.seeds_figure({"macro_f1": [0.8, 0.9], "log_loss": [0.3, 0.3], "ece": [0.02]})
    assert {"0.8500 ± 0.0707 (2 runs)", "0.3000 ± 0.0000 (2 runs)", "0.0200 (1 run)"} <= set(
        texts(figure)
    )
    assert figure.axes[0].lines[0].get_xdata().tolist() == [0.8, 0.9]
    assert saved(figure, tmp_path / "1.png")


@pytest.mark.parametrize(
    "draw", [figures.class_frequencies_figure, figures.lengths_figure, figures.seeds_figure]
)
def test_nothing_to_draw_is_said(tmp_path, draw):
    figure = draw({})
    assert "was given" in said(figure)
    assert saved(figure, tmp_path / "1.png")


def test_no_pyplot_and_no_setting_is_touched():
    code = (
        "import sys, matplotlib as mpl, utils.figures as f\n"
        "before = dict(mpl.rcParams)\n"
        "f.save_figure(f.seeds_figure({'a': [1, 2]}), sys.argv[1])\n"
        "print('matplotlib.pyplot' in sys.modules, before == dict(mpl.rcParams))\n"
    )
    environment = os.environ | {"MPLBACKEND": "Agg"}
    command = [sys.executable, "-c", code, os.devnull]
    assert subprocess.check_output(command, text=True, cwd=ROOT, env=environment).split() == [
        "False",
        "True",
    ]


def test_a_users_tex_setting_does_not_reach_the_labels(tmp_path):
    with mpl.rc_context({"text.usetex": True, "font.family": "serif"}):
        assert saved(confusion(2), tmp_path / "1.png")
