"""Put a folder into S3: in parallel, checked, and never over what is there unless told.

    python -m utils.s3_upload ground_truth/todas s3://raw-bucket/caso_uno/classify/
    python -m utils.s3_upload ground_truth/todas s3://raw-bucket/caso_uno/classify/ --overwrite --dry_run

Every file below the folder goes to the prefix under its path, in NFC, with a checksum that S3 holds
against what arrives. A file that is there with the same bytes is skipped, so that the same command
goes on after a kill; one that is there with other bytes is refused, unless --overwrite. Links and
hidden files stay here and are counted. Credentials: boto3's own chain, the environment first.

Exit code 0: all is there; 1: some files are not, and are named; 2: bad input.
"""

import sys
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path

from tqdm import tqdm

from utils.cli import parse
from utils.errors import InputError, exits_on_input_error
from utils.s3.bucket import (
    ConnectionArguments,
    Listed,
    ObjectError,
    connect,
    list_objects,
    parse_url,
    put_file,
)
from utils.s3.checksums import has_etag
from utils.s3.paths import assign_paths
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

    # What is there already.
    bucket = connect(bucket_name, args)
    there = {entry.key: entry for entry in list_objects(bucket, prefix)}
    keys = {f"{prefix}{nfc(file.relative_to(folder).as_posix())}": file for file in files}
    refused = assign_paths([*keys], prefix).refused | find_key_collisions(files, folder, prefix)
    wanted, same = {}, []
    for key, file in keys.items():
        if key in refused:
            continue
        if key in there and is_same(file, there[key]):
            same.append(key)
        elif key in there and not args.overwrite:
            refused[key] = "is there with other bytes; say --overwrite to replace it"
        else:
            wanted[key] = file
    if args.dry_run:
        for key, file in wanted.items():
            print(f"would put {file} to {key} ({file.stat().st_size:,} bytes)")
        for key, reason in sorted(refused.items()):
            print(f"would refuse {key!r}: {reason}")
        print(
            f"dry run: {len(wanted)} to put, {len(same)} the same, {len(refused)} refused, {left_out} left out"
        )
        return 0

    # Put, and say it.
    failed = put_all(bucket, wanted, args) | refused
    put = len(wanted.keys() - failed.keys())
    print(
        f"s3://{bucket_name}/{prefix}: {put} put, {len(same)} the same, {len(failed)} failed, {left_out} links and "
        "hidden files left out"
    )
    for key, reason in sorted(failed.items()):
        print(f"failed: {key!r}: {reason}", file=sys.stderr)
    return int(bool(failed))


def files_to_put(folder: Path) -> tuple[list[Path], int]:
    """The files of a folder, and how many links and hidden ones are left out.

    Raises:
        InputError: no such folder, or no file in it.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; check the path")
    found = [path for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file()]
    files = [
        path
        for path in found
        if not path.is_symlink()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]
    if not files:
        raise InputError(f"{folder}: no file in it; check the path")
    return files, len(found) - len(files)


def is_same(file: Path, listed: Listed) -> bool:
    """Whether the object holds the file's bytes; not known of one that is encrypted by KMS, which
    is then no.
    """
    return file.stat().st_size == listed.size and bool(has_etag(file, listed.etag, listed.size))


def find_key_collisions(files: list[Path], folder: Path, prefix: str) -> dict[str, str]:
    """The keys that two files share because their names differ in their Unicode form alone."""
    seen, found = set(), {}
    for file in files:
        key = f"{prefix}{nfc(file.relative_to(folder).as_posix())}"
        if key in seen:
            found[key] = "two files have this name in different Unicode forms; rename one"
        seen.add(key)
    return found


def put_all(bucket, wanted: dict[str, Path], args: UploadArguments) -> dict[str, str]:
    """Put files in parallel; {key: reason} of those that failed."""
    failed = {}
    with (
        ThreadPoolExecutor(args.workers) as pool,
        tqdm(
            total=sum(f.stat().st_size for f in wanted.values()),
            unit="B",
            unit_scale=True,
            disable=None,
            desc="upload",
        ) as bar,
    ):
        jobs = {
            pool.submit(put_file, bucket, key, file, args.overwrite): key
            for key, file in wanted.items()
        }
        for job in as_completed(jobs):
            key = jobs[job]
            try:
                job.result()
            except (ObjectError, OSError) as error:
                failed[key] = str(error)
            bar.update(wanted[key].stat().st_size if wanted[key].exists() else 0)
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
