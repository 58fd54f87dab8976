"""Load a trained pipeline and get class probabilities from it, without a dictionary of classes for
every document.
"""

import warnings
from pathlib import Path

import numpy as np
import spacy
from spacy.language import Language
from tqdm import tqdm

from spacy_text_model.readers import NO_TEXT, whole_texts
from utils.errors import InputError
from utils.folders import partial_folder

MODEL_BEST, MODEL_LAST = "model-best", "model-last"
BATCH_SIZE = 256  # documents; larger gains nothing on a CPU (benchmarks/spacy_throughput.py)


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
            warnings.simplefilter(
                "ignore"
            )  # of other spaCy versions; config.yaml records the one that trained
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


def class_probabilities(
    nlp: Language, texts: list[str | None], batch_size: int = BATCH_SIZE, n_process: int = 1
) -> np.ndarray:
    """Class probabilities (n, n_classes) float32 of texts, in their order; columns as the textcat's
    labels.

    In one process the textcat is asked for its matrix of scores; `nlp.pipe` would build a
    dictionary of all classes for each document, which costs more than the model where classes are
    many. With `n_process` > 1 the documents do go through `nlp.pipe`, and the numbers are the same.
    """
    textcat = nlp.get_pipe("textcat")
    before = [pipe for name, pipe in nlp.pipeline if name != "textcat"]
    texts = [text or NO_TEXT for text in texts]
    scores = np.zeros((len(texts), len(textcat.labels)), np.float32)
    with tqdm(
        total=len(texts), desc="predicting", unit=" texts", unit_scale=True, disable=None
    ) as bar:
        if n_process > 1:
            for row, doc in enumerate(nlp.pipe(texts, batch_size=batch_size, n_process=n_process)):
                scores[row] = [doc.cats[label] for label in textcat.labels]
                bar.update()
            return scores
        for start in range(0, len(texts), batch_size):
            docs = [nlp.make_doc(text) for text in texts[start : start + batch_size]]
            for pipe in before:
                docs = list(pipe.pipe(docs))
            scores[start : start + len(docs)] = textcat.model.ops.to_numpy(textcat.predict(docs))
            bar.update(len(docs))
    return scores
