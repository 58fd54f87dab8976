"""Which files and folders are the splits of a dataset, by the names that people give them."""

import re
from pathlib import Path

from utils.errors import InputError
from utils.folders import files_below
from utils.records import table_suffix
from utils.text import label_key, readable_name

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
