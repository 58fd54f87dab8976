"""Whether a file holds the bytes that S3 stored, by whatever S3 offers to tell."""

from collections.abc import Callable, Iterable, Iterator

from utils.s3.bucket import Bucket, Listed
from utils.s3.checksums import (
    NEW,
    checksum_of,
    digests,
    equal_parts,
    etag_of_parts,
    is_md5,
    offered_checksums,
    part_count,
    usual_cuts,
)
from utils.s3.objects import ObjectError, get_bytes, request_error

try:
    import botocore.exceptions
except ImportError:  # told by `connect`
    pass

# Of one object, for the size of each part: a request each, as many as a list gives keys in one.
MOST_PARTS_ASKED = 1000


def head(bucket: Bucket, listed: Listed, **more) -> dict:
    """What a HEAD says of the very version that was listed, checksums too.

    Raises:
        ObjectError: no answer, or a refusal.
    """
    if listed.version_id and listed.version_id != "null":
        more["VersionId"] = listed.version_id
    try:
        return bucket.client.head_object(
            Bucket=bucket.name, Key=listed.key, ChecksumMode="ENABLED", **more
        )
    except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as error:
        failed = request_error(error)
        reason = f"its checksum cannot be asked for: {failed}"
        raise ObjectError(reason, failed.final, failed.service) from None


def part_cuts(bucket: Bucket, listed: Listed, count: int) -> Iterator[list[int]]:
    """Yield the ways in which an object may have been cut into `count` parts, as lists of sizes.

    First the cut into equal parts that a HEAD of its first part suggests; behind it, where that was
    none, the sizes as a HEAD of each part tells them. Of services that know no part numbers, and
    refuse them or answer with the whole object, nothing is yielded.
    """
    if count == 1:
        yield [listed.size]
        return
    try:
        first = head(bucket, listed, PartNumber=1)["ContentLength"]
    except ObjectError as error:
        if error.final:
            return
        raise
    if not 0 < first < listed.size:
        return
    equal = equal_parts(listed.size, first)
    if len(equal) == count:
        yield equal
    if count <= MOST_PARTS_ASKED:
        numbers = range(2, count + 1)
        others = [head(bucket, listed, PartNumber=n)["ContentLength"] for n in numbers]
        sizes = [first, *others]
        if sizes != equal and sum(sizes) == listed.size:
            yield sizes


def compare(bucket: Bucket, listed: Listed, path, found: dict | None = None) -> str | None:
    """How a file's bytes were found to be those that S3 stored; None where S3 offers nothing to
    compare.

    Args:
        found: `digests` of the file, where they are known.

    Raises:
        ObjectError: they are others, or S3 cannot be asked.
    """
    # The ETag of the list is enough in most cases, without a request.
    if is_md5(listed.etag):
        if (found or digests(path))["md5"] == listed.etag:
            return "md5"
    else:
        cuts = usual_cuts(listed.etag, listed.size)
        if any(etag_of_parts(path, cut) == listed.etag for cut in cuts):
            return "multipart md5"

    # Then the checksums that uploads leave.
    answer = head(bucket, listed)
    how = compare_checksums(bucket, listed, path, answer)
    if how:
        return how

    # Then the ETag once more: by the parts as the service tells them, or as other than the file's.
    encryption = answer.get("ServerSideEncryption", "")
    if encryption.startswith("aws:kms") or "SSECustomerAlgorithm" in answer:
        return None  # under KMS and customers' keys an ETag is no MD5, nor one of MD5s
    if is_md5(listed.etag):
        return agreed(False, "md5")

    def has_etag(cut: list[int]) -> bool:
        return etag_of_parts(path, cut) == listed.etag

    count = part_count(listed.etag)
    same = fits_any(part_cuts(bucket, listed, count), has_etag) if count else None
    return None if same is None else agreed(same, "multipart md5")


def compare_checksums(bucket: Bucket, listed: Listed, path, answer: dict) -> str | None:
    """`compare` by the checksums that the answer to a HEAD offers."""
    in_parts = part_count(listed.etag)
    offered = offered_checksums(answer, in_parts > 0)

    # Of the whole object; one that is not said to be of the whole may be of its parts.
    for kind, value, composite in offered:
        if not composite:
            same = checksum_of(path, kind) == value
            if same or composite is False:
                return agreed(same, kind)

    # Of its parts; some services leave out their number, behind the hyphen.
    for kind, value, _ in offered:

        def has_checksum(cut: list[int], kind=kind, value=value) -> bool:
            return checksum_of(path, kind, cut).split("-")[0] == value.split("-")[0]

        cuts = part_cuts(bucket, listed, part_count(value) or in_parts)
        same_parts = fits_any(cuts, has_checksum)
        if same_parts is not None:
            return agreed(same_parts, f"composite {kind}")
    return None


def fits_any(cuts: Iterable[list[int]], fits: Callable[[list[int]], bool]) -> bool | None:
    """Whether one of the cuts fits; None where there is no cut."""
    found = None
    for cut in cuts:
        if fits(cut):
            return True
        found = False
    return found


def agreed(same: bool, how: str) -> str:
    """`how`, where the bytes are the same.

    Raises:
        ObjectError: they are not.
    """
    if not same:
        raise ObjectError(f"other bytes than S3 stored ({how} differs)", final=False)
    return how


async def sha256_of_stored(bucket: Bucket, listed: Listed, step: int) -> str:
    """The sha256 of an object's bytes, fetched anew `step` bytes at a time, in hexadecimal."""
    hasher = NEW["sha256"]()
    for start in range(0, listed.size, step):
        hasher.update(await get_bytes(bucket, listed, start, min(start + step, listed.size)))
    return hasher.hexdigest()
