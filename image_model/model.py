"""The classifier and how it sees a page: of the Hub, a local folder, or resnet-tiny.

resnet-tiny is a small ResNet with random weights, for where there is no network.
"""

import logging
from pathlib import Path
from typing import Any

import torch
from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForImageClassification,
    ResNetConfig,
)
from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil
from transformers.utils import logging as transformers_logging

from image_model.arguments import RESNET_TINY, ModelArguments
from image_model.pixels import PageTransform
from utils.errors import InputError
from utils.hub import check_weights, from_source

logger = logging.getLogger(__name__)

TINY_SIZE = 128  # pixels a side in which resnet-tiny sees a page
PROCESSOR_FILE = "preprocessor_config.json"


def load_config(args: ModelArguments, class_names: list[str]):
    """The model's configuration with this dataset's classes.

    Raises:
        InputError: no such folder, a folder without config.json, or a Hub id that cannot be
            reached.
    """
    labels: dict[str, Any] = {
        "id2label": dict(enumerate(class_names)),
        "label2id": {name: label_id for label_id, name in enumerate(class_names)},
    }
    if args.model_name_or_path == RESNET_TINY:
        # Half of ResNet-18's channels and half of its blocks: 1.2 M weights instead of 11 M, which
        # a CPU trains in minutes.
        return ResNetConfig(
            embedding_size=32,
            hidden_sizes=[32, 64, 128, 256],
            depths=[1, 1, 1, 1],
            layer_type="basic",
            **labels,
        )
    check_source(args.model_name_or_path)
    return from_source(AutoConfig, args.model_name_or_path, at_hand=RESNET_TINY, **labels)


def check_source(name: str):
    """Refuse a path that is no model folder, which transformers would take for a Hub id.

    Raises:
        InputError: no such folder, or one without the files of an image model.
    """
    path = Path(name)
    if path.is_dir():
        for file in ("config.json", PROCESSOR_FILE):
            if not (path / file).exists():
                raise InputError(
                    f"{name}: no {file} in it, so it is not the folder of an image model; check "
                    "--model_name_or_path"
                )
    elif path.is_absolute() or name.startswith(".") or name.count("/") > 1 or path.is_file():
        raise InputError(f"{name}: no such model folder; check --model_name_or_path")


def load_view(args: ModelArguments) -> PageTransform:
    """How the model sees a page: all of it with `image_size`, else what its own processor leaves.

    Processors are those of Pillow and numpy, which give the same pixels on every machine, with
    torchvision or without.

    Raises:
        InputError: `keep_aspect` without `image_size`.
    """
    if args.model_name_or_path == RESNET_TINY:
        side = args.image_size or TINY_SIZE
        processor = ViTImageProcessorPil(size={"height": side, "width": side})
        return PageTransform(processor, args.keep_aspect, args.grayscale)

    processor = from_source(
        AutoImageProcessor, args.model_name_or_path, at_hand=RESNET_TINY, backend="pil"
    )
    if args.image_size:
        # The colours as the model was trained with, but no crop.
        processor = ViTImageProcessorPil(
            size={"height": args.image_size, "width": args.image_size},
            resample=processor.resample,
            image_mean=processor.image_mean,
            image_std=processor.image_std,
        )
    elif args.keep_aspect:
        raise InputError(
            "--keep_aspect: needs --image_size, for the model's own processor may crop"
        )
    return PageTransform(processor, args.keep_aspect, args.grayscale)


def build_model(args: ModelArguments, config, height: int, width: int):
    """The model with a fresh class layer; weights of resnet-tiny are random (seed them before).

    Raises:
        InputError: the weights are not the configuration's, or the model cannot read pages of
            height × width.
    """
    if args.model_name_or_path == RESNET_TINY:
        logger.info("resnet-tiny: a small ResNet with random weights")
        return AutoModelForImageClassification.from_config(config)

    # The class layer is new, as it should be: transformers would warn of it.
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    try:
        model, loaded = from_source(
            AutoModelForImageClassification,
            args.model_name_or_path,
            at_hand=RESNET_TINY,
            config=config,
            ignore_mismatched_sizes=True,
            dtype=torch.float32,
            output_loading_info=True,
        )
    finally:
        transformers_logging.set_verbosity(verbosity)
    check_weights(args.model_name_or_path, model, loaded)

    # A blank page now, rather than a traceback in the first training step.
    try:
        with torch.inference_mode():
            model.eval()(pixel_values=torch.zeros(1, 3, height, width))
    except (ValueError, RuntimeError) as error:
        raise InputError(
            f"--model_name_or_path {args.model_name_or_path}: cannot read colour pages of "
            f"{height} × {width} pixels ({str(error).splitlines()[0]}); pass another --image_size "
            "or model"
        ) from None
    return model
