"""What every room needs of the Trainer, once: arguments, loss, sampler, precision, callbacks,
ranks.
"""

import json
import logging
import os
import shutil
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from transformers import EarlyStoppingCallback, Trainer, TrainingArguments
from transformers.trainer_pt_utils import get_length_grouped_indices

from utils.corpus import DataOptions
from utils.errors import DISK_FULL, InputError
from utils.metrics import classification_metrics, softmax

logger = logging.getLogger(__name__)

# Models at least this wide train in bf16 where the hardware has it (`mini` 1.6 times as fast on a
# CPU).
BF16_TRAINING_MIN_HIDDEN_SIZE = 256
# From this width on they also predict, and are evaluated, in bf16; below it fp32 keeps scores exact
# (docs/LOG.md).
BF16_MIN_HIDDEN_SIZE = 512
# From this width on (that of `mini`) a process takes all the cores; below it, one thread is as
# fast.
ALL_CORES_MIN_HIDDEN_SIZE = 256
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
        default=None, metadata={"help": "default runs/<room>/<dataset>/<date-time>"}
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
        default=1, metadata={"help": "checkpoints kept beside the best one"}
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
        default=False, metadata={"help": "go on from the last whole checkpoint of this run"}
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
        if self.disable_tqdm is None:
            self.disable_tqdm = not sys.stderr.isatty()
        output_dir = self.output_dir
        super().__post_init__()
        self.output_dir = output_dir  # transformers turns None into "trainer_output"
        self.dataloader_pin_memory = self.dataloader_pin_memory and self.device.type != "cpu"


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


def check_trackers(names: list[str]):
    """Refuse a tracker that is unknown or not installed."""
    modules = {"wandb": "wandb", "mlflow": "mlflow", "tensorboard": "tensorboard"}
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


def check_ranks(args: TrainingArguments):
    """Refuse a launch whose ranks do not train together (torchrun without a device they share)."""
    launched = int(os.environ.get("WORLD_SIZE", 1))
    if launched != args.world_size:
        raise InputError(
            f"{launched} processes were launched but each would train alone; on CPU add --use_cpu "
            "(and launch with 'accelerate launch --multi_gpu' or torchrun)"
        )


def has_bf16(use_cpu: bool) -> bool:
    """Whether the device computes in bf16 (CUDA since Ampere; CPUs with AVX512-BF16 or AMX)."""
    if torch.cuda.is_available() and not use_cpu:
        return torch.cuda.is_bf16_supported()
    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def wants_bf16(hidden_size: int | None, use_cpu: bool, least: int = BF16_MIN_HIDDEN_SIZE) -> bool:
    """bf16 where the hardware has it and the model is wide enough to gain by it (see docs/LOG.md)."""
    return (hidden_size or 0) >= least and has_bf16(use_cpu)


def decide_precision(args, hidden_size: int | None, given: dict):
    """Turn bf16 on where it pays in training, unless the user said; returns the (perhaps new)
    arguments.
    """
    if {"bf16", "fp16"} & given.keys() or not wants_bf16(
        hidden_size, args.use_cpu, BF16_TRAINING_MIN_HIDDEN_SIZE
    ):
        return args
    logger.info("bf16: on (the hardware has it and the model is wide; --bf16 false turns it off)")
    # On a CPU, TrainingArguments takes bf16 only where use_cpu is said.
    return replace(args, bf16=True, use_cpu=args.use_cpu or args.device.type == "cpu")


def use_all_cores(args):
    """Give this process all the cores where `accelerate launch` left it one thread (it sets
    OMP_NUM_THREADS=1).

    The processes of a machine share its cores. A narrow encoder keeps one thread: its products are
    too small to gain much by a second, and lose a great deal where another program wants that core
    (see docs/LOG.md).
    """
    launched = "ACCELERATE_MIXED_PRECISION" in os.environ and torch.get_num_threads() == 1
    if args.device.type == "cpu" and launched:
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        torch.set_num_threads(
            max(1, cores // int(os.environ.get("LOCAL_WORLD_SIZE", args.world_size)))
        )


def precision_of(args) -> str:
    return "bf16" if args.bf16 else "fp16" if args.fp16 else "fp32"


def describe_hardware(args) -> str:
    """The device, in a phrase for the card and the config."""
    if args.device.type == "cuda":
        return f"{args.world_size} × {torch.cuda.get_device_name()}"
    return f"CPU, {args.world_size} proceso(s) de {torch.get_num_threads()} hilo(s)"


class LengthGroupedSampler(torch.utils.data.Sampler):
    """Batches of similar length in an order that depends on (seed, epoch) alone.

    transformers' own sampler draws from the global generator, so that a resumed run sees other
    batches and two ranks see other orders. Groups are cut for the global batch: one process,
    several, and accumulation see one order.
    """

    def __init__(self, lengths, batch_size: int, seed: int):
        self.lengths, self.batch_size, self.seed, self.epoch = list(lengths), batch_size, seed, 0

    def __len__(self):
        return len(self.lengths)

    def set_epoch(self, epoch: int):
        self.epoch = epoch

    def __iter__(self):
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        return iter(get_length_grouped_indices(self.lengths, self.batch_size, generator=generator))


class SuiteTrainer(Trainer):
    """`Trainer` with the seeded length-grouped sampler, rows evaluated in their order and in the
    precision that they are predicted in, no pickle beside a saved model and the run folder's own
    card.

    A train dataset with a `length` column is grouped by length when `train_sampling_strategy` says
    so.
    """

    def _get_train_sampler(self, train_dataset=None):
        args = self.args
        if args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        batch = (
            args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size
        )
        return LengthGroupedSampler(
            self.train_dataset["length"], batch, args.data_seed or args.seed
        )

    def _get_eval_sampler(self, eval_dataset):
        # The Trainer's own would shuffle predictions by length groups: their order must be the
        # rows' own.
        return (
            None if self.args.world_size > 1 else torch.utils.data.SequentialSampler(eval_dataset)
        )

    def evaluation_loop(self, *args, **kwargs):
        """In fp32 where the model predicts in it, though it trains in bf16: eval.py then finds the
        same scores.
        """
        model = self.accelerator.unwrap_model(self.model, keep_torch_compile=False)
        if wants_bf16(getattr(model.config, "hidden_size", None), self.args.device.type == "cpu"):
            return super().evaluation_loop(*args, **kwargs)
        mixed = vars(model).pop(
            "forward", None
        )  # accelerate's autocast shadows the class's own forward
        try:
            return super().evaluation_loop(*args, **kwargs)
        finally:
            if mixed is not None:
                model.forward = mixed

    def _save(self, output_dir=None, state_dict=None):
        super()._save(output_dir, state_dict)
        folder = Path(output_dir or self.args.output_dir)
        if not folder.name.startswith(
            "checkpoint-"
        ):  # a pickle has no place in a run; config.yaml says the same
            (folder / "training_args.bin").unlink(missing_ok=True)

    def create_model_card(self, *args, **kwargs):
        """Nothing: the run folder has its own card, which a push must not write over."""


def make_loss(class_weights: np.ndarray | None = None, label_smoothing: float = 0.0):
    """Cross-entropy that stays the same however a batch is split over accumulation steps and
    processes.

    Summed, then divided by the number of texts of the whole global batch. Class weights
    (n_classes,) are scaled to a mean of 1 over the training rows, so that the same division holds.
    """
    weight = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)

    def loss(outputs, labels, num_items_in_batch=None):
        logits = outputs["logits"].float()  # (batch, n_classes)
        w = None if weight is None else weight.to(logits.device)
        total = F.cross_entropy(
            logits, labels, weight=w, label_smoothing=label_smoothing, reduction="sum"
        )
        return total / (len(labels) if num_items_in_batch is None else num_items_in_batch)

    return loss


def balanced_weights(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """scikit-learn's `balanced` weights, n / (n_present · n of the class), 0 for absent classes:
    (n_classes,).
    """
    counts = np.bincount(labels, minlength=n_classes)
    return np.where(
        counts > 0, len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1)), 0.0
    )


def trainer_metrics(prediction) -> dict[str, float]:
    """`compute_metrics` of every room: the suite's metrics from logits (n, n_classes)."""
    logits = (
        prediction.predictions[0]
        if isinstance(prediction.predictions, tuple)
        else prediction.predictions
    )
    return classification_metrics(prediction.label_ids, probabilities_of(logits))


def probabilities_of(logits) -> np.ndarray:
    """Softmax of logits (n, n_classes) as float32.

    Raises:
        InputError: the logits are not finite, because the training diverged.
    """
    logits = np.asarray(logits, np.float32)
    if not np.isfinite(logits).all():
        raise InputError(
            "the model's outputs are not finite: the training diverged; lower --learning_rate"
        )
    return softmax(logits)


def predict_split(trainer: SuiteTrainer, dataset) -> np.ndarray:
    """Class probabilities (n, n_classes) of a tokenised (or featurised) split in its own order; by
    length, if any.
    """
    if "length" not in dataset.column_names:
        return probabilities_of(trainer.predict(dataset).predictions)
    order = longest_first(dataset)
    logits = trainer.predict(dataset.select(order)).predictions
    probabilities = probabilities_of(logits[0] if isinstance(logits, tuple) else logits)
    return probabilities[np.argsort(order)]


def longest_first(dataset) -> np.ndarray:
    """Row numbers (n,) from the longest to the shortest, so that evaluation batches need little
    padding.
    """
    return np.argsort(-np.array(dataset["length"]), kind="stable")


def from_first_rank(value):
    """The value that the first rank has, on every rank."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        box = [value]
        torch.distributed.broadcast_object_list(box)
        return box[0]
    return value


def make_trainer(
    model, args, splits, collator, processing_class, train_labels, trainer_class=SuiteTrainer
) -> SuiteTrainer:
    """The Trainer of every room, from tokenised (or featurised) splits with `labels`."""
    weights = (
        balanced_weights(train_labels, model.config.num_labels)
        if args.class_weights == "balanced"
        else None
    )
    patience = args.early_stopping_patience
    callbacks = [EarlyStoppingCallback(patience, args.early_stopping_threshold)] if patience else []
    if patience and not args.load_best_model_at_end:
        raise InputError(
            "--early_stopping_patience: needs --eval_strategy and --save_strategy, not 'no'"
        )
    validation = splits["validation"]
    if "length" in validation.column_names:
        validation = validation.select(longest_first(validation))
    return trainer_class(
        model=model,
        args=args,
        train_dataset=splits["train"],
        eval_dataset=validation,
        data_collator=collator,
        processing_class=processing_class,
        compute_metrics=trainer_metrics,
        compute_loss_func=make_loss(weights, args.label_smoothing_factor),
        callbacks=callbacks,
    )


def last_whole_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end; half-written ones are removed.

    The Trainer writes trainer_state.json last, so a checkpoint without it (or with half of it) was
    cut off.
    """
    found = sorted(folder.glob("checkpoint-*"), key=checkpoint_step, reverse=True)
    for checkpoint in found:
        try:
            json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
            return checkpoint
        except (OSError, ValueError):
            shutil.rmtree(checkpoint, ignore_errors=True)
    return None


def checkpoint_step(path: Path) -> int:
    return int(path.name.rsplit("-", 1)[1])


def train(trainer: SuiteTrainer, resume: bool):
    """`trainer.train()`, from the last whole checkpoint when resuming; a full disk is one clear
    line.

    Raises:
        InputError: the disk is full; the last whole checkpoint is still there.
    """
    folder = Path(trainer.args.output_dir)
    checkpoint = last_whole_checkpoint(folder) if resume and folder.exists() else None
    if resume:
        logger.info(
            f"resuming from {checkpoint}" if checkpoint else "nothing to resume from: starting anew"
        )
        trainer.args.restore_callback_states_from_checkpoint = True
    try:
        return trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    except (
        Exception
    ) as error:  # safetensors and torch.save wrap the system's error each in its own way
        raise_if_disk_full(error, folder)
        raise


def raise_if_disk_full(error: Exception, folder: Path):
    """Turn "no space left" into an `InputError` that says what survived; leave any other error
    alone.
    """
    text = str(error)
    full = getattr(error, "errno", None) in DISK_FULL or any(
        sign in text
        for sign in ("No space left", "File too large", "os error 28", "os error 27", "Disk quota")
    )
    if not full and "PytorchStreamWriter" in text:  # torch.save hides the reason
        full = True
    if full:
        last = last_whole_checkpoint(folder)
        raise InputError(
            f"{folder}: no space left on the disk while saving; "
            + (
                f"{last.name} is whole: free space and say --resume"
                if last
                else "free space and rerun"
            )
        ) from None


def end_ranks():
    """Leave together: a rank that ends while another still talks to it can abort."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
