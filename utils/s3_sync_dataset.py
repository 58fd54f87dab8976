"""Bring subfolders of a dataset from S3 to this machine: in parallel, checked, and only what has
changed.

    python3 s3_sync_dataset.py s3://bucket/clasificacion/text_model/data_v1/text_dataset/ train,val
    python -m utils.s3_sync_dataset s3://bucket/data_v2/ground_truth/ muestras,todas \\
        --output data/intake --delete
    python -m utils.s3_sync_dataset --verify --output data/intake

Writes <output>/<subfolder>/… (output: temp_data below the current folder; the subfolder `.` is the
whole prefix) and <output>/manifest.jsonl: key, path, size, etag, version_id, sha256 and how the
bytes were checked. A file is unchanged when its size and time are those of the manifest and its
ETag that of the list, or, without an entry, when its bytes give that ETag or checksum: a change of
the same size is never missed. Each file appears under its name only when whole and checked; after a
kill, or when the service stops answering, the same command continues. Credentials: boto3's own
chain, the environment first.

Exit code 0: all is here; 1: some keys are not, and are named; 2: bad input, or no service.
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
from utils.folders import locked_folder
from utils.s3.bucket import (
    Bucket,
    ConnectionArguments,
    Listed,
    connect,
    list_objects,
    parse_url,
    subfolders,
)
from utils.s3.fetch import WORK, Outcome, fetch_all
from utils.s3.manifest import (
    MANIFEST,
    Entry,
    is_trusted,
    read_manifest,
    say_unproven,
    unchanged,
    verify,
    write_manifest,
)
from utils.s3.paths import Placed, assign_paths, refusal


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
    start = time.perf_counter()
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
    check_output(output)
    try:
        # List, and give every key its place.
        bucket = connect(bucket_name, args)
        listed = list_subfolders(bucket, prefix, names, args)
        placed = assign_paths({entry.key: entry.size for entry in listed}, prefix, (MANIFEST,))
        wanted = choose(listed, placed, args)

        # Fetch, write the manifest, remove what the bucket lacks.
        if args.dry_run:
            return dry_run(bucket, output, names, listed, wanted, placed, args)
        with locked_folder(output, "sync"):
            output.mkdir(parents=True, exist_ok=True)
            kept, fetched, failed = sync(bucket, output, names, listed, wanted, placed, args)
    except KeyboardInterrupt:
        print(
            f"interrupted; what came whole is in {output}, the same command continues there",
            file=sys.stderr,
        )
        raise SystemExit(130) from None

    # Say what was done.
    say_summary(output, names, kept, fetched, failed, time.perf_counter() - start)
    for key, reason in sorted(failed.items()):
        print(f"failed: {key!r}: {reason}", file=sys.stderr)
    return int(bool(failed))


def sync(
    bucket: Bucket,
    output: Path,
    names: list[str],
    listed: list[Listed],
    wanted: list[Listed],
    placed: Placed,
    args: SyncArguments,
) -> tuple[list[Entry], list[Entry], dict[str, str]]:
    """Make the folder what the bucket is: (entries unchanged, entries fetched, reasons by key of
    what failed).
    """
    manifest = read_manifest(output)
    kept, missing = split_unchanged(bucket, output, wanted, placed.paths, manifest, args)
    outcome = Outcome()
    try:
        fetch_all(bucket, output, missing, placed.paths, args.workers, outcome)
    finally:  # what came is written down also when Ctrl-C, a full disk or a dead service ends it
        mine = [*kept, *outcome.fetched]
        write_manifest(output, mine + entries_of_others(output, mine, names, args))
    failed = outcome.failed | placed.refused
    surplus = surplus_files(output, names, listed, placed.paths, args) if args.delete else []
    if surplus and failed:
        print(f"--delete: nothing is removed, for {len(failed)} keys are not here")
        surplus = []
    for path in surplus:
        path.unlink()
        print(f"removed {path}")
    return kept, outcome.fetched, failed


def entries_of_others(
    output: Path, mine: list[Entry], names: list[str], args: SyncArguments
) -> list[Entry]:
    """The entries of the manifest, as it is now, that this sync was not asked for: other subfolders
    and what --include and --exclude leave out.
    """
    keys = {entry.key for entry in mine}
    return [
        entry
        for entry in read_manifest(output).values()
        if entry.key not in keys
        and not (in_subfolders(entry.path, names) and is_wanted(entry.path, args))
    ]


def dry_run(
    bucket: Bucket,
    output: Path,
    names: list[str],
    listed: list[Listed],
    wanted: list[Listed],
    placed: Placed,
    args: SyncArguments,
) -> int:
    """Print what a sync would do."""
    manifest = read_manifest(output)
    kept, missing = split_unchanged(bucket, output, wanted, placed.paths, manifest, args)
    surplus = surplus_files(output, names, listed, placed.paths, args) if args.delete else []
    for entry in missing:
        print(f"would fetch {entry.key} ({entry.size:,} bytes) to {placed.paths[entry.key]}")
    for path in surplus:
        print(f"would remove {path}")
    for key, reason in sorted(placed.refused.items()):
        print(f"would refuse {key!r}: {reason}")
    size = sum(entry.size for entry in missing)
    print(
        f"dry run: {len(missing)} to fetch ({size:,} bytes), {len(kept)} unchanged, "
        f"{len(surplus)} to remove, {len(placed.refused)} refused"
    )
    return 0


def check_output(output: Path):
    """Refuse an --output that cannot be a folder that we write into, before anything is asked."""
    place = output
    while not os.path.lexists(place) and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise InputError(f"--output {output}: {place} is not a folder; choose another")
    if not os.access(place, os.W_OK | os.X_OK):
        raise InputError(
            f"--output {output}: {place} may not be written to; check permissions or choose another"
        )


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


def list_subfolders(
    bucket: Bucket, prefix: str, names: list[str], args: SyncArguments
) -> list[Listed]:
    """All objects of the subfolders, each once; the lists run in parallel."""

    def list_one(name: str) -> list[Listed]:
        return list_objects(bucket, subprefix(prefix, name), args.version_ids)

    with ThreadPoolExecutor(args.workers) as pool:
        lists = list(pool.map(list_one, names))
    for name, entries in zip(names, lists, strict=True):
        if not entries:
            there = ", ".join(subfolders(bucket, prefix)[:20]) or "nothing"
            raise InputError(
                f"s3://{bucket.name}/{subprefix(prefix, name)}: no object there; under "
                f"{prefix or '/'} there is: {there}"
            )
    return list({entry.key: entry for entries in lists for entry in entries}.values())


def choose(listed: list[Listed], placed: Placed, args: SyncArguments) -> list[Listed]:
    """The objects that have a place here and that --include and --exclude let through.

    Raises:
        InputError: --include lets none through, most likely a mistake.
    """
    here = [entry for entry in listed if entry.key in placed.paths]
    wanted = [entry for entry in here if is_wanted(placed.paths[entry.key], args)]
    if args.include and here and not wanted:
        patterns = " ".join(map(repr, args.include))
        raise InputError(
            f"--include {patterns}: matches none of {len(here)} keys, as "
            f"{placed.paths[here[0].key]!r}; patterns are matched against the whole path below the "
            "prefix"
        )
    return wanted


def subprefix(prefix: str, name: str) -> str:
    return prefix if name == "." else f"{prefix}{name}/"


def in_subfolders(path: str, names: list[str]) -> bool:
    return any(name == "." or path.startswith(f"{name}/") for name in names)


def is_wanted(path: str, args: SyncArguments) -> bool:
    """Whether --include and --exclude let a path below the prefix through; * also matches /."""
    is_included = any(fnmatch.fnmatchcase(path, pattern) for pattern in args.include or ["*"])
    is_excluded = any(fnmatch.fnmatchcase(path, pattern) for pattern in args.exclude)
    return is_included and not is_excluded


# What is here already.


def split_unchanged(
    bucket: Bucket,
    output: Path,
    wanted: list[Listed],
    paths: dict[str, str],
    manifest: dict[str, Entry],
    args: SyncArguments,
) -> tuple[list[Entry], list[Listed]]:
    """(entries of the files that are here as listed, objects to fetch)."""
    kept, missing, doubtful = [], [], []
    for entry in wanted:
        known = manifest.get(entry.key)
        path = paths[entry.key]
        if not args.checksum and known and is_trusted(output, entry, path, known):
            kept.append(known)
        elif os.path.lexists(os.path.join(output, path)):
            doubtful.append(entry)
        else:
            missing.append(entry)

    def judge(entry: Listed) -> Entry | None:
        return unchanged(bucket, output, entry, paths[entry.key], manifest.get(entry.key))

    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = list(pool.map(judge, doubtful))
    for entry, same in zip(doubtful, found, strict=True):
        if same:
            kept.append(same)
        else:
            missing.append(entry)
    return kept, missing


def surplus_files(
    output: Path, names: list[str], listed: list[Listed], paths: dict, args: SyncArguments
) -> list[Path]:
    """The local files of the subfolders that no listed key has, but for what the patterns leave
    out.
    """
    there = {paths[entry.key] for entry in listed if entry.key in paths}
    found = []
    for name in names:
        folder = output if name == "." else output / name
        # What lies behind a link is not the sync's to remove.
        if not folder.is_dir() or folder.is_symlink():
            continue
        for file in sorted(folder.rglob("*")):
            path = file.relative_to(output).as_posix()
            is_ours = path == MANIFEST or path.startswith(f"{WORK}/")
            is_known = path in there or not is_wanted(path, args)
            if not file.is_dir() and not is_ours and not is_known:
                found.append(file)
    return found


# What is printed.


def say_summary(
    output: Path, names: list[str], kept: list, fetched: list, failed: dict, seconds: float
):
    """Print a line a subfolder, and how many files no checksum of S3's vouches for."""
    for name in names:
        new = [entry for entry in fetched if in_subfolders(entry.path, [name])]
        same = [entry for entry in kept if in_subfolders(entry.path, [name])]
        size = sum(entry.size for entry in new)
        print(f"{output / name}: {len(new)} fetched ({size:,} bytes), {len(same)} unchanged")
    print(
        f"{output / MANIFEST}: {len(kept) + len(fetched)} files, {len(failed)} keys failed, "
        f"in {seconds:.2f} s"
    )
    say_unproven([*kept, *fetched])


if __name__ == "__main__":
    raise SystemExit(main())
