"""Time to bring a dataset from S3: the suite's sync beside `aws s3 sync` and loops of boto3's
download_file.

    python benchmarks/s3_sync.py
    python benchmarks/s3_sync.py --small 500 --large 1 --large_mb 8 --aws none

All ways read from one local stub of S3 (benchmarks/s3_stub.py) in the same run, each in a process
of its own: a first sync of many small and a few large files; then, of the ways that know a second
sync, one with nothing changed, and one with 1 % of the small files changed to other bytes of the
same size. `aws` is the AWS command line on the PATH (`pip install awscli`, in another environment:
it pins its own botocore); without it that way is left out. Seconds are those of the work, imports
apart; of command lines also of the whole process. The stub's own ceiling is what plain sockets get
from it.
"""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.common import hardware, hardware_line, markdown_table, write_results
from utils.cli import parse
from utils.errors import InputError, exits_on_input_error

STUB = Path(__file__).with_name("s3_stub.py")
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
WAYS = {
    "suite": "suite: utils.s3_sync_dataset",
    "aws": "aws s3 sync",
    "threads": "boto3 download_file, 16 threads",
    "sequential": "boto3 download_file, one by one",
}
SYNCING = ("suite", "aws")  # the ways that bring only what has changed
STEPS = {
    "small": "first sync, small files",
    "large": "first sync, large files",
    "unchanged": "again, nothing changed",
    "changed": "again, 1 % changed",
}
COLUMNS = {
    "step": "step",
    "what": "way",
    "files": "files",
    "seconds": "seconds",
    "process_seconds": "whole process",
    "rate": "files/s",
    "mb_per_second": "MB/s",
    "ratio": "suite is × faster",
    "ratio_process": "whole process ×",
    "right": "bytes right",
}


@dataclass
class SyncBenchmarkArguments:
    """How much, and which ways."""

    small: int = field(default=5000, metadata={"help": "small files"})
    small_kb: int = field(default=50, metadata={"help": "kB of a small file"})
    large: int = field(default=5, metadata={"help": "large files"})
    large_mb: int = field(default=100, metadata={"help": "MB of a large file"})
    ways: list[str] = field(
        default_factory=lambda: list(WAYS), metadata={"help": "suite, aws, threads, sequential"}
    )
    aws: str = field(default="aws", metadata={"help": "the AWS command line, or none"})
    workers: int = field(
        default=16, metadata={"help": "transfers at a time, of the suite and of the threads"}
    )
    repeats: int = field(default=1, metadata={"help": "best of, for the first sync of small files"})
    seed: int = field(default=0, metadata={"help": "seed of the bytes"})
    output: str = field(
        default="benchmarks/results", metadata={"help": "folder for s3_sync.json and .md"}
    )
    way: str | None = field(default=None, metadata={"help": "internal: do this way's work alone"})
    subfolder: str | None = field(default=None, metadata={"help": "internal: what --way brings"})
    port: int = field(default=0, metadata={"help": "internal: where the stub listens"})
    target: str | None = field(
        default=None, metadata={"help": "internal: the folder that --way writes"}
    )


@exits_on_input_error
def main(argv=None):
    args, _ = parse(SyncBenchmarkArguments, argv, doc=__doc__)
    if args.way:
        return print(f"brought in {work_alone(args):.3f} s")
    if set(args.ways) - set(WAYS):
        raise InputError(f"--ways {' '.join(args.ways)}: choose among {', '.join(WAYS)}")
    if min(args.small, args.large, args.repeats) < 1:
        raise InputError("--small, --large, --repeats: give at least 1")
    aws = shutil.which(args.aws) if args.aws != "none" else None
    ways = [way for way in args.ways if way != "aws" or aws]
    with tempfile.TemporaryDirectory() as folder:
        rows, ceiling = measure_all(args, ways, aws, Path(folder))
    for row in rows:
        suite = next((r for r in rows if r["way"] == "suite" and r["step"] == row["step"]), None)
        row["ratio"] = row["seconds"] / suite["seconds"] if suite else None
        row["ratio_process"] = row["process_seconds"] / suite["process_seconds"] if suite else None
    left_out = [way for way in args.ways if way not in ways]
    results = {
        "hardware": hardware(),
        "arguments": asdict(args),
        "stub": ceiling,
        "rows": rows,
        "left_out": left_out,
    }
    print(report := markdown_report(results))
    return write_results(args.output, "s3_sync", results, report)


# The data and the stub.


def make_data(folder: Path, args: SyncBenchmarkArguments):
    """Small files below small/, large ones below large/."""
    rng = np.random.default_rng(args.seed)
    for number in range(args.small):
        path = folder / "small" / f"tipo_{number % 20:02}" / f"documento {number:05}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.bytes(args.small_kb * 1000))
    (folder / "large").mkdir()
    for number in range(args.large):
        (folder / "large" / f"{number}.bin").write_bytes(rng.bytes(args.large_mb * 1_000_000))


def change(folder: Path, seed: int):
    """Give every hundredth small file other bytes, as many as before."""
    rng = np.random.default_rng(seed + 1)
    for path in sorted((folder / "small").rglob("*.txt"))[::100]:
        path.write_bytes(rng.bytes(path.stat().st_size))


class Serving:
    """The stub over a folder, in a process of its own."""

    def __init__(self, folder: Path):
        self.process = subprocess.Popen(
            [sys.executable, STUB, folder, "0"], stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.process.stdout.readline().split()[-1])

    def __enter__(self):
        return self.port

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def stub_ceiling(port: int, folder: Path, seconds: float = 2) -> dict:
    """GETs a second that four plain sockets get from the stub, with no client's work."""
    path = sorted((folder / "small").rglob("*.txt"))[0]
    key = path.relative_to(folder).as_posix().replace(" ", "%20")
    request = f"GET /b/{key} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    size = path.stat().st_size

    def ask(_):
        n_done = 0
        end = time.perf_counter() + seconds
        with socket.create_connection(("127.0.0.1", port)) as link:
            while time.perf_counter() < end:
                link.sendall(request)
                # The first piece holds the head of the answer, and what it has of the body.
                data = link.recv(1 << 18)
                left = size - (len(data) - data.find(b"\r\n\r\n") - 4)
                while left > 0:
                    left -= len(link.recv(1 << 18))
                n_done += 1
        return n_done

    with ThreadPoolExecutor(4) as pool:
        return {"gets_per_second": sum(pool.map(ask, range(4))) / seconds, "bytes": size}


# The ways, each alone in its process.


def work_alone(args: SyncBenchmarkArguments) -> float:
    """Bring the subfolder with boto3; returns the seconds of the work without imports."""
    import boto3
    from botocore.config import Config

    start = time.perf_counter()
    config = Config(max_pool_connections=args.workers)
    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{args.port}", config=config)
    pages = client.get_paginator("list_objects_v2").paginate(
        Bucket="b", Prefix=f"{args.subfolder}/"
    )
    keys = [entry["Key"] for page in pages for entry in page["Contents"]]

    def bring(key):
        path = Path(args.target, key)
        path.parent.mkdir(parents=True, exist_ok=True)
        client.download_file("b", key, str(path))

    with ThreadPoolExecutor(args.workers if args.way == "threads" else 1) as pool:
        list(pool.map(bring, keys))
    return time.perf_counter() - start


def run(
    way: str, subfolder: str, port: int, target: Path, args: SyncBenchmarkArguments, aws: str | None
) -> dict:
    """Seconds of one way in a fresh process: of the work, and of the whole process."""
    url = f"http://127.0.0.1:{port}"
    workers = ["--workers", str(args.workers)]
    if way == "aws":
        command = [aws, "s3", "sync", "--only-show-errors", "--endpoint-url", url]
        command += [f"s3://b/{subfolder}", str(target / subfolder)]
    elif way == "suite":
        command = [sys.executable, "-m", "utils.s3_sync_dataset", "s3://b/", subfolder]
        command += ["--output", str(target), "--endpoint-url", url, *workers]
    else:
        command = [sys.executable, "-m", "benchmarks.s3_sync", "--way", way]
        command += ["--subfolder", subfolder, "--port", str(port), "--target", str(target)]
        command += workers
    environment = os.environ | CREDENTIALS
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    whole = time.perf_counter() - start
    if done.returncode:
        raise InputError(f"{way}, {subfolder}: failed: {done.stderr[-800:]}")
    last = (done.stdout.splitlines() or [""])[-1]
    seconds = whole if way == "aws" else float(last.split(" in ")[-1].split(" s")[0])
    return {"seconds": seconds, "process_seconds": whole}


def measure_all(args: SyncBenchmarkArguments, ways: list[str], aws: str | None, folder: Path):
    """All steps of all ways over one stub: (rows, the stub's ceiling)."""
    source = folder / "source"
    rows = []
    make_data(source, args)
    with Serving(source) as port:
        ceiling = stub_ceiling(port, source)
        for way in ways:
            say(way)
            best = None
            for repeat in range(args.repeats):
                target = folder / f"{way}-{repeat}"
                once = run(way, "small", port, target, args, aws)
                best = min(best or once, once, key=by_seconds)
            rows.append(row_of("small", way, best, source, target))
            once = run(way, "large", port, target, args, aws)
            rows.append(row_of("large", way, once, source, target))
            # The loops know no second sync: they would bring everything again.
            if way in SYNCING:
                once = run(way, "small", port, target, args, aws)
                rows.append(row_of("unchanged", way, once, source, target))
    change(source, args.seed)
    with Serving(source) as port:
        for way in [way for way in ways if way in SYNCING]:
            say(f"{way}, 1 % changed")
            target = folder / f"{way}-{args.repeats - 1}"
            once = run(way, "small", port, target, args, aws)
            rows.append(row_of("changed", way, once, source, target))
    return sorted(rows, key=by_step), ceiling


def say(what: str):
    print(f"{what} …", file=sys.stderr, flush=True)


def by_seconds(measured: dict) -> float:
    return measured["seconds"]


def by_step(row: dict) -> tuple:
    return [*STEPS.values()].index(row["step"]), [*WAYS].index(row["way"])


def row_of(step: str, way: str, measured: dict, source: Path, target: Path) -> dict:
    """A row of the table; the files that came are compared with the source's, byte by byte."""
    subfolder = "large" if step == "large" else "small"
    files = [path for path in sorted((source / subfolder).rglob("*")) if path.is_file()]
    wrong = sum(not same(path, target / path.relative_to(source)) for path in files)
    size = sum(path.stat().st_size for path in files)
    return {
        "step": STEPS[step],
        "way": way,
        "what": WAYS[way],
        "files": len(files),
        **measured,
        "rate": len(files) / measured["seconds"],
        "mb_per_second": size / 1e6 / measured["seconds"],
        "right": "yes" if not wrong else f"{wrong} files wrong",
    }


def same(one: Path, two: Path) -> bool:
    digests = [
        hashlib.sha256(path.read_bytes()).digest() if path.is_file() else None
        for path in (one, two)
    ]
    return digests[0] == digests[1]


def markdown_report(results: dict) -> str:
    """The Markdown table, the stub's ceiling and whether the goals are met."""
    args = results["arguments"]
    rows = results["rows"]
    stub = results["stub"]
    parts = [
        f"# {args['small']:,} files of {args['small_kb']} kB and {args['large']} of "
        f"{args['large_mb']} MB from S3\n",
        f"{hardware_line(results['hardware'])}. Command: `python benchmarks/s3_sync.py`; small "
        f"files best of {args['repeats']}. The local stub by itself answers "
        f"{stub['gets_per_second']:,.0f} GETs a second of {stub['bytes']:,} bytes to four plain "
        "sockets, on the same cores as the clients.\n",
        markdown_table(rows, COLUMNS),
    ]
    if results["left_out"]:
        parts.append(
            f"Left out, not installed: {', '.join(WAYS[way] for way in results['left_out'])}.\n"
        )
    # What the suite set out to be, in times as fast as the other way.
    goals = [
        ("small", "threads", 8, "ratio"),
        ("small", "aws", 4, "ratio_process"),
        ("large", "threads", 1, "ratio"),
        ("large", "aws", 1, "ratio_process"),
    ]
    for step, way, goal, key in goals:
        row = next((r for r in rows if r["step"] == STEPS[step] and r["way"] == way), None)
        if row and row[key]:
            verdict = "met" if row[key] >= goal else "missed"
            parts.append(
                f"- {STEPS[step]}, at least {goal}× {WAYS[way]}: {verdict} ({row[key]:.1f}×).\n"
            )
    return "\n".join(parts)


if __name__ == "__main__":
    main()
