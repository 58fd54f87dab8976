"""One table of all rows of a corpus: human labels kept, the unlabelled rows labelled by a finished
run.

    python rnn_baseline/scripts/model_metrics/label_rows.py runs/temas --output etiquetado.csv
    python rnn_baseline/scripts/model_metrics/label_rows.py runs/temas \
        --dataset contribuciones.csv --unlabelled NR \
        --output etiquetado.parquet

Columns: id, text, label, source (`human` or `model`), confidence (empty for human labels), split.
"""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rnn_baseline.inference import PACKAGE, load_predictor
from utils import runs
from utils.cli import parse, start_logging
from utils.data import DataOptions
from utils.errors import InputError, exits_on_input_error
from utils.inspection import label_rows
from utils.training.inference import inference_device


@dataclass
class LabelArguments(DataOptions):
    """Which rows, and where the table goes; reading options default to those of the training."""

    output: str = field(default="", metadata={"help": "table to write: .csv or .parquet"})
    dataset: str | None = field(
        default=None, metadata={"help": "prepared folder or raw source; default: the run's"}
    )
    batch_size: int = field(default=256, metadata={"help": "texts per batch"})
    use_cpu: bool = field(default=False, metadata={"help": "stay on the CPU"})
    overwrite: bool = field(default=False, metadata={"help": "replace the output file"})


@exits_on_input_error
def main(argv=None) -> Path:
    """Label; returns the file that was written."""
    # Arguments.
    args, words = parse(LabelArguments, argv, doc=__doc__, positional=["run"])
    start_logging()
    run, output = Path(words["run"]), Path(args.output)
    config, class_names = runs.read_config(run, PACKAGE), runs.read_labels(run)
    if output.suffix not in (".csv", ".parquet"):
        raise InputError(f"--output {args.output!r}: give a file that ends with .csv or .parquet")
    if output.exists() and not args.overwrite:
        raise InputError(f"--output {output}: already there; pass --overwrite to replace it")

    # Rows: the run's own reading options where none is given.
    corpus = runs.read_as_trained(args, words["explicit_args"], config)

    # Predict the rows without a label.
    probabilities = np.zeros((0, len(class_names)), np.float32)
    if len(corpus.unlabelled):
        predictor = load_predictor(run, inference_device(args.use_cpu), "fp32")
        probabilities = predictor.predict_probabilities(corpus.unlabelled["text"], args.batch_size)

    # Save.
    table = label_rows(corpus, probabilities, class_names)
    output.parent.mkdir(parents=True, exist_ok=True)
    if output.suffix == ".csv":
        table.to_csv(output, index=False, lineterminator="\n")
    else:
        table.to_parquet(output, index=False)
    human = int((table["source"] == "human").sum())
    print(f"{output}: {human} rows with human labels, {len(table) - human} labelled by {run}")
    return output


if __name__ == "__main__":
    main()
