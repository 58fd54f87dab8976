"""One way to tell a user what is wrong: a one-line message and an exit code.

2: the input or the place cannot be used. 130: interrupted. 141: nobody reads the output any more.
"""

import contextlib
import errno
import functools
import io
import os
import sys

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# safetensors, pyarrow and torch wrap the system's error, each in its own way.
DISK_FULL_SIGNS = (
    "No space left",
    "File too large",
    "Disk quota",
    "os error 28",
    "os error 27",
    "errno 28",
    "errno 27",
)
NOT_ALLOWED = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
)
# What each running `main` holds until it ends: locks of the folders that it writes.
_held: list[contextlib.ExitStack] = []


class InputError(Exception):
    """Something the user gave cannot be used; the message names the culprit and the fix in one
    line.
    """


def hold_until_main_ends(context):
    """Enter a context that ends with the `main` that runs now; without one it is not entered."""
    if _held:
        _held[-1].enter_context(context)


def is_disk_full(error: BaseException) -> bool:
    """Whether an error says that a disk, a quota or a limit of file sizes is reached."""
    text = str(error)
    return getattr(error, "errno", None) in DISK_FULL or any(s in text for s in DISK_FULL_SIGNS)


def exits_on_input_error(main):
    """Decorate a `main`: an `InputError`, a full disk, a place that cannot be used or Ctrl-C is one
    line and an exit code.
    """

    @functools.wraps(main)
    def wrapped(*args, **kwargs):
        print_any_character()
        with contextlib.ExitStack() as held:
            _held.append(held)
            try:
                return main(*args, **kwargs)
            except KeyboardInterrupt:
                code, message = 130, "interrupted" + resume_hint(main)
            except BrokenPipeError:  # whoever read the output wants no more of it: `| head`
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                code, message = 141, ""  # as a shell counts the signal of a broken pipe
            except Exception as error:
                code, message = 2, message_of(error)
                if not message:
                    raise
            finally:
                _held.remove(held)
        if message:
            print(f"error: {' '.join(message.split())}", file=sys.stderr)
        raise SystemExit(code)

    return wrapped


def message_of(error: Exception) -> str:
    """The message of an error that a user can cause; empty for any other."""
    if isinstance(error, InputError):
        return str(error)
    place = getattr(error, "filename", None) or "output"
    if is_disk_full(error):
        reason = getattr(error, "strerror", None) or "No space left on device"
        return f"{place}: {reason}; free space and try again"
    if isinstance(error, OSError) and error.errno in NOT_ALLOWED:
        return f"{place}: {error.strerror}; check permissions or choose another place"
    return ""


def resume_hint(main) -> str:
    """How an interrupted command continues, where its module says that it can."""
    text = main.__globals__.get("__doc__") or ""
    return "; the same command with --resume continues" if "--resume" in text else ""


def print_any_character():
    """Print what the terminal's encoding lacks as an escape, not fail after all the work."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and "utf" not in (stream.encoding or "").lower():
            stream.reconfigure(errors="backslashreplace")
