"""What a tokenizer does to a corpus: accents it loses, words it then confuses, unknown pieces,
lengths.

    python beto_text_model/scripts/explore/tokenizer_audit.py
    python beto_text_model/scripts/explore/tokenizer_audit.py --dataset data/x/data_v1 \
        --model_name_or_path models/beto models/beto-cased mini-scratch --output audit

Prints the report as Markdown; with --output also writes report.md, report.json and
figures/lengths.png. mini-scratch is the tokenizer that train.py would train on the train split.
"""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, PercentFormatter, StrMethodFormatter

from beto_text_model.arguments import MINI_SCRATCH, ModelArguments
from beto_text_model.model import choose_max_length, load_config, load_tokenizer
from beto_text_model.tokenizer_statistics import (
    CHARACTERS,
    THRESHOLDS,
    audit_tokenizer,
    count_words,
)
from utils import runs
from utils.cli import parse, start_logging
from utils.data import load_corpus, options_of
from utils.errors import InputError, exits_on_input_error
from utils.figures import save_figure
from utils.folders import claim_report, whole_folder
from utils.tables import markdown_table
from utils.training import DatasetArguments


@dataclass
class AuditArguments(DatasetArguments):
    """Which tokenizers, and where the report goes."""

    model_name_or_path: list[str] = field(
        default_factory=lambda: [MINI_SCRATCH],
        metadata={"help": "Hub ids or local model folders, one or several"},
    )
    vocab_size: int = field(
        default=8000, metadata={"help": "pieces of mini-scratch's own vocabulary"}
    )
    output: str | None = field(
        default=None, metadata={"help": "folder for report.md, report.json and the figure"}
    )
    most: int = field(default=20, metadata={"help": "rows of the lists of words"})
    overwrite: bool = field(
        default=False, metadata={"help": "replace an audit that is in --output"}
    )


@exits_on_input_error
def main(argv=None) -> dict:
    """Audit; returns what report.json holds."""
    # Arguments.
    args, _ = parse(AuditArguments, argv, doc=__doc__)
    start_logging()
    folder = Path(args.output) if args.output else None
    if folder:
        claim_report(folder, "report.json", args.overwrite)

    # Splits: the same for every room.
    corpus = load_corpus(args.dataset, options_of(args))
    words = count_words(corpus.splits)

    # Audit: every tokenizer on every split, each once.
    audits = {}
    lengths = {}
    for name in dict.fromkeys(args.model_name_or_path):
        tokenizer, limit = tokenizer_of(name, args.vocab_size, corpus)
        audits[name], lengths[name] = audit_tokenizer(
            tokenizer, limit, corpus.splits, words, args.most
        )
    report = {
        "dataset": corpus.info["name"],
        "source": args.dataset,
        "hash": corpus.info["hash"],
        "rows": corpus.info["rows"],
        "tokenizers": audits,
    }

    # Report.
    text = markdown(report)
    print(text)
    if folder:
        save(folder, report, text, pieces_figure(lengths))
    return report


def save(folder: Path, report: dict, text: str, figure: Figure):
    """Write report.md, report.json and the figure; the folder appears whole or not at all."""
    try:
        with whole_folder(folder) as partial:
            runs.write_json(partial / "report.json", report)
            (partial / "figures").mkdir()
            save_figure(figure, partial / "figures" / "lengths.png")
            (partial / "report.md").write_text(
                text + "\n![lengths](figures/lengths.png)\n", encoding="utf-8"
            )
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error.strerror}); choose another --output"
        ) from None


def tokenizer_of(name: str, vocab_size: int, corpus):
    """A model's tokenizer and how many pieces of a text the model reads.

    Raises:
        InputError: the tokenizer has no fast form (tokenizer.json).
    """
    args = ModelArguments(model_name_or_path=name, vocab_size=vocab_size)
    config = load_config(args, corpus.info["labels"])
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = load_tokenizer(
            args, corpus.splits["train"]["text"], Path(folder), main_process=True
        )
    if not tokenizer.is_fast:
        raise InputError(
            f"--model_name_or_path {name}: its tokenizer gives no offsets; give one with "
            "tokenizer.json"
        )
    return tokenizer, choose_max_length(args, config, tokenizer)


def markdown(report: dict) -> str:
    """The report as Markdown."""
    audits = report["tokenizers"]
    characters = [[c, *(audit["characters"][c] for audit in audits.values())] for c in CHARACTERS]
    parts = [
        f"# Tokenizers on {report['dataset']}\n",
        f"Source `{report['source']}`, hash `{report['hash']}`.\n",
        "## What becomes of a character\n",
        markdown_table(["character", *audits], characters),
        "## Texts in pieces\n",
        texts_table(audits),
        "## Words in pieces\n",
        words_table(audits),
    ]
    parts += [word_lists(name, audit) for name, audit in audits.items()]
    return "\n".join(parts)


def texts_table(audits: dict[str, dict]) -> str:
    """A row for each tokenizer and split: lengths of the texts, and shares of longer ones."""
    limits = sorted({*THRESHOLDS, *(audit["limit"] for audit in audits.values())})
    rows = []
    for name, audit in audits.items():
        for split, row in audit["splits"].items():
            lengths = [row["texts"], row["median"], row["p95"], row["max"]]
            # Another tokenizer's limit is not among this one's shares.
            over = [percent(row["share_over"].get(str(n))) for n in limits]
            rows.append([name, split, *lengths, *over, audit["limit"]])
    over_names = [f"over {n}" for n in limits]
    columns = ["tokenizer", "split", "texts", "median", "p95", "max", *over_names, "model reads"]
    return markdown_table(columns, rows)


def words_table(audits: dict[str, dict]) -> str:
    """A row for each tokenizer and split: pieces per word, and shares of unknown ones."""
    columns = ["tokenizer", "split", "words", "pieces a word", "p95"]
    columns += ["[UNK] pieces", "words with [UNK]"]
    rows = []
    for name, audit in audits.items():
        for split, row in audit["splits"].items():
            mean = f"{row['pieces_per_word_mean']:.2f}"
            pieces = [row["words"], mean, row["pieces_per_word_p95"]]
            unknown = [percent(row["unknown_piece_share"]), percent(row["unknown_word_share"])]
            rows.append([name, split, *pieces, *unknown])
    return markdown_table(columns, rows)


def percent(share: float | None) -> str:
    """The share in percent, or nothing."""
    return "" if share is None else f"{share:.2%}"


def word_lists(name: str, audit: dict) -> str:
    """The words that one tokenizer does not know or confuses."""
    accents = audit["accents"]
    rows = []
    for collision in accents["collisions"]:
        same_as = ", ".join(f"{word} ({n})" for word, n in collision["same_as"].items())
        rows.append([collision["word"], collision["count"], collision["becomes"], same_as])
    parts = [
        f"## {name}: {audit['vocabulary']} pieces\n",
        f"Of {accents['accented_words']} accented words {accents['lost']} lose their accents; "
        f"{accents['colliding']} of them are then the same as another word of the corpus "
        "(upper and lower case taken as one).\n",
        markdown_table(["word", "times", "becomes", "same as"], rows),
        "Most frequent unknown:\n",
        markdown_table(["unknown", "times"], list(audit["unknown"].items())),
    ]
    return "\n".join(parts)


def pieces_figure(lengths: dict[str, np.ndarray]) -> Figure:
    """Share of texts with more than x pieces, a line for each tokenizer."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, pieces in lengths.items():
        lengths_in_order = np.sort(pieces)
        longer = 1 - np.arange(1, len(pieces) + 1) / len(pieces)
        axes.step(lengths_in_order, longer, where="post", label=name)
    for n in THRESHOLDS:
        axes.axvline(n, color="#666666", linestyle=":", linewidth=1)
    axes.set(
        xscale="log", ylim=(0, 1), xlabel="pieces (logarithmic)", ylabel="texts that are longer"
    )
    axes.set_xticks(THRESHOLDS)
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(frameon=False)
    return figure


if __name__ == "__main__":
    main()
