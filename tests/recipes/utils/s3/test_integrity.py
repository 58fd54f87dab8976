"""Every byte that a sync accepts was compared with S3: parts of unusual sizes, composite checksums,
encrypted objects, services that offer nothing.
"""

import hashlib
import json
import os

import pytest

from tests.recipes.utils.s3.helpers import (
    Proxy,
    manifest,
    put,
    put_parts,
    sync,
    tree,
)
from utils import s3_sync_dataset
from utils.s3.checksums import checksum_of
from utils.s3.crc import Crc

CONTENT = bytes(range(256)) * 78_125  # 20 MB
ODD = [7_000_000, 7_000_000, 6_000_000]  # no usual part size cuts 20 MB into three


@pytest.mark.parametrize(
    ("kind", "value"),
    [("crc32", 0xCBF43926), ("crc32c", 0xE3069283), ("crc64nvme", 0xAE8B14860A799888)],
)
def test_checksums_have_the_check_values_of_the_catalogue(kind, value):
    crc = Crc(kind)
    for piece in (b"", b"12", b"3456789"):
        crc.update(piece)
    assert int.from_bytes(crc.digest(), "big") == value


@pytest.mark.parametrize(
    ("sizes", "parts", "how"),
    [
        (ODD, True, "multipart md5"),
        ([5_500_000, 9_000_000, 5_500_000], True, "multipart md5"),  # not even equal ones
        (ODD, False, "fetched twice"),  # a service that knows no part numbers
    ],
)
def test_a_flipped_bit_in_parts_of_no_usual_size_is_found(
    bucket, tmp_path, capsys, sizes, parts, how
):
    put_parts(bucket, "train/grande", CONTENT, sizes)
    Proxy.faults, Proxy.parts = {"grande": ["flipped bit"]}, parts
    assert sync(bucket, tmp_path / "o") == 0
    assert tree(tmp_path / "o") == {"train/grande": CONTENT}
    assert manifest(tmp_path / "o")["v1/train/grande"]["checked"] == how
    told = capsys.readouterr().out
    assert ("1 of them were fetched twice" in told) is (how == "fetched twice")
    # A bit that flips on this disk is found by --verify and --checksum, whatever the time says.
    file = tmp_path / "o" / "train" / "grande"
    times = file.stat().st_atime_ns, file.stat().st_mtime_ns
    file.write_bytes(CONTENT[:-1] + b"\x00")
    os.utime(file, ns=times)
    verify = ["--verify", "--output", str(tmp_path / "o")]
    assert s3_sync_dataset.main(verify) == 1
    assert sync(bucket, tmp_path / "o", "train", "--checksum") == 0
    assert file.read_bytes() == CONTENT and s3_sync_dataset.main(verify) == 0


def test_a_lasting_flipped_bit_is_named(bucket, tmp_path, capsys):
    put_parts(bucket, "train/grande", CONTENT, ODD)
    Proxy.faults = {"grande": ["flipped bit"] * 9}
    assert sync(bucket, tmp_path / "o") == 1
    assert "other bytes than S3 stored (multipart md5 differs)" in capsys.readouterr().err
    assert not tree(tmp_path / "o")


@pytest.mark.parametrize("kind", ["sha256", "sha1", "crc64nvme", "crc32c", "crc32", None])
def test_encrypted_objects_are_held_against_their_checksum(bucket, tmp_path, kind):
    """Under KMS an ETag looks like an MD5 and is none."""
    content = "cédula ñ ".encode() * 1000
    (tmp_path / "a").write_bytes(content)
    etag = bucket[0].put_object(Bucket=bucket[1], Key="v1/train/a", Body=content)["ETag"]
    Proxy.aliases = {etag.strip('"'): "0123456789abcdef" * 2}
    Proxy.more = {"x-amz-server-side-encryption": "aws:kms"}
    Proxy.hidden = "x-amz-checksum"
    if kind:
        value = checksum_of(tmp_path / "a", kind)
        Proxy.more |= {f"x-amz-checksum-{kind}": value, "x-amz-checksum-type": "FULL_OBJECT"}
    Proxy.faults = {"a": ["flipped bit"]}
    assert sync(bucket, tmp_path / "o") == 0
    assert (tmp_path / "o" / "train" / "a").read_bytes() == content
    assert manifest(tmp_path / "o")["v1/train/a"]["checked"] == (kind or "fetched twice")
    if kind:  # without a manifest the checksum is asked for, and nothing fetched
        (tmp_path / "o" / "manifest.jsonl").unlink()
        count = Proxy.gets.total()
        assert sync(bucket, tmp_path / "o") == 0 and Proxy.gets.total() == count


def test_composite_checksums_are_held_against_the_parts(bucket, tmp_path):
    etag = put_parts(bucket, "train/grande", CONTENT, ODD, ChecksumAlgorithm="SHA256")
    Proxy.aliases = {etag: "0123456789abcdef" * 2 + "-3"}
    Proxy.more = {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-checksum-type": "COMPOSITE",
    }
    Proxy.faults = {"grande": ["flipped bit"]}
    assert sync(bucket, tmp_path / "o") == 0
    assert tree(tmp_path / "o") == {"train/grande": CONTENT}
    assert manifest(tmp_path / "o")["v1/train/grande"]["checked"] == "composite sha256"


def test_files_known_by_their_size_alone_are_doubted(bucket, tmp_path, capsys):
    """An earlier version accepted such files, and its manifest vouches for whatever came."""
    put_parts(bucket, "train/grande", CONTENT, ODD)
    put(bucket, train__b=b"2")
    output = tmp_path / "o"
    assert sync(bucket, output) == 0
    file = output / "train" / "grande"
    file.write_bytes(CONTENT[:-1] + b"\x00")
    entries = manifest(output)
    entries["v1/train/grande"] |= {
        "checked": "size",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "mtime_ns": file.stat().st_mtime_ns,
    }
    lines = [json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries.values()]
    (output / "manifest.jsonl").write_text("".join(lines), encoding="utf-8")
    capsys.readouterr()
    assert s3_sync_dataset.main(["--verify", "--output", str(output)]) == 0
    told = capsys.readouterr().out
    assert (
        "2 of 2 files as in the manifest" in told and "1 of them were checked by their size" in told
    )
    assert sync(bucket, output, "train", "--checksum") == 0
    assert file.read_bytes() == CONTENT
    assert manifest(output)["v1/train/grande"]["checked"] == "multipart md5"


def test_a_key_that_ends_in_a_slash_and_has_bytes_is_named(bucket, tmp_path, capsys):
    put(bucket, train__a=b"1", train__vacía__=b"", train__llena__=b"doce bytes..")
    assert sync(bucket, tmp_path / "o") == 1
    told = capsys.readouterr().err
    assert "'v1/train/llena/': a name that ends in / with 12 bytes" in told and "vacía" not in told
    assert tree(tmp_path / "o") == {"train/a": b"1"}


@pytest.mark.parametrize("status", [400, 501])
def test_services_that_refuse_part_numbers_are_asked_twice(bucket, tmp_path, status):
    put_parts(bucket, "train/grande", CONTENT, ODD)

    def refuse(handler):
        return (status, b"") if "partNumber=" in handler.path else None

    Proxy.refuse = refuse
    Proxy.faults = {"grande": ["flipped bit"]}
    assert sync(bucket, tmp_path / "o") == 0
    assert tree(tmp_path / "o") == {"train/grande": CONTENT}
    assert manifest(tmp_path / "o")["v1/train/grande"]["checked"] == "fetched twice"


def test_one_part_is_whatever_size_it_has(bucket, tmp_path):
    put_parts(bucket, "train/uno", b"un documento", [12])
    assert sync(bucket, tmp_path / "o") == 0
    assert manifest(tmp_path / "o")["v1/train/uno"]["checked"] == "multipart md5"
