"""The ways that beto_throughput.py compares, each run alone in its own process: stock settings and the suite's.

Every way gets the same model, texts and batch size from the work folder that `prepare_work` wrote. A stock run takes
too long to be run whole, so a way stops after `max_seconds`; what it measured must then stand for the whole:
- training: the batches of one whole epoch, in the way's own order, are sorted by padded size and visited in an order
  whose every beginning is spread evenly over the small and the large ones (`spread`);
- prediction: the texts are laid in the file by the same rule, so that every beginning has the same mix of lengths.
"""

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import datasets
import numpy as np
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    default_data_collator,
    pipeline,
)

from benchmarks.beto_work import LONGEST, Work, read_work, spread
from benchmarks.common import peak_memory_mb
from utils.inference import inference_device, load_classifier, predict_probabilities, tokenise_texts
from utils.metrics import softmax
from utils.training import LengthGroupedSampler, SuiteTrainingArguments, decide_precision, make_trainer, precision_of

PREDICT_BATCH = 32
MIN_STEPS = 3


@dataclass
class StepClock(TrainerCallback):
    """Times the optimizer steps after the warm-up and stops the training when the time is up.

    A step that takes longer than the whole time allowed ends the warm-up, so that slow ways stay bounded.
    """

    warmup: int
    max_seconds: float
    ends: list = field(default_factory=list)
    begin: int | None = None  # steps before the clock started

    def on_train_begin(self, args, state, control, **kwargs):
        self.started = time.perf_counter()

    def on_step_end(self, args, state, control, **kwargs):
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())
        if self.begin is None:
            if len(self.ends) == self.warmup or self.ends[-1] - self.started > self.max_seconds:
                self.begin = len(self.ends)
            return
        steps, seconds = self.measured()
        if seconds >= self.max_seconds * (1 if steps >= MIN_STEPS else 3):
            control.should_training_stop = True

    def measured(self) -> tuple[int, float]:
        """Steps after the warm-up, and their seconds."""
        return len(self.ends) - self.begin, self.ends[-1] - self.ends[self.begin - 1]


def measure(way: str, folder: Path) -> dict:
    """Run `<set>/<train|predict>/<name>` in this process and return what was measured."""
    text_set, task, name = way.split("/")
    work, columns = read_work(folder, text_set, task)
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    run = measure_training if task == "train" else measure_prediction
    results = [run(name, work, folder, columns, tokenizer) for _ in range(work.repeats)]
    best = max(results, key=lambda result: result["per_second"])
    gpu = torch.cuda.max_memory_allocated() / 1e6 if torch.cuda.is_available() and not work.use_cpu else None
    if task == "predict":
        np.save(folder / (way.replace("/", "-") + ".npy"), best.pop("probabilities"))
    return {"set": text_set, "task": task, "way": name} | best | {
        "repeats": work.repeats, "threads": torch.get_num_threads(), "peak_mb": results[-1]["peak_mb"], "gpu_mb": gpu}


def max_length_of(name: str) -> int:
    """`pad-128` and `suite-128` read 128 pieces of a text, all others 512."""
    return 128 if name.endswith("-128") else LONGEST


# Training.


def measure_training(name: str, work: Work, folder: Path, columns: dict, tokenizer) -> dict:
    """Examples per second of real Trainer steps; nothing is evaluated or saved."""
    max_length, padded = max_length_of(name), name.startswith("pad-")
    encoded = tokenizer(columns["text"], truncation=True, max_length=max_length,
                        padding="max_length" if padded else False)
    lengths = np.array([sum(mask) for mask in encoded["attention_mask"]])
    batches, waste = epoch_batches(lengths, work.batch_size, name, max_length)
    order, cost = spread_epoch(batches, lengths, work.warmup_steps)
    dataset = datasets.Dataset.from_dict(dict(encoded) | {"labels": columns["label"], "length": lengths})
    model = AutoModelForSequenceClassification.from_pretrained(folder / "model")
    clock = StepClock(work.warmup_steps, work.max_seconds)
    with tempfile.TemporaryDirectory() as output:
        trainer = trainer_of(name, work, model, dataset.select(order.ravel()), tokenizer, output)
        trainer.add_callback(clock)
        outcome = trainer.train()
    steps, seconds = clock.measured()
    used = order[clock.begin : clock.begin + steps]
    padded_size = max_length if padded else lengths[used].max(1)
    return {
        "per_second": steps * work.batch_size / seconds, "steps": steps, "examples": steps * work.batch_size,
        "seconds": seconds, "waste": waste, "precision": precision_of(trainer.args), "max_length": max_length,
        "cut": float((lengths >= max_length).mean()), "cost_share": float(np.mean(padded_size) / cost),
        "mean_loss": outcome.training_loss, "peak_mb": peak_memory_mb(),
    }


def epoch_batches(lengths: np.ndarray, batch_size: int, name: str, max_length: int) -> tuple[np.ndarray, float]:
    """The full batches of one epoch (n_batches, batch) in the way's own order, and padded / real tokens."""
    if name.startswith("suite"):
        rows = np.array(list(LengthGroupedSampler(lengths, batch_size, 0)))
    else:
        rows = np.random.default_rng(0).permutation(len(lengths))
    batches = rows[: len(rows) // batch_size * batch_size].reshape(-1, batch_size)
    longest = np.full(len(batches), max_length) if name.startswith("pad-") else lengths[batches].max(1)
    return batches, float(longest.sum() * batch_size / lengths[batches].sum())


def spread_epoch(batches: np.ndarray, lengths: np.ndarray, warmup: int) -> tuple[np.ndarray, float]:
    """Batches in the order of measuring, and an epoch's mean padded length.

    First the warm-up, with the longest batch, so that the peak of memory is an epoch's; then all, spread by length.
    """
    longest = lengths[batches].max(1)
    by_length = np.argsort(longest, kind="stable")
    first = by_length[[-1, *[len(batches) // 2] * (warmup - 1)]]
    return batches[np.r_[first, by_length[spread(len(batches))]]], float(longest.mean())


def trainer_of(name: str, work: Work, model, dataset, tokenizer, output: str) -> Trainer:
    """The stock Trainer as the run_classification example sets it, or the suite's as train.py does.

    The rows come laid in the order of measuring (made with the suite's own sampler where the suite is measured).
    """
    shared = {"output_dir": output, "per_device_train_batch_size": work.batch_size, "seed": 0, "save_strategy": "no",
              "eval_strategy": "no", "logging_strategy": "no", "disable_tqdm": True, "num_train_epochs": 1,
              "train_sampling_strategy": "sequential", "use_cpu": work.use_cpu}
    if not name.startswith("suite"):
        args = TrainingArguments(**shared, report_to="none")
        collator = default_data_collator if name.startswith("pad-") else DataCollatorWithPadding(tokenizer)
        return Trainer(model, args, train_dataset=dataset.remove_columns("length"), data_collator=collator,
                       processing_class=tokenizer)
    args = SuiteTrainingArguments(**shared)
    if name != "suite-fp32":
        args = decide_precision(args, work.hidden_size, {})
    collator = DataCollatorWithPadding(tokenizer, pad_to_multiple_of=8 if args.device.type == "cuda" else None)
    keep = ["input_ids", "labels", "length"]
    splits = {"train": dataset.select_columns(keep), "validation": dataset.select_columns(keep).select(range(1))}
    return make_trainer(model, args, splits, collator, tokenizer, np.array(dataset["labels"]))


# Prediction.


def measure_prediction(name: str, work: Work, folder: Path, columns: dict, tokenizer) -> dict:
    """Texts per second from raw strings to probabilities, on as many of the texts as the time allows."""
    texts, max_length = columns["text"], max_length_of(name)
    precision = "auto" if name in ("suite", "suite-128") else "fp32"
    model = load_classifier(folder / "model", inference_device(work.use_cpu), precision)
    predict = {"pipeline-1": by_pipeline, "pipeline-32": by_pipeline, "pad-128": by_padding, "pad-512": by_padding,
               "dynamic": by_padding}.get(name, by_suite)
    predict(name, model, tokenizer, texts[:4], 0, max_length)
    trials = []
    for _ in range(2):
        start = time.perf_counter()
        predict(name, model, tokenizer, texts[:8], 0, max_length)
        trials.append((time.perf_counter() - start) / 8)
    affordable = max(2 * PREDICT_BATCH, round(work.max_seconds / min(trials)))
    start = time.perf_counter()
    probabilities = predict(name, model, tokenizer, texts[:affordable], work.max_seconds, max_length)
    seconds, n = time.perf_counter() - start, len(probabilities)
    lengths = np.array([len(i) for i in tokenise_texts(tokenizer, texts, max_length)])
    return {
        "per_second": n / seconds, "examples": n, "seconds": seconds, "max_length": max_length,
        "waste": prediction_waste(name, lengths[:n], max_length), "cut": float((lengths >= max_length).mean()),
        "cost_share": float(lengths[:n].mean() / lengths.mean()), "probabilities": probabilities,
        "precision": "bf16" if model.dtype == torch.bfloat16 else "fp32", "peak_mb": peak_memory_mb(),
    }


def by_pipeline(name, model, tokenizer, texts, max_seconds, max_length) -> np.ndarray:
    """`pipeline("text-classification")`, one text a call or in batches of 32 in file order; stops when time is up."""
    pipe = pipeline("text-classification", model=model, tokenizer=tokenizer, device=model.device)
    options = {"truncation": True, "max_length": max_length, "top_k": None}
    if name == "pipeline-1":
        outputs = (pipe([text], **options)[0] for text in texts)
    else:
        outputs = pipe((text for text in texts), batch_size=PREDICT_BATCH, **options)
    rows, start = [], time.perf_counter()
    for output in outputs:
        rows.append(np.zeros(model.config.num_labels, np.float32))
        for score in output:
            rows[-1][model.config.label2id[score["label"]]] = score["score"]
        whole = name == "pipeline-1" or len(rows) % PREDICT_BATCH == 0
        if max_seconds and whole and time.perf_counter() - start >= max_seconds:
            break
    return np.array(rows)


@torch.inference_mode()
def by_padding(name, model, tokenizer, texts, max_seconds, max_length) -> np.ndarray:
    """Batches of 32 in file order, padded to `max_length` (pad-…) or to the longest of the batch (dynamic)."""
    logits, start = [], time.perf_counter()
    for first in range(0, len(texts), PREDICT_BATCH):
        batch = tokenizer(texts[first : first + PREDICT_BATCH], truncation=True, max_length=max_length,
                          padding="max_length" if name.startswith("pad-") else True, return_tensors="pt")
        logits.append(model(**batch.to(model.device)).logits.float().cpu().numpy())
        if max_seconds and time.perf_counter() - start >= max_seconds:
            break
    return softmax(np.concatenate(logits))


def by_suite(name, model, tokenizer, texts, max_seconds, max_length) -> np.ndarray:
    """What predict.py does: token ids without padding, batches of 32 cut from the texts sorted by length."""
    return predict_probabilities(model, tokenizer, tokenise_texts(tokenizer, texts, max_length), PREDICT_BATCH)


def prediction_waste(name: str, lengths: np.ndarray, max_length: int) -> float:
    """Padded over real tokens of the texts that were predicted."""
    if name.startswith("suite"):
        lengths = np.sort(lengths)[::-1]
    size = 1 if name == "pipeline-1" else PREDICT_BATCH
    groups = [lengths[i : i + size] for i in range(0, len(lengths), size)]
    padded = sum(len(g) * (max_length if name.startswith("pad-") else g.max()) for g in groups)
    return float(padded / lengths.sum())


# The same gradients, however a batch is padded.


def gradient_difference(text_set: str, folder: Path, n_texts: int = 4) -> dict:
    """Relative difference of the gradients of one batch, dynamic padding in fp32 against two other ways.

    `fp32`: padded to 512 pieces; `bf16`: dynamic padding under autocast, as the suite trains wide encoders.
    """
    work, columns = read_work(folder, text_set, "train")
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    model = load_classifier(folder / "model", inference_device(work.use_cpu), "fp32")
    texts = sorted(columns["text"], key=len)[:: len(columns["text"]) // n_texts][:n_texts]
    labels = torch.arange(len(texts), device=model.device)
    reference = gradients(model, tokenizer, texts, labels, True, False)
    padded = gradients(model, tokenizer, texts, labels, "max_length", False)
    bf16 = gradients(model, tokenizer, texts, labels, True, True)
    norm = reference.norm()
    return {"fp32": float((padded - reference).norm() / norm), "bf16": float((bf16 - reference).norm() / norm)}


def gradients(model, tokenizer, texts, labels, padding, bf16: bool) -> torch.Tensor:
    """All gradients of the mean cross-entropy of a batch, as one vector (n_parameters,)."""
    model.zero_grad()
    batch = tokenizer(texts, truncation=True, max_length=LONGEST, padding=padding, return_tensors="pt")
    with torch.autocast(labels.device.type, torch.bfloat16, enabled=bf16):
        model(**batch.to(model.device), labels=labels).loss.backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
