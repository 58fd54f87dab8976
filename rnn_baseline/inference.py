"""Class probabilities of any texts with a finished network: encoded by word, in batches of one
length.
"""

import numpy as np
import torch
from tqdm import tqdm

from rnn_baseline.encoding import EncodedDataset
from rnn_baseline.tokenization import encode_texts
from utils.training import probabilities_of
from utils.training.inference import batches_by_length


def encode(texts: list[str | None], tokenizer, max_length: int) -> EncodedDataset:
    """Texts as rows without labels (all 0)."""
    tokens, offsets = encode_texts(texts, tokenizer, max_length)
    return EncodedDataset(
        torch.from_numpy(tokens),
        torch.from_numpy(offsets),
        torch.zeros(len(offsets) - 1, dtype=torch.int64),
    )


@torch.inference_mode()
def predict_probabilities(model, encoded: EncodedDataset, batch_size: int) -> np.ndarray:
    """Class probabilities (n, n_classes) float32, in the order of the rows; no batch mate changes
    one.
    """
    logits = np.empty((len(encoded), model.config.num_labels), np.float32)
    for rows, inputs in batches(model, encoded, batch_size):
        logits[rows] = model(**inputs).logits.float().cpu().numpy()
    return probabilities_of(logits)


@torch.inference_mode()
def probabilities_and_states(
    model, encoded: EncodedDataset, batch_size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Class probabilities (n, n_classes), and what the head sees of each text (n, size), both
    float32.
    """
    logits = np.empty((len(encoded), model.config.num_labels), np.float32)
    states = np.empty((len(encoded), model.encoder.output_size), np.float32)
    for rows, inputs in batches(model, encoded, batch_size):
        output = model(**inputs, output_hidden_states=True)
        logits[rows] = output.logits.float().cpu().numpy()
        states[rows] = output.hidden_states[0].float().cpu().numpy()
    return probabilities_of(logits), states


def batches(model, encoded: EncodedDataset, batch_size: int):
    """Yield (row numbers, the model's inputs), longest texts first, with a bar of the texts done."""
    with tqdm(total=len(encoded), desc="predicting", unit=" texts", disable=None) as bar:
        for rows in batches_by_length(encoded["length"].tolist(), batch_size):
            batch = encoded.__getitems__(rows)
            yield (
                rows,
                {name: value.to(model.device) for name, value in batch.items() if name != "labels"},
            )
            bar.update(len(rows))


def usage(max_length: int) -> list[str]:
    """How the model card says a finished network is called."""
    return [
        "```python",
        "import rnn_baseline  # registra la red en transformers",
        "from transformers import pipeline\n",
        'clasificador = pipeline("text-classification", model="RUTA_DE_ESTA_CARPETA")',
        f'clasificador("…", truncation=True, max_length={max_length})',
        "```\n",
        f"Cada texto se corta a {max_length} palabras: lo que sigue no se lee.",
    ]
