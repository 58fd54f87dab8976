"""The architecture `suite.TextCatLinear.v1`: a linear model over hashed n-grams whose documents all weigh the same.

This file alone goes into the packages that export.py makes: it imports spaCy and thinc and nothing of the suite.
"""

import numpy as np
from spacy.attrs import LOWER
from spacy.ml.extract_ngrams import extract_ngrams
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Model, SparseLinear_v2, chain, softmax_activation, with_cpu
from thinc.types import Floats2d


@registry.architectures("suite.TextCatLinear.v1")
def build_linear_text_classifier(ngram_size: int, length: int, nO: int | None = None) -> Model[list[Doc], Floats2d]:
    """Softmax over a sparse linear layer of lower-cased word n-grams, for exclusive classes.

    It is `spacy.TextCatBOW.v3` but for two things. n-grams are lower-cased (there: as written), and a document's
    counts c become log(1 + c), scaled to Euclidean length 1 (there: the counts themselves, so that one step moves the
    scores of a document of 500 words a hundred times as far as those of a title, and no learning rate suits both).

    Args:
        ngram_size: n-grams of 1 … ngram_size words. length: rows of the hash table, made a power of two; the layer
            has length × classes weights. nO: classes; default: those of the labels.
    """
    length = 2 ** (length - 1).bit_length()
    linear = chain(extract_ngrams(ngram_size, attr=LOWER), unit_lengths(), SparseLinear_v2(nO=nO, length=length))
    model = chain(with_cpu(linear, linear.ops), with_cpu(softmax_activation(), linear.ops))
    model.set_ref("output_layer", linear.layers[-1])
    model.attrs["multi_label"] = False
    return model


def unit_lengths() -> Model:
    """Layer from (keys, counts, n-grams per document) to the same with weights whose squares sum to 1 a document."""
    return Model("unit_lengths", forward)


def forward(model: Model, ngrams: tuple, is_train: bool):
    keys, counts, lengths = ngrams
    weights = np.log1p(counts)
    document = np.repeat(np.arange(len(lengths)), lengths)
    norms = np.sqrt(np.bincount(document, weights**2, minlength=len(lengths)))
    return (keys, (weights / norms[document]).astype("float32"), lengths), no_gradient


def no_gradient(d_weights) -> list:
    """The input has no parameters before it."""
    return []
