"""The sample's documents as a corpus of page images."""

import datasets
from tqdm import tqdm

from utils.data.content import content_hash, features
from utils.data.corpus import SPLITS, Corpus
from utils.pages.images import side_by_side
from utils.samples.pages import render_job


def render_corpus(corpus: Corpus, seed: int = 0) -> Corpus:
    """The sample's corpus with an `image` in place of each `text`; everything else is as it was."""
    splits = {split: draw(corpus.splits[split], split, seed) for split in SPLITS}
    unlabelled = draw(corpus.unlabelled, "unlabelled", seed)
    info = corpus.info | {
        "name": "sample_pages",
        "source": "sample_pages",
        "content": "image",
        "hash": content_hash(splits),
        "drawn_from": corpus.info["hash"],
    }
    return Corpus(datasets.DatasetDict(splits), unlabelled, info, corpus.dropped, corpus.options)


def draw(dataset: datasets.Dataset, what: str, seed: int) -> datasets.Dataset:
    """A split's pages: the same columns with `image` for `text`; without a label a page is bare."""
    class_names: list[str] = []
    labels = [""] * len(dataset)
    if "label" in dataset.column_names:
        class_names = dataset.features["label"].names
        labels = [class_names[label_id] for label_id in dataset["label"]]
    jobs = [
        (text, label, f"{seed}/{i}")
        for i, text, label in zip(dataset["id"], dataset["text"], labels, strict=True)
    ]
    drawn = side_by_side(render_job, jobs)
    pages = tqdm(drawn, f"drawing {what}", len(jobs), unit=" pages", disable=None)
    columns = {
        "id": list(dataset["id"]),
        "image": [{"bytes": page, "path": None} for page in pages],
    }
    kinds = features("image", class_names or [""])
    if class_names:
        columns["label"] = list(dataset["label"])
    else:
        del kinds["label"]
    return datasets.Dataset.from_dict(columns, kinds)
