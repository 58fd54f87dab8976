"""Linear models: fitted by scikit-learn, kept as arrays, loaded without executing anything."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import ComplementNB
from sklearn.utils.class_weight import compute_class_weight

from linear_baseline.arguments import ModelArguments
from linear_baseline.features import Features
from utils.errors import InputError

MODEL = "model.safetensors"
BATCH_ROWS = 10_000  # of a stream that sgd reads at once


@dataclass
class LinearModel:
    """Scores are X · weights.T + intercept; probabilities are made of them by `link`.

    Attributes:
        weights: (n_classes, n_features); a class without training rows has zeros.
        intercept: (n_classes,); a class without training rows has -inf.
        link: softmax, or one_vs_rest (sigmoids divided by their sum, as SGDClassifier does).
    """

    weights: np.ndarray
    intercept: np.ndarray
    link: str

    def predict_probabilities(self, X: sp.csr_matrix) -> np.ndarray:
        """Class probabilities (n, n_classes) float32 of rows (n, n_features)."""
        scores = np.asarray(X @ self.weights.T) + self.intercept
        if self.link == "softmax":
            return softmax(scores, axis=1).astype(np.float32)
        each = expit(scores)
        total = each.sum(1, keepdims=True)
        known = np.isfinite(self.intercept)
        # Where every class says no, scikit-learn too gives the same to all.
        even = known / known.sum()
        return np.where(total > 0, each / np.where(total > 0, total, 1), even).astype(np.float32)


def of_scikit_learn(model, n_classes: int) -> LinearModel:
    """The arrays of a fitted scikit-learn model, with rows for all `n_classes` classes."""
    if isinstance(model, ComplementNB):
        weights, intercept = model.feature_log_prob_, np.zeros(len(model.classes_))
    else:
        weights, intercept = model.coef_, model.intercept_
    is_binary = len(weights) == 1
    if is_binary:
        # One row of scores speaks for the second class: softmax of (0, score) is its sigmoid.
        weights = np.vstack([np.zeros_like(weights), weights])
        intercept = np.append(0.0, intercept)
    all_weights = np.zeros((n_classes, weights.shape[1]), weights.dtype)
    all_intercepts = np.full(n_classes, -np.inf)
    all_weights[model.classes_] = weights
    all_intercepts[model.classes_] = intercept
    one_vs_rest = isinstance(model, SGDClassifier) and not is_binary
    return LinearModel(all_weights, all_intercepts, "one_vs_rest" if one_vs_rest else "softmax")


def fit(
    args: ModelArguments, X: sp.csr_matrix, label_ids: np.ndarray, n_classes: int, seed: int
) -> LinearModel:
    """A linear model of rows (n, n_features) in memory.

    Args:
        label_ids: (n,) int.
    """
    weights = "balanced" if args.class_weights == "balanced" else None
    if args.classifier == "logistic_regression":
        model = LogisticRegression(C=args.C, class_weight=weights, max_iter=args.max_iter)
    elif args.classifier == "complement_nb":
        model = ComplementNB(alpha=args.alpha)
    else:
        model = SGDClassifier(
            loss="log_loss",
            alpha=args.alpha,
            class_weight=weights,
            max_iter=args.epochs,
            tol=None,
            random_state=seed,
        )
    return of_scikit_learn(model.fit(X, label_ids), n_classes)


def fit_stream(
    args: ModelArguments, features: Features, dataset, n_classes: int, seed: int, bar
) -> LinearModel:
    """A linear model of hashed texts that are read in batches, in a new order each epoch.

    Args:
        dataset: rows with `text` and `label`. bar: counts the rows.
    """
    label_ids = np.array(dataset["label"])
    present = np.unique(label_ids)
    weight_of_row = None
    if args.class_weights == "balanced":
        by_class = np.zeros(n_classes)
        by_class[present] = compute_class_weight("balanced", classes=present, y=label_ids)
        weight_of_row = by_class[label_ids]
    model = SGDClassifier(loss="log_loss", alpha=args.alpha, random_state=seed)
    for epoch in range(args.epochs):
        order = np.random.default_rng([seed, epoch]).permutation(len(dataset))
        for start in range(0, len(order), BATCH_ROWS):
            rows = order[start : start + BATCH_ROWS]
            X = features.transform(dataset.select(rows)["text"])
            sample_weight = None if weight_of_row is None else weight_of_row[rows]
            model.partial_fit(X, label_ids[rows], present, sample_weight=sample_weight)
            bar.update(len(rows))
    return of_scikit_learn(model, n_classes)


def save_model(folder: Path, model: LinearModel, features: Features, class_names: list[str]):
    """Write the arrays of a model and of its features as safetensors."""
    arrays = {"weights": model.weights, "intercept": model.intercept}
    arrays |= {f"idf.{kind}": values for kind, values in features.idf().items()}
    arrays = {name: np.ascontiguousarray(values) for name, values in arrays.items()}
    save_file(
        arrays, folder / MODEL, metadata={"link": model.link, "labels": json.dumps(class_names)}
    )


def load_arrays(folder: Path) -> tuple[LinearModel, dict[str, np.ndarray], list[str]]:
    """The model of a folder, the idf of its features by kind, and the names of its classes.

    Raises:
        InputError: the file was cut short or is none of this package.
    """
    path = folder / MODEL
    try:
        arrays = load_file(path)
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
        class_names = json.loads(metadata["labels"])
        model = LinearModel(arrays["weights"], arrays["intercept"], metadata["link"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path}: cannot be loaded ({reason}); copy the run folder again"
        ) from None
    idf = {
        name.removeprefix("idf."): values
        for name, values in arrays.items()
        if name.startswith("idf.")
    }
    return model, idf, class_names
