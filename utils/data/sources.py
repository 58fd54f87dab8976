"""Raw sources to rows: each is known by what it is, and read as such (`utils.data.readers`)."""

import itertools
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from utils.data.readers import (
    Row,
    clean,
    clean_label,
    read_datasets,
    read_hub,
    read_table,
    read_tree,
    read_txt,
)
from utils.data.split_names import check_folders, split_files, split_folders
from utils.errors import InputError
from utils.folders import files_below
from utils.records import TABLE_SUFFIXES, Columns, ReadReport, table_suffix
from utils.text import check_encoding, decode, readable_name

Unlabelled = tuple[str, str | None, str | None]  # id, text, label


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

    Raises:
        InputError: the description of a saved dataset cannot be read.
    """
    if source == "sample":
        return kind == "text"
    if source == "sample_pages":
        return kind == "image"
    folder = Path(source)
    if folder.is_file():
        return kind == "text"
    if not folder.is_dir():
        return True
    described = [*folder.glob("dataset_info.json"), *folder.glob("*/dataset_info.json")]
    if described:
        return kind == saved_content(described[0])
    if split_files(folder):
        return kind == "text"
    return any(path.suffix.lower() in endings_of(kind) for path in files_below(folder))


def saved_content(path: Path) -> str:
    """`text` or `image`, by what `datasets` notes of the columns that it saved."""
    try:
        described = json.loads(path.read_text(encoding="utf-8")).get("features") or {}
        kinds = [
            feature.get("_type") for feature in described.values() if isinstance(feature, dict)
        ]
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); copy the dataset again") from None
    return "image" if "Image" in kinds else "text"


def endings_of(kind: str) -> tuple[str, ...]:
    """The endings of the files in a tree of `text` or `image`."""
    from utils.pages.text import SUFFIXES

    return SUFFIXES if kind == "image" else (".txt",)


def rows_of(
    source: str, columns: Columns, log: ReadReport, content: str = "text", has_truth: bool = False
) -> Iterable[Row]:
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
    is_hub_id = re.fullmatch(r"[\w.-]+(/[\w.-]+)?", source)
    if table_suffix(path) or path.is_absolute() or not is_hub_id:
        raise InputError(f"{source}: no such file or folder; check the path")
    return read_hub(source, columns, log)


def rows_of_folder(
    path: Path, columns: Columns, log: ReadReport, content: str, has_truth: bool
) -> Iterable[Row]:
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
        tables = [read_table(file, split, columns, log) for split, file in files.items()]
        return itertools.chain(*tables)

    # A tree: of splits, or of classes alone, which are all train.
    endings = endings_of(content)
    if folders:
        check_folders(path, folders, endings)
    else:
        found = [file for file in files_below(path) if file.suffix.lower() in endings]
        if content == "text" and not any(file.parent != path for file in found):
            raise InputError(
                f"{path}: no split found; give train.jsonl (or .csv, .tsv, .parquet, .gz), "
                "train/<typology>/*.txt or <typology>/*.txt"
            )
        folders = {"train": path}
    if content == "image":
        from utils.data.image_tree import read_image_tree

        return read_image_tree(folders, log, has_truth)
    return read_tree(folders, log)


def note_other_tables(folder: Path, files: dict[str, Path], log: ReadReport):
    """Name the tables and the folders of documents that are not read beside split files."""
    tables = [path for path in sorted(folder.iterdir()) if path.is_file() and table_suffix(path)]
    others = [path.name for path in tables if path not in files.values()]
    others += [f"{path.name}/" for path in split_folders(folder).values()]
    if others:
        log.note(f"{folder}: {', '.join(others[:5])} left alone beside the split files")


def rows_of_split(
    path: Path, split: str, columns: Columns, log: ReadReport, content: str
) -> Iterable[Row]:
    """Rows of one split of a folder of split files or split folders."""
    files, folders = split_files(path), split_folders(path)
    if content == "image":
        from utils.data.image_tree import read_image_tree

        return read_image_tree({split: folders[split]}, log, False)
    if split in files:
        return read_table(files[split], split, columns, log)
    return read_tree({split: folders[split]}, log)


def read_unlabelled(
    source: str,
    columns: Columns,
    log: ReadReport,
    class_names: list[str],
    unlabelled: Sequence[str] = (),
) -> Iterator[Unlabelled]:
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


def unlabelled_rows(
    source: str, columns: Columns, log: ReadReport, class_names: list[str]
) -> Iterator[Unlabelled]:
    """(id, text, label) of what is to be predicted, as it is written there."""
    path = Path(source)
    if source == "-":
        for number, line in enumerate(standard_input(log)):
            yield str(number), line, None
    elif path.is_dir():
        for _, identifier, text, label in read_tree({"predict": path}, log):
            yield identifier, text, label if label in class_names else None
    elif path.is_file() and table_suffix(path):
        rows = read_table(path, "predict", columns, log, needs_label=False)
        for _, identifier, text, label in rows:
            yield identifier, text, label
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
