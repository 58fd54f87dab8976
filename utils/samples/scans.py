"""From the sections of a document to the text that a scan of it gives: line breaks, page numbers,
capitals, OCR noise.
"""

import itertools
import random
import re
import unicodedata

from utils.samples.fillers import CLAUSE_MARK, Doc

ORDINALS = "X PRIMERA SEGUNDA TERCERA CUARTA QUINTA SEXTA SÉPTIMA OCTAVA NOVENA".split()
TENTH_ORDINALS = """
X DÉCIMA VIGÉSIMA TRIGÉSIMA CUADRAGÉSIMA QUINCUAGÉSIMA SEXAGÉSIMA SEPTUAGÉSIMA OCTOGÉSIMA
NONAGÉSIMA
""".split()
# What OCR takes each character for.
CONFUSIONS = {
    "o": "0ce",
    "O": "0Q",
    "0": "oO",
    "l": "1I",
    "I": "l1",
    "1": "lI",
    "i": "1l",
    "é": "e",
    "á": "a",
    "í": "i",
    "ó": "o6",
    "ú": "u",
    "ñ": "n",
    "Ñ": "N",
    "É": "E",
    "Ó": "O0",
    "Í": "I",
    "e": "cé",
    "c": "e",
    "S": "5",
    "5": "S",
    "B": "8",
    "8": "B",
    "h": "b",
    "g": "q9",
    "t": "f",
    "u": "n",
    "n": "u",
    "a": "ao",
    "s": "5",
    "D": "O",
    ".": ",",
    ",": ".",
    "-": "~_",
    "$": "S8",
}
STRAY = "|·~^*'_;:•°¬"


def number_clauses(parts: list[str], style: str) -> list[str]:
    """Clauses are numbered last, when the order of the sections stands."""
    marks = itertools.count(1)

    def number(match):
        place = next(marks) % 100
        tens, units = divmod(place, 10)
        words = " ".join(word for word in (TENTH_ORDINALS[tens], ORDINALS[units]) if word != "X")
        return style.format(words, place)

    return [re.sub(CLAUSE_MARK, number, part) for part in parts]


def tidy(text: str) -> str:
    """Contractions and full stops as they are written, after the slots were filled."""
    for rough, right in (
        (" de el ", " del "),
        (" a el ", " al "),
        ("..", "."),
        (" .", "."),
        (" ,", ","),
    ):
        text = text.replace(rough, right)
    return "\n".join(line.strip() for line in text.split("\n"))


def wrap(line: str, width: int, hyphenate: bool) -> list[str]:
    """The line broken near `width`, mid-word with a hyphen when the scan kept such breaks."""
    broken = []
    while len(line) > width:
        cut = line.rfind(" ", 1, width)
        if hyphenate and line[width - 3 : width + 3].isalpha():
            broken.append(line[:width] + "-")
            line = line[width:]
        elif cut <= 0:
            break
        else:
            broken.append(line[:cut])
            line = line[cut + 1 :]
    return [*broken, line]


def paginate(lines: list[str], rng: random.Random, doc: Doc) -> list[str]:
    """The lines with a header and a page number every so many of them."""
    size = rng.randrange(18, 46)
    pages = -(-len(lines) // size) + rng.randrange(2)
    header = rng.choice(
        ("", doc["empresa"], doc["banco"], f"Radicado {rng.randrange(10**8, 10**9)}")
    )
    style = rng.choice(("Página {} de {}", "Pág. {}/{}", "Hoja {} de {}", "- {} -"))
    paged = []
    for page, start in enumerate(range(0, len(lines), size), 1):
        paged += [header, *lines[start : start + size], style.format(page, pages)]
    return [line for line in paged if line]


def scar(text: str, rate: float, rng: random.Random) -> str:
    """The text as a poor OCR read it: `rate` of its characters confused, lost, split or joined by
    strays.
    """
    chars = list(text)
    for _ in range(int(len(chars) * rate)):
        place = rng.randrange(len(chars))
        char = chars[place]
        if char == " ":
            chars[place] = rng.choice(("", "  ", "  ", " " + rng.choice(STRAY) + " "))
        elif char == "m" and rng.random() < 0.5:
            chars[place] = "rn"
        elif char in CONFUSIONS and rng.random() < 0.85:
            chars[place] = rng.choice(CONFUSIONS[char])
        elif char != "\n":
            chars[place] = rng.choice(("", char + rng.choice(STRAY), char + " "))
    return "".join(chars)


def lay_out(parts: list[str], rng: random.Random, doc: Doc) -> str:
    """Parts to text: line breaks, page numbers, capitals and OCR noise, from none to heavy."""
    lines = [
        line
        for part in number_clauses(parts, doc["clause_style"])
        for line in tidy(part).split("\n")
    ]
    noise = rng.random()
    if noise < 0.45:
        width = rng.choice((64, 72, 80, 90, 100))
        hyphenate = rng.random() < 0.3
        lines = [piece for line in lines for piece in wrap(line, width, hyphenate)]
    if len(lines) > 12 and rng.random() < 0.3:
        lines = paginate(lines, rng, doc)
    if noise < 0.25 and len(lines) > 4 and rng.random() < 0.4:
        del lines[: rng.randrange(1, 3)]
    text = rng.choice(("\n", "\n", "\n\n")).join(line for line in lines if line)
    if rng.random() < 0.10:
        text = text.upper()
    if noise < 0.45:
        text = scar(text, rng.choice((0.004, 0.01, 0.02, 0.04, 0.08)), rng)
    return unicodedata.normalize("NFC", text).strip()
