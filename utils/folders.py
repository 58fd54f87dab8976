"""The files of a folder that users fill, links and all."""

import os
from pathlib import Path


def files_below(folder: Path) -> list[Path]:
    """All files below a folder in order, through links too, without hidden ones; one of a broken
    link is a file too.

    Raises:
        OSError: a folder cannot be read.
    """
    found = []
    for parent, folders, names in os.walk(folder, followlinks=True, onerror=fail):
        folders[:] = [
            name
            for name in folders
            if not name.startswith(".") and not leads_up(Path(parent, name))
        ]
        found += [Path(parent, name) for name in names if not name.startswith(".")]
    return sorted(found)


def fail(error: OSError):
    raise error


def leads_up(path: Path) -> bool:
    """Whether a folder is a link to one of those above it."""
    return path.is_symlink() and path.resolve() in [parent.resolve() for parent in path.parents]
