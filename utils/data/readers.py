"""One reader for each kind of source: table files, txt trees, what `datasets` holds.

Every reader yields `(split, id, text, label)` with strings or None, and writes what it met into a
`ReadReport`: notes (sentences for the user), encodings (encoding -> number of files), dropped rows.
"""

import collections
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from utils.data.split_names import split_of
from utils.errors import InputError
from utils.folders import files_below
from utils.hub import first_line, offline_if_unreachable
from utils.records import (
    Columns,
    ReadReport,
    all_columns,
    as_string,
    column_name,
    file_chunks,
    table_records,
)
from utils.text import (
    check_encoding,
    decode,
    is_binary,
    is_blank,
    nfc,
    readable_name,
    whole_characters,
)

# (split, id, text, label), and the same with the bytes of an image for the text.
TextRow = tuple[str, str, str | None, str | None]
Row = tuple[str, str, str | bytes | None, str | None]


@overload
def clean(value: str, log: ReadReport) -> str: ...
@overload
def clean(value: str | None, log: ReadReport) -> str | None: ...
@overload
def clean(value: str | bytes | None, log: ReadReport) -> str | bytes | None: ...


def clean(value, log):
    """NFC, and lone surrogates (half an emoji in json) as U+FFFD, since no file could hold them;
    bytes stay.
    """
    if value is None or isinstance(value, bytes):
        return value
    whole = whole_characters(value)
    if whole != value:
        log.note("half a surrogate pair in a text became U+FFFD")
    return nfc(whole)


def clean_label(label: str | None, log: ReadReport, unlabelled: Sequence[str] = ()) -> str | None:
    """The label in NFC without spaces around it; None where it is blank or means "no label".

    Args:
        unlabelled: the values that mean it (`NR`).
    """
    label = clean(label, log)
    if label is None or is_blank(label):
        return None
    label = label.strip()
    return None if label in {nfc(mark).strip() for mark in unlabelled} else label


def read_table(
    path: Path, split: str, columns: Columns, log: ReadReport, needs_label: bool = True
) -> Iterator[TextRow]:
    """Yield (split, id, text, label) of one table file; ids are row numbers where it has none.

    Raises:
        InputError: no such column, no row, or a row without an id where others have one.
    """
    records = table_records(path, columns, log)
    no_rows = f"{path}: a header and no rows; give at least one row for each class"
    first = next(records, None)
    if first is None:
        raise InputError(no_rows)
    wanted = {columns.text, columns.label, columns.id}
    names = all_columns(path, first[1], wanted, log)
    check_columns(path, names, columns, needs_label)
    if first[0] == 0:  # line 0 stands for a parquet file without rows
        raise InputError(no_rows)
    has_id = columns.id in names
    if not has_id:
        log.note(f"{path}: no column {columns.id!r}, ids are row numbers")
    for row, (number, record) in enumerate(itertools.chain([first], records)):
        where = f"{path}, line {number}"
        text = as_string(record.get(columns.text), f"{where}, column {columns.text!r}")
        label = as_string(record.get(columns.label), f"{where}, column {columns.label!r}")
        identifier = str(row)
        if has_id:
            identifier = filled_id(record.get(columns.id), where, columns)
        yield split, identifier, text, label


def filled_id(value: Any, where: str, columns: Columns) -> str:
    """A row's id as a string.

    Raises:
        InputError: there is none, while the table has a column of ids.
    """
    identifier = as_string(value, f"{where}, column {columns.id!r}")
    if identifier is None or is_blank(identifier):
        raise InputError(
            f"{where}: column {columns.id!r} is empty; fill it or name another with --id_column"
        )
    return identifier


def check_columns(path: str | Path, names: list[str], columns: Columns, needs_label: bool):
    """Refuse a table that lacks the text, the label, or a column that the user named."""
    wanted = [("text", columns.text)]
    if needs_label or columns.label != Columns.label:
        wanted.append(("label", columns.label))
    if columns.id != Columns.id:
        wanted.append(("id", columns.id))
    for flag, name in wanted:
        if name not in names:
            raise InputError(
                f"{path}: no column {name!r}, only {', '.join(map(repr, names))}; "
                f"pass --{flag}_column"
            )


def read_tree(folders: dict[str, Path], log: ReadReport) -> Iterator[TextRow]:
    """Rows of `{split: folder}` with `typology/**/*.txt` below each; a txt right below a split has
    no label.

    The id is the path below the split without its extension. Links are followed.
    """
    ignored: collections.Counter = collections.Counter()
    for split, folder in folders.items():
        for path in files_below(folder):
            is_pipe = path.exists() and not path.is_file()
            if path.suffix.lower() != ".txt" or is_pipe:
                ignored[path.suffix.lower() or path.name] += 1
                continue
            identifier, label = id_and_label(path, folder)
            text = read_txt(path, log)
            if text is None:
                log.dropped.append((split, identifier, label, "binary content"))
            else:
                yield split, identifier, text, label
    if ignored:
        kinds = ", ".join(f"{n} {kind}" for kind, n in ignored.most_common(5))
        log.note(f"{sum(ignored.values())} files that are not .txt were left alone ({kinds})")


def id_and_label(path: Path, folder: Path) -> tuple[str, str | None]:
    """The id of a file below a split's folder, its path there without the ending, and its label,
    the name of the first folder; a file right below the split has none.
    """
    parts = [readable_name(part) for part in path.relative_to(folder).with_suffix("").parts]
    return "/".join(parts), parts[0] if len(parts) > 1 else None


def read_txt(path: Path, log: ReadReport) -> str | None:
    """The text of one file, None when it is binary.

    Raises:
        InputError: the file cannot be read, or is not in the encoding that the user names.
    """
    data = b"".join(file_chunks(path))
    check_encoding(log.encoding)
    if log.encoding is None and is_binary(data[:8192]):
        log.note(f"{path}: binary content, left out; convert it to text or remove it")
        return None
    try:
        text, encoding = decode(data, log.encoding)
    except UnicodeError as error:
        raise InputError(
            f"{path}: not in {log.encoding or 'the encoding it begins with'} ({error}); pass "
            "another --encoding or none"
        ) from None
    log.file_encoding(path, encoding)
    return text


def read_hub(name: str, columns: Columns, log: ReadReport) -> Iterator[Row]:
    """Rows of a dataset of the Hub (or of its local cache)."""
    import datasets

    offline = offline_if_unreachable()
    try:
        loaded = datasets.load_dataset(name)
    except Exception as error:  # the Hub's client has no common base class for its failures
        reason = "which cannot be reached" if offline else first_line(error)[:200]
        raise InputError(
            f"{name!r}: no such file or folder here, nor a dataset of the Hub ({reason}); check "
            "the path, or prepare it where there is a network and copy that folder here"
        ) from None
    yield from read_datasets(loaded, name, columns, log)


def read_datasets(loaded, name: str, columns: Columns, log: ReadReport) -> Iterator[Row]:
    """Rows of a `DatasetDict` (or a `Dataset`, taken as train) with any columns; of images, their
    bytes.
    """
    splits = loaded if isinstance(loaded, dict) else {"train": loaded}
    found: dict[str, str] = {}
    for stored_name, dataset in splits.items():
        split = split_of(str(stored_name))
        if split is None:
            log.note(f"{name}: split {stored_name!r} left alone")
            continue
        if split in found:
            raise InputError(
                f"{name}: its splits {found[split]!r} and {stored_name!r} are both {split}; "
                "keep one of them"
            )
        found[split] = stored_name
        yield from read_dataset(dataset, split, f"{name} ({stored_name})", columns, log)


def read_dataset(
    dataset, split: str, name: str, columns: Columns, log: ReadReport
) -> Iterator[Row]:
    """Rows of one split of `datasets`."""
    import datasets

    # Columns under the names by which they are compared, and no others.
    names = [column_name(stored) for stored in dataset.column_names]
    check_columns(name, names, columns, needs_label=True)
    if names != dataset.column_names:
        dataset = dataset.rename_columns(dict(zip(dataset.column_names, names, strict=True)))
    feature = dataset.features[columns.label]
    class_names = feature.names if isinstance(feature, datasets.ClassLabel) else None
    has_id = columns.id in dataset.column_names
    kept = [c for c in (columns.id, columns.text, columns.label) if c in dataset.column_names]
    dataset = dataset.select_columns(kept)
    is_image = isinstance(dataset.features[columns.text], datasets.Image)
    if is_image:
        dataset = dataset.cast_column(columns.text, datasets.Image(decode=False))

    for row, record in enumerate(dataset):
        where = f"{name}, row {row}"
        label = record[columns.label]
        if class_names is not None:
            label = class_names[label] if label is not None and label >= 0 else None
        label = as_string(label, where)
        identifier = filled_id(record[columns.id], where, columns) if has_id else str(row)
        if not is_image:
            yield split, identifier, as_string(record[columns.text], where), label
            continue
        content, reason = stored_image(record[columns.text])
        if reason:
            log.note(f"{where}, {identifier}: left out, {reason}")
            log.dropped.append((split, identifier, label, reason))
        else:
            yield split, identifier, content, label


def stored_image(value: dict | None) -> tuple[bytes, str]:
    """The bytes of an image as `datasets` stores it (itself, or the path of its file), and the
    reason why it is no page: "" where it is one.
    """
    from utils.pages.images import read_page, read_page_file

    value = value or {"bytes": b"", "path": None}
    if value["path"] and not value["bytes"]:
        file = read_page_file(Path(value["path"]))
    else:
        file = read_page(value["bytes"] or b"")
    return file.data, file.reason
