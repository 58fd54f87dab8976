"""Scores that need every class's probability, from a predictions parquet that is read in row groups."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from utils.metrics import TOP_K, row_scores
from utils.predictions import ROW_GROUP_VALUES


def probability_metrics(paths: list[str], files: pd.DataFrame) -> dict[str, float]:
    """top_3_accuracy and log_loss of the files with a result, where the results are one predictions parquet; else {}.

    A file whose truth the model does not know has the least probability there is, and is never among the first three.

    Args:
        files: truth, prediction and row (the row of its result in the parquet, 1 is the first; null without one).
    """
    class_names = names_in(Path(paths[0])) if len(paths) == 1 else None
    if not class_names:
        return {}
    found = files[files["row"].notna()]
    labels = np.full(pq.ParquetFile(paths[0]).metadata.num_rows, -2)  # -2: the row is not scored, -1: truth unknown
    labels[found["row"].to_numpy(int) - 1] = pd.Categorical(found["truth"], categories=class_names).codes
    losses, first, start = [], 0, 0
    with pq.ParquetFile(paths[0]) as file:
        for batch in file.iter_batches(max(1, ROW_GROUP_VALUES // len(class_names)), columns=["probabilities"]):
            own = labels[start : start + len(batch)]
            values = batch.column(0).flatten().to_numpy(zero_copy_only=False)
            probabilities = values.reshape(len(batch), len(class_names))  # (rows, n_classes)
            start += len(batch)
            if (own >= 0).any():
                *_, p_true, ranks = row_scores(own[own >= 0], probabilities[own >= 0])
                losses.append(-np.log(p_true))
                first += int((ranks < TOP_K).sum())
            losses.append(np.full((own == -1).sum(), -np.log(np.finfo(probabilities.dtype).eps)))
    return {"top_3_accuracy": first / len(found), "log_loss": float(np.concatenate(losses).mean())}


def names_in(path: Path) -> list[str] | None:
    """The class names in a parquet file's metadata; None where there are none."""
    if path.suffix.lower() != ".parquet":
        return None
    schema = pq.read_schema(path)
    stored = (schema.metadata or {}).get(b"class_names")
    return json.loads(stored) if stored and "probabilities" in schema.names else None
