"""Which confidence to ask for, and what the pipeline still confuses above it.

    python spacy_text_model/scripts/explore/errors.py runs/temas --accuracy 0.95

A textcat of exclusive classes always answers (`threshold` in its config changes nothing), so what
it doubts is set aside afterwards. The lowest confidence at which the validation documents kept
reach --accuracy is chosen, and what it does on test is read beside it: the two differ, and only the
second was not chosen. Writes thresholds.csv, confusions.csv, errors.csv (test documents kept and
wrong, the most confident first) and figures/coverage.png to <RUN>/explore/errors/.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from utils import runs
from utils.cli import parse, start_logging
from utils.errors import InputError, exits_on_input_error
from utils.figures import coverage_figure, save_figure
from utils.folders import claim_report, whole_folder
from utils.metrics import coverage_table
from utils.predictions import read_predictions
from utils.tables import markdown_table, write_csv


@dataclass
class ErrorsArguments:
    """What is asked of the documents that are kept."""

    accuracy: float = field(
        default=0.95, metadata={"help": "accuracy wanted of the documents that are kept"}
    )
    most: int = field(default=10, metadata={"help": "confusions that are printed"})
    overwrite: bool = field(default=False, metadata={"help": "replace what is there"})


@exits_on_input_error
def main(argv=None) -> dict:
    """Explore; returns the threshold and what it keeps of validation and test."""
    # Arguments.
    args, words = parse(ErrorsArguments, argv, doc=__doc__, positional=["run"])
    start_logging()
    run = Path(words["run"])
    runs.read_config(run)
    if not 0 < args.accuracy <= 1:
        raise InputError(f"--accuracy {args.accuracy}: give a share above 0 and up to 1")
    folder = run / "explore" / "errors"
    claim_report(folder, "thresholds.csv", args.overwrite)

    # Predictions: a threshold from validation, its outcome on test.
    frames = {
        split: frame_of(read_predictions(run / f"predictions_{split}.parquet"))
        for split in ("validation", "test")
    }
    threshold = lowest_threshold(frames["validation"], args.accuracy)
    outcome = {
        split: coverage_table(frame["confidence"], frame["correct"], [threshold])[0]
        for split, frame in frames.items()
    }
    test = frames["test"]
    wrong = test[~test["correct"] & (test["confidence"] >= threshold)].sort_values(
        "confidence", ascending=False
    )
    confusions = wrong.groupby(["label", "prediction"]).size().rename("documents").reset_index()
    confusions = confusions.sort_values("documents", ascending=False, kind="stable")

    # Save.
    with whole_folder(folder) as partial:
        (partial / "figures").mkdir()
        tables = [
            pd.DataFrame(coverage_table(f["confidence"], f["correct"])).assign(split=s)
            for s, f in frames.items()
        ]
        write_csv(pd.concat(tables), partial / "thresholds.csv")
        write_csv(confusions, partial / "confusions.csv")
        write_csv(wrong[["id", "label", "prediction", "confidence"]], partial / "errors.csv")
        save_figure(
            coverage_figure(test["confidence"], test["correct"]),
            partial / "figures" / "coverage.png",
        )
    print(
        f"{folder}: documents of a confidence from {threshold:.4f} on are kept, for {args.accuracy:.0%} of "
        "validation's right\n"
    )
    header = ["split", "kept", "share", "accuracy", "errors"]
    print(markdown_table(header, [outcome_row(split, row) for split, row in outcome.items()]))
    print(
        markdown_table(
            ["label", "prediction", "documents"], confusions.head(args.most).values.tolist()
        )
    )
    return {"threshold": threshold} | outcome


def frame_of(predictions) -> pd.DataFrame:
    """One row a document: id, label, prediction, confidence, correct."""
    frame = pd.DataFrame(
        {
            "id": predictions.ids,
            "label": predictions.labels,
            "prediction": predictions.predictions,
            "confidence": predictions.confidence.astype(float),
        }
    )
    return frame.assign(correct=frame["label"] == frame["prediction"])


def lowest_threshold(frame: pd.DataFrame, accuracy: float) -> float:
    """The lowest confidence above which the share of right answers is at least `accuracy`.

    Raises:
        InputError: not even the most confident answers reach it.
    """
    ordered = frame.sort_values("confidence", ascending=False)
    right = ordered["correct"].cumsum().to_numpy() / np.arange(1, len(ordered) + 1)
    confidence = ordered["confidence"].to_numpy()
    last_of_ties = np.append(confidence[1:] != confidence[:-1], True)
    enough = np.flatnonzero((right >= accuracy) & last_of_ties)
    if not enough.size:
        raise InputError(
            f"--accuracy {accuracy}: no confidence reaches it on validation; ask for less"
        )
    return float(confidence[enough[-1]])


def outcome_row(split: str, row: dict) -> list:
    accuracy = "" if row["accuracy"] is None else f"{row['accuracy']:.4f}"
    return [split, row["documents"], f"{row['coverage']:.1%}", accuracy, row["errors"]]


if __name__ == "__main__":
    main()
