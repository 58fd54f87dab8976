"""Class probabilities of texts with a finished encoder, and how its card says it is called."""

import numpy as np
import torch
from tqdm import tqdm

from utils.training import probabilities_of
from utils.training.inference import batches_by_length

TOKENISE_ROWS = 10_000


def truncation_of(config: dict) -> tuple[int, str]:
    """How many pieces a run (its config.yaml) reads of a text, and what a longer one loses."""
    return config["model"]["max_length"], config["model"].get("truncation_side", "right")


def tokenise_texts(
    tokenizer, texts: list[str], max_length: int, truncation_side: str = "right"
) -> list[list[int]]:
    """Token ids of each text, at most `max_length`; None counts as an empty text.

    Args:
        truncation_side: what a longer text loses: `right`, its end, or `middle`, so that its two
            ends are read (head and tail: Sun et al. 2019).
    """
    ids = []
    for start in range(0, len(texts), TOKENISE_ROWS):
        chunk = [text or "" for text in texts[start : start + TOKENISE_ROWS]]
        if truncation_side == "middle":
            ids += [
                cut_middle(whole, max_length)
                for whole in tokenizer(chunk, verbose=False)["input_ids"]
            ]
        else:
            ids += tokenizer(chunk, truncation=True, max_length=max_length)["input_ids"]
    return ids


def cut_middle(ids: list[int], max_length: int) -> list[int]:
    """The two ends of `ids`, `max_length` in all, special tokens at the ends included; the first is
    the longer one.
    """
    if len(ids) <= max_length:
        return ids
    return ids[: (max_length + 1) // 2] + ids[len(ids) - max_length // 2 :]


@torch.inference_mode()
def predict_probabilities(
    model, tokenizer, input_ids: list[list[int]], batch_size: int
) -> np.ndarray:
    """Class probabilities (n, n_classes) float32 in the order of `input_ids`.

    Batches are cut from the texts sorted by length, so that padding is small, and hold fewer of the
    long ones; neither the batch nor the padding changes a probability beyond rounding.
    """
    lengths = [len(ids) for ids in input_ids]
    logits = np.empty((len(input_ids), model.config.num_labels), np.float32)
    bar = tqdm(total=len(input_ids), desc="predicting", unit=" texts", disable=None)
    for rows in batches_by_length(lengths, batch_size):
        batch = tokenizer.pad({"input_ids": [input_ids[r] for r in rows]}, return_tensors="pt").to(
            model.device
        )
        logits[rows] = model(**batch).logits.float().cpu().numpy()
        bar.update(len(rows))
    bar.close()
    return probabilities_of(logits)


def transformers_usage(model: dict) -> list[str]:
    """How a text classifier of transformers is called."""
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
            f"De cada texto se leen {max_length} piezas, las primeras y las últimas: de uno más largo no se lee el "
            f'medio. `pipeline("text-classification")` con `max_length={max_length}` leería solo el comienzo.',
        ]
    return [
        "```python",
        "from transformers import pipeline\n",
        'clasificador = pipeline("text-classification", model="RUTA_DE_ESTA_CARPETA")',
        f'clasificador("…", truncation=True, max_length={max_length})',
        "```\n",
        f"Cada texto se corta a {max_length} piezas: lo que sigue no se lee.",
    ]
