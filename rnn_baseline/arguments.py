"""The flags of the RNN package, and the command line of its training scripts."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnn_baseline.model import RECURRENT, RnnConfig
from rnn_baseline.tokenization import check_filters
from utils.cli import begins_with_yaml, parse, refuse_idle
from utils.training import DatasetArguments, SuiteTrainingArguments, idle_flags

CONFIGS = Path(__file__).parent / "configs"
DEFAULT_CONFIG = CONFIGS / "bilstm-3x256.yaml"
SHAPE = (
    "embedding_size",
    "cell",
    "hidden_size",
    "num_layers",
    "bidirectional",
    "pooling",
    "mlp_sizes",
    "cnn_widths",
    "cnn_filters",
    "head_size",
    "activation",
    "word_dropout",
    "embedding_dropout",
    "layer_dropout",
    "head_dropout",
    "freeze_embeddings",
)


@dataclass
class ModelArguments:
    """Which network, which words it knows, and how much of a text it reads."""

    model_name_or_path: str | None = field(
        default=None,
        metadata={"help": "a finished RNN run to start from; none: random weights"},
    )
    cell: str = field(
        default="lstm", metadata={"help": "lstm, gru, layernorm_lstm, mlp (mean of words) or cnn"}
    )
    hidden_size: int = field(
        default=128, metadata={"help": "units of a recurrent layer and direction"}
    )
    num_layers: int = field(default=1, metadata={"help": "recurrent layers"})
    bidirectional: bool = field(
        default=False, metadata={"help": "read the text in both directions"}
    )
    pooling: str | None = field(
        default=None, metadata={"help": "last (default), max, mean or attention"}
    )
    mlp_sizes: list[int] = field(
        default_factory=lambda: list(RnnConfig.mlp_sizes),
        metadata={"help": "widths of the mlp's layers"},
    )
    cnn_widths: list[int] = field(
        default_factory=lambda: list(RnnConfig.cnn_widths),
        metadata={"help": "words that a filter of the cnn spans"},
    )
    cnn_filters: int = field(default=100, metadata={"help": "filters of each width"})
    head_size: int = field(
        default=0, metadata={"help": "width of a hidden layer before the class layer; 0: none"}
    )
    activation: str = field(
        default="relu", metadata={"help": "of the hidden layers: relu, mish or tanh"}
    )
    embedding_size: int = field(default=300, metadata={"help": "numbers in a word's vector"})
    word_dropout: float = field(
        default=0.0, metadata={"help": "share of the words that training reads as unknown"}
    )
    embedding_dropout: float = field(
        default=0.0, metadata={"help": "dropout on the words' vectors"}
    )
    layer_dropout: float = field(default=0.0, metadata={"help": "dropout between recurrent layers"})
    head_dropout: float = field(default=0.0, metadata={"help": "dropout before the class layer"})
    vectors: str | None = field(
        default=None,
        metadata={
            "help": "pretrained vectors as text (word2vec, GloVe, fastText), plain, .gz or .bz2"
        },
    )
    freeze_embeddings: bool = field(
        default=False, metadata={"help": "do not train the words' vectors"}
    )
    filters: list[str] = field(
        default_factory=lambda: [
            "lower",
            "strip_tags",
            "split_alphanum",
            "strip_punctuation",
            "strip_non_alphanum",
        ],
        metadata={
            "help": "what is done to a text, in a fixed order (see the manual); "
            "none: words as they are"
        },
    )
    min_word_length: int = field(
        default=3, metadata={"help": "strip_short drops shorter words (characters)"}
    )
    min_frequency: int = field(
        default=2, metadata={"help": "how often a word must occur in train to be known"}
    )
    vocab_size: int = field(
        default=50_000, metadata={"help": "known words, the most frequent ones"}
    )
    max_length: int = field(default=256, metadata={"help": "words read of each text"})

    def __post_init__(self):
        # `--filters lower,strip_tags` and `--filters lower strip_tags` are the same.
        names = ",".join(self.filters).split(",")
        self.filters = [name for name in names if name not in ("", "none")]
        check_filters(self.filters)
        for name in ("min_word_length", "min_frequency", "vocab_size", "max_length"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: give at least 1")
        # Refused here, before a large corpus is read.
        if self.vectors and not Path(self.vectors).is_file():
            raise ValueError(f"--vectors {self.vectors}: no such file; check the path")
        RnnConfig(**self.shape())  # it checks them

    def shape(self) -> dict[str, Any]:
        """The fields of `RnnConfig`."""
        return {name: getattr(self, name) for name in SHAPE}


@dataclass
class RnnTrainingArguments(SuiteTrainingArguments):
    """The training arguments of a network that starts from random weights."""

    learning_rate: float = field(default=1e-3, metadata={"help": "peak learning rate"})
    per_device_train_batch_size: int = field(
        default=128, metadata={"help": "texts per device and step"}
    )
    per_device_eval_batch_size: int = field(
        default=256, metadata={"help": "texts per device in evaluation"}
    )
    num_train_epochs: float = field(default=10.0, metadata={"help": "passes over the texts"})
    balanced_batches: int = field(
        default=0,
        metadata={"help": "class-balanced batches per epoch; 0: every row once an epoch"},
    )
    streaming: bool = field(
        default=False,
        metadata={"help": "leave the encoded texts on disk and shuffle block by block"},
    )
    shuffle_buffer: int = field(
        default=100_000, metadata={"help": "rows of a block that --streaming shuffles"}
    )
    remove_unused_columns: bool = field(
        default=False, metadata={"help": "batches have no unused columns"}
    )

    def __post_init__(self):
        if self.balanced_batches < 0:
            raise ValueError(f"--balanced_batches {self.balanced_batches}: give 0 or more")
        if self.shuffle_buffer < 1:
            raise ValueError(f"--shuffle_buffer {self.shuffle_buffer}: give at least 1")
        if self.balanced_batches and self.streaming:
            raise ValueError("--balanced_batches and --streaming: give one of them")
        super().__post_init__()


# A run that training starts from brings its own shape, dropouts and words.
WORDS = ("filters", "min_word_length", "min_frequency", "vocab_size")
SET_BY_A_START = {*SHAPE, *WORDS, "max_length"} - {"freeze_embeddings"}


def parse_training(argv, doc: str, *more):
    """Parse the flags that train.py, preprocess.py and pipeline.py share: model, dataset, training,
    and `more`.

    Where no YAML is named, configs/bilstm-3x256.yaml comes first.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if not begins_with_yaml(argv):
        argv = [str(DEFAULT_CONFIG), *argv]
    types = (ModelArguments, DatasetArguments, RnnTrainingArguments, *more)
    model_args, data_args, args, *others, words = parse(types, argv, doc=doc)
    idle = idle_flags(args, words["typed_args"])
    if not args.streaming:
        idle["shuffle_buffer"] = "without --streaming"
    if "strip_short" not in model_args.filters:
        idle["min_word_length"] = "without the filter strip_short"
    if start := model_args.model_name_or_path:
        why = f"beside --model_name_or_path {start}, whose words and shape are taken"
        idle |= dict.fromkeys(SET_BY_A_START, why)
    refuse_idle(words["typed_args"], idle)
    return model_args, data_args, args, *others, words


def used_arguments(args: ModelArguments, config: RnnConfig, max_length: int) -> dict:
    """The model's arguments as they hold in a network, for its config.yaml: the shape of the run
    that training started from, and None for what the network has no use for.
    """
    used = vars(args) | {name: getattr(config, name) for name in SHAPE}
    used["max_length"] = max_length
    if args.model_name_or_path:
        used |= dict.fromkeys(WORDS)
    return used | dict.fromkeys(unused_shape(config))


def unused_shape(config: RnnConfig) -> list[str]:
    """The fields of a shape that its cell has no use for."""
    unused = [] if config.cell == "mlp" else ["mlp_sizes"]
    if config.cell != "cnn":
        unused += ["cnn_widths", "cnn_filters"]
    if config.cell not in RECURRENT:
        unused += ["hidden_size", "num_layers", "bidirectional", "layer_dropout"]
    return unused
