"""Texts to a sparse matrix: counts of words and of runs of characters, and an encoder's vectors."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

from linear_baseline.arguments import ModelArguments
from utils.errors import InputError

KINDS = ("words", "chars")
MINI = Path(__file__).parents[1] / "beto_text_model" / "mini"


@dataclass
class Features:
    """How a text becomes a row; `vectorizers` are scikit-learn's, by kind.

    Attributes:
        encode: texts -> sentence vectors (n, size) float32 of unit length, or None.
        scale: what these are multiplied by.
    """

    vectorizers: dict[str, TfidfVectorizer | HashingVectorizer] = field(default_factory=dict)
    encode: "SentenceEncoder | None" = None
    scale: float = 1.0

    def fit(self, texts: list[str]) -> "Features":
        """Learn the vocabularies.

        Raises:
            InputError: no feature is left.
        """
        for kind, vectorizer in self.vectorizers.items():
            try:
                vectorizer.fit(texts)
            except ValueError as error:
                raise InputError(
                    f"the training texts leave no {kind} to count ({error}); lower --min_df"
                ) from None
        return self

    def counts(self, texts: list[str]) -> sp.csr_matrix:
        """The rows of words and characters (n, n_counted)."""
        parts = [vectorizer.transform(texts) for vectorizer in self.vectorizers.values()]
        return parts[0] if len(parts) == 1 else sp.hstack(parts, format="csr")

    def join(self, counts: sp.csr_matrix | None, vectors: np.ndarray | None) -> sp.csr_matrix:
        """Counts and scaled sentence vectors side by side (n, n_features)."""
        if vectors is None:
            return counts
        scaled = sp.csr_matrix(vectors.astype(np.float64) * self.scale)
        return scaled if counts is None else sp.hstack([counts, scaled], format="csr")

    def transform(self, texts: Iterable[str | None]) -> sp.csr_matrix:
        """The rows of texts (n, n_features); None counts as an empty text."""
        whole = [text or "" for text in texts]
        counts = self.counts(whole) if self.vectorizers else None
        vectors = self.encode(whole) if self.encode else None
        return self.join(counts, vectors)

    def names(self) -> list[str]:
        """What each column is, in order; hashed columns have no name.

        Raises:
            InputError: the features are hashed.
        """
        names: list[str] = []
        for vectorizer in self.vectorizers.values():
            if isinstance(vectorizer, HashingVectorizer):
                raise InputError("features are hashed: no column has a word; train with tfidf")
            names += list(vectorizer.get_feature_names_out())
        return names

    def vocabularies(self) -> dict[str, list[str]]:
        """The features of each kind in the order of their columns; nothing of hashed ones."""
        return {
            kind: list(vectorizer.get_feature_names_out())
            for kind, vectorizer in self.vectorizers.items()
            if isinstance(vectorizer, TfidfVectorizer)
        }

    def idf(self) -> dict[str, np.ndarray]:
        """The weight of each feature by how few texts hold it, by kind: (n_features,)."""
        return {
            kind: vectorizer.idf_
            for kind, vectorizer in self.vectorizers.items()
            if isinstance(vectorizer, TfidfVectorizer)
        }


def make_features(args: ModelArguments, vocabularies=None, idf=None) -> Features:
    """Vectorizers as asked for; ready to use where `vocabularies` and `idf` of a run are given."""
    shapes = {
        "words": {"analyzer": "word", "ngram_range": (1, args.word_ngrams)},
        "chars": {"analyzer": "char_wb", "ngram_range": tuple(args.char_ngrams)},
    }
    wanted = {"words": args.word_ngrams > 0, "chars": bool(args.char_ngrams)}
    vectorizers: dict[str, TfidfVectorizer | HashingVectorizer] = {}
    for kind in KINDS:
        if not wanted[kind]:
            continue
        if args.vectorizer == "hashing":
            # Signs would cancel counts out; a naive Bayes model takes none below 0.
            vectorizers[kind] = HashingVectorizer(
                **shapes[kind], n_features=args.hashed_features, alternate_sign=False
            )
            continue
        vectorizer = TfidfVectorizer(
            **shapes[kind],
            min_df=args.min_df,
            max_features=args.max_features,
            sublinear_tf=args.sublinear_tf,
            vocabulary=vocabularies[kind] if vocabularies else None,
        )
        if idf:
            vectorizer.idf_ = idf[kind]
        vectorizers[kind] = vectorizer
    return Features(vectorizers)


def folder_of(encoder: str) -> str:
    """Where an encoder lies; `mini` is the one that comes with the project."""
    return str(MINI) if encoder == "mini" else encoder


def weight_files(encoder: str) -> list:
    """Name, size and checksum of a local encoder's weights; nothing of one on the Hub."""
    # Here, since most runs of this package have no encoder.
    from utils.data.cache import checksum

    files = sorted(Path(folder_of(encoder)).glob("*.safetensors"))
    return [[path.name, *checksum(path)] for path in files]


class SentenceEncoder:
    """The mean of an encoder's last states over a text's pieces, at unit length."""

    def __init__(self, name: str, max_length: int, prefix: str = "", device: str = "cpu"):
        """
        Raises:
            InputError: no such encoder.
        """
        # Here, since most runs of this package need no torch.
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging as transformers_logging

        source = folder_of(name)
        # It would list the weights of the encoder's old head, which nobody misses.
        transformers_logging.set_verbosity_error()
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(source)
            self.model = AutoModel.from_pretrained(source).to(device).eval()
        except (OSError, ValueError, KeyError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(
                f"--encoder {name}: cannot be loaded ({reason}); give a local folder or a Hub id"
            ) from None
        self.name = name
        self.max_length = max_length
        self.prefix = prefix

    def __call__(self, texts: list[str], batch_size: int = 32) -> np.ndarray:
        """Vectors (n, hidden_size) float32 of unit length, in the order of the texts."""
        import torch

        from utils.training.inference import batches_by_length

        vectors = np.empty((len(texts), self.model.config.hidden_size), np.float32)
        prefixed = [self.prefix + text for text in texts]
        if not prefixed:
            return vectors
        ids = self.tokenizer(prefixed, truncation=True, max_length=self.max_length)["input_ids"]
        with torch.inference_mode():
            for rows in batches_by_length([len(one) for one in ids], batch_size):
                batch = self.tokenizer.pad(
                    {"input_ids": [ids[row] for row in rows]}, return_tensors="pt"
                ).to(self.model.device)
                states = self.model(**batch).last_hidden_state
                mask = batch["attention_mask"][:, :, None]
                mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
                unit = torch.nn.functional.normalize(mean, dim=1)
                vectors[rows] = unit.float().cpu().numpy()
        return vectors

    def identity(self) -> tuple:
        """What decides its vectors: files of a local folder, settings, pieces."""
        from utils.data.cache import tokenizer_text

        weights = weight_files(self.name)
        return (self.name, weights, self.max_length, self.prefix, tokenizer_text(self.tokenizer))
