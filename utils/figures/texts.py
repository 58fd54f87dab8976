"""Figures of a corpus's texts."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, StrMethodFormatter
from numpy.typing import ArrayLike

from utils.figures.drawing import (
    RED,
    SKY,
    annotate_empty,
    finalize_axes,
    format_counts,
    new_figure,
    pluralize,
)

MOST_BINS = 60


def lengths_figure(lengths_by_split: Mapping[str, ArrayLike]) -> Figure:
    """Draw histograms of words per text, one panel a split over shared bins, with median and 95th
    percentile.

    lengths_by_split: split name to n word counts. The axis is logarithmic where few texts are much
    longer than the median (99th percentile above 8 times or the longest above 20 times); an empty
    text is counted as 1 word there.
    """
    lengths = {split: np.asarray(values, dtype=float) for split, values in lengths_by_split.items()}
    together = np.concatenate([np.empty(0), *lengths.values()])
    median, p99, longest = np.percentile(together, [50, 99, 100]) if together.size else (1, 1, 1)
    logarithmic = p99 > 8 * max(1, median) or longest > 20 * max(1, median)
    bins = np.linspace(-0.5, longest + 0.5, min(MOST_BINS, int(longest) + 1) + 1)
    if logarithmic:
        bins = np.geomspace(1, longest + 1, 50)

    rows = max(1, len(lengths))
    figure, panels = new_figure(8, 1 + 1.9 * rows, rows=rows, squeeze=False, sharex=True)
    for axes, (split, values) in zip(panels[:, 0], lengths.items(), strict=False):
        axes.set_title(f"{split}: {pluralize(len(values), 'text')}", loc="left")
        draw_lengths(axes, np.maximum(values, 1) if logarithmic else values, bins)
        if logarithmic:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
    if not lengths:
        annotate_empty(panels[0, 0], "no split was given")
    panels[-1, 0].set_xlabel("words per text" + (" (logarithmic)" if logarithmic else ""))
    return finalize_axes(figure)


def draw_lengths(axes: Axes, values: np.ndarray, bins: np.ndarray):
    """One split's histogram of word counts (n,), with its median and 95th percentile."""
    if not values.size:
        annotate_empty(axes, "no text in this split")
        return
    axes.hist(values, bins=list(bins), color=SKY)
    for percentile, name, style in [(50, "median", "-"), (95, "95th percentile", "--")]:
        place = np.percentile(values, percentile)
        axes.axvline(place, color=RED, linestyle=style, label=f"{name} {place:,.0f}")
    axes.legend(frameon=False)
    format_counts(axes.yaxis, "texts")
