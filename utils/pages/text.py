"""Bytes of an image or a pdf to the text of its pages: Pillow, PDFium and Tesseract."""

import collections
import io
import os
import re
import shutil
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from utils.errors import InputError

SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".pdf")
# By content; Pillow opens no others.
FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "JPEG2000")
MAX_PIXELS = 179_000_000  # an A0 page at 300 dpi has 140 million
LAYER = 25  # letters and digits that make a text layer
STAMP = 200  # the same on a page that is one image: fewer are a scanner's stamp on it
NO_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufeff\uffff]")
PDFIUM = threading.Lock()  # PDFium serves one thread at a time


@dataclass
class ReadOptions:
    """How pages are read."""

    language: str = field(
        default="spa", metadata={"help": "Tesseract's languages: spa, or several, spa+eng"}
    )
    psm: int = field(
        default=3,
        metadata={"help": "Tesseract's page segmentation mode: 3 page, 4 column, 6 block"},
    )
    dpi: int = field(
        default=300, metadata={"help": "resolution at which pdf pages are rendered for OCR"}
    )
    rotate: bool = field(
        default=False, metadata={"help": "turn pages by 90, 180 or 270 degrees where OSD says so"}
    )
    rotate_confidence: float = field(
        default=3.0, metadata={"help": "orientation confidence that OSD must reach"}
    )
    ignore_text_layer: bool = field(default=False, metadata={"help": "OCR every pdf page"})
    timeout: int = field(
        default=300, metadata={"help": "seconds after which a page, and its file, is given up"}
    )


@dataclass
class Page:
    """One page read."""

    text: str
    method: str = "text layer"
    confidences: list[float] = field(default_factory=list)  # of each word, 0 to 100
    turned: bool = False


class Unreadable(Exception):
    """Why a file gives no text."""


def engine(options: ReadOptions, with_pdf: bool) -> str:
    """Refuse to begin without what is needed; returns everything that decides a text, in a line.

    Raises:
        InputError: a package, Tesseract or the data of a language is not installed.
    """
    try:
        import pytesseract

        if with_pdf:
            import pypdfium2  # noqa: F401
    except ImportError as error:
        raise InputError(
            f"{error.name} is not installed: pip install 'spanish-text-suite[ocr]'"
        ) from None
    if not shutil.which(pytesseract.pytesseract.tesseract_cmd):
        raise InputError(
            "tesseract is not on the PATH: apt-get install tesseract-ocr tesseract-ocr-spa"
        )
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # threads within a page cost more than they save
    wanted = options.language.split("+")
    if options.rotate or options.psm in (1, 12):
        wanted.append("osd")  # orientation and script detection
    missing = sorted(set(wanted) - set(pytesseract.get_languages()))
    if missing:
        packages = " ".join(f"tesseract-ocr-{name.replace('_', '-')}" for name in missing)
        instead = "go without --rotate" if missing == ["osd"] else "pass another --language"
        raise InputError(
            f"Tesseract has no data for {', '.join(missing)}: apt-get install {packages}, "
            f"or {instead}"
        )
    Image.init()  # before threads begin
    # What matters is counted; of too many pixels, see MAX_PIXELS.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    parts = [
        f"tesseract {pytesseract.get_tesseract_version()}",
        options.language,
        f"psm {options.psm}",
        f"pdf {options.dpi} dpi",
    ]
    if options.rotate:
        parts.append(f"rotate {options.rotate_confidence:g}")
    if options.ignore_text_layer:
        parts.append("no text layer")
    return ", ".join(parts)


def reason_of(error: Exception) -> str:
    """Why a file cannot be read, in one sentence."""
    if isinstance(error, Unreadable):
        return str(error)
    if isinstance(error, Image.DecompressionBombError):
        return f"declares more than {MAX_PIXELS:,} pixels (a decompression bomb?)"
    if isinstance(error, UnidentifiedImageError):
        return "no image that can be read: corrupt, or another kind of file"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read ({error.strerror})"
    if str(error) == "Tesseract process timeout":
        return "a page took longer than --timeout allows"
    return f"cannot be read ({getattr(error, 'message', None) or error or type(error).__name__})"


def pages_of(data: bytes, suffix: str, options: ReadOptions) -> Iterator[Page]:
    """Yield the pages of a file, read.

    Raises:
        Unreadable: the content is not what the name says. Decoders raise errors of their own.
    """
    if is_pdf(data, suffix):
        yield from pdf_pages(data, options)
        return
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    for number in range(page_count(image)):
        image.seek(number)
        check_size(*image.size)
        yield ocr(greyscale(image), options)


def page_count(image: Image.Image) -> int:
    """How many pages an image has; the frames of a gif or webp are no pages."""
    return getattr(image, "n_frames", 1) if image.format == "TIFF" else 1


def is_pdf(data: bytes, suffix: str) -> bool:
    """Whether a file is a pdf; one that is empty, or a pdf by its name or its content alone, is
    refused.
    """
    found = data[:1024].lstrip().startswith(b"%PDF-")
    if not data:
        raise Unreadable("empty file (0 bytes)")
    if found and suffix != ".pdf":
        raise Unreadable("a pdf under another name; rename it to .pdf")
    if suffix == ".pdf" and not found:
        raise Unreadable("no pdf, whatever its name says")
    return found


def check_size(width: float, height: float):
    """Refuse more pixels than any page has."""
    if width * height > MAX_PIXELS:
        raise Unreadable(
            f"{width:,.0f} x {height:,.0f} pixels, more than {MAX_PIXELS:,}; scan or render it "
            "smaller"
        )


def greyscale(image: Image.Image) -> Image.Image:
    """The image as 8-bit grey; see `flat`."""
    return flat(image).convert("L")


def flat(image: Image.Image) -> Image.Image:
    """The image as 8-bit grey or RGB: upright by its EXIF, on white, deeper values spread from
    black to white.
    """
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, np.float32)
        low, high = float(values.min()), float(values.max())
        return Image.fromarray(((values - low) * (255 / max(high - low, 1e-6))).astype(np.uint8))
    if "transparency" in image.info or "A" in image.getbands():
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode in ("L", "RGB") else image.convert("RGB")


def pdf_pages(data: bytes, options: ReadOptions) -> Iterator[Page]:
    """Yield the pages of a pdf: its text layer, or OCR of what is rendered."""
    with PDFIUM:
        document = open_pdf(data)
        count = len(document)
    try:
        for number in range(count):
            with PDFIUM:
                page = document[number]
                text = None if options.ignore_text_layer else text_layer(document, page)
                if text is None:
                    image = rendered(page, options.dpi)
                page.close()
            yield ocr(image, options) if text is None else Page(text)
    finally:
        with PDFIUM:
            document.close()


def open_pdf(data: bytes):
    """The pdf's document with its forms; to be called, used and closed while holding PDFIUM."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = error.err_code == pypdfium2.raw.FPDF_ERR_PASSWORD
        raise Unreadable(
            "encrypted, it asks for a password; save it without"
            if locked
            else f"a pdf that cannot be read ({error})"
        ) from None
    document.init_forms()
    return document


def rendered(page, dpi: int, grayscale: bool = True) -> Image.Image:
    """A pdf page as an 8-bit image, grey or RGB."""
    check_size(page.get_width() * dpi / 72, page.get_height() * dpi / 72)
    bitmap = page.render(scale=dpi / 72, grayscale=grayscale)
    image = bitmap.to_pil()
    bitmap.close()
    return image


def text_layer(document, page) -> str | None:
    """A page's text layer; None where it has none, or OCR of what is seen says more."""
    from pypdfium2 import raw

    text = re.sub("[\ufffe\x02]", "-", layer_text(page)).replace("\r\n", "\n")  # hyphens
    text = NO_TEXT.sub("", text)
    solid = "".join(text.split())
    readable = sum(map(str.isalnum, solid))
    sides = [image.get_bounds() for image in page.get_objects([raw.FPDF_PAGEOBJ_IMAGE])]
    covered = sum((right - left) * (top - bottom) for left, bottom, right, top in sides)
    is_scan = covered > 0.5 * page.get_width() * page.get_height()
    if readable < max(STAMP if is_scan else LAYER, len(solid) / 2) or has_values(document, page):
        return None
    return text


def layer_text(page) -> str:
    """The text of a page's layer, first line first.

    PDFium puts lines in the order of the page as it is shown: one that /Rotate turns, or that is
    drawn sideways, comes out with its last line first, or with lines run together. Turned so that
    most of its letters stand upright, it is read in order.
    """
    shown = page.get_rotation()
    layer = page.get_textpage()
    upright = upright_rotation(layer)
    if shown == upright == 0:
        text = layer.get_text_bounded()
        layer.close()
        return text
    layer.close()
    page.set_rotation(upright)
    try:
        layer = page.get_textpage()
        text = layer.get_text_range()
        layer.close()
    finally:
        page.set_rotation(shown)  # as OCR is to see it
    return text


def upright_rotation(layer) -> int:
    """The rotation of a page, 0, 90, 180 or 270 degrees, at which most letters are upright."""
    from pypdfium2 import raw

    quarters: collections.Counter[int] = collections.Counter()
    for place in range(layer.count_chars()):
        if chr(raw.FPDFText_GetUnicode(layer, place)).isalnum():
            angle = raw.FPDFText_GetCharAngle(layer, place)  # radians
            quarters[round(angle / (np.pi / 2)) % 4] += 1
    if not quarters:
        return 0
    return -90 * quarters.most_common(1)[0][0] % 360


def has_values(document, page) -> bool:
    """Whether fields of a form are filled in on a page: no text layer holds what is in them."""
    from pypdfium2 import raw

    form = document.formenv
    if not form:
        return False
    kinds = (raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX)
    is_filled = False
    for number in range(raw.FPDFPage_GetAnnotCount(page)):
        annotation = raw.FPDFPage_GetAnnot(page, number)
        # In bytes, of which two are the value's end.
        size = raw.FPDFAnnot_GetFormFieldValue(form, annotation, None, 0)
        if size > 2 and raw.FPDFAnnot_GetFormFieldType(form, annotation) in kinds:
            is_filled = True
        raw.FPDFPage_CloseAnnot(annotation)
    return is_filled


def ocr(image: Image.Image, options: ReadOptions) -> Page:
    """A page as Tesseract reads it; words, lines and paragraphs as in its own text output."""
    import pytesseract

    turn = turn_of(image, options) if options.rotate else 0
    if turn:
        image = image.rotate(-turn, expand=True)
    image.format = "PPM"  # how pytesseract hands it over; PNG, its default, is slow to write
    table = pytesseract.image_to_data(
        image, options.language, f"--psm {options.psm}", timeout=options.timeout
    )
    parts: list[str] = []
    confidences: list[float] = []
    before: list[str] = []  # block, paragraph and line of the word before
    for line in table.split("\n")[1:]:
        # level, page, block, paragraph, line, word, left, top, width, height, confidence, text
        cells = line.split("\t")
        if len(cells) < 12 or not cells[11].strip():
            continue
        place = cells[2:5]
        if place == before:
            parts.append(" ")
        elif place[:2] == before[:2]:
            parts.append("\n")
        elif before:
            parts.append("\n\n")
        before = place
        parts.append(cells[11].strip())
        confidences.append(float(cells[10]))
    return Page("".join(parts), "ocr", confidences, bool(turn))


def turn_of(image: Image.Image, options: ReadOptions) -> int:
    """Degrees clockwise by which a page must be turned: 0 where OSD sees too few letters or is
    unsure.
    """
    import pytesseract

    image.format = "PPM"
    try:
        found = pytesseract.image_to_osd(
            image, output_type=pytesseract.Output.DICT, timeout=options.timeout
        )
    except pytesseract.TesseractError:
        return 0
    is_sure = found.get("orientation_conf", 0) >= options.rotate_confidence
    return found["rotate"] if is_sure else 0
