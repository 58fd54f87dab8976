"""Bytes to text and text to comparison keys: encodings, NFC, mojibake, normalised hashes."""

import codecs
import re
import unicodedata

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

# cp1252 leaves five bytes undefined; a file that holds one of them is read as latin-1.
CP1252_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
CONTROL_BYTES = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))
# A byte that is not UTF-8 comes out of `surrogateescape` as U+DC80..U+DCFF; this table reads it as
# cp1252.
STRAY_BYTES = {
    0xDC00 + b: bytes([b]).decode("cp1252", "replace").replace("\ufffd", chr(b))
    for b in range(128, 256)
}
# UTF-8 read as cp1252 or latin-1 leaves these pairs ("Ã±" for "ñ", "â€œ" for an opening quote).
MOJIBAKE = "[ÂÃ][\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013-\u2122]|â€|\ufffd"


def is_binary(head: bytes) -> bool:
    """Whether the first bytes of a file are no text: a NUL (UTF-16 with its mark apart), a PDF,
    control bytes.
    """
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return False
    controls = len(head) - len(head.translate(None, CONTROL_BYTES))
    return b"\0" in head or head.startswith(b"%PDF-") or controls > 0.05 * max(len(head), 1)


def detect_encoding(chunks) -> str:
    """Name the encoding of a stream of byte chunks.

    Returns one of `utf-8`, `utf-8-sig`, `utf-16`, `cp1252`, `latin-1` and `utf-8+cp1252` (UTF-8
    with fewer stray
    bytes than whole sequences: `decode` reads each stray byte as cp1252).
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    first, stray, whole, undefined = None, 0, 0, False
    for chunk in chunks:
        first = chunk[:4] if first is None else first
        text = decoder.decode(chunk)
        if not text.isascii():
            high = sum(map(text.count, set(re.findall("[^\x00-\x7f]", text))))
            bad = len(re.findall("[\udc80-\udcff]", text))
            stray, whole = stray + bad, whole + high - bad
        undefined = undefined or CP1252_UNDEFINED.search(chunk) is not None
    stray += len(decoder.decode(b"", final=True))
    first = first or b""
    if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    if stray == 0:
        return "utf-8-sig" if first.startswith(codecs.BOM_UTF8) else "utf-8"
    if stray < whole:
        return "utf-8+cp1252"
    return "latin-1" if undefined else "cp1252"


def decode(data: bytes) -> tuple[str, str]:
    """Decode a whole file: (text, encoding as `detect_encoding` names it)."""
    encoding = detect_encoding([data])
    if encoding == "utf-8+cp1252":
        return data.decode("utf-8", "surrogateescape").translate(STRAY_BYTES).removeprefix(
            "\ufeff"
        ), encoding
    return data.decode(encoding), encoding


def nfc(text: str) -> str:
    """The text in Unicode's composed form, so that `ñ` is one character whoever typed it."""
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def match_keys(texts: pa.ChunkedArray) -> np.ndarray:
    """Hash each text so that texts which differ only in case, accents, punctuation or spacing are
    equal.

    Texts without letters or digits are compared as they are. Returns (n,) uint64, the same on every
    machine.
    """
    keys = []
    for chunk in texts.chunks:
        text = pc.fill_null(chunk, "")
        folded = pc.utf8_lower(
            pc.replace_substring_regex(pc.utf8_normalize(text, "NFKD"), r"\p{M}+", "")
        )
        folded = pc.utf8_trim(pc.replace_substring_regex(folded, r"[^\p{L}\p{N}]+", " "), " ")
        folded = pc.if_else(pc.equal(folded, ""), text, folded)
        keys.append(
            pd.util.hash_array(
                folded.to_numpy(zero_copy_only=False).astype(object), categorize=False
            )
        )
    return np.concatenate(keys) if keys else np.empty(0, np.uint64)
