"""Raw sources to rows: txt trees, csv, tsv, jsonl and parquet files, Hub datasets, the embedded
sample.

Every reader yields `(split, id, text, label)` with strings or None, and writes what it met into a
`ReadReport`: notes (sentences for the user), encodings (encoding -> number of files), dropped rows.
"""

import collections
import itertools
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

from utils.errors import InputError
from utils.folders import files_below
from utils.hub import offline_if_unreachable
from utils.records import (
    TABLE_SUFFIXES,
    Columns,
    ReadReport,
    all_columns,
    as_string,
    column_name,
    file_chunks,
    table_records,
    table_suffix,
)
from utils.text import (
    check_encoding,
    decode,
    is_binary,
    is_blank,
    label_key,
    nfc,
    readable_name,
    whole_characters,
)

# The names of splits as people write them, as `split_of` compares them.
SPLIT_NAMES = {
    "train": ("train", "training", "trainset", "entrenamiento", "entreno", "entrenar"),
    "validation": (
        *("val", "valid", "validate", "validation", "valset", "validationset", "validacion"),
        *("validar", "dev", "devel", "devset", "development", "desarrollo"),
    ),
    "test": ("test", "tests", "testing", "testset", "prueba", "pruebas", "probar"),
}
SPLIT_OF = {name: split for split, names in SPLIT_NAMES.items() for name in names}
# Words that stand beside a split's name and say nothing: "conjunto de entrenamiento", test_set.
FILLERS = {"set", "split", "data", "dataset", "datos", "conjunto", "corpus", "de", "of", "the"}
BESIDE_SPLITS = ("muestras", "todas")  # what `utils.versions` writes beside a tree's splits


def split_of(name: str) -> str | None:
    """`train`, `validation` or `test` of a split's name in English or Spanish, whatever its case,
    accents and separators; None of any other name.
    """
    words = [word for word in re.split(r"[\W_]+", label_key(name)) if word not in ("", *FILLERS)]
    return SPLIT_OF.get(words[0]) if len(words) == 1 else None


def clean(value: str | bytes | None, log: ReadReport) -> str | bytes | None:
    """NFC, and lone surrogates (half an emoji in json) as U+FFFD, since no file could hold them;
    bytes stay.
    """
    if value is None or isinstance(value, bytes):
        return value
    whole = whole_characters(value)
    if whole != value:
        log.note("half a surrogate pair in a text became U+FFFD")
    return nfc(whole)


def clean_label(label: str | None, log: ReadReport, unlabelled=()) -> str | None:
    """The label in NFC without spaces around it; None where it is blank or means "no label".

    Args:
        unlabelled: the values that mean it (`NR`).
    """
    label = clean(label, log)
    if label is None or is_blank(label):
        return None
    label = label.strip()
    return None if label in {nfc(mark).strip() for mark in unlabelled} else label


def read_table(path: Path, split: str, columns: Columns, log: ReadReport, needs_label: bool = True):
    """Yield (split, id, text, label) of one table file; ids are row numbers where it has none.

    Raises:
        InputError: no such column, no row, or a row without an id where others have one.
    """
    records = table_records(path, columns, log)
    first = next(records, None)
    if first is None:
        raise InputError(f"{path}: a header and no rows; give at least one row for each class")
    wanted = {columns.text, columns.label, columns.id}
    names = all_columns(path, first[1], wanted, log)
    check_columns(path, names, columns, needs_label)
    if first[0] == 0:
        raise InputError(f"{path}: a header and no rows; give at least one row for each class")
    has_id = columns.id in names
    if not has_id:
        log.note(f"{path}: no column {columns.id!r}, ids are row numbers")
    for row, (number, record) in enumerate(itertools.chain([first], records)):
        where = f"{path}, line {number}"
        text = as_string(record.get(columns.text), f"{where}, column {columns.text!r}")
        label = as_string(record.get(columns.label), f"{where}, column {columns.label!r}")
        identifier = str(row)
        if has_id:
            identifier = as_string(record.get(columns.id), f"{where}, column {columns.id!r}")
        if is_blank(identifier):
            raise InputError(
                f"{where}: column {columns.id!r} is empty; fill it or name another with --id_column"
            )
        yield split, identifier, text, label


def check_columns(path, names: list[str], columns: Columns, needs_label: bool):
    """Refuse a table that lacks the text, the label, or a column that the user named."""
    wanted = [("text", columns.text)]
    if needs_label or columns.label != Columns.label:
        wanted.append(("label", columns.label))
    if columns.id != Columns.id:
        wanted.append(("id", columns.id))
    for flag, name in wanted:
        if name not in names:
            raise InputError(
                f"{path}: no column {name!r}, only {', '.join(map(repr, names))}; "
                f"pass --{flag}_column"
            )


def read_file_folder(files: dict[str, Path], columns: Columns, log: ReadReport):
    """Rows of a folder of split files, as `split_files` found them."""
    for split, path in files.items():
        yield from read_table(path, split, columns, log)


def split_files(folder: Path) -> dict[str, Path]:
    """`{train: train.jsonl.gz, …}` of a folder; empty when it holds no split file."""
    paths = [path for path in sorted(folder.iterdir()) if path.is_file() and table_suffix(path)]
    return by_split(folder, {path: split_of(path.name.split(".")[0]) for path in paths})


def split_folders(folder: Path) -> dict[str, Path]:
    """`{train: …/train, validation: …/val, …}` of a tree; empty when it holds no split folder."""
    paths = [path for path in sorted(folder.iterdir()) if path.is_dir()]
    return by_split(folder, {path: split_of(path.name) for path in paths})


def by_split(folder: Path, splits: dict[Path, str | None]) -> dict[str, Path]:
    """Split -> its file or folder, in the order train, validation, test.

    Raises:
        InputError: two of them are one split.
    """
    found: dict[str, Path] = {}
    for path, split in splits.items():
        if split in found:
            raise InputError(
                f"{folder}: {readable_name(found[split].name)} and {readable_name(path.name)} are "
                f"both the {split} split; keep one of them"
            )
        if split:
            found[split] = path
    return {split: found[split] for split in SPLIT_NAMES if split in found}


def check_folders(folder: Path, splits: dict[str, Path], endings: tuple[str, ...]):
    """Refuse a tree in which folders named as splits stand beside others that hold documents:
    whether those are classes, or splits of other names, cannot be told.
    """
    for path in sorted(folder.iterdir()):
        if path in splits.values() or path.name.startswith(".") or path.name in BESIDE_SPLITS:
            continue
        if path.is_dir() and any(p.suffix.lower() in endings for p in files_below(path)):
            split = next(iter(splits.values()))
            raise InputError(
                f"{folder}: {readable_name(split.name)}/ is named as a split, "
                f"{readable_name(path.name)}/ is not; put the folders of all classes below train/, "
                "or name the splits train/, validation/ and test/ and move the rest away"
            )


def read_tree(folders: dict[str, Path], log: ReadReport):
    """Rows of `{split: folder}` with `typology/**/*.txt` below each; a txt right below a split has
    no label.

    The id is the path below the split without its extension. Links are followed.
    """
    ignored: collections.Counter = collections.Counter()
    for split, folder in folders.items():
        for path in files_below(folder):
            is_pipe = path.exists() and not path.is_file()
            if path.suffix.lower() != ".txt" or is_pipe:
                ignored[path.suffix.lower() or path.name] += 1
                continue
            parts = [readable_name(p) for p in path.relative_to(folder).with_suffix("").parts]
            identifier = "/".join(parts)
            label = parts[0] if len(parts) > 1 else None
            text = read_txt(path, log)
            if text is None:
                log.dropped.append((split, identifier, label, "binary content"))
            else:
                yield split, identifier, text, label
    if ignored:
        kinds = ", ".join(f"{n} {kind}" for kind, n in ignored.most_common(5))
        log.note(f"{sum(ignored.values())} files that are not .txt were left alone ({kinds})")


def read_txt(path: Path, log: ReadReport) -> str | None:
    """The text of one file, None when it is binary.

    Raises:
        InputError: the file cannot be read, or is not in the encoding that the user names.
    """
    data = b"".join(file_chunks(path))
    check_encoding(log.encoding)
    if log.encoding is None and is_binary(data[:8192]):
        log.note(f"{path}: binary content, left out; convert it to text or remove it")
        return None
    try:
        text, encoding = decode(data, log.encoding)
    except UnicodeError as error:
        raise InputError(
            f"{path}: not in {log.encoding or 'the encoding it begins with'} ({error}); pass "
            "another --encoding or none"
        ) from None
    log.file_encoding(path, encoding)
    return text


def read_hub(name: str, columns: Columns, log: ReadReport):
    """Rows of a dataset of the Hub (or of its local cache)."""
    import datasets

    offline = offline_if_unreachable()
    try:
        loaded = datasets.load_dataset(name)
    except Exception as error:  # the Hub's client has no common base class for its failures
        reason = (
            "which cannot be reached"
            if offline
            else (str(error).splitlines() or [type(error).__name__])[0][:200]
        )
        raise InputError(
            f"{name!r}: no such file or folder here, nor a dataset of the Hub ({reason}); check the "
            "path, or prepare it where there is a network and copy that folder here"
        ) from None
    yield from read_datasets(loaded, name, columns, log)


def read_datasets(loaded, name: str, columns: Columns, log: ReadReport):
    """Rows of a `DatasetDict` (or a `Dataset`, taken as train) with any columns; of images, their
    bytes.
    """
    splits = loaded if isinstance(loaded, dict) else {"train": loaded}
    found: dict[str, str] = {}
    for stored_name, dataset in splits.items():
        split = split_of(str(stored_name))
        if split is None:
            log.note(f"{name}: split {stored_name!r} left alone")
            continue
        if split in found:
            raise InputError(
                f"{name}: its splits {found[split]!r} and {stored_name!r} are both {split}; "
                "keep one of them"
            )
        found[split] = stored_name
        yield from read_dataset(dataset, split, f"{name} ({stored_name})", columns, log)


def read_dataset(dataset, split: str, name: str, columns: Columns, log: ReadReport):
    """Rows of one split of `datasets`."""
    import datasets

    plain = {stored: column_name(stored) for stored in dataset.column_names}
    check_columns(name, list(plain.values()), columns, needs_label=True)
    if list(plain) != list(plain.values()):
        dataset = dataset.rename_columns({a: b for a, b in plain.items() if a != b})
    feature = dataset.features[columns.label]
    class_names = feature.names if isinstance(feature, datasets.ClassLabel) else None
    has_id = columns.id in dataset.column_names
    kept = [c for c in (columns.id, columns.text, columns.label) if c in dataset.column_names]
    dataset = dataset.select_columns(kept)
    is_image = isinstance(dataset.features[columns.text], datasets.Image)
    if is_image:
        dataset = dataset.cast_column(columns.text, datasets.Image(decode=False))
    for row, record in enumerate(dataset):
        where = f"{name}, row {row}"
        label = record[columns.label]
        if class_names is not None:
            label = class_names[label] if label is not None and label >= 0 else None
        label = as_string(label, where)
        identifier = as_string(record[columns.id], where) if has_id else str(row)
        if is_blank(identifier):
            raise InputError(
                f"{where}: column {columns.id!r} is empty; fill it or name another with --id_column"
            )
        if not is_image:
            yield split, identifier, as_string(record[columns.text], where), label
            continue
        content, reason = stored_image(record[columns.text])
        if reason:
            log.note(f"{where}, {identifier}: left out, {reason}")
            log.dropped.append((split, identifier, label, reason))
        else:
            yield split, identifier, content, label


def stored_image(value: dict | None) -> tuple[bytes, str]:
    """The bytes of an image as `datasets` stores it (itself, or the path of its file), and why it
    is no page.
    """
    from utils.pages.images import read_page, read_page_file

    value = value or {"bytes": b"", "path": None}
    file = (
        read_page(value["bytes"] or b"")
        if value["bytes"] or not value["path"]
        else read_page_file(Path(value["path"]))
    )
    return file.data, file.reason


def content_of(source: str, wanted: str | None) -> str:
    """What a source's documents are: `text` or `image`; txt and images side by side are both.

    Args:
        wanted: what the caller reads; None: whichever there is.

    Raises:
        InputError: the source holds the other alone.
    """
    if wanted == "image" and not holds(source, "image"):
        raise InputError(
            f"{source}: no image in it; give train/<typology>/*.png (jpg, tif, bmp, webp, pdf), "
            "a prepared dataset of pages, or sample_pages"
        )
    if wanted == "image" or holds(source, "text") or not holds(source, "image"):
        return wanted or "text"
    if wanted == "text":
        raise InputError(
            f"{source}: page images and no text in it; make text of them with python -m "
            "utils.extract_text, or give them to image_model"
        )
    return "image"


def holds(source: str, kind: str) -> bool:
    """Whether a source has documents of a kind, `text` or `image`; of what only the Hub may have,
    either.
    """
    folder, named = Path(source), {"sample": "text", "sample_pages": "image"}
    if source in named or not folder.is_dir():
        return kind == named.get(source, "text" if folder.is_file() else kind)
    saved = [
        path for name in ("dataset_info.json", "*/dataset_info.json") for path in folder.glob(name)
    ]
    if saved:
        features = (json.loads(saved[0].read_text(encoding="utf-8")).get("features") or {}).values()
        is_image = any(
            isinstance(feature, dict) and feature.get("_type") == "Image" for feature in features
        )
        return is_image == (kind == "image")
    if split_files(folder):
        return kind == "text"
    from utils.pages.text import SUFFIXES

    endings = (".txt",) if kind == "text" else SUFFIXES
    return any(path.suffix.lower() in endings for path in files_below(folder))


def rows_of(
    source: str, columns: Columns, log: ReadReport, content: str = "text", has_truth: bool = False
):
    """Rows of any source, told apart by what it is; see `utils.data.load_splits`.

    Args:
        content: `text` or `image`, as `content_of` tells. has_truth: a ground truth will label a
            flat test.

    Raises:
        InputError: the source is missing, empty, broken, or holds no split or table that can be
            read.
    """
    if content == "image" and columns.text == "text":
        columns = replace(columns, text="image")
    if source == "sample":
        from utils.samples.documents import generate_sample

        return ((row["split"], row["id"], row["text"], row["label"]) for row in generate_sample())
    path = Path(source)
    if path.is_file():
        if table_suffix(path) is None:
            raise InputError(
                f"{path}: unknown kind of file; give {', '.join(TABLE_SUFFIXES)} (plain or .gz)"
            )
        return read_table(path, "train", columns, log)
    if path.is_dir():
        return rows_of_folder(path, columns, log, content, has_truth)
    if table_suffix(path) or path.is_absolute() or not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", source):
        raise InputError(f"{source}: no such file or folder; check the path")
    return read_hub(source, columns, log)


def rows_of_folder(path: Path, columns: Columns, log: ReadReport, content: str, has_truth: bool):
    """Rows of a folder: split files, a tree, or what `datasets` saved."""
    if (path / "dataset_dict.json").exists() or (path / "dataset_info.json").exists():
        import datasets

        return read_datasets(datasets.load_from_disk(str(path)), str(path), columns, log)
    files, folders = split_files(path), split_folders(path)
    if (files or folders) and "train" not in (files or folders):
        raise InputError(
            f"{path}: no train split beside {', '.join(files or folders)}; add train.* or train/"
        )
    if files:
        note_other_tables(path, files, log)
        return read_file_folder(files, columns, log)

    from utils.data.image_tree import read_image_tree
    from utils.pages.text import SUFFIXES

    endings = SUFFIXES if content == "image" else (".txt",)
    if folders:
        check_folders(path, folders, endings)
    else:
        in_class = [
            len(file.relative_to(path).parts) > 1
            for file in files_below(path)
            if file.suffix.lower() in endings
        ]
        if any(in_class) or content == "image":
            folders = {"train": path}
    if folders and content == "image":
        return read_image_tree(folders, log, has_truth)
    if folders:
        return read_tree(folders, log)
    raise InputError(
        f"{path}: no split found; give train.jsonl (or .csv, .tsv, .parquet, .gz), "
        "train/<typology>/*.txt or <typology>/*.txt"
    )


def note_other_tables(folder: Path, files: dict[str, Path], log: ReadReport):
    """Name the tables and the folders of documents that are not read beside split files."""
    others = [p.name for p in sorted(folder.iterdir()) if p.is_file() and table_suffix(p)]
    others = [name for name in others if name not in {p.name for p in files.values()}]
    others += [f"{p.name}/" for p in split_folders(folder).values()]
    if others:
        log.note(f"{folder}: {', '.join(others[:5])} left alone beside the split files")


def rows_of_split(path: Path, split: str, columns: Columns, log: ReadReport, content: str):
    """Rows of one split of a folder of split files or split folders."""
    files, folders = split_files(path), split_folders(path)
    if content == "image":
        from utils.data.image_tree import read_image_tree

        return read_image_tree({split: folders[split]}, log, False)
    if split in files:
        return read_table(files[split], split, columns, log)
    return read_tree({split: folders[split]}, log)


def read_unlabelled(
    source: str, columns: Columns, log: ReadReport, class_names: list[str], unlabelled=()
):
    """Yield (id, text, label or None) of what is to be predicted: a table, a folder of txt, a txt
    file or `-`. All are cleaned as `utils.prepare_dataset` cleans them.

    In a folder the label is the first folder's name, where that is one of `class_names`.

    Args:
        unlabelled: label values that mean "no label".

    Raises:
        InputError: the source cannot be read, or lacks a column that the user named.
    """
    for identifier, text, label in unlabelled_rows(source, columns, log, class_names):
        yield clean(identifier, log), clean(text, log), clean_label(label, log, unlabelled)


def unlabelled_rows(source: str, columns: Columns, log: ReadReport, class_names: list[str]):
    """(id, text, label) of what is to be predicted, as it is written there."""
    path = Path(source)
    if source == "-":
        yield from ((str(n), line, None) for n, line in enumerate(standard_input(log)))
    elif path.is_dir():
        for _, identifier, text, label in read_tree({"predict": path}, log):
            yield identifier, text, label if label in class_names else None
    elif path.is_file() and table_suffix(path):
        for _, *row in read_table(path, "predict", columns, log, needs_label=False):
            yield row
    elif path.is_file() and path.suffix.lower() == ".txt":
        text = read_txt(path, log)
        if text is not None:
            yield readable_name(path.stem), text, None
    else:
        reason = "unknown kind of file" if path.exists() else "no such file or folder"
        raise InputError(
            f"--input {source}: {reason}; give {', '.join(TABLE_SUFFIXES)} (plain or .gz), .txt, a "
            "folder of .txt, or - for standard input"
        )


def standard_input(log: ReadReport) -> list[str]:
    """The lines of standard input, decoded as a file is."""
    check_encoding(log.encoding)
    try:
        text, encoding = decode(sys.stdin.buffer.read(), log.encoding)
    except UnicodeError as error:
        raise InputError(
            f"standard input: not in {log.encoding} ({error}); pass another --encoding or none"
        ) from None
    log.file_encoding("standard input", encoding)
    lines = text.removesuffix("\n").split("\n") if text else []
    return [line.removesuffix("\r") for line in lines]
