"""The ways that image_throughput.py compares, each run alone in its own process: stock settings and
the suite's.
"""

import io
import json
import random
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import datasets
import numpy as np
import torch
from PIL import Image
from transformers import (
    AutoImageProcessor,
    AutoModelForImageClassification,
    ResNetConfig,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    default_data_collator,
    pipeline,
)
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

from benchmarks.common import peak_memory_mb
from image_model.arguments import ImageTrainingArguments
from image_model.inference import Predictor, load_model_and_view
from image_model.pages import pages_to_predict
from image_model.pixels import Pages, PageTransform, make_collator, resize_splits
from utils.data import load_corpus
from utils.records import ReadReport
from utils.samples.documents import generate_sample
from utils.samples.pages import render_page
from utils.training import make_trainer
from utils.training.inference import inference_device

SHAPES = {
    "resnet-tiny": (
        128,
        {
            "embedding_size": 32,
            "hidden_sizes": [32, 64, 128, 256],
            "depths": [1, 1, 1, 1],
            "layer_type": "basic",
        },
    ),
    "resnet-50": (224, {}),
}
PREDICT_BATCH = 32  # of the stock pipeline
SUITE_BATCH = 8  # predict.py's own: on a CPU a large network is slower in batches of 32
MIN_STEPS = 3
VIEW = {"keep_aspect": False, "grayscale": False}


@dataclass
class Work:
    """One model shape and its pages: what its ways need to know, kept as settings.json in the work
    folder.
    """

    shape: str
    pages: int
    width: int
    batch_size: int
    max_seconds: float
    warmup_steps: int
    use_cpu: bool


def prepare_work(work: Work, folder: Path):
    """Write the model (random weights, seed 0), its processor, the pages as jpg by typology, and
    the settings.
    """
    rows = random.Random(0).sample(generate_sample(), work.pages)
    for number, row in enumerate(rows):
        png = render_page(row["text"], row["label"], f"0/{row['id']}")
        page = Image.open(io.BytesIO(png)).convert("RGB")
        height = round(work.width * page.height / page.width)
        page = page.resize((work.width, height), Image.Resampling.BICUBIC)
        split = "val" if number < 2 else "train"  # the suite's reader asks for a validation split
        path = folder / "pages" / split / row["label"] / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        page.save(path, quality=85)

    size, shape = SHAPES[work.shape]
    class_names = sorted({row["label"] for row in rows})
    torch.manual_seed(0)
    config = ResNetConfig(
        **shape,
        id2label=dict(enumerate(class_names)),
        label2id={name: label_id for label_id, name in enumerate(class_names)},
    )
    AutoModelForImageClassification.from_config(config).save_pretrained(folder / "model")
    ViTImageProcessorPil(size={"height": size, "width": size}).save_pretrained(folder / "model")
    (folder / "settings.json").write_text(json.dumps(asdict(work)), encoding="utf-8")


def measure(way: str, folder: Path) -> dict:
    """One way, as `task/name`; probabilities of predictions go into the work folder."""
    work = Work(**json.loads((folder / "settings.json").read_text(encoding="utf-8")))
    torch.manual_seed(0)
    task, name = way.split("/")
    found = train(name, work, folder) if task == "train" else predict(name, work, folder)
    return {"task": task, "way": name} | found | {"peak_mb": peak_memory_mb()}


# Training.


class StepClock(TrainerCallback):
    """Notes when each step ends; stops the training when the time after the warm-up is up."""

    def __init__(self, warmup: int, max_seconds: float):
        self.warmup = warmup
        self.max_seconds = max_seconds
        self.ends: list[float] = []

    def on_step_end(self, args, state, control, **kwargs):
        self.ends.append(time.perf_counter())
        measured = len(self.ends) - self.warmup
        if measured >= MIN_STEPS and self.ends[-1] - self.ends[self.warmup - 1] > self.max_seconds:
            control.should_training_stop = True


def train(name: str, work: Work, folder: Path) -> dict:
    """Images a second of training steps after a warm-up, and of the loader alone; seconds spent
    before the first.
    """
    clock = StepClock(work.warmup_steps, work.max_seconds)
    with tempfile.TemporaryDirectory() as output:
        begin = time.perf_counter()
        make = suite_trainer if name.startswith("suite") else stock_trainer
        trainer = make(name, work, folder, output)
        before = time.perf_counter() - begin
        trainer.add_callback(clock)
        trainer.train()
        loaded = loader_speed(trainer, work)
    steps = len(clock.ends) - work.warmup_steps
    seconds = clock.ends[-1] - clock.ends[work.warmup_steps - 1]
    per_second = steps * work.batch_size / seconds
    return {
        "per_second": per_second,
        "loader_per_second": loaded,
        "before_seconds": before,
        "images": steps * work.batch_size,
        "first_epoch": work.pages / (before + work.pages / per_second),
    }


def loader_speed(trainer, work: Work) -> float:
    """Images a second of the training batches alone, over one epoch at most."""
    start = time.perf_counter()
    images = 0
    for batch in trainer.get_train_dataloader():
        images += len(batch["labels"])
        if time.perf_counter() - start > work.max_seconds and images >= MIN_STEPS * work.batch_size:
            break
    return images / (time.perf_counter() - start)


def arguments(kind, work: Work, output: str, **more):
    return kind(
        output_dir=output,
        num_train_epochs=1000,
        per_device_train_batch_size=work.batch_size,
        seed=0,
        save_strategy="no",
        eval_strategy="no",
        logging_strategy="no",
        report_to=["none"],
        disable_tqdm=True,
        remove_unused_columns=False,
        use_cpu=work.use_cpu,
        **more,
    )


def stock_trainer(name: str, work: Work, folder: Path, output: str) -> Trainer:
    """As the image-classification example of transformers: each image decoded and resized whenever
    it is used.
    """
    model = AutoModelForImageClassification.from_pretrained(folder / "model")
    processor = AutoImageProcessor.from_pretrained(folder / "model", backend="pil")
    files = sorted((folder / "pages" / "train").rglob("*.jpg"))
    columns = {
        "image": [str(f) for f in files],
        "labels": [model.config.label2id[f.parent.name] for f in files],
    }
    dataset = datasets.Dataset.from_dict(columns).cast_column("image", datasets.Image())

    def transform(rows):
        images = [image.convert("RGB") for image in rows["image"]]
        batch = processor(images, return_tensors="pt")
        return {"pixel_values": list(batch["pixel_values"]), "labels": rows["labels"]}

    workers = int(name.rsplit("-", 1)[1]) if "workers" in name else 0
    args = arguments(
        TrainingArguments,
        work,
        output,
        dataloader_num_workers=workers,
        dataloader_persistent_workers=workers > 0,
    )
    return Trainer(
        model=model,
        args=args,
        train_dataset=dataset.with_transform(transform),
        data_collator=default_data_collator,
    )


def suite_trainer(name: str, work: Work, folder: Path, output: str) -> Trainer:
    """As train.py: pages resized once, side by side, into a mapped file; with augmentation where
    the name says so.
    """
    datasets.config.HF_DATASETS_CACHE = Path(output) / "cache"
    model = AutoModelForImageClassification.from_pretrained(folder / "model").to(
        memory_format=torch.channels_last
    )
    view = PageTransform(AutoImageProcessor.from_pretrained(folder / "model", backend="pil"))
    corpus = load_corpus(folder / "pages", content="image")
    pixels = resize_splits(corpus.splits, view)
    augment = ["rotation", "crop", "blur", "contrast"] if name == "suite-augment" else []
    labels = {split: np.array(dataset["label"]) for split, dataset in corpus.splits.items()}
    pages = {split: Pages(pixels[split], labels[split], augment) for split in corpus.splits}
    args = arguments(ImageTrainingArguments, work, output)
    return make_trainer(
        model, args, pages, make_collator(view.processor), view.processor, labels["train"]
    )


# Prediction.


def predict(name: str, work: Work, folder: Path) -> dict:
    """Images a second from files to probabilities, without loading the model; the first batch is
    not timed.
    """
    files = sorted((folder / "pages" / "train").rglob("*.jpg"))
    run = by_suite if name == "suite" else by_pipeline
    run(name, work, folder, files[:PREDICT_BATCH])
    seconds, probabilities = run(name, work, folder, files)
    np.save(folder / f"predict-{name}.npy", probabilities)
    return {"per_second": len(files) / seconds, "images": len(files)}


def by_pipeline(name: str, work: Work, folder: Path, files: list[Path]) -> tuple[float, np.ndarray]:
    """`pipeline("image-classification")`, one file a call or in batches of 32."""
    pipe = pipeline(
        "image-classification", model=str(folder / "model"), device=inference_device(work.use_cpu)
    )
    class_names = list(pipe.model.config.label2id)
    paths = [str(file) for file in files]
    start = time.perf_counter()
    if name == "pipeline-1":
        outputs = [pipe(path, top_k=len(class_names)) for path in paths]
    else:
        # A generator, as the documentation of pipelines advises for many inputs.
        stream = (path for path in paths)
        outputs = list(pipe(stream, batch_size=PREDICT_BATCH, top_k=len(class_names)))
    seconds = time.perf_counter() - start

    # Each output lists its classes from the most probable on: back into one order.
    probabilities = []
    for output in outputs:
        scores = {found["label"]: found["score"] for found in output}
        probabilities.append([scores[class_name] for class_name in class_names])
    return seconds, np.array(probabilities)


def by_suite(name: str, work: Work, folder: Path, files: list[Path]) -> tuple[float, np.ndarray]:
    """What predict.py does on the folder of these files."""
    model, view = load_model_and_view(folder / "model", VIEW, inference_device(work.use_cpu))
    predictor = Predictor(list(model.config.label2id), model, view)
    source = folder / "pages" / "train" if len(files) > PREDICT_BATCH else files[0]
    start = time.perf_counter()
    found = pages_to_predict(str(source), view, [], ReadReport())
    probabilities = predictor.predict_probabilities(found, SUITE_BATCH)
    return time.perf_counter() - start, probabilities
