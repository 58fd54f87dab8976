"""Texts to token ids: the tokenizer of mini-scratch, cached tokenised splits, and what the cut at
max_length loses.
"""

import collections
import json
import logging
import sys
import unicodedata
from pathlib import Path

import datasets
import numpy as np
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from beto_text_model.inference import tokenise_texts
from utils.data.cache import cached_folder, tokenizer_text

logger = logging.getLogger(__name__)

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
FEATURES = datasets.Features(
    {
        "id": datasets.Value("string"),
        "input_ids": datasets.List(datasets.Value("int32")),
        "labels": datasets.Value("int64"),
        "length": datasets.Value("int32"),
        "truncated": datasets.Value("bool"),
    }
)


def train_wordpiece(texts, vocab_size: int, max_length: int) -> PreTrainedTokenizerFast:
    """A cased WordPiece tokenizer trained on the given texts; accents, ñ, ¿ and ¡ are kept (NFC)."""
    return train_tokenizer(texts, "wordpiece", vocab_size, max_length)


def train_tokenizer(
    texts,
    kind: str,
    vocab_size: int,
    max_length: int,
    *,
    split_digits: bool = False,
    alphabet: int = 1000,
) -> PreTrainedTokenizerFast:
    """A cased tokenizer with BERT's special tokens; accents, ñ, ¿ and ¡ are kept (NFC).

    The same texts give the same vocabulary: the WordPiece trainer numbers the pieces `##x` in the
    order of a hash map (tokenizers#1794) unless they are there from the start, which is what naming
    them as special tokens does. The tokenizer that is returned is built anew from the vocabulary
    and knows only the usual special tokens.

    Args:
        texts: strings, iterated twice.
        kind: `wordpiece`, `bpe` (byte-level: it knows every character) or `unigram`.
        split_digits: every digit is a piece of its own.
        alphabet: how many different characters are kept, the most frequent ones.
    """
    counts = collections.Counter()
    for text in texts:
        counts.update(unicodedata.normalize("NFC", text or ""))
    common = sorted(counts, key=lambda c: (-counts[c], c))[:alphabet]
    letters = sorted(c for c in common if not c.isspace())
    trained = pipeline_around(
        {
            "wordpiece": models.WordPiece(unk_token="[UNK]"),
            "bpe": models.BPE(),
            "unigram": models.Unigram(),
        }[kind],
        kind,
        split_digits,
    )
    inner = [f"##{c}" for c in letters] if kind == "wordpiece" else []
    common_args = {
        "vocab_size": vocab_size,
        "special_tokens": SPECIAL + inner,
        "show_progress": sys.stderr.isatty(),
    }
    if kind == "wordpiece":
        trainer = trainers.WordPieceTrainer(
            **common_args, initial_alphabet=letters, limit_alphabet=len(letters)
        )
    elif kind == "bpe":
        trainer = trainers.BpeTrainer(
            **common_args, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())
        )
    else:
        trainer = trainers.UnigramTrainer(
            **common_args, initial_alphabet=letters, unk_token="[UNK]"
        )
    trained.train_from_iterator((text for text in texts if text), trainer)
    if kind == "wordpiece":
        model = models.WordPiece(
            trained.get_vocab(), unk_token="[UNK]", max_input_chars_per_word=100
        )
        trained = pipeline_around(model, kind, split_digits)
    elif (
        kind == "unigram"
    ):  # its trainer, too, leaves equal scores in the order of a hash map, and sums in any order
        pieces = json.loads(trained.to_str())["model"]["vocab"][len(SPECIAL) :]
        ordered = [(name, 0.0) for name in SPECIAL] + sorted(
            ((p, round(s, 9)) for p, s in pieces), key=falling_score
        )
        trained = pipeline_around(
            models.Unigram(ordered, SPECIAL.index("[UNK]"), False), kind, split_digits
        )
    trained.add_special_tokens(SPECIAL)
    return PreTrainedTokenizerFast(
        tokenizer_object=trained,
        model_max_length=max_length,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def falling_score(piece: tuple[str, float]):
    return -piece[1], piece[0]


def pipeline_around(model, kind: str, split_digits: bool) -> Tokenizer:
    """Normaliser, pre-tokeniser, decoder and `[CLS] … [SEP]` around a model: cased, accents kept."""
    tokenizer = Tokenizer(model)
    steps = {
        "wordpiece": (
            normalizers.BertNormalizer(lowercase=False, strip_accents=False),
            pre_tokenizers.BertPreTokenizer(),
            decoders.WordPiece(),
        ),
        "bpe": (None, pre_tokenizers.ByteLevel(add_prefix_space=True), decoders.ByteLevel()),
        "unigram": (
            normalizers.Replace(Regex(r"\s+"), " "),
            pre_tokenizers.Metaspace(),
            decoders.Metaspace(),
        ),
    }
    normalizer, pre_tokenizer, tokenizer.decoder = steps[kind]
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC()] + ([normalizer] if normalizer else [])
    )
    digits = [pre_tokenizers.Digits(individual_digits=True)] if split_digits else []
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*digits, pre_tokenizer])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, SPECIAL.index(name)) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def tokenise_splits(
    splits, tokenizer, max_length: int, truncation_side: str = "right"
) -> datasets.DatasetDict:
    """Splits with `id, input_ids, labels, length, truncated`, from the cache when these very rows
    were tokenised before in this order (`utils.data.cache`).
    """
    cut = (max_length, truncation_side)

    def tokenised() -> datasets.DatasetDict:
        return datasets.DatasetDict(
            {split: tokenise(dataset, tokenizer, cut, split) for split, dataset in splits.items()}
        )

    def write(folder: Path):
        tokenised().save_to_disk(str(folder))

    folder = cached_folder("tokens", splits, (*cut, tokenizer_text(tokenizer)), write)
    return datasets.load_from_disk(str(folder)) if folder else tokenised()


def tokenise(dataset, tokenizer, cut: tuple[int, str], desc: str) -> datasets.Dataset:
    """One split, tokenised in batches; null texts count as empty ones."""

    def batch(rows):
        # One piece more than is read shows whether a text that fills the cut is longer.
        longer = tokenise_texts(tokenizer, rows["text"], cut[0] + 1)
        truncated = [len(ids) > cut[0] for ids in longer]
        ids = tokenise_texts(tokenizer, rows["text"], *cut) if any(truncated) else longer
        return {
            "id": rows["id"],
            "input_ids": ids,
            "labels": rows["label"],
            "length": [len(i) for i in ids],
            "truncated": truncated,
        }

    return dataset.map(
        batch,
        batched=True,
        remove_columns=dataset.column_names,
        features=FEATURES,
        keep_in_memory=True,
        desc=f"tokenising {desc}",
    )


def share_truncated(tokenised: datasets.DatasetDict) -> dict[str, float]:
    """Share of each split's texts that are longer than what is read of them."""
    return {
        split: float(np.mean(d["truncated"])) if len(d) else 0.0 for split, d in tokenised.items()
    }
