"""Masked-language-model training: the encoder, the loss on masked positions alone, held-out scores,
the time budget.
"""

import difflib
import inspect
import logging
import math
import os
import time
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import yaml
from torch.optim.lr_scheduler import LambdaLR
from tqdm import tqdm
from transformers import (
    CONFIG_MAPPING,
    AutoModelForMaskedLM,
    AutoTokenizer,
    PreTrainedModel,
    PrinterCallback,
    TrainerCallback,
)

from beto_text_model.arguments import MINI, EncoderArguments
from beto_text_model.model import check_source, place_of
from beto_text_model.packing import IGNORED, PassSampler, separator_of
from utils.errors import InputError
from utils.hub import from_source
from utils.training import SuiteTrainer, from_first_rank, order_seed

logger = logging.getLogger(__name__)


MOST_NATS = 50  # e^50 is a perplexity that says enough; e^710 is more than a float holds


def load_pretraining_tokenizer(args: EncoderArguments):
    """The tokenizer of the encoder, or the one named for a start from scratch.

    Raises:
        InputError: none was named, or it cannot be loaded, has no mask piece or is not a fast one.
    """
    name = args.tokenizer_name or args.model_name_or_path
    if name is None:
        raise InputError(
            "neither --model_name_or_path to continue from nor --tokenizer_name to start from "
            "scratch; scripts/explore/train_tokenizer.py makes a tokenizer from your texts"
        )
    tokenizer = from_source(AutoTokenizer, place_of(name), at_hand=MINI)
    if not tokenizer.is_fast:
        raise InputError(
            f"{name}: no fast tokenizer (tokenizer.json), which whole words need; convert it"
        )
    separator_of(tokenizer)
    return tokenizer


def build_masked_lm(args: EncoderArguments, tokenizer):
    """The encoder with its output layer, in float32; a start from scratch has random weights (seed
    them before).

    Raises:
        InputError: unknown architecture or shape, a model that cannot be loaded, or one of another
            vocabulary.
    """
    if args.model_name_or_path is None:
        config = new_config(args, tokenizer)
        try:
            return AutoModelForMaskedLM.from_config(
                config, attn_implementation=args.attn_implementation
            )
        except (ValueError, RuntimeError, TypeError) as error:
            raise InputError(f"--config_overrides {args.config_overrides!r}: {error}") from None
    check_source(args.model_name_or_path)
    model = from_source(
        AutoModelForMaskedLM,
        place_of(args.model_name_or_path),
        at_hand=MINI,
        dtype=torch.float32,
        attn_implementation=args.attn_implementation,
    )
    if len(tokenizer) > model.config.vocab_size:
        raise InputError(
            f"--model_name_or_path {args.model_name_or_path}: the tokenizer has {len(tokenizer)} "
            f"pieces, the model {model.config.vocab_size}; they are not of one model"
        )
    return model


def new_config(args: EncoderArguments, tokenizer):
    """The configuration of a start from scratch.

    Raises:
        InputError: unknown architecture, a key that it does not have, or a shape that it refuses.
    """
    if args.model_type not in CONFIG_MAPPING:
        raise InputError(
            f"--model_type {args.model_type!r}: unknown; bert, distilbert, roberta or modernbert"
        )
    config_class = CONFIG_MAPPING[args.model_type]
    values: dict[str, Any] = {"vocab_size": len(tokenizer)}
    for name in ("pad", "cls", "sep", "bos", "eos"):
        values[f"{name}_token_id"] = getattr(tokenizer, f"{name}_token_id")
    values |= read_overrides(args, config_class)
    try:
        return config_class(**values)
    except Exception as error:  # each architecture checks its shape in its own way
        raise InputError(f"--config_overrides {args.config_overrides!r}: {error}") from None


def read_overrides(args: EncoderArguments, config_class) -> dict[str, Any]:
    """`--config_overrides hidden_size=256,…` as a dictionary."""
    # Some keys are only arguments of the class, some only become part of it.
    known = set(config_class().to_dict()) | set(inspect.signature(config_class.__init__).parameters)
    values = {}
    for pair in (args.config_overrides or "").split(","):
        name, _, value = pair.strip().partition("=")
        if not name:
            continue
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f", did you mean {close[0]!r}?" if close else ""
            raise InputError(
                f"--config_overrides {name!r}: {args.model_type} has no such key{hint}"
            )
        values[name] = yaml.safe_load(value)
    return values


class MaskedLanguageModelTrainer(SuiteTrainer):
    """`Trainer` for `MaskedRows`: only masked positions reach the output layer; evaluation is by
    source.

    Args:
        held_out: `{source: MaskedRows}` that `evaluate` scores.
        max_seconds: time budget of the training; the learning rate then follows the clock (see
            `ClockSchedule`).
    """

    model: PreTrainedModel  # Trainer's own type allows None

    def __init__(self, *, held_out: dict, max_seconds: float | None = None, **kwargs):
        self.held_out = held_out
        self.max_seconds = max_seconds
        self.schedule: ClockSchedule | None = None
        args = kwargs["args"]
        compiled = args.torch_compile
        # Left on, accelerate would compile the whole model, whose output layer sees another shape
        # at each step.
        args.torch_compile = False
        args.torch_compile_backend = None
        args.torch_compile_mode = None
        os.environ.pop("ACCELERATE_DYNAMO_BACKEND", None)
        super().__init__(**kwargs)
        # compute_loss below divides by the whole global batch already.
        self.model_accepts_loss_kwargs = True
        self.selected = None  # (batch, length) bool: the positions that are predicted
        encoder: Any = self.model.base_model
        if compiled:
            # The encoder alone: its shapes stay the same, those of the output layer do not.
            encoder.forward = compiled_in_training(encoder)
        encoder.register_forward_hook(self.select)
        self.remove_callback(PrinterCallback)  # PrintCurve says it in fewer words
        if max_seconds:
            self.add_callback(StopAtBudget(self))

    def select(self, module, inputs, outputs):
        """Keep the predicted hidden states alone: (batch, length, hidden) → (n_masked, hidden)."""
        if self.selected is not None:
            outputs["last_hidden_state"] = outputs["last_hidden_state"][self.selected]
        return outputs

    def masked_logits(self, model, inputs):
        """Logits (n_masked, vocabulary) and targets (n_masked,) of a batch."""
        selected = inputs["labels"] != IGNORED
        self.selected = selected  # for the hook, in this call alone
        try:
            logits = model(input_ids=inputs["input_ids"])["logits"]
        finally:
            self.selected = None
        return logits.float(), inputs["labels"][selected]

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Cross-entropy summed over the masked positions, divided by those of the whole global
        batch.
        """
        logits, targets = self.masked_logits(model, inputs)
        total = F.cross_entropy(logits, targets, reduction="sum")
        count = len(targets) if num_items_in_batch is None else num_items_in_batch
        loss = total / max(count, 1)
        if self.args.world_size > 1 and num_items_in_batch is not None:
            loss = loss * self.args.world_size  # the gradients are averaged over the processes
        return (loss, {"logits": logits}) if return_outputs else loss

    def _get_train_sampler(self, train_dataset=None):
        return PassSampler(len(self.train_dataset), order_seed(self.args))

    def create_scheduler(self, num_training_steps, optimizer=None):
        if not self.max_seconds:
            return super().create_scheduler(num_training_steps, optimizer)
        if self.lr_scheduler is None:
            warmup = self.args.get_warmup_steps(num_training_steps) / num_training_steps
            self.schedule = ClockSchedule(warmup, num_training_steps, self.max_seconds)
            self.lr_scheduler = LambdaLR(optimizer or self.optimizer, self.schedule)
        return self.lr_scheduler

    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix="eval"):
        """Loss (nats), perplexity and masked accuracy of the held-out rows, over all and by source;
        logged.
        """
        scores = self.score(self.held_out)
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in scores.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    @torch.no_grad()
    def score(self, held_out: dict) -> dict[str, float]:
        """`loss`, `perplexity` and `masked_accuracy`, then the last two as `<source>_…`; masks are
        always the same.
        """
        was_training = self.model.training
        self.model.eval()
        sums = {source: self.score_source(source, rows) for source, rows in held_out.items()}
        self.model.train(was_training)
        return held_out_scores(sums)

    def score_source(self, source: str, rows) -> list[float]:
        """[nats, right, masked] of one source's rows, summed over all processes."""
        args = self.args
        mine = range(args.process_index, rows.n_rows, args.world_size)
        starts = range(0, len(mine), args.eval_batch_size)
        total = torch.zeros(3, dtype=torch.float64, device=args.device)
        for start in tqdm(starts, desc=source, leave=False, disable=args.disable_tqdm):
            numbers = list(mine[start : start + args.eval_batch_size])
            batch = self._prepare_inputs(self.data_collator(rows.__getitems__(numbers)))
            with self.compute_loss_context_manager():
                logits, targets = self.masked_logits(self.model, batch)
            total[0] += F.cross_entropy(logits, targets, reduction="sum")
            total[1] += (logits.argmax(-1) == targets).sum()
            total[2] += len(targets)
        return self.accelerator.reduce(total).tolist()


def held_out_scores(sums: dict[str, list[float]]) -> dict[str, float]:
    """Scores from `{source: [nats, right, masked]}`; perplexity is exp(nats / masked)."""
    nats, right, masked = np.sum(list(sums.values()), 0)
    loss = nats / max(masked, 1)
    scores = {
        "loss": loss,
        "perplexity": math.exp(min(loss, MOST_NATS)),
        "masked_accuracy": right / max(masked, 1),
    }
    for source, (nats, right, masked) in sums.items():
        if masked:
            scores[f"{source}_perplexity"] = math.exp(min(nats / masked, MOST_NATS))
            scores[f"{source}_masked_accuracy"] = right / masked
    return scores


def compiled_in_training(encoder):
    """The encoder's forward, compiled while it trains; evaluation has other shapes and stays as it
    is.
    """
    eager = encoder.forward
    compiled = torch.compile(encoder.forward)

    def forward(*args, **kwargs):
        chosen = compiled if encoder.training else eager
        return chosen(*args, **kwargs)

    return forward


class ClockSchedule:
    """Factor of the learning rate: linear warm-up, then linear to zero, over the time budget.

    Progress is the larger of two shares: of the steps, and of the seconds, which keep adding up
    over resumes (`LambdaLR` keeps this object's values in the checkpoint).

    Args:
        warmup: share of the training until the rate has its peak.
    """

    def __init__(self, warmup: float, total_steps: int, max_seconds: float):
        self.warmup = warmup
        self.total_steps = total_steps
        self.max_seconds = max_seconds
        self.seconds = 0.0
        self.last: float | None = None  # the clock when it was last read

    def __call__(self, step: int) -> float:
        progress = from_first_rank(self.progress(step))  # one clock for all the processes
        if progress < self.warmup:
            return progress / self.warmup if step else 0.0
        return max(0.0, (1 - progress) / (1 - self.warmup))

    def progress(self, step: int) -> float:
        """Share of the training that is over after `step` steps; reads the clock."""
        now = time.monotonic()
        if self.last is not None:
            self.seconds += now - self.last
        self.last = now
        return min(1.0, max(step / self.total_steps, self.seconds / self.max_seconds))


class StopAtBudget(TrainerCallback):
    """Ends the training when the learning rate has come to zero; logs the minutes left."""

    def __init__(self, trainer):
        self.trainer = trainer

    def on_train_begin(self, args, state, control, **kwargs):
        schedule = self.trainer.schedule
        schedule.max_seconds = self.trainer.max_seconds  # a resume may be given more time
        schedule.last = time.monotonic()  # the clock stood still since the checkpoint

    def on_step_end(self, args, state, control, **kwargs):
        if self.trainer.lr_scheduler.get_last_lr()[0] == 0:
            control.should_training_stop = True

    def on_log(self, args, state, control, **kwargs):
        schedule = self.trainer.schedule
        left = max(0.0, schedule.max_seconds - schedule.seconds) / 60
        logger.info(f"step {state.global_step}: {left:.1f} minutes left")


class PrintCurve(TrainerCallback):
    """Logs the loss, the learning rate and the held-out scores where no progress bar shows them."""

    def on_log(self, args, state, control, logs=None, **kwargs):
        shown = ("loss", "learning_rate", "eval_perplexity", "eval_masked_accuracy")
        parts = [f"{name} {float(logs[name]):.4g}" for name in shown if name in logs]
        if parts and state.is_world_process_zero:
            logger.info(f"step {state.global_step}: {', '.join(parts)}")
