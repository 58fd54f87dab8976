"""What is made of a dataset once and kept: below the `datasets` cache folder (HF_DATASETS_CACHE)."""

import hashlib
import json
import logging
import shutil
import uuid
from pathlib import Path

import datasets
import pyarrow as pa
from filelock import FileLock

logger = logging.getLogger(__name__)

ROWS = "rows.json"  # of which rows, in which order, a cache folder was made
BATCH = 10_000


def cached_folder(kind: str, splits, parts: tuple, make) -> Path | None:
    """The folder with what `make` writes of `splits`; made now unless it was made before.

    The key is the rows' content AND their order, and `parts`, all else that decides what is made.
    It is written beside under a name of its own, renamed when whole, and checked against the rows
    when it is opened. Two processes that want the same wait for each other.

    Args:
        kind: tokens, words, pixels, … splits: {split: Dataset}.
        make: called with the new folder, writes everything into it.

    Returns:
        None where the cache cannot be written: the caller makes the same in memory.
    """
    rows = {split: order_digest(dataset) for split, dataset in splits.items()}
    return kept_folder(kind, rows, parts, make)


def kept_folder(kind: str, rows: dict, parts: tuple, make) -> Path | None:
    """`cached_folder` of rows known by `rows`, anything json holds, instead of datasets."""
    folder = cache_folder(kind, rows, parts)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{folder.name}.lock")):
            if is_of(folder, rows):
                logger.info(f"{kind}: from {folder}")
                return folder
            partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:12]}.partial")
            try:
                partial.mkdir()
                make(partial)
                (partial / ROWS).write_text(json.dumps(rows), encoding="utf-8")
                shutil.rmtree(folder, ignore_errors=True)
                partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        logger.info(f"{kind} are not cached: {error}")
        return None
    return folder


def cache_folder(kind: str, rows: dict, parts: tuple) -> Path:
    """The place of one kind of data made of some rows."""
    text = json.dumps([rows, list(map(str, parts))], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:32]
    return Path(datasets.config.HF_DATASETS_CACHE) / "spanish-text-suite" / f"{kind}-{key}"


def is_of(folder: Path, rows: dict) -> bool:
    """Whether a cache folder is whole and of just these rows."""
    try:
        return json.loads((folder / ROWS).read_text(encoding="utf-8")) == rows
    except (OSError, ValueError):
        return False


def order_digest(dataset: datasets.Dataset) -> str:
    """sha256 of a dataset's rows in their order: every column, images by the bytes of their files."""
    images = [name for name, f in dataset.features.items() if isinstance(f, datasets.Image)]
    for name in images:
        dataset = dataset.cast_column(name, datasets.Image(decode=False))
    digest = hashlib.sha256(json.dumps([dataset.column_names, len(dataset)]).encode())
    arrow = dataset.with_format("arrow")
    for start in range(0, len(dataset), BATCH if not images else 100):
        batch = arrow[start : start + (BATCH if not images else 100)]
        for name in dataset.column_names:
            column = batch[name].combine_chunks()
            if name in images:
                column = column.field("bytes")
            add_column(digest, column)
    return digest.hexdigest()


def add_column(digest, column: pa.Array):
    """Hash an Arrow column by what it says, however its buffers lie."""
    if pa.types.is_integer(column.type):
        digest.update(column.to_numpy(zero_copy_only=False).astype("int64").tobytes())
        return
    values = [v.encode("utf-8") if isinstance(v, str) else v for v in column.to_pylist()]
    lengths = [-1 if value is None else len(value) for value in values]
    digest.update(json.dumps(lengths).encode())
    digest.update(b"".join(value or b"" for value in values))


def tokenizer_text(tokenizer) -> str:
    """All that decides a tokenizer's output, as text; truncation and padding are left out, each
    call sets its own.
    """
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return repr(tokenizer) + repr(sorted(tokenizer.get_vocab().items()))
    return json.dumps(
        json.loads(backend.to_str()) | {"truncation": None, "padding": None}, sort_keys=True
    )
