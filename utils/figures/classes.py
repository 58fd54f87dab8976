"""Figures of classes: how they are confused, how well each is found, how frequent they are."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import StrMethodFormatter
from numpy.typing import ArrayLike

from utils.figures.drawing import (
    BLUE,
    GREY,
    PALE,
    RED,
    SKY,
    annotate_empty,
    finalize_axes,
    format_counts,
    longest_name,
    new_figure,
    pluralize,
    shortened,
)

SHARES = colormaps["Blues"].with_extremes(bad=PALE)
NUMBERED = 20  # classes up to which the cells of a confusion matrix have numbers
LABELLED = 60  # classes up to which its axes have names
CONFUSIONS = 15  # pairs in its side panel


def confusion_matrix_figure(counts: ArrayLike, class_names: Sequence[str]) -> Figure:
    """Draw the confusion matrix, coloured by share of the true class.

    counts: (C, C) rows by truth and prediction (`utils.metrics.confusion_counts`). Up to 20 classes
    have numbers in the cells, up to 60 their names at the axes; above, a side panel lists the 15
    most frequent confusions. The row of a class without examples is grey (and hatched where it has
    a name), not zero. Raises ValueError when the class names do not fit the counts.
    """
    counts = np.asarray(counts)
    n = len(class_names)
    if counts.shape != (n, n):
        raise ValueError(f"{n} class names do not fit counts of shape {counts.shape}")
    support = counts.sum(axis=1, keepdims=True)
    shares = np.ma.masked_invalid(counts / np.where(support > 0, support, np.nan))

    # The page is as large as names and numbers need.
    if n > LABELLED:
        figure, (axes, panel) = new_figure(14, 8.6, columns=2, width_ratios=[2, 1])
        list_confusions(panel, counts, class_names)
    else:
        font_size, inches_per_class = (7.5, 0.24) if n > NUMBERED else (9, 0.58)
        side = max(2.6, n * inches_per_class) + 0.011 * font_size * longest_name(class_names)
        figure, axes = new_figure(side + 1.6, side + 0.7)
        name_classes(axes, class_names, font_size)
        hatch_rows(axes, np.flatnonzero(support == 0), n)
    if n <= NUMBERED:
        number_cells(axes, counts, shares)

    # The square root lets rare confusions show where cells are tiny.
    norm = PowerNorm(0.5 if n > NUMBERED else 1, vmin=0, vmax=1)
    image = axes.imshow(shares, cmap=SHARES, norm=norm, aspect="equal")
    figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02, format=StrMethodFormatter("{x:.1f}"))
    empty = int((support == 0).sum())
    without = f"\n(grey: {pluralize(empty, 'class')} without examples)" if empty else ""
    axes.set_xlabel(f"prediction{without}")
    axes.set_ylabel(f"truth ({pluralize(n, 'class')})")
    axes.set_title(f"Share of each true class, {pluralize(support.sum(), 'row')}")
    return finalize_axes(figure)


def list_confusions(panel: Axes, counts: np.ndarray, class_names: Sequence[str]):
    """Write the most frequent confusions beside a matrix whose axes have no room for names."""
    panel.axis("off")
    panel.set_title("Most frequent confusions", loc="left")
    wrong = counts * ~np.eye(len(counts), dtype=bool)
    cells = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSIONS]
    for line, cell in enumerate(cells):
        truth, prediction = np.unravel_index(cell, counts.shape)
        if wrong[truth, prediction]:
            text = (
                f"{shortened(class_names[truth], 40)}\n"
                f"   → {shortened(class_names[prediction], 40)}: {wrong[truth, prediction]:,}"
            )
            y = 1 - (line + 0.2) / CONFUSIONS
            panel.text(0, y, text, fontsize=9, va="top", linespacing=1.25)
    if not wrong.any():
        panel.text(0, 0.98, "none: every row is right", va="top")


def name_classes(axes: Axes, class_names: Sequence[str], font_size: float):
    """Write the class names at both axes, turned further where there are many."""
    names = [shortened(name) for name in class_names]
    few = len(names) <= NUMBERED
    axes.set_xticks(
        range(len(names)),
        names,
        rotation=45 if few else 90,
        ha="right",
        va="top" if few else "center_baseline",
        rotation_mode="anchor",
        fontsize=font_size,
    )
    axes.set_yticks(range(len(names)), names, fontsize=font_size)


def hatch_rows(axes: Axes, rows: np.ndarray, n: int):
    """Hatch rows of a matrix of n columns, so that grey is told from a pale share."""
    for row in rows:
        axes.add_patch(
            Rectangle(
                (-0.5, row - 0.5), n, 1, fill=False, hatch="////", edgecolor="white", linewidth=0
            )
        )


def number_cells(axes: Axes, counts: np.ndarray, shares: np.ndarray):
    """Write each cell's share in percent, and the count below it where there is room."""
    has_room = len(counts) <= 12
    for row, column in zip(*np.nonzero(counts), strict=True):
        share = shares[row, column]
        text = f"{share:.0%}\n{counts[row, column]:,}" if has_room else f"{100 * share:.0f}"
        color = "white" if share > 0.5 else "black"
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=color)


def per_class_figure(table: list[dict[str, Any]], most: int = 30) -> Figure:
    """Draw F1 as bars with precision and recall as marks and the support beside, the worst class on
    top.

    table: rows of `utils.metrics.per_class_table`. Of more than `most` classes the worst are drawn,
    and the title says so; classes without rows are counted in the title only.
    """
    present = sorted((row for row in table if row["support"]), key=by_rising_f1)
    rows = present[:most]
    names = [row["class"] for row in rows]
    places = range(len(rows))
    figure, axes = new_figure(6.4 + 0.09 * longest_name(names), 1.3 + 0.25 * max(3, len(rows)))
    axes.set_title(per_class_title(len(rows), len(present), len(table)))
    if not rows:
        annotate_empty(axes, "no class has rows")
        return finalize_axes(figure)

    axes.barh(places, [row["f1"] for row in rows], color=SKY, label="F1")
    precisions = [row["precision"] for row in rows]
    recalls = [row["recall"] for row in rows]
    axes.plot(precisions, places, "|", color=BLUE, markersize=9, mew=2, label="precision")
    axes.plot(recalls, places, "o", color=RED, markersize=4, label="recall")
    for place, row in zip(places, rows, strict=True):
        text = f"{row['f1']:.2f}   {pluralize(row['support'], 'row')}"
        axes.text(1.03, place, text, va="center", fontsize=8)
    axes.set_yticks(places, [shortened(name) for name in names], fontsize=9)
    axes.set_ylim(max(3, len(rows)) - 0.4, -0.6)
    axes.set_xlim(0, 1.02)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return finalize_axes(figure)


def per_class_title(n_drawn: int, n_present: int, n_classes: int) -> str:
    """What is drawn of how many classes, and how many have no rows."""
    title = "F1 per class"
    if n_present > n_drawn:
        title = f"F1 of the {n_drawn} worst of {n_present} classes"
    absent = n_classes - n_present
    return title + (f" ({absent} without rows left out)" if absent else "")


def by_rising_f1(row: dict[str, Any]) -> tuple:
    return row["f1"], -row["support"], row["class"]


def class_frequencies_figure(
    counts_by_split: Mapping[str, Mapping[str, int]], top: int = 10
) -> Figure:
    """Draw rows per class as bars, one column of bars a split: all classes, or the `top` most and
    least frequent.

    counts_by_split: split name to {class name: rows}; a class of no row is drawn where it is listed
    with 0.
    """
    bars_by_split = {split: extremes(counts, top) for split, counts in counts_by_split.items()}
    n_splits = max(1, len(bars_by_split))
    n_bars = max((len(bars) for bars in bars_by_split.values()), default=1)
    longest = max((longest_name(counts) for counts in counts_by_split.values()), default=0)
    width = (2.6 + 0.095 * longest) * n_splits
    figure, panels = new_figure(width, 1.2 + 0.24 * n_bars, columns=n_splits, squeeze=False)
    for axes, (split, bars) in zip(panels[0], bars_by_split.items(), strict=False):
        counts = counts_by_split[split]
        size = f"{pluralize(sum(counts.values()), 'row')}, {pluralize(len(counts), 'class')}"
        axes.set_title(f"{split}: {size}")
        draw_frequencies(axes, bars, len(counts) - 2 * top)
    if not bars_by_split:
        annotate_empty(panels[0, 0], "no split was given")
    return finalize_axes(figure)


def extremes(counts: Mapping[str, int], top: int) -> list[tuple[str, int] | None]:
    """Return [(name, rows)] in falling order; with None for the gap when classes between the
    extremes are left out.
    """
    ordered: list[tuple[str, int] | None] = [*sorted(counts.items(), key=by_falling_count)]
    if len(ordered) <= 2 * top:
        return ordered
    return [*ordered[:top], None, *ordered[-top:]]


def by_falling_count(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]


def draw_frequencies(axes: Axes, bars: list[tuple[str, int] | None], hidden: int):
    """Draw the bars of `extremes`; `hidden` classes are left out in their gap."""
    if not bars:
        annotate_empty(axes, "no row in this split")
        return
    places = [place for place, bar in enumerate(bars) if bar]
    names = [bar[0] for bar in bars if bar]
    rows = [bar[1] for bar in bars if bar]
    drawn = axes.barh(places, rows, color=BLUE)
    axes.bar_label(drawn, [f"{n:,}" for n in rows], padding=3, fontsize=8)
    axes.set_yticks(places, [shortened(name) for name in names], fontsize=9)
    if None in bars:
        text = f"   … {pluralize(hidden, 'class')} between …"
        axes.text(0, bars.index(None), text, va="center", color=GREY, fontsize=8)
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xlim(0, max(1, *rows) * 1.18)
    format_counts(axes.xaxis, "rows")
