"""What is true: folders `muestras/<typology>/*` or a table of files and typologies."""

from pathlib import Path

import pandas as pd

from utils.errors import InputError
from utils.folders import files_below
from utils.records import ReadReport, text_encoding
from utils.text import STRAY_BYTES, nfc
from wf_metrics.result_files import kind_of
from wf_metrics.results import NAMES, guess, listed, load, peek

LITTER = ("Thumbs.db", "desktop.ini")  # what systems leave beside documents, hidden files apart
TYPOLOGY_NAMES = (
    "ground_truth",
    "truth",
    "true_label",
    "verdad",
    "real",
    "label",
    "etiqueta",
    *NAMES["prediction"],
)


def read_ground_truth(source, file_column: str | None = None, typology_column: str | None = None):
    """Read the ground truth.

    Args:
        source: a folder of typology folders, files at any depth below them; or a csv, jsonl or
            parquet table.
        file_column, typology_column: a table's columns; None is guessed.

    Returns:
        (frame, notes): key (path below the folder, or the table's value), truth and path, one row a
        file, all NFC; and sentences on what was met.

    Raises:
        InputError: nothing is there, or it has no file with a typology.
    """
    source = Path(source)
    if source.is_dir():
        frame, notes = read_folder(source)
    elif not source.is_file():
        raise InputError(f"--ground_truth {source}: no such file or folder; check the path")
    elif not kind_of(source):
        raise InputError(
            f"--ground_truth {source}: unknown kind of file; give a folder of typology folders or a csv"
        )
    else:
        frame, notes = read_table(source, file_column, typology_column)
    if frame.empty:
        raise InputError(
            f"--ground_truth {source}: no file with a typology in it; give <typology>/<file> or a csv"
        )
    return frame, notes


def read_folder(folder: Path):
    """The files of a folder by typology, the name of the folder at the first level."""
    files = [path.relative_to(folder) for path in files_below(folder) if path.name not in LITTER]
    inside = [path for path in files if len(path.parts) > 1]
    notes = [f"{folder}: {len(inside)} files by typology"]
    if loose := len(files) - len(inside):
        notes.append(f"{folder}: {loose} files in no typology folder are left out")
    rows = [
        tuple(
            nfc(str(part).translate(STRAY_BYTES)) for part in (path, path.parts[0], folder / path)
        )
        for path in inside
    ]
    return pd.DataFrame(rows, columns=["key", "truth", "path"], dtype="str"), notes


def read_table(path: Path, file_column: str | None, typology_column: str | None):
    """The files and typologies of a table; rows without either are left out and counted."""
    log = ReadReport()
    encoding = text_encoding(path, log) if kind_of(path) != "parquet" else None
    sample = peek(path, encoding)
    if not sample:
        raise InputError(f"--ground_truth {path}: no row in it; write it again")
    found = list(sample[0])
    for flag, column in (
        ("truth_file_column", file_column),
        ("truth_typology_column", typology_column),
    ):
        if column is not None and column not in found:
            raise InputError(f"{path}: no column {column!r}, only {listed(found)}; say --{flag}")
    key = file_column or guess(found, NAMES["key"], {typology_column})
    truth = typology_column or guess(found, TYPOLOGY_NAMES, {key})
    for flag, column in (("truth_file_column", key), ("truth_typology_column", truth)):
        if column is None:
            raise InputError(f"{path}: cannot tell which of {listed(found)} it is; say --{flag}")
    frame = load(path, {"key": key, "truth": truth}, encoding)
    named = ~frame["key"].fillna("").str[-1:].isin(["", "/", "\\"])  # what ends in / is a folder
    whole = named & frame["truth"].fillna("").ne("")
    notes = [f"{path}: {len(frame)} rows; file {key!r}, typology {truth!r}", *log.notes]
    if not whole.all():
        notes.append(
            f"{path}: {int((~whole).sum())} rows without a file or a typology are left out"
        )
    frame = frame[whole].reset_index(drop=True)
    return frame.assign(path=frame["key"]), notes
