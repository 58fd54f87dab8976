"""The text layer of pdf pages, which needs no Tesseract."""

import pytest

from utils.pages.text import ReadOptions, pages_of

pytest.importorskip("pypdfium2", reason="no pypdfium2: pip install -e '.[ocr]'")

LINES = ["primera linea del documento", "segunda linea del texto", "tercera linea final"]
# How a line is drawn so that it stands upright when the page is turned by so many degrees.
MATRICES = {
    0: lambda n: f"1 0 0 1 50 {800 - 20 * n}",
    90: lambda n: f"0 1 -1 0 {40 + 20 * n} 50",
    180: lambda n: f"-1 0 0 -1 545 {42 + 20 * n}",
    270: lambda n: f"0 -1 1 0 {555 - 20 * n} 790",
}


def one_page_pdf(drawing: str, rotation: int) -> bytes:
    """A pdf of one A4 page by hand."""
    content = f"BT /F 12 Tf {drawing} ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Rotate {rotation} /Contents 4 0 R "
        "/Resources << /Font << /F 5 0 R >> >> >>",
        f"<< /Length {len(content)} >>\nstream\n{content}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    data, places = "%PDF-1.4\n", []
    for number, text in enumerate(objects, 1):
        places.append(len(data))
        data += f"{number} 0 obj\n{text}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    head = f"xref\n0 6\n0000000000 65535 f \n{table}trailer << /Size 6 /Root 1 0 R >>\n"
    return f"{data}{head}startxref\n{len(data)}\n%%EOF\n".encode("latin-1")


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("drawn", [0, 90, 180, 270])
def test_lines_of_turned_pages_come_in_order(rotation, drawn):
    """Whether /Rotate turns the page, or the text is drawn to be turned, or both."""
    drawing = " ".join(f"{MATRICES[drawn](n)} Tm ({line}) Tj" for n, line in enumerate(LINES))
    (page,) = pages_of(one_page_pdf(drawing, rotation), ".pdf", ReadOptions())
    assert page.text.split("\n") == LINES and page.method == "text layer"
