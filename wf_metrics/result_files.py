"""The files that results and ground truths come in, as tables of strings and as items: csv, JSON
lines and documents, parquet.

`inspect_file` looks at a file once; what it found (`ResultFile`) goes along to every function that
reads the rows.
"""

import csv
import io
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from utils.errors import InputError
from utils.folders import files_below
from utils.records import OPENERS, ReadReport, file_chunks, jsonl_records, open_text, text_encoding
from utils.text import STRAY_BYTES
from wf_metrics.dynamodb import header_name, untyped_parts

BLOCK = 1 << 25  # bytes of csv taken at once; no record may be longer
EXPORT_FILES = ("manifest", "_started")  # what an export to S3 puts beside its data
CHANGE = {"Metadata", "Keys", "NewImage", "OldImage"}  # the parts of a line of an incremental one
KINDS = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}
DELIMITERS = ",;\t|"
# The first line of a csv that Excel is told the delimiter by.
DECLARED_DELIMITER = re.compile(r'^\s*"?sep=(.)"?[\s,;|"]*$', re.IGNORECASE)
# What the answer of a scan or query holds; where it says that it is one page of several.
PAGE = {"Items", "Count", "ScannedCount", "ConsumedCapacity", "ResponseMetadata"}
NEXT_PAGE = ("LastEvaluatedKey", "NextToken")


@dataclass(frozen=True)
class ResultFile:
    """A file of results or truths: what it is and how it is written."""

    path: Path
    kind: str  # csv, json or parquet
    encoding: str | None = None  # of csv and json
    delimiter: str = ","  # of csv
    header: tuple[str, ...] = ()  # of csv: the names as they are written, `id (S)`
    declares: bool = False  # csv whose first line is `sep=;`


def result_files(paths, truth=None) -> list[Path]:
    """The files that are meant: a folder stands for the result files below it.

    Left out of a folder are the ground truth `truth`, and empty files: an export to S3 has one for
    every partition without items.

    Raises:
        InputError: a path is not there, of an unknown kind, or a folder without result files.
    """
    truth = Path(truth).resolve() if truth else None
    found = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [file for file in files_below(path) if is_result_file(file, truth)]
            if not inside:
                raise InputError(
                    f"--results {path}: no .csv, .json, .jsonl or .parquet file in this folder"
                )
            found += inside
        elif not path.exists():
            raise InputError(f"--results {path}: no such file; check the path")
        elif not kind_of(path):
            raise InputError(
                f"--results {path}: unknown kind of file; give .csv, .tsv, .json, .jsonl "
                "(also .gz) or .parquet"
            )
        else:
            found.append(path)
    return found


def is_result_file(path: Path, truth: Path | None) -> bool:
    """Whether a file that lies in a folder of results is one of them."""
    if kind_of(path) is None or path.name.startswith(EXPORT_FILES) or path.resolve() == truth:
        return False
    return bool(next(file_chunks(path), b"").strip())


def kind_of(path: Path) -> str | None:
    """`csv`, `json` or `parquet`; None for other files."""
    names = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in OPENERS]
    return KINDS.get(names[-1]) if names else None


def inspect_file(path: Path, log: ReadReport) -> ResultFile:
    """Look at a file: its kind, its encoding and, of a csv, its delimiter and header.

    Args:
        path: a file whose `kind_of` is known. log: takes a note where the encoding is not UTF-8.

    Raises:
        InputError: the file is empty or cannot be read, or a csv has no row or one name twice.
    """
    kind = kind_of(path) or ""
    if kind == "parquet":
        return ResultFile(path, kind)
    encoding = text_encoding(path, log)
    if kind == "json":
        return ResultFile(path, kind, encoding)
    stream, mixed = open_text(path, ReadReport(), encoding)
    with stream:
        lines = (line.translate(STRAY_BYTES) if mixed else line for line in stream)
        return ResultFile(path, kind, encoding, *csv_header(path, lines))


def csv_header(path: Path, lines: Iterator[str]) -> tuple[str, tuple[str, ...], bool]:
    """A csv's delimiter, its column names, and whether its first line declares the delimiter.

    Of , ; tab and | the delimiter is the one that makes most columns, unless the file says it.
    """
    written = (line for line in lines if line.strip("\r\n"))
    first = next(written, "")
    declared = DECLARED_DELIMITER.match(first)
    if declared:
        first = next(written, "")
        delimiter = declared[1]
    else:
        widths = {d: len(next(csv.reader([first], delimiter=d), [])) for d in DELIMITERS}
        delimiter = max(widths, key=lambda d: widths[d])
    # The header may hold line breaks: the reader takes as many lines as it needs.
    header = next(csv.reader(itertools.chain([first], lines), delimiter=delimiter), [])
    if not any(line.strip() for line in lines):
        raise InputError(f"{path}: a header and no rows; export it again")
    names = [header_name(name) for name in header]
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        raise InputError(f"{path}: the header has column {twice[0]!r} twice; rename one of them")
    return delimiter, tuple(header), declared is not None


# Csv.


class Utf8Bytes(io.RawIOBase):
    """A text stream as the UTF-8 bytes that Arrow reads."""

    def __init__(self, text: io.TextIOBase, mixed: bool):
        self.text, self.mixed = text, mixed

    def readable(self):
        return True

    def read(self, size=-1):
        text = self.text.read(max(1, size // 4))  # no character takes more than four bytes
        return (text.translate(STRAY_BYTES) if self.mixed else text).encode()


def open_rows(file: ResultFile):
    """Open a csv at its header; returns (text stream, whether stray bytes are left in it)."""
    stream, mixed = open_text(file.path, ReadReport(), file.encoding)
    if file.declares:
        while not stream.readline().strip():
            continue
    return stream, mixed


def csv_tables(file: ResultFile, columns: list[str] | None) -> Iterator[pa.Table]:
    """Yield a csv's blocks as tables of strings under plain names.

    Args:
        columns: those that are needed; None: all.

    Raises:
        InputError: a row is broken.
    """
    wanted = [
        raw
        for raw in file.header
        if header_name(raw) and (columns is None or is_needed(header_name(raw), columns))
    ]
    convert = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(wanted, pa.large_string()),
        include_columns=wanted,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )
    parse = pa.csv.ParseOptions(delimiter=file.delimiter, newlines_in_values=True)
    read = pa.csv.ReadOptions(block_size=BLOCK)
    stream, mixed = open_rows(file)
    with stream:
        try:
            source = pa.PythonFile(Utf8Bytes(stream, mixed), mode="r")
            with pa.csv.open_csv(source, read, parse, convert) as reader:
                names = [header_name(name) for name in wanted]
                for batch in reader:
                    yield pa.Table.from_batches([batch]).rename_columns(names)
        except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
            # Python's csv module knows the line; Arrow does not.
            check_rows(file)
            raise InputError(
                f"{file.path}: broken row ({error}); fix its quotes or separators"
            ) from None


def check_quotes(file: ResultFile):
    """Raise InputError for misplaced quotes, which Arrow takes as they come, and rows with them.

    A quote has to open a field where one begins and to close it where one ends. Of others, such as
    in 24", Python's csv module, which is slower, says whether they do harm.
    """
    edges = np.zeros(256, bool)  # what stands before an opening and behind a closing quote
    edges[list(f"\r\n{file.delimiter}".encode())] = True
    stream, _ = open_rows(file)
    inside = 0  # 1 where a block begins within quotes
    with stream:
        while text := stream.read(BLOCK // 4):
            text = (text + stream.readline()).replace('""', "")
            if '"' not in text:
                continue
            line = np.frombuffer(f"\n{text}\n".encode(errors="surrogateescape"), np.uint8)
            at = np.flatnonzero(line == ord('"'))
            opening, closing = at[inside::2], at[1 - inside :: 2]
            if not edges[line[opening - 1]].all() or not edges[line[closing + 1]].all():
                return check_rows(file)
            inside = (inside + len(at)) % 2
    if inside:
        check_rows(file)


def check_rows(file: ResultFile):
    """Raise InputError for the first row that Python's csv module finds broken."""
    stream, _ = open_rows(file)
    with stream:
        rows = csv.reader(stream, delimiter=file.delimiter, strict=True)
        skipped = 1 if file.declares else 0
        try:
            for row in rows:
                if row and len(row) != len(file.header):
                    raise InputError(
                        f"{file.path}, line {rows.line_num + skipped}: {len(row)} fields where the "
                        f"header has {len(file.header)}; quote the field that holds a separator or "
                        "a line break"
                    )
        except csv.Error as error:
            raise InputError(
                f"{file.path}, line {rows.line_num + skipped}: broken row ({error}); fix its quotes"
            ) from None


def is_needed(name: str, columns: list[str]) -> bool:
    """Whether a column is one of `columns`, or a map that one of them lies in (`a` for `a.b`)."""
    return any(column == name or column.startswith(f"{name}.") for column in columns)


# JSON.


def json_items(file: ResultFile, warnings: list[str] | None = None) -> Iterator[dict]:
    """The items of a file of JSON lines, or of one document with them, with plain values.

    Args:
        warnings: takes a sentence where the file says that it is one page of several.
    """
    warnings = [] if warnings is None else warnings
    if ".json" in [suffix.lower() for suffix in file.path.suffixes]:
        stream, mixed = open_text(file.path, ReadReport(), file.encoding)
        with stream:
            first = stream.readline().strip()
            if not is_object(first):
                text = first + stream.read()
                return document_items(
                    file.path, text.translate(STRAY_BYTES) if mixed else text, warnings
                )
    return line_items(file.path, warnings)


def is_object(line: str) -> bool:
    """Whether a line is a JSON object of its own, and so the file one of JSON lines."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def line_items(path: Path, warnings: list[str]) -> Iterator[dict]:
    """Yield the items of JSON lines; a line may be a whole page of a scan or query."""
    page: dict = {}
    for number, record in jsonl_records(path, ReadReport()):
        if is_page(record):
            page = record
            yield from plain_items(path, enumerate(page["Items"], 1))
        else:
            yield from plain_items(path, [(number, record)])
    warn_of_next_page(path, page, warnings)


def document_items(path: Path, text: str, warnings: list[str]) -> Iterator[dict]:
    """Yield the items of one JSON document: a list of items or of pages, or one page."""
    try:
        document = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: broken json ({error}); export the results again") from None
    if isinstance(document, dict) and isinstance(document.get("Items"), list):
        document = [document]
    elif not isinstance(document, list):
        raise InputError(f'{path}: no list of items; give JSON lines, {{"Items": […]}} or […]')
    elif not (document and all(is_page(record) for record in document)):
        document = [{"Items": document}]
    for page in document:
        yield from plain_items(path, enumerate(page["Items"], 1))
    warn_of_next_page(path, document[-1], warnings)


def is_page(record) -> bool:
    """Whether an object is the answer of a scan or query, not an item with an attribute `Items`."""
    return (
        isinstance(record, dict)
        and isinstance(record.get("Items"), list)
        and record.keys() <= PAGE.union(NEXT_PAGE)
    )


def warn_of_next_page(path: Path, page: dict, warnings: list[str]):
    """Say so where the last page of a file names one that follows it."""
    named = [name for name in NEXT_PAGE if page.get(name)]
    if named:
        warnings.append(
            f"{path}: incomplete: {named[0]} in it says that more items follow; export the whole "
            "table, or give the other pages too"
        )


def plain_items(path: Path, records) -> Iterator[dict]:
    """Yield the items of numbered records, without those that were deleted."""
    for number, record in records:
        if not isinstance(record, dict):
            raise InputError(f"{path}, item {number}: not an object; export the results again")
        item = item_of(path, number, record)
        if item is not None:
            yield item


def item_of(path: Path, number: int, record: dict) -> dict | None:
    """The attributes of an exported item; None where an incremental export says it was deleted."""
    if "Keys" in record and record.keys() <= CHANGE:
        record = {"Item": record.get("NewImage")}
    if "Item" in record and len(record) == 1:
        record = record["Item"]
        if record is None:
            return None
        if not isinstance(record, dict):
            raise InputError(
                f"{path}, line {number}: its Item is no object; export the results again"
            )
    try:
        return untyped_parts(record)
    except RecursionError:
        raise InputError(
            f"{path}, line {number}: nested too deep; export the results again"
        ) from None


# Parquet.


def parquet_batches(file: ResultFile, columns: list[str] | None, rows: int) -> Iterator[pa.Table]:
    """Yield a parquet file's batches of `rows` rows as tables of strings.

    Args:
        columns: those that are wanted; None: all that can be strings.
    """
    path = file.path
    try:
        with pq.ParquetFile(path, pre_buffer=False) as source:
            schema = source.schema_arrow
            names = columns or [field.name for field in schema if is_plain(field.type)]
            twice = [name for name in names if schema.names.count(name) > 1]
            if twice:
                raise InputError(f"{path}: it has column {twice[0]!r} twice; rename one of them")
            for batch in source.iter_batches(rows, columns=names):
                strings = [column.cast(pa.large_string()) for column in batch.columns]
                yield pa.table(strings, batch.schema.names)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a readable parquet file ({error}); write it again") from None


def is_plain(kind: pa.DataType) -> bool:
    """Whether a column's values can be strings: no lists, no maps, no bytes."""
    return not (
        pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    )
