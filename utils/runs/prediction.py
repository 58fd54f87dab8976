"""What every predict.py has in common: the texts that come in, the table that goes out."""

import itertools
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sized
from pathlib import Path

import numpy as np

from utils.data.sources import read_unlabelled
from utils.errors import InputError
from utils.predictions import write_predictions
from utils.records import Columns, ReadReport, table_suffix
from utils.runs.arguments import TableArguments

NOTES_SHOWN = 20
CLASSES_SHOWN = 5


def read_texts(
    source: str, args: TableArguments, class_names: list[str]
) -> tuple[list[str], list[str | None], list[str | None], ReadReport]:
    """Ids, texts and labels of what is to be predicted, each a list of n; notes are printed.

    Args:
        source: table, folder of txt, txt file, or `-` for standard input.

    Raises:
        InputError: no such source, or no text in it.
    """
    if not table_suffix(Path(source)):
        refuse_columns(source, args)
    report = ReadReport(encoding=args.encoding)
    columns = Columns(args.text_column, args.label_column, args.id_column)
    rows = list(read_unlabelled(source, columns, report, class_names, args.unlabelled))
    if not rows:
        raise InputError(f"--input {source}: no text in it; give at least one")
    ids, texts, labels = map(list, zip(*rows, strict=True))
    print_notes(report)
    return ids, texts, labels, report


def refuse_columns(source: str, args: TableArguments):
    """Refuse names of columns where the source has none."""
    for field in ("text_column", "label_column", "id_column"):
        value = getattr(args, field)
        if value != getattr(TableArguments, field):
            raise InputError(f"--{field} {value}: {source} has no columns; leave the flag out")


def evaluate_with(predictor, dataset, split: str, results: dict) -> np.ndarray:
    """Class probabilities (n, n_classes) of a split of texts; what they cost goes into `results`.

    Args:
        predictor: what a package's `load_predictor` returns.
    """
    start = time.perf_counter()
    probabilities = predictor.predict_probabilities(dataset["text"])
    seconds = time.perf_counter() - start
    results[f"{split}_ms_per_document"] = 1000 * seconds / len(dataset)
    return probabilities


def print_notes(report: ReadReport):
    for note in report.notes[:NOTES_SHOWN]:
        print(note)


def save_predictions(
    output: Path,
    ids: list[str],
    labels: list[str | None],
    probabilities: np.ndarray,
    class_names: list[str],
    summary: str,
):
    """Write the table of predictions, then print what was done and the most frequent classes.

    Args:
        probabilities: (n, n_classes).
        summary: what the documents were and what became of them.
    """
    write_predictions(output, ids, probabilities, class_names, labels)
    print(f"{output}: {summary}")
    counts = Counter(probabilities.argmax(1).tolist())
    for label_id, count in counts.most_common(CLASSES_SHOWN):
        print(f"  {count:>8}  {class_names[label_id]}")


def speed_of(n: int, seconds: float, what: str) -> str:
    return f"{n} {what} in {seconds:.1f} s ({n / seconds:.0f} a second)"


def length_of(documents: Iterable) -> int | None:
    """How many documents there are, where they tell, for a progress bar."""
    return len(documents) if isinstance(documents, Sized) else None


def in_blocks(documents: Iterable, size: int) -> Iterator[list]:
    """Yield the documents in lists of `size`, the last one shorter; none is kept."""
    documents = iter(documents)
    while block := list(itertools.islice(documents, size)):
        yield block
