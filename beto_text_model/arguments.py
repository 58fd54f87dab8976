"""The room's own flags, and the command line of its training scripts."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from utils.cli import parse
from utils.training import DatasetArguments, SuiteTrainingArguments

CONFIGS = Path(__file__).parent / "configs"
MINI = "mini"  # the encoder that comes with the project, in beto_text_model/mini/
MINI_SCRATCH = "mini-scratch"


@dataclass
class ModelArguments:
    """Which encoder, and how much of a text it reads."""

    model_name_or_path: str = field(
        default=MINI, metadata={"help": "Hub id or local folder of an encoder; mini: the small one that comes with the "
                                        "project; mini-scratch: random start"}
    )
    max_length: int | None = field(
        default=None, metadata={"help": "pieces read of each text; default: what the encoder can, at most 512"}
    )
    classifier_dropout: float | None = field(default=None, metadata={"help": "dropout before the class layer"})
    vocab_size: int = field(default=8000, metadata={"help": "pieces of mini-scratch's own vocabulary"})


def parse_training(argv, doc: str, *more):
    """Parse the flags that train.py, preprocess.py and pipeline.py share: model, dataset, training, and `more`.

    Where neither a YAML nor another model is named, configs/mini.yaml (or mini-scratch.yaml) comes first.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    models = [value for flag, value in zip(argv, argv[1:], strict=False) if flag == "--model_name_or_path"]
    models += [word.split("=", 1)[1] for word in argv if word.startswith("--model_name_or_path=")]
    if not argv[:1] or not argv[0].endswith((".yaml", ".yml")):
        name = models[-1] if models else MINI
        if name in (MINI, MINI_SCRATCH):
            argv = [str(CONFIGS / f"{name}.yaml"), *argv]
    return parse((ModelArguments, DatasetArguments, SuiteTrainingArguments, *more), argv, doc=doc)
