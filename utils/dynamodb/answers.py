"""Answers of DynamoDB: whole, checked against their checksum, and asked for again where they are
not.
"""

import json
import time
import zlib

PAUSE = 0.5  # seconds before a damaged answer is asked for again, twice as long each time
LONGEST_PAUSE = 20


class DamagedAnswer(Exception):
    """An answer whose bytes are not those that its checksum was taken of, or that is no page."""


def check_answer(response_dict: dict, **_):
    """Check an answer against its x-amz-crc32, at every attempt: botocore asks again for a damaged
    one, but takes what comes at the last attempt as it is.
    """
    checksum = response_dict["headers"].get("x-amz-crc32", "")
    if checksum.isdigit() and int(checksum) != zlib.crc32(response_dict["body"]):
        raise DamagedAnswer()


def keep_items(response_dict: dict, customized_response_dict: dict, **_):
    """Take the items as they came: boto3 takes every value apart, which is more than half of an
    export's work.
    """
    if response_dict["status_code"] != 200:
        return  # a refusal, which is boto3's to read
    try:
        body = json.loads(response_dict["body"])
    except ValueError:
        raise DamagedAnswer() from None
    # Something on the way that answers in the service's place sends no checksum.
    is_page = isinstance(body, dict) and isinstance(body.get("Items"), list)
    if not is_page or "ScannedCount" not in body:
        raise DamagedAnswer()
    customized_response_dict["Items"] = body.pop("Items")
    response_dict["body"] = json.dumps(body).encode()


def ask_whole(ask, attempts: int, request: dict) -> dict:
    """The answer to a request, asked for again while it comes damaged.

    Raises:
        DamagedAnswer: it was damaged every time.
    """
    for attempt in range(1, attempts):
        try:
            return ask(**request)
        except DamagedAnswer:
            time.sleep(min(PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE))
    return ask(**request)
