"""One way of training or predicting, in a process of its own: what benchmarks/spacy_throughput.py
measures.

    python -m benchmarks.spacy_contenders '{"way": "train", "config": "…/config.cfg", …}'

Prints one line of JSON. Imports are not timed.
"""

import io
import json
import sys
import time
from pathlib import Path

import numpy as np
import spacy
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from spacy.cli.init_config import init_config
from spacy.training.initialize import init_nlp
from spacy.training.loop import train as train_pipeline
from spacy.util import load_config

from benchmarks.common import peak_memory_mb
from spacy_text_model.inference import Predictor, load_pipeline
from utils.data import load_splits

NEVER = 10**9  # evaluate after the first step alone


def main():
    work = json.loads(sys.argv[1])
    splits = load_splits(work["dataset"])
    measure = {"train": train, "predict": predict, "fit": fit}[work.pop("way")]
    result = measure(splits, **work)
    print(json.dumps(result | {"peak_mb": peak_memory_mb()}))


def words_in(texts: list[str]) -> int:
    return sum(len(text.split()) for text in texts)


def accuracy(dataset, probabilities: np.ndarray) -> float:
    return float(accuracy_score(dataset["label"], probabilities.argmax(1)))


def train(
    splits,
    dataset: str,
    config: str,
    epochs: int,
    spacy_files: str,
    overrides: dict,
    save: str | None = None,
):
    """Train some epochs by a config (`stock`: the one that `spacy init config` writes) and score
    the test split.
    """
    shared = {
        "training.max_epochs": epochs,
        "training.max_steps": 0,
        "training.patience": 0,
        "training.eval_frequency": NEVER,
    }
    if config == "stock":
        found = init_config(lang="es", pipeline=["textcat"], silent=True)
        shared |= {
            "paths.train": f"{spacy_files}/train.spacy",
            "paths.dev": f"{spacy_files}/dev.spacy",
        }
        loaded = spacy.util.Config().from_str(
            found.to_str(), overrides=shared | overrides, interpolate=False
        )
    else:
        # Every row once, as in the stock way.
        shared |= {"paths.dataset": dataset, "corpora.train.balance": 0.0}
        loaded = load_config(config, overrides=shared | overrides)

    start = time.perf_counter()
    nlp = init_nlp(loaded)
    begun = time.perf_counter()
    train_pipeline(nlp, None, stdout=io.StringIO(), stderr=io.StringIO())
    seconds = time.perf_counter() - begun
    if save:
        nlp.to_disk(save)
    texts, order = list(splits["train"]["text"]), nlp.get_pipe("textcat").labels
    names = splits["test"].features["label"].names
    probabilities = Predictor(nlp).predict_probabilities(splits["test"]["text"])[
        :, [order.index(name) for name in names]
    ]
    return {
        "seconds": seconds,
        "initialise_seconds": begun - start,
        "rows_per_second": epochs * len(texts) / seconds,
        "words_per_second": epochs * words_in(texts) / seconds,
        "test_accuracy": accuracy(splits["test"], probabilities),
    }


def fit(splits, dataset: str):
    """scikit-learn's TF-IDF of words and pairs with a linear model, what a user would pick without
    spaCy.
    """
    texts = list(splits["train"]["text"])
    start = time.perf_counter()
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        SGDClassifier(loss="log_loss", alpha=1e-6, random_state=0),
    )
    model.fit(texts, splits["train"]["label"])
    seconds = time.perf_counter() - start

    start = time.perf_counter()
    probabilities = model.predict_proba(splits["test"]["text"])
    predict_seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "rows_per_second": len(texts) / seconds,
        "words_per_second": words_in(texts) / seconds,
        "test_accuracy": accuracy(splits["test"], probabilities),
        "predict_rows_per_second": len(splits["test"]) / predict_seconds,
    }


def predict(
    splits,
    dataset: str,
    pipeline: str,
    how: str,
    rows: int,
    batch_size: int = 256,
    n_process: int = 1,
):
    """Class and confidence of texts by a saved pipeline: by the suite, by `nlp.pipe`, or by
    `nlp(text)`.
    """
    nlp = load_pipeline(Path(pipeline))
    # The test texts again and again, until there are as many as asked for.
    texts = (list(splits["test"]["text"]) * (1 + rows // len(splits["test"])))[:rows]

    start = time.perf_counter()
    if how == "suite":
        probabilities = Predictor(nlp).predict_probabilities(texts, batch_size, n_process)
        best = probabilities.argmax(1).tolist()
    else:
        if how == "pipe":
            docs = nlp.pipe(texts, batch_size=batch_size, n_process=n_process)
        else:
            docs = map(nlp, texts)
        label_ids = {name: i for i, name in enumerate(nlp.pipe_labels["textcat"])}
        best = [label_ids[max(doc.cats, key=doc.cats.get)] for doc in docs]
    seconds = time.perf_counter() - start
    return {
        "seconds": seconds,
        "rows_per_second": rows / seconds,
        "words_per_second": words_in(texts) / seconds,
        # Equal where two ways predict the same classes in the same order; 97 keeps it small.
        "checksum": int(np.dot(best, np.arange(len(best)) % 97)),
    }


if __name__ == "__main__":
    main()
