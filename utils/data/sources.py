"""Raw sources to rows: txt trees, csv, tsv, jsonl and parquet files, Hub datasets, the embedded
sample.

Every reader yields `(split, id, text, label)` with strings or None, and writes what it met into
`notes` (sentences for the user) and `encodings` (encoding -> number of files).
"""

import collections
import csv
import itertools
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

from utils.errors import InputError
from utils.hub import offline_if_unreachable
from utils.records import (
    TABLE_SUFFIXES,
    Columns,
    ReadReport,
    as_string,
    file_chunks,
    table_records,
    table_suffix,
)
from utils.text import decode, is_binary

SPLIT_NAMES = {
    "train": "train",
    "val": "validation",
    "validation": "validation",
    "valid": "validation",
    "dev": "validation",
    "test": "test",
}
# A field of the csv module is capped at 131,072 characters, less than one long document.
csv.field_size_limit(sys.maxsize)


def read_table(path: Path, split: str, columns: Columns, log: ReadReport, needs_label: bool = True):
    """Yield (split, id, text, label) of one table file; ids are row numbers where it has none."""
    records = table_records(path, columns, log)
    first = next(records, None)
    if first is None or first[0] == 0:
        missing = [] if first is None else missing_columns(first[1], columns, needs_label)
        if not missing:
            raise InputError(f"{path}: a header and no rows; give at least one row for each class")
    check_columns(path, first[1], columns, needs_label)
    has_id = columns.id in first[1]
    if not has_id:
        log.notes.append(f"{path}: no column {columns.id!r}, ids are row numbers")
    for row, (number, record) in enumerate(itertools.chain([first], records)):
        where = f"{path}, line {number}"
        text = as_string(record.get(columns.text), f"{where}, column {columns.text!r}")
        label = as_string(record.get(columns.label), f"{where}, column {columns.label!r}")
        identifier = (
            as_string(record.get(columns.id), f"{where}, column {columns.id!r}")
            if has_id
            else str(row)
        )
        if not identifier:
            raise InputError(
                f"{where}: column {columns.id!r} is empty; fill it or name another with --id_column"
            )
        yield split, identifier, text, label


def missing_columns(record: dict, columns: Columns, needs_label: bool) -> list[tuple[str, str]]:
    """The (flag, column) pairs that a record lacks."""
    wanted = [("text", columns.text)] + ([("label", columns.label)] if needs_label else [])
    wanted += [("id", columns.id)] if columns.id != "id" else []
    return [(flag, name) for flag, name in wanted if name not in record]


def check_columns(path, record: dict, columns: Columns, needs_label: bool):
    for flag, name in missing_columns(record, columns, needs_label):
        raise InputError(
            f"{path}: no column {name!r}, only {', '.join(map(repr, record))}; say --{flag}_column"
        )


def read_file_folder(files: dict[str, Path], columns: Columns, log: ReadReport):
    """Rows of a folder of split files, as `split_files` found them."""
    for split, path in files.items():
        yield from read_table(path, split, columns, log)


def split_files(folder: Path) -> dict[str, Path]:
    """`{train: train.jsonl.gz, …}` of a folder; empty when it holds no split file."""
    found = {}
    for path in sorted(folder.iterdir()):
        split = SPLIT_NAMES.get(path.name.split(".")[0].lower())
        if split and path.is_file() and table_suffix(path):
            if split in found:
                raise InputError(
                    f"{folder}: {found[split].name} and {path.name} are both the {split} split; "
                    "keep one of them"
                )
            found[split] = path
    return found


def split_folders(folder: Path) -> dict[str, Path]:
    """`{train: …/train, validation: …/val, …}` of a tree; empty when it holds no split folder."""
    found = {}
    for path in sorted(folder.iterdir()):
        split = SPLIT_NAMES.get(path.name.lower())
        if split and path.is_dir():
            if split in found:
                raise InputError(
                    f"{folder}: {found[split].name}/ and {path.name}/ are both the {split} split; "
                    "keep one of them"
                )
            found[split] = path
    return found


def read_tree(folders: dict[str, Path], log: ReadReport):
    """Rows of `{split: folder}` with `typology/**/*.txt` below each; a txt right below a split has
    no label.

    The id is the path below the split without its extension.
    """
    ignored = collections.Counter()
    for split, folder in folders.items():
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            relative = path.relative_to(folder)
            if path.suffix.lower() != ".txt" or any(
                part.startswith(".") for part in relative.parts
            ):
                ignored[path.suffix.lower() or path.name] += 1
                continue
            identifier = relative.with_suffix("").as_posix()
            label = relative.parts[0] if len(relative.parts) > 1 else None
            text = read_txt(path, log)
            if text is None:
                log.dropped.append((split, identifier, label, "binary content"))
            else:
                yield split, identifier, text, label
    if ignored:
        kinds = ", ".join(f"{n} {kind}" for kind, n in ignored.most_common(5))
        log.notes.append(
            f"{sum(ignored.values())} files that are not .txt were left alone ({kinds})"
        )


def read_txt(path: Path, log: ReadReport) -> str | None:
    """The text of one file, None when it is binary."""
    data = b"".join(file_chunks(path))
    if is_binary(data[:8192]):
        log.notes.append(f"{path}: binary content, left out; convert it to text or remove it")
        return None
    text, encoding = decode(data)
    log.file_encoding(path, encoding)
    return text


def read_hub(name: str, columns: Columns, log: ReadReport):
    """Rows of a dataset of the Hub (or of its local cache)."""
    import datasets

    offline = offline_if_unreachable()
    try:
        loaded = datasets.load_dataset(name)
    except Exception as error:  # the Hub's client has no common base class for "cannot be had"
        reason = (
            "which cannot be reached"
            if offline
            else (str(error).splitlines() or [type(error).__name__])[0][:200]
        )
        raise InputError(
            f"{name!r}: no such file or folder here, nor a dataset of the Hub ({reason}); check the "
            "path, or prepare it where there is a network and copy that folder here"
        ) from None
    yield from read_datasets(loaded, name, columns, log)


def read_datasets(loaded, name: str, columns: Columns, log: ReadReport):
    """Rows of a `DatasetDict` (or a `Dataset`, taken as train) with any columns; of images, their
    bytes.
    """
    import datasets

    splits = loaded if isinstance(loaded, dict) else {"train": loaded}
    for split, dataset in splits.items():
        if split not in SPLIT_NAMES:
            log.notes.append(f"{name}: split {split!r} left alone")
            continue
        check_columns(
            f"{name} ({split})", dict.fromkeys(dataset.column_names), columns, needs_label=True
        )
        feature = dataset.features[columns.label]
        names = feature.names if isinstance(feature, datasets.ClassLabel) else None
        has_id = columns.id in dataset.column_names
        kept = [c for c in (columns.id, columns.text, columns.label) if c in dataset.column_names]
        dataset = dataset.select_columns(kept)
        is_image = isinstance(dataset.features[columns.text], datasets.Image)
        if is_image:
            dataset = dataset.cast_column(columns.text, datasets.Image(decode=False))
        for row, record in enumerate(dataset):
            where = f"{name} ({split}), row {row}"
            label = record[columns.label]
            if names is not None:
                label = names[label] if label is not None and label >= 0 else None
            identifier = as_string(record[columns.id], where) if has_id else str(row)
            content, label, reason = record[columns.text], as_string(label, where), ""
            if is_image:
                content, reason = stored_image(content)
            if reason:
                log.notes.append(f"{where}, {identifier}: left out, {reason}")
                log.dropped.append((SPLIT_NAMES[split], identifier, label, reason))
            else:
                yield (
                    SPLIT_NAMES[split],
                    identifier,
                    content if is_image else as_string(content, where),
                    label,
                )


def stored_image(value: dict | None) -> tuple[bytes, str]:
    """The bytes of an image as `datasets` stores it (itself, or the path of its file), and why it
    is no page.
    """
    from utils.pages.images import read_page, read_page_file

    value = value or {"bytes": b"", "path": None}
    file = (
        read_page(value["bytes"] or b"")
        if value["bytes"] or not value["path"]
        else read_page_file(Path(value["path"]))
    )
    return file.data, file.reason


def content_of(source: str, wanted: str | None) -> str:
    """What a source's documents are: `text` or `image`; txt and images side by side are both.

    Args:
        wanted: what the caller reads; None: whichever there is.

    Raises:
        InputError: the source holds the other alone.
    """
    if wanted == "image" and not holds(source, "image"):
        raise InputError(
            f"{source}: no image in it; give train/<typology>/*.png (jpg, tif, bmp, webp, pdf), "
            "a prepared dataset of pages, or sample_pages"
        )
    if wanted == "image" or holds(source, "text") or not holds(source, "image"):
        return wanted or "text"
    if wanted == "text":
        raise InputError(
            f"{source}: page images and no text in it; make text of them with python -m "
            "utils.extract_text, or give them to image_model"
        )
    return "image"


def holds(source: str, kind: str) -> bool:
    """Whether a source has documents of a kind, `text` or `image`; of what only the Hub may have,
    either.
    """
    folder, named = Path(source), {"sample": "text", "sample_pages": "image"}
    if source in named or not folder.is_dir():
        return kind == named.get(source, "text" if folder.is_file() else kind)
    saved = [
        path for name in ("dataset_info.json", "*/dataset_info.json") for path in folder.glob(name)
    ]
    if saved:
        features = (json.loads(saved[0].read_text(encoding="utf-8")).get("features") or {}).values()
        is_image = any(
            isinstance(feature, dict) and feature.get("_type") == "Image" for feature in features
        )
        return is_image == (kind == "image")
    if split_files(folder):
        return kind == "text"
    from utils.pages.text import SUFFIXES

    endings = (".txt",) if kind == "text" else SUFFIXES
    return any(path.suffix.lower() in endings for path in folder.rglob("*"))


def rows_of(
    source: str, columns: Columns, log: ReadReport, content: str = "text", has_truth: bool = False
):
    """Rows of any source, told apart by what it is; see `utils.data.load_splits`.

    Args:
        content: `text` or `image`, as `content_of` tells. has_truth: a ground truth will label a
            flat test.

    Raises:
        InputError: the source is missing, empty, broken, or holds no split or table that can be
            read.
    """
    if content == "image" and columns.text == "text":
        columns = replace(columns, text="image")
    if source == "sample":
        from utils.samples.documents import generate_sample

        return ((row["split"], row["id"], row["text"], row["label"]) for row in generate_sample())
    path = Path(source)
    if path.is_file():
        if table_suffix(path) is None:
            raise InputError(
                f"{path}: unknown kind of file; give {', '.join(TABLE_SUFFIXES)} (plain or .gz)"
            )
        return read_table(path, "train", columns, log)
    if path.is_dir():
        return rows_of_folder(path, columns, log, content, has_truth)
    if table_suffix(path) or path.is_absolute() or not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", source):
        raise InputError(f"{source}: no such file or folder; check the path")
    return read_hub(source, columns, log)


def rows_of_folder(path: Path, columns: Columns, log: ReadReport, content: str, has_truth: bool):
    """Rows of a folder: split files, a tree, or what `datasets` saved."""
    if (path / "dataset_dict.json").exists() or (path / "dataset_info.json").exists():
        import datasets

        return read_datasets(datasets.load_from_disk(str(path)), str(path), columns, log)
    files, folders = split_files(path), split_folders(path)
    if files or folders:
        if "train" not in (files or folders):
            raise InputError(
                f"{path}: no train split beside {', '.join(files or folders)}; add train.* or train/"
            )
        if files:
            return read_file_folder(files, columns, log)
    elif any(path.glob("*/**/*.txt")) or content == "image":
        folders = {"train": path}
    if folders and content == "image":
        from utils.data.image_tree import read_image_tree

        return read_image_tree(folders, log, has_truth)
    if folders:
        return read_tree(folders, log)
    raise InputError(
        f"{path}: no split found; give train.jsonl (or .csv, .tsv, .parquet, .gz), "
        "train/<typology>/*.txt or <typology>/*.txt"
    )


def read_unlabelled(source: str, columns: Columns, log: ReadReport, class_names: list[str]):
    """Yield (id, text, label or None) of what is to be predicted: a table, a folder of txt, a txt
    file or `-`.

    In a folder the label is the first folder's name, where that is one of `class_names`.
    """
    path = Path(source)
    if source == "-":
        text, encoding = decode(sys.stdin.buffer.read())
        log.file_encoding("standard input", encoding)
        for number, line in enumerate(text.removesuffix("\n").split("\n") if text else []):
            yield str(number), line.removesuffix("\r"), None
    elif path.is_dir():
        for _, identifier, text, label in read_tree({"predict": path}, log):
            yield identifier, text, label if label in class_names else None
    elif path.is_file() and table_suffix(path):
        for _, identifier, text, label in read_table(
            path, "predict", columns, log, needs_label=False
        ):
            yield identifier, text, label
    elif path.is_file() and path.suffix.lower() == ".txt":
        text = read_txt(path, log)
        if text is not None:
            yield path.stem, text, None
    else:
        reason = "unknown kind of file" if path.exists() else "no such file or folder"
        raise InputError(
            f"--input {source}: {reason}; give {', '.join(TABLE_SUFFIXES)} (plain or .gz), .txt, a "
            "folder of .txt, or - for standard input"
        )
