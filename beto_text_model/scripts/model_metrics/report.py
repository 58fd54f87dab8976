"""Reports that training does not make, from a finished run's predictions: errors, doubts,
thresholds, lengths.

    python beto_text_model/scripts/model_metrics/report.py runs/temas
    python beto_text_model/scripts/model_metrics/report.py runs/temas --split validation \
        --id doc-017 --output informe

Writes report.md, errors.csv, entropy.csv, confusions.csv, thresholds.csv, lengths.csv and figures
to <RUN>/report/<split>/. The texts come from the run's dataset where it can be read again as it
was; without them the report leaves out the columns and tables that need them. In the
csv files a text that a spreadsheet would take for a formula begins with an apostrophe.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from utils import runs
from utils.cli import parse, start_logging
from utils.data import DataOptions, load_corpus
from utils.data.corpus_profile import words_per_text
from utils.errors import InputError, exits_on_input_error
from utils.figures import coverage_figure, save_figure, shortened
from utils.folders import claim_report, whole_folder
from utils.inspection import entropies, probabilities_figure
from utils.metrics import classification_metrics, coverage_table
from utils.predictions import read_predictions
from utils.tables import markdown_table, write_csv

TEXT = 200  # characters of a text in a csv


@dataclass
class ReportArguments:
    """Of which predictions, and where to."""

    split: str = field(default="test", metadata={"help": "validation or test"})
    output: str | None = field(
        default=None, metadata={"help": "folder to write; default <RUN>/report/<split>"}
    )
    id: str | None = field(
        default=None, metadata={"help": "a document whose probabilities are drawn as bars"}
    )
    most: int = field(default=10, metadata={"help": "rows of each table of report.md"})
    overwrite: bool = field(default=False, metadata={"help": "replace a report that is there"})


@exits_on_input_error
def main(argv=None) -> Path:
    """Report; returns the folder that was written."""
    # Arguments.
    args, words = parse(ReportArguments, argv, doc=__doc__, positional=["run"])
    start_logging()
    run = Path(words["run"])
    config = runs.read_config(run)
    if args.split not in ("validation", "test"):
        raise InputError(
            f"--split {args.split!r}: choose validation or test, of which training wrote "
            "predictions"
        )
    folder = Path(args.output) if args.output else run / "report" / args.split
    claim_report(folder, "report.md", args.overwrite)

    # Predictions, and the texts they were made from.
    predictions = read_predictions(run / f"predictions_{args.split}.parquet")
    frame = frame_of(predictions, read_texts(config, args.split))
    if args.id is not None and args.id not in predictions.ids:
        raise InputError(
            f"--id {args.id!r}: not in {args.split}, whose ids look like {predictions.ids[0]!r}"
        )

    # Tables and figures.
    confidence, correct = (
        frame["confidence"].to_numpy(),
        (frame["label"] == frame["prediction"]).to_numpy(),
    )
    tables = {
        "errors": errors_of(frame),
        "entropy": by_entropy(frame),
        "confusions": confusions_of(frame),
        "thresholds": pd.DataFrame(coverage_table(confidence, correct)),
    }
    if "text" in frame:
        tables["lengths"] = by_length(frame, predictions)
    figures = {"thresholds": coverage_figure(confidence, correct)}
    if args.id is not None:
        row = predictions.ids.index(args.id)
        figures["document"] = probabilities_figure(
            predictions.class_names,
            predictions.probabilities[row],
            predictions.labels[row],
            shortened(args.id),
        )

    # Save.
    try:
        with whole_folder(folder) as partial:
            save(partial, tables, figures, markdown(run, args, frame, tables, figures))
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); choose another --output"
        ) from None
    print(f"{folder}: {len(tables['errors'])} errors in {len(frame)} documents of {args.split}")
    return folder


def read_texts(config: dict, split: str):
    """The run's split with its texts; None, said, where its dataset is gone or has changed."""
    source, wanted = config["arguments"]["dataset"], config["dataset"]
    try:
        corpus = load_corpus(source, DataOptions(**wanted["options"]))
    except InputError as error:
        print(f"without texts: {error}")
        return None
    if corpus.info["hash"] != wanted["hash"]:
        print(
            f"without texts: {source} has changed since the training (hash "
            f"{corpus.info['hash'][:12]}, then "
            f"{wanted['hash'][:12]})"
        )
        return None
    return corpus.splits[split]


def frame_of(predictions, dataset) -> pd.DataFrame:
    """One row a document: id, label, prediction, confidence, probability_of_label, entropy and,
    with texts, these.
    """
    code = {name: c for c, name in enumerate(predictions.class_names)}
    if unknown := [
        i for i, label in zip(predictions.ids, predictions.labels, strict=True) if label not in code
    ]:
        raise InputError(
            f"predictions: document {unknown[0]!r} has no label of the model's classes; run "
            "eval.py anew"
        )
    labels = np.array([code[label] for label in predictions.labels])
    p = predictions.probabilities.astype(float)  # (n, n_classes)
    frame = pd.DataFrame(
        {
            "id": predictions.ids,
            "label": predictions.labels,
            "prediction": predictions.predictions,
            "confidence": predictions.confidence.astype(float),
            "probability_of_label": p[np.arange(len(labels)), labels],
            "entropy": entropies(p),
        }
    )
    if dataset is not None:
        texts = dict(zip(dataset["id"], dataset["text"], strict=True))
        words = dict(zip(dataset["id"], words_per_text(dataset), strict=True))
        frame["words"] = [int(words[i]) for i in predictions.ids]
        frame["text"] = [texts[i] or "" for i in predictions.ids]
    return frame


def columns(frame: pd.DataFrame, *names) -> pd.DataFrame:
    """The named columns, and the beginning of the text where there is one."""
    chosen = frame[list(names)].reset_index(drop=True)
    if "text" in frame:
        chosen["text"] = frame["text"].str[:TEXT].to_list()
    return chosen


def errors_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Wrong predictions, the most confident first."""
    wrong = frame[frame["label"] != frame["prediction"]]
    ordered = wrong.sort_values("confidence", ascending=False, kind="stable")
    return columns(ordered, "id", "label", "prediction", "confidence", "probability_of_label")


def by_entropy(frame: pd.DataFrame) -> pd.DataFrame:
    """All documents, those the model doubts most about first (entropy in nats)."""
    ordered = frame.sort_values("entropy", ascending=False, kind="stable")
    return columns(ordered, "id", "label", "prediction", "confidence", "entropy")


def confusions_of(frame: pd.DataFrame) -> pd.DataFrame:
    """Pairs of label and wrong prediction: documents, and their share of the label's documents."""
    wrong = frame[frame["label"] != frame["prediction"]]
    pairs = wrong.groupby(["label", "prediction"]).size().rename("documents").reset_index()
    pairs["share_of_label"] = pairs["documents"] / pairs["label"].map(
        frame["label"].value_counts()
    ).astype(float)
    return pairs.sort_values("documents", ascending=False, kind="stable", ignore_index=True)


def by_length(frame: pd.DataFrame, predictions) -> pd.DataFrame:
    """Metrics of the quarters of the documents by number of words; quarters that ties leave empty
    are left out.
    """
    code = {name: c for c, name in enumerate(predictions.class_names)}
    labels, words = frame["label"].map(code).to_numpy(int), frame["words"].to_numpy()
    bands = np.searchsorted(np.quantile(words, [0.25, 0.5, 0.75]), words, side="left")
    rows = []
    for band in np.unique(bands):
        own = bands == band
        metrics = classification_metrics(labels[own], predictions.probabilities[own])
        shown = {name: metrics[name] for name in ("accuracy", "macro_f1", "log_loss", "ece")}
        rows.append(
            {"words_from": words[own].min(), "words_to": words[own].max(), "documents": own.sum()}
            | shown
        )
    return pd.DataFrame(rows)


def save(folder: Path, tables: dict, figures: dict, text: str):
    """Write report.md, a csv a table, and the figures."""
    (folder / "figures").mkdir()
    for name, frame in tables.items():
        write_csv(frame, folder / f"{name}.csv")
    for name, figure in figures.items():
        save_figure(figure, folder / "figures" / f"{name}.png")
    (folder / "report.md").write_text(text, encoding="utf-8")


def markdown(run: Path, args, frame: pd.DataFrame, tables: dict, figures: dict) -> str:
    """report.md."""
    errors, entropy, confusions, most = (
        tables["errors"],
        tables["entropy"],
        tables["confusions"],
        args.most,
    )
    parts = [
        f"# {run.resolve().name}: {args.split}\n",
        f"{len(frame)} documents, {len(errors)} errors.\n",
        f"## Most confident errors ({min(most, len(errors))} of {len(errors)}, all in "
        "errors.csv)\n",
        shown(errors.head(most)),
        f"## Most frequent confusions ({min(most, len(confusions))} of {len(confusions)}, all in "
        "confusions.csv)\n",
        shown(confusions.head(most)),
        "## If predictions below a confidence are set aside\n",
        shown(tables["thresholds"]),
        "![thresholds](figures/thresholds.png)\n",
        "## Highest entropy\n",
        shown(entropy.head(most)),
        "## Lowest entropy\n",
        shown(entropy.tail(most)[::-1]),
    ]
    if "lengths" in tables:
        parts += ["## By number of words\n", shown(tables["lengths"])]
    else:
        parts += ["Without texts: the run's dataset could not be read again as it was.\n"]
    if "document" in figures:
        parts += [f"## Document {args.id}\n", "![document](figures/document.png)\n"]
    return "\n".join(parts)


def shown(frame: pd.DataFrame) -> str:
    """A Markdown table with four decimals and the first 80 characters of a text."""
    rows = [[cell_text(value) for value in row] for row in frame.astype(object).values.tolist()]
    return markdown_table(list(frame.columns), rows)


def cell_text(value) -> str:
    if isinstance(value, float):
        return "" if np.isnan(value) else f"{value:.4f}"
    return "" if value is None else " ".join(str(value).split())[:80]


if __name__ == "__main__":
    main()
