"""Class probabilities of pages with a finished run, in the order they come."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from tqdm import tqdm
from transformers import AutoImageProcessor, AutoModelForImageClassification, PreTrainedModel

from image_model.pixels import PageTransform, normalised, to_pixels
from utils import runs
from utils.pages.images import side_by_side
from utils.training import probabilities_of
from utils.training.inference import check_class_names, load_classifier

PACKAGE = "image_model"
BATCH_SIZE = 8  # on a CPU; a GPU wants 64


@dataclass
class Predictor:
    """A finished run, ready to predict."""

    class_names: list[str]
    model: PreTrainedModel
    view: PageTransform  # how the model sees a page

    @torch.inference_mode()
    def predict_probabilities(
        self, documents: Iterable[Image.Image | np.ndarray], batch_size: int | None = None
    ) -> np.ndarray:
        """Class probabilities (n, n_classes) float32 of pages, in their order.

        Args:
            documents: images, 8-bit grey or RGB, of any size, or what `to_pixels` makes of them
                with this predictor's view, (height, width, 3) uint8; none is kept, so that any
                number may come.
        """
        logits = [np.empty((0, len(self.class_names)), np.float32)]
        pixels = side_by_side(self._pixels_of, documents)
        bar = tqdm(pixels, "predicting", runs.length_of(documents), unit=" pages", disable=None)
        for batch in runs.in_blocks(bar, batch_size or BATCH_SIZE):
            values = torch.from_numpy(np.stack(batch)).to(self.model.device)
            inputs = normalised(values, self.view.processor).to(self.model.dtype)
            logits.append(self.model(pixel_values=inputs).logits.float().cpu().numpy())
        return probabilities_of(np.concatenate(logits))

    def _pixels_of(self, page: Image.Image | np.ndarray) -> np.ndarray:
        return page if isinstance(page, np.ndarray) else to_pixels(page, self.view)


def load_predictor(
    run: Path, device: str | torch.device = "cpu", precision: str = "auto"
) -> Predictor:
    """A finished run of this package, ready to predict.

    Args:
        precision: fp32, bf16, or auto (see `utils.training.wants_bf16`).

    Raises:
        InputError: no finished run, one of another package, or one that was copied in part.
    """
    config = runs.read_config(run, PACKAGE)
    runs.check_files(run, "config.json", "model*.safetensors", "preprocessor_config.json")
    class_names = runs.read_labels(run)
    model, view = load_model_and_view(run, config["model"], torch.device(device), precision)
    check_class_names(run, class_names, model)
    return Predictor(class_names, model, view)


def load_model_and_view(
    run: Path, settings: dict, device: torch.device, precision: str = "fp32"
) -> tuple[PreTrainedModel, PageTransform]:
    """The model of a folder, ready to predict, and how it sees a page.

    Args:
        settings: the `model` entry of the run's config.yaml.
    """
    model = load_classifier(run, device, precision, AutoModelForImageClassification)
    processor = AutoImageProcessor.from_pretrained(run, backend="pil")
    view = PageTransform(processor, settings["keep_aspect"], settings["grayscale"])
    # Convolutions are faster on channels last.
    return model.to(memory_format=torch.channels_last), view
