"""The project's own sample corpus: Spanish documents of a bank's intake, written by code from a
seed.

    python -m utils.samples.documents OUTPUT_FOLDER [--seed 0]

About 2,200 documents of 16 typologies. They share clauses, accounts and letter style, many are
fragments without their title, some carry OCR noise; a few are wrongly labelled or repeated. Every
person and company is invented.
"""

import argparse
import random
import re
from operator import itemgetter
from pathlib import Path

from utils.errors import InputError, exits_on_input_error, hold_until_main_ends
from utils.folders import locked_folder
from utils.samples.fillers import (
    POOLS,
    Doc,
    any_company,
    date_years_ago,
    draw,
    expand,
    identity_number,
    names,
    person,
    plain,
    tax_number,
)
from utils.samples.scans import lay_out
from utils.samples.templates import COUNTRIES

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
LINES = re.compile(r"\{\w+:")  # a template of many lines


def new_document(label: str, rng: random.Random) -> Doc:
    """What one document holds fast: its parties, place, dates, and the way it writes numbers."""
    foreign = label not in LOCAL and rng.random() < 0.13
    country = rng.choice(COUNTRIES[1:]) if foreign else COUNTRIES[0]
    gender = rng.randrange(2)
    given, family = names(rng, gender)
    year = rng.randrange(2012, 2025)
    doc: Doc = {
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


def sections(pool: str, low: int, high: int, rng: random.Random, doc: Doc) -> list[str]:
    """Between `low` and `high` different alternatives of a pool, in random order."""
    count = min(rng.randrange(low, high + 1), len(POOLS[pool]))
    return [expand(template, rng, doc) for template in rng.sample(POOLS[pool], count)]


def shared_sections(label: str, low: int, high: int, rng: random.Random, doc: Doc) -> list[str]:
    """Sections that other typologies use too, and now and then a mention of other documents."""
    count = rng.randrange(low, high + 1)
    pools = [
        "citas" if rng.random() < MENTIONS else rng.choice(SHARED[label]) for _ in range(count)
    ]
    return [draw(pool, rng, doc) for pool in pools]


def shuffled(items: list[str], rng: random.Random) -> list[str]:
    return rng.sample(items, len(items))


def compose(label: str, shape: str, rng: random.Random, doc: Doc) -> list[str]:
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


def intrude(parts: list[str], label: str, rng: random.Random, doc: Doc) -> list[str]:
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
    """The documents of a typology; each shape is dealt out to the splits in the same proportion."""
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
