"""An export on its way: a part file and a state file for each segment, and the output that they
become.
"""

import base64
import contextlib
import csv
import gzip
import io
import json
import os
import shutil
import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from utils.dynamodb.request import ExportArguments
from utils.errors import InputError

try:
    import fcntl
except ImportError:  # Windows, where nothing warns of one export running twice
    fcntl = None

EMPTY = {
    "bytes": 0,
    "items": 0,
    "pages": 0,
    "scanned": 0,
    "capacity_units": 0.0,
    "names": [],
    "next": None,
}


@contextlib.contextmanager
def claimed(working: Path, asked: dict, args: ExportArguments):
    """Keep the working folder for this export alone; unless resumed it begins empty, and when all
    is well it goes.
    """
    path = working / "export.json"
    if (
        working.exists()
        and not path.exists()
        and {entry.name for entry in working.iterdir()} - {"lock"}
    ):
        raise InputError(f"{working}: holds no export; choose another --output")
    working.mkdir(parents=True, exist_ok=True)
    with open(working / "lock", "w") as lock:
        try:
            if fcntl:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                f"{working}: this export is running; wait for it or choose another --output"
            ) from None
        if path.exists() and args.resume:
            begun = read_json(path)
            other = [name for name in asked if begun.get(name) != asked[name]]
            if other:
                raise InputError(
                    f"{working}: begun with another {' and '.join(other)}; give the same arguments, or "
                    "choose another --output, or say --overwrite without --resume to begin anew"
                )
        elif path.exists() and not args.overwrite:
            raise InputError(
                f"{working}: an unfinished export is there; say --resume to go on or --overwrite"
            )
        else:
            if args.resume:
                print(f"{working}: nothing to resume from, beginning anew")
            for old in working.glob("segment_*"):
                old.unlink()
            write_json(path, asked)
        yield
        shutil.rmtree(working)


def read_all(ask, requests: list[dict], working: Path, bar) -> list[dict]:
    """Read every segment to its end, in parallel; what ends one ends all, when the pages on their
    way have come.
    """
    stop, states = (
        threading.Event(),
        [read_state(working, number) for number in range(len(requests))],
    )
    with ThreadPoolExecutor(len(requests)) as pool:
        try:
            jobs = [
                pool.submit(read_segment, ask, request, working, number, states, stop)
                for number, request in enumerate(requests)
            ]
            running = jobs
            while running:
                done, running = wait(jobs, 0.5, FIRST_EXCEPTION)
                bar.set_postfix(pages=sum(state["pages"] for state in states), refresh=False)
                bar.update(sum(state["items"] for state in states) - bar.n)
                for job in done:
                    job.result()
        finally:
            stop.set()
    return states


def read_segment(
    ask, request: dict, working: Path, number: int, states: list[dict], stop: threading.Event
):
    """Append page after page to the segment's part; its state is written when the page is on the
    disk.
    """
    state, path = states[number], part_of(working, number)
    with open(path, "ab") as part:
        if part.tell() < state["bytes"]:
            raise InputError(
                f"{path}: shorter than it was; say --overwrite without --resume to begin anew"
            )
        part.truncate(state["bytes"])
        while (state["next"] or not state["pages"]) and not stop.is_set():
            page = ask(
                **request,
                **({"ExclusiveStartKey": with_bytes(state["next"])} if state["next"] else {}),
            )
            part.write("".join(as_json({"Item": item}) + "\n" for item in page["Items"]).encode())
            part.flush()
            os.fsync(part.fileno())
            state = {
                "bytes": part.tell(),
                "items": state["items"] + len(page["Items"]),
                "pages": state["pages"] + 1,
                "scanned": state["scanned"] + page["ScannedCount"],
                "capacity_units": state["capacity_units"]
                + page.get("ConsumedCapacity", {}).get("CapacityUnits", 0),
                "names": sorted(
                    {name for item in page["Items"] for name in item}.union(state["names"])
                ),
                "next": page.get("LastEvaluatedKey"),
            }
            write_json(path.with_suffix(".json"), state)
            states[number] = state


def part_of(working: Path, number: int) -> Path:
    return working / f"segment_{number:03}.jsonl"


def kept_in(working: Path) -> str:
    there = any(working.glob("segment_*.json"))
    return (
        f"; what came is kept in {working}, the same command with --resume goes on" if there else ""
    )


def read_state(working: Path, number: int) -> dict:
    path = part_of(working, number).with_suffix(".json")
    return read_json(path) if path.exists() else EMPTY


def read_json(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise InputError(
            f"{path}: broken; say --overwrite without --resume to begin anew"
        ) from None


def write_json(path: Path, content: dict):
    """Write it whole or not at all."""
    new = path.with_suffix(".new")
    with open(new, "w", encoding="utf-8") as stream:
        stream.write(as_json(content))
        stream.flush()
        os.fsync(stream.fileno())
    new.replace(path)


def base64_text(value: bytes) -> str:
    return base64.b64encode(value).decode()


as_json = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=base64_text
).encode


def with_bytes(key: dict) -> dict:
    """A key as boto3 takes it: binary attributes, which a state file holds in base64, as bytes."""
    return {
        name: {
            kind: base64.b64decode(value) if kind == "B" and isinstance(value, str) else value
            for kind, value in member.items()
        }
        for name, member in key.items()
    }


# The output.


def write_output(working: Path, output: Path, n_parts: int, header: list[str]):
    """Join the parts into the output, which appears whole; .gz without a time, so that it is the
    same every time.
    """
    whole, parts = working / "whole", [part_of(working, number) for number in range(n_parts)]
    with open(whole, "wb") as file:
        if output.suffix == ".csv":
            stream = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
            csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(
                csv_rows(parts, header)
            )
            stream.detach()
        else:
            zipped = (
                gzip.GzipFile("", "wb", fileobj=file, mtime=0) if output.suffix == ".gz" else None
            )
            with zipped or contextlib.nullcontext(file) as stream:
                for part in parts:
                    with open(part, "rb") as lines:
                        shutil.copyfileobj(lines, stream)
        file.flush()
        os.fsync(file.fileno())
    whole.replace(output)


def csv_rows(parts: list[Path], header: list[str]):
    """Yield the header and a row an item; what an item lacks is empty."""
    yield header
    for part in parts:
        with open(part, "rb") as lines:
            for line in lines:
                item = json.loads(line)["Item"]
                yield [csv_cell(item[name]) if name in item else "" for name in header]


def csv_cell(value: dict) -> str:
    """Scalars bare; members of a map or list with their types, those of a set without."""
    kind, inner = next(iter(value.items()))
    if kind == "NULL":
        return ""
    return inner if isinstance(inner, str) else as_json(inner)
