"""Changes that scanning makes to a page: a small turn, a crop, blur, contrast. No flips: no page is
read mirrored.
"""

import math

import numpy as np
from PIL import Image, ImageFilter

AUGMENTATIONS = ("rotation", "crop", "blur", "contrast")
TURN, CROP, BLUR, CONTRAST = (
    3.0,
    0.12,
    1.0,
    0.4,
)  # degrees; share of a side; pixels; share of the range, at most


def augmented(pixels: np.ndarray, names: list[str], rng: np.random.Generator) -> np.ndarray:
    """A page changed at random: (height, width, 3) uint8, as it came.

    Every draw is made whatever is asked for, so that one change does not depend on which others are
    on.
    """
    turn, scale, x, y, blur, low, high, chance = rng.random(8).tolist()
    page = Image.fromarray(pixels)
    if {"rotation", "crop"} & set(names):
        degrees = TURN * (2 * turn - 1) if "rotation" in names else 0.0
        zoom = 1 + CROP * (2 * scale - 1) if "crop" in names else 1.0
        shift = (CROP * (x - 0.5), CROP * (y - 0.5)) if "crop" in names else (0.0, 0.0)
        page = moved(page, degrees, zoom, shift)
    if "blur" in names and chance < 0.5:
        page = page.filter(ImageFilter.GaussianBlur(BLUR * blur))
    if "contrast" in names:
        black, white = 255 * CONTRAST * low / 2, 255 * (1 - CONTRAST * high / 2)
        page = page.point(
            [round(black + (white - black) * value / 255) for value in range(256)] * 3
        )
    return np.asarray(page)


def moved(
    page: Image.Image, degrees: float, zoom: float, shift: tuple[float, float]
) -> Image.Image:
    """The page turned, scaled and shifted (in shares of its sides) about its middle, on white, in
    one resampling.
    """
    width, height = page.size
    cos, sin = math.cos(math.radians(degrees)) * zoom, math.sin(math.radians(degrees)) * zoom
    middle_x, middle_y = width / 2, height / 2
    left = middle_x + shift[0] * width - cos * middle_x - sin * middle_y
    top = middle_y + shift[1] * height + sin * middle_x - cos * middle_y
    # From the place in the new page to that in the old one.
    return page.transform(
        page.size,
        Image.Transform.AFFINE,
        (cos, sin, left, -sin, cos, top),
        Image.Resampling.BILINEAR,
        fillcolor=(255, 255, 255),
    )
