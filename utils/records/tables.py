"""Rows of csv, tsv, jsonl and parquet files, plain or compressed, as records of strings."""

import json
import math
import re
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from utils.errors import InputError
from utils.records.csv_files import csv_records
from utils.records.files import (
    OPENERS,
    Columns,
    ReadReport,
    column_name,
    file_chunks,
    table_suffix,
    text_lines,
)


def dataset_name(source) -> str:
    """A short name for folders and cards: the file or folder's, without suffixes; `x_v2` for
    `x/data_v2`.
    """
    path = Path(source)
    if version := re.fullmatch(r"data_v(\d+)", path.name):
        return f"{path.resolve().parent.name}_v{version[1]}"
    return (path.resolve().name if path.exists() else path.name).split(".")[0] or "dataset"


def jsonl_records(path: Path, log: ReadReport, encoding: str | None = None):
    """Rows of a jsonl file as dicts, numbers kept as the characters they are written with: (line,
    record).

    `NaN` and `Infinity` are floats, which `as_string` knows.
    """
    for number, line in enumerate(text_lines(path, log, encoding), 1):
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
    """Rows of a parquet file as dicts; ClassLabel columns of `datasets` come out as names."""
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
    """Column -> class names, of the features that `datasets` keeps in a parquet file's metadata."""
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
