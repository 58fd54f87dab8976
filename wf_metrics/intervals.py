"""How sure a score is: Wilson intervals, stratified bootstraps, McNemar's test, Holm's correction.

A bootstrap within classes is too sure of classes of a few documents: see `rare_class_words`.
"""

import numpy as np
from scipy.stats import binomtest, chi2

LEVEL = 0.95
SAMPLES = 1000
EXACT_BELOW = 25  # discordant documents: fewer are tested by the exact binomial
# Documents of a class below which a bootstrap within classes is too sure: five right of five are
# five right of five in every resample.
RARE_BELOW = 5


def wilson(right: int, n: int, level: float = LEVEL) -> list[float] | None:
    """Wilson's score interval [low, high] of the proportion right / n; None of none.

    Without continuity correction (Wilson 1927, J. Amer. Stat. Assoc. 22:209).
    """
    if n == 0:
        return None
    interval = binomtest(right, n).proportion_ci(level, method="wilson")
    return [float(interval.low), float(interval.high)]


def percentiles(samples, level: float = LEVEL) -> list[float]:
    """The percentile interval [low, high] of bootstrap samples (n_samples,).

    (Efron & Tibshirani 1993, ch. 13.)
    """
    return [float(q) for q in np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])]


def bootstrap_balanced_accuracy(
    labels, predictions, samples: int = SAMPLES, seed: int = 0
) -> np.ndarray:
    """Balanced accuracy of `samples` resamples (samples,), drawn with replacement within each true
    class.

    labels, predictions: (n,) integers, labels from 0 on; a prediction may be no class. A class of n
    rows, h of them right, has Binomial(n, h / n) right ones in a resample: no row is drawn.
    """
    rng = np.random.default_rng(seed)
    support, hits = class_counts(np.asarray(labels), np.asarray(predictions))
    return (rng.binomial(support, hits / support, (samples, len(support))) / support).mean(axis=1)


def bootstrap_macro_f1(labels, predictions, samples: int = SAMPLES, seed: int = 0) -> np.ndarray:
    """Macro-F1 of `samples` resamples (samples,), drawn with replacement within each true class.

    Arguments as in `bootstrap_balanced_accuracy`. The average runs over the classes that occur in
    the labels, which are the same in every resample. The right rows of a class are a binomial
    number; only the wrong ones are drawn one by one, for where they go decides the precision of
    other classes. The distribution is that of resampling rows.
    """
    rng = np.random.default_rng(seed)
    labels = np.asarray(labels)
    predictions = np.asarray(predictions)
    classes = np.flatnonzero(np.bincount(labels))
    support, hits = class_counts(labels, predictions)
    wrong = np.flatnonzero(labels != predictions)
    wrong = wrong[np.argsort(labels[wrong], kind="stable")]

    # Where each wrong row goes: its predicted class among the true ones, or one place more. The
    # last entry is for a draw that rounding takes just behind the last row.
    place = np.searchsorted(classes, predictions[wrong])
    known = classes[np.minimum(place, len(classes) - 1)] == predictions[wrong]
    goes_to = np.append(np.where(known, place, len(classes)), len(classes))
    misses = support - hits
    buffer = np.empty(len(wrong) + 1)
    start = np.cumsum(misses) - misses
    drawn_hits = rng.binomial(support, hits / support, (samples, len(classes)))
    scores = np.empty(samples)
    for sample, right in enumerate(drawn_hits):
        missed = support - right
        if missed.sum() > len(buffer):
            buffer = np.empty(2 * missed.sum())
        # Floats all through, and 32-bit row numbers: conversions of 64-bit integers would cost as
        # much as the draws.
        shares = rng.random(out=buffer[: missed.sum()])
        shares *= np.repeat(misses.astype(float), missed)
        shares += np.repeat(start.astype(float), missed)
        predicted = (
            right + np.bincount(goes_to[shares.astype(np.int32)], minlength=len(classes) + 1)[:-1]
        )
        scores[sample] = (2 * right / (support + predicted)).mean()
    return scores


def class_counts(labels, predictions):
    """Rows, and right rows, of each class that occurs, in rising order: two (n_present,) arrays."""
    support = np.bincount(labels)
    hits = np.bincount(labels[labels == predictions], minlength=len(support))
    return support[support > 0], hits[support > 0]


def resample_counts(labels, samples: int, seed: int = 0, values: int = 2**22):
    """Yield (n, m) float64 arrays: how often each row occurs in each of m resamples, `samples` of
    them in all.

    labels: (n,) class codes in rising order. Rows are drawn with replacement within each class. An
    array has about `values` numbers.
    """
    rng = np.random.default_rng(seed)
    labels = np.asarray(labels)
    n = len(labels)
    _, first, sizes = np.unique(labels, return_index=True, return_counts=True)
    start, size = np.repeat(first, sizes), np.repeat(sizes, sizes)
    at_once = max(1, values // n)
    for done in range(0, samples, at_once):
        counts = np.empty((n, min(at_once, samples - done)))
        for column in range(counts.shape[1]):
            rows = start + (rng.random(n) * size).astype(np.intp)
            counts[:, column] = np.bincount(rows, minlength=n)
        yield counts


def bootstrap_p_value(differences) -> float:
    """Two-sided p-value that the true difference is 0, from its bootstrap samples (n_samples,).

    Twice the share of samples at or beyond 0 on the rarer side, counting the observed one too, so
    that it is never 0 (Davison & Hinkley 1997, eq. 4.11).
    """
    differences = np.asarray(differences)
    rarer = min((differences <= 0).sum(), (differences >= 0).sum())
    return float(min(1, 2 * (1 + rarer) / (1 + len(differences))))


def mcnemar(only_first: int, only_second: int) -> tuple[float, str]:
    """Two-sided p-value that two models are right equally often, and how it was found.

    only_first, only_second: documents that only one of the two has right. Exact binomial below 25
    of them, else chi-square with one degree of freedom and Edwards' continuity correction (McNemar
    1947; Edwards 1948).
    """
    n = only_first + only_second
    if n == 0:
        return 1.0, "exact"
    if n < EXACT_BELOW:
        return float(binomtest(only_first, n).pvalue), "exact"
    # By hand: chi2_contingency tests independence, not whether two pairs are as frequent.
    statistic = max(0, abs(only_first - only_second) - 1) ** 2 / n
    return float(chi2.sf(statistic, df=1)), "chi2"


def rare_class_words(names, support, what: str = "classes") -> str | None:
    """A warning where classes have so few documents that intervals are too narrow; None without.

    names, support: n class names and their documents; those of none are not counted.
    """
    present = [(name, int(n)) for name, n in zip(names, support, strict=True) if n]
    rare = [(name, n) for name, n in present if n < RARE_BELOW]
    if not rare:
        return None
    shown = ", ".join(f"{name} ({n})" for name, n in rare[:5])
    more = f" and {len(rare) - 5} more" if len(rare) > 5 else ""
    return (
        f"{len(rare)} of {len(present)} {what} have fewer than {RARE_BELOW} documents: {shown}"
        f"{more}; with so few, the intervals of balanced accuracy and macro-F1 are too narrow"
    )


def holm(p_values) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given (Holm 1979)."""
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(1, np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order]))
    return adjusted.tolist()
