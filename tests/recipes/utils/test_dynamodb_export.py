"""The DynamoDB export against a local server over real sockets: whole, the same every time,
resumable, discreet.
"""

import base64
import csv
import errno
import functools
import gzip
import importlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.helpers import REPO_ROOT, refused
from utils import dynamodb_export
from utils.dynamodb import answers
from utils.dynamodb import parts as dynamodb_parts
from utils.dynamodb.times import moment
from utils.records import ReadReport
from wf_metrics.columns import Columns
from wf_metrics.dynamodb import cell_value, flat
from wf_metrics.result_files import csv_tables, inspect_file, json_items
from wf_metrics.results import read_results

boto3 = pytest.importorskip("boto3", reason="the aws extra is not installed")
loaders = pytest.importorskip("botocore.loaders")
pytest.importorskip("moto.server", reason="moto with its server is not installed")

KEY_ID, SECRET, TOKEN = (
    "AKIAIOSFODNN7EXAMPLE",
    "clave/secreta+de+prueba/0123456789ab",
    "testigo-de-sesion-0123456789",
)
THROTTLED = "ProvisionedThroughputExceededException"
STRANGE = 'año "nuevo", ñandú;\nsegunda línea\ttab \\ \u2028 ¿€? 😀'
TYPES = {
    "texto": {"S": STRANGE},
    "vacío": {"S": ""},
    "número": {"N": "123456789012345678901234567890.5"},
    "binario": {"B": b"\x00\xffhola"},
    "sí": {"BOOL": True},
    "no": {"BOOL": False},
    "nulo": {"NULL": True},
    "mapa": {
        "M": {
            "nota": {"S": STRANGE},
            "n": {"N": "7"},
            "dentro": {"L": [{"M": {"b": {"B": b"\x01"}}}]},
        }
    },
    "lista": {"L": [{"S": "C"}, {"N": "1"}, {"NULL": True}, {"BOOL": False}]},
    "lista vacía": {"L": []},
    "textos": {"SS": ["a", "ñ"]},
    "números": {"NS": ["1", "2.5"]},
    "binarios": {"BS": [b"\x02"]},
}


class Relay(ThreadingHTTPServer):
    """A way to the server on which requests are counted, refused or held."""

    daemon_threads = True

    def __init__(self, behind: str):
        super().__init__(("127.0.0.1", 0), Passer)
        self.behind, self.url = behind, f"http://127.0.0.1:{self.server_port}"
        self.refusals = []  # [(operation, code, message)]
        self.always = {}  # {operation: (code, message) or bytes}
        self.asked = []  # operations
        self.patience = 0  # how many of each are let through before `always`
        self.damaged = 0  # how many answers to Scan come with other bytes than their checksum's
        self.hold_from, self.holding, self.release = None, threading.Event(), threading.Event()
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    def refusal(self, operation: str):
        with self.lock:
            self.asked.append(operation)
            for entry in self.refusals:
                if entry[0] == operation:
                    self.refusals.remove(entry)
                    return entry[1:]
            return (
                self.always.get(operation) if self.asked.count(operation) > self.patience else None
            )


class Passer(BaseHTTPRequestHandler):
    def do_POST(self):
        relay = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        operation = self.headers["X-Amz-Target"].split(".")[-1]
        refusal = relay.refusal(operation)
        if relay.hold_from is not None and relay.asked.count("Scan") > relay.hold_from:
            relay.holding.set()
            relay.release.wait(30)
        try:
            if isinstance(refusal, bytes):
                self.answer(200, refusal)
            elif refusal:
                self.answer(
                    400,
                    json.dumps(
                        {"__type": f"com.amazon#{refusal[0]}", "message": refusal[1]}
                    ).encode(),
                )
            else:
                headers = {
                    name: self.headers[name]
                    for name in ("X-Amz-Target", "Content-Type", "Authorization")
                }
                with urllib.request.urlopen(
                    urllib.request.Request(relay.behind, body, headers)
                ) as answer:
                    content = answer.read()
                    spoilt = content
                    if operation == "Scan" and relay.damaged:
                        relay.damaged -= 1
                        spoilt = content.replace(b"factura", b"faktura")
                    self.answer(200, spoilt, {"x-amz-crc32": str(zlib.crc32(content))})
        except urllib.error.HTTPError as error:
            self.answer(error.code, error.read())
        except ConnectionError:
            pass  # the one that asked was killed

    def answer(self, status: int, content: bytes, headers: dict[str, str] | None = None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *words):
        pass


def credentials(**others) -> dict[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_MAX_ATTEMPTS": "2",
    } | others


@pytest.fixture(autouse=True)
def configured(monkeypatch):
    """Known credentials alone; and boto3's descriptions of services read once, which takes most of
    a short export.
    """
    monkeypatch.setattr("botocore.session.create_loader", one_loader)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in credentials().items():
        monkeypatch.setenv(name, value)


@functools.cache
def one_loader(search_path=None):
    return loaders.create_loader(search_path)


@pytest.fixture(scope="module")
def server():
    """The address of a local DynamoDB with four tables; `resultados` has 60 items."""
    from moto.server import ThreadedMotoServer

    moto = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    moto.start()
    url = "http://{}:{}".format(*moto.get_host_and_port())
    client = boto3.client(
        "dynamodb",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
    )
    make_table(client, "resultados", {"id": "S"})
    make_table(client, "casos", {"caso": "S", "número": "N"}, index={"tipo": "S", "procesado": "S"})
    make_table(client, "tipos", {"clave": "S", "orden": "B"})
    make_table(client, "vacía", {"id": "S"})
    put(client, "resultados", [result(number) for number in range(60)])
    put(client, "casos", [case(number) for number in range(30)])
    put(
        client,
        "tipos",
        [
            {
                "clave": {"S": "á"},
                "orden": {"B": b"\xfe%d" % number},
                **(TYPES if number == 3 else {}),
            }
            for number in range(6)
        ],
    )
    yield url
    moto.stop()


def make_table(client, name: str, key: dict[str, str], index: dict[str, str] | None = None):
    more = (
        {
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": "por_tipo",
                    "KeySchema": schema(index),
                    "Projection": {"ProjectionType": "KEYS_ONLY"},
                }
            ]
        }
        if index
        else {}
    )
    kinds = [
        {"AttributeName": n, "AttributeType": kind} for n, kind in (key | (index or {})).items()
    ]
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=schema(key),
        AttributeDefinitions=kinds,
        **more,
    )


def schema(key: dict[str, str]) -> list[dict]:
    return [
        {"AttributeName": name, "KeyType": kind}
        for name, kind in zip(key, ("HASH", "RANGE"), strict=False)
    ]


def put(client, table: str, items: list[dict]):
    for start in range(0, len(items), 25):
        requests = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        client.batch_write_item(RequestItems={table: requests})


def result(number: int) -> dict:
    item = {
        "id": {"S": f"doc-{number:03}"},
        "archivo": {"S": f's3://b/año/{number}, "ñ".png'},
        "tipo": {"S": ("cédula", "factura\nde venta")[number % 2]},
        "confianza": {"N": f"0.{number + 100}"},
        "procesado": {"S": f"2026-08-{number % 28 + 1:02}T08:30:00Z"},
    }
    return item | ({f"raro {number}": {"S": "sí"}} if number % 50 == 7 else {})


def case(number: int) -> dict:
    """Every third time is text, seconds, milliseconds; all are noon of day `number % 28 + 1` of
    August 2026.
    """
    day = number % 28 + 1
    seconds = 1785585600 + 86400 * (day - 1)
    times = [{"S": f"2026-08-{day:02}T12:00:00Z"}, {"N": str(seconds)}, {"N": str(1000 * seconds)}]
    index = {"procesado": {"S": f"2026-08-{day:02}"}} if number % 3 else {}
    return {
        "caso": {"S": ("uno", "dos")[number % 2]},
        "número": {"N": str(number)},
        "hora": times[number % 3],
        "tipo": {"S": ("cédula", "contrato")[number % 5 == 0]},
        **index,
    }


@pytest.fixture
def relay(server):
    relay = Relay(server)
    yield relay
    relay.release.set()
    relay.shutdown()
    relay.server_close()


@pytest.fixture
def export(server, tmp_path, capsys):
    """Run the command's main; returns its last line and everything that it printed, which holds no
    credential.
    """

    def run(table, name, *flags, url=server):
        dynamodb_export.main(
            [table, "--output", str(tmp_path / name), "--endpoint_url", url, *map(str, flags)]
        )
        printed = "".join(capsys.readouterr())
        assert_silent(printed)
        return json.loads(printed.strip().splitlines()[-1]), printed

    return run


def assert_silent(printed: str):
    assert not [secret for secret in (KEY_ID, SECRET, TOKEN) if secret in printed]


def items_of(path) -> list[dict]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8", newline="\n") as lines:
        return [json.loads(line)["Item"] for line in lines]


def ids_of(path) -> list[str]:
    with open(path, encoding="utf-8", newline="") as stream:
        return [row["id"] for row in csv.DictReader(stream)]


def numbers_of(path) -> list[int]:
    return sorted(int(item["número"]["N"]) for item in items_of(path))


# Whole, and read back.


def test_all_items_of_many_pages_and_segments_come_once(export, tmp_path):
    report, _ = export("resultados", "r.csv", "--page_items", 5)
    assert sorted(ids_of(tmp_path / "r.csv")) == [f"doc-{number:03}" for number in range(60)]
    assert (
        report["items"] == report["scanned"] == 60
        and report["pages"] > 12
        and report["capacity_units"] > 0
    )
    head = (tmp_path / "r.csv").read_text(encoding="utf-8").splitlines()[0]
    assert head == '"id","archivo","confianza","procesado","raro 57","raro 7","tipo"'
    assert [path.name for path in tmp_path.iterdir()] == ["r.csv"]
    export(
        "resultados", "again.csv", "--page-items", 30
    )  # hyphens too; pages do not change the order
    assert (tmp_path / "again.csv").read_bytes() == (tmp_path / "r.csv").read_bytes()


def test_pages_of_the_service_are_followed(server, export, tmp_path):
    """Five items of 300 kB are two pages of 1 MB."""
    client = boto3.client("dynamodb", endpoint_url=server)
    make_table(client, "grandes", {"id": "S"})
    for number in range(5):
        client.put_item(
            TableName="grandes", Item={"id": {"S": str(number)}, "texto": {"S": "ñ" * 150_000}}
        )
    report, _ = export("grandes", "g.jsonl", "--segments", 1)
    assert report["items"] == 5 and report["pages"] == 2


def test_csv_and_jsonl_are_read_to_the_same_results(export, tmp_path):
    names = ["r.csv", "r.jsonl", "r.jsonl.gz"]
    for name in names:
        export("resultados", name, "--attributes", "id,archivo,tipo,confianza,procesado")
    frames = [
        read_results([tmp_path / name], Columns(), set(), {"cédula"}).frame.drop(columns="source")
        for name in names
    ]
    assert len(frames[0]) == 60 and frames[0].notna().all(axis=None)
    assert frames[0].equals(frames[1]) and frames[0].equals(frames[2])
    assert set(frames[0].prediction) == {"cédula", "factura\nde venta"}
    zipped = (tmp_path / "r.jsonl.gz").read_bytes()
    assert gzip.decompress(zipped) == (tmp_path / "r.jsonl").read_bytes()
    assert zipped[4:8] == bytes(4)  # no time in it


def test_every_type_survives_both_formats(export, tmp_path):
    for name in ("t.csv", "t.jsonl"):
        export("tipos", name, "--page_items", 1)
    (item,) = [item for item in items_of(tmp_path / "t.jsonl") if len(item) > 2]
    coded = {
        "binario": {"B": base64.b64encode(b"\x00\xffhola").decode()},
        "binarios": {"BS": ["Ag=="]},
    }
    mapped = {"M": TYPES["mapa"]["M"] | {"dentro": {"L": [{"M": {"b": {"B": "AQ=="}}}]}}}
    key = {"clave": {"S": "á"}, "orden": {"B": base64.b64encode(b"\xfe3").decode()}}
    assert item == TYPES | coded | key | {"mapa": mapped} and list(item) == sorted(item)
    with open(tmp_path / "t.csv", encoding="utf-8", newline="") as stream:
        (row,) = [row for row in csv.DictReader(stream) if row["texto"]]
    assert list(row) == ["clave", "orden", *sorted(TYPES)]
    assert (
        row["texto"] == STRANGE
        and row["número"] == TYPES["número"]["N"]
        and row["binario"] == "AP9ob2xh"
    )
    assert (row["sí"], row["no"], row["nulo"], row["vacío"]) == ("true", "false", "", "")
    assert row["lista"] == '[{"S":"C"},{"N":"1"},{"NULL":true},{"BOOL":false}]'
    assert row["textos"] == '["a","ñ"]' and json.loads(row["mapa"]) == mapped["M"]
    (table,) = csv_tables(inspect_file(tmp_path / "t.csv", ReadReport()))
    from_csv = [
        flat({n: v and cell_value(v) for n, v in record.items()}) for record in table.to_pylist()
    ]
    from_jsonl = [
        flat(record) for record in json_items(inspect_file(tmp_path / "t.jsonl", ReadReport()), [])
    ]
    assert [filled(record) for record in from_csv] == [filled(record) for record in from_jsonl]


def filled(record: dict) -> dict:
    return {name: value for name, value in record.items() if value}


# A part of it.


@pytest.mark.parametrize(
    ("flags", "numbers"),
    [
        (["--key", "caso=uno"], range(0, 30, 2)),
        (["--key", "caso=dos", "--sort_from", "9"], range(9, 30, 2)),
        (
            ["--key", "caso=dos", "--sort_from", "9", "--sort_to", "13", "--page_items", "2"],
            [9, 11, 13],
        ),
        (["--key", "caso=uno", "--sort_to", "4"], [0, 2, 4]),
        (["--key", "caso=uno", "--prefix", "tipo=contr"], [0, 10, 20]),
        (["--prefix", "tipo=contr"], range(0, 30, 5)),
        (["--prefix", "tipo=contr", "--prefix", "caso=d"], [5, 15, 25]),
        (
            ["--time_attribute", "hora", "--since", "2026-08-21", "--until", "2026-08-25"],
            [20, 21, 22, 23],
        ),
        (["--time_attribute", "hora", "--since", "2026-08-27T12:00:00Z"], [26, 27]),
        (["--time_attribute", "hora", "--until", "2026-08-03"], [0, 1, 28, 29]),
        (["--time_attribute", "hora", "--until", "2026-08-04T12:00:00Z"], [0, 1, 2, 28, 29]),
        (["--index", "por_tipo"], [n for n in range(30) if n % 3]),
        (["--index", "por_tipo", "--key", "tipo=contrato", "--sort_prefix", "2026-08-1"], [10]),
        (["--consistent"], range(30)),
    ],
)
def test_a_part(export, tmp_path, flags, numbers):
    report, _ = export("casos", "c.jsonl", *flags)
    assert numbers_of(tmp_path / "c.jsonl") == list(numbers)
    assert report["items"] == len(numbers) and report["scanned"] >= report["items"]


def test_chosen_attributes_and_a_misspelt_one(export, tmp_path):
    _, printed = export("resultados", "r.csv", "--attributes", "tipo, id,tpo")
    assert (tmp_path / "r.csv").read_text(encoding="utf-8").startswith('"id","tipo"\n')
    assert "no item has 'tpo'; check --attributes" in printed


def test_an_empty_table_gives_a_header(export, tmp_path):
    assert export("vacía", "v.csv")[0]["items"] == 0
    assert (tmp_path / "v.csv").read_text(encoding="utf-8") == '"id"\n'


# Times are compared as moments, in whatever form each item has them.

NOON = 1785585600  # 2026-08-01T12:00:00Z


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-08-01T12:00:00Z", NOON),
        ("2026-08-01 12:00:00", NOON),
        ("2026-08-01 14:00:00 +02:00", NOON),
        ("2026-08-01T07:00:00-0500", NOON),
        ("2026-08-01T12:00:00.250000999Z", NOON + 0.25),
        ("2026-08-01 12:00:00 UTC", NOON),
        ("20260801120000", NOON),
        ("2026-08-01", NOON - 43200),
        (str(NOON), NOON),
        (f"{NOON}.5", NOON + 0.5),
        (str(1000 * NOON), NOON),
        ("ayer", None),
        ("01/08/2026", None),
        ("", None),
    ],
)
def test_times_in_every_form_are_moments(text, seconds):
    assert moment(text) == seconds


def test_since_and_until_compare_moments_not_text(server, export, tmp_path):
    """As text "2026-08-01 …" lies before "2026-08-01T…", and "…+02:00" is another hour."""
    client = boto3.client("dynamodb", endpoint_url=server)
    make_table(client, "horas", {"id": "S"})
    times = {
        "antes con espacio": "2026-08-01 11:59:59",
        "antes con zona": "2026-08-01T13:30:00+02:00",
        "justo con espacio": "2026-08-01 12:00:00",
        "justo en segundos": str(NOON),
        "dentro con zona": "2026-08-01T09:00:00-05:00",
        "dentro con fracción": "2026-08-01T12:00:00.5Z",
        "dentro en milisegundos": str(1000 * NOON + 1),
        "fin": "2026-08-01T15:00:00+00:00",
        "después": "2026-08-01 10:00:01-05:00",
        "vacío": "",
    }
    items = [{"id": {"S": name}, "hora": {"S": text}} for name, text in times.items()]
    put(client, "horas", [*items, {"id": {"S": "sin hora"}}])
    flags = ["--since", "2026-08-01T12:00:00Z", "--until", "2026-08-01T17:00:00+02:00"]
    export("horas", "h.csv", "--time_attribute", "hora", "--attributes", "id", *flags)
    lines = (tmp_path / "h.csv").read_text(encoding="utf-8").splitlines()
    expected = [name for name in times if name.split()[0] in ("justo", "dentro")]
    assert sorted(line.strip('"') for line in lines) == sorted(["id", *expected])


def test_a_text_that_is_no_time_is_refused(server, tmp_path, capsys):
    words = ["resultados", "--output", tmp_path / "r.csv", "--endpoint_url", server]
    error = refused(
        capsys, dynamodb_export.main, *words, "--time_attribute", "tipo", "--since", "2026-08-01"
    )
    assert "tipo: " in error and "is not a time that can be compared" in error
    assert not (tmp_path / "r.csv").exists()


# Damaged answers, throttling, kill, Ctrl-C.


def test_a_damaged_answer_is_asked_for_again(export, relay, tmp_path, monkeypatch):
    monkeypatch.setattr(answers, "PAUSE", 0.01)
    relay.damaged = 2
    report, _ = export("resultados", "r.csv", "--segments", 1, url=relay.url)
    assert report["items"] == 60 and relay.asked.count("Scan") == 3
    assert "faktura" not in (tmp_path / "r.csv").read_text(encoding="utf-8")


def test_answers_that_are_always_damaged_are_refused(relay, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(answers, "PAUSE", 0.01)
    relay.damaged = 10**6
    words = ["resultados", "--output", tmp_path / "r.csv", "--endpoint_url", relay.url]
    error = refused(capsys, dynamodb_export.main, *words, "--attempts", "3")
    assert "resultados: 3 answers in a row were damaged: no page of items, or other bytes" in error
    assert not (tmp_path / "r.csv").exists()


@pytest.mark.parametrize(
    "answer",
    [b"<html>hola</html>", b"{}", b"[]", b'{"Items": 3}', b'{"Items": []}', b'{"Item', b""],
)
def test_what_is_no_page_is_asked_for_again_and_refused(
    export, relay, tmp_path, capsys, monkeypatch, answer
):
    """A proxy that answers in the service's place sends no checksum."""
    monkeypatch.setattr(answers, "PAUSE", 0.01)
    relay.always, relay.patience = {"Scan": answer}, 2
    words = ["resultados", "--output", tmp_path / "r.csv", "--endpoint_url", relay.url]
    words += ["--segments", 1, "--page_items", 20]
    error = refused(capsys, dynamodb_export.main, *words, "--attempts", 2)
    assert "resultados: 2 answers in a row were damaged: no page of items" in error
    assert "--resume" in error and not (tmp_path / "r.csv").exists()
    relay.always = {}
    assert export("resultados", "r.csv", "--segments", 1, "--resume")[0]["items"] == 60


def test_throttling_is_waited_for(export, relay, tmp_path):
    relay.refusals = [("Scan", THROTTLED, "slow")]
    report, _ = export("resultados", "r.csv", "--segments", 1, url=relay.url)
    assert report["items"] == 60 and relay.asked.count("Scan") == 2


def test_throttling_for_ever_ends_and_is_resumed(export, relay, tmp_path, capsys):
    relay.always = {"Scan": (THROTTLED, "slow")}
    words = [
        "resultados",
        "--output",
        tmp_path / "r.csv",
        "--endpoint_url",
        relay.url,
        "--attempts",
        "2",
    ]
    error = refused(capsys, dynamodb_export.main, *words, "--segments", "1")
    assert "resultados: throttled 2 times in a row; raise its read capacity" in error
    assert not (tmp_path / "r.csv").exists()
    relay.always = {}
    assert (
        export("resultados", "r.csv", "--segments", 1, "--resume", url=relay.url)[0]["items"] == 60
    )


def test_a_binary_key_is_resumed_from(export, relay, tmp_path, capsys):
    relay.always, relay.patience = {"Scan": ("ExpiredTokenException", "too late")}, 3
    words = [
        "tipos",
        "--output",
        tmp_path / "t.jsonl",
        "--endpoint_url",
        relay.url,
        "--segments",
        1,
    ]
    error = refused(capsys, dynamodb_export.main, *words, "--page_items", 1)
    assert "tipos: the credentials have expired; log in again" in error
    assert (
        f"; what came is kept in {tmp_path / 't.jsonl.partial'}, the same command with --resume "
        "continues there" in error
    )
    relay.always, relay.asked = {}, []
    assert export("tipos", "t.jsonl", "--segments", 1, "--resume", url=relay.url)[0]["pages"] == 4
    export("tipos", "whole.jsonl", "--segments", 1)
    assert (tmp_path / "t.jsonl").read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_a_killed_command_is_resumed_to_the_same_bytes(export, relay, tmp_path):
    relay.hold_from = 6
    words = [
        "resultados",
        "--output",
        tmp_path / "killed.csv",
        "--endpoint_url",
        relay.url,
        "--page_items",
        4,
    ]
    command = [sys.executable, REPO_ROOT / "utils" / "dynamodb_export.py", *words]
    killed = subprocess.Popen(list(map(str, command)), cwd="/")
    export("resultados", "whole.csv")
    assert relay.holding.wait(60)
    killed.kill()
    killed.wait()
    partial = tmp_path / "killed.csv.partial"
    for part in partial.glob("segment_*.jsonl"):  # a page that was on its way to the disk
        part.write_bytes(part.read_bytes() + b'{"Item":{"id":{"S":"do')
    assert not (tmp_path / "killed.csv").exists()
    assert_silent("".join(path.read_text(encoding="utf-8") for path in partial.iterdir()))
    relay.hold_from, relay.asked = None, []
    report, _ = export("resultados", "killed.csv", "--resume", "--page_items", 4, url=relay.url)
    assert report["items"] == 60 and 0 < relay.asked.count("Scan") < report["pages"]
    assert (tmp_path / "killed.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert not partial.exists()


def test_ctrl_c_leaves_it_resumable(export, relay, tmp_path, capsys, monkeypatch):
    words = [
        "resultados",
        "--output",
        str(tmp_path / "r.jsonl.gz"),
        "--endpoint_url",
        relay.url,
        "--page_items",
        "4",
    ]
    # Programs that a shell starts in the background ignore the signal.
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with monkeypatch.context() as terminal, pytest.raises(SystemExit) as stop:
            terminal.setattr(dynamodb_parts, "wait", wait_and_interrupt)
            dynamodb_export.main(words)
    finally:
        signal.signal(signal.SIGINT, heard)
    printed = capsys.readouterr().err
    assert stop.value.code == 130
    assert re.search(
        r"^interrupted; what came is kept in \S+r.jsonl.gz.partial, the same .* --resume .*\n$",
        printed,
    )
    export("resultados", "r.jsonl.gz", "--resume")
    export("resultados", "whole.jsonl.gz")
    assert (tmp_path / "r.jsonl.gz").read_bytes() == (tmp_path / "whole.jsonl.gz").read_bytes()


def wait_and_interrupt(jobs, timeout, _):
    time.sleep(timeout / 5)
    signal.raise_signal(signal.SIGINT)


def test_a_full_disk_at_the_end_costs_no_page(export, relay, tmp_path, capsys, monkeypatch):
    words = ["casos", "--output", tmp_path / "c.csv", "--endpoint_url", relay.url]
    with monkeypatch.context() as full:
        full.setattr(dynamodb_parts, "csv_rows", full_disk)
        assert "No space left on device; free space" in refused(
            capsys, dynamodb_export.main, *words
        )
    assert not (tmp_path / "c.csv").exists()
    relay.asked = []
    assert export("casos", "c.csv", "--resume", url=relay.url)[0]["items"] == 30
    assert relay.asked == ["DescribeTable"]


def full_disk(parts, header):
    yield header
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# What is refused.


@pytest.fixture
def unfinished(export, relay, tmp_path, capsys):
    """Flags of an export of `casos` that was denied in its midst."""
    relay.refusals = [("Scan", "AccessDeniedException", f"not you, {TOKEN}")]
    words = [
        "casos",
        "--output",
        str(tmp_path / "c.csv"),
        "--endpoint_url",
        relay.url,
        "--segments",
        "1",
    ]
    error = refused(capsys, dynamodb_export.main, *words)
    assert "casos: access denied (not you, …); ask for dynamodb:DescribeTable" in error
    return words


def test_an_unfinished_export_is_not_mixed_with_another(unfinished, export, tmp_path, capsys):
    error = refused(capsys, dynamodb_export.main, *unfinished)
    assert (
        "c.csv.partial: an unfinished export is there; pass --resume to continue it or --overwrite"
        in error
    )
    for flags, culprit in (
        (["--segments", "2"], "segments"),
        (["--prefix", "tipo=c"], "prefix"),
        (["--attributes", "tipo", "--consistent"], "attributes and consistent"),
    ):
        error = refused(capsys, dynamodb_export.main, *unfinished, "--resume", *flags)
        assert f"c.csv.partial: begun with another {culprit}; give the same arguments" in error
    error = refused(capsys, dynamodb_export.main, "resultados", *unfinished[1:], "--resume")
    assert "begun with another table; give" in error
    export("casos", "c.csv", "--segments", 2, "--overwrite")
    assert [path.name for path in tmp_path.iterdir()] == ["c.csv"]


def test_a_damaged_unfinished_export_is_said(unfinished, tmp_path, capsys):
    partial = tmp_path / "c.csv.partial"
    (partial / "segment_000.json").write_text(
        json.dumps(dynamodb_parts.EMPTY | {"bytes": 9, "pages": 1, "next": 1})
    )
    error = refused(capsys, dynamodb_export.main, *unfinished, "--resume")
    assert "segment_000.jsonl: shorter than it was; pass --overwrite" in error
    (partial / "segment_000.json").write_text("{")
    assert "segment_000.json: broken; pass" in refused(
        capsys, dynamodb_export.main, *unfinished, "--resume"
    )


def test_two_exports_to_one_file_do_not_mix(export, relay, tmp_path, capsys):
    relay.hold_from = 0
    words = ["casos", "--output", str(tmp_path / "c.csv"), "--endpoint_url", relay.url]
    first = subprocess.Popen(
        [sys.executable, str(REPO_ROOT / "utils" / "dynamodb_export.py"), *words],
        stdout=subprocess.DEVNULL,
    )
    assert relay.holding.wait(60)
    error = refused(capsys, dynamodb_export.main, *words, "--overwrite")
    assert f"c.csv.partial: another export is working here (pid {first.pid} on " in error
    relay.release.set()
    assert first.wait(60) == 0
    assert len((tmp_path / "c.csv").read_text(encoding="utf-8").splitlines()) == 31
    assert [path.name for path in tmp_path.iterdir()] == ["c.csv"]


def test_what_is_there_is_kept(export, tmp_path, server, capsys):
    words = ["casos", "--endpoint_url", server, "--output"]
    (tmp_path / "c.csv").write_text("mío")
    assert "c.csv: already there; pass --overwrite" in refused(
        capsys, dynamodb_export.main, *words, tmp_path / "c.csv"
    )
    (tmp_path / "d.csv.partial").mkdir()
    (tmp_path / "d.csv.partial" / "tesis.txt").touch()
    error = refused(capsys, dynamodb_export.main, *words, tmp_path / "d.csv", "--overwrite")
    assert "d.csv.partial: holds no export; choose another --output" in error
    assert (tmp_path / "c.csv").read_text() == "mío" and (
        tmp_path / "d.csv.partial" / "tesis.txt"
    ).exists()
    export("casos", "c.csv", "--overwrite")
    assert "cédula" in (tmp_path / "c.csv").read_text(encoding="utf-8")


REFUSED = {
    "ending": (["--output", "x.parquet"], ["x.parquet", ".jsonl.gz"]),
    "ending only": (["--output", ".csv"], ["--output .csv", "name a file"]),
    "folder": (["--output", "{tmp}/f.csv"], ["f.csv: already there"]),
    "segments": (["--segments", "0"], ["--segments 0", "1 to 256"]),
    "page": (["--page_items", "0"], ["--page_items 0"]),
    "unknown key": (["--key", "kaso=uno"], ["--key kaso", "partition key of casos is caso"]),
    "sort key as key": (["--key", "número=1"], ["--key número", "is caso"]),
    "key without value": (["--key", "caso"], ["--key caso", "NAME=VALUE"]),
    "key and segments": (
        ["--key", "caso=uno", "--segments", "2"],
        ["--segments", "leave one of them out"],
    ),
    "sort without key": (["--sort_prefix", "2"], ["--sort_prefix needs --key"]),
    "two sorts": (["--key", "caso=uno", "--sort_prefix", "2", "--sort_to", "3"], ["one condition"]),
    "prefix of a number": (
        ["--key", "caso=uno", "--sort_prefix", "2"],
        ["--sort_prefix: número is a number"],
    ),
    "no number": (["--key", "caso=uno", "--sort_from", "dos"], ["--sort_from dos", "a number"]),
    "prefix": (["--prefix", "tipo"], ["--prefix tipo", "NAME=VALUE"]),
    "no such index": (["--index", "por_clase"], ["--index por_clase", "por_tipo"]),
    "consistent index": (["--index", "por_tipo", "--consistent"], ["casos: refused", "onsistent"]),
    "time alone": (["--since", "2026-08-01"], ["--time_attribute goes with --since"]),
    "attribute alone": (["--time_attribute", "hora"], ["--time_attribute goes with"]),
    "no time": (
        ["--time_attribute", "hora", "--since", "ayer"],
        ["ayer: not a time", "2026-08-31"],
    ),
    "unknown flag": (["--segmentos", "3"], ["--segmentos", "--segments"]),
    "profile": (["--profile", "otro"], ["profile (otro) could not be found", "--profile"]),
    "region": (["--region", "us east"], ["region_name 'us east'", "--region"]),
    "endpoint": (["--endpoint_url", "localhost"], ["--endpoint_url localhost", "http://host:port"]),
    "unreachable": (
        ["--endpoint_url", "http://127.0.0.1:9", "--attempts", "1"],
        ["cannot be reached", "127.0.0.1:9"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_arguments(case, server, tmp_path, capsys):
    flags, words = REFUSED[case]
    (tmp_path / "f.csv").mkdir()
    flags = [flag.format(tmp=tmp_path) for flag in flags]
    given = ["casos", "--output", tmp_path / "c.csv", "--endpoint_url", server, *flags]
    error = refused(capsys, dynamodb_export.main, *given)
    assert all(word in error for word in words), error
    assert not (tmp_path / "c.csv").exists()


CODES = {
    "ResourceNotFoundException": "no such table; check its name, --region",
    "AccessDeniedException": "access denied (for …); ask for dynamodb:DescribeTable",
    "ExpiredTokenException": "the credentials have expired; log in again",
    "UnrecognizedClientException": "the credentials are not valid; check --profile",
    "InvalidSignatureException": "the credentials are not valid; check --profile",
    "ValidationException": "refused (ValidationException: for …); check the flags",
}


@pytest.mark.parametrize("code", CODES)
def test_refusals_of_the_service(code, relay, tmp_path, capsys):
    relay.always = {"DescribeTable": (code, f"for {KEY_ID}")}
    words = ["resultados", "--output", tmp_path / "r.csv", "--endpoint_url", relay.url]
    error = refused(capsys, dynamodb_export.main, *words)
    assert error.startswith(f"error: resultados: {CODES[code]}")
    assert_silent(error)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("without", "words"),
    [
        (["AWS_DEFAULT_REGION"], "no AWS region is configured; pass --region"),
        (
            ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
            "Unable to locate credentials; set AWS_ACCESS_KEY_ID",
        ),
        (
            ["AWS_SECRET_ACCESS_KEY"],
            "Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY; set",
        ),
    ],
)
def test_configuration_that_lacks(without, words, server, tmp_path, capsys, monkeypatch):
    for name in without:
        monkeypatch.delenv(name)
    error = refused(
        capsys,
        dynamodb_export.main,
        "casos",
        "--output",
        tmp_path / "c.csv",
        "--endpoint_url",
        server,
    )
    assert words in error
    assert_silent(error)


def test_another_service(relay, tmp_path, capsys):
    relay.always = {"DescribeTable": b"<html>hola</html>"}
    error = refused(
        capsys,
        dynamodb_export.main,
        "casos",
        "--output",
        tmp_path / "c.csv",
        "--endpoint_url",
        relay.url,
    )
    assert error == f"error: {relay.url}: what answers there is no DynamoDB; check --endpoint_url"


def test_a_table_that_is_not_there(server, tmp_path, capsys):
    error = refused(
        capsys,
        dynamodb_export.main,
        "nada",
        "--output",
        tmp_path / "n.csv",
        "--endpoint_url",
        server,
    )
    assert error == f"error: nada: {dynamodb_export.NO_TABLE}"


def test_without_boto3(tmp_path, capsys, monkeypatch):
    with monkeypatch.context() as hidden:
        hidden.setitem(sys.modules, "boto3", None)
        bare = importlib.reload(dynamodb_export)
        error = refused(capsys, bare.main, "casos", "--output", tmp_path / "c.csv")
    importlib.reload(dynamodb_export)
    assert error == "error: boto3 is not installed; pip install 'spanish-text-suite[aws]'"


def test_the_help_shows_commands(capsys):
    with pytest.raises(SystemExit) as stop:
        dynamodb_export.main(["--help"])
    printed = capsys.readouterr().out
    assert stop.value.code == 0
    assert (
        "python -m utils.dynamodb_export resultados --output results.csv" in printed
        and "--sort-prefix" in printed
    )
