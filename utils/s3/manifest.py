"""The manifest of a synced folder: what was brought, from where, and how its bytes were checked."""

import json
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from utils.errors import InputError
from utils.s3.bucket import Listed
from utils.s3.checksums import digests, has_etag, is_md5
from utils.s3.paths import refusal

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True)
class Entry:
    """A line of the manifest."""

    key: str
    path: str
    size: int
    etag: str
    version_id: str | None
    sha256: str
    checked: str  # md5, multipart md5, sha256, crc32; size where S3 offers no more
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
    except (ValueError, TypeError, UnicodeDecodeError):
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
    temporary.write_text("".join(lines), encoding="utf-8")
    os.replace(temporary, output / MANIFEST)


def by_key(entry: Entry) -> str:
    return entry.key


def is_trusted(output: Path, listed: Listed, path: str, known: Entry | None) -> bool:
    """Whether the manifest, a local file's size and time, and the list agree, so that no byte need
    be read.
    """
    try:
        stat = os.lstat(os.path.join(output, path))
    except OSError:
        return False
    return bool(known) and (known.etag, known.path, known.size, known.mtime_ns) == (
        listed.etag,
        path,
        stat.st_size,
        stat.st_mtime_ns,
    )


def unchanged(output: Path, listed: Listed, path: str, known: Entry | None) -> Entry | None:
    """The entry of a local file whose bytes are the listed object's; None where they are not."""
    file = output / path
    if file.is_symlink() or not file.is_file() or file.stat().st_size != listed.size:
        return None
    mtime_ns = file.stat().st_mtime_ns
    if known and known.etag == listed.etag and known.path == path:
        return (
            replace(known, mtime_ns=mtime_ns) if digests(file)["sha256"] == known.sha256 else None
        )
    if has_etag(file, listed.etag, listed.size):
        how = "md5" if is_md5(listed.etag) else "multipart md5"
        return entry_of(listed, path, digests(file)["sha256"], how, mtime_ns)
    return None


def verify(output: Path) -> int:
    """Hold a folder against its manifest, without a network; returns the exit code."""
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
    return int(bool(wrong))
