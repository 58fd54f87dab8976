"""How fast a pre-training was: tokens a second, operations, and their share of what the hardware
reaches.
"""

import time

import torch
from transformers import TrainerCallback


class Stopwatch(TrainerCallback):
    """Steps and seconds of this process's training, evaluations and checkpoints included."""

    def on_train_begin(self, args, state, control, **kwargs):
        self.first = state.global_step  # of a resumed run
        self.begun = time.monotonic()

    def on_train_end(self, args, state, control, **kwargs):
        self.steps = state.global_step - self.first
        self.seconds = time.monotonic() - self.begun


def training_speed(trainer, stopwatch: Stopwatch, length: int, masked_share: float) -> dict:
    """What all_results.json says of a finished training's speed.

    Tokens and operations count all steps of the run; rate and share of peak those of this process,
    which may have resumed it.

    Args:
        length: pieces in a row.
        masked_share: share of the positions that reach the output layer.
    """
    args = trainer.args
    rows_per_step = args.train_batch_size * args.gradient_accumulation_steps * args.world_size
    step_tokens = rows_per_step * length
    tokens = trainer.state.global_step * step_tokens
    rate = stopwatch.steps * step_tokens / stopwatch.seconds
    flops = flops_per_token(trainer.model, length, masked_share)

    dtype = torch.float32
    if args.bf16:
        dtype = torch.bfloat16
    elif args.fp16:
        dtype = torch.float16
    peak = measured_peak(args.device, dtype) * args.world_size
    return {
        "train_tokens": tokens,
        "train_tokens_per_second": rate,
        "train_flops": tokens * flops,
        "train_flops_per_token": flops,
        "hardware_peak_flops": peak,
        "train_share_of_peak": rate * flops / peak,
        "parameters": trainer.model.num_parameters(),
    }


def flops_per_token(model, length: int, masked_share: float) -> float:
    """Floating-point operations of one token's forward and backward pass.

    6 for each weight of the matrix products, plus 12 · layers · hidden · length for attention
    (Chowdhery et al. 2022, appendix B); the output layer works for the masked share alone and the
    embedding table is only looked up.
    """
    config = model.config
    body = linear_weights(model.base_model)
    # Where the output layer is the embedding table, transposed, it may be no Linear of its own.
    output = model.get_output_embeddings().weight.numel()
    head = max(linear_weights(model) - body, output)
    products = 6 * (body + masked_share * head)
    attention = 12 * config.num_hidden_layers * config.hidden_size * length
    return products + attention


def linear_weights(module: torch.nn.Module) -> int:
    """Weights of the linear layers, biases left out."""
    layers = [m for m in module.modules() if isinstance(m, torch.nn.Linear)]
    return sum(layer.weight.numel() for layer in layers)


def measured_peak(device: torch.device, dtype: torch.dtype, seconds: float = 1.0) -> float:
    """Operations per second of a large matrix product, the ceiling that this machine's library
    reaches.
    """
    size = 8192 if device.type == "cuda" else 2048  # large enough to fill all cores
    a = torch.randn(size, size, device=device).to(dtype)
    b = torch.randn(size, size, device=device).to(dtype)
    best = 0.0
    begun = time.perf_counter()
    while time.perf_counter() - begun < seconds:
        start = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize()
        best = max(best, 2 * size**3 / (time.perf_counter() - start))
    return best
