"""Put a folder into S3: in parallel, checked, and never over what is there unless asked.

    python -m utils.s3_upload ground_truth/todas s3://raw-bucket/caso_uno/classify/
    python -m utils.s3_upload ground_truth/todas s3://raw-bucket/caso_uno/classify/ --overwrite \\
        --dry_run

Every file below the folder goes to the prefix under its path, in NFC, with a checksum that S3 holds
against what arrives. A file that is there with the same bytes is skipped, so that the same command
continues after a kill; one that is there with other bytes is refused, unless --overwrite. Links and
hidden files stay here and are counted. Credentials: boto3's own chain, the environment first.

Exit code 0: all is there; 1: some files are not, and are named; 2: bad input, or no service.
"""

import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from utils.cli import parse, report_progress
from utils.errors import InputError, exits_on_input_error
from utils.s3.bucket import (
    Bucket,
    ConnectionArguments,
    Listed,
    connect,
    list_objects,
    parse_url,
)
from utils.s3.compare import compare
from utils.s3.objects import ObjectError, Outage
from utils.s3.paths import assign_paths
from utils.s3.put import put_file, put_first
from utils.text import nfc


@dataclass
class UploadArguments(ConnectionArguments):
    """What to do with files that are there, and with none."""

    overwrite: bool = field(
        default=False, metadata={"help": "replace objects that are there with other bytes"}
    )
    dry_run: bool = field(
        default=False, metadata={"help": "say what would be done, and do nothing"}
    )


@exits_on_input_error
def main(argv=None) -> int:
    """Upload; returns the exit code."""
    # Arguments.
    args, words = parse(UploadArguments, argv, doc=__doc__, positional=["folder", "url"])
    folder = Path(words["folder"])
    bucket_name, prefix = parse_url(words["url"])
    files, left_out = files_to_put(folder)
    try:
        # What is there already.
        bucket = connect(bucket_name, args)
        there = {entry.key: entry for entry in list_objects(bucket, prefix)}
        wanted, same, refused = choose(bucket, folder, files, prefix, there, args)
        if args.dry_run:
            return dry_run(wanted, same, refused, left_out)

        # Put.
        failed = put_all(bucket, wanted, args) | refused
    except KeyboardInterrupt:
        print("interrupted; the same command continues where it stopped", file=sys.stderr)
        raise SystemExit(130) from None

    # Say what was done.
    put = len(wanted.keys() - failed.keys())
    print(
        f"s3://{bucket_name}/{prefix}: {put} put, {len(same)} the same, {len(failed)} failed, "
        f"{left_out} links and hidden files left out"
    )
    for key, reason in sorted(failed.items()):
        print(f"failed: {key!r}: {reason}", file=sys.stderr)
    return int(bool(failed))


def choose(
    bucket: Bucket,
    folder: Path,
    files: list[Path],
    prefix: str,
    there: dict[str, Listed],
    args: UploadArguments,
) -> tuple[dict[str, Path], list[str], dict[str, str]]:
    """(files to put by key, keys that are there with the same bytes, reasons by key refused)."""
    keys = {key_of(file, folder, prefix): file for file in files}
    sizes = {key: file.stat().st_size for key, file in keys.items()}
    refused = assign_paths(sizes, prefix).refused | find_key_collisions(files, folder, prefix)
    wanted = {}
    same = []
    for key, file in keys.items():
        if key in refused:
            continue
        if key not in there:
            wanted[key] = file
        elif is_same(bucket, file, there[key]):
            same.append(key)
        elif args.overwrite:
            wanted[key] = file
        else:
            refused[key] = "is there with other bytes; pass --overwrite to replace it"
    return wanted, same, refused


def dry_run(
    wanted: dict[str, Path], same: list[str], refused: dict[str, str], left_out: int
) -> int:
    """Print what an upload would do."""
    for key, file in wanted.items():
        print(f"would put {file} to {key} ({file.stat().st_size:,} bytes)")
    for key, reason in sorted(refused.items()):
        print(f"would refuse {key!r}: {reason}")
    print(
        f"dry run: {len(wanted)} to put, {len(same)} the same, {len(refused)} refused, "
        f"{left_out} left out"
    )
    return 0


def files_to_put(folder: Path) -> tuple[list[Path], int]:
    """The files of a folder, and how many links and hidden ones are left out.

    Raises:
        InputError: no such folder, or no file in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; check the path")
    found = [path for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file()]
    files = []
    for path in found:
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not is_hidden and not path.is_symlink():
            files.append(path)
    if not files:
        raise InputError(f"{folder}: no file in it; check the path")
    return files, len(found) - len(files)


def is_same(bucket: Bucket, file: Path, listed: Listed) -> bool:
    """Whether the object holds the file's bytes; False where S3 offers nothing to compare."""
    if file.stat().st_size != listed.size:
        return False
    try:
        return compare(bucket, listed, file) is not None
    except ObjectError:
        return False


def key_of(file: Path, folder: Path, prefix: str) -> str:
    """Where a file of the folder goes; in NFC, for macOS names files in NFD."""
    return f"{prefix}{nfc(file.relative_to(folder).as_posix())}"


def find_key_collisions(files: list[Path], folder: Path, prefix: str) -> dict[str, str]:
    """The keys that two files share because their names differ in their Unicode form alone."""
    seen: set[str] = set()
    found: dict[str, str] = {}
    for file in files:
        key = key_of(file, folder, prefix)
        if key in seen:
            found[key] = "two files have this name in different Unicode forms; rename one"
        seen.add(key)
    return found


def put_all(bucket: Bucket, wanted: dict[str, Path], args: UploadArguments) -> dict[str, str]:
    """Put files in parallel; {key: reason} of those that failed.

    Raises:
        InputError: the service answers no more.
    """
    sizes = {key: file.stat().st_size for key, file in wanted.items()}
    failed: dict[str, str] = {}
    done: list[str] = []
    outage = Outage(f"s3://{bucket.name}")

    def note(key: str, error: Exception | None):
        done.append(key)
        bar.update(sizes[key])
        if error is not None:
            failed[key] = str(error)

    def describe() -> str:
        return f"upload: {len(done):,} of {len(wanted):,} files"

    with (
        tqdm(
            total=sum(sizes.values()), unit="B", unit_scale=True, disable=None, desc="upload"
        ) as bar,
        report_progress(describe),
    ):
        # Small ones first: what is learned from the first file should not take long.
        waiting = sorted(wanted, key=sizes.__getitem__)
        conditional = args.overwrite or learn_conditions(bucket, wanted, waiting, outage, note)
        pool = ThreadPoolExecutor(args.workers)
        try:
            jobs = {}
            for key in waiting:
                words = (bucket, key, wanted[key], args.overwrite, conditional)
                jobs[pool.submit(put_heeding, outage, put_file, *words)] = key
            for job in as_completed(jobs):
                error = job.exception()
                if error is not None and not isinstance(error, (ObjectError, OSError)):
                    raise error
                note(jobs[job], error)
        finally:  # after Ctrl-C or an outage nothing more is begun
            pool.shutdown(cancel_futures=True)
    outage.raise_if_down()
    return failed


def put_heeding(outage: Outage, put, *words):
    """`put(*words)`; its outcome is noted where it comes, for those that wait for many see them in
    another order.

    Raises:
        InputError: the service answers no more.
    """
    try:
        result = put(*words)
    except ObjectError as error:
        outage.note_failure(error)
        raise
    outage.note_success()
    return result


def learn_conditions(
    bucket: Bucket, wanted: dict[str, Path], waiting: list[str], outage: Outage, note
) -> bool:
    """Put files of `waiting`, which shrinks, until one has shown whether the service holds
    conditional writes; says so where it does not.
    """
    while waiting:
        key = waiting.pop(0)
        try:
            is_held = put_heeding(outage, put_first, bucket, key, wanted[key])
        except (ObjectError, OSError) as error:
            note(key, error)
            continue
        note(key, None)
        if not is_held:
            print(
                f"s3://{bucket.name}: the service knows no conditional writes; each key is asked "
                "for right before it is written"
            )
        return is_held
    return True


if __name__ == "__main__":
    raise SystemExit(main())
