"""Objects from S3 to files: many at a time, checked against what S3 stored, whole or not at all.

One thread hashes and writes while obstore's own threads bring the next objects: Python threads
would fight for it.
"""

import asyncio
import itertools
import os
from hashlib import sha256
from pathlib import Path

from tqdm import tqdm

from utils.errors import DISK_FULL
from utils.s3.bucket import Listed, ObjectError, get_bytes
from utils.s3.checksums import digests, digests_of, has_etag, is_md5, offered_checksum
from utils.s3.manifest import Entry, entry_of

WORK = ".s3_sync"  # folder of what is not whole yet, below the output
GREAT = (
    64 << 20
)  # objects from this size on come in ranges, in parallel, and go on where they were cut off
RANGE = 16 << 20
RANGES = 4  # of one object at a time
ATTEMPTS = 3
NUMBERS = itertools.count()  # of working files: no two ever share one
PAUSE = 0.4  # seconds before the second attempt, twice as long before the third


def fetch_all(bucket, output: Path, wanted: list[Listed], paths: dict[str, str], workers: int):
    """Fetch objects, `workers` at a time: (entries, {key: reason} of those that failed)."""
    root = os.path.realpath(output)
    os.makedirs(os.path.join(root, WORK), exist_ok=True)
    fetched, failed = [], {}
    with tqdm(
        total=sum(entry.size for entry in wanted),
        unit="B",
        unit_scale=True,
        disable=None,
        desc="sync",
    ) as bar:
        asyncio.run(work_off(bucket, root, wanted, paths, workers, fetched, failed, bar))
    remove_work(Path(root) / WORK)
    return fetched, failed


async def work_off(
    bucket,
    root: str,
    wanted: list[Listed],
    paths: dict,
    workers: int,
    fetched: list,
    failed: dict,
    bar,
):
    """Fetch every wanted object into `fetched` or `failed`."""
    waiting, folders = iter(wanted), set()

    async def worker():
        for entry in waiting:  # one iterator for all: each takes the next that nobody has taken
            try:
                fetched.append(await fetch(bucket, root, entry, paths[entry.key], folders))
            except ObjectError as error:
                failed[entry.key] = str(error)
            except OSError as error:
                if error.errno in DISK_FULL:
                    raise
                failed[entry.key] = f"cannot be written here ({error.strerror or error})"
            bar.update(entry.size)
            bar.set_postfix_str(f"{len(fetched) + len(failed)}/{len(wanted)} files", refresh=False)

    await asyncio.gather(*(worker() for _ in range(min(workers, len(wanted)))))


async def fetch(bucket, root: str, listed: Listed, path: str, folders: set[str]) -> Entry:
    """Fetch one object, check it and give it its name; tries again with pauses.

    Raises:
        ObjectError: it cannot be had, or never with the right bytes.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            great = listed.size >= GREAT
            work, found = await (fetch_great if great else fetch_small)(bucket, root, listed)
            how = await check(bucket, work, found, listed)
            return move_into_place(root, work, path, listed, how, found["sha256"], folders)
        except ObjectError as error:
            if error.final or attempt == ATTEMPTS:
                raise
        await asyncio.sleep(PAUSE * 2 ** (attempt - 1))


async def fetch_small(bucket, root: str, listed: Listed) -> tuple[str, dict]:
    """An object in one request: (its bytes under a working name, their digests)."""
    content = await get_bytes(bucket, listed)
    if len(content) != listed.size:
        raise ObjectError(f"cut off: {len(content)} of {listed.size} bytes came", final=False)
    work = os.path.join(root, WORK, f"{os.getpid()}-{next(NUMBERS)}")
    with open(work, "wb") as stream:
        stream.write(content)
    return work, digests_of(content)


async def fetch_great(bucket, root: str, listed: Listed) -> tuple[str, dict]:
    """An object in ranges; those that an earlier run brought are kept while its ETag is the same.

    Beside the bytes a text file has a number a line, of each range that is whole.
    """
    name = sha256(f"{listed.key}\n{listed.etag}\n{listed.version_id}".encode()).hexdigest()[:32]
    work, notes = os.path.join(root, WORK, f"{name}.part"), Path(root, WORK, f"{name}.done")
    done = set(notes.read_text().split()) if notes.exists() and os.path.exists(work) else set()
    if not done:
        with open(work, "wb") as stream:
            stream.truncate(listed.size)
    waiting = iter([n for n in range(-(-listed.size // RANGE)) if str(n) not in done])

    async def worker():
        for number in waiting:
            start = number * RANGE
            content = await get_bytes(bucket, listed, start, min(start + RANGE, listed.size))
            with open(work, "r+b") as stream:
                stream.seek(start)
                stream.write(content)
            with open(notes, "a") as stream:
                stream.write(f"{number}\n")

    # What is on its way when one range fails still lands, so that the next run need not bring it
    # again.
    for outcome in await asyncio.gather(*(worker() for _ in range(RANGES)), return_exceptions=True):
        if outcome is not None:
            raise outcome
    notes.unlink(missing_ok=True)
    return work, await asyncio.to_thread(digests, work)


async def check(bucket, work: str, found: dict, listed: Listed) -> str:
    """How the bytes were found to be those that S3 stored.

    Raises:
        ObjectError: they are not.
    """
    if is_md5(listed.etag) and found["md5"] == listed.etag:
        return "md5"
    if not is_md5(listed.etag) and await asyncio.to_thread(
        has_etag, work, listed.etag, listed.size
    ):
        return "multipart md5"
    try:
        version = {"VersionId": listed.version_id} if listed.version_id else {}
        head = await asyncio.to_thread(
            bucket.client.head_object,
            Bucket=bucket.name,
            Key=listed.key,
            ChecksumMode="ENABLED",
            **version,
        )
    except Exception as error:
        raise ObjectError(
            f"its checksum cannot be had ({type(error).__name__})", final=False
        ) from None
    offered = offered_checksum(head)
    encrypted = (
        head.get("ServerSideEncryption", "").startswith("aws:kms") or "SSECustomerAlgorithm" in head
    )
    if offered:
        same, how = found[offered[0]] == offered[1], offered[0]
    elif is_md5(listed.etag) and not encrypted:
        same, how = False, "md5"
    else:
        same, how = True, "size"
    if not same:
        os.unlink(work)
        raise ObjectError(f"other bytes than S3 stored ({how} differs)", final=False)
    return how


def move_into_place(
    root: str, work: str, path: str, listed: Listed, how: str, sha: str, folders: set[str]
) -> Entry:
    """Give a whole file its name, below the output folder and nowhere else; `folders` are those
    known to be below.
    """
    target = os.path.join(root, path)
    parent = os.path.dirname(target)
    if parent not in folders:
        if os.path.commonpath([root, os.path.realpath(parent)]) != root:
            raise ObjectError(
                f"{parent} is a link that leads out of the output folder; remove it", final=True
            )
        os.makedirs(parent, exist_ok=True)
        folders.add(parent)
    if os.path.isdir(target) and not os.path.islink(target):
        raise ObjectError(f"{target} is a folder here; remove it", final=True)
    os.replace(work, target)
    return entry_of(listed, path, sha, how, os.stat(target).st_mtime_ns)


def remove_work(folder: Path):
    """Remove the working folder but for the ranges of objects that did not come whole."""
    unfinished = {path.stem for path in folder.glob("*.done")}
    for path in folder.iterdir():
        if path.stem not in unfinished:
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
