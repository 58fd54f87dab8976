"""A network for a dataset, and the Trainer with the package's samplers."""

import logging
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast

from rnn_baseline.arguments import ModelArguments
from rnn_baseline.batches import BalancedSampler, BlockSampler, BucketSampler
from rnn_baseline.model import RnnConfig, RnnForSequenceClassification
from rnn_baseline.tokenization import learn_tokenizer
from rnn_baseline.vectors import fill_embedding
from utils.errors import InputError
from utils.training import SuiteTrainer, order_seed

logger = logging.getLogger(__name__)


class RnnTrainer(SuiteTrainer):
    """`SuiteTrainer` that reads rows in buckets of one length, in class-balanced batches, or block
    by block.
    """

    def _get_train_sampler(self, train_dataset=None):
        args = self.args
        dataset = self.train_dataset
        seed = order_seed(args)
        # The global batch: 1 × 8 and 2 × 4 must read the same rows in the same order.
        batch = (
            args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size
        )
        if args.balanced_batches:
            return BalancedSampler(dataset["labels"], batch, args.balanced_batches, seed)
        if args.streaming:
            return BlockSampler(dataset["length"], batch, seed, args.shuffle_buffer)
        if args.train_sampling_strategy == "group_by_length":
            return BucketSampler(dataset["length"], batch, seed)
        return super()._get_train_sampler(train_dataset)


def load_tokenizer(args: ModelArguments, dataset) -> PreTrainedTokenizerFast:
    """The tokenizer of the run to start from, or one whose vocabulary is the words of the training
    texts.

    Raises:
        InputError: no RNN run folder, or the filters leave no word of the training texts.
    """
    if args.model_name_or_path:
        check_start(args.model_name_or_path)
        logger.info(
            f"words, filters and shape of the network are those of {args.model_name_or_path}"
        )
        return PreTrainedTokenizerFast.from_pretrained(args.model_name_or_path)
    tokenizer = learn_tokenizer(
        dataset.with_format("arrow")[:]["text"],
        args.filters,
        min_word_length=args.min_word_length,
        min_frequency=args.min_frequency,
        vocab_size=args.vocab_size,
        max_length=args.max_length,
    )
    if len(tokenizer) == 2:  # [PAD] and [UNK]
        raise InputError(
            f"--filters {' '.join(args.filters)} --min_frequency {args.min_frequency}: leave no "
            "word of the training texts; leave out a filter or lower --min_frequency"
        )
    return tokenizer


def check_start(name: str):
    """Refuse a start that is no RNN run."""
    path = Path(name)
    if not (path / "config.json").exists() or not (path / "tokenizer.json").exists():
        raise InputError(
            f"--model_name_or_path {name}: no finished run (config.json and tokenizer.json) there; "
            "give a run folder of rnn_baseline, or leave the flag out for random weights"
        )
    if '"rnn_baseline"' not in (path / "config.json").read_text(encoding="utf-8"):
        raise InputError(
            f"--model_name_or_path {name}: not a network of rnn_baseline; encoders are trained by "
            "beto_text_model/scripts/train/train.py"
        )


def hidden_size_of(args: ModelArguments) -> int:
    """The network's width: that of the run that training starts from, or the one asked for."""
    if args.model_name_or_path:
        return RnnConfig.from_pretrained(args.model_name_or_path).hidden_size
    return args.hidden_size


def build_model(
    args: ModelArguments, class_names: list[str], tokenizer
) -> tuple[RnnForSequenceClassification, dict[str, Any] | None]:
    """The network (seed its random weights before) and the coverage of its pretrained vectors, if
    any.
    """
    labels: dict[str, Any] = {
        "id2label": dict(enumerate(class_names)),
        "label2id": {name: label_id for label_id, name in enumerate(class_names)},
    }
    if args.model_name_or_path:
        if args.vectors:
            raise InputError(
                "--vectors: the run of --model_name_or_path has its own; leave one of the flags out"
            )
        model = RnnForSequenceClassification.from_pretrained(
            args.model_name_or_path,
            ignore_mismatched_sizes=True,  # other classes: a new class layer
            freeze_embeddings=args.freeze_embeddings,
            **labels,
        )
        return model, None
    config = RnnConfig(**args.shape(), vocab_size=len(tokenizer), **labels)
    model = RnnForSequenceClassification(config)
    if args.vectors:
        return model, fill_embedding(model.embedding.weight, args.vectors, tokenizer)
    if args.freeze_embeddings:
        logger.info(
            "freeze_embeddings without --vectors: the words' vectors are random and stay so"
        )
    return model, None


def shape_name(config: RnnConfig) -> str:
    """A network in a phrase: `bilstm 3 × 256, attention`."""
    if config.cell == "mlp":
        return f"mlp {'-'.join(map(str, config.mlp_sizes))}"
    if config.cell == "cnn":
        return f"cnn {config.cnn_filters} × {'+'.join(map(str, config.cnn_widths))}"
    cell = f"bi{config.cell}" if config.bidirectional else config.cell
    return f"{cell} {config.num_layers} × {config.hidden_size}, {config.pooling}"
