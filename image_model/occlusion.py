"""Where a model looks: how much less sure it gets when a part of the page is covered with white."""

import math

import numpy as np
import torch

from image_model.pixels import normalised
from utils.figures import finalize_axes, new_figure, shortened
from utils.training import probabilities_of

BATCH = 64  # covered pages that the model sees at once


def windows(side: int, patch: int, stride: int) -> list[int]:
    """Where windows of `patch` pixels begin along a side, the last one at its end."""
    return sorted({*range(0, max(side - patch, 0) + 1, stride), max(side - patch, 0)})


@torch.inference_mode()
def occlusion_map(
    model, processor, pixels: np.ndarray, patch: int | None = None, label: int | None = None
):
    """How much each part of a page speaks for a class, by covering it.

    Args:
        pixels: (height, width, 3) uint8, as `image_model.pixels.to_pixels` makes it.
        patch: side of the covered window in pixels, moved by half of it; default an eighth of the
            page.
        label: the class; default: the predicted one.

    Returns:
        (importance (height, width) float32, label, probability): the mean fall of the class's
        log-probability over the windows that cover a pixel (above 0: the pixel speaks for the
        class), and the class's probability.
    """
    height, width = pixels.shape[:2]
    patch = patch or max(8, max(height, width) // 8)
    places = [
        (top, left)
        for top in windows(height, patch, patch // 2)
        for left in windows(width, patch, patch // 2)
    ]

    # One copy of the page for each place, covered there; the last copy stays whole.
    covered = np.repeat(pixels[None], len(places) + 1, axis=0)
    for number, (top, left) in enumerate(places):
        covered[number, top : top + patch, left : left + patch] = 255

    batches = torch.from_numpy(covered).to(model.device).split(BATCH)
    logits = [model(pixel_values=normalised(batch, processor)).logits for batch in batches]
    probabilities = probabilities_of(torch.cat(logits).float().cpu().numpy())
    if label is None:
        label = int(probabilities[-1].argmax())

    # Logarithms: from 0.99 to 0.9 is as large a fall as from 0.11 to 0.1 and not nine times it. A
    # probability of 0 counts as the smallest step of a float32.
    log_probabilities = np.log(np.maximum(probabilities[:, label], np.finfo(np.float32).eps))
    falls = log_probabilities[-1] - log_probabilities[:-1]

    # Windows overlap: a pixel gets the mean of those that cover it.
    total = np.zeros((height, width), np.float32)
    covers = np.zeros((height, width), np.float32)
    for (top, left), fall in zip(places, falls, strict=True):
        total[top : top + patch, left : left + patch] += fall
        covers[top : top + patch, left : left + patch] += 1
    return total / covers, label, float(probabilities[-1, label])


def occlusion_figure(pages: list[dict], columns: int = 4):
    """Draw pages with what speaks for the predicted class in red and against it in blue.

    Args:
        pages: dicts of id, label, prediction, probability, pixels (height, width, 3) and
            importance (height, width).
    """
    columns = min(columns, len(pages))
    rows = math.ceil(len(pages) / columns)
    figure, panels = new_figure(
        3.1 * columns, 0.5 + 3.6 * rows, rows=rows, columns=columns, squeeze=False
    )
    for axes in panels.flat:
        axes.axis("off")
    for axes, page in zip(panels.flat, pages, strict=False):
        # Each page has its own scale, with white at 0; a page without any importance stays white.
        limit = max(float(np.abs(page["importance"]).max()), 1e-6)
        axes.imshow(page["pixels"].mean(axis=2), cmap="gray", vmin=0, vmax=255)
        axes.imshow(page["importance"], cmap="bwr", vmin=-limit, vmax=limit, alpha=0.45)
        title = [
            shortened(page["id"], 30),
            f"{shortened(page['prediction'], 24)} {page['probability']:.2f}",
        ]
        if page["prediction"] != page["label"]:
            title.append(f"label {shortened(page['label'] or 'none', 24)}")
        axes.set_title("\n".join(title), fontsize=8)
    return finalize_axes(figure)
