"""What a finished network sees of each document before the class layer, in two dimensions; and its
surest and least sure documents.

    python rnn_baseline/scripts/model_metrics/hidden_states.py runs/temas --split test
    python rnn_baseline/scripts/model_metrics/hidden_states.py runs/temas \
        --dataset data/x/data_v2 --most 3000

Writes pca.png, tsne.png, hidden_states.html (t-SNE with each document's text under the pointer;
needs no network) and entropy.csv (all documents, the least sure first) to
<RUN>/hidden_states/<split>/.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from rnn_baseline.inference import PACKAGE, load_predictor
from utils import runs
from utils.cli import parse, start_logging
from utils.data import DataOptions, label_ids_for
from utils.data.corpus import SPLITS
from utils.errors import InputError, exits_on_input_error
from utils.figures import save_figure
from utils.folders import claim_report, whole_folder
from utils.inspection import entropies, interactive_scatter, project, scatter_figure
from utils.tables import write_csv
from utils.training.inference import inference_device

TEXT = 200  # characters of a text in entropy.csv


@dataclass
class HiddenStatesArguments(DataOptions):
    """Of which documents; reading options default to those of the training."""

    dataset: str | None = field(
        default=None, metadata={"help": "prepared folder or raw source; default: the run's"}
    )
    split: str = field(default="test", metadata={"help": "train, validation or test"})
    most: int = field(
        default=1000,
        metadata={"help": "at most so many documents are drawn, the first ones by chance"},
    )
    batch_size: int = field(default=256, metadata={"help": "texts per batch"})
    seed: int = field(
        default=0, metadata={"help": "seed of t-SNE and of which documents are drawn"}
    )
    use_cpu: bool = field(default=False, metadata={"help": "stay on the CPU"})
    output: str | None = field(
        default=None, metadata={"help": "folder; default <RUN>/hidden_states/<split>"}
    )
    overwrite: bool = field(default=False, metadata={"help": "replace a folder that is there"})


@exits_on_input_error
def main(argv=None) -> Path:
    """Draw; returns the folder that was written."""
    # Arguments.
    args, words = parse(HiddenStatesArguments, argv, doc=__doc__, positional=["run"])
    start_logging()
    run = Path(words["run"])
    config = runs.read_config(run, PACKAGE)
    if args.split not in SPLITS:
        raise InputError(f"--split {args.split!r}: choose one of {', '.join(SPLITS)}")
    folder = Path(args.output) if args.output else run / "hidden_states" / args.split
    claim_report(folder, "entropy.csv", args.overwrite)

    # Splits: the same for every room; the run's own reading options where none is given.
    corpus = runs.read_as_trained(args, words["explicit_args"], config)
    class_names = runs.read_labels(run)
    labels = label_ids_for(class_names, corpus.splits[args.split], args.split)
    dataset = corpus.splits[args.split]
    drawn = np.sort(np.random.default_rng(args.seed).permutation(len(dataset))[: args.most])

    # Model.
    predictor = load_predictor(run, inference_device(args.use_cpu), "fp32")
    probabilities, states = predictor.probabilities_and_states(dataset["text"], args.batch_size)

    # Save.
    table = entropy_table(dataset, labels, probabilities, class_names)
    with whole_folder(folder) as partial:
        write_csv(table, partial / "entropy.csv")
        points = {how: project(states[drawn], how, args.seed) for how in ("pca", "tsne")}
        for how, title in (("pca", "PCA"), ("tsne", "t-SNE")):
            figure = scatter_figure(
                points[how], labels[drawn], class_names, f"{title} of {len(drawn)} hidden states"
            )
            save_figure(figure, partial / f"{how}.png")
        said = [
            f"{i} → {class_names[p]}: {text or ''}"
            for i, p, text in zip(
                np.array(dataset["id"])[drawn],
                probabilities[drawn].argmax(1),
                np.array(dataset["text"])[drawn],
                strict=True,
            )
        ]
        page = interactive_scatter(points["tsne"], labels[drawn], class_names, said)
        page.write_html(str(partial / "hidden_states.html"), include_plotlyjs=True)
    print(
        f"{folder}: {len(drawn)} documents of {args.split} drawn; least sure: "
        f"{', '.join(table['id'][:3])}"
    )
    return folder


def entropy_table(dataset, labels, probabilities, class_names) -> pd.DataFrame:
    """All documents with label, prediction and entropy (nats), the least sure first."""
    frame = pd.DataFrame(
        {
            "id": dataset["id"],
            "label": [class_names[label_id] for label_id in labels],
            "prediction": [class_names[label_id] for label_id in probabilities.argmax(1)],
            "confidence": probabilities.max(1),
            "entropy": entropies(probabilities),
            "text": [(text or "")[:TEXT] for text in dataset["text"]],
        }
    )
    return frame.sort_values("entropy", ascending=False, kind="stable").reset_index(drop=True)


if __name__ == "__main__":
    main()
