"""Predict the class of any texts with a finished run.

    python rnn_baseline/scripts/train/predict.py runs/temas --input nuevos.csv --output predicciones.parquet
    python rnn_baseline/scripts/train/predict.py runs/temas --input carpeta_de_txt/ --output predicciones.csv
    cat textos.txt | python rnn_baseline/scripts/train/predict.py runs/temas --input - --output predicciones.jsonl

Input: csv, tsv, jsonl or parquet (plain or .gz), a folder of txt files, one txt file (a single
document), or - for standard input, one text a line. Labels are optional and are copied. Output:
.parquet, .csv or .jsonl with `id, label, prediction, confidence` and the probabilities, in the
order of the input.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from transformers import AutoTokenizer

from rnn_baseline.inference import encode, predict_probabilities
from utils import runs
from utils.cli import parse, start_logging
from utils.data.sources import read_unlabelled
from utils.errors import InputError, exits_on_input_error
from utils.predictions import check_output, write_predictions
from utils.records import Columns, ReadReport
from utils.training.inference import inference_device, load_classifier


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
    batch_size: int = field(default=256, metadata={"help": "texts per batch"})
    precision: str = field(
        default="auto", metadata={"help": "fp32, bf16 or auto (bf16 for wide networks)"}
    )
    use_cpu: bool = field(default=False, metadata={"help": "stay on the CPU"})
    overwrite: bool = field(default=False, metadata={"help": "replace the output file"})


@exits_on_input_error
def main(argv=None) -> Path:
    """Predict; returns the file that was written."""
    # Arguments.
    args, words = parse(PredictArguments, argv, doc=__doc__, positional=["run"])
    start_logging()
    run, output = Path(words["run"]), Path(args.output)
    config, names = runs.read_config(run, "rnn_baseline"), runs.read_labels(run)
    runs.check_files(run, "config.json", "model*.safetensors", "tokenizer.json")
    check_output(output, args.overwrite)

    # Texts.
    log = ReadReport(encoding=args.encoding)
    columns = Columns(args.text_column, args.label_column, args.id_column)
    rows = list(read_unlabelled(args.input, columns, log, names, args.unlabelled))
    if not rows:
        raise InputError(f"--input {args.input}: no text in it; give at least one")
    ids, texts, labels = map(list, zip(*rows, strict=True))
    for note in log.notes[:20]:
        print(note)

    # Model.
    tokenizer = AutoTokenizer.from_pretrained(run)
    model = load_classifier(run, inference_device(args.use_cpu), args.precision)

    # Predict: sorted by length, written in the order of the input.
    start = time.perf_counter()
    max_length = config["model"]["max_length"]
    encoded = encode(texts, tokenizer, max_length)
    probabilities = predict_probabilities(model, encoded, args.batch_size)
    seconds = time.perf_counter() - start

    # Save.
    output.parent.mkdir(parents=True, exist_ok=True)
    write_predictions(output, ids, probabilities, names, [label or None for label in labels])
    lengths = encoded["length"]
    empty, cut = int((lengths == 0).sum()), int((lengths >= max_length).sum())
    print(
        f"{output}: {len(ids)} texts in {seconds:.1f} s ({len(ids) / seconds:.0f} a second), {empty} without a "
        f"word, {cut} cut at {max_length} words, {len(log.dropped)} files left out as binary"
    )
    for name, n in Counter(probabilities.argmax(1).tolist()).most_common(5):
        print(f"  {n:>8}  {names[name]}")
    return output


if __name__ == "__main__":
    main()
