"""Large csv files in blocks, read by Arrow: a million rows in a second, with quotes held to csv's
rules, which Arrow does not do.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

from utils.errors import InputError
from utils.records.csv_files import CsvFormat, csv_rows
from utils.records.files import ReadReport, open_text
from utils.text import STRAY_BYTES

BLOCK = 1 << 25  # bytes of csv taken at once; no record may be longer


def csv_tables(path: Path, found: CsvFormat, convert: pa.csv.ConvertOptions) -> Iterator[pa.Table]:
    """Yield the blocks of a csv file as tables; the file is opened once.

    Args:
        found: what `csv_format` says of it. convert: columns, named as in `found.header`, and their
            types.

    Raises:
        InputError: a row is broken, or a value is not of its column's type.
    """
    has_quotes = found.quoting != csv.QUOTE_NONE
    parse = pa.csv.ParseOptions(
        delimiter=found.delimiter, quote_char='"' if has_quotes else False, newlines_in_values=True
    )
    read = pa.csv.ReadOptions(block_size=BLOCK)
    stream, mixed = open_text(path, ReadReport(), found.encoding)
    with stream:
        for _ in range(found.skipped):
            stream.readline()
        source = CheckedText(stream, mixed, found.delimiter)
        try:
            with pa.csv.open_csv(pa.PythonFile(source, mode="r"), read, parse, convert) as reader:
                for batch in reader:
                    # Of misplaced quotes, such as in 24", Python's csv module, which is slower,
                    # says whether they do harm.
                    if has_quotes and source.has_misplaced_quote:
                        check_rows(path, found)
                        source.has_misplaced_quote = False
                    yield pa.Table.from_batches([batch])
        except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
            # Python's csv module knows the line; Arrow does not.
            check_rows(path, found)
            raise InputError(f"{path}: not a readable csv ({error}); correct it") from None
    if has_quotes and source.is_within_quotes:
        check_rows(path, found)


def check_rows(path: Path, found: CsvFormat):
    """Raise InputError for the first row that Python's csv module finds broken."""
    for _ in csv_rows(path, found, ReadReport()):
        continue


class CheckedText(io.RawIOBase):
    """A text stream as the UTF-8 bytes that Arrow reads, its quotes looked at in passing.

    A quote has to open a field where one begins and to close it where one ends.
    """

    def __init__(self, text: io.TextIOBase, mixed: bool, delimiter: str):
        self.text = text
        self.mixed = mixed  # whether stray bytes are left in it
        self.waiting = b""  # read and looked at, not yet handed on
        self.has_misplaced_quote = False
        self.is_within_quotes = False  # where the text that was read ends
        # What stands before an opening and behind a closing quote.
        self.edges = np.zeros(256, bool)
        self.edges[list(f"\r\n{delimiter}".encode())] = True

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self.waiting:
            # Whole lines, so that what stands beside each quote is there to see.
            text = self.text.read(BLOCK // 4) + self.text.readline()
            text = text.translate(STRAY_BYTES) if self.mixed else text
            if text and not text.endswith(("\n", "\r")):
                text += "\n"  # the last line of a file; Arrow takes no header without one
            self.check_quotes(text)
            self.waiting = text.encode()
        taken = self.waiting if size < 0 else self.waiting[:size]
        self.waiting = self.waiting[len(taken) :]
        return taken

    def check_quotes(self, text: str):
        """Look at the quotes of some lines, of which the first may begin within quotes."""
        text = text.replace('""', "")  # quotes as characters, and empty fields
        if '"' not in text:
            return
        line = np.frombuffer(f"\n{text}\n".encode(), np.uint8)
        at = np.flatnonzero(line == ord('"'))
        opening = at[int(self.is_within_quotes) :: 2]
        closing = at[1 - int(self.is_within_quotes) :: 2]
        if not self.edges[line[opening - 1]].all() or not self.edges[line[closing + 1]].all():
            self.has_misplaced_quote = True
        self.is_within_quotes = (self.is_within_quotes + len(at)) % 2 == 1
