"""The flags of the BETO package, and the command line of its training scripts."""

from dataclasses import dataclass, field
from pathlib import Path

from utils.cli import add_model_config, parse, refuse_idle
from utils.training import (
    CommonTrainingArguments,
    DatasetArguments,
    SuiteTrainingArguments,
    idle_flags,
)

CONFIGS = Path(__file__).parent / "configs"
MINI = "mini"  # the encoder that comes with the project, in beto_text_model/mini/
MINI_SCRATCH = "mini-scratch"
TRUNCATION_SIDES = ("right", "middle")
ATTENTIONS = ("sdpa", "eager", "flash_attention_2")


@dataclass
class ModelArguments:
    """Which encoder, and how much of a text it reads."""

    model_name_or_path: str = field(
        default=MINI,
        metadata={
            "help": "Hub id or local folder of an encoder; mini: the one of the project; "
            "mini-scratch: random start"
        },
    )
    max_length: int | None = field(
        default=None,
        metadata={"help": "pieces read of each text; default: what the encoder can, at most 512"},
    )
    truncation_side: str = field(
        default="right",
        metadata={
            "help": "what is cut off a longer text: right, or middle (its two ends are read)"
        },
    )
    classifier_dropout: float | None = field(
        default=None, metadata={"help": "dropout before the class layer"}
    )
    vocab_size: int = field(
        default=8000, metadata={"help": "pieces of mini-scratch's own vocabulary"}
    )
    attn_implementation: str = field(
        default="sdpa",
        metadata={
            "help": "sdpa, eager or flash_attention_2; on a CPU eager is faster at 128 pieces"
        },
    )

    def __post_init__(self):
        check_attention(self.attn_implementation)
        if self.truncation_side not in TRUNCATION_SIDES:
            choices = " or ".join(TRUNCATION_SIDES)
            raise ValueError(f"--truncation_side {self.truncation_side!r}: choose {choices}")


def check_attention(name: str):
    if name not in ATTENTIONS:
        raise ValueError(f"--attn_implementation {name!r}: choose one of {', '.join(ATTENTIONS)}")


@dataclass
class EncoderArguments:
    """Which encoder is trained further, or which shape starts from scratch; how it is masked."""

    model_name_or_path: str | None = field(
        default=None,
        metadata={
            "help": "Hub id, local folder or mini, to continue from; none: start from scratch"
        },
    )
    tokenizer_name: str | None = field(
        default=None,
        metadata={"help": "tokenizer of a start from scratch (train_tokenizer.py makes one)"},
    )
    model_type: str = field(
        default="modernbert", metadata={"help": "architecture of a start from scratch"}
    )
    config_overrides: str | None = field(
        default=None, metadata={"help": "its shape: hidden_size=256,num_hidden_layers=4,…"}
    )
    max_length: int = field(default=128, metadata={"help": "pieces in a row"})
    mlm_probability: float = field(
        default=0.15, metadata={"help": "share of the words that are masked"}
    )
    whole_word_mask: bool = field(
        default=True, metadata={"help": "mask whole words rather than pieces"}
    )
    attn_implementation: str = field(
        default="sdpa",
        metadata={
            "help": "sdpa, eager or flash_attention_2; on a CPU eager is faster at 128 pieces"
        },
    )
    save_fp16: bool = field(
        default=False, metadata={"help": "write the finished weights in half precision"}
    )

    def __post_init__(self):
        check_attention(self.attn_implementation)
        if not 0 < self.mlm_probability < 1:
            raise ValueError(
                f"--mlm_probability {self.mlm_probability}: give a share between 0 and 1"
            )
        if self.max_length < 8:
            raise ValueError(f"--max_length {self.max_length}: give at least 8")


@dataclass
class PretrainingArguments(CommonTrainingArguments):
    """The training arguments of masked-language modelling."""

    max_minutes: float | None = field(
        default=None,
        metadata={
            "help": "time budget; the learning rate comes to zero with it. Default: epochs decide"
        },
    )
    learning_rate: float = field(default=1e-3, metadata={"help": "peak learning rate (BETO: 5e-5)"})
    per_device_train_batch_size: int = field(
        default=32, metadata={"help": "rows per device and step"}
    )
    per_device_eval_batch_size: int = field(
        default=64, metadata={"help": "rows per device in evaluation"}
    )
    num_train_epochs: float = field(default=1.0, metadata={"help": "passes over the texts"})
    warmup_steps: float = field(
        default=0.05, metadata={"help": "below 1: share of all steps (or of the budget)"}
    )
    weight_decay: float = field(default=0.01, metadata={"help": "weight decay of AdamW"})
    adam_beta2: float = field(default=0.98, metadata={"help": "second beta of AdamW"})
    save_strategy: str = field(default="steps", metadata={"help": "no, steps or epoch"})
    logging_strategy: str = field(default="steps", metadata={"help": "no, steps or epoch"})
    logging_steps: float = field(default=50, metadata={"help": "steps between log lines"})
    eval_rows: int = field(
        default=200, metadata={"help": "held-out rows of each source scored while training"}
    )

    def __post_init__(self):
        self.metric_for_best_model = "loss"
        self.greater_is_better = False
        if self.max_minutes is not None and self.max_minutes <= 0:
            raise ValueError(f"--max_minutes {self.max_minutes}: give more than 0")
        super().__post_init__()


def parse_training(argv, doc: str, *more):
    """Parse the flags that train.py, preprocess.py and pipeline.py share: model, dataset, training,
    and `more`.

    Where neither a YAML nor another model is named, configs/mini.yaml (or mini-scratch.yaml) comes
    first.
    """
    configs = {name: CONFIGS / f"{name}.yaml" for name in (MINI, MINI_SCRATCH)}
    argv = add_model_config(argv, configs, default=MINI)
    types = (ModelArguments, DatasetArguments, SuiteTrainingArguments, *more)
    model_args, data_args, args, *others, words = parse(types, argv, doc=doc)
    idle = idle_flags(args, words["typed_args"])
    if model_args.model_name_or_path != MINI_SCRATCH:
        idle["vocab_size"] = f"on {model_args.model_name_or_path}, which has its own vocabulary"
    refuse_idle(words["typed_args"], idle)
    return model_args, data_args, args, *others, words
