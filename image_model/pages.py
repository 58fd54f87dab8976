"""Which pages are to be predicted: those of a folder, one file, or a parquet of images."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from image_model.pixels import PageTransform, to_pixels
from utils.data.image_tree import Document, documents
from utils.errors import InputError
from utils.pages.images import decode_page, read_page_file, side_by_side
from utils.pages.text import SUFFIXES, flat, reason_of
from utils.records import ReadReport


@dataclass
class FoundPages:
    """The pages of an input, read as they are iterated; `ids` and `labels` fill up meanwhile.

    Attributes:
        total: how many pages there are, unreadable ones counted.
        results: yields (id, label or None, pixels (height, width, 3) uint8 or None, note).
        report: takes the notes, and the pages that are left out.
    """

    total: int
    results: Iterable[tuple[str, str | None, np.ndarray | None, str]]
    report: ReadReport
    ids: list[str] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)

    def __len__(self) -> int:
        return self.total

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the pages that can be read; the others are noted with their reason."""
        for identifier, label, pixels, note in self.results:
            if note:
                self.report.note(f"{identifier}: {note}")
            if pixels is None:
                self.report.dropped.append(("predict", identifier, label, note))
                continue
            self.ids.append(identifier)
            self.labels.append(label)
            yield pixels


def pages_to_predict(
    source: str, view: PageTransform, class_names: list[str], report: ReadReport
) -> FoundPages:
    """The pages of a folder, an image or pdf, or a parquet with `id` and `image`.

    Args:
        class_names: the model's classes; a folder of another name gives no label.

    Raises:
        InputError: none of these, or a folder without any image.
    """
    path = Path(source)
    if path.is_dir():
        found = documents({"predict": path}, report)
        if not found:
            raise InputError(
                f"--input {source}: no image in it; give a folder with {', '.join(SUFFIXES)}"
            )
    elif path.is_file() and path.suffix.lower() in SUFFIXES:
        found = [Document(path, "predict", path.stem, None)]
    elif path.is_file() and path.suffix.lower() == ".parquet":
        return stored_pages(path, view, report)
    else:
        reason = "unknown kind of file" if path.exists() else "no such file or folder"
        raise InputError(
            f"--input {source}: {reason}; give a folder of images or one of {', '.join(SUFFIXES)}"
        )

    def read(document: Document):
        file = read_page_file(document.path)
        if file.image is None:
            return str(document.path), document.label, None, f"left out, {file.reason}"
        note = f"{file.pages} pages, the first is taken" if file.pages > 1 else ""
        label = document.label if document.label in class_names else None
        return document.id, label, to_pixels(flat(file.image), view), note

    return FoundPages(len(found), side_by_side(read, found), report)


def stored_pages(path: Path, view: PageTransform, report: ReadReport) -> FoundPages:
    """The pages in a parquet file of `datasets`, such as prepare_dataset's unlabelled.parquet.

    Raises:
        InputError: no parquet file, or one without `id` and `image`.
    """
    try:
        file = pq.ParquetFile(path)
        missing = {"id", "image"} - set(file.schema_arrow.names)
        if missing:
            raise InputError(
                f"--input {path}: no column {min(missing)!r}; give the unlabelled.parquet of a "
                "prepared dataset of pages"
            )
        if not pa.types.is_struct(file.schema_arrow.field("image").type):
            raise InputError(
                f"--input {path}: column 'image' holds no images; give the unlabelled.parquet of a "
                "prepared dataset of pages"
            )
    except pa.ArrowException as error:
        raise InputError(
            f"--input {path}: not a readable parquet file ({error}); write it again"
        ) from None

    def rows() -> Iterator[dict]:
        # A hundred at a time: images are large, and the file may hold more than memory does.
        for batch in file.iter_batches(100, columns=["id", "image"]):
            yield from batch.to_pylist()

    def read(row: dict):
        try:
            return row["id"], None, to_pixels(decode_page(row["image"]["bytes"]), view), ""
        except Exception as error:  # decoders of broken files raise errors of any kind
            return row["id"], None, None, f"left out, {' '.join(reason_of(error).split())}"

    return FoundPages(file.metadata.num_rows, side_by_side(read, rows()), report)
