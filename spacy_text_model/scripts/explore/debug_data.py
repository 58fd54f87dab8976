"""What `spacy debug data` says of a dataset and a config, in a few lines, and the classes that will
give trouble.

    python spacy_text_model/scripts/explore/debug_data.py
    python spacy_text_model/scripts/explore/debug_data.py spacy_text_model/configs/bow.cfg \
        --dataset data/x/data_v1

Takes the config, flags and overrides of train.py. spaCy's command reads the corpora through the
config, so it describes what training sees. Added: words per document, documents without a word,
classes with few documents.
"""

import contextlib
import io
import re

import numpy as np
from spacy.cli.debug_data import debug_data

from spacy_text_model.arguments import parse_training, read_config
from spacy_text_model.readers import corpus_of
from utils.cli import start_logging
from utils.data.corpus_profile import words_per_text
from utils.errors import InputError, exits_on_input_error
from utils.tables import markdown_table

FEW = 20  # train documents: a class with fewer is listed
MOST = 20  # classes that are listed
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
MARKS = {"✔": "passed", "⚠": "warnings", "✘": "failed"}  # how spaCy begins a line


@exits_on_input_error
def main(argv=None) -> dict:
    """Check; returns what spaCy said, by kind, and the classes with few documents."""
    # Arguments.
    args, words = parse_training(argv, __doc__)
    start_logging()
    config = read_config(words["config"], args, words).interpolate()

    # Splits: the same for every room.
    corpus = corpus_of(config["paths"]["dataset"], dict(config["dataset"]))

    # spaCy's own checks, by the same config.
    overrides = words["overrides"] | {"paths.dataset": str(config["paths"]["dataset"])}
    overrides |= {f"dataset.{name}": value for name, value in config["dataset"].items()}
    said = lines_by_kind(debug_data_output(words["config"], overrides))
    for kind, lines in said.items():
        print(f"\n{kind}:")
        for line in lines or ["none"]:
            print(f"  {line}")

    # Lengths, and classes with few documents.
    header = ["split", "documents", "without a word", "words: median", "95 %", "most"]
    rows = [length_row(split, dataset) for split, dataset in corpus.splits.items()]
    print("\n" + markdown_table(header, rows))
    counts = corpus.info["report"]["class_counts"]["train"]
    few = {name: n for name, n in counts.items() if n < FEW}
    print(f"{len(few)} of {len(counts)} classes have fewer than {FEW} train documents")
    for name in sorted(few, key=few.__getitem__)[:MOST]:
        print(f"  {few[name]:>4}  {name}")
    return said | {"few": few}


def lines_by_kind(output: str) -> dict[str, list[str]]:
    """What spaCy said as passed, warnings, failed and facts; rules and empty lines left out."""
    said: dict[str, list[str]] = {kind: [] for kind in (*MARKS.values(), "facts")}
    for line in output.splitlines():
        mark, _, text = line.strip().partition(" ")
        if mark in MARKS:
            said[MARKS[mark]].append(text)
        elif line.strip() and not line.startswith("="):
            said["facts"].append(line.strip().removeprefix("ℹ "))
    return said


def debug_data_output(config_path, overrides: dict) -> str:
    """What `spacy debug data` prints, without colours.

    Raises:
        InputError: spaCy refuses the config.
    """
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        try:
            debug_data(config_path, config_overrides=overrides, no_format=False, silent=False)
        except SystemExit as stop:
            # 1: spaCy refuses the config. 2 comes from the suite's own readers, which have printed
            # their line.
            if stop.code == 1:
                raise InputError(
                    f"{config_path}: {COLOURS.sub('', output.getvalue())}; fix the config"
                ) from None
            raise
    return COLOURS.sub("", output.getvalue())


def length_row(split: str, dataset) -> list:
    """Documents of a split and their lengths in words."""
    words = words_per_text(dataset)
    return [
        split,
        len(words),
        int((words == 0).sum()),
        int(np.median(words)),
        int(np.percentile(words, 95)),
        int(words.max()),
    ]


if __name__ == "__main__":
    main()
