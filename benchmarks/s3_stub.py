"""A local S3 of LIST, HEAD and GET over the files of a folder, fast enough not to be what is
measured.

    python benchmarks/s3_stub.py FOLDER PORT

Path-style addresses; the bucket's name is any. Files are mapped into memory and their MD5 is their
ETag, taken when the stub starts. It checks no signature.
"""

import asyncio
import hashlib
import mmap
import re
import sys
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, unquote
from xml.sax.saxutils import escape

PAGE = 1000  # keys in an answer to a list, as S3 gives them
RANGE = re.compile(rb"\r\nrange: bytes=(\d+)-(\d*)", re.IGNORECASE)

MAPPED = 1 << 20  # bytes from which on a file is mapped, so that large ones need no memory


@dataclass(frozen=True)
class Stored:
    """An object: its bytes and the head of an answer that brings them."""

    content: Any  # bytes or mmap
    etag: str


def read_folder(folder: Path) -> dict[str, Stored]:
    """Every file below the folder by its key."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            size = path.stat().st_size
            with open(path, "rb") as stream:
                if size > MAPPED:
                    content = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
                else:
                    content = stream.read()
            etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
            found[path.relative_to(folder).as_posix()] = Stored(content, etag)
    return found


class Stub(asyncio.Protocol):
    """One connection; requests come one after the other and carry no body."""

    def __init__(self, objects: dict[str, Stored], keys: list[str]):
        self.objects = objects
        self.keys = keys
        self.buffer = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head, self.buffer = self.buffer[:end], self.buffer[end + 4 :]
            self.answer(head)

    def answer(self, head: bytes):
        method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        path, _, query = target.partition("?")
        key = unquote(path.lstrip("/").partition("/")[2])
        if key:
            self.answer_object(method, self.objects.get(key), head)
        elif method == "HEAD":
            self.send("200 OK", b"", 0)
        else:
            page = list_page(self.objects, self.keys, parse_qs(query, keep_blank_values=True))
            self.send("200 OK", page, len(page), "Content-Type: application/xml\r\n")

    def answer_object(self, method: str, stored: Stored | None, head: bytes):
        if stored is None:
            return self.send("404 Not Found", b"<Error><Code>NoSuchKey</Code></Error>", None)
        size = len(stored.content)
        start, stop = 0, size
        status = "200 OK"
        more = f'ETag: "{stored.etag}"\r\nAccept-Ranges: bytes\r\n'
        more += "Last-Modified: Wed, 25 Nov 2026 00:00:00 GMT\r\n"
        asked = RANGE.search(head)
        if asked:
            start = int(asked[1])
            stop = min(size, int(asked[2]) + 1) if asked[2] else size
            status = "206 Partial Content"
            more += f"Content-Range: bytes {start}-{stop - 1}/{size}\r\n"
        body = b"" if method == "HEAD" else memoryview(stored.content)[start:stop]
        self.send(status, body, stop - start, more)

    def send(self, status: str, body, size: int | None, more: str = ""):
        size = len(body) if size is None else size
        self.transport.write(
            f"HTTP/1.1 {status}\r\nContent-Length: {size}\r\nx-amz-bucket-region: us-east-1\r\n"
            f"{more}\r\n".encode()
        )
        if len(body):
            self.transport.write(body)


def list_page(objects: dict[str, Stored], keys: list[str], query: dict[str, list[str]]) -> bytes:
    """A page of ListObjectsV2; the continuation token is the last key of the page before."""
    prefix = query.get("prefix", [""])[0]
    after = query.get("continuation-token", [""])[0]
    start = bisect_right(keys, after) if after else bisect_left(keys, prefix)
    page = []
    for key in keys[start : start + PAGE]:
        if not key.startswith(prefix):
            break
        page.append(key)
    behind = keys[start + PAGE : start + PAGE + 1]
    more = len(page) == PAGE and bool(behind) and behind[0].startswith(prefix)
    is_url = query.get("encoding-type") == ["url"]
    code = quote if is_url else escape
    parts = [
        '<?xml version="1.0"?>',
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
        f"<Name>b</Name><Prefix>{code(prefix)}</Prefix>",
        f"<KeyCount>{len(page)}</KeyCount><MaxKeys>{PAGE}</MaxKeys>",
        f"<IsTruncated>{str(more).lower()}</IsTruncated>",
    ]
    if is_url:
        parts.append("<EncodingType>url</EncodingType>")
    if more:
        parts.append(f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>")
    for key in page:
        stored = objects[key]
        parts.append(
            f"<Contents><Key>{code(key)}</Key><LastModified>2026-11-25T00:00:00.000Z</LastModified>"
            f"<ETag>&quot;{stored.etag}&quot;</ETag><Size>{len(stored.content)}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
        )
    return "".join([*parts, "</ListBucketResult>"]).encode()


async def serve(folder: Path, port: int):
    """Answer on the loopback address until the process ends; prints a line when it listens."""
    objects = read_folder(folder)
    keys = sorted(objects)
    server = await asyncio.get_running_loop().create_server(
        lambda: Stub(objects, keys), "127.0.0.1", port
    )
    print(f"listening on {server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
