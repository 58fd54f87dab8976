"""A local S3, a proxy in front of it that spoils answers, the commands that are tried on them."""

import http.client
import json
import re
import socket
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

boto3 = pytest.importorskip(
    "boto3", reason="boto3 is not installed: pip install 'spanish-text-suite[aws]'"
)
moto_server = pytest.importorskip(
    "moto.server", reason="moto is not installed: it stands for S3 in these tests"
)

from utils import s3_sync_dataset  # noqa: E402

SECRET = "un-secreto-que-no-se-dice"
SLOW_DOWN = (
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)
DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


class QuietServer(ThreadingHTTPServer):
    """A server that says nothing of clients that hang up."""

    def handle_error(self, request, client_address):
        pass


class Proxy(BaseHTTPRequestHandler):
    """Passes requests on; GETs of keys in `faults` get their next fault first. `gets` counts them,
    `seen` is all: (method, path, headers).

    `refuse(handler)` may answer instead, with (status, body, headers) or by "close"; `aliases`
    shows other ETags than the service's; `more` are headers that answers to HEADs have besides,
    `hidden` how those begin that they lack; without `parts` the service knows no part numbers.
    """

    protocol_version = "HTTP/1.1"
    upstream, faults, gets, delay = None, {}, Counter(), 0
    refuse, aliases, more, hidden, parts, seen = None, {}, {}, None, True, []

    def log_message(self, *args):
        pass

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        type(self).seen.append((self.command, self.path, dict(self.headers)))
        refused = type(self).refuse and type(self).refuse(self)
        if refused == "close":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return None
        if refused:
            return self.send_whole(*refused)
        if not self.parts:
            self.path = re.sub(r"[?&]partNumber=\d+", "", self.path)
        for real, shown in self.aliases.items():
            if "If-Match" in self.headers:
                self.headers.replace_header(
                    "If-Match", self.headers["If-Match"].replace(shown, real)
                )
        connection = http.client.HTTPConnection(*self.upstream, timeout=20)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        key = self.path.split("?")[0].rsplit("/", 1)[-1]
        is_object = (
            self.command == "GET" and "list-type" not in self.path and "versions" not in self.path
        )
        fault = None
        if is_object:
            time.sleep(self.delay)
            type(self).gets[key] += 1
            fault = self.faults[key].pop(0) if self.faults.get(key) else None
        self.answer(answer, content, fault)

    def answer(self, answer, content, fault):
        status, whole = answer.status, content
        if fault in ("slow down", "denied"):
            status, content = (503, SLOW_DOWN) if fault == "slow down" else (403, DENIED)
            whole = content
        elif fault == "truncated":
            whole = content = content[: len(content) // 2]
        elif fault == "other bytes":
            whole = content = content[::-1]
        elif fault == "flipped bit":
            middle = len(content) // 2
            flipped = bytes([content[middle] ^ 1])
            whole = content = content[:middle] + flipped + content[middle + 1 :]
        elif fault == "dropped":
            content = content[: len(content) // 2]
        for real, shown in self.aliases.items():
            if "list-type" in self.path:
                whole = content = content.replace(real.encode(), shown.encode())
        self.send_response(status)
        for name, value in answer.getheaders():
            if self.hidden and name.lower().startswith(self.hidden):
                continue
            if name.lower() not in (
                "content-length",
                "connection",
                "transfer-encoding",
                "date",
                "server",
            ):
                for real, shown in self.aliases.items():
                    value = value.replace(real, shown)
                self.send_header(name, value)
        if self.command == "HEAD":
            for name, value in self.more.items():
                self.send_header(name, value)
        size = answer.getheader("Content-Length") if self.command == "HEAD" else len(whole)
        self.send_header("Content-Length", size)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        if fault == "dropped":
            self.wfile.flush()
            self.connection.close()
            self.close_connection = True

    def send_whole(self, status, content, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = pass_on


def put(bucket, **objects):
    """Put objects below v1/; the keys are written with __ for /."""
    for key, body in objects.items():
        bucket[0].put_object(Bucket=bucket[1], Key="v1/" + key.replace("__", "/"), Body=body)


def sync(bucket, output, names="train", *flags) -> int:
    return s3_sync_dataset.main(
        [
            f"s3://{bucket[1]}/v1/",
            names,
            "--output",
            str(output),
            "--endpoint-url",
            bucket[2],
            *map(str, flags),
        ]
    )


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder but the manifest."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "manifest.jsonl"
    }


def manifest(folder: Path) -> dict[str, dict]:
    lines = (folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    return {entry["key"]: entry for entry in map(json.loads, lines)}


def put_parts(bucket, key: str, content: bytes, sizes: list[int], **upload) -> str:
    """Put an object below v1/ in parts of these sizes; returns its ETag, without quotes."""
    client, place = bucket[0], {"Bucket": bucket[1], "Key": f"v1/{key}"}
    place["UploadId"] = client.create_multipart_upload(**place, **upload)["UploadId"]
    parts, start = [], 0
    for number, size in enumerate(sizes, 1):
        body = content[start : start + size]
        answer = client.upload_part(**place, PartNumber=number, Body=body, **upload)
        start += size
        kept = {k: v for k, v in answer.items() if k == "ETag" or k.startswith("Checksum")}
        kept.pop("ChecksumType", None)
        parts.append({"PartNumber": number, **kept})
    done = client.complete_multipart_upload(**place, MultipartUpload={"Parts": parts})
    return done["ETag"].strip('"')
