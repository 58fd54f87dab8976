"""Train an image classifier: from page images to a finished run folder.

    accelerate launch image_model/scripts/train/train.py
    accelerate launch image_model/scripts/train/train.py image_model/configs/resnet-50.yaml \
        --dataset data/x/data_v1
    python image_model/scripts/train/train.py --dataset paginas/ \
        --ground_truth paginas/ground_truth.csv \
        --model_name_or_path models/resnet-50 --image_size 224 --output_dir runs/paginas \
        --seed 1 --report_to wandb

Without arguments: the pages of the embedded sample and `resnet-tiny`, a small ResNet with random
weights. The run works in <output_dir>.partial and appears as <output_dir> when it is finished;
after a kill, the same command with --resume continues from the last whole checkpoint.
"""

import logging
from pathlib import Path

import numpy as np
import torch
from transformers import set_seed

from image_model.arguments import RESNET_TINY, parse_training
from image_model.inference import PACKAGE
from image_model.model import build_model, load_config, load_view
from image_model.pixels import Pages, SetEpochCallback, make_collator, resize_splits
from image_model.training import BatchNormCallback
from utils import runs
from utils.cli import start_logging
from utils.data import load_corpus, options_of, training_order
from utils.errors import exits_on_input_error
from utils.folders import partial_folder
from utils.training import (
    check_ranks,
    describe_hardware,
    end_ranks,
    from_first_rank,
    make_trainer,
    precision_of,
    train,
    use_all_cores,
)
from utils.training.run import evaluate_split, save_run
from utils.training.trackers import open_trackers

logger = logging.getLogger("image_model.train")
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
    splits, class_names = corpus.splits, corpus.info["labels"]
    splits["train"] = training_order(splits["train"])

    # Model: configuration, processor, weights.
    set_seed(args.seed)
    config = load_config(model_args, class_names)
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
    description = describe_model(model_args, model, pixels["train"].shape[1:3], args)
    if args.process_index == 0:
        runs.write_config(
            working,
            room=PACKAGE,
            arguments=vars(model_args) | vars(data_args) | args.to_dict(),
            dataset=runs.dataset_entry(corpus.info, corpus.options),
            model=description,
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
        split: evaluate_split(trainer, pages[split], split, results)
        for split in ("validation", "test")
    }

    # Save: everything into the working folder, then its final name.
    usage = transformers_usage(description)
    save_run(
        output_dir,
        trainer,
        corpus,
        probabilities,
        results,
        usage=usage,
        task="image-classification",
    )
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


def transformers_usage(model: dict) -> list[str]:
    """How the card says that the run is loaded."""
    height, width = model["image_size"]
    whole = (
        " La página se ajusta sin deformarla, con blanco a los lados: `pipeline` no lo hace, "
        "`predict.py` sí."
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
