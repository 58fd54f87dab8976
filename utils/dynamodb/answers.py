"""Answers of DynamoDB: whole, checked against their checksum, and asked for again where not."""

import contextlib
import json
import time
import zlib

from utils.errors import InputError

PAUSE = 0.5  # seconds before a damaged answer is asked for again, twice as long each time
LONGEST_PAUSE = 20


class DamagedAnswer(Exception):
    """An answer whose bytes are not those that its checksum was taken of."""


def check_answer(response_dict: dict, **_):
    """Hold an answer against its x-amz-crc32, at every attempt: botocore's standard and adaptive
    retry modes do not.
    """
    told = response_dict["headers"].get("x-amz-crc32")
    if told is not None and told.isdigit() and int(told) != zlib.crc32(response_dict["body"]):
        raise DamagedAnswer()


def keep_items(response_dict: dict, customized_response_dict: dict, **_):
    """Take the items as they came: boto3 takes every value apart, which is more than half of an
    export's work.
    """
    with contextlib.suppress(ValueError):  # a broken answer is boto3's to judge
        body = json.loads(response_dict["body"])
        if "Items" in body:
            customized_response_dict["Items"] = body.pop("Items")
            response_dict["body"] = json.dumps(body).encode()


def ask_whole(ask, attempts: int, request: dict) -> dict:
    """The answer to a request, asked for again while it comes damaged.

    Raises:
        InputError: it was damaged every time.
    """
    for attempt in range(1, attempts + 1):
        try:
            return ask(**request)
        except DamagedAnswer:
            if attempt < attempts:
                time.sleep(min(PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE))
    raise InputError(
        f"{request['TableName']}: {attempts} answers in a row came with other bytes than their "
        "checksum; check the network and any proxy on the way"
    )
