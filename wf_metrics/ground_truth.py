"""What is true: folders `muestras/<typology>/*` or a table of files and typologies."""

from pathlib import Path

import pandas as pd

from utils.errors import InputError
from utils.folders import files_below
from utils.records import ReadReport
from utils.text import STRAY_BYTES, nfc
from wf_metrics.columns import choose_truth_columns
from wf_metrics.result_files import inspect_file, kind_of
from wf_metrics.results import Reading, load, peek

LITTER = ("Thumbs.db", "desktop.ini")  # what systems leave beside documents, hidden files apart


def read_ground_truth(
    source, file_column: str | None = None, typology_column: str | None = None
) -> Reading:
    """Read the ground truth.

    Args:
        source: a folder of typology folders, files at any depth below them; or a csv, jsonl or
            parquet table.
        file_column, typology_column: a table's columns; None is guessed.

    Returns:
        a frame of one row a file: key (path below the folder, or the table's value), truth and
        path, all NFC.

    Raises:
        InputError: nothing is there, or it has no file with a typology.
    """
    source = Path(source)
    if source.is_dir():
        reading = read_folder(source)
    elif not source.is_file():
        raise InputError(f"--ground_truth {source}: no such file or folder; check the path")
    elif not kind_of(source):
        raise InputError(
            f"--ground_truth {source}: unknown kind of file; give a folder of typology folders or "
            "a csv"
        )
    else:
        reading = read_table(source, file_column, typology_column)
    if reading.frame.empty:
        raise InputError(
            f"--ground_truth {source}: no file with a typology in it; give <typology>/<file> or a "
            "csv"
        )
    return reading


def read_folder(folder: Path) -> Reading:
    """The files of a folder by typology, the name of the folder at the first level."""
    files = [path.relative_to(folder) for path in files_below(folder) if path.name not in LITTER]
    inside = [path for path in files if len(path.parts) > 1]
    notes = [f"{folder}: {len(inside)} files by typology"]
    loose = len(files) - len(inside)
    if loose:
        notes.append(f"{folder}: {loose} files in no typology folder are left out")
    rows = []
    for path in inside:
        names = (path, path.parts[0], folder / path)
        # A name that is no UTF-8 is read as cp1252, so that it can be written into the report.
        rows.append(tuple(nfc(str(name).translate(STRAY_BYTES)) for name in names))
    return Reading(pd.DataFrame(rows, columns=["key", "truth", "path"], dtype="str"), notes)


def read_table(path: Path, file_column: str | None, typology_column: str | None) -> Reading:
    """The files and typologies of a table; rows without either are left out and counted."""
    log = ReadReport()
    file = inspect_file(path, log)
    warnings: list[str] = []
    sample, parts = peek(file, warnings)
    if not sample:
        raise InputError(f"--ground_truth {path}: no row in it; write it again")
    found = list(dict.fromkeys(name for record in sample for name in record))
    key, truth = choose_truth_columns(path, found, file_column, typology_column)
    frame = load(file, parts, {"key": key, "truth": truth})

    # What ends in / is a folder.
    named = ~frame["key"].fillna("").str[-1:].isin(["", "/", "\\"])
    whole = named & frame["truth"].fillna("").ne("")
    notes = [f"{path}: {len(frame)} rows; file {key!r}, typology {truth!r}", *log.notes]
    if not whole.all():
        left_out = int((~whole).sum())
        notes.append(f"{path}: {left_out} rows without a file or a typology are left out")
    frame = frame[whole].reset_index(drop=True)
    return Reading(frame.assign(path=frame["key"]), notes, warnings, [(file, key, truth)])
