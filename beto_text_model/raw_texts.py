"""Texts without labels for pre-training: any source this suite reads, as rows (source, text) on
disk.
"""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from utils.data import load_corpus
from utils.data.corpus import DataOptions, spool_to_arrow
from utils.data.sources import read_txt, split_files, split_folders
from utils.data.splits import cut_splits
from utils.errors import InputError
from utils.folders import files_below
from utils.records import (
    OPENERS,
    TABLE_SUFFIXES,
    Columns,
    ReadReport,
    all_columns,
    as_string,
    dataset_name,
    table_records,
    table_suffix,
)
from utils.text import is_blank, match_keys


@dataclass
class RawTextOptions:
    """Which texts, and how many of them are kept aside."""

    dataset: str = field(
        default="sample",
        metadata={
            "help": "folder of txt (any depth), of tables, a table (.jsonl, .csv, .tsv, .parquet, "
            "plain or .gz, .bz2, .xz), a prepared dataset (its train and unlabelled texts), or "
            "sample"
        },
    )
    text_column: str = field(default="text", metadata={"help": "column that holds the text"})
    source_column: str = field(
        default="source",
        metadata={
            "help": "column by which held-out scores are told apart; default: file or folder"
        },
    )
    held_out_size: float = field(
        default=0.01, metadata={"help": "share of each source's documents kept aside; or 0"}
    )
    split_seed: int = field(default=0, metadata={"help": "seed of that cut, not of the training"})


@dataclass
class RawTexts:
    """Documents in memory-mapped Arrow, and which of them are kept aside."""

    texts: pa.ChunkedArray  # (n,) string
    sources: np.ndarray  # (n,) int, the place in `source_names` of each text's source
    source_names: list[str]
    train: np.ndarray  # sorted row numbers
    held_out: np.ndarray  # sorted row numbers
    hash: str
    notes: list[str]


def load_raw_texts(options: RawTextOptions) -> RawTexts:
    """Read, clean (NFC) and cut a corpus; equal texts (`utils.text.match_keys`) stay on one side.

    Raises:
        InputError: nothing to read, no text in it, or nothing left to train on or to keep aside.
    """
    if not 0 <= options.held_out_size < 1:
        raise InputError(
            f"--held_out_size {options.held_out_size}: give a share from 0 up to (not with) 1"
        )
    # In one table, as labelled corpora are: the source takes the label's place.
    log = ReadReport()
    rows = (("train", "", text, metric_name(source)) for source, text in read_raw(options, log))
    table = spool_to_arrow(rows, log)
    if not len(table):
        reason = log.notes[-1] if log.notes else "check the path"
        raise InputError(f"{options.dataset}: no text in it; {reason}")
    source_of = table["label"].to_numpy(zero_copy_only=False).astype(str)
    source_names, sources = np.unique(source_of, return_inverse=True)

    # The cut: stratified by source, as a labelled corpus is by class.
    train = np.arange(len(table))
    held_out = np.empty(0, int)
    if options.held_out_size:
        keys = match_keys(table["text"])
        shares = {"held_out": options.held_out_size}
        cut = cut_splits(sources, keys, shares, options.split_seed)
        train = cut["train"]
        held_out = cut["held_out"]
        if not len(held_out):
            raise InputError(
                f"{options.dataset}: one document, so none can be kept aside to measure "
                "perplexity; give more documents, or pass --held_out_size 0 and --eval_strategy no"
            )
    return RawTexts(
        texts=table["text"],
        sources=sources,
        source_names=source_names.tolist(),
        train=train,
        held_out=held_out,
        hash=texts_hash(table),
        notes=log.notes,
    )


def metric_name(source: str) -> str:
    """The source as every tracker takes it in a metric's name: letters, digits, spaces and `_ . -
    /`.
    """
    return re.sub(r"[^\w. /-]+", "_", source).strip() or "_"


def texts_hash(table: pa.Table) -> str:
    """SHA-256 of the sources and texts in their order."""
    digest = hashlib.sha256()
    for column in ("label", "text"):
        for chunk in table[column].chunks:
            # Lengths first, or "ab", "c" and "a", "bc" would be the same.
            digest.update(np.asarray(pc.binary_length(chunk)).astype("<i8").tobytes())
            digest.update(b"".join(value.encode() for value in chunk.to_pylist()))
    return digest.hexdigest()


def read_raw(options: RawTextOptions, log: ReadReport):
    """Yield (source, text) of every document that is not blank; blank ones are counted in the
    notes.
    """
    blank = 0
    for source, text in documents(options, log):
        if not is_blank(text):
            yield source, text
        else:
            blank += 1
    if blank:
        log.note(f"{blank} texts without a visible character were left out")


def documents(options: RawTextOptions, log: ReadReport):
    """Yield (source, text) as read: what the source is decides how."""
    name = options.dataset
    path = Path(name)
    if name == "sample" or (path / "dataset.json").exists():
        corpus = load_corpus(name, DataOptions())
        yield from ((dataset_name(name), text) for text in corpus.splits["train"]["text"])
        yield from (
            (f"{dataset_name(name)} unlabelled", text) for text in corpus.unlabelled["text"]
        )
    elif path.is_file():
        yield from read_document_file(path, file_name(path), options, log)
    elif path.is_dir():
        yield from read_document_folder(path, options, log)
    else:
        raise InputError(f"--dataset {name}: no such file or folder; check the path")


def read_document_folder(folder: Path, options: RawTextOptions, log: ReadReport):
    """Yield (source, text) of every txt and table below a folder, at any depth; of a folder with
    splits, of what is in train.
    """
    splits = split_files(folder) | split_folders(folder)
    if "train" in splits and len(splits) > 1:
        log.note(f"{folder}: a dataset with splits; only {splits['train'].name} is read")
        folder = splits["train"]
    paths = [folder] if folder.is_file() else files_below(folder)
    ignored = 0
    for path in paths:
        if not is_document_file(path):
            ignored += 1
            continue
        # The source: the folder right below, else the table's name, else this folder's.
        parts = path.relative_to(folder).parts
        if len(parts) > 1:
            source = parts[0]
        elif table_suffix(path) is not None:
            source = file_name(path)
        else:
            source = folder.name
        yield from read_document_file(path, source, options, log)
    if ignored:
        log.note(f"{folder}: {ignored} files that are neither .txt nor a table were left alone")


def read_document_file(path: Path, source: str, options: RawTextOptions, log: ReadReport):
    """Yield (source, text) of a table's rows, or of one txt file."""
    if not is_document_file(path):
        raise InputError(
            f"--dataset {path}: unknown kind of file; give .txt, {', '.join(TABLE_SUFFIXES)}, "
            f"plain or {', '.join(OPENERS)}"
        )
    if table_suffix(path) is None:
        yield source, read_txt(path, log)
        return
    columns = Columns(text=options.text_column, label=options.source_column)
    column_names = None
    for number, record in table_records(path, columns, log):
        if column_names is None:
            column_names = all_columns(path, record, {columns.text}, log)
        if columns.text not in column_names:
            raise InputError(
                f"{path}: no column {columns.text!r}, only "
                f"{', '.join(map(repr, column_names))}; pass --text_column"
            )
        if number == 0:  # a table without rows
            continue
        where = f"{path}, line {number}"
        text = as_string(record.get(columns.text), where)
        own_source = as_string(record.get(columns.label), where)
        yield source if is_blank(own_source) else own_source, text


def is_document_file(path: Path) -> bool:
    """Whether the file is a table or a text, plain or compressed."""
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] in OPENERS:
        suffixes.pop()
    return table_suffix(path) is not None or suffixes[-1:] == [".txt"]


def file_name(path: Path) -> str:
    """The file's name without its extensions."""
    return path.name.split(".")[0]
