"""One verb for every room: `load_splits(source)`."""

from utils.data.corpus import Corpus, DataOptions, options_of
from utils.data.folds import fold_corpora, repeat_corpora
from utils.data.load import (
    SAMPLE_PAGES,
    label_ids_for,
    load_corpus,
    load_evaluation,
    load_splits,
    training_order,
    usable_options,
)
from utils.data.prepared import is_prepared, load_unlabelled, save_prepared
from utils.records import dataset_name

__all__ = [
    "Corpus",
    "DataOptions",
    "SAMPLE_PAGES",
    "label_ids_for",
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
    "training_order",
    "usable_options",
]
