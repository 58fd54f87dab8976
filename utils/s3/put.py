"""Files into S3, checked there against a checksum that goes with them, and never over what is there
unless asked.

"Never over" is S3's own condition `If-None-Match: *`, which holds also against what comes between
the list and the write. Services that refuse the condition, or take no notice of it, are asked
whether the key is there right before each write.
"""

import contextlib
import os
from typing import Any

from utils.s3.bucket import FIXES, Bucket
from utils.s3.objects import ObjectError, request_error

try:
    import botocore.exceptions
except ImportError:  # told by `connect`
    pass

MIB = 1 << 20
PART = 8 * MIB  # bytes of a part of a large upload, as the aws command line cuts them
MOST_PARTS = 10_000  # that S3 takes
IF_FREE = {"IfNoneMatch": "*"}
# How services say that they know no conditional writes. Some of these codes say other things too:
# the same write then fails again, without the condition.
UNKNOWN_CONDITION = ("NotImplemented", "501", "InvalidArgument", "InvalidRequest", "400")
HELD_CONDITION = ("PreconditionFailed", "412", "ConditionalRequestConflict", "409")


def put_first(bucket: Bucket, key: str, path) -> bool:
    """Put a first file where its key is free; whether the service holds conditional writes.

    A service that takes it is asked once more, with the same bytes for the same key: only one that
    knows the condition refuses that. Amazon's is known to, and of large files HEAD tells anyway.

    Raises:
        ObjectError: the key is there, or the file cannot be put.
    """
    check_free(bucket, key)
    try:
        write(bucket, key, path, IF_FREE)
        if bucket.is_amazon or os.path.getsize(path) >= PART:
            return True
    except botocore.exceptions.ClientError as error:
        if error.response["Error"].get("Code") not in UNKNOWN_CONDITION:
            raise request_error(error) from None
        put_file(bucket, key, path, overwrite=False, conditional=False)
        return False
    except botocore.exceptions.BotoCoreError as error:
        raise request_error(error) from None
    try:
        write(bucket, key, path, IF_FREE)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"].get("Code") in HELD_CONDITION
    except botocore.exceptions.BotoCoreError:
        pass  # the file is there; that the service was not heard the second time is no condition
    return False


def put_file(bucket: Bucket, key: str, path, overwrite: bool, conditional: bool):
    """Put a file, over what is there only with `overwrite`; `conditional` where the service is
    known to hold the condition.

    Raises:
        ObjectError: the key is there, or the file cannot be put.
    """
    # Other services than Amazon's are asked in any case: some know the condition for small files
    # alone.
    if not overwrite and not (conditional and bucket.is_amazon):
        check_free(bucket, key)
    try:
        write(bucket, key, path, IF_FREE if conditional and not overwrite else {})
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
        raise request_error(error) from None


def check_free(bucket: Bucket, key: str):
    """Refuse a key that is there.

    Raises:
        ObjectError: it is, or the service does not say.
    """
    try:
        bucket.client.head_object(Bucket=bucket.name, Key=key)
    except botocore.exceptions.ClientError as error:
        if error.response["Error"].get("Code") in ("404", "NoSuchKey", "NotFound"):
            return
        raise request_error(error) from None
    except botocore.exceptions.BotoCoreError as error:
        raise request_error(error) from None
    raise ObjectError(FIXES["PreconditionFailed"], final=True)


def write(bucket: Bucket, key: str, path, condition: dict[str, str]):
    """Write a file, a large one in parts; boto3 sends a checksum with each request."""
    size = os.path.getsize(path)
    with open(path, "rb") as stream:
        if size < PART:
            bucket.client.put_object(Bucket=bucket.name, Key=key, Body=stream, **condition)
        else:
            write_parts(bucket, key, stream, size, condition)


def write_parts(bucket: Bucket, key: str, stream, size: int, condition: dict[str, str]):
    """Write in parts, which become an object only when all are there and the condition holds.

    boto3's own `upload_file` passes no condition on to the last request.
    """
    # The part size grows, by whole MiB, where the usual one would give too many.
    part_size = max(PART, -(-size // MOST_PARTS // MIB) * MIB)
    place = {"Bucket": bucket.name, "Key": key}
    begun = bucket.client.create_multipart_upload(**place, ChecksumAlgorithm="CRC32")
    place["UploadId"] = begun["UploadId"]
    try:
        parts: list[dict[str, Any]] = []
        while content := stream.read(part_size):
            number = len(parts) + 1
            answer = bucket.client.upload_part(
                **place, PartNumber=number, Body=content, ChecksumAlgorithm="CRC32"
            )
            part = {name: answer[name] for name in ("ETag", "ChecksumCRC32") if name in answer}
            parts.append({"PartNumber": number, **part})
        upload = {"Parts": parts}
        bucket.client.complete_multipart_upload(**place, MultipartUpload=upload, **condition)
    except BaseException:  # Ctrl-C too: parts that nobody completes are stored, and paid, for ever
        with contextlib.suppress(
            botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError
        ):
            bucket.client.abort_multipart_upload(**place)
        raise
