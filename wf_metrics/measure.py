"""The workflow's numbers: results against ground truth, as they are and unified."""

import filecmp
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from utils import runs
from utils.errors import InputError
from wf_metrics.columns import Columns
from wf_metrics.ground_truth import read_ground_truth
from wf_metrics.intervals import LEVEL, SAMPLES, rare_class_words, wilson
from wf_metrics.matching import Matched, file_names, match
from wf_metrics.probabilities import probability_metrics
from wf_metrics.results import Reading, read_results
from wf_metrics.scoring import (
    Scores,
    confidence_metrics,
    confusions,
    form_warning,
    over_time,
    same_but_for_form,
    score,
    unknown_labels,
)
from wf_metrics.unify import check_pattern, group_documents, read_unify, resolve

CHOICES = {
    "missing": ("wrong", "exclude"),
    "extension": ("auto", "keep", "ignore"),
    "case": ("keep", "ignore"),
    "unify_unknown": ("refuse", "list"),
}


@dataclass
class MetricsArguments:
    """What to compare with what, and how."""

    results: list[str] = field(metadata={"help": "results files, or folders of them"})
    ground_truth: str = field(
        metadata={"help": "folder <typology>/<file>, or a table of files and typologies"}
    )
    unify: str | None = field(
        default=None, metadata={"help": "YAML file of 'typology: group' lines"}
    )
    unify_unknown: str = field(
        default="refuse", metadata={"help": "names of --unify not met: refuse or list"}
    )
    document_pattern: str | None = field(
        default=None,
        metadata={"help": "regular expression on a page's name; its first group is the document"},
    )
    missing: str = field(
        default="wrong", metadata={"help": "files without a result: wrong or exclude"}
    )
    key_column: str | None = field(
        default=None, metadata={"help": "results: column of the file or its path"}
    )
    prediction_column: str | None = field(
        default=None, metadata={"help": "results: column of the typology"}
    )
    confidence_column: str | None = field(
        default=None, metadata={"help": "results: column of confidence, or none"}
    )
    timestamp_column: str | None = field(
        default=None, metadata={"help": "results: column of the time, or none"}
    )
    confidence_max: float = field(
        default=1.0, metadata={"help": "the confidence that means certain: 1 or 100"}
    )
    truth_file_column: str | None = field(
        default=None, metadata={"help": "ground truth table: column of the file"}
    )
    truth_typology_column: str | None = field(
        default=None, metadata={"help": "ground truth table: its typology"}
    )
    extension: str = field(
        default="auto",
        metadata={
            "help": "file names with their ending (keep), without (ignore), or with it unless that "
            "matches fewer (auto)"
        },
    )
    case: str = field(
        default="keep", metadata={"help": "upper and lower case of file names: keep or ignore"}
    )
    samples: int = field(default=SAMPLES, metadata={"help": "bootstrap samples"})
    seed: int = field(default=0, metadata={"help": "seed of the bootstrap"})
    output: str | None = field(default=None, metadata={"help": "folder to write"})
    overwrite: bool = field(default=False, metadata={"help": "replace metrics that are there"})


@dataclass(frozen=True, eq=False)
class Measured:
    """What `measure` found."""

    numbers: dict  # the content of wf_metrics.json
    files: pd.DataFrame  # the scored files: name, truth, path, prediction, confidence, time, row
    unmatched: pd.DataFrame  # file, reason, detail
    scores: Scores
    documents: pd.DataFrame  # the scored documents, after unifying
    unified: Scores  # `scores` itself where nothing is unified
    notes: list[str]  # what was read, guessed and met; warnings are in the numbers


def measure(args: MetricsArguments) -> Measured:
    """All numbers of the results against the ground truth.

    Raises:
        InputError: anything that the user gave cannot be used.
    """
    check(args)
    pattern = check_pattern(args.document_pattern) if args.document_pattern else None
    groups = read_unify(args.unify) if args.unify else {}

    # Read both sides and join them by file name.
    truths = read_ground_truth(
        args.ground_truth, args.truth_file_column, args.truth_typology_column
    )
    typologies = set(truths.frame["truth"].unique())
    answers = read_answers(args, truths.frame, typologies | set(groups))
    matched = match(answers.frame, truths.frame, args.extension, args.case, answers.has_ids())
    files = scored_files(matched, args.missing)

    # As they are, then unified: groups of typologies, then the pages of a document.
    known = typologies | set(answers.frame["prediction"].dropna().unique()) - {""}
    final = resolve(groups, known, f"--unify {args.unify}", args.unify_unknown)
    check_sides(truths, answers)
    scores = score(files["truth"], files["prediction"], args.samples, args.seed)
    documents, mixed = unify(files, final, pattern)
    unified = scores
    if groups or pattern:
        unified = score(documents["truth"], documents["prediction"], args.samples, args.seed)

    # The numbers, and what to say of them.
    counts = matched.counts | {
        "scored": scores.n,
        "right": scores.right,
        "scored_unifying": unified.n,
        "right_unifying": unified.right,
        "pages_of_mixed_documents": len(mixed),
    }
    alike = same_but_for_form(files)
    cautions = [
        *copy_warnings(truths, answers),
        matched.warning,
        form_warning(alike),
        *rare_warnings(scores, unified),
    ]
    numbers = {
        **headline(scores, unified, counts),
        **probability_metrics(args.results, files),
        **confidence_metrics(files),
        "unifying": unifying_numbers(args, unified, groups, final, known),
        "unknown_labels": unknown_labels(matched.files["prediction"], typologies),
        "confusions": confusions(scores, files),
        "confusions_unifying": confusions(unified, documents) if unified is not scores else [],
        "over_time": over_time(documents),
        "interval_methods": interval_methods(args),
        "names_compared": names_compared(matched, args.case),
        "same_but_for_form": alike,
        "warnings": [*truths.warnings, *answers.warnings, *filter(None, cautions)],
        "arguments": asdict(args),
        "commit": runs.commit(),
    }
    return Measured(
        numbers=numbers,
        files=files,
        unmatched=unmatched_files(matched, mixed),
        scores=scores,
        documents=documents,
        unified=unified,
        notes=[*truths.notes, *answers.notes],
    )


def read_answers(args: MetricsArguments, truth: pd.DataFrame, typologies: set[str]) -> Reading:
    """The results; their columns are guessed by the files and typologies that are known."""
    columns = Columns(
        args.key_column, args.prediction_column, args.confidence_column, args.timestamp_column
    )
    stems = set(file_names(truth["key"], "ignore", "keep").to_numpy(object))
    return read_results(
        args.results, columns, stems, typologies, args.confidence_max, args.ground_truth
    )


def scored_files(matched: Matched, missing: str) -> pd.DataFrame:
    """The files that are scored: all, or (missing `exclude`) those that have a prediction."""
    files = matched.files
    if missing == "exclude":
        files = files[files["prediction"].notna()].reset_index(drop=True)
    if files["prediction"].isna().all():
        raise InputError(
            "no file of the ground truth has a result with a prediction; check --prediction_column"
        )
    return files


def unifying_numbers(
    args: MetricsArguments,
    unified: Scores,
    groups: dict[str, str],
    final: dict[str, str],
    known: set[str],
) -> dict[str, Any]:
    """The scores after unifying, and what was put together.

    Args:
        groups: the lines of --unify. final: each typology's group. known: typologies of both sides.
    """
    return {
        **unified.metrics,
        "intervals": unified.intervals,
        "groups": {name: group for name, group in final.items() if name != group},
        "unmapped": sorted(known - set(groups)) if groups else [],
        "unknown_in_map": sorted(set(groups) - known),
        "document_pattern": args.document_pattern,
    }


def check(args: MetricsArguments):
    """Refuse values that no flag takes."""
    for flag, choices in CHOICES.items():
        if getattr(args, flag) not in choices:
            raise InputError(f"--{flag} {getattr(args, flag)}: choose {' or '.join(choices)}")
    if not 100 <= args.samples <= 100_000:
        raise InputError(f"--samples {args.samples}: give 100 to 100000")
    if args.seed < 0:
        raise InputError(f"--seed {args.seed}: give 0 or more")
    if not 0 < args.confidence_max < float("inf"):
        raise InputError(f"--confidence_max {args.confidence_max:g}: give 1 or 100")


def check_sides(truths: Reading, answers: Reading):
    """Refuse one column of one file as both sides: it is always right."""
    for truth, _, true in truths.columns:
        for results, _, predicted in answers.columns:
            if predicted == true and results.path.samefile(truth.path):
                raise InputError(
                    f"{results.path}: column {true!r} is given as prediction and as truth; pass "
                    "--prediction_column and --truth_typology_column, or another file"
                )


def copy_warnings(truths: Reading, answers: Reading) -> list[str]:
    """Warnings of results that are a copy of the ground truth, read by the same column."""
    return [
        f"{results.path} holds the same bytes as {truth.path}, and column {true!r} of it is "
        "prediction and truth: every file is right; check --results and --ground_truth"
        for truth, _, true in truths.columns
        for results, _, predicted in answers.columns
        if predicted == true and filecmp.cmp(results.path, truth.path, shallow=False)
    ]


def rare_warnings(scores: Scores, unified: Scores) -> list[str | None]:
    """Warnings of typologies, and of groups where they are others, that have too few files."""
    warnings = []
    for what, own in {"typologies": scores, "groups after unifying": unified}.items():
        if what == "typologies" or unified is not scores:
            table = own.per_typology
            warnings.append(rare_class_words(table["typology"], table["support"], what))
    return warnings


def names_compared(matched: Matched, case: str) -> dict[str, str]:
    """How file names were compared, for wf_metrics.json."""
    compared = {"extension": matched.extension, "case": case}
    return compared | {"folders": "keep"} if matched.whole else compared


def unify(files: pd.DataFrame, final: dict[str, str], pattern) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The scored units after unifying, and the pages of documents that have several truths."""
    grouped = files.assign(
        truth=files["truth"].map(final), prediction=files["prediction"].map(final)
    )
    if not pattern:
        return grouped, grouped.iloc[:0]
    documents, mixed = group_documents(grouped, pattern)
    if documents.empty:
        raise InputError(
            f"--document_pattern {pattern.pattern!r}: every document has pages of several "
            "typologies; check the pattern"
        )
    return documents, mixed


def headline(scores: Scores, unified: Scores, counts: dict[str, int]) -> dict:
    """The first keys of wf_metrics.json: the scores, how many files have a result, counts and
    intervals.
    """
    wanted = counts["matched"] + counts["missing"]
    intervals = scores.intervals | {
        "accuracy_unifying": unified.intervals["accuracy"],
        "coverage": wilson(counts["matched"], wanted),
    }
    return {
        **scores.metrics,
        "accuracy_unifying": unified.metrics["accuracy"],
        "coverage": counts["matched"] / wanted,
        "counts": counts,
        "intervals": intervals,
    }


def interval_methods(args: MetricsArguments) -> dict[str, Any]:
    """How each interval was found, for wf_metrics.json."""
    bootstrap = (
        f"percentiles of a bootstrap stratified by true class, {args.samples} samples, "
        f"seed {args.seed}"
    )
    return {
        "level": LEVEL,
        "accuracy": "Wilson",
        "accuracy_unifying": "Wilson",
        "coverage": "Wilson",
        "balanced_accuracy": bootstrap,
        "macro_f1": bootstrap,
    }


def unmatched_files(matched: Matched, mixed: pd.DataFrame) -> pd.DataFrame:
    """The files that are not scored, or not alone: file, reason, detail."""
    pages = pd.DataFrame(
        {
            "file": mixed["name"],
            "reason": "ambiguous",
            "detail": "its document has pages of several typologies",
        },
        dtype="str",
    )
    return pd.concat([matched.unmatched, pages], ignore_index=True)
