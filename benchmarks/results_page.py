"""Write docs/RESULTS.md, the page of today's scores and speeds, from the json that is committed.

    python -m benchmarks.results_page

Scores come from docs/results/scores/*.json, one file a task, whose figures are those of docs/log.
Speeds come from benchmarks/results/*.json, which the benchmarks write; docs/results/speed.json says
when they were measured and what to know about them. To change the page, change the json and run
this again: a test compares the page with what the json gives.
"""

import json
import textwrap
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.common import cell, hardware_line

REPO_ROOT = Path(__file__).parent.parent
SCORES = REPO_ROOT / "docs" / "results" / "scores"
SPEED_NOTES = REPO_ROOT / "docs" / "results" / "speed.json"
BENCHMARK_RESULTS = REPO_ROOT / "benchmarks" / "results"
PAGE = REPO_ROOT / "docs" / "RESULTS.md"

INTRODUCTION = """\
# Results

Today's scores and speeds, one table a task. `python -m benchmarks.results_page` makes this page
from the json in `docs/results/` and `benchmarks/results/`: do not edit it by hand.

- Scores are in %, on the test split unless the column says otherwise; perplexity is no percentage.
  ± is the standard deviation over seeds (n − 1 in the denominator), n their number. A score without
  ± is of one seed, or one of which the log kept the mean alone. An empty cell was not measured or
  not kept.
- **Scores dated before 2026-11-30 were trained with the rows in the order of their source.** Since
  then the contents of the rows decide their order ([why](log/2026-11-30-faults-and-house.md)). Of
  the text models only the default on `sample` has been run again since.
- TF-IDF is on words and pairs of words, with logistic regression (C = 10); "balanced" weighs
  classes. "Both ends": of longer texts the first and the last pieces are read.
- Everything was measured on two cores of a CPU, most of it with other programs beside it: read
  times as upper bounds. BETO and DistilBETO need the Hub, which was out of reach, and there was no
  GPU: neither is measured here.
- Commands, seeds, the score of each seed and metrics that most models of a task lack are in the
  json. What the log does not name is null there.
"""

# What the columns of scores are called, in their order.
METRICS = {
    "macro_f1": "macro-F1",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced",
    "perplexity": "perplexity",
    "masked_accuracy": "masked accuracy",
}

# The columns of the table at the head of the page: models that several tasks have in common.
COMPARED = {
    "TF-IDF": "TF-IDF",
    "TF-IDF, balanced": "TF-IDF, balanced",
    "spaCy, default": "spaCy",
    "bilstm-3x256": "LSTM 3 × 256",
    "mini": "`mini`",
}


@dataclass(frozen=True)
class SpeedTable:
    """One table of a benchmark: which rows of its json, and which of their keys."""

    caption: str
    path: tuple  # the keys that lead to the rows
    columns: dict
    where: dict = field(default_factory=dict)  # only rows with these values


BETO_COLUMNS = {
    "set": "texts",
    "way": "way",
    "precision": "precision",
    "per_second": "texts/s",
    "ratio": "suite is × faster",
    "peak_mb": "peak MB",
}

# The tables of each benchmark, by the name of its json.
SPEED_TABLES = {
    "beto_throughput": [
        SpeedTable("Training", ("shapes", "base", "rows"), BETO_COLUMNS, {"task": "train"}),
        SpeedTable("Prediction", ("shapes", "base", "rows"), BETO_COLUMNS, {"task": "predict"}),
    ],
    "rnn_throughput": [
        SpeedTable(
            "Titles to word ids",
            ("tables", "prepare"),
            {
                "what": "way",
                "cores": "cores",
                "seconds": "seconds",
                "titles_per_second": "titles/s",
                "ratio": "suite is × faster",
                "peak_mb": "peak MB",
            },
        ),
        SpeedTable(
            "Training, an LSTM of 64 in both directions",
            ("tables", "train 001-best"),
            {
                "what": "way",
                "batch_size": "batch",
                "titles_per_second": "titles/s",
                "ratio": "× plain loop",
                "validation": "validation",
                "test": "test",
            },
        ),
        SpeedTable(
            "Prediction from strings, the same network",
            ("tables", "predict"),
            {
                "what": "way",
                "titles_per_second": "titles/s",
                "ratio": "suite is × faster",
                "peak_mb": "peak MB",
            },
        ),
    ],
    "spacy_throughput": [
        SpeedTable(
            "Training",
            ("tables", "Training, 45 classes"),
            {
                "what": "way",
                "rows_per_second": "rows/s",
                "ratio": "× spacy init config",
                "test_accuracy": "test accuracy",
                "peak_mb": "peak MB",
            },
        ),
        SpeedTable(
            "Prediction, the default config",
            ("tables", "Prediction, 45 classes, default"),
            {"what": "way", "rows_per_second": "rows/s", "ratio": "× nlp.pipe"},
        ),
    ],
    "prepare_titles": [
        SpeedTable(
            "From one jsonl.gz to stratified splits on disk",
            ("rows",),
            {
                "what": "way",
                "seconds": "seconds",
                "ratio": "suite is × faster",
                "peak_mb": "peak MB",
                "leaks": "texts on two sides",
                "same_ids": "ids kept",
            },
        )
    ],
    "workflow_metrics": [
        SpeedTable(
            "One core",
            ("rows",),
            {
                "what": "way",
                "rows": "rows",
                "seconds": "seconds",
                "ratio": "suite is × faster",
                "peak_mb": "peak MB",
            },
        )
    ],
    "s3_sync": [
        SpeedTable(
            "Seconds of the work, and of the whole process with its imports",
            ("rows",),
            {
                "step": "step",
                "what": "way",
                "seconds": "seconds",
                "process_seconds": "process",
                "ratio_process": "suite is × faster",
                "right": "bytes right",
            },
        )
    ],
    "ocr_round_trip": [
        SpeedTable(
            "A4 at 300 dpi",
            ("rows",),
            {
                "what": "way",
                "per_second": "pages/s",
                "ratio": "2 workers are × faster",
                "cer": "characters wrong, %",
                "wer": "words wrong, %",
            },
        )
    ],
}


def read_json(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def read_tasks() -> list[dict]:
    """The stored scores, one dict a task, in the order of the page."""
    tasks = [read_json(path) | {"file": path.name} for path in SCORES.glob("*.json")]
    return sorted(tasks, key=lambda task: task["order"])


def paragraph(text: str, indent: str = "") -> str:
    """Text in lines of at most 100 characters; `indent` begins all lines but the first."""
    lines = textwrap.fill(
        text, 100, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return f"{lines}\n"


def aligned_table(headers: list[str], rows: list[list[str]]) -> str:
    """A Markdown table whose columns stand below each other in the text too."""
    widths = [max(3, *map(len, column)) for column in zip(headers, *rows, strict=True)]
    lines = [headers, ["-" * width for width in widths], *rows]
    padded = [
        " | ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
        for line in lines
    ]
    return "".join(f"| {line} |\n" for line in padded)


def score_text(value: dict | None) -> str:
    """`88.3 ± 4.1`, the mean alone, or nothing; an interval in brackets."""
    if value is None:
        return ""
    text = f"{value['mean']:.1f}"
    if value["sd"] is not None:
        text += f" ± {value['sd']:.1f}"
    if "interval" in value:
        low, high = value["interval"]
        text += f" ({low:.1f}–{high:.1f})"
    return text


def seconds_text(bounds: list | None) -> str:
    """`98–209`: the fastest and the slowest seed, or one number where they are equal."""
    if bounds is None:
        return ""
    return "–".join(f"{bound:,}" for bound in dict.fromkeys(bounds))


def score_table(task: dict) -> str:
    """The models of one task. Metrics that most of them lack are left to the json."""
    scores = task["scores"]
    metrics = [
        name for name in METRICS if sum(name in s["test"] for s in scores) >= len(scores) / 2
    ]
    has_validation = any("validation" in score for score in scores)
    has_seconds = any("train_seconds" in score for score in scores)

    headers = ["model", "recipe", "n", *(METRICS[name] for name in metrics)]
    if has_validation:
        headers.append("validation")
    if has_seconds:
        headers.append("train s")
    headers.append("date")

    rows = []
    for score in scores:
        row = [score["model"], score["recipe"], str(score["n"])]
        row += [score_text(score["test"].get(name)) for name in metrics]
        if has_validation:
            row.append(score_text(score.get("validation", {}).get("macro_f1")))
        if has_seconds:
            row.append(seconds_text(score.get("train_seconds")))
        row.append(score["date"])
        rows.append(row)
    return aligned_table(headers, rows)


def log_links(names) -> str:
    """Links to entries of the log, each once, newest first."""
    return ", ".join(f"[{name}](log/{name}.md)" for name in sorted(set(names), reverse=True))


def task_section(task: dict) -> str:
    """Title, data, table, notes and sources of one task."""
    about = f"{task['about']}; hash {task['dataset_hash']}."
    if task["rows"]:
        rows = ", ".join(f"{count:,} {split}" for split, count in task["rows"].items())
        about += f" Rows: {rows}."
    parts = [f"### {task['title']}\n", paragraph(about), score_table(task)]
    if task["notes"]:
        parts.append("".join(paragraph(f"- {note}", indent="  ") for note in task["notes"]))
    links = log_links(score["log"] for score in task["scores"])
    stored = f"[{task['file']}](results/scores/{task['file']})"
    parts.append(paragraph(f"Stored in {stored}. Log: {links}."))
    return "\n".join(parts)


def overview(tasks: list[dict]) -> str:
    """Test macro-F1 of the models that several tasks have in common; README has this table too."""
    rows = []
    for task in tasks:
        # The first score of a model is that of its present recipe.
        first: dict[str, dict | None] = {}
        for score in task["scores"]:
            first.setdefault(score["model"], score["test"].get("macro_f1"))
        if len(first.keys() & COMPARED.keys()) >= 3:
            rows.append([task["title"], *(score_text(first.get(model)) for model in COMPARED)])
    return aligned_table(["test macro-F1", *COMPARED.values()], rows)


def speed_table(table: SpeedTable, results: dict) -> str:
    """Caption and rows of one table of a benchmark."""
    rows: Any = results
    for key in table.path:
        rows = rows[key]
    rows = [row for row in rows if all(row[key] == value for key, value in table.where.items())]
    texts = [[cell(row.get(key)) for key in table.columns] for row in rows]
    return f"{table.caption}:\n\n" + aligned_table([*table.columns.values()], texts)


def speed_section(name: str, note: dict) -> str:
    """The tables of one benchmark, and what they were measured on."""
    results = read_json(BENCHMARK_RESULTS / f"{name}.json")
    parts = [f"### {note['title']}\n"]
    parts += [speed_table(table, results) for table in SPEED_TABLES[name]]
    whole = f"[{name}.md](../benchmarks/results/{name}.md)"
    parts += [
        paragraph(note["note"]),
        paragraph(f"{note['date']}; {hardware_line(results['hardware'])}."),
        paragraph(f"Whole tables: {whole}. Log: {log_links([note['log']])}."),
    ]
    return "\n".join(parts)


def results_page() -> str:
    """The whole page, as Markdown."""
    tasks = read_tasks()
    parts = [
        INTRODUCTION,
        "## Scores\n",
        "Macro-F1 on the test split, by the present recipe of each package:\n",
        overview(tasks),
    ]
    parts += [task_section(task) for task in tasks]
    parts += [
        "## Speed\n",
        paragraph(
            "Each benchmark is one run of the suite beside what a user would pick instead; "
            "[benchmarks/README.md](../benchmarks/README.md) says what the ways are and how to "
            "measure again. No results of `benchmarks/image_throughput.py` are stored."
        ),
    ]
    parts += [speed_section(name, note) for name, note in read_json(SPEED_NOTES).items()]
    return "\n".join(parts)


def main():
    PAGE.write_text(results_page(), encoding="utf-8")
    print(f"wrote {PAGE}")


if __name__ == "__main__":
    main()
