"""Intervals and tests against published worked examples, and the bootstraps against resampling rows
one by one.
"""

import math

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import balanced_accuracy_score, f1_score

from wf_metrics.intervals import (
    bootstrap_balanced_accuracy,
    bootstrap_macro_f1,
    bootstrap_p_value,
    holm,
    mcnemar,
    percentiles,
    resample_counts,
    wilson,
)


# Newcombe 1998, Statistics in Medicine 17:857-872, table I, method 3 (score interval without
# continuity correction).
@pytest.mark.parametrize(
    "right, n, low, high",
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_of_newcombe(right, n, low, high):
    assert wilson(right, n) == pytest.approx([low, high], abs=5e-5)


@pytest.mark.parametrize("right, n", [(0, 1), (1, 1), (3, 7), (81, 263), (999_999, 1_000_000)])
def test_wilson_is_its_formula(right, n):
    """Wilson 1927: the centre is drawn to a half by z² pseudo-documents."""
    z, share = norm.ppf(0.975), right / n
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    assert wilson(right, n) == pytest.approx([centre - half, centre + half], abs=1e-12)


@pytest.mark.parametrize("first, second", [(0, 5), (3, 9), (12, 12), (24, 0)])
def test_exact_mcnemar_is_the_sum_of_the_binomial(first, second):
    n = first + second
    tail = sum(math.comb(n, k) for k in range(min(first, second) + 1)) / 2**n
    assert mcnemar(first, second) == (pytest.approx(min(1, 2 * tail), abs=1e-12), "exact")


@pytest.mark.parametrize("first, second", [(25, 0), (40, 8), (30, 31), (700, 812)])
def test_mcnemar_of_many_is_edwards_chi_square(first, second):
    statistic = max(0, abs(first - second) - 1) ** 2 / (first + second)
    p = math.erfc(math.sqrt(statistic / 2))  # one degree of freedom
    assert mcnemar(first, second) == (pytest.approx(p, rel=1e-12), "chi2")


def test_wilson_at_the_edges():
    assert wilson(0, 0) is None
    assert wilson(20, 20)[1] == pytest.approx(1)
    assert wilson(1, 1)[0] > 0.2


# Discordant counts 9 and 2, 14 more to reach the chi-square: Fay, "Exact McNemar's test and
# matching confidence intervals", vignette of the R package exact2x2: exact p = 0.06543. 40 and 8:
# pingouin's documentation of chi2_mcnemar: chi-square 20.0208, p = 7.66e-6.
@pytest.mark.parametrize(
    "first, second, p, method",
    [
        (9, 2, 0.06543, "exact"),
        (2, 9, 0.06543, "exact"),
        (40, 8, 7.66e-6, "chi2"),
        (0, 0, 1.0, "exact"),
        (12, 12, 1.0, "exact"),
        (30, 30, 1.0, "chi2"),
        (30, 31, 1.0, "chi2"),
        (5, 0, 0.0625, "exact"),
    ],
)
def test_mcnemar(first, second, p, method):
    assert mcnemar(first, second) == (pytest.approx(p, rel=1e-3), method)


# Wikipedia, "Holm-Bonferroni method", example: of .01 .04 .03 .005 at 5 % the first and the last
# are rejected.
def test_holm():
    adjusted = holm([0.01, 0.04, 0.03, 0.005])
    assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert [p < 0.05 for p in adjusted] == [True, False, False, True]
    assert holm([]) == [] and holm([0.7, 0.6]) == [1.0, 1.0]


def test_bootstrap_p_value():
    assert bootstrap_p_value(np.ones(999)) == pytest.approx(2 / 1000)
    assert bootstrap_p_value(np.array([-1, 1] * 500)) == 1
    assert bootstrap_p_value(-np.ones(99)) == pytest.approx(0.02)


def problem(n=400, classes=7, seed=1):
    """Unbalanced labels with a class that is only predicted, and one whose rows are all wrong."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(
        classes, n, p=1 / np.arange(1, classes + 1) / (1 / np.arange(1, classes + 1)).sum()
    )
    predictions = np.where(rng.random(n) < 0.7, labels, rng.integers(0, classes + 2, n))
    predictions[labels == 3] = 2
    return labels, predictions


def rows_within_classes(labels, rng):
    """Row numbers of one resample within each class, drawn row by row."""
    return np.concatenate(
        [rng.choice(np.flatnonzero(labels == c), (labels == c).sum()) for c in np.unique(labels)]
    )


def test_bootstraps_are_those_of_rows():
    labels, predictions = problem()
    rng = np.random.default_rng(7)
    brute = {"balanced": [], "f1": []}
    for _ in range(800):
        rows = rows_within_classes(labels, rng)
        y, p = labels[rows], predictions[rows]
        brute["balanced"].append(np.mean([(p[y == c] == c).mean() for c in np.unique(y)]))
        brute["f1"].append(
            np.mean(
                [
                    2 * ((y == c) & (p == c)).sum() / ((y == c).sum() + (p == c).sum())
                    for c in np.unique(y)
                ]
            )
        )
    fast = {
        "balanced": bootstrap_balanced_accuracy(labels, predictions, 6000, 3),
        "f1": bootstrap_macro_f1(labels, predictions, 6000, 3),
    }
    for name, values in brute.items():
        error = np.std(values) / np.sqrt(800)  # Monte Carlo error of the mean
        assert fast[name].mean() == pytest.approx(np.mean(values), abs=4 * error)
        assert fast[name].std() == pytest.approx(np.std(values), rel=0.1)
        assert percentiles(fast[name]) == pytest.approx(
            percentiles(values), abs=0.25 * np.std(values)
        )


def test_the_brute_force_is_scikit_learns():
    labels, predictions = problem()
    recalls = np.mean([(predictions[labels == c] == c).mean() for c in np.unique(labels)])
    with pytest.warns(UserWarning, match="not in y_true"):
        assert recalls == pytest.approx(balanced_accuracy_score(labels, predictions))
    score = f1_score(
        labels, predictions, average="macro", labels=np.unique(labels), zero_division=0
    )
    low, high = percentiles(bootstrap_macro_f1(labels, predictions, 2000))
    assert low < score < high


def test_bootstrap_of_perfect_and_of_hopeless_predictions():
    labels = np.array([0, 0, 1, 2])
    assert set(bootstrap_macro_f1(labels, labels, 50)) == {1.0}
    assert set(bootstrap_macro_f1(labels, labels + 10, 50)) == {0.0}
    assert set(bootstrap_balanced_accuracy(labels, labels, 50)) == {1.0}


def test_a_seed_gives_the_same_samples():
    labels, predictions = problem()
    for bootstrap in (bootstrap_macro_f1, bootstrap_balanced_accuracy):
        one, two, other = (bootstrap(labels, predictions, 20, seed) for seed in (5, 5, 6))
        assert (one == two).all() and (one != other).any()


def test_resample_counts_keep_every_class_whole():
    labels = np.sort(problem()[0])
    counts = np.concatenate(list(resample_counts(labels, 90, values=4000)), axis=1)
    assert counts.shape == (len(labels), 90)
    for c in np.unique(labels):
        assert (counts[labels == c].sum(axis=0) == (labels == c).sum()).all()
    assert counts.mean() == 1 and counts.mean(axis=1).std() < 0.2
