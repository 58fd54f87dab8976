"""Random changes to training pages, such as scanning makes: rotation, crop, blur, contrast.

No flips: no page is read mirrored.
"""

import math

import numpy as np
from PIL import Image, ImageFilter

AUGMENTATIONS = ("rotation", "crop", "blur", "contrast")

# The largest change of each kind: what a feeder and a lamp do, while text stays readable.
MAX_ROTATION = 3.0  # degrees, either way
MAX_CROP = 0.12  # share of a side: of the zoom either way, and of the whole range of the shift
MAX_BLUR = 1.0  # radius in pixels
MAX_CONTRAST_LOSS = 0.4  # share of the grey range
BLURRED_SHARE = 0.5  # of the pages; the others stay sharp


def augmented(pixels: np.ndarray, names: list[str], rng: np.random.Generator) -> np.ndarray:
    """A page changed at random.

    Args:
        pixels: (height, width, 3) uint8.
        names: those of `AUGMENTATIONS` that are on.

    Returns:
        (height, width, 3) uint8.
    """
    # All eight numbers are drawn whatever is on, so that one change does not depend on the others.
    turn, scale, x, y, blur, low, high, chance = rng.random(8).tolist()
    page = Image.fromarray(pixels)

    # Both move the page: done together, it is resampled once.
    degrees = 0.0
    zoom = 1.0
    shift = (0.0, 0.0)
    if "rotation" in names:
        degrees = MAX_ROTATION * (2 * turn - 1)
    if "crop" in names:
        zoom = 1 + MAX_CROP * (2 * scale - 1)
        shift = (MAX_CROP * (x - 0.5), MAX_CROP * (y - 0.5))
    if "rotation" in names or "crop" in names:
        page = moved(page, degrees, zoom, shift)

    if "blur" in names and chance < BLURRED_SHARE:
        page = page.filter(ImageFilter.GaussianBlur(MAX_BLUR * blur))

    # Ink that has faded and paper that has yellowed: black and white draw nearer to each other.
    if "contrast" in names:
        black = 255 * MAX_CONTRAST_LOSS * low / 2
        white = 255 * (1 - MAX_CONTRAST_LOSS * high / 2)
        table = [round(black + (white - black) * value / 255) for value in range(256)]
        page = page.point(table * 3)  # one table a channel
    return np.asarray(page)


def moved(
    page: Image.Image, degrees: float, zoom: float, shift: tuple[float, float]
) -> Image.Image:
    """The page turned, scaled and shifted about its middle, on white, in one resampling.

    Args:
        degrees: clockwise.
        zoom: above 1 the page gets smaller.
        shift: (to the left, upwards) in shares of its sides.
    """
    width, height = page.size
    middle_x = width / 2
    middle_y = height / 2

    # Pillow asks for the way back, from a place (x, y) in the new page to one in the old page:
    # (cos·x + sin·y + left, -sin·x + cos·y + top). `left` and `top` are such that the middle comes
    # from the middle, moved by the shift.
    cos = math.cos(math.radians(degrees)) * zoom
    sin = math.sin(math.radians(degrees)) * zoom
    left = middle_x + shift[0] * width - cos * middle_x - sin * middle_y
    top = middle_y + shift[1] * height + sin * middle_x - cos * middle_y
    return page.transform(
        page.size,
        Image.Transform.AFFINE,
        (cos, sin, left, -sin, cos, top),
        Image.Resampling.BILINEAR,
        fillcolor=(255, 255, 255),
    )
