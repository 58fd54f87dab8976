"""One way to tell a user what is wrong: a one-line message and exit code 2."""

import errno
import functools
import os
import sys

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NOT_ALLOWED = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EEXIST,
    errno.ENAMETOOLONG,
)


class InputError(Exception):
    """Something the user gave cannot be used; the message names the culprit and the mend in one
    line.
    """


def exits_on_input_error(main):
    """Decorate a `main`: an `InputError`, a full disk or a place that cannot be used is one line
    and exit code 2.
    """

    @functools.wraps(main)
    def wrapped(*args, **kwargs):
        try:
            return main(*args, **kwargs)
        except InputError as error:
            message = str(error)
        except BrokenPipeError:  # whoever read the output wants no more of it: `| head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise SystemExit(141) from None  # as a shell counts the signal of a broken pipe
        except OSError as error:
            if error.errno in DISK_FULL:
                message = (
                    f"{error.filename or 'output'}: {error.strerror}; free space and try again"
                )
            elif error.errno in NOT_ALLOWED:
                message = f"{error.filename or 'file'}: {error.strerror}; check permissions or choose another place"
            else:
                raise
        print(f"error: {' '.join(message.split())}", file=sys.stderr)
        raise SystemExit(2)

    return wrapped
