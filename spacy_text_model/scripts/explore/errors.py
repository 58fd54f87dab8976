"""The confidence below which to set documents aside, and what is still confused above it.

    python spacy_text_model/scripts/explore/errors.py runs/temas --accuracy 0.95

A textcat of exclusive classes always answers (`threshold` in its config changes nothing), so
documents of low confidence are set aside afterwards. The threshold is the lowest one at which the
validation documents that are kept reach --accuracy. Beside it stands what it does on test: those
numbers were not chosen, and so are the ones to expect.

Writes thresholds.csv, confusions.csv, errors.csv (test documents kept and wrong, the most confident
first) and figures/coverage.png to <RUN>/explore/errors/.
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
    """What the documents that are kept must reach."""

    accuracy: float = field(
        default=0.95, metadata={"help": "accuracy that the documents that are kept must reach"}
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

    # What is kept and wrong on test, one by one and counted.
    test = frames["test"]
    wrong = test[~test["correct"] & (test["confidence"] >= threshold)]
    wrong = wrong.sort_values("confidence", ascending=False)
    confusions = wrong.groupby(["label", "prediction"]).size().rename("documents").reset_index()
    confusions = confusions.sort_values("documents", ascending=False, kind="stable")

    # Save.
    with whole_folder(folder) as partial:
        (partial / "figures").mkdir()
        tables = []
        for split, frame in frames.items():
            table = pd.DataFrame(coverage_table(frame["confidence"], frame["correct"]))
            tables.append(table.assign(split=split))
        write_csv(pd.concat(tables), partial / "thresholds.csv")
        write_csv(confusions, partial / "confusions.csv")
        write_csv(wrong[["id", "label", "prediction", "confidence"]], partial / "errors.csv")
        figure = coverage_figure(test["confidence"], test["correct"])
        save_figure(figure, partial / "figures" / "coverage.png")
    print(
        f"{folder}: documents of confidence {threshold:.4f} or more are kept, so that "
        f"{args.accuracy:.0%} of those of validation are right\n"
    )
    header = ["split", "kept", "share", "accuracy", "errors"]
    print(markdown_table(header, [outcome_row(split, row) for split, row in outcome.items()]))
    header = ["label", "prediction", "documents"]
    print(markdown_table(header, confusions.head(args.most).values.tolist()))
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
    """The lowest confidence from which on the share of right answers is at least `accuracy`.

    Args:
        frame: as `frame_of` makes it.

    Raises:
        InputError: not even the most confident answers reach it.
    """
    ordered = frame.sort_values("confidence", ascending=False)
    right = ordered["correct"].cumsum().to_numpy() / np.arange(1, len(ordered) + 1)
    confidence = ordered["confidence"].to_numpy()

    # Documents of equal confidence are kept or set aside together.
    last_of_ties = np.append(confidence[1:] != confidence[:-1], True)
    enough = np.flatnonzero((right >= accuracy) & last_of_ties)
    if not enough.size:
        raise InputError(
            f"--accuracy {accuracy}: no confidence reaches it on validation; give a lower one"
        )
    return float(confidence[enough[-1]])


def outcome_row(split: str, row: dict) -> list:
    accuracy = "" if row["accuracy"] is None else f"{row['accuracy']:.4f}"
    return [split, row["documents"], f"{row['coverage']:.1%}", accuracy, row["errors"]]


if __name__ == "__main__":
    main()
