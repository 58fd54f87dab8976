"""Find out whether production has drifted, in class shares and confidences, from a reference.

    python -m wf_metrics.monitor wf_metrics/wf_outputs/results.csv results_septiembre.csv
    python -m wf_metrics.monitor runs/temas results.csv --split test --psi 0.2
    python -m wf_metrics.monitor data/temas/data_v1 results.csv --split train

The reference is a results file, a finished run (its predictions of --split) or a prepared dataset
(the labels of --split, without confidences). Exit code 0: no drift; 1: drift; 2: bad input. Drift
is an effect that is both large enough (--psi, --ks) and beyond chance (--alpha). Writes
monitor.json, monitor.md, class_shares.csv and figures/ to --output (default
runs/wf_metrics/monitor/<date-time>).
"""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from utils import runs
from utils.cli import parse, start_logging
from utils.errors import InputError, exits_on_input_error
from utils.figures import save_figure
from utils.folders import claim_report, whole_folder
from utils.tables import markdown_table, write_csv
from wf_metrics.columns import Columns
from wf_metrics.drift import class_drift, class_words, confidence_drift, confidence_words
from wf_metrics.figures import confidence_figure, shares_figure
from wf_metrics.matching import alike_pairs
from wf_metrics.results import read_results


@dataclass
class MonitorArguments:
    """What counts as drift, and which columns hold what."""

    split: str = field(
        default="test", metadata={"help": "split of a run or dataset that is the reference"}
    )
    psi: float = field(
        default=0.1, metadata={"help": "population stability index of the classes that is drift"}
    )
    ks: float = field(
        default=0.1, metadata={"help": "Kolmogorov-Smirnov distance of confidences that is drift"}
    )
    alpha: float = field(
        default=0.01, metadata={"help": "p-value below which a change is no chance"}
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
    output: str | None = field(default=None, metadata={"help": "folder to write"})
    overwrite: bool = field(default=False, metadata={"help": "replace a report that is there"})


@exits_on_input_error
def main(argv=None) -> int:
    """Compare both sides; returns 1 on drift, else 0."""
    # Arguments.
    args, words = parse(MonitorArguments, argv, doc=__doc__, positional=["reference", "results"])
    start_logging()
    check(args)
    default = Path("runs/wf_metrics/monitor") / datetime.now().strftime("%Y-%m-%d-%H%M%S")
    folder = Path(args.output or default)
    claim_report(folder, "monitor.json", args.overwrite)

    # Both sides: one row a document, the latest.
    reference, notes = read_reference(words["reference"], args)
    known = set(reference["prediction"].unique())
    current, more_notes = read_side(words["results"], args, known)
    notes = notes + more_notes

    # Drift.
    classes = class_drift(reference["prediction"], current["prediction"], args.psi, args.alpha)
    before = reference["confidence"].dropna().to_numpy(float)
    now = current["confidence"].dropna().to_numpy(float)
    confidence = None
    if len(before) and len(now):
        confidence = confidence_drift(before, now, args.ks, args.alpha)
    notes += alike_notes(classes)
    drift = classes["drift"] or bool(confidence and confidence["drift"])
    text = markdown(words, classes, confidence, drift, notes)

    # Save, and say it.
    with whole_folder(folder) as partial:
        content = {
            "drift": drift,
            "classes": classes,
            "confidence": confidence,
            "notes": notes,
            "reference": words["reference"],
            "results": words["results"],
            "arguments": asdict(args),
        }
        runs.write_json(partial / "monitor.json", content)
        (partial / "monitor.md").write_text(text, encoding="utf-8")
        write_csv(pd.DataFrame(classes["classes"]), partial / "class_shares.csv")
        (partial / "figures").mkdir()
        save_figure(shares_figure(classes["classes"]), partial / "figures" / "class_shares.png")
        if confidence:
            save_figure(confidence_figure(before, now), partial / "figures" / "confidence.png")
    print(text)
    print(f"{folder}: {'drift' if drift else 'no drift'}")
    return int(drift)


def check(args: MonitorArguments):
    """Refuse limits under which nothing, or everything, would be drift."""
    if not 0 < args.psi < float("inf"):
        raise InputError(f"--psi {args.psi:g}: give a number above 0, such as 0.1")
    if not 0 < args.ks <= 1:
        raise InputError(f"--ks {args.ks:g}: give a number above 0 and up to 1")
    if not 0 < args.alpha < 1:
        raise InputError(f"--alpha {args.alpha:g}: give a number between 0 and 1")
    if not 0 < args.confidence_max < float("inf"):
        raise InputError(f"--confidence_max {args.confidence_max:g}: give 1 or 100")


def read_reference(source: str, args: MonitorArguments) -> tuple[pd.DataFrame, list[str]]:
    """The reference's prediction (a dataset's labels) and confidence, one row a document."""
    path = Path(source)
    if (path / "dataset.json").exists():
        return read_dataset(path, args.split)
    if any(path.glob("*/labels.json")) and not (path / "labels.json").exists():
        raise InputError(f"{path}: a folder of several runs; name one of them")
    if (path / "labels.json").exists():
        path = path / f"predictions_{args.split}.parquet"
        if not path.exists():
            raise InputError(
                f"{path}: the run has no predictions of this split; choose another --split"
            )
    return read_side(str(path), args, set())


def read_dataset(path: Path, split: str) -> tuple[pd.DataFrame, list[str]]:
    """The labels of a prepared dataset's split."""
    from utils.data import load_splits

    splits = load_splits(path)
    if split not in splits or not len(splits[split]):
        raise InputError(f"{path}: no row in the split {split!r}; choose another --split")
    names = np.array(splits[split].features["label"].names, dtype=object)
    frame = pd.DataFrame(
        {"prediction": names[np.array(splits[split]["label"])], "confidence": np.nan}
    )
    note = (
        f"{path}: {len(frame)} labels of {split}, compared with predictions: a model's own errors "
        "show too"
    )
    return frame, [note]


def read_side(
    source: str, args: MonitorArguments, typologies: set[str]
) -> tuple[pd.DataFrame, list[str]]:
    """The predictions of a results file, the latest of each document."""
    columns = Columns(
        args.key_column, args.prediction_column, args.confidence_column, args.timestamp_column
    )
    answers = read_results([source], columns, set(), typologies, args.confidence_max)
    notes = [*answers.notes, *(f"Caution: {warning}" for warning in answers.warnings)]

    # One row a document, the latest. Keys are compared whole: below different folders, `1` and
    # `documento.pdf` are different documents.
    ordered = answers.frame.sort_values("time", kind="stable", na_position="first")
    keys = ordered["key"].fillna("")
    latest = ordered[keys.eq("") | ~keys.duplicated(keep="last")]
    answered = latest[latest["prediction"].fillna("").ne("")]
    if answered.empty:
        raise InputError(f"{source}: no row has a prediction; check --prediction_column")
    repeated, unanswered = len(ordered) - len(latest), len(latest) - len(answered)
    if repeated or unanswered:
        notes.append(f"{source}: {repeated} repeated and {unanswered} unanswered rows are left out")
    return answered.reset_index(drop=True), notes


def alike_notes(classes: dict[str, Any]) -> list[str]:
    """Cautions of classes that are new, and others vanished, for the way they are written alone."""
    pairs = alike_pairs(classes["vanished_classes"], classes["new_classes"])
    return [
        f"Caution: class {new!r} is new and {old!r} has vanished, but they differ only in how they "
        "are written"
        for old, new in pairs
    ]


def markdown(
    words: dict, classes: dict, confidence: dict | None, drift: bool, notes: list[str]
) -> str:
    """monitor.md."""
    rows = [
        [
            row["class"],
            row["reference"],
            row["current"],
            f"{row['reference_share']:.1%}",
            f"{row['current_share']:.1%}",
            f"{row['psi']:.4f}",
        ]
        for row in classes["classes"][:30]
    ]
    confidences = "Confidence: one side has none, so it is not compared."
    if confidence:
        confidences = confidence_words(confidence)
    parts = [
        f"# {'Drift' if drift else 'No drift'}: {words['results']} against {words['reference']}\n",
        f"{class_words(classes)}\n",
        f"{confidences}\n",
        markdown_table(
            ["class", "reference", "now", "share in the reference", "share now", "part of PSI"],
            rows,
        ),
        *(f"- {note}\n" for note in notes),
    ]
    return "\n".join(parts)


if __name__ == "__main__":
    raise SystemExit(main())
