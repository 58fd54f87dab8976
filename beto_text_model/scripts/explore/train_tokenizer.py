"""Train a tokenizer on unlabelled Spanish text and say how well it fits.

    python beto_text_model/scripts/explore/train_tokenizer.py --dataset corpus_es.jsonl.xz \
        --vocab_size 12000 --output_dir runs/tokenizer
    python beto_text_model/scripts/explore/train_tokenizer.py --dataset data/x/data_v1 \
        --kind unigram --compare_with dccuchile/bert-base-spanish-wwm-cased \
        --output_dir runs/tokenizer-x

Cased, accents and ñ kept. The folder is what `pretrain_mlm.py --tokenizer_name` takes. report.json
and the table hold, for this tokenizer and those it is compared with, on the documents kept aside:
pieces per word, share of words that are one piece, share of pieces that are [UNK].
"""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from transformers import AutoTokenizer

from beto_text_model.arguments import MINI
from beto_text_model.model import place_of
from beto_text_model.raw_texts import RawTextOptions, load_raw_texts
from beto_text_model.tokenization import train_tokenizer
from utils import runs
from utils.cli import parse, start_logging
from utils.errors import InputError, exits_on_input_error
from utils.folders import whole_folder
from utils.hub import from_source

logger = logging.getLogger("beto_text_model.train_tokenizer")
KINDS = ("wordpiece", "bpe", "unigram")


@dataclass
class TokenizerArguments:
    """What is trained, and where it goes."""

    output_dir: str = field(metadata={"help": "folder that is made"})
    kind: str = field(
        default="wordpiece", metadata={"help": "wordpiece, bpe (byte-level) or unigram"}
    )
    vocab_size: int = field(default=12000, metadata={"help": "pieces"})
    split_digits: bool = field(
        default=False, metadata={"help": "every digit is a piece of its own"}
    )
    alphabet: int = field(
        default=1000, metadata={"help": "different characters kept, the most frequent ones"}
    )
    max_length: int = field(
        default=512, metadata={"help": "model_max_length written into the tokenizer"}
    )
    compare_with: list[str] = field(
        default_factory=list,
        metadata={"help": "other tokenizers in the report: Hub ids or local folders"},
    )
    overwrite: bool = field(default=False, metadata={"help": "replace --output_dir"})

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"--kind {self.kind!r}: choose one of {', '.join(KINDS)}")
        if self.vocab_size < 300:
            raise ValueError(f"--vocab_size {self.vocab_size}: give at least 300")


class Documents:
    """The texts of some rows, to be iterated more than once without holding them in memory."""

    def __init__(self, texts, rows):
        self.texts = texts
        self.rows = rows

    def __iter__(self):
        return (self.texts[int(row)].as_py() for row in self.rows)


@exits_on_input_error
def main(argv=None) -> Path:
    """Train, report, save; returns the folder."""
    args, text_args, _ = parse((TokenizerArguments, RawTextOptions), argv, doc=__doc__)
    start_logging()
    output_dir = Path(args.output_dir)
    claim(output_dir, args.overwrite)

    # Texts: those to learn from, and those kept aside for the report.
    corpus = load_raw_texts(text_args)
    for note in corpus.notes[:20]:
        logger.info(note)
    # Loaded before the training: a wrong name must not cost it.
    compared = {
        name: from_source(AutoTokenizer, place_of(name), at_hand=MINI) for name in args.compare_with
    }

    # Train.
    logger.info(f"training on {len(corpus.train)} documents")
    documents = Documents(corpus.texts, corpus.train)
    tokenizer = train_tokenizer(
        documents,
        args.kind,
        args.vocab_size,
        args.max_length,
        split_digits=args.split_digits,
        alphabet=args.alphabet,
    )

    # Report: on the documents kept aside, else on those it learnt from.
    rows = corpus.held_out if len(corpus.held_out) else corpus.train
    words = sample_of_words(Documents(corpus.texts, rows))
    tokenizers = {output_dir.name: tokenizer, **compared}
    report = {name: fit_of(own, words) for name, own in tokenizers.items()}
    print_report(report, len(words))

    # Save: whole or not at all.
    with whole_folder(output_dir) as partial:
        tokenizer.save_pretrained(partial)
        runs.write_json(
            partial / "report.json",
            {
                "corpus_hash": corpus.hash,
                "arguments": vars(args) | vars(text_args),
                "words": len(words),
                "tokenizers": report,
            },
        )
    print(f"{output_dir}: {len(tokenizer)} pieces")
    return output_dir


def claim(output_dir: Path, overwrite: bool):
    """Refuse a folder that is there, unless it is a tokenizer's and may be replaced."""
    if output_dir.exists() and not overwrite:
        raise InputError(
            f"{output_dir}: already there; pass --overwrite or choose another --output_dir"
        )
    if output_dir.exists() and not (output_dir / "tokenizer.json").exists():
        raise InputError(
            f"{output_dir}: holds no tokenizer, so it is not overwritten; choose another "
            "--output_dir"
        )


def sample_of_words(documents, most: int = 500_000) -> list[str]:
    """The first words of each document, as many of each as make `most` in all; words are what white
    space separates.
    """
    documents = list(documents)
    share = max(1, most // max(len(documents), 1))
    words: list[str] = []
    for text in documents:
        # The cut spares splitting a long text whole: few words have 40 characters.
        words += text[: 40 * share].split()[:share]
    if not words:
        raise InputError("not one word in the texts; check --dataset")
    return words


def fit_of(tokenizer, words: list[str]) -> dict[str, float]:
    """How a tokenizer cuts words: `pieces` of its vocabulary, `pieces_per_word`, share of
    `words_in_one_piece`, share of `unknown` among the pieces.
    """
    # Each different word once, weighted by how often it occurs.
    unique, counts = np.unique(np.array(words, dtype=object).astype(str), return_counts=True)
    ids = tokenizer(unique.tolist(), add_special_tokens=False)["input_ids"]
    lengths = np.array([len(own) for own in ids])
    unknown = np.array([own.count(tokenizer.unk_token_id) for own in ids])
    n_words = counts.sum()
    n_pieces = (lengths * counts).sum()
    return {
        "pieces": len(tokenizer),
        "pieces_per_word": n_pieces / n_words,
        "words_in_one_piece": (counts * (lengths == 1)).sum() / n_words,
        "unknown": (unknown * counts).sum() / max(n_pieces, 1),
    }


def print_report(report: dict[str, dict], n_words: int):
    """The report as a table; of a long name the end is shown."""
    print(f"{n_words} words")
    print(f"{'tokenizer':40} {'pieces':>8} {'per word':>9} {'one piece':>10} {'[UNK]':>9}")
    for name, row in report.items():
        print(
            f"{name[-40:]:40} {row['pieces']:8d} {row['pieces_per_word']:9.3f} "
            f"{row['words_in_one_piece']:10.1%} {row['unknown']:9.4%}"
        )


if __name__ == "__main__":
    main()
