"""How far two sets of answers are apart: class shares and confidences, by an effect's size and by its chance."""

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, ks_2samp

RARE = 5  # a class with a lower expected count is pooled with the other rare ones for the chi-square test
FEW = 100  # documents below which only great changes can be seen
SMOOTHING = 0.5  # documents added to every class, so that an empty one has a share


def class_drift(reference: pd.Series, current: pd.Series, psi_from: float, alpha: float) -> dict:
    """Whether the classes' shares have changed: population stability index from `psi_from` on, and p below `alpha`.

    PSI = Σ (c - r) ln(c / r) over the classes' shares r and c (Siddiqi 2006, Credit Risk Scorecards, ch. 6, who calls
    less than 0.1 no change and more than 0.25 a great one), with half a document added to each class. p is of
    Pearson's chi-square test of homogeneity; classes with an expected count below 5 are pooled.

    Args:
        reference, current: (n,) and (m,) class names, not null.
    """
    names = sorted(set(reference.unique()) | set(current.unique()))
    counts = np.array([values.value_counts().reindex(names, fill_value=0) for values in (reference, current)])
    totals = counts.sum(axis=1)
    r, c = ((counts + SMOOTHING) / (totals + SMOOTHING * len(names))[:, None])
    parts = (c - r) * np.log(c / r)
    p, pooled = chi_square(counts)
    shares = counts / totals[:, None]
    rows = [{"class": name, "reference": int(counts[0, i]), "current": int(counts[1, i]),
             "reference_share": float(shares[0, i]), "current_share": float(shares[1, i]), "psi": float(parts[i])}
            for i, name in enumerate(names)]
    rows.sort(key=by_change)
    psi = float(parts.sum())
    return {"drift": bool(psi >= psi_from and p < alpha), "psi": psi, "psi_from": psi_from, "p": p, "alpha": alpha,
            "reference_documents": int(totals[0]), "current_documents": int(totals[1]), "pooled_classes": pooled,
            "new_classes": [row["class"] for row in rows if not row["reference"]],
            "vanished_classes": [row["class"] for row in rows if not row["current"]], "classes": rows}


def by_change(row: dict):
    return -abs(row["current_share"] - row["reference_share"]), row["class"]


def chi_square(counts: np.ndarray) -> tuple[float, int]:
    """p-value of the homogeneity of counts (2, n_classes), and how many rare classes were pooled."""
    totals = counts.sum(axis=1)
    expected = counts.sum(axis=0) * totals.min() / totals.sum()
    rare = expected < RARE
    table = np.column_stack([counts[:, ~rare], counts[:, rare].sum(axis=1)]) if rare.any() else counts
    table = table[:, table.sum(axis=0) > 0]
    p = float(chi2_contingency(table, correction=False).pvalue) if table.shape[1] > 1 else 1.0
    return p, int(rare.sum())


def confidence_drift(reference: np.ndarray, current: np.ndarray, ks_from: float, alpha: float) -> dict:
    """Whether confidences are distributed otherwise: Kolmogorov-Smirnov distance from `ks_from` on, p below `alpha`.

    Args:
        reference, current: (n,) and (m,) confidences without NaN, at least one each.
    """
    test = ks_2samp(reference, current)
    return {"drift": bool(test.statistic >= ks_from and test.pvalue < alpha), "ks": float(test.statistic),
            "ks_from": ks_from, "p": float(test.pvalue), "alpha": alpha, "reference_documents": len(reference),
            "current_documents": len(current), "reference_median": float(np.median(reference)),
            "current_median": float(np.median(current)), "reference_mean": float(reference.mean()),
            "current_mean": float(current.mean())}


def class_words(drift: dict) -> str:
    """The change of the class shares in plain words."""
    verdict = "have changed" if drift["drift"] else "show no drift"
    moved = [f"{row['class']} from {row['reference_share']:.1%} to {row['current_share']:.1%}"
             for row in drift["classes"][:3]]
    words = (f"Class shares {verdict}: PSI {drift['psi']:.3f} (drift from {drift['psi_from']:g} on), chi-square "
             f"{p_words(drift['p'])}; {sizes(drift)}. Most: {'; '.join(moved)}.")
    if drift["new_classes"]:
        words += f" Never seen in the reference: {', '.join(drift['new_classes'][:10])}."
    return words


def confidence_words(drift: dict) -> str:
    """The change of the confidences in plain words."""
    way = np.sign(drift["current_median"] - drift["reference_median"])
    moved = {-1: "has fallen", 0: "is distributed otherwise", 1: "has risen"}[int(way)]
    verdict = moved if drift["drift"] else "shows no drift"
    return (f"Confidence {verdict}: KS distance {drift['ks']:.3f} (drift from {drift['ks_from']:g} on), "
            f"{p_words(drift['p'])}; {sizes(drift)}; median from {drift['reference_median']:.3f} to "
            f"{drift['current_median']:.3f}.")


def sizes(drift: dict) -> str:
    few = min(drift["reference_documents"], drift["current_documents"])
    warning = f", so few that only great changes show (fewer than {FEW})" if few < FEW else ""
    return f"{drift['current_documents']:,} documents now, {drift['reference_documents']:,} in the reference{warning}"


def p_words(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
