"""The command line of training: a config.cfg, the suite's flags, and spaCy's dotted overrides."""

import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path

from spacy.cli._util import parse_config_overrides
from spacy.util import load_config

from utils.cli import parse
from utils.data.corpus import DataOptions, options_of
from utils.errors import InputError

PACKAGE = Path(__file__).parent
CONFIG = PACKAGE / "config.cfg"
# Overrides that are refused, for train.py has a flag for each.
FLAGS = {"paths.dataset": "--dataset", "system.seed": "--seed", "training.seed": "--seed"}


@dataclass
class TrainArguments(DataOptions):
    """What to train on, and where to."""

    dataset: str | None = field(
        default=None,
        metadata={"help": "prepared folder, raw source, Hub id or 'sample'; default: the config's"},
    )
    output_dir: str | None = field(
        default=None, metadata={"help": "default runs/spacy_text_model/<dataset>/<date-time>"}
    )
    model_name_or_path: str | None = field(
        default=None,
        metadata={"help": "start from this run or pipeline instead of random weights"},
    )
    seed: int | None = field(
        default=None, metadata={"help": "seed of weights, order and dropout; default: the config's"}
    )
    gpu_id: int = field(default=-1, metadata={"help": "number of the GPU, -1 for the CPU"})
    resume: bool = field(
        default=False, metadata={"help": "train again from the best pipeline of an unfinished run"}
    )
    overwrite: bool = field(
        default=False, metadata={"help": "replace a finished run in --output_dir"}
    )
    keep_checkpoints: bool = field(
        default=False, metadata={"help": "keep model-last/ in the finished run"}
    )


def parse_training(argv, doc: str, *more):
    """Parse `[CONFIG.cfg] --flags --dotted.overrides value`, as train.py, pipeline.py and
    debug_data.py take them.

    Returns:
        (TrainArguments, more…, words): words holds `config` (its path), `overrides` (dotted name:
        value) and `given`.

    Raises:
        InputError: unknown flag, wrong value, missing config.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    config = Path(argv.pop(0)) if argv and not argv[0].startswith("-") else CONFIG
    if not config.is_file():
        raise InputError(
            f"{config}: no such config; give a .cfg file such as those of {PACKAGE.name}/configs"
        )
    flags, dotted = split_overrides(argv)
    *objects, words = parse((TrainArguments, *more), flags, doc=doc)
    for name in dotted:
        if name in FLAGS:
            raise InputError(f"--{name}: pass {FLAGS[name]} instead")
    return *objects, words | {"config": config, "overrides": dotted}


def split_overrides(argv: list[str]) -> tuple[list[str], dict]:
    """The suite's own words, and spaCy's overrides (flags with a dot) as a dict of parsed values.

    Raises:
        InputError: an override without a value.
    """
    flags: list[str] = []
    dotted: list[str] = []
    words = iter(argv)
    for word in words:
        if word.startswith("--") and "." in word.split("=")[0]:
            dotted.append(word)
            if "=" not in word:
                value = next(words, None)
                if value is None or value.startswith("--"):
                    raise InputError(f"{word}: give a value")
                dotted.append(value)
        else:
            flags.append(word)
    return flags, parse_config_overrides(dotted, env_var=None)


def read_config(path: Path, args: TrainArguments, words: dict):
    """The `Config` that spaCy trains by, its variables unresolved: the file, the user's overrides
    over it, the suite's flags over both.

    Raises:
        InputError: the file is no config, or an override names a section that it does not have.
    """
    flags = {
        f"dataset.{name}": value
        for name, value in words["explicit_args"].items()
        if name in asdict(options_of(args))
    }
    if args.dataset is not None:
        flags["paths.dataset"] = args.dataset
    if args.seed is not None:
        flags["system.seed"] = args.seed
    try:
        config = load_config(path, overrides=words["overrides"] | flags)
        config.interpolate()
    except (ValueError, OSError) as error:  # ConfigValidationError is a ValueError
        raise InputError(
            f"{path}: {error}; check the names of the sections and the --overrides"
        ) from None
    for section in ("paths", "system", "dataset", "training", "components", "corpora"):
        if section not in config:
            raise InputError(f"{path}: no [{section}] section; begin with a copy of {CONFIG.name}")
    return config
