"""Scores of predictions against truths, with intervals, and the tables that explain them."""

import difflib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from utils.errors import InputError
from utils.metrics import (
    confusion_counts,
    coverage_table,
    expected_calibration_error,
    prediction_metrics,
    prediction_table,
)
from wf_metrics.columns import plain_form
from wf_metrics.intervals import (
    bootstrap_balanced_accuracy,
    bootstrap_macro_f1,
    percentiles,
    wilson,
)

NO_RESULT = "(no result)"
MOST_NAMES = 5000  # a confusion matrix of more fills the memory
SUGGESTED = 100  # unknown names that a similar one is looked for
# Of a workflow's times: the unit, the most days that are shown in it, and how it is written.
PERIODS = (
    ("h", 2, "%Y-%m-%d %H:00"),
    ("D", 62, "%Y-%m-%d"),
    ("W", 730, "%Y-%m-%d"),
    ("MS", None, "%Y-%m"),
)


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of n files or documents over the typologies that truth or prediction name."""

    metrics: dict[str, float]
    intervals: dict[str, list[float] | None]  # 95 %, [low, high]
    per_typology: pd.DataFrame
    names: list[str]  # typologies in order, then NO_RESULT where files have none
    confusion: np.ndarray  # (len(names), len(names)) by truth and prediction
    right: int
    n: int
    truth: np.ndarray  # (n,) codes of names
    prediction: np.ndarray  # (n,)


def score(truth: pd.Series, prediction: pd.Series, samples: int, seed: int) -> Scores:
    """Score predictions (null: no result, which is wrong) against truths; see
    `utils.metrics.prediction_metrics`.

    Intervals: Wilson for accuracy, percentiles of a bootstrap stratified by true class for the
    two macro scores.

    Raises:
        InputError: there are too many names for typologies.
    """
    names = sorted(set(truth.unique()) | set(prediction.dropna().unique()))
    if len(names) > MOST_NAMES:
        raise InputError(
            f"{len(names)} different typologies, such as {names[0]!r}, more than {MOST_NAMES}; "
            "check --truth_typology_column and --prediction_column"
        )
    # Hashing the few names once and the rows through categories is far faster than comparing
    # strings.
    labels, predictions = (
        pd.Categorical(values, categories=names).codes.astype(np.int64)
        for values in (truth, prediction)
    )
    missing, typologies = predictions < 0, len(names)
    if missing.any():
        predictions = np.where(missing, typologies, predictions)
        names = [*names, NO_RESULT]

    counts = confusion_counts(labels, predictions, len(names))
    metrics = prediction_metrics(labels, predictions, len(names))
    right, n = int(np.trace(counts)), len(labels)
    balanced = bootstrap_balanced_accuracy(labels, predictions, samples, seed)
    macro_f1 = bootstrap_macro_f1(labels, predictions, samples, seed)
    intervals = {
        "accuracy": wilson(right, n),
        "balanced_accuracy": percentiles(balanced),
        "macro_f1": percentiles(macro_f1),
    }
    table = typology_table(labels, predictions, names).head(typologies)
    return Scores(metrics, intervals, table, names, counts, right, n, labels, predictions)


def typology_table(labels: np.ndarray, predictions: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Scores of each typology with a Wilson interval of its recall.

    Those that are only predicted have no recall.
    """
    rows = prediction_table(labels, predictions, names)
    for row in rows:
        hits = round((row["recall"] or 0) * row["support"])
        low, high = wilson(hits, row["support"]) or (None, None)
        row |= {"recall_low": low, "recall_high": high}
    columns = [
        "class",
        "support",
        "predicted",
        "precision",
        "recall",
        "recall_low",
        "recall_high",
        "f1",
    ]
    return pd.DataFrame(rows)[columns].rename(columns={"class": "typology"})


def confusions(scores: Scores, files: pd.DataFrame, most: int = 15, samples: int = 5) -> list[dict]:
    """The most frequent confusions, with the names of their most confident files."""
    wrong = scores.confusion * ~np.eye(len(scores.names), dtype=bool)
    support = scores.confusion.sum(axis=1)
    cells = np.argsort(-wrong, axis=None, kind="stable")[:most]
    found = []
    for truth, prediction in zip(*np.unravel_index(cells, wrong.shape), strict=True):
        if n := int(wrong[truth, prediction]):
            rows = np.flatnonzero((scores.truth == truth) & (scores.prediction == prediction))
            own = files.iloc[rows].sort_values("confidence", ascending=False, kind="stable")
            found.append(
                {
                    "truth": scores.names[truth],
                    "prediction": scores.names[prediction],
                    "documents": n,
                    "share_of_truth": n / int(support[truth]),
                    "files": own["name"].head(samples).to_list(),
                }
            )
    return found


def errors_of(files: pd.DataFrame) -> pd.DataFrame:
    """Wrong files, the most confident first; without a result last."""
    wrong = files[files["truth"] != files["prediction"].fillna("")]
    ordered = wrong.sort_values("confidence", ascending=False, kind="stable", na_position="last")
    return ordered[["name", "truth", "prediction", "confidence", "path"]].rename(
        columns={"name": "file"}
    )


def over_time(files: pd.DataFrame) -> list[dict]:
    """Accuracy of the files with a time, by hour, day, week or month: see `PERIODS`."""
    timed = files[files["time"].notna()]
    if timed.empty:
        return []
    days = (timed["time"].max() - timed["time"].min()) / pd.Timedelta(days=1)
    unit, _, form = next(period for period in PERIODS if period[1] is None or days <= period[1])
    right = timed["truth"].eq(timed["prediction"].fillna(""))
    grouped = right.groupby(timed["time"].dt.tz_localize(None).dt.to_period(unit.removesuffix("S")))
    return [
        {
            "period": period.start_time.strftime(form),
            "documents": len(values),
            "accuracy": float(values.mean()),
            "interval": wilson(int(values.sum()), len(values)),
        }
        for period, values in grouped
    ]


def confidence_metrics(files: pd.DataFrame) -> dict:
    """ECE of the files with a confidence, and what is left at each threshold; {} without any."""
    known = files["confidence"].notna()
    if not known.any():
        return {}
    right = files["truth"].eq(files["prediction"].fillna("")).to_numpy()
    confidence = files["confidence"].to_numpy(float)
    return {
        "ece": expected_calibration_error(confidence[known], right[known]),
        "thresholds": coverage_table(confidence, right),
    }


def same_but_for_form(files: pd.DataFrame) -> list[dict]:
    """Wrong predictions that are the truth written otherwise, such as `171.0` for `171`.

    Returns dicts of truth, prediction and files, the most frequent first.
    """
    wrong = files[files["prediction"].notna() & files["truth"].ne(files["prediction"])]
    pairs = wrong.groupby(["truth", "prediction"], sort=True).size()
    found = [
        {"truth": truth, "prediction": prediction, "files": int(n)}
        for (truth, prediction), n in pairs.items()
        if plain_form(truth) == plain_form(prediction)
    ]
    return sorted(found, key=lambda row: -row["files"])


def form_warning(pairs: list[dict]) -> str | None:
    """What to say of `same_but_for_form`; None where there is nothing to say."""
    if not pairs:
        return None
    shown = ", ".join(f"{row['prediction']!r} for {row['truth']!r}" for row in pairs[:3])
    return (
        f"{sum(row['files'] for row in pairs)} predictions count as wrong that differ from the "
        f"truth only in how they are written: {shown}{' …' if len(pairs) > 3 else ''}; write both "
        "sides alike, or join them with --unify"
    )


def unknown_labels(predictions: pd.Series, typologies: set[str]) -> list[dict]:
    """Predicted names that the ground truth lacks, with their rows; the first with a like name."""
    folded = {name.casefold(): name for name in sorted(typologies)}
    found = [
        {"prediction": name, "rows": int(n), "like": None}
        for name, n in predictions.value_counts().items()
        if name not in typologies
    ]
    for row in found[:SUGGESTED]:
        close = difflib.get_close_matches(row["prediction"].casefold(), folded, n=1, cutoff=0.5)
        row["like"] = folded[close[0]] if close else None
    return found
