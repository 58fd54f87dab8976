"""How far two sets of answers are apart, in class shares and confidences: size and chance."""

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp

DIVISIONS = 2000  # random ones, that show what is chance
FEW = 100  # documents below which only large changes can be seen
SMOOTHING = 0.5  # documents added to every class, so that an empty one has a share


def class_drift(
    reference: pd.Series, current: pd.Series, psi_from: float, alpha: float, seed: int = 0
) -> dict:
    """Whether the classes' shares have changed: by a large enough stability index, beyond chance.

    PSI = Σ (c - r) ln(c / r) over the classes' shares r and c (Siddiqi 2006, Credit Risk
    Scorecards, ch. 6, who calls less than 0.1 no change and more than 0.25 a large one), with half
    a document added to each class. Rare classes inflate it, so what it is by chance, the mean over
    random divisions of all documents into two such sides, is taken off: drift is PSI - PSI by
    chance from `psi_from` on. p is of Pearson's chi-square statistic of homogeneity among the same
    divisions, which holds for rare classes too; it is at least 1 / (1 + 2,000), and below `alpha`
    for drift. (By hand, not by chi2_contingency's random tables: the index needs the same ones.)

    Args:
        reference, current: (n,) and (m,) class names, not null.
    """
    names = sorted(set(reference.unique()) | set(current.unique()))
    counts = np.array(
        [values.value_counts().reindex(names, fill_value=0) for values in (reference, current)]
    )
    totals = counts.sum(axis=1)

    # What both statistics are where chance alone divides the documents.
    rng = np.random.default_rng(seed)
    drawn = rng.multivariate_hypergeometric(
        counts.sum(axis=0), totals[0], size=DIVISIONS, method="marginals"
    )
    by_chance = [
        psi_parts(drawn, counts.sum(axis=0) - drawn).sum(axis=1),
        chi_square(drawn, counts.sum(axis=0)),
    ]

    # What they are.
    parts = psi_parts(counts[:1], counts[1:])[0]
    statistic = chi_square(counts[:1], counts.sum(axis=0))[0]
    p = float((1 + (by_chance[1] >= statistic * (1 - 1e-9)).sum()) / (1 + DIVISIONS))
    shares = counts / totals[:, None]
    rows = [
        {
            "class": name,
            "reference": int(counts[0, i]),
            "current": int(counts[1, i]),
            "reference_share": float(shares[0, i]),
            "current_share": float(shares[1, i]),
            "psi": float(parts[i]),
        }
        for i, name in enumerate(names)
    ]
    rows.sort(key=by_change)
    psi, psi_by_chance = float(parts.sum()), float(by_chance[0].mean())
    return {
        "drift": bool(psi - psi_by_chance >= psi_from and p < alpha),
        "psi": psi,
        "psi_by_chance": psi_by_chance,
        "psi_from": psi_from,
        "p": p,
        "alpha": alpha,
        "reference_documents": int(totals[0]),
        "current_documents": int(totals[1]),
        "new_classes": [row["class"] for row in rows if not row["reference"]],
        "vanished_classes": [row["class"] for row in rows if not row["current"]],
        "classes": rows,
    }


def psi_parts(reference: np.ndarray, current: np.ndarray) -> np.ndarray:
    """Each class's part of the PSI (rows, n_classes), of counts of the same shape."""
    sides = [counts + SMOOTHING for counts in (reference, current)]
    r, c = (side / side.sum(axis=1, keepdims=True) for side in sides)
    return (c - r) * np.log(c / r)


def chi_square(first: np.ndarray, both: np.ndarray) -> np.ndarray:
    """Pearson's statistic (rows,) of the homogeneity of two sides.

    first: counts (rows, n_classes) of one side. both: counts (n_classes,) of the two together.
    """
    expected = both * first.sum(axis=1, keepdims=True) / both.sum()
    squares = (first - expected) ** 2
    return (squares / expected + squares / (both - expected)).sum(axis=1)


def by_change(row: dict) -> tuple:
    """The order of classes: largest change of the share first, then by name."""
    return -abs(row["current_share"] - row["reference_share"]), row["class"]


def confidence_drift(
    reference: np.ndarray, current: np.ndarray, ks_from: float, alpha: float
) -> dict:
    """Whether confidences are distributed otherwise, by a Kolmogorov-Smirnov test.

    Drift is a distance from `ks_from` on with p below `alpha`.

    Args:
        reference, current: (n,) and (m,) confidences without NaN, at least one each.
    """
    test = ks_2samp(reference, current)
    return {
        "drift": bool(test.statistic >= ks_from and test.pvalue < alpha),
        "ks": float(test.statistic),
        "ks_from": ks_from,
        "p": float(test.pvalue),
        "alpha": alpha,
        "reference_documents": len(reference),
        "current_documents": len(current),
        "reference_median": float(np.median(reference)),
        "current_median": float(np.median(current)),
        "reference_mean": float(reference.mean()),
        "current_mean": float(current.mean()),
    }


def class_words(drift: dict) -> str:
    """The change of the class shares in plain words."""
    verdict = "have changed" if drift["drift"] else "show no drift"
    moved = [
        f"{row['class']} from {row['reference_share']:.1%} to {row['current_share']:.1%}"
        for row in drift["classes"][:3]
    ]
    words = (
        f"Class shares {verdict}: PSI {drift['psi']:.3f}, {drift['psi_by_chance']:.3f} of it by "
        f"chance (drift from {drift['psi_from']:g} on), chi-square {p_words(drift['p'])}; "
        f"{sizes(drift)}. "
        f"Most: {'; '.join(moved)}."
    )
    if drift["new_classes"]:
        words += f" Never seen in the reference: {', '.join(drift['new_classes'][:10])}."
    return words


def confidence_words(drift: dict) -> str:
    """The change of the confidences in plain words."""
    way = np.sign(drift["current_median"] - drift["reference_median"])
    verdict = "shows no drift"
    if drift["drift"]:
        verdict = {-1: "has fallen", 0: "is distributed otherwise", 1: "has risen"}[int(way)]
    return (
        f"Confidence {verdict}: KS distance {drift['ks']:.3f} (drift from "
        f"{drift['ks_from']:g} on), {p_words(drift['p'])}; {sizes(drift)}; median from "
        f"{drift['reference_median']:.3f} to {drift['current_median']:.3f}."
    )


def sizes(drift: dict) -> str:
    """How many documents each side has, and whether they are few."""
    few = min(drift["reference_documents"], drift["current_documents"])
    warning = f", so few that only large changes show (fewer than {FEW})" if few < FEW else ""
    return (
        f"{drift['current_documents']:,} documents now, {drift['reference_documents']:,} in the "
        f"reference{warning}"
    )


def p_words(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
