"""extract_text: every kind of page is read back, every broken file is named, a killed run resumes,
nothing is lost.
"""

import csv
import hashlib
import io
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
import unicodedata
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont, ImageOps

from benchmarks import ocr_round_trip
from tests.helpers import REPO_ROOT, refused
from utils import extract_text, prepare_dataset

pytesseract = pytest.importorskip(
    "pytesseract", reason="pytesseract is not installed: pip install '.[ocr]'"
)
pypdfium2 = pytest.importorskip(
    "pypdfium2", reason="pypdfium2 is not installed: pip install '.[ocr]'"
)
if not shutil.which("tesseract") or "spa" not in pytesseract.get_languages():
    pytest.skip(
        "no tesseract with Spanish: apt-get install tesseract-ocr tesseract-ocr-spa",
        allow_module_level=True,
    )

TEXT = (
    "¿Cuál es el número de cédula del señor Núñez? ¡Aquí está! Año 2024, dirección y teléfono "
    "según su carné."
)
LAYER = f"{TEXT} Pingüino."  # Debian's Spanish data know no ü, so that no OCR gives it back


def page(text=TEXT, size=34, width=1300) -> Image.Image:
    """A grey page of text in DejaVu Sans, which matplotlib brings along."""
    import matplotlib

    font = ImageFont.truetype(
        str(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"), size
    )
    lines = [""]
    for word in text.split():
        if font.getlength(f"{lines[-1]} {word}") > width - 160:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    image = Image.new("L", (width, int(size * 1.5 * len(lines)) + 160), 255)
    ImageDraw.Draw(image).multiline_text(
        (80, 80), "\n".join(lines), font=font, fill=0, spacing=size // 3
    )
    return image


def saved(image: Image.Image, kind: str, **more) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **more)
    return stream.getvalue()


def deep(image: Image.Image) -> Image.Image:
    """16 bits a pixel, of which the scanner used twelve."""
    return Image.fromarray(np.asarray(image).astype(np.uint16) * 16)


def transparent(image: Image.Image) -> Image.Image:
    """Black letters on nothing, whose colour would be black too."""
    return Image.merge("RGBA", [Image.new("L", image.size, 0)] * 3 + [ImageOps.invert(image)])


def layered(*texts: str) -> bytes:
    """A pdf with a text layer, a page a text."""
    import matplotlib.pyplot as plt
    from matplotlib.backends.backend_pdf import PdfPages

    stream = io.BytesIO()
    with plt.rc_context({"pdf.fonttype": 42}), PdfPages(stream) as pdf:
        for text in texts:
            figure = plt.figure(figsize=(11, 3))
            figure.text(0.02, 0.5, text, fontsize=9)
            pdf.savefig(figure)
            plt.close(figure)
    return stream.getvalue()


def joined(*pdfs: bytes) -> bytes:
    """The pages of several pdfs in one."""
    whole, stream = pypdfium2.PdfDocument.new(), io.BytesIO()
    for pdf in pdfs:
        whole.import_pages(pypdfium2.PdfDocument(pdf))
    whole.save(stream)
    return stream.getvalue()


def written_pdf(*objects: str, trailer: str = "") -> bytes:
    """A pdf by hand: its objects, of which the first is the catalogue."""
    data, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += f"{number} 0 obj\n{content}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    size = len(objects) + 1
    return data + (
        f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer << /Size {size} /Root 1 0 R "
        f"{trailer} >>\n"
        f"startxref\n{len(data)}\n%%EOF\n"
    ).encode("latin-1")


def stream_of(content: str) -> str:
    return f"<< /Length {len(content)} >>\nstream\n{content}\nendstream"


def one_page(
    box: str, content: str = "", more: str = "", *others: str, root: str = "", trailer: str = ""
) -> bytes:
    return written_pdf(
        f"<< /Type /Catalog /Pages 2 0 R {root} >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {box}] /Contents 4 0 R "
        f"/Resources << /Font << /F 5 0 R >> >> {more} >>",
        stream_of(content),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        *others,
        trailer=trailer,
    )


def form() -> bytes:
    """A page whose text layer holds the questions, and a field the answer."""
    field = (
        "<< /Type /Annot /Subtype /Widget /FT /Tx /T (nombre) /V (Fulgencio Batlle) /Rect [200 40 "
        "450 70] "
        "/DA (/F 18 Tf 0 g) /P 3 0 R >>"
    )
    content = (
        "BT /F 18 Tf 20 100 Td (Formulario de solicitud de apertura) Tj ET "
        "BT /F 18 Tf 20 50 Td (Nombre completo:) Tj ET"
    )
    return one_page(
        "480 150",
        content,
        "/Annots [6 0 R]",
        field,
        root="/AcroForm << /Fields [6 0 R] /NeedAppearances true /DR << /Font << /F 5 0 R >> >> >>",
    )


def stamped() -> bytes:
    """A scan with a line that a signing program put over it: a text layer that holds next to
    nothing.
    """
    scan = pypdfium2.PdfDocument(saved(page(), "PDF", resolution=150))
    sheet, stream = scan[0], io.BytesIO()
    text = pypdfium2.raw.FPDFPageObj_NewTextObj(scan, b"Helvetica", 8)
    words = "Firmado digitalmente por la entidad el 3 de mayo"
    pypdfium2.raw.FPDFText_SetText(
        text, (pypdfium2.raw.FPDF_WCHAR * (len(words) + 1))(*map(ord, words), 0)
    )
    sheet.insert_obj(pypdfium2.PdfObject(text))
    sheet.gen_content()
    scan.save(stream)
    return stream.getvalue()


def bomb() -> bytes:
    """A png that declares 60,000 x 60,000 pixels in a hundred bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    head, pixels = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0), zlib.compress(b"\0" * 60)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def folded(path: Path) -> str:
    return " ".join(path.read_text(encoding="utf-8").split())


def listing(folder: Path) -> dict[str, dict]:
    with open(folder / "extraction.csv", encoding="utf-8", newline="") as stream:
        return {row["file"]: row for row in csv.DictReader(stream)}


def run(source, output, *flags) -> dict[str, dict]:
    extract_text.main([str(source), str(output), *flags])
    return listing(output)


# What can be read: TEXT on every page, LAYER in text layers.


def readable() -> dict[str, bytes]:
    grey, sideways = page(), Image.Exif()
    sideways[0x0112] = 6  # to be turned by 90 degrees
    scan, blank, ink = (
        saved(grey, "PDF", resolution=150),
        Image.new("L", grey.size, 0),
        ImageOps.invert(grey),
    )
    return {
        "train/cédula de ciudadanía/gris.png": saved(grey, "PNG"),
        "train/cédula de ciudadanía/foto.JPG": saved(
            grey.rotate(90, expand=True), "JPEG", exif=sideways
        ),
        "train/cédula de ciudadanía/ñandú.v2.webp": saved(
            grey.convert("RGB"), "WEBP", lossless=True
        ),
        "train/cédula de ciudadanía/sub/b.bmp": saved(grey.convert("RGB"), "BMP"),
        "train/factura/paleta.png": saved(grey.quantize(8), "PNG"),
        "train/factura/cmyk.jpeg": saved(Image.merge("CMYK", [blank, blank, blank, ink]), "JPEG"),
        "train/factura/profundo.tiff": saved(deep(grey), "TIFF"),
        "train/factura/alfa.png": saved(transparent(grey), "PNG"),
        "val/factura/fax.tif": saved(grey.convert("1"), "TIFF", compression="group4"),
        "val/factura/dos.tiff": saved(
            grey, "TIFF", save_all=True, append_images=[grey], compression="tiff_lzw"
        ),
        "val/cédula de ciudadanía/capa.pdf": layered(LAYER),
        "val/cédula de ciudadanía/escaneado.pdf": scan,
        "val/cédula de ciudadanía/mixto.PDF": joined(layered(LAYER), scan, layered(LAYER)),
        "test/página suelta.png": saved(grey, "PNG"),
        "test/blanco.png": saved(Image.new("RGB", (400, 300), "white"), "PNG"),
        "test/formulario.pdf": form(),
        "test/firmado.pdf": stamped(),
    }


# Pages and method of each.
KINDS = dict.fromkeys(
    (
        "train/cédula de ciudadanía/gris.png",
        "train/cédula de ciudadanía/foto.JPG",
        "train/cédula de ciudadanía/ñandú.v2.webp",
        "train/cédula de ciudadanía/sub/b.bmp",
        "train/factura/paleta.png",
        "train/factura/cmyk.jpeg",
        "train/factura/profundo.tiff",
        "train/factura/alfa.png",
        "val/factura/fax.tif",
        "val/cédula de ciudadanía/escaneado.pdf",
        "test/página suelta.png",
        "test/blanco.png",
        "test/formulario.pdf",
        "test/firmado.pdf",
    ),
    ("1", "ocr"),
)
KINDS |= {
    "val/factura/dos.tiff": ("2", "ocr"),
    "val/cédula de ciudadanía/capa.pdf": ("1", "text layer"),
    "val/cédula de ciudadanía/mixto.PDF": ("3", "mixed"),
}


@pytest.fixture(scope="module")
def extracted(tmp_path_factory):
    """(folder of images, folder of texts, rows of extraction.csv)."""
    folder = tmp_path_factory.mktemp("scans")
    source = write(
        folder / "dataset", readable() | {"train/factura/notas.docx": b"PK", ".DS_Store": b"\0"}
    )
    return source, folder / "text_dataset", run(source, folder / "text_dataset", "--workers", "2")


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_read_back(name, extracted):
    source, output, rows = extracted
    row, path = rows[name], (output / name).with_suffix(".txt")
    text = path.read_bytes().decode()
    assert (
        row["status"] == "ok"
        and row["sha256"] == hashlib.sha256((source / name).read_bytes()).hexdigest()
    )
    assert (row["pages"], row["method"]) == KINDS[name]
    assert unicodedata.is_normalized("NFC", text) and int(row["characters"]) == len(text.strip())
    pages = [" ".join(part.split()) for part in text.split("\n\f\n")]
    if "blanco" in name:
        assert text == "" and row["reason"] == "no text found" and row["confidence"] == ""
    elif (
        "formulario" in name
    ):  # what is filled in is not in the text layer, so the page is read by OCR
        assert "Fulgencio Batlle" in pages[0] and "solicitud de apertura" in pages[0]
    elif "firmado" in name:  # a stamp is no reason to trust the text layer of a scan
        assert pages[0].startswith(TEXT) and "Firmado" in pages[0]
    else:
        layers = {"text layer": [LAYER], "mixed": [LAYER, TEXT, LAYER]}
        assert pages == layers.get(row["method"], [TEXT] * int(row["pages"]))
        assert (row["confidence"] == "") == (row["method"] == "text layer")
        assert row["confidence"] == "" or 80 < float(row["confidence"]) <= 100


def test_the_tree_is_kept_and_nothing_else_is_written(extracted):
    source, output, rows = extracted
    assert set(rows) == set(KINDS)
    files = sorted(str(p.relative_to(output)) for p in output.rglob("*") if p.is_file())
    assert files == sorted(
        [str(Path(name).with_suffix(".txt")) for name in KINDS] + ["extraction.csv"]
    )


# A small dataset.


@pytest.fixture(scope="module")
def papers(tmp_path_factory):
    """(folder of six images, their texts by one worker, rows)."""
    folder = tmp_path_factory.mktemp("papers")
    texts = {
        f"{split}/{kind}/{kind}_{number}.png": (
            f"{word} número {number} del año {2000 + number}, señor Núñez"
        )
        for kind, word in (("factura", "Factura de venta"), ("acta", "Acta de reunión"))
        for split, number in (("train", 11), ("val", 12), ("test", 13))
    }
    source = write(
        folder / "dataset",
        {name: saved(page(text, 30, 900), "PNG") for name, text in texts.items()},
    )
    rows = run(source, folder / "text_dataset", "--workers", "1")
    assert {
        name: folded((folder / "text_dataset" / name).with_suffix(".txt")) for name in texts
    } == texts
    return source, folder / "text_dataset", rows


def contents(output: Path) -> dict[str, bytes]:
    return {str(path.relative_to(output)): path.read_bytes() for path in output.rglob("*.txt")}


def without_times(rows: dict) -> dict:
    return {name: row | {"seconds": ""} for name, row in rows.items()}


def test_the_number_of_workers_changes_nothing(papers, tmp_path):
    source, output, rows = papers
    others = run(source, tmp_path / "out", "--workers", "3")
    assert without_times(others) == without_times(rows) and list(others) == list(rows)
    assert contents(tmp_path / "out") == contents(output)


def test_prepare_dataset_takes_the_output(papers, tmp_path):
    prepare_dataset.main([str(papers[1]), "--output", str(tmp_path / "data_v1")])
    info = json.loads((tmp_path / "data_v1" / "dataset.json").read_text(encoding="utf-8"))
    assert info["rows"] == {"train": 2, "validation": 2, "test": 2, "unlabelled": 0}
    assert info["labels"] == ["acta", "factura"] and info["dropped"] == {}


def test_a_killed_run_goes_on(papers, tmp_path):
    source, output, rows = papers
    words = [
        sys.executable,
        REPO_ROOT / "utils" / "extract_text.py",
        source,
        tmp_path / "out",
        "--workers",
        "1",
    ]
    process = subprocess.Popen(
        words, cwd="/", stdout=subprocess.DEVNULL, env=os.environ | {"TMPDIR": str(tmp_path)}
    )
    while len(list(tmp_path.glob("out/**/*.txt"))) < 2 and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    done = contents(tmp_path / "out")
    assert 2 <= len(done) < 6 and done.items() <= contents(output).items()  # whole ones alone
    with open(tmp_path / "out" / "extraction.csv", "a", encoding="utf-8") as stream:
        stream.write(
            'val/factura/factura_12.png,ok,"hal'
        )  # as if it had been killed in the middle of a line
    before = {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in done}
    again = run(source, tmp_path / "out", "--resume")
    assert without_times(again) == without_times(rows) and contents(tmp_path / "out") == contents(
        output
    )
    assert {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in done} == before
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "extraction.csv",
        "test",
        "train",
        "val",
    ]


def test_resume_reads_what_is_new_changed_or_asked_otherwise(tmp_path, capsys):
    one, two = (saved(page(text, 30, 700), "PNG") for text in ("Primera página", "Segunda página"))
    source, output = (
        write(tmp_path / "in", {"a.png": one, "b.png": one, "c.png": b""}),
        tmp_path / "out",
    )
    assert run(source, output)["c.png"]["status"] == "failed"
    write(source, {"b.png": two, "c.png": two, "d.png": one})
    (output / "a.txt").write_text("corregida a mano\n", encoding="utf-8")
    rows = run(source, output, "--resume")
    assert "4 of 4 files read, 1 of them before" in capsys.readouterr().out
    texts = {name: folded(output / name) for name in ("a.txt", "b.txt", "c.txt", "d.txt")}
    assert texts == {
        "a.txt": "corregida a mano",
        "b.txt": "Segunda página",
        "c.txt": "Segunda página",
        "d.txt": "Primera página",
    }
    # Sources that are gone, broken by now, in each other's way: no stale text is left, but that of
    # what is gone.
    (source / "d.png").unlink()
    (source / "a.png").rename(source / "a.bmp")
    write(source, {"b.png": two[:200], "c.pdf": b"%PDF-1.4"})
    rows = run(source, output, "--resume", "--psm", "6")
    assert folded(output / "a.txt") == "Primera página" and "psm 6" in rows["a.bmp"]["options"]
    assert sorted(p.name for p in output.iterdir()) == ["a.txt", "d.txt", "extraction.csv"]
    assert "1 txt of an earlier run are kept though their source is gone" in capsys.readouterr().out
    assert {name: row["status"] for name, row in rows.items()} == {
        "a.bmp": "ok",
        "b.png": "failed",
        "c.pdf": "failed",
        "c.png": "failed",
        "d.png": "ok",
    }


def test_nothing_that_was_there_is_lost(tmp_path, capsys):
    source, output = (
        write(
            tmp_path / "in", {"a.png": saved(page("Primera página", 30, 700), "PNG"), "b.png": b""}
        ),
        tmp_path / "out",
    )
    write(output, {"mi_trabajo.txt": b"no borrar"})
    for flags in ([], ["--resume"], ["--overwrite"]):
        assert "no extraction.csv of this command" in refused(
            capsys, extract_text.main, source, output, *flags
        )
    write(output, {"extraction.csv": b"file,text\n"})
    assert "no extraction.csv of this command" in refused(
        capsys, extract_text.main, source, output, "--overwrite"
    )
    assert (output / "mi_trabajo.txt").read_bytes() == b"no borrar"
    (output / "extraction.csv").unlink(), (output / "mi_trabajo.txt").unlink()
    run(source, output)
    assert "--resume" in refused(capsys, extract_text.main, source, output)
    write(output, {"b.txt": b"a mano", "notas.txt": b"no borrar"})
    rows = run(source, output, "--resume")
    assert (
        "not made by this command" in rows["b.png"]["reason"]
        and (output / "b.txt").read_bytes() == b"a mano"
    )
    (source / "a.png").rename(source / "z.png")
    run(source, output, "--overwrite")
    assert sorted(p.name for p in output.iterdir()) == [
        "b.txt",
        "extraction.csv",
        "notas.txt",
        "z.txt",
    ]


# Pages on their side.


def test_rotate(tmp_path):
    if "osd" not in pytesseract.get_languages():
        pytest.skip("no osd data: apt-get install tesseract-ocr-osd")
    upright = page(f"{TEXT} {TEXT}", 34, 1100)
    files = {
        f"{degrees}.png": saved(upright.rotate(-degrees, expand=True), "PNG")
        for degrees in (90, 180)
    }
    files["corta.png"] = saved(page("Año", 30, 300), "PNG")
    rows = run(write(tmp_path / "in", files), tmp_path / "out", "--rotate")
    assert {name: row["turned"] for name, row in rows.items()} == {
        "90.png": "1",
        "180.png": "1",
        "corta.png": "0",
    }
    assert {folded(tmp_path / "out" / f"{degrees}.txt") for degrees in (90, 180)} == {
        f"{TEXT} {TEXT}"
    }


# What cannot be read.


def broken() -> dict[str, tuple[bytes, str]]:
    """Content and the reason that is given."""
    png, key = saved(page(), "PNG"), "41" * 32
    locked = f"<< /Filter /Standard /V 1 /R 2 /P -4 /O <{key}> /U <{key}> >>"
    return {
        "vacío.png": (b"", "0 bytes"),
        "corrupto.jpg": (b"esto no es una imagen", "no image"),
        "cortado.png": (png[:3000], "truncated"),
        "cortada.jpg": (saved(page(), "JPEG")[:6000], "truncated"),
        "cortada.bmp.bmp": (saved(page(), "BMP")[:2000], "truncated"),
        "a_medias.tif": (saved(page(), "TIFF")[:5000], "truncated"),
        "disfrazado.png": (layered("hola"), "rename it to .pdf"),
        "imagen.pdf": (png, "no pdf"),
        "roto.pdf": (b"%PDF-1.4\nhola", "a pdf that cannot be read"),
        "bomba.png": (bomb(), "bomb"),
        "enorme.pdf": (one_page("14400 14400"), "60,000 x 60,000 pixels"),
        "cifrado.pdf": (
            one_page("100 100", "", "", locked, trailer="/Encrypt 6 0 R /ID [<41> <41>]"),
            "password",
        ),
        "ancha.png": (saved(Image.new("1", (40_000, 20), 1), "PNG"), "too large"),
        "doble.png": (png, "would give the same txt"),
        "doble.pdf": (layered("hola"), "would give the same txt"),
        "carpeta.png": (png, "carpeta.txt is a folder too"),
        "carpeta.txt/vacío.png": (b"", "0 bytes"),
    }


def test_broken_files_are_listed_and_do_not_stop_the_others(tmp_path, capsys):
    files = broken()
    source = write(
        tmp_path / "in",
        {"buena.png": saved(page("Página buena", 30, 700), "PNG")}
        | {name: content for name, (content, _) in files.items()},
    )
    (source / "enlace.png").symlink_to(tmp_path / "no_existe.png")
    rows = run(source, tmp_path / "out")
    said = capsys.readouterr()
    assert said.err == "" and "1 of 19 files read" in said.out and "failed: 18" in said.out
    for name, (_, reason) in (files | {"enlace.png": (b"", "No such file")}).items():
        assert rows[name]["status"] == "failed" and reason in rows[name]["reason"], rows[name]
        assert f"| {name} | " in said.out
    assert rows["buena.png"]["status"] == "ok" and [
        p.name for p in (tmp_path / "out").rglob("*.txt")
    ] == ["buena.txt"]
    message = refused(capsys, extract_text.main, source, tmp_path / "out", "--resume", "--strict")
    assert "18 of 19 files failed" in message and "extraction.csv" in message
    (source / "buena.png").unlink()
    assert "18 of 18 files failed" in refused(capsys, extract_text.main, source, tmp_path / "nuevo")


def test_a_page_that_takes_too_long(tmp_path, monkeypatch):
    def slow(*args, **kwargs):
        raise RuntimeError("Tesseract process timeout")

    monkeypatch.setattr(pytesseract, "image_to_data", slow)
    source = write(tmp_path / "in", {"a.png": saved(page(), "PNG"), "b.pdf": layered(LAYER)})
    assert (
        run(source, tmp_path / "out")["a.png"]["reason"]
        == "a page took longer than --timeout allows"
    )


@pytest.mark.skipif(
    sys.platform != "linux", reason="names that are no UTF-8 need a Linux file system"
)
def test_strange_names(tmp_path):
    image = saved(page("Primera página", 30, 700), "PNG")
    (tmp_path / "in").mkdir()
    for name in (b"=SUMA(A1).png", b"a\xf1o.png", b"dos\nlineas.png", b"l" * 251 + b".png"):
        Path(os.fsdecode(os.fsencode(tmp_path / "in") + b"/" + name)).write_bytes(image)
    rows = run(tmp_path / "in", tmp_path / "out")
    assert set(rows) == {"'=SUMA(A1).png", "año.png", "dos\nlineas.png", "l" * 251 + ".png"}
    assert all(row["status"] == "ok" for row in rows.values())
    again = run(tmp_path / "in", tmp_path / "out", "--resume")
    assert again == rows and os.path.exists(os.fsencode(tmp_path / "out") + b"/a\xf1o.txt")


# The benchmark's parts.


def test_round_trip(tmp_path, monkeypatch, capsys):
    distances = {
        ("", ""): 0,
        ("casa", ""): 4,
        ("", "ñ"): 1,
        ("sitio", "sitios"): 1,
        ("gatito", "patata"): 3,
        ("número", "numero"): 1,
        ("abcdef", "bcdefa"): 2,
    }
    for (a, b), distance in distances.items():
        assert {ocr_round_trip.edit_distance(list(x), list(y)) for x, y in ((a, b), (b, a))} == {
            distance
        }
    assert ocr_round_trip.errors("el señor Núñez", "el senor Núñez y") == {
        "characters": 14,
        "character_errors": 3,
        "words": 3,
        "word_errors": 2,
    }

    def in_this_process(command):
        ocr_round_trip.main([str(word) for word in command[3:]])
        return {"seconds": 1.0, "cpu_seconds": 1.0}

    def one_document(seed):
        return [{"text": f"{TEXT}\n{TEXT} {TEXT} {TEXT}"}]

    monkeypatch.setattr(ocr_round_trip, "launch", in_this_process)
    monkeypatch.setattr(ocr_round_trip, "PAGE", (1600, 1000))
    monkeypatch.setattr(ocr_round_trip, "generate_sample", one_document)
    ocr_round_trip.main(
        [
            "--pages",
            "1",
            "--repeats",
            "1",
            "--ways",
            "suite-2",
            "loop-1",
            "--sizes",
            "14",
            "--output",
            str(tmp_path),
        ]
    )
    results = json.loads((tmp_path / "ocr_round_trip.json").read_text(encoding="utf-8"))
    rows = {row["way"]: row for row in results["rows"]}
    assert set(rows) == {"suite-2", "loop-1"} and rows["suite-2"]["ratio"] == 1
    assert (
        rows["suite-2"]["cer"] == rows["loop-1"]["cer"] < 5
        and 80 < rows["suite-2"]["confidence"] <= 100
    )
    assert results["by_size"][0]["size"] == 14 and "text" not in results["pages"][0]
    assert "suite: utils.extract_text --workers 2" in (tmp_path / "ocr_round_trip.md").read_text(
        encoding="utf-8"
    )
    for words in (["--ways", "ojo"], ["--pages", "0"], ["--pages", "100000"]):
        refused(capsys, ocr_round_trip.main, *words)


# What cannot be begun.


REFUSED = {
    "no such folder": (["nada", "out"], ["nada", "no such folder"]),
    "a file": (["in/a.png", "out"], ["in/a.png", "not a folder"]),
    "no image": (["empty", "out"], ["empty", "no image or pdf", ".png"]),
    "the same folder": (["in", "in"], ["one of it", "choose an output folder apart"]),
    "output inside": (["in", "in/textos"], ["in/textos", "choose an output folder apart"]),
    "output above": (["in", "."], ["choose an output folder apart"]),
    "output is a file": (["in", "file.txt"], ["file.txt", "no extraction.csv"]),
    "psm": (["in", "out", "--psm", "2"], ["--psm 2", "3 to 13"]),
    "dpi": (["in", "out", "--dpi", "3"], ["--dpi 3"]),
    "workers": (["in", "out", "--workers", "-1"], ["--workers -1"]),
    "both": (["in", "out", "--resume", "--overwrite"], ["give one of them"]),
    "unknown flag": (["in", "out", "--lang", "spa"], ["--lang"]),
    "unknown language": (
        ["in", "out", "--language", "spa+klingon_x"],
        ["klingon_x", "tesseract-ocr-klingon-x"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path, {"in/a.png": b"", "empty/notas.txt": b"", "file.txt": b"hola"})
    words, parts = REFUSED[case]
    message = refused(capsys, extract_text.main, *words)
    assert all(part in message for part in parts), message
    assert sorted(p.name for p in tmp_path.rglob("*")) == [
        "a.png",
        "empty",
        "file.txt",
        "in",
        "notas.txt",
    ]


def test_missing_tools_name_their_packages(tmp_path, capsys, monkeypatch):
    source, data = write(tmp_path / "in", {"a.png": b"", "b.pdf": b""}), tmp_path / "tessdata"
    data.mkdir()
    monkeypatch.setenv("TESSDATA_PREFIX", str(data))
    assert "apt-get install tesseract-ocr-spa" in refused(
        capsys, extract_text.main, source, tmp_path / "out"
    )
    (data / "spa.traineddata").touch()
    message = refused(capsys, extract_text.main, source, tmp_path / "out", "--rotate")
    assert "tesseract-ocr-osd" in message and "go without --rotate" in message
    monkeypatch.setenv("PATH", str(tmp_path))
    message = refused(capsys, extract_text.main, source, tmp_path / "out")
    assert "not on the PATH" in message and "tesseract-ocr-spa" in message
    for name in ("pypdfium2", "pytesseract"):
        monkeypatch.setitem(sys.modules, name, None)
        message = refused(capsys, extract_text.main, source, tmp_path / "out")
        assert name in message and "pip install 'spanish-text-suite[ocr]'" in message
    assert not (tmp_path / "out").exists()
