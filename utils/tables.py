"""Tables for people: Markdown, and csv files that a spreadsheet opens without running anything."""

from pathlib import Path

import pandas as pd

FORMULA = ("=", "+", "-", "@", "\t", "\r")
# Line breaks, and what steers a terminal.
CONTROLS = dict.fromkeys([*range(32), *range(127, 160)], " ")


def markdown_table(header: list[str], rows: list) -> str:
    """A Markdown table, or a line that says it would be empty."""
    if not rows:
        return "None.\n"
    cells = [
        [str(cell).replace("|", "\\|").translate(CONTROLS) for cell in row]
        for row in [header, *rows]
    ]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return "\n".join([lines[0], "|" + " --- |" * len(header), *lines[1:]]) + "\n"


def escape_formula(value):
    """A text that a spreadsheet would take for a formula, with an apostrophe before it; anything
    else as it is.
    """
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def write_csv(frame: pd.DataFrame, path: Path):
    """Write a frame without its index as UTF-8 csv; cells and headers that look like formulas are
    neutralised.
    """
    safe = frame.rename(columns=escape_formula)
    for place, kind in enumerate(safe.dtypes):
        cells = safe.iloc[:, place]
        if kind == "str":  # a million at once
            formulas = cells.str.startswith(FORMULA).fillna(False).astype(bool)
            safe.isetitem(place, cells.mask(formulas, "'" + cells) if formulas.any() else cells)
        elif not pd.api.types.is_numeric_dtype(kind):
            safe.isetitem(place, cells.map(escape_formula, na_action="ignore"))
    safe.to_csv(path, index=False, lineterminator="\n")
