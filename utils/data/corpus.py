"""From raw rows to a `Corpus`: clean, set apart, drop, sample, cut, and an account of all of it."""

import collections
import hashlib
import itertools
import os
import re
import tempfile
import uuid
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from utils.data.sources import clean, clean_label
from utils.data.splits import cut_splits, first_of_each, label_conflicts, sample_rows
from utils.errors import InputError
from utils.records import ReadReport, dataset_name
from utils.text import MOJIBAKE, VISIBLE, label_key, match_keys, nfc, readable_name

SPLITS = ("train", "validation", "test")
STRING = pa.string()
SCHEMAS = {
    content: pa.schema([("split", STRING), ("id", STRING), (content, kind), ("label", STRING)])
    for content, kind in (("text", STRING), ("image", pa.binary()))
}
BATCH_ROWS, BATCH_CHARACTERS = 10_000, 32_000_000
BATCH_IMAGES = 100
EXAMPLES = 5
NUMBER_WITH_ZERO = re.compile(r"(\d+)\.0\Z")


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
    info: dict  # what dataset.json records
    dropped: list  # (split, id, label, reason)
    options: dict = field(default_factory=dict)  # those of `DataOptions` that had an effect


def spool_to_arrow(rows, log: ReadReport, content: str = "text") -> pa.Table:
    """Write rows to an Arrow file and map it, so that a corpus need not fit in memory; the file has
    no name.
    """
    schema = SCHEMAS[content]
    handle, path = tempfile.mkstemp(suffix=".arrow")
    os.close(handle)
    try:
        with pa.OSFile(path, "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
            for batch in batches(
                tqdm(rows, desc="reading", unit=" rows", unit_scale=True, disable=None), schema, log
            ):
                writer.write_batch(pa.record_batch(batch, schema=schema))
        return pa.ipc.open_stream(pa.memory_map(path)).read_all()
    finally:
        os.unlink(path)


def batches(rows, schema: pa.Schema, log: ReadReport):
    """Columns (split, id, text or image, label) of up to 10,000 rows or 32 million characters or
    bytes, NFC.
    """
    columns, characters = ([], [], [], []), 0
    for split, identifier, text, label in rows:
        text = clean(text, log)
        row = split, clean(identifier, log), text, clean_label(label, log)
        for column, value in zip(columns, row, strict=True):
            column.append(value)
        characters += len(text or "")
        if len(columns[0]) >= BATCH_ROWS or characters >= BATCH_CHARACTERS:
            yield list(map(pa.array, columns, schema.types))
            columns, characters = ([], [], [], []), 0
    if columns[0]:
        yield list(map(pa.array, columns, schema.types))


def content_column(names) -> str:
    """Which of a table's columns is what a room reads: `text` or `image`."""
    return "image" if "image" in names else "text"


def content_keys(table: pa.Table) -> np.ndarray:
    """Equal for equal documents, (n,) uint64: normalised texts (see `match_keys`) or the bytes of
    images.
    """
    if "text" in table.column_names:
        return match_keys(table["text"])
    images = table["image"]
    if pa.types.is_struct(images.type):
        images = pc.struct_field(images, "bytes")
    digests = b"".join(
        hashlib.blake2b(value.as_buffer(), digest_size=8).digest() for value in images
    )
    return np.frombuffer(digests, ">u8").astype(np.uint64)


def build_corpus(table: pa.Table, source: str, options: DataOptions, log: ReadReport) -> Corpus:
    """From staged rows to splits: set the unlabelled apart, drop, sample, cut, report and describe."""
    content = content_column(table.column_names)
    noun = "text" if content == "text" else "page"
    if not len(table):
        none = (
            "no text in it" if content == "text" else "no text in it, nor an image that can be read"
        )
        raise InputError(f"{source}: {none}; {log.notes[-1] if log.notes else 'check the path'}")
    split = table["split"].to_numpy().astype(str)
    check_ids(table["id"], split, source)
    values = table["label"].to_numpy(zero_copy_only=False)
    has_label = labelled_rows(values, options)
    names = sorted(set(values[has_label]))
    code = {name: c for c, name in enumerate(names)}
    codes = np.fromiter((code.get(value, 0) for value in values), np.int64, len(values))
    rows = {s: np.flatnonzero((split == s) & has_label) for s in SPLITS}
    given = [s for s in SPLITS if len(rows[s])]
    keys = content_keys(table)
    if "train" not in given:
        raise InputError(
            f"{source}: {'no labelled row in train' if has_label.any() else 'no row has a label'}; "
            "check --label_column and --unlabelled"
        )
    drop = make_row_dropper(table, split, values, log)
    blank = blank_rows(table)
    report = {
        "given_splits": given,
        "null_or_empty_texts": {s: int(blank[rows[s]].sum()) for s in given},
    }
    rows["train"] = drop(rows["train"], blank, f"null or empty {noun}")
    report |= duplicate_report(table, rows, codes, keys, names)
    if options.drop_duplicates:
        repeated = np.ones(len(table), bool)
        repeated[rows["train"][first_of_each(keys[rows["train"]])]] = False
        rows["train"] = drop(rows["train"], repeated, f"duplicate {noun}")
    if options.sample_fraction < 1:
        for s in given:
            picked = sample_rows(
                codes[rows[s]], keys[rows[s]], options.sample_fraction, options.split_seed
            )
            report.setdefault("sampled", {})[s] = [len(picked), len(rows[s])]
            rows[s] = rows[s][picked]
    check_classes(names, codes[rows["train"]], source)
    rows = cut_missing(rows, codes, keys, options, report, names)
    leaks = np.isin(keys, keys[np.r_[rows["validation"], rows["test"]]])
    report["leaks"] = count_leaks(rows, keys, given)
    if options.drop_leaks:
        rows["train"] = drop(rows["train"], leaks, f"{noun} also in validation or test")
        check_classes(names, codes[rows["train"]], source)
    names, codes = drop_absent_names(names, codes, rows)
    report |= class_report(rows, codes, names)
    report["label_variants"] = label_variants(rows, codes, names)
    if content == "text":
        report |= text_report(table, rows)
    options_held = effective_options(options, report, log)
    base = as_dataset(table, codes, names)
    splits = datasets.DatasetDict({s: base.select(rows[s]) for s in SPLITS})
    unlabelled = base.select(np.flatnonzero(~has_label)).select_columns(["id", content])
    info = describe(source, options, splits, unlabelled, report, log)
    return Corpus(splits, unlabelled, info, log.dropped, options_held)


def labelled_rows(labels: np.ndarray, options: DataOptions) -> np.ndarray:
    """Which labels (n,) are one: neither empty nor a value that means "no label"."""
    missing = {None, *(nfc(mark).strip() for mark in options.unlabelled)}
    return np.fromiter((label not in missing for label in labels), bool, len(labels))


def effective_options(options: DataOptions, report: dict, log: ReadReport) -> dict:
    """The options without those that a source's given splits leave nothing to do, which are noted
    where the user set them.
    """
    held, defaults = asdict(options), DataOptions()
    idle = [f"{split}_size" for split in report["given_splits"] if split != "train"]
    if not report.get("cut_splits") and options.sample_fraction == 1:
        idle.append("split_seed")
    for name in idle:
        if held.pop(name) != getattr(defaults, name):
            log.note(
                f"--{name} {getattr(options, name)}: no effect, as the source gives its splits"
            )
    return held


def blank_rows(table: pa.Table) -> np.ndarray:
    """Which texts (n,) have no visible character, or which images no bytes."""
    if "image" in table.column_names:
        return table["image"].is_null().to_numpy()
    return ~pc.fill_null(pc.match_substring_regex(table["text"], VISIBLE), False).to_numpy()


def make_row_dropper(table: pa.Table, split: np.ndarray, labels: np.ndarray, log: ReadReport):
    """A function that takes rows out and keeps account of each in the log: (split, id, label,
    reason).
    """

    def drop(rows: np.ndarray, bad: np.ndarray, reason: str) -> np.ndarray:
        """The rows of `rows` that are not `bad` (a mask over the whole table)."""
        gone = rows[bad[rows]]
        ids = table["id"].take(gone).to_pylist()
        log.dropped += [(split[r], i, labels[r], reason) for r, i in zip(gone, ids, strict=True)]
        return rows[~bad[rows]]

    return drop


def check_ids(ids: pa.ChunkedArray, split: np.ndarray, source: str):
    """Refuse an id that occurs twice in one split: predictions could not be joined to their
    documents.
    """
    for name in SPLITS:
        own = ids.filter(pa.array(split == name))
        if len(own.unique()) < len(own):
            counts = own.value_counts()
            repeated = counts.filter(pc.greater(pc.struct_field(counts, "counts"), 1))
            first = repeated[0].as_py()
            raise InputError(
                f"{source}: id {first['values']!r} occurs {first['counts']} times in {name}, one of "
                f"{len(repeated)} such ids; fix them or name another column with --id_column"
            )


def check_classes(names: list[str], train_codes: np.ndarray, source: str):
    present = np.unique(train_codes)
    if len(present) < 2:
        only = f"only the class {names[present[0]]!r}" if len(present) else "no row"
        raise InputError(f"{source}: train has {only}; a classifier needs at least two classes")


def cut_missing(rows, codes, keys, options, report, names) -> dict[str, np.ndarray]:
    """Cut the splits that were not given from train and say what became of rare classes."""
    sizes = {s: getattr(options, f"{s}_size") for s in ("validation", "test") if not len(rows[s])}
    if not sizes:
        return rows
    train = rows["train"]
    distinct = np.bincount(codes[train][first_of_each(keys[train])], minlength=len(names))
    rare = np.flatnonzero((distinct > 0) & (distinct <= len(sizes)))
    report["rare_classes"] = {names[c]: int(distinct[c]) for c in rare}
    report["cut_splits"] = sizes
    cut = cut_splits(codes[train], keys[train], sizes, options.split_seed)
    rows = rows | {s: train[numbers] for s, numbers in cut.items()}
    for s in sizes:
        if not len(rows[s]):
            raise InputError(
                f"train has {len(np.unique(keys[train]))} distinct texts, too few to cut {s} from; "
                f"give a {s} split or more documents"
            )
    return rows


def count_leaks(rows, keys, given) -> dict[str, int]:
    """Rows of a later split whose normalised text is also in an earlier one: `validation in train`
    …
    """
    pairs = [("validation", "train"), ("test", "train"), ("test", "validation")]
    return {
        f"{a} in {b}": int(np.isin(keys[rows[a]], keys[rows[b]]).sum())
        for a, b in pairs
        if {a, b} <= set(given)
    }


def duplicate_report(table, rows, codes, keys, names) -> dict:
    """Duplicates within each split, and texts that carry several labels (in any split), with
    examples.
    """
    everything = np.concatenate(list(rows.values()))
    conflicts = everything[label_conflicts(codes[everything], keys[everything])]
    groups = [list(g) for _, g in itertools.groupby(conflicts, key=lambda row: keys[row])]
    texts = table["text" if "text" in table.column_names else "id"]
    examples = [
        {
            "text": texts[int(g[0])].as_py()[:200],
            "labels": sorted({names[codes[r]] for r in g}),
            "ids": [table["id"][int(r)].as_py() for r in g[:EXAMPLES]],
        }
        for g in groups[:EXAMPLES]
    ]
    return {
        "duplicates": {s: int(len(r) - len(np.unique(keys[r]))) for s, r in rows.items()},
        "label_conflicts": {"texts": len(groups), "rows": len(conflicts), "examples": examples},
    }


def drop_absent_names(names, codes, rows) -> tuple[list[str], np.ndarray]:
    """Forget the classes that no labelled row is left of."""
    present = np.unique(np.concatenate([codes[r] for r in rows.values()]))
    recode = np.zeros(len(names), np.int64)
    recode[present] = np.arange(len(present))
    return [names[c] for c in present], recode[codes]


def class_report(rows, codes, names) -> dict:
    """Rows per class and split, and the classes that a split lacks."""
    counts = {s: np.bincount(codes[r], minlength=len(names)) for s, r in rows.items()}
    return {
        "class_counts": {
            s: {names[c]: int(n[c]) for c in range(len(names))} for s, n in counts.items()
        },
        "classes_not_in_train": [names[c] for c in np.flatnonzero(counts["train"] == 0)],
        "classes_only_in_train": [
            names[c] for c in np.flatnonzero((counts["validation"] == 0) & (counts["test"] == 0))
        ],
    }


def label_variants(rows, label_ids, class_names) -> list[dict[str, int]]:
    """Groups of classes that differ only in case, accents, invisible characters or a final `.0`
    (pandas writes the codes of a column with gaps as 171.0), with rows.
    """
    groups = collections.defaultdict(list)
    for label_id, name in enumerate(class_names):
        key = label_key(name)
        groups[NUMBER_WITH_ZERO.sub(r"\1", key)].append(label_id)
    counts = np.bincount(label_ids[np.concatenate(list(rows.values()))], minlength=len(class_names))
    return [
        {class_names[label_id]: int(counts[label_id]) for label_id in group}
        for group in groups.values()
        if len(group) > 1
    ]


def text_report(table, rows) -> dict:
    """Texts that look like UTF-8 read with the wrong table, by split, with the first ids."""
    broken = pc.fill_null(pc.match_substring_regex(table["text"], MOJIBAKE), False).to_numpy()
    found = {s: r[broken[r]] for s, r in rows.items()}
    examples = [
        table["id"][int(r)].as_py()
        for r in np.concatenate(list(found.values()))[:EXAMPLES].astype(int)
    ]
    return {"mojibake": {s: len(r) for s, r in found.items()}, "mojibake_examples": examples}


def features(content: str, names: list[str]) -> datasets.Features:
    """The columns every room sees; `content` is text or image."""
    kind = datasets.Image() if content == "image" else datasets.Value("string")
    label = datasets.ClassLabel(names=names)
    return datasets.Features({"id": datasets.Value("string"), content: kind, "label": label})


def as_dataset(table: pa.Table, codes: np.ndarray, names: list[str]) -> datasets.Dataset:
    """The staged rows as a `Dataset`; its fingerprint is new each time, so that no cache of old
    rows is served.
    """
    content = content_column(table.column_names)
    values = table[content]
    if pa.types.is_binary(values.type):  # as `datasets` stores an image
        parts = [
            pa.StructArray.from_arrays([c, pa.nulls(len(c), STRING)], ["bytes", "path"])
            for c in values.chunks
        ]
        values = pa.chunked_array(parts)
    columns = pa.table({"id": table["id"], content: values, "label": pa.array(codes)})
    info = datasets.DatasetInfo(features=features(content, names))
    return datasets.Dataset(columns, info=info, fingerprint=uuid.uuid4().hex[:16])


def describe(source, options, splits, unlabelled, report, log) -> dict:
    """The content of dataset.json."""
    dropped = collections.defaultdict(collections.Counter)
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


def notes_of(info: dict, log: ReadReport) -> list[str]:
    """What a user should know before training, a sentence each."""
    report, notes = info["report"], list(dict.fromkeys(log.notes))
    what = "pages" if info["content"] == "image" else "texts"
    guessed = {e: n for e, n in info["encodings"].items() if e not in ("utf-8", "utf-8-sig")}
    if guessed and info["options"]["encoding"] is None:
        notes.insert(
            0,
            f"files that are not UTF-8, by the encoding they were found to be in: {guessed}; "
            "if their letters look wrong, pass --encoding",
        )
    for reason, counts in info["dropped"].items():
        notes.append(f"dropped, {reason}: " + ", ".join(f"{n} in {s}" for s, n in counts.items()))
    kept = {s: n for s, n in report["null_or_empty_texts"].items() if n and s != "train"}
    if kept:
        notes.append(f"null or empty texts kept, given splits are not altered: {kept}")
    if info["rows"]["unlabelled"]:
        notes.append(
            f"{info['rows']['unlabelled']} rows have no label and are kept apart for prediction"
        )
    if report.get("cut_splits"):
        notes.append(
            f"cut from train with seed {info['options']['split_seed']}: {', '.join(report['cut_splits'])}"
        )
    if report.get("rare_classes"):
        notes.append(
            f"classes too rare for every split (distinct texts): {shorten(report['rare_classes'])}"
        )
    for pair, n in report["leaks"].items():
        if n:
            notes.append(
                f"leak: {n} {what} of {pair.replace(' in ', ' are also in ')} (--drop_leaks takes them out)"
            )
    if sum(report["duplicates"].values()):
        notes.append(f"duplicate {what} within a split: {report['duplicates']}")
    if report["label_conflicts"]["texts"]:
        notes.append(
            f"{report['label_conflicts']['texts']} {what} carry more than one label, as "
            f"{report['label_conflicts']['examples'][0]['labels']}"
        )
    if report["label_variants"]:
        alike = [
            " and ".join(f"{name!r} ({n})" for name, n in group.items())
            for group in report["label_variants"]
        ]
        notes.append(
            "classes that differ only in case, accents, invisible characters or a final .0 (rows), "
            f"which may be meant as one: {shorten(alike)}"
        )
    if report["classes_not_in_train"]:
        notes.append(
            f"classes not in train, every row of them will count as an error: "
            f"{shorten(report['classes_not_in_train'])}"
        )
    if report["classes_only_in_train"]:
        notes.append(
            f"classes in train only, never measured: {shorten(report['classes_only_in_train'])}"
        )
    if sum(report.get("mojibake", {}).values()):
        notes.append(
            f"texts that look like wrongly decoded UTF-8 (Ã±): {report['mojibake']}, "
            f"such as id {report['mojibake_examples'][0]!r}"
        )
    return notes


def shorten(names, most: int = 10) -> str:
    """The first names of a list or dict, and how many more there are."""
    shown = [
        f"{n} ({names[n]})" if isinstance(names, dict) else n for n in itertools.islice(names, most)
    ]
    return ", ".join(shown) + (f" … and {len(names) - most} more" if len(names) > most else "")


def texts_of(column: pa.ChunkedArray) -> list[str | None]:
    """A column's texts, or what stands for its images: the SHA-256 of their bytes."""
    values = column.to_pylist()
    if pa.types.is_struct(column.type):
        return [hashlib.sha256(value["bytes"]).hexdigest() for value in values]
    return values


def content_hash(splits: datasets.DatasetDict) -> str:
    """SHA-256 of splits, ids, texts or image bytes, and label names, whatever the rows' order: 64
    hex digits.
    """
    digests = bytearray()
    for split, dataset in sorted(splits.items()):
        names, content = dataset.features["label"].names, content_column(dataset.column_names)
        for batch in dataset.with_format("arrow").iter(
            BATCH_ROWS if content == "text" else BATCH_IMAGES
        ):
            batch = batch.combine_chunks()
            columns = batch["id"].to_pylist(), texts_of(batch[content]), batch["label"].to_pylist()
            for identifier, text, label in zip(*columns, strict=True):
                fields = (split, identifier, text or "", names[label])
                row = "".join(f"{len(value)}:{value}" for value in fields)
                digests += hashlib.blake2b(row.encode(), digest_size=16).digest()
    rows = np.frombuffer(bytes(digests), ">u8").reshape(-1, 2)
    return hashlib.sha256(rows[np.lexsort((rows[:, 1], rows[:, 0]))].tobytes()).hexdigest()
