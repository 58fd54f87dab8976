"""Sync from and upload to S3 over real sockets: a local service, a proxy that spoils answers,
hostile keys, kills.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers import REPO_ROOT, refused
from tests.recipes.utils.s3.helpers import (
    SECRET,
    Proxy,
    manifest,
    put,
    put_parts,
    sync,
    tree,
)
from utils import s3_sync_dataset, s3_upload
from utils.s3 import fetch as s3_fetch


def test_sync_brings_subfolders_and_verify_holds(bucket, tmp_path, capsys, monkeypatch):
    put(
        bucket,
        **{
            "train__año 1.txt": "cédula ñ".encode(),
            "train__b__c+d.txt": b"2",
            "val__vacío.txt": b"",
            "otro__x.txt": b"no",
            "train__carpeta__": b"",
        },
    )
    monkeypatch.chdir(tmp_path)
    words = [
        sys.executable,
        str(REPO_ROOT / "utils" / "s3_sync_dataset.py"),
        f"s3://{bucket[1]}/v1/",
        "train,val",
        "--endpoint-url",
        bucket[2],
    ]
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=tmp_path
    )  # as the origin project called it
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "temp_data") == {
        "train/año 1.txt": "cédula ñ".encode(),
        "train/b/c+d.txt": b"2",
        "val/vacío.txt": b"",
    }
    assert "train: 2 fetched" in done.stdout and SECRET not in done.stdout + done.stderr
    entry = manifest(tmp_path / "temp_data")["v1/train/año 1.txt"]
    assert (entry["path"], entry["size"], entry["checked"]) == ("train/año 1.txt", 10, "md5")
    assert not (tmp_path / "temp_data" / ".s3_sync").exists()
    assert s3_sync_dataset.main(["--verify"]) == 0
    (tmp_path / "temp_data" / "train" / "año 1.txt").write_bytes("cédula n.".encode())
    (tmp_path / "temp_data" / "val" / "vacío.txt").unlink()
    capsys.readouterr()
    assert s3_sync_dataset.main(["--verify"]) == 1
    told = capsys.readouterr()
    assert "other bytes of the same size" in told.err or "bytes instead of" in told.err
    assert "'val/vacío.txt': missing" in told.err and "1 of 3 files" in told.out


def test_only_what_changed_is_fetched_even_of_the_same_size(bucket, tmp_path):
    put(bucket, train__a=b"1111", train__b=b"2222", train__c=b"3333")
    assert sync(bucket, tmp_path / "o") == 0 and Proxy.gets.total() == 3
    assert sync(bucket, tmp_path / "o") == 0 and Proxy.gets.total() == 3  # lists only
    put(bucket, train__b=b"9999")
    assert sync(bucket, tmp_path / "o") == 0 and Proxy.gets == Counter(a=1, b=2, c=1)
    assert tree(tmp_path / "o")["train/b"] == b"9999"
    # A local change of the same size and even the same time is seen with --checksum.
    file = tmp_path / "o" / "train" / "a"
    before = file.stat()
    file.write_bytes(b"0000")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert sync(bucket, tmp_path / "o", "train", "--checksum") == 0 and file.read_bytes() == b"1111"
    # Without a manifest the bytes themselves are asked.
    (tmp_path / "o" / "manifest.jsonl").unlink()
    count = Proxy.gets.total()
    assert sync(bucket, tmp_path / "o") == 0 and Proxy.gets.total() == count
    assert len(manifest(tmp_path / "o")) == 3


def test_manifest_keeps_other_subfolders(bucket, tmp_path):
    put(bucket, train__a=b"1", val__b=b"2")
    assert sync(bucket, tmp_path / "o", "train") == 0 and sync(bucket, tmp_path / "o", "val") == 0
    assert sorted(manifest(tmp_path / "o")) == ["v1/train/a", "v1/val/b"]
    assert sync(bucket, tmp_path / "p", ".") == 0 and len(manifest(tmp_path / "p")) == 2
    assert (
        sync(bucket, tmp_path / "p", ".", "--include", "val/*") == 0
        and len(manifest(tmp_path / "p")) == 2
    )


def test_delete_include_exclude_and_dry_run(bucket, tmp_path, capsys):
    put(bucket, **{"train__a.txt": b"1", "train__b.png": b"2"})
    output = tmp_path / "o"
    assert sync(bucket, output, "train", "--dry-run") == 0 and not output.exists()
    assert "would fetch v1/train/a.txt" in capsys.readouterr().out
    assert sync(bucket, output, "train", "--include", "*.txt") == 0
    assert list(tree(output)) == ["train/a.txt"]
    for name in ("viejo.txt", "viejo.png"):
        (output / "train" / name).write_bytes(b"x")
    (output / "otra").mkdir()
    (output / "otra" / "mía.txt").write_bytes(b"x")
    assert (
        sync(bucket, output, "train", "--delete", "--dry-run") == 0
        and (output / "train" / "viejo.txt").exists()
    )
    assert sync(bucket, output, "train", "--delete", "--exclude", "*.png") == 0
    assert sorted(tree(output)) == ["otra/mía.txt", "train/a.txt", "train/viejo.png"]


@pytest.mark.parametrize("fault", ["slow down", "truncated", "other bytes", "dropped"])
def test_a_passing_fault_is_overcome(bucket, tmp_path, fault):
    put(bucket, train__a=b"hola" * 100, train__b=b"2")
    Proxy.faults = {"a": [fault]}
    assert sync(bucket, tmp_path / "o") == 0
    assert tree(tmp_path / "o") == {"train/a": b"hola" * 100, "train/b": b"2"}


@pytest.mark.parametrize(
    "fault, words",
    [
        ("slow down", "asks to slow down"),
        ("denied", "access denied"),
        ("truncated", "cut off: 200 of 400 bytes"),
        ("other bytes", "other bytes than S3 stored"),
        ("dropped", "the connection broke off"),
    ],
)
def test_a_lasting_fault_is_named_and_leaves_nothing(bucket, tmp_path, capsys, fault, words):
    put(bucket, train__a=b"hola" * 100, train__b=b"2")
    Proxy.faults = {"a": [fault] * 50}
    assert sync(bucket, tmp_path / "o") == 1
    told = capsys.readouterr()
    assert (
        "failed: 'v1/train/a'" in told.err
        and words in told.err
        and SECRET not in told.err + told.out
    )
    assert tree(tmp_path / "o") == {"train/b": b"2"}  # nothing half, nothing left over
    assert list(manifest(tmp_path / "o")) == ["v1/train/b"]
    Proxy.faults = {}
    assert sync(bucket, tmp_path / "o") == 0 and len(manifest(tmp_path / "o")) == 2


def test_hostile_keys_land_nowhere_else(bucket, tmp_path, capsys):
    keys = [
        "../../fuera",
        "a/../../../fuera",
        "/etc/fuera",
        "a//b",
        "a\\b",
        "x\x01y",
        "x\ny",
        "Doc.txt",
        "doc.txt",
        "año.txt",
        "an\u0303o.txt",
        "d",
        "d/e",
        "carpeta/",
        ".",
        "..",
        "n" * 300,
        "bien.txt",
    ]
    for key in keys:
        try:
            bucket[0].put_object(Bucket=bucket[1], Key=f"v1/train/{key}", Body=key.encode())
        except Exception as error:  # the stand-in refuses some, as S3 does
            print(key, error)
    (tmp_path / "hogar").mkdir()
    assert sync(bucket, tmp_path / "hogar" / "o") == 1
    landed = tree(tmp_path)
    assert all(
        name.startswith("hogar/o/train/") for name in landed if not name.endswith(".s3_sync")
    ), landed
    names = {name.removeprefix("hogar/o/train/") for name in landed}
    assert (
        {"bien.txt", "d/e"}
        <= names
        <= {"bien.txt", "d/e", "Doc.txt", "doc.txt", "año.txt", "an\u0303o.txt"}
    )
    assert len({name.casefold() for name in names}) == len(names)
    told = capsys.readouterr().err
    for words in (
        "with . or .. in it",
        "an empty name in it",
        "a backslash",
        "also a folder, of v1/train/d/e",
        "but for case or Unicode form",
    ):
        assert words in told, words


def test_a_link_out_of_the_folder_is_not_followed(bucket, tmp_path, capsys):
    put(bucket, **{"train__sub__a": b"1", "train__b": b"2"})
    (tmp_path / "fuera").mkdir()
    (tmp_path / "o" / "train").mkdir(parents=True)
    (tmp_path / "o" / "train" / "sub").symlink_to(tmp_path / "fuera")
    assert sync(bucket, tmp_path / "o") == 1
    assert "leads out of the output folder" in capsys.readouterr().err
    assert not any((tmp_path / "fuera").iterdir()) and (tmp_path / "o" / "train" / "b").exists()


def test_large_objects_come_in_ranges_and_resume(bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(s3_fetch, "LARGE", 6 << 20)
    monkeypatch.setattr(s3_fetch, "RANGE", 1 << 20)
    content = os.urandom((17 << 20) + 5)
    size = 8 << 20
    put_parts(bucket, "train/grande", content, [size, size, len(content) - 2 * size])
    Proxy.faults = {"grande": [None] * 9 + ["denied"] * 9}
    assert sync(bucket, tmp_path / "o", "train", "--workers", "2") == 1
    assert tree(tmp_path / "o").keys() == {
        f".s3_sync/{p.name}" for p in (tmp_path / "o" / ".s3_sync").iterdir()
    }
    first, Proxy.faults, Proxy.gets = Proxy.gets["grande"], {}, Counter()
    assert sync(bucket, tmp_path / "o", "train", "--workers", "2") == 0
    assert 0 < Proxy.gets["grande"] <= 18 - 9 < first + 9
    assert tree(tmp_path / "o") == {"train/grande": content}
    assert manifest(tmp_path / "o")["v1/train/grande"]["checked"] == "multipart md5"
    Proxy.gets = Counter()
    assert sync(bucket, tmp_path / "o") == 0 and not Proxy.gets


def test_version_ids_are_recorded(bucket, tmp_path):
    bucket[0].put_bucket_versioning(Bucket=bucket[1], VersioningConfiguration={"Status": "Enabled"})
    put(bucket, train__a=b"1", train__b=b"2")
    put(bucket, train__a=b"3")
    bucket[0].delete_object(Bucket=bucket[1], Key="v1/train/b")
    assert sync(bucket, tmp_path / "o", "train", "--version-ids") == 0
    assert tree(tmp_path / "o") == {"train/a": b"3"}
    latest = bucket[0].head_object(Bucket=bucket[1], Key="v1/train/a")["VersionId"]
    assert manifest(tmp_path / "o")["v1/train/a"]["version_id"] == latest


def test_a_killed_sync_leaves_no_half_file_and_resumes(bucket, tmp_path):
    contents = {f"train__{i:03}.txt": f"documento {i} ñ ".encode() * 2000 for i in range(60)}
    put(bucket, **contents)
    Proxy.delay = 0.1
    words = [
        sys.executable,
        "-m",
        "utils.s3_sync_dataset",
        f"s3://{bucket[1]}/v1/",
        "train",
        "--output",
        str(tmp_path / "o"),
        "--endpoint-url",
        bucket[2],
        "--workers",
        "2",
    ]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while Proxy.gets.total() < 12 and process.poll() is None:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    landed = {
        name: body for name, body in tree(tmp_path / "o").items() if not name.startswith(".s3_sync")
    }
    assert 0 < len(landed) < 60
    expected = {name.replace("__", "/"): body for name, body in contents.items()}
    assert all(body == expected[name] for name, body in landed.items())
    Proxy.delay, Proxy.gets = 0, Counter()
    assert sync(bucket, tmp_path / "o") == 0
    assert tree(tmp_path / "o") == expected
    # Names, not a count: a request the dead process had sent may be served, and counted, only now.
    assert set(Proxy.gets) == {Path(name).name for name in expected.keys() - landed.keys()}
    assert s3_sync_dataset.main(["--verify", "--output", str(tmp_path / "o")]) == 0


def test_sync_refuses(bucket, tmp_path, capsys, monkeypatch):
    put(bucket, train__a=b"1", val__b=b"2")
    main, url, here = s3_sync_dataset.main, f"s3://{bucket[1]}/v1/", ["--endpoint-url", bucket[2]]
    end = [*here, "--output", tmp_path / "o"]
    assert "there is: train, val" in refused(capsys, main, url, "trian", *end)
    assert "no such bucket" in refused(capsys, main, "s3://no-hay-tal/v1/", "train", *end)
    assert "not an address of S3" in refused(capsys, main, "http://x/v1/", "train", *end)
    assert "with . or .. in it" in refused(capsys, main, url, "../train", *end)
    assert "give the address and the subfolders" in refused(capsys, main, *end)
    assert "at least 1" in refused(capsys, main, url, "train", "--workers", "0", *end)
    assert "--profile" in refused(capsys, main, url, "train", "--profile", "nadie", *end)
    assert "no manifest there" in refused(capsys, main, "--verify", "--output", tmp_path / "o")
    assert "cannot be reached" in refused(
        capsys, main, url, "train", *end, "--endpoint-url", "http://127.0.0.1:9"
    )
    (tmp_path / "archivo").write_text("x", encoding="utf-8")
    assert "not a folder" in refused(
        capsys, main, url, "train", *here, "--output", tmp_path / "archivo"
    )
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "manifest.jsonl").write_text('{"otra": "cosa"}\n', encoding="utf-8")
    assert "not a manifest of this tool" in refused(
        capsys, main, url, "train", *here, "--output", tmp_path / "m"
    )
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    message = refused(capsys, main, url, "train", *end)
    assert "no credentials found" in message and SECRET not in message
    assert not (tmp_path / "o").exists()


def test_upload_never_overwrites_unasked(bucket, tmp_path, capsys):
    folder = tmp_path / "todas"
    (folder / "sub").mkdir(parents=True)
    (folder / "factura ñ.txt").write_bytes(b"1")
    (folder / "sub" / "an\u0303o.txt").write_bytes(b"2")
    (folder / ".oculto").write_bytes(b"3")
    (folder / "enlace").symlink_to(folder / "factura ñ.txt")
    words = [str(folder), f"s3://{bucket[1]}/caso_uno", "--endpoint-url", bucket[2]]
    assert s3_upload.main([*words, "--dry-run"]) == 0
    assert "2 to put" in capsys.readouterr().out
    assert "Contents" not in bucket[0].list_objects_v2(Bucket=bucket[1])
    assert s3_upload.main(words) == 0
    assert (
        "2 put, 0 the same, 0 failed, 2 links and hidden files left out" in capsys.readouterr().out
    )
    keys = [entry["Key"] for entry in bucket[0].list_objects_v2(Bucket=bucket[1])["Contents"]]
    assert keys == ["caso_uno/factura ñ.txt", "caso_uno/sub/año.txt"]
    assert s3_upload.main(words) == 0 and "0 put, 2 the same" in capsys.readouterr().out
    (folder / "factura ñ.txt").write_bytes(b"9")
    assert s3_upload.main(words) == 1
    assert "pass --overwrite" in capsys.readouterr().err
    read = {"Bucket": bucket[1], "Key": "caso_uno/factura ñ.txt"}
    assert bucket[0].get_object(**read)["Body"].read() == b"1"
    assert (
        s3_upload.main([*words, "--overwrite"]) == 0
        and bucket[0].get_object(**read)["Body"].read() == b"9"
    )


def test_large_uploads_and_the_way_back(bucket, tmp_path):
    (tmp_path / "todas").mkdir()
    content = os.urandom((20 << 20) + 3)
    (tmp_path / "todas" / "grande.pdf").write_bytes(content)
    words = [str(tmp_path / "todas"), f"s3://{bucket[1]}/v1/train/", "--endpoint-url", bucket[2]]
    assert s3_upload.main(words) == 0 and s3_upload.main(words) == 0
    assert sync(bucket, tmp_path / "o") == 0 and tree(tmp_path / "o") == {
        "train/grande.pdf": content
    }


def test_upload_refuses(bucket, tmp_path, capsys):
    url = [f"s3://{bucket[1]}/x/", "--endpoint-url", bucket[2]]
    assert "no such folder" in refused(capsys, s3_upload.main, tmp_path / "no", *url)
    (tmp_path / "vacía").mkdir()
    assert "no file in it" in refused(capsys, s3_upload.main, tmp_path / "vacía", *url)
