"""The profile of a dataset: what is in each split, in Markdown with figures beside it."""

import io
import re
from pathlib import Path

import datasets
import numpy as np
from PIL import Image

from utils.data.corpus import content_column
from utils.figures import class_frequencies_figure, lengths_figure, save_figure
from utils.tables import markdown_table

WORD = re.compile(r"[^\W_]+")


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
    return np.array([Image.open(io.BytesIO(row["image"]["bytes"])).size for row in rows]).reshape(
        -1, 2
    )


def write_profile(splits: datasets.DatasetDict, info: dict, folder: Path):
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


def profile_markdown(info: dict, splits: tuple[list[str], list], measures: list[str]) -> str:
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


def splits_table(info: dict, lengths: dict) -> tuple[list[str], list]:
    report = info["report"]
    header = [
        "split",
        "given",
        "rows",
        "classes",
        "words",
        "duplicates",
        "null or empty",
        "mojibake",
    ]
    rows = [
        [
            s,
            "yes" if s in report["given_splits"] else "cut from train",
            n_rows,
            sum(n > 0 for n in report["class_counts"][s].values()),
            int(lengths[s].sum()),
            report["duplicates"].get(s, 0),
            report["null_or_empty_texts"].get(s, 0),
            report["mojibake"][s],
        ]
        for s, n_rows in info["rows"].items()
        if s in lengths
    ]
    return header, [*rows, ["unlabelled", "", info["rows"]["unlabelled"], "", "", "", "", ""]]


def pages_table(info: dict) -> tuple[list[str], list]:
    report = info["report"]
    rows = [
        [
            s,
            "yes" if s in report["given_splits"] else "cut from train",
            info["rows"][s],
            sum(n > 0 for n in counts.values()),
            report["duplicates"].get(s, 0),
        ]
        for s, counts in report["class_counts"].items()
    ]
    return ["split", "given", "rows", "classes", "duplicates"], [
        *rows,
        ["unlabelled", "", info["rows"]["unlabelled"], "", ""],
    ]


def sizes_table(sizes: dict) -> tuple[list[str], list]:
    """Width × height: smallest, median and largest of each side."""
    rows = [
        [
            s,
            *(
                " × ".join(map(str, side.astype(int)))
                for side in (n.min(0), np.median(n, 0), n.max(0))
            ),
        ]
        for s, n in sizes.items()
        if len(n)
    ]
    return ["split", "min", "median", "max"], rows


def lengths_table(lengths: dict) -> tuple[list[str], list]:
    rows = [
        [s, int(n.min()), *(int(np.percentile(n, q)) for q in (5, 50, 95, 99)), int(n.max())]
        for s, n in lengths.items()
        if len(n)
    ]
    return ["split", "min", "p5", "median", "p95", "p99", "max"], rows


def class_section(split: str, counts: dict[str, int], most: int = 10) -> str:
    """The most and the least frequent classes of a split; all of them when they are few."""
    ordered = sorted(counts.items(), key=sort_key)
    if len(ordered) <= 2 * most:
        return f"### {split}\n\n" + markdown_table(["class", "rows"], ordered)
    frequent, rare = (
        markdown_table(["class", "rows"], part) for part in (ordered[:most], ordered[-most:])
    )
    return f"### {split}: {most} most and {most} least frequent of {len(ordered)}\n\n{frequent}\n{rare}"


def sort_key(item: tuple[str, int]):
    return -item[1], item[0]


def dropped_table(info: dict) -> tuple[list[str], list]:
    return ["reason", "split", "rows"], [
        [r, s, n] for r, by_split in info["dropped"].items() for s, n in by_split.items()
    ]
