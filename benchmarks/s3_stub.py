"""A local S3 of LIST, HEAD and GET over the files of a folder, fast enough not to be what is
measured.

    python benchmarks/s3_stub.py FOLDER PORT

Path-style addresses; the bucket's name is any. Files are mapped into memory and their MD5 is their
ETag, taken when the stub starts. It checks no signature.
"""

import asyncio
import hashlib
import mmap
import sys
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote
from xml.sax.saxutils import escape

PAGE = 1000


@dataclass(frozen=True)
class Stored:
    """An object: its bytes and the head of an answer that brings them."""

    content: object  # bytes or mmap
    etag: str


def read_folder(folder: Path) -> dict[str, Stored]:
    """Every file below the folder by its key."""
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            size = path.stat().st_size
            with open(path, "rb") as stream:
                content = (
                    mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
                    if size > 1 << 20
                    else stream.read()
                )
            etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
            found[path.relative_to(folder).as_posix()] = Stored(content, etag)
    return found


class Stub(asyncio.Protocol):
    """One connection; requests come one after the other and carry no body."""

    def __init__(self, objects: dict[str, Stored], keys: list[str]):
        self.objects, self.keys, self.buffer = objects, keys, b""

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
        size, start, stop, status, more = len(stored.content), 0, len(stored.content), "200 OK", ""
        if (place := head.lower().find(b"\r\nrange: bytes=")) >= 0:
            first, _, last = head[
                place + 15 : head.find(b"\r\n", place + 2) % (len(head) + 1)
            ].partition(b"-")
            start, stop = int(first), min(size, int(last) + 1) if last else size
            status, more = (
                "206 Partial Content",
                f"Content-Range: bytes {start}-{stop - 1}/{size}\r\n",
            )
        more += f'ETag: "{stored.etag}"\r\nLast-Modified: Wed, 25 Nov 2026 00:00:00 GMT\r\nAccept-Ranges: bytes\r\n'
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
    prefix, after = query.get("prefix", [""])[0], query.get("continuation-token", [""])[0]
    start = bisect_right(keys, after) if after else bisect_left(keys, prefix)
    page = []
    for key in keys[start : start + PAGE]:
        if not key.startswith(prefix):
            break
        page.append(key)
    more = len(page) == PAGE and start + PAGE < len(keys) and keys[start + PAGE].startswith(prefix)
    code = quote if query.get("encoding-type") == ["url"] else escape
    parts = [
        '<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<Name>b</Name><Prefix>{code(prefix)}</Prefix><KeyCount>{len(page)}</KeyCount><MaxKeys>{PAGE}</MaxKeys>"
        f"<IsTruncated>{str(more).lower()}</IsTruncated>"
    ]
    if code is quote:
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
