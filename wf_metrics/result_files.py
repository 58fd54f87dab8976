"""The files that results come in, as tables of strings and as items: csv, JSON lines and documents,
parquet.
"""

import csv
import io
import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from utils.errors import InputError
from utils.folders import files_below
from utils.records import OPENERS, ReadReport, file_chunks, jsonl_records, open_text
from utils.text import STRAY_BYTES
from wf_metrics.dynamodb import header_name, untyped_parts

BLOCK = 1 << 25  # bytes of csv taken at once; no record may be longer
EXPORT_FILES = ("manifest", "_started")  # what an export to S3 puts beside its data
CHANGE = {"Metadata", "Keys", "NewImage", "OldImage"}  # the parts of a line of an incremental one


def result_files(paths, truth=None) -> list[Path]:
    """The files that are meant: a folder stands for the result files below it, of which `truth` is
    none.

    An export to S3 has an empty file for every partition without items; a folder's empty files are
    left out.
    """
    truth = truth and Path(truth).resolve()
    found = []
    for path in map(Path, paths):
        if path.is_dir():
            inside = [
                p
                for p in files_below(path)
                if kind_of(p)
                and not p.name.startswith(EXPORT_FILES)
                and p.resolve() != truth
                and next(file_chunks(p), b"").strip()
            ]
            if not inside:
                raise InputError(
                    f"--results {path}: no .csv, .json, .jsonl or .parquet file in this folder"
                )
            found += inside
        elif not path.exists():
            raise InputError(f"--results {path}: no such file; check the path")
        elif not kind_of(path):
            raise InputError(
                f"--results {path}: unknown kind of file; give .csv, .tsv, .json, .jsonl (also .gz) or "
                ".parquet"
            )
        else:
            found.append(path)
    return found


def kind_of(path: Path) -> str | None:
    """`csv`, `json` or `parquet`; None for other files."""
    kinds = {".csv": "csv", ".tsv": "csv", ".jsonl": "json", ".json": "json", ".parquet": "parquet"}
    names = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in OPENERS]
    return kinds.get(names[-1]) if names else None


class Utf8Bytes(io.RawIOBase):
    """A text stream as the UTF-8 bytes that Arrow reads."""

    def __init__(self, text, mixed: bool):
        self.text, self.mixed = text, mixed

    def readable(self):
        return True

    def read(self, size=-1):
        text = self.text.read(max(1, size // 4))  # no character takes more than four bytes
        return (text.translate(STRAY_BYTES) if self.mixed else text).encode()


def csv_tables(path: Path, columns: list[str] | None, encoding: str):
    """Yield a csv file's blocks as tables of strings under plain names: all columns, or those
    `columns` need.
    """
    stream, mixed = open_text(path, ReadReport(), encoding)
    with stream:
        delimiter, header = csv_header(
            path, (line.translate(STRAY_BYTES) if mixed else line for line in stream)
        )
    names = [header_name(name) for name in header]
    twice = [name for name in names if name and names.count(name) > 1]
    if twice:
        raise InputError(f"{path}: the header has column {twice[0]!r} twice; rename one of them")
    wanted = [
        raw
        for raw, name in zip(header, names, strict=True)
        if name and (columns is None or is_needed(name, columns))
    ]
    convert = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(wanted, pa.large_string()),
        include_columns=wanted,
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
    )
    parse = pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    stream, mixed = open_text(path, ReadReport(), encoding)
    with stream:
        try:
            source = pa.PythonFile(Utf8Bytes(stream, mixed), mode="r")
            with pa.csv.open_csv(
                source, pa.csv.ReadOptions(block_size=BLOCK), parse, convert
            ) as reader:
                for batch in reader:
                    yield pa.Table.from_batches([batch]).rename_columns(
                        [header_name(name) for name in wanted]
                    )
        except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
            check_rows(path, encoding)
            raise InputError(
                f"{path}: broken row ({error}); mend its quotes or separators"
            ) from None


def csv_header(path: Path, lines) -> tuple[str, list[str]]:
    """The delimiter, of , ; tab and | the one that makes most columns, and the column names."""
    first = next((line for line in lines if line.strip("\r\n")), "")
    widths = {d: len(next(csv.reader([first], delimiter=d), [])) for d in ",;\t|"}
    delimiter = max(widths, key=widths.get)
    header = next(csv.reader(itertools.chain([first], lines), delimiter=delimiter), [])
    if not any(line.strip() for line in lines):
        raise InputError(f"{path}: a header and no rows; export it again")
    return delimiter, header


def check_quotes(path: Path, encoding: str):
    """Raise InputError for misplaced quotes, which Arrow takes as they come, rows behind them with
    them.

    A quote has to open a field where one begins and to close it where one ends. Of others, such as
    in 24", Python's csv module, which is slower, tells whether they do harm.
    """
    stream, _ = open_text(path, ReadReport(), encoding)
    with stream:
        delimiter, _ = csv_header(path, stream)
        stream.seek(0)
        edges = np.zeros(256, bool)
        edges[list(f"\r\n{delimiter}".encode())] = True
        inside = 0
        while text := stream.read(BLOCK // 4):
            text = (text + stream.readline()).replace('""', "")
            if '"' not in text:
                continue
            line = np.frombuffer(f"\n{text}\n".encode(errors="surrogateescape"), np.uint8)
            at = np.flatnonzero(line == ord('"'))
            if (
                not edges[line[at[inside::2] - 1]].all()
                or not edges[line[at[1 - inside :: 2] + 1]].all()
            ):
                return check_rows(path, encoding)
            inside = (inside + len(at)) % 2
    if inside:
        check_rows(path, encoding)


def check_rows(path: Path, encoding: str):
    """Raise InputError for the first row that Python's csv module finds broken."""
    stream, _ = open_text(path, ReadReport(), encoding)
    with stream:
        delimiter, header = csv_header(path, stream)
        stream.seek(0)
        rows = csv.reader(stream, delimiter=delimiter, strict=True)
        try:
            for row in rows:
                if row and len(row) != len(header):
                    raise InputError(
                        f"{path}, line {rows.line_num}: {len(row)} fields where the header has "
                        f"{len(header)}; quote the field that holds a separator or a line break"
                    )
        except csv.Error as error:
            raise InputError(
                f"{path}, line {rows.line_num}: broken row ({error}); mend its quotes"
            ) from None


def is_needed(name: str, columns: list[str]) -> bool:
    return any(column == name or column.startswith(f"{name}.") for column in columns)


def json_items(path: Path, log: ReadReport):
    """Yield the items of a file of JSON lines, or of one document with them, with plain values."""
    if ".json" in [s.lower() for s in path.suffixes]:
        stream, mixed = open_text(path, log)
        with stream:
            first = stream.readline().strip()
            whole = None if is_item(first) else first + stream.read()
        if whole is not None:
            return document_items(path, whole.translate(STRAY_BYTES) if mixed else whole)
    return (
        item
        for number, record in jsonl_records(path, log)
        if (item := item_of(path, number, record)) is not None
    )


def is_item(line: str) -> bool:
    """Whether a line is a JSON object of its own that does not hold the whole file's items."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(record, dict) and not isinstance(record.get("Items"), list)


def document_items(path: Path, text: str):
    """Yield the items of one JSON document: a list of them, or the answer of a scan or query."""
    try:
        document = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: broken json ({error}); export the results again") from None
    items = document.get("Items") if isinstance(document, dict) else document
    if not isinstance(items, list):
        raise InputError(f'{path}: no list of items; give JSON lines, {{"Items": […]}} or […]')
    for number, record in enumerate(items, 1):
        if not isinstance(record, dict):
            raise InputError(f"{path}, item {number}: not an object; export the results again")
        item = item_of(path, number, record)
        if item is not None:
            yield item


def item_of(path: Path, number: int, record: dict) -> dict | None:
    """The attributes of an exported item; None of one that an incremental export says was deleted."""
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


def parquet_batches(path: Path, columns: list[str] | None, rows: int):
    """Yield a parquet file's batches as tables of strings: all columns that can be such, or the
    named ones.
    """
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            schema = file.schema_arrow
            names = columns or [field.name for field in schema if is_plain(field.type)]
            twice = [name for name in names if schema.names.count(name) > 1]
            if twice:
                raise InputError(f"{path}: it has column {twice[0]!r} twice; rename one of them")
            for batch in file.iter_batches(rows, columns=names):
                yield pa.table(
                    [column.cast(pa.large_string()) for column in batch.columns], batch.schema.names
                )
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: not a readable parquet file ({error}); write it again") from None


def is_plain(kind: pa.DataType) -> bool:
    """Whether a column's values can be strings: no lists, no maps, no bytes."""
    return not (
        pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    )
