"""Class probabilities of texts with a finished run, and how its card says it is called."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from linear_baseline.arguments import ModelArguments
from linear_baseline.features import Features, SentenceEncoder, make_features, weight_files
from linear_baseline.model import MODEL, LinearModel, load_arrays
from utils import runs
from utils.errors import InputError

PACKAGE = "linear_baseline"
VOCABULARY = "vocabulary.json"
BATCH_SIZE = 10_000


@dataclass
class Predictor:
    """A finished run, ready to predict."""

    class_names: list[str]
    features: Features
    model: LinearModel

    def predict_probabilities(
        self, documents: Iterable[str | None], batch_size: int | None = None
    ) -> np.ndarray:
        """Class probabilities (n, n_classes) float32 of texts, in their order; texts are read in
        blocks, so that any number of them may come.
        """
        parts = [np.empty((0, len(self.class_names)), np.float32)]
        for texts in runs.in_blocks(documents, batch_size or BATCH_SIZE):
            parts.append(self.model.predict_probabilities(self.features.transform(texts)))
        return np.concatenate(parts)


def load_predictor(run: Path, device: str = "cpu", precision: str = "auto") -> Predictor:
    """A finished run of this package, ready to predict.

    Args:
        device: of the encoder, where the run has one. precision: auto or fp32.

    Raises:
        InputError: no finished run, one of another package, or one that was copied in part.
    """
    run = Path(run)
    if precision not in ("auto", "fp32"):
        raise InputError(f"--precision {precision}: a linear model has none; leave the flag out")
    config = runs.read_config(run, PACKAGE)
    runs.check_files(run, MODEL, VOCABULARY)
    known = {field.name for field in fields(ModelArguments)}
    args = ModelArguments(**{n: v for n, v in config["arguments"].items() if n in known})
    class_names = runs.read_labels(run)
    model, idf, own_names = load_arrays(run)
    if own_names != class_names:
        raise InputError(
            f"{run}/labels.json: not the classes of {MODEL}; copy the run folder again"
        )
    features = make_features(args, runs.read_json(run / VOCABULARY), idf)
    if args.encoder:
        if weight_files(args.encoder) != config["model"]["encoder_files"]:
            raise InputError(
                f"{args.encoder}: not the encoder that {run} was trained with; restore it"
            )
        features.scale = args.encoder_scale
        features.encode = SentenceEncoder(
            args.encoder, args.encoder_max_length, args.encoder_prefix, str(device)
        )
    return Predictor(class_names, features, model)


def device_of(encoder: str | None, use_cpu: bool) -> str:
    """Where an encoder, if any, computes."""
    if encoder is None or use_cpu:
        return "cpu"
    import torch  # here, since most runs of this package need no torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def card_usage() -> list[str]:
    """How the card says that the run is loaded."""
    return [
        "```python",
        "from linear_baseline.inference import load_predictor\n",
        'clasificador = load_predictor("RUTA_DE_ESTA_CARPETA")',
        'clasificador.predict_probabilities(["…"])  # (1, n_clases), en el orden de labels.json',
        "```\n",
        "La carpeta guarda números (`model.safetensors`) y palabras (`vocabulary.json`): abrirla "
        "no "
        "ejecuta nada. Los textos se leen enteros.",
    ]
