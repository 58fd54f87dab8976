"""Whether bytes are those that S3 stored: ETags of one part and of many, and the checksums that S3
offers of whole objects and of parts.
"""

import base64
import functools
import hashlib
import os
import re
from collections.abc import Callable
from typing import Any

from utils.s3.crc import Crc

MIB = 1 << 20
CHUNK = 8 * MIB  # bytes that are read and hashed at a time
# Part sizes that clients use: 8 MiB is the aws command line's and boto3's, 5 and 16 are common, and
# the console takes 16 MiB and more for large files.
PART_SIZES = [n * MIB for n in (5, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 256, 512, 1024)]
# A new hasher of each kind.
NEW: dict[str, Callable[..., Any]] = {
    "md5": functools.partial(hashlib.md5, usedforsecurity=False),
    "sha1": functools.partial(hashlib.sha1, usedforsecurity=False),
    "sha256": hashlib.sha256,
    "crc32": functools.partial(Crc, "crc32"),
    "crc32c": functools.partial(Crc, "crc32c"),
    "crc64nvme": functools.partial(Crc, "crc64nvme"),
}
# What the answer to a HEAD may hold, the strongest first.
OFFERED = {
    "ChecksumSHA256": "sha256",
    "ChecksumSHA1": "sha1",
    "ChecksumCRC64NVME": "crc64nvme",
    "ChecksumCRC32C": "crc32c",
    "ChecksumCRC32": "crc32",
}


def digests(path) -> dict[str, str]:
    """The sha256 and md5 of a file in one reading, in hexadecimal digits."""
    sha256, md5 = NEW["sha256"](), NEW["md5"]()
    with open(path, "rb") as stream:
        while chunk := stream.read(CHUNK):
            sha256.update(chunk)
            md5.update(chunk)
    return {"sha256": sha256.hexdigest(), "md5": md5.hexdigest()}


def digests_of(content) -> dict[str, str]:
    """`digests` of bytes in memory."""
    return {"sha256": NEW["sha256"](content).hexdigest(), "md5": NEW["md5"](content).hexdigest()}


def is_md5(etag: str) -> bool:
    """Whether an ETag has the form of an MD5; under KMS encryption it is another 32 hexadecimal
    digits.
    """
    return re.fullmatch(r"[0-9a-f]{32}", etag) is not None


def part_count(checksum: str) -> int:
    """The number of parts behind the hyphen of a multipart ETag or a composite checksum, or 0."""
    match = re.fullmatch(r"[^-]+-(\d+)", checksum)
    return int(match[1]) if match else 0


def equal_parts(size: int, part_size: int) -> list[int]:
    """The sizes of the parts that a cut every `part_size` bytes makes; the last takes the rest."""
    return [min(part_size, size - start) for start in range(0, size, part_size)]


def usual_cuts(etag: str, size: int) -> list[list[int]]:
    """The cuts by usual part sizes of `size` bytes into as many parts as a multipart ETag says."""
    count = part_count(etag)
    if count == 1:
        return [[size]]  # whatever the part size
    fitting = [part_size for part_size in PART_SIZES if -(-size // part_size) == count]
    return [equal_parts(size, part_size) for part_size in fitting]


def etag_of_parts(path, sizes: list[int]) -> str:
    """The ETag that S3 gives an object uploaded in parts of these sizes: the MD5 of their MD5s."""
    joined = b"".join(part_digests(path, "md5", sizes))
    return f"{NEW['md5'](joined).hexdigest()}-{len(sizes)}"


def checksum_of(path, kind: str, sizes: list[int] | None = None) -> str:
    """A checksum as S3 gives it: base64 of a whole file's; with the sizes of parts, the composite
    one, of the parts' checksums.
    """
    if sizes is None:
        (digest,) = part_digests(path, kind, [-1])
        return base64.b64encode(digest).decode()
    whole = NEW[kind]()
    whole.update(b"".join(part_digests(path, kind, sizes)))
    return f"{base64.b64encode(whole.digest()).decode()}-{len(sizes)}"


def part_digests(path, kind: str, sizes: list[int]) -> list[bytes]:
    """The digest of each part of a file; a size of -1 is what is left of it."""
    found = []
    with open(path, "rb") as stream:
        for size in sizes:
            hasher = NEW[kind]()
            left = size if size >= 0 else os.fstat(stream.fileno()).st_size - stream.tell()
            while chunk := stream.read(min(CHUNK, left)):
                hasher.update(chunk)
                left -= len(chunk)
            found.append(hasher.digest())
    return found


def offered_checksums(head: dict, is_multipart: bool) -> list[tuple[str, str, bool | None]]:
    """(kind, value as S3 gives it, whether it is composite) of what the answer to a HEAD offers;
    None where a service does not say of an object in parts.
    """
    told = {"COMPOSITE": True, "FULL_OBJECT": False}.get(head.get("ChecksumType", ""))
    found: list[tuple[str, str, bool | None]] = []
    for name, kind in OFFERED.items():
        if value := head.get(name):
            composite = True if part_count(value) else told
            if composite is None and not is_multipart:
                composite = False
            found.append((kind, value, composite))
    return found
