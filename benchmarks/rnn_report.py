"""The report of rnn_throughput.py: its tables as Markdown, and how the goals stand."""

from benchmarks.common import hardware_line, markdown_table

MEMORY = {"peak_mb": "peak MB", "private_mb": "of it private"}
PREPARE = {
    "what": "way",
    "cores": "cores",
    "rows": "titles",
    "seconds": "seconds",
    "titles_per_second": "titles/s",
    "ratio": "suite is × faster",
    **MEMORY,
}
TRAIN = {
    "what": "way",
    "batch_size": "batch",
    "titles_per_second": "titles/s",
    "ratio": "× the origins' loop",
    "seconds": "seconds",
    "validation": "validation",
    "test": "test",
    "reached": "seconds to the loop's score",
    **MEMORY,
}
PREDICT = {
    "what": "way",
    "rows": "titles",
    "titles_per_second": "titles/s",
    "ratio": "suite is × faster",
    "difference": "greatest Δp",
    **MEMORY,
}
SCALE = {
    "rows": "titles",
    "what": "what",
    "seconds": "seconds",
    "titles_per_second": "titles/s",
    **MEMORY,
}
# How many times faster than what a user would write.
PREPARE_GOAL = 8
TRAIN_GOAL = 3


def markdown_report(results: dict) -> str:
    """The tables that were measured, in a fixed order, and the goals."""
    args = results["arguments"]
    tables = results["tables"]
    sections = [
        (
            "prepare",
            f"Preparation: the training split of {args['prepare_rows']:,} titles to ids",
            PREPARE,
        ),
        (
            "train 001-best",
            f"Training, bidirectional LSTM of 64, frozen vectors, {args['epochs']} epochs",
            TRAIN,
        ),
        (
            "train best",
            f"Training, 3 × 256 LSTM, {args['wide_rows']:,} titles, {args['wide_epochs']} epoch(s)",
            TRAIN,
        ),
        ("predict", "Prediction, from strings to probabilities", PREDICT),
        ("scale", f"Scale; training is {args['scale_steps']} steps of 1,024 titles", SCALE),
    ]
    parts = [
        "# Throughput of rnn_baseline\n",
        hardware_line(results["hardware"]) + ". Command: `python benchmarks/rnn_throughput.py`.\n",
    ]
    for name, title, columns in sections:
        if name in tables:
            parts += [f"## {title}\n", markdown_table(tables[name], columns)]
    if "prepare" in tables:
        parts.append(preparation_goal(tables["prepare"]))
    for name in ("train 001-best", "train best"):
        if name in tables:
            parts.append(training_goal(name, tables[name]))
    parts.append(
        "No GPU was there: none is measured.\n" if results["hardware"]["gpu"] == "none" else ""
    )
    return "\n".join(parts)


def preparation_goal(rows: list[dict]) -> str:
    """How the suite's preparation stands beside `load_dataset` and `map`."""
    least = min(row["ratio"] for row in rows if row["what"].startswith("load_dataset"))
    return (
        f"Goal of the preparation, {PREPARE_GOAL} times load_dataset + map on the same cores: "
        f"{verdict(least, PREPARE_GOAL)}.\n"
    )


def training_goal(name: str, rows: list[dict]) -> str:
    """How the suite's fastest training that is no worse than the packed loop (first row) stands."""
    no_worse = [
        row["ratio"]
        for row in rows
        if row["what"].startswith("suite") and row["validation"] >= rows[0]["validation"]
    ]
    if no_worse:
        outcome = verdict(max(no_worse), TRAIN_GOAL)
    else:
        outcome = "missed (no way reached its balanced accuracy)"
    return (
        f"Goal of {name}, {TRAIN_GOAL} times the packed loop at no lower balanced accuracy: "
        f"{outcome}.\n"
    )


def verdict(ratio: float, goal: float) -> str:
    """Whether a goal is met, with the figure."""
    return f"{'met' if ratio >= goal else 'missed'} ({ratio:.2g} ×)"
