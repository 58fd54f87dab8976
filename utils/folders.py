"""Folders: the files in them, locks, and results that appear whole or not at all."""

import contextlib
import os
import shutil
import socket
import uuid
from pathlib import Path

from filelock import FileLock, Timeout

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


def own_place(folder: Path, flag: str = "--output") -> Path:
    """A folder that is given its name when it is finished: a link or `..` is resolved, since what
    is renamed is the folder itself.

    Raises:
        InputError: it is the folder in which the command was started.
    """
    if folder.is_symlink() or ".." in folder.parts:
        folder = folder.resolve()
    if folder.resolve() == Path.cwd():
        raise InputError(
            f"{flag} {folder}: the folder you are in cannot be renamed; give another name"
        )
    return folder


def partial_folder(output_dir: Path) -> Path:
    """Where a run works until it is finished."""
    return output_dir.with_name(output_dir.name + ".partial")


@contextlib.contextmanager
def locked_folder(folder: Path, what: str):
    """Keep a folder, which need not exist yet, from every other process that would write it.

    The lock is a hidden file beside the folder; it is gone when the block ends, and the system
    frees it when its process dies. The process that holds a lock may enter it again.

    Args:
        what: what works here, for the message that others get, such as "training".

    Raises:
        InputError: another process works here, or none can.
    """
    # Resolved, so that `.` and links share the lock of the folder that they lead to.
    place = folder.resolve()
    path = place.parent / f".{place.name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        # Where no file can be made, as below /proc, there is no lock of another either.
        if not path.exists():
            raise InputError(
                f"{folder}: {place.parent} takes no new files; choose another place"
            ) from None
        holder = read_if_there(path) or "process is working here"
        raise InputError(f"{folder}: another {holder}; wait until it ends") from None
    path.write_text(
        f"{what} is working here (pid {os.getpid()} on {socket.gethostname()})", encoding="utf-8"
    )
    try:
        yield
    finally:
        if lock.lock_counter == 1:
            path.unlink(missing_ok=True)
        lock.release()


def read_if_there(path: Path) -> str:
    """The text of a small file; nothing if it has just gone."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def replace_folder(folder: Path, new: Path):
    """Give the finished folder `new` the name of `folder`; what had that name goes only then."""
    old = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:12]}.old")
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def finish(output_dir: Path):
    """Give the finished run its name; an old run there is removed only now."""
    replace_folder(output_dir, partial_folder(output_dir))


def claim_report(folder: Path, mark: str, overwrite: bool):
    """Refuse an occupied folder; only what is known by its file `mark` is ever replaced, and only
    when it may be.
    """
    folder = own_place(folder)
    if not folder.exists() or folder.is_dir() and not any(folder.iterdir()):
        return
    if not overwrite:
        raise InputError(
            f"{folder}: already there; pass --overwrite to replace it or choose another --output"
        )
    if not (folder / mark).exists():
        raise InputError(
            f"{folder}: holds no {mark}, so it is not overwritten; choose another --output"
        )


@contextlib.contextmanager
def whole_folder(folder: Path):
    """A folder to write into that takes the name `folder` only when the block ends well, replacing
    what was there.

    Raises:
        InputError: another process writes this folder.
    """
    folder = own_place(folder)
    with locked_folder(folder, "command"):
        partial = folder.with_name(f".{folder.name}.{uuid.uuid4().hex[:12]}.partial")
        partial.mkdir(parents=True)
        try:
            yield partial
            replace_folder(folder, partial)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
