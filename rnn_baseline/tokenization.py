"""Words as a fast tokenizer: gensim's filters as a normaliser, and the training texts' vocabulary,
both kept in tokenizer.json, so that what runs in training runs in `predict` and in `pipeline`.
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
# Both bound the memory that a large corpus takes.
CHUNK = 100_000  # texts that are looked at together
REMEMBERED = 500_000  # different raw words whose ids or counts are kept from chunk to chunk
# In the order in which they run, whatever order they are named in.
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
TAG = "<[^>]+>"
BETWEEN_LETTER_AND_DIGIT = r"(?<=\p{L})(?=\p{N})|(?<=\p{N})(?=\p{L})"


def check_filters(filters):
    """Refuse a filter that does not exist."""
    unknown = [name for name in filters if name not in FILTERS]
    if unknown:
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
        "strip_tags": normalizers.Replace(Regex(TAG), ""),
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
    if min_word_length < 2:  # no word is shorter
        del steps["strip_short"]
    # \x1c-\x1f: str.split takes them for blanks, \s does not.
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
    vocabulary = {word: word_id for word_id, word in enumerate([PAD, UNK, *words])}
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
    """A tokenizer whose vocabulary is the most frequent words of the training texts.

    Args:
        texts: arrow array, or list, of strings or None.
        filters: names out of FILTERS.
        min_word_length: `strip_short` drops shorter words (characters).
        min_frequency: how often a word must occur.
        vocab_size: the most words that are kept, PAD and UNK not counted.
        max_length: words that the tokenizer reads of a text.
    """
    normalizer = normalizers.Sequence(filter_steps(filters, min_word_length))
    counts = count_words(texts, normalizer, "strip_tags" in filters)
    # Equally frequent words by alphabet, so that the same texts give the same vocabulary.
    frequent = sorted(
        (-count, word)
        for word, count in counts.items()
        if count >= min_frequency and word not in (PAD, UNK)
    )
    words = [word for _, word in frequent[:vocab_size]]
    return word_tokenizer(words, filters, min_word_length, max_length)


def count_words(texts, normalizer, tags: bool) -> Counter[str]:
    """How often each word occurs in the normalised texts.

    Raw words are counted first, so that a word is not normalised each time it occurs.
    """
    counts: Counter[str] = Counter()
    raw: Counter[str] = Counter()
    for chunk in chunks_of(texts):
        whole, words, places, _ = split_words(chunk, tags)
        times = np.bincount(places, minlength=len(words)).tolist()
        for word, n in zip(words, times, strict=True):
            raw[word] += n
        add_words(counts, Counter(whole.values()), normalizer)
        if len(raw) > REMEMBERED:
            add_words(counts, raw, normalizer)
            raw.clear()
    add_words(counts, raw, normalizer)
    return counts


def add_words(counts: Counter, raw: Counter, normalizer):
    """Add to `counts` the words that the normaliser makes of raw words, or of whole texts."""
    for text, n in raw.items():
        for word in normalizer.normalize_str(text).split():
            counts[word] += n


def chunks_of(texts):
    """Arrow arrays of up to CHUNK texts, null ones as empty."""
    if not isinstance(texts, (pa.Array, pa.ChunkedArray)):
        texts = pa.array(texts, pa.large_string())
    for start in range(0, len(texts), CHUNK):
        chunk = texts.slice(start, CHUNK).cast(pa.large_string())
        if isinstance(chunk, pa.ChunkedArray):
            chunk = chunk.combine_chunks()
        yield pc.fill_null(chunk, "")


def split_words(
    chunk: pa.Array, tags: bool
) -> tuple[dict[int, str], list[str], np.ndarray, np.ndarray]:
    """The texts' raw words, without Python work per row.

    A filter that looks across blanks must see the whole text: with `tags`, texts with a `<` are
    left out of the words.

    Returns:
        whole: {row: text} of those texts.
        words: the different raw words.
        places: (n_words,) the place in `words` of each word, in reading order.
        offsets: (n_texts + 1,) where each text's words begin in `places`.
    """
    whole: dict[int, str] = {}
    if tags:
        has_tag = pc.match_substring(chunk, "<")
        rows = np.flatnonzero(has_tag.to_numpy(zero_copy_only=False))
        whole = dict(zip(rows.tolist(), chunk.filter(has_tag).to_pylist(), strict=True))
        chunk = pc.if_else(has_tag, "", chunk)
    lists = pc.utf8_split_whitespace(chunk)
    offsets = lists.offsets.to_numpy()
    first, last = offsets[0], offsets[-1]  # a slice keeps the values around it
    encoded = lists.values.slice(first, last - first).dictionary_encode()
    return whole, encoded.dictionary.to_pylist(), encoded.indices.to_numpy(), offsets - first


def encode_texts(
    texts, tokenizer: PreTrainedTokenizerFast, max_length: int
) -> tuple[np.ndarray, np.ndarray]:
    """The ids of `tokenizer(text, truncation=True, max_length=max_length)` of all texts.

    Returns:
        tokens: (n_words,) int32, the ids of all texts one after the other.
        offsets: (n_texts + 1,) int64, where each text begins in `tokens`.
    """
    tokens, offsets, _ = encode_and_mark(texts, tokenizer, max_length)
    return tokens, offsets


def encode_and_mark(
    texts, tokenizer: PreTrainedTokenizerFast, max_length: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `encode_texts` returns, and which texts are longer than is read: (n_texts,) bool."""
    # An empty chunk first: a table without a row has none.
    tokens = [np.zeros(0, np.int32)]
    lengths = [np.zeros(0, np.int64)]
    truncated = [np.zeros(0, bool)]
    for chunk_tokens, chunk_lengths, longer in encode_chunks([texts], tokenizer, max_length):
        tokens.append(chunk_tokens)
        lengths.append(chunk_lengths)
        truncated.append(longer)
    offsets = np.r_[0, np.cumsum(np.concatenate(lengths))]
    return np.concatenate(tokens), offsets, np.concatenate(truncated)


def encode_chunks(parts, tokenizer: PreTrainedTokenizerFast, max_length: int):
    """Yield of chunk after chunk the ids (n_words,) int32, the words per text (n_texts,) int64 and
    which texts are longer than `max_length` (n_texts,) bool.

    Every different raw word is encoded once, whatever chunk it comes back in: no filter but
    strip_tags looks across a blank (tests/unit/rnn_baseline/test_rnn_tokenization.py).

    Args:
        parts: arrow arrays, or lists, of strings or None.
    """
    tags = TAG in tokenizer.backend_tokenizer.to_str()
    known: dict[str, tuple[int, ...]] = {}  # the ids of raw words
    for part in parts:
        for chunk in chunks_of(part):
            whole, words, places, offsets = split_words(chunk, tags)
            tokens, starts = encode_chunk(whole, words, places, offsets, tokenizer, known)
            longer = np.diff(starts) > max_length
            tokens, starts = cut(tokens, starts, max_length)
            yield tokens, np.diff(starts), longer
            if len(known) > REMEMBERED:
                known.clear()


def encode_chunk(
    whole: dict[int, str],
    words: list[str],
    places: np.ndarray,
    offsets: np.ndarray,
    tokenizer: PreTrainedTokenizerFast,
    known: dict[str, tuple[int, ...]],
) -> tuple[np.ndarray, np.ndarray]:
    """Flat ids (n_ids,) int32 and where each text begins (n_texts + 1,) of what `split_words`
    returned; `known` holds the ids of raw words, and learns new ones.
    """
    if whole:  # each of these texts takes the place of one word
        rows = np.array(list(whole))
        places = np.insert(places, offsets[rows], len(words) + np.arange(len(whole)))
        one_more = np.zeros(len(offsets), np.int64)
        one_more[rows + 1] = 1
        offsets = offsets + np.cumsum(one_more)

    # The ids of every different word, then of every whole text, in one flat table.
    new = [word for word in words if word not in known]
    known.update(zip(new, ids_of(new, tokenizer), strict=True))
    ids = [known[word] for word in words] + ids_of(list(whole.values()), tokenizer)
    sizes = np.fromiter(map(len, ids), np.int64, len(ids))
    table = np.fromiter(chain.from_iterable(ids), np.int32, sizes.sum())
    table_begins = np.r_[0, np.cumsum(sizes)]

    # Gathered for each word in reading order; a word may become no id or several.
    n_ids = sizes[places]
    ends = np.r_[0, np.cumsum(n_ids)]
    shifts = np.repeat(table_begins[places] - ends[:-1], n_ids)
    return table[shifts + np.arange(ends[-1])], ends[offsets]


def ids_of(texts: list[str], tokenizer: PreTrainedTokenizerFast) -> list[tuple[int, ...]]:
    """The ids of each text, uncut."""
    backend = tokenizer.backend_tokenizer
    backend.no_truncation()
    backend.no_padding()
    encodings = backend.encode_batch_fast(texts, add_special_tokens=False)
    return [tuple(encoding.ids) for encoding in encodings]


def cut(flat: np.ndarray, starts: np.ndarray, max_length: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `max_length` ids of each text."""
    lengths = np.diff(starts)
    if not len(lengths) or lengths.max() <= max_length:
        return flat, starts
    place = np.arange(len(flat)) - np.repeat(starts[:-1], lengths)  # of each id in its text
    return flat[place < max_length], np.r_[0, np.cumsum(np.minimum(lengths, max_length))]
