"""Times as tables hold them, in whatever form: compared as moments, never as text."""

import re
from datetime import UTC, datetime

from utils.errors import InputError

# Numbers below are seconds since 1970, those above milliseconds: as seconds it is the year 5138, as
# milliseconds 1973.
MOST_SECONDS = 10**11
FORMS = "2026-08-31, 2026-08-31T23:59:59Z or seconds or milliseconds since 1970"


def moment_of_flag(text: str | None) -> float | None:
    """Seconds since 1970 of a time given on the command line.

    Raises:
        InputError: it is none.
    """
    if not text:
        return None
    found = moment(text)
    if found is None:
        raise InputError(f"{text}: not a time; write {FORMS}")
    return found


def moment(text: str) -> float | None:
    """Seconds since 1970 of a time as text: ISO 8601 with a T or a space, any offset or none, which
    is UTC, fractions or none, a date alone; or seconds or milliseconds since 1970. None where it is
    no time.
    """
    text = text.strip()
    # 9 to 11 digits are seconds, 12 and 13 milliseconds; 8 and 14 are a date, below.
    if re.fullmatch(r"\d{9,13}(\.\d+)?", text):
        number = float(text)
        return number if number < MOST_SECONDS else number / 1000
    if re.fullmatch(r"\d{14}", text):
        text = f"{text[:8]}T{text[8:]}"
    if not re.match(r"\d{4}", text):
        return None
    # What Python does not read: a space before the offset, "UTC", more digits than microseconds.
    text = re.sub(r"\s*(UTC|GMT)$", "Z", text)
    text = re.sub(r"\s+([+-]\d\d(:?\d\d)?)$", r"\1", text)
    text = re.sub(r"([.,]\d{6})\d+", r"\1", text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def is_within(value: dict, since: float | None, until: float | None, what: str) -> bool:
    """Whether since ≤ time < until, of an attribute with its type; an empty text has no time.

    Raises:
        InputError: a text that is no time; `what` names the item and its attribute.
    """
    if "N" in value:
        return True  # the service has judged numbers
    text = value.get("S", "")
    if not text.strip():
        return False
    found = moment(text)
    if found is None:
        raise InputError(
            f"{what}: {text!r} is not a time that can be compared; leave out --since and --until, "
            "or filter by --prefix"
        )
    return (since is None or found >= since) and (until is None or found < until)
