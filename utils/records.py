"""Tables as rows: csv, tsv, jsonl and parquet files, plain or compressed, as records of strings."""

import bz2
import collections
import csv
import gzip
import io
import itertools
import json
import lzma
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from utils.errors import InputError
from utils.text import STRAY_BYTES, detect_encoding, is_binary

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")


OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}


CHUNK = 1 << 20


@dataclass
class Columns:
    """Which columns of a table hold what."""

    text: str = "text"
    label: str = "label"
    id: str = "id"


@dataclass
class ReadReport:
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


def text_encoding(path: Path, log: ReadReport) -> str:
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


def open_text(path: Path, log: ReadReport, encoding: str | None = None):
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


def csv_records(path: Path, columns: Columns, log: ReadReport):
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


def jsonl_records(path: Path, log: ReadReport):
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


def table_records(path: Path, columns: Columns, log: ReadReport):
    """Rows of a table file as (line, record); line 0 stands for a parquet file without rows."""
    if table_suffix(path) == ".parquet":
        return parquet_records(path, columns)
    return (
        jsonl_records(path, log)
        if table_suffix(path) == ".jsonl"
        else csv_records(path, columns, log)
    )
