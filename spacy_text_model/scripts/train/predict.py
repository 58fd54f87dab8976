"""Predict the class of any texts with a finished run.

    python spacy_text_model/scripts/train/predict.py runs/temas --input nuevos.csv \
        --output predicciones.parquet
    python spacy_text_model/scripts/train/predict.py runs/temas --input carpeta_de_txt/ \
        --output predicciones.csv
    cat textos.txt | python spacy_text_model/scripts/train/predict.py runs/temas --input - \
        --output predicciones.jsonl

Input: csv, tsv, jsonl or parquet (plain or .gz), a folder of txt files, one txt file (a single
document), or - for standard input, one text a line. Labels are optional and are copied. Output:
.parquet, .csv or .jsonl with `id, label, prediction, confidence` and the probabilities, in the
order of the input. RUN may also be a folder that `spacy train --output RUN` wrote.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

from spacy_text_model.inference import PROCESSES, load_predictor
from utils import runs
from utils.cli import parse, start_logging
from utils.errors import exits_on_input_error
from utils.predictions import check_output
from utils.runs.arguments import PredictArguments, TableArguments


@dataclass
class SpacyPredictArguments(PredictArguments):
    n_process: int = field(default=1, metadata={"help": PROCESSES})


@exits_on_input_error
def main(argv=None) -> Path:
    """Predict; returns the file that was written."""
    # Arguments.
    flags = [SpacyPredictArguments, TableArguments]
    args, table, words = parse(flags, argv, doc=__doc__, positional=["run"])
    start_logging()
    output = Path(args.output)
    check_output(output, args.overwrite)

    # Model.
    predictor = load_predictor(Path(words["run"]))

    # Texts.
    ids, texts, labels, report = runs.read_texts(args.input, table, predictor.class_names)

    # Predict: in the order of the input.
    start = time.perf_counter()
    probabilities = predictor.predict_probabilities(texts, args.batch_size, args.n_process)
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
