"""Classification metrics: one pure function of (labels, probabilities) that every room and report
shares.

Only numpy and scikit-learn's conventions: no torch, transformers, datasets or evaluate import.
Everything is computed from counts and from one pass over the probabilities in row chunks, so a
memory-mapped (1_000_000, 632) float32 array takes seconds and no second copy of it is made.

Macro and weighted averages run over the classes that occur in the labels
(`labels=np.unique(y_true)`, `zero_division=0` in scikit-learn's words). Numbers from elsewhere may
differ: scikit-learn's default averages over true and predicted labels together, spaCy's
`cats_macro_f` over all labels of the model.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

CALIBRATION_BINS = 15
TOP_K = 3
# How far a row of probabilities may sum from 1: room for float16 and for bf16 softmaxes.
SUM_TOLERANCE = 1e-2
THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
# Probabilities looked at together: 1 MiB of float32, which stays in a core's cache.
CHUNK_VALUES = 2**18


def classification_metrics(labels: ArrayLike, probabilities: ArrayLike) -> dict[str, float]:
    """Return the suite's metrics as a dict of plain floats, always with the same keys in the same
    order.

    labels: (n,) integers in [0, n_classes). probabilities: (n, n_classes), every row summing to 1
    (within 1e-2). The prediction is the class of highest probability, the first one where several
    tie.

    - accuracy, balanced_accuracy, macro_*, weighted_*: see `prediction_metrics`.
    - top_3_accuracy: share of rows whose true class is among the min(3, n_classes) most probable;
      ties go to the lower class index, as in the argmax (scikit-learn's `top_k_accuracy_score`
      gives them to the higher one).
    - log_loss: mean of -ln p(true class), in nats; p is clipped to [eps, 1 - eps] with eps the
      machine epsilon of the probabilities' own float kind (1.2e-7 for float32, 2.2e-16 for
      float64), as scikit-learn's `log_loss` does. Rows are not rescaled to sum to 1.
    - ece: see `expected_calibration_error`.

    Raises ValueError for empty input, shapes that do not fit, labels that are no integers or out of
    range, and probabilities that are not finite, below 0 or do not sum to 1 (logits, say: see
    `softmax`).
    """
    labels, probabilities = _checked(labels, probabilities)
    return _metrics_of_rows(labels, probabilities.shape[1], *row_scores(labels, probabilities))


def prediction_metrics(
    labels: ArrayLike, predictions: ArrayLike, n_classes: int
) -> dict[str, float]:
    """Return the metrics that need no probabilities: the first eight keys of
    `classification_metrics`.

    labels, predictions: (n,) integers in [0, n_classes). Precision, recall and F1 of a class are 0
    where undefined; macro averages weigh every class that occurs in the labels alike, weighted ones
    by its number of rows. Balanced accuracy is the mean recall of those classes (scikit-learn's
    `balanced_accuracy_score`), hence equal to macro_recall. Raises ValueError as `confusion_counts`
    does.
    """
    hits, support, predicted = _class_counts(*_checked_classes(labels, predictions, n_classes))
    present = support > 0
    precision, recall, f1 = (scores[present] for scores in _class_scores(hits, support, predicted))
    weights = support[present] / support.sum()
    return {
        "accuracy": float(hits.sum() / support.sum()),
        "balanced_accuracy": float(recall.mean()),
        "macro_f1": float(f1.mean()),
        "macro_precision": float(precision.mean()),
        "macro_recall": float(recall.mean()),
        "weighted_f1": float(f1 @ weights),
        "weighted_precision": float(precision @ weights),
        "weighted_recall": float(recall @ weights),
    }


def confusion_counts(labels: ArrayLike, predictions: ArrayLike, n_classes: int) -> np.ndarray:
    """Return the (n_classes, n_classes) int64 counts of rows, by true class (row) and predicted
    class (column).

    Raises ValueError for empty input, lengths that differ, and classes that are no integers in [0,
    n_classes).
    """
    labels, predictions, n_classes = _checked_classes(labels, predictions, n_classes)
    cells = np.bincount(labels * n_classes + predictions, minlength=n_classes * n_classes)
    return cells.reshape(n_classes, n_classes)


def per_class_table(
    labels: ArrayLike, probabilities: ArrayLike, class_names: Sequence[str]
) -> list[dict[str, Any]]:
    """Return one dict a class, in class order: class, precision, recall, f1, support, predicted.

    support and predicted are numbers of rows, of that truth and of that prediction. A class that
    never occurs in the labels has support 0 and recall and f1 None; its precision is 0.0 where it
    was predicted (always wrongly) and None where it was not. A class that occurs but is never
    predicted has precision 0.0. Raises ValueError as `classification_metrics` does, and when
    class_names does not fit the probabilities.
    """
    labels, probabilities = _checked(labels, probabilities)
    predictions = row_scores(labels, probabilities)[0]
    return prediction_table(labels, predictions, _checked_names(class_names, probabilities))


def prediction_table(
    labels: np.ndarray, predictions: np.ndarray, class_names: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the rows of `per_class_table` from predicted classes alone: labels, predictions (n,)
    integers.
    """
    hits, support, predicted = _class_counts(labels, predictions, len(class_names))
    precision, recall, f1 = _class_scores(hits, support, predicted)
    table = []
    for index, name in enumerate(class_names):
        present = bool(support[index])
        was_predicted = bool(predicted[index])
        table.append(
            {
                "class": name,
                "precision": float(precision[index]) if present or was_predicted else None,
                "recall": float(recall[index]) if present else None,
                "f1": float(f1[index]) if present else None,
                "support": int(support[index]),
                "predicted": int(predicted[index]),
            }
        )
    return table


def classification_report(
    labels: ArrayLike, probabilities: ArrayLike, class_names: Sequence[str]
) -> dict[str, Any]:
    """Return the content of classification_report.json, from a single pass over the probabilities.

    {"metrics": `classification_metrics`, "per_class": `per_class_table`, "absent_classes": names of
    the classes with no row in the labels (left out of the averages), "rows": n}. Raises ValueError
    as those two functions do.
    """
    labels, probabilities = _checked(labels, probabilities)
    class_names = _checked_names(class_names, probabilities)
    scores = row_scores(labels, probabilities)
    table = prediction_table(labels, scores[0], class_names)
    return {
        "metrics": _metrics_of_rows(labels, len(class_names), *scores),
        "per_class": table,
        "absent_classes": [row["class"] for row in table if row["support"] == 0],
        "rows": len(labels),
    }


def expected_calibration_error(confidence: ArrayLike, correct: ArrayLike) -> float:
    """Return the expected calibration error of the top label, in [0, 1].

    ECE = sum over bins of (rows in bin / n) * |accuracy in bin - mean confidence in bin|, with 15
    bins of equal width (Guo et al. 2017, On Calibration of Modern Neural Networks, eq. 3).
    Arguments as in `calibration_bins`.
    """
    rows, accuracy, mean_confidence = calibration_bins(confidence, correct)
    filled = rows > 0
    gaps = np.abs(accuracy[filled] - mean_confidence[filled])
    return float(gaps @ rows[filled] / rows.sum())


def calibration_bins(
    confidence: ArrayLike, correct: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (rows, accuracy, mean confidence), each (15,), of equal-width bins of confidence; an
    empty bin has NaN.

    confidence: (n,) probability of the predicted class. correct: (n,) whether that prediction is
    right. Bin m of M holds the confidences in ((m - 1) / M, m / M], as in Guo et al. 2017; 0 falls
    into the first.
    """
    confidence = np.asarray(confidence, dtype=np.float64)
    bins = confidence_bins(confidence)
    rows = np.bincount(bins, minlength=CALIBRATION_BINS)
    right = np.bincount(bins, weights=correct, minlength=CALIBRATION_BINS)
    total = np.bincount(bins, weights=confidence, minlength=CALIBRATION_BINS)
    divisor = np.where(rows > 0, rows, np.nan)
    return rows, right / divisor, total / divisor


def confidence_bins(confidence: ArrayLike) -> np.ndarray:
    """Return the bin of `calibration_bins`, 0 to 14, that each confidence (n,) falls into."""
    edges = np.arange(1, CALIBRATION_BINS) / CALIBRATION_BINS
    return np.searchsorted(edges, np.asarray(confidence, dtype=np.float64), side="left")


def coverage_table(
    confidence: ArrayLike, correct: ArrayLike, thresholds: Iterable[float] = THRESHOLDS
) -> list[dict[str, Any]]:
    """Return one dict a threshold of what is left when predictions below a confidence are set
    aside.

    confidence: (n,) floats; NaN never reaches a threshold. correct: (n,) whether the prediction is
    right. Each dict has confidence_from, documents, coverage (share of the n rows), accuracy of
    what is left (None of no rows), errors.
    """
    confidence = np.asarray(confidence, dtype=float)
    correct = np.asarray(correct, dtype=bool)
    rows = []
    for threshold in thresholds:
        kept = confidence >= threshold
        n = int(kept.sum())
        right = int((kept & correct).sum())
        rows.append(
            {
                "confidence_from": threshold,
                "documents": n,
                "coverage": n / max(1, len(confidence)),
                "accuracy": right / n if n else None,
                "errors": n - right,
            }
        )
    return rows


def top_labels(probabilities: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (predictions int64, confidence), each (n,), of probabilities (n, n_classes): argmax
    (first wins), max.
    """
    predictions = np.empty(len(probabilities), dtype=np.int64)
    confidence = np.empty(len(probabilities), dtype=probabilities.dtype)
    for rows in row_chunks(*probabilities.shape):
        chunk = probabilities[rows]
        predictions[rows] = chunk.argmax(axis=1)
        confidence[rows] = np.take_along_axis(chunk, predictions[rows, None], axis=1)[:, 0]
    return predictions, confidence


def row_chunks(n: int, n_classes: int, values: int = CHUNK_VALUES) -> Iterator[slice]:
    """Yield slices that cover n rows in order, each of about `values` numbers when a row has
    n_classes of them.
    """
    step = max(1, values // max(1, n_classes))
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))


def softmax(logits: ArrayLike) -> np.ndarray:
    """Return the float32 softmax over the last axis of logits (..., n_classes); large logits do not
    overflow.

    Raises ValueError for logits that are not finite: a diverged model, whose probabilities mean
    nothing.
    """
    logits = np.asarray(logits, dtype=np.float32)
    if not np.isfinite(logits).all():
        raise ValueError("logits hold NaN or infinite values")
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    exponentials /= exponentials.sum(axis=-1, keepdims=True)
    return exponentials


def row_scores(
    labels: np.ndarray, probabilities: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return four (n,) arrays: prediction, its probability, probability of the truth, rank of the
    truth (0 = top).

    labels: (n,) int64 in [0, n_classes). probabilities: (n, n_classes) floats. The probability of
    the truth is clipped to [eps, 1 - eps] as `classification_metrics` says. Raises ValueError for a
    row of probabilities that is no distribution.
    """
    n, n_classes = probabilities.shape
    predictions = np.empty(n, dtype=np.int64)
    confidence = np.empty(n)
    p_true = np.empty(n)
    ranks = np.zeros(n, dtype=np.int64)
    # One pass in chunks that stay in the cache, for the array may be larger than the memory.
    for rows in row_chunks(n, n_classes):
        chunk = probabilities[rows]
        truth = labels[rows]
        _check_distributions(chunk, rows.start)
        line = np.arange(len(chunk))
        predictions[rows] = chunk.argmax(axis=1)
        confidence[rows] = chunk[line, predictions[rows]]
        p_true[rows] = chunk[line, truth]
        # Where the prediction is right, the truth has rank 0: only the others are counted.
        wrong = np.flatnonzero(predictions[rows] != truth)
        ranks[rows.start + wrong] = _ranks(chunk[wrong], truth[wrong])
    eps = np.finfo(probabilities.dtype).eps
    return predictions, confidence, np.clip(p_true, eps, 1 - eps), ranks


def _ranks(chunk, truth):
    """Return how many classes come before the true one, (rows,), where ties go to the lower class
    index.
    """
    p_true = np.take_along_axis(chunk, truth[:, None], axis=1)
    ranks = np.count_nonzero(chunk > p_true, axis=1)
    close = np.flatnonzero(ranks < TOP_K)  # elsewhere ties cannot bring the truth back into the top
    before = np.arange(chunk.shape[1]) < truth[close, None]
    ranks[close] += np.count_nonzero((chunk[close] == p_true[close]) & before, axis=1)
    return ranks


def _metrics_of_rows(labels, n_classes, predictions, confidence, p_true, ranks):
    """Return the content of `classification_metrics` from what `row_scores` found."""
    return {
        **prediction_metrics(labels, predictions, n_classes),
        "top_3_accuracy": float(np.mean(ranks < TOP_K)),
        "log_loss": float(-np.log(p_true).mean()),
        "ece": expected_calibration_error(confidence, predictions == labels),
    }


def _class_counts(labels, predictions, n_classes):
    """Return hits, support and predicted: (n_classes,) numbers of rows."""
    hits = np.bincount(labels[labels == predictions], minlength=n_classes)
    support = np.bincount(labels, minlength=n_classes)
    predicted = np.bincount(predictions, minlength=n_classes)
    return hits, support, predicted


def _class_scores(hits, support, predicted):
    """Return precision, recall and F1, each (n_classes,), 0 where undefined. F1 = 2 hits / (support
    + predicted).
    """
    precision = hits / np.maximum(predicted, 1)
    recall = hits / np.maximum(support, 1)
    return precision, recall, 2 * hits / np.maximum(support + predicted, 1)


def _checked(labels: ArrayLike, probabilities: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return labels (n,) int64 and probabilities (n, n_classes) floats that fit, or raise
    ValueError.
    """
    probabilities = np.asarray(probabilities)
    if probabilities.ndim != 2 or probabilities.size == 0:
        raise ValueError(
            f"probabilities must be a non-empty (n, n_classes) array, not {probabilities.shape}"
        )
    if not np.issubdtype(probabilities.dtype, np.floating):
        probabilities = probabilities.astype(np.float64)
    labels = _checked_indices("labels", labels, probabilities.shape[1])
    if len(labels) != len(probabilities):
        raise ValueError(
            f"{len(labels)} labels do not fit probabilities of shape {probabilities.shape}"
        )
    return labels, probabilities


def _checked_classes(
    labels: ArrayLike, predictions: ArrayLike, n_classes: int
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return labels and predictions as (n,) int64 in [0, n_classes), or raise ValueError."""
    labels = _checked_indices("labels", labels, n_classes)
    predictions = _checked_indices("predictions", predictions, n_classes)
    if len(labels) != len(predictions):
        raise ValueError(f"{len(labels)} labels do not fit {len(predictions)} predictions")
    return labels, predictions, int(n_classes)


def _checked_indices(what: str, indices: ArrayLike, n_classes: int) -> np.ndarray:
    indices = np.asarray(indices)
    if indices.ndim != 1 or indices.size == 0:
        raise ValueError(f"{what} must be a non-empty (n,) array, not {indices.shape}")
    if not np.issubdtype(indices.dtype, np.integer):
        raise ValueError(f"{what} must be integers, not {indices.dtype}")
    if indices.min() < 0 or indices.max() >= n_classes:
        raise ValueError(
            f"{what} must lie in 0..{n_classes - 1}, not {indices.min()}..{indices.max()}"
        )
    return indices.astype(np.int64, copy=False)


def _checked_names(class_names: Sequence[str], probabilities: np.ndarray) -> list[str]:
    if len(class_names) != probabilities.shape[1]:
        raise ValueError(
            f"{len(class_names)} class names do not fit probabilities of shape "
            f"{probabilities.shape}"
        )
    return list(class_names)


def _check_distributions(chunk, start):
    """Raise ValueError for the first row that is no distribution; NaN never sums to 1."""
    with np.errstate(invalid="ignore"):
        sums = chunk.sum(axis=1, dtype=np.promote_types(chunk.dtype, np.float32))
    wrong = np.flatnonzero(~(np.abs(sums - 1) <= SUM_TOLERANCE) | (chunk.min(axis=1) < 0))
    if wrong.size:
        raise ValueError(
            f"probabilities of row {start + wrong[0]} are below 0 or sum to {sums[wrong[0]]:g}, "
            "not 1: not finite, or logits that need softmax first"
        )
