"""Objects from S3 to files: many at a time, checked against what S3 stored, whole or not at all.

One thread hashes and writes while obstore's own threads bring the next objects: Python threads
would fight for it.
"""

import asyncio
import itertools
import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from tqdm import tqdm

from utils.cli import report_progress
from utils.errors import DISK_FULL
from utils.s3.bucket import Bucket, Listed
from utils.s3.checksums import digests, digests_of
from utils.s3.compare import compare, sha256_of_stored
from utils.s3.manifest import TWICE, Entry, entry_of
from utils.s3.objects import ObjectError, Outage, get_bytes

WORK = ".s3_sync"  # folder of what is not whole yet, below the output
LARGE = 64 << 20  # bytes from which on an object comes in ranges, and resumes where it was cut off
RANGE = 16 << 20  # bytes
RANGES = 4  # of one object at a time
ATTEMPTS = 3
PAUSE = 0.4  # seconds before the second attempt, twice as long before the third
NUMBERS = itertools.count()  # of working files: no two ever share one


@dataclass
class Outcome:
    """What a sync has done so far; whole at every moment, so that it can be written down when the
    sync is cut off.
    """

    fetched: list[Entry] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)  # key: reason
    bytes_done: int = 0


def fetch_all(
    bucket: Bucket,
    output: Path,
    wanted: list[Listed],
    paths: dict[str, str],
    workers: int,
    outcome: Outcome,
):
    """Fetch objects, `workers` at a time, into `outcome`.

    Raises:
        InputError: the service answers no more.
        OSError: the disk is full.
    """
    root = os.path.realpath(output)
    os.makedirs(os.path.join(root, WORK), exist_ok=True)
    total = sum(entry.size for entry in wanted)

    def describe() -> str:
        n_done = len(outcome.fetched) + len(outcome.failed)
        return (
            f"sync: {n_done:,} of {len(wanted):,} files, {outcome.bytes_done:,} of {total:,} bytes"
        )

    with (
        tqdm(total=total, unit="B", unit_scale=True, disable=None, desc="sync") as bar,
        report_progress(describe),
    ):
        try:
            asyncio.run(work_off(bucket, root, wanted, paths, workers, outcome, bar))
        finally:
            remove_work(Path(root) / WORK)


async def work_off(
    bucket: Bucket,
    root: str,
    wanted: list[Listed],
    paths: dict[str, str],
    workers: int,
    outcome: Outcome,
    bar: tqdm,
):
    """Fetch every wanted object into `outcome`."""
    waiting = iter(wanted)
    folders: set[str] = set()
    outage = Outage(f"s3://{bucket.name}")

    async def worker():
        for entry in waiting:  # one iterator for all: each takes the next that nobody has taken
            try:
                found = await fetch(bucket, root, entry, paths[entry.key], folders, outage)
                outcome.fetched.append(found)
            except ObjectError as error:
                outcome.failed[entry.key] = str(error)
            except OSError as error:
                if error.errno in DISK_FULL:
                    raise
                outcome.failed[entry.key] = f"cannot be written here ({error.strerror or error})"
            outcome.bytes_done += entry.size
            bar.update(entry.size)

    await asyncio.gather(*(worker() for _ in range(min(workers, len(wanted)))))
    outage.raise_if_down()


async def fetch(
    bucket: Bucket, root: str, listed: Listed, path: str, folders: set[str], outage: Outage
) -> Entry:
    """Fetch one object, check it and give it its name; tries again with pauses.

    Raises:
        ObjectError: it does not come, or never with the right bytes.
        InputError: the service answers no more.
    """
    bring = fetch_large if listed.size >= LARGE else fetch_small
    attempt = 1
    while True:
        try:
            work, found = await bring(bucket, root, listed)
            how = await check(bucket, work, found, listed)
            notes_of(work).unlink(missing_ok=True)
            outage.note_success()
            return move_into_place(root, work, path, listed, how, found["sha256"], folders)
        except ObjectError as error:
            outage.note_failure(error)
            if error.final or attempt == ATTEMPTS:
                raise
        await asyncio.sleep(PAUSE * 2 ** (attempt - 1))
        attempt += 1


async def fetch_small(bucket: Bucket, root: str, listed: Listed) -> tuple[str, dict]:
    """An object in one request: (its bytes under a working name, their digests)."""
    content = await get_bytes(bucket, listed)
    if len(content) != listed.size:
        raise ObjectError(f"cut off: {len(content)} of {listed.size} bytes came", final=False)
    work = os.path.join(root, WORK, f"{os.getpid()}-{next(NUMBERS)}")
    with open(work, "wb") as stream:
        stream.write(content)
    return work, digests_of(content)


async def fetch_large(bucket: Bucket, root: str, listed: Listed) -> tuple[str, dict]:
    """An object in ranges; those that an earlier run brought are kept while its ETag is the same.

    Beside the bytes a text file has a number a line, of each range that is whole.
    """
    name = sha256(f"{listed.key}\n{listed.etag}\n{listed.version_id}".encode()).hexdigest()[:32]
    work = os.path.join(root, WORK, f"{name}.part")
    notes = notes_of(work)
    if notes.exists() and os.path.exists(work):
        done = set(notes.read_text().split())
    else:
        done = set()
        with open(work, "wb") as stream:
            stream.truncate(listed.size)
    # One iterator for all workers: each takes the next range that nobody has taken.
    waiting = iter([n for n in range(-(-listed.size // RANGE)) if str(n) not in done])

    async def worker():
        for number in waiting:
            start = number * RANGE
            stop = min(start + RANGE, listed.size)
            content = await get_bytes(bucket, listed, start, stop)
            if len(content) != stop - start:
                raise ObjectError(f"cut off: {len(content)} of {stop - start} bytes came", False)
            with open(work, "r+b") as stream:
                stream.seek(start)
                stream.write(content)
            with open(notes, "a") as stream:
                stream.write(f"{number}\n")

    # What is on its way when one range fails still lands, so that the next run need not bring it
    # again.
    workers = (worker() for _ in range(RANGES))
    for error in await asyncio.gather(*workers, return_exceptions=True):
        if error is not None:
            raise error
    return work, await asyncio.to_thread(digests, work)


def notes_of(work: str) -> Path:
    """Where the ranges that came of a large object are noted."""
    return Path(work).with_suffix(".done")


async def check(bucket: Bucket, work: str, found: dict, listed: Listed) -> str:
    """How the bytes were found to be those that S3 stored; where S3 offers nothing that tells, they
    are fetched a second time.

    Raises:
        ObjectError: they are not, and the working file is gone.
    """
    try:
        how = await asyncio.to_thread(compare, bucket, listed, work, found)
        if how is None:
            again = await sha256_of_stored(bucket, listed, RANGE)
            if again != found["sha256"]:
                raise ObjectError("came with other bytes the second time", final=False)
            how = TWICE
    except ObjectError as error:
        if not error.service:  # bytes that could only not be checked are kept for the next try
            os.unlink(work)
            notes_of(work).unlink(missing_ok=True)
        raise
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
