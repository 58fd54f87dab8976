"""Figures of a run and of a corpus: every function returns a matplotlib Figure, `save_figure`
writes it as png.

Figures are made by the object API, without pyplot and without touching rcParams, so that notebooks,
threads and servers can draw side by side. Class names are shown as they are, never parsed as
mathtext; long ones are shortened in the middle.
"""

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator, NullFormatter, PercentFormatter, StrMethodFormatter

from utils.metrics import CALIBRATION_BINS, calibration_bins, expected_calibration_error, top_labels

# Okabe & Ito's colours, told apart under every common colour blindness.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
)
GREY, PALE = "#666666", "#D9D9D9"
SHARES = colormaps["Blues"].with_extremes(bad=PALE)
FONT = "DejaVu Sans"  # comes with matplotlib; has ñ, accents, the arrow and the ellipsis
DPI = 150
NAME_WIDTH = 34  # characters of a class name
NUMBERED, LABELLED, CONFUSIONS = (
    20,
    60,
    15,
)  # classes with numbers in the cells, with labels; pairs in the side panel


def save_figure(figure, path):
    """Write a figure to path as png; the same data gives the same bytes (no date, no version in its
    metadata).
    """
    # The tight box keeps labels that the layout of a square image pushes out of the page, and drops
    # empty margins.
    tight = {"bbox_inches": "tight", "pad_inches": 0.12}
    figure.savefig(
        path, format="png", dpi=DPI, facecolor="white", metadata={"Software": None}, **tight
    )


def confusion_matrix_figure(counts, class_names):
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
    if n > LABELLED:
        figure, (axes, panel) = new_figure(14, 8.6, columns=2, width_ratios=[2, 1])
        _list_confusions(panel, counts, class_names)
    else:
        size, label = (7.5, 0.24) if n > NUMBERED else (9, 0.58)
        side = max(2.6, n * label) + 0.011 * size * _longest(class_names)
        figure, axes = new_figure(side + 1.6, side + 0.7)
        _name_classes(axes, class_names, size)
        _hatch_rows(axes, np.flatnonzero(support == 0), n)
    if n <= NUMBERED:
        _number_cells(axes, counts, shares)
    # The square root lets rare confusions show where cells are tiny.
    norm = PowerNorm(0.5 if n > NUMBERED else 1, vmin=0, vmax=1)
    image = axes.imshow(shares, cmap=SHARES, norm=norm, aspect="equal")
    figure.colorbar(image, ax=axes, fraction=0.04, pad=0.02, format=StrMethodFormatter("{x:.1f}"))
    axes.set_ylabel(f"truth ({pluralize(n, 'class')})")
    empty = int((support == 0).sum())
    axes.set_xlabel(
        "prediction" + (f"\n(grey: {pluralize(empty, 'class')} without examples)" if empty else "")
    )
    axes.set_title(f"Share of each true class, {pluralize(support.sum(), 'row')}")
    return finalize_axes(figure)


def _list_confusions(panel, counts, class_names):
    panel.axis("off")
    panel.set_title("Most frequent confusions", loc="left")
    wrong = counts * ~np.eye(len(counts), dtype=bool)
    cells = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSIONS]
    for line, (truth, prediction) in enumerate(
        zip(*np.unravel_index(cells, counts.shape), strict=True)
    ):
        if wrong[truth, prediction]:
            names = shortened(class_names[truth], 40), shortened(class_names[prediction], 40)
            text = f"{names[0]}\n   → {names[1]}: {wrong[truth, prediction]:,}"
            panel.text(
                0, 1 - (line + 0.2) / CONFUSIONS, text, fontsize=9, va="top", linespacing=1.25
            )
    if not wrong.any():
        panel.text(0, 0.98, "none: every row is right", va="top")


def _name_classes(axes, class_names, size):
    names = [shortened(name) for name in class_names]
    turn = 45 if len(names) <= NUMBERED else 90
    axes.set_xticks(
        range(len(names)),
        names,
        rotation=turn,
        ha="right",
        va="center_baseline" if turn == 90 else "top",
        rotation_mode="anchor",
        fontsize=size,
    )
    axes.set_yticks(range(len(names)), names, fontsize=size)


def _hatch_rows(axes, rows, n):
    for row in rows:
        axes.add_patch(
            Rectangle(
                (-0.5, row - 0.5), n, 1, fill=False, hatch="////", edgecolor="white", linewidth=0
            )
        )


def _number_cells(axes, counts, shares):
    for row, column in zip(*np.nonzero(counts), strict=True):
        share = shares[row, column]
        text = (
            f"{share:.0%}\n{counts[row, column]:,}" if len(counts) <= 12 else f"{100 * share:.0f}"
        )
        axes.text(
            column,
            row,
            text,
            ha="center",
            va="center",
            fontsize=8,
            color="white" if share > 0.5 else "black",
        )


def class_frequencies_figure(counts_by_split, top=10):
    """Draw rows per class as bars, one column of bars a split: all classes, or the `top` most and
    least frequent.

    counts_by_split: split name to {class name: rows}; a class of no row is drawn where it is listed
    with 0.
    """
    shown = {split: _extremes(counts, top) for split, counts in counts_by_split.items()}
    height = 1.2 + 0.24 * max((len(bars) for bars in shown.values()), default=1)
    width = 2.6 + 0.095 * max((_longest(counts) for counts in counts_by_split.values()), default=0)
    figure, panels = new_figure(
        width * max(1, len(shown)), height, columns=max(1, len(shown)), squeeze=False
    )
    for axes, (split, bars) in zip(panels[0], shown.items(), strict=False):
        counts = counts_by_split[split]
        axes.set_title(
            f"{split}: {pluralize(sum(counts.values()), 'row')}, {pluralize(len(counts), 'class')}"
        )
        _draw_frequencies(axes, bars, len(counts) - 2 * top)
    if not shown:
        annotate_empty(panels[0, 0], "no split was given")
    return finalize_axes(figure)


def _extremes(counts, top):
    """Return [(name, rows)] in falling order; with None for the gap when classes between the
    extremes are left out.
    """
    ordered = sorted(counts.items(), key=_falling)
    return ordered if len(ordered) <= 2 * top else [*ordered[:top], None, *ordered[-top:]]


def _falling(item):
    return -item[1], item[0]


def _draw_frequencies(axes, bars, hidden):
    if not bars:
        return annotate_empty(axes, "no row in this split")
    places = [place for place, bar in enumerate(bars) if bar]
    names, rows = zip(*filter(None, bars), strict=True)
    drawn = axes.barh(places, rows, color=BLUE)
    axes.bar_label(drawn, [f"{n:,}" for n in rows], padding=3, fontsize=8)
    axes.set_yticks(places, [shortened(name) for name in names], fontsize=9)
    if None in bars:
        axes.text(
            0,
            bars.index(None),
            f"   … {pluralize(hidden, 'class')} between …",
            va="center",
            color=GREY,
            fontsize=8,
        )
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xlim(0, max(1, *rows) * 1.18)
    _count_axis(axes.xaxis, "rows")


def curves_figure(log_history, best_metric="eval_macro_f1", greater_is_better=True, unit="epoch"):
    """Draw a training: training and validation loss on the left, validation metrics on the right,
    by epoch.

    log_history: `trainer.state.log_history`, dicts with `epoch` and some of `loss`, `eval_loss`,
    `eval_<metric>`. With another `unit`, such as `step`, that key of theirs is the horizontal axis.
    The epoch with the best `best_metric` (with or without `eval_`; the first of equals) is marked.
    Of several evaluations at one step only the first counts: the later ones are of the best model,
    loaded again after training.
    """
    figure, (left, right) = new_figure(11, 4.2, columns=2)
    log_history = [entry | {"epoch": entry[unit]} for entry in log_history if unit in entry]
    evaluations = {}
    for entry in log_history:
        if any(key.startswith("eval_") for key in entry):
            evaluations.setdefault(entry.get("step", entry["epoch"]), entry)
    evaluations = list(evaluations.values())
    _draw_curve(left, log_history, "loss", "training", BLUE, "")
    _draw_curve(left, evaluations, "eval_loss", "validation", ORANGE, "o")
    for name, color, marker in [
        ("macro_f1", GREEN, "o"),
        ("accuracy", PURPLE, "s"),
        ("balanced_accuracy", SKY, "^"),
    ]:
        _draw_curve(right, evaluations, f"eval_{name}", name, color, marker)
    best = _best_evaluation(
        evaluations, "eval_" + best_metric.removeprefix("eval_"), greater_is_better
    )
    for axes, what in [(left, "loss"), (right, "validation metric")]:
        axes.set_title(what.capitalize())
        axes.set_ylabel(what)
        axes.set_xlabel(unit)
        if best:
            axes.axvline(
                best[0], color=GREY, linestyle="--", linewidth=1, label=f"best: {unit} {best[0]:g}"
            )
        if len(axes.lines) > bool(best):
            axes.legend(
                frameon=False,
                loc="upper center",
                bbox_to_anchor=(0.5, -0.14),
                ncols=4,
                columnspacing=1,
            )
            axes.set_xlim(left=0)
        else:
            annotate_empty(axes, f"no {what} was logged")
    if best:
        name = best_metric.removeprefix("eval_")
        right.set_title(f"Validation metric (best {name} {best[1]:.4f} at {unit} {best[0]:g})")
    return finalize_axes(figure)


def pretraining_figure(log_history):
    """Draw a pre-training: training and held-out loss on the left, held-out masked accuracy on the
    right, by step.

    log_history: `trainer.state.log_history`, dicts with `step` and some of `loss`, `eval_loss`,
    `eval_masked_accuracy` and `eval_<source>_masked_accuracy`.
    """
    figure, (left, right) = new_figure(11, 4.2, columns=2)
    _draw_steps(left, log_history, "loss", "training", color=BLUE)
    _draw_steps(left, log_history, "eval_loss", "held out", color=ORANGE)
    _draw_steps(right, log_history, "eval_masked_accuracy", "all", color="black", linewidth=2)
    suffix = "_masked_accuracy"
    sources = sorted(
        {key for entry in log_history for key in entry if key.endswith(suffix)} - {f"eval{suffix}"}
    )
    for number, key in enumerate(sources[:10]):
        _draw_steps(
            right,
            log_history,
            key,
            shortened(key.removeprefix("eval_").removesuffix(suffix)),
            color=colormaps["tab10"](number),
            linewidth=1,
        )
    for axes, what in [
        (left, "loss (nats per masked piece)"),
        (right, "masked accuracy, held out"),
    ]:
        axes.set_title(what.capitalize())
        axes.set_xlabel("step")
        if axes.lines:
            axes.legend(
                frameon=False,
                loc="upper center",
                bbox_to_anchor=(0.5, -0.14),
                ncols=3,
                columnspacing=1,
            )
        else:
            annotate_empty(axes, "nothing was logged")
    return finalize_axes(figure)


def _draw_steps(axes, entries, key, label, **style):
    points = [
        (entry["step"], float(entry[key])) for entry in entries if key in entry and "step" in entry
    ]
    if points:
        axes.plot(*zip(*points, strict=True), label=label, **style)


def _draw_curve(axes, entries, key, label, color, marker):
    points = [
        (entry["epoch"], entry[key]) for entry in entries if key in entry and "epoch" in entry
    ]
    if points:
        marker = marker or ("o" if len(points) == 1 else "")
        axes.plot(*zip(*points, strict=True), color=color, marker=marker, markersize=5, label=label)


def _best_evaluation(evaluations, key, greater_is_better):
    """Return (epoch, value) of the best finite value, or None."""
    points = [
        (entry["epoch"], entry[key]) for entry in evaluations if np.isfinite(entry.get(key, np.nan))
    ]
    if not points:
        return None
    values = [value for _, value in points]
    return points[int(np.argmax(values) if greater_is_better else np.argmin(values))]


def per_class_figure(table, most=30):
    """Draw F1 as bars with precision and recall as marks and the support beside, the worst class on
    top.

    table: rows of `utils.metrics.per_class_table`. Of more than `most` classes the worst are drawn,
    and the title says so; classes without rows are counted in the title only.
    """
    present = sorted((row for row in table if row["support"]), key=_rising_f1)
    rows = present[:most]
    figure, axes = new_figure(
        6.4 + 0.09 * _longest([row["class"] for row in rows]), 1.3 + 0.25 * max(3, len(rows))
    )
    title = (
        f"F1 of the {len(rows)} worst of {len(present)} classes"
        if len(present) > most
        else "F1 per class"
    )
    absent = len(table) - len(present)
    axes.set_title(title + (f" ({absent} without rows left out)" if absent else ""))
    if not rows:
        annotate_empty(axes, "no class has rows")
        return finalize_axes(figure)
    places = range(len(rows))
    axes.barh(places, [row["f1"] for row in rows], color=SKY, label="F1")
    axes.plot(
        [row["precision"] for row in rows],
        places,
        "|",
        color=BLUE,
        markersize=9,
        mew=2,
        label="precision",
    )
    axes.plot([row["recall"] for row in rows], places, "o", color=RED, markersize=4, label="recall")
    for place, row in zip(places, rows, strict=True):
        axes.text(
            1.03,
            place,
            f"{row['f1']:.2f}   {pluralize(row['support'], 'row')}",
            va="center",
            fontsize=8,
        )
    axes.set_yticks(places, [shortened(row["class"]) for row in rows], fontsize=9)
    axes.set_ylim(max(3, len(rows)) - 0.4, -0.6)
    axes.set_xlim(0, 1.02)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return finalize_axes(figure)


def _rising_f1(row):
    return row["f1"], -row["support"], row["class"]


def lengths_figure(lengths_by_split):
    """Draw histograms of words per text, one panel a split over shared bins, with median and 95th
    percentile.

    lengths_by_split: split name to n word counts. The axis is logarithmic where few texts are much
    longer than the median (99th percentile above 8 times or the longest above 20 times); an empty
    text is counted as 1 word there.
    """
    lengths = {split: np.asarray(values, dtype=float) for split, values in lengths_by_split.items()}
    together = np.concatenate([np.empty(0), *lengths.values()])
    rows = max(1, len(lengths))
    figure, panels = new_figure(8, 1 + 1.9 * rows, rows=rows, squeeze=False, sharex=True)
    median, p99, longest = np.percentile(together, [50, 99, 100]) if together.size else (1, 1, 1)
    logarithmic = p99 > 8 * max(1, median) or longest > 20 * max(1, median)
    bins = np.linspace(-0.5, longest + 0.5, min(60, int(longest) + 1) + 1)
    if logarithmic:
        bins = np.geomspace(1, longest + 1, 50)
    for axes, (split, values) in zip(panels[:, 0], lengths.items(), strict=False):
        axes.set_title(f"{split}: {pluralize(len(values), 'text')}", loc="left")
        _draw_lengths(axes, np.maximum(values, 1) if logarithmic else values, bins)
        if logarithmic:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            axes.xaxis.set_minor_formatter(NullFormatter())
    if not lengths:
        annotate_empty(panels[0, 0], "no split was given")
    panels[-1, 0].set_xlabel("words per text" + (" (logarithmic)" if logarithmic else ""))
    return finalize_axes(figure)


def _draw_lengths(axes, values, bins):
    if not values.size:
        return annotate_empty(axes, "no text in this split")
    axes.hist(values, bins=bins, color=SKY)
    for percentile, name, style in [(50, "median", "-"), (95, "95th percentile", "--")]:
        place = np.percentile(values, percentile)
        axes.axvline(place, color=RED, linestyle=style, label=f"{name} {place:,.0f}")
    axes.legend(frameon=False)
    _count_axis(axes.yaxis, "texts")


def calibration_figure(labels, probabilities):
    """Draw the reliability diagram of the top label over 15 bins, its ECE in the title, confidences
    below.

    labels: (n,) integers. probabilities: (n, C). Bins and ECE are those of `utils.metrics`.
    """
    predictions, confidence = top_labels(np.asarray(probabilities))
    correct = predictions == np.asarray(labels)
    rows, accuracy, mean_confidence = calibration_bins(confidence, correct)
    figure, (axes, below) = new_figure(5.6, 7.2, rows=2, sharex=True, height_ratios=[3, 1])
    edges = np.arange(CALIBRATION_BINS) / CALIBRATION_BINS
    axes.bar(
        edges,
        accuracy,
        1 / CALIBRATION_BINS,
        align="edge",
        color=SKY,
        edgecolor="white",
        label="accuracy",
    )
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="perfectly calibrated")
    axes.plot(
        mean_confidence, accuracy, "o", color=BLUE, markersize=4, label="mean confidence of the bin"
    )
    axes.set(xlim=(0, 1), ylim=(0, 1.02), ylabel="accuracy")
    figure.legend(loc="outside lower center", frameon=False)
    error = expected_calibration_error(confidence, correct)
    axes.set_title(
        f"Calibration: ECE {error:.4f} ({CALIBRATION_BINS} bins, {pluralize(len(correct), 'row')})"
    )
    below.bar(edges, rows, 1 / CALIBRATION_BINS, align="edge", color=GREY, edgecolor="white")
    below.set_xlabel("confidence (probability of the prediction)")
    _count_axis(below.yaxis, "rows")
    return finalize_axes(figure)


def coverage_figure(confidence, correct, most=2000):
    """Draw accuracy and coverage against the confidence below which predictions are set aside.

    confidence: (n,) floats, NaN where there is none (never kept). correct: (n,) whether the
    prediction is right. Of more rows than `most`, so many evenly spaced ones are drawn.
    """
    figure, axes = new_figure(8, 4.5)
    confidence, correct = np.asarray(confidence, dtype=float), np.asarray(correct, dtype=bool)
    known = np.flatnonzero(np.isfinite(confidence))
    order = known[np.argsort(-confidence[known], kind="stable")]
    if not order.size:
        annotate_empty(axes, "no prediction has a confidence")
        return finalize_axes(figure)
    right = np.cumsum(correct[order])
    # Rows of equal confidence are kept together: a point stands behind the last of them.
    last = np.flatnonzero(np.diff(confidence[order], append=-np.inf))
    last = last[np.unique(np.linspace(0, len(last) - 1, min(most, len(last))).astype(int))]
    x, kept = confidence[order][last], last + 1
    axes.plot(
        x,
        right[last] / kept,
        color=BLUE,
        label="accuracy of what is kept",
        marker="o" if len(x) == 1 else "",
    )
    axes.plot(x, kept / len(confidence), color=ORANGE, linestyle="--", label="coverage: share kept")
    axes.set(
        xlim=(0, 1), ylim=(0, 1.02), xlabel="lowest confidence kept", ylabel="share of documents"
    )
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(color=GREY, alpha=0.2)
    axes.legend(frameon=False)
    return finalize_axes(figure)


def seeds_figure(values):
    """Draw each metric's value of every run, with mean and standard deviation (of the sample, n -
    1).

    values: metric name to one number a run. Every metric has its own scale: seeds differ by far
    less than metrics.
    """
    names = list(values)
    figure, panels = new_figure(
        8, 0.6 + 0.75 * max(2, len(names)), rows=max(1, len(names)), squeeze=False
    )
    for axes, name in zip(panels[:, 0], names, strict=False):
        runs = np.asarray(values[name], dtype=float)
        axes.set_yticks([0], [shortened(name)])
        axes.set_ylim(-1, 1)
        axes.spines["left"].set_visible(False)
        axes.tick_params(axis="y", length=0)
        axes.plot(runs, np.zeros(len(runs)), "o", color=BLUE, alpha=0.6, markersize=6)
        text = (
            f"{runs.mean():.4f} (1 run)"
            if len(runs) == 1
            else f"{runs.mean():.4f} ± {runs.std(ddof=1):.4f}"
        )
        if len(runs) > 1:
            axes.errorbar(
                runs.mean(),
                0.5,
                xerr=runs.std(ddof=1),
                fmt="|",
                color=RED,
                capsize=4,
                markersize=10,
            )
            text += f" ({len(runs)} runs)"
        axes.text(1.02, 0.5, text, transform=axes.transAxes, va="center")
        axes.xaxis.set_major_locator(MaxNLocator(5))
    if not names:
        annotate_empty(panels[0, 0], "no run was given")
    return finalize_axes(figure)


def shortened(name, width=NAME_WIDTH):
    """Return a name on one line of at most `width` characters, the middle replaced by … where it is
    longer.
    """
    name = " ".join(str(name).split())
    head = width // 2
    return (
        name
        if len(name) <= width
        else f"{name[:head].rstrip()}…{name[len(name) - (width - head - 1) :].lstrip()}"
    )


def _longest(names):
    return max((len(shortened(name)) for name in names), default=0)


def new_figure(width, height, rows=1, columns=1, **options):
    """Return (figure, axes) of a size in inches, axes without upper and right spine."""
    figure = Figure(figsize=(width, height), layout="constrained", dpi=100)
    axes = figure.subplots(rows, columns, **options)
    for one in np.ravel(axes):
        one.spines[["top", "right"]].set_visible(False)
        one.tick_params(labelfontfamily=FONT)
    return figure, axes


def pluralize(number, noun):
    """Return `1 row`, `1,234 rows`, `2 classes`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "es" if noun.endswith("s") else "s")


def _count_axis(axis, label):
    axis.set_major_locator(MaxNLocator(4, integer=True))
    axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axis.set_label_text(label)


def annotate_empty(axes, text):
    """Write a sentence where there is nothing to draw."""
    axes.set(xticks=[], yticks=[])
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=GREY)


def finalize_axes(figure):
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
