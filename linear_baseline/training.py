"""The steps of a training: features and vectors of the splits, the choice of settings, the fit."""

import logging
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from linear_baseline.arguments import ModelArguments
from linear_baseline.features import Features, SentenceEncoder
from linear_baseline.model import LinearModel, fit, fit_stream
from utils.cli import report_progress
from utils.data.cache import cached_folder
from utils.errors import InputError
from utils.metrics import classification_metrics

logger = logging.getLogger(__name__)

# What --tune tries.
TRIED: dict[str, tuple] = {
    "C": (0.3, 1.0, 3.0, 10.0, 30.0, 100.0),
    "class_weights": ("none", "balanced"),
    "encoder_scale": (1.0, 3.0),
}


def check_classes(label_ids: np.ndarray, class_names: list[str]):
    """Refuse training rows, by their label ids (n,), that are all of one class."""
    present = np.unique(label_ids)
    if len(present) < 2:
        raise InputError(
            f"the train split has a single class ({class_names[present[0]]}); give two or more"
        )


def sentence_vectors(splits, encoder: SentenceEncoder) -> dict[str, np.ndarray]:
    """Each split's vectors (n, size) float32, from the cache when these very rows were encoded
    before.
    """

    def encoded(split: str) -> np.ndarray:
        texts = [text or "" for text in splits[split]["text"]]
        with report_progress(lambda: f"encoding the {split} split, {len(texts)} texts"):
            return encoder(texts)

    def write(folder: Path):
        for split in splits:
            np.save(folder / f"{split}.npy", encoded(split))

    folder = cached_folder("vectors", splits, encoder.identity(), write)
    if folder is None:
        return {split: encoded(split) for split in splits}
    return {split: np.load(folder / f"{split}.npy") for split in splits}


def is_streamed(args: ModelArguments) -> bool:
    """Whether texts are read in batches, so that no matrix of all of them is held."""
    return args.vectorizer == "hashing" and args.classifier == "sgd"


def fit_streamed(
    args: ModelArguments, features: Features, dataset, n_classes: int, seed: int
) -> LinearModel:
    """A model of hashed texts in bounded memory, with a bar or a line now and then."""
    total = args.epochs * len(dataset)
    bar = tqdm(total=total, desc="fitting", unit=" texts", unit_scale=True, disable=None)
    done = report_progress(lambda: f"fitting: {bar.n} of {total} texts")
    with bar, done:
        return fit_stream(args, features, dataset, n_classes, seed, bar)


def fit_matrix(
    args: ModelArguments, X, label_ids: np.ndarray, n_classes: int, seed: int
) -> LinearModel:
    """A model of a matrix in memory, with a line now and then, since a fit can take minutes."""
    begun = time.perf_counter()

    def describe() -> str:
        seconds = time.perf_counter() - begun
        return f"fitting {X.shape[0]} rows of {X.shape[1]} features: {seconds:.0f} s"

    with report_progress(describe):
        return fit(args, X, label_ids, n_classes, seed)


def tune(
    args: ModelArguments,
    features: Features,
    counts: dict,
    vectors: dict,
    label_ids: dict[str, np.ndarray],
    n_classes: int,
) -> tuple[ModelArguments, list[dict]]:
    """The settings with the best macro-F1 on validation, and what each one reached.

    `args` says where the search begins.

    Args:
        counts, vectors: split -> matrix, or None where there are none.
        label_ids: split -> (n,) int.
    """
    tried: dict[tuple, dict] = {}

    def score(setting: ModelArguments) -> float:
        key = (setting.C, setting.class_weights, setting.encoder_scale)
        if key not in tried:
            features.scale = setting.encoder_scale
            X = features.join(counts["train"], vectors["train"])
            model = fit_matrix(setting, X, label_ids["train"], n_classes, seed=0)
            held_out = features.join(counts["validation"], vectors["validation"])
            metrics = classification_metrics(
                label_ids["validation"], model.predict_probabilities(held_out)
            )
            row = dict(zip(("C", "class_weights", "encoder_scale"), key, strict=True))
            tried[key] = row | {"macro_f1": metrics["macro_f1"]}
            logger.info(", ".join(f"{name} {value}" for name, value in tried[key].items()))
        return tried[key]["macro_f1"]

    # One setting after the other, each with the best of those before; of equals the first.
    best = args
    for name, choices in TRIED.items():
        if name == "encoder_scale" and not args.encoder:
            continue
        best = max((replace(best, **{name: choice}) for choice in choices), key=score)
    features.scale = best.encoder_scale
    return best, list(tried.values())
