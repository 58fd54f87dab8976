"""Bring subfolders of a dataset from S3 to this machine: in parallel, checked, and only what has
changed.

    python3 s3_sync_dataset.py s3://bucket/clasificacion/text_model/data_v1/text_dataset/ train,val
    python -m utils.s3_sync_dataset s3://bucket/data_v2/ground_truth/ muestras,todas --output
    data/intake --delete python -m utils.s3_sync_dataset --verify --output data/intake

Writes <output>/<subfolder>/… (output: temp_data below the current folder; the subfolder `.` is the
whole prefix) and <output>/manifest.jsonl: key, path, size, etag, version_id, sha256 and how the
bytes were checked. A file is unchanged when its size and time are those of the manifest and its
ETag that of the list, or, without an entry, when its bytes give that ETag: a change of the same
size is never missed. Each file appears under its name only when whole and checked; after a kill the
same command goes on. Credentials: boto3's own chain, the environment first.

Exit code 0: all is here; 1: some keys are not, and are named; 2: bad input.
"""

import fnmatch
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from utils.cli import parse
from utils.errors import InputError, exits_on_input_error
from utils.s3.bucket import (
    ConnectionArguments,
    Listed,
    connect,
    list_objects,
    parse_url,
    subfolders,
)
from utils.s3.fetch import WORK, fetch_all
from utils.s3.manifest import (
    MANIFEST,
    Entry,
    is_trusted,
    read_manifest,
    unchanged,
    verify,
    write_manifest,
)
from utils.s3.paths import assign_paths, refusal


@dataclass
class SyncArguments(ConnectionArguments):
    """What to bring and what to do with it."""

    output: str = field(
        default="temp_data", metadata={"help": "folder that receives the subfolders"}
    )
    include: list[str] = field(
        default_factory=list, metadata={"help": "only keys like these below the prefix"}
    )
    exclude: list[str] = field(
        default_factory=list, metadata={"help": "no keys like these below the prefix"}
    )
    delete: bool = field(
        default=False, metadata={"help": "remove local files that the bucket lacks"}
    )
    dry_run: bool = field(
        default=False, metadata={"help": "say what would be done, and do nothing"}
    )
    checksum: bool = field(
        default=False, metadata={"help": "read local files again, not trusting their time"}
    )
    version_ids: bool = field(default=False, metadata={"help": "list and fetch by version id"})
    verify: bool = field(
        default=False, metadata={"help": "check --output against its manifest, without a network"}
    )


@exits_on_input_error
def main(argv=None) -> int:
    """Sync or verify; returns the exit code."""
    # Arguments.
    args, words = parse(
        SyncArguments, argv, doc=__doc__, positional=["url?", "list_of_subfolders?"]
    )
    output = Path(args.output)
    if args.verify:
        return verify(output)
    if not words["url"] or not words["list_of_subfolders"]:
        raise InputError(
            "give the address and the subfolders: s3_sync_dataset.py s3://bucket/prefix/ train,val"
        )
    bucket_name, prefix = parse_url(words["url"])
    names = check_subfolders(words["list_of_subfolders"])
    if output.exists() and not output.is_dir():
        raise InputError(f"--output {output}: not a folder; choose another")

    # List, and give every key its place.
    start = time.perf_counter()
    bucket = connect(bucket_name, args)
    listed = list_subfolders(bucket, prefix, names, args)
    placed = assign_paths([entry.key for entry in listed], prefix, taken=(MANIFEST,))
    manifest = read_manifest(output)
    wanted = [
        entry
        for entry in listed
        if entry.key in placed.paths and is_wanted(placed.paths[entry.key], args)
    ]

    # Fetch what is not here.
    kept, missing = split_unchanged(output, wanted, placed.paths, manifest, args)
    surplus = surplus_files(output, names, listed, placed.paths, args) if args.delete else []
    if args.dry_run:
        return say_plan(missing, kept, surplus, placed)
    output.mkdir(parents=True, exist_ok=True)
    fetched, failed = fetch_all(bucket, output, missing, placed.paths, args.workers)
    failed |= placed.refused

    # Remove what is too much, write the manifest, say it.
    if surplus and failed:
        print(f"--delete: nothing is removed, for {len(failed)} keys are not here")
        surplus = []
    for path in surplus:
        path.unlink()
        print(f"removed {path}")
    others = [
        entry
        for entry in manifest.values()
        if not in_subfolders(entry.path, names) or not is_wanted(entry.path, args)
    ]
    write_manifest(output, [*kept, *fetched, *others])
    say_summary(output, names, kept, fetched, failed, time.perf_counter() - start)
    for key, reason in sorted(failed.items()):
        print(f"failed: {key!r}: {reason}", file=sys.stderr)
    return int(bool(failed))


def check_subfolders(text: str) -> list[str]:
    """The names of `a,b,c`, each a folder below the prefix."""
    names = [name.strip().strip("/") for name in text.split(",") if name.strip()]
    for name in names:
        if name != "." and (reason := refusal(name)):
            raise InputError(f"subfolder {name!r}: {reason}; give names separated by commas")
    if not names:
        raise InputError(
            f"{text!r}: no subfolder; give names separated by commas, or . for the whole prefix"
        )
    return list(dict.fromkeys(names))


def list_subfolders(bucket, prefix: str, names: list[str], args: SyncArguments) -> list[Listed]:
    """All objects of the subfolders, each once; the lists run in parallel."""
    with ThreadPoolExecutor(args.workers) as pool:
        lists = list(
            pool.map(
                lambda name: list_objects(bucket, subprefix(prefix, name), args.version_ids), names
            )
        )
    for name, entries in zip(names, lists, strict=True):
        if not entries:
            there = ", ".join(subfolders(bucket, prefix)[:20]) or "nothing"
            raise InputError(
                f"s3://{bucket.name}/{subprefix(prefix, name)}: no object there; under {prefix or '/'} "
                f"there is: {there}"
            )
    return list({entry.key: entry for entries in lists for entry in entries}.values())


def subprefix(prefix: str, name: str) -> str:
    return prefix if name == "." else f"{prefix}{name}/"


def in_subfolders(path: str, names: list[str]) -> bool:
    return any(name == "." or path.startswith(f"{name}/") for name in names)


def is_wanted(path: str, args: SyncArguments) -> bool:
    """Whether --include and --exclude let a path below the prefix through; * also matches /."""
    included = not args.include or any(
        fnmatch.fnmatchcase(path, pattern) for pattern in args.include
    )
    return included and not any(fnmatch.fnmatchcase(path, pattern) for pattern in args.exclude)


# What is here already.


def split_unchanged(
    output: Path, wanted: list[Listed], paths: dict, manifest: dict, args: SyncArguments
):
    """(entries of the files that are here as listed, objects to fetch)."""
    kept, missing, doubtful = [], [], []
    for listed in wanted:
        known, path = manifest.get(listed.key), paths[listed.key]
        if not args.checksum and is_trusted(output, listed, path, known):
            kept.append(known)
        else:
            (doubtful if os.path.lexists(os.path.join(output, path)) else missing).append(listed)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = pool.map(
            lambda entry: unchanged(output, entry, paths[entry.key], manifest.get(entry.key)),
            doubtful,
        )
    for listed, entry in zip(doubtful, found, strict=True):
        (kept if entry else missing).append(entry or listed)
    return kept, missing


def surplus_files(
    output: Path, names: list[str], listed: list[Listed], paths: dict, args: SyncArguments
):
    """The local files of the subfolders that no listed key has, but for what the patterns leave
    out.
    """
    there = {paths[entry.key] for entry in listed if entry.key in paths}
    found = []
    for name in names:
        folder = output if name == "." else output / name
        for file in (
            sorted(folder.rglob("*")) if folder.is_dir() and not folder.is_symlink() else []
        ):
            path = file.relative_to(output).as_posix()
            ours = path == MANIFEST or path.startswith(f"{WORK}/")
            if not file.is_dir() and not ours and path not in there and is_wanted(path, args):
                found.append(file)
    return found


# What is said.


def say_plan(missing: list[Listed], kept: list[Entry], surplus: list[Path], placed) -> int:
    """Print what a sync would do."""
    for entry in missing:
        print(f"would fetch {entry.key} ({entry.size:,} bytes) to {placed.paths[entry.key]}")
    for path in surplus:
        print(f"would remove {path}")
    for key, reason in sorted(placed.refused.items()):
        print(f"would refuse {key!r}: {reason}")
    print(
        f"dry run: {len(missing)} to fetch ({sum(e.size for e in missing):,} bytes), {len(kept)} unchanged, "
        f"{len(surplus)} to remove, {len(placed.refused)} refused"
    )
    return 0


def say_summary(
    output: Path, names: list[str], kept: list, fetched: list, failed: dict, seconds: float
):
    """Print a line a subfolder, and how many files could be checked by their size alone."""
    for name in names:
        new = [entry for entry in fetched if in_subfolders(entry.path, [name])]
        same = [entry for entry in kept if in_subfolders(entry.path, [name])]
        size = sum(entry.size for entry in new)
        print(f"{output / name}: {len(new)} fetched ({size:,} bytes), {len(same)} unchanged")
    by_size = sum(entry.checked == "size" for entry in [*kept, *fetched])
    if by_size:
        print(
            f"{by_size} files could be checked by their size alone: S3 offers no checksum of them"
        )
    print(
        f"{output / MANIFEST}: {len(kept) + len(fetched)} files, {len(failed)} keys failed, in {seconds:.2f} s"
    )


if __name__ == "__main__":
    raise SystemExit(main())
