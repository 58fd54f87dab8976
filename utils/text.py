"""Bytes to text and text to comparison keys: encodings, NFC, mojibake, normalised hashes."""

import codecs
import functools
import re
import unicodedata
from collections.abc import Iterable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from utils.errors import InputError

# cp1252 leaves five bytes undefined; a file that holds one of them is read as latin-1.
CP1252_UNDEFINED = b"\x81\x8d\x8f\x90\x9d"
CONTROL_BYTES = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))
# A byte that is not UTF-8 comes out of `surrogateescape` as U+DC80..U+DCFF; this table reads it as
# cp1252.
STRAY_BYTES = {
    0xDC00 + b: bytes([b]).decode("cp1252", "replace").replace("\ufffd", chr(b))
    for b in range(128, 256)
}
# UTF-8 read as cp1252 or latin-1 leaves these pairs ("Ã±" for "ñ", "â€œ" for an opening quote).
MOJIBAKE = (
    "[ÂÃ][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u2122]"
    "|â€|\ufffd"
)
# A character that shows: no space of any kind (NBSP), no control, no format character (U+200B, a
# soft hyphen), none of the letters that are drawn empty. For RE2, as Arrow has it.
VISIBLE = r"[^\s\p{Z}\p{Cc}\p{Cf}\x{115F}\x{1160}\x{2800}\x{3164}\x{FFA0}]"
EMPTY_LETTERS = "\u115f\u1160\u2800\u3164\uffa0"

# What may be neither UTF-8 nor UTF-16: Windows, a Mac of before 2001 (and Excel on one today), DOS.
# Of two that explain a file equally well, the first is taken.
SINGLE_BYTE = ("cp1252", "mac_roman", "cp850")
SPANISH_LOWER, SPANISH_UPPER = "áéíóúüñ", "ÁÉÍÓÚÜÑ"
OPENING, CLOSING, APART = "¿¡“‘«", "”’»ºª…", "–—€•"
# Where ’ joins the halves of a foreign word: l’hora, D’Elia, don’t, it’s. The í of a Mac is the
# same byte, so "día" and "país" must not look like one.
APOSTROPHE = re.compile(
    rb"\x92(?:"
    rb"(?<=[^A-Za-z\x80-\xff][A-Za-z]\x92)(?=[AEHIOUaehiou\x80-\xff][a-z\x80-\xff]{2})"
    rb"|(?<=[A-Za-z]\x92)(?:[tmd]|re|ve|ll)(?![A-Za-z\x80-\xff])"
    rb"|(?<=[A-Za-z]\x92)(?<![Pp]a\x92)s(?![A-Za-z\x80-\xff]))"
)
NEITHER, LOWER, UPPER, HIGH = range(4)  # what stands beside a byte: no letter, a, A, a byte >= 128


def is_binary(head: bytes) -> bool:
    """Whether the first bytes of a file are no text: NULs that are not UTF-16's, a PDF, control
    bytes.
    """
    if wide_encoding(head):
        return False
    controls = len(head) - len(head.translate(None, CONTROL_BYTES))
    return b"\0" in head or head.startswith(b"%PDF-") or controls > 0.05 * max(len(head), 1)


def wide_encoding(head: bytes) -> str | None:
    """`utf-16` or `utf-32` by the mark a file begins with, `utf-16-le` or `-be` by its NULs.

    Western text in UTF-16 has a NUL in nearly every second byte and next to none between them.
    """
    if head.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    pairs = len(head) // 2
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if pairs >= 2 and odd > 0.7 * pairs and even == 0:
        return "utf-16-le"
    if pairs >= 2 and even > 0.7 * pairs and odd == 0:
        return "utf-16-be"
    return None


def detect_encoding(chunks: Iterable[bytes]) -> str:
    """Name the encoding of a stream of byte chunks.

    Returns one of `utf-8`, `utf-8-sig`, `utf-16` (`-le`, `-be`), `utf-32`, `cp1252`, `latin-1`,
    `iso8859-15`, `mac_roman`, `cp850` and `utf-8+cp1252` (UTF-8 with fewer stray bytes than whole
    sequences: `decode` reads each stray byte as cp1252).
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    head: bytes | None = None
    stray = whole = 0  # bytes that are no UTF-8, and sequences that are
    apostrophes = 0
    contexts = np.zeros((256, 4, 4), np.int64)
    for chunk in chunks:
        head = chunk[:8192] if head is None else head
        text = decoder.decode(chunk)
        if text.isascii():
            continue
        high = sum(map(text.count, set(re.findall("[^\x00-\x7f]", text))))
        bad = len(re.findall("[\udc80-\udcff]", text))
        stray += bad
        whole += high - bad
        if bad:
            contexts += count_contexts(chunk)
            apostrophes += len(APOSTROPHE.findall(b" " + chunk))
    stray += len(decoder.decode(b"", final=True))
    head = head or b""
    if wide := wide_encoding(head):
        return wide
    if stray == 0:
        return "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else "utf-8"
    if stray < whole:
        return "utf-8+cp1252"
    return single_byte_encoding(contexts, apostrophes)


def count_contexts(chunk: bytes) -> np.ndarray:
    """How often each byte stands between each two kinds of neighbours: (256, 4, 4) int."""
    data = np.frombuffer(chunk, np.uint8)
    kinds = np.full(256, NEITHER)
    kinds[ord("a") : ord("z") + 1] = LOWER
    kinds[ord("A") : ord("Z") + 1] = UPPER
    kinds[128:] = HIGH
    beside = kinds[np.concatenate([[0], data, [0]]).astype(np.uint8)]
    at = np.flatnonzero(data >= 128)
    cells = data[at].astype(np.int64) * 16 + beside[at] * 4 + beside[at + 2]
    return np.bincount(cells, minlength=256 * 16).reshape(256, 4, 4)


def single_byte_encoding(contexts: np.ndarray, apostrophes: int) -> str:
    """The one of `SINGLE_BYTE` under which the bytes look most like Spanish, by their neighbours.

    Args:
        contexts: as `count_contexts` gives. apostrophes: how many bytes 0x92 join two halves of a
            foreign word, which is what they are in cp1252 alone.
    """
    scores = {name: float((contexts * context_scores(name)).sum()) for name in SINGLE_BYTE}
    scores["cp1252"] += 2 * apostrophes
    best = max(SINGLE_BYTE, key=scores.__getitem__)
    if best != "cp1252":
        return best
    seen = contexts.sum((1, 2)) > 0
    if seen[list(CP1252_UNDEFINED)].any():
        return "latin-1"
    # 0xA4 is the euro sign of iso8859-15 and a sign nobody writes in cp1252, whose euro is 0x80.
    return "iso8859-15" if seen[0xA4] and not seen[0x80:0xA0].any() else "cp1252"


@functools.lru_cache
def context_scores(encoding: str) -> np.ndarray:
    """How Spanish each byte looks between each two kinds of neighbours: (256, 4, 4) float."""
    scores = np.zeros((256, 4, 4))
    for byte in range(128, 256):
        character = bytes([byte]).decode(encoding, "replace")
        for before in range(4):
            for after in range(4):
                scores[byte, before, after] = likeness(character, before, after)
    return scores


def likeness(character: str, before: int, after: int) -> float:
    """1 where a character stands as Spanish writes it, -1 where nobody would, else between."""
    letters = (LOWER, UPPER)
    inside_word = before in letters and after in letters
    touches_word = before in letters or after in letters
    if character in SPANISH_LOWER:
        return -1 if after == UPPER else float(touches_word)
    if character in SPANISH_UPPER:
        return -1 if before == LOWER else float(touches_word)
    if character.isalpha() and character not in "ºª":
        # Letters of other languages, as in garçon, are seldom; of other scripts they say nothing.
        if character.isupper() and before == LOWER:
            return -1
        base = unicodedata.normalize("NFD", character.lower())[0]
        return 0.25 if touches_word and "a" <= base <= "z" else 0
    if character in "\u00a0’·":  # between words; within foreign ones
        return float(character == "\u00a0" and inside_word)
    if character in OPENING:
        return -1 if inside_word else float(before == NEITHER and after != NEITHER)
    if character in CLOSING:
        return -1 if inside_word else float(before != NEITHER and after == NEITHER)
    if character in APART:
        return -1 if inside_word else float(before == after == NEITHER)
    if inside_word:
        return -1
    return -0.25 if touches_word else 0


def check_encoding(name: str | None):
    """Refuse a name that is no text encoding of Python's."""
    try:
        if name is not None and not codecs.lookup(name)._is_text_encoding:
            raise LookupError
        "".encode(name or "utf-8")
    except (LookupError, ValueError):
        raise InputError(
            f"--encoding {name!r}: unknown; give one such as utf-8, cp1252, latin-1, mac_roman, "
            "cp850 or utf-16"
        ) from None


def decode(data: bytes, encoding: str | None = None) -> tuple[str, str]:
    """Decode a whole file: (text, encoding as given, else as `detect_encoding` names it).

    Raises:
        UnicodeDecodeError: the data are not in the encoding given.
    """
    encoding = encoding or detect_encoding([data])
    if encoding == "utf-8+cp1252":
        text = data.decode("utf-8", "surrogateescape").translate(STRAY_BYTES)
    else:
        text = data.decode(encoding)
    return text.removeprefix("\ufeff"), encoding


def nfc(text: str) -> str:
    """The text in Unicode's composed form, so that `ñ` is one character whoever typed it."""
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def readable_name(name: object) -> str:
    """A file's name or path in NFC, with bytes that are not UTF-8 read as cp1252."""
    return whole_characters(nfc(str(name).translate(STRAY_BYTES)))


def whole_characters(text: str) -> str:
    """The text with lone surrogates (half an emoji in json) as U+FFFD: no file could hold them."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def is_blank(text: str | None) -> bool:
    """Whether nothing of a text shows: none, spaces of any kind, invisible characters."""
    return not text or all(map(is_hidden, text))


def is_hidden(character: str) -> bool:
    """Whether a character does not show; `VISIBLE` says the same to Arrow."""
    return (
        character.isspace()
        or unicodedata.category(character) in ("Cc", "Cf")
        or character in EMPTY_LETTERS
    )


def label_key(label: str) -> str:
    """Equal for labels that differ only in case, accents, spacing or invisible characters."""
    text = unicodedata.normalize("NFKD", label.casefold())
    hidden = ("Mn", "Cf", "Cc")
    shown = "".join(c for c in text if c.isspace() or unicodedata.category(c) not in hidden)
    spaced = shown.translate(dict.fromkeys(map(ord, EMPTY_LETTERS), " "))
    return " ".join(spaced.split())


def match_keys(texts: pa.ChunkedArray) -> np.ndarray:
    """Hash each text so that texts which differ only in case, accents, punctuation or spacing are
    equal.

    Texts without letters or digits are compared as they are. Returns (n,) uint64, the same on every
    machine.
    """
    keys = []
    for chunk in texts.chunks:
        text = pc.fill_null(chunk, "")
        # Without accents, in lower case, with one space for all that is no letter or digit.
        bare = pc.replace_substring_regex(pc.utf8_normalize(text, "NFKD"), r"\p{M}+", "")
        spaced = pc.replace_substring_regex(pc.utf8_lower(bare), r"[^\p{L}\p{N}]+", " ")
        folded = pc.utf8_trim(spaced, " ")
        folded = pc.if_else(pc.equal(folded, ""), text, folded)
        values = folded.to_numpy(zero_copy_only=False).astype(object)
        keys.append(pd.util.hash_array(values, categorize=False))
    return np.concatenate(keys) if keys else np.empty(0, np.uint64)
