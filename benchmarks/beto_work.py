"""The work folder of beto_throughput.py: a random model of some shape, its tokenizer, the texts and
the settings.
"""

import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, BertConfig

from beto_text_model.inference import tokenise_texts
from beto_text_model.tokenization import train_wordpiece
from utils.samples.documents import generate_sample

TOKENIZER_VOCABULARY = 8000
LONGEST = 512  # BERT's positions
GOLDEN = (5**0.5 - 1) / 2  # multiples of it fill [0, 1) most evenly


@dataclass
class Work:
    """One model shape: what its ways need to know, kept as settings.json in the work folder."""

    shape: str
    hidden_size: int
    layers: int
    vocab_size: int
    batch_size: int
    max_seconds: float
    warmup_steps: int
    repeats: int
    use_cpu: bool
    texts: int | None = None


def spread(n: int) -> np.ndarray:
    """0 … n−1 in an order (n,) whose every beginning covers the range evenly: pairs u, 1−u by the
    golden ratio.
    """
    u = (0.5 + np.arange(8 * n) * GOLDEN) % 1
    ranks = (np.column_stack([u, 1 - u]).ravel() * n).astype(int).clip(0, n - 1)
    values, first = np.unique(ranks, return_index=True)
    return values[np.argsort(first)]


def titles_and_documents(texts: int | None) -> dict[str, list[dict]]:
    """The two text sets: `short` (the first 5 to 12 words of each document) and `mixed` (whole
    documents).
    """
    rows = generate_sample()
    rng = random.Random(0)
    if texts:
        rows = rng.sample(rows, min(texts, len(rows)))
    documents = [
        {"text": r["text"], "label": r["label"], "train": r["split"] == "train"} for r in rows
    ]
    titles = [d | {"text": " ".join(d["text"].split()[: rng.randint(5, 12)])} for d in documents]
    return {"short": titles, "mixed": documents}


def prepare_work(work: Work, folder: Path):
    """Write model, tokenizer, texts and settings; the weights are random (seed 0)."""
    sets = titles_and_documents(work.texts)
    class_names = sorted({row["label"] for row in sets["mixed"]})
    texts = [row["text"] for row in sets["mixed"]]
    tokenizer = train_wordpiece(texts, min(TOKENIZER_VOCABULARY, work.vocab_size), LONGEST)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=max(work.vocab_size, len(tokenizer)),
        hidden_size=work.hidden_size,
        num_hidden_layers=work.layers,
        num_attention_heads=heads(work.hidden_size),
        intermediate_size=4 * work.hidden_size,
        pad_token_id=tokenizer.pad_token_id,
        id2label=dict(enumerate(class_names)),
        label2id={name: label_id for label_id, name in enumerate(class_names)},
    )
    model = AutoModelForSequenceClassification.from_config(config)
    # Away from uniform probabilities, so that comparing them means something.
    model.classifier.weight.data *= 10
    model.save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    for name, rows in sets.items():
        text = json.dumps(columns_of(rows, class_names, tokenizer), ensure_ascii=False)
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    (folder / "settings.json").write_text(json.dumps(asdict(work)), encoding="utf-8")


def columns_of(rows: list[dict], class_names: list[str], tokenizer) -> dict[str, dict[str, list]]:
    """Texts and label ids for `train` (in the corpus's order) and `predict` (spread by length)."""
    texts = [row["text"] for row in rows]
    lengths = [len(ids) for ids in tokenise_texts(tokenizer, texts, LONGEST)]
    train = [i for i, row in enumerate(rows) if row["train"]]
    rest = sorted((i for i, row in enumerate(rows) if not row["train"]), key=lengths.__getitem__)
    parts = {"train": train, "predict": [rest[rank] for rank in spread(len(rest))]}
    return {
        part: {
            "text": [texts[i] for i in own],
            "label": [class_names.index(rows[i]["label"]) for i in own],
        }
        for part, own in parts.items()
    }


def heads(hidden_size: int) -> int:
    """Attention heads: 64 wide as BERT's; mini-scratch's 128 has 4 of 32."""
    fewest = 4 if hidden_size >= 64 and hidden_size % 4 == 0 else 1
    return max(hidden_size // 64, fewest)


def read_work(folder: Path, text_set: str, part: str) -> tuple[Work, dict[str, list]]:
    """The settings, and the columns `text` and `label` of a part of a text set."""
    work = Work(**json.loads((folder / "settings.json").read_text(encoding="utf-8")))
    return work, json.loads((folder / f"{text_set}.json").read_text(encoding="utf-8"))[part]
