"""Texts to token ids: the tokenizer of mini-scratch, cached tokenised splits, and what the cut at
max_length loses.
"""

import json
import logging
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

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
    """A cased WordPiece tokenizer trained on the texts; accents, ñ, ¿ and ¡ are kept (NFC)."""
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

    The same texts give the same vocabulary (of unigram, the scores of its rarest letters may
    change places), and the tokenizer knows only the usual special tokens.

    Args:
        texts: strings, iterated twice.
        kind: `wordpiece`, `bpe` (byte-level: it knows every character) or `unigram`.
        vocab_size: pieces, special ones included.
        max_length: pieces that it reads of a text.
        split_digits: every digit is a piece of its own.
        alphabet: how many different characters are kept, the most frequent ones.
    """
    letters = frequent_letters(texts, alphabet)
    tokenizer = pipeline_around(untrained_model(kind), kind, split_digits)
    trainer = trainer_of(kind, vocab_size, letters)
    tokenizer.train_from_iterator((text for text in texts if text), trainer)
    if kind == "wordpiece":
        # Built anew from its vocabulary: the trained one has the inner letters as special tokens.
        model = models.WordPiece(
            tokenizer.get_vocab(), unk_token="[UNK]", max_input_chars_per_word=100
        )
        tokenizer = pipeline_around(model, kind, split_digits)
    elif kind == "unigram":
        tokenizer = pipeline_around(sorted_unigram(tokenizer), kind, split_digits)
    tokenizer.add_special_tokens(SPECIAL)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def frequent_letters(texts, alphabet: int) -> list[str]:
    """The most frequent characters of the texts (NFC), at most `alphabet`, blanks left out."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(unicodedata.normalize("NFC", text or ""))
    # Equally frequent ones by code point, so that the same texts give the same letters.
    by_frequency = sorted((-count, letter) for letter, count in counts.items())
    return sorted(letter for _, letter in by_frequency[:alphabet] if not letter.isspace())


def untrained_model(kind: str):
    """A model of `tokenizers` without a vocabulary."""
    if kind == "wordpiece":
        return models.WordPiece(unk_token="[UNK]")
    return models.BPE() if kind == "bpe" else models.Unigram()


def trainer_of(kind: str, vocab_size: int, letters: list[str]) -> trainers.Trainer:
    """What trains a tokenizer of `vocab_size` pieces with these letters."""
    show_progress = sys.stderr.isatty()
    if kind == "wordpiece":
        # The trainer numbers the pieces `##x` in the order of a hash map (tokenizers#1794), unless
        # they are there from the start: naming them as special tokens does that.
        inner_letters = [f"##{letter}" for letter in letters]
        return trainers.WordPieceTrainer(
            vocab_size=vocab_size,
            special_tokens=SPECIAL + inner_letters,
            show_progress=show_progress,
            initial_alphabet=letters,
            limit_alphabet=len(letters),
        )
    if kind == "bpe":
        return trainers.BpeTrainer(
            vocab_size=vocab_size,
            special_tokens=SPECIAL,
            show_progress=show_progress,
            initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        )
    return trainers.UnigramTrainer(
        vocab_size=vocab_size,
        special_tokens=SPECIAL,
        show_progress=show_progress,
        initial_alphabet=letters,
        unk_token="[UNK]",
    )


def sorted_unigram(tokenizer: Tokenizer) -> models.Unigram:
    """The trained Unigram model with its pieces in a fixed order.

    Its trainer leaves pieces of equal scores in the order of a hash map, and sums scores in any
    order, so that their last digits differ from run to run.
    """
    pieces = json.loads(tokenizer.to_str())["model"]["vocab"][len(SPECIAL) :]
    by_score = sorted((-round(score, 9), piece) for piece, score in pieces)
    vocabulary = [(name, 0.0) for name in SPECIAL]
    vocabulary += [(piece, -score) for score, piece in by_score]
    return models.Unigram(vocabulary, SPECIAL.index("[UNK]"), byte_fallback=False)


def pipeline_around(model, kind: str, split_digits: bool) -> Tokenizer:
    """Normaliser, pre-tokeniser, decoder and `[CLS] … [SEP]` around a model; accents are kept."""
    tokenizer = Tokenizer(model)
    normalizer_steps: list[Any] = [normalizers.NFC()]
    words: Any
    if kind == "wordpiece":
        normalizer_steps.append(normalizers.BertNormalizer(lowercase=False, strip_accents=False))
        words = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
    elif kind == "bpe":
        words = pre_tokenizers.ByteLevel(add_prefix_space=True)
        tokenizer.decoder = decoders.ByteLevel()
    else:
        normalizer_steps.append(normalizers.Replace(Regex(r"\s+"), " "))
        words = pre_tokenizers.Metaspace()
        tokenizer.decoder = decoders.Metaspace()
    tokenizer.normalizer = normalizers.Sequence(normalizer_steps)
    digits = [pre_tokenizers.Digits(individual_digits=True)] if split_digits else []
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([*digits, words])
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

    def tokenise_all() -> datasets.DatasetDict:
        return datasets.DatasetDict(
            {split: tokenise(dataset, tokenizer, cut, split) for split, dataset in splits.items()}
        )

    def write(folder: Path):
        tokenise_all().save_to_disk(str(folder))

    folder = cached_folder("tokens", splits, (*cut, tokenizer_text(tokenizer)), write)
    if folder is None:  # the cache cannot be written
        return tokenise_all()
    return datasets.load_from_disk(str(folder))


def tokenise(dataset, tokenizer, cut: tuple[int, str], desc: str) -> datasets.Dataset:
    """One split, tokenised in batches; null texts count as empty ones.

    Args:
        cut: max_length and truncation_side.
        desc: the split's name, for the progress bar.
    """
    max_length, truncation_side = cut

    def tokenise_batch(rows):
        # One piece more than is read tells whether a text that fills the cut is longer.
        ids = tokenise_texts(tokenizer, rows["text"], max_length + 1)
        truncated = [len(own) > max_length for own in ids]
        if any(truncated):
            ids = tokenise_texts(tokenizer, rows["text"], max_length, truncation_side)
        return {
            "id": rows["id"],
            "input_ids": ids,
            "labels": rows["label"],
            "length": [len(own) for own in ids],
            "truncated": truncated,
        }

    return dataset.map(
        tokenise_batch,
        batched=True,
        remove_columns=dataset.column_names,
        features=FEATURES,
        keep_in_memory=True,  # or map would write cache files into a prepared folder
        desc=f"tokenising {desc}",
    )


def share_truncated(tokenised: datasets.DatasetDict) -> dict[str, float]:
    """Share of each split's texts that are longer than what is read of them."""
    shares = {}
    for split, dataset in tokenised.items():
        shares[split] = float(np.mean(dataset["truncated"])) if len(dataset) else 0.0
    return shares
