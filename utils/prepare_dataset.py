r"""Prepare a dataset once, for every room: read, clean, cut, hash, profile, save.

    python -m utils.prepare_dataset corpus.csv --text_column texto --label_column tema \
        --output data/temas/data_v1
    python -m utils.prepare_dataset sample
    python -m utils.prepare_dataset corpus/ --folds 5 --output data/corpus_folds
    python -m utils.prepare_dataset paginas/ --ground_truth paginas/ground_truth.csv \
        --output data/paginas/data_v1

A tree of page images (split/typology/*.png, jpg, tif, bmp, webp, pdf) becomes a dataset of images
in the same way. Without --output the folder is data/<name>/data_v<n>, n one above the last. With
--folds or --repeats the output folder holds one prepared dataset a fold (fold_1 …) or repeat
(repeat_1 …).
"""

import contextlib
import json
import logging
import re
import shutil
import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path

from utils.cli import parse, start_logging
from utils.data import (
    Corpus,
    DataOptions,
    dataset_name,
    fold_corpora,
    is_prepared,
    load_corpus,
    options_of,
    repeat_corpora,
    save_prepared,
)
from utils.data.corpus_profile import write_profile
from utils.errors import InputError, exits_on_input_error, hold_until_main_ends
from utils.folders import locked_folder, own_place

logger = logging.getLogger(__name__)
# What a prepared dataset consists of.
PREPARED = (
    *("train", "validation", "test", "dataset_dict.json", "dataset.json", "unlabelled.parquet"),
    *("dropped.csv", "profile.md", "figures"),
)


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


def choose_output(given: str | None, source: str) -> Path:
    """Where the dataset goes: where the user said, links and `..` resolved, or the next version.

    Raises:
        InputError: it is the folder in which the command was started.
    """
    if given is None:
        return next_version(source)
    return own_place(Path(given))


@contextlib.contextmanager
def reserved(output: Path):
    """Keep the output folder from other processes; parents that were made for the lock alone go
    again, so that a refused command leaves nothing behind.
    """
    made = [parent for parent in output.parents if not parent.exists()]
    try:
        with locked_folder(output, "preparation"):
            yield
    finally:
        for parent in made:
            with contextlib.suppress(OSError):  # not empty: the dataset is in it
                parent.rmdir()


def check_output(output: Path, inputs: list[str], overwrite: bool):
    """Refuse an output folder that is occupied, unless `overwrite` allows to replace what this
    command made there; and one that holds what is to be read.
    """
    for name in inputs:
        source = Path(name).resolve()
        if source.exists() and output.resolve() in (source, *source.parents):
            raise InputError(f"{output}: {name} lies in it; choose another --output")
    if not output.exists() or (output.is_dir() and not any(output.iterdir())):
        return
    if not overwrite:
        raise InputError(
            f"{output}: already there; pass --overwrite to replace it or choose another --output"
        )
    if not output.is_dir():
        raise InputError(f"{output}: a file, no folder; choose another --output")
    made = [output / name for name in PREPARED] if is_prepared(output) else made_folds(output)
    foreign = sorted(set(output.iterdir()) - set(made))
    if foreign or not made:
        names = ", ".join(path.name for path in foreign[:3])
        what = "more than a prepared dataset" if made else "no prepared dataset"
        raise InputError(
            f"{output}: holds {what} ({names}), so it is not overwritten; choose another --output, "
            "or move that away"
        )


def made_folds(folder: Path) -> list[Path]:
    """The fold_<n> and repeat_<n> below a folder that --folds and --repeats made."""
    found = [path for path in folder.iterdir() if re.fullmatch(r"(fold|repeat)_\d+", path.name)]
    return [path for path in found if is_prepared(path)]


def write(corpora: dict[str, Corpus], output: Path):
    """Save prepared datasets with their profiles, `.` as the output folder itself, others below
    it; all of them appear whole or not at all, in the place of what was there.
    """
    version = re.fullmatch(r"data_v(\d+)", output.name)
    output.parent.mkdir(parents=True, exist_ok=True)
    # A name of its own: another run of this command may be writing beside.
    partial = output.with_name(f".{output.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        for name, corpus in corpora.items():
            corpus.info["version"] = int(version[1]) if version and name == "." else 1
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            save_prepared(corpus, partial / name)
            write_profile(corpus.splits, corpus.info, partial / name)
        if output.exists():
            shutil.rmtree(output)
        partial.rename(output)
    except OSError as error:
        raise InputError(
            f"{output}: cannot be written ({error}); free space or choose another --output"
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def cuts_of(corpus: Corpus, args: PrepareArguments) -> dict[str, Corpus]:
    """Name of a folder below the output -> the dataset that goes there."""
    if args.folds:
        folds = fold_corpora(corpus, args.folds, args.split_seed, args.validation_size)
        return {f"fold_{n}": fold for n, fold in enumerate(folds, 1)}
    if args.repeats:
        repeats = repeat_corpora(
            corpus, args.repeats, args.validation_size, args.test_size, args.split_seed
        )
        return {f"repeat_{n}": repeat for n, repeat in enumerate(repeats, 1)}
    return {".": corpus}


@exits_on_input_error
def main(argv=None):
    start_logging()
    args, words = parse(PrepareArguments, argv, doc=__doc__, positional=["source"])
    if "seed" in words["explicit_args"]:
        args.split_seed = args.seed
    source = words["source"]
    if args.folds and args.repeats:
        raise InputError("--folds and --repeats: give one of them")
    if min(args.folds, args.repeats) < 0:
        raise InputError(f"--folds {args.folds} --repeats {args.repeats}: give more than 0")
    output = choose_output(args.output, source)
    hold_until_main_ends(reserved(output))
    inputs = [source]
    if args.ground_truth:
        inputs.append(args.ground_truth)
    check_output(output, inputs, args.overwrite)

    options = options_of(args)
    if (args.folds or args.repeats) and is_prepared(source):
        # The cut that these options describe is made of all its rows, below.
        uncut = DataOptions()
        options = replace(
            options,
            validation_size=uncut.validation_size,
            test_size=uncut.test_size,
            split_seed=uncut.split_seed,
        )
    corpus = load_corpus(source, options, content=None)
    write(cuts_of(corpus, args), output)
    report = {
        "output": str(output),
        "hash": corpus.info["hash"],
        "rows": corpus.info["rows"],
        "classes": len(corpus.info["labels"]),
        "dropped": corpus.info["dropped"],
    }
    print(json.dumps(report, ensure_ascii=False))


if __name__ == "__main__":
    main()
