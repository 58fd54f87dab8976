"""From raw rows to a `Corpus`: clean, set apart, drop, sample, cut, and an account of all of it."""

import collections
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from utils.data.content import (
    BATCH_ROWS,
    as_dataset,
    blank_rows,
    content_column,
    content_hash,
    content_keys,
)
from utils.data.corpus_report import (
    class_report,
    count_leaks,
    duplicate_report,
    label_variants,
    notes_of,
    text_report,
)
from utils.data.readers import Row, clean, clean_label
from utils.data.splits import cut_splits, first_of_each, sample_rows
from utils.errors import InputError
from utils.records import ReadReport, dataset_name
from utils.text import nfc, readable_name

SPLITS = ("train", "validation", "test")
STRING = pa.string()
SCHEMAS = {
    content: pa.schema([("split", STRING), ("id", STRING), (content, kind), ("label", STRING)])
    for content, kind in (("text", STRING), ("image", pa.binary()))
}
BATCH_CHARACTERS = 32_000_000


@dataclass
class DataOptions:
    """How a raw source is read and cut; a prepared folder was read with its own."""

    text_column: str = field(default="text", metadata={"help": "column that holds the text"})
    label_column: str = field(default="label", metadata={"help": "column that holds the class"})
    id_column: str = field(
        default="id", metadata={"help": "column that holds the id (default: row numbers)"}
    )
    encoding: str | None = field(
        default=None,
        metadata={"help": "of text files and tables (cp1252, mac_roman); default: found by file"},
    )
    unlabelled: list[str] = field(
        default_factory=list,
        metadata={"help": "label values that mean 'no label' (NR); empty always does"},
    )
    validation_size: float = field(
        default=0.1, metadata={"help": "share of train cut where validation is missing"}
    )
    test_size: float = field(
        default=0.1, metadata={"help": "share of train cut where test is missing"}
    )
    split_seed: int = field(
        default=0, metadata={"help": "seed of the cuts and of the sample, not of the training"}
    )
    ground_truth: str | None = field(
        default=None,
        metadata={
            "help": "labels of files right below test/: a csv of file and typology, or muestras/"
        },
    )
    sample_fraction: float = field(
        default=1.0, metadata={"help": "stratified share of every split, all classes kept"}
    )
    drop_duplicates: bool = field(
        default=False, metadata={"help": "keep one train row of each normalised text"}
    )
    drop_leaks: bool = field(
        default=False, metadata={"help": "drop train rows whose text is in validation or test"}
    )


def options_of(args) -> DataOptions:
    """The reading and cutting options among a script's arguments."""
    return DataOptions(**{name: getattr(args, name) for name in DataOptions.__dataclass_fields__})


@dataclass
class Corpus:
    """A dataset in memory: what `load_splits` gives, and what is known about it."""

    splits: datasets.DatasetDict
    unlabelled: datasets.Dataset  # columns id, text (or image)
    info: dict[str, Any]  # what dataset.json records
    dropped: list[tuple]  # (split, id, label, reason)
    options: dict[str, Any] = field(
        default_factory=dict
    )  # those of `DataOptions` that had an effect


def spool_to_arrow(rows: Iterable[Row], log: ReadReport, content: str = "text") -> pa.Table:
    """Write rows to an Arrow file and map it, so that a corpus need not fit in memory; the file has
    no name.
    """
    schema = SCHEMAS[content]
    handle, path = tempfile.mkstemp(suffix=".arrow")
    os.close(handle)
    bar = tqdm(rows, desc="reading", unit=" rows", unit_scale=True, disable=None)
    try:
        with pa.OSFile(path, "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
            for batch in batches(bar, schema, log):
                writer.write_batch(pa.record_batch(batch, schema=schema))
        return pa.ipc.open_stream(pa.memory_map(path)).read_all()
    finally:
        os.unlink(path)


def batches(rows: Iterable[Row], schema: pa.Schema, log: ReadReport) -> Iterator[list[pa.Array]]:
    """Cleaned columns (split, id, text or image, label) of up to 10,000 rows or 32 million
    characters or bytes.
    """
    batch: list[Row] = []
    size = 0
    for split, identifier, content, label in rows:
        content = clean(content, log)
        batch.append((split, clean(identifier, log), content, clean_label(label, log)))
        size += len(content or "")
        if len(batch) >= BATCH_ROWS or size >= BATCH_CHARACTERS:
            yield columns_of(batch, schema)
            batch, size = [], 0
    if batch:
        yield columns_of(batch, schema)


def columns_of(rows: list[Row], schema: pa.Schema) -> list[pa.Array]:
    return [
        pa.array(values, kind)
        for values, kind in zip(zip(*rows, strict=True), schema.types, strict=True)
    ]


def build_corpus(table: pa.Table, source: str, options: DataOptions, log: ReadReport) -> Corpus:
    """From staged rows to splits: set the unlabelled apart, drop, sample, cut, report and describe.

    Rows keep their numbers in the table throughout; a split is an array of them.

    Raises:
        InputError: no labelled row in train, too few classes or texts, or an id that repeats.
    """
    content = content_column(table.column_names)
    noun = "text" if content == "text" else "page"
    if not len(table):
        where = "" if content == "text" else ", nor an image that can be read"
        raise InputError(
            f"{source}: no text in it{where}; {log.notes[-1] if log.notes else 'check the path'}"
        )
    split = table["split"].to_numpy().astype(str)
    labels = table["label"].to_numpy(zero_copy_only=False)
    check_ids(table["id"], split, source)

    # Label: rows without one go to no split.
    has_label = labelled_rows(labels, options)
    class_names, label_ids = encode_labels(labels, has_label)
    rows = {s: np.flatnonzero((split == s) & has_label) for s in SPLITS}
    given = [s for s in SPLITS if len(rows[s])]
    if "train" not in given:
        problem = "no labelled row in train" if has_label.any() else "no row has a label"
        raise InputError(f"{source}: {problem}; check --label_column and --unlabelled")

    # Drop: from train alone, since given splits are not altered.
    keys = content_keys(table)
    blank = blank_rows(table)
    drop = make_row_dropper(table, split, labels, log)
    report: dict[str, Any] = {
        "given_splits": given,
        "null_or_empty_texts": {s: int(blank[rows[s]].sum()) for s in given},
    }
    rows["train"] = drop(rows["train"], blank, f"null or empty {noun}")
    report |= duplicate_report(table, rows, label_ids, keys, class_names)
    if options.drop_duplicates:
        repeated = np.ones(len(table), bool)
        repeated[rows["train"][first_of_each(keys[rows["train"]])]] = False
        rows["train"] = drop(rows["train"], repeated, f"duplicate {noun}")

    # Sample before the cut, so that the cut splits are shares of the sample.
    if options.sample_fraction < 1:
        report["sampled"] = sample_splits(rows, given, label_ids, keys, options)
    check_classes(class_names, label_ids[rows["train"]], source)

    # Cut what is missing, then look for leaks, which only given splits can have.
    rows = cut_missing(rows, label_ids, keys, options, report, class_names)
    report["leaks"] = count_leaks(rows, keys, given)
    if options.drop_leaks:
        leaks = np.isin(keys, keys[np.r_[rows["validation"], rows["test"]]])
        rows["train"] = drop(rows["train"], leaks, f"{noun} also in validation or test")
        check_classes(class_names, label_ids[rows["train"]], source)

    # Describe: the class names are those of the rows that are left.
    class_names, label_ids = drop_absent_names(class_names, label_ids, rows)
    report |= class_report(rows, label_ids, class_names)
    report["label_variants"] = label_variants(rows, label_ids, class_names)
    if content == "text":
        report |= text_report(table, rows)
    options_held = effective_options(options, report, log)
    base = as_dataset(table, label_ids, class_names)
    splits = datasets.DatasetDict({s: base.select(rows[s]) for s in SPLITS})
    unlabelled = base.select(np.flatnonzero(~has_label)).select_columns(["id", content])
    info = describe_corpus(source, options, splits, unlabelled, report, log)
    return Corpus(splits, unlabelled, info, log.dropped, options_held)


def encode_labels(labels: np.ndarray, has_label: np.ndarray) -> tuple[list[str], np.ndarray]:
    """The sorted class names, and each row's number among them (n,); 0 where there is no label."""
    class_names = sorted(set(labels[has_label]))
    numbers = {name: number for number, name in enumerate(class_names)}
    label_ids = np.fromiter((numbers.get(label, 0) for label in labels), np.int64, len(labels))
    return class_names, label_ids


def sample_splits(
    rows: dict[str, np.ndarray],
    given: list[str],
    label_ids: np.ndarray,
    keys: np.ndarray,
    options: DataOptions,
) -> dict[str, list[int]]:
    """Replace each given split in `rows` by its stratified sample; returns [taken, of how many]."""
    counts = {}
    for split in given:
        all_rows = rows[split]
        picked = sample_rows(
            label_ids[all_rows], keys[all_rows], options.sample_fraction, options.split_seed
        )
        rows[split] = all_rows[picked]
        counts[split] = [len(picked), len(all_rows)]
    return counts


def labelled_rows(labels: np.ndarray, options: DataOptions) -> np.ndarray:
    """Which labels (n,) are one: neither empty nor a value that means "no label"."""
    missing = {None, *(nfc(mark).strip() for mark in options.unlabelled)}
    return np.fromiter((label not in missing for label in labels), bool, len(labels))


def check_ids(ids: pa.ChunkedArray, split: np.ndarray, source: str):
    """Refuse an id that occurs twice in one split: predictions could not be joined to their
    documents.
    """
    for name in SPLITS:
        own = ids.filter(pa.array(split == name))
        if len(own.unique()) == len(own):
            continue
        counts = own.value_counts()
        repeated = counts.filter(pc.greater(pc.struct_field(counts, "counts"), 1))
        first = repeated[0].as_py()
        raise InputError(
            f"{source}: id {first['values']!r} occurs {first['counts']} times in {name}, one of "
            f"{len(repeated)} such ids; fix them or name another column with --id_column"
        )


def check_classes(class_names: list[str], train_label_ids: np.ndarray, source: str):
    """Refuse a train split of fewer than two classes."""
    present = np.unique(train_label_ids)
    if len(present) < 2:
        only = f"only the class {class_names[present[0]]!r}" if len(present) else "no row"
        raise InputError(f"{source}: train has {only}; a classifier needs at least two classes")


def make_row_dropper(
    table: pa.Table, split: np.ndarray, labels: np.ndarray, log: ReadReport
) -> Callable[[np.ndarray, np.ndarray, str], np.ndarray]:
    """A function that takes rows out and records each in the log: (split, id, label, reason)."""

    def drop(rows: np.ndarray, bad: np.ndarray, reason: str) -> np.ndarray:
        """The rows of `rows` that are not `bad` (a mask over the whole table)."""
        gone = rows[bad[rows]]
        ids = table["id"].take(gone).to_pylist()
        for row, identifier in zip(gone, ids, strict=True):
            log.dropped.append((split[row], identifier, labels[row], reason))
        return rows[~bad[rows]]

    return drop


def cut_missing(
    rows: dict[str, np.ndarray],
    label_ids: np.ndarray,
    keys: np.ndarray,
    options: DataOptions,
    report: dict[str, Any],
    class_names: list[str],
) -> dict[str, np.ndarray]:
    """Cut the splits that were not given from train; the report says what became of rare classes.

    Raises:
        InputError: train has too few distinct texts.
    """
    sizes = {s: getattr(options, f"{s}_size") for s in ("validation", "test") if not len(rows[s])}
    if not sizes:
        return rows
    train = rows["train"]
    distinct_rows = train[first_of_each(keys[train])]
    texts_of_class = np.bincount(label_ids[distinct_rows], minlength=len(class_names))
    # Fewer texts than splits: see the policy of `cut_splits`.
    rare = np.flatnonzero((texts_of_class > 0) & (texts_of_class <= len(sizes)))
    report["rare_classes"] = {class_names[c]: int(texts_of_class[c]) for c in rare}
    report["cut_splits"] = sizes
    cut = cut_splits(label_ids[train], keys[train], sizes, options.split_seed)
    rows = rows | {s: train[numbers] for s, numbers in cut.items()}
    for s in sizes:
        if not len(rows[s]):
            raise InputError(
                f"train has {len(distinct_rows)} distinct texts, too few to cut {s} from; "
                f"give a {s} split or more documents"
            )
    return rows


def drop_absent_names(
    class_names: list[str], label_ids: np.ndarray, rows: dict[str, np.ndarray]
) -> tuple[list[str], np.ndarray]:
    """Forget the classes that no labelled row is left of."""
    present = np.unique(np.concatenate([label_ids[numbers] for numbers in rows.values()]))
    new_ids = np.zeros(len(class_names), np.int64)
    new_ids[present] = np.arange(len(present))
    return [class_names[c] for c in present], new_ids[label_ids]


def effective_options(options: DataOptions, report: dict, log: ReadReport) -> dict[str, Any]:
    """The options without those that a source's given splits leave nothing to do, which are noted
    where the user set them.
    """
    held = asdict(options)
    defaults = DataOptions()
    idle = [f"{split}_size" for split in report["given_splits"] if split != "train"]
    if not report.get("cut_splits") and options.sample_fraction == 1:
        idle.append("split_seed")
    for name in idle:
        value = held.pop(name)
        if value != getattr(defaults, name):
            log.note(f"--{name} {value}: no effect, as the source gives its splits")
    return held


def describe_corpus(
    source: str,
    options: DataOptions,
    splits: datasets.DatasetDict,
    unlabelled: datasets.Dataset,
    report: dict[str, Any],
    log: ReadReport,
) -> dict[str, Any]:
    """The content of dataset.json."""
    dropped: dict[str, collections.Counter] = collections.defaultdict(collections.Counter)
    for split, _, _, reason in log.dropped:
        dropped[reason][split] += 1
    info = {
        "name": readable_name(dataset_name(source)),
        "version": 1,
        "source": readable_name(source),
        "content": content_column(splits["train"].column_names),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "hash": content_hash(splits),
        "rows": {s: len(d) for s, d in splits.items()} | {"unlabelled": len(unlabelled)},
        "labels": splits["train"].features["label"].names,
        "dropped": {reason: dict(counts) for reason, counts in dropped.items()},
        "encodings": dict(log.encodings),
        "report": report,
        "options": asdict(options),
    }
    return info | {"notes": notes_of(info, log)}
