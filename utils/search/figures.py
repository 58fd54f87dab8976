"""Figures of a search: score against gap, and score by the value of each parameter."""

import math
from statistics import fmean

import numpy as np
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from utils.figures import BLUE, GREY, ORANGE, RED, finalize_axes, new_figure, pluralize, shortened
from utils.search.space import text_of

COLUMNS = 3  # panels in a row


def trials_figure(rows: list[dict], chosen: dict, metric: str, max_gap=None, greater=True):
    """Draw every trial's score against its gap, or by its number where no gap is known; the chosen
    one is ringed.

    Args:
        rows: trials with number, score and gap (or None), at least one.
        max_gap: where given, the band of scores that may be chosen is shaded.
    """
    figure, axes = new_figure(7.5, 5)
    x = "number" if any(row["gap"] is None for row in rows) else "gap"
    scores = [row["score"] for row in rows]
    axes.plot([row[x] for row in rows], scores, "o", color=BLUE, alpha=0.7, label="trial")
    ring(axes, chosen[x], chosen["score"], size=13, label=f"chosen: trial {chosen['number']}")
    if max_gap:
        best = max(scores) if greater else min(scores)
        other = best - max_gap if greater else best + max_gap
        axes.axhspan(
            min(best, other),
            max(best, other),
            color=ORANGE,
            alpha=0.15,
            linewidth=0,
            label=f"at most {max_gap:g} from the best",
        )
    axes.set_xlabel("validation loss − train loss" if x == "gap" else "trial")
    axes.set_ylabel(f"{metric} (validation)")
    axes.set_title(f"{pluralize(len(rows), 'trial')}: {metric} {chosen['score']:.4f} chosen")
    axes.grid(color=GREY, alpha=0.2)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return finalize_axes(figure)


def parameters_figure(rows: list[dict], chosen: dict, space: dict, metric: str):
    """Draw one panel a parameter: every trial's score by its value, with the mean where values are
    listed.

    Args:
        rows: trials with parameters and score, at least one.
        space: name to a list of values or a range.
    """
    n_columns = min(COLUMNS, len(space))
    n_lines = math.ceil(len(space) / n_columns)
    figure, panels = new_figure(
        3.6 * n_columns + 0.6,
        3.4 * n_lines,
        rows=n_lines,
        columns=n_columns,
        squeeze=False,
        sharey=True,
    )
    for axes, (name, values) in zip(panels.flat, space.items(), strict=False):
        if isinstance(values, list):
            draw_values(axes, rows, chosen, name, values)
        else:
            draw_range(axes, rows, chosen, name, bool(values.get("log")))
        axes.set_title(shortened(name))
        axes.grid(color=GREY, alpha=0.2)
    for axes in panels[:, 0]:
        axes.set_ylabel(metric)
    # The last line may have more panels than there are parameters.
    for axes in panels.flat[len(space) :]:
        axes.axis("off")
    return finalize_axes(figure)


def draw_values(axes, rows: list[dict], chosen: dict, name: str, values: list):
    """Dots side by side above each value, their mean as a bar, the chosen trial ringed."""
    for place, value in enumerate(values):
        own = [row for row in rows if row["parameters"][name] == value]
        if not own:
            continue
        scores = [row["score"] for row in own]
        # Spread over 0.3 to both sides of the value's place, so that equal scores do not hide
        # one another.
        places = np.linspace(place - 0.3, place + 0.3, len(own)) if len(own) > 1 else [place]
        axes.plot(places, scores, "o", color=BLUE, alpha=0.5, markersize=5)
        axes.hlines(fmean(scores), place - 0.38, place + 0.38, color=ORANGE, linewidth=2.5)
        if chosen in own:
            ring(axes, places[own.index(chosen)], chosen["score"])
    axes.set_xticks(range(len(values)), [shortened(text_of(value), 14) for value in values])
    axes.set_xlim(-0.6, len(values) - 0.4)


def draw_range(axes, rows: list[dict], chosen: dict, name: str, logarithmic: bool):
    """A dot a trial, the chosen one ringed."""
    values = [row["parameters"][name] for row in rows]
    scores = [row["score"] for row in rows]
    axes.plot(values, scores, "o", color=BLUE, alpha=0.5, markersize=5)
    ring(axes, chosen["parameters"][name], chosen["score"])
    if logarithmic:
        axes.set_xscale("log")
        # matplotlib would write powers of ten as formulas, and label nothing within one decade.
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 3), numticks=8))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())


def ring(axes, x: float, y: float, size: int = 11, label: str | None = None):
    """Mark the chosen trial."""
    axes.plot(x, y, "o", color=RED, markersize=size, fillstyle="none", mew=2, label=label)
