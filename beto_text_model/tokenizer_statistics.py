"""What a tokenizer does to texts: pieces per text and word, unknown pieces, lost accents."""

import re
import unicodedata
from collections import Counter, defaultdict
from typing import Any

import numpy as np

CHARACTERS = "áéíóúüñÁÉÍÓÚÜÑ¿¡%/;"
THRESHOLDS = (64, 128, 256, 512)  # lengths that encoders usually read
BATCH = 64  # texts that are looked at together


def count_words(splits) -> Counter[str]:
    """Words (runs of letters) of all splits, in lower case, with their numbers."""
    words: Counter[str] = Counter()
    for dataset in splits.values():
        for batch in dataset.iter(BATCH):
            for text in batch["text"]:
                words.update(re.findall(r"[^\W\d_]+", (text or "").lower()))
    return words


def audit_tokenizer(
    tokenizer, limit: int, splits, words: Counter[str], most: int
) -> tuple[dict[str, Any], np.ndarray]:
    """All about one tokenizer, and the lengths of all texts in pieces (n,).

    Args:
        limit: pieces that the model reads of a text.
        words: what `count_words` says of the splits.
        most: rows of the lists of words.
    """
    unknown: Counter[str] = Counter()
    lengths = []
    rows = {}
    for split, dataset in splits.items():
        pieces, per_word, n_unknown, words_with_unknown = count_pieces(dataset, tokenizer, unknown)
        lengths.append(pieces)
        rows[split] = describe_lengths(pieces, limit) | describe_words(per_word)
        rows[split] |= {
            "unknown_piece_share": n_unknown / max(1, int(pieces.sum())),
            "unknown_word_share": words_with_unknown / max(1, per_word.total()),
        }
    result = {
        "vocabulary": len(tokenizer),
        "limit": limit,
        "characters": {c: fate_of(c, tokenizer) for c in CHARACTERS},
        "splits": rows,
        "unknown": dict(unknown.most_common(most)),
        "accents": lost_accents(tokenizer, words, most),
    }
    return result, np.concatenate(lengths)


def fate_of(character: str, tokenizer) -> str:
    """`kept`, `[UNK]`, or what the character has become after encoding and decoding."""
    ids = tokenizer(character, add_special_tokens=False)["input_ids"]
    if tokenizer.unk_token_id in ids:
        return "[UNK]"
    decoded = tokenizer.decode(ids, clean_up_tokenization_spaces=False).strip()
    if decoded == character:
        return "kept"
    return decoded or "nothing"


def count_pieces(
    dataset, tokenizer, unknown: Counter[str]
) -> tuple[np.ndarray, Counter[int], int, int]:
    """Count one split's pieces; words are what white space separates.

    Args:
        unknown: the fragments that become unknown pieces are added to it.

    Returns:
        Pieces of each text (n,), special ones included; how many words have 0, 1, 2 … pieces; the
        number of unknown pieces; the number of words with one.
    """
    lengths = []
    per_word: Counter[int] = Counter()
    n_unknown = 0
    words_with_unknown = 0
    for batch in dataset.iter(BATCH):
        texts = [text or "" for text in batch["text"]]
        encoded = tokenizer(texts, truncation=False, return_offsets_mapping=True, verbose=False)
        for text, ids, offsets in zip(
            texts, encoded["input_ids"], encoded["offset_mapping"], strict=True
        ):
            starts = [match.start() for match in re.finditer(r"\S+", text)]
            # By the last character of a piece: the first may be the space before it.
            word_of = np.searchsorted(starts, [end - 1 for _, end in offsets], side="right") - 1
            # Special pieces have no characters.
            real = np.array([end > start for start, end in offsets], bool) & (word_of >= 0)
            is_unknown = real & (np.array(ids) == tokenizer.unk_token_id)

            lengths.append(len(ids))
            per_word.update(np.bincount(word_of[real], minlength=len(starts)).tolist())
            n_unknown += int(is_unknown.sum())
            words_with_unknown += len(np.unique(word_of[is_unknown]))
            for place in np.flatnonzero(is_unknown):
                start, end = offsets[place]
                unknown[text[start:end].strip()] += 1
    return np.array(lengths, int), per_word, n_unknown, words_with_unknown


def describe_lengths(pieces: np.ndarray, limit: int) -> dict[str, Any]:
    """The lengths of one split's texts, from the pieces (n,) of each; shares of those longer than
    the THRESHOLDS and than what the model reads.
    """
    thresholds = [*THRESHOLDS, limit]
    if not len(pieces):
        nothing = {str(n): 0.0 for n in thresholds}
        return {"texts": 0, "median": 0, "p95": 0, "max": 0, "share_over": nothing}
    median, p95, longest = np.percentile(pieces, [50, 95, 100]).astype(int).tolist()
    return {
        "texts": len(pieces),
        "median": median,
        "p95": p95,
        "max": longest,
        "share_over": {str(n): float((pieces > n).mean()) for n in thresholds},
    }


def describe_words(per_word: Counter[int]) -> dict[str, Any]:
    """The pieces of one split's words, from how many words have 0, 1, 2 … pieces."""
    if not per_word:
        return {"words": 0, "pieces_per_word_mean": 0.0, "pieces_per_word_p95": 0}
    lengths = sorted(per_word)
    counts = [per_word[length] for length in lengths]
    p95 = np.searchsorted(np.cumsum(counts), 0.95 * sum(counts))
    return {
        "words": per_word.total(),
        "pieces_per_word_mean": float(np.average(lengths, weights=counts)),
        "pieces_per_word_p95": lengths[p95],
    }


def accents_in(word: str) -> int:
    """Number of accent marks, those of ñ and ü included."""
    return sum(unicodedata.combining(c) > 0 for c in unicodedata.normalize("NFD", word))


def lost_accents(tokenizer, words: Counter[str], most: int) -> dict[str, Any]:
    """Accented words that lose their accents, and those of them that the model takes for another
    word; numbers count occurrences.
    """
    accented = [word for word in words if accents_in(word)]
    groups, forms = encode_words(tokenizer, list(words))
    lost = {}
    for word in accented:
        if word in forms and accents_in(forms[word]) < accents_in(word):
            lost[word] = forms[word]

    # Words of the same pieces are one word to the model.
    twins = {}
    for group in groups:
        for word in group:
            others = [other for other in group if other != word]
            if others and word in lost:
                twins[word] = others

    by_count = sorted(twins, key=words.__getitem__, reverse=True)
    collisions = []
    for word in by_count[:most]:
        same_as = {other: words[other] for other in twins[word]}
        collisions.append(
            {
                "word": word,
                "count": words[word],
                "becomes": lost[word],
                "same_as": same_as,
            }
        )
    return {
        "accented_words": sum(words[word] for word in accented),
        "lost": sum(words[word] for word in lost),
        "colliding": sum(words[word] for word in twins),
        "collisions": collisions,
    }


def encode_words(tokenizer, words: list[str]) -> tuple[list[list[str]], dict[str, str]]:
    """The words in groups of equal pieces, and what each accented one is decoded to; words with an
    unknown piece are left out.
    """
    if not words:
        return [], {}
    # A space before each, as within a text: some tokenizers tell the first word of a text from the
    # others.
    spaced = [f" {word}" for word in words]
    encoded = tokenizer(spaced, add_special_tokens=False, verbose=False)["input_ids"]
    groups = defaultdict(list)
    forms = {}
    for word, pieces in zip(words, encoded, strict=True):
        if tokenizer.unk_token_id in pieces:
            continue
        groups[tuple(pieces)].append(word)
        if accents_in(word):
            forms[word] = tokenizer.decode(pieces, clean_up_tokenization_spaces=False).strip()
    return list(groups.values()), forms
