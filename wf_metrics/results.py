"""What a workflow answered, as one frame of key, prediction, confidence and time.

Read are csv files of today's DynamoDB console, of the console of 2019 (typed headers, `id (S)`) and
of NoSQL Workbench; DynamoDB-JSON lines, plain or .gz (export to S3: {"Item": {…}}), and the answer
of a scan ({"Items": […]}); plain jsonl; and the predictions of this suite. A folder stands for all
such files below it.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from utils.errors import InputError
from utils.records import ReadReport
from wf_metrics.columns import Columns, choose_columns
from wf_metrics.dynamodb import cell_value, flat
from wf_metrics.result_files import (
    ResultFile,
    csv_tables,
    inspect_file,
    json_items,
    parquet_batches,
    result_files,
)

PEEK = 1000  # records that a guess is made from
TIME_FORMATS = ("ISO8601", "%d/%m/%Y %H:%M:%S", "%d/%m/%Y %H:%M", "%d/%m/%Y", "%Y%m%d%H%M%S")
# How a time begins; pandas would take `now` and `-5` too.
DATE = r"^\s*([12]\d{3}-?[01]\d|\d\d?/\d\d?/[12]\d{3})"


@dataclass
class Reading:
    """The rows of one side, results or ground truth, and how they were read."""

    frame: pd.DataFrame
    notes: list[str]  # what was guessed and met
    warnings: list[str] = field(default_factory=list)  # why the numbers may not be what they seem
    # Of each file, the columns of its key and of its typology.
    columns: list[tuple[ResultFile, str, str]] = field(default_factory=list)

    def has_ids(self) -> bool:
        """Whether keys are a corpus's ids, such as `class/1`, rather than paths of files."""
        return all(key == "id" for _, key, _ in self.columns)


def read_results(
    paths,
    columns: Columns,
    stems: set[str],
    typologies: set[str],
    confidence_max: float = 1.0,
    truth=None,
) -> Reading:
    """Read and concatenate result files.

    Args:
        paths: files and folders. columns: the user's choice. stems, typologies: file names without
            ending and labels that the ground truth knows; a guess looks for columns that hold them.
            confidence_max: the confidence that means certain. truth: the ground truth, left out
            where it lies in a folder of results.

    Returns:
        a frame of one row a result in the order of the files, with key, prediction (strings or
        None), confidence (float, NaN where there is none), time (UTC timestamp or NaT), source
        (file) and row (1 is the first).

    Raises:
        InputError: a file is missing, empty or broken, a column is not there, a value cannot be
            read.
    """
    frames = []
    reading = Reading(pd.DataFrame(), [])
    for path in result_files(paths, truth):
        log = ReadReport()
        file = inspect_file(path, log)
        sample, parts = peek(file, reading.warnings)
        if not sample:
            reading.notes.append(f"{path}: no item in it")
            continue
        chosen = choose_columns(path, sample, columns, stems, typologies)
        roles = {role: column for role, column in vars(chosen).items() if column}
        values = load(file, parts, roles)
        n = len(values)
        confidence = numbers(path, values.get("confidence"), chosen.confidence, confidence_max, n)
        frames.append(
            pd.DataFrame(
                {
                    "key": values["key"],
                    "prediction": values["prediction"],
                    "confidence": confidence,
                    "time": times(path, values.get("timestamp"), chosen.timestamp, n),
                    "source": pd.Categorical.from_codes(np.zeros(n, int), [str(path)]),
                    "row": np.arange(1, n + 1),
                }
            )
        )
        shown = ", ".join(f"{role} {column!r}" for role, column in roles.items())
        reading.notes += [f"{path}: {n} rows; {shown}", *log.notes]
        reading.columns.append((file, roles["key"], roles["prediction"]))
    if not frames:
        raise InputError(f"{'; '.join(reading.notes)}; export the results again")
    reading.frame = pd.concat(frames, ignore_index=True)
    return reading


# Records: the first ones, to choose the columns by.


def peek(file: ResultFile, warnings: list[str]) -> tuple[list[dict], Iterator]:
    """The first records, flat, each with every column that the header names, and the file's parts.

    Args:
        warnings: takes a sentence where the file is not complete.

    Returns:
        (records, [] without rows; all parts of the file, to be handed to `load`).
    """
    parts = parts_of(file, warnings)
    first = next(parts, None)
    if first is None:
        return [], parts
    if isinstance(first, pa.Table):
        names = first.schema.names
        records = [flat(opened_cells(row)) for row in first.slice(0, PEEK).to_pylist()]
    else:
        names, records = [], first
    sample = [dict.fromkeys(names) | record for record in records]
    return sample, itertools.chain([first], parts)


def parts_of(file: ResultFile, warnings: list[str]) -> Iterator:
    """Yield a file in parts: tables of strings, or of json lists of flat records."""
    if file.kind == "csv":
        yield from csv_tables(file)
    elif file.kind == "parquet":
        yield from parquet_batches(file, None, PEEK)
    else:
        records = (flat(item) for item in json_items(file, warnings))
        while part := list(itertools.islice(records, PEEK)):
            yield part


def opened_cells(record: dict) -> dict:
    """A record of strings with its cells opened that hold a list or map."""
    return {name: value and cell_value(value) for name, value in record.items()}


# Columns: all rows, only what was chosen.


def load(file: ResultFile, parts: Iterator, roles: dict[str, str]) -> pd.DataFrame:
    """The columns that play a role, all rows, as NFC strings under the role's name.

    Args:
        parts: see `peek`. roles: role -> column.
    """
    if file.kind == "parquet":
        # Read anew, but only the columns that are needed: the others may be whole texts.
        parts = parquet_batches(file, list(roles.values()), rows=2**16)
    if file.kind == "json":
        table = json_table(file, itertools.chain.from_iterable(parts), roles)
    else:
        table = pa.concat_tables([columns_of(part, roles) for part in parts])
    return pd.DataFrame(
        {role: pd.Series(pc.utf8_normalize(table[role], "NFC"), dtype="str") for role in roles}
    )


def json_table(file: ResultFile, records: Iterable[dict], roles: dict[str, str]) -> pa.Table:
    """The roles' values of flat records."""
    rows = [[record.get(column) for column in roles.values()] for record in records]
    try:
        columns = [pa.array(values, pa.large_string()) for values in zip(*rows, strict=True)]
    except UnicodeEncodeError as error:
        raise InputError(
            f"{file.path}: {error.object!r} holds half a character; correct it or export it again"
        ) from None
    return pa.table(columns, list(roles))


def columns_of(table: pa.Table, roles: dict[str, str]) -> pa.Table:
    """The roles' columns of a table of strings; cells that hold a list or map are opened."""
    # The longest name that a dotted column begins with is the table's column it lies in.
    names = sorted(table.schema.names, key=len, reverse=True)
    columns = []
    for column in roles.values():
        base = next(name for name in names if column == name or column.startswith(f"{name}."))
        values = table[base].cast(pa.large_string())
        nested = pc.fill_null(pc.match_substring_regex(values, r"^\s*[\[{]"), False)
        if column != base or pc.any(nested).as_py():
            cells = [opened(value, base, column) for value in values.to_pylist()]
            values = pa.chunked_array([pa.array(cells, pa.large_string())])
        columns.append(values)
    return pa.table(columns, list(roles))


def opened(value: str | None, base: str, column: str) -> str | None:
    """What a cell of the column `base` holds under the dotted name `column`."""
    return None if value is None else flat({base: cell_value(value)}).get(column)


# Values.


def numbers(
    path, values: pd.Series | None, column: str | None, largest: float, n: int
) -> np.ndarray:
    """Confidences (n,) in [0, 1], NaN where the cell is empty; a decimal comma is a point."""
    if values is None:
        return np.full(n, np.nan)
    try:
        found = quick(values, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        pointed = pd.to_numeric(values.str.replace(",", "."), errors="coerce")
        found = pointed.to_numpy(float, na_value=np.nan)
    found = found / largest
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
        "--confidence_max 100 for percentages",
    )
    return found


def times(path, values: pd.Series | None, column: str | None, n: int) -> pd.Series:
    """Times in UTC, NaT where the cell is empty.

    Read are ISO 8601, day/month/year, and seconds or milliseconds since 1970.
    """
    if values is None:
        return pd.Series(pd.NaT, index=range(n), dtype="datetime64[us, UTC]")
    try:
        return pd.Series(quick(values, pa.timestamp("us", "UTC")).to_pandas(), index=values.index)
    except pa.ArrowInvalid:
        pass  # not all are ISO 8601 with a zone

    # Seconds, or milliseconds, since 1970: from 1973 to 2286.
    since = pd.to_numeric(values, errors="coerce").to_numpy(float, na_value=np.nan)
    since = np.where(since > 1e11, since / 1000, since)
    since = np.where((since > 1e8) & (since < 1e10), since, np.nan)
    found = pd.Series(pd.to_datetime(since, unit="s", utc=True), index=values.index).astype(
        "datetime64[us, UTC]"
    )

    # Dates, form by form.
    strings = pa.chunked_array(pa.array(values, pa.large_string()))
    begun = pc.fill_null(pc.match_substring_regex(strings, DATE), False)
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


def check_all(
    path, values: pd.Series, wrong: np.ndarray, column: str | None, what: str, flags: str
):
    """Raise InputError for the first wrong value."""
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise InputError(
            f"{path}, row {row + 1}: {column} {values.iloc[row]!r} is {what} "
            f"({int(wrong.sum())} such rows); correct it, or pass {flags}"
        )
