"""Trees of page images to rows, and the ground truth that labels a flat test folder."""

import collections
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from utils.data.readers import Row, id_and_label
from utils.errors import InputError
from utils.folders import files_below
from utils.pages.images import PageFile, read_page_file, side_by_side
from utils.pages.text import SUFFIXES
from utils.records import Columns, ReadReport, csv_records, table_suffix
from utils.text import readable_name

SHOWN = 5


@dataclass
class Document:
    """One file of a tree: its id is the path below the split without the ending."""

    path: Path
    split: str
    id: str
    label: str | None


def documents(folders: dict[str, Path], log: ReadReport) -> list[Document]:
    """The images and PDFs of `{split: folder}`; a file right below a split has no label.

    Raises:
        InputError: two files would have one id.
    """
    found: dict[tuple[str, str], Document] = {}
    others: collections.Counter[str] = collections.Counter()
    for split, folder in folders.items():
        for path in files_below(folder):
            if path.suffix.lower() not in SUFFIXES:
                others[path.suffix.lower() or path.name] += 1
                continue
            document = Document(path, split, *id_and_label(path, folder))
            if (split, document.id) in found:
                raise InputError(
                    f"{path}: {found[split, document.id].path.name} beside it would have the same "
                    f"id {document.id!r}; keep one of them or rename it"
                )
            found[split, document.id] = document
    if others:
        kinds = ", ".join(f"{n} {kind}" for kind, n in others.most_common(SHOWN))
        log.note(f"{sum(others.values())} files that are no images were left alone ({kinds})")
    return list(found.values())


def read_image_tree(
    folders: dict[str, Path], log: ReadReport, has_truth: bool = False
) -> Iterator[Row]:
    """Yield (split, id, bytes, label) of the images below each split; of a file of several pages,
    the first.

    Files that are no page are left out, each with its reason in the log.

    Raises:
        InputError: files right below test, and no ground truth (`has_truth`) to label them.
    """
    wanted = documents(folders, log)
    several: list[str] = []
    lost: collections.Counter[str] = collections.Counter()
    flat = [
        document.path for document in wanted if document.split == "test" and document.label is None
    ]
    if flat and not has_truth:
        raise InputError(
            f"{flat[0]}: one of {len(flat)} files of test/ that lie in no typology folder; pass "
            "--ground_truth CSV_OR_MUESTRAS or put them into test/<typology>/"
        )
    paths = (document.path for document in wanted)
    for document, file in zip(wanted, side_by_side(checked_file, paths), strict=True):
        if file.reason:
            log.note(f"{document.path}: left out, {file.reason}")
            log.dropped.append((document.split, document.id, document.label, file.reason))
            lost[document.path.suffix.lower()] += 1
            continue
        if file.pages > 1:
            several.append(f"{document.path.name} ({file.pages})")
        yield document.split, document.id, file.data, document.label
    if lost:
        kinds = ", ".join(f"{n} {kind}" for kind, n in lost.most_common())
        log.note(f"{lost.total()} of {len(wanted)} images were left out ({kinds})")
    if several:
        more = " …" if len(several) > SHOWN else ""
        log.note(
            f"{len(several)} files have several pages, the first of each is taken: "
            f"{', '.join(several[:SHOWN])}{more}"
        )


def checked_file(path: Path) -> PageFile:
    """A file that was decoded to its end, without the decoded image: several may be large."""
    file = read_page_file(path)
    file.image = None
    return file


def read_truth(source: str, log: ReadReport) -> dict[str, str]:
    """File name, with and without its ending, to typology: of `muestras/<typology>/<file>` or a csv
    of file, typology.

    Raises:
        InputError: nothing of the kind is there, or a name stands for two typologies.
    """
    path = Path(source)
    if path.is_dir():
        path = path / "muestras" if (path / "muestras").is_dir() else path
        files = [file.relative_to(path) for file in files_below(path)]
        pairs = [(file.name, file.parts[0]) for file in files if len(file.parts) > 1]
    elif path.is_file() and table_suffix(path) in (".csv", ".tsv"):
        pairs = [
            pair_of(path, line, record)
            for line, record in csv_records(path, Columns(text="file"), log)
        ]
    else:
        reason = "unknown kind of file" if path.exists() else "no such file or folder"
        raise InputError(
            f"--ground_truth {source}: {reason}; give a csv of file and typology, or a folder "
            "muestras/<typology>/*"
        )
    truth: dict[str, str] = {}
    for name, typology in pairs:
        name = readable_name(name)
        typology = readable_name(typology).strip()
        for key in {name, Path(name).stem}:
            if truth.setdefault(key, typology) != typology:
                raise InputError(
                    f"--ground_truth {source}: {name!r} is both {truth[key]!r} and {typology!r}; "
                    "keep one of them"
                )
    if not truth:
        raise InputError(
            f"--ground_truth {source}: no file with a typology in it; give <typology>/<file> or a "
            "csv"
        )
    return truth


def pair_of(path: Path, line: int, record: dict) -> tuple[str, str]:
    """The file name and typology of a csv row."""
    missing = [name for name in ("file", "typology") if name not in record]
    if missing:
        columns = ", ".join(map(repr, record))
        raise InputError(
            f"--ground_truth {path}: no column {missing[0]!r}, only {columns}; "
            "rename its columns to file and typology"
        )
    if not record["file"].strip() or not record["typology"].strip():
        raise InputError(
            f"--ground_truth {path}, line {line}: no file or no typology; fill both or remove the "
            "line"
        )
    name = record["file"].replace("\\", "/").rsplit("/", 1)[-1].strip()
    return name, record["typology"]


def labelled(rows: Iterable[Row], truth: dict[str, str], source: str) -> Iterator[Row]:
    """The rows with labels for those of test that lie in no typology folder.

    Raises:
        InputError: the ground truth lacks some of them; the first is named.
    """
    lacking: list[str] = []
    found = 0
    for split, identifier, content, label in rows:
        if split == "test" and label is None:
            label = truth.get(identifier.rsplit("/", 1)[-1])
            if label is None:
                lacking.append(identifier)
            else:
                found += 1
        yield split, identifier, content, label
    if lacking:
        raise InputError(
            f"--ground_truth {source}: {len(lacking)} of {len(lacking) + found} files right below "
            f"test/ are not in it, such as {lacking[0]!r}; add them to it or take them out of test/"
        )
