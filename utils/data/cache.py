"""What is made of a dataset once and kept, in the `datasets` cache folder (HF_DATASETS_CACHE)."""

import hashlib
import json
import logging
import shutil
import uuid
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
from filelock import FileLock

logger = logging.getLogger(__name__)

# In a cache folder: of which rows, in which order, it was made, and what its files held then.
RECORD = "rows.json"
BATCH_ROWS, BATCH_IMAGES = 10_000, 100
CHUNK = 1 << 20  # bytes of a file that are read at once


def cached_folder(
    kind: str,
    splits: Mapping[str, datasets.Dataset],
    parts: tuple,
    make: Callable[[Path], None],
) -> Path | None:
    """The folder with what `make` writes of `splits`; made now unless it was made before.

    The key is the rows' content AND their order, and `parts`, all else that decides what is made.
    It is written beside under a name of its own, renamed when whole, and checked against the rows
    and the sizes and checksums of its files when it is opened. Two processes that want the same
    wait for each other.

    Args:
        kind: tokens, words, pixels, …
        splits: split -> Dataset.
        parts: compared as texts.
        make: called with the new folder, writes everything into it.

    Returns:
        None where the cache cannot be written: the caller makes the same in memory.
    """
    rows = {split: order_digest(dataset) for split, dataset in splits.items()}
    return kept_folder(kind, rows, parts, make)


def kept_folder(
    kind: str, rows: dict[str, Any], parts: tuple, make: Callable[[Path], None]
) -> Path | None:
    """`cached_folder` of rows known by `rows`, anything json holds, instead of datasets."""
    folder = cache_folder(kind, rows, parts)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{folder.name}.lock")):
            damage = damage_of(folder, rows) if folder.exists() else "not there"
            if not damage:
                logger.info(f"{kind}: from {folder}")
                return folder
            if folder.exists():
                logger.warning(f"{kind}: made anew, as {folder} is not what was written: {damage}")
            write_cache(folder, rows, make)
    except OSError as error:
        logger.info(f"{kind} are not cached: {error}")
        return None
    return folder


def write_cache(folder: Path, rows: dict[str, Any], make: Callable[[Path], None]):
    """Make a cache folder beside its place and move it there when it is whole."""
    partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:12]}.partial")
    try:
        partial.mkdir()
        make(partial)
        made = [path for path in partial.rglob("*") if path.is_file()]
        files = {path.relative_to(partial).as_posix(): checksum(path) for path in made}
        record = {"rows": rows, "files": files}
        (partial / RECORD).write_text(json.dumps(record), encoding="utf-8")
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def cache_folder(kind: str, rows: dict[str, Any], parts: tuple) -> Path:
    """The place of one kind of data made of some rows."""
    text = json.dumps([rows, list(map(str, parts))], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:32]
    return Path(datasets.config.HF_DATASETS_CACHE) / "spanish-text-suite" / f"{kind}-{key}"


def damage_of(folder: Path, rows: dict[str, Any]) -> str:
    """What speaks against serving a cache folder: other rows, or a file that changed since it was
    written; "" where nothing does.
    """
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        if record["rows"] != rows:
            return f"{RECORD} names other rows"
        for name, written in record["files"].items():
            if checksum(folder / name) != written:
                return f"{name} changed"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def checksum(path: Path) -> list[int]:
    """A file's size in bytes and its CRC-32.

    The checksum guards against damage, not against forgery. Measured on one core: 3.0 GiB/s, where
    SHA-256 makes 1.2; an epoch of training reads the same bytes again anyway.
    """
    size = crc = 0
    with open(path, "rb") as stream:
        while chunk := stream.read(CHUNK):
            size += len(chunk)
            crc = zlib.crc32(chunk, crc)
    return [size, crc]


def order_digest(dataset: datasets.Dataset) -> str:
    """SHA-256 of a dataset's rows in their order: every column, images by their files' bytes."""
    images = [name for name, f in dataset.features.items() if isinstance(f, datasets.Image)]
    for name in images:
        dataset = dataset.cast_column(name, datasets.Image(decode=False))
    digest = hashlib.sha256(json.dumps([dataset.column_names, len(dataset)]).encode())
    arrow = dataset.with_format("arrow")
    size = BATCH_IMAGES if images else BATCH_ROWS
    for start in range(0, len(dataset), size):
        batch = arrow[start : start + size]
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
