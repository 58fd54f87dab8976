"""A corpus cut anew: cross-validation and repeated holdout over all its labelled rows."""

from collections.abc import Iterator

import datasets
import numpy as np
import pyarrow as pa

from utils.data.content import as_dataset, content_column, content_hash, content_keys
from utils.data.corpus import SPLITS, Corpus
from utils.data.corpus_report import class_report
from utils.data.splits import cut_folds, cut_splits
from utils.errors import InputError


def fold_corpora(
    corpus: Corpus, n_folds: int, seed: int = 0, validation_size: float = 0.1
) -> Iterator[Corpus]:
    """Cross-validation: yield `n_folds` corpora; every labelled row is in the test split of exactly
    one.

    The rows of all splits are pooled; each fold's validation split is cut from its training rows
    (`utils.data.splits.cut_splits`).

    Raises:
        InputError: fewer than 2 folds, or more folds than distinct texts.
    """
    pooled, label_ids, keys = concat_splits(corpus)
    n_texts = len(np.unique(keys))
    if not 2 <= n_folds <= n_texts:
        raise InputError(f"{n_folds} folds of {n_texts} distinct texts; give 2 to one per text")
    folds = cut_folds(label_ids, keys, n_folds, seed)
    for fold in range(n_folds):
        rest = np.flatnonzero(folds != fold)
        cut = cut_splits(label_ids[rest], keys[rest], {"validation": validation_size}, seed)
        rows = {s: rest[numbers] for s, numbers in cut.items()}
        rows["test"] = np.flatnonzero(folds == fold)
        yield derived(corpus, pooled, rows, f"fold {fold + 1} of {n_folds}, seed {seed}")


def repeat_corpora(
    corpus: Corpus,
    n_repeats: int,
    validation_size: float = 0.25,
    test_size: float = 0.25,
    seed: int = 0,
) -> Iterator[Corpus]:
    """Repeated holdout: yield `n_repeats` corpora, the rows of all splits pooled and cut anew with
    seeds seed, seed + 1, …
    """
    pooled, label_ids, keys = concat_splits(corpus)
    sizes = {"validation": validation_size, "test": test_size}
    for repeat in range(n_repeats):
        rows = cut_splits(label_ids, keys, sizes, seed + repeat)
        how = f"repeat {repeat + 1} of {n_repeats}, seed {seed + repeat}"
        yield derived(corpus, pooled, rows, how)


def concat_splits(corpus: Corpus) -> tuple[datasets.Dataset, np.ndarray, np.ndarray]:
    """All labelled rows as one dataset, label ids (n,) int64 and text keys (n,) uint64.

    Ids that repeat between splits get their split's name before them, so that one tells one row.
    """
    content = content_column(corpus.splits["train"].column_names)
    all_ids = [i for dataset in corpus.splits.values() for i in dataset["id"]]
    repeated = len(set(all_ids)) < len(all_ids)
    parts = []
    for split, dataset in corpus.splits.items():
        # A selected dataset has a chunk for each row.
        table = dataset.with_format("arrow")[:].combine_chunks()
        ids = table["id"]
        if repeated:
            ids = pa.array([f"{split}/{i}" for i in ids.to_pylist()])
        table = table.set_column(0, "id", ids.cast(pa.string())).select(["id", content, "label"])
        parts.append(table.replace_schema_metadata(None))
    pooled = pa.concat_tables(parts)
    label_ids = pooled["label"].to_numpy()
    class_names = corpus.splits["train"].features["label"].names
    return as_dataset(pooled, label_ids, class_names), label_ids, content_keys(pooled)


def derived(
    corpus: Corpus, pooled: datasets.Dataset, rows: dict[str, np.ndarray], how: str
) -> Corpus:
    """A corpus of the same rows, cut otherwise.

    Args:
        rows: split -> numbers of its rows in `pooled`. how: for dataset.json.
    """
    splits = datasets.DatasetDict({s: pooled.select(rows[s]) for s in SPLITS})
    class_names = splits["train"].features["label"].names
    label_ids = pooled.with_format("arrow")["label"][:].to_numpy()
    info = corpus.info | {
        "hash": content_hash(splits),
        "derived": {"from": corpus.info["hash"], "how": how},
        "rows": {s: len(d) for s, d in splits.items()} | {"unlabelled": len(corpus.unlabelled)},
        "report": corpus.info["report"] | class_report(rows, label_ids, class_names),
    }
    return Corpus(splits, corpus.unlabelled, info, [])
