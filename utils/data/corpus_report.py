"""What is found in a corpus: duplicates, leaks, rare and look-alike classes, and the notes that say
so.
"""

import collections
import itertools
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from utils.data.splits import label_conflicts
from utils.records import ReadReport
from utils.text import MOJIBAKE, label_key

EXAMPLES = 5
EXCERPT = 200  # characters of a text that is shown
NUMBER_WITH_ZERO = re.compile(r"(\d+)\.0\Z")
Rows = dict[str, np.ndarray]  # split -> numbers of its rows in the table


def duplicate_report(
    table: pa.Table, rows: Rows, label_ids: np.ndarray, keys: np.ndarray, class_names: list[str]
) -> dict[str, Any]:
    """Duplicates within each split, and texts that carry several labels (in any split), with
    examples.
    """
    labelled = np.concatenate(list(rows.values()))
    conflicts = labelled[label_conflicts(label_ids[labelled], keys[labelled])]
    groups = [list(group) for _, group in itertools.groupby(conflicts, key=keys.__getitem__)]
    # A page is shown by its id.
    texts = table["text" if "text" in table.column_names else "id"]
    examples = [
        {
            "text": texts[int(group[0])].as_py()[:EXCERPT],
            "labels": sorted({class_names[label_ids[row]] for row in group}),
            "ids": [table["id"][int(row)].as_py() for row in group[:EXAMPLES]],
        }
        for group in groups[:EXAMPLES]
    ]
    return {
        "duplicates": {s: int(len(r) - len(np.unique(keys[r]))) for s, r in rows.items()},
        "label_conflicts": {"texts": len(groups), "rows": len(conflicts), "examples": examples},
    }


def count_leaks(rows: Rows, keys: np.ndarray, given: list[str]) -> dict[str, int]:
    """Rows of a later split whose normalised text is also in an earlier one, of the splits that
    were given: `validation in train` …
    """
    pairs = [("validation", "train"), ("test", "train"), ("test", "validation")]
    return {
        f"{a} in {b}": int(np.isin(keys[rows[a]], keys[rows[b]]).sum())
        for a, b in pairs
        if {a, b} <= set(given)
    }


def class_report(rows: Rows, label_ids: np.ndarray, class_names: list[str]) -> dict[str, Any]:
    """Rows per class and split, and the classes that a split lacks."""
    counts = {s: np.bincount(label_ids[r], minlength=len(class_names)) for s, r in rows.items()}
    not_in_train = counts["train"] == 0
    never_measured = (counts["validation"] == 0) & (counts["test"] == 0)
    return {
        "class_counts": {
            s: dict(zip(class_names, n.tolist(), strict=True)) for s, n in counts.items()
        },
        "classes_not_in_train": [class_names[c] for c in np.flatnonzero(not_in_train)],
        "classes_only_in_train": [class_names[c] for c in np.flatnonzero(never_measured)],
    }


def label_variants(
    rows: Rows, label_ids: np.ndarray, class_names: list[str]
) -> list[dict[str, int]]:
    """Groups of classes that differ only in case, accents, invisible characters or a final `.0`
    (pandas writes the codes of a column with gaps as 171.0), each with its rows.
    """
    groups = collections.defaultdict(list)
    for label_id, name in enumerate(class_names):
        key = NUMBER_WITH_ZERO.sub(r"\1", label_key(name))
        groups[key].append(label_id)
    labelled = np.concatenate(list(rows.values()))
    counts = np.bincount(label_ids[labelled], minlength=len(class_names))
    return [
        {class_names[label_id]: int(counts[label_id]) for label_id in group}
        for group in groups.values()
        if len(group) > 1
    ]


def text_report(table: pa.Table, rows: Rows) -> dict[str, Any]:
    """Texts that look like UTF-8 read with the wrong table, by split, with the first ids."""
    is_broken = pc.fill_null(pc.match_substring_regex(table["text"], MOJIBAKE), False).to_numpy()
    found = {s: r[is_broken[r]] for s, r in rows.items()}
    first = np.concatenate(list(found.values()))[:EXAMPLES].astype(int)
    examples = [table["id"][int(row)].as_py() for row in first]
    return {"mojibake": {s: len(r) for s, r in found.items()}, "mojibake_examples": examples}


def notes_of(info: dict[str, Any], log: ReadReport) -> list[str]:
    """What a user should know before training, a sentence each.

    Args:
        info: what dataset.json records, without these notes.
    """
    notes = list(dict.fromkeys(log.notes))
    guessed = {e: n for e, n in info["encodings"].items() if e not in ("utf-8", "utf-8-sig")}
    if guessed and info["options"]["encoding"] is None:
        # First: whatever else is said may follow from it.
        notes.insert(
            0,
            f"files that are not UTF-8, by the encoding they were found to be in: {guessed}; "
            "if their letters look wrong, pass --encoding",
        )
    return notes + row_notes(info) + text_notes(info) + class_notes(info["report"])


def row_notes(info: dict[str, Any]) -> list[str]:
    """Which rows were dropped, kept apart or moved to another split."""
    report, notes = info["report"], []
    for reason, counts in info["dropped"].items():
        notes.append(f"dropped, {reason}: " + ", ".join(f"{n} in {s}" for s, n in counts.items()))
    kept = {s: n for s, n in report["null_or_empty_texts"].items() if n and s != "train"}
    if kept:
        notes.append(f"null or empty texts kept, given splits are not altered: {kept}")
    unlabelled = info["rows"]["unlabelled"]
    if unlabelled:
        notes.append(f"{unlabelled} rows have no label and are kept apart for prediction")
    if report.get("cut_splits"):
        cut = ", ".join(report["cut_splits"])
        notes.append(f"cut from train with seed {info['options']['split_seed']}: {cut}")
    if report.get("rare_classes"):
        rare = shorten(report["rare_classes"])
        notes.append(f"classes too rare for every split (distinct texts): {rare}")
    return notes


def text_notes(info: dict[str, Any]) -> list[str]:
    """Leaks, duplicates and texts with several labels."""
    report, notes = info["report"], []
    what = "pages" if info["content"] == "image" else "texts"
    for pair, n in report["leaks"].items():
        if n:
            where = pair.replace(" in ", " are also in ")
            notes.append(f"leak: {n} {what} of {where} (--drop_leaks takes them out)")
    if sum(report["duplicates"].values()):
        notes.append(f"duplicate {what} within a split: {report['duplicates']}")
    conflicts = report["label_conflicts"]
    if conflicts["texts"]:
        labels = conflicts["examples"][0]["labels"]
        notes.append(f"{conflicts['texts']} {what} carry more than one label, as {labels}")
    return notes


def class_notes(report: dict[str, Any]) -> list[str]:
    """Classes that look alike or that a split lacks, and wrongly decoded texts."""
    notes = []
    if report["label_variants"]:
        alike = [
            " and ".join(f"{name!r} ({n})" for name, n in group.items())
            for group in report["label_variants"]
        ]
        notes.append(
            "classes that differ only in case, accents, invisible characters or a final .0 (rows), "
            f"which may be meant as one: {shorten(alike)}"
        )
    if report["classes_not_in_train"]:
        names = shorten(report["classes_not_in_train"])
        notes.append(f"classes not in train, every row of them will count as an error: {names}")
    if report["classes_only_in_train"]:
        names = shorten(report["classes_only_in_train"])
        notes.append(f"classes in train only, never measured: {names}")
    if sum(report.get("mojibake", {}).values()):
        notes.append(
            f"texts that look like wrongly decoded UTF-8 (Ã±): {report['mojibake']}, "
            f"such as id {report['mojibake_examples'][0]!r}"
        )
    return notes


def shorten(names: list[str] | dict[str, int], most: int = 10) -> str:
    """The first names of a list, or of a dict with their numbers, and how many more there are."""
    shown = list(names)[:most]
    if isinstance(names, dict):
        shown = [f"{name} ({names[name]})" for name in shown]
    more = f" … and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(shown) + more
