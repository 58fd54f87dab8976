"""Resize a dataset's pages ahead of training: train.py finds them in the cache and starts at once.

    python image_model/scripts/train/preprocess.py --dataset data/x/data_v1 \
        --model_name_or_path models/resnet-50

Takes the same model and dataset flags (or YAML) as train.py and prints what the model will see:
pages, their size, how much of a page is ink.
"""

import json

from image_model.arguments import parse_training
from image_model.model import load_config, load_view
from image_model.pixels import resize_splits
from utils.cli import start_logging
from utils.data import load_corpus, options_of, training_order
from utils.errors import exits_on_input_error

CHUNK = 1000  # pages that are averaged at once


@exits_on_input_error
def main(argv=None) -> dict:
    """Resize and report; returns the report."""
    # Arguments: those of train.py, so that one YAML serves both.
    model_args, data_args, _, _ = parse_training(argv, __doc__)
    start_logging()

    # Splits: the same for every room.
    corpus = load_corpus(data_args.dataset, options_of(data_args), content="image")
    corpus.splits["train"] = training_order(corpus.splits["train"])

    # Resize: the cache is keyed by the pages' bytes and all that decides their pixels.
    load_config(model_args, corpus.info["labels"])
    view = load_view(model_args)
    pixels = resize_splits(corpus.splits, view)

    # Report.
    report = {
        "dataset": corpus.info["name"],
        "hash": corpus.info["hash"],
        "model": model_args.model_name_or_path,
        "image_size": list(pixels["train"].shape[1:3]),
        "keep_aspect": view.keep_aspect,
        "grayscale": view.grayscale,
        "splits": {
            split: {"pages": len(array), "ink": ink(array)} for split, array in pixels.items()
        },
    }
    print(json.dumps(report, ensure_ascii=False, indent=2))
    return report


def ink(pixels) -> float:
    """Mean darkness of pages (n, height, width, 3) uint8: 0 is white, 1 black."""
    total = 0.0
    for start in range(0, len(pixels), CHUNK):
        total += float(pixels[start : start + CHUNK].sum(dtype=float))
    return round(1 - total / (255 * max(pixels.size, 1)), 4)


if __name__ == "__main__":
    main()
