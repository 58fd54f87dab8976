"""What the service, the network and this machine do to a sync or an upload: outages, proxies, own
certificates, other regions, services that know less than Amazon's, full disks, Ctrl-C.
"""

import errno
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest

from tests.helpers import REPO_ROOT, refused
from tests.recipes.utils.s3.helpers import Proxy, QuietServer, manifest, put, sync, tree
from utils import cli, s3_sync_dataset, s3_upload
from utils.s3 import bucket as s3
from utils.s3 import objects as s3_objects

UGLY = re.compile(r"<|Debug source|reqwest|hyper|HTTP error|botocore|Traceback")


@pytest.fixture
def impatient(monkeypatch):
    """An outage is one at once."""
    monkeypatch.setattr(s3_objects, "STOP_AFTER", 3)
    monkeypatch.setattr(s3_objects, "PATIENCE", 0)
    monkeypatch.setattr(s3, "READ_TIMEOUT", 1.5)
    monkeypatch.setattr(s3, "RETRY_TIMEOUT", 1.5)


def words_of(bucket, output, *flags) -> list[str]:
    address = [f"s3://{bucket[1]}/v1/", "train", "--endpoint-url", bucket[2]]
    return [*address, "--output", str(output), *map(str, flags)]


def is_get_of_object(handler) -> bool:
    return handler.command == "GET" and "list-type" not in handler.path


# The service dies.


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("closed", "the connection broke off"),
        ("silent", "the service gives no answer in time"),
        ("unavailable", "the service asks to slow down"),
        ("broken", "the service answers 500"),
    ],
)
def test_a_dead_service_ends_the_sync_and_what_came_is_kept(
    bucket, tmp_path, capsys, impatient, fault, words
):
    put(bucket, **{f"train__{number:03}": b"%d" % number for number in range(100)})

    def refuse(handler):
        if not is_get_of_object(handler) or Proxy.gets.total() < 20:
            return None
        if fault == "silent":
            time.sleep(4)
        if fault in ("silent", "closed"):
            return "close"
        return (503 if fault == "unavailable" else 500), b"<Error><Code>Oh</Code></Error>"

    Proxy.refuse = refuse
    error = refused(capsys, s3_sync_dataset.main, *words_of(bucket, tmp_path / "o", "--workers", 4))
    assert words in error and "times in a row" in error and "run the same command again" in error
    assert not UGLY.search(error)
    came = tree(tmp_path / "o")
    assert 15 <= len(came) < 100 and len(manifest(tmp_path / "o")) == len(came)
    Proxy.refuse = None
    assert sync(bucket, tmp_path / "o") == 0 and len(tree(tmp_path / "o")) == 100
    assert Proxy.gets.total() <= 130  # nothing that was here came again


@pytest.mark.parametrize("command", ["upload", "sync"])
def test_an_outage_that_outlives_the_last_key_is_said_once(
    bucket, tmp_path, capsys, monkeypatch, command
):
    """Where nothing listens a few hundred keys fail sooner than a command loses patience."""
    (tmp_path / "o" / "train").mkdir(parents=True)
    for number in range(40):
        (tmp_path / "o" / "train" / f"{number:03}").write_bytes(b"%d" % number)
    if command == "sync":
        put(bucket, **{f"train__{number:03}": b"d%d" % number for number in range(6)})

    def refuse(handler):
        is_put = handler.command == "PUT" and "/020" in handler.path
        if is_put or is_get_of_object(handler):
            Proxy.more["down"] = "yes"
        return "close" if "down" in Proxy.more else None

    Proxy.refuse = refuse
    monkeypatch.setattr(s3, "RETRIES", 1)
    if command == "sync":
        words = words_of(bucket, tmp_path / "o", "--workers", 1)
        error = refused(capsys, s3_sync_dataset.main, *words)
    else:
        words = [tmp_path / "o", f"s3://{bucket[1]}/v1/", "--endpoint-url", bucket[2]]
        words += ["--workers", 1]
        error = refused(capsys, s3_upload.main, *words)
    assert "times in a row; what is done is kept" in error and not UGLY.search(error)


def test_credentials_that_expire_end_the_sync(bucket, tmp_path, capsys, impatient):
    """Not a line for each of the keys that are left."""
    put(bucket, **{f"train__{number:03}": b"%d" % number for number in range(100)})

    def refuse(handler):
        if is_get_of_object(handler) and Proxy.gets.total() >= 20:
            return 400, b"<Error><Code>ExpiredToken</Code><Message>No.</Message></Error>"
        return None

    Proxy.refuse = refuse
    error = refused(capsys, s3_sync_dataset.main, *words_of(bucket, tmp_path / "o", "--workers", 1))
    assert "the credentials have expired; log in again" in error and "3 times in a row" in error
    assert len(manifest(tmp_path / "o")) == len(tree(tmp_path / "o")) == 20


def test_an_upload_to_a_dead_service_ends(bucket, tmp_path, capsys, impatient):
    folder = tmp_path / "todas"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:02}").write_bytes(b"%d" % number)

    def refuse(handler):
        puts = [seen for seen in Proxy.seen if seen[0] == "PUT"]
        return (500, b"<Error><Code>InternalError</Code></Error>") if len(puts) > 10 else None

    Proxy.refuse = refuse
    words = [folder, f"s3://{bucket[1]}/v1/", "--endpoint-url", bucket[2], "--workers", 2]
    error = refused(capsys, s3_upload.main, *words)
    assert "3 times in a row" in error and not UGLY.search(error)
    assert len([seen for seen in Proxy.seen if seen[0] == "PUT"]) < 40


def test_progress_is_said_where_there_is_no_terminal(bucket, tmp_path, capsys, monkeypatch):
    put(bucket, **{f"train__{number}": b"1" for number in range(8)})
    Proxy.delay = 0.2
    often = cli.report_progress.__wrapped__
    monkeypatch.setattr(often, "__defaults__", (0.1,))
    assert sync(bucket, tmp_path / "o", "train", "--workers", 1) == 0
    assert re.search(r"^sync: \d of 8 files, \d of 8 bytes$", capsys.readouterr().err, re.M)


def test_a_service_that_keeps_silent_is_waited_for_aloud(bucket, tmp_path, capsys, monkeypatch):
    put(bucket, train__a=b"1")

    def slow(handler):
        time.sleep(0.4)

    Proxy.refuse = slow
    often = cli.report_progress.__wrapped__
    monkeypatch.setattr(often, "__defaults__", (0.1,))
    assert sync(bucket, tmp_path / "o") == 0
    told = capsys.readouterr().err
    assert f"s3://{bucket[1]}: waiting for the service to answer\n" in told
    assert f"s3://{bucket[1]}/v1/train/: 0 objects listed so far\n" in told


# Regions.


@pytest.mark.parametrize("how", ["malformed", "redirect"])
def test_the_region_is_learned_from_a_refusal(bucket, tmp_path, how):
    put(bucket, train__a=b"1")

    def refuse(handler):
        if "/eu-south-2/s3/" in handler.headers.get("Authorization", ""):
            return None
        if how == "redirect":
            told = [("x-amz-bucket-region", "eu-south-2")]
            return 301, b"<Error><Code>PermanentRedirect</Code></Error>", told
        code = (
            b"<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-south-2</Region></Error>"
        )
        return 400, code

    Proxy.refuse, Proxy.hidden = refuse, "x-amz-bucket-region"
    assert sync(bucket, tmp_path / "o") == 0 and tree(tmp_path / "o") == {"train/a": b"1"}


def test_a_region_that_nobody_tells_is_said_once(bucket, tmp_path, capsys, impatient):
    put(bucket, **{f"train__{number}": b"1" for number in range(30)})

    def refuse(handler):
        if is_get_of_object(handler):
            return 400, b"<Error><Code>AuthorizationHeaderMalformed</Code></Error>"
        return None

    Proxy.refuse = refuse
    error = refused(capsys, s3_sync_dataset.main, *words_of(bucket, tmp_path / "o"))
    assert "the bucket lies in another region; pass --region" in error


# The way there.


def test_unsigned_requests_carry_no_credentials(bucket, tmp_path, monkeypatch):
    put(bucket, train__a=b"1")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "b.txt").write_bytes(b"2")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    bucket[0].put_object_acl(Bucket=bucket[1], Key="v1/train/a", ACL="public-read")
    assert sync(bucket, tmp_path / "o", "train", "--no_sign_request") == 0
    words = [str(tmp_path / "b"), f"s3://{bucket[1]}/v1/", "--endpoint-url", bucket[2]]
    assert s3_upload.main([*words, "--no-sign-request"]) == 0
    assert {"GET", "HEAD", "PUT"} <= {method for method, _, _ in Proxy.seen}
    assert not [path for _, path, headers in Proxy.seen if "Authorization" in headers]


class Tunnel(BaseHTTPRequestHandler):
    """A plain HTTP proxy, which notes what passes through it."""

    passed: list = []

    def do_GET(self):
        import urllib.request

        type(self).passed.append(f"{self.command} {self.path}")
        headers = {n: v for n, v in self.headers.items() if n.lower() != "proxy-connection"}
        request = urllib.request.Request(self.path, headers=headers, method=self.command)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request) as answer:
            body = answer.read()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in ("connection", "transfer-encoding"):
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *args):
        pass


def test_a_proxy_holds_for_lists_and_for_bytes(bucket, tmp_path, monkeypatch):
    put(bucket, train__a=b"1")
    server = QuietServer(("127.0.0.1", 0), Tunnel)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    Tunnel.passed = []
    for name in ("http_proxy", "https_proxy", "no_proxy", "NO_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.server_port}")
    assert sync(bucket, tmp_path / "o") == 0
    kinds = {("list-type" in line, line.split()[0]) for line in Tunnel.passed}
    assert {(True, "GET"), (False, "GET"), (False, "HEAD")} <= kinds
    Tunnel.passed = []
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    assert sync(bucket, tmp_path / "p") == 0 and not Tunnel.passed
    server.shutdown()
    server.server_close()


@pytest.fixture
def https(bucket, tmp_path):
    """The proxy behind TLS, and the certificate of its own authority: (bucket, certificate)."""
    key, certificate = tmp_path / "clave.pem", tmp_path / "certificado.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    usage = ["-addext", "basicConstraints=critical,CA:FALSE"]
    authority = ["-subj", "/CN=autoridad", "-addext", "keyUsage=keyCertSign"]
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    root, root_key = tmp_path / "raíz.pem", tmp_path / "raíz-clave.pem"
    try:
        run = subprocess.run
        run([*new, "-keyout", root_key, "-out", root, *authority], check=True, capture_output=True)
        signed = ["-CA", root, "-CAkey", root_key]
        run(
            [*new, "-keyout", key, "-out", certificate, *subject, *usage, *signed],
            check=True,
            capture_output=True,
        )
    except FileNotFoundError:
        pytest.skip("openssl is not installed: apt-get install openssl")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = QuietServer(("127.0.0.1", 0), Proxy)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield (*bucket[:2], f"https://localhost:{server.server_port}"), root
    server.shutdown()
    server.server_close()


def test_own_certificates_hold_for_lists_and_for_bytes(https, tmp_path, capsys, monkeypatch):
    bucket, root = https
    put(bucket, train__a=b"1")
    monkeypatch.setenv("AWS_CA_BUNDLE", str(root))
    assert sync(bucket, tmp_path / "o") == 0 and tree(tmp_path / "o") == {"train/a": b"1"}
    monkeypatch.delenv("AWS_CA_BUNDLE")
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    words = words_of(bucket, tmp_path / "p")
    assert "certificate is not trusted; set AWS_CA_BUNDLE" in refused(
        capsys, s3_sync_dataset.main, *words
    )
    monkeypatch.setenv("AWS_CA_BUNDLE", str(tmp_path / "no-hay.pem"))
    assert "no-hay.pem: the certificates cannot be read" in refused(
        capsys, s3_sync_dataset.main, *words
    )


# Services without conditional writes.


def strip_condition(handler):
    """The service takes no notice of the condition."""
    del handler.headers["If-None-Match"]


def refuse_condition(handler):
    """The service refuses the condition."""
    if "If-None-Match" in handler.headers:
        return 501, b"<Error><Code>NotImplemented</Code><Message>A header</Message></Error>"
    return None


@pytest.mark.parametrize("service_does", [strip_condition, refuse_condition, None])
@pytest.mark.parametrize("size", [3, (9 << 20) + 1])
def test_an_upload_replaces_nothing_that_came_meanwhile(
    bucket, tmp_path, capsys, monkeypatch, service_does, size
):
    folder = tmp_path / "todas"
    folder.mkdir()
    (folder / "a").write_bytes(b"1")
    (folder / "b").write_bytes(b"x" * size)
    Proxy.refuse = service_does

    def list_then_meanwhile(*args):
        found = list_before(*args)
        bucket[0].put_object(Bucket=bucket[1], Key="v1/b", Body=b"de otro")
        return found

    list_before = s3_upload.list_objects
    monkeypatch.setattr(s3_upload, "list_objects", list_then_meanwhile)
    words = [str(folder), f"s3://{bucket[1]}/v1/", "--endpoint-url", bucket[2]]
    assert s3_upload.main(words) == 1
    told = capsys.readouterr()
    assert "failed: 'v1/b': is there since a moment ago; run again" in told.err
    assert ("knows no conditional writes" in told.out) is (service_does is not None)
    there = bucket[0].get_object(Bucket=bucket[1], Key="v1/b")["Body"].read()
    assert there == b"de otro"
    assert not bucket[0].list_multipart_uploads(Bucket=bucket[1]).get("Uploads")


def test_large_uploads_carry_the_condition_themselves(bucket, tmp_path, monkeypatch):
    """Not only a question before: what comes while the parts are on their way stays."""
    folder = tmp_path / "todas"
    folder.mkdir()
    (folder / "a").write_bytes(b"x" * (9 << 20))

    def meanwhile(handler):
        if handler.command == "POST" and "uploadId" in handler.path:
            bucket[0].put_object(Bucket=bucket[1], Key="v1/a", Body=b"de otro")

    Proxy.refuse = meanwhile
    words = [str(folder), f"s3://{bucket[1]}/v1/", "--endpoint-url", bucket[2]]
    assert s3_upload.main(words) == 1
    there = bucket[0].get_object(Bucket=bucket[1], Key="v1/a")["Body"].read()
    assert there == b"de otro"


# This machine.


def test_bad_places_and_patterns_are_refused(bucket, tmp_path, capsys):
    put(bucket, train__a=b"1")
    main = s3_sync_dataset.main
    (tmp_path / "archivo").write_text("x", encoding="utf-8")
    for place in (tmp_path / "archivo", tmp_path / "archivo" / "sub"):
        assert "archivo is not a folder" in refused(capsys, main, *words_of(bucket, place))
    assert not Proxy.seen  # said before anything is asked
    assert "not a folder" in refused(capsys, main, "--verify", "--output", tmp_path / "archivo")
    error = refused(capsys, main, *words_of(bucket, tmp_path / "o", "--include", "*.tx"))
    assert "--include '*.tx': matches none of 1 keys" in error and not (tmp_path / "o").exists()
    (tmp_path / "m" / "manifest.jsonl").mkdir(parents=True)
    assert "not a manifest" in refused(capsys, main, *words_of(bucket, tmp_path / "m"))


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="there is no /proc here")
def test_a_place_that_takes_no_files_is_no_busy_one(bucket, capsys):
    put(bucket, train__a=b"1")
    error = refused(capsys, s3_sync_dataset.main, *words_of(bucket, "/proc/nada"))
    assert "/proc takes no new files; choose another place" in error


def test_a_place_that_may_not_be_written_is_refused(bucket, tmp_path, capsys, monkeypatch):
    put(bucket, train__a=b"1")
    monkeypatch.setattr(os, "access", lambda *args: False)  # root may write everywhere
    error = refused(capsys, s3_sync_dataset.main, *words_of(bucket, tmp_path / "o"))
    assert "may not be written to; check permissions" in error


def test_a_full_disk_is_one_line_and_what_came_is_kept(bucket, tmp_path, capsys, monkeypatch):
    put(bucket, **{f"train__{number}": b"1" for number in range(6)})
    from utils.s3 import fetch

    move, moved = fetch.move_into_place, []

    def move_until_full(*args):
        if len(moved) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "train/3")
        moved.append(args)
        return move(*args)

    monkeypatch.setattr(fetch, "move_into_place", move_until_full)
    words = words_of(bucket, tmp_path / "o", "--workers", 1)
    assert "No space left on device; free space" in refused(capsys, s3_sync_dataset.main, *words)
    assert len(manifest(tmp_path / "o")) == len(tree(tmp_path / "o")) == 3


def test_ctrl_c_is_one_line_and_what_came_is_kept(bucket, tmp_path):
    put(bucket, **{f"train__{number:02}": b"1" for number in range(40)})
    Proxy.delay = 0.1
    words = [sys.executable, REPO_ROOT / "utils" / "s3_sync_dataset.py"]
    words += [*words_of(bucket, tmp_path / "o"), "--workers", "2"]
    # A shell's background jobs ignore Ctrl-C, and so would their children.
    process = subprocess.Popen(
        list(map(str, words)),
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while Proxy.gets.total() < 8 and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert re.fullmatch(r"interrupted; what came whole is in .*, the same command .*\n", said)
    assert 0 < len(manifest(tmp_path / "o")) == len(tree(tmp_path / "o")) < 40


def test_two_syncs_into_one_folder_do_not_mix(bucket, tmp_path, capsys):
    put(bucket, **{f"train__{number:02}": b"1" for number in range(20)}, val__b=b"2")
    Proxy.delay = 0.2
    words = [sys.executable, REPO_ROOT / "utils" / "s3_sync_dataset.py"]
    words += [*words_of(bucket, tmp_path / "o"), "--workers", "1"]
    first = subprocess.Popen(list(map(str, words)), stdout=subprocess.DEVNULL)
    while Proxy.gets.total() < 3 and first.poll() is None:
        time.sleep(0.02)
    second = words_of(bucket, tmp_path / "o")
    second[1] = "val"
    error = refused(capsys, s3_sync_dataset.main, *second)
    assert f"another sync is working here (pid {first.pid} on " in error
    assert first.wait(60) == 0
    assert s3_sync_dataset.main(second) == 0 and len(manifest(tmp_path / "o")) == 21
    assert [path.name for path in tmp_path.iterdir()] == ["o"]


def test_an_ascii_terminal_is_written_to(bucket, tmp_path):
    put(bucket, **{"train__año.txt": b"1", "train__ñ/": b"2"})
    words = [sys.executable, REPO_ROOT / "utils" / "s3_sync_dataset.py"]
    words += [*words_of(bucket, tmp_path / "ñ", "--dry-run")]
    done = subprocess.run(
        list(map(str, words)),
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
    )
    assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr


def test_a_folder_has_one_lock_by_whatever_name_it_is_given(bucket, tmp_path, capsys, monkeypatch):
    put(bucket, train__a=b"1")
    (tmp_path / "o").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "o")
    monkeypatch.chdir(tmp_path / "o")
    words = [sys.executable, "-c", HOLD, str(tmp_path / "o")]
    env = os.environ | {"PYTHONPATH": str(REPO_ROOT)}
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=env, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        for output in (".", tmp_path / "link", tmp_path / "o"):
            error = refused(capsys, s3_sync_dataset.main, *words_of(bucket, output))
            assert f"another sync is working here (pid {holder.pid} on " in error
        holder.kill()
    assert s3_sync_dataset.main(words_of(bucket, ".", "--delete")) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "o"]
    assert sorted(path.name for path in (tmp_path / "o").iterdir()) == ["manifest.jsonl", "train"]


HOLD = """
import sys, time
from pathlib import Path
from utils.folders import locked_folder
with locked_folder(Path(sys.argv[1]), "sync"):
    print("held", flush=True)
    time.sleep(30)
"""
