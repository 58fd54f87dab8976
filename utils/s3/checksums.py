"""Whether bytes are those that S3 stored: ETags of one part and of many, and the checksums that S3
offers.
"""

import base64
import hashlib
import re
import zlib

MIB = 1 << 20
CHUNK = 8 * MIB
# Part sizes that clients use: 8 MiB is the aws command line's and boto3's, 5 and 16 are common, and
# the console takes 16 MiB and more for great files.
PART_SIZES = [n * MIB for n in (5, 8, 10, 15, 16, 20, 25, 32, 50, 64, 100, 128, 256, 512, 1024)]


def digests(path, part_size: int | None = None) -> dict[str, str]:
    """The sha256, md5 and crc32 of a file in one reading, and with a part size the ETag of an
    upload in such parts.

    crc32 is base64 of four big-endian bytes, as S3 gives it.
    """
    sha256, md5, crc, parts = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0, []
    with open(path, "rb") as stream:
        while chunk := stream.read(part_size or CHUNK):
            sha256.update(chunk)
            md5.update(chunk)
            crc = zlib.crc32(chunk, crc)
            if part_size:
                parts.append(hashlib.md5(chunk, usedforsecurity=False).digest())
    found = {"sha256": sha256.hexdigest(), "md5": md5.hexdigest(), "crc32": base64_of(crc)}
    if part_size:
        found["etag"] = (
            f"{hashlib.md5(b''.join(parts), usedforsecurity=False).hexdigest()}-{len(parts)}"
        )
    return found


def digests_of(content: bytes) -> dict[str, str]:
    """`digests` of bytes in memory."""
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "crc32": base64_of(zlib.crc32(content)),
    }


def base64_of(crc: int) -> str:
    return base64.b64encode(crc.to_bytes(4, "big")).decode()


def is_md5(etag: str) -> bool:
    """Whether an ETag has the form of an MD5; under KMS encryption it is another 32 hexadecimal
    digits.
    """
    return re.fullmatch(r"[0-9a-f]{32}", etag) is not None


def possible_part_sizes(etag: str, size: int) -> list[int]:
    """The usual part sizes that cut `size` bytes into as many parts as a multipart ETag says."""
    match = re.fullmatch(r"[0-9a-f]{32}-(\d+)", etag)
    parts = int(match[1]) if match else 0
    return [part for part in PART_SIZES if parts and -(-size // part) == parts]


def has_etag(path, etag: str, size: int) -> bool | None:
    """Whether a file's bytes give the ETag; None where its form or part size does not let us tell."""
    if is_md5(etag):
        return digests(path)["md5"] == etag
    sizes = possible_part_sizes(etag, size)
    if any(digests(path, part)["etag"] == etag for part in sizes):
        return True
    return None  # parts of an unusual size look the same as other bytes


def offered_checksum(head: dict) -> tuple[str, str] | None:
    """(kind, value) of a whole object's checksum in the answer to a HEAD, where it is one that
    Python computes.
    """
    if head.get("ChecksumType", "FULL_OBJECT") != "FULL_OBJECT":
        return None
    if value := head.get("ChecksumSHA256"):
        return ("sha256", base64.b64decode(value).hex()) if "-" not in value else None
    if value := head.get("ChecksumCRC32"):
        return ("crc32", value) if "-" not in value else None
    return None
