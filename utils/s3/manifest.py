"""The manifest of a synced folder: what was brought, from where, and how its bytes were checked."""

import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from utils.errors import InputError
from utils.s3.bucket import Bucket, Listed
from utils.s3.checksums import digests
from utils.s3.compare import compare
from utils.s3.objects import ObjectError
from utils.s3.paths import refusal

MANIFEST = "manifest.jsonl"
SIZE = "size"  # of manifests that earlier versions wrote: no byte was compared
TWICE = "fetched twice"  # S3 offers no checksum, and two transfers brought the same bytes


@dataclass(frozen=True)
class Entry:
    """A line of the manifest."""

    key: str
    path: str
    size: int
    etag: str
    version_id: str | None
    sha256: str
    checked: str  # md5, multipart md5, sha256 …, composite crc32 …, or one of the two above
    mtime_ns: int


def entry_of(listed: Listed, path: str, sha: str, how: str, mtime_ns: int) -> Entry:
    return Entry(listed.key, path, listed.size, listed.etag, listed.version_id, sha, how, mtime_ns)


def read_manifest(output: Path) -> dict[str, Entry]:
    """The manifest's entries by key; empty where there is none."""
    path = output / MANIFEST
    if not path.exists():
        return {}
    try:
        entries = [
            Entry(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()
        ]
    except (ValueError, TypeError, IsADirectoryError):
        raise InputError(
            f"{path}: not a manifest of this tool; move it away or choose another --output"
        ) from None
    return {entry.key: entry for entry in entries}


def write_manifest(output: Path, entries: list[Entry]):
    """Write the manifest by key, whole or not at all."""
    lines = [
        json.dumps(vars(entry), ensure_ascii=False) + "\n" for entry in sorted(entries, key=by_key)
    ]
    temporary = output / f"{MANIFEST}.tmp"
    try:
        temporary.write_text("".join(lines), encoding="utf-8")
        os.replace(temporary, output / MANIFEST)
    except OSError:  # a full disk: the old manifest stays, and nothing half beside it
        temporary.unlink(missing_ok=True)
        raise


def by_key(entry: Entry) -> str:
    return entry.key


def is_trusted(output: Path, listed: Listed, path: str, known: Entry | None) -> bool:
    """Whether the manifest, a local file's size and time, and the list agree, so that no byte need
    be read.
    """
    if known is None or not listed.etag:
        return False
    try:
        stat = os.lstat(os.path.join(output, path))
    except OSError:
        return False
    return (known.etag, known.path, known.size, known.mtime_ns) == (
        listed.etag,
        path,
        stat.st_size,
        stat.st_mtime_ns,
    )


def unchanged(
    bucket: Bucket, output: Path, listed: Listed, path: str, known: Entry | None
) -> Entry | None:
    """The entry of a local file whose bytes are the listed object's; None where they are not.

    Bytes are compared with the manifest, which holds what was once compared with S3; where it does
    not know them, or knows them by their size alone, with what S3 itself says of them.
    """
    file = output / path
    if file.is_symlink() or not file.is_file() or file.stat().st_size != listed.size:
        return None
    mtime_ns = file.stat().st_mtime_ns
    found = digests(file)
    is_known = known is not None and (known.etag, known.path) == (listed.etag, path)
    if known is not None and is_known and listed.etag and known.checked != SIZE:
        return replace(known, mtime_ns=mtime_ns) if found["sha256"] == known.sha256 else None
    try:
        how = compare(bucket, listed, file, found)
    except ObjectError:  # other bytes; or no answer, which fetching meets again and says
        return None
    return entry_of(listed, path, found["sha256"], how, mtime_ns) if how else None


def verify(output: Path) -> int:
    """Hold a folder against its manifest, without a network; returns the exit code."""
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {output}: not a folder; give the one that a sync has filled")
    manifest = read_manifest(output)
    if not manifest:
        raise InputError(
            f"{output / MANIFEST}: no manifest there; sync first, or give another --output"
        )
    wrong = {}
    for entry in tqdm(manifest.values(), desc="verify", unit="file", disable=None):
        file = output / entry.path
        if refusal(entry.path) or not file.is_file():
            wrong[entry.path] = "missing"
        elif file.stat().st_size != entry.size:
            wrong[entry.path] = f"{file.stat().st_size:,} bytes instead of {entry.size:,}"
        elif digests(file)["sha256"] != entry.sha256:
            wrong[entry.path] = "other bytes of the same size"
    for path, reason in wrong.items():
        print(f"failed: {path!r}: {reason}", file=sys.stderr)
    print(f"{output}: {len(manifest) - len(wrong)} of {len(manifest)} files as in the manifest")
    say_unproven([entry for entry in manifest.values() if entry.path not in wrong])
    return int(bool(wrong))


def say_unproven(entries: list[Entry]):
    """Print how many files no checksum of S3's vouches for."""
    by_size = sum(entry.checked == SIZE for entry in entries)
    twice = sum(entry.checked == TWICE for entry in entries)
    if by_size:
        print(
            f"{by_size} of them were checked by their size alone, by an earlier version: sync with "
            "--checksum to compare their bytes with S3"
        )
    if twice:
        print(f"{twice} of them were fetched twice and compared, for S3 offers no checksum of them")
