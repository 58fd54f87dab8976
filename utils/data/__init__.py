"""One verb for every room: `load_splits(source)`."""

from utils.data.load import (
    SAMPLE_PAGES,
    Corpus,
    DataOptions,
    codes_for,
    dataset_name,
    fold_corpora,
    is_prepared,
    load_corpus,
    load_evaluation,
    load_splits,
    load_unlabelled,
    options_of,
    repeat_corpora,
    save_prepared,
    training_order,
    usable_options,
)

__all__ = [
    "Corpus",
    "DataOptions",
    "SAMPLE_PAGES",
    "codes_for",
    "dataset_name",
    "fold_corpora",
    "is_prepared",
    "load_corpus",
    "load_evaluation",
    "load_splits",
    "load_unlabelled",
    "options_of",
    "repeat_corpora",
    "save_prepared",
    "usable_options",
    "training_order",
]
