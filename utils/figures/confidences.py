"""Figures of how far confidences can be trusted."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from utils.figures.drawing import (
    BLUE,
    GREY,
    ORANGE,
    SKY,
    annotate_empty,
    finalize_axes,
    format_counts,
    new_figure,
    pluralize,
)
from utils.metrics import CALIBRATION_BINS, calibration_bins, expected_calibration_error, top_labels


def calibration_figure(labels: ArrayLike, probabilities: ArrayLike) -> Figure:
    """Draw the reliability diagram of the top label over 15 bins, its ECE in the title, confidences
    below.

    labels: (n,) integers. probabilities: (n, C). Bins and ECE are those of `utils.metrics`.
    """
    predictions, confidence = top_labels(np.asarray(probabilities))
    correct = predictions == np.asarray(labels)
    rows, accuracy, mean_confidence = calibration_bins(confidence, correct)
    error = expected_calibration_error(confidence, correct)

    # Above, accuracy and mean confidence of each bin.
    figure, (axes, below) = new_figure(5.6, 7.2, rows=2, sharex=True, height_ratios=[3, 1])
    edges = np.arange(CALIBRATION_BINS) / CALIBRATION_BINS
    bars = {"width": 1 / CALIBRATION_BINS, "align": "edge", "edgecolor": "white"}
    axes.bar(edges, accuracy, color=SKY, label="accuracy", **bars)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="perfectly calibrated")
    axes.plot(
        mean_confidence, accuracy, "o", color=BLUE, markersize=4, label="mean confidence of the bin"
    )
    axes.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="accuracy")
    size = f"{CALIBRATION_BINS} bins, {pluralize(len(correct), 'row')}"
    axes.set_title(f"Calibration: ECE {error:.4f} ({size})")
    figure.legend(loc="outside lower center", frameon=False)

    # Below, how many rows each bin has: a bar of few rows says little.
    below.bar(edges, rows, color=GREY, **bars)
    below.set_xlabel("confidence (probability of the prediction)")
    format_counts(below.yaxis, "rows")
    return finalize_axes(figure)


def coverage_figure(confidence: ArrayLike, correct: ArrayLike, most: int = 2000) -> Figure:
    """Draw accuracy and coverage against the confidence below which predictions are set aside.

    confidence: (n,) floats, NaN where there is none (never kept). correct: (n,) whether the
    prediction is right. Of more rows than `most`, so many evenly spaced ones are drawn.
    """
    figure, axes = new_figure(8, 4.5)
    confidence = np.asarray(confidence, dtype=float)
    correct = np.asarray(correct, dtype=bool)
    known = np.flatnonzero(np.isfinite(confidence))
    order = known[np.argsort(-confidence[known], kind="stable")]
    if not order.size:
        annotate_empty(axes, "no prediction has a confidence")
        return finalize_axes(figure)

    # Rows of equal confidence are kept together: a point stands behind the last of them.
    right = np.cumsum(correct[order])
    last = np.flatnonzero(np.diff(confidence[order], append=-np.inf))
    last = last[np.unique(np.linspace(0, len(last) - 1, min(most, len(last))).astype(int))]
    x = confidence[order][last]
    kept = last + 1
    marker = "o" if len(x) == 1 else ""  # a line of one point shows nothing
    axes.plot(x, right[last] / kept, color=BLUE, label="accuracy of what is kept", marker=marker)
    axes.plot(x, kept / len(confidence), color=ORANGE, linestyle="--", label="coverage: share kept")
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.set(xlabel="lowest confidence kept", ylabel="share of documents")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(color=GREY, alpha=0.2)
    axes.legend(frameon=False)
    return finalize_axes(figure)
