"""One way to tell a user what is wrong: a one-line message and exit code 2."""

import functools
import sys


class InputError(Exception):
    """Something the user gave cannot be used; the message names the culprit and the mend in one line."""


def exits_on_input_error(main):
    """Decorate a command's `main` so that an `InputError` prints one line to stderr and exits with code 2."""

    @functools.wraps(main)
    def wrapped(*args, **kwargs):
        try:
            return main(*args, **kwargs)
        except InputError as error:
            print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
            raise SystemExit(2) from None

    return wrapped
