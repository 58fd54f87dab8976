"""What `spacy debug data` says of a dataset and a config, in a few lines, and the classes that will
give trouble.

    python spacy_text_model/scripts/explore/debug_data.py
    python spacy_text_model/scripts/explore/debug_data.py spacy_text_model/configs/bow.cfg --dataset data/x/data_v1

Takes the config, flags and overrides of train.py. spaCy's command reads the corpora through the
config, so it describes what training sees. Added: words per document, documents per
class, documents without a word.
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

FEW = 20  # train documents: below it a class is listed
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
MARKS = {"✔": "passed", "⚠": "warnings", "✘": "failed"}


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
    found = {kind: [] for kind in MARKS.values()} | {"facts": []}
    for line in spacy_says(words["config"], overrides).splitlines():
        mark, _, text = line.strip().partition(" ")
        if mark in MARKS:
            found[MARKS[mark]].append(text)
        elif line.strip() and not line.startswith("="):
            found["facts"].append(line.strip().removeprefix("ℹ "))

    # Report.
    counts = corpus.info["report"]["class_counts"]["train"]
    found["few"] = {name: n for name, n in counts.items() if n < FEW}
    for kind, lines in found.items():
        if kind != "few":
            print(f"\n{kind}:", *(f"  {line}" for line in lines or ["none"]), sep="\n")
    print(
        "\n"
        + markdown_table(
            ["split", "documents", "without a word", "words: median", "95 %", "most"],
            [length_row(split, dataset) for split, dataset in corpus.splits.items()],
        )
    )
    print(
        f"{len(found['few'])} of {len(counts)} classes have fewer than {FEW} train documents"
        + "".join(
            f"\n  {n:>4}  {name}"
            for name, n in sorted(found["few"].items(), key=lambda item: item[1])[:20]
        )
    )
    return found


def spacy_says(config_path, overrides: dict) -> str:
    """The output of `spacy debug data`.

    Raises:
        InputError: spaCy refuses the config.
    """
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        try:
            debug_data(config_path, config_overrides=overrides, no_format=False, silent=False)
        except SystemExit as stop:
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
