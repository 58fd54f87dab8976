"""Results and ground truth joined by file name, with an account of every file that cannot be."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from utils.errors import InputError
from wf_metrics.results import ENDING, FOLDERS

SHOWN = 5  # names of each side, in the message of no match


@dataclass
class Matched:
    """One row a ground-truth file, and the files that are not scored."""

    files: (
        pd.DataFrame
    )  # name, truth, path; of its result (null without one): prediction, confidence, time, row
    unmatched: pd.DataFrame  # file, reason, detail
    counts: dict[str, int]
    extension: str  # keep or ignore: how names were compared


def file_names(keys: pd.Series, extension: str, case: str) -> pd.Series:
    """The names that are compared: what follows the last / or \\ , by the rules for extension and
    case.
    """
    names = pc.replace_substring_regex(
        pa.chunked_array(pa.array(keys, pa.large_string())), FOLDERS, ""
    )
    if extension == "ignore":
        names = pc.replace_substring_regex(names, ENDING, "")
    if case == "ignore":
        names = pc.utf8_lower(names)
    return pd.Series(names, index=keys.index, dtype="str")


def named(results: pd.DataFrame, truth: pd.DataFrame, extension: str, case: str):
    """(extension rule, truth, results) with columns name and code, a number for each different name
    on both sides.

    `auto` keeps endings where as many different names of the ground truth match as without.
    """
    best = None
    for rule in ("keep", "ignore") if extension == "auto" else (extension,):
        sides = [file_names(side["key"].fillna(""), rule, case) for side in (truth, results)]
        codes, names = pd.factorize(
            pd.concat(sides)
        )  # once: comparing a million strings takes pandas seconds
        there = [flags(part, len(names)) for part in np.split(codes, [len(truth)])]
        wanted, found = int(there[0].sum()), int((there[0] & there[1]).sum())
        if best is None or found > best[0]:
            best = found, rule, sides, codes
        if found == wanted:
            break
    _, rule, sides, codes = best
    return rule, *(
        side.assign(name=names, code=part)
        for side, names, part in zip(
            (truth, results), sides, np.split(codes, [len(truth)]), strict=True
        )
    )


def flags(codes, n: int) -> np.ndarray:
    """Which of n codes occur, (n,) booleans."""
    found = np.zeros(n, dtype=bool)
    found[codes] = True
    return found


def match(
    results: pd.DataFrame, truth: pd.DataFrame, extension: str = "auto", case: str = "keep"
) -> Matched:
    """Join results to the ground truth by file name.

    Of several results of one file the latest counts, without times (or at one time) the last in the
    order of the files. A name that the ground truth holds in two typologies is ambiguous: neither
    it nor its results are scored.

    Args:
        results: key, prediction, confidence, time, row. truth: key, truth, path. extension: auto,
            keep or ignore.
        case: keep or ignore.

    Raises:
        InputError: no file of the ground truth has a result; the first names of each side are
            shown.
    """
    extension, truth, results = named(results, truth, extension, case)
    rows, results = (
        len(results),
        results[results["name"].ne("")],
    )  # a key that ends in / is a folder
    n = int(max(truth["code"].max(), results["code"].max(), 0)) + 1

    typology = pd.factorize(truth["truth"])[0]
    once = truth[
        ~pd.Series(truth["code"].to_numpy() * (typology.max() + 1) + typology)
        .duplicated()
        .to_numpy()
    ]
    several = flags(once["code"][once["code"].duplicated()], n)
    ambiguous, files = (
        once[several[once["code"]]],
        once[~several[once["code"]]].reset_index(drop=True),
    )
    if files.empty:
        raise InputError(
            f"every file name of the ground truth stands in two typologies, such as "
            f"{shown(truth['name'])}; see --extension and --case"
        )
    ordered = (
        results
        if results["time"].isna().all()
        else results.sort_values("time", kind="stable", na_position="first")
    )
    latest = ordered[~ordered["code"].duplicated(keep="last")]
    place = np.full(n, -1)
    place[latest["code"]] = np.arange(len(latest))
    place = place[files["code"]]
    found = place >= 0
    if not found.any():
        raise InputError(
            f"no file of the ground truth has a result: it has {shown(truth['name'])}; the results have "
            f"{shown(results['name'])}; see --key_column, --extension and --case"
        )
    for column in ("prediction", "confidence", "time", "row"):
        files[column] = latest[column].array.take(place, allow_fill=True)
    without = files["prediction"].fillna("").eq("")
    files.loc[without, ["prediction", "confidence"]] = None
    extra = latest[~flags(truth["code"], n)[latest["code"]]]
    repeated = results[results["code"].duplicated(keep=False)]
    repeated = repeated[flags(files["code"], n)[repeated["code"]]]
    counts = {
        "ground_truth_files": len(files) + int(several.sum()),
        "files_scored_or_missing": len(files),
        "matched": int((~without).sum()),
        "missing": int(without.sum()),
        "missing_without_prediction": int((without & found).sum()),
        "ambiguous": int(several.sum()),
        "repeated_in_ground_truth": len(truth) - len(once),
        "result_rows": rows,
        "extra": len(extra),
        "results_of_ambiguous": int(several[latest["code"]].sum()),
        "duplicate_files": int(repeated["code"].nunique()),
        "duplicate_rows_set_aside": len(results) - len(latest),
        "rows_without_file_name": rows - len(results),
    }
    parts = [
        listing(files[without & ~found], "missing", "no result"),
        listing(files[without & found], "missing", "its result has no prediction"),
        ambiguous_listing(ambiguous),
        listing(extra, "extra", "not in the ground truth"),
        duplicates_listing(repeated, latest),
    ]
    unmatched = pd.concat(parts, ignore_index=True)
    return Matched(files.drop(columns=["key", "code"]), unmatched, counts, extension)


def shown(names: pd.Series) -> str:
    first = ", ".join(map(repr, names.drop_duplicates().head(SHOWN)))
    return f"{first}{' …' if names.nunique() > SHOWN else ''}" if first else "none"


def listing(rows: pd.DataFrame, reason: str, detail: str) -> pd.DataFrame:
    return pd.DataFrame({"file": rows["name"], "reason": reason, "detail": detail}, dtype="str")


def ambiguous_listing(rows: pd.DataFrame) -> pd.DataFrame:
    typologies = rows.groupby("name")["truth"].agg(", ".join)
    return pd.DataFrame(
        {"file": typologies.index, "reason": "ambiguous", "detail": "in " + typologies.to_numpy()},
        dtype="str",
    )


def duplicates_listing(repeated: pd.DataFrame, latest: pd.DataFrame) -> pd.DataFrame:
    """One row a file of several results: how many, which predictions, and the one that counts."""
    if repeated.empty:
        return listing(repeated, "duplicate", "")
    groups = repeated.assign(prediction=repeated["prediction"].fillna("")).groupby("name")[
        "prediction"
    ]
    kept = latest[flags(repeated["code"], int(latest["code"].max()) + 1)[latest["code"]]]
    kept = kept.set_index("name")["prediction"].fillna("")
    details = [
        f"{len(values)} results ({', '.join(sorted(set(values)))}); counted: {kept[name] or 'none'}"
        for name, values in groups
    ]
    return pd.DataFrame(
        {"file": list(groups.groups), "reason": "duplicate", "detail": details}, dtype="str"
    )
