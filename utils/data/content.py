"""A corpus as `datasets` holds it, and what tells its documents apart: keys, content hash."""

import hashlib
import uuid
from collections.abc import Iterable, Mapping

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from utils.text import VISIBLE, match_keys

STRING = pa.string()
BATCH_ROWS, BATCH_IMAGES = 10_000, 100


def content_column(names: Iterable[str]) -> str:
    """Which of a table's columns is the document: `text` or `image`."""
    return "image" if "image" in names else "text"


def features(content: str, class_names: list[str]) -> datasets.Features:
    """The columns every package sees; `content` is text or image."""
    kind = datasets.Image() if content == "image" else datasets.Value("string")
    label = datasets.ClassLabel(names=class_names)
    return datasets.Features({"id": datasets.Value("string"), content: kind, "label": label})


def as_dataset(table: pa.Table, label_ids: np.ndarray, class_names: list[str]) -> datasets.Dataset:
    """Staged rows as a `Dataset` with the columns id, text or image, and label.

    Its fingerprint is new each time, so that no cache of old rows is served.
    """
    content = content_column(table.column_names)
    values = table[content]
    if pa.types.is_binary(values.type):  # as `datasets` stores an image
        parts = [
            pa.StructArray.from_arrays([chunk, pa.nulls(len(chunk), STRING)], ["bytes", "path"])
            for chunk in values.chunks
        ]
        values = pa.chunked_array(parts)
    columns = pa.table({"id": table["id"], content: values, "label": pa.array(label_ids)})
    info = datasets.DatasetInfo(features=features(content, class_names))
    return datasets.Dataset(columns, info=info, fingerprint=uuid.uuid4().hex[:16])


def blank_rows(table: pa.Table) -> np.ndarray:
    """Which texts (n,) have no visible character, or which images no bytes."""
    if "image" in table.column_names:
        return table["image"].is_null().to_numpy()
    return ~pc.fill_null(pc.match_substring_regex(table["text"], VISIBLE), False).to_numpy()


def content_keys(table: pa.Table) -> np.ndarray:
    """Equal for equal documents, (n,) uint64: normalised texts (see `match_keys`) or the bytes of
    images.
    """
    if "text" in table.column_names:
        return match_keys(table["text"])
    images = table["image"]
    if pa.types.is_struct(images.type):
        images = pc.struct_field(images, "bytes")
    digests = b"".join(
        hashlib.blake2b(value.as_buffer(), digest_size=8).digest() for value in images
    )
    return np.frombuffer(digests, ">u8").astype(np.uint64)


def texts_of(column: pa.ChunkedArray) -> list[str | None]:
    """A column's texts, or what stands for its images: the SHA-256 of their bytes."""
    values = column.to_pylist()
    if pa.types.is_struct(column.type):
        return [hashlib.sha256(value["bytes"]).hexdigest() for value in values]
    return values


def content_hash(splits: Mapping[str, datasets.Dataset]) -> str:
    """SHA-256 of splits, ids, texts or image bytes, and label names, whatever the rows' order: 64
    hex digits.
    """
    digests = bytearray()  # 16 bytes a row, which are sorted: a million rows are 16 MB
    for split, dataset in sorted(splits.items()):
        class_names = dataset.features["label"].names
        content = content_column(dataset.column_names)
        size = BATCH_ROWS if content == "text" else BATCH_IMAGES
        for batch in dataset.with_format("arrow").iter(size):
            batch = batch.combine_chunks()
            ids, labels = batch["id"].to_pylist(), batch["label"].to_pylist()
            texts = texts_of(batch[content])
            for identifier, text, label in zip(ids, texts, labels, strict=True):
                fields = (split, identifier, text or "", class_names[label])
                # With its length before it, no field can pass for the beginning of the next.
                row = "".join(f"{len(value)}:{value}" for value in fields)
                digests += hashlib.blake2b(row.encode(), digest_size=16).digest()
    rows = np.frombuffer(bytes(digests), ">u8").reshape(-1, 2)
    ordered = rows[np.lexsort((rows[:, 1], rows[:, 0]))]
    return hashlib.sha256(ordered.tobytes()).hexdigest()
