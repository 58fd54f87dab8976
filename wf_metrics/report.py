"""Self-contained HTML reports: names escaped by Jinja2, figures inside, no script, no network."""

import base64
from datetime import datetime
from pathlib import Path

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from wf_metrics.scoring import errors_of

SHOWN = 30  # rows of a long table; the csv files hold all
TEMPLATES = Environment(
    loader=PackageLoader("wf_metrics"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def percent(value: float | None) -> str:
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


def write_workflow_report(folder: Path, measured):
    """Write report.html of a workflow's `Measured` into its folder."""
    numbers, counts = measured.numbers, measured.numbers["counts"]
    arguments, intervals = numbers["arguments"], numbers["intervals"]
    titles = {
        "accuracy_unifying": "Accuracy unifying",
        "accuracy": "Accuracy",
        "balanced_accuracy": "Balanced accuracy",
        "macro_f1": "Macro-F1",
        "coverage": "Files with a result",
    }
    unifying = numbers["unifying"]
    worst = measured.scores.per_typology[measured.scores.per_typology["support"] > 0]
    worst = worst.sort_values(["f1", "support"], ascending=[True, False], kind="stable")
    html = render(
        "workflow.html",
        folder,
        title=f"Workflow: accuracy unifying {percent(numbers['accuracy_unifying'])}",
        results=arguments["results"],
        truth=arguments["ground_truth"],
        cards=[
            {"name": title, "value": percent(numbers[name]), "detail": share(intervals[name])}
            for name, title in titles.items()
        ],
        warnings=numbers["warnings"],
        how_many=sentence(numbers),
        missing=counts["missing"],
        unifying=unifying_words(unifying, counts),
        unmatched=[
            [reason, len(rows), ", ".join(rows.head(5))]
            for reason, rows in measured.unmatched.groupby("reason", sort=False)["file"]
        ],
        unknown=[
            [u["prediction"], u["rows"], u["like"] or ""] for u in numbers["unknown_labels"][:SHOWN]
        ],
        more_unknown=max(0, len(numbers["unknown_labels"]) - SHOWN),
        confusions=confusion_rows(numbers["confusions"]),
        confusions_unifying=confusion_rows(numbers["confusions_unifying"]),
        typology_header=[
            "typology",
            "files",
            "predicted",
            "precision",
            "recall",
            "95 % interval",
            "F1",
        ],
        typologies=[
            [
                r["typology"],
                r["support"],
                r["predicted"],
                percent(r["precision"]),
                percent(r["recall"]),
                share([r["recall_low"], r["recall_high"]]),
                percent(r["f1"]),
            ]
            for r in worst.head(SHOWN).to_dict("records")
        ],
        more_typologies=max(0, len(worst) - SHOWN),
        groups=list(unifying["groups"].items()),
        unmapped=unifying["unmapped"],
        pattern=unifying["document_pattern"],
        thresholds=[
            [
                t["confidence_from"],
                t["documents"],
                percent(t["coverage"]),
                percent(t["accuracy"]),
                t["errors"],
            ]
            for t in numbers.get("thresholds", [])
        ],
        over_time=[
            [p["period"], p["documents"], percent(p["accuracy"]), share(p["interval"])]
            for p in numbers["over_time"]
        ],
        errors=[
            [
                r["file"],
                r["truth"],
                r["prediction"] if isinstance(r["prediction"], str) else "no result",
                percent(r["confidence"]),
                r["path"],
            ]
            for r in errors_of(measured.files).head(SHOWN).to_dict("records")
        ],
        notes=measured.notes,
        names_compared=f"File names were compared {names_words(numbers['names_compared'])}.",
    )
    (folder / "report.html").write_text(html, encoding="utf-8")


def sentence(numbers: dict) -> str:
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


def unifying_words(unifying: dict, counts: dict) -> str:
    done = []
    if unifying["groups"]:
        done.append(f"{len(unifying['groups'])} typologies put into groups")
    if unifying["document_pattern"]:
        done.append("the pages of a document as one")
    what = " and ".join(done) if done else "files as they are, for nothing is unified"
    return f"{what} ({counts['right_unifying']} of {counts['scored_unifying']} right)"


def names_words(compared: dict) -> str:
    extension = "with" if compared["extension"] == "keep" else "without"
    case = "minding" if compared["case"] == "keep" else "not minding"
    folders = ", as whole ids" if compared.get("folders") == "keep" else ""
    return f"{extension} their ending, {case} upper and lower case{folders}"


def confusion_rows(confusions: list[dict]) -> list[list]:
    return [
        [
            c["truth"],
            c["prediction"],
            c["documents"],
            percent(c["share_of_truth"]),
            ", ".join(c["files"]),
        ]
        for c in confusions
    ]


def write_comparison_report(
    folder: Path,
    comparison: dict,
    different,
    doubtful,
    confident: float,
    leaderboard: tuple,
    tests: tuple,
):
    """Write report.html of a comparison; leaderboard and tests are (header, rows)."""
    best = comparison["models"][0]
    scores = {
        "Its macro-F1": "macro_f1",
        "Its accuracy": "accuracy",
        "Its balanced accuracy": "balanced_accuracy",
    }
    cards = [
        {"name": "Best model", "value": best["model"], "detail": f"of {len(comparison['models'])}"}
    ]
    cards += [
        {"name": title, "value": percent(best[metric]), "detail": share(best["intervals"][metric])}
        for title, metric in scores.items()
    ]
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
        different=cells(different),
        n_doubtful=len(doubtful),
        doubtful_header=list(doubtful),
        doubtful=cells(doubtful),
        confident=f"{confident:g}",
    )
    (folder / "report.html").write_text(html, encoding="utf-8")


def two_lined(rows: list[list]) -> list[list]:
    """The leaderboard with each interval below its score."""
    return [[row[0], *(str(cell).replace(" (", "\n(") for cell in row[1:])] for row in rows]


def cells(frame) -> list[list[str]]:
    """The first rows of a frame, numbers with three decimals."""
    return [
        [f"{value:.3f}" if isinstance(value, float) else value for value in row]
        for row in frame.head(SHOWN).astype(object).to_numpy().tolist()
    ]
