"""One verb for every room: `load_splits(source)` gives the same rows, splits and label order
everywhere.
"""

import csv
import itertools
import json
import logging
from dataclasses import asdict
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from utils.data.corpus import (
    SPLITS,
    Corpus,
    DataOptions,
    as_dataset,
    blank_rows,
    build_corpus,
    class_report,
    content_column,
    content_hash,
    content_keys,
    labelled_rows,
    options_of,
    spool_to_arrow,
)
from utils.data.sources import content_of, rows_of, rows_of_split, split_files, split_folders
from utils.data.splits import cut_folds, cut_splits
from utils.errors import InputError
from utils.records import Columns, ReadReport, dataset_name

__all__ = [
    "Corpus",
    "DataOptions",
    "codes_for",
    "dataset_name",
    "is_prepared",
    "usable_options",
    "fold_corpora",
    "load_corpus",
    "load_evaluation",
    "load_splits",
    "load_unlabelled",
    "options_of",
    "repeat_corpora",
    "save_prepared",
    "training_order",
]
logger = logging.getLogger(__name__)

OPTIONS = asdict(DataOptions())  # name -> default
COLUMNS = ("text_column", "label_column", "id_column")
AFTER_CUT = ("sample_fraction", "drop_duplicates", "drop_leaks")  # what cut splits can undergo
SAMPLE_PAGES = "sample_pages"  # the documents of `sample` as page images


def load_splits(source, *, seed: int = 0, **options) -> datasets.DatasetDict:
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


def load_corpus(source, options: DataOptions | None = None, content: str | None = "text") -> Corpus:
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
    if is_prepared(source):
        corpus = load_prepared(path)
        corpus.options = {name: getattr(options, name) for name in usable_names(source, options)}
        if changed_options(options) & set(AFTER_CUT):
            return apply_options(corpus, options)
        return corpus
    if source == SAMPLE_PAGES:
        from utils.data.sample_pages import render_corpus

        return render_corpus(load_corpus("sample", options))
    log = ReadReport(encoding=options.encoding)
    columns = Columns(options.text_column, options.label_column, options.id_column)
    rows = rows_of(source, columns, log, content, options.ground_truth is not None)
    if options.ground_truth is not None:
        from utils.data.image_tree import labelled, read_truth

        rows = labelled(rows, read_truth(options.ground_truth, log), options.ground_truth)
    table = spool_to_arrow(rows, log, content)
    corpus = build_corpus(table, source, options, log)
    for name in OPTIONS.keys() - usable_names(source, options, content):
        corpus.options.pop(name, None)
    for note in corpus.info["notes"][:20]:
        logger.info(note)
    return corpus


def is_prepared(source) -> bool:
    """Whether a source is a folder that `prepare_dataset` wrote."""
    return (Path(source) / "dataset.json").exists()


def usable_names(source, options: DataOptions, content: str = "text") -> set[str]:
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


def usable_options(source, options: DataOptions, content: str = "text") -> DataOptions:
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


def save_prepared(corpus: Corpus, folder: Path):
    """Write the splits as `save_to_disk` does, dataset.json, unlabelled.parquet and dropped.csv
    into a new folder.
    """
    corpus.splits.save_to_disk(str(folder))
    if len(corpus.unlabelled):
        corpus.unlabelled.to_parquet(str(folder / "unlabelled.parquet"))
    if corpus.dropped:
        write_dropped(corpus.dropped, folder / "dropped.csv")
    text = json.dumps(corpus.info, ensure_ascii=False, indent=2)
    (folder / "dataset.json").write_text(text + "\n", encoding="utf-8")


def write_dropped(dropped: list, path: Path):
    with open(path, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["split", "id", "label", "reason"])
        writer.writerows(dropped)


def load_prepared(folder: Path) -> Corpus:
    """Read a folder that `save_prepared` wrote; nothing is written into it."""
    info = read_info(folder)
    try:
        splits = datasets.load_from_disk(str(folder))
        splits = datasets.DatasetDict({s: splits[s] for s in SPLITS})
        columns = set(splits["train"].column_names)
        if columns not in ({"id", "text", "label"}, {"id", "image", "label"}):
            raise ValueError(f"columns {splits['train'].column_names}")
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException) as error:
        raise unreadable(folder, error) from None
    return Corpus(splits, load_unlabelled(folder), info, [])


def read_info(folder: Path) -> dict:
    """What dataset.json of a prepared folder records."""
    try:
        info = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
        if not isinstance(info, dict) or not isinstance(info.get("options", {}), dict):
            raise ValueError("dataset.json holds no description")
    except (OSError, ValueError) as error:
        raise unreadable(folder, error) from None
    return info


def unreadable(folder: Path, error: Exception) -> InputError:
    return InputError(
        f"{folder}: a prepared dataset that cannot be read ({error}); prepare it again"
    )


def load_unlabelled(folder: Path) -> datasets.Dataset:
    """The rows without a label of a prepared folder: columns id, text (or image)."""
    path = Path(folder) / "unlabelled.parquet"
    if path.exists():
        return datasets.Dataset(pq.read_table(path))
    return datasets.Dataset.from_dict({"id": [], "text": []})


def load_evaluation(
    source, options: DataOptions, split: str, content: str | None = "text"
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
    columns = Columns(options.text_column, options.label_column, options.id_column)
    if given:
        rows = rows_of_split(path, split, columns, log, content)
    else:
        rows = rows_of(str(source), columns, log, content, options.ground_truth is not None)
    table = spool_to_arrow(rows, log, content)
    dataset = labelled_dataset(table, str(source), options)
    for note in log.notes[:20]:
        logger.info(note)
    splits = datasets.DatasetDict({split: dataset})
    info = {"hash": content_hash(splits), "labels": dataset.features["label"].names}
    return Corpus(splits, datasets.Dataset.from_dict({"id": [], content: []}), info, log.dropped)


def labelled_dataset(table: pa.Table, source: str, options: DataOptions) -> datasets.Dataset:
    """All rows that have a label and something to read, in their order."""
    values = table["label"].to_numpy(zero_copy_only=False)
    rows = np.flatnonzero(labelled_rows(values, options) & ~blank_rows(table))
    if not len(rows):
        raise InputError(
            f"{source}: no row with a label and a text; check --label_column and --text_column"
        )
    class_names = sorted(set(values[rows]))
    label_ids = {name: number for number, name in enumerate(class_names)}
    codes = np.fromiter((label_ids.get(value, 0) for value in values), np.int64, len(values))
    return as_dataset(table, codes, class_names).select(rows)


def training_order(dataset: datasets.Dataset) -> datasets.Dataset:
    """A train split in an order that its rows alone decide: texts by content, images by id.

    A model sees its rows in an order that is drawn from this one, so that a file with its rows
    shuffled trains the same model.
    """
    if content_column(dataset.column_names) == "image":
        return dataset.select(np.argsort(np.array(dataset["id"], dtype=object), kind="stable"))
    table = dataset.with_format("arrow")[:]
    keys, labels = content_keys(table), table["label"].to_numpy()
    ordered = np.lexsort((labels, keys))
    # Texts of one key differ in case or spaces alone; they are few.
    starts = np.flatnonzero(np.r_[True, keys[ordered][1:] != keys[ordered][:-1]])
    for start, end in zip(starts, np.r_[starts[1:], len(ordered)], strict=True):
        if end - start > 1:
            group = [(labels[row], str(table["text"][int(row)]), row) for row in ordered[start:end]]
            ordered[start:end] = [row for _, _, row in sorted(group)]
    return dataset.select(ordered)


def corpus_rows(corpus: Corpus):
    """The rows of a corpus as a reader yields them: (split, id, text or bytes, label)."""
    content = content_column(corpus.splits["train"].column_names)
    for split, dataset in corpus.splits.items():
        names = dataset.features["label"].names
        for row in stored(dataset, content):
            yield split, row["id"], row[content], names[row["label"]]
    if len(corpus.unlabelled):
        for row in stored(corpus.unlabelled, content):
            yield "train", row["id"], row[content], None


def stored(dataset: datasets.Dataset, content: str):
    """The rows with texts as they are and images as the bytes of their files."""
    if content == "image":
        dataset = dataset.cast_column("image", datasets.Image(decode=False))
        for row in dataset:
            yield row | {"image": row["image"]["bytes"]}
    else:
        yield from dataset


def apply_options(corpus: Corpus, options: DataOptions) -> Corpus:
    """Apply options (a sample, dropped leaks) to a dataset that is already cut.

    Its description keeps how it was read and cut when it was prepared.
    """
    log = ReadReport()
    content = content_column(corpus.splits["train"].column_names)
    table = spool_to_arrow(corpus_rows(corpus), log, content)
    changed = build_corpus(table, corpus.info["source"], options, log)
    changed.info["options"] = corpus.info.get("options", {}) | corpus.options
    changed.options = corpus.options
    return changed


def concat_splits(corpus: Corpus) -> tuple[datasets.Dataset, np.ndarray, np.ndarray]:
    """All labelled rows as one dataset, labels (n,) and text keys (n,); ids that repeat get their
    split's name.
    """
    parts, ids = [], list(itertools.chain(*(d["id"] for d in corpus.splits.values())))
    repeated = len(set(ids)) < len(ids)
    content = content_column(corpus.splits["train"].column_names)
    for split, dataset in corpus.splits.items():
        table = dataset.with_format("arrow")[
            :
        ].combine_chunks()  # a selected dataset has a chunk a row
        ids = (
            pa.array([f"{split}/{i}" for i in table["id"].to_pylist()]) if repeated else table["id"]
        )
        parts.append(
            table.set_column(0, "id", ids.cast(pa.string())).select(["id", content, "label"])
        )
    table = pa.concat_tables([p.replace_schema_metadata(None) for p in parts])
    names = corpus.splits["train"].features["label"].names
    codes = table["label"].to_numpy()
    return as_dataset(table, codes, names), codes, content_keys(table)


def codes_for(names: list[str], dataset, split: str) -> np.ndarray:
    """The dataset's labels as codes of the run's classes: (n,) int64.

    Raises:
        InputError: the split is empty or has a class that the model does not know.
    """
    own = dataset.features["label"].names
    labels = np.array(dataset["label"])
    if not len(labels):
        raise InputError(f"the {split} split has no row; choose another --split")
    used = sorted(own[c] for c in np.unique(labels))
    if unknown := [name for name in used if name not in names]:
        raise InputError(
            f"the {split} split has classes the model does not know: {', '.join(unknown[:5])}"
            f"{' …' if len(unknown) > 5 else ''}; evaluate on a dataset of its classes or train anew"
        )
    code = {name: c for c, name in enumerate(names)}
    return np.array([code.get(name, -1) for name in own])[labels]


def fold_corpora(corpus: Corpus, n_folds: int, seed: int = 0, validation_size: float = 0.1):
    """Cross-validation: yield `n_folds` corpora; every labelled row is in the test split of exactly
    one.

    All splits are concat_splits; each fold's validation split is cut from its training rows
    (`utils.data.splits.cut_splits`).

    Raises:
        InputError: fewer than 2 folds, or more folds than distinct texts.
    """
    base, codes, keys = concat_splits(corpus)
    if not 2 <= n_folds <= len(np.unique(keys)):
        raise InputError(
            f"{n_folds} folds of {len(np.unique(keys))} distinct texts; give 2 to one per text"
        )
    folds = cut_folds(codes, keys, n_folds, seed)
    for fold in range(n_folds):
        rest = np.flatnonzero(folds != fold)
        cut = cut_splits(codes[rest], keys[rest], {"validation": validation_size}, seed)
        rows = {s: rest[numbers] for s, numbers in cut.items()} | {
            "test": np.flatnonzero(folds == fold)
        }
        yield derived(corpus, base, rows, f"fold {fold + 1} of {n_folds}, seed {seed}")


def repeat_corpora(
    corpus: Corpus, n_repeats: int, validation_size=0.25, test_size=0.25, seed: int = 0
):
    """Repeated holdout: yield `n_repeats` corpora, all rows concat_splits and cut anew with seeds seed,
    seed + 1, …
    """
    base, codes, keys = concat_splits(corpus)
    for repeat in range(n_repeats):
        sizes = {"validation": validation_size, "test": test_size}
        rows = cut_splits(codes, keys, sizes, seed + repeat)
        yield derived(
            corpus, base, rows, f"repeat {repeat + 1} of {n_repeats}, seed {seed + repeat}"
        )


def derived(corpus: Corpus, base: datasets.Dataset, rows: dict, how: str) -> Corpus:
    """A corpus of the same rows, cut otherwise."""
    splits = datasets.DatasetDict({s: base.select(rows[s]) for s in SPLITS})
    names, codes = (
        splits["train"].features["label"].names,
        base.with_format("arrow")["label"][:].to_numpy(),
    )
    info = corpus.info | {
        "hash": content_hash(splits),
        "derived": {"from": corpus.info["hash"], "how": how},
        "rows": {s: len(d) for s, d in splits.items()} | {"unlabelled": len(corpus.unlabelled)},
        "report": corpus.info["report"] | class_report(rows, codes, names),
    }
    return Corpus(splits, corpus.unlabelled, info, [])
