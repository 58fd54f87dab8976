"""The table of predictions that every room writes and wf_metrics reads: parquet, or csv and jsonl
on demand.

Parquet columns: id string, label string (null where unlabelled), prediction string, confidence
float32, probabilities list<float32> in the order of the class names, which are a JSON list under
`class_names` in the file's metadata.
"""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import ArrayLike

from utils.errors import InputError
from utils.metrics import row_chunks, top_labels
from utils.records import ReadReport
from utils.records.csv_blocks import csv_tables
from utils.records.csv_files import csv_format, csv_rows
from utils.records.files import text_lines

COLUMNS = ["id", "label", "prediction", "confidence"]
TYPES = [pa.string(), pa.string(), pa.string(), pa.float32()]
PROBABILITY = "probability_"  # before the class name, in the header of a csv
# Probabilities in a row group: 16 MiB of float32, read twice as fast as 64 MiB.
ROW_GROUP_VALUES = 2**22


@dataclass(frozen=True, eq=False)
class Predictions:
    """n predictions over C classes."""

    ids: list[str]
    labels: list[str | None]  # None: the row has no label; a label need not be one of class_names
    predictions: list[str]
    confidence: np.ndarray  # (n,) float32
    probabilities: np.ndarray  # (n, C) float32
    class_names: list[str]


def check_output(path: Path, overwrite: bool):
    """Refuse, before any work, a file of predictions that cannot be written.

    Raises:
        InputError: another kind of file, a folder, or a file that is there and may not be replaced.
    """
    if path.suffix not in (".parquet", ".csv", ".jsonl"):
        raise InputError(
            f"--output {path}: unknown kind of file; end it with .parquet, .csv or .jsonl"
        )
    if path.is_dir():
        raise InputError(f"--output {path}: a folder; give the name of a file")
    if path.exists() and not overwrite:
        raise InputError(f"--output {path}: already there; pass --overwrite to replace it")
    parent = next(folder for folder in path.absolute().parents if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"--output {path}: {parent} cannot be written to; choose another place")


def write_predictions(
    path: str | Path,
    ids: Iterable[str],
    probabilities: ArrayLike,
    class_names: Iterable[str],
    labels: Iterable[str | None] | None = None,
):
    """Write predictions to path, as parquet, csv or jsonl by its ending; an existing file is
    replaced.

    ids: n strings. probabilities: (n, C) floats, stored as float32. class_names: C different
    strings. labels: n class names, None or "" where a row has none; or None when no row has one.
    The prediction is the class of highest stored probability, the first one where several tie; the
    confidence is that probability. The file appears whole or not at all: it is written beside under
    another name and then moved. Missing parent folders are made. Parquet is the one for many rows:
    a million rows of 632 classes pass through in row groups.

    Raises InputError when the ending is none of the three or the file cannot be written, ValueError
    for arguments that do not fit each other.
    """
    path = Path(path)
    write = {".parquet": _write_parquet, ".csv": _write_csv, ".jsonl": _write_jsonl}[_ending(path)]
    columns = _checked(ids, probabilities, class_names, labels)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary, *columns)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(
            f"cannot write {path} ({error.strerror or error}): give another path"
        ) from error
    finally:
        if temporary.exists():
            temporary.unlink()


def read_predictions(path: str | Path) -> Predictions:
    """Return the `Predictions` of a parquet, csv or jsonl file, told apart by its ending.

    Raises InputError, naming the file, when it is missing or of another ending or kind, lacks
    columns or class names, or holds rows that do not fit the class names.
    """
    path = Path(path)
    read = {".parquet": _read_parquet, ".csv": _read_csv, ".jsonl": _read_jsonl}[_ending(path)]
    if not path.is_file():
        raise InputError(f"there is no predictions file {path}: check the path")
    try:
        return read(path)
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise InputError(
            f"{path} is not a readable {_ending(path)[1:]} file of predictions: {error}"
        ) from error


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    if ending not in (".parquet", ".csv", ".jsonl"):
        raise InputError(f"predictions file {path} must end in .parquet, .csv or .jsonl: rename it")
    return ending


def _checked(ids, probabilities, class_names, labels):
    """Return the arguments as the writers take them, or raise ValueError."""
    ids = list(ids)
    class_names = list(class_names)
    probabilities = np.asarray(probabilities)
    labels = [None] * len(ids) if labels is None else [label or None for label in labels]
    if probabilities.shape != (len(ids), len(class_names)) or len(labels) != len(ids):
        raise ValueError(
            f"{len(ids)} ids, {len(labels)} labels and {len(class_names)} class names do not fit "
            f"probabilities of shape {probabilities.shape}"
        )
    if not class_names or len(set(class_names)) < len(class_names) or "" in class_names:
        raise ValueError("class names must be different and not empty")
    if not all(isinstance(value, str) for values in (ids, class_names) for value in values):
        raise ValueError("ids and class names must be strings")
    if not all(label is None or isinstance(label, str) for label in labels):
        raise ValueError("labels must be class names (strings) or None")
    return ids, labels, probabilities, class_names


def _parts(ids, labels, probabilities, class_names):
    """Yield (columns, probabilities) in row groups: four arrow arrays of COLUMNS, and float32
    (rows, C).

    The prediction is the argmax of the float32 that is stored, so that who reads it finds the same.
    """
    names = pa.array(class_names, pa.string())
    for rows in row_chunks(*probabilities.shape, values=ROW_GROUP_VALUES):
        chunk = np.ascontiguousarray(probabilities[rows], dtype=np.float32)
        if not np.isfinite(chunk.sum(axis=1)).all():
            raise ValueError(
                f"probabilities of rows {rows.start}..{rows.stop - 1} are not all finite"
            )
        predictions, confidence = top_labels(chunk)
        values = [ids[rows], labels[rows], names.take(pa.array(predictions)), confidence]
        yield [pa.array(value, kind) for value, kind in zip(values, TYPES, strict=True)], chunk


def _write_parquet(path, ids, labels, probabilities, class_names):
    fields = [*zip(COLUMNS, TYPES, strict=True), ("probabilities", pa.list_(pa.float32()))]
    schema = pa.schema(
        fields, metadata={"class_names": json.dumps(class_names, ensure_ascii=False)}
    )
    # Dictionaries would be tried in vain on floats that hardly repeat; with their bytes stored
    # apart, they pack and read better.
    encoding = {"probabilities.list.element": "BYTE_STREAM_SPLIT"}
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        use_dictionary=["label", "prediction"],
        column_encoding=encoding,
    ) as writer:
        for columns, chunk in _parts(ids, labels, probabilities, class_names):
            offsets = np.arange(len(chunk) + 1, dtype=np.int32) * np.int32(chunk.shape[1])
            lists = pa.ListArray.from_arrays(pa.array(offsets), pa.array(chunk.reshape(-1)))
            writer.write_batch(pa.record_batch([*columns, lists], schema=schema))


def _write_csv(path, ids, labels, probabilities, class_names):
    names = [PROBABILITY + name for name in class_names]
    schema = pa.schema(
        [*zip(COLUMNS, TYPES, strict=True), *((name, pa.float32()) for name in names)]
    )
    with pa.csv.CSVWriter(path, schema) as writer:
        for columns, chunk in _parts(ids, labels, probabilities, class_names):
            writer.write_batch(
                pa.record_batch([*columns, *map(pa.array, chunk.T.copy())], schema=schema)
            )


def _write_jsonl(path, ids, labels, probabilities, class_names):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        for columns, chunk in _parts(ids, labels, probabilities, class_names):
            columns = [column.to_pylist() for column in columns[:3]]
            for *cells, row in zip(*columns, chunk, strict=True):
                # By way of text: 0.1 as float32 is written as 0.1, not as 0.10000000149011612.
                values = dict(zip(class_names, row.astype(str).astype(float).tolist(), strict=True))
                cells = [*cells, values[cells[2]]]
                record = {**dict(zip(COLUMNS, cells, strict=True)), "probabilities": values}
                file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _read_parquet(path: Path) -> Predictions:
    # Buffered ahead, the whole file would stay in memory.
    with pq.ParquetFile(path, pre_buffer=False) as file:
        _check_columns(path, [*COLUMNS, "probabilities"], file.schema_arrow.names)
        class_names = _stored_names(path, file.schema_arrow.metadata)
        probabilities = np.empty((file.metadata.num_rows, len(class_names)), dtype=np.float32)
        columns = []
        start = 0
        rows = max(1, ROW_GROUP_VALUES // len(class_names))
        for batch in file.iter_batches(rows, columns=[*COLUMNS, "probabilities"]):
            lists = batch.column("probabilities")
            lengths = pc.list_value_length(lists).drop_null().to_numpy()
            if len(lengths) < len(lists) or (lengths != len(class_names)).any():
                raise InputError(
                    f"{path}: not every row has {len(class_names)} probabilities, one a class: "
                    "write it again"
                )
            values = lists.flatten().cast(pa.float32()).to_numpy(zero_copy_only=False)
            probabilities[start : start + len(batch)] = values.reshape(-1, len(class_names))
            columns.append(batch.select(COLUMNS))
            start += len(batch)
    # An empty file has no batch at all.
    table = pa.Table.from_batches(columns) if columns else pa.table([[]] * len(COLUMNS), COLUMNS)
    return _predictions(path, table, probabilities, class_names)


def _read_csv(path: Path) -> Predictions:
    # As records are read: other encodings, delimiters and decimal commas, for spreadsheets save so.
    found = csv_format(path, None, ReadReport())
    _check_columns(path, COLUMNS, found.header)
    names = [name for name in found.header if name.startswith(PROBABILITY)]
    if not names:
        raise InputError(
            f"{path} has no column {PROBABILITY}<class>: write the table with its probabilities"
        )
    _, first_row = next(csv_rows(path, found, ReadReport()), (0, None))
    has_commas = first_row and "," in first_row[found.header.index("confidence")]
    options = pa.csv.ConvertOptions(
        include_columns=[*COLUMNS, *names],
        column_types={
            **dict(zip(COLUMNS, TYPES, strict=True)),
            **dict.fromkeys(names, pa.float32()),
        },
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        decimal_point="," if has_commas else ".",
    )
    parts = []
    probabilities = [np.empty((0, len(names)), np.float32)]
    for block in csv_tables(path, found, options):
        parts.append(block.select(COLUMNS))
        probabilities.append(np.stack([block.column(name).to_numpy() for name in names], axis=1))
    table = pa.concat_tables(parts) if parts else pa.table([[]] * len(COLUMNS), COLUMNS)
    class_names = [name.removeprefix(PROBABILITY) for name in names]
    return _predictions(path, table, np.concatenate(probabilities), class_names)


def _read_jsonl(path: Path) -> Predictions:
    class_names: list[str] = []  # those of the first row, in its order
    rows = []
    probabilities = []
    for number, line in enumerate(text_lines(path, ReadReport()), 1):
        try:
            row = json.loads(line)
            class_names = class_names or list(row["probabilities"])
            rows.append([row[column] for column in COLUMNS])
            probabilities.append(
                np.array([row["probabilities"][name] for name in class_names], dtype=np.float32)
            )
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(
                f"{path}, line {number} is no row of predictions ({error!r}): write it again"
            ) from error
    if not class_names:
        raise InputError(
            f"{path} holds no row, so its classes are unknown: use parquet for empty tables"
        )
    columns = [
        pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), TYPES, strict=True)
    ]
    return _predictions(path, pa.table(columns, COLUMNS), np.stack(probabilities), class_names)


def _check_columns(path: Path, wanted: list[str], found: Sequence[str]):
    """Refuse a table that lacks a column or has one twice."""
    missing = [name for name in wanted if name not in found]
    if missing:
        raise InputError(
            f"{path} lacks the columns {', '.join(missing)}: is it a table of predictions?"
        )
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise InputError(f"{path} has more than one column {', '.join(twice)}: rename one")


def _stored_names(path: Path, metadata: dict[bytes, bytes] | None) -> list[str]:
    """The class names in a parquet file's metadata."""
    try:
        names = json.loads((metadata or {})[b"class_names"])
    except (KeyError, ValueError):
        raise InputError(
            f"{path} has no class_names in its metadata (rewritten by another tool?): write it "
            "again"
        ) from None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise InputError(f"{path}: class_names in its metadata is no list of names: write it again")
    return names


def _predictions(path, table, probabilities, class_names):
    """Return checked `Predictions` from the columns of an arrow table, or raise InputError naming
    the file.
    """
    ids, labels, predictions = (
        table.column(name).cast(pa.string()).to_pylist() for name in COLUMNS[:3]
    )
    confidence = table.column("confidence").cast(pa.float32()).to_numpy()
    if len(set(class_names)) < len(class_names):
        raise InputError(f"{path} names a class twice: write it again")
    if None in ids:
        raise InputError(f"{path}, row {ids.index(None) + 1} has no id: give it one")
    unknown = set(predictions).difference(class_names)
    if unknown:
        row = next(row for row, name in enumerate(predictions, 1) if name in unknown)
        raise InputError(
            f"{path}, row {row}: prediction {predictions[row - 1]!r} is none of the file's classes"
        )
    for rows in row_chunks(*probabilities.shape):
        wrong = np.flatnonzero(~np.isfinite(probabilities[rows].sum(axis=1) + confidence[rows]))
        if wrong.size:
            raise InputError(
                f"{path}, row {rows.start + wrong[0] + 1}: a probability is missing or not finite"
            )
    return Predictions(
        ids,
        [label or None for label in labels],
        predictions,
        confidence,
        probabilities,
        class_names,
    )
