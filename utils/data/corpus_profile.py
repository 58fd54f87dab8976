"""The profile of a dataset: what is in each split, in Markdown with figures beside it."""

import io
import re
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from PIL import Image

from utils.data.content import content_column
from utils.figures import class_frequencies_figure, lengths_figure, save_figure
from utils.tables import markdown_table

WORD = re.compile(r"[^\W_]+")
Table = tuple[list[str], list[list]]  # header and rows


def words_per_text(dataset: datasets.Dataset) -> np.ndarray:
    """Number of words (runs of letters and digits) of each text: (n,) int."""
    # Arrow's count_substring_regex compiles its pattern for each chunk, and a selected dataset has
    # one for each row.
    counts = (
        len(WORD.findall(text or ""))
        for batch in dataset.with_format("arrow").iter(10_000)
        for text in batch["text"].to_pylist()
    )
    return np.fromiter(counts, int, len(dataset))


def sizes_of_pages(dataset: datasets.Dataset) -> np.ndarray:
    """Width and height in pixels of each page image as its file states them: (n, 2) int."""
    rows = dataset.select_columns("image").cast_column("image", datasets.Image(decode=False))
    sizes = [Image.open(io.BytesIO(row["image"]["bytes"])).size for row in rows]
    return np.array(sizes).reshape(-1, 2)


def write_profile(splits: datasets.DatasetDict, info: dict[str, Any], folder: Path):
    """Write `profile.md`, `figures/class_frequencies.png` and, of texts, `figures/lengths.png` into
    `folder`.
    """
    counts = info["report"]["class_counts"]
    figures = Path(folder) / "figures"
    figures.mkdir(exist_ok=True)
    save_figure(class_frequencies_figure(counts), figures / "class_frequencies.png")
    if content_column(splits["train"].column_names) == "image":
        sizes = {split: sizes_of_pages(dataset) for split, dataset in splits.items()}
        measures = ["## Sizes in pixels\n", markdown_table(*sizes_table(sizes))]
        text = profile_markdown(info, pages_table(info), measures)
    else:
        lengths = {split: words_per_text(dataset) for split, dataset in splits.items()}
        save_figure(lengths_figure(lengths), figures / "lengths.png")
        measures = [
            "## Lengths in words\n",
            markdown_table(*lengths_table(lengths)),
            "![lengths](figures/lengths.png)\n",
        ]
        text = profile_markdown(info, splits_table(info, lengths), measures)
    (Path(folder) / "profile.md").write_text(text, encoding="utf-8")


def profile_markdown(info: dict[str, Any], splits: Table, measures: list[str]) -> str:
    """The profile as Markdown: `splits` is header and rows, `measures` what is said of the
    documents' sizes.
    """
    parts = [
        f"# {info['name']}\n",
        f"Source `{info['source']}`, hash `{info['hash']}`, made {info['created']}.\n",
        "## Splits\n",
        markdown_table(*splits),
        *measures,
        "## Classes\n",
        *(class_section(split, n) for split, n in info["report"]["class_counts"].items()),
        "![class frequencies](figures/class_frequencies.png)\n",
        "## What was found\n",
        *(f"- {note}\n" for note in info["notes"] or ["nothing out of the ordinary"]),
        "\n## Dropped rows\n",
        markdown_table(*dropped_table(info)),
        "## Encodings\n",
        markdown_table(["encoding", "files"], list(info["encodings"].items())),
    ]
    return "\n".join(parts)


def splits_table(info: dict[str, Any], lengths: dict[str, np.ndarray]) -> Table:
    """Rows, classes, words and doubtful texts of each split."""
    report = info["report"]
    header = ["split", "given", "rows", "classes", "words", "duplicates", "null or empty"]
    header.append("mojibake")
    rows: list[list] = []
    for split, words in lengths.items():
        row = split_row(info, split)
        row.insert(4, int(words.sum()))
        row += [report["null_or_empty_texts"].get(split, 0), report["mojibake"][split]]
        rows.append(row)
    return header, [*rows, ["unlabelled", "", info["rows"]["unlabelled"], "", "", "", "", ""]]


def pages_table(info: dict[str, Any]) -> Table:
    """Rows, classes and duplicates of each split of page images."""
    rows = [split_row(info, split) for split in info["report"]["class_counts"]]
    header = ["split", "given", "rows", "classes", "duplicates"]
    return header, [*rows, ["unlabelled", "", info["rows"]["unlabelled"], "", ""]]


def split_row(info: dict[str, Any], split: str) -> list:
    """split, given, rows, classes and duplicates of one split."""
    report = info["report"]
    given = "yes" if split in report["given_splits"] else "cut from train"
    n_classes = sum(n > 0 for n in report["class_counts"][split].values())
    return [split, given, info["rows"][split], n_classes, report["duplicates"].get(split, 0)]


def sizes_table(sizes: dict[str, np.ndarray]) -> Table:
    """Width × height: smallest, median and largest of each side."""
    rows = []
    for split, pixels in sizes.items():
        if len(pixels):
            sides = (pixels.min(0), np.median(pixels, 0), pixels.max(0))
            rows.append([split, *(" × ".join(map(str, side.astype(int))) for side in sides)])
    return ["split", "min", "median", "max"], rows


def lengths_table(lengths: dict[str, np.ndarray]) -> Table:
    """Percentiles of the words of a text, by split."""
    rows = []
    for split, words in lengths.items():
        if len(words):
            percentiles = [int(np.percentile(words, q)) for q in (5, 50, 95, 99)]
            rows.append([split, int(words.min()), *percentiles, int(words.max())])
    return ["split", "min", "p5", "median", "p95", "p99", "max"], rows


def class_section(split: str, counts: dict[str, int], most: int = 10) -> str:
    """The most and the least frequent classes of a split; all of them when they are few."""
    ordered = sorted(counts.items(), key=sort_key)
    if len(ordered) <= 2 * most:
        return f"### {split}\n\n" + markdown_table(["class", "rows"], ordered)
    frequent = markdown_table(["class", "rows"], ordered[:most])
    rare = markdown_table(["class", "rows"], ordered[-most:])
    title = f"### {split}: {most} most and {most} least frequent of {len(ordered)}"
    return f"{title}\n\n{frequent}\n{rare}"


def sort_key(item: tuple[str, int]) -> tuple[int, str]:
    """The most frequent class first; of equals by name."""
    return -item[1], item[0]


def dropped_table(info: dict[str, Any]) -> Table:
    """The dropped rows by reason and split."""
    rows = [
        [reason, split, n]
        for reason, by_split in info["dropped"].items()
        for split, n in by_split.items()
    ]
    return ["reason", "split", "rows"], rows
