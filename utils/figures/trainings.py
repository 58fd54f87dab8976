"""Figures of trainings: the curves of one, the scores of several that differ in their seed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from utils.figures.drawing import (
    BELOW,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    RED,
    SKY,
    annotate_empty,
    finalize_axes,
    new_figure,
    shortened,
)

MOST_SOURCES = 10  # colours of matplotlib's tab10
# The validation metrics of `curves_figure`, with their colours and markers.
CURVES = [("macro_f1", GREEN, "o"), ("accuracy", PURPLE, "s"), ("balanced_accuracy", SKY, "^")]


def curves_figure(
    log_history: list[dict[str, Any]],
    best_metric: str = "eval_macro_f1",
    greater_is_better: bool = True,
    unit: str = "epoch",
) -> Figure:
    """Draw a training: training and validation loss on the left, validation metrics on the right,
    by epoch.

    log_history: `trainer.state.log_history`, dicts with `epoch` and some of `loss`, `eval_loss`,
    `eval_<metric>`. With another `unit`, such as `step`, that key of theirs is the horizontal axis.
    The epoch with the best `best_metric` (with or without `eval_`; the first of equals) is marked.
    Of several evaluations at one step only the first counts: the later ones are of the best model,
    loaded again after training.
    """
    entries = [entry | {"epoch": entry[unit]} for entry in log_history if unit in entry]
    evaluations = first_evaluations(entries)
    metric = best_metric.removeprefix("eval_")
    best = best_evaluation(evaluations, f"eval_{metric}", greater_is_better)

    figure, (left, right) = new_figure(11, 4.2, columns=2)
    draw_curve(left, entries, "loss", label="training", color=BLUE)
    draw_curve(left, evaluations, "eval_loss", label="validation", color=ORANGE, marker="o")
    for name, color, marker in CURVES:
        draw_curve(right, evaluations, f"eval_{name}", label=name, color=color, marker=marker)
    for axes, what in [(left, "loss"), (right, "validation metric")]:
        axes.set(title=what.capitalize(), ylabel=what, xlabel=unit)
        if not axes.lines:
            annotate_empty(axes, f"no {what} was logged")
            continue
        if best:
            label = f"best: {unit} {best[0]:g}"
            axes.axvline(best[0], color=GREY, linestyle="--", linewidth=1, label=label)
        axes.legend(ncols=4, **BELOW)
        axes.set_xlim(left=0)
    if best:
        right.set_title(f"Validation metric (best {metric} {best[1]:.4f} at {unit} {best[0]:g})")
    return finalize_axes(figure)


def first_evaluations(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The entries with evaluations, of each step the first."""
    found: dict[float, dict[str, Any]] = {}
    for entry in entries:
        if any(key.startswith("eval_") for key in entry):
            found.setdefault(entry.get("step", entry["epoch"]), entry)
    return list(found.values())


def best_evaluation(
    evaluations: list[dict[str, Any]], key: str, greater_is_better: bool
) -> tuple[float, float] | None:
    """Return (epoch, value) of the best finite value, or None."""
    points = [
        (entry["epoch"], entry[key]) for entry in evaluations if np.isfinite(entry.get(key, np.nan))
    ]
    if not points:
        return None
    values = [value for _, value in points]
    return points[int(np.argmax(values) if greater_is_better else np.argmin(values))]


def draw_curve(axes: Axes, entries: list[dict[str, Any]], key: str, marker: str = "", **style):
    """The entries that have the key, by epoch; a line of one point gets a marker to be seen."""
    points = [(entry["epoch"], entry[key]) for entry in entries if key in entry]
    if points:
        marker = marker or ("o" if len(points) == 1 else "")
        axes.plot(*zip(*points, strict=True), marker=marker, markersize=5, **style)


def pretraining_figure(log_history: list[dict[str, Any]]) -> Figure:
    """Draw a pre-training: training and held-out loss on the left, held-out masked accuracy on the
    right, by step.

    log_history: `trainer.state.log_history`, dicts with `step` and some of `loss`, `eval_loss`,
    `eval_masked_accuracy` and `eval_<source>_masked_accuracy`.
    """
    figure, (left, right) = new_figure(11, 4.2, columns=2)
    draw_steps(left, log_history, "loss", label="training", color=BLUE)
    draw_steps(left, log_history, "eval_loss", label="held out", color=ORANGE)

    # The accuracy of all sources together, and of each.
    suffix = "_masked_accuracy"
    draw_steps(right, log_history, f"eval{suffix}", label="all", color="black", linewidth=2)
    keys = {key for entry in log_history for key in entry if key.endswith(suffix)}
    sources = sorted(keys - {f"eval{suffix}"})
    for number, key in enumerate(sources[:MOST_SOURCES]):
        label = shortened(key.removeprefix("eval_").removesuffix(suffix))
        color = colormaps["tab10"](number)
        draw_steps(right, log_history, key, label=label, color=color, linewidth=1)

    titles = {left: "loss (nats per masked piece)", right: "masked accuracy, held out"}
    for axes, title in titles.items():
        axes.set(title=title.capitalize(), xlabel="step")
        if axes.lines:
            axes.legend(ncols=3, **BELOW)
        else:
            annotate_empty(axes, "nothing was logged")
    return finalize_axes(figure)


def draw_steps(axes: Axes, entries: list[dict[str, Any]], key: str, **style):
    """The entries that have the key, by step."""
    points = [
        (entry["step"], float(entry[key])) for entry in entries if key in entry and "step" in entry
    ]
    if points:
        axes.plot(*zip(*points, strict=True), **style)


def seeds_figure(values: Mapping[str, Sequence[float]]) -> Figure:
    """Draw each metric's value of every run, with mean and standard deviation (of the sample, n -
    1).

    values: metric name to one number a run. Every metric has its own scale: seeds differ by far
    less than metrics.
    """
    lines = max(1, len(values))
    figure, panels = new_figure(8, 0.6 + 0.75 * max(2, len(values)), rows=lines, squeeze=False)
    for axes, (name, scores) in zip(panels[:, 0], values.items(), strict=False):
        axes.set_yticks([0], [shortened(name)])
        axes.set_ylim(-1, 1)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        draw_seeds(axes, np.asarray(scores, dtype=float))
    if not values:
        annotate_empty(panels[0, 0], "no run was given")
    return finalize_axes(figure)


def draw_seeds(axes: Axes, scores: np.ndarray):
    """One metric's scores (n_runs,) as points on a line, their mean in words and as a mark."""
    axes.plot(scores, np.zeros(len(scores)), "o", color=BLUE, alpha=0.6, markersize=6)
    mean = scores.mean()
    text = f"{mean:.4f} (1 run)"
    if len(scores) > 1:
        sd = scores.std(ddof=1)
        text = f"{mean:.4f} ± {sd:.4f} ({len(scores)} runs)"
        axes.errorbar(mean, 0.5, xerr=sd, fmt="|", color=RED, capsize=4, markersize=10)
    axes.text(1.02, 0.5, text, transform=axes.transAxes, va="center")
