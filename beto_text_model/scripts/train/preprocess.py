"""Tokenise a dataset ahead of training, so that train.py starts at once (it finds the same cache).

    python beto_text_model/scripts/train/preprocess.py --dataset data/x/data_v1 \
        --model_name_or_path models/beto

Takes the same model and dataset flags (or YAML) as train.py and prints what the encoder will see:
pieces per text, texts cut at max_length, unknown pieces. mini-scratch has no tokenizer before its
training, which makes it.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from beto_text_model.arguments import MINI_SCRATCH, parse_training
from beto_text_model.model import choose_max_length, load_config, load_tokenizer
from beto_text_model.tokenization import share_truncated, tokenise_splits
from utils.cli import start_logging
from utils.data import load_corpus, options_of, training_order
from utils.errors import exits_on_input_error


@exits_on_input_error
def main(argv=None) -> dict:
    """Tokenise and report; returns the report."""
    # Arguments: those of train.py, so that one YAML serves both.
    model_args, data_args, _, _ = parse_training(argv, __doc__)
    start_logging()

    # Splits: the same for every room.
    corpus = load_corpus(data_args.dataset, options_of(data_args))
    corpus.splits["train"] = training_order(corpus.splits["train"])

    # Tokenise: the cache is keyed by texts, tokenizer and cut.
    config = load_config(model_args, corpus.info["labels"])
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = load_tokenizer(
            model_args, corpus.splits["train"]["text"], Path(folder), main_process=True
        )
    max_length = choose_max_length(model_args, config, tokenizer)
    tokenised = tokenise_splits(corpus.splits, tokenizer, max_length, model_args.truncation_side)

    # Report.
    report = {
        "dataset": corpus.info["name"],
        "hash": corpus.info["hash"],
        "tokenizer": model_args.model_name_or_path,
        "trained_on_the_spot": model_args.model_name_or_path == MINI_SCRATCH,
        "max_length": max_length,
        "truncation_side": model_args.truncation_side,
        "splits": {
            split: describe_pieces(dataset, tokenizer.unk_token_id)
            for split, dataset in tokenised.items()
        },
        "share_truncated": share_truncated(tokenised),
    }
    print(json.dumps(report, ensure_ascii=False, indent=2))
    return report


def describe_pieces(dataset, unknown_id: int) -> dict[str, Any]:
    """Texts, pieces per text and share of unknown pieces of one tokenised split."""
    if not len(dataset):
        return {"texts": 0, "pieces_median": 0, "pieces_p95": 0, "unknown_share": 0.0}
    # One flat array: a list of lists of a large corpus would not fit in memory.
    pieces = dataset.with_format("arrow")["input_ids"][:].combine_chunks().flatten().to_numpy()
    lengths = np.array(dataset["length"])
    return {
        "texts": len(dataset),
        "pieces_median": int(np.median(lengths)),
        "pieces_p95": int(np.percentile(lengths, 95)),
        "unknown_share": float((pieces == unknown_id).mean()) if len(pieces) else 0.0,
    }


if __name__ == "__main__":
    main()
