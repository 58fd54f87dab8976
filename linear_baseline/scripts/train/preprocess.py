"""Say what a model would count, and encode the texts ahead of training where an encoder is used.

    python linear_baseline/scripts/train/preprocess.py --dataset data/x/data_v1
    python linear_baseline/scripts/train/preprocess.py linear_baseline/configs/hybrid.yaml \
        --dataset data/x/data_v1

Takes the same flags (or YAML) as train.py. Prints how many features each kind has, how many of a
text's are known, and which texts of a split have none; train.py finds the encoder's vectors.
"""

import json

import numpy as np

from linear_baseline.arguments import parse_training
from linear_baseline.features import SentenceEncoder, make_features
from linear_baseline.inference import device_of
from linear_baseline.training import sentence_vectors
from utils.cli import start_logging
from utils.data import load_corpus, options_of, training_order
from utils.errors import exits_on_input_error


@exits_on_input_error
def main(argv=None) -> dict:
    """Encode and report; returns the report."""
    # Arguments: those of train.py, so that one YAML serves both.
    model_args, args, _ = parse_training(argv, __doc__)
    start_logging()

    # Splits: the same for every package.
    corpus = load_corpus(args.dataset, options_of(args))
    splits = corpus.splits
    splits["train"] = training_order(splits["train"])

    # Features: the vocabulary of the training texts, and the vectors of those that train.py needs.
    features = make_features(model_args)
    texts = {split: [text or "" for text in splits[split]["text"]] for split in splits}
    if features.vectorizers:
        features.fit(texts["train"])
    if model_args.encoder:
        device = device_of(model_args.encoder, args.use_cpu)
        encoder = SentenceEncoder(
            model_args.encoder, model_args.encoder_max_length, model_args.encoder_prefix, device
        )
        needed = ("train", "validation") if model_args.tune else ("train",)
        sentence_vectors(
            {split: splits[split].select_columns(["id", "text"]) for split in needed}, encoder
        )

    # Report.
    vocabularies = features.vocabularies()
    report = {
        "dataset": corpus.info["name"],
        "hash": corpus.info["hash"],
        "features": {kind: len(terms) for kind, terms in vocabularies.items()},
        "splits": {split: describe_counts(features, texts[split]) for split in texts},
    }
    print(json.dumps(report, ensure_ascii=False, indent=2))
    return report


def describe_counts(features, texts: list[str]) -> dict:
    """Texts, their median number of different features, and how many have none."""
    if not texts or not features.vectorizers:
        return {"texts": len(texts)}
    counted = np.diff(features.counts(texts).indptr)
    return {
        "texts": len(texts),
        "features_median": int(np.median(counted)),
        "without_features": int((counted == 0).sum()),
    }


if __name__ == "__main__":
    main()
