"""Linear models against scikit-learn's own, saved and loaded."""

import dataclasses

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import ComplementNB
from sklearn.pipeline import make_pipeline

from linear_baseline.arguments import ModelArguments
from linear_baseline.features import make_features
from linear_baseline.inference import Predictor
from linear_baseline.model import fit, load_arrays, save_model
from tests.helpers import corpus_rows
from utils.errors import InputError

ROWS = corpus_rows(20)
TEXTS = [row["text"] for row in ROWS]
NAMES = sorted({row["label"] for row in ROWS})
NEW = [*TEXTS[::7], "", "palabra desconocida", "CONTRATO de arriendo número 5"]


def oracle(args: ModelArguments):
    """What a user would write with scikit-learn alone."""
    weights = "balanced" if args.class_weights == "balanced" else None
    model = {
        "logistic_regression": LogisticRegression(C=args.C, class_weight=weights, max_iter=1000),
        "complement_nb": ComplementNB(alpha=args.alpha),
        "sgd": SGDClassifier(
            loss="log_loss",
            alpha=args.alpha,
            class_weight=weights,
            max_iter=args.epochs,
            tol=None,
            random_state=3,
        ),
    }[args.classifier]
    return make_pipeline(TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True), model)


@pytest.mark.parametrize("n_classes", [2, 5])
@pytest.mark.parametrize("weights", ["none", "balanced"])
@pytest.mark.parametrize("classifier", ["logistic_regression", "sgd", "complement_nb"])
def test_probabilities_are_those_of_scikit_learn(classifier, weights, n_classes, tmp_path):
    if classifier == "complement_nb" and weights == "balanced":
        pytest.skip("complement_nb weighs classes itself")
    alpha = 0.3 if classifier == "complement_nb" else 1e-4
    args = ModelArguments(classifier=classifier, class_weights=weights, alpha=alpha, C=3.0)
    chosen = [row for row in ROWS if row["label"] in NAMES[:n_classes]]
    # A fifth class without a row in between: its probability is 0, the others keep their place.
    names = sorted([*NAMES[:n_classes], "A vacía"])
    label_ids = np.array([names.index(row["label"]) for row in chosen])
    texts = [row["text"] for row in chosen]
    features = make_features(args).fit(texts)
    model = fit(args, features.transform(texts), label_ids, len(names), seed=3)
    save_model(tmp_path, model, features, names)

    loaded, idf, own_names = load_arrays(tmp_path)
    again = make_features(args, features.vocabularies(), idf)
    found = Predictor(own_names, again, loaded).predict_probabilities(NEW, batch_size=4)
    pipeline = oracle(args).fit(texts, label_ids)
    expected = np.zeros((len(NEW), len(names)))
    expected[:, pipeline.classes_] = pipeline.predict_proba(NEW)
    assert found.dtype == np.float32 and own_names == names
    assert found == pytest.approx(expected, abs=1e-6)
    assert (found[:, names.index("A vacía")] == 0).all()


def test_characters_beside_words(tmp_path):
    args = ModelArguments(char_ngrams=[2, 3])
    features = make_features(args).fit(TEXTS)
    assert set(features.vocabularies()) == {"words", "chars"}
    rows = features.transform(["factura", "factvra", ""])
    n_words = len(features.vocabularies()["words"])
    assert rows[0, :n_words].nnz == 1 and rows[1, :n_words].nnz == 0
    shared = rows[:, n_words:]
    assert shared[0].multiply(shared[1]).nnz > 0 and shared[2].nnz == 0
    assert len(features.names()) == rows.shape[1]


def test_accents_and_enye_are_features_of_their_own():
    features = make_features(ModelArguments(min_df=1)).fit(["año público", "ano publico"])
    assert {"año", "ano", "público", "publico"} <= set(features.vocabularies()["words"])


def test_hashed_features_have_no_names():
    args = ModelArguments(vectorizer="hashing", hashed_features=64)
    features = make_features(args)
    assert features.transform(TEXTS[:3]).shape == (3, 64)
    assert features.vocabularies() == {}
    with pytest.raises(InputError, match="hashed"):
        features.names()


def test_a_file_cut_short_is_one_line(tmp_path):
    args = ModelArguments()
    features = make_features(args).fit(TEXTS)
    label_ids = np.array([NAMES.index(row["label"]) for row in ROWS])
    model = fit(args, features.transform(TEXTS), label_ids, len(NAMES), seed=0)
    save_model(tmp_path, model, features, NAMES)
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="copy the run folder again"):
        load_arrays(tmp_path)


@pytest.mark.parametrize(
    "change, flag",
    [
        ({"classifier": "forest"}, "classifier"),
        ({"vectorizer": "bm25"}, "vectorizer"),
        ({"C": 0}, "--C"),
        ({"C": float("nan")}, "--C"),
        ({"char_ngrams": [5, 3]}, "char_ngrams"),
        ({"char_ngrams": [3]}, "char_ngrams"),
        ({"word_ngrams": 0}, "word_ngrams"),
        ({"min_df": 0}, "min_df"),
        ({"classifier": "complement_nb", "class_weights": "balanced"}, "complement_nb"),
        ({"vectorizer": "hashing", "encoder": "mini"}, "hashing"),
    ],
)
def test_settings_that_no_model_can_have(change, flag):
    with pytest.raises(ValueError, match=flag):
        dataclasses.replace(ModelArguments(), **change)
