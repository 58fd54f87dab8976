"""The flags of the page models, and the command line of their training scripts."""

from dataclasses import dataclass, field
from pathlib import Path

from image_model.augmentation import AUGMENTATIONS
from utils.cli import add_model_config, parse, refuse_idle
from utils.data import SAMPLE_PAGES
from utils.training import DatasetArguments, SuiteTrainingArguments, idle_flags

CONFIGS = Path(__file__).parent / "configs"
RESNET_TINY = "resnet-tiny"  # a small ResNet with random weights: the embedded default
# Pixels a side. A ResNet halves a page five times: below 64 less than 2 × 2 places are left. Above
# 2048, beyond the sharpness of a scan at 150 dots an inch, only memory grows.
SMALLEST, LARGEST = 64, 2048


@dataclass
class ModelArguments:
    """Which model, and how it sees a page."""

    model_name_or_path: str = field(
        default=RESNET_TINY,
        metadata={
            "help": "Hub id or local folder of an image classifier; resnet-tiny: a small ResNet "
            "with random weights"
        },
    )
    image_size: int | None = field(
        default=None,
        metadata={
            "help": "side in pixels to which the whole page is resized; default: what the model's "
            "own processor does, which may crop"
        },
    )
    keep_aspect: bool = field(
        default=False, metadata={"help": "keep the page's proportions, with white beside it"}
    )
    grayscale: bool = field(default=False, metadata={"help": "see pages without their colours"})
    augment: list[str] = field(
        default_factory=list,
        metadata={"help": "changes to training pages: rotation, crop, blur, contrast; or none"},
    )

    def __post_init__(self):
        self.augment = [name for name in self.augment if name != "none"]
        for name in self.augment:
            if name not in AUGMENTATIONS:
                raise ValueError(
                    f"--augment {name!r}: choose among {', '.join(AUGMENTATIONS)}, or none"
                )
        if self.image_size is not None and not SMALLEST <= self.image_size <= LARGEST:
            raise ValueError(f"--image_size {self.image_size}: give {SMALLEST} to {LARGEST} pixels")


@dataclass
class PageDatasetArguments(DatasetArguments):
    """Which dataset of page images."""

    dataset: str = field(
        default=SAMPLE_PAGES,
        metadata={"help": "prepared folder, tree of images, Hub id or 'sample_pages'"},
    )


@dataclass
class ImageTrainingArguments(SuiteTrainingArguments):
    """The training arguments of an image classifier."""

    train_sampling_strategy: str = field(
        default="random", metadata={"help": "or sequential; pages have no length"}
    )
    remove_unused_columns: bool = field(
        default=False, metadata={"help": "must stay off: pages are no table"}
    )

    def __post_init__(self):
        if self.train_sampling_strategy == "group_by_length":
            raise ValueError(
                "--train_sampling_strategy group_by_length: pages have no length; choose random"
            )
        super().__post_init__()


def parse_training(argv, doc: str, *more):
    """Parse the flags that train.py, preprocess.py and pipeline.py share: model, dataset, training,
    and `more`.

    Where neither a YAML nor another model is named, configs/resnet-tiny.yaml comes first.
    """
    configs = {RESNET_TINY: CONFIGS / f"{RESNET_TINY}.yaml"}
    argv = add_model_config(argv, configs, default=RESNET_TINY)
    types = (ModelArguments, PageDatasetArguments, ImageTrainingArguments, *more)
    model_args, data_args, args, *others, words = parse(types, argv, doc=doc)
    refuse_idle(words["typed_args"], idle_flags(args, words["typed_args"]))
    return model_args, data_args, args, *others, words
