"""What fills the slots of the grammar: names, numbers, dates, amounts and draws from its pools.

Every filler takes the generator of random numbers and what the document holds fast (`doc`, made by
`utils.samples.documents.new_document`), so that one document writes all its dates alike.
"""

import random
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from utils.samples.templates import GRAMMAR, MEN, SURNAMES, WOMEN

UNITS = """
cero un dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince
dieciséis diecisiete dieciocho diecinueve veinte veintiún veintidós veintitrés veinticuatro
veinticinco veintiséis veintisiete veintiocho veintinueve
""".split()
TENS = "X X X treinta cuarenta cincuenta sesenta setenta ochenta noventa".split()
HUNDREDS = """
X ciento doscientos trescientos cuatrocientos quinientos seiscientos setecientos ochocientos
novecientos
""".split()
CLAUSE_MARK = "§"  # where the number of a clause goes; see `utils.samples.scans.number_clauses`
CHOICE = re.compile(r"\[([^\[\]]*)\]")
SLOT = re.compile(r"\{(\w+)(?::(\d+)-(\d+))?\}|(#+)")
Doc = dict[str, Any]


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


def identity_number(rng: random.Random, doc: Doc) -> str:
    number = (
        rng.randrange(10_000_000, 99_999_999)
        if rng.random() < 0.6
        else rng.randrange(10**9, 1_199_999_999)
    )
    return grouped(number) if doc["grouped_ids"] else str(number)


def tax_number(rng: random.Random, doc: Doc) -> str:
    number = rng.randrange(800_000_000, 901_999_999)
    return f"{grouped(number) if doc['grouped_ids'] else number}-{rng.randrange(10)}"


def names(rng: random.Random, gender: int) -> tuple[str, str]:
    """Given names and two different surnames."""
    return rng.choice(GIVEN_NAMES[gender]), " ".join(rng.sample(FAMILY_NAMES, 2))


def person(rng: random.Random, doc: Doc) -> str:
    given, family = names(rng, rng.randrange(2))
    return f"{given} {family}"


def amount(rng: random.Random, doc: Doc) -> str:
    number = rng.randrange(10, 1000) * 10 ** rng.randrange(2, doc["magnitude"])
    return doc["amount_style"].format(grouped(number + rng.choice((0, 0, rng.randrange(1000)))))


def amount_columns(rng: random.Random, doc: Doc) -> str:
    return doc["gap"].join(amount(rng, doc) for _ in range(doc["columns"]))


def amount_in_words(rng: random.Random, doc: Doc) -> str:
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


def date_years_ago(rng: random.Random, doc: Doc, years: int) -> str:
    return write_date(
        rng.randrange(1, 29), rng.randrange(1, 13), doc["year"] - years, doc["date_style"]
    )


def date(rng: random.Random, doc: Doc) -> str:
    return date_years_ago(rng, doc, rng.choice((0, 0, 0, 0, 0, 0, 1, 1, 2, 4)))


def date_of_birth(rng: random.Random, doc: Doc) -> str:
    return date_years_ago(rng, doc, rng.randrange(19, 71))


def date_of_hiring(rng: random.Random, doc: Doc) -> str:
    return date_years_ago(rng, doc, rng.randrange(3, 15))


def period(rng: random.Random, doc: Doc) -> str:
    """A month, some months or the whole year, from its first to its last day."""
    first = rng.choice((1, 1, rng.randrange(1, 13)))
    last = rng.choice((first, first, rng.randrange(first, 13), 12))
    end = 28 if last == 2 else 30
    ends = ((1, first), (end, last))
    return " al ".join(
        write_date(day, month, doc["year"], doc["date_style"]) for day, month in ends
    )


def next_day(rng: random.Random, doc: Doc) -> str:
    """Day and month of a movement: each a little later than the one above it."""
    doc["days"] += rng.choice((0, 0, 1, 1, 2))
    return f"{doc['days'] % 28 + 1:02}{doc['date_separator']}{doc['days'] // 28 % 12 + 1:02}"


def next_instalment(rng: random.Random, doc: Doc) -> str:
    doc["instalments"] += 1
    years, month = divmod(doc["instalments"], 12)
    due = write_date(doc["pay_day"], month + 1, doc["year"] + years, doc["date_style"])
    return f"{doc['instalments']} {due}"


def hour(rng: random.Random, doc: Doc) -> str:
    o_clock, minutes = rng.randrange(7, 19), rng.randrange(60)
    if rng.random() < 0.5:
        return f"{o_clock}:{minutes:02}" + rng.choice(("", " horas"))
    return f"{(o_clock - 1) % 12 + 1}:{minutes:02} {'a.m.' if o_clock < 12 else 'p.m.'}"


def day_in_words(rng: random.Random, doc: Doc) -> str:
    day = rng.randrange(2, 29)
    return f"{in_words(day)} ({day})"


def clause_mark(rng: random.Random, doc: Doc) -> str:
    return CLAUSE_MARK


def plain(text: str) -> str:
    """Lower-case letters and digits alone, without accents: where two documents must differ."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in folded if char.isalnum())


def mail(rng: random.Random, doc: Doc) -> str:
    user = plain(rng.choice(FAMILY_NAMES)) + str(rng.randrange(100))
    return f"{user}@{rng.choice(('correo', 'empresa', 'buzon', 'mensajes'))}.example"


def phone(rng: random.Random, doc: Doc) -> str:
    return rng.choice(("60{} {}", "3{}{}", "({}) {}")).format(
        rng.randrange(1, 9), rng.randrange(2_000_000, 8_999_999)
    )


def hexadecimal(rng: random.Random, doc: Doc) -> str:
    return f"{rng.randrange(16**12):012x}"


def code(rng: random.Random, doc: Doc) -> str:
    return "".join(rng.choice("ABCDEFGHJKLMNPRSTV") for _ in range(rng.randrange(2, 5)))


def reference(rng: random.Random, doc: Doc) -> str:
    return f"{code(rng, doc)}{rng.randrange(10, 9999)}"


def user_name(rng: random.Random, doc: Doc) -> str:
    return plain(rng.choice(FAMILY_NAMES))[:6] + str(rng.randrange(1, 99))


def percentage(rng: random.Random, doc: Doc) -> str:
    return f"{rng.randrange(1, 99)}" + rng.choice(
        ("", f",{rng.randrange(10)}", f",{rng.randrange(10, 99)}")
    )


def rate(rng: random.Random, doc: Doc) -> str:
    return f"{rng.randrange(1, 33)}" + rng.choice(("", f",{rng.randrange(1, 100)}"))


def height(rng: random.Random, doc: Doc) -> str:
    return str(rng.randrange(50, 93))


def quantity(rng: random.Random, doc: Doc) -> str:
    return str(rng.choice((1, 1, 2, 3, 4, 5, 6, 10, 12, 20, 24, 50, 100)))


def any_city(rng: random.Random, doc: Doc) -> str:
    return rng.choice(doc["cities"])


def any_company(rng: random.Random, doc: Doc) -> str:
    return draw("empresa_n", rng, doc)


MAKERS: dict[str, Callable[[random.Random, Doc], str]] = {
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


def expand(template: str, rng: random.Random, doc: Doc) -> str:
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
        template = CHOICE.sub(choose, template)
    return SLOT.sub(fill, template)


def draw(pool: str, rng: random.Random, doc: Doc) -> str:
    return expand(rng.choice(POOLS[pool]), rng, doc)


def repeat(pool: str, times: int, rng: random.Random, doc: Doc) -> str:
    """Lines of a pool, of which none comes back before all others were used in this document."""
    waiting = doc["waiting"].setdefault(pool, [])
    lines = []
    for _ in range(times):
        if not waiting:
            waiting.extend(rng.sample(POOLS[pool], len(POOLS[pool])))
        lines.append(expand(waiting.pop(), rng, doc))
    return "\n".join(lines)
