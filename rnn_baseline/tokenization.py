"""Words as a fast tokenizer: the origins' filters as a normaliser, a vocabulary of the training
texts, kept in tokenizer.json, so that what runs in training runs in `predict` and in `pipeline`.
"""

import re
import string
from collections import Counter
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from spacy.lang.es.stop_words import STOP_WORDS
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

PAD, UNK = "[PAD]", "[UNK]"  # ids 0 and 1
CHUNK = 100_000  # texts that are looked at together
REMEMBERED = 500_000  # different raw words whose ids or counts are kept from chunk to chunk
# In the order in which they run, which is that of the origin whatever order they are named in.
FILTERS = (
    "lower",
    "strip_tags",
    "split_alphanum",
    "strip_punctuation",
    "strip_non_alphanum",
    "strip_multiple_whitespaces",
    "strip_numeric",
    "strip_short",
    "stopwords",
)
BETWEEN_LETTER_AND_DIGIT = r"(?<=\p{L})(?=\p{N})|(?<=\p{N})(?=\p{L})"


def check_filters(filters):
    """Refuse a filter that does not exist."""
    if unknown := [name for name in filters if name not in FILTERS]:
        raise ValueError(
            f"--filters {' '.join(unknown)}: choose among {', '.join(FILTERS)}, or none"
        )


def filter_steps(filters, min_word_length: int) -> list:
    """The normalisers of the chosen filters, NFC and one kind of blank first.

    Args:
        filters: names out of FILTERS. `strip_short` drops words below `min_word_length` characters.
    """
    steps = {
        "lower": normalizers.Lowercase(),
        "strip_tags": normalizers.Replace(Regex(r"<[^>]+>"), ""),
        "split_alphanum": normalizers.Replace(Regex(BETWEEN_LETTER_AND_DIGIT), " "),
        "strip_punctuation": normalizers.Replace(Regex(f"[{re.escape(string.punctuation)}]"), " "),
        "strip_non_alphanum": normalizers.Replace(Regex(r"[^\p{L}\p{M}\p{N}]"), " "),
        "strip_multiple_whitespaces": normalizers.Replace(Regex(" +"), " "),
        "strip_numeric": normalizers.Replace(Regex(r"\p{N}+"), ""),
        "strip_short": normalizers.Replace(
            Regex(rf"(?<!\S)\S{{1,{min_word_length - 1}}}(?!\S)"), ""
        ),
        "stopwords": normalizers.Replace(
            Regex(rf"(?<!\S)(?:{'|'.join(sorted(STOP_WORDS))})(?!\S)"), ""
        ),
    }
    if min_word_length < 2:
        steps.pop("strip_short")
    blanks = normalizers.Replace(Regex(r"[\s\x1c-\x1f]"), " ")
    return [
        normalizers.NFC(),
        blanks,
        *(steps[name] for name in FILTERS if name in filters and name in steps),
    ]


def word_tokenizer(
    words: list[str], filters, min_word_length: int, max_length: int
) -> PreTrainedTokenizerFast:
    """A tokenizer of these words, PAD 0, UNK 1, that reads up to `max_length` words of a text."""
    vocabulary = {word: code for code, word in enumerate([PAD, UNK, *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNK))
    tokenizer.normalizer = normalizers.Sequence(filter_steps(filters, min_word_length))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNK,
        padding_side="right",
        model_max_length=max_length,
        model_input_names=["input_ids", "attention_mask"],
    )


def learn_tokenizer(
    texts,
    filters,
    *,
    min_word_length: int = 3,
    min_frequency: int = 2,
    vocab_size: int = 50_000,
    max_length: int = 512,
) -> PreTrainedTokenizerFast:
    """A tokenizer whose vocabulary are the most frequent words of the training texts.

    Args:
        texts: arrow array, or list, of strings or None.
        min_frequency: how often a word must occur. vocab_size: at most so many words (equally
            frequent ones by alphabet), PAD and UNK not counted.
    """
    normalizer = normalizers.Sequence(filter_steps(filters, min_word_length))
    counts = count_words(texts, normalizer, "strip_tags" in filters)
    frequent = sorted(
        (-count, word)
        for word, count in counts.items()
        if count >= min_frequency and word not in (PAD, UNK)
    )
    return word_tokenizer(
        [word for _, word in frequent[:vocab_size]], filters, min_word_length, max_length
    )


def count_words(texts, normalizer, tags: bool) -> Counter:
    """How often each word occurs once the texts are normalised; a raw word is not normalised each
    time it occurs.
    """
    counts, raw = Counter(), Counter()
    for chunk in chunks_of(texts):
        whole, words, codes, _ = split_words(chunk, tags)
        for word, n in zip(words, np.bincount(codes, minlength=len(words)).tolist(), strict=True):
            raw[word] += n
        add_words(counts, Counter(whole.values()), normalizer)
        if len(raw) > REMEMBERED:
            add_words(counts, raw, normalizer)
            raw.clear()
    add_words(counts, raw, normalizer)
    return counts


def add_words(counts: Counter, raw: Counter, normalizer):
    """Add raw words, or whole texts, to the counts of the words that the normaliser makes of them."""
    for text, n in raw.items():
        for word in normalizer.normalize_str(text).split():
            counts[word] += n


def chunks_of(texts):
    """Arrow arrays of up to CHUNK texts, null ones as empty."""
    texts = (
        texts
        if isinstance(texts, (pa.Array, pa.ChunkedArray))
        else pa.array(texts, pa.large_string())
    )
    for start in range(0, len(texts), CHUNK):
        chunk = texts.slice(start, CHUNK).cast(pa.large_string())
        yield pc.fill_null(
            chunk.combine_chunks() if isinstance(chunk, pa.ChunkedArray) else chunk, ""
        )


def split_words(
    chunk: pa.Array, tags: bool
) -> tuple[dict[int, str], list[str], np.ndarray, np.ndarray]:
    """The texts' raw words, without Python work per row.

    A filter that looks across blanks must see the whole text: with `tags`, texts with a `<` are
    left out of the words.

    Returns:
        whole: {row: text} of those; words: the different raw words; codes: (n_words,) into them, in
            reading order;
        offsets: (n_texts + 1,) where each text's words begin in `codes`.
    """
    whole = {}
    if tags:
        has_tag = pc.match_substring(chunk, "<")
        rows = np.flatnonzero(has_tag.to_numpy(zero_copy_only=False))
        whole = dict(zip(rows.tolist(), chunk.filter(has_tag).to_pylist(), strict=True))
        chunk = pc.if_else(has_tag, "", chunk)
    lists = pc.utf8_split_whitespace(chunk)
    offsets = lists.offsets.to_numpy()
    encoded = lists.values.slice(offsets[0], offsets[-1] - offsets[0]).dictionary_encode()
    return whole, encoded.dictionary.to_pylist(), encoded.indices.to_numpy(), offsets - offsets[0]


def encode_texts(
    texts, tokenizer: PreTrainedTokenizerFast, max_length: int
) -> tuple[np.ndarray, np.ndarray]:
    """Ids of all texts in one flat array: (n_words,) int32, and where each text begins: (n_texts +
    1,) int64.

    The ids are those of `tokenizer(text, truncation=True, max_length=max_length)`.
    """
    chunks = [
        (np.zeros(0, np.int32), np.zeros(0, np.int64)),
        *encode_chunks([texts], tokenizer, max_length),
    ]
    tokens, lengths = (np.concatenate(arrays) for arrays in zip(*chunks, strict=True))
    return tokens, np.r_[0, np.cumsum(lengths)]


def encode_chunks(parts, tokenizer: PreTrainedTokenizerFast, max_length: int):
    """Yield the ids (n_words,) int32 and the words per text (n_texts,) int64 of chunk after chunk.

    Every different raw word is encoded once, whatever chunk it comes back in: no filter but
    strip_tags looks across a blank (tests/unit/test_rnn_tokenization.py).

    Args:
        parts: arrow arrays, or lists, of strings or None.
    """
    tags, known = "<[^>]+>" in tokenizer.backend_tokenizer.to_str(), {}
    for part in parts:
        for chunk in chunks_of(part):
            tokens, starts = cut(
                *encode_chunk(*split_words(chunk, tags), tokenizer, known), max_length
            )
            yield tokens, np.diff(starts)
            if len(known) > REMEMBERED:
                known.clear()


def encode_chunk(
    whole: dict[int, str], words: list[str], codes, offsets, tokenizer, known: dict[str, tuple]
) -> tuple[np.ndarray, np.ndarray]:
    """Flat ids and offsets of what `split_words` returned; `known` holds the ids of raw words, and
    learns new ones.
    """
    if whole:  # each of these texts takes the place of one word
        places = offsets[np.array(list(whole))]
        codes = np.insert(codes, places, len(words) + np.arange(len(whole)))
        grown = np.zeros(len(offsets), np.int64)
        grown[np.array(list(whole)) + 1] = 1
        offsets = offsets + np.cumsum(grown)
    new = [word for word in words if word not in known]
    known.update(zip(new, ids_of(new, tokenizer), strict=True))
    ids = [*map(known.__getitem__, words), *ids_of(list(whole.values()), tokenizer)]
    sizes = np.fromiter(map(len, ids), np.int64, len(ids))
    table = np.fromiter(chain.from_iterable(ids), np.int32, sizes.sum())
    begins = np.r_[0, np.cumsum(sizes)]
    taken = sizes[codes]  # ids of every word in reading order
    ends = np.r_[0, np.cumsum(taken)]
    flat = table[np.repeat(begins[codes] - ends[:-1], taken) + np.arange(ends[-1])]
    return flat, ends[offsets]


def ids_of(texts: list[str], tokenizer: PreTrainedTokenizerFast) -> list[tuple[int, ...]]:
    """The ids of each text, uncut."""
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    return [
        tuple(encoding.ids)
        for encoding in backend.encode_batch_fast(texts, add_special_tokens=False)
    ]


def cut(flat: np.ndarray, starts: np.ndarray, max_length: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `max_length` ids of each text."""
    lengths = np.diff(starts)
    if not len(lengths) or lengths.max() <= max_length:
        return flat, starts
    place = np.arange(len(flat)) - np.repeat(starts[:-1], lengths)
    return flat[place < max_length], np.r_[0, np.cumsum(np.minimum(lengths, max_length))]
