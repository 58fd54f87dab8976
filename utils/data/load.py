"""One verb for every room: `load_splits(source)` gives the same rows, splits and label order
everywhere.
"""

import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as pa

from utils.data.content import (
    as_dataset,
    blank_rows,
    content_column,
    content_hash,
    content_keys,
)
from utils.data.corpus import (
    Corpus,
    DataOptions,
    build_corpus,
    encode_labels,
    labelled_rows,
    spool_to_arrow,
)
from utils.data.prepared import apply_options, is_prepared, load_prepared, read_info
from utils.data.sources import content_of, rows_of, rows_of_split
from utils.data.split_names import split_files, split_folders
from utils.errors import InputError
from utils.records import Columns, ReadReport

logger = logging.getLogger(__name__)

OPTIONS = asdict(DataOptions())  # name -> default
COLUMNS = ("text_column", "label_column", "id_column")
AFTER_CUT = ("sample_fraction", "drop_duplicates", "drop_leaks")  # what cut splits can undergo
NOTES_SHOWN = 20  # dataset.json has all
SAMPLE_PAGES = "sample_pages"  # the documents of `sample` as page images


def load_splits(source: str | Path, *, seed: int = 0, **options: Any) -> datasets.DatasetDict:
    """Load any labelled Spanish corpus as train, validation and test with `id`, `text` and `label:
    ClassLabel`.

    A corpus of page images has `image: Image` instead of `text`.

    Args:
        source: a folder that `prepare_dataset` wrote; a tree `split/typology/*.txt` or
            `typology/*.txt`, or one of page images; a folder of
            `{train,val|validation,test}.{csv,tsv,jsonl,parquet}[.gz]`; one such file; a folder that
            `datasets` saved; a Hub id; `sample`, the project's own corpus, or `sample_pages`, its
            pages.
        seed: seed of the cut where a split is missing.
        options: fields of `DataOptions` (`text_column`, `unlabelled`, `sample_fraction`, …).

    Raises:
        InputError: the source cannot be used; the message names the file, row or class and the
            fix.
    """
    return load_corpus(source, DataOptions(split_seed=seed, **options), content=None).splits


def load_corpus(
    source: str | Path, options: DataOptions | None = None, content: str | None = "text"
) -> Corpus:
    """`load_splits` with the unlabelled rows, the dataset's description and the dropped rows.

    Args:
        content: what the caller reads, `text` or `image`; None: whichever the source holds.

    Raises:
        InputError: as `load_splits`, or an option that the source leaves nothing to do.
    """
    options = options or DataOptions()
    check_options(options)
    source, path = str(source), Path(source)
    content = content_of(source, content)
    refuse_idle_options(source, options, content)

    # What was read and cut before.
    if is_prepared(source):
        corpus = load_prepared(path)
        corpus.options = {name: getattr(options, name) for name in usable_names(source, options)}
        if changed_options(options) & set(AFTER_CUT):
            return apply_options(corpus, options)
        return corpus
    if source == SAMPLE_PAGES:
        from utils.data.sample_pages import render_corpus

        return render_corpus(load_corpus("sample", options))

    # Everything else: rows, then splits.
    log = ReadReport(encoding=options.encoding)
    rows = rows_of(source, columns_of(options), log, content, options.ground_truth is not None)
    if options.ground_truth is not None:
        from utils.data.image_tree import labelled, read_truth

        rows = labelled(rows, read_truth(options.ground_truth, log), options.ground_truth)
    corpus = build_corpus(spool_to_arrow(rows, log, content), source, options, log)
    for name in OPTIONS.keys() - usable_names(source, options, content):
        corpus.options.pop(name, None)
    for note in corpus.info["notes"][:NOTES_SHOWN]:
        logger.info(note)
    return corpus


def columns_of(options: DataOptions) -> Columns:
    return Columns(options.text_column, options.label_column, options.id_column)


def usable_names(source: str | Path, options: DataOptions, content: str = "text") -> set[str]:
    """The names of the options that can have an effect on a source of this kind.

    A prepared folder was read and cut when it was prepared: what is left to do is to sample and to
    drop. Trees and the embedded samples have no columns; only text has an encoding.
    """
    if is_prepared(source):
        samples = options.sample_fraction < 1
        return {*AFTER_CUT, "split_seed"} if samples else set(AFTER_CUT)
    names, path = set(OPTIONS), Path(source)
    if str(source) in ("sample", SAMPLE_PAGES):
        return names - {*COLUMNS, "encoding", "ground_truth"}
    is_saved = (path / "dataset_dict.json").exists() or (path / "dataset_info.json").exists()
    if path.is_dir() and not is_saved and (content == "image" or not split_files(path)):
        names -= set(COLUMNS)
    if content == "image" or is_saved:
        names -= {"encoding"}
    return names


def usable_options(source: str | Path, options: DataOptions, content: str = "text") -> DataOptions:
    """The options without those that cannot have an effect on the source: for options that come
    from another command, not from the user of this one.
    """
    names = usable_names(source, options, content)
    return DataOptions(**{name: getattr(options, name) for name in names})


def refuse_idle_options(source: str, options: DataOptions, content: str):
    """Refuse an option that the source leaves nothing to do.

    What a prepared folder records of its own preparation may be repeated.
    """
    recorded = read_info(Path(source)).get("options", {}) if is_prepared(source) else {}
    for name in sorted(changed_options(options) - usable_names(source, options, content)):
        value = getattr(options, name)
        if value == recorded.get(name):
            continue
        if is_prepared(source):
            reason = "is a prepared dataset, read and cut when it was prepared; prepare its source"
            fix = "again with this flag, or leave it out"
        else:
            reason, fix = "has no use for it;", "leave the flag out"
        raise InputError(f"--{name} {value}: {source} {reason} {fix}")


def check_options(options: DataOptions):
    """Refuse shares that leave nothing to train on or to evaluate."""
    if not 0 < options.sample_fraction <= 1:
        raise InputError(
            f"--sample_fraction {options.sample_fraction}: give a share above 0 and up to 1"
        )
    sizes = (options.validation_size, options.test_size)
    if min(sizes) <= 0 or sum(sizes) >= 1:
        raise InputError(
            f"--validation_size {sizes[0]} --test_size {sizes[1]}: both above 0, below 1 together"
        )


def changed_options(options: DataOptions) -> set[str]:
    """Names of the options that differ from their defaults."""
    return {name for name, value in asdict(options).items() if value != OPTIONS[name]}


def load_evaluation(
    source: str | Path, options: DataOptions, split: str, content: str | None = "text"
) -> Corpus:
    """What is evaluated: a split of a source that has splits, all rows of one that has none.

    Nothing is cut from the source and no split but the one that is asked for needs to be there, so
    that its `splits` hold that one alone. It may hold one class.

    Raises:
        InputError: the source cannot be used, or has no labelled row.
    """
    path = Path(source)
    if not path.exists() or is_prepared(source) or (path / "dataset_dict.json").exists():
        return load_corpus(source, options, content)
    given = {**split_files(path), **split_folders(path)} if path.is_dir() else {}
    if given and split not in given:
        return load_corpus(source, options, content)
    check_options(options)
    content = content_of(str(source), content)
    log = ReadReport(encoding=options.encoding)
    columns = columns_of(options)
    if given:
        rows = rows_of_split(path, split, columns, log, content)
    else:
        rows = rows_of(str(source), columns, log, content, options.ground_truth is not None)
    dataset = labelled_dataset(spool_to_arrow(rows, log, content), str(source), options)
    for note in log.notes[:NOTES_SHOWN]:
        logger.info(note)
    splits = datasets.DatasetDict({split: dataset})
    info = {"hash": content_hash(splits), "labels": dataset.features["label"].names}
    unlabelled = datasets.Dataset.from_dict({"id": [], content: []})
    return Corpus(splits, unlabelled, info, log.dropped)


def labelled_dataset(table: pa.Table, source: str, options: DataOptions) -> datasets.Dataset:
    """All rows that have a label and something to read, in their order."""
    labels = table["label"].to_numpy(zero_copy_only=False)
    is_used = labelled_rows(labels, options) & ~blank_rows(table)
    if not is_used.any():
        raise InputError(
            f"{source}: no row with a label and a text; check --label_column and --text_column"
        )
    class_names, label_ids = encode_labels(labels, is_used)
    return as_dataset(table, label_ids, class_names).select(np.flatnonzero(is_used))


def training_order(dataset: datasets.Dataset) -> datasets.Dataset:
    """A train split in an order that its rows alone decide: texts by content, images by id.

    A model sees its rows in an order that is drawn from this one, so that a file with its rows
    shuffled trains the same model.
    """
    if content_column(dataset.column_names) == "image":
        ids = np.array(dataset["id"], dtype=object)
        return dataset.select(np.argsort(ids, kind="stable"))
    table = dataset.with_format("arrow")[:]
    keys, labels = content_keys(table), table["label"].to_numpy()
    ordered = np.lexsort((labels, keys))
    # Texts of one key differ in case or spaces alone; they are few, and sorted one by one.
    starts = np.flatnonzero(np.r_[True, keys[ordered][1:] != keys[ordered][:-1]])
    for start, end in zip(starts, np.r_[starts[1:], len(ordered)], strict=True):
        if end - start > 1:
            group = [(labels[row], str(table["text"][int(row)]), row) for row in ordered[start:end]]
            ordered[start:end] = [row for _, _, row in sorted(group)]
    return dataset.select(ordered)


def label_ids_for(class_names: list[str], dataset: datasets.Dataset, split: str) -> np.ndarray:
    """The dataset's labels as numbers of the run's classes: (n,) int64.

    Raises:
        InputError: the split is empty or has a class that the model does not know.
    """
    own_names = dataset.features["label"].names
    own_ids = np.array(dataset["label"])
    if not len(own_ids):
        raise InputError(f"the {split} split has no row; choose another --split")
    used = sorted(own_names[c] for c in np.unique(own_ids))
    unknown = [name for name in used if name not in class_names]
    if unknown:
        more = " …" if len(unknown) > 5 else ""
        raise InputError(
            f"the {split} split has classes the model does not know: "
            f"{', '.join(unknown[:5])}{more}; evaluate on a dataset of its classes or train anew"
        )
    number_of = {name: number for number, name in enumerate(class_names)}
    return np.array([number_of.get(name, -1) for name in own_names])[own_ids]
