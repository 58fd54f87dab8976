"""What all figures share: colours, names, axes, and how a figure is finished and saved.

Figures are made by the object API, without pyplot and without touching rcParams, so that notebooks,
threads and servers can draw side by side. Class names are shown as they are, never parsed as
mathtext; long ones are shortened in the middle.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

# Okabe & Ito's colours, told apart under every common colour blindness.
BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
RED = "#D55E00"
PURPLE = "#CC79A7"
SKY = "#56B4E9"
GREY = "#666666"
PALE = "#D9D9D9"
FONT = "DejaVu Sans"  # comes with matplotlib; has ñ, accents, the arrow and the ellipsis
DPI = 150
NAME_WIDTH = 34  # characters of a class name
# The legend of a panel, below its axes.
BELOW: dict[str, Any] = {
    "frameon": False,
    "loc": "upper center",
    "bbox_to_anchor": (0.5, -0.14),
    "columnspacing": 1,
}


def new_figure(width: float, height: float, rows=1, columns=1, **options) -> tuple[Figure, Any]:
    """Return (figure, axes) of a size in inches, axes without upper and right spine.

    The axes are one, or an array of rows and columns; options: see `Figure.subplots`.
    """
    figure = Figure(figsize=(width, height), layout="constrained", dpi=100)
    axes = figure.subplots(rows, columns, **options)
    for one in np.ravel(axes):
        one.spines[["top", "right"]].set_visible(False)
        one.tick_params(labelfontfamily=FONT)
    return figure, axes


def finalize_axes(figure: Figure) -> Figure:
    """Return the finished figure: laid out, its text in a font that is always there, `$` and `_` as
    they are.
    """
    for text in figure.findobj(Text):
        text.set(fontfamily=FONT, parse_math=False, usetex=False)
    # A second pass of the layout would move square axes a little more: the same figure must save to
    # the same bytes.
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def save_figure(figure: Figure, path: str | Path):
    """Write a figure to path as png; the same data gives the same bytes (no date, no version in its
    metadata).
    """
    figure.savefig(
        path,
        format="png",
        dpi=DPI,
        facecolor="white",
        metadata={"Software": None},
        # The tight box keeps labels that the layout of a square image pushes out of the page, and
        # drops empty margins.
        bbox_inches="tight",
        pad_inches=0.12,
    )


def annotate_empty(axes: Axes, text: str):
    """Write a sentence where there is nothing to draw."""
    axes.set(xticks=[], yticks=[])
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY)


def format_counts(axis: Axis, label: str):
    """Give an axis of counts whole numbers, with commas, and a label."""
    axis.set_major_locator(MaxNLocator(4, integer=True))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.set_label_text(label)


def shortened(name: object, width: int = NAME_WIDTH) -> str:
    """Return a name on one line of at most `width` characters, the middle replaced by … where it is
    longer.
    """
    name = " ".join(str(name).split())
    if len(name) <= width:
        return name
    head = width // 2
    tail = width - head - 1
    return f"{name[:head].rstrip()}…{name[len(name) - tail :].lstrip()}"


def longest_name(names: Iterable[object]) -> int:
    """Characters of the longest name as it is shown."""
    return max((len(shortened(name)) for name in names), default=0)


def pluralize(number: int, noun: str) -> str:
    """Return `1 row`, `1,234 rows`, `2 classes`."""
    if number == 1:
        return f"{number:,} {noun}"
    return f"{number:,} {noun}{'es' if noun.endswith('s') else 's'}"
