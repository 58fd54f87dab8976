"""Figures of a workflow, of a comparison and of drift; drawn as `utils.figures` draws."""

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from utils.figures import (
    BLUE,
    GREY,
    ORANGE,
    RED,
    SKY,
    annotate_empty,
    finalize_axes,
    new_figure,
    pluralize,
    shortened,
)

METRIC_TITLES = {
    "macro_f1": "macro-F1",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "log_loss": "log loss",
    "ece": "ECE",
}


def over_time_figure(periods: list[dict]):
    """Draw accuracy by period with its interval, and the number of documents below.

    periods: dicts of period, documents, accuracy and interval (`wf_metrics.scoring.over_time`).
    """
    figure, (axes, below) = new_figure(
        max(6, min(14, 2 + 0.3 * len(periods))), 5, rows=2, sharex=True, height_ratios=[3, 1]
    )
    if not periods:
        annotate_empty(axes, "no document has a time")
        annotate_empty(below, "")
        return finalize_axes(figure)
    x, accuracy = np.arange(len(periods)), np.array([p["accuracy"] for p in periods])
    low, high = np.array([p["interval"] for p in periods]).T
    axes.errorbar(
        x,
        accuracy,
        yerr=[np.maximum(0, accuracy - low), np.maximum(0, high - accuracy)],
        fmt="o-",
        color=BLUE,
        ecolor=SKY,
        capsize=3,
        markersize=4,
        linewidth=1,
    )
    axes.set(ylim=(0, 1.02), ylabel="accuracy")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="y", color=GREY, alpha=0.2)
    documents = pluralize(sum(p["documents"] for p in periods), "document")
    axes.set_title(f"Accuracy over time, 95 % intervals ({documents})")
    below.bar(x, [p["documents"] for p in periods], color=GREY)
    below.set_ylabel("documents")
    step = max(1, len(periods) // 20)
    below.set_xticks(
        x[::step], [p["period"] for p in periods][::step], rotation=45, ha="right", fontsize=8
    )
    return finalize_axes(figure)


def leaderboard_figure(rows: list[dict], metric: str):
    """Draw each model's score with its interval, the best on top.

    rows: dicts of model, the metric, and intervals[metric] ([low, high]).
    """
    figure, axes = new_figure(8, 1.3 + 0.36 * max(2, len(rows)))
    places = np.arange(len(rows))
    values = np.array([row[metric] for row in rows])
    low, high = np.array([row["intervals"][metric] for row in rows]).T
    axes.errorbar(
        values,
        places,
        xerr=[np.maximum(0, values - low), np.maximum(0, high - values)],
        fmt="o",
        color=BLUE,
        ecolor=SKY,
        elinewidth=3,
        markersize=6,
    )
    for place, value in zip(places, values, strict=True):
        axes.annotate(
            f"{value:.3f}",
            (value, place),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=8,
        )
    axes.set_yticks(places, [shortened(row["model"]) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(f"{METRIC_TITLES[metric]}, 95 % interval")
    axes.grid(axis="x", color=GREY, alpha=0.2)
    return finalize_axes(figure)


def cost_figure(rows: list[dict], metric: str, costs: dict[str, str]):
    """Draw the score against each cost that at least one model states, two panels a line, on
    logarithmic axes.

    rows: dicts of model, the metric and some of the costs, the best first. costs: key to axis
    label.
    """
    known = [(key, label) for key, label in costs.items() if any(row[key] for row in rows)]
    lines = max(1, (len(known) + 1) // 2)
    figure, panels = new_figure(
        11, 0.6 + 3.4 * lines, rows=lines, columns=2, squeeze=False, sharey=True
    )
    for axes, (key, label) in zip(panels.flat, known, strict=False):
        stated = [row for row in rows if row[key]]
        for row in stated:
            axes.plot(row[key], row[metric], "o", color=ORANGE if row is rows[0] else BLUE)
            axes.annotate(
                shortened(row["model"], 22),
                (row[key], row[metric]),
                xytext=(6, 5),
                textcoords="offset points",
                fontsize=9,
            )
        axes.set_xscale("log")
        values = sorted({row[key] for row in stated})
        axes.set_xlim(values[0] / 2, values[-1] * 4)
        axes.xaxis.set_major_locator(LogLocator(numticks=6))
        axes.xaxis.set_major_formatter(FuncFormatter(plain_number))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(y=0.2)
        axes.set_xlabel(f"{label} (logarithmic)")
        axes.set_ylabel(METRIC_TITLES[metric])
        axes.grid(color=GREY, alpha=0.2)
    for axes in panels.flat[len(known) :]:
        axes.axis("off")
    if not known:
        annotate_empty(panels[0, 0], "no run says what it costs")
    return finalize_axes(figure)


def plain_number(value: float, _=None) -> str:
    """1e6 as 1,000,000 and 0.1 as 0.1, never as a power."""
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"


def shares_figure(rows: list[dict], most: int = 25):
    """Draw each class's share in the reference and now, the largest change on top.

    rows: dicts of class, reference_share and current_share, in falling order of change.
    """
    shown = rows[:most]
    figure, axes = new_figure(8, 1.4 + 0.34 * max(2, len(shown)))
    places = np.arange(len(shown))
    axes.barh(
        places - 0.2, [row["reference_share"] for row in shown], 0.38, color=GREY, label="reference"
    )
    axes.barh(places + 0.2, [row["current_share"] for row in shown], 0.38, color=SKY, label="now")
    axes.set_yticks(places, [shortened(row["class"]) for row in shown], fontsize=9)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    left = f" ({len(rows) - most} more, less changed)" if len(rows) > most else ""
    axes.set_xlabel("share of the documents")
    axes.set_title(f"Class shares{left}")
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    return finalize_axes(figure)


def confidence_figure(reference, current):
    """Draw the cumulative distributions of two sets of confidences, (n,) and (m,), and the widest
    gap between them.
    """
    figure, axes = new_figure(7, 4.2)
    grid = np.sort(np.concatenate([reference, current]))
    steps = [
        np.searchsorted(np.sort(values), grid, side="right") / len(values)
        for values in (reference, current)
    ]
    widest = int(np.argmax(np.abs(steps[0] - steps[1])))
    keep = np.unique(np.linspace(0, len(grid) - 1, min(2000, len(grid))).astype(int))
    for values, name, color in (
        (steps[0], f"reference ({len(reference):,})", GREY),
        (steps[1], f"now ({len(current):,})", BLUE),
    ):
        axes.step(grid[keep], values[keep], where="post", color=color, label=name)
    axes.plot(
        [grid[widest]] * 2, [steps[0][widest], steps[1][widest]], color=RED, label="widest gap (KS)"
    )
    axes.set(
        xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence", ylabel="share of documents at or below it"
    )
    axes.legend(frameon=False)
    return finalize_axes(figure)
