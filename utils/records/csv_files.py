"""Csv and tsv files: how one is written, and its rows.

`csv_format` looks at a file once; what it found goes along to whatever reads the rows: `csv_rows`,
`csv_records`, or Arrow (`utils.records.csv_blocks`).
"""

import collections
import csv
import dataclasses
import itertools
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from utils.errors import InputError
from utils.records.files import (
    Columns,
    ReadReport,
    column_name,
    table_suffix,
    text_encoding,
    text_lines,
)

DELIMITERS = ",;\t|"
# A field of the csv module is capped at 131,072 characters, less than one long document.
csv.field_size_limit(sys.maxsize)
# Excel's own first line of a csv file, which says how columns are separated.
SEPARATOR_LINE = re.compile(r'\s*"?sep=(.)"?[\s,;|"]*', re.IGNORECASE)


@dataclass(frozen=True)
class CsvFormat:
    """How a csv or tsv file is written."""

    encoding: str
    delimiter: str
    skipped: int  # lines before the header: blank ones, and `sep=;`
    header: tuple[str, ...]  # the column names as they are written
    quoting: int = csv.QUOTE_MINIMAL  # or QUOTE_NONE: quotes are characters of the texts


def csv_format(path: Path, columns: Columns | None, log: ReadReport) -> CsvFormat:
    """Find out encoding, separator, header, and whether quotes are csv's or just characters.

    Args:
        columns: what the file should hold, which tells its delimiter; None: anything, so that the
            delimiter is the one that makes most columns.
        log: takes a note where the encoding is not UTF-8, or quotes are no csv's.

    Raises:
        InputError: the file is empty or cannot be read, or a quote swallows whole rows of it.
    """
    encoding = text_encoding(path, log)
    lines = text_lines(path, log, encoding)
    # Excel may leave empty rows above a table, as lines of nothing or of separators.
    written = (
        (number, line) for number, line in enumerate(lines) if line.strip(f"{DELIMITERS} \r\n")
    )
    skipped, first = next(written, (0, ""))
    separator = separator_of(first)
    if separator:
        skipped, first = next(written, (skipped + 1, ""))
    delimiter = separator or delimiter_of(path, first, columns)
    # A name in the header may hold line breaks: the reader takes as many lines as it needs.
    header = next(csv.reader(itertools.chain([first], lines), delimiter=delimiter), [])
    lines.close()
    found = CsvFormat(encoding, delimiter, skipped, tuple(header))

    # Where neither a label column nor a tab tells rows apart, csv's rules are all there is.
    if columns is None and delimiter != "\t":
        return found
    plain = plain_lines(path, found, columns, log)
    if not plain.has_quotes or plain.width < 2:
        return found
    swallowing = stray_quote(path, found, plain, log)
    if swallowing is not None and delimiter == "\t" and plain.is_whole:
        log.note(f"{path}: quotes are read as characters of the texts, as no field is quoted")
        names = tuple(first.rstrip("\r\n").split(delimiter))
        return dataclasses.replace(found, header=names, quoting=csv.QUOTE_NONE)
    if swallowing:
        raise InputError(
            f"{path}, line {swallowing}: the quote that opens a field here runs over lines that "
            "are rows of their own; double the quote or remove it"
        )
    return found


def separator_of(line: str) -> str | None:
    """The separator that Excel's first line `sep=;` names; None of any other line."""
    found = SEPARATOR_LINE.fullmatch(line)
    return found[1] if found else None


def delimiter_of(path: Path, header: str, columns: Columns | None) -> str:
    """The delimiter of a table: a tab for .tsv; for .csv the one of , ; tab | under which the text
    column appears, or that makes most columns where none is known.
    """
    if table_suffix(path) == ".tsv" and (columns or "\t" in header):
        return "\t"
    fields = {d: next(csv.reader([header], delimiter=d), []) for d in DELIMITERS}
    if columns is None:
        return max(DELIMITERS, key=lambda delimiter: len(fields[delimiter]))
    for delimiter, names in fields.items():
        if columns.text in map(column_name, names):
            return delimiter
    return ","


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


def plain_lines(
    path: Path, found: CsvFormat, columns: Columns | None, log: ReadReport
) -> PlainLines:
    """Read a csv file as if quotes were characters."""
    plain: PlainLines | None = None
    for line in csv_lines(path, found, log):
        fields = line.rstrip("\r\n").split(found.delimiter)
        if not has_value(fields):
            continue
        if plain is None:
            names = [column_name(name.strip('"')) for name in fields]
            plain = PlainLines(len(fields))
            if columns and columns.label in names:
                plain.label_at = names.index(columns.label)
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
    labels: set[str] = set()
    suspects: dict[int, list[list[str]]] = {}
    is_broken = False
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


def csv_rows(path: Path, found: CsvFormat, log: ReadReport) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows below the header, each with the number of its last line; rows of several
    columns without any value are left out, and noted.

    Raises:
        InputError: a broken row, or one with more or fewer fields than the header.
    """
    rows = csv.reader(
        csv_lines(path, found, log),
        delimiter=found.delimiter,
        quoting=found.quoting,  # type: ignore[arg-type]  # one of csv's constants
        strict=True,
    )
    empty = 0
    try:
        next(rows, None)
        for row in rows:
            # A lone column may hold an empty text.
            if not row or (len(found.header) > 1 and not has_value(row)):
                empty += bool(row)
                continue
            number = rows.line_num + found.skipped
            if len(row) != len(found.header):
                raise InputError(
                    f"{path}, line {number}: {len(row)} fields where the header has "
                    f"{len(found.header)}; quote the field that holds a separator or a line break"
                )
            yield number, row
    except csv.Error as error:
        raise InputError(
            f"{path}, line {rows.line_num + found.skipped}: broken row ({error}); fix its quotes"
        ) from None
    if empty:
        log.note(f"{path}: {empty} rows without any value left out")


def has_value(row: list[str]) -> bool:
    """Whether a cell of a csv row holds more than spaces; Excel writes rows of separators alone."""
    return any(value.strip() for value in row)


def check_header(path: Path, names: Iterable[str]):
    """Refuse a header in which a column occurs twice."""
    repeated = [name for name, n in collections.Counter(names).items() if n > 1]
    if repeated:
        raise InputError(f"{path}: the header has column {repeated[0]!r} twice; rename one of them")


def csv_records(
    path: Path, columns: Columns, log: ReadReport
) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a csv or tsv file as dicts of strings, each with its line number: (line, record).

    Raises:
        InputError: a broken row, a column that occurs twice; the message names the line.
    """
    found = csv_format(path, columns, log)
    if found.delimiter not in (",", "\t"):
        log.note(f"{path}: columns are separated by {found.delimiter!r}")
    header = [column_name(name) for name in found.header]
    check_header(path, header)
    for number, row in csv_rows(path, found, log):
        yield number, dict(zip(header, row, strict=True))
