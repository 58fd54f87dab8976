"""Which model is best, whether the difference is real, and where models disagree.

The difference is judged by a paired bootstrap and McNemar's test, corrected by Holm's method.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_array

from utils.metrics import (
    CALIBRATION_BINS,
    classification_metrics,
    confidence_bins,
    row_scores,
    top_labels,
)
from wf_metrics.columns import plain_form
from wf_metrics.intervals import (
    LEVEL,
    bootstrap_p_value,
    holm,
    mcnemar,
    percentiles,
    rare_class_words,
    resample_counts,
)
from wf_metrics.paired_predictions import COSTS, Aligned

METRICS = ("macro_f1", "accuracy", "balanced_accuracy", "log_loss", "ece")
ENSEMBLE = "ensemble (mean of all runs)"
ALPHA = 0.05


def compare(aligned: Aligned, samples: int, seed: int) -> dict:
    """The content of compare.json.

    A model's scores are the means over its runs (its seeds), with their standard deviation.
    Intervals and the paired bootstrap resample documents within each true class, the same ones for
    every model. McNemar's test takes the first run of each model. p-values are corrected by Holm
    over the comparisons with the best model.
    """
    # The ensemble is scored as one more run, the last.
    labels = aligned.labels
    ensemble_probabilities = mean_probabilities(single_runs(aligned)[1])
    probabilities = [*aligned.probabilities, ensemble_probabilities]
    scores = [classification_metrics(labels, p) for p in probabilities]
    samples_of = bootstrap(labels, probabilities, samples, seed)  # metric: (n_runs + 1, n_samples)

    # Models, the best first.
    members: dict[str, list[int]] = {}
    for place, run in enumerate(aligned.runs):
        members.setdefault(run.model, []).append(place)
    models = [
        model_row(name, places, aligned, scores, samples_of) for name, places in members.items()
    ]
    models.sort(key=by_macro_f1)
    best = models[0]["model"]
    everyone = members | {ENSEMBLE: [len(aligned.runs)]}
    ensemble = model_row(ENSEMBLE, everyone[ENSEMBLE], aligned, scores, samples_of)

    # The best against every other model and the ensemble; Holm corrects each test by itself.
    right = [p.argmax(axis=1) == labels for p in probabilities]
    others = [row["model"] for row in models[1:]] + ([ENSEMBLE] if len(aligned.runs) > 1 else [])
    comparisons = [paired(best, other, everyone, scores, samples_of, right) for other in others]
    for test in ("p_bootstrap", "p_mcnemar"):
        corrected = holm([row[test] for row in comparisons])
        for row, p in zip(comparisons, corrected, strict=True):
            row[f"{test}_holm"] = p
    return {
        "documents": len(labels),
        "classes": len(np.unique(labels)),
        "best": best,
        "models": models,
        "ensemble": ensemble,
        "comparisons": [row | {"verdict": verdict(row)} for row in comparisons],
        "level": LEVEL,
        "samples": samples,
        "seed": seed,
        "warnings": [*form_warnings(aligned), *rare_warnings(aligned)],
    }


def form_warnings(aligned: Aligned) -> list[str]:
    """What to say where classes differ only in how they are written: no answer in one form counts
    as right where the label has the other.
    """
    forms: dict[str, list[str]] = {}
    for name in aligned.class_names:
        forms.setdefault(plain_form(name), []).append(name)
    return [
        f"the classes {', '.join(map(repr, names))} differ only in how they are written and count "
        "as different ones"
        for names in forms.values()
        if len(names) > 1
    ]


def rare_warnings(aligned: Aligned) -> list[str]:
    """What to say where classes have too few documents for the tests to hold."""
    support = np.bincount(aligned.labels, minlength=len(aligned.class_names))
    words = rare_class_words(aligned.class_names, support)
    if words is None:
        return []
    return [f"{words} and the p-values too small, so 'a real difference' is said too easily"]


def single_runs(aligned: Aligned) -> tuple[list, list[np.ndarray]]:
    """The runs that are no fusion of others, and their probabilities."""
    own = [place for place, run in enumerate(aligned.runs) if not run.parts]
    return [aligned.runs[place] for place in own], [aligned.probabilities[place] for place in own]


def mean_probabilities(probabilities: list[np.ndarray]) -> np.ndarray:
    """The mean (n, n_classes) of several runs' probabilities, in one copy of memory."""
    total = probabilities[0].astype(np.float32)  # a copy
    for other in probabilities[1:]:
        total += other
    return total / np.float32(len(probabilities))


def by_macro_f1(row: dict[str, Any]) -> tuple:
    """The order of models: highest macro-F1, then lowest log loss, then name."""
    return -row["macro_f1"], row["log_loss"], row["model"]


def model_row(
    name: str, places: list[int], aligned: Aligned, scores: list[dict], samples_of: dict
) -> dict[str, Any]:
    """A model's mean scores, their standard deviation over its runs, intervals and costs.

    places: of its runs among `scores`; the ensemble's is behind those of all runs.
    """
    own = [aligned.runs[place] for place in places if place < len(aligned.runs)]
    values = {metric: np.array([scores[place][metric] for place in places]) for metric in METRICS}
    means = {metric: float(v.mean()) for metric, v in values.items()}
    sd = None
    if len(places) > 1:
        sd = {metric: float(v.std(ddof=1)) for metric, v in values.items()}
    # An interval is of the mean over runs, as the score is.
    intervals = {metric: percentiles(samples_of[metric][places].mean(axis=0)) for metric in METRICS}
    costs = {}
    for cost in COSTS:
        known = [run.costs[cost] for run in own if cost in run.costs]
        costs[cost] = float(np.mean(known)) if known else None
    return {
        "model": name,
        "runs": [run.name for run in own],
        "seeds": [run.seed for run in own],
        **means,
        "sd": sd,
        "intervals": intervals,
        **costs,
    }


def bootstrap(
    labels: np.ndarray, probabilities: list[np.ndarray], samples: int, seed: int
) -> dict[str, np.ndarray]:
    """Each metric of each set of probabilities in the same resamples: (n_sets, n_samples).

    labels: (n,) codes in rising order. Resamples are drawn within each class, as counts of rows;
    one sparse product a set then sums hits and predictions by class, the loss, and the calibration
    gaps by bin.
    """
    classes, codes, support = np.unique(labels, return_inverse=True, return_counts=True)
    sums = [row_sums(labels, codes, classes, p) for p in probabilities]
    found = {metric: np.empty((len(sums), samples)) for metric in METRICS}
    done = 0
    for counts in resample_counts(labels, samples, seed):
        columns = slice(done, done + counts.shape[1])
        for place, matrix in enumerate(sums):
            totals = matrix @ counts  # (2 n_present + 1 + bins, m)
            hits, predicted, (loss,), gaps = np.split(
                totals, np.cumsum([len(classes), len(classes), 1])
            )
            recall = hits / support[:, None]
            f1 = 2 * hits / (support[:, None] + predicted)
            found["macro_f1"][place, columns] = f1.mean(axis=0)
            found["accuracy"][place, columns] = hits.sum(axis=0) / len(labels)
            found["balanced_accuracy"][place, columns] = recall.mean(axis=0)
            found["log_loss"][place, columns] = loss / len(labels)
            found["ece"][place, columns] = np.abs(gaps).sum(axis=0) / len(labels)
        done += counts.shape[1]
    return found


def row_sums(
    labels: np.ndarray, codes: np.ndarray, classes: np.ndarray, probabilities: np.ndarray
) -> csr_array:
    """The sparse matrix whose product with counts of rows is what metrics are made of.

    Its rows (2 n_present + 1 + bins, n): hits of each class that occurs, predictions of it, loss,
    and correct minus confidence in each bin.
    """
    predictions, confidence, p_true, _ = row_scores(labels, probabilities)
    rows = np.arange(len(labels))
    correct = predictions == labels
    # A prediction of a class that never occurs in the labels is of no row: it is wrong, no more.
    place = np.minimum(np.searchsorted(classes, predictions), len(classes) - 1)
    known = classes[place] == predictions
    bins = 2 * len(classes) + 1 + confidence_bins(confidence)
    parts = [
        (codes[correct], rows[correct], np.ones(correct.sum())),
        (len(classes) + place[known], rows[known], np.ones(known.sum())),
        (np.full(len(rows), 2 * len(classes)), rows, -np.log(p_true)),
        (bins, rows, correct - confidence),
    ]
    where, column, value = (np.concatenate(part) for part in zip(*parts, strict=True))
    return csr_array(
        (value, (where, column)), shape=(2 * len(classes) + 1 + CALIBRATION_BINS, len(labels))
    )


def paired(
    best: str, other: str, members: dict, scores: list[dict], samples_of: dict, right: list
) -> dict:
    """The best model's lead over another: difference of macro-F1, paired bootstrap, McNemar."""
    ours, theirs = members[best], members[other]
    means = [np.mean([scores[p]["macro_f1"] for p in places]) for places in (ours, theirs)]
    drawn = samples_of["macro_f1"][ours].mean(axis=0) - samples_of["macro_f1"][theirs].mean(axis=0)
    only_best = int((right[ours[0]] & ~right[theirs[0]]).sum())
    only_other = int((right[theirs[0]] & ~right[ours[0]]).sum())
    p, method = mcnemar(only_best, only_other)
    return {
        "best": best,
        "other": other,
        "difference": float(means[0] - means[1]),
        "interval": percentiles(drawn),
        "p_bootstrap": bootstrap_p_value(drawn),
        "only_best_right": only_best,
        "only_other_right": only_other,
        "p_mcnemar": p,
        "mcnemar": method,
    }


def verdict(row: dict) -> str:
    """A comparison in plain words."""
    low, high = row["interval"]
    lead = (
        f"{100 * row['difference']:+.1f} points of macro-F1 ({100 * low:+.1f} to {100 * high:+.1f})"
    )
    real = row["p_bootstrap_holm"] < ALPHA
    apart = row["p_mcnemar_holm"] < ALPHA
    more = "more" if row["difference"] >= 0 else "fewer"
    documents = abs(row["only_best_right"] - row["only_other_right"])
    if not apart:
        accuracy = "does not tell them apart"
    elif real:
        accuracy = "also tells them apart"
    else:
        accuracy = "tells them apart"
    return (
        f"{row['best']} against {row['other']}: {lead}, "
        f"{'a real difference' if real else 'within chance'} (p = {row['p_bootstrap_holm']:.3f}); "
        f"it has {documents} {more} documents right by one run each, and McNemar's test {accuracy} "
        f"(p = {row['p_mcnemar_holm']:.3f})"
    )


def opinions(aligned: Aligned) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Each single model's answers by the mean of its runs.

    Returns names, predictions (n, n_models) as codes, and confidences (n, n_models).
    """
    members: dict[str, list[np.ndarray]] = {}
    for run, p in zip(*single_runs(aligned), strict=True):
        members.setdefault(run.model, []).append(p)
    tops = [top_labels(mean_probabilities(own)) for own in members.values()]
    predictions, confidence = (np.stack(part, axis=1) for part in zip(*tops, strict=True))
    return list(members), predictions, confidence


def disagreements(
    aligned: Aligned, models: list[str], predictions: np.ndarray, confidence: np.ndarray
):
    """Documents on which models differ, the most confident contradictions first: a frame.

    `contradiction` is the confidence of the second most confident of the different answers.
    models, predictions, confidence: see `opinions`.
    """
    rows = np.flatnonzero((predictions != predictions[:, :1]).any(axis=1))
    order = np.argsort(-confidence[rows], axis=1, kind="stable")
    ranked = np.take_along_axis(predictions[rows], order, 1)
    surest = np.take_along_axis(confidence[rows], order, 1)
    second = (ranked != ranked[:, :1]).argmax(axis=1)  # the first answer unlike the surest one
    contradiction = surest[np.arange(len(rows)), second]
    frame = opinion_frame(aligned, rows, models, predictions, confidence)
    frame.insert(2, "contradiction", contradiction)
    return frame.sort_values("contradiction", ascending=False, kind="stable", ignore_index=True)


def likely_label_errors(
    aligned: Aligned,
    models: list[str],
    predictions: np.ndarray,
    confidence: np.ndarray,
    confident: float,
):
    """Documents that every model confidently puts into one class, not the label's; surest first."""
    agreed = (predictions == predictions[:, :1]).all(axis=1) & (predictions[:, 0] != aligned.labels)
    rows = np.flatnonzero(agreed & (confidence.min(axis=1) >= confident))
    frame = opinion_frame(aligned, rows, models, predictions, confidence)
    frame.insert(2, "least_confidence", confidence[rows].min(axis=1))
    return frame.sort_values("least_confidence", ascending=False, kind="stable", ignore_index=True)


def opinion_frame(
    aligned: Aligned,
    rows: np.ndarray,
    models: list[str],
    predictions: np.ndarray,
    confidence: np.ndarray,
) -> pd.DataFrame:
    """The documents of some rows: id, label, and each model's prediction and confidence."""
    names = np.array(aligned.class_names, dtype=object)
    columns = {"id": aligned.ids[rows], "label": names[aligned.labels[rows]]}
    for place, model in enumerate(models):
        columns[f"prediction {model}"] = names[predictions[rows, place]]
        columns[f"confidence {model}"] = confidence[rows, place]
    return pd.DataFrame(columns)
