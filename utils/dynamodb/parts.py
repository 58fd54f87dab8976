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

from utils.dynamodb.answers import ask_whole
from utils.dynamodb.request import ExportArguments, attribute_names
from utils.dynamodb.times import is_within, moment_of_flag
from utils.errors import InputError

EMPTY = {
    "bytes": 0,
    "items": 0,
    "pages": 0,
    "scanned": 0,
    "capacity_units": 0.0,
    "names": [],
    "next": None,
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
    way have come. `show(states)` is called twice a second.
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
    """Append page after page to the segment's part; its state is written when the page is on the
    disk.
    """
    state, path = states[number], part_of(working, number)
    with open(path, "ab") as part:
        # What lies behind the state's bytes is of a page that was cut off.
        if part.tell() < state["bytes"]:
            raise InputError(
                f"{path}: shorter than it was; pass --overwrite without --resume to begin anew"
            )
        part.truncate(state["bytes"])
        while (state["next"] or not state["pages"]) and not stop.is_set():
            begin = {"ExclusiveStartKey": with_bytes(state["next"])} if state["next"] else {}
            page = ask_whole(ask, args.attempts, request | begin)
            items = wanted_items(page["Items"], args)
            part.write("".join(as_json({"Item": item}) + "\n" for item in items).encode())
            part.flush()
            os.fsync(part.fileno())
            units = page.get("ConsumedCapacity", {}).get("CapacityUnits", 0)
            state = {
                "bytes": part.tell(),
                "items": state["items"] + len(items),
                "pages": state["pages"] + 1,
                "scanned": state["scanned"] + page["ScannedCount"],
                "capacity_units": state["capacity_units"] + units,
                "names": sorted({name for item in items for name in item}.union(state["names"])),
                "next": page.get("LastEvaluatedKey"),
            }
            write_json(path.with_suffix(".json"), state)
            states[number] = state


def wanted_items(items: list[dict], args: ExportArguments) -> list[dict]:
    """The items of a page that lie in the time asked for, without an attribute that was read for
    that alone.

    Raises:
        InputError: the time of one is none.
    """
    attribute = args.time_attribute
    if not attribute:
        return items
    since, until = moment_of_flag(args.since), moment_of_flag(args.until)
    found = [
        item
        for item in items
        if attribute in item and is_within(item[attribute], since, until, attribute)
    ]
    if args.attributes and attribute not in attribute_names(args):
        found = [{n: value for n, value in item.items() if n != attribute} for item in found]
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
            # No name and no time in the head: the same items give the same bytes.
            packed = output.suffix == ".gz"
            with (
                gzip.GzipFile("", "wb", fileobj=file, mtime=0)
                if packed
                else contextlib.nullcontext(file)
            ) as stream:
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
