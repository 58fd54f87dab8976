"""Where an object of a bucket may land below a folder: keys are hostile input."""

import unicodedata
from dataclasses import dataclass

LONGEST_NAME = 255  # bytes that file systems take for a name
LONGEST_PATH = 3000  # bytes; they take 4,096 with the folder's


@dataclass(frozen=True)
class Placed:
    """What became of keys: those that have a place, those that are only folders, those refused and
    why.
    """

    paths: dict[str, str]  # key: path below the folder, with /
    folders: list[str]  # empty keys that end in /, which consoles make for folders
    refused: dict[str, str]  # key: reason


def refusal(path: str) -> str | None:
    """Why a key cannot be a path below a folder; None where it can."""
    segments = path.split("/")
    if path.startswith("/"):
        return "an absolute path"
    if any(segment in (".", "..") for segment in segments):
        return "a path with . or .. in it"
    if "" in segments:
        return "a path with an empty name in it"
    if "\\" in path:
        return "a backslash, which is a separator on some systems"
    if any(unicodedata.category(c) in ("Cc", "Cs") for c in path):
        return "a control character"
    if (
        max(len(segment.encode()) for segment in segments) > LONGEST_NAME
        or len(path.encode()) > LONGEST_PATH
    ):
        return "too long a name"
    return None


def assign_paths(sizes: dict[str, int], prefix: str, taken: tuple[str, ...] = ()) -> Placed:
    """Give each key its path below a folder: the key without `prefix`.

    Names that are equal but for case or Unicode form would be one file on some systems: of such
    names the first in the order of the keys is placed and the others are refused. So is a key whose
    path is also a folder of other keys, one that is `taken` by a file of ours, and one that ends in
    / and yet has bytes, for which no file can have the name.

    Args:
        sizes: {key: bytes}.
    """
    ordered = sorted(sizes)
    needed: dict[str, str] = {}  # folded name of each folder that other keys need: one such key
    for key in ordered:
        path = key.removeprefix(prefix).removesuffix("/")
        parts = [] if refusal(path) else path.split("/")
        for depth in range(1, len(parts)):
            needed.setdefault(folded("/".join(parts[:depth])), key)

    paths: dict[str, str] = {}
    folders: list[str] = []
    refused: dict[str, str] = {}
    used: dict[str, str] = {}  # folded path: the key that has it
    for key in ordered:
        path = key.removeprefix(prefix)
        if not path or path.endswith("/"):
            if sizes[key]:
                refused[key] = f"a name that ends in / with {sizes[key]:,} bytes, which no file has"
            else:
                folders.append(key)
            continue
        same = folded(path)
        reason = refusal(path)
        if reason is None and path in taken:
            reason = f"the name of a file that the sync itself writes, {path}"
        if reason is None and same in needed:
            reason = f"also a folder, of {needed[same]}"
        if reason is None and same in used:
            reason = f"the same name as {used[same]} but for case or Unicode form"
        if reason is None:
            paths[key], used[same] = path, key
        else:
            refused[key] = reason
    return Placed(paths, folders, refused)


def folded(path: str) -> str:
    """What two paths share that some file systems take for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())
