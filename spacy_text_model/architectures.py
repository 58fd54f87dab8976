"""The architecture `suite.TextCatLinear.v1`: a linear model over hashed n-grams whose documents all
weigh the same.

This file alone goes into the packages that export.py makes: it imports spaCy and thinc and nothing
of the suite.
"""

from typing import Any

import numpy as np
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, SparseLinear_v2, chain, with_cpu
from thinc.types import Floats2d


@registry.architectures("suite.TextCatLinear.v1")
def build_linear_text_classifier(
    ngram_size: int, length: int, nO: int | None = None
) -> Model[list[Doc], Floats2d]:
    """Softmax over a sparse linear layer of lower-cased word n-grams, for exclusive classes.

    It is multinomial logistic regression, and `spacy.TextCatBOW.v3` but for four things. The
    gradient is that of cross-entropy (there: of a squared error through the softmax, which all but
    vanishes where classes are many). A document's counts c become log(1 + c), scaled to Euclidean
    length 1 (there: the counts themselves, so that one step moves the scores of a document of 500
    words a hundred times as far as those of a title, and no learning rate suits both). n-grams are
    lower-cased (there: as written). A document without a token has no n-gram (there: an IndexError
    where ngram_size is 2 or more).

    Args:
        ngram_size: n-grams of 1 … ngram_size words.
        length: rows of the hash table, made a power of two; the layer has length × classes weights.
        nO: classes; default: those of the labels.
    """
    length = 2 ** (length - 1).bit_length()
    linear: Model = chain(weighted_ngrams(ngram_size), SparseLinear_v2(nO=nO, length=length))
    model: Model = chain(with_cpu(linear, linear.ops), Model("softmax", softmax))

    # What spaCy asks of a textcat's model: where its classes are, and that they exclude each other.
    model.set_ref("output_layer", linear.layers[-1])
    model.attrs["multi_label"] = False
    return model


def weighted_ngrams(ngram_size: int) -> Model:
    """Layer from documents to (keys uint64, weights float32, n-grams per document int32), as sparse
    layers take it.
    """
    return Model("weighted_ngrams", forward, attrs={"ngram_size": ngram_size})


def forward(model: Model, docs: list[Doc], is_train: bool):
    keys, weights, lengths = [], [], []
    for doc in docs:
        # Hashes of the lower-cased words (uint64; spaCy's stubs say float64), then of the longer
        # n-grams, which thinc cannot make of a document without a word.
        words: Any = doc.to_array(["LOWER"]).reshape(-1)
        ngrams = [words]
        if len(words):
            for size in range(2, model.attrs["ngram_size"] + 1):
                ngrams.append(model.ops.ngrams(size, words))
        doc_keys, counts = np.unique(np.concatenate(ngrams), return_counts=True)

        # Euclidean length 1; a document without a word has no weight, and no division by 0.
        logs = np.log1p(counts, dtype="float32")
        norm = max(np.sqrt(np.dot(logs, logs)), 1e-12)
        keys.append(doc_keys)
        weights.append(logs / norm)
        lengths.append(len(doc_keys))

    def backprop(d_weights) -> list:
        return []  # documents have no gradient

    batch = (np.concatenate(keys), np.concatenate(weights), np.array(lengths, dtype="int32"))
    return batch, backprop


def softmax(model: Model, scores: Floats2d, is_train: bool):
    """Probabilities (documents, classes) of scores of the same shape."""

    def backprop(d_scores: Floats2d) -> Floats2d:
        return d_scores  # textcat's p - y already is the gradient of cross-entropy by the scores

    return model.ops.softmax(scores), backprop
