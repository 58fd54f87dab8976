"""What a config.cfg names with `@readers`: the shared splits and the shared label order, read by
spaCy itself.

Registered through the package's entry points, so `spacy train` finds them from any folder and
without `--code`.
"""

import functools
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import fields

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from utils.data import DataOptions, load_corpus, training_order
from utils.errors import InputError, exits_on_input_error

ROWS = 1000  # read from the Arrow table at once
# An empty text is read as one space: spaCy's layers of n-grams fail on a document without a token,
# and textcat gives a batch of such no scores.
NO_TEXT = " "


@functools.lru_cache(maxsize=2)
def load(source: str, options: str):
    """The corpus, read once in a process though spaCy resolves its readers several times.

    Args:
        options: fields of `DataOptions` as json, since the key of a cache must be hashable.
    """
    return load_corpus(source, DataOptions(**json.loads(options)))


def corpus_of(source: str, options: dict):
    """The `Corpus` of `[paths] dataset` and the `[dataset]` block.

    Raises:
        InputError: no such reading option, or the source cannot be used.
    """
    known = [field.name for field in fields(DataOptions)]
    unknown = sorted(options.keys() - set(known))
    if unknown:
        raise InputError(f"[dataset] {unknown[0]}: no such option; choose among {', '.join(known)}")
    return load(str(source), json.dumps(options, sort_keys=True))


def whole_texts(nlp: Language) -> Language:
    """Let a document be of any length; returns the pipeline.

    spaCy's limit of a million characters is for the memory of parsers; a textcat needs none.
    """
    nlp.max_length = sys.maxsize
    return nlp


def balanced_rows(labels: np.ndarray, balance: float) -> np.ndarray:
    """Row numbers, sorted, in which a class of n rows occurs n^(1 - balance) · max^balance times.

    Args:
        labels: (n,) label ids.
        balance: 0 leaves every row once; 1 makes every class as frequent as the largest.
    """
    rows = []
    counts = np.bincount(labels)
    for label_id, count in enumerate(counts):
        if count:
            wanted = round(count ** (1 - balance) * counts.max() ** balance)
            # np.resize begins again with the first row when it has had the last.
            rows.append(np.resize(np.flatnonzero(labels == label_id), max(count, wanted)))
    return np.sort(np.concatenate(rows))


def splits_reader(
    source: str,
    split: str,
    balance: float = 0.0,
    shuffle: bool = False,
    seed: int = 0,
    options: dict | None = None,
) -> Callable[[Language], Iterable[Example]]:
    """`suite.Splits.v1`: one split of any dataset that `utils.data.load_splits` reads, as spaCy
    examples.

    Args:
        source: prepared folder, raw source, Hub id or `sample`.
        split: train, validation or test.
        balance: 0 to 1, how far rows of small classes are repeated towards the size of the largest.
        shuffle: draw a new order each time it is read, for streaming with `max_epochs = -1`; the
            order depends on `seed` and the number of the reading alone.
        options: fields of `utils.data.DataOptions`.

    A reference document carries its true class alone in `cats`: the absent ones count as 0, and 632
    classes cost nothing. An input that cannot be used ends the program with one line and exit code
    2.
    """
    readings = 0

    @exits_on_input_error
    def rows_to_read() -> tuple:
        nonlocal readings
        if not 0 <= balance <= 1:
            raise InputError(f"[corpora.{split}] balance = {balance}: give a number from 0 to 1")
        splits = corpus_of(source, options or {}).splits
        if split not in splits:
            raise InputError(f"[corpora] split = {split!r}: choose one of {', '.join(splits)}")
        dataset = training_order(splits[split]) if split == "train" else splits[split]
        labels = np.array(dataset["label"], dtype=np.int64)
        if not len(labels):
            raise InputError(f"{source}: the {split} split has no row; give it at least one")
        rows = balanced_rows(labels, balance) if balance else np.arange(len(labels))
        if shuffle:
            # By the number of the reading: each epoch has another order, and the same in any run.
            np.random.default_rng([seed, readings]).shuffle(rows)
        readings += 1
        return dataset, rows

    def read(nlp: Language) -> Iterable[Example]:
        whole_texts(nlp)
        dataset, rows = rows_to_read()
        class_names = dataset.features["label"].names
        last_row = None
        for start in range(0, len(rows), ROWS):
            chunk = rows[start : start + ROWS]
            batch = dataset[chunk]
            for row, text, label_id in zip(
                chunk.tolist(), batch["text"], batch["label"], strict=True
            ):
                # A row that balance repeats comes several times in a row: it is tokenised once.
                if row != last_row:
                    example = example_of(nlp, text, class_names[label_id])
                    last_row = row
                yield example

    return read


def example_of(nlp: Language, text: str | None, label: str) -> Example:
    """A text to predict beside its reference, which carries the class."""
    doc = nlp.make_doc(text or NO_TEXT)
    reference = Doc(
        nlp.vocab,
        words=[token.orth_ for token in doc],
        spaces=[bool(token.whitespace_) for token in doc],
    )
    reference.cats = {label: 1.0}
    return Example(doc, reference)


@exits_on_input_error
def labels_reader(source: str, options: dict | None = None) -> list[str]:
    """`suite.Labels.v1`: the class names of a dataset in the order that all packages share.

    Raises:
        SystemExit: 2, after one line, when the dataset cannot be used or has a single class.
    """
    names = corpus_of(source, options or {}).info["labels"]
    if len(names) < 2:
        raise InputError(f"{source}: a single class ({names[0]}); a classifier needs two or more")
    return names
