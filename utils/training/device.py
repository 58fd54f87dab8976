"""What a process trains on: precision, cores, ranks."""

import logging
import os
from dataclasses import replace

import torch
from transformers import TrainingArguments

from utils.errors import InputError

logger = logging.getLogger(__name__)


# Models at least this wide train in bf16 where the hardware has it (`mini` 1.6 times as fast on a
# CPU).
BF16_TRAINING_MIN_HIDDEN_SIZE = 256


# From this width on they also predict, and are evaluated, in bf16; below it fp32 keeps scores exact
# (docs/log/2026-11-21-beto-speed.md).
BF16_MIN_HIDDEN_SIZE = 512


# From this width on (that of `mini`) a process takes all the cores; below it, one thread is as
# fast.
ALL_CORES_MIN_HIDDEN_SIZE = 256


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
    """bf16 where the hardware has it and the model is wide enough to gain by it."""
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
    # On a CPU, TrainingArguments takes bf16 only where use_cpu is given.
    return replace(args, bf16=True, use_cpu=args.use_cpu or args.device.type == "cpu")


def use_all_cores(args):
    """Give this process all the cores where `accelerate launch` left it one thread (it sets
    OMP_NUM_THREADS=1).

    The processes of a machine share its cores. A narrow encoder keeps one thread: its products are
    too small to gain much by a second, and lose a lot where another program wants that core
    (docs/log/2026-11-25-mini-fine-tuning.md).
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


def from_first_rank(value):
    """The value that the first rank has, on every rank."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        box = [value]
        torch.distributed.broadcast_object_list(box)
        return box[0]
    return value


def end_ranks():
    """Leave together: a rank that ends while another still talks to it can abort."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
