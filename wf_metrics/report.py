"""Self-contained HTML reports: names escaped by Jinja2, figures inside, no script, no network."""

import base64
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from wf_metrics.measure import Measured
from wf_metrics.scoring import errors_of

SHOWN = 30  # rows of a long table; the csv files hold all
TEMPLATES = Environment(
    loader=PackageLoader("wf_metrics"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


# The headline numbers, and the columns of the table of typologies.
CARDS = {
    "accuracy_unifying": "Accuracy unifying",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "macro_f1": "Macro-F1",
    "coverage": "Files with a result",
}
TYPOLOGY_HEADER = [
    "typology",
    "files",
    "predicted",
    "precision",
    "recall",
    "95 % interval",
    "F1",
]


def percent(value: float | None) -> str:
    """A share as `93.3 %`; nothing for none."""
    return "" if value is None or np.isnan(value) else f"{100 * value:.1f} %"


def share(interval: list[float] | None) -> str:
    """An interval of a share in percent, `88.0–93.8 %`."""
    return "" if interval is None else f"{100 * interval[0]:.1f}–{100 * interval[1]:.1f} %"


def render(template: str, folder: Path, **content) -> str:
    """The report's HTML, with the png files of the folder's `figures/` by their names."""
    figures = {
        path.stem: base64.b64encode(path.read_bytes()).decode()
        for path in (folder / "figures").glob("*.png")
    }
    made = datetime.now().strftime("%Y-%m-%d %H:%M")
    return TEMPLATES.get_template(template).render(figures=figures, made=made, **content)


def write_workflow_report(folder: Path, measured: Measured):
    """Write report.html of a workflow's results into their folder."""
    numbers = measured.numbers
    unifying = numbers["unifying"]
    unknown = numbers["unknown_labels"]
    present = measured.scores.per_typology[measured.scores.per_typology["support"] > 0]
    html = render(
        "workflow.html",
        folder,
        title=f"Workflow: accuracy unifying {percent(numbers['accuracy_unifying'])}",
        results=numbers["arguments"]["results"],
        truth=numbers["arguments"]["ground_truth"],
        cards=score_cards(numbers),
        warnings=numbers["warnings"],
        how_many=counts_sentence(numbers),
        missing=numbers["counts"]["missing"],
        unifying=unifying_words(unifying, numbers["counts"]),
        unmatched=unmatched_rows(measured.unmatched),
        unknown=[[row["prediction"], row["rows"], row["like"] or ""] for row in unknown[:SHOWN]],
        more_unknown=max(0, len(unknown) - SHOWN),
        confusions=confusion_rows(numbers["confusions"]),
        confusions_unifying=confusion_rows(numbers["confusions_unifying"]),
        typology_header=TYPOLOGY_HEADER,
        typologies=typology_rows(present),
        more_typologies=max(0, len(present) - SHOWN),
        groups=list(unifying["groups"].items()),
        unmapped=unifying["unmapped"],
        pattern=unifying["document_pattern"],
        thresholds=threshold_rows(numbers.get("thresholds", [])),
        over_time=period_rows(numbers["over_time"]),
        errors=error_rows(measured.files),
        notes=measured.notes,
        names_compared=f"File names were compared {names_words(numbers['names_compared'])}.",
    )
    (folder / "report.html").write_text(html, encoding="utf-8")


# The rows of its tables.


def score_cards(numbers: dict[str, Any]) -> list[dict[str, str]]:
    """The headline numbers, each with its interval."""
    return [
        {
            "name": title,
            "value": percent(numbers[name]),
            "detail": share(numbers["intervals"][name]),
        }
        for name, title in CARDS.items()
    ]


def unmatched_rows(unmatched: pd.DataFrame) -> list[list]:
    """Why files are not scored: reason, how many, the first of them."""
    groups = unmatched.groupby("reason", sort=False)["file"]
    return [[reason, len(files), ", ".join(files.head(5))] for reason, files in groups]


def typology_rows(table: pd.DataFrame) -> list[list]:
    """The worst typologies by F1, of equals the most frequent first."""
    worst = table.sort_values(["f1", "support"], ascending=[True, False], kind="stable")
    return [
        [
            row["typology"],
            row["support"],
            row["predicted"],
            percent(row["precision"]),
            percent(row["recall"]),
            share([row["recall_low"], row["recall_high"]]),
            percent(row["f1"]),
        ]
        for row in worst.head(SHOWN).to_dict("records")
    ]


def threshold_rows(thresholds: list[dict[str, Any]]) -> list[list]:
    """What is left of the predictions from each confidence on."""
    return [
        [
            row["confidence_from"],
            row["documents"],
            percent(row["coverage"]),
            percent(row["accuracy"]),
            row["errors"],
        ]
        for row in thresholds
    ]


def period_rows(periods: list[dict[str, Any]]) -> list[list]:
    """Accuracy by period of time."""
    return [
        [row["period"], row["documents"], percent(row["accuracy"]), share(row["interval"])]
        for row in periods
    ]


def error_rows(files: pd.DataFrame) -> list[list]:
    """The most confident errors."""
    return [
        [
            row["file"],
            row["truth"],
            row["prediction"] if isinstance(row["prediction"], str) else "no result",
            percent(row["confidence"]),
            row["path"],
        ]
        for row in errors_of(files).head(SHOWN).to_dict("records")
    ]


def confusion_rows(confusions: list[dict[str, Any]]) -> list[list]:
    """Pairs of typologies that are confused, with files as examples."""
    return [
        [
            row["truth"],
            row["prediction"],
            row["documents"],
            percent(row["share_of_truth"]),
            ", ".join(row["files"]),
        ]
        for row in confusions
    ]


# Its sentences.


def counts_sentence(numbers: dict[str, Any]) -> str:
    """How many of how many, with what became of the rest."""
    counts = numbers["counts"]
    wanted = counts["matched"] + counts["missing"]
    parts = [
        f"{counts['right']} of {counts['scored']} scored files are right; {counts['matched']} of "
        f"{wanted} files of the ground truth have a result"
    ]
    if counts["missing"]:
        how = "count as wrong" if numbers["arguments"]["missing"] == "wrong" else "are left out"
        parts.append(f"the {counts['missing']} without one {how}")
    if counts["ambiguous"]:
        parts.append(
            f"{counts['ambiguous']} more have one name in two typologies and are not scored"
        )
    return "; ".join(parts) + "."


def unifying_words(unifying: dict[str, Any], counts: dict[str, int]) -> str:
    """What was put together, and how many documents are right then."""
    done = []
    if unifying["groups"]:
        done.append(f"{len(unifying['groups'])} typologies put into groups")
    if unifying["document_pattern"]:
        done.append("the pages of a document as one")
    what = " and ".join(done) if done else "files as they are, for nothing is unified"
    return f"{what} ({counts['right_unifying']} of {counts['scored_unifying']} right)"


def names_words(compared: dict[str, str]) -> str:
    """How file names were compared."""
    extension = "with" if compared["extension"] == "keep" else "without"
    case = "minding" if compared["case"] == "keep" else "not minding"
    folders = ", as whole ids" if compared.get("folders") == "keep" else ""
    return f"{extension} their ending, {case} upper and lower case{folders}"


# The comparison.


def write_comparison_report(
    folder: Path,
    comparison: dict[str, Any],
    different: pd.DataFrame,
    doubtful: pd.DataFrame,
    confident: float,
    leaderboard: tuple[list, list],
    tests: tuple[list, list],
):
    """Write report.html of a comparison.

    Args:
        different, doubtful: the disagreements, the likely label errors. confident: the confidence
            from which these count. leaderboard, tests: (header, rows).
    """
    best = comparison["models"][0]
    scores = {
        "Its macro-F1": "macro_f1",
        "Its accuracy": "accuracy",
        "Its balanced accuracy": "balanced_accuracy",
    }
    n_models = len(comparison["models"])
    cards = [{"name": "Best model", "value": best["model"], "detail": f"of {n_models}"}]
    for title, metric in scores.items():
        detail = share(best["intervals"][metric])
        cards.append({"name": title, "value": percent(best[metric]), "detail": detail})
    html = render(
        "comparison.html",
        folder,
        title=f"Comparison: {best['model']} is best",
        comparison=comparison,
        cards=cards,
        header=leaderboard[0],
        rows=two_lined(leaderboard[1]),
        tests_header=tests[0],
        tests=tests[1],
        n_different=len(different),
        different_header=list(different),
        different=first_cells(different),
        n_doubtful=len(doubtful),
        doubtful_header=list(doubtful),
        doubtful=first_cells(doubtful),
        confident=f"{confident:g}",
    )
    (folder / "report.html").write_text(html, encoding="utf-8")


def two_lined(rows: list[list]) -> list[list]:
    """The leaderboard with each interval below its score."""
    return [[row[0], *(str(cell).replace(" (", "\n(") for cell in row[1:])] for row in rows]


def first_cells(frame: pd.DataFrame) -> list[list]:
    """The first rows of a frame, numbers with three decimals."""
    return [
        [f"{value:.3f}" if isinstance(value, float) else value for value in row]
        for row in frame.head(SHOWN).astype(object).to_numpy().tolist()
    ]
