"""The Trainer of every room: its loss, sampler, checkpoints and evaluation."""

import json
import logging
import shutil
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from transformers import EarlyStoppingCallback, PreTrainedModel, Trainer
from transformers.trainer_pt_utils import get_length_grouped_indices

from utils.errors import InputError, is_disk_full
from utils.metrics import classification_metrics, softmax
from utils.training.arguments import SuiteTrainingArguments
from utils.training.device import wants_bf16

logger = logging.getLogger(__name__)

# What torch.save says of a file that it could not write to its end.
CUT_SHORT_SIGNS = ("PytorchStreamWriter failed writing", "unexpected pos")


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


def order_seed(args) -> int:
    """The seed of the rows' order: `data_seed`, which may be 0, or the training's own."""
    return args.seed if args.data_seed is None else args.data_seed


class SuiteTrainer(Trainer):
    """`Trainer` with the seeded length-grouped sampler, rows evaluated in their order and in the
    precision that they are predicted in, no pickle beside a saved model and the run folder's own
    card.

    A train dataset with a `length` column is grouped by length when `train_sampling_strategy` says
    so.
    """

    args: SuiteTrainingArguments
    model: PreTrainedModel

    def _get_train_sampler(self, train_dataset=None):
        args = self.args
        if args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        batch = (
            args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size
        )
        return LengthGroupedSampler(self.train_dataset["length"], batch, order_seed(args))

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
    """The newest checkpoint that is whole; one that lacks a file or has one cut short is passed
    over, saying so.

    One without its trainer_state.json was never finished, and is removed.
    """
    for checkpoint in sorted(folder.glob("checkpoint-*"), key=checkpoint_step, reverse=True):
        broken = broken_file(checkpoint)
        if not broken:
            return checkpoint
        if broken == "trainer_state.json":
            shutil.rmtree(checkpoint, ignore_errors=True)
        else:
            logger.info(f"{checkpoint}: passed over, {broken} is missing or cut short")
    return None


def broken_file(checkpoint: Path) -> str:
    """The name of a checkpoint's file that is missing or cut short; nothing if all are whole.

    The Trainer writes trainer_state.json last. A file of torch.save is a zip, whose directory is at
    its end; a safetensors file says in its head how long it is.
    """
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return "trainer_state.json"
    # Without the weights the Trainer cannot resume; without the optimizer's state it would resume
    # with a fresh one and say nothing. FSDP and DeepSpeed have names of their own for both.
    if not any(checkpoint.glob("*.safetensors")) and not any(checkpoint.glob("pytorch_model*")):
        return "model.safetensors"
    if not any(checkpoint.glob("optimizer*")) and not any(checkpoint.glob("global_step*")):
        return "optimizer.pt"
    for path in sorted(checkpoint.glob("*.safetensors")):
        try:
            with safe_open(path, "numpy"):
                pass
        except (OSError, SafetensorError):
            return path.name
    for path in [*checkpoint.glob("*.pt"), *checkpoint.glob("*.pth"), *checkpoint.glob("*.bin")]:
        if not zipfile.is_zipfile(path):
            return path.name
    return ""


def checkpoint_step(path: Path) -> int:
    return int(path.name.rsplit("-", 1)[1])


def train(trainer: SuiteTrainer, resume: bool):
    """`trainer.train()`, from the last whole checkpoint when resuming; a full disk is one clear
    line.

    Raises:
        InputError: the disk is full; the last whole checkpoint is still there.
    """
    folder = Path(str(trainer.args.output_dir))
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
    # torch.save does not say why it could not write a file to its end: the disk is asked.
    cut_short = any(sign in str(error) for sign in CUT_SHORT_SIGNS)
    if not is_disk_full(error) and not (cut_short and is_without_room(folder)):
        return
    last = last_whole_checkpoint(folder)
    fix = f"{last.name} is whole: free space and pass --resume" if last else "free space and rerun"
    raise InputError(f"{folder}: no space left on the disk while saving; {fix}") from None


def is_without_room(folder: Path) -> bool:
    """Whether the disk, a quota or a limit of file sizes refuses a file that is a little larger
    than those in the folder, as the one that was cut short would have become.
    """
    largest = max((p.stat().st_size for p in folder.rglob("*") if p.is_file()), default=0)
    try:
        with tempfile.TemporaryFile(dir=folder) as stream:
            stream.seek(largest)
            stream.write(bytes(1 << 20))
    except OSError as error:
        return is_disk_full(error)
    return False
