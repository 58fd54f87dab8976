"""Figures of what words weigh."""

import math

import pandas as pd

from utils.figures import finalize_axes, new_figure, shortened

FOR, AGAINST = "tab:blue", "tab:red"


def class_words_figure(table: pd.DataFrame, class_names: list[str], columns: int = 3):
    """One panel a class with its strongest features as bars.

    Args:
        table: class, rank, feature, weight. class_names: those to draw, in this order.
    """
    columns = min(columns, len(class_names))
    rows = math.ceil(len(class_names) / columns)
    figure, panels = new_figure(
        4.2 * columns, 0.4 + 2.6 * rows, rows=rows, columns=columns, squeeze=False
    )
    for axes in panels.flat[len(class_names) :]:
        axes.axis("off")
    for axes, name in zip(panels.flat, class_names, strict=False):
        words = table[table["class"] == name].iloc[::-1]
        axes.barh([shortened(word, 24) for word in words["feature"]], words["weight"], color=FOR)
        axes.set_title(shortened(name, 34), fontsize=9)
        axes.tick_params(labelsize=7)
    return finalize_axes(figure)


def document_words_figure(table: pd.DataFrame, identifier: str, prediction: str, label: str):
    """A document's strongest features as bars: for the predicted class, or against it."""
    words = table.iloc[::-1]
    figure, axes = new_figure(6.5, 0.9 + 0.28 * len(words))
    colours = [FOR if value > 0 else AGAINST for value in words["for_prediction"]]
    axes.barh(
        [shortened(word, 30) for word in words["feature"]], words["for_prediction"], color=colours
    )
    title = f"{shortened(identifier, 40)}: {shortened(prediction, 30)}"
    if label != prediction:
        title += f" (label {shortened(label, 30)})"
    axes.set_title(title, fontsize=9)
    axes.set_xlabel("added to the score of the prediction")
    axes.tick_params(labelsize=8)
    return finalize_axes(figure)
