"""Time and memory to turn a million product titles into stratified splits: the suite beside pandas
and datasets.

    python benchmarks/prepare_titles.py
    python benchmarks/prepare_titles.py --rows 100000 --output benchmarks/results

The titles are made from a seed: short, in Spanish-like words with Zipf's frequencies, 632
unbalanced classes, one jsonl.gz file with id, text and label. Every way starts from that file in a
fresh process and writes train, validation and test (80/10/10, stratified) to a folder; making the
titles is not measured. The suite does more than the others (no text on both sides of a cut, content
hash, profile with figures, row account); the table counts what they leave out.
"""

import sys
import tempfile
from dataclasses import asdict, dataclass, field
from operator import itemgetter
from pathlib import Path

import numpy as np

from benchmarks.common import hardware, hardware_line, launch, markdown_table, write_results
from utils.cli import parse
from utils.errors import InputError, exits_on_input_error
from utils.samples.titles import class_codes, write_titles

REPEAT = 100  # one title in so many repeats another of its class, in capitals
GOAL_MB = 1000  # peak of memory that the suite must stay below for a million titles
WAYS = {
    "suite": "suite: utils.prepare_dataset",
    "pandas": "pandas.read_json + sklearn train_test_split + to_parquet",
    "datasets": "datasets: load_dataset + map + train_test_split",
}
COLUMNS = {
    "what": "way",
    "rows": "rows",
    "seconds": "seconds",
    "rows_per_second": "rows/s",
    "ratio": "suite is × faster",
    "peak_mb": "peak MB",
    "private_mb": "of it private",
    "leaks": "texts on both sides of a cut",
    "same_ids": "ids as written",
    "stratified": "classes in all splits",
}


@dataclass
class TitlesArguments:
    """How many titles, and which ways."""

    rows: int = field(default=1_000_000, metadata={"help": "titles"})
    datasets_rows: int = field(
        default=1_000_000, metadata={"help": "at most so many for the slow datasets way"}
    )
    classes: int = field(default=632, metadata={"help": "categories (fewer where rows are few)"})
    ways: list[str] = field(
        default_factory=lambda: list(WAYS), metadata={"help": "suite, pandas, datasets"}
    )
    repeats: int = field(default=1, metadata={"help": "best of"})
    seed: int = field(default=0, metadata={"help": "seed of titles and splits"})
    output: str = field(
        default="benchmarks/results", metadata={"help": "folder for prepare_titles.json and .md"}
    )
    way: str | None = field(default=None, metadata={"help": "internal: do this way's work alone"})
    source: str | None = field(
        default=None, metadata={"help": "internal: the file that --way reads"}
    )
    target: str | None = field(
        default=None, metadata={"help": "internal: the folder that --way writes"}
    )


@exits_on_input_error
def main(argv=None):
    args, _ = parse(TitlesArguments, argv, doc=__doc__)
    if args.way:
        return {"pandas": split_with_pandas, "datasets": split_with_datasets}[args.way](args)
    if set(args.ways) - set(WAYS):
        raise InputError(f"--ways {' '.join(args.ways)}: choose among {', '.join(WAYS)}")
    if min(args.rows, args.datasets_rows) < 400:
        raise InputError("--rows, --datasets_rows: give at least 400")
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure(way, args, Path(folder)) for way in args.ways]
    suite = next((row for row in rows if row["way"] == "suite"), None)
    for row in rows:
        row["ratio"] = suite["rows_per_second"] / row["rows_per_second"] if suite else None
    results = {"hardware": hardware(), "arguments": asdict(args), "rows": rows, "goal_mb": GOAL_MB}
    print(report := markdown_report(results, suite))
    return write_results(args.output, "prepare_titles", results, report)


def write_unsplit(path: Path, rows: int, classes: int, seed: int):
    """Write titles as one jsonl.gz without splits, some of them again in capitals."""
    codes = class_codes(np.random.default_rng(seed), rows, min(classes, rows // 40))
    write_titles(path, codes, seed, repeat_every=REPEAT)


# The other ways.


def split_with_pandas(args):
    """What a scikit-learn user writes."""
    import pandas as pd
    from sklearn.model_selection import train_test_split

    frame = pd.read_json(args.source, lines=True)
    train, held = train_test_split(
        frame, test_size=0.2, stratify=frame["label"], random_state=args.seed
    )
    validation, test = train_test_split(
        held, test_size=0.5, stratify=held["label"], random_state=args.seed
    )
    for name, part in (("train", train), ("validation", validation), ("test", test)):
        part.to_parquet(Path(args.target) / f"{name}.parquet", index=False)


def split_with_datasets(args):
    """What a datasets user writes."""
    import datasets

    def clean(row):
        return {"text": row["text"].strip()}

    cache = str(Path(args.target) / "cache")
    rows = datasets.load_dataset("json", data_files=args.source, split="train", cache_dir=cache)
    rows = rows.map(clean).class_encode_column("label")
    first = rows.train_test_split(test_size=0.2, stratify_by_column="label", seed=args.seed)
    held = first["test"].train_test_split(test_size=0.5, stratify_by_column="label", seed=args.seed)
    splits = datasets.DatasetDict(train=first["train"], validation=held["train"], test=held["test"])
    for name, part in splits.items():
        part.to_parquet(Path(args.target) / f"{name}.parquet")


# Measuring.


def measure(way: str, args, folder: Path) -> dict:
    """Seconds and peak memory of one way in a fresh process, and what it wrote."""
    n = min(args.rows, args.datasets_rows) if way == "datasets" else args.rows
    source = folder / f"titulos_{n}.jsonl.gz"
    if not source.exists():
        print(f"writing {n} titles …", file=sys.stderr, flush=True)
        write_unsplit(source, n, args.classes, args.seed)
    runs = []
    for repeat in range(args.repeats):
        print(f"{way} …", file=sys.stderr, flush=True)
        target = folder / f"{way}-{repeat}"
        command = [sys.executable, "-m"]
        if way == "suite":
            command += ["utils.prepare_dataset", source, "--output", target]
        else:
            target.mkdir()
            command += ["benchmarks.prepare_titles", "--way", way]
            command += ["--source", source, "--target", target]
        runs.append(launch([*command, "--seed", args.seed]))
    best = min(runs, key=itemgetter("seconds"))
    return {
        "way": way,
        "what": WAYS[way],
        "rows": n,
        "rows_per_second": n / best["seconds"],
        **best,
        **check_splits(read_written(way, target), n),
    }


def read_written(way: str, folder: Path) -> dict:
    """Split -> arrow table of what a way wrote."""
    import datasets
    import pyarrow.parquet as pq

    if way == "suite":
        splits = datasets.load_from_disk(str(folder))
        return {split: dataset.with_format("arrow")[:] for split, dataset in splits.items()}
    return {path.stem: pq.read_table(path) for path in sorted(folder.glob("*.parquet"))}


def check_splits(splits: dict, rows: int) -> dict:
    """Whether every row came through once, the shares are 80/10/10, ids are as written, and texts
    leak.

    Raises:
        InputError: rows are missing, or the shares are not those that were asked for.
    """
    import pyarrow as pa

    from utils.text import match_keys

    sizes = {name: len(table) for name, table in splits.items()}
    if sum(sizes.values()) != rows or abs(sizes["train"] / rows - 0.8) > 0.02:
        raise InputError(f"{rows} titles became {sizes}: not the same work")
    keys = {name: match_keys(table["text"].cast(pa.string())) for name, table in splits.items()}
    held_out = np.concatenate([keys["validation"], keys["test"]])
    leaks = np.isin(held_out, keys["train"]).sum()
    leaks += np.isin(keys["test"], keys["validation"]).sum()

    # Ids are written with nine figures, zeros in front: shorter ones were read as numbers.
    ids = np.concatenate([table["id"].to_numpy() for table in splits.values()])
    classes = [len(table["label"].unique()) for table in splits.values()]
    shortest = min(len(str(identifier)) for identifier in ids[:1000].tolist())
    return {
        "sizes": sizes,
        "leaks": int(leaks),
        "same_ids": "yes" if shortest == 9 else "no",
        "stratified": "yes" if len(set(classes)) == 1 else f"{min(classes)} of {max(classes)}",
    }


def markdown_report(results: dict, suite: dict | None) -> str:
    """The Markdown table and whether the goal is met."""
    parts = [
        f"# {results['arguments']['rows']:,} product titles to stratified splits\n",
        f"{hardware_line(results['hardware'])}. Command: `python benchmarks/prepare_titles.py`; "
        f"best of {results['arguments']['repeats']}.\n",
        markdown_table(results["rows"], COLUMNS),
    ]
    if suite:
        verdict = "met" if suite["peak_mb"] <= GOAL_MB else "missed"
        parts.append(
            f"Goal of the suite, at most {GOAL_MB:,} MB for a million titles: {verdict} "
            f"({suite['peak_mb']:,.0f} MB for {suite['rows']:,}).\n"
        )
    return "\n".join(parts)


if __name__ == "__main__":
    main()
