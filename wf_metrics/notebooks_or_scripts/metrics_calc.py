"""Compare the results of a workflow with its ground truth: accuracy unifying and what explains it.

    python wf_metrics/notebooks_or_scripts/metrics_calc.py \
        --results wf_metrics/wf_outputs/results.csv --unify wf_metrics/wf_outputs/unify.yaml \
        --ground_truth wf_metrics/wf_outputs/ground_truth.csv
    python wf_metrics/notebooks_or_scripts/metrics_calc.py --results results.csv \
        --ground_truth muestras/ --document_pattern '^(.+)_p[0-9]+$' --missing exclude

Results are DynamoDB exports (csv of the console, old or new; csv of NoSQL Workbench; DynamoDB-JSON
lines, also .gz) or predictions of this suite (.parquet); several files or folders concatenate.
Ground truth is a folder <typology>/<file> or a table of files and typologies. Files are joined by
name; which are missing, extra, duplicate or ambiguous is listed and counted. Which column holds
what is guessed and printed, or given by flags.

Writes wf_metrics.json, report.html (no network needed), per_typology.csv, confusion_matrix.csv,
errors.csv, unmatched.csv, thresholds.csv and figures/ to --output (default
runs/wf_metrics/<results>/<date-time>).
"""

from datetime import datetime
from pathlib import Path

import pandas as pd

from utils import runs
from utils.cli import parse, start_logging
from utils.errors import exits_on_input_error
from utils.figures import confusion_matrix_figure, coverage_figure, per_class_figure, save_figure
from utils.folders import claim_report, whole_folder
from utils.tables import CONTROLS, markdown_table, write_csv
from wf_metrics.figures import over_time_figure
from wf_metrics.measure import Measured, MetricsArguments, measure
from wf_metrics.report import percent, share, write_workflow_report
from wf_metrics.scoring import Scores, errors_of


@exits_on_input_error
def main(argv=None) -> Path:
    """Measure and report; returns the folder that was written."""
    # Arguments.
    args, _ = parse(MetricsArguments, argv, doc=__doc__)
    start_logging()
    folder = Path(args.output) if args.output else default_output(args.results)
    claim_report(folder, "wf_metrics.json", args.overwrite)

    # Measure.
    measured = measure(args)

    # Save, and say it.
    with whole_folder(folder) as partial:
        save(partial, measured)
    cautions = [f"Caution: {w}.".translate(CONTROLS) for w in measured.numbers["warnings"]]
    print("\n".join([*measured.notes, "", summary(measured), *cautions]))
    accuracy = measured.numbers["accuracy_unifying"]
    print(f"{folder}: accuracy_unifying {accuracy:.4f}; see {folder / 'report.html'}")
    return folder


def default_output(results: list[str]) -> Path:
    """`runs/wf_metrics/<results>/<date-time>`."""
    name = Path(results[0]).resolve().name.split(".")[0]
    return Path("runs") / "wf_metrics" / name / datetime.now().strftime("%Y-%m-%d-%H%M%S")


def summary(measured: Measured) -> str:
    """The printed tables: the headline, the files that are not scored, the confusions."""
    numbers, counts = measured.numbers, measured.numbers["counts"]
    names = ("accuracy_unifying", "accuracy", "balanced_accuracy", "macro_f1", "coverage")
    rows = [
        [name, percent(numbers[name]), share(numbers["intervals"][name]), how_many(name, measured)]
        for name in names
    ]
    files = [
        [reason, int(n)]
        for reason, n in measured.unmatched["reason"].value_counts(sort=False).items()
    ]
    confused = [
        [c["truth"], c["prediction"], c["documents"], ", ".join(c["files"][:2])]
        for c in numbers["confusions"][:10]
    ]
    parts = [markdown_table(["metric", "value", "95 % interval", "of how many"], rows)]
    if numbers["unknown_labels"]:
        unknown = [
            [u["prediction"], u["rows"], u["like"] or ""] for u in numbers["unknown_labels"][:10]
        ]
        n = len(numbers["unknown_labels"])
        parts += [
            f"Predicted, but no typology of the ground truth (wrong), {n} names:",
            markdown_table(["name", "files", "like"], unknown),
        ]
    if counts["duplicate_files"]:
        parts.append(
            f"{counts['duplicate_files']} files have several results: the latest counts, without "
            "times the last.\n"
        )
    parts += [
        "Files listed in unmatched.csv:",
        markdown_table(["reason", "files"], files),
        "Most frequent confusions:",
        markdown_table(["truth", "prediction", "files", "such as"], confused),
    ]
    return "\n".join(parts)


def how_many(name: str, measured: Measured) -> str:
    """What a headline number counts; missing files are always mentioned."""
    counts = measured.numbers["counts"]
    missing = counts["missing"]
    how = "counted as wrong" if measured.numbers["arguments"]["missing"] == "wrong" else "left out"
    without = f"; {missing} files without a result {how}" if missing else ""
    if name == "accuracy_unifying":
        return f"{counts['right_unifying']} of {counts['scored_unifying']} right{without}"
    if name == "accuracy":
        return f"{counts['right']} of {counts['scored']} files right{without}"
    if name == "coverage":
        return f"{counts['matched']} of {counts['matched'] + missing} files have a result"
    return f"{int((measured.scores.per_typology['support'] > 0).sum())} typologies"


def save(folder: Path, measured: Measured):
    """Write every file of the report into the folder."""
    figures = folder / "figures"
    figures.mkdir()
    runs.write_json(folder / "wf_metrics.json", measured.numbers)
    write_csv(errors_of(measured.files), folder / "errors.csv")
    write_csv(measured.unmatched, folder / "unmatched.csv")
    save_scores(folder, measured.scores, "")
    if measured.unified is not measured.scores:
        save_scores(folder, measured.unified, "_unifying")
    right = (measured.files["truth"] == measured.files["prediction"].fillna("")).to_numpy()
    if "thresholds" in measured.numbers:
        write_csv(pd.DataFrame(measured.numbers["thresholds"]), folder / "thresholds.csv")
        save_figure(
            coverage_figure(measured.files["confidence"].to_numpy(float), right),
            figures / "thresholds.png",
        )
    if measured.numbers["over_time"]:
        save_figure(over_time_figure(measured.numbers["over_time"]), figures / "over_time.png")
    write_workflow_report(folder, measured)


def save_scores(folder: Path, scores: Scores, suffix: str):
    """Write a set of scores: per typology and as confusion matrix, each as csv and figure."""
    write_csv(scores.per_typology, folder / f"per_typology{suffix}.csv")
    matrix = pd.DataFrame(scores.confusion, columns=scores.names)
    matrix.insert(0, "label", scores.names, allow_duplicates=True)
    write_csv(matrix, folder / f"confusion_matrix{suffix}.csv")
    table = [row | {"class": row["typology"]} for row in scores.per_typology.to_dict("records")]
    figures = folder / "figures"
    save_figure(
        confusion_matrix_figure(scores.confusion, scores.names),
        figures / f"confusion_matrix{suffix}.png",
    )
    save_figure(per_class_figure(table), figures / f"per_typology{suffix}.png")


if __name__ == "__main__":
    main()
