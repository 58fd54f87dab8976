"""The files of a folder that users fill, links and all."""

import contextlib
import os
import shutil
from pathlib import Path

from utils.errors import InputError


def files_below(folder: Path) -> list[Path]:
    """All files below a folder in order, through links too, without hidden ones; one of a broken
    link is a file too.

    Raises:
        InputError: a folder cannot be read.
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
    raise InputError(f"{error.filename}: cannot be read ({error.strerror}); check its permissions")


def leads_up(path: Path) -> bool:
    """Whether a folder is a link to one of those above it."""
    return path.is_symlink() and path.resolve() in [parent.resolve() for parent in path.parents]


def partial_folder(output_dir: Path) -> Path:
    """Where a run works until it is finished."""
    return output_dir.with_name(output_dir.name + ".partial")


def finish(output_dir: Path):
    """Give the finished run its name; an old run there is removed only now."""
    partial, old = partial_folder(output_dir), output_dir.with_name(output_dir.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    if output_dir.exists():
        output_dir.rename(old)
    partial.rename(output_dir)
    shutil.rmtree(old, ignore_errors=True)


def claim_report(folder: Path, mark: str, overwrite: bool):
    """Refuse an occupied folder; only what is known by its file `mark` is ever replaced, and only
    when it may be.
    """
    if not folder.exists() or folder.is_dir() and not any(folder.iterdir()):
        return
    if not overwrite:
        raise InputError(
            f"{folder}: already there; say --overwrite to replace it or choose another --output"
        )
    if not (folder / mark).exists():
        raise InputError(
            f"{folder}: holds no {mark}, so it is not overwritten; choose another --output"
        )


@contextlib.contextmanager
def whole_folder(folder: Path):
    """A folder to write into that takes the name `folder` only when the block ends well, replacing
    what was there.
    """
    partial = partial_folder(folder)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        finish(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
