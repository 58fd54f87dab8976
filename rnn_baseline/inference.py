"""Class probabilities of texts with a finished network, encoded by word."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from tqdm import tqdm
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from rnn_baseline.encoding import EncodedDataset
from rnn_baseline.model import RnnForSequenceClassification
from rnn_baseline.tokenization import CHUNK, encode_and_mark
from utils import runs
from utils.training import probabilities_of
from utils.training.inference import (
    batches_by_length,
    check_class_names,
    load_classifier,
)

PACKAGE = "rnn_baseline"
BATCH_SIZE = 256


@dataclass
class Predictor:
    """A finished run, ready to predict."""

    class_names: list[str]
    model: RnnForSequenceClassification
    tokenizer: PreTrainedTokenizerFast
    max_length: int  # words that are read of a text
    truncated: int = 0  # texts so far that were longer
    without_words: int = 0  # texts so far in which no word was left

    @torch.inference_mode()
    def predict_probabilities(
        self, documents: Iterable[str | None], batch_size: int | None = None
    ) -> np.ndarray:
        """Class probabilities (n, n_classes) float32 of texts, in their order.

        Texts are read in blocks, so that any number of them may come; no batch mate changes a
        probability.
        """
        parts = [np.empty((0, len(self.class_names)), np.float32)]
        with progress_bar(runs.length_of(documents)) as bar:
            for texts in runs.in_blocks(documents, CHUNK):
                encoded = self.encode(texts)
                logits = np.empty((len(texts), len(self.class_names)), np.float32)
                for rows, inputs in batches(self.model, encoded, batch_size or BATCH_SIZE, bar):
                    logits[rows] = self.model(**inputs).logits.float().cpu().numpy()
                parts.append(probabilities_of(logits))
        return np.concatenate(parts)

    @torch.inference_mode()
    def probabilities_and_states(
        self, documents: list[str | None], batch_size: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Class probabilities (n, n_classes), and what the head sees of each text (n, size), both
        float32.
        """
        encoded = self.encode(documents)
        logits = np.empty((len(encoded), len(self.class_names)), np.float32)
        size = cast(int, self.model.encoder.output_size)
        states = np.empty((len(encoded), size), np.float32)
        with progress_bar(len(encoded)) as bar:
            for rows, inputs in batches(self.model, encoded, batch_size or BATCH_SIZE, bar):
                output = self.model(**inputs, output_hidden_states=True)
                logits[rows] = output.logits.float().cpu().numpy()
                states[rows] = output.hidden_states[0].float().cpu().numpy()
        return probabilities_of(logits), states

    def encode(self, texts: list[str | None]) -> EncodedDataset:
        """Texts as rows without labels (all 0), cut at `max_length` words."""
        tokens, offsets, truncated = encode_and_mark(texts, self.tokenizer, self.max_length)
        self.without_words += int((np.diff(offsets) == 0).sum())
        self.truncated += int(truncated.sum())
        return EncodedDataset(
            torch.from_numpy(tokens),
            torch.from_numpy(offsets),
            torch.zeros(len(texts), dtype=torch.int64),
        )


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
    runs.check_files(run, "config.json", "model*.safetensors", "tokenizer.json")
    class_names = runs.read_labels(run)
    model = load_classifier(run, torch.device(device), precision)
    check_class_names(run, class_names, model)
    tokenizer = cast(PreTrainedTokenizerFast, AutoTokenizer.from_pretrained(run))
    return Predictor(class_names, model, tokenizer, config["model"]["max_length"])


def progress_bar(total: int | None) -> tqdm:
    return tqdm(total=total, desc="predicting", unit=" texts", disable=None)


def batches(
    model, encoded: EncodedDataset, batch_size: int, bar: tqdm
) -> Iterator[tuple[list[int], dict]]:
    """Yield (row numbers, the model's inputs), longest texts first; the bar counts the texts."""
    for rows in batches_by_length(encoded["length"].tolist(), batch_size):
        batch = encoded.__getitems__(rows)
        inputs = {name: value.to(model.device) for name, value in batch.items() if name != "labels"}
        yield rows, inputs
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
