"""The sample corpus as scanned pages: the same documents, ids, labels and splits as `sample`, drawn
from a seed.

    python -m utils.samples.pages OUTPUT_FOLDER [--seed 0]

Writes OUTPUT_FOLDER/{train,val,test}/<typology>/<id>.png. `--dataset sample_pages` is the same
without files. Each typology has a layout of its own (letterhead, ruled table, form, card, two
columns, stamps and signatures) that three documents of four follow; the others borrow one of a
similar typology or are bare pages. Pages are skewed, faded and speckled as scans are. Only the
first page of a text is drawn, in the DejaVu fonts that come with matplotlib.
"""

import argparse
import functools
import io
import random
import textwrap
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from utils.errors import InputError, exits_on_input_error, hold_until_main_ends
from utils.folders import locked_folder
from utils.pages.images import side_by_side
from utils.samples.documents import SPLIT_FOLDERS, generate_sample

WIDTH, HEIGHT = 420, 594  # A4 at 51 dots an inch
OWN_LAYOUT = 0.75  # share of the pages in the typology's own layout
SIMILAR = 0.6  # of the others, the share that borrows one
BLACK, GREY, PALE = 20, 110, 200


@dataclass(frozen=True)
class Layout:
    """Where things are on a page."""

    header: str = ""  # letterhead, title, band or boxes
    font: str = "DejaVuSans"
    size: int = 7
    margin: int = 36
    columns: int = 1  # of running text
    grid: tuple[int, int] = (0, 0)  # rows and columns that are ruled over the text
    spacing: float = 1.3  # of lines, in font sizes
    marks: tuple[str, ...] = ()  # signature, signatures, stamp, photo, barcode, total, frame, thumb


SERIF, MONO = "DejaVuSerif", "DejaVuSansMono"
LAYOUTS = {
    "extracto_bancario": Layout("letterhead", MONO, 6, 24, grid=(26, 5), marks=("total",)),
    "factura": Layout("boxes", size=6, margin=28, grid=(12, 4), marks=("total", "barcode")),
    "cedula_ciudadania": Layout("card", size=6, margin=70, marks=("photo", "thumb")),
    "certificado_laboral": Layout(
        "letterhead", size=8, margin=58, spacing=1.7, marks=("signature",)
    ),
    "balance_general": Layout("title", MONO, 6, 26, columns=2, marks=("signatures",)),
    "declaracion_renta": Layout("band", size=6, margin=18, grid=(34, 4), marks=("barcode",)),
    "camara_comercio": Layout("title", size=7, margin=44, marks=("frame", "stamp")),
    "rut": Layout("band", size=6, margin=18, grid=(16, 6), marks=("barcode", "frame")),
    "contrato": Layout("title", SERIF, 6, 34, spacing=1.15, marks=("signatures",)),
    "estado_resultados": Layout("title", MONO, 7, 48, spacing=1.6, marks=("total", "signatures")),
    "carta": Layout("letterhead", SERIF, 8, 52, spacing=1.5, marks=("signature",)),
    "acta": Layout("title", SERIF, 7, 46, spacing=1.4),
    "pagare": Layout("boxes", SERIF, 7, 40, spacing=1.2, marks=("signature", "thumb")),
    "poder": Layout("title", SERIF, 8, 56, spacing=1.6, marks=("signature", "stamp")),
    "certificado_ingresos": Layout("band", size=6, margin=30, grid=(20, 2), marks=("signature",)),
    "poliza_seguro": Layout("boxes", size=5, margin=22, columns=2, marks=("stamp",)),
}
ALIKE = [
    ("extracto_bancario", "factura", "balance_general", "estado_resultados"),
    ("declaracion_renta", "rut", "certificado_ingresos", "cedula_ciudadania"),
    ("certificado_laboral", "carta", "camara_comercio", "poliza_seguro"),
    ("contrato", "acta", "pagare", "poder"),
]


@functools.cache
def font_of(name: str, size: int) -> ImageFont.FreeTypeFont:
    path = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{name}.ttf"
    return ImageFont.truetype(str(path), size, layout_engine=ImageFont.Layout.BASIC)


@functools.cache
def glyph(name: str, size: int, character: str) -> np.ndarray:
    """A character's mask (2 · size, advance) uint8; nine tenths of a page's time would go into
    drawing them anew.
    """
    font = font_of(name, size)
    mask = Image.new("L", (max(1, round(font.getlength(character))), 2 * size), 0)
    ImageDraw.Draw(mask).text((0, 0), character, font=font, fill=255)
    return np.asarray(mask)


def layout_of(label: str, rng: random.Random) -> Layout:
    """The typology's layout, that of a similar one, or a bare page."""
    if label in LAYOUTS and rng.random() < OWN_LAYOUT:
        return LAYOUTS[label]
    if label in LAYOUTS and rng.random() < SIMILAR:
        return LAYOUTS[rng.choice(next(group for group in ALIKE if label in group))]
    return Layout(
        font=rng.choice(("DejaVuSans", SERIF, MONO)),
        size=rng.choice((6, 7, 8)),
        margin=rng.randint(30, 60),
    )


def render_page(text: str, label: str, seed: str) -> bytes:
    """One page as the bytes of an 8-bit grey png; the same seed gives the same page."""
    rng = random.Random(seed)
    layout, page = layout_of(label, rng), Image.new("L", (WIDTH, HEIGHT), 255)
    draw = ImageDraw.Draw(page)
    top = draw_header(draw, layout, rng)
    bottom = HEIGHT - (110 if layout.marks else 40)
    draw_text(page, text, layout, top, bottom, rng)
    draw_grid(draw, layout, top, bottom)
    for mark in layout.marks:
        if rng.random() < 0.85:
            draw_mark(draw, mark, layout, rng)
    stream = io.BytesIO()
    scanned(page, rng).save(stream, "png", compress_level=3)
    return stream.getvalue()


def draw_header(draw: ImageDraw.ImageDraw, layout: Layout, rng: random.Random) -> int:
    """The head of the page; returns where the text begins."""
    left, right, top = layout.margin, WIDTH - layout.margin, rng.randint(22, 40)
    if layout.header == "letterhead":
        side = rng.choice((left, right - 60))
        draw.ellipse((side, top, side + 24, top + 24), fill=GREY)
        draw.rectangle((side + 28, top + 6, side + 60, top + 16), fill=BLACK)
        draw.line((left, top + 34, right, top + 34), fill=GREY)
        return top + 48
    if layout.header == "title":
        half = rng.randint(50, 90)
        draw.rectangle((WIDTH // 2 - half, top, WIDTH // 2 + half, top + 8), fill=BLACK)
        draw.rectangle(
            (WIDTH // 2 - half // 2, top + 14, WIDTH // 2 + half // 2, top + 19), fill=GREY
        )
        return top + 38
    if layout.header == "band":
        draw.rectangle((left, top, right, top + 26), fill=PALE, outline=BLACK)
        draw.rectangle((left + 6, top + 7, left + 66, top + 19), fill=BLACK)
        return top + 32
    if layout.header == "boxes":
        third = (right - left) // 3
        for box in range(3):
            draw.rectangle(
                (left + box * third, top, left + (box + 1) * third - 6, top + 44), outline=BLACK
            )
        draw.rectangle((left + 6, top + 8, left + 50, top + 22), fill=GREY)
        return top + 56
    if layout.header == "card":
        top += rng.randint(0, 60)
        for card in (top, top + 190):
            draw.rounded_rectangle(
                (left - 10, card, right + 10, card + 174), 10, outline=BLACK, width=2
            )
        draw.rectangle((left - 8, top + 4, right + 8, top + 18), fill=PALE)
        return top + 26
    return top


def draw_text(
    page: Image.Image, text: str, layout: Layout, top: int, bottom: int, rng: random.Random
):
    """As much of the text as one page holds, line by line, in one column or two."""
    font, step = font_of(layout.font, layout.size), layout.size * layout.spacing
    gap = 14
    width = (WIDTH - 2 * layout.margin - gap * (layout.columns - 1)) / layout.columns
    indent = 90 if "photo" in layout.marks else 0
    characters = max(8, int((width - indent) / font.getlength("e") * 0.98))
    lines = [
        piece for line in text.splitlines() for piece in textwrap.wrap(line, characters) or [""]
    ]
    rows = int((bottom - top) / step)
    shade = rng.randint(BLACK, 90)
    for number, line in enumerate(lines[: rows * layout.columns]):
        column, row = divmod(number, rows)
        x, y = int(layout.margin + indent + column * (width + gap)), int(top + row * step)
        if line:
            mask = np.hstack([glyph(layout.font, layout.size, character) for character in line])
            page.paste(shade, (x, y), Image.fromarray(mask))


def draw_grid(draw, layout: Layout, top: int, bottom: int):
    """Ruled rows and columns over the text."""
    rows, columns = layout.grid
    left, right = layout.margin - 4, WIDTH - layout.margin + 4
    if not rows:
        return
    for row in range(rows + 1):
        y = top + row * (bottom - top) / rows
        draw.line((left, y, right, y), fill=GREY)
    for column in range(columns + 1):
        x = left + column * (right - left) / columns
        draw.line((x, top, x, bottom), fill=GREY)


def draw_mark(draw, mark: str, layout: Layout, rng: random.Random):
    """A signature, stamp, photo, barcode, total, frame or thumb print, near where it belongs."""
    left, right, low = layout.margin, WIDTH - layout.margin, HEIGHT - 60
    dx, dy = rng.randint(-8, 8), rng.randint(-8, 8)
    if mark in ("signature", "signatures"):
        for x in [left + dx] + [right - 120 + dx] * (mark == "signatures"):
            draw.line((x, low + dy, x + 110, low + dy), fill=BLACK)
            scrawl = [(x + 12 * i, low + dy - rng.randint(2, 26)) for i in range(9)]
            draw.line(scrawl, fill=GREY, width=2, joint="curve")
    elif mark == "stamp":
        x, y = right - 90 + dx, low - 40 + dy
        draw.ellipse((x, y, x + 76, y + 76), outline=GREY, width=3)
        draw.ellipse((x + 14, y + 14, x + 62, y + 62), outline=GREY)
    elif mark == "photo":
        x, y = left + dx // 2, 110 + dy
        draw.rectangle((x, y, x + 70, y + 90), fill=PALE, outline=BLACK)
        draw.ellipse((x + 20, y + 12, x + 50, y + 48), fill=GREY)
        draw.pieslice((x + 8, y + 50, x + 62, y + 130), 180, 360, fill=GREY)
    elif mark == "thumb":
        x, y = right - 50 + dx, low - 20 + dy
        for ring in range(0, 20, 4):
            draw.ellipse((x + ring, y + ring, x + 44 - ring, y + 60 - ring), outline=GREY)
    elif mark == "barcode":
        x, y = right - 120, 8 + dy // 2
        for bar in range(0, 118, 3):
            if rng.random() < 0.6:
                draw.line((x + bar, y, x + bar, y + 16), fill=BLACK, width=2)
    elif mark == "total":
        draw.rectangle((right - 120, low - 40, right, low - 14), fill=PALE, outline=BLACK)
    elif mark == "frame":
        draw.rectangle((10, 10, WIDTH - 11, HEIGHT - 11), outline=BLACK, width=2)


def scanned(page: Image.Image, rng: random.Random) -> Image.Image:
    """The page as a scanner leaves it: skewed, shifted, faded, speckled, now and then with a dark
    edge.
    """
    shift = rng.randint(-10, 10), rng.randint(-14, 14)
    page = page.rotate(rng.gauss(0, 1.2), Image.Resampling.BILINEAR, translate=shift, fillcolor=255)
    draw = ImageDraw.Draw(page)
    for _ in range(rng.choice((0, 40, 150, 400))):
        x, y = rng.randrange(WIDTH), rng.randrange(HEIGHT)
        draw.rectangle((x, y, x + (rng.random() < 0.2), y), fill=rng.randint(60, 200))
    if rng.random() < 0.15:
        draw.rectangle((0, 0, rng.randint(3, 12), HEIGHT), fill=rng.randint(30, 120))
    dark, light = rng.randint(0, 70), rng.randint(215, 255)
    # Sixteen shades keep the files small.
    return page.point([17 * round((dark + (light - dark) * v / 255) / 17) for v in range(256)])


def write_tree(folder: str | Path, seed: int = 0) -> int:
    """Write the pages as `split/typology/*.png`, return how many; an occupied folder is refused."""
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(
            f"{folder} exists and is not an empty folder: choose another output folder"
        )
    rows = generate_sample(seed)
    work = ((row["text"], row["label"], f"{seed}/{row['id']}") for row in rows)
    pages = tqdm(side_by_side(render_job, work), "drawing", len(rows), unit=" pages", disable=None)
    for row, page in zip(rows, pages, strict=True):
        path = folder / SPLIT_FOLDERS[row["split"]] / f"{row['id']}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(page)
    return len(rows)


def render_job(job: tuple[str, str, str]) -> bytes:
    """`render_page` of one argument, for `side_by_side`."""
    return render_page(*job)


@exits_on_input_error
def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m utils.samples.pages", description=__doc__.splitlines()[0]
    )
    parser.add_argument("output_folder", help="where split/typology/*.png is written; new or empty")
    parser.add_argument(
        "--seed", type=int, default=0, help="another seed gives another corpus (default 0)"
    )
    arguments = parser.parse_args(argv)
    folder = Path(arguments.output_folder).resolve()
    hold_until_main_ends(locked_folder(folder, "sample writer"))
    written = write_tree(arguments.output_folder, arguments.seed)
    print(f"{written} pages written to {arguments.output_folder}")


if __name__ == "__main__":
    main()
