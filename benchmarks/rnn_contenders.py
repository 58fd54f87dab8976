"""One way of preparing, training or predicting, in a process of its own: what
benchmarks/rnn_throughput.py measures.

    python -m benchmarks.rnn_contenders '{"way": "prepare", "how": "suite", …, "result": "…"}'

Writes one json file. The clock starts after the imports and after loading what the way is given (a
tokenizer, a saved model).
"""

import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path

import datasets
import numpy as np
import pyarrow as pa
import pyarrow.json
import torch
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import make_pipeline
from transformers import AutoTokenizer, TrainerCallback, pipeline

from benchmarks import rnn_reference
from rnn_baseline import RnnConfig, RnnForSequenceClassification
from rnn_baseline.arguments import ModelArguments, RnnTrainingArguments
from rnn_baseline.encoding import encode_splits, identity_collator
from rnn_baseline.inference import Predictor
from rnn_baseline.tokenization import encode_texts
from rnn_baseline.training import RnnTrainer, load_tokenizer
from utils.data import load_corpus
from utils.metrics import classification_metrics
from utils.training import make_trainer, predict_split
from utils.training.inference import inference_device, load_classifier

# Named as the tables of results are: configs/meli-bilstm64.yaml, configs/bilstm-3x256.yaml.
SHAPES = {
    "001-best": {
        "bidirectional": True,
        "hidden_size": 64,
        "head_size": 64,
        "activation": "mish",
        "head_dropout": 0.1,
        "freeze_embeddings": True,
    },
    "best": {"num_layers": 3, "hidden_size": 256},
}
BLOCK = 1 << 24  # bytes of json that pyarrow reads at a time
PREDICT_BATCH = 256  # predict.py's own
WARMUP_STEPS = 3


def main():
    work_on(json.loads(sys.argv[1]))


def work_on(work: dict):
    """Do the work and write what it found; `work` holds the way and its arguments."""
    result = Path(work.pop("result"))
    datasets.config.HF_DATASETS_CACHE = Path(work.pop("cache"))
    ways = {
        "learn": learn,
        "prepare": prepare,
        "encode": encode_prepared,
        "train": train,
        "linear": linear,
        "predict": predict,
        "steps": steps,
    }
    run = ways[work.pop("way")]
    result.write_text(json.dumps(run(**work)), encoding="utf-8")


# Preparation: from a jsonl.gz to word ids.


def read_texts(path: str) -> pa.ChunkedArray:
    """The column `text` of a jsonl.gz, without a copy on disk."""
    schema = pa.schema([("text", pa.string())])
    options = pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    return pa.json.read_json(path, pa.json.ReadOptions(block_size=BLOCK), options)["text"]


def learn(source: str, save: str) -> dict:
    """The tokenizer of the training titles, saved."""
    texts = datasets.Dataset(pa.table({"text": read_texts(source)}))
    start = time.perf_counter()
    tokenizer = load_tokenizer(ModelArguments(), texts)
    seconds = time.perf_counter() - start
    tokenizer.save_pretrained(save)
    return {
        "seconds": seconds,
        "titles_per_second": len(texts) / seconds,
        "words": len(tokenizer) - 2,
    }


def prepare(how: str, source: str, tokenizer: str, processes: int = 1) -> dict:
    """Titles a second from jsonl.gz to ids, and a checksum of the ids."""
    words = AutoTokenizer.from_pretrained(tokenizer)
    max_length = words.model_max_length
    start = time.perf_counter()
    if how == "suite":
        tokens, offsets = encode_texts(read_texts(source), words, max_length)
    elif how == "rows":
        lists = rnn_reference.read_rows(source, words.get_vocab(), max_length)
        ids = pa.array(lists, pa.list_(pa.int32()))
    else:
        ids = by_map(source, words, max_length, processes)
    seconds = time.perf_counter() - start

    # To flat arrays, as encode_texts gives them: for the checksum only, so not timed.
    if how != "suite":
        tokens = ids.flatten().to_numpy().astype(np.int32)
        offsets = np.r_[0, np.cumsum(ids.value_lengths())]
    checksum = hashlib.sha256(tokens.tobytes() + offsets.astype(np.int64).tobytes()).hexdigest()
    n = len(offsets) - 1
    return {"seconds": seconds, "titles_per_second": n / seconds, "rows": n, "checksum": checksum}


def by_map(source: str, tokenizer, max_length: int, processes: int) -> pa.Array:
    """`load_dataset` and `map`, as in the documentation of transformers."""

    def tokenize(rows):
        return tokenizer(rows["text"], truncation=True, max_length=max_length)

    rows = datasets.load_dataset("json", data_files=source, split="train")
    rows = rows.map(tokenize, batched=True, num_proc=processes if processes > 1 else None)
    return rows.with_format("arrow")[:]["input_ids"].combine_chunks()


def encode_prepared(dataset: str) -> dict:
    """What preprocess.py does with a prepared folder: words of the training texts, all splits
    encoded on disk.
    """
    start = time.perf_counter()
    corpus = load_corpus(dataset)
    tokenizer = load_tokenizer(ModelArguments(), corpus.splits["train"])
    learnt = time.perf_counter()
    encode_splits(corpus.splits, tokenizer, tokenizer.model_max_length)
    end = time.perf_counter()
    return {"seconds": end - start, "learn_seconds": learnt - start, "encode_seconds": end - learnt}


# Training.


class Clock(TrainerCallback):
    """Seconds of training without evaluation, when each step ends, and the score of each epoch."""

    def __init__(self):
        self.seconds = 0.0
        self.ends = []
        self.history = []

    def on_train_begin(self, args, state, control, **kwargs):
        self.start = time.perf_counter()

    def on_epoch_begin(self, args, state, control, **kwargs):
        self.begun = time.perf_counter()

    def on_step_end(self, args, state, control, **kwargs):
        self.ends.append(time.perf_counter())

    def on_epoch_end(self, args, state, control, **kwargs):
        self.seconds += time.perf_counter() - self.begun

    def on_evaluate(self, args, state, control, metrics, **kwargs):
        self.history.append((time.perf_counter() - self.start, metrics["eval_balanced_accuracy"]))


def new_model(shape: str, tokenizer, class_names: list[str]) -> RnnForSequenceClassification:
    torch.manual_seed(0)
    config = RnnConfig(
        **SHAPES[shape],
        vocab_size=len(tokenizer),
        id2label=dict(enumerate(class_names)),
        label2id={name: label_id for label_id, name in enumerate(class_names)},
    )
    return RnnForSequenceClassification(config)


def train(
    how: str,
    shape: str,
    dataset: str,
    tokenizer: str,
    rows: int,
    epochs: int,
    batch_size: int,
    learning_rate: float = 1e-3,
    bf16: bool = False,
    save: str | None = None,
) -> dict:
    """Some epochs by a plain loop (`padded`, `packed`) or by the suite's Trainer; scores by the
    same function.
    """
    corpus = load_corpus(dataset)
    words = AutoTokenizer.from_pretrained(tokenizer)
    splits = corpus.splits
    splits["train"] = splits["train"].select(range(min(rows, len(splits["train"]))))
    model = new_model(shape, words, corpus.info["labels"])
    if how == "suite":
        found = train_by_suite(model, splits, words, epochs, batch_size, learning_rate, bf16, save)
    else:
        found = train_by_loop(model, splits, words, epochs, batch_size, packed=how == "packed")
    n = len(splits["train"])
    return found | {
        "titles_per_second": epochs * n / found["seconds"],
        "rows": n,
        "batch_size": batch_size,
        "validation": found["history"][-1][1],
    }


def train_by_loop(model, splits, tokenizer, epochs: int, batch_size: int, packed: bool) -> dict:
    """`rnn_reference.train_epochs`, and the score of test."""
    known = tokenizer.get_vocab()
    max_length = tokenizer.model_max_length
    device = inference_device()
    rows = {}
    for split, dataset in splits.items():
        ids = [rnn_reference.row_ids(text, known, max_length) for text in dataset["text"]]
        rows[split] = rnn_reference.Rows(ids, list(dataset["label"]))
    found = rnn_reference.train_epochs(model.to(device), rows, epochs, batch_size, device, packed)
    probabilities = rnn_reference.probabilities(model, rows["test"], device, packed)
    return found | {"test": rnn_reference.balanced_accuracy(rows["test"], probabilities)}


def train_by_suite(
    model, splits, tokenizer, epochs: int, batch_size: int, learning_rate: float, bf16: bool, save
) -> dict:
    """What train.py does, and the score of test; `save` is a folder for the network, or None."""
    encoded = encode_splits(splits, tokenizer, tokenizer.model_max_length)
    with tempfile.TemporaryDirectory() as output:
        args = RnnTrainingArguments(
            output_dir=output,
            num_train_epochs=epochs,
            per_device_train_batch_size=batch_size,
            learning_rate=learning_rate,
            lr_scheduler_type="constant",
            eval_strategy="epoch",
            **common(bf16),
        )
        encoded = {split: rows.to(args.device) for split, rows in encoded.items()}
        trainer = trainer_of(model, args, encoded, tokenizer)
        clock = Clock()
        trainer.add_callback(clock)
        trainer.train()
        probabilities = predict_split(trainer, encoded["test"])
        if save:
            trainer.save_model(save)
    score = classification_metrics(encoded["test"]["labels"], probabilities)["balanced_accuracy"]
    return {"seconds": clock.seconds, "history": clock.history, "test": float(score)}


def common(bf16: bool = False) -> dict:
    """Training arguments of every measurement."""
    return {
        "save_strategy": "no",
        "logging_strategy": "no",
        "disable_tqdm": True,
        "seed": 0,
        "bf16": bf16,
        # On a CPU, TrainingArguments takes bf16 only beside use_cpu.
        "use_cpu": not torch.cuda.is_available(),
    }


def trainer_of(model, args, encoded, tokenizer) -> RnnTrainer:
    return make_trainer(
        model, args, encoded, identity_collator, tokenizer, encoded["train"]["labels"], RnnTrainer
    )


def steps(
    dataset: str, tokenizer: str, shape: str, batch_size: int, n_steps: int, streaming: bool
) -> dict:
    """Titles a second of some steps, the arrays in memory or left on disk."""
    corpus = load_corpus(dataset)
    words = AutoTokenizer.from_pretrained(tokenizer)
    encoded = encode_splits(corpus.splits, words, words.model_max_length)
    with tempfile.TemporaryDirectory() as output:
        args = RnnTrainingArguments(
            output_dir=output,
            max_steps=WARMUP_STEPS + n_steps,
            streaming=streaming,
            per_device_train_batch_size=batch_size,
            eval_strategy="no",
            **common(),
        )
        if not streaming:
            encoded = {split: rows.to(args.device) for split, rows in encoded.items()}
        model = new_model(shape, words, corpus.info["labels"])
        trainer = trainer_of(model, args, encoded, words)
        clock = Clock()
        trainer.add_callback(clock)
        trainer.train()
    measured = clock.ends[WARMUP_STEPS - 1 :]
    return {
        "titles_per_second": batch_size * (len(measured) - 1) / (measured[-1] - measured[0]),
        "first_step_seconds": clock.ends[0] - clock.start,
    }


def linear(vectorizer: str, dataset: str, rows: int, epochs: int) -> dict:
    """A linear model on words and pairs of words, end to end from strings."""
    splits = load_corpus(dataset).splits
    train = splits["train"].select(range(min(rows, len(splits["train"]))))
    if vectorizer == "tfidf":
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    else:
        words = HashingVectorizer(ngram_range=(1, 2), n_features=2**18, alternate_sign=False)
    # tol=None: exactly `epochs` passes, as many as the networks make.
    classifier = SGDClassifier(
        loss="log_loss", alpha=1e-6, max_iter=epochs, tol=None, random_state=0
    )
    model = make_pipeline(words, classifier)

    texts = list(train["text"])
    start = time.perf_counter()
    model.fit(texts, train["label"])
    seconds = time.perf_counter() - start

    scores = {}
    for split in ("validation", "test"):
        probabilities = model.predict_proba(splits[split]["text"])
        metrics = classification_metrics(np.array(splits[split]["label"]), probabilities)
        scores[split] = float(metrics["balanced_accuracy"])
    return {
        "seconds": seconds,
        "titles_per_second": epochs * len(texts) / seconds,
        "rows": len(texts),
        "history": [(seconds, scores["validation"])],
    } | scores


# Prediction.


def predict(how: str, run: str, dataset: str, rows: int, save: str) -> dict:
    """Titles a second from raw strings to probabilities, which are saved; loading the model is not
    timed.
    """
    test = list(load_corpus(dataset).splits["test"]["text"])
    texts = (test * (1 + rows // len(test)))[:rows]
    model = load_classifier(run, inference_device(), "fp32")
    tokenizer = AutoTokenizer.from_pretrained(run)
    way = {"pipeline": by_pipeline, "loop": by_loop, "suite": by_suite}[how.split("-")[0]]

    # The first call pays for what is set up once.
    way(how, texts[:PREDICT_BATCH], model, tokenizer)
    start = time.perf_counter()
    probabilities = way(how, texts, model, tokenizer)
    seconds = time.perf_counter() - start
    np.save(save, probabilities)
    return {"seconds": seconds, "titles_per_second": rows / seconds, "rows": rows}


def by_suite(how: str, texts: list[str], model, tokenizer) -> np.ndarray:
    class_names = list(model.config.label2id)
    predictor = Predictor(class_names, model, tokenizer, tokenizer.model_max_length)
    return predictor.predict_probabilities(texts, PREDICT_BATCH)


def by_loop(how: str, texts: list[str], model, tokenizer) -> np.ndarray:
    """Row after row through the filters and the dictionary, then a DataLoader."""
    known = tokenizer.get_vocab()
    ids = [rnn_reference.row_ids(text, known, tokenizer.model_max_length) for text in texts]
    rows = rnn_reference.Rows(ids, [0] * len(ids))  # labels that nobody reads
    return rnn_reference.probabilities(model, rows, model.device, packed=True)


def by_pipeline(how: str, texts: list[str], model, tokenizer) -> np.ndarray:
    """`pipeline("text-classification")`, one title a call or in batches."""
    batch_size = int(how.removeprefix("pipeline-"))
    label2id = model.config.label2id
    pipe = pipeline(
        "text-classification", model=model, tokenizer=tokenizer, device=model.device, top_k=None
    )
    options = {"truncation": True, "max_length": tokenizer.model_max_length}
    if batch_size == 1:
        outputs = [pipe(text, **options) for text in texts]
    else:
        outputs = pipe(texts, batch_size=batch_size, **options)
    found = np.zeros((len(texts), len(label2id)), np.float32)
    for row, output in zip(found, outputs, strict=True):
        # A single text comes back as a list in a list.
        scores = output[0] if isinstance(output[0], list) else output
        for entry in scores:
            row[label2id[entry["label"]]] = entry["score"]
    return found


if __name__ == "__main__":
    main()
