"""An export on its way: a part file and a state file for each segment, and the output that they
become.
"""

import base64
import csv
import gzip
import io
import json
import os
import shutil
import threading
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path
from typing import IO, Any

from utils.dynamodb.answers import ask_whole
from utils.dynamodb.request import ExportArguments, attribute_names
from utils.dynamodb.times import is_within, moment_of_flag
from utils.errors import InputError

# The state of a segment of which no page has come.
EMPTY: dict[str, Any] = {
    "bytes": 0,  # of whole pages in the part
    "items": 0,
    "pages": 0,
    "scanned": 0,
    "capacity_units": 0.0,
    "names": [],  # of all attributes so far
    "next": None,  # the key behind which the next page begins; None behind the last page too
}


def claim(working: Path, asked: dict, args: ExportArguments):
    """Make the working folder ready for this export: as an earlier call left it, or empty.

    Raises:
        InputError: it holds something else, another export, or one without --resume.
    """
    path = working / "export.json"
    if working.exists() and not path.exists() and any(working.iterdir()):
        raise InputError(f"{working}: holds no export; choose another --output")
    working.mkdir(parents=True, exist_ok=True)
    if path.exists() and args.resume:
        begun = read_json(path)
        other = [name for name in asked if begun.get(name) != asked[name]]
        if other:
            raise InputError(
                f"{working}: begun with another {' and '.join(other)}; give the same arguments, "
                "or choose another --output, or pass --overwrite without --resume to begin anew"
            )
        return
    if path.exists() and not args.overwrite:
        raise InputError(
            f"{working}: an unfinished export is there; pass --resume to continue it or --overwrite"
        )
    if args.resume:
        print(f"{working}: nothing to resume from, beginning anew")
    for old in working.glob("segment_*"):
        old.unlink()
    write_json(path, asked)


def read_all(ask, requests: list[dict], working: Path, args: ExportArguments, show) -> list[dict]:
    """Read every segment to its end, in parallel; what ends one ends all, when the pages on their
    way have come.

    Args:
        ask: `scan` or `query` of the client.
        requests: one a segment.
        show: is called with the segments' states twice a second.

    Returns:
        The segments' last states.
    """
    stop = threading.Event()
    states = [read_state(working, number) for number in range(len(requests))]
    with ThreadPoolExecutor(len(requests)) as pool:
        try:
            jobs = {
                pool.submit(read_segment, ask, request, working, number, states, stop, args)
                for number, request in enumerate(requests)
            }
            while jobs:
                done, jobs = wait(jobs, 0.5, FIRST_EXCEPTION)
                show(states)
                for job in done:
                    job.result()
        finally:
            stop.set()
    return states


def read_segment(
    ask,
    request: dict,
    working: Path,
    number: int,
    states: list[dict],
    stop: threading.Event,
    args: ExportArguments,
):
    """Append page after page to the segment's part; its state, `states[number]`, is written when
    the page is on the disk.
    """
    state = states[number]
    path = part_of(working, number)
    with open(path, "ab") as part:
        # What lies behind the state's bytes is of a page that was cut off.
        if part.tell() < state["bytes"]:
            raise InputError(
                f"{path}: shorter than it was; pass --overwrite without --resume to begin anew"
            )
        part.truncate(state["bytes"])
        while not stop.is_set():
            is_first = not state["pages"]
            if not is_first and not state["next"]:
                break
            begin = {} if is_first else {"ExclusiveStartKey": with_bytes(state["next"])}
            page = ask_whole(ask, args.attempts, request | begin)
            items = wanted_items(page["Items"], args)
            part.write("".join(as_json({"Item": item}) + "\n" for item in items).encode())
            part.flush()
            os.fsync(part.fileno())
            state = state_after(state, page, items, part.tell())
            write_json(path.with_suffix(".json"), state)
            states[number] = state


def state_after(state: dict, page: dict, items: list[dict], n_bytes: int) -> dict:
    """The state of a segment when a page of it is on the disk."""
    names = {name for item in items for name in item}
    units = page.get("ConsumedCapacity", {}).get("CapacityUnits", 0)
    return {
        "bytes": n_bytes,
        "items": state["items"] + len(items),
        "pages": state["pages"] + 1,
        "scanned": state["scanned"] + page["ScannedCount"],
        "capacity_units": state["capacity_units"] + units,
        "names": sorted(names.union(state["names"])),
        "next": page.get("LastEvaluatedKey"),
    }


def wanted_items(items: list[dict], args: ExportArguments) -> list[dict]:
    """The items of a page that lie in the time asked for, without an attribute that was read for
    that alone.

    Raises:
        InputError: the time of one is none.
    """
    attribute = args.time_attribute
    if not attribute:
        return items
    since = moment_of_flag(args.since)
    until = moment_of_flag(args.until)
    found = [
        item
        for item in items
        if attribute in item and is_within(item[attribute], since, until, attribute)
    ]
    if args.attributes and attribute not in attribute_names(args):
        for item in found:
            del item[attribute]
    return found


def part_of(working: Path, number: int) -> Path:
    return working / f"segment_{number:03}.jsonl"


def kept_in(working: Path) -> str:
    """The end of a message that says what is kept, where a page is."""
    if not any(working.glob("segment_*.json")):
        return ""
    return f"; what came is kept in {working}, the same command with --resume continues there"


def read_state(working: Path, number: int) -> dict:
    path = part_of(working, number).with_suffix(".json")
    return read_json(path) if path.exists() else EMPTY


def read_json(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise InputError(
            f"{path}: broken; pass --overwrite without --resume to begin anew"
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
    """Join the parts into the output, which appears whole."""
    whole = working / "whole"
    parts = [part_of(working, number) for number in range(n_parts)]
    with open(whole, "wb") as file:
        if output.suffix == ".csv":
            write_csv(file, parts, header)
        elif output.suffix == ".gz":
            # No name and no time in the head: the same items give the same bytes.
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed:
                join(parts, packed)
        else:
            join(parts, file)
        file.flush()
        os.fsync(file.fileno())
    whole.replace(output)


def join(parts: list[Path], stream: IO[bytes] | gzip.GzipFile):
    for part in parts:
        with open(part, "rb") as lines:
            shutil.copyfileobj(lines, stream)


def write_csv(file: IO[bytes], parts: list[Path], header: list[str]):
    """Write as the AWS console does: everything quoted, lines that end in \\n."""
    stream = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows(csv_rows(parts, header))
    stream.detach()  # or it would close the file, which is still to be synced


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
