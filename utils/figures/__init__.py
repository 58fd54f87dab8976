"""Figures of a run and of a corpus: every function returns a matplotlib Figure, `save_figure`
writes it as png.
"""

from utils.figures.classes import (
    class_frequencies_figure,
    confusion_matrix_figure,
    per_class_figure,
)
from utils.figures.confidences import calibration_figure, coverage_figure
from utils.figures.drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PALE,
    PURPLE,
    RED,
    SKY,
    annotate_empty,
    finalize_axes,
    new_figure,
    pluralize,
    save_figure,
    shortened,
)
from utils.figures.texts import lengths_figure
from utils.figures.trainings import curves_figure, pretraining_figure, seeds_figure

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "PALE",
    "PURPLE",
    "RED",
    "SKY",
    "annotate_empty",
    "calibration_figure",
    "class_frequencies_figure",
    "confusion_matrix_figure",
    "coverage_figure",
    "curves_figure",
    "finalize_axes",
    "lengths_figure",
    "new_figure",
    "per_class_figure",
    "pluralize",
    "pretraining_figure",
    "save_figure",
    "seeds_figure",
    "shortened",
]
