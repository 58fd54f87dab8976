"""Masked-language-model training: the loss on masked positions alone, held-out scores, the time
budget, the speed.
"""

import difflib
import inspect
import logging
import math
import os
import time

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
    PrinterCallback,
    TrainerCallback,
)

from beto_text_model.arguments import MINI, EncoderArguments
from beto_text_model.model import check_source, place_of
from beto_text_model.packing import IGNORED, PassSampler, separator_of
from utils.errors import InputError
from utils.hub import from_source
from utils.training import SuiteTrainer, from_first_rank

logger = logging.getLogger(__name__)


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
            f"--model_name_or_path {args.model_name_or_path}: the tokenizer has {len(tokenizer)} pieces, "
            f"the model {model.config.vocab_size}; they are not of one model"
        )
    return model


def new_config(args: EncoderArguments, tokenizer):
    """The configuration of a start from scratch."""
    if args.model_type not in CONFIG_MAPPING:
        raise InputError(
            f"--model_type {args.model_type!r}: unknown; bert, distilbert, roberta or modernbert"
        )
    kind, values = CONFIG_MAPPING[args.model_type], {"vocab_size": len(tokenizer)}
    for name in ("pad", "cls", "sep", "bos", "eos"):
        values[f"{name}_token_id"] = getattr(tokenizer, f"{name}_token_id")
    known = kind().to_dict().keys() | inspect.signature(kind.__init__).parameters.keys()
    for pair in (args.config_overrides or "").split(","):
        name, _, value = pair.strip().partition("=")
        if name and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            raise InputError(
                f"--config_overrides {name!r}: {args.model_type} has no such key"
                f"{f', did you mean {close[0]!r}?' if close else ''}"
            )
        if name:
            values[name] = yaml.safe_load(value)
    try:
        return kind(**values)
    except Exception as error:  # each architecture checks its shape in its own way
        raise InputError(f"--config_overrides {args.config_overrides!r}: {error}") from None


class MaskedLanguageModelTrainer(SuiteTrainer):
    """`Trainer` for `MaskedRows`: only masked positions reach the output layer; evaluation is by
    source.

    Args:
        held_out: `{source: MaskedRows}` that `evaluate` scores.
        max_seconds: time budget of the training; the learning rate then follows the clock (see
            `ClockSchedule`).
    """

    def __init__(self, *, held_out: dict, max_seconds: float | None = None, **kwargs):
        self.held_out, self.max_seconds, self.schedule = held_out, max_seconds, None
        training, compiled = kwargs["args"], kwargs["args"].torch_compile
        # Or accelerate would compile the whole model, whose output layer sees another shape at each
        # step.
        training.torch_compile, training.torch_compile_backend, training.torch_compile_mode = (
            False,
            None,
            None,
        )
        os.environ.pop("ACCELERATE_DYNAMO_BACKEND", None)
        super().__init__(**kwargs)
        self.model_accepts_loss_kwargs = (
            True  # the loss below is already that of the whole global batch
        )
        self.selected = None  # (batch, length) bool: the positions that are predicted
        base = self.model.base_model
        if (
            compiled
        ):  # the encoder alone: its shapes stay the same, those of the output layer do not
            base.forward = compiled_in_training(base)
        base.register_forward_hook(self.select)
        self.remove_callback(PrinterCallback)  # PrintCurve says it in fewer words
        if max_seconds:
            self.add_callback(StopAtBudget(self))

    def select(self, module, inputs, outputs):
        """Keep the hidden states that are predicted: (batch, length, hidden) → (n_masked, hidden)."""
        if self.selected is not None:
            outputs["last_hidden_state"] = outputs["last_hidden_state"][self.selected]
        return outputs

    def masked_logits(self, model, inputs):
        """Logits (n_masked, vocabulary) and targets (n_masked,) of a batch."""
        self.selected = inputs["labels"] != IGNORED
        try:
            logits = model(input_ids=inputs["input_ids"])["logits"]
        finally:
            targets, self.selected = inputs["labels"][self.selected], None
        return logits.float(), targets

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
        return PassSampler(len(self.train_dataset), self.args.data_seed or self.args.seed)

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
        model, args = self.model, self.args
        was_training = model.training
        model.eval()
        sums = {}
        for source, rows in held_out.items():
            mine = range(args.process_index, rows.n_rows, args.world_size)
            total = torch.zeros(3, dtype=torch.float64, device=args.device)  # nats, right, masked
            for start in tqdm(
                range(0, len(mine), args.eval_batch_size),
                desc=source,
                leave=False,
                disable=args.disable_tqdm,
            ):
                batch = self.data_collator(
                    rows.__getitems__(list(mine[start : start + args.eval_batch_size]))
                )
                with self.compute_loss_context_manager():
                    logits, targets = self.masked_logits(model, self._prepare_inputs(batch))
                nats = F.cross_entropy(logits, targets, reduction="sum")
                total += torch.stack(
                    [
                        nats.double(),
                        (logits.argmax(-1) == targets).sum().double(),
                        torch.tensor(float(len(targets)), device=args.device).double(),
                    ]
                )
            sums[source] = self.accelerator.reduce(total).tolist()
        model.train(was_training)
        return held_out_scores(sums)


def held_out_scores(sums: dict[str, list[float]]) -> dict[str, float]:
    """Scores from `{source: [nats, right, masked]}`; perplexity is exp(nats / masked)."""
    nats, right, masked = np.sum(list(sums.values()), 0)
    scores = {
        "loss": nats / max(masked, 1),
        "perplexity": math.exp(min(nats / max(masked, 1), 50)),
        "masked_accuracy": right / max(masked, 1),
    }
    for source, (nats, right, masked) in sums.items():
        if masked:
            scores[f"{source}_perplexity"] = math.exp(min(nats / masked, 50))
            scores[f"{source}_masked_accuracy"] = right / masked
    return scores


def compiled_in_training(base):
    """The encoder's forward, compiled while it trains; evaluation has other shapes and stays as it
    is.
    """
    eager, compiled = base.forward, torch.compile(base.forward)

    def forward(*args, **kwargs):
        return (compiled if base.training else eager)(*args, **kwargs)

    return forward


class ClockSchedule:
    """Factor of the learning rate: linear warm-up, then linear to zero, over the time budget.

    Progress is the larger of two shares: of the steps, and of the seconds, which are counted on
    over resumes (`LambdaLR` keeps this object's values in the checkpoint).
    """

    def __init__(self, warmup: float, total_steps: int, max_seconds: float):
        self.warmup, self.total_steps, self.max_seconds = warmup, total_steps, max_seconds
        self.seconds, self.last = 0.0, None

    def __call__(self, step: int) -> float:
        progress = from_first_rank(self.progress(step))  # one clock for all the processes
        if progress < self.warmup:
            return progress / self.warmup if step else 0.0
        return max(0.0, (1 - progress) / (1 - self.warmup))

    def progress(self, step: int) -> float:
        now = time.monotonic()
        self.seconds += now - self.last if self.last is not None else 0.0
        self.last = now
        return min(1.0, max(step / self.total_steps, self.seconds / self.max_seconds))


class StopAtBudget(TrainerCallback):
    """Ends the training when the learning rate has come to zero; says how far it is."""

    def __init__(self, trainer):
        self.trainer = trainer

    def on_train_begin(self, args, state, control, **kwargs):
        schedule = self.trainer.schedule
        schedule.max_seconds = self.trainer.max_seconds  # a resume may be given more time
        schedule.last = time.monotonic()  # the clock stood still since the checkpoint

    def on_step_end(self, args, state, control, **kwargs):
        control.should_training_stop = (
            control.should_training_stop or self.trainer.lr_scheduler.get_last_lr()[0] == 0
        )

    def on_log(self, args, state, control, **kwargs):
        schedule = self.trainer.schedule
        left = max(0.0, schedule.max_seconds - schedule.seconds) / 60
        logger.info(f"step {state.global_step}: {left:.1f} minutes left")


class Stopwatch(TrainerCallback):
    """Steps and seconds of this process's training, evaluations and checkpoints included."""

    def on_train_begin(self, args, state, control, **kwargs):
        self.first, self.begun = state.global_step, time.monotonic()

    def on_train_end(self, args, state, control, **kwargs):
        self.steps, self.seconds = state.global_step - self.first, time.monotonic() - self.begun


class PrintCurve(TrainerCallback):
    """Logs the loss, the learning rate and the held-out scores where no progress bar shows them."""

    def on_log(self, args, state, control, logs=None, **kwargs):
        shown = ("loss", "learning_rate", "eval_perplexity", "eval_masked_accuracy")
        parts = [f"{name} {float(logs[name]):.4g}" for name in shown if name in logs]
        if parts and state.is_world_process_zero:
            logger.info(f"step {state.global_step}: {', '.join(parts)}")


def flops_per_token(model, length: int, masked_share: float) -> float:
    """Floating-point operations of one token's forward and backward pass.

    6 for each weight of the matrix products, plus 12 · layers · hidden · length for attention
    (Chowdhery et al. 2022, appendix B); the output layer works for the masked share alone and the
    embedding table is only looked up.
    """
    config = model.config
    output = model.get_output_embeddings()
    body = sum(
        m.weight.numel() for m in model.base_model.modules() if isinstance(m, torch.nn.Linear)
    )
    head = sum(m.weight.numel() for m in model.modules() if isinstance(m, torch.nn.Linear)) - body
    head = max(head, output.weight.numel())
    return (
        6 * (body + masked_share * head)
        + 12 * config.num_hidden_layers * config.hidden_size * length
    )


def measured_peak(device: torch.device, dtype: torch.dtype, seconds: float = 1.0) -> float:
    """Operations per second of a large matrix product, the ceiling that this machine's library
    reaches.
    """
    size = 8192 if device.type == "cuda" else 2048
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    best, begun = 0.0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best
