"""Predict the class of any texts with a finished run.

    python beto_text_model/scripts/train/predict.py runs/temas --input nuevos.csv --output predicciones.parquet
    python beto_text_model/scripts/train/predict.py runs/temas --input carpeta_de_txt/ --output predicciones.csv
    cat textos.txt | python beto_text_model/scripts/train/predict.py runs/temas --input - --output predicciones.jsonl

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

from beto_text_model.inference import predict_probabilities, tokenise_texts, truncation_of
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
    batch_size: int = field(default=32, metadata={"help": "texts per batch"})
    precision: str = field(
        default="auto", metadata={"help": "fp32, bf16 or auto (bf16 for wide encoders)"}
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
    config, names = runs.read_config(run, "beto_text_model"), runs.read_labels(run)
    runs.check_files(run, "config.json", "model*.safetensors", "tokenizer_config.json")
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
    max_length, truncation_side = truncation_of(config)
    input_ids = tokenise_texts(tokenizer, texts, max_length, truncation_side)
    probabilities = predict_probabilities(model, tokenizer, input_ids, args.batch_size)
    seconds = time.perf_counter() - start

    # Save.
    output.parent.mkdir(parents=True, exist_ok=True)
    write_predictions(output, ids, probabilities, names, [label or None for label in labels])
    empty = sum(not (text or "").strip() for text in texts)
    cut = sum(len(i) >= max_length for i in input_ids)
    print(
        f"{output}: {len(ids)} texts in {seconds:.1f} s ({len(ids) / seconds:.0f} a second), {empty} empty, "
        f"{cut} cut at {max_length} pieces, {len(log.dropped)} files left out as binary"
    )
    for name, n in Counter(probabilities.argmax(1).tolist()).most_common(5):
        print(f"  {n:>8}  {names[name]}")
    return output


if __name__ == "__main__":
    main()
