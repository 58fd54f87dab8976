"""Results and ground truth joined by file name, with an account of every file that cannot be."""

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from utils.errors import InputError
from wf_metrics.results import ENDING, FOLDERS

SHOWN = 5  # names of each side, in the message of no match


@dataclass
class Matched:
    """One row a ground-truth file, and the files that are not scored."""

    files: pd.DataFrame  # name, truth, path; of its result (null without one): prediction, confidence, time, row
    unmatched: pd.DataFrame  # file, reason, detail
    counts: dict[str, int]
    extension: str  # keep or ignore: how names were compared


def file_names(keys: pd.Series, extension: str, case: str) -> pd.Series:
    """The names that are compared: what follows the last / or \\ , by the rules for extension and case."""
    names = pc.replace_substring_regex(pa.chunked_array(pa.array(keys, pa.large_string())), FOLDERS, "")
    if extension == "ignore":
        names = pc.replace_substring_regex(names, ENDING, "")
    if case == "ignore":
        names = pc.utf8_lower(names)
    return pd.Series(names, index=keys.index, dtype="str")


def among(names: pd.Series, known: pd.Series) -> pd.Series:
    """`names.isin(known)`, which takes pandas ten seconds for a million strings."""
    names_of, known_of = (pa.chunked_array(pa.array(values, pa.large_string())) for values in (names, known))
    return pd.Series(pc.is_in(names_of, value_set=known_of).to_numpy(), index=names.index)


def choose_extension(results: pd.DataFrame, truth: pd.DataFrame, case: str) -> str:
    """`keep` where as many different full names match as names without ending, else `ignore`."""
    found = {}
    for extension in ("keep", "ignore"):
        known = file_names(truth["key"], extension, case).drop_duplicates()
        found[extension] = int(among(known, file_names(results["key"], extension, case)).sum())
        if found["keep"] == len(known):
            break
    return max(found, key=found.get)


def match(results: pd.DataFrame, truth: pd.DataFrame, extension: str = "auto", case: str = "keep") -> Matched:
    """Join results to the ground truth by file name.

    Of several results of one file the latest counts, without times (or at one time) the last in the order of the
    files. A name that the ground truth holds in two typologies is ambiguous: neither it nor its results are scored.

    Args:
        results: key, prediction, confidence, time, row. truth: key, truth, path. extension: auto, keep or ignore.
        case: keep or ignore.

    Raises:
        InputError: no file of the ground truth has a result; the first names of each side are shown.
    """
    keyed = results["key"].fillna("").ne("")
    nameless, results = int((~keyed).sum()), results[keyed]
    extension = choose_extension(results, truth, case) if extension == "auto" else extension
    truth = truth.assign(name=file_names(truth["key"], extension, case))
    results = results.assign(name=file_names(results["key"], extension, case))
    folders = results["name"].eq("")  # a key that ends in / is a folder
    nameless, results = nameless + int(folders.sum()), results[~folders]

    once = truth.drop_duplicates(["name", "truth"])
    ambiguous = once[once["name"].duplicated(keep=False)]
    files = once[~among(once["name"], ambiguous["name"])]
    ordered = results if results["time"].isna().all() else \
        results.sort_values("time", kind="stable", na_position="first")
    latest = ordered[~ordered["name"].duplicated(keep="last")]
    if files.empty:
        raise InputError(f"every file name of the ground truth stands in two typologies, such as "
                         f"{shown(truth['name'])}; see --extension and --case")
    found = among(files["name"], latest["name"]).to_numpy()
    if not found.any():
        raise InputError(f"no file of the ground truth has a result: it has {shown(truth['name'])}; the results have "
                         f"{shown(results['name'])}; see --key_column, --extension and --case")
    is_extra = ~among(latest["name"], truth["name"])
    columns = ["name", "prediction", "confidence", "time", "row"]
    files = files.merge(latest.loc[~is_extra, columns], on="name", how="left")
    without = files["prediction"].fillna("").eq("")
    files.loc[without, ["prediction", "confidence"]] = None
    repeated = results[results["name"].duplicated(keep=False)]
    repeated = repeated[among(repeated["name"], files["name"])]
    counts = {
        "ground_truth_files": len(once) - len(ambiguous) + ambiguous["name"].nunique(),
        "files_scored_or_missing": len(files),
        "matched": int((~without).sum()),
        "missing": int(without.sum()),
        "missing_without_prediction": int((without & found).sum()),
        "ambiguous": int(ambiguous["name"].nunique()),
        "repeated_in_ground_truth": len(truth) - len(once),
        "result_rows": len(results) + nameless,
        "extra": int(is_extra.sum()),
        "results_of_ambiguous": int(among(latest["name"], ambiguous["name"]).sum()),
        "duplicate_files": int(repeated["name"].nunique()),
        "duplicate_rows_set_aside": len(results) - len(latest),
        "rows_without_file_name": nameless,
    }
    parts = [listing(files[without & ~found], "missing", "no result"),
             listing(files[without & found], "missing", "its result has no prediction"),
             ambiguous_listing(ambiguous), listing(latest[is_extra], "extra", "not in the ground truth"),
             duplicates_listing(repeated, latest)]
    return Matched(files.drop(columns="key"), pd.concat(parts, ignore_index=True), counts, extension)


def shown(names: pd.Series) -> str:
    first = ", ".join(map(repr, names.drop_duplicates().head(SHOWN)))
    return f"{first}{' …' if names.nunique() > SHOWN else ''}" if first else "none"


def listing(rows: pd.DataFrame, reason: str, detail: str) -> pd.DataFrame:
    return pd.DataFrame({"file": rows["name"], "reason": reason, "detail": detail}, dtype="str")


def ambiguous_listing(rows: pd.DataFrame) -> pd.DataFrame:
    typologies = rows.groupby("name")["truth"].agg(", ".join)
    return pd.DataFrame({"file": typologies.index, "reason": "ambiguous", "detail": "in " + typologies.to_numpy()},
                        dtype="str")


def duplicates_listing(repeated: pd.DataFrame, latest: pd.DataFrame) -> pd.DataFrame:
    """One row a file of several results: how many, which predictions, and the one that counts."""
    if repeated.empty:
        return listing(repeated, "duplicate", "")
    groups = repeated.assign(prediction=repeated["prediction"].fillna("")).groupby("name")["prediction"]
    kept = latest.set_index("name")["prediction"]
    details = [f"{len(values)} results ({', '.join(sorted(set(values)))}); counted: {kept[name]}"
               for name, values in groups]
    return pd.DataFrame({"file": list(groups.groups), "reason": "duplicate", "detail": details}, dtype="str")
