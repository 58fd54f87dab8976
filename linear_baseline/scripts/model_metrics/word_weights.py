"""What the words weigh in a finished run: the strongest of each class, or those of one document.

    python linear_baseline/scripts/model_metrics/word_weights.py runs/temas
    python linear_baseline/scripts/model_metrics/word_weights.py runs/temas --id doc-017

Writes classes.csv (class, rank, feature, weight) and figures/classes.png to
<RUN>/word_weights/; with --id also document.csv (feature, value in the document, and what it adds
to the score of the predicted class and of the label) and figures/document.png. A weight is the
exact share of a score: the scores are the sums of these numbers. In the csv files a feature that a
spreadsheet would take for a formula begins with an apostrophe.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from linear_baseline.inference import PACKAGE, Predictor, load_predictor
from linear_baseline.word_figures import class_words_figure, document_words_figure
from utils import runs
from utils.cli import parse, start_logging
from utils.data import DataOptions, load_corpus
from utils.errors import InputError, exits_on_input_error
from utils.figures import save_figure
from utils.folders import claim_report, whole_folder
from utils.tables import write_csv


@dataclass
class WeightArguments:
    """Of which classes and document."""

    id: str | None = field(default=None, metadata={"help": "a document whose words are shown"})
    split: str = field(default="test", metadata={"help": "split of the document"})
    most: int = field(default=12, metadata={"help": "features of a class or document"})
    drawn: int = field(default=12, metadata={"help": "classes in the figure, the largest ones"})
    output: str | None = field(
        default=None, metadata={"help": "folder; default <RUN>/word_weights"}
    )
    overwrite: bool = field(default=False, metadata={"help": "replace a report that is there"})

    def __post_init__(self):
        if self.most < 1 or self.drawn < 1:
            raise ValueError("--most, --drawn: give at least 1")


@exits_on_input_error
def main(argv=None) -> Path:
    """Report; returns the folder that was written."""
    # Arguments.
    args, words = parse(WeightArguments, argv, doc=__doc__, positional=["run"])
    start_logging()
    run = Path(words["run"])
    config = runs.read_config(run, PACKAGE)
    folder = Path(args.output) if args.output else run / "word_weights"
    claim_report(folder, "classes.csv", args.overwrite)

    # Model: its words, one column each; an encoder's columns come after them.
    predictor = load_predictor(run)
    names = np.array(predictor.features.names(), dtype=object)
    table = strongest_words(predictor, names, args.most)
    row = document_words(predictor, names, config, args) if args.id is not None else None

    # Save.
    with whole_folder(folder) as partial:
        (partial / "figures").mkdir()
        write_csv(table, partial / "classes.csv")
        shown = largest_classes(run, args.drawn)
        save_figure(class_words_figure(table, shown), partial / "figures" / "classes.png")
        if row is not None:
            document, prediction, label = row
            write_csv(document, partial / "document.csv")
            figure = document_words_figure(document.head(args.most), args.id, prediction, label)
            save_figure(figure, partial / "figures" / "document.png")
    print(f"{folder}: {len(names)} features, {table['class'].nunique()} classes")
    return folder


def strongest_words(predictor: Predictor, names: np.ndarray, most: int) -> pd.DataFrame:
    """The features that speak most for each class: class, rank, feature, weight.

    A weight is relative to the mean over the classes, since a softmax sees differences alone.
    """
    weights = predictor.model.weights[:, : len(names)]
    relative = weights - weights.mean(0)
    rows = []
    for label_id, name in enumerate(predictor.class_names):
        best = np.argsort(-relative[label_id], kind="stable")[:most]
        for rank, column in enumerate(best, 1):
            rows.append((name, rank, names[column], float(relative[label_id, column])))
    return pd.DataFrame(rows, columns=["class", "rank", "feature", "weight"])


def document_words(
    predictor: Predictor, names: np.ndarray, config: dict, args: WeightArguments
) -> tuple[pd.DataFrame, str, str]:
    """What each feature of a document adds to its scores, the strongest first; its prediction and
    its label.

    Raises:
        InputError: the dataset has changed, or has no such document in the split.
    """
    source, wanted = config["arguments"]["dataset"], config["dataset"]
    corpus = load_corpus(source, DataOptions(**wanted["options"]))
    if corpus.info["hash"] != wanted["hash"]:
        raise InputError(f"{source} has changed since the training; restore it")
    if args.split not in corpus.splits:
        raise InputError(f"--split {args.split!r}: choose one of {', '.join(corpus.splits)}")
    dataset = corpus.splits[args.split]
    ids = list(dataset["id"])
    if args.id not in ids:
        raise InputError(f"--id {args.id!r}: not in {args.split}, whose ids look like {ids[0]!r}")
    example = dataset[ids.index(args.id)]
    X = predictor.features.transform([example["text"]])
    label_id = int(predictor.model.predict_probabilities(X)[0].argmax())
    label = dataset.features["label"].names[example["label"]]
    columns = X.indices[X.indices < len(names)]
    values = X.data[X.indices < len(names)]
    weights = predictor.model.weights[:, columns]
    relative = (weights - weights.mean(0)) * values
    table = pd.DataFrame(
        {
            "feature": names[columns],
            "value": values,
            "for_prediction": relative[label_id],
            "for_label": relative[predictor.class_names.index(label)],
        }
    )
    strongest = np.argsort(-np.abs(table["for_prediction"].to_numpy()), kind="stable")
    ordered = table.iloc[strongest].reset_index(drop=True)
    return ordered, predictor.class_names[label_id], label


def largest_classes(run: Path, most: int) -> list[str]:
    """The classes with most rows in the run's report, the largest first."""
    report = runs.read_json(run / "classification_report.json")["per_class"]
    ordered = sorted(report, key=lambda row: (-row["support"], row["class"]))
    return [row["class"] for row in ordered[:most]]


if __name__ == "__main__":
    main()
