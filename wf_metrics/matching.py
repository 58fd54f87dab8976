"""Results and ground truth joined by file name, with an account of every file that cannot be."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from utils.errors import InputError
from wf_metrics.columns import ENDING, FOLDERS, plain_form

SHOWN = 5  # names of each side, in the message of no match


@dataclass
class Matched:
    """One row a ground-truth file, and the files that are not scored."""

    # name, truth, path; of its result (null without one): prediction, confidence, time, row
    files: pd.DataFrame
    unmatched: pd.DataFrame  # file, reason, detail
    counts: dict[str, int]
    extension: str  # keep or ignore: how names were compared
    whole: bool = False  # whether names are whole ids, folders and all
    warning: str | None = None  # why files may be missing


def file_names(keys: pd.Series, extension: str, case: str, whole: bool = False) -> pd.Series:
    """The names that are compared: what follows the last / or \\, by the rules for extension, case.

    whole: leave what stands before it, as in the ids `class/1` of a corpus.
    """
    names = pa.chunked_array(pa.array(keys, pa.large_string()))
    if not whole:
        names = pc.replace_substring_regex(names, FOLDERS, "")
    if extension == "ignore":
        names = pc.replace_substring_regex(names, ENDING, "")
    if case == "ignore":
        names = pc.utf8_lower(names)
    return pd.Series(names, index=keys.index, dtype="str")


@dataclass
class NamedSides:
    """Both sides with columns name and code, a number for each different name of the two."""

    truth: pd.DataFrame
    results: pd.DataFrame
    extension: str
    whole: bool
    n_names: int  # different names of both sides
    found: int  # different names of the ground truth that have a result
    wanted: int  # different names of the ground truth


def name_both_sides(
    results: pd.DataFrame, truth: pd.DataFrame, extension: str, case: str, has_ids: bool
) -> NamedSides:
    """Name both sides by the rule under which most different names of the ground truth match.

    Tried in this order, the first of equals counts: whole ids (where `has_ids`), then names below
    their folders; each with endings, then (of `auto`) without. Where names below folders repeat in
    the ground truth, whole paths are tried too.
    """
    extensions = ("keep", "ignore") if extension == "auto" else (extension,)
    n_paths = truth["key"].nunique()
    best: NamedSides | None = None
    for whole, rule in itertools.product([has_ids, not has_ids], extensions):
        sides = sides_named_by(results, truth, rule, case, whole)
        if best is None or sides.found > best.found:
            best = sides
        # No other rule can find more: every file of the ground truth is one name, and is found.
        if sides.found == sides.wanted and sides.wanted >= n_paths:
            break
    assert best is not None  # there is always a rule
    return best


def sides_named_by(
    results: pd.DataFrame, truth: pd.DataFrame, extension: str, case: str, whole: bool
) -> NamedSides:
    """Both sides, named by one rule."""
    sides = [
        file_names(side["key"].fillna(""), extension, case, whole) for side in (truth, results)
    ]
    # Hashed once: comparing a million strings takes pandas seconds.
    codes, names = pd.factorize(pd.concat(sides))
    truth_codes, result_codes = np.split(codes, [len(truth)])
    in_truth = flags(truth_codes, len(names))
    return NamedSides(
        truth=truth.assign(name=sides[0], code=truth_codes),
        results=results.assign(name=sides[1], code=result_codes),
        extension=extension,
        whole=whole,
        n_names=len(names),
        found=int((in_truth & flags(result_codes, len(names))).sum()),
        wanted=int(in_truth.sum()),
    )


def flags(codes, n: int) -> np.ndarray:
    """Which of n codes occur, (n,) booleans."""
    found = np.zeros(n, dtype=bool)
    found[codes] = True
    return found


def match(
    results: pd.DataFrame,
    truth: pd.DataFrame,
    extension: str = "auto",
    case: str = "keep",
    has_ids: bool = False,
) -> Matched:
    """Join results to the ground truth by file name.

    Of several results of one file the latest counts, without times (or at one time) the last in the
    order of the files. A name that the ground truth holds in two typologies is ambiguous: neither
    it nor its results are scored.

    Args:
        results: key, prediction, confidence, time, row. truth: key, truth, path. extension: auto,
            keep or ignore. case: keep or ignore. has_ids: the results' keys are ids of a corpus, of
            which folders are part.

    Raises:
        InputError: no file of the ground truth has a result; the first names of each side are
            shown.
    """
    sides = name_both_sides(results, truth, extension, case, has_ids)
    results = sides.results[sides.results["name"].ne("")]  # a key that ends in / is a folder

    # The ground truth, each name and typology once. A name left with two typologies is ambiguous.
    once = sides.truth.drop_duplicates(["code", "truth"])
    several = flags(once["code"][once["code"].duplicated()], sides.n_names)
    is_ambiguous = several[once["code"]]
    files = once[~is_ambiguous].reset_index(drop=True)
    if files.empty:
        raise InputError(
            f"every file name of the ground truth is in two typologies, such as "
            f"{first_names(once['name'])}; see --extension and --case"
        )
    latest = latest_results(results)
    files = with_results(files, latest, sides.n_names)
    if files["row"].isna().all():
        names, others = sides.truth["name"], results["name"]
        raise InputError(
            f"no file of the ground truth has a result: it has {first_names(names)}; the results "
            f"have {first_names(others)}{form_words(names, others)}; see --key_column, "
            "--extension and --case"
        )
    return accounted(sides, results, latest, files, once[is_ambiguous], len(once))


def latest_results(results: pd.DataFrame) -> pd.DataFrame:
    """Of the results of each name the latest; without times, or at one time, the last."""
    ordered = results
    if results["time"].notna().any():
        ordered = results.sort_values("time", kind="stable", na_position="first")
    return ordered[~ordered["code"].duplicated(keep="last")]


def with_results(files: pd.DataFrame, latest: pd.DataFrame, n_names: int) -> pd.DataFrame:
    """The files with prediction, confidence, time and row of their results, null without one."""
    place = np.full(n_names, -1)
    place[latest["code"]] = np.arange(len(latest))
    places = place[files["code"]]
    columns = {
        name: latest[name].array.take(places, allow_fill=True)
        for name in ("prediction", "confidence", "time", "row")
    }
    files = files.assign(**columns)
    # A result without a prediction has no confidence to count either.
    without = files["prediction"].fillna("").eq("")
    files.loc[without, ["prediction", "confidence"]] = None
    return files


def accounted(
    sides: NamedSides,
    results: pd.DataFrame,
    latest: pd.DataFrame,
    files: pd.DataFrame,
    ambiguous: pd.DataFrame,
    n_once: int,
) -> Matched:
    """The files with counts and a listing of all that is not scored, or not alone.

    Args:
        results: those with a name. ambiguous: rows of the ground truth. n_once: rows of the ground
            truth, each name and typology once.
    """
    n = sides.n_names
    is_ambiguous = flags(ambiguous["code"], n)
    without = files["prediction"].isna()
    has_row = files["row"].notna()
    extra = latest[~flags(sides.truth["code"], n)[latest["code"]]]
    repeated = results[results["code"].duplicated(keep=False)]
    repeated = repeated[flags(files["code"], n)[repeated["code"]]]
    counts = {
        "ground_truth_files": len(files) + int(is_ambiguous.sum()),
        "files_scored_or_missing": len(files),
        "matched": int((~without).sum()),
        "missing": int(without.sum()),
        "missing_without_prediction": int((without & has_row).sum()),
        "ambiguous": int(is_ambiguous.sum()),
        "repeated_in_ground_truth": len(sides.truth) - n_once,
        "result_rows": len(sides.results),
        "extra": len(extra),
        "results_of_ambiguous": int(is_ambiguous[latest["code"]].sum()),
        "duplicate_files": int(repeated["code"].nunique()),
        "duplicate_rows_set_aside": len(results) - len(latest),
        "rows_without_file_name": len(sides.results) - len(results),
    }
    missing = files[without & ~has_row]
    parts = [
        listing(missing, "missing", "no result"),
        listing(files[without & has_row], "missing", "its result has no prediction"),
        ambiguous_listing(ambiguous),
        listing(extra, "extra", "not in the ground truth"),
        duplicates_listing(repeated, latest),
    ]
    return Matched(
        files=files.drop(columns=["key", "code"]),
        unmatched=pd.concat(parts, ignore_index=True),
        counts=counts,
        extension=sides.extension,
        whole=sides.whole,
        warning=alike_warning(missing["name"], extra["name"]),
    )


def alike_warning(missing: pd.Series, extra: pd.Series) -> str | None:
    """What to say where a file is missing and its result extra for the way its name is written."""
    pairs = alike_pairs(missing, extra)
    if not pairs:
        return None
    shown = ", ".join(f"{other!r} for {name!r}" for name, other in pairs[:3])
    return (
        f"{len(pairs)} files count as missing whose results differ from them only in how their "
        f"names are written: {shown}{' …' if len(pairs) > 3 else ''}; write both sides alike, or "
        "see --case and --extension"
    )


def alike_pairs(names: Iterable[str], others: Iterable[str]) -> list[tuple[str, str]]:
    """Different names of both sides, (name, other), that differ only in how they are written."""
    forms = {plain_form(name): name for name in dict.fromkeys(names)}
    found = [(forms.get(plain_form(other)), other) for other in dict.fromkeys(others)]
    return [(name, other) for name, other in found if name not in (None, other)]


def form_words(names: pd.Series, others: pd.Series) -> str:
    """A remark where names of both sides are the same but for the way they are written."""
    for name, other in alike_pairs(names, others):
        return f"; {other!r} and {name!r} differ only in how they are written"
    return ""


def first_names(names: pd.Series) -> str:
    """The first different names in quotes."""
    different = names.drop_duplicates()
    if different.empty:
        return "none"
    more = " …" if len(different) > SHOWN else ""
    return ", ".join(map(repr, different.head(SHOWN))) + more


def listing(rows: pd.DataFrame, reason: str, detail: str) -> pd.DataFrame:
    """One row a file of `unmatched.csv`."""
    return pd.DataFrame({"file": rows["name"], "reason": reason, "detail": detail}, dtype="str")


def ambiguous_listing(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a name that the ground truth holds in several typologies."""
    typologies = rows.groupby("name")["truth"].agg(", ".join)
    details = "in " + typologies.to_numpy()
    return pd.DataFrame(
        {"file": typologies.index, "reason": "ambiguous", "detail": details}, dtype="str"
    )


def duplicates_listing(repeated: pd.DataFrame, latest: pd.DataFrame) -> pd.DataFrame:
    """One row a file of several results: how many, which predictions, and the one that counts."""
    if repeated.empty:
        return listing(repeated, "duplicate", "")
    predictions = repeated.assign(prediction=repeated["prediction"].fillna(""))
    groups = predictions.groupby("name")["prediction"]
    kept = latest[latest["code"].isin(repeated["code"])]
    kept = kept.set_index("name")["prediction"].fillna("")
    details = []
    for name, values in groups:
        different = ", ".join(sorted(set(values)))
        details.append(f"{len(values)} results ({different}); counted: {kept[name] or 'none'}")
    return pd.DataFrame(
        {"file": list(groups.groups), "reason": "duplicate", "detail": details}, dtype="str"
    )
