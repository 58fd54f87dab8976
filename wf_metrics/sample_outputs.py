"""Make wf_outputs/: the results of an imaginary workflow, with all that real exports bring along.

    python -m wf_metrics.sample_outputs --output wf_metrics/wf_outputs --overwrite
    python -m wf_metrics.sample_outputs --output outputs --muestras
    python -m wf_metrics.sample_outputs --output outputs --muestras --service

--service needs the AWS_ENDPOINT_URL of a local moto_server.

One table in four forms, cut into parts that together are the whole: results.csv is the whole as
today's DynamoDB console writes it (byte order mark, lists and maps with types, quotes and line
breaks in values); results_2019.csv (types in the header), results_export.jsonl.gz (export to S3)
and results_workbench.csv (NoSQL Workbench) hold a third each. In them: files without result and
results without file, a file processed twice, one name in two typologies, a typology that nobody
knows, a key with `../`, names that a spreadsheet or a browser would run. All from one seed.
"""

import csv
import gzip
import io
import json
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np

from utils import s3_upload
from utils.cli import parse
from utils.errors import InputError, exits_on_input_error
from utils.folders import claim_report

DOCUMENTS = {
    "cédula de ciudadanía": 22,
    "factura": 30,
    "recibo de servicios": 18,
    "extracto bancario": 24,
    "contrato": 14,
    "certificado laboral": 12,
    "balance general": 8,
    "carta de renuncia": 5,
}
LIKE = {
    "factura": "recibo de servicios",
    "recibo de servicios": "factura",
    "contrato": "certificado laboral",
    "certificado laboral": "carta de renuncia",
    "balance general": "extracto bancario",
}
UNIFY = {
    "factura": "facturas y recibos",
    "recibo de servicios": "facturas y recibos",
    "certificado laboral": "documentos laborales",
    "carta de renuncia": "documentos laborales",
}
START = datetime(2026, 8, 3, 8, 30)
PREFIX = "s3://intake-bucket/caso_uno/classify"


@dataclass
class SampleArguments:
    """Where to."""

    output: str = field(metadata={"help": "folder to write into"})
    muestras: bool = field(
        default=False, metadata={"help": "also the ground truth as folders of empty files"}
    )
    service: bool = field(
        default=False, metadata={"help": "also into bucket and table of the local AWS_ENDPOINT_URL"}
    )
    seed: int = field(default=0, metadata={"help": "seed of the answers"})
    overwrite: bool = field(default=False, metadata={"help": "replace a sample that is there"})


@exits_on_input_error
def main(argv=None) -> Path:
    """Write the sample; returns its folder."""
    args, _ = parse(SampleArguments, argv, doc=__doc__)
    if args.seed < 0:
        raise InputError(f"--seed {args.seed}: give 0 or more")
    if args.service and not (
        args.muestras and "//127.0.0.1:" in os.environ.get("AWS_ENDPOINT_URL", "")
    ):
        raise InputError(
            "--service: needs --muestras, and AWS_ENDPOINT_URL=http://127.0.0.1:PORT of a local "
            "service"
        )
    folder = Path(args.output)
    claim_report(folder, "ground_truth.csv", args.overwrite)
    folder.mkdir(parents=True, exist_ok=True)

    # The ground truth and the map of --unify.
    truth, items = answers(np.random.default_rng(args.seed))
    write_rows(folder / "ground_truth.csv", ["archivo", "tipología"], truth)
    lines = [f"{name}: {group}" for name, group in UNIFY.items()]
    (folder / "unify.yaml").write_text(
        "# typology: group\n" + "\n".join(lines) + "\n", encoding="utf-8"
    )

    # The results: whole as the console of today writes them, and a third in each older form.
    (folder / "results.csv").write_bytes(b"\xef\xbb\xbf" + console_csv(items).encode())
    (folder / "results_2019.csv").write_text(typed_csv(items[0::3]), encoding="utf-8", newline="")
    exported = "".join(
        json.dumps({"Item": typed(item)}, ensure_ascii=False) + "\n" for item in items[1::3]
    )
    (folder / "results_export.jsonl.gz").write_bytes(gzip.compress(exported.encode(), mtime=0))
    (folder / "results_workbench.csv").write_text(
        workbench_csv(items[2::3]), encoding="utf-8", newline=""
    )

    if args.muestras:
        for file, typology in truth:
            path = folder / "muestras" / typology / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
    print(f"{folder}: {len(truth)} files of ground truth, {len(items)} results")
    if args.service:
        fill_service(folder / "muestras", items)
    return folder


def fill_service(muestras: Path, items: list[dict]):
    """Put the ground truth into the bucket `intake-bucket`, the answers into `resultados`."""
    import boto3  # of the extra aws, which nothing else here needs

    boto3.client("s3").create_bucket(Bucket="intake-bucket")
    s3_upload.main([str(muestras), "s3://intake-bucket/data_v1/ground_truth/muestras/"])
    table = {
        "TableName": "resultados",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    }
    client = boto3.client("dynamodb")
    client.create_table(**table)
    for row in items:
        client.put_item(TableName="resultados", Item=typed(row))
    address = os.environ["AWS_ENDPOINT_URL"]
    print(f"{address}: bucket intake-bucket, table resultados ({len(items)} items)")


def answers(rng) -> tuple[list[tuple[str, str]], list[dict]]:
    """The ground truth as (file, typology), and the workflow's items."""
    truth: list[tuple[str, str]] = []
    items: list[dict[str, Any]] = []
    for typology, n in DOCUMENTS.items():
        word = typology.split()[0]
        for number in range(1, n + 1):
            pages = 3 if typology == "contrato" else 1
            names = [f"{word}_{number:03}_p{page}.png" for page in range(1, pages + 1)]
            names = names if pages > 1 else [f"{word}_{number:03}.png"]
            truth += [(name, typology) for name in names]
            items += [item(rng, len(items) + i, name, typology) for i, name in enumerate(names)]
    # What goes wrong in real exports.
    strange = ["=SUMA(A1;A2).png", "<img src=x onerror=alert(1)>.png", 'año "nuevo", ñandú.png']
    truth += [(name, "factura") for name in strange]
    items += [item(rng, len(items) + i, name, "factura") for i, name in enumerate(strange)]
    items[3]["archivo"] = "../../" + items[3]["archivo"].split("/")[-1]
    items[8] |= {"tipo": "", "nota": 'el modelo\nno respondió, "tiempo agotado"'}
    items[30] |= {"tipo": "Factura de venta", "confianza": "0.71"}
    truth += [("duplicado.png", "factura"), ("duplicado.png", "contrato")]
    items += [
        item(rng, len(items), "duplicado.png", "factura"),
        item(rng, len(items) + 1, "ajeno_001.png", "factura"),
    ]
    again = dict(items[12]) | {"tipo": "carta de renuncia", "confianza": "0.51", "id": "again-0012"}
    again["procesado"] = (START - timedelta(days=1)).isoformat() + "Z"
    return truth, [*items[:20], *items[23:], again]


def item(rng, number: int, name: str, typology: str) -> dict:
    """One item of the results table, its prediction right or a likely mistake."""
    wrong = rng.random() < (0.15 if typology in LIKE else 0.03)
    confidence = rng.beta(4, 3) if wrong else rng.beta(9, 1.2)
    return {
        "id": f"{number:04}-{rng.integers(16**6):06x}",
        "archivo": f"{PREFIX}/{name}",
        "tipo": LIKE.get(typology, "factura") if wrong else typology,
        "confianza": f"{confidence:.4f}",
        "procesado": (START + timedelta(minutes=int(97 * number))).isoformat() + "Z",
        "páginas": ["1"],
        "ocr": {
            "motor": "tesseract",
            "nota": f'página "{number}",\nrevisada' if number % 7 == 0 else "ok",
        },
        "revisado": bool(number % 2),
    }


def typed(value):
    """The item as DynamoDB-JSON: every attribute with its type."""
    return {name: typed_value(name, member) for name, member in value.items()}


def typed_value(name: str, value):
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, dict):
        return {"M": {inner: typed_value(inner, member) for inner, member in value.items()}}
    if isinstance(value, list):
        return {"L": [{"N": member} for member in value]}
    return {"N" if name == "confianza" else "S": value}


def console_csv(items: list[dict]) -> str:
    """As the console of today: plain headers, all quoted, lists and maps as typed JSON without an
    outer type.
    """
    header = list(dict.fromkeys(name for row in items for name in row))
    rows = [[console_cell(name, row.get(name, "")) for name in header] for row in items]
    return as_csv(header, rows, csv.QUOTE_ALL)


def console_cell(name: str, value) -> str:
    if isinstance(value, (list, dict)):
        return json.dumps(next(iter(typed_value(name, value).values())), ensure_ascii=False)
    return str(value).lower() if isinstance(value, bool) else value


def typed_csv(items: list[dict]) -> str:
    """As the console of 2019: the type behind each name."""
    kinds = {"confianza": "N", "páginas": "L", "ocr": "M", "revisado": "BOOL"}
    header = list(dict.fromkeys(name for row in items for name in row))
    rows = [[console_cell(name, row.get(name, "")) for name in header] for row in items]
    return as_csv([f"{name} ({kinds.get(name, 'S')})" for name in header], rows, csv.QUOTE_ALL)


def workbench_csv(items: list[dict]) -> str:
    """As NoSQL Workbench: quotes where they are needed, lists and maps as plain JSON."""
    header = list(dict.fromkeys(name for row in items for name in row))
    rows = [
        [
            json.dumps(value, ensure_ascii=False)
            if isinstance(value, (list, dict, bool))
            else value
            for value in (row.get(name, "") for name in header)
        ]
        for row in items
    ]
    return as_csv(header, rows, csv.QUOTE_MINIMAL)


def as_csv(header: list, rows: list, quoting: Literal[0, 1]) -> str:
    stream = io.StringIO(newline="")
    csv.writer(stream, quoting=quoting, lineterminator="\n").writerows([header, *rows])
    return stream.getvalue()


def write_rows(path: Path, header: list, rows: list):
    path.write_text(as_csv(header, rows, csv.QUOTE_MINIMAL), encoding="utf-8", newline="")


if __name__ == "__main__":
    main()
