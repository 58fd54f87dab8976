"""Class probabilities of any pages with a finished run: decoded side by side, in the order they
come.
"""

from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm
from transformers import AutoImageProcessor, AutoModelForImageClassification

from image_model.pixels import PageTransform, normalised
from utils.training import probabilities_of


def load_classifier(run: Path, settings: dict, device: torch.device):
    """The model of a run folder, ready to predict, and how it sees a page.

    Args:
        settings: the `model` entry of the run's config.yaml.
    """
    model = (
        AutoModelForImageClassification.from_pretrained(run)
        .to(device, memory_format=torch.channels_last)
        .eval()
    )
    processor = AutoImageProcessor.from_pretrained(run, backend="pil")
    return model, PageTransform(processor, settings["keep_aspect"], settings["grayscale"])


@torch.inference_mode()
def predict_probabilities(model, processor, pages, total: int, batch_size: int) -> np.ndarray:
    """Class probabilities (n, n_classes) float32 in the order of the pages.

    Args:
        pages: an iterable of (height, width, 3) uint8, none of which is kept: n may be any number.
    """
    logits, batch = [np.empty((0, model.config.num_labels), np.float32)], []

    def flush():
        pixels = normalised(torch.from_numpy(np.stack(batch)).to(model.device), processor)
        logits.append(model(pixel_values=pixels).logits.float().cpu().numpy())
        batch.clear()

    for pixels in tqdm(pages, "predicting", total, unit=" pages", disable=None):
        batch.append(pixels)
        if len(batch) == batch_size:
            flush()
    if batch:
        flush()
    return probabilities_of(np.concatenate(logits))
