"""Table files as text: which files are tables, how they are opened, and what was met on the way."""

import bz2
import collections
import gzip
import io
import itertools
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
CHUNK = 1 << 20


@dataclass
class Columns:
    """Which columns of a table hold what; names are compared in NFC, whoever typed them."""

    text: str = "text"
    label: str = "label"
    id: str = "id"

    def __post_init__(self):
        self.text, self.label, self.id = nfc(self.text), nfc(self.label), nfc(self.id)


def column_name(name: str) -> str:
    """A column's name as it is compared: NFC, without spaces or invisible characters around it."""
    return nfc(name).strip().strip("\ufeff\u200b\u00ad")


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
