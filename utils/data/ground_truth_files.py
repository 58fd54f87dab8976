"""The documents of a split as files by typology and flat, under names that occur once; see
`utils.versions`.
"""

import csv
import re
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from utils.data.corpus import Corpus, DataOptions
from utils.data.load import load_corpus
from utils.data.prepared import is_prepared
from utils.data.split_names import split_files, split_folders, split_of
from utils.errors import InputError
from utils.folders import files_below, whole_folder
from utils.pages.text import SUFFIXES
from utils.text import nfc, readable_name

MARK = "ground_truth.csv"
SPLIT_WORDS = ("train", "val", "valid", "validation", "dev", "test")  # what --split takes
# Separators and controls.
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069/\\]")
LONGEST_FOLDER = 240  # bytes of a typology's folder; a number may follow
LONGEST = 120  # bytes of a stem or a typology within a name; a file's name may have 255


@dataclass
class Item:
    """A document of known typology: a file to copy, or a text to write."""

    typology: str
    stem: str
    ending: str
    path: str  # where it comes from
    content: Path | str


def write_ground_truth(
    source: str, output: Path, split: str, overwrite: bool, options: DataOptions
) -> Path:
    """Write muestras/<typology>/<file>, todas/<file> and ground_truth.csv; the folder appears whole
    or not at all.

    Raises:
        InputError: the source cannot be read or has no document in the split, or the output is
            occupied.
    """
    check_output(source, output, overwrite)
    wanted = split_of(split) if split in SPLIT_WORDS else None
    if wanted is None:
        raise InputError(f"--split {split}: give train, validation or test")
    items = items_of(source, wanted, options)
    if not items:
        raise InputError(f"{source}: no document in {split}; give another source or --split")
    names, folders = unique_names(items), typology_folders(items)
    with whole_folder(output) as partial:
        for item, name in zip(items, names, strict=True):
            for folder in (partial / "muestras" / folders[item.typology], partial / "todas"):
                folder.mkdir(parents=True, exist_ok=True)
                if isinstance(item.content, Path):
                    shutil.copyfile(item.content, folder / name)
                else:
                    (folder / name).write_bytes(item.content.encode())
        listed = [[name, item.typology, item.path] for item, name in zip(items, names, strict=True)]
        with open(partial / MARK, "w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow(["file", "typology", "path"])
            writer.writerows(sorted(listed))
    print("\n".join(said(output, items, names, folders)))
    return output


def check_output(source: str, output: Path, overwrite: bool):
    inner, outer = output.resolve(), Path(source).resolve()
    if inner == outer or outer in inner.parents or inner in outer.parents:
        raise InputError(
            f"{output}: one of it and {source} lies in the other; choose an output folder apart "
            "from it"
        )
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        if not (output / MARK).is_file():
            raise InputError(
                f"{output}: occupied, with no {MARK} of this command; choose another output folder"
            )
        if not overwrite:
            raise InputError(
                f"{output}: already there; pass --overwrite to replace it or choose another output "
                "folder"
            )


def items_of(source: str, split: str, options: DataOptions) -> list[Item]:
    """The documents of a tree's split as they are, of any other source as texts."""
    path = Path(source)
    if path.is_dir() and not is_prepared(path) and not split_files(path) and split_folders(path):
        return tree_items(path, split)
    return corpus_items(load_corpus(source, options), split)


def tree_items(source: Path, split: str) -> list[Item]:
    """The txt, images and pdf below the typology folders of a split; all other files are counted
    and left out.
    """
    folders = split_folders(source)
    if split not in folders:
        raise InputError(
            f"{source}: no {split} folder, only {', '.join(sorted(folders))}; pass --split"
        )
    items: list[Item] = []
    left: Counter[str] = Counter()
    for path in files_below(folders[split]):
        parts = path.relative_to(folders[split]).parts
        if path.suffix.lower() not in (".txt", *SUFFIXES):
            left[f"of another kind ({path.suffix or path.name})"] += 1
        elif len(parts) == 1:
            left["in no typology folder"] += 1
        elif not path.is_file():
            raise InputError(f"{path}: a link to nothing; fix or remove it")
        else:
            texts = [readable_name(p) for p in (parts[0], path.stem, path.relative_to(source))]
            items.append(Item(texts[0], texts[1], path.suffix, texts[2], path))
    for reason, n in left.items():
        print(f"{folders[split]}: {n} files {reason} are left out")
    return items


def corpus_items(corpus: Corpus, split: str) -> list[Item]:
    """A split's documents, to be written as txt under what follows the last slash of their ids."""
    names = corpus.splits[split].features["label"].names
    items = []
    for row in corpus.splits[split]:
        stem = row["id"].split("/")[-1]
        path = f"{split}/{row['id']}"
        items.append(Item(names[row["label"]], stem, ".txt", path, row["text"] or ""))
    return items


def safe(name: str) -> str:
    """The name without separators, control characters, and a beginning that hides a file or makes
    it a formula.
    """
    name = re.sub(r"^[.=+@-]+", "_", UNSAFE.sub("_", name).strip()) or "_"
    return name.encode()[:LONGEST].decode(errors="ignore")


def unique_names(items: list[Item]) -> list[str]:
    """A name for each item that no other has, whatever its ending and case.

    A stem that occurs once stays; the others become `<typology>__<stem>`, and in the order of their
    paths `<typology>__<stem>__2` and so on where that is taken.
    """
    stems = [safe(item.stem) for item in items]
    times = Counter(map(folded, stems))
    taken = {key for key, n in times.items() if n == 1}
    for place, item in sorted(enumerate(items), key=path_of):
        if times[folded(stems[place])] > 1:
            stem = base = f"{safe(item.typology)}__{stems[place]}"
            number = 1
            while folded(stem) in taken:
                number += 1
                stem = f"{base}__{number}"
            taken.add(folded(stem))
            stems[place] = stem
    return [stem + item.ending for stem, item in zip(stems, items, strict=True)]


def folded(stem: str) -> str:
    return nfc(stem.casefold())


def path_of(numbered: tuple[int, Item]) -> str:
    return numbered[1].path


def typology_folders(items: list[Item]) -> dict[str, str]:
    """Typology -> its folder, of the same name wherever a folder can bear it."""
    folders: dict[str, str] = {}
    for typology in sorted({item.typology for item in items}):
        visible = re.sub(r"^\.+", "_", UNSAFE.sub("_", typology))
        base = visible.encode()[:LONGEST_FOLDER].decode(errors="ignore")
        name, number = base, 1
        while name in folders.values():
            number += 1
            name = f"{base}__{number}"
        folders[typology] = name
    return folders


def said(output: Path, items: list[Item], names: list[str], folders: dict[str, str]) -> list[str]:
    """What is printed: counts, and what bears another name than its source."""
    lines = [f"{output}: {len(items)} files of {len(folders)} typologies in muestras/ and todas/"]
    other = [
        f"{item.path} -> {name}"
        for item, name in zip(items, names, strict=True)
        if item.stem + item.ending != name
    ]
    if other:
        lines.append(f"{len(other)} files were renamed ({MARK} has all), such as {other[0]}")
    for typology, folder in folders.items():
        if typology != folder:
            lines.append(
                f"typology {typology!r} is the folder {folder!r}: measure with --ground_truth "
                f"{output / MARK}, which keeps its name"
            )
    return lines
