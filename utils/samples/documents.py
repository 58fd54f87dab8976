"""The project's own sample corpus: Spanish documents of a bank's intake, written by code from a
seed.

    python -m utils.samples.documents OUTPUT_FOLDER [--seed 0]

About 2,200 documents of 16 typologies. They share clauses, accounts and letter style, many are
fragments without their title, some carry OCR noise; a few are wrongly labelled or repeated. Every
person and company is invented.
"""

import argparse
import itertools
import random
import re
import unicodedata
from operator import itemgetter
from pathlib import Path

from utils.errors import InputError, exits_on_input_error, hold_until_main_ends
from utils.folders import locked_folder
from utils.samples.templates import COUNTRIES, GRAMMAR, MEN, SURNAMES, WOMEN

SIZES = {
    "extracto_bancario": 396,
    "factura": 318,
    "cedula_ciudadania": 236,
    "certificado_laboral": 206,
    "balance_general": 186,
    "declaracion_renta": 158,
    "camara_comercio": 138,
    "rut": 118,
    "contrato": 102,
    "estado_resultados": 84,
    "carta": 70,
    "acta": 54,
    "pagare": 44,
    "poder": 36,
    "certificado_ingresos": 30,
    "poliza_seguro": 24,
}
# The sections that a typology has in common with others; a fragment may hold nothing else.
SHARED = {
    "extracto_bancario": ["montos", "montos", "identidad"],
    "factura": ["montos", "montos", "registro"],
    "cedula_ciudadania": ["identidad"],
    "certificado_laboral": ["epistolar", "epistolar", "identidad"],
    "balance_general": ["contable"],
    "declaracion_renta": ["contable", "registro", "identidad"],
    "camara_comercio": ["registro"],
    "rut": ["registro", "registro", "identidad"],
    "contrato": ["legal", "legal", "registro"],
    "estado_resultados": ["contable"],
    "carta": ["epistolar", "epistolar", "montos"],
    "acta": ["legal", "contable"],
    "pagare": ["legal", "legal", "montos"],
    "poder": ["legal", "identidad"],
    "certificado_ingresos": ["contable", "epistolar", "montos"],
    "poliza_seguro": ["legal", "montos", "registro"],
}
LONG = {"extracto_bancario": 12, "contrato": 10, "acta": 6, "factura": 5, "pagare": 3}
# Typologies whose forms exist under these names in Colombia alone.
LOCAL = {"rut", "camara_comercio", "declaracion_renta", "certificado_ingresos"}
SHARES = {"whole": 0.54, "partial": 0.24, "fragment": 0.12, "short": 0.10}
MENTIONS = 0.14
WRONG_LABELS = 0.015
DUPLICATES = 0.02
# Where the documents of a typology go, one after the other: 70 % / 15 % / 15 %.
DEAL = [{"t": "train", "v": "validation", "e": "test"}[letter] for letter in "ttetvttttetvtttetvtt"]
SPLIT_FOLDERS = {"train": "train", "validation": "val", "test": "test"}

PARTIES = [
    ("EL ARRENDADOR", "EL ARRENDATARIO"),
    ("EL CONTRATANTE", "EL CONTRATISTA"),
    ("EL VENDEDOR", "EL COMPRADOR"),
    ("EL EMPLEADOR", "EL TRABAJADOR"),
]
UNITS = """cero un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete
dieciocho diecinueve veinte veintiún veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete veintiocho
veintinueve""".split()
TENS = "X X X treinta cuarenta cincuenta sesenta setenta ochenta noventa".split()
HUNDREDS = """X ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos
novecientos""".split()
ORDINALS = "X PRIMERA SEGUNDA TERCERA CUARTA QUINTA SEXTA SÉPTIMA OCTAVA NOVENA".split()
TENTH_ORDINALS = """X DÉCIMA VIGÉSIMA TRIGÉSIMA CUADRAGÉSIMA QUINCUAGÉSIMA SEXAGÉSIMA SEPTUAGÉSIMA OCTOGÉSIMA
NONAGÉSIMA""".split()
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
CLAUSE_MARK = "§"
STRAY = "|·~^*'_;:•°¬"
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_SLOT = re.compile(r"\{(\w+)(?::(\d+)-(\d+))?\}|(#+)")


def parse_grammar(text: str) -> dict[str, list[str]]:
    """The pools of the grammar: name -> alternatives, with `¶` turned into line ends."""
    pools: dict[str, list[str]] = {}
    for line in text.strip().splitlines():
        if line.startswith("== "):
            alternatives = pools.setdefault(line[3:], [])
        elif line.startswith("- "):
            alternatives.append(line[2:])
        else:
            alternatives[-1] += f" {line.strip()}"
    return {
        name: [re.sub(r" ?¶ ?", "\n", text.replace("| ", "|")) for text in texts]
        for name, texts in pools.items()
    }


LINES = re.compile(r"\{\w+:")
POOLS = parse_grammar(GRAMMAR)
GIVEN_NAMES = (MEN.split(";"), WOMEN.split(";"))
FAMILY_NAMES = SURNAMES.split(";")


def in_words(number: int) -> str:
    """A whole number below a thousand million in Spanish words, as they stand before a noun."""
    if number >= 1_000_000:
        millions, rest = divmod(number, 1_000_000)
        head = "un millón" if millions == 1 else f"{in_words(millions)} millones"
    elif number >= 1000:
        thousands, rest = divmod(number, 1000)
        head = "mil" if thousands == 1 else f"{in_words(thousands)} mil"
    elif number >= 100:
        hundreds, rest = divmod(number, 100)
        head = "cien" if number == 100 else HUNDREDS[hundreds]
    elif number >= 30:
        tens, rest = divmod(number, 10)
        return f"{TENS[tens]} y {UNITS[rest]}" if rest else TENS[tens]
    else:
        return UNITS[number]
    return f"{head} {in_words(rest)}" if rest else head


def grouped(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def identity_number(rng: random.Random, doc: dict) -> str:
    number = (
        rng.randrange(10_000_000, 99_999_999)
        if rng.random() < 0.6
        else rng.randrange(10**9, 1_199_999_999)
    )
    return grouped(number) if doc["grouped_ids"] else str(number)


def tax_number(rng: random.Random, doc: dict) -> str:
    number = rng.randrange(800_000_000, 901_999_999)
    return f"{grouped(number) if doc['grouped_ids'] else number}-{rng.randrange(10)}"


def names(rng: random.Random, gender: int) -> tuple[str, str]:
    """Given names and two different surnames."""
    return rng.choice(GIVEN_NAMES[gender]), " ".join(rng.sample(FAMILY_NAMES, 2))


def person(rng: random.Random, doc: dict) -> str:
    given, family = names(rng, rng.randrange(2))
    return f"{given} {family}"


def amount(rng: random.Random, doc: dict) -> str:
    number = rng.randrange(10, 1000) * 10 ** rng.randrange(2, doc["magnitude"])
    return doc["amount_style"].format(grouped(number + rng.choice((0, 0, rng.randrange(1000)))))


def amount_columns(rng: random.Random, doc: dict) -> str:
    return doc["gap"].join(amount(rng, doc) for _ in range(doc["columns"]))


def amount_in_words(rng: random.Random, doc: dict) -> str:
    number = rng.randrange(2, 900) * rng.choice((1000, 50_000, 100_000, 1_000_000))
    words = in_words(number) + (" de" if number % 1_000_000 == 0 else "")
    words = f"{words} {doc['moneda']}"
    return f"{words.upper() if doc['loud_words'] else words} ($ {grouped(number)})"


def write_date(day: int, month: int, year: int, style: int) -> str:
    month_name = POOLS["mes"][month - 1]
    return (
        f"{day} de {month_name} de {year}",
        f"{day:02}/{month:02}/{year}",
        f"{year}-{month:02}-{day:02}",
        f"{day} {month_name[:3]}. {year}",
        f"{day:02}-{month_name[:3].upper()}-{year}",
        f"{day:02} {month:02} {year}",
    )[style]


def date_years_ago(rng: random.Random, doc: dict, years: int) -> str:
    return write_date(
        rng.randrange(1, 29), rng.randrange(1, 13), doc["year"] - years, doc["date_style"]
    )


def date(rng: random.Random, doc: dict) -> str:
    return date_years_ago(rng, doc, rng.choice((0, 0, 0, 0, 0, 0, 1, 1, 2, 4)))


def date_of_birth(rng: random.Random, doc: dict) -> str:
    return date_years_ago(rng, doc, rng.randrange(19, 71))


def date_of_hiring(rng: random.Random, doc: dict) -> str:
    return date_years_ago(rng, doc, rng.randrange(3, 15))


def period(rng: random.Random, doc: dict) -> str:
    """A month, some months or the whole year, from its first to its last day."""
    first = rng.choice((1, 1, rng.randrange(1, 13)))
    last = rng.choice((first, first, rng.randrange(first, 13), 12))
    end = 28 if last == 2 else 30
    ends = ((1, first), (end, last))
    return " al ".join(
        write_date(day, month, doc["year"], doc["date_style"]) for day, month in ends
    )


def next_day(rng: random.Random, doc: dict) -> str:
    """Day and month of a movement: each a little later than the one above it."""
    doc["days"] += rng.choice((0, 0, 1, 1, 2))
    return f"{doc['days'] % 28 + 1:02}{doc['date_separator']}{doc['days'] // 28 % 12 + 1:02}"


def next_instalment(rng: random.Random, doc: dict) -> str:
    doc["instalments"] += 1
    years, month = divmod(doc["instalments"], 12)
    return f"{doc['instalments']} {write_date(doc['pay_day'], month + 1, doc['year'] + years, doc['date_style'])}"


def hour(rng: random.Random, doc: dict) -> str:
    o_clock, minutes = rng.randrange(7, 19), rng.randrange(60)
    if rng.random() < 0.5:
        return f"{o_clock}:{minutes:02}" + rng.choice(("", " horas"))
    return f"{(o_clock - 1) % 12 + 1}:{minutes:02} {'a.m.' if o_clock < 12 else 'p.m.'}"


def day_in_words(rng: random.Random, doc: dict) -> str:
    day = rng.randrange(2, 29)
    return f"{in_words(day)} ({day})"


def clause_mark(rng: random.Random, doc: dict) -> str:
    return CLAUSE_MARK


def number_clauses(parts: list[str], style: str) -> list[str]:
    """Clauses are numbered last, when the order of the sections stands."""
    marks = itertools.count(1)

    def number(match):
        place = next(marks) % 100
        tens, units = divmod(place, 10)
        words = " ".join(word for word in (TENTH_ORDINALS[tens], ORDINALS[units]) if word != "X")
        return style.format(words, place)

    return [re.sub(CLAUSE_MARK, number, part) for part in parts]


def plain(text: str) -> str:
    """Lower-case ASCII letters and digits alone: what two texts must differ in to be two documents."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in folded if char.isalnum())


def mail(rng: random.Random, doc: dict) -> str:
    user = plain(rng.choice(FAMILY_NAMES)) + str(rng.randrange(100))
    return f"{user}@{rng.choice(('correo', 'empresa', 'buzon', 'mensajes'))}.example"


def phone(rng: random.Random, doc: dict) -> str:
    return rng.choice(("60{} {}", "3{}{}", "({}) {}")).format(
        rng.randrange(1, 9), rng.randrange(2_000_000, 8_999_999)
    )


def hexadecimal(rng: random.Random, doc: dict) -> str:
    return f"{rng.randrange(16**12):012x}"


def code(rng: random.Random, doc: dict) -> str:
    return "".join(rng.choice("ABCDEFGHJKLMNPRSTV") for _ in range(rng.randrange(2, 5)))


def reference(rng: random.Random, doc: dict) -> str:
    return f"{code(rng, doc)}{rng.randrange(10, 9999)}"


def user_name(rng: random.Random, doc: dict) -> str:
    return plain(rng.choice(FAMILY_NAMES))[:6] + str(rng.randrange(1, 99))


def percentage(rng: random.Random, doc: dict) -> str:
    return f"{rng.randrange(1, 99)}" + rng.choice(
        ("", f",{rng.randrange(10)}", f",{rng.randrange(10, 99)}")
    )


def rate(rng: random.Random, doc: dict) -> str:
    return f"{rng.randrange(1, 33)}" + rng.choice(("", f",{rng.randrange(1, 100)}"))


def height(rng: random.Random, doc: dict) -> str:
    return str(rng.randrange(50, 93))


def quantity(rng: random.Random, doc: dict) -> str:
    return str(rng.choice((1, 1, 2, 3, 4, 5, 6, 10, 12, 20, 24, 50, 100)))


def any_city(rng: random.Random, doc: dict) -> str:
    return rng.choice(doc["cities"])


def any_company(rng: random.Random, doc: dict) -> str:
    return draw("empresa_n", rng, doc)


MAKERS = {
    "persona": person,
    "cc_n": identity_number,
    "nit_r": tax_number,
    "empresa_r": any_company,
    "ciudad_r": any_city,
    "m": amount,
    "col": amount_columns,
    "letras": amount_in_words,
    "fecha_r": date,
    "fecha_c": next_day,
    "vence": next_instalment,
    "nacimiento": date_of_birth,
    "ingreso_t": date_of_hiring,
    "periodo": period,
    "hora": hour,
    "dias": day_in_words,
    "ord": clause_mark,
    "correo": mail,
    "tel": phone,
    "hexa": hexadecimal,
    "sigla": code,
    "ref": reference,
    "usuario": user_name,
    "pct": percentage,
    "tasa": rate,
    "talla": height,
    "cant": quantity,
}


def expand(template: str, rng: random.Random, doc: dict) -> str:
    """The template with its choices taken, its slots filled and its `#` turned into digits."""

    def choose(match):
        return rng.choice(match[1].split("|"))

    def fill(match):
        name, low, high, digits = match.groups()
        if digits:
            return str(rng.randrange(10 ** (len(digits) - 1), 10 ** len(digits)))
        if low:
            return repeat(name, rng.randrange(int(low), int(high) + 1), rng, doc)
        if name in doc:
            return str(doc[name])
        return MAKERS[name](rng, doc) if name in MAKERS else draw(name, rng, doc)

    while "[" in template:
        template = _CHOICE.sub(choose, template)
    return _SLOT.sub(fill, template)


def draw(pool: str, rng: random.Random, doc: dict) -> str:
    return expand(rng.choice(POOLS[pool]), rng, doc)


def repeat(pool: str, times: int, rng: random.Random, doc: dict) -> str:
    """Lines drawn from a pool that come back only after all its others were used in this document."""
    waiting = doc["waiting"].setdefault(pool, [])
    lines = []
    for _ in range(times):
        if not waiting:
            waiting.extend(rng.sample(POOLS[pool], len(POOLS[pool])))
        lines.append(expand(waiting.pop(), rng, doc))
    return "\n".join(lines)


def new_document(label: str, rng: random.Random) -> dict:
    """What one document holds fast: its parties, place, dates, and the way it writes numbers."""
    foreign = label not in LOCAL and rng.random() < 0.13
    country = rng.choice(COUNTRIES[1:]) if foreign else COUNTRIES[0]
    gender = rng.randrange(2)
    given, family = names(rng, gender)
    year = rng.randrange(2012, 2025)
    doc = {
        **country,
        "cities": country["ciudades"].split(";"),
        "days": rng.randrange(336),
        "instalments": 0,
        "pay_day": rng.randrange(1, 29),
        "waiting": {},
        "year": year,
        "anio": year,
        "anio_ant": year - 1,
        "magnitude": rng.choice((4, 5, 6, 7)),
        "columns": rng.choice((1, 1, 2)),
        "gap": rng.choice((" ", "   ", "\t")),
        "amount_style": rng.choice(("$ {}", "${}", "{}", "{}", "{},00", "$ {},oo")),
        "date_style": rng.randrange(6),
        "date_separator": rng.choice("/-."),
        "clause_style": rng.choice(("{0}.", "{0}:", "CLÁUSULA {0}.", "{1}.", "{1})", "{0}.-")),
        "grouped_ids": rng.random() < 0.6,
        "loud_words": rng.random() < 0.4,
        "titular": f"{given} {family}",
        "nombres_t": given,
        "apellidos_t": family,
        "nombres_m": given.upper(),
        "apellidos_m": family.upper(),
        "g": "oa"[gender],
        "sexo": "MF"[gender],
        "sr": ("señor", "señora")[gender],
        "sr_art": ("el señor", "la señora")[gender],
        "rh": rng.choice("OAB") + rng.choice("+-"),
        "banco": rng.choice(POOLS["banco_n"]),
        "cargo": rng.choice(POOLS["cargo_n"]),
        "cuenta": rng.choice(("{}-{}-{}", "{}{}{}")).format(
            *(rng.randrange(100, 999) for _ in range(3))
        ),
        "cedula_m": country["cedula"].upper(),
        "mrz": plain(family + given).upper()[:14] + "<<<<",
        "cc_x": str(rng.randrange(10**8, 10**9)),
    }
    doc["parte_a"], doc["parte_b"] = rng.choice(PARTIES)
    doc["ciudad"] = rng.choice(doc["cities"])
    doc["ciudad_m"] = doc["ciudad"].upper()
    doc["fecha"] = date_years_ago(rng, doc, 0)
    doc["persona_m"] = person(rng, doc).upper()
    for name in ("otro", "representante", "contador", "revisor"):
        doc[name] = person(rng, doc)
    for name in ("cc_t", "cc_o", "cc_r"):
        doc[name] = identity_number(rng, doc)
    for name in ("empresa", "empresa_b"):
        doc[name] = any_company(rng, doc)
    for name in ("nit", "nit_b"):
        doc[name] = tax_number(rng, doc)
    return doc


def sections(pool: str, low: int, high: int, rng: random.Random, doc: dict) -> list[str]:
    """Between `low` and `high` different alternatives of a pool, in random order."""
    count = min(rng.randrange(low, high + 1), len(POOLS[pool]))
    return [expand(template, rng, doc) for template in rng.sample(POOLS[pool], count)]


def shared_sections(label: str, low: int, high: int, rng: random.Random, doc: dict) -> list[str]:
    """Sections that other typologies use too, and now and then a mention of other documents."""
    count = rng.randrange(low, high + 1)
    pools = [
        "citas" if rng.random() < MENTIONS else rng.choice(SHARED[label]) for _ in range(count)
    ]
    return [draw(pool, rng, doc) for pool in pools]


def shuffled(items: list[str], rng: random.Random) -> list[str]:
    return rng.sample(items, len(items))


def compose(label: str, shape: str, rng: random.Random, doc: dict) -> list[str]:
    """The sections of one clean document, top to bottom."""
    if shape == "short":
        if rng.random() < 0.6:
            return sections(f"{label}.corto", 1, 2, rng, doc)
        return shared_sections(label, 1, 2, rng, doc)
    if shape == "fragment":
        own = sections(f"{label}.cuerpo", 0, 1, rng, doc)
        closing = sections("firmas", 0, 1, rng, doc)
        return shuffled(own + shared_sections(label, 2, 4, rng, doc), rng) + closing
    if shape == "partial":
        opening = sections(f"{label}.apertura", 0, 1, rng, doc)
        body = sections(f"{label}.cuerpo", 1, 2, rng, doc) + shared_sections(label, 1, 3, rng, doc)
        return opening + shuffled(body, rng) + sections(f"{label}.cierre", 0, 1, rng, doc)
    title = sections(f"{label}.titulo", 1, 1, rng, doc) if rng.random() < 0.75 else []
    opening = sections(f"{label}.apertura", 1, 2, rng, doc)
    body = sections(f"{label}.cuerpo", 3, 6, rng, doc) + shared_sections(label, 1, 3, rng, doc)
    if shape == "long":
        lists = [template for template in POOLS[f"{label}.cuerpo"] if LINES.search(template)]
        wanted = rng.randrange(2100, 3200)
        while sum(len(part.split()) for part in body) < wanted:
            body.append(expand(rng.choice(lists), rng, doc))
    elif rng.random() < 0.6:
        body = shuffled(body, rng)
    return title + opening + body + sections(f"{label}.cierre", 1, 1, rng, doc)


def intrude(parts: list[str], label: str, rng: random.Random, doc: dict) -> list[str]:
    """Now and then a stamp, or a piece of another document scanned along with this one."""
    if rng.random() < 0.35:
        parts.insert(rng.choice((0, len(parts))), draw("sellos", rng, doc))
    if len(parts) > 2 and rng.random() < 0.10:
        other = rng.choice(list(SIZES))
        parts.insert(
            rng.randrange(len(parts) + 1),
            draw(f"{other}.{rng.choice(('cuerpo', 'corto'))}", rng, doc),
        )
    return parts


def paginate(lines: list[str], rng: random.Random, doc: dict) -> list[str]:
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


def lay_out(parts: list[str], rng: random.Random, doc: dict) -> str:
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


def write_document(label: str, shape: str, seen: set[str], rng: random.Random) -> str:
    """One new text: drawn again while it equals an earlier one but for case, accents or
    punctuation.
    """
    while True:
        doc = new_document(label, rng)
        text = lay_out(intrude(compose(label, shape, rng, doc), label, rng, doc), rng, doc)
        key = plain(text)
        if len(text.split()) >= 5 and key not in seen:
            seen.add(key)
            return text


def shapes_of(label: str) -> list[str]:
    """The shape of each document of a typology: its long ones, then the others by their shares."""
    long = LONG.get(label, 0)
    others = SIZES[label] - long
    shapes = ["long"] * long
    reached = 0.0
    for shape, share in SHARES.items():
        reached += share
        shapes += [shape] * (long + round(reached * others) - len(shapes))
    return shapes


def write_class(label: str, seen: set[str], rng: random.Random) -> list[dict[str, str]]:
    """The documents of a typology; every shape is dealt out to the splits in the same proportion."""
    return [
        {
            "text": write_document(label, shape, seen, rng),
            "label": label,
            "split": DEAL[place % len(DEAL)],
        }
        for place, shape in enumerate(shapes_of(label))
    ]


def swap_labels(rows: list[dict[str, str]], rng: random.Random) -> None:
    """Mislabel by swapping between documents of one split, so that no class changes its size."""
    for first in rng.sample(rows, round(len(rows) * WRONG_LABELS / 2)):
        second = rng.choice(
            [
                row
                for row in rows
                if row["split"] == first["split"] and row["label"] != first["label"]
            ]
        )
        first["label"], second["label"] = second["label"], first["label"]


def copies(rows: list[dict[str, str]], rng: random.Random) -> list[dict[str, str]]:
    """Repeated documents of the same split and label, some with other capitals or white space."""
    repeated = []
    for row in rng.sample(rows, round(len(rows) * DUPLICATES)):
        text = row["text"]
        versions = (
            text,
            text,
            text.upper(),
            text.lower(),
            text.replace("\n", "\n\n"),
            text.replace(" ", "  "),
        )
        repeated.append({**row, "text": rng.choice(versions)})
    return repeated


def generate_sample(seed: int = 0) -> list[dict[str, str]]:
    """The corpus of a seed: rows of id, text, label and split, sorted by split and id."""
    rng = random.Random(seed)
    seen: set[str] = set()
    rows = [row for label in SIZES for row in write_class(label, seen, rng)]
    swap_labels(rows, rng)
    rows = rng.sample(rows, len(rows))
    rows += copies(rows, rng)
    counts = dict.fromkeys(SIZES, 0)
    numbered = []
    for row in rng.sample(rows, len(rows)):
        label = row["label"]
        counts[label] += 1
        numbered.append({"id": f"{label}/{label}_{counts[label]:04}", **row})
    numbered.sort(key=itemgetter("id"))
    return [row for split in SPLIT_FOLDERS for row in numbered if row["split"] == split]


def write_tree(folder: str | Path, seed: int = 0) -> int:
    """Write the corpus as `split/typology/*.txt` and return the number of files; an occupied folder
    is refused.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            f"{folder} exists and is not an empty folder: choose another output folder"
        )
    rows = generate_sample(seed)
    for row in rows:
        path = folder / SPLIT_FOLDERS[row["split"]] / f"{row['id']}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(row["text"], encoding="utf-8", newline="\n")
    return len(rows)


@exits_on_input_error
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m utils.samples.documents", description=__doc__.splitlines()[0]
    )
    parser.add_argument("output_folder", help="where split/typology/*.txt is written; new or empty")
    parser.add_argument(
        "--seed", type=int, default=0, help="another seed gives another corpus (default 0)"
    )
    arguments = parser.parse_args(argv)
    folder = Path(arguments.output_folder).resolve()
    hold_until_main_ends(locked_folder(folder, "sample writer"))
    written = write_tree(arguments.output_folder, arguments.seed)
    print(f"{written} documents written to {arguments.output_folder}")


if __name__ == "__main__":
    main()
