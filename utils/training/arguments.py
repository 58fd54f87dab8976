"""The training arguments that every room shares."""

import sys
from dataclasses import dataclass, field

import numpy as np
from transformers import TrainingArguments

from utils.data.corpus import DataOptions
from utils.errors import InputError
from utils.metrics import classification_metrics

METRICS = tuple(classification_metrics(np.arange(2), np.eye(2)))


@dataclass
class DatasetArguments(DataOptions):
    """Which dataset."""

    dataset: str = field(
        default="sample", metadata={"help": "prepared folder, raw source, Hub id or 'sample'"}
    )


@dataclass
class CommonTrainingArguments(TrainingArguments):
    """`TrainingArguments` with the defaults and flags of every training of the suite."""

    output_dir: str | None = field(
        default=None, metadata={"help": "default runs/<package>/<dataset>/<date-time>"}
    )
    seed: int = field(
        default=0, metadata={"help": "seed of the weights, the order and the dropout"}
    )
    learning_rate: float = field(default=5e-5, metadata={"help": "peak learning rate"})
    per_device_train_batch_size: int = field(
        default=16, metadata={"help": "texts per device and step"}
    )
    per_device_eval_batch_size: int = field(
        default=32, metadata={"help": "texts per device in evaluation"}
    )
    eval_strategy: str = field(
        default="auto", metadata={"help": "no, steps, epoch; auto: as save_strategy"}
    )
    save_strategy: str = field(default="epoch", metadata={"help": "no, steps, epoch or best"})
    save_total_limit: int | None = field(
        default=2, metadata={"help": "checkpoints kept, the best one among them; at least 2"}
    )
    hub_strategy: str = field(
        default="end", metadata={"help": "what --push_to_hub uploads: the finished run"}
    )
    logging_strategy: str = field(default="epoch", metadata={"help": "no, steps or epoch"})
    report_to: list[str] = field(
        default_factory=lambda: ["none"],
        metadata={"help": "wandb, mlflow, tensorboard: one or several, or none"},
    )
    ddp_find_unused_parameters: bool | None = field(
        default=False, metadata={"help": "slower; for odd models"}
    )
    resume: bool = field(
        default=False, metadata={"help": "continue from the last whole checkpoint of this run"}
    )
    overwrite: bool = field(
        default=False, metadata={"help": "replace a finished run in --output_dir"}
    )
    keep_checkpoints: bool = field(
        default=False, metadata={"help": "keep checkpoint-*/ in the finished run"}
    )

    def __post_init__(self):
        self.report_to = [name for given in self.report_to for name in given.split(",")]
        if self.eval_strategy == "auto":
            self.eval_strategy = "epoch" if self.save_strategy == "best" else self.save_strategy
            self.eval_steps = self.eval_steps or self.save_steps
        check_trackers(self.report_to)
        # With 1 the Trainer ends by removing all but the best checkpoint: a stop before the run is
        # written would lose every later step.
        if self.save_total_limit is not None:
            self.save_total_limit = max(2, self.save_total_limit)
        if self.disable_tqdm is None:
            self.disable_tqdm = not sys.stderr.isatty()
        output_dir = self.output_dir
        super().__post_init__()
        self.output_dir = output_dir  # transformers turns None into "trainer_output"
        self.dataloader_pin_memory = self.dataloader_pin_memory and self.device.type != "cpu"
        # accelerate would train in fp32 there, and the run would be recorded as one in fp16.
        if self.fp16 and self.device.type == "cpu":
            raise InputError("--fp16: a CPU trains in fp32 or bf16; leave it out or pass --bf16")


@dataclass
class SuiteTrainingArguments(CommonTrainingArguments):
    """The training arguments of a classifier."""

    load_best_model_at_end: bool = field(
        default=True, metadata={"help": "end with the best checkpoint's weights"}
    )
    metric_for_best_model: str | None = field(
        default="macro_f1", metadata={"help": "any metric of utils.metrics"}
    )
    train_sampling_strategy: str = field(
        default="group_by_length", metadata={"help": "or random, sequential"}
    )
    early_stopping_patience: int = field(
        default=0, metadata={"help": "evaluations without a better one; 0: off"}
    )
    early_stopping_threshold: float = field(
        default=0.0, metadata={"help": "by how much the metric must be better"}
    )
    class_weights: str = field(
        default="none", metadata={"help": "none or balanced (n / (classes · n of the class))"}
    )

    def __post_init__(self):
        if self.save_strategy == "no" or self.eval_strategy == "no":
            self.load_best_model_at_end = False
        if self.class_weights not in ("none", "balanced"):
            raise ValueError(f"--class_weights {self.class_weights!r}: choose none or balanced")
        metric = (self.metric_for_best_model or "loss").removeprefix("eval_")
        if metric not in (*METRICS, "loss"):
            raise ValueError(
                f"--metric_for_best_model {metric!r}: choose one of {', '.join(METRICS)}, loss"
            )
        if self.greater_is_better is None:
            self.greater_is_better = metric not in ("loss", "log_loss", "ece")
        super().__post_init__()


def idle_flags(args: SuiteTrainingArguments, typed_args: dict) -> dict[str, str]:
    """The flags of a training that do nothing beside the others (see `utils.cli.refuse_idle`)."""
    idle = {}
    if not args.early_stopping_patience:
        idle["early_stopping_threshold"] = "without --early_stopping_patience"
    if args.save_strategy == "no":
        idle["metric_for_best_model"] = "with --save_strategy no: there is no best checkpoint"
        if typed_args.get("load_best_model_at_end"):
            idle["load_best_model_at_end"] = idle["metric_for_best_model"]
    return idle


def check_trackers(names: list[str]):
    """Refuse a tracker that is unknown or not installed."""
    modules = {"wandb": "wandb", "mlflow": "mlflow", "tensorboard": "tensorboard"}
    if "none" in names and len(names) > 1:
        raise InputError(f"--report_to {' '.join(names)}: give trackers, or none alone")
    for name in names:
        if name in modules:
            try:
                __import__(modules[name])
            except ImportError:
                raise InputError(
                    f"--report_to {name}: not installed; pip install -e '.[{name}]'"
                ) from None
        elif name not in ("none", "all", "trackio"):
            raise InputError(
                f"--report_to {name!r}: unknown; choose wandb, mlflow, tensorboard, several or none"
            )
