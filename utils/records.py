"""Tables as rows: csv, tsv, jsonl and parquet files, plain or compressed, as records of strings."""

import bz2
import collections
import csv
import gzip
import io
import itertools
import json
import lzma
import math
import re
import sys
import zlib
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from utils.errors import InputError
from utils.text import (
    STRAY_BYTES,
    check_encoding,
    detect_encoding,
    is_binary,
    nfc,
    readable_name,
)

TABLE_SUFFIXES = (".csv", ".tsv", ".jsonl", ".parquet")
OPENERS = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
CHUNK = 1 << 20
# A field of the csv module is capped at 131,072 characters, less than one long document.
csv.field_size_limit(sys.maxsize)
# Excel's own first line of a csv file, which says how columns are separated.
SEPARATOR_LINE = re.compile(r'\s*"?sep=(.)"?[\s,;|"]*', re.IGNORECASE)


@dataclass
class Columns:
    """Which columns of a table hold what; names are compared in NFC, whoever typed them."""

    text: str = "text"
    label: str = "label"
    id: str = "id"

    def __post_init__(self):
        self.text, self.label, self.id = nfc(self.text), nfc(self.label), nfc(self.id)


@dataclass
class ReadReport:
    """What the readers met on the way."""

    notes: list[str] = field(default_factory=list)
    encodings: collections.Counter = field(default_factory=collections.Counter)
    dropped: list = field(default_factory=list)  # (split, id, label, reason)
    encoding: str | None = None  # of all text files, as the user says; None: found file by file

    def note(self, sentence: str):
        """Keep a sentence for the user; a file's name in it may hold any bytes."""
        self.notes.append(readable_name(sentence))

    def file_encoding(self, path, encoding: str):
        self.encodings[encoding] += 1
        if self.encoding is None and (not encoding.startswith("utf-8") or "+" in encoding):
            self.note(f"{path}: read as {encoding}")


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
    """The encoding of a plain or compressed text table: the one that the user names, else as
    `utils.text.detect_encoding` finds it.
    """
    chunks = file_chunks(path)
    head = next(chunks, b"")
    if not head.strip():
        raise InputError(f"{path}: the file is empty; give one with a header and rows")
    check_encoding(log.encoding)
    if log.encoding is None and is_binary(head[:8192]):
        raise InputError(
            f"{path}: binary content, not the text its name promises; export it again as UTF-8 text"
        )
    encoding = log.encoding or detect_encoding(itertools.chain([head], chunks))
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
        "utf-8-sig" if mixed or encoding == "utf-8" else encoding,
        "surrogateescape" if mixed else "strict",
        newline="",
    )
    return stream, mixed


def text_lines(path: Path, log: ReadReport, encoding: str | None = None):
    """The lines of a text table with their line ends, without a byte order mark.

    Raises:
        InputError: the file is not in the encoding that the user names.
    """
    stream, mixed = open_text(path, log, encoding)
    with stream:
        try:
            for number, line in enumerate(stream):
                line = line.removeprefix("\ufeff") if number == 0 else line
                yield line.translate(STRAY_BYTES) if mixed else line
        except UnicodeError as error:
            name = stream.encoding
            raise InputError(
                f"{path}: not in {name} ({error}); pass another --encoding or none"
            ) from None
        except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
            raise InputError(
                f"{path}: cannot be read ({error}); copy or download the file again"
            ) from None


def separator_of(line: str) -> str | None:
    """The separator that Excel's first line `sep=;` names; None of any other line."""
    found = SEPARATOR_LINE.fullmatch(line)
    return found[1] if found else None


def delimiter_of(path: Path, header: str, columns: Columns) -> str:
    """The delimiter of a table: a tab for .tsv; for .csv the one of , ; tab | under which the text
    column appears.
    """
    if table_suffix(path) == ".tsv":
        return "\t"
    for delimiter in ",;\t|":
        fields = next(csv.reader([header], delimiter=delimiter), [])
        if columns.text in map(column_name, fields):
            return delimiter
    return ","


def column_name(name: str) -> str:
    """A column's name as it is compared: NFC, without spaces or invisible characters around it."""
    return nfc(name).strip().strip("\ufeff\u200b\u00ad")


@dataclass
class CsvFormat:
    """How a csv or tsv file is written."""

    encoding: str
    delimiter: str
    skipped: int  # lines before the header
    quoting: int = csv.QUOTE_MINIMAL


def csv_format(path: Path, columns: Columns, log: ReadReport) -> CsvFormat:
    """Find out encoding, separator, and whether quotes are csv's or just characters.

    Raises:
        InputError: a quote swallows whole rows of a csv file.
    """
    encoding = text_encoding(path, log)
    lines = text_lines(path, log, encoding)
    first = next(lines, "")
    named = separator_of(first)
    header = next(lines, "") if named else first
    lines.close()
    delimiter = named or delimiter_of(path, header, columns)
    if delimiter not in (",", "\t"):
        log.note(f"{path}: columns are separated by {delimiter!r}")
    found = CsvFormat(encoding, delimiter, skipped=1 if named else 0)
    plain = plain_lines(path, found, columns, log)
    if not plain.has_quotes or plain.width < 2:
        return found
    swallowing = stray_quote(path, found, plain, log)
    if swallowing is not None and delimiter == "\t" and plain.is_whole:
        found.quoting = csv.QUOTE_NONE
        log.note(f"{path}: quotes are read as characters of the texts, as no field is quoted")
    elif swallowing:
        raise InputError(
            f"{path}, line {swallowing}: the quote that opens a field here runs over lines that are "
            "rows of their own; double the quote or remove it"
        )
    return found


def csv_lines(path: Path, found: CsvFormat, log: ReadReport):
    """The lines of a csv file from its header on."""
    return itertools.islice(text_lines(path, log, found.encoding), found.skipped, None)


@dataclass
class PlainLines:
    """What a csv file is when quotes are characters: every line a row."""

    width: int  # columns
    is_whole: bool = True  # every line has that many
    has_quotes: bool = False
    has_bare_quotes: bool = False  # within a field, where csv's rules would have quoted the field
    label_at: int | None = None  # which column holds the label


def plain_lines(path: Path, found: CsvFormat, columns: Columns, log: ReadReport) -> PlainLines:
    """Read a csv file as if quotes were characters."""
    plain: PlainLines | None = None
    for line in csv_lines(path, found, log):
        fields = line.rstrip("\r\n").split(found.delimiter)
        if fields == [""]:
            continue
        if plain is None:
            names = [column_name(name.strip('"')) for name in fields]
            plain = PlainLines(len(fields))
            plain.label_at = names.index(columns.label) if columns.label in names else None
        if len(fields) != plain.width:
            plain.is_whole = False
        if '"' in line:
            plain.has_quotes = True
            bare = any('"' in value and not value.startswith('"') for value in fields)
            plain.has_bare_quotes = plain.has_bare_quotes or bare
    return plain or PlainLines(width=0)


def stray_quote(path: Path, found: CsvFormat, plain: PlainLines, log: ReadReport) -> int | None:
    """Whether quotes that csv's rules would read are characters of the texts: the line from which
    one swallows rows, 0 where they do other harm, None where they quote fields as in any csv file.

    A file whose every line has as many separators as its header needs no quotes. If reading it by
    csv's rules then joins lines that are rows of their own, or breaks rows, they were never meant.
    """
    taken: list[str] = []
    lines = kept(csv_lines(path, found, log), taken)
    rows = csv.reader(lines, delimiter=found.delimiter, strict=True)
    labels, suspects, is_broken = set(), {}, False
    try:
        for row in rows:
            is_broken = is_broken or bool(row) and len(row) != plain.width
            if plain.label_at is not None and len(row) == plain.width:
                labels.add(row[plain.label_at])
            joined = [line.rstrip("\r\n").split(found.delimiter) for line in taken[:-1]]
            if joined and all(len(fields) == plain.width for fields in joined):
                suspects[found.skipped + rows.line_num - len(joined)] = joined
            taken.clear()
    except csv.Error:
        is_broken = True
    for line, joined in suspects.items():
        if are_rows(joined, plain, labels, found.delimiter):
            return line
    return 0 if plain.is_whole and (is_broken or plain.has_bare_quotes) else None


def kept(lines, taken: list[str]):
    """The lines, each also appended to `taken`."""
    for line in lines:
        taken.append(line)
        yield line


def are_rows(joined: list[list[str]], plain: PlainLines, labels: set[str], delimiter: str) -> bool:
    """Whether lines that a quote joins are rows of their own: most have a label of other rows.

    A text that really holds line breaks and separators has none in that place. Without a label
    column a tsv file is told by the number of its separators, and a csv file by nothing.
    """
    if plain.label_at is None:
        return plain.is_whole and delimiter == "\t"
    return sum(fields[plain.label_at] in labels for fields in joined) > len(joined) / 2


def csv_records(path: Path, columns: Columns, log: ReadReport):
    """Rows of a csv or tsv file as dicts of strings, each with its line number: (line, record).

    Raises:
        InputError: a broken row, a column that stands twice; the message names the line.
    """
    found = csv_format(path, columns, log)
    rows = csv.reader(
        csv_lines(path, found, log),
        delimiter=found.delimiter,
        quoting=found.quoting,
        strict=True,
    )
    try:
        header = [column_name(name) for name in next(rows, [])]
        repeated = [name for name, n in collections.Counter(header).items() if n > 1]
        if repeated:
            raise InputError(
                f"{path}: the header has column {repeated[0]!r} twice; rename one of them"
            )
        for row in rows:
            if not row:
                continue
            number = rows.line_num + found.skipped
            if len(row) != len(header):
                raise InputError(
                    f"{path}, line {number}: {len(row)} fields where the header has {len(header)}; "
                    "quote the field that holds a separator or a line break"
                )
            yield number, dict(zip(header, row, strict=True))
    except csv.Error as error:
        raise InputError(
            f"{path}, line {rows.line_num + found.skipped}: broken row ({error}); fix its quotes"
        ) from None


def jsonl_records(path: Path, log: ReadReport):
    """Rows of a jsonl file as dicts, numbers kept as the characters they are written with: (line,
    record).

    `NaN` and `Infinity` are floats, which `as_string` knows.
    """
    for number, line in enumerate(text_lines(path, log), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, parse_int=str, parse_float=str)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{path}, line {number}: broken json ({error}); fix or remove the line"
            ) from None
        if not isinstance(record, dict):
            raise InputError(
                f'{path}, line {number}: not a json object; write {{"text": …, "label": …}}'
            )
        yield number, {column_name(name): value for name, value in record.items()}


def parquet_records(path: Path, columns: Columns):
    """Rows of a parquet file as dicts; ClassLabel columns that `datasets` wrote come out as names."""
    try:
        compressed = path.suffix.lower() in OPENERS
        source = pa.BufferReader(b"".join(file_chunks(path))) if compressed else path
        file = pq.ParquetFile(source)
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: not a readable parquet file ({error}); write it again") from None
    stored = {name: column_name(name) for name in file.schema_arrow.names}
    wanted = [
        name for name, plain in stored.items() if plain in (columns.text, columns.label, columns.id)
    ]
    class_names = class_names_in(file.schema_arrow)
    number = 0
    try:
        for batch in file.iter_batches(batch_size=10_000, columns=wanted):
            for record in batch.to_pylist():
                number += 1
                for column, names in class_names.items():
                    if record.get(column) is not None:
                        record[column] = names[record[column]] if record[column] >= 0 else None
                yield number, {stored[name]: record[name] for name in wanted}
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read to its end ({error}); write it again") from None
    if not wanted or number == 0:
        yield 0, dict.fromkeys(stored.values())


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
    """A field's value as the string it stands for; NaN is no value.

    Raises:
        InputError: a list, an object, bytes, or an infinite number.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, dict, bytes)):
        raise InputError(
            f"{where}: holds a {type(value).__name__}, not a string; choose another column"
        )
    if isinstance(value, (float, Decimal)) and not math.isfinite(value):
        if math.isnan(value):
            return None
        raise InputError(f"{where}: holds an infinite number; give a value or leave it empty")
    return str(value)


def table_records(path: Path, columns: Columns, log: ReadReport):
    """Rows of a table file as (line, record); line 0 stands for a parquet file without rows."""
    kind = table_suffix(path)
    if kind == ".parquet":
        return parquet_records(path, columns)
    if kind == ".jsonl":
        return jsonl_records(path, log)
    return csv_records(path, columns, log)


def all_columns(path: Path, first: dict, wanted: set[str], log: ReadReport) -> list[str]:
    """The columns of a table whose first record is `first`: of JSON lines, those of any line.

    The file is read for it only where the first line lacks one of the `wanted`.
    """
    if wanted <= first.keys() or table_suffix(path) != ".jsonl":
        return list(first)
    records = jsonl_records(path, ReadReport(encoding=log.encoding))
    return list(dict.fromkeys(name for _, record in records for name in record))
