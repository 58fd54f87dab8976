"""Objects from S3 to files: in parallel, checked against what S3 stored, whole or not at all."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from hashlib import sha256
from pathlib import Path

from tqdm import tqdm

from utils.checksums import digests, digests_of, has_etag, is_md5, offered_checksum
from utils.errors import DISK_FULL
from utils.manifest import Entry, entry_of
from utils.s3 import Listed, ObjectError, get_bytes

WORK = ".s3_sync"  # folder of what is not whole yet, below the output
GREAT = 64 << 20  # objects from this size on come in ranges, in parallel, and go on where they were cut off
RANGE = 16 << 20
ATTEMPTS = 3
PAUSE = 0.4  # seconds before the second attempt, twice as long before the third


def fetch_all(bucket, output: Path, wanted: list[Listed], paths: dict, workers: int):
    """Fetch objects in parallel: (entries, {key: reason} of those that failed)."""
    fetched, failed = [], {}
    bar = tqdm(total=sum(entry.size for entry in wanted), unit="B", unit_scale=True, disable=None, desc="sync")
    (output / WORK).mkdir(exist_ok=True)
    root = Path(os.path.realpath(output))
    with ThreadPoolExecutor(workers) as pool, ThreadPoolExecutor(workers) as ranges:
        jobs = {pool.submit(fetch, bucket, root, entry, paths[entry.key], ranges): entry for entry in wanted}
        for number, job in enumerate(as_completed(jobs), 1):
            entry = jobs[job]
            try:
                fetched.append(job.result())
            except ObjectError as error:
                failed[entry.key] = str(error)
            except OSError as error:
                if error.errno in DISK_FULL:
                    pool.shutdown(cancel_futures=True)
                    raise
                failed[entry.key] = f"cannot be written here ({error.strerror or error})"
            bar.update(entry.size)
            bar.set_postfix_str(f"{number}/{len(wanted)} files", refresh=False)
    bar.close()
    remove_work(output / WORK)
    return fetched, failed


def fetch(bucket, root: Path, listed: Listed, path: str, ranges: ThreadPoolExecutor) -> Entry:
    """Fetch one object, check it and give it its name; tries again with pauses.

    Raises:
        ObjectError: it cannot be had, or never with the right bytes.
    """
    for attempt in range(1, ATTEMPTS + 1):
        try:
            great = listed.size >= GREAT
            work, found = fetch_great(bucket, root, listed, ranges) if great else fetch_small(bucket, root, listed)
            how = check(bucket, work, found, listed)
            return land(root, work, path, listed, how, found["sha256"])
        except ObjectError as error:
            if error.final or attempt == ATTEMPTS:
                raise
        time.sleep(PAUSE * 2 ** (attempt - 1))


def fetch_small(bucket, root: Path, listed: Listed) -> tuple[Path, dict]:
    """An object in one request: (its bytes under a working name, their digests)."""
    content = get_bytes(bucket, listed)
    if len(content) != listed.size:
        raise ObjectError(f"cut off: {len(content)} of {listed.size} bytes came", final=False)
    work = root / WORK / f"{os.getpid()}-{threading.get_ident()}"
    work.write_bytes(content)
    return work, digests_of(content)


def fetch_great(bucket, root: Path, listed: Listed, ranges: ThreadPoolExecutor) -> tuple[Path, dict]:
    """An object in parallel ranges; those that an earlier run brought are kept while its ETag is the same.

    Beside the bytes a text file has a number a line, of each range that is whole.
    """
    name = sha256(f"{listed.key}\n{listed.etag}\n{listed.version_id}".encode()).hexdigest()[:32]
    work, notes = root / WORK / f"{name}.part", root / WORK / f"{name}.done"
    done = set(notes.read_text().split()) if notes.exists() and work.exists() else set()
    if not done:
        with open(work, "wb") as stream:
            stream.truncate(listed.size)
    lock = threading.Lock()

    def bring(number: int):
        start = number * RANGE
        content = get_bytes(bucket, listed, start, min(start + RANGE, listed.size))
        with open(work, "r+b") as stream:
            stream.seek(start)
            stream.write(content)
        with lock, open(notes, "a") as stream:
            stream.write(f"{number}\n")

    numbers = [n for n in range(-(-listed.size // RANGE)) if str(n) not in done]
    list(ranges.map(bring, numbers))
    notes.unlink(missing_ok=True)
    return work, digests(work)


def check(bucket, work: Path, found: dict, listed: Listed) -> str:
    """How the bytes were found to be those that S3 stored.

    Raises:
        ObjectError: they are not.
    """
    if is_md5(listed.etag) and found["md5"] == listed.etag:
        return "md5"
    if not is_md5(listed.etag) and has_etag(work, listed.etag, listed.size):
        return "multipart md5"
    try:
        version = {"VersionId": listed.version_id} if listed.version_id else {}
        head = bucket.client.head_object(Bucket=bucket.name, Key=listed.key, ChecksumMode="ENABLED", **version)
    except Exception as error:
        raise ObjectError(f"its checksum cannot be had ({type(error).__name__})", final=False) from None
    offered = offered_checksum(head)
    encrypted = head.get("ServerSideEncryption", "").startswith("aws:kms") or "SSECustomerAlgorithm" in head
    if offered:
        same, how = found[offered[0]] == offered[1], offered[0]
    elif is_md5(listed.etag) and not encrypted:
        same, how = False, "md5"
    else:
        same, how = True, "size"
    if not same:
        work.unlink(missing_ok=True)
        raise ObjectError(f"other bytes than S3 stored ({how} differs)", final=False)
    return how


def land(root: Path, work: Path, path: str, listed: Listed, how: str, sha: str) -> Entry:
    """Give a whole file its name, below the output folder and nowhere else."""
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    if not Path(os.path.realpath(target.parent)).is_relative_to(root):
        raise ObjectError(f"{target.parent} is a link that leads out of the output folder; remove it", final=True)
    if target.is_dir() and not target.is_symlink():
        raise ObjectError(f"{target} is a folder here; remove it", final=True)
    os.replace(work, target)
    return entry_of(listed, path, sha, how, target.stat().st_mtime_ns)


def remove_work(folder: Path):
    """Remove the working folder but for the ranges of objects that did not come whole."""
    unfinished = {path.stem for path in folder.glob("*.done")}
    for path in folder.iterdir():
        if path.stem not in unfinished:
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()
