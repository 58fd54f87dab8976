"""Train an image classifier: from page images to a finished run folder.

    accelerate launch image_model/scripts/train/train.py
    accelerate launch image_model/scripts/train/train.py image_model/configs/resnet-50.yaml --dataset data/x/data_v1
    python image_model/scripts/train/train.py --dataset paginas/ --ground_truth paginas/ground_truth.csv \
        --model_name_or_path models/resnet-50 --image_size 224 --output_dir runs/paginas --seed 1 --report_to wandb

Without arguments: the pages of the embedded sample and `resnet-tiny`, a small ResNet with random
weights. The run works in <output_dir>.partial and appears as <output_dir> when it is finished;
after a kill, the same command with --resume continues from the last whole checkpoint.
"""

import logging
import time
from pathlib import Path

import numpy as np
import torch
from transformers import set_seed

from image_model.arguments import RESNET_TINY, parse_training
from image_model.model import build_model, load_config, load_view
from image_model.pixels import Pages, SetEpochCallback, make_collator, resize_splits
from image_model.training import BatchNormCallback
from utils import runs
from utils.cli import start_logging
from utils.data import load_corpus, options_of, training_order
from utils.errors import exits_on_input_error
from utils.folders import finish, partial_folder
from utils.training import (
    check_ranks,
    describe_hardware,
    end_ranks,
    from_first_rank,
    make_trainer,
    precision_of,
    predict_split,
    raise_if_disk_full,
    train,
    use_all_cores,
)
from utils.training.trackers import close_trackers, open_trackers

logger = logging.getLogger("image_model.train")
PACKAGE = "image_model"
# From resnet-18 on a process takes all the cores; resnet-tiny is as fast with one, and not slowed
# by other programs.
ALL_CORES_MIN_WIDTH = 512


@exits_on_input_error
def main(argv=None) -> Path:
    """Train one model; returns the run folder."""
    # Arguments: flags, then the folder this run works in.
    model_args, data_args, args, words = parse_training(argv, __doc__)
    start_logging(logging.INFO if args.process_index == 0 else logging.ERROR)
    check_ranks(args)
    output_dir = runs.choose_output_dir(args.output_dir, PACKAGE, data_args.dataset)
    output_dir = Path(from_first_rank(str(output_dir)))
    working = partial_folder(output_dir)
    if not from_first_rank(
        args.process_index > 0 or runs.claim_output_dir(output_dir, args.resume, args.overwrite)
    ):
        end_ranks()
        return output_dir
    args.output_dir = str(working)

    # Splits: the same for every room.
    corpus = load_corpus(data_args.dataset, options_of(data_args), content="image")
    splits, names = corpus.splits, corpus.info["labels"]
    splits["train"] = training_order(splits["train"])

    # Model: configuration, processor, weights.
    set_seed(args.seed)
    config = load_config(model_args, names)
    if width_of(config) >= ALL_CORES_MIN_WIDTH:
        use_all_cores(args)
    view = load_view(model_args)
    with args.main_process_first():
        pixels = resize_splits(splits, view)
    model = build_model(model_args, config, *pixels["train"].shape[1:3]).to(
        memory_format=torch.channels_last
    )

    # Trainer: cached pixels, seeded augmentation, the suite's loss and metrics.
    labels = {split: np.array(dataset["label"]) for split, dataset in splits.items()}
    pages = {split: Pages(pixels[split], labels[split]) for split in splits}
    pages["train"] = Pages(pixels["train"], labels["train"], model_args.augment, args.seed)
    if args.process_index == 0:
        runs.write_config(
            working,
            room=PACKAGE,
            arguments=vars(model_args) | vars(data_args) | args.to_dict(),
            dataset=runs.dataset_entry(corpus.info, corpus.options),
            model=describe_model(model_args, model, pixels["train"].shape[1:3], args),
        )
        open_trackers(args.report_to, args.run_name or output_dir.name, working)
    trainer = make_trainer(
        model, args, pages, make_collator(view.processor), view.processor, labels["train"]
    )
    trainer.add_callback(SetEpochCallback(pages["train"]))
    trainer.add_callback(BatchNormCallback(pixels["train"], view.processor))

    # Train.
    outcome = train(trainer, args.resume)
    results = {f"train_{k.removeprefix('train_')}": v for k, v in outcome.metrics.items()}

    # Evaluate: validation and test, once, with the best weights.
    probabilities = {
        split: evaluate(trainer, pages, split, results) for split in ("validation", "test")
    }

    # Save: everything into the working folder, then its final name.
    try:
        trainer.save_model(
            str(working), _internal_call=True
        )  # without a push: the folder is not whole yet
        if args.process_index == 0:
            save(working, trainer, corpus, probabilities, results, args)
            finish(output_dir)
    except OSError as error:
        raise_if_disk_full(error, working)
        raise
    if args.push_to_hub:
        args.output_dir = str(output_dir)
        trainer.push_to_hub()
    if args.process_index == 0:
        per_class = runs.read_json(output_dir / "classification_report.json")["per_class"]
        close_trackers(args.report_to, results, per_class, output_dir)
        shown = ("test_macro_f1", "test_accuracy", "test_balanced_accuracy")
        print(f"{output_dir}: " + ", ".join(f"{k} {results[k]:.4f}" for k in shown))
    end_ranks()
    return output_dir


def width_of(config) -> int:
    """Channels of a convolutional network's last stage, or a transformer's width; 0 where neither
    is said.
    """
    return getattr(config, "hidden_size", None) or max(getattr(config, "hidden_sizes", None) or [0])


def describe_model(model_args, model, image_size: tuple[int, int], args) -> dict:
    """What config.yaml and the card say of the model and its hardware."""
    name = model_args.model_name_or_path
    return {
        "name": name,
        "start": "pesos al azar" if name == RESNET_TINY else "preentrenado",
        "local": Path(name).is_dir() or name == RESNET_TINY,
        "image_size": list(image_size),
        "keep_aspect": model_args.keep_aspect,
        "grayscale": model_args.grayscale,
        "parameters": model.num_parameters(),
        "precision": precision_of(args),
        "global_batch_size": args.train_batch_size
        * args.gradient_accumulation_steps
        * args.world_size,
        "processes": args.world_size,
        "hardware": describe_hardware(args),
    }


def evaluate(trainer, pages, split: str, results: dict) -> np.ndarray:
    """Class probabilities (n, n_classes) of a split; what they cost goes into `results`."""
    start = time.perf_counter()
    probabilities = predict_split(trainer, pages[split])
    results[f"{split}_ms_per_document"] = 1000 * (time.perf_counter() - start) / len(pages[split])
    return probabilities


def save(working: Path, trainer, corpus, probabilities, results: dict, args):
    """Write the run folder's files."""
    names = corpus.info["labels"]
    for split, p in probabilities.items():
        labels = np.array(corpus.splits[split]["label"])
        results |= runs.write_evaluation(
            working, split, corpus.splits[split]["id"], labels, p, names, headline=split == "test"
        )
    results["parameters"] = trainer.model.num_parameters()
    results["model_bytes"] = runs.folder_bytes(working, "*.safetensors")
    best = args.metric_for_best_model.removeprefix("eval_")
    runs.write_training_figures(
        working,
        trainer.state.log_history,
        corpus.info["report"]["class_counts"],
        best,
        args.greater_is_better,
    )
    runs.write_json(working / "log_history.json", trainer.state.log_history)
    usage = transformers_usage(runs.read_yaml(working / "config.yaml")["model"])
    runs.write_results(working, results, names, usage=usage, task="image-classification")
    runs.remove_leftovers(working, args.keep_checkpoints)


def transformers_usage(model: dict) -> list[str]:
    """How the card says that the run is loaded."""
    height, width = model["image_size"]
    whole = (
        " La página se ajusta sin deformarla, con blanco a los lados: `pipeline` no lo hace, `predict.py` sí."
        if model["keep_aspect"]
        else ""
    )
    grey = (
        " Los colores no se miran: `pipeline` recibe la imagen ya en gris."
        if model["grayscale"]
        else ""
    )
    return [
        "```python",
        "from transformers import pipeline\n",
        'clasificador = pipeline("image-classification", model="RUTA_DE_ESTA_CARPETA")',
        'clasificador("pagina.png")',
        "```\n",
        f"Cada página se ve en {height} × {width} píxeles.{whole}{grey}",
    ]


if __name__ == "__main__":
    main()
