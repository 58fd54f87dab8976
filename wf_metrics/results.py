"""What a workflow answered: DynamoDB exports and prediction tables as one frame of key, prediction,
confidence, time.

Read are csv files of today's DynamoDB console, of the console of 2019 (typed headers, `id (S)`) and
of NoSQL Workbench; DynamoDB-JSON lines, plain or .gz (export to S3: {"Item": {…}}), and the answer
of a scan ({"Items": […]}); plain jsonl; and the predictions parquet of this suite. A folder stands
for all such files below it.
"""

import itertools
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from utils.errors import InputError
from utils.records import ReadReport, text_encoding
from utils.text import nfc
from wf_metrics.dynamodb import cell_value, flat
from wf_metrics.result_files import (
    check_quotes,
    csv_tables,
    json_items,
    kind_of,
    parquet_batches,
    result_files,
)

PEEK = 1000  # records that a guess is made from
TIME_FORMATS = ("ISO8601", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%Y%m%d%H%M%S")
# how they begin; pandas would take `now` and `-5` too
DATE = r"^\s*([12]\d{3}-?[01]\d|\d\d?/\d\d?/[12]\d{3})"
# Understood by Python and by Arrow (RE2): what stands before a file's name, and the ending of a
# document's file.
FOLDERS = r"(?s)^.*[/\\]"
ENDING = r"(?i)\.(txt|json|png|jpe?g|tiff?|pdf|bmp|gif|webp|html?|xml|docx?|xlsx?|csv|eml|msg)$"
NAMES = {
    "key": (
        "file",
        "filename",
        "file_name",
        "archivo",
        "nombre_archivo",
        "nombre_de_archivo",
        "s3_key",
        "object_key",
        "key",
        "s3_path",
        "path",
        "ruta",
        "s3_uri",
        "uri",
        "document",
        "documento",
        "document_name",
        "nombre_documento",
        "nombre",
        "name",
        "document_id",
        "doc_id",
        "id",
    ),
    "prediction": (
        "prediction",
        "predicted_label",
        "predicted_class",
        "predicted_typology",
        "predicted",
        "prediccion",
        "typology",
        "tipologia",
        "tipologia_documento",
        "document_type",
        "doc_type",
        "tipo_documento",
        "classification",
        "clasificacion",
        "class",
        "clase",
        "category",
        "categoria",
        "topic",
        "tema",
        "label",
        "etiqueta",
        "tipo",
        "type",
        "result",
        "resultado",
    ),
    "confidence": (
        "confidence",
        "confianza",
        "score",
        "probability",
        "probabilidad",
        "prob",
        "puntaje",
    ),
    "timestamp": (
        "timestamp",
        "created_at",
        "createdat",
        "processed_at",
        "updated_at",
        "fecha_hora",
        "fecha",
        "date",
        "datetime",
        "time",
        "hora",
        "fecha_proceso",
        "procesado",
        "creado",
        "processing_date",
    ),
}


@dataclass
class Columns:
    """Which column holds what; None is guessed, "none" is left out."""

    key: str | None = None
    prediction: str | None = None
    confidence: str | None = None
    timestamp: str | None = None


def read_results(
    paths,
    columns: Columns,
    stems: set[str],
    typologies: set[str],
    confidence_max: float = 1.0,
    truth=None,
):
    """Read and concatenate result files.

    Args:
        paths: files and folders. columns: the user's choice. stems, typologies: file names without
            ending and labels that the ground truth knows; a guess looks for columns that hold them.
            confidence_max: the confidence that means certain. truth: the ground truth, left out
            where it lies in a folder of results.

    Returns:
        (frame, notes): one row a result in the order of the files, with key, prediction (strings or
        None), confidence (float, NaN where there is none), time (UTC timestamp or NaT), source
        (file) and row (1 is the first); and sentences on what was guessed and met.

    Raises:
        InputError: a file is missing, empty or broken, a column is not there, a value cannot be
            read.
    """
    frames, notes = [], []
    for path in result_files(paths, truth):
        log = ReadReport()
        encoding = text_encoding(path, log) if kind_of(path) != "parquet" else None
        sample = peek(path, encoding)
        if not sample:
            notes.append(f"{path}: no item in it")
            continue
        chosen = choose_columns(path, sample, columns, stems, typologies)
        roles = {role: column for role, column in vars(chosen).items() if column}
        values = load(path, roles, encoding)
        frames.append(
            pd.DataFrame(
                {
                    "key": values["key"],
                    "prediction": values["prediction"],
                    "confidence": numbers(
                        path,
                        values.get("confidence"),
                        chosen.confidence,
                        confidence_max,
                        len(values),
                    ),
                    "time": times(path, values.get("timestamp"), chosen.timestamp, len(values)),
                    "source": pd.Categorical.from_codes(np.zeros(len(values), int), [str(path)]),
                    "row": np.arange(1, len(values) + 1),
                }
            )
        )
        said = ", ".join(f"{role} {column!r}" for role, column in roles.items())
        notes += [f"{path}: {len(values)} rows; {said}", *log.notes]
    if not frames:
        raise InputError(f"{'; '.join(notes)}; export the results again")
    return pd.concat(frames, ignore_index=True), notes


# Records: the first ones, to choose the columns by.


def peek(path: Path, encoding: str | None) -> list[dict]:
    """The first records, flat, with every column that the file's header names; none of a file
    without rows.
    """
    if kind_of(path) == "json":
        names, records = (
            [],
            [flat(record) for record in itertools.islice(json_items(path, ReadReport()), PEEK)],
        )
    else:
        tables = (
            csv_tables(path, None, encoding)
            if kind_of(path) == "csv"
            else parquet_batches(path, None, PEEK)
        )
        heads = [table.slice(0, PEEK) for table in itertools.islice(tables, 1)]
        names = [name for head in heads for name in head.schema.names]
        records = [
            flat({name: value and cell_value(value) for name, value in record.items()})
            for head in heads
            for record in head.to_pylist()
        ]
    return [dict.fromkeys(names) | record for record in records]


def choose_columns(
    path, sample: list[dict], columns: Columns, stems: set[str], typologies: set[str]
) -> Columns:
    """The columns of one file: the user's, else guessed by name and by what they hold."""
    found = list(dict.fromkeys(name for record in sample for name in record))
    for role, column in vars(columns).items():
        if column not in (None, "none") and column not in found:
            raise InputError(
                f"{path}: no column {column!r}, only {listed(found)}; say --{role}_column"
            )
    key = columns.key or guess(found, NAMES["key"], set(), share_of(sample, stems, stem))
    prediction = columns.prediction or guess(
        found, NAMES["prediction"], {key}, share_of(sample, typologies, nfc)
    )
    for role, column in (("key", key), ("prediction", prediction)):
        if column in (None, "none"):
            raise InputError(
                f"{path}: no column looks like the {role} among {listed(found)}; say --{role}_column"
            )
    chosen = Columns(key, prediction)
    shares = {"timestamp": share_of(sample, {True}, looks_like_time)}
    for role in ("confidence", "timestamp"):
        column = getattr(columns, role) or guess(
            found, NAMES[role], {key, prediction}, shares.get(role)
        )
        setattr(chosen, role, None if column == "none" else column)
    return chosen


def share_of(sample: list[dict], known: set[str], form) -> dict[str, float]:
    """Of each column, the share of the sample whose value, brought into `form`, is known."""
    hits = {}
    for record in sample:
        for name, value in record.items():
            if value and form(value) in known:
                hits[name] = hits.get(name, 0) + 1
    return {name: n / len(sample) for name, n in hits.items()}


def guess(found: list[str], names: tuple, taken: set, shares: dict | None = None) -> str | None:
    """The column that best fits a role: most of what it holds is known, then by its name; None
    where none does.
    """
    best = None
    for place, column in enumerate(found):
        rank = rank_of(column, names)
        share = (shares or {}).get(column, 0)
        if column in taken or rank is None and share < 0.5:
            continue
        order = (share < 0.5, len(names) if rank is None else rank, -share, place)
        if best is None or order < best[0]:
            best = order, column
    return best and best[1]


def looks_like_time(value: str) -> bool:
    return re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", value) is not None


def rank_of(column: str, names: tuple) -> int | None:
    """How likely a column's name is, 0 most; None where it says nothing. `result.label` is also
    read as `label`.
    """
    parts = (unaccented(part).lower() for part in (column, column.split(".")[-1]))
    plain = [re.sub(r"[^a-z0-9]+", "_", part).strip("_") for part in parts]
    return min((names.index(name) for name in plain if name in names), default=None)


def unaccented(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def listed(names, most: int = 20) -> str:
    return ", ".join(map(repr, names[:most])) + (
        f" and {len(names) - most} more" if len(names) > most else ""
    )


def stem(key: str) -> str:
    """The file name at the end of a path, without a document's ending."""
    return re.sub(ENDING, "", nfc(re.sub(FOLDERS, "", key)))


# Columns: all rows, only what was chosen.


def load(path: Path, roles: dict[str, str], encoding: str | None) -> pd.DataFrame:
    """The columns that play a role, all rows, as NFC strings under the role's name."""
    if kind_of(path) == "json":
        rows = [
            [record.get(column) for column in roles.values()]
            for record in map(flat, json_items(path, ReadReport()))
        ]
        try:
            table = pa.table(
                [pa.array(values, pa.large_string()) for values in zip(*rows, strict=True)],
                list(roles),
            )
        except UnicodeEncodeError as error:
            raise InputError(
                f"{path}: {error.object!r} holds half a character; mend it or export it again"
            ) from None
    else:
        if kind_of(path) == "csv":
            check_quotes(path, encoding)
        wanted = list(roles.values())
        tables = (
            csv_tables(path, wanted, encoding)
            if kind_of(path) == "csv"
            else parquet_batches(path, wanted, 2**16)
        )
        table = pa.concat_tables([columns_of(part, roles) for part in tables])
    return pd.DataFrame(
        {role: pd.Series(pc.utf8_normalize(table[role], "NFC"), dtype="str") for role in roles}
    )


def columns_of(table: pa.Table, roles: dict[str, str]) -> pa.Table:
    """The roles' columns of a table of strings; cells that hold a list or map are opened."""
    columns = []
    for column in roles.values():
        base = next(
            n
            for n in sorted(table.schema.names, key=len, reverse=True)
            if column == n or column.startswith(f"{n}.")
        )
        values = table[base].cast(pa.large_string())
        nested = pc.fill_null(pc.match_substring_regex(values, r"^\s*[\[{]"), False)
        if column != base or pc.any(nested).as_py():
            values = pa.chunked_array(
                [
                    pa.array(
                        [opened(value, base, column) for value in values.to_pylist()],
                        pa.large_string(),
                    )
                ]
            )
        columns.append(values)
    return pa.table(columns, list(roles))


def opened(value: str | None, base: str, column: str) -> str | None:
    return None if value is None else flat({base: cell_value(value)}).get(column)


# Values.


def numbers(
    path, values: pd.Series | None, column: str | None, largest: float, n: int
) -> np.ndarray:
    """Confidences (n,) in [0, 1], NaN where the cell is empty; a decimal comma is read as a point."""
    if values is None:
        return np.full(n, np.nan)
    try:
        found = quick(values, pa.float64()).to_numpy(zero_copy_only=False) / largest
    except pa.ArrowInvalid:
        found = (
            pd.to_numeric(values.str.replace(",", "."), errors="coerce").to_numpy(
                float, na_value=np.nan
            )
            / largest
        )
    unread = np.isnan(found) & values.notna().to_numpy()
    check_all(
        path, values, unread, column, "not a number", "--confidence_column (none: go without)"
    )
    outside = (found < 0) | (found > 1)
    check_all(
        path,
        values,
        outside,
        column,
        f"not between 0 and {largest:g}",
        "--confidence_max 100 of percentages",
    )
    return found


def times(path, values: pd.Series | None, column: str | None, n: int) -> pd.Series:
    """Times in UTC, NaT where the cell is empty: ISO 8601, day/month/year, or seconds or
    milliseconds since 1970.
    """
    if values is None:
        return pd.Series(pd.NaT, index=range(n), dtype="datetime64[us, UTC]")
    try:
        return pd.Series(quick(values, pa.timestamp("us", "UTC")).to_pandas(), index=values.index)
    except pa.ArrowInvalid:
        pass  # not all are ISO 8601 with a zone
    since = pd.to_numeric(values, errors="coerce").to_numpy(float, na_value=np.nan)
    since = np.where(since > 1e11, since / 1000, since)
    since = np.where((since > 1e8) & (since < 1e10), since, np.nan)
    found = pd.Series(pd.to_datetime(since, unit="s", utc=True), index=values.index).astype(
        "datetime64[us, UTC]"
    )
    begun = pc.fill_null(
        pc.match_substring_regex(pa.chunked_array(pa.array(values, pa.large_string())), DATE), False
    )
    dates = values.where(begun.to_numpy())
    for form in TIME_FORMATS:
        missing = found.isna() & dates.notna()
        if not missing.any():
            break
        read = pd.to_datetime(values[missing], format=form, utc=True, errors="coerce")
        found[missing] = read.astype("datetime64[us, UTC]")
    unread = (found.isna() & values.notna()).to_numpy()
    check_all(path, values, unread, column, "not a time", "--timestamp_column (none: go without)")
    return found


def quick(values: pd.Series, kind: pa.DataType) -> pa.Array:
    """The strings as another type, a million in a tenth of a second.

    Raises:
        pa.ArrowInvalid: one is not written as Arrow reads them.
    """
    return pa.array(values, pa.large_string()).cast(kind)


def check_all(path, values: pd.Series, wrong: np.ndarray, column: str, what: str, flags: str):
    """Raise InputError for the first wrong value."""
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{path}, row {row + 1}: {column} {values.iloc[row]!r} is {what} ({int(wrong.sum())} such "
            f"rows); mend it, or say {flags}"
        )
