r"""The text of page images and PDFs: every file below one folder becomes a .txt at the same place
below another.

    python -m utils.extract_text dataset/ text_dataset/
    python -m utils.extract_text dataset/ text_dataset/ --language spa+eng --rotate --workers 8 \
        --resume
    python -m utils.prepare_dataset text_dataset/ --output data/papeles/data_v1

Read are png, jpg, jpeg, tif, tiff, bmp, webp and pdf with Tesseract (apt: tesseract-ocr-spa), one
process a worker; txt are UTF-8 and NFC, in the same tree. The pages of a pdf or tiff are joined by
a form feed on a line of its own. A pdf page with a text layer is read without OCR, unless the layer
is garbled, a stamp on a scan, or a form is filled in. Tesseract straightens small skew itself;
--rotate also turns pages that lie on their side or upside down.

extraction.csv lists every file with pages, method, mean word confidence, SHA-256 and why it failed.
--resume skips what was made from the same bytes with the same options. Files that cannot be read do
not stop the others: they are listed and the exit code is 0, or 2 if all failed; with --strict 2 if
any did. Of files that would give one txt, such as a.png and a.pdf, none is read.
"""

import csv
import hashlib
import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from utils.cli import parse, start_logging
from utils.errors import DISK_FULL, InputError, exits_on_input_error, hold_until_main_ends
from utils.folders import files_below, locked_folder
from utils.pages.images import cores
from utils.pages.text import SUFFIXES, Page, ReadOptions, Unreadable, engine, pages_of, reason_of
from utils.tables import escape_formula, markdown_table
from utils.text import STRAY_BYTES, nfc

COLUMNS = (
    "file",
    "status",
    "reason",
    "pages",
    "method",
    "confidence",
    "characters",
    "turned",
    "seconds",
    "sha256",
    "options",
)
PAGE_BREAK = "\n\f\n"
LOW_CONFIDENCE = 60  # mean of Tesseract's word confidences, 0 to 100
SHOWN = 20  # failures that are printed; extraction.csv has all
FileRow = dict[str, Any]  # a row of extraction.csv; texts alone where it was read back


@dataclass
class ExtractArguments(ReadOptions):
    """How pages are read, and what becomes of an earlier run."""

    workers: int = field(default=0, metadata={"help": "files read at once; 0: one a core"})
    strict: bool = field(default=False, metadata={"help": "exit code 2 if any file failed"})
    resume: bool = field(
        default=False, metadata={"help": "continue in an output folder of this command"}
    )
    overwrite: bool = field(
        default=False, metadata={"help": "start anew in an output folder of this command"}
    )


@dataclass
class Job:
    """One file to read."""

    path: Path
    target: Path
    name: str
    before: FileRow | None  # its row of the run that is resumed
    made: bool  # the target is a txt of that run
    problem: str  # why it is not read at all


@exits_on_input_error
def main(argv=None) -> Path:
    """Extract and report; returns the output folder."""
    # Arguments.
    args, words = parse(ExtractArguments, argv, doc=__doc__, positional=["source", "output"])
    start_logging()
    source, output = Path(words["source"]), Path(words["output"])
    check_arguments(args, source, output)
    paths, others = documents(source)
    options = engine(args, any(path.suffix.lower() == ".pdf" for path in paths))
    # Resolved: the lock lies beside the folder, whatever link or `.` names it.
    hold_until_main_ends(locked_folder(output.resolve(), "extraction"))
    before = claim_output(output, args)

    # Extract.
    jobs = list_jobs(paths, source, output, before)
    rows = extract_all(jobs, output, options, args)

    # Save and report: what an earlier run made of files that are gone stays listed.
    skipped = sum(row is before.get(row["file"]) for row in rows)
    targets = {txt_of(job.name) for job in jobs}
    done_before = {name: row for name, row in before.items() if row["status"] == "ok"}
    gone = [row for name, row in done_before.items() if txt_of(name) not in targets]
    write_rows(output, [*rows, *gone])
    print(summary(output, rows, skipped, len(gone), others))
    bad = [row for row in rows if row["status"] != "ok"]
    if bad and (args.strict or len(bad) == len(rows)):
        first = bad[0]
        raise InputError(
            f"{len(bad)} of {len(rows)} files failed, such as {first['file']}: {first['reason']}; "
            f"fix or remove what {output / 'extraction.csv'} lists and pass --resume"
        )
    return output


# What is to be done.


def check_arguments(args: ExtractArguments, source: Path, output: Path):
    """Refuse folders and options that cannot work, before anything is read."""
    if not source.is_dir():
        problem = "not a folder" if source.exists() else "no such folder"
        raise InputError(f"{source}: {problem}; give one of images")
    inner, outer = output.resolve(), source.resolve()
    if inner == outer or outer in inner.parents or inner in outer.parents:
        raise InputError(
            f"{output}: one of it and {source} lies in the other; choose an output folder apart "
            "from it"
        )
    if args.psm not in (1, *range(3, 14)):
        raise InputError(f"--psm {args.psm}: Tesseract reads text with 1 and 3 to 13")
    for name, least in (("dpi", 50), ("timeout", 1), ("workers", 0)):
        if getattr(args, name) < least:
            raise InputError(f"--{name} {getattr(args, name)}: give at least {least}")
    if args.resume and args.overwrite:
        raise InputError("--resume and --overwrite: give one of them")


def documents(source: Path) -> tuple[list[Path], Counter]:
    """The images and PDFs below a folder, and how many files of which other kinds."""
    wanted: list[Path] = []
    others: Counter[str] = Counter()
    for path in files_below(source):
        if path.suffix.lower() in SUFFIXES:
            wanted.append(path)
        else:
            others[path.suffix.lower() or path.name] += 1
    if not wanted:
        raise InputError(
            f"{source}: no image or pdf in it; give a folder with {', '.join(SUFFIXES)}"
        )
    return wanted, others


def claim_output(output: Path, args: ExtractArguments) -> dict[str, FileRow]:
    """Make room; returns the rows of the run that is resumed, by file.

    Raises:
        InputError: the folder is occupied, and neither flag allows to go on.
    """
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        output.mkdir(parents=True, exist_ok=True)
        write_rows(output, [])
        return {}
    rows = read_rows(output / "extraction.csv")
    if rows is None:
        raise InputError(
            f"{output}: occupied, with no extraction.csv of this command; choose another output "
            "folder"
        )
    if not args.resume and not args.overwrite:
        raise InputError(
            f"{output}: already there; pass --resume to continue or --overwrite to start anew"
        )
    if args.overwrite:
        made = made_by(rows)
        for path in files_below(output):
            if shown(path.relative_to(output)) in made:
                path.unlink()
        rows = {}
    write_rows(output, list(rows.values()))  # without the half line that a kill may have left
    return rows


def read_rows(path: Path) -> dict[str, FileRow] | None:
    """The whole rows of an extraction.csv by file, the last of each; None where there is none of
    this command.
    """
    if not path.is_file():
        return None
    with open(path, encoding="utf-8", errors="replace", newline="") as stream:
        reader = csv.DictReader(stream)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            return None
        # A line that a kill cut short lacks fields, or runs into the next one.
        whole = [row for row in reader if None not in row.values() and None not in row]
    return {row["file"]: row for row in whole}


def write_rows(output: Path, rows: list[FileRow]):
    """Write extraction.csv, sorted by file, whole or not at all."""
    partial = output / ".extraction.partial"
    with open(partial, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=itemgetter("file")))
    os.replace(partial, output / "extraction.csv")


def shown(relative: Path) -> str:
    """A path as extraction.csv has it: NFC, bytes that are no UTF-8 read as cp1252, formulas
    neutralised.
    """
    return escape_formula(nfc(str(relative).translate(STRAY_BYTES)))


def txt_of(name: str) -> str:
    """The txt that is made of a file, both as extraction.csv has them."""
    return str(Path(name).with_suffix(".txt"))


def made_by(rows: dict[str, FileRow]) -> set[str]:
    """The txt that these rows of extraction.csv account for."""
    return {txt_of(name) for name, row in rows.items() if row["status"] == "ok"}


def list_jobs(
    paths: list[Path], source: Path, output: Path, before: dict[str, FileRow]
) -> list[Job]:
    """A job a file; one whose txt another file or folder is in the way of has a problem."""
    names = {path: shown(path.relative_to(source)) for path in paths}
    folders = {str(parent) for name in names.values() for parent in Path(name).parents}
    makers: dict[str, list[str]] = {}  # txt -> names of the files that would become it
    for name in names.values():
        makers.setdefault(txt_of(name), []).append(Path(name).name)
    made = made_by(before)
    jobs = []
    for path, name in names.items():
        txt = txt_of(name)
        target = output / path.relative_to(source).with_suffix(".txt")
        problem = ""
        if len(makers[txt]) > 1:
            problem = f"{' and '.join(makers[txt])} would give the same txt; keep one"
        elif txt in folders:
            problem = f"{Path(txt).name} is a folder too; rename one of them"
        elif target.exists() and txt not in made:
            there = f"{Path(txt).name} is there, not made by this command"
            problem = f"{there}; remove it to have it made"
        jobs.append(Job(path, target, name, before.get(name), txt in made, problem))
    return jobs


# Files.


def extract_all(
    jobs: list[Job], output: Path, options: str, args: ExtractArguments
) -> list[FileRow]:
    """Do the jobs; returns the rows of extraction.csv by file; each is written there as soon as it
    is known.
    """
    rows = []
    with (
        open(output / "extraction.csv", "a", encoding="utf-8", newline="") as listing,
        ThreadPoolExecutor(args.workers or cores()) as pool,
    ):
        futures = as_completed([pool.submit(extract, job, options, args) for job in jobs])
        bar = tqdm(futures, total=len(jobs), desc="reading", unit=" files", disable=None)
        try:
            for future in bar:
                job, row, text = future.result()
                if row is not job.before:
                    keep(job, row, text, listing)
                rows.append(row)
        except BaseException:
            # A full disk or Ctrl-C: what waits is not begun, what was read is kept.
            pool.shutdown(cancel_futures=True)
            raise
    return sorted(rows, key=itemgetter("file"))


def keep(job: Job, row: FileRow, text: str | None, listing):
    """Write a file's row, then its txt, which appears whole or not at all; an older txt goes before
    either.
    """
    # A digest: the longest names leave no room for an ending.
    digest = hashlib.sha256(os.fsencode(job.target.name)).hexdigest()[:16]
    partial = job.target.with_name(f".{digest}.partial")
    if text is not None:
        job.target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(text.encode())
    if job.made:
        job.target.unlink(missing_ok=True)
    csv.DictWriter(listing, COLUMNS, lineterminator="\n").writerow(row)
    listing.flush()
    if text is not None:
        os.replace(partial, job.target)


def extract(job: Job, options: str, args: ExtractArguments) -> tuple[Job, FileRow, str | None]:
    """Read one file: the job, its row, and its text, None where it failed or was read before."""
    start = time.perf_counter()
    pages: list[Page] = []
    row: FileRow = dict.fromkeys(COLUMNS, "")
    row |= {"file": job.name, "status": "failed", "options": options}
    try:
        if job.problem:
            raise Unreadable(job.problem)
        data = job.path.read_bytes()
        row["sha256"] = hashlib.sha256(data).hexdigest()
        if job.before and is_done(job, row):
            return job, job.before, None
        pages = list(pages_of(data, job.path.suffix.lower(), args))
    except Exception as error:  # decoders of broken files raise errors of any kind
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise  # no fault of this file
        row["reason"] = " ".join(reason_of(error).split())
    row["seconds"] = round(time.perf_counter() - start, 2)
    if row["reason"]:
        return job, row, None

    text = nfc(PAGE_BREAK.join(page.text.strip() for page in pages).strip(" \n") + "\n")
    methods = sorted({page.method for page in pages})
    confidences = [value for page in pages for value in page.confidences]
    row |= {
        "status": "ok",
        "reason": "" if text.strip() else "no text found",
        "pages": len(pages),
        "method": methods[0] if len(methods) == 1 else "mixed",
        "characters": len(text.strip()),
        "confidence": round(float(np.mean(confidences)), 1) if confidences else "",
        "turned": sum(page.turned for page in pages),
    }
    return job, row, text if text.strip() else ""


def is_done(job: Job, row: FileRow) -> bool:
    """Whether the run that is resumed made the txt from the same bytes with the same options."""
    before = job.before or {}
    is_same = all(before.get(key) == row[key] for key in ("sha256", "options"))
    return is_same and before["status"] == "ok" and job.target.exists()


# What is printed.


def summary(
    output: Path, rows: list[FileRow], skipped: int, gone: int, others: Counter[str]
) -> str:
    """Counts, the files without text or of low confidence, and why files failed."""
    done = [row for row in rows if row["status"] == "ok"]
    failed = [row for row in rows if row["status"] != "ok"]
    rated = [row for row in done if row["confidence"] != ""]  # a text layer has no confidence
    low = [row["file"] for row in rated if float(row["confidence"]) < LOW_CONFIDENCE]
    empty = [row["file"] for row in done if int(row["characters"]) == 0]
    pages = sum(int(row["pages"]) for row in done)
    lines = [
        f"{output}: {len(done)} of {len(rows)} files read, {skipped} of them before; {pages} pages"
    ]
    for method, n in sorted(Counter(row["method"] for row in done).items()):
        lines.append(f"{method}: {n} files")
    for what, names in ((f"mean confidence below {LOW_CONFIDENCE}", low), ("no text found", empty)):
        if names:
            lines.append(f"{what}: {len(names)}, such as {names[0]}")
    if gone:
        lines.append(
            f"{gone} txt of an earlier run are kept though their source is gone (--overwrite "
            "removes them)"
        )
    if others:
        kinds = ", ".join(f"{n} {kind}" for kind, n in others.most_common(5))
        lines.append(f"{sum(others.values())} files of other kinds were left alone ({kinds})")
    if failed:
        more = f" (the first {SHOWN})" if len(failed) > SHOWN else ""
        reasons = [[row["file"], row["reason"]] for row in failed[:SHOWN]]
        lines += [f"failed: {len(failed)}{more}", "", markdown_table(["file", "why"], reasons)]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
