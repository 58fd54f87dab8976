"""One verb for every room: `load_splits(source)`."""

from utils.data.load import (
    SAMPLE_PAGES,
    Corpus,
    DataOptions,
    codes_for,
    dataset_name,
    fold_corpora,
    load_corpus,
    load_splits,
    load_unlabelled,
    options_of,
    repeat_corpora,
    save_prepared,
)

__all__ = [
    "Corpus",
    "DataOptions",
    "SAMPLE_PAGES",
    "codes_for",
    "dataset_name",
    "fold_corpora",
    "load_corpus",
    "load_splits",
    "load_unlabelled",
    "options_of",
    "repeat_corpora",
    "save_prepared",
]
