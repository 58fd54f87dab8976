"""What a finished run looked at: pages with the parts that speak for and against its answer.

    python image_model/scripts/model_metrics/occlusion_report.py runs/paginas
    python image_model/scripts/model_metrics/occlusion_report.py runs/paginas --id factura/f_017 \
        --id acta/a_002

Each part of a page is covered with white in turn; where the answer's probability falls, the page is
red. Without --id:
the most confident errors of the split, then the least confident right answers. Writes occlusion.csv
(id, label, prediction, probability, and the part of the page that speaks most) and
figures/occlusion.png to <RUN>/occlusion/<split>/.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from image_model.inference import PACKAGE, load_predictor
from image_model.occlusion import occlusion_figure, occlusion_map
from image_model.pixels import resized
from utils import runs
from utils.cli import parse, start_logging
from utils.data import DataOptions, load_corpus
from utils.errors import InputError, exits_on_input_error
from utils.figures import save_figure
from utils.folders import claim_report, whole_folder
from utils.predictions import read_predictions
from utils.tables import write_csv
from utils.training.inference import inference_device


@dataclass
class OcclusionArguments:
    """Which pages, and how finely."""

    split: str = field(default="test", metadata={"help": "validation or test"})
    id: list[str] = field(
        default_factory=list, metadata={"help": "documents to show; default: see above"}
    )
    most: int = field(default=8, metadata={"help": "pages where no --id is given"})
    patch: int | None = field(
        default=None, metadata={"help": "side of the covered part in pixels; default an eighth"}
    )
    use_cpu: bool = field(default=False, metadata={"help": "stay on the CPU"})
    output: str | None = field(
        default=None, metadata={"help": "folder to write; default <RUN>/occlusion/<split>"}
    )
    overwrite: bool = field(default=False, metadata={"help": "replace a report that is there"})


@exits_on_input_error
def main(argv=None) -> Path:
    """Report; returns the folder that was written."""
    # Arguments.
    args, words = parse(OcclusionArguments, argv, doc=__doc__, positional=["run"])
    start_logging()
    run = Path(words["run"])
    config = runs.read_config(run, PACKAGE)
    if args.split not in ("validation", "test"):
        raise InputError(
            f"--split {args.split!r}: choose validation or test, of which training wrote "
            "predictions"
        )
    folder = Path(args.output) if args.output else run / "occlusion" / args.split
    claim_report(folder, "occlusion.csv", args.overwrite)

    # Pages: those of the run's dataset, as it was.
    predictions = read_predictions(run / f"predictions_{args.split}.parquet")
    rows = rows_to_show(predictions, args)
    dataset = read_pages(config, args.split).select(rows)

    # Model, and what it looks at.
    predictor = load_predictor(run, inference_device(args.use_cpu), "fp32")
    model, view = predictor.model, predictor.view
    pages = []
    for row, pixels in zip(rows, resized(dataset, view, args.split), strict=True):
        importance, code, probability = occlusion_map(model, view.processor, pixels, args.patch)
        pages.append(
            {
                "id": predictions.ids[row],
                "label": predictions.labels[row],
                "pixels": pixels,
                "prediction": predictions.class_names[code],
                "probability": probability,
                "importance": importance,
            }
        )

    # Save.
    with whole_folder(folder) as partial:
        (partial / "figures").mkdir()
        save_figure(occlusion_figure(pages), partial / "figures" / "occlusion.png")
        write_csv(pd.DataFrame([described(page) for page in pages]), partial / "occlusion.csv")
    print(f"{folder}: {len(pages)} pages of {args.split}")
    return folder


def rows_to_show(predictions, args) -> list[int]:
    """Row numbers of the ids asked for; else the most confident errors, then the least confident
    right answers.
    """
    if args.id:
        place = {i: row for row, i in enumerate(predictions.ids)}
        if unknown := [i for i in args.id if i not in place]:
            raise InputError(
                f"--id {unknown[0]!r}: not in {args.split}, whose ids look like "
                f"{predictions.ids[0]!r}"
            )
        return [place[i] for i in args.id]
    wrong = np.array(
        [p != label for p, label in zip(predictions.predictions, predictions.labels, strict=True)]
    )
    key = np.where(wrong, -1 - predictions.confidence, predictions.confidence)
    return np.argsort(key, kind="stable")[: max(1, args.most)].tolist()


def read_pages(config: dict, split: str):
    """The run's split.

    Raises:
        InputError: its dataset is gone or has changed.
    """
    source, wanted = config["arguments"]["dataset"], config["dataset"]
    corpus = load_corpus(source, DataOptions(**wanted["options"]), content="image")
    if corpus.info["hash"] != wanted["hash"]:
        raise InputError(
            f"{source} has changed since the training (hash {corpus.info['hash'][:12]}, then "
            f"{wanted['hash'][:12]}); restore it"
        )
    return corpus.splits[split]


def described(page: dict) -> dict:
    """A row of occlusion.csv; the place is the middle of what speaks most, in shares of height and
    width.
    """
    place = np.unravel_index(page["importance"].argmax(), page["importance"].shape)
    height, width = page["importance"].shape
    return {name: page[name] for name in ("id", "label", "prediction", "probability")} | {
        "from_top": place[0] / height,
        "from_left": place[1] / width,
        "fall": float(page["importance"].max()),
    }


if __name__ == "__main__":
    main()
