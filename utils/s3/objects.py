"""The bytes of one object, and what goes wrong with it, in words."""

import re
import time
from dataclasses import dataclass, field
from typing import Any

from utils.errors import InputError
from utils.s3.bucket import (
    FIXES,
    OF_ALL_OBJECTS,
    Bucket,
    Listed,
    client_reason,
    connection_reason,
)

try:
    import botocore.exceptions
    import obstore
except ImportError:  # told by `connect`
    pass

STOP_AFTER = 8  # failures of the service in a row, of whatever objects, that end a command …
PATIENCE = 20  # … when they have lasted so many seconds


class ObjectError(Exception):
    """An object cannot be read or written.

    `final` where trying again is of no use; `service` where not the object is at fault but the
    service, the way to it or the credentials.
    """

    def __init__(self, reason: str, final: bool, service: bool = False):
        super().__init__(reason)
        self.final = final
        self.service = service


@dataclass
class Outage:
    """The failures of the service in a row, over all objects."""

    where: str  # s3://bucket, for the message
    failures: int = 0
    since: float = field(default_factory=time.monotonic)
    reason: str = ""

    def note_success(self):
        self.failures = 0
        self.since = time.monotonic()

    def note_failure(self, error: ObjectError):
        """Count a failure.

        Raises:
            InputError: there were too many in a row, for too long: the service is gone, and the
                other objects would fail one by one.
        """
        if not error.service:
            self.note_success()
            return
        self.failures += 1
        self.reason = str(error)
        if time.monotonic() - self.since >= PATIENCE:
            self.raise_if_down()

    def raise_if_down(self):
        """Where the last failures were the service's, say so once and not of every object."""
        if self.failures >= STOP_AFTER:
            raise InputError(
                f"{self.where}: {self.reason}, {self.failures} times in a row; what is done is "
                "kept: run the same command again when that is over"
            )


async def get_bytes(bucket: Bucket, entry: Listed, start: int = 0, stop: int | None = None):
    """The bytes of an object, or of a range of it, of the very version that was listed, as a
    buffer.

    Raises:
        ObjectError: the object is gone, has changed, or cannot be read.
    """
    options: Any = {"if_match": f'"{entry.etag}"'} if entry.etag else {}
    if entry.version_id and entry.version_id != "null":
        options = {"version": entry.version_id}
    if stop is not None:
        options["range"] = (start, stop)
    try:
        answer = await obstore.get_async(bucket.store, entry.key, options=options)
        return memoryview(await answer.bytes_async())
    except (obstore.exceptions.BaseError, OSError, ValueError) as error:
        raise transfer_error(error) from None


def transfer_error(error: Exception) -> ObjectError:
    """What obstore says, in words: its messages are debug text with the service's XML in it."""
    text = " ".join(str(error).split())
    status = re.search(r"status code: (\d{3})", text)
    code = re.search(r"<Code>([\w.]+)</Code>", text)
    told = code[1] if code else ""

    # What is wrong with the object.
    if isinstance(error, (FileNotFoundError, obstore.exceptions.NotFoundError)):
        return ObjectError(FIXES["NoSuchKey"], final=True)
    if isinstance(error, obstore.exceptions.PreconditionError):
        return ObjectError("has changed since it was listed; run again", final=True)
    if "BareRedirect" in text and told not in FIXES:
        told = "PermanentRedirect"
    if told in FIXES:
        return ObjectError(FIXES[told], final=True, service=told in OF_ALL_OBJECTS)
    if (
        isinstance(error, PermissionError)
        or "Unauthenticated" in text
        or "PermissionDenied" in text
    ):
        return ObjectError(FIXES["AccessDenied"], final=True)

    # What is wrong with the service, or the way to it.
    if status and status[1] == "503":
        return ObjectError(FIXES["SlowDown"], final=True, service=True)
    if status:
        named = f" ({told})" if told else ""
        is_down = status[1] >= "500"
        return ObjectError(f"the service answers {status[1]}{named}", not is_down, is_down)
    if "TimedOut" in text or "kind: Timeout" in text:
        return ObjectError("the service gives no answer in time", final=False, service=True)
    if "UnknownIssuer" in text or "certificate" in text.lower():
        reason = "the service's certificate is not trusted; set AWS_CA_BUNDLE to its authority's"
        return ObjectError(reason, final=True, service=True)
    if "kind: Connect" in text:
        return ObjectError("the service cannot be reached", final=False, service=True)
    return ObjectError("the connection broke off", final=False, service=True)


def request_error(error: Exception) -> ObjectError:
    """What boto3 raises, in words."""
    if isinstance(error, botocore.exceptions.ClientError):
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        # 501 is no failure of the service: it does not know what it is asked for.
        is_down = status >= 500 and status != 501
        is_of_all = error.response["Error"].get("Code") in OF_ALL_OBJECTS
        return ObjectError(client_reason(error), final=not is_down, service=is_down or is_of_all)
    if isinstance(
        error, (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError)
    ):
        return ObjectError(connection_reason(error), final=False, service=True)
    return ObjectError(f"the request failed ({type(error).__name__})", final=False)
