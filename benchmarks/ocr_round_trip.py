"""Spanish pages printed and read again by OCR: utils.extract_text beside a plain loop.

    python benchmarks/ocr_round_trip.py
    python benchmarks/ocr_round_trip.py --pages 10 --ways suite-2 loop --output runs/benchmarks

Pages are A4 at 300 dpi with documents of the embedded sample corpus in three fonts and several
sizes, with slight noise and skew, all from a seed; making them is not measured. Every way reads the
same files in a fresh process; imports are not timed. The loop is what a user writes:
pytesseract.image_to_string page after page. Errors are edit distances over characters and over
words once white space is folded, summed over all pages.
"""

import importlib.metadata
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from operator import itemgetter
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.common import hardware, hardware_line, launch, markdown_table, write_results
from utils import extract_text
from utils.cli import parse
from utils.errors import InputError, exits_on_input_error
from utils.samples.documents import generate_sample

WAYS = {  # what, workers, OMP_THREAD_LIMIT
    "suite-1": ("suite: utils.extract_text --workers 1", 1, "1"),
    "suite-2": ("suite: utils.extract_text --workers 2", 2, "1"),
    "suite-2-threads": ("the same, OMP_THREAD_LIMIT lifted", 2, "64"),
    "loop": ("loop of pytesseract.image_to_string", 0, None),
    "loop-1": ("the same, OMP_THREAD_LIMIT=1", 0, "1"),
}
COLUMNS = {
    "what": "way",
    "seconds": "seconds",
    "per_second": "pages/s",
    "ratio": "suite-2 is × faster",
    "cpu": "processor seconds a page",
    "cer": "characters wrong, %",
    "wer": "words wrong, %",
    "confidence": "mean confidence",
    "same": "pages with the loop's text",
}
BY_SIZE = {
    "size": "points",
    "pages": "pages",
    "cer": "characters wrong, %",
    "wer": "words wrong, %",
    "confidence": "mean confidence",
}
FONTS = ("DejaVuSans.ttf", "DejaVuSerif.ttf", "DejaVuSansMono.ttf")  # matplotlib brings them along
DPI = 300
PAGE = (2480, 3508)  # A4 in pixels, width and height
MARGIN = 240  # pixels on each side, 2 cm
STRAYS = "|·~^•°¬"  # what the sample's own OCR noise leaves; such documents are not printed
UNKNOWN = "üÜºª°@#&"  # characters that Debian's Spanish data for Tesseract do not know
WORDS = (60, 350)  # of a document, so that it fills a page and little of it is cut


@dataclass
class RoundTripArguments:
    """How many pages, how they look, and which ways."""

    pages: int = field(default=50, metadata={"help": "pages"})
    sizes: list[int] = field(
        default_factory=lambda: [8, 9, 10, 11, 12, 14], metadata={"help": "points, in turn"}
    )
    noise: float = field(
        default=12.0, metadata={"help": "standard deviation of the noise, of 255 levels of grey"}
    )
    skew: float = field(default=1.0, metadata={"help": "largest skew, degrees to either side"})
    ways: list[str] = field(default_factory=lambda: list(WAYS), metadata={"help": ", ".join(WAYS)})
    repeats: int = field(default=2, metadata={"help": "best of"})
    seed: int = field(
        default=0, metadata={"help": "seed of the choice of documents, noise and skew"}
    )
    output: str = field(
        default="benchmarks/results", metadata={"help": "folder for ocr_round_trip.json and .md"}
    )
    way: str | None = field(default=None, metadata={"help": "internal: do this way's work alone"})
    folder: str | None = field(
        default=None, metadata={"help": "internal: where --way finds pages/"}
    )
    target: str | None = field(
        default=None, metadata={"help": "internal: the folder that --way writes"}
    )


@exits_on_input_error
def main(argv=None):
    args, _ = parse(RoundTripArguments, argv, doc=__doc__)
    if args.way:
        return read_pages(args.way, Path(args.folder), Path(args.target))
    if set(args.ways) - set(WAYS):
        raise InputError(f"--ways {' '.join(args.ways)}: choose among {', '.join(WAYS)}")
    if min(args.pages, args.repeats, *args.sizes) < 1:
        raise InputError("--pages, --repeats, --sizes: give at least 1")
    with tempfile.TemporaryDirectory() as folder:
        machine = tools()
        pages = write_pages(Path(folder) / "pages", args)
        # Way after way and then again, so that what slows the machine for a while slows all alike.
        runs: dict[str, list[dict]] = {way: [] for way in args.ways}
        for repeat in range(args.repeats):
            for way in args.ways:
                runs[way].append(run_way(way, repeat, Path(folder)))
        rows = [row_of(way, runs[way], pages) for way in args.ways]

    # Beside the suite's usual way, and beside the loop's texts, where these were run.
    for row in rows:
        row["ratio"] = row["same"] = None
    if "suite-2" in args.ways:
        suite = rows[args.ways.index("suite-2")]
        for row in rows:
            row["ratio"] = suite["per_second"] / row["per_second"]
    if "loop" in args.ways:
        for row in rows:
            same = sum(page[row["way"]]["text"] == page["loop"]["text"] for page in pages)
            row["same"] = f"{same} of {len(pages)}"
    results = {
        "hardware": machine,
        "arguments": asdict(args),
        "rows": rows,
        "by_size": by_size(pages, args.ways[0]),
        "unknown_characters": sum(page["text"].count(sign) for page in pages for sign in UNKNOWN),
        "pages": [without_texts(page) for page in pages],
    }
    print(report := markdown_report(results))
    return write_results(args.output, "ocr_round_trip", results, report)


def tools() -> dict:
    """The hardware, how busy it is, and the versions that matter here."""
    import pytesseract

    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else None
    return hardware(
        load=load,
        tesseract=str(pytesseract.get_tesseract_version()),
        **{name: importlib.metadata.version(name) for name in ("pytesseract", "pillow")},
    )


# The pages.


def write_pages(folder: Path, args) -> list[dict]:
    """Print the pages as png; returns name, size and text of each."""
    rng = np.random.default_rng(args.seed)
    texts = []
    for row in generate_sample(args.seed):
        words = len(row["text"].split())
        if WORDS[0] <= words <= WORDS[1] and not set(STRAYS) & set(row["text"]):
            texts.append(row["text"])
    if args.pages > len(texts):
        raise InputError(f"--pages {args.pages}: the sample has {len(texts)} documents for it")
    print("printing pages …", file=sys.stderr, flush=True)
    folder.mkdir()
    pages = []
    for number, choice in enumerate(rng.choice(len(texts), args.pages, replace=False)):
        # Every size in one font, then every size in the next.
        size = args.sizes[number % len(args.sizes)]
        font = FONTS[number // len(args.sizes) % len(FONTS)]
        image, text = print_page(texts[choice], font, size)
        name = f"{number:03}_{size}pt.png"
        worn(image, args, rng).save(folder / name, dpi=(DPI, DPI))
        pages.append({"name": name, "size": size, "font": font, "text": text})
    return pages


def print_page(text: str, font: str, size: int) -> tuple[Image.Image, str]:
    """The text's beginning, as much as fits, black on a white page; and what was printed."""
    import matplotlib

    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / font
    letters = ImageFont.truetype(str(path), size * DPI // 72)  # a point is 1/72 inch
    step = int(size * DPI / 72 * 1.3)

    # Lines are broken where the next word would leave the page, and cut at its end.
    lines: list[str] = []
    for line in text.split("\n"):
        lines.append("")
        for word in line.split():
            if letters.getlength(f"{lines[-1]} {word}") > PAGE[0] - 2 * MARGIN:
                lines.append("")
            lines[-1] = f"{lines[-1]} {word}".strip()
    lines = lines[: (PAGE[1] - 2 * MARGIN) // step]

    image = Image.new("L", PAGE, 255)
    for number, line in enumerate(lines):
        ImageDraw.Draw(image).text((MARGIN, MARGIN + number * step), line, font=letters, fill=0)
    return image, " ".join(" ".join(lines).split())


def worn(image: Image.Image, args, rng) -> Image.Image:
    """The page as a scanner sees it: a little turned, with noise."""
    image = image.rotate(
        rng.uniform(-args.skew, args.skew), Image.Resampling.BICUBIC, fillcolor=255
    )
    noise = rng.normal(0, args.noise, PAGE[::-1])
    return Image.fromarray(np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8))


# The ways.


def read_pages(way: str, folder: Path, target: Path):
    """Read all pages in this process, as txt into `target`; writes the seconds beside them."""
    import pytesseract

    _, workers, limit = WAYS[way]
    if limit:
        os.environ["OMP_THREAD_LIMIT"] = limit
    start = time.perf_counter()
    if workers:
        extract_text.main([str(folder / "pages"), str(target), "--workers", str(workers)])
    else:
        target.mkdir()
        for path in sorted((folder / "pages").iterdir()):
            text = pytesseract.image_to_string(Image.open(path), lang="spa")
            (target / f"{path.stem}.txt").write_text(text, encoding="utf-8")
    (target / "seconds.json").write_text(json.dumps(time.perf_counter() - start), encoding="utf-8")


def run_way(way: str, repeat: int, folder: Path) -> dict:
    """Read all pages in a fresh process: its seconds behind the imports, and in all."""
    print(f"{way}, {repeat + 1} …", file=sys.stderr, flush=True)
    target = folder / f"{way}-{repeat}"
    command = [sys.executable, "-m", "benchmarks.ocr_round_trip"]
    run = launch([*command, "--way", way, "--folder", folder, "--target", target])
    seconds = json.loads((target / "seconds.json").read_text(encoding="utf-8"))
    return {
        "way": way,
        "target": target,
        "seconds": seconds,
        "cpu_seconds": run["cpu_seconds"],
        "whole_process": run["seconds"],
    }


def row_of(way: str, runs: list[dict], pages: list[dict]) -> dict:
    """The best run of a way and its errors; adds what it read, and its errors, to each page."""
    best = min(runs, key=itemgetter("seconds"))
    target = best["target"]

    # The suite notes the confidence of each page; image_to_string gives none.
    confidences = {}
    if WAYS[way][1]:
        for name, row in extract_text.read_rows(target / "extraction.csv").items():
            if row["confidence"]:
                confidences[name] = float(row["confidence"])

    for page in pages:
        path = target / f"{Path(page['name']).stem}.txt"
        text = " ".join(path.read_text(encoding="utf-8").split())
        page[way] = errors(page["text"], text) | {
            "confidence": confidences.get(page["name"]),
            "text": text,
        }
    return {
        "way": way,
        "what": WAYS[way][0],
        "pages": len(pages),
        "seconds": best["seconds"],
        "all_seconds": [run["seconds"] for run in runs],
        "whole_process": best["whole_process"],
        "per_second": len(pages) / best["seconds"],
        "cpu": best["cpu_seconds"] / len(pages),
        **rates(pages, way),
    }


def errors(truth: str, read: str) -> dict:
    """Edit distances of a page, with the lengths that they are shares of."""
    return {
        "characters": len(truth),
        "character_errors": edit_distance(list(truth), list(read)),
        "words": len(truth.split()),
        "word_errors": edit_distance(truth.split(), read.split()),
    }


def edit_distance(a: list[str], b: list[str]) -> int:
    """Levenshtein's distance by dynamic programming, a row of the table at a time."""
    numbers = {item: number for number, item in enumerate(dict.fromkeys([*a, *b]))}
    columns = np.array([numbers[item] for item in b], int)
    places = np.arange(len(b) + 1)
    row = places.copy()  # (len(b) + 1,): distances of a[:0] to every b[:j]
    for length, item in enumerate(a, 1):
        replaced_or_dropped = np.minimum(row[:-1] + (columns != numbers[item]), row[1:] + 1)
        row = np.concatenate([[length], replaced_or_dropped])
        row = np.minimum.accumulate(row - places) + places  # inserted: one more than to its left
    return int(row[-1])


def rates(pages: list[dict], way: str) -> dict:
    """Errors of all pages in percent, and the mean of their confidences."""
    read = [page[way] for page in pages]
    total = {
        key: sum(page[key] for page in read)
        for key in ("characters", "character_errors", "words", "word_errors")
    }
    confidences = [page["confidence"] for page in read if page["confidence"] is not None]
    return {
        "cer": 100 * total["character_errors"] / total["characters"],
        "wer": 100 * total["word_errors"] / total["words"],
        "confidence": float(np.mean(confidences)) if confidences else None,
    }


# The tables.


def by_size(pages: list[dict], way: str) -> list[dict]:
    """The errors of a way by size of the letters."""
    rows = []
    for size in sorted({page["size"] for page in pages}):
        group = [page for page in pages if page["size"] == size]
        rows.append({"size": size, "pages": len(group), **rates(group, way)})
    return rows


def without_texts(page: dict) -> dict:
    """A page's numbers alone, without what was printed and what was read."""
    return {
        key: without_texts(value) if isinstance(value, dict) else value
        for key, value in page.items()
        if key != "text"
    }


def markdown_report(results: dict) -> str:
    """The Markdown tables."""
    args = results["arguments"]
    return "\n".join(
        [
            f"# {args['pages']} Spanish pages, printed and read again\n",
            f"{hardware_line(results['hardware'])} (load before the run). "
            "Command: `python benchmarks/ocr_round_trip.py`. "
            f"A4 at {DPI} dpi, {', '.join(map(str, args['sizes']))} points, noise "
            f"{args['noise']:g} of 255 levels, skew up to {args['skew']:g} degrees; best of "
            f"{args['repeats']}.\n",
            markdown_table(results["rows"], COLUMNS),
            f"{results['unknown_characters']} of the printed characters are of those that Debian's "
            f"Spanish data for Tesseract do not know ({' '.join(UNKNOWN)}).\n",
            f"{WAYS[args['ways'][0]][0]}, by size of the letters:\n",
            markdown_table(results["by_size"], BY_SIZE),
        ]
    )


if __name__ == "__main__":
    main()
