"""Load a trained pipeline and get class probabilities from it, without a dictionary of classes for
every document.
"""

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import spacy
from spacy.language import Language
from spacy.pipeline import Pipe, TextCategorizer
from tqdm import tqdm

from spacy_text_model.readers import NO_TEXT, whole_texts
from utils import runs
from utils.errors import InputError
from utils.folders import partial_folder

PACKAGE = "spacy_text_model"
MODEL_BEST, MODEL_LAST = "model-best", "model-last"
BATCH_SIZE = 256  # documents; larger gains nothing on a CPU (benchmarks/spacy_throughput.py)
PROCESSES = "processes; more than one pays on long texts"  # help of --n_process


@dataclass
class Predictor:
    """A finished pipeline, ready to predict."""

    nlp: Language

    @property
    def textcat(self) -> TextCategorizer:
        return cast(TextCategorizer, self.nlp.get_pipe("textcat"))

    @property
    def class_names(self) -> list[str]:
        return list(self.textcat.labels)

    def predict_probabilities(
        self,
        documents: Iterable[str | None],
        batch_size: int | None = None,
        n_process: int = 1,
    ) -> np.ndarray:
        """Class probabilities (n, n_classes) float32 of texts, in their order; columns as the
        textcat's labels.

        In one process the textcat is asked for its matrix of scores; `nlp.pipe` would build a
        dictionary of all classes for each document, which costs more than the model where classes
        are many. With `n_process` > 1 the documents do go through `nlp.pipe`, and the numbers are
        the same.
        """
        size = batch_size or BATCH_SIZE
        parts = [np.empty((0, len(self.class_names)), np.float32)]
        total = runs.length_of(documents)
        texts = (text or NO_TEXT for text in documents)
        bar = tqdm(total=total, desc="predicting", unit=" texts", unit_scale=True, disable=None)
        with bar:
            if n_process > 1:
                docs = self.nlp.pipe(texts, batch_size=size, n_process=n_process)
                blocks = (self._cats_of(block) for block in runs.in_blocks(docs, size))
            else:
                blocks = (self._scores_of(block) for block in runs.in_blocks(texts, size))
            for scores in blocks:
                parts.append(scores)
                bar.update(len(scores))
        return np.concatenate(parts)

    def _cats_of(self, docs: list) -> np.ndarray:
        names = self.class_names
        return np.array([[doc.cats[name] for name in names] for doc in docs], np.float32)

    def _scores_of(self, texts: list[str]) -> np.ndarray:
        docs = [self.nlp.make_doc(text) for text in texts]
        for name, pipe in self.nlp.pipeline:
            if name != "textcat":
                docs = list(cast(Pipe, pipe).pipe(docs))
        return self.textcat.model.ops.to_numpy(self.textcat.predict(docs))


def load_predictor(run: Path, device: str = "cpu", precision: str = "auto") -> Predictor:
    """A finished run of this package, or a folder that `spacy train` wrote, ready to predict.

    Args:
        device: cpu, or cuda (`cuda:1` for the second one), which needs spaCy's cuda extra.
        precision: auto or fp32; spaCy predicts in no other.

    Raises:
        InputError: no pipeline with a textcat there, a device that cannot be used, another
            precision.
    """
    if precision not in ("auto", "fp32"):
        raise InputError(f"--precision {precision}: spaCy predicts in fp32; pass fp32 or auto")
    kind, _, number = str(device).partition(":")
    if kind == "cuda":
        try:
            spacy.require_gpu(int(number or 0))
        except ValueError as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{device}: cannot be used ({reason}); use the CPU") from None
    if (Path(run) / "config.yaml").exists():
        runs.read_config(run, PACKAGE)  # names the package, where it is another one's run
    return Predictor(load_pipeline(pipeline_folder(run)))


def pipeline_folder(run: Path) -> Path:
    """Where the pipeline of a finished run, or of a folder that `spacy train` wrote, lies: the one
    of best score.

    Raises:
        InputError: no pipeline there.
    """
    run = Path(run)
    for folder in (run / MODEL_BEST, run):
        if (folder / "meta.json").exists():
            return folder
    hint = "; an unfinished run of it is there: --resume it" if partial_folder(run).exists() else ""
    raise InputError(
        f"{run}: neither a finished run nor a spaCy pipeline (no {MODEL_BEST}/meta.json){hint}; "
        "check the path"
    )


def load_pipeline(folder: Path) -> Language:
    """Load a pipeline that has a textcat.

    Raises:
        InputError: it cannot be loaded, or does something else.
    """
    try:
        with warnings.catch_warnings():
            # Of other spaCy versions; config.yaml records the one that trained.
            warnings.simplefilter("ignore")
            nlp = spacy.load(folder)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{folder}: a pipeline that cannot be loaded ({error}); train or copy it again"
        ) from None
    if "textcat" not in nlp.pipe_names:
        raise InputError(
            f"{folder}: has {', '.join(nlp.pipe_names) or 'no component'}; give one with a textcat"
        )
    return whole_texts(nlp)
