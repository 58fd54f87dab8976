"""Predict the class of any page images with a finished run.

    python image_model/scripts/train/predict.py runs/paginas --input carpeta/ --output predicciones.parquet
    python image_model/scripts/train/predict.py runs/paginas --input pagina.png --output predicciones.csv

Input: a folder of png, jpg, tif, bmp, webp and pdf (of several pages, the first is taken), one such
file, or the unlabelled.parquet of a prepared dataset. In a folder the label is the first folder's
name where that is a class of the run. Files that are no page are left out and named. Output:
.parquet, .csv or .jsonl with `id, label, prediction, confidence` and the probabilities, in the
order of the input.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from image_model.inference import load_classifier, predict_probabilities
from image_model.pages import pages_to_predict
from utils import runs
from utils.cli import parse, start_logging
from utils.errors import InputError, exits_on_input_error
from utils.predictions import check_output, write_predictions
from utils.records import ReadReport
from utils.training.inference import inference_device


@dataclass
class PredictArguments:
    """What to predict and where to write it."""

    input: str = field(
        metadata={"help": "folder of page images, one image or pdf, or a parquet of images"}
    )
    output: str = field(metadata={"help": "file to write: .parquet, .csv or .jsonl"})
    batch_size: int = field(default=8, metadata={"help": "pages per batch; a GPU wants 64"})
    use_cpu: bool = field(default=False, metadata={"help": "stay on the CPU"})
    overwrite: bool = field(default=False, metadata={"help": "replace the output file"})


@exits_on_input_error
def main(argv=None) -> Path:
    """Predict; returns the file that was written."""
    # Arguments.
    args, words = parse(PredictArguments, argv, doc=__doc__, positional=["run"])
    start_logging()
    run, output = Path(words["run"]), Path(args.output)
    config, names = runs.read_config(run, "image_model"), runs.read_labels(run)
    runs.check_files(run, "config.json", "model*.safetensors", "preprocessor_config.json")
    check_output(output, args.overwrite)

    # Model.
    model, view = load_classifier(run, config["model"], inference_device(args.use_cpu))

    # Predict: pages are decoded side by side while the model works, and kept in their order.
    log, start = ReadReport(), time.perf_counter()
    found = pages_to_predict(args.input, view, names, log)
    probabilities = predict_probabilities(
        model, view.processor, found.pixels(), found.total, args.batch_size
    )
    seconds = time.perf_counter() - start
    for note in log.notes[:20]:
        print(note)
    if not found.ids:
        raise InputError(
            f"--input {args.input}: no page in it that can be read; give at least one image"
        )

    # Save.
    output.parent.mkdir(parents=True, exist_ok=True)
    write_predictions(output, found.ids, probabilities, names, found.labels)
    print(
        f"{output}: {len(found.ids)} pages in {seconds:.1f} s ({len(found.ids) / seconds:.0f} a second), "
        f"{len(log.dropped)} files left out"
    )
    for name, n in Counter(probabilities.argmax(1).tolist()).most_common(5):
        print(f"  {n:>8}  {names[name]}")
    return output


if __name__ == "__main__":
    main()
