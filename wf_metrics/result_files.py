"""The files that results and ground truths come in, as tables of strings and as items: csv, JSON
lines and documents, parquet.

`inspect_file` looks at a file once; what it found (`ResultFile`) goes along to every function that
reads the rows.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from utils.errors import InputError
from utils.folders import files_below
from utils.records import OPENERS, ReadReport, csv_blocks, file_chunks
from utils.records.csv_files import CsvFormat, check_header, csv_format
from utils.records.files import open_text, text_encoding
from utils.records.tables import jsonl_records
from utils.text import STRAY_BYTES
from wf_metrics.dynamodb import header_name, untyped_parts

EXPORT_FILES = ("manifest", "_started")  # what an export to S3 puts beside its data
CHANGE = {"Metadata", "Keys", "NewImage", "OldImage"}  # the parts of a line of an incremental one
KINDS = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}
# What the answer of a scan or query holds; where it says that it is one page of several.
PAGE = {"Items", "Count", "ScannedCount", "ConsumedCapacity", "ResponseMetadata"}
NEXT_PAGE = ("LastEvaluatedKey", "NextToken")


@dataclass(frozen=True)
class ResultFile:
    """A file of results or truths: what it is and how it is written."""

    path: Path
    kind: str  # csv, json or parquet
    encoding: str | None = None  # of csv and json
    csv: CsvFormat | None = None  # of csv: delimiter, header, what stands before it


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
        InputError: the file is empty or cannot be read, or a csv has one name twice.
    """
    kind = kind_of(path) or ""
    if kind == "parquet":
        return ResultFile(path, kind)
    if kind == "json":
        return ResultFile(path, kind, text_encoding(path, log))
    found = csv_format(path, None, log)
    check_header(path, filter(None, map(header_name, found.header)))
    return ResultFile(path, kind, found.encoding, found)


# Csv.


def csv_tables(file: ResultFile) -> Iterator[pa.Table]:
    """Yield a csv's blocks as tables of strings, every column that has a name under its plain one.

    Raises:
        InputError: a row is broken, or there is none.
    """
    assert file.csv is not None  # it is a csv
    named = [name for name in file.csv.header if header_name(name)]
    convert = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(named, pa.large_string()),
        include_columns=named,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )
    rows = 0
    for table in csv_blocks.csv_tables(file.path, file.csv, convert):
        rows += len(table)
        yield table.rename_columns([header_name(name) for name in named])
    if not rows:
        raise InputError(f"{file.path}: a header and no rows; export it again")


# JSON.


def json_items(file: ResultFile, warnings: list[str]) -> Iterator[dict]:
    """The items of a file of JSON lines, or of one document with them, with plain values.

    Args:
        warnings: takes a sentence where the file says that it is one page of several.
    """
    if ".json" in [suffix.lower() for suffix in file.path.suffixes]:
        stream, mixed = open_text(file.path, ReadReport(), file.encoding)
        with stream:
            first = stream.readline().strip()
            if not is_object(first):
                text = first + stream.read()
                return document_items(
                    file.path, text.translate(STRAY_BYTES) if mixed else text, warnings
                )
    return line_items(file, warnings)


def is_object(line: str) -> bool:
    """Whether a line is a JSON object of its own, and so the file one of JSON lines."""
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def line_items(file: ResultFile, warnings: list[str]) -> Iterator[dict]:
    """Yield the items of JSON lines; a line may be a whole page of a scan or query."""
    page: dict[str, Any] = {}
    for number, record in jsonl_records(file.path, ReadReport(), file.encoding):
        if is_page(record):
            page = record
            yield from plain_items(file.path, enumerate(page["Items"], 1))
        else:
            yield from plain_items(file.path, [(number, record)])
    warn_of_next_page(file.path, page, warnings)


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


def plain_items(path: Path, records: Iterable) -> Iterator[dict]:
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
        columns: those that are wanted, and what they lie in; None: all that can be strings.
    """
    path = file.path
    try:
        with pq.ParquetFile(path, pre_buffer=False) as source:
            schema = source.schema_arrow
            names = [field.name for field in schema if is_plain(field.type)]
            if columns is not None:
                names = [name for name in names if is_needed(name, columns)]
            twice = [name for name in names if schema.names.count(name) > 1]
            if twice:
                raise InputError(f"{path}: it has column {twice[0]!r} twice; rename one of them")
            for batch in source.iter_batches(rows, columns=names):
                strings = [as_strings(column) for column in batch.columns]
                yield pa.table(strings, batch.schema.names)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a readable parquet file ({error}); write it again") from None


def is_needed(name: str, columns: list[str]) -> bool:
    """Whether a column is one of `columns`, or a map that one of them lies in (`a` for `a.b`)."""
    return any(column == name or column.startswith(f"{name}.") for column in columns)


def as_strings(column: pa.Array) -> pa.Array:
    """A column's values as strings; NaN, which pandas writes for nothing, is no value."""
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), None, column)
    return column.cast(pa.large_string())


def is_plain(kind: pa.DataType) -> bool:
    """Whether a column's values can be strings: no lists, no maps, no bytes."""
    return not (
        pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    )
