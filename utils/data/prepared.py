"""The prepared folder: what `utils.prepare_dataset` writes and every package reads back."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.parquet as pq

from utils.data.content import content_column
from utils.data.corpus import SPLITS, Corpus, DataOptions, build_corpus, spool_to_arrow
from utils.data.readers import Row
from utils.errors import InputError
from utils.records import ReadReport


def is_prepared(source: str | Path) -> bool:
    """Whether a source is a folder that `prepare_dataset` wrote."""
    return (Path(source) / "dataset.json").exists()


def save_prepared(corpus: Corpus, folder: Path):
    """Write the splits as `save_to_disk` does, dataset.json, unlabelled.parquet and dropped.csv
    into a new folder.
    """
    corpus.splits.save_to_disk(str(folder))
    if len(corpus.unlabelled):
        corpus.unlabelled.to_parquet(str(folder / "unlabelled.parquet"))
    if corpus.dropped:
        with open(folder / "dropped.csv", "w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream)
            writer.writerow(["split", "id", "label", "reason"])
            writer.writerows(corpus.dropped)
    # Last: with it the folder counts as prepared.
    text = json.dumps(corpus.info, ensure_ascii=False, indent=2)
    (folder / "dataset.json").write_text(text + "\n", encoding="utf-8")


def load_prepared(folder: Path) -> Corpus:
    """Read a folder that `save_prepared` wrote; nothing is written into it.

    Raises:
        InputError: a file is missing or damaged.
    """
    info = read_info(folder)
    try:
        splits = datasets.load_from_disk(str(folder))
        splits = datasets.DatasetDict({s: splits[s] for s in SPLITS})
        columns = set(splits["train"].column_names)
        if columns not in ({"id", "text", "label"}, {"id", "image", "label"}):
            raise ValueError(f"columns {splits['train'].column_names}")
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise unreadable(folder, error) from None
    return Corpus(splits, load_unlabelled(folder), info, [])


def read_info(folder: Path) -> dict[str, Any]:
    """What dataset.json of a prepared folder records."""
    try:
        info = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
        if not isinstance(info, dict) or not isinstance(info.get("options", {}), dict):
            raise ValueError("dataset.json holds no description")
    except (OSError, ValueError) as error:
        raise unreadable(folder, error) from None
    return info


def unreadable(folder: Path, error: Exception) -> InputError:
    """What a user is told of a prepared folder that was damaged or copied in part."""
    return InputError(
        f"{folder}: a prepared dataset that cannot be read ({error}); prepare it again"
    )


def load_unlabelled(folder: Path) -> datasets.Dataset:
    """The rows without a label of a prepared folder: columns id, text (or image)."""
    path = Path(folder) / "unlabelled.parquet"
    if path.exists():
        return datasets.Dataset(pq.read_table(path))
    return datasets.Dataset.from_dict({"id": [], "text": []})


def apply_options(corpus: Corpus, options: DataOptions) -> Corpus:
    """Apply options (a sample, dropped leaks) to a dataset that is already cut.

    Its description keeps how it was read and cut when it was prepared.
    """
    log = ReadReport()
    content = content_column(corpus.splits["train"].column_names)
    table = spool_to_arrow(corpus_rows(corpus), log, content)
    changed = build_corpus(table, corpus.info["source"], options, log)
    changed.info["options"] = corpus.info.get("options", {}) | corpus.options
    changed.options = corpus.options
    return changed


def corpus_rows(corpus: Corpus) -> Iterator[Row]:
    """The rows of a corpus as a reader yields them; those without a label as rows of train."""
    content = content_column(corpus.splits["train"].column_names)
    for split, dataset in corpus.splits.items():
        class_names = dataset.features["label"].names
        for row in stored_rows(dataset, content):
            yield split, row["id"], row[content], class_names[row["label"]]
    if len(corpus.unlabelled):
        for row in stored_rows(corpus.unlabelled, content):
            yield "train", row["id"], row[content], None


def stored_rows(dataset: datasets.Dataset, content: str) -> Iterator[dict[str, Any]]:
    """The rows with texts as they are and images as the bytes of their files."""
    if content == "text":
        yield from dataset
        return
    for row in dataset.cast_column("image", datasets.Image(decode=False)):
        yield row | {"image": row["image"]["bytes"]}
