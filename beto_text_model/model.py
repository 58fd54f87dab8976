"""The encoder with its class layer: from the Hub, from a local folder, mini, or mini-scratch with
random weights.
"""

import logging
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer, BertConfig
from transformers.utils import logging as transformers_logging

from beto_text_model.arguments import MINI, MINI_SCRATCH, ModelArguments
from beto_text_model.tokenization import train_wordpiece
from utils.errors import InputError
from utils.hub import check_weights, from_source

logger = logging.getLogger(__name__)

LONGEST = 512  # BERT's positions, and the most that is read where --max_length is not given
MINI_FOLDER = Path(__file__).parent / "mini"
MINI_SCRATCH_LENGTH = 128
# BERT's own 0.02 is meant for 768 wide; at 128 wide 0.05 is 12 points better after as many epochs
# (docs/log/2026-11-21-mini-scratch.md).
MINI_SCRATCH_INIT = 0.05
TOKENIZER_FILES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
)


def load_config(args: ModelArguments, class_names: list[str]):
    """The encoder's configuration with this dataset's classes.

    Raises:
        InputError: no such folder, a folder without config.json, a Hub id that does not load, or a
            `max_length` that the encoder has no positions for.
    """
    labels: dict[str, Any] = {
        "num_labels": len(class_names),
        "id2label": dict(enumerate(class_names)),
        "label2id": {name: label_id for label_id, name in enumerate(class_names)},
    }
    if args.model_name_or_path == MINI_SCRATCH:
        config = BertConfig(
            hidden_size=128,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=512,
            max_position_embeddings=LONGEST,
            initializer_range=MINI_SCRATCH_INIT,
            **labels,
        )
    else:
        check_source(args.model_name_or_path)
        config = from_source(AutoConfig, place_of(args.model_name_or_path), at_hand=MINI, **labels)
    limit = longest_input(config)
    if args.max_length and not 3 <= args.max_length <= limit:
        raise InputError(f"--max_length {args.max_length}: the encoder reads 3 to {limit} pieces")
    if args.classifier_dropout is not None:
        # DistilBERT has a name of its own for it.
        if hasattr(config, "seq_classif_dropout"):
            config.seq_classif_dropout = args.classifier_dropout
        else:
            config.classifier_dropout = args.classifier_dropout
    return config


def check_source(name: str):
    """Refuse a local folder that is no model, before transformers takes its path for a Hub id."""
    path = Path(place_of(name))
    if path.is_dir():
        if not (path / "config.json").exists():
            raise InputError(
                f"{name}: no config.json in it, so it is no model folder; "
                "check --model_name_or_path"
            )
        if not any((path / file).exists() for file in TOKENIZER_FILES):
            raise InputError(
                f"{name}: a model folder without tokenizer (none of {', '.join(TOKENIZER_FILES)}); "
                "copy the tokenizer's files of the same model into it"
            )
        return
    looks_like_a_path = path.is_absolute() or name.startswith(".") or name.count("/") > 1
    if looks_like_a_path or path.is_file():
        raise InputError(f"{name}: no such model folder; check --model_name_or_path")


def place_of(name: str) -> str:
    """The folder of `mini`; any other name as it is."""
    return str(MINI_FOLDER) if name == MINI else name


def load_tokenizer(args: ModelArguments, texts, folder: Path, main_process: bool):
    """The encoder's tokenizer; that of mini-scratch is trained on `texts` and kept in `folder`, for
    a resume.
    """
    if args.model_name_or_path != MINI_SCRATCH:
        return from_source(AutoTokenizer, place_of(args.model_name_or_path), at_hand=MINI)
    saved = folder / "tokenizer"
    if main_process and not (saved / "tokenizer.json").exists():
        length = args.max_length or MINI_SCRATCH_LENGTH
        train_wordpiece(texts, args.vocab_size, length).save_pretrained(saved)
        logger.info(
            "mini-scratch: a small BERT with random weights and a vocabulary of the training texts"
        )
    return AutoTokenizer.from_pretrained(saved)


def longest_input(config) -> int:
    """How many pieces the encoder has positions for."""
    positions = getattr(config, "max_position_embeddings", None) or LONGEST
    if config.model_type in ("roberta", "xlm-roberta", "camembert"):
        positions -= config.pad_token_id + 1  # they count positions from after the padding index
    return positions


def choose_max_length(args: ModelArguments, config, tokenizer) -> int:
    """How many pieces of a text are read: what was asked for, else what encoder and tokenizer can,
    at most 512.
    """
    return args.max_length or min(longest_input(config), LONGEST, tokenizer.model_max_length)


def build_model(args: ModelArguments, config, tokenizer):
    """The model with a fresh class layer; weights of mini-scratch are random (seed them before)."""
    if args.model_name_or_path == MINI_SCRATCH:
        config.vocab_size = len(tokenizer)
        config.pad_token_id = tokenizer.pad_token_id
        return AutoModelForSequenceClassification.from_config(
            config, attn_implementation=args.attn_implementation
        )
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # a new class layer is expected here
    try:
        model, loaded = from_source(
            AutoModelForSequenceClassification,
            place_of(args.model_name_or_path),
            at_hand=MINI,
            config=config,
            ignore_mismatched_sizes=True,
            dtype=torch.float32,
            output_loading_info=True,
            attn_implementation=args.attn_implementation,
        )
    finally:
        transformers_logging.set_verbosity(verbosity)
    check_weights(args.model_name_or_path, model, loaded)
    if len(tokenizer) > config.vocab_size:
        raise InputError(
            f"--model_name_or_path {args.model_name_or_path}: the tokenizer has {len(tokenizer)} "
            f"pieces, the model {config.vocab_size}; they are not of one model"
        )
    return model
