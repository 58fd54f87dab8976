"""Pages to arrays: resized once as the model's processor does, cached, normalised in batches."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import torch
from PIL import Image
from PIL import __version__ as pillow_version
from tqdm import tqdm
from transformers import TrainerCallback
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from image_model.augmentation import augmented
from utils.data.cache import cached_folder
from utils.errors import InputError
from utils.pages.images import decode_page, side_by_side


@dataclass(frozen=True)
class PageTransform:
    """How a model sees a page: the processor of transformers, and what is done before it."""

    processor: Any
    keep_aspect: bool = False  # whole, in its own proportions, with white beside
    grayscale: bool = False


def to_pixels(page: Image.Image, view: PageTransform) -> np.ndarray:
    """A page resized as the processor does, not yet normalised: (height, width, 3) uint8.

    Args:
        page: 8-bit grey or RGB.
    """
    if view.grayscale:
        page = page.convert("L")
    if view.keep_aspect:
        page = fitted(page, view.processor.size["height"], view.processor.size["width"])

    # A plain resize is done here: the bytes are the processor's, which resizes with Pillow too, but
    # without its copies, and for one channel instead of three where the page is grey.
    if isinstance(view.processor, ViTImageProcessorPil) and view.processor.do_resize:
        size = view.processor.size["width"], view.processor.size["height"]
        return np.array(page.resize(size, view.processor.resample).convert("RGB"))

    batch = view.processor(
        page.convert("RGB"), do_rescale=False, do_normalize=False, return_tensors="np"
    )
    channels_first = batch["pixel_values"][0]
    return np.ascontiguousarray(np.moveaxis(channels_first, 0, -1), dtype=np.uint8)


def fitted(page: Image.Image, height: int, width: int) -> Image.Image:
    """The whole page in its own proportions in the middle of a white image."""
    scale = min(width / page.width, height / page.height)
    new_width = max(1, round(page.width * scale))
    new_height = max(1, round(page.height * scale))
    small = page.resize((new_width, new_height), Image.Resampling.BILINEAR)
    canvas = Image.new(page.mode, (width, height), "white")
    canvas.paste(small, ((width - new_width) // 2, (height - new_height) // 2))
    return canvas


def normalised(pixels: torch.Tensor, processor) -> torch.Tensor:
    """Bytes (batch, height, width, 3) to the model's input (batch, 3, height, width) float32.

    The memory keeps the order of the bytes, channels last, which convolutions read as fast.
    """
    pixels = pixels.permute(0, 3, 1, 2).float()
    if processor.do_rescale:
        pixels = pixels * processor.rescale_factor
    if processor.do_normalize:
        mean = torch.tensor(processor.image_mean, device=pixels.device)
        std = torch.tensor(processor.image_std, device=pixels.device)
        pixels = (pixels - mean[:, None, None]) / std[:, None, None]
    return pixels


def make_collator(processor):
    """A function from rows of `Pages` to a batch.

    The batch has `pixel_values` (batch, 3, height, width) float32 and `labels` (batch,).
    """

    def collate(rows: list[dict]) -> dict[str, torch.Tensor]:
        pixels = torch.from_numpy(np.stack([row["pixels"] for row in rows]))
        return {
            "pixel_values": normalised(pixels, processor),
            "labels": torch.tensor([row["label"] for row in rows]),
        }

    return collate


class Pages(torch.utils.data.Dataset):
    """A split's pixels (n, height, width, 3) uint8 and labels (n,), augmented where asked.

    The changes to a page depend on (seed, epoch, row) alone, so that a resumed run and any number
    of workers see the same.
    """

    column_names = ("pixels", "label")

    def __init__(self, pixels: np.ndarray, labels: np.ndarray, augment=(), seed: int = 0):
        self.pixels = pixels
        self.labels = labels
        self.augment = list(augment)
        self.seed = seed
        # Shared memory: workers that live on from epoch to epoch hold copies of this object, and
        # would draw the first epoch's changes again and again.
        self.shared_epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    @property
    def epoch(self) -> int:
        return int(self.shared_epoch)

    @epoch.setter
    def epoch(self, number: int):
        self.shared_epoch.fill_(number)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, row: int) -> dict:
        pixels = np.array(self.pixels[row])
        if self.augment:
            rng = np.random.default_rng([self.seed, self.epoch, row])
            pixels = augmented(pixels, self.augment, rng)
        return {"pixels": pixels, "label": int(self.labels[row])}


class SetEpochCallback(TrainerCallback):
    """Sets the pages' epoch when one begins: accelerate does so for its samplers only."""

    def __init__(self, pages: Pages):
        self.pages = pages

    def on_epoch_begin(self, args, state, control, **kwargs):
        # A resumed training begins at a fraction such as 2.9999999 where epoch 3 is meant.
        self.pages.epoch = int((state.epoch or 0) + 1e-6)


def resize_splits(splits: datasets.DatasetDict, view: PageTransform) -> dict[str, np.ndarray]:
    """Each split's pixels (n, height, width, 3) uint8, from the cache when these very pages were
    resized before in this order (`utils.data.cache`); mapped, not read.

    A split that was finished before a kill is not done again.

    Raises:
        InputError: the processor makes pages of several sizes.
    """
    return {split: cached_pixels(dataset, view, split) for split, dataset in splits.items()}


def cached_pixels(dataset: datasets.Dataset, view: PageTransform, split: str) -> np.ndarray:
    """One split's pixels through a file; in memory where there is no room for it."""
    decides_pixels = [view.processor.to_dict(), view.keep_aspect, view.grayscale]
    options = json.dumps(decides_pixels, sort_keys=True, default=str)

    def write(folder: Path):
        write_pixels(resized(dataset, view, split), len(dataset), folder / "pixels.npy")

    folder = cached_folder("pixels", {split: dataset}, (options, pillow_version), write)
    if folder is None:
        return np.stack(list(resized(dataset, view, split)))
    return np.load(folder / "pixels.npy", mmap_mode="r")


def write_pixels(pages, n: int, path: Path):
    """Write n arrays (height, width, 3) uint8 of one shape as one npy file, none of them kept.

    Raises:
        InputError: they are of several shapes.
    """
    with open(path, "wb") as stream:
        for row, pixels in enumerate(pages):
            if row == 0:
                # The head of the file holds the shape of the whole, known from the first page.
                shape = pixels.shape
                header = {"descr": "|u1", "fortran_order": False, "shape": (n, *shape)}
                np.lib.format.write_array_header_1_0(stream, header)
            if pixels.shape != shape:
                raise InputError(
                    f"the model's processor makes pages of several sizes, {shape[:2]} and "
                    f"{pixels.shape[:2]}; pass --image_size"
                )
            stream.write(pixels.tobytes())


def resized(dataset: datasets.Dataset, view: PageTransform, what: str):
    """Yield each page of a dataset as `to_pixels` makes it, decoded side by side."""
    rows = dataset.select_columns("image").cast_column("image", datasets.Image(decode=False))
    jobs = ((row["image"]["bytes"], view) for row in rows)
    return tqdm(
        side_by_side(pixels_of, jobs), f"resizing {what}", len(dataset), unit=" pages", disable=None
    )


def pixels_of(job: tuple[bytes, PageTransform]) -> np.ndarray:
    return to_pixels(decode_page(job[0]), job[1])
