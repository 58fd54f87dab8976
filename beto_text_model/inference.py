"""Class probabilities of texts with a finished encoder, and how its card says it is called."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from utils import runs
from utils.training import probabilities_of
from utils.training.inference import (
    batches_by_length,
    check_class_names,
    load_classifier,
)

PACKAGE = "beto_text_model"
BATCH_SIZE = 32
BLOCK_ROWS = 10_000  # texts that are tokenised and sorted by length together


@dataclass
class Predictor:
    """A finished run, ready to predict."""

    class_names: list[str]
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    max_length: int  # pieces that are read of a text
    truncation_side: str = "right"
    truncated: int = 0  # texts so far that were longer

    @torch.inference_mode()
    def predict_probabilities(
        self, documents: Iterable[str | None], batch_size: int | None = None
    ) -> np.ndarray:
        """Class probabilities (n, n_classes) float32 of texts, in their order.

        Texts are read in blocks, so that any number of them may come. Batches are cut from a block
        sorted by length, so that padding is small, and hold fewer of the long ones; neither the
        batch nor the padding changes a probability beyond rounding.
        """
        parts = [np.empty((0, len(self.class_names)), np.float32)]
        bar = tqdm(total=runs.length_of(documents), desc="predicting", unit=" texts", disable=None)
        with bar:
            for texts in runs.in_blocks(documents, BLOCK_ROWS):
                input_ids, truncated = tokenise_and_tell(
                    self.tokenizer, texts, self.max_length, self.truncation_side
                )
                self.truncated += sum(truncated)
                parts.append(self._block(input_ids, batch_size or BATCH_SIZE, bar))
        return np.concatenate(parts)

    def _block(self, input_ids: list[list[int]], batch_size: int, bar: tqdm) -> np.ndarray:
        logits = np.empty((len(input_ids), len(self.class_names)), np.float32)
        for rows in batches_by_length([len(ids) for ids in input_ids], batch_size):
            batch = self.tokenizer.pad(
                {"input_ids": [input_ids[row] for row in rows]}, return_tensors="pt"
            )
            output = self.model(**batch.to(self.model.device))
            logits[rows] = output.logits.float().cpu().numpy()
            bar.update(len(rows))
        return probabilities_of(logits)


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
    runs.check_files(run, "config.json", "model*.safetensors", "tokenizer_config.json")
    class_names = runs.read_labels(run)
    model = load_classifier(run, torch.device(device), precision)
    check_class_names(run, class_names, model)
    tokenizer = AutoTokenizer.from_pretrained(run)
    return Predictor(class_names, model, tokenizer, *truncation_of(config))


def truncation_of(config: dict) -> tuple[int, str]:
    """How many pieces a run (its config.yaml) reads of a text, and what a longer one loses."""
    return config["model"]["max_length"], config["model"].get("truncation_side", "right")


def tokenise_and_tell(
    tokenizer, texts: list[str | None], max_length: int, truncation_side: str = "right"
) -> tuple[list[list[int]], list[bool]]:
    """Token ids of each text, at most `max_length`, and which texts are longer than that."""
    # One piece more than is read shows which texts are longer.
    input_ids = tokenise_texts(tokenizer, texts, max_length + 1)
    truncated = [len(ids) > max_length for ids in input_ids]
    longer = [row for row, is_longer in enumerate(truncated) if is_longer]
    cut = tokenise_texts(tokenizer, [texts[row] for row in longer], max_length, truncation_side)
    for row, ids in zip(longer, cut, strict=True):
        input_ids[row] = ids
    return input_ids, truncated


def tokenise_texts(
    tokenizer, texts: list[str | None], max_length: int, truncation_side: str = "right"
) -> list[list[int]]:
    """Token ids of each text, at most `max_length`; None counts as an empty text.

    Args:
        truncation_side: what a longer text loses: `right`, its end, or `middle`, so that its two
            ends are read (head and tail: Sun et al. 2019).
    """
    if not texts:
        return []
    texts = [text or "" for text in texts]
    if truncation_side == "middle":
        whole = tokenizer(texts, verbose=False)["input_ids"]
        return [cut_middle(ids, max_length) for ids in whole]
    return tokenizer(texts, truncation=True, max_length=max_length)["input_ids"]


def cut_middle(ids: list[int], max_length: int) -> list[int]:
    """The two ends of `ids`, `max_length` in all, special tokens at the ends included; the first is
    the longer one.
    """
    if len(ids) <= max_length:
        return ids
    head = (max_length + 1) // 2
    tail = max_length // 2
    return ids[:head] + ids[len(ids) - tail :]


def transformers_usage(model: dict) -> list[str]:
    """How a text classifier of transformers is called.

    Args:
        model: the `model` entry of the run's config.yaml.
    """
    max_length = model["max_length"]
    if model.get("truncation_side") == "middle":
        return [
            "```python",
            "import torch",
            "from transformers import AutoModelForSequenceClassification, AutoTokenizer\n",
            'piezas = AutoTokenizer.from_pretrained("RUTA_DE_ESTA_CARPETA")',
            'modelo = AutoModelForSequenceClassification.from_pretrained("RUTA_DE_ESTA_CARPETA")',
            'ids = piezas("…")["input_ids"]',
            f"if len(ids) > {max_length}:",
            f"    ids = ids[:{(max_length + 1) // 2}] + ids[-{max_length // 2}:]",
            "modelo(torch.tensor([ids])).logits.softmax(-1)",
            "```\n",
            f"De cada texto se leen {max_length} piezas, las primeras y las últimas: de uno más "
            'largo no se lee el medio. `pipeline("text-classification")` con '
            f"`max_length={max_length}` leería solo el comienzo.",
        ]
    return [
        "```python",
        "from transformers import pipeline\n",
        'clasificador = pipeline("text-classification", model="RUTA_DE_ESTA_CARPETA")',
        f'clasificador("…", truncation=True, max_length={max_length})',
        "```\n",
        f"Cada texto se corta a {max_length} piezas: lo que sigue no se lee.",
    ]
