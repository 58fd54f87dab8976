"""Predict the class of any page images with a finished run.

    python image_model/scripts/train/predict.py runs/paginas --input carpeta/ \
        --output predicciones.parquet
    python image_model/scripts/train/predict.py runs/paginas --input pagina.png \
        --output predicciones.csv

Input: a folder of png, jpg, tif, bmp, webp and pdf (of several pages, the first is taken), one such
file, or the unlabelled.parquet of a prepared dataset. In a folder the label is the first folder's
name where that is a class of the run. Files that are no page are left out and named. Output:
.parquet, .csv or .jsonl with `id, label, prediction, confidence` and the probabilities, in the
order of the input.
"""

import time
from pathlib import Path

from image_model.inference import load_predictor
from image_model.pages import pages_to_predict
from utils import runs
from utils.cli import parse, start_logging
from utils.errors import InputError, exits_on_input_error
from utils.predictions import check_output
from utils.records import ReadReport
from utils.runs.arguments import DeviceArguments, PredictArguments
from utils.training.inference import inference_device


@exits_on_input_error
def main(argv=None) -> Path:
    """Predict; returns the file that was written."""
    # Arguments.
    flags = [PredictArguments, DeviceArguments]
    args, device_args, words = parse(flags, argv, doc=__doc__, positional=["run"])
    start_logging()
    run, output = Path(words["run"]), Path(args.output)
    check_output(output, args.overwrite)

    # Model.
    device = inference_device(device_args.use_cpu)
    predictor = load_predictor(run, device, device_args.precision)

    # Predict: pages are decoded side by side while the model works, and kept in their order.
    report = ReadReport()
    start = time.perf_counter()
    pages = pages_to_predict(args.input, predictor.view, predictor.class_names, report)
    probabilities = predictor.predict_probabilities(pages, args.batch_size)
    seconds = time.perf_counter() - start
    runs.print_notes(report)
    if not pages.ids:
        raise InputError(
            f"--input {args.input}: no page in it that can be read; give at least one image"
        )

    # Save.
    summary = (
        f"{runs.speed_of(len(pages.ids), seconds, 'pages')}, {len(report.dropped)} files left out"
    )
    runs.save_predictions(
        output, pages.ids, pages.labels, probabilities, predictor.class_names, summary
    )
    return output


if __name__ == "__main__":
    main()
