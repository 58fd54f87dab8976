"""Late fusion: two runs of the same documents as one, weighted as is best on validation."""

import numpy as np

from utils.errors import InputError
from utils.metrics import classification_metrics, softmax
from wf_metrics.paired_predictions import COSTS, Run, align, read_runs

WEIGHTS = np.linspace(0, 1, 41)  # of the first run, in steps of 0.025
# A probability below it counts as it, as in the log loss of utils.metrics.
FLOOR = np.finfo(np.float32).eps


def fuse(one: np.ndarray, other: np.ndarray, weight: float) -> np.ndarray:
    """Probabilities (n, n_classes) float32 in proportion to one^weight · other^(1 − weight)."""
    logs = [np.log(np.maximum(p.astype(np.float64), FLOOR)) for p in (one, other)]
    return softmax(weight * logs[0] + (1 - weight) * logs[1]).astype(np.float32)


def choose_weight(
    labels: np.ndarray, one: np.ndarray, other: np.ndarray
) -> tuple[float, list[float]]:
    """The first one's weight at which the fusion's log loss is lowest, and the losses at `WEIGHTS`.

    Of equal losses the weight nearest to a half counts. labels: (n,) codes; one, other: (n,
    n_classes).
    """
    losses = [
        classification_metrics(labels, fuse(one, other, weight))["log_loss"] for weight in WEIGHTS
    ]
    best = np.lexsort((np.abs(WEIGHTS - 0.5), np.array(losses)))[0]
    return float(WEIGHTS[best]), losses


def fused_run(paths: list[str], split: str) -> tuple[Run, dict]:
    """Two finished runs as one more run of `split`, and how their weights came about.

    Raises:
        InputError: not two single runs, of other documents, labels or classes, without validation
            predictions, or asked for on the split that the weight is chosen on.
    """
    if len(paths) != 2:
        raise InputError(f"--fuse: {len(paths)} runs; give two")
    if split == "validation":
        raise InputError(
            "--fuse: the weight is chosen on validation, so another --split must be compared"
        )
    parts = {name: read_runs(paths, name) for name in ("validation", split)}
    if len(parts[split]) != 2:
        raise InputError(
            f"--fuse {' '.join(paths)}: {len(parts[split])} runs in them; name two, not folders "
            "of runs"
        )
    validation = align(parts["validation"])
    compared = align(parts[split])
    odd_names = set(parts[split][0].class_names) ^ set(parts[split][1].class_names)
    if odd_names:
        raise InputError(
            f"--fuse: {paths[0]} and {paths[1]} do not know the same classes, such as "
            f"{min(odd_names)!r}; fuse runs of one dataset"
        )
    weight, losses = choose_weight(
        validation.labels, validation.probabilities[0], validation.probabilities[1]
    )
    one, other = compared.runs
    model = f"fusion {weight:.3g} × {one.model} + {1 - weight:.3g} × {other.model}"
    costs = {
        cost: one.costs[cost] + other.costs[cost]
        for cost in COSTS
        if cost in one.costs and cost in other.costs
    }
    run = Run(
        name=f"{one.name} + {other.name}",
        model=model,
        seed=None,
        ids=list(compared.ids),
        labels=[compared.class_names[c] for c in compared.labels],
        probabilities=fuse(compared.probabilities[0], compared.probabilities[1], weight),
        class_names=compared.class_names,
        costs=costs,
        parts=(one.name, other.name),
    )
    how = {
        "runs": [one.name, other.name],
        "models": [one.model, other.model],
        "weights": [weight, 1 - weight],
        "chosen_by": "log loss of validation",
        "documents": len(validation.labels),
        "validation_log_loss": dict(zip([f"{w:.3f}" for w in WEIGHTS], losses, strict=True)),
    }
    return run, how
