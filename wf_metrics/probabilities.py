"""Scores that need every class's probability, from a predictions parquet read in row groups."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from utils.errors import InputError
from utils.metrics import TOP_K, row_scores
from utils.predictions import ROW_GROUP_VALUES


def probability_metrics(paths: list[str], files: pd.DataFrame) -> dict[str, float]:
    """top_3_accuracy and log_loss of the files with a result; {} without probabilities.

    There are probabilities where the results are one predictions parquet.

    A file whose truth the model does not know has the least probability there is, and is never
    among the first three.

    Args:
        files: truth, prediction and row (the row of its result in the parquet, 1 is the first; null
            without one).

    Raises:
        InputError: the parquet names its classes, but its probabilities are not theirs.
    """
    path = Path(paths[0])
    class_names = names_in(path) if len(paths) == 1 and path.is_file() else None
    if not class_names:
        return {}
    found = files[files["row"].notna()]
    # Of each row of the parquet: -2 where it is not scored, -1 where the model lacks its truth.
    labels = np.full(pq.read_metadata(path).num_rows, -2)
    labels[found["row"].to_numpy(int) - 1] = pd.Index(class_names).get_indexer(found["truth"])
    losses, first, start = [], 0, 0
    rows = max(1, ROW_GROUP_VALUES // len(class_names))
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(rows, columns=["probabilities"]):
            own = labels[start : start + len(batch)]
            probabilities = matrix_of(path, batch.column(0), len(class_names))
            start += len(batch)
            if (own >= 0).any():
                try:
                    *_, p_true, ranks = row_scores(own[own >= 0], probabilities[own >= 0])
                except ValueError:
                    raise InputError(
                        f"{path}: a row of probabilities is below 0 or does not sum to 1; write "
                        "it again, or without them"
                    ) from None
                losses.append(-np.log(p_true))
                first += int((ranks < TOP_K).sum())
            # The least probability there is, as for a class that the model gives none.
            losses.append(np.full((own == -1).sum(), -np.log(np.finfo(probabilities.dtype).eps)))
    return {"top_3_accuracy": first / len(found), "log_loss": float(np.concatenate(losses).mean())}


def matrix_of(path: Path, lists: pa.Array, n_classes: int) -> np.ndarray:
    """The probabilities (rows, n_classes) of a column of lists."""
    kind = lists.type
    if (
        not pa.types.is_list(kind)
        or not pa.types.is_floating(kind.value_type)
        or pc.any(pc.not_equal(pc.fill_null(pc.list_value_length(lists), 0), n_classes)).as_py()
    ):
        raise InputError(
            f"{path}: not every row has {n_classes} probabilities, one a class; write it again"
        )
    return lists.flatten().to_numpy(zero_copy_only=False).reshape(len(lists), n_classes)


def names_in(path: Path) -> list[str] | None:
    """The class names in a parquet file's metadata; None where there are none."""
    if path.suffix.lower() != ".parquet":
        return None
    schema = pq.read_schema(path)
    stored = (schema.metadata or {}).get(b"class_names")
    if not stored or "probabilities" not in schema.names:
        return None
    try:
        names = json.loads(stored)
    except ValueError:
        names = None
    if not isinstance(names, list) or len(set(map(str, names))) < len(names):
        raise InputError(
            f"{path}: class_names in its metadata is no list of different names; write it again"
        )
    return names
