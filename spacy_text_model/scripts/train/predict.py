"""Predict the class of any texts with a finished run.

    python spacy_text_model/scripts/train/predict.py runs/temas --input nuevos.csv --output predicciones.parquet
    python spacy_text_model/scripts/train/predict.py runs/temas --input carpeta_de_txt/ --output predicciones.csv
    cat textos.txt | python spacy_text_model/scripts/train/predict.py runs/temas --input - --output predicciones.jsonl

Input: csv, tsv, jsonl or parquet (plain or .gz), a folder of txt files, one txt file (a single
document), or - for standard input, one text a line. Labels are optional and are copied. Output:
.parquet, .csv or .jsonl with `id, label, prediction, confidence` and the probabilities, in the
order of the input. RUN may also be a folder that `spacy train --output RUN` wrote.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from spacy_text_model.inference import (
    BATCH_SIZE,
    class_probabilities,
    load_pipeline,
    pipeline_folder,
)
from utils.cli import parse, start_logging
from utils.data.sources import read_unlabelled
from utils.errors import InputError, exits_on_input_error
from utils.predictions import check_output, write_predictions
from utils.records import Columns, ReadReport


@dataclass
class PredictArguments:
    """What to predict and where to write it."""

    input: str = field(metadata={"help": "table, txt folder, txt file, or - for standard input"})
    output: str = field(metadata={"help": "file to write: .parquet, .csv or .jsonl"})
    text_column: str = field(default="text", metadata={"help": "column that holds the text"})
    label_column: str = field(
        default="label", metadata={"help": "column that holds the class, where there is one"}
    )
    id_column: str = field(
        default="id", metadata={"help": "column that holds the id (default: row numbers)"}
    )
    unlabelled: list[str] = field(
        default_factory=list, metadata={"help": "label values that mean 'no label', such as NR"}
    )
    encoding: str | None = field(
        default=None, metadata={"help": "encoding of the input; default: told from its bytes"}
    )
    batch_size: int = field(default=BATCH_SIZE, metadata={"help": "texts per batch"})
    n_process: int = field(
        default=1, metadata={"help": "processes; more than one pays on long texts"}
    )
    overwrite: bool = field(default=False, metadata={"help": "replace the output file"})


@exits_on_input_error
def main(argv=None) -> Path:
    """Predict; returns the file that was written."""
    # Arguments.
    args, words = parse(PredictArguments, argv, doc=__doc__, positional=["run"])
    start_logging()
    folder, output = pipeline_folder(Path(words["run"])), Path(args.output)
    check_output(output, args.overwrite)

    # Model.
    nlp = load_pipeline(folder)
    names = list(nlp.get_pipe("textcat").labels)

    # Texts.
    log = ReadReport(encoding=args.encoding)
    columns = Columns(args.text_column, args.label_column, args.id_column)
    rows = list(read_unlabelled(args.input, columns, log, names, args.unlabelled))
    if not rows:
        raise InputError(f"--input {args.input}: no text in it; give at least one")
    ids, texts, labels = map(list, zip(*rows, strict=True))
    for note in log.notes[:20]:
        print(note)

    # Predict: in the order of the input.
    start = time.perf_counter()
    probabilities = class_probabilities(nlp, texts, args.batch_size, args.n_process)
    seconds = time.perf_counter() - start

    # Save.
    output.parent.mkdir(parents=True, exist_ok=True)
    write_predictions(output, ids, probabilities, names, [label or None for label in labels])
    empty = sum(not (text or "").strip() for text in texts)
    print(
        f"{output}: {len(ids)} texts in {seconds:.1f} s ({len(ids) / seconds:.0f} a second), {empty} empty, "
        f"{len(log.dropped)} files left out as binary"
    )
    for name, n in Counter(probabilities.argmax(1).tolist()).most_common(5):
        print(f"  {n:>8}  {names[name]}")
    return output


if __name__ == "__main__":
    main()
