"""The ways that beto_throughput.py compares, each run alone in its own process: stock settings and
the suite's.

Every way gets the same model, texts and batch size from the work folder that `prepare_work` wrote.
A stock run takes too long to be run whole, so a way stops after `max_seconds`; what it measured
must then stand for the whole:

- Training: the batches of one whole epoch, in the way's own order, are sorted by padded size and
  visited in an order whose every beginning is spread evenly over the small and the large ones
  (`spread`). The clock stops only where the batches seen so far have the epoch's mean size, and
  what difference remains is taken out of the speed.
- Prediction: the texts are laid in the file by the same rule, so that every beginning has the same
  mix of lengths.
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
from beto_text_model.inference import Predictor, tokenise_texts
from utils.metrics import softmax
from utils.training import (
    LengthGroupedSampler,
    SuiteTrainingArguments,
    decide_precision,
    make_trainer,
    precision_of,
)
from utils.training.inference import batches_by_length, inference_device, load_classifier

PREDICT_BATCH = 32
MIN_STEPS = 3  # of training, before the clock may stop
FAIR = 0.05  # how far the mean size of the measured batches may be from the epoch's
PATIENCE = 3  # times the allowed seconds after which an unfair sample must do


@dataclass
class StepClock(TrainerCallback):
    """Times the optimizer steps after the warm-up; stops when the time is up and the batches seen
    are a fair sample.

    A step that takes longer than the whole time allowed ends the warm-up, and PATIENCE times the
    time allowed ends the training anyway, so that slow ways stay bounded.
    """

    warmup: int
    max_seconds: float
    sizes: np.ndarray  # padded length of each batch in the order of measuring
    epoch_size: float  # mean padded length of an epoch's batches
    ends: list[float] = field(default_factory=list)  # clock at the end of each step
    begin: int | None = None  # steps before the clock started

    def on_train_begin(self, args, state, control, **kwargs):
        self.started = time.perf_counter()

    def on_step_end(self, args, state, control, **kwargs):
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.ends.append(time.perf_counter())
        if self.begin is None:
            too_slow = self.ends[-1] - self.started > self.max_seconds
            if len(self.ends) == self.warmup or too_slow:
                self.begin = len(self.ends)
            return
        steps, seconds = self.measured()
        fair = steps >= MIN_STEPS and abs(self.cost_share() - 1) <= FAIR
        limit = self.max_seconds if fair else PATIENCE * self.max_seconds
        if seconds >= limit:
            control.should_training_stop = True

    def measured(self) -> tuple[int, float]:
        """Steps after the warm-up, and their seconds."""
        return len(self.ends) - self.begin, self.ends[-1] - self.ends[self.begin - 1]

    def cost_share(self) -> float:
        """Mean padded length of the measured batches over that of the epoch's."""
        return float(self.sizes[self.begin : len(self.ends)].mean() / self.epoch_size)


def measure(way: str, folder: Path) -> dict:
    """Run `<set>/<train|predict>/<name>` in this process, `work.repeats` times; the fastest counts.

    Probabilities of a prediction go to `<set>-predict-<name>.npy` in the work folder.
    """
    text_set, task, name = way.split("/")
    work, columns = read_work(folder, text_set, task)
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    run = measure_training if task == "train" else measure_prediction
    results = [run(name, work, folder, columns, tokenizer) for _ in range(work.repeats)]
    best = max(results, key=lambda result: result["per_second"])
    if task == "predict":
        np.save(folder / (way.replace("/", "-") + ".npy"), best.pop("probabilities"))
    gpu_mb = None
    if torch.cuda.is_available() and not work.use_cpu:
        gpu_mb = torch.cuda.max_memory_allocated() / 1e6
    conditions = {
        "repeats": work.repeats,
        "threads": torch.get_num_threads(),
        "peak_mb": results[-1]["peak_mb"],  # of all repeats, not of the fastest
        "gpu_mb": gpu_mb,
    }
    return {"set": text_set, "task": task, "way": name} | best | conditions


def max_length_of(name: str) -> int:
    """`pad-128` and `suite-128` read 128 pieces of a text, all others 512."""
    return 128 if name.endswith("-128") else LONGEST


# Training.


def measure_training(name: str, work: Work, folder: Path, columns: dict, tokenizer) -> dict:
    """Examples per second of real Trainer steps; nothing is evaluated or saved."""
    max_length = max_length_of(name)
    encoded = tokenizer(
        columns["text"],
        truncation=True,
        max_length=max_length,
        padding="max_length" if name.startswith("pad-") else False,
    )

    # The rows come in the order of measuring, so that the Trainer reads them one after the other.
    lengths = np.array([sum(mask) for mask in encoded["attention_mask"]])
    batches, sizes = epoch_batches(lengths, work.batch_size, name, max_length)
    order = measuring_order(sizes, lengths[batches].max(1), work.warmup_steps)
    dataset = datasets.Dataset.from_dict(
        dict(encoded) | {"labels": columns["label"], "length": lengths}
    )
    dataset = dataset.select(batches[order].ravel())

    model = AutoModelForSequenceClassification.from_pretrained(folder / "model")
    clock = StepClock(work.warmup_steps, work.max_seconds, sizes[order], sizes.mean())
    with tempfile.TemporaryDirectory() as output:
        trainer = trainer_of(name, work, model, dataset, tokenizer, output)
        trainer.add_callback(clock)
        outcome = trainer.train()
    steps, seconds = clock.measured()
    return {
        "per_second": steps * work.batch_size / seconds * clock.cost_share(),
        "steps": steps,
        "examples": steps * work.batch_size,
        "seconds": seconds,
        "cost_share": clock.cost_share(),
        "waste": float(sizes.sum() * work.batch_size / lengths[batches].sum()),
        "precision": precision_of(trainer.args),
        "max_length": max_length,
        "cut": float((lengths >= max_length).mean()),
        "mean_loss": outcome.training_loss,
        "peak_mb": peak_memory_mb(),
    }


def epoch_batches(
    lengths: np.ndarray, batch_size: int, name: str, max_length: int
) -> tuple[np.ndarray, np.ndarray]:
    """The full batches of one epoch (n_batches, batch) in the way's own order, and the padded
    length of each.
    """
    if name.startswith("suite"):
        rows = np.array(list(LengthGroupedSampler(lengths, batch_size, 0)))
    else:
        rows = np.random.default_rng(0).permutation(len(lengths))
    batches = rows[: len(rows) // batch_size * batch_size].reshape(-1, batch_size)
    if name.startswith("pad-"):
        return batches, np.full(len(batches), max_length)
    return batches, lengths[batches].max(1)


def measuring_order(sizes: np.ndarray, longest: np.ndarray, warmup: int) -> np.ndarray:
    """Numbers of the batches in the order of measuring (warmup + n_batches,).

    First the warm-up, with the largest batch, so that the peak of memory is an epoch's; then all,
    spread by size.

    Args:
        sizes: padded length of each batch (n_batches,).
        longest: real length of its longest text (n_batches,), which orders batches of one size.
    """
    by_size = np.lexsort((longest, sizes))
    largest = by_size[-1]
    median = by_size[len(sizes) // 2]
    warmup_batches = [largest] + [median] * (warmup - 1)
    return np.r_[warmup_batches, by_size[spread(len(sizes))]]


def trainer_of(name: str, work: Work, model, dataset, tokenizer, output: str) -> Trainer:
    """The stock Trainer as the run_classification example sets it, or the suite's as train.py does.

    Both read the rows as they lie: `epoch_batches` has put them in the way's own order.
    """
    shared = {
        "output_dir": output,
        "per_device_train_batch_size": work.batch_size,
        "seed": 0,
        "save_strategy": "no",
        "eval_strategy": "no",
        "logging_strategy": "no",
        "disable_tqdm": True,
        "num_train_epochs": 1,
        "train_sampling_strategy": "sequential",
        "use_cpu": work.use_cpu,
    }
    if name.startswith("suite"):
        args = SuiteTrainingArguments(**shared)
        if name != "suite-fp32":
            args = decide_precision(args, work.hidden_size, {})
        multiple = 8 if args.device.type == "cuda" else None
        collator = DataCollatorWithPadding(tokenizer, pad_to_multiple_of=multiple)
        train = dataset.select_columns(["input_ids", "labels", "length"])
        splits = {"train": train, "validation": train.select(range(1))}  # it is never evaluated
        return make_trainer(model, args, splits, collator, tokenizer, np.array(dataset["labels"]))

    if name.startswith("pad-"):
        collator = default_data_collator
    else:
        collator = DataCollatorWithPadding(tokenizer)
    return Trainer(
        model,
        TrainingArguments(**shared, report_to="none"),
        train_dataset=dataset.remove_columns("length"),
        data_collator=collator,
        processing_class=tokenizer,
    )


# Prediction.


def measure_prediction(name: str, work: Work, folder: Path, columns: dict, tokenizer) -> dict:
    """Texts per second from raw strings to probabilities, on as many of the texts as the time
    allows.
    """
    texts = columns["text"]
    max_length = max_length_of(name)
    precision = "auto" if name in ("suite", "suite-128") else "fp32"
    model = load_classifier(folder / "model", inference_device(work.use_cpu), precision)
    predict = {"pipeline": by_pipeline, "pad": by_padding, "suite": by_suite}[name.split("-")[0]]

    # The first call pays for what is set up once.
    predict(name, model, tokenizer, texts[:4], 0, max_length)
    if predict is by_suite:
        # It sorts all its texts by length, so that it cannot stop when the time is up.
        arguments = (name, model, tokenizer, texts[:8], 0, max_length)
        texts = texts[: affordable(work.max_seconds, predict, arguments, 8)]

    start = time.perf_counter()
    probabilities = predict(name, model, tokenizer, texts, work.max_seconds, max_length)
    seconds = time.perf_counter() - start
    n = len(probabilities)
    lengths = np.array([len(i) for i in tokenise_texts(tokenizer, texts, max_length)])
    return {
        "per_second": n / seconds,
        "examples": n,
        "seconds": seconds,
        "max_length": max_length,
        "waste": prediction_waste(name, lengths[:n], max_length),
        "cut": float((lengths >= max_length).mean()),
        "cost_share": float(lengths[:n].mean() / lengths.mean()),
        "probabilities": probabilities,
        "precision": "bf16" if model.dtype == torch.bfloat16 else "fp32",
        "peak_mb": peak_memory_mb(),
    }


def affordable(max_seconds: float, predict, arguments: tuple, n_texts: int) -> int:
    """How many texts can be predicted in the time, judged by the better of two trials on `n_texts`;
    at least two batches.
    """
    trials = []
    for _ in range(2):
        start = time.perf_counter()
        predict(*arguments)
        trials.append((time.perf_counter() - start) / n_texts)
    return max(2 * PREDICT_BATCH, round(max_seconds / min(trials)))


def by_pipeline(name, model, tokenizer, texts, max_seconds, max_length) -> np.ndarray:
    """`pipeline("text-classification")`, one text a call or in batches of 32 in file order; stops
    when time is up.
    """
    pipe = pipeline("text-classification", model=model, tokenizer=tokenizer, device=model.device)
    options = {"truncation": True, "max_length": max_length, "top_k": None}
    if name == "pipeline-1":
        outputs = (pipe([text], **options)[0] for text in texts)
    else:
        outputs = pipe((text for text in texts), batch_size=PREDICT_BATCH, **options)
    start = time.perf_counter()
    rows = []
    for output in outputs:
        row = np.zeros(model.config.num_labels, np.float32)
        for score in output:
            row[model.config.label2id[score["label"]]] = score["score"]
        rows.append(row)
        whole = name == "pipeline-1" or len(rows) % PREDICT_BATCH == 0
        if max_seconds and whole and time.perf_counter() - start >= max_seconds:
            break
    return np.array(rows)


@torch.inference_mode()
def by_padding(name, model, tokenizer, texts, max_seconds, max_length) -> np.ndarray:
    """Batches of 32 in file order, padded to `max_length`."""
    start = time.perf_counter()
    logits = []
    for first in range(0, len(texts), PREDICT_BATCH):
        batch = tokenizer(
            texts[first : first + PREDICT_BATCH],
            truncation=True,
            max_length=max_length,
            padding="max_length",
            return_tensors="pt",
        )
        logits.append(model(**batch.to(model.device)).logits.float().cpu().numpy())
        if max_seconds and time.perf_counter() - start >= max_seconds:
            break
    return softmax(np.concatenate(logits))


def by_suite(name, model, tokenizer, texts, max_seconds, max_length) -> np.ndarray:
    """What predict.py does: token ids without padding, batches of up to 32 from the texts sorted by
    length.
    """
    class_names = list(model.config.label2id)
    predictor = Predictor(class_names, model, tokenizer, max_length)
    return predictor.predict_probabilities(texts, PREDICT_BATCH)


def prediction_waste(name: str, lengths: np.ndarray, max_length: int) -> float:
    """Padded over real tokens of the texts that were predicted."""
    size = 1 if name == "pipeline-1" else PREDICT_BATCH
    if name.startswith("suite"):
        groups = [lengths[rows] for rows in batches_by_length(lengths.tolist(), size)]
    else:
        groups = [lengths[i : i + size] for i in range(0, len(lengths), size)]
    if name.startswith("pad-"):
        padded = len(lengths) * max_length
    else:
        padded = sum(len(group) * group.max() for group in groups)
    return float(padded / lengths.sum())


# The same gradients, however a batch is padded.


def gradient_difference(text_set: str, folder: Path, n_texts: int = 4) -> dict:
    """Relative difference of the gradients of one batch, dynamic padding in fp32 against two other
    ways.

    `fp32`: padded to 512 pieces; `bf16`: dynamic padding under autocast, as the suite trains wide
    encoders.
    """
    work, columns = read_work(folder, text_set, "train")
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    model = load_classifier(folder / "model", inference_device(work.use_cpu), "fp32")
    texts = sorted(columns["text"], key=len)[:: len(columns["text"]) // n_texts][:n_texts]
    labels = torch.arange(len(texts), device=model.device)
    reference = gradients(model, tokenizer, texts, labels, padding=True, bf16=False)
    padded = gradients(model, tokenizer, texts, labels, padding="max_length", bf16=False)
    bf16 = gradients(model, tokenizer, texts, labels, padding=True, bf16=True)
    norm = reference.norm()
    return {
        "fp32": float((padded - reference).norm() / norm),
        "bf16": float((bf16 - reference).norm() / norm),
    }


def gradients(model, tokenizer, texts, labels, padding, bf16: bool) -> torch.Tensor:
    """All gradients of the mean cross-entropy of a batch, as one vector (n_parameters,)."""
    model.zero_grad()
    batch = tokenizer(
        texts, truncation=True, max_length=LONGEST, padding=padding, return_tensors="pt"
    )
    with torch.autocast(labels.device.type, torch.bfloat16, enabled=bf16):
        model(**batch.to(model.device), labels=labels).loss.backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
