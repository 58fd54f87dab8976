"""Encode a dataset ahead of training, so that train.py starts at once (it finds the same cache).

    python rnn_baseline/scripts/train/preprocess.py --dataset data/x/data_v1
    python rnn_baseline/scripts/train/preprocess.py rnn_baseline/configs/meli-bilstm64.yaml \
        --dataset data/x/data_v1

Takes the same model and dataset flags (or YAML) as train.py and prints what the network will see:
words per text, texts cut at max_length, unknown words, texts that the filters leave without a word.
"""

import json

import numpy as np

from rnn_baseline.arguments import parse_training
from rnn_baseline.encoding import describe_words, encode_splits
from rnn_baseline.training import load_tokenizer
from utils.cli import start_logging
from utils.data import load_corpus, options_of, training_order
from utils.errors import exits_on_input_error


@exits_on_input_error
def main(argv=None) -> dict:
    """Encode and report; returns the report."""
    # Arguments: those of train.py, so that one YAML serves both.
    model_args, data_args, _, _ = parse_training(argv, __doc__)
    start_logging()

    # Splits: the same for every room.
    corpus = load_corpus(data_args.dataset, options_of(data_args))
    corpus.splits["train"] = training_order(corpus.splits["train"])

    # Encode: the cache is keyed by texts, tokenizer and max_length.
    tokenizer = load_tokenizer(model_args, corpus.splits["train"])
    max_length = tokenizer.model_max_length
    encoded = encode_splits(corpus.splits, tokenizer, max_length)

    # Report.
    report = {
        "dataset": corpus.info["name"],
        "hash": corpus.info["hash"],
        "filters": model_args.filters,
        "words": len(tokenizer) - 2,
        "max_length": max_length,
        "splits": {
            split: describe_lengths(dataset["length"]) for split, dataset in encoded.items()
        },
        **describe_words(encoded),
    }
    print(json.dumps(report, ensure_ascii=False, indent=2))
    return report


def describe_lengths(lengths: np.ndarray) -> dict[str, int]:
    """Texts and words per text of one encoded split, from its texts' `lengths` (n,)."""
    if not len(lengths):
        return {"texts": 0, "words_median": 0, "words_p95": 0}
    return {
        "texts": len(lengths),
        "words_median": int(np.median(lengths)),
        "words_p95": int(np.percentile(lengths, 95)),
    }


if __name__ == "__main__":
    main()
