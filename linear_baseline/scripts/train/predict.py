"""Predict the class of any texts with a finished run.

    python linear_baseline/scripts/train/predict.py runs/temas --input nuevos.csv \
        --output predicciones.parquet
    python linear_baseline/scripts/train/predict.py runs/temas --input carpeta_de_txt/ \
        --output predicciones.csv
    cat textos.txt | python linear_baseline/scripts/train/predict.py runs/temas --input - \
        --output predicciones.jsonl

Input: csv, tsv, jsonl or parquet (plain or .gz), a folder of txt files, one txt file (a single
document), or - for standard input, one text a line. Labels are optional and are copied. Output:
.parquet, .csv or .jsonl with `id, label, prediction, confidence` and the probabilities, in the
order of the input.
"""

import time
from pathlib import Path

from linear_baseline.inference import PACKAGE, device_of, load_predictor
from utils import runs
from utils.cli import parse, start_logging
from utils.errors import exits_on_input_error
from utils.predictions import check_output
from utils.runs.arguments import DeviceArguments, PredictArguments, TableArguments


@exits_on_input_error
def main(argv=None) -> Path:
    """Predict; returns the file that was written."""
    # Arguments.
    flags = [PredictArguments, TableArguments, DeviceArguments]
    args, table, device_args, words = parse(flags, argv, doc=__doc__, positional=["run"])
    start_logging()
    run, output = Path(words["run"]), Path(args.output)
    check_output(output, args.overwrite)

    # Model.
    encoder = runs.read_config(run, PACKAGE)["arguments"]["encoder"]
    device = device_of(encoder, device_args.use_cpu)
    predictor = load_predictor(run, device, device_args.precision)

    # Texts.
    ids, texts, labels, report = runs.read_texts(args.input, table, predictor.class_names)

    # Predict: in the order of the input.
    start = time.perf_counter()
    probabilities = predictor.predict_probabilities(texts, args.batch_size)
    seconds = time.perf_counter() - start

    # Save.
    empty = sum(not (text or "").strip() for text in texts)
    summary = (
        f"{runs.speed_of(len(ids), seconds, 'texts')}, {empty} empty, "
        f"{len(report.dropped)} files left out as binary"
    )
    runs.save_predictions(output, ids, labels, probabilities, predictor.class_names, summary)
    return output


if __name__ == "__main__":
    main()
