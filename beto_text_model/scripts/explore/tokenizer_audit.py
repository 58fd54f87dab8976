"""What a tokenizer does to a corpus: accents it loses, words it then confuses, unknown pieces,
lengths.

    python beto_text_model/scripts/explore/tokenizer_audit.py
    python beto_text_model/scripts/explore/tokenizer_audit.py --dataset data/x/data_v1 --output audit \
        --model_name_or_path models/beto models/beto-cased mini-scratch

Prints the report as Markdown; with --output also writes report.md, report.json and
figures/lengths.png. mini-scratch is the tokenizer that train.py would train on the train split.
"""

import re
import tempfile
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, PercentFormatter, StrMethodFormatter

from beto_text_model.arguments import MINI_SCRATCH, ModelArguments
from beto_text_model.model import choose_max_length, load_config, load_tokenizer
from utils import runs
from utils.cli import parse, start_logging
from utils.data import load_corpus, options_of
from utils.errors import InputError, exits_on_input_error
from utils.figures import save_figure
from utils.folders import claim_report, whole_folder
from utils.tables import markdown_table
from utils.training import DatasetArguments

CHARACTERS = "áéíóúüñÁÉÍÓÚÜÑ¿¡%/;"
THRESHOLDS = (64, 128, 256, 512)
BATCH = 64


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
    splits, words = corpus.splits, count_words(corpus.splits)

    # Audit: every tokenizer on every split.
    audits, lengths = {}, {}
    for name in dict.fromkeys(args.model_name_or_path):
        tokenizer, limit = tokenizer_of(name, args.vocab_size, corpus)
        audits[name], lengths[name] = audit(tokenizer, limit, splits, words, args.most)
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
    """A model's tokenizer and how many pieces of a text the model reads."""
    args = ModelArguments(model_name_or_path=name, vocab_size=vocab_size)
    config = load_config(args, corpus.info["labels"])
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = load_tokenizer(
            args, corpus.splits["train"]["text"], Path(folder), main_process=True
        )
    if not tokenizer.is_fast:
        raise InputError(
            f"--model_name_or_path {name}: its tokenizer gives no offsets; give one with tokenizer.json"
        )
    return tokenizer, choose_max_length(args, config, tokenizer)


def count_words(splits) -> Counter:
    """Words (runs of letters) of all splits, in lower case, with their numbers."""
    words = Counter()
    for dataset in splits.values():
        for batch in dataset.iter(BATCH):
            for text in batch["text"]:
                words.update(re.findall(r"[^\W\d_]+", (text or "").lower()))
    return words


def audit(tokenizer, limit: int, splits, words: Counter, most: int) -> tuple[dict, np.ndarray]:
    """All about one tokenizer, and the lengths of all texts in pieces."""
    unknown, lengths, rows = Counter(), [], {}
    for split, dataset in splits.items():
        pieces, per_word, n_unknown, words_with_unknown = count_pieces(dataset, tokenizer, unknown)
        lengths.append(pieces)
        rows[split] = describe(pieces, per_word, limit) | {
            "unknown_piece_share": n_unknown / max(1, int(pieces.sum())),
            "unknown_word_share": words_with_unknown / max(1, per_word.total()),
        }
    result = {
        "vocabulary": len(tokenizer),
        "limit": limit,
        "characters": {c: fate_of(c, tokenizer) for c in CHARACTERS},
        "splits": rows,
        "unknown": dict(unknown.most_common(most)),
        "accents": lost_accents(tokenizer, words, most),
    }
    return result, np.concatenate(lengths)


def fate_of(character: str, tokenizer) -> str:
    """`kept`, `[UNK]`, or what the character has become after encoding and decoding."""
    ids = tokenizer(character, add_special_tokens=False)["input_ids"]
    if tokenizer.unk_token_id in ids:
        return "[UNK]"
    decoded = tokenizer.decode(ids, clean_up_tokenization_spaces=False).strip()
    return "kept" if decoded == character else decoded or "nothing"


def count_pieces(dataset, tokenizer, unknown: Counter):
    """Pieces of each text (n,), special ones included; words by number of pieces; unknown pieces;
    words with one.

    Words are what white space separates. The fragments that become unknown are added to `unknown`.
    """
    lengths, per_word, n_unknown, words_with_unknown = [], Counter(), 0, 0
    for batch in dataset.iter(BATCH):
        texts = [text or "" for text in batch["text"]]
        encoded = tokenizer(texts, truncation=False, return_offsets_mapping=True, verbose=False)
        for text, ids, offsets in zip(
            texts, encoded["input_ids"], encoded["offset_mapping"], strict=True
        ):
            starts = [match.start() for match in re.finditer(r"\S+", text)]
            # By the last character of a piece: the first may be the space before it.
            word_of = np.searchsorted(starts, [end - 1 for _, end in offsets], side="right") - 1
            real = np.array([end > start for start, end in offsets], bool) & (word_of >= 0)
            is_unknown = real & (np.array(ids) == tokenizer.unk_token_id)
            lengths.append(len(ids))
            per_word.update(np.bincount(word_of[real], minlength=len(starts)).tolist())
            n_unknown += int(is_unknown.sum())
            words_with_unknown += len(np.unique(word_of[is_unknown]))
            unknown.update(text[slice(*offsets[i])].strip() for i in np.flatnonzero(is_unknown))
    return np.array(lengths, int), per_word, n_unknown, words_with_unknown


def describe(pieces: np.ndarray, per_word: Counter, limit: int) -> dict:
    """The lengths of one split's texts and words. pieces: (n,). per_word: words by their number of
    pieces.
    """
    lengths, counts = zip(*sorted(per_word.items()), strict=True) if per_word else ((0,), (1,))
    median, p95, longest = (
        np.percentile(pieces, [50, 95, 100]).astype(int).tolist() if len(pieces) else (0, 0, 0)
    )
    return {
        "texts": len(pieces),
        "median": median,
        "p95": p95,
        "max": longest,
        "share_over": {
            str(n): float((pieces > n).mean()) if len(pieces) else 0.0 for n in (*THRESHOLDS, limit)
        },
        "words": per_word.total(),
        "pieces_per_word_mean": float(np.average(lengths, weights=counts)),
        "pieces_per_word_p95": lengths[np.searchsorted(np.cumsum(counts), 0.95 * sum(counts))],
    }


def accents_in(word: str) -> int:
    """Number of accent marks, those of ñ and ü included."""
    return sum(unicodedata.combining(c) > 0 for c in unicodedata.normalize("NFD", word))


def lost_accents(tokenizer, words: Counter, most: int) -> dict:
    """Accented words that lose their accents, and those of them that the model takes for another
    word.
    """
    names = list(words)
    # A space before each, as within a text: some tokenizers tell the first word of a text from the
    # others.
    spaced = [f" {word}" for word in names]
    ids = tokenizer(spaced, add_special_tokens=False, verbose=False)["input_ids"] if names else []
    groups, forms = defaultdict(list), {}
    for word, pieces in zip(names, ids, strict=True):
        if tokenizer.unk_token_id not in pieces:
            groups[tuple(pieces)].append(word)
            if accents_in(word):
                forms[word] = tokenizer.decode(pieces, clean_up_tokenization_spaces=False).strip()
    lost = {word: form for word, form in forms.items() if accents_in(form) < accents_in(word)}
    twins = {
        word: [other for other in group if other != word]
        for group in groups.values()
        if len(group) > 1
        for word in group
        if word in lost
    }
    shown = sorted(twins, key=words.get, reverse=True)[:most]
    return {
        "accented_words": sum(words[w] for w in names if accents_in(w)),
        "lost": sum(words[w] for w in lost),
        "colliding": sum(words[w] for w in twins),
        "collisions": [
            {
                "word": w,
                "count": words[w],
                "becomes": lost[w],
                "same_as": {o: words[o] for o in twins[w]},
            }
            for w in shown
        ],
    }


def markdown(report: dict) -> str:
    """The report as Markdown."""
    audits = report["tokenizers"]
    rows = [
        (name, audit, split, row)
        for name, audit in audits.items()
        for split, row in audit["splits"].items()
    ]
    limits = sorted({*THRESHOLDS, *(audit["limit"] for audit in audits.values())})
    characters = [[c, *(audit["characters"][c] for audit in audits.values())] for c in CHARACTERS]
    lengths = [
        [
            name,
            split,
            row["texts"],
            row["median"],
            row["p95"],
            row["max"],
            *(share(row["share_over"].get(str(n))) for n in limits),
            audit["limit"],
        ]
        for name, audit, split, row in rows
    ]
    pieces = [
        [
            name,
            split,
            row["words"],
            f"{row['pieces_per_word_mean']:.2f}",
            row["pieces_per_word_p95"],
            share(row["unknown_piece_share"]),
            share(row["unknown_word_share"]),
        ]
        for name, _, split, row in rows
    ]
    over = [f"over {n}" for n in limits]
    parts = [
        f"# Tokenizers on {report['dataset']}\n",
        f"Source `{report['source']}`, hash `{report['hash']}`.\n",
        "## What becomes of a character\n",
        markdown_table(["character", *audits], characters),
        "## Texts in pieces\n",
        markdown_table(
            ["tokenizer", "split", "texts", "median", "p95", "max", *over, "model reads"], lengths
        ),
        "## Words in pieces\n",
        markdown_table(
            [
                "tokenizer",
                "split",
                "words",
                "pieces a word",
                "p95",
                "[UNK] pieces",
                "words with [UNK]",
            ],
            pieces,
        ),
        *(word_lists(name, audit) for name, audit in audits.items()),
    ]
    return "\n".join(parts)


def share(value: float | None) -> str:
    return "" if value is None else f"{value:.2%}"


def word_lists(name: str, audit: dict) -> str:
    """The words that one tokenizer does not know or confuses."""
    accents = audit["accents"]
    rows = [
        [
            c["word"],
            c["count"],
            c["becomes"],
            ", ".join(f"{w} ({n})" for w, n in c["same_as"].items()),
        ]
        for c in accents["collisions"]
    ]
    return "\n".join(
        [
            f"## {name}: {audit['vocabulary']} pieces\n",
            f"Of {accents['accented_words']} accented words {accents['lost']} lose their accents; "
            f"{accents['colliding']} "
            "of them are then the same as another word of the corpus (upper and lower case taken as one).\n",
            markdown_table(["word", "times", "becomes", "same as"], rows),
            "Most frequent unknown:\n",
            markdown_table(["unknown", "times"], list(audit["unknown"].items())),
        ]
    )


def pieces_figure(lengths: dict[str, np.ndarray]) -> Figure:
    """Share of texts with more than x pieces, a line for each tokenizer."""
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    for name, pieces in lengths.items():
        ordered = np.sort(pieces)
        axes.step(
            ordered, 1 - np.arange(1, len(ordered) + 1) / len(ordered), where="post", label=name
        )
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
