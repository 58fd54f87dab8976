"""Prepare a dataset once, for every room: read, clean, cut, hash, profile, save.

    python -m utils.prepare_dataset corpus.csv --text_column texto --label_column tema --output data/temas/data_v1
    python -m utils.prepare_dataset sample
    python -m utils.prepare_dataset corpus/ --folds 5 --output data/corpus_folds
    python -m utils.prepare_dataset paginas/ --ground_truth paginas/ground_truth.csv --output data/paginas/data_v1

A tree of page images (split/typology/*.png, jpg, tif, bmp, webp, pdf) becomes a dataset of images
in the same way. Without --output the folder is data/<name>/data_v<n>, n one above the last. With
--folds or --repeats the output folder holds one prepared dataset a fold (fold_1 …) or repeat
(repeat_1 …).
"""

import json
import logging
import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from utils.cli import parse, start_logging
from utils.data import (
    Corpus,
    DataOptions,
    dataset_name,
    fold_corpora,
    load_corpus,
    options_of,
    repeat_corpora,
    save_prepared,
)
from utils.data.corpus_profile import write_profile
from utils.errors import InputError, exits_on_input_error

logger = logging.getLogger(__name__)


@dataclass
class PrepareArguments(DataOptions):
    """Where the prepared dataset goes, and cuts of a whole corpus."""

    output: str | None = field(
        default=None, metadata={"help": "folder to write; default data/<name>/data_v<n>"}
    )
    overwrite: bool = field(default=False, metadata={"help": "replace an occupied output folder"})
    seed: int = field(
        default=0, metadata={"help": "seed of the cuts and of the sample (as --split_seed)"}
    )
    folds: int = field(
        default=0, metadata={"help": "cross-validation: pool all rows and write this many folds"}
    )
    repeats: int = field(
        default=0, metadata={"help": "repeated holdout: pool all rows and cut them this many times"}
    )


def next_version(source: str) -> Path:
    """`data/<name>/data_v<n>`, n one above the last that is there."""
    base = Path("data") / dataset_name(source)
    taken = [int(m[1]) for p in base.glob("data_v*") if (m := re.fullmatch(r"data_v(\d+)", p.name))]
    return base / f"data_v{max(taken, default=0) + 1}"


def make_room(folder: Path, overwrite: bool):
    """Refuse an occupied folder, or remove it when told to; only folders that this command made are
    removed.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not overwrite:
        raise InputError(
            f"{folder}: already there; say --overwrite to replace it or choose another --output"
        )
    if not (folder / "dataset.json").exists() and not any(folder.glob("*/dataset.json")):
        raise InputError(
            f"{folder}: holds no prepared dataset, so it is not overwritten; choose another --output"
        )


def write(corpus: Corpus, folder: Path, overwrite: bool):
    """Save one prepared dataset with its profile; the folder appears whole or not at all."""
    version = re.fullmatch(r"data_v(\d+)", folder.name)
    corpus.info["version"] = int(version[1]) if version else 1
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        save_prepared(corpus, partial)
        write_profile(corpus.splits, corpus.info, partial)
        if overwrite:
            shutil.rmtree(folder, ignore_errors=True)
        elif folder.exists():
            folder.rmdir()
        partial.rename(folder)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be written ({error}); free space or choose another --output"
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@exits_on_input_error
def main(argv=None):
    start_logging()
    args, words = parse(PrepareArguments, argv, doc=__doc__, positional=["source"])
    args.split_seed = args.seed if "seed" in words["explicit_args"] else args.split_seed
    source = words["source"]
    output = Path(args.output) if args.output else next_version(source)
    make_room(output, args.overwrite)
    corpus = load_corpus(source, options_of(args), content=None)
    if args.folds and args.repeats:
        raise InputError("--folds and --repeats: give one of them")
    if args.folds:
        for i, fold in enumerate(
            fold_corpora(corpus, args.folds, args.split_seed, args.validation_size), 1
        ):
            write(fold, output / f"fold_{i}", args.overwrite)
    elif args.repeats:
        repeats = repeat_corpora(
            corpus, args.repeats, args.validation_size, args.test_size, args.split_seed
        )
        for i, repeat in enumerate(repeats, 1):
            write(repeat, output / f"repeat_{i}", args.overwrite)
    else:
        write(corpus, output, args.overwrite)
    print(
        json.dumps(
            {
                "output": str(output),
                "hash": corpus.info["hash"],
                "rows": corpus.info["rows"],
                "classes": len(corpus.info["labels"]),
                "dropped": corpus.info["dropped"],
            },
            ensure_ascii=False,
        )
    )


if __name__ == "__main__":
    main()
