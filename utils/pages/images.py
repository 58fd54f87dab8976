"""Files of page images and PDFs to one page each, read side by side; what is no page is refused
with its reason.
"""

import io
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PIL import Image

from utils.errors import InputError
from utils.pages.text import (
    FORMATS,
    PDFIUM,
    check_size,
    flat,
    is_pdf,
    open_pdf,
    page_count,
    reason_of,
    rendered,
)

Item = TypeVar("Item")
Result = TypeVar("Result")
PDF_DPI = 100  # an A4 page becomes 827 × 1169 pixels, more than any classifier here looks at


@dataclass
class PageFile:
    """The first page of a file: its bytes (a pdf's as png) and the image in them, decoded; or why
    there is none.
    """

    data: bytes = b""
    image: Image.Image | None = None
    pages: int = 1
    reason: str = ""


def read_page_file(path: Path) -> PageFile:
    """The first page of a file, decoded to its last byte.

    Raises:
        InputError: a pdf, without the package that reads it.
    """
    try:
        return read_page(path.read_bytes(), path.suffix.lower())
    except OSError as error:
        return PageFile(reason=reason_of(error))
    except ImportError:
        raise InputError(
            f"{path}: pypdfium2 is not installed: pip install 'spanish-text-suite[ocr]'"
        ) from None


def read_page(data: bytes, suffix: str = "") -> PageFile:
    """The first page in the bytes of a file, whose ending tells whether a pdf is meant."""
    try:
        if is_pdf(data, suffix):
            return pdf_page(data)
        image = open_image(data)
        image.load()
        return PageFile(data, image, page_count(image))
    except ImportError:
        raise
    except Exception as error:  # decoders of broken files raise errors of any kind
        return PageFile(reason=" ".join(reason_of(error).split()))


def open_image(data: bytes) -> Image.Image:
    """The image in these bytes, at its first page, not decoded yet; more pixels than any page has
    are refused.
    """
    image = Image.open(io.BytesIO(data), formats=FORMATS)
    check_size(*image.size)
    return image


def pdf_page(data: bytes) -> PageFile:
    """A pdf's first page as png."""
    with PDFIUM:
        document = open_pdf(data)
        try:
            image, pages = rendered(document[0], PDF_DPI, grayscale=False), len(document)
        finally:
            document.close()
    stream = io.BytesIO()
    image.save(stream, "png", compress_level=1)
    return PageFile(stream.getvalue(), image, pages)


def decode_page(data: bytes) -> Image.Image:
    """The page in an image's bytes, 8-bit grey or RGB (see `utils.pages.text.flat`)."""
    return flat(open_image(data))


def cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def side_by_side(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int | None = None
) -> Iterator[Result]:
    """Yield `function(item)` in the order of the items, computed by threads that are never far
    ahead of the reader.

    Pillow's decoders, resizing and file reading all release the interpreter.
    """
    Image.init()  # before threads begin
    # Too many pixels are refused; other oddities do not matter.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    workers = workers or cores()
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= 4 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
