"""Results and ground truth joined by file name, with an account of every file that cannot be."""

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
class Named:
    """Both sides with columns name and code, a number for each different name of the two."""

    truth: pd.DataFrame
    results: pd.DataFrame
    extension: str
    whole: bool


def named(
    results: pd.DataFrame, truth: pd.DataFrame, extension: str, case: str, has_ids: bool
) -> Named:
    """Name both sides by the rule under which most different names of the ground truth match.

    Tried in this order, the first of equals counts: whole ids (where `has_ids`), then names below
    their folders; each with endings, then (of `auto`) without.
    """
    extensions = ("keep", "ignore") if extension == "auto" else (extension,)
    rules = [
        (whole, rule) for whole in ([True] if has_ids else []) + [False] for rule in extensions
    ]
    best = None
    for whole, rule in rules:
        sides = [file_names(side["key"].fillna(""), rule, case, whole) for side in (truth, results)]
        # Hashed once: comparing a million strings takes pandas seconds.
        codes, names = pd.factorize(pd.concat(sides))
        own, other = (flags(part, len(names)) for part in np.split(codes, [len(truth)]))
        wanted, found = int(own.sum()), int((own & other).sum())
        if best is None or found > best[0]:
            best = found, whole, rule, sides, np.split(codes, [len(truth)])
        if found == wanted:
            break
    assert best is not None  # there is always a rule
    _, whole, rule, names_of, codes_of = best
    truth, results = (
        side.assign(name=names, code=codes)
        for side, names, codes in zip((truth, results), names_of, codes_of, strict=True)
    )
    return Named(truth, results, rule, whole)


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
    both = named(results, truth, extension, case, has_ids)
    truth, results, rows = both.truth, both.results, len(both.results)
    results = results[results["name"].ne("")]  # a key that ends in / is a folder
    n = int(max(truth["code"].max(), results["code"].max(), 0)) + 1

    # The ground truth, each name and typology once. A name left with two typologies is ambiguous.
    typology = pd.factorize(truth["truth"])[0]
    pairs = pd.Series(truth["code"].to_numpy() * (typology.max() + 1) + typology)
    once = truth[~pairs.duplicated().to_numpy()]
    several = flags(once["code"][once["code"].duplicated()], n)
    ambiguous = once[several[once["code"]]]
    files = once[~several[once["code"]]].reset_index(drop=True)
    if files.empty:
        raise InputError(
            f"every file name of the ground truth is in two typologies, such as "
            f"{shown(truth['name'])}; see --extension and --case"
        )

    # The latest result of each name, and its place among the latest by the name's code.
    ordered = results
    if results["time"].notna().any():
        ordered = results.sort_values("time", kind="stable", na_position="first")
    latest = ordered[~ordered["code"].duplicated(keep="last")]
    place = np.full(n, -1)
    place[latest["code"]] = np.arange(len(latest))
    place = place[files["code"]]
    found = place >= 0
    if not found.any():
        raise InputError(
            f"no file of the ground truth has a result: it has {shown(truth['name'])}; the results "
            f"have {shown(results['name'])}{form_words(truth['name'], results['name'])}; see "
            "--key_column, --extension and --case"
        )
    for column in ("prediction", "confidence", "time", "row"):
        files[column] = latest[column].array.take(place, allow_fill=True)
    without = files["prediction"].fillna("").eq("")
    files.loc[without, ["prediction", "confidence"]] = None

    # The account of what is not scored, or not alone.
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
    files = files.drop(columns=["key", "code"])
    return Matched(files, unmatched, counts, both.extension, both.whole)


def form_words(names: pd.Series, others: pd.Series) -> str:
    """A remark where names of both sides are the same but for the way they are written."""
    forms = {plain_form(name): name for name in names.drop_duplicates()}
    for other in others.drop_duplicates():
        name = forms.get(plain_form(other))
        if name is not None:
            return f"; {other!r} and {name!r} differ only in how they are written"
    return ""


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
