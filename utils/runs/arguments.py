"""Flags of eval.py and predict.py that every package shares."""

from dataclasses import dataclass, field

from utils.data import DataOptions
from utils.data.corpus import SPLITS

BATCH_SIZE = "documents per batch; default: what is fast for this kind of model"


@dataclass
class EvalArguments(DataOptions):
    """What to evaluate on; reading options default to those of the training."""

    dataset: str | None = field(
        default=None, metadata={"help": "prepared folder or raw source; default: the run's"}
    )
    split: str = field(default="test", metadata={"help": "train, validation or test"})
    batch_size: int | None = field(default=None, metadata={"help": BATCH_SIZE})
    overwrite: bool = field(
        default=False, metadata={"help": "replace this evaluation where it is there already"}
    )

    def __post_init__(self):
        if self.split not in SPLITS:
            raise ValueError(f"--split {self.split!r}: choose one of {', '.join(SPLITS)}")
        check_batch_size(self.batch_size)


@dataclass
class PredictArguments:
    """What to predict and where to write it."""

    input: str = field(metadata={"help": "documents without a class; see the top of this help"})
    output: str = field(metadata={"help": "file to write: .parquet, .csv or .jsonl"})
    batch_size: int | None = field(default=None, metadata={"help": BATCH_SIZE})
    overwrite: bool = field(default=False, metadata={"help": "replace the output file"})

    def __post_init__(self):
        check_batch_size(self.batch_size)


@dataclass
class TableArguments:
    """How a table of texts is read."""

    text_column: str = field(default="text", metadata={"help": "column that holds the text"})
    label_column: str = field(
        default="label", metadata={"help": "column that holds the class, where there is one"}
    )
    id_column: str = field(
        default="id", metadata={"help": "column that holds the id (default: row numbers)"}
    )
    unlabelled: list[str] = field(
        default_factory=list, metadata={"help": "label values that mean 'no label', such as NR"}
    )
    encoding: str | None = field(
        default=None, metadata={"help": "encoding of the input; default: told from its bytes"}
    )


@dataclass
class DeviceArguments:
    """Where a torch model predicts, and how precisely."""

    precision: str = field(
        default="auto", metadata={"help": "fp32, bf16 or auto (bf16 for wide models)"}
    )
    use_cpu: bool = field(default=False, metadata={"help": "stay on the CPU"})

    def __post_init__(self):
        if self.precision not in ("auto", "fp32", "bf16"):
            raise ValueError(f"--precision {self.precision}: choose auto, fp32 or bf16")


def check_batch_size(size: int | None):
    if size is not None and size < 1:
        raise ValueError(f"--batch_size {size}: give 1 or more")
