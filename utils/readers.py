"""Raw sources to rows: txt trees, csv, tsv, jsonl and parquet files, Hub datasets, the embedded
sample.

Every reader yields `(split, id, text, label)` with strings or None, and writes what it met into
`notes` (sentences for the user) and `encodings` (encoding -> number of files).
"""

import bz2
import collections
import csv
import gzip
import io
import itertools
import json
import lzma
import re
import sys
import zlib
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from utils.errors import InputError
from utils.hub import offline_if_unreachable
from utils.text import STRAY_BYTES, decode, detect_encoding, is_binary

SPLIT_NAMES = {
    "train": "train",
    "val": "validation",
    "validation": "validation",
    "valid": "validation",
    "dev": "validation",
    "test": "test",
}
TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
CHUNK = 1 << 20
# A field of the csv module is capped at 131,072 characters, less than one long document.
csv.field_size_limit(sys.maxsize)


@dataclass
class Columns:
    """Which columns of a table hold what."""

    text: str = "text"
    label: str = "label"
    id: str = "id"


@dataclass
class Log:
    """What the readers met on the way."""

    notes: list = field(default_factory=list)
    encodings: collections.Counter = field(default_factory=collections.Counter)
    dropped: list = field(default_factory=list)  # (split, id, label, reason)

    def file_encoding(self, path, encoding):
        self.encodings[encoding] += 1
        if not encoding.startswith("utf-8") or "+" in encoding:
            self.notes.append(f"{path}: read as {encoding}")


def table_suffix(path: Path) -> str | None:
    """`.csv` for `x.csv` and `x.csv.gz`; None when the file is no table this module reads."""
    suffixes = [s.lower() for s in path.suffixes[-2:]]
    if suffixes and suffixes[-1] in OPENERS:
        suffixes.pop()
    return suffixes[-1] if suffixes and suffixes[-1] in TABLE_SUFFIXES else None


def dataset_name(source) -> str:
    """A short name for folders and cards: the file or folder's, without suffixes; `x_v2` for
    `x/data_v2`.
    """
    path = Path(source)
    if version := re.fullmatch(r"data_v(\d+)", path.name):
        return f"{path.resolve().parent.name}_v{version[1]}"
    return (path.resolve().name if path.exists() else path.name).split(".")[0] or "dataset"


def open_bytes(path: Path):
    return OPENERS.get(path.suffix.lower(), open)(path, "rb")


def file_chunks(path: Path):
    """The bytes of a plain or compressed file in chunks of 1 MB."""
    try:
        with open_bytes(path) as stream:
            while chunk := stream.read(CHUNK):
                yield chunk
    except (EOFError, gzip.BadGzipFile, lzma.LZMAError, zlib.error, OSError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); copy or download the file again"
        ) from None


def text_encoding(path: Path, log: Log) -> str:
    """The encoding of a plain or compressed text table, as `utils.text.detect_encoding` names it."""
    chunks = file_chunks(path)
    head = next(chunks, b"")
    if not head.strip():
        raise InputError(f"{path}: the file is empty; give one with a header and rows")
    if is_binary(head[:8192]):
        raise InputError(
            f"{path}: binary content, not the text its name promises; export it again as UTF-8 text"
        )
    encoding = detect_encoding(itertools.chain([head], chunks))
    log.file_encoding(path, encoding)
    return encoding


def open_text(path: Path, log: Log, encoding: str | None = None):
    """Open a plain or compressed text table; returns (text stream, whether stray bytes are left in
    it).
    """
    encoding = encoding or text_encoding(path, log)
    mixed = encoding == "utf-8+cp1252"
    stream = io.TextIOWrapper(
        open_bytes(path),
        "utf-8-sig" if mixed else encoding,
        "surrogateescape" if mixed else "strict",
        newline="",
    )
    return stream, mixed


def delimiter_of(path: Path, header: str, columns: Columns) -> str:
    """The delimiter of a table: a tab for .tsv; for .csv the one of , ; tab | under which the text
    column appears.
    """
    if table_suffix(path) == ".tsv":
        return "\t"
    found = [d for d in ",;\t|" if columns.text in next(csv.reader([header], delimiter=d), [])]
    return found[0] if found else ","


def csv_records(path: Path, columns: Columns, log: Log):
    """Rows of a csv or tsv file as dicts of strings, each with its line number: (line, record)."""
    stream, mixed = open_text(path, log)
    with stream:
        first = stream.readline()
        delimiter = delimiter_of(path, first, columns)
        if delimiter not in (",", "\t"):
            log.notes.append(f"{path}: columns are separated by {delimiter!r}")
        lines = itertools.chain([first], stream)
        rows = csv.reader(
            (line.translate(STRAY_BYTES) for line in lines) if mixed else lines,
            delimiter=delimiter,
            strict=True,
        )
        try:
            header = [name.strip() for name in next(rows)]
            repeated = [name for name, n in collections.Counter(header).items() if n > 1]
            if repeated:
                raise InputError(
                    f"{path}: the header has column {repeated[0]!r} twice; rename one of them"
                )
            for row in rows:
                if len(row) != len(header):
                    if not row:
                        continue
                    raise InputError(
                        f"{path}, line {rows.line_num}: {len(row)} fields where the header has "
                        f"{len(header)}; quote the field that holds a separator or a line break"
                    )
                yield rows.line_num, dict(zip(header, row, strict=True))
        except csv.Error as error:
            raise InputError(
                f"{path}, line {rows.line_num}: broken row ({error}); mend its quotes"
            ) from None


def jsonl_records(path: Path, log: Log):
    """Rows of a jsonl file as dicts, numbers kept as the characters they are written with: (line,
    record).
    """
    stream, mixed = open_text(path, log)
    with stream:
        for number, line in enumerate(stream, 1):
            if not line.strip():
                continue
            try:
                record = json.loads(
                    line.translate(STRAY_BYTES) if mixed else line, parse_int=str, parse_float=str
                )
            except (ValueError, RecursionError) as error:
                raise InputError(
                    f"{path}, line {number}: broken json ({error}); mend or remove the line"
                ) from None
            if not isinstance(record, dict):
                raise InputError(
                    f'{path}, line {number}: not a json object; write {{"text": …, "label": …}}'
                )
            yield number, record


def parquet_records(path: Path, columns: Columns):
    """Rows of a parquet file as dicts; ClassLabel columns that `datasets` wrote come out as names."""
    try:
        source = (
            pa.BufferReader(b"".join(file_chunks(path))) if path.suffix.lower() in OPENERS else path
        )
        file = pq.ParquetFile(source)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: not a readable parquet file ({error}); write it again") from None
    wanted = [
        name
        for name in file.schema_arrow.names
        if name in (columns.text, columns.label, columns.id)
    ]
    names = class_names_in(file.schema_arrow)
    number = 0
    for batch in file.iter_batches(batch_size=10_000, columns=wanted):
        for record in batch.to_pylist():
            number += 1
            for column, labels in names.items():
                if record.get(column) is not None:
                    record[column] = labels[record[column]] if record[column] >= 0 else None
            yield number, {name: record[name] for name in wanted}
    if not wanted or number == 0:
        yield 0, dict.fromkeys(file.schema_arrow.names)


def class_names_in(schema: pa.Schema) -> dict[str, list[str]]:
    """Column -> class names, from the features that `datasets` keeps in a parquet file's metadata."""
    features = (
        json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        .get("info", {})
        .get("features", {})
    )
    return {
        name: f["names"]
        for name, f in features.items()
        if isinstance(f, dict) and f.get("_type") == "ClassLabel"
    }


def as_string(value, where: str) -> str | None:
    """A field's value as the string it stands for; lists and objects are refused."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, dict, bytes)):
        raise InputError(
            f"{where}: holds a {type(value).__name__}, not a string; choose another column"
        )
    return str(value)


def table_records(path: Path, columns: Columns, log: Log):
    """Rows of a table file as (line, record); line 0 stands for a parquet file without rows."""
    if table_suffix(path) == ".parquet":
        return parquet_records(path, columns)
    return (
        jsonl_records(path, log)
        if table_suffix(path) == ".jsonl"
        else csv_records(path, columns, log)
    )


def read_table(path: Path, split: str, columns: Columns, log: Log, needs_label: bool = True):
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


def read_file_folder(files: dict[str, Path], columns: Columns, log: Log):
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


def read_tree(folders: dict[str, Path], log: Log):
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


def read_txt(path: Path, log: Log) -> str | None:
    """The text of one file, None when it is binary."""
    data = b"".join(file_chunks(path))
    if is_binary(data[:8192]):
        log.notes.append(f"{path}: binary content, left out; convert it to text or remove it")
        return None
    text, encoding = decode(data)
    log.file_encoding(path, encoding)
    return text


def read_hub(name: str, columns: Columns, log: Log):
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


def read_datasets(loaded, name: str, columns: Columns, log: Log):
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
    from utils.page_images import read_page, read_page_file

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
    from utils.extract_text import SUFFIXES

    endings = (".txt",) if kind == "text" else SUFFIXES
    return any(path.suffix.lower() in endings for path in folder.rglob("*"))


def rows_of(
    source: str, columns: Columns, log: Log, content: str = "text", has_truth: bool = False
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
        from utils.sample_corpus import generate_sample

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


def rows_of_folder(path: Path, columns: Columns, log: Log, content: str, has_truth: bool):
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
        from utils.image_tree import read_image_tree

        return read_image_tree(folders, log, has_truth)
    if folders:
        return read_tree(folders, log)
    raise InputError(
        f"{path}: no split found; give train.jsonl (or .csv, .tsv, .parquet, .gz), "
        "train/<typology>/*.txt or <typology>/*.txt"
    )


def read_unlabelled(source: str, columns: Columns, log: Log, class_names: list[str]):
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
