"""The image benchmark runs at a tiny size, its tables are whole, and its ways do the same work."""

import json

import numpy as np
import pytest

from benchmarks import image_throughput
from tests.helpers import refused
from utils.errors import InputError


@pytest.mark.slow
def test_tables(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(image_throughput, "run_way", image_throughput.measure)
    output = image_throughput.main(
        [
            "--shapes",
            "resnet-tiny",
            "--pages",
            "40",
            "--width",
            "120",
            "--max_seconds",
            "0.2",
            "--use_cpu",
            "--output",
            str(tmp_path),
        ]
    )
    results = json.loads((tmp_path / "image_throughput.json").read_text(encoding="utf-8"))
    rows = results["shapes"]["resnet-tiny"]
    assert [row["way"] for row in rows if row["task"] == "predict"] == [
        "pipeline-1",
        "pipeline-32",
        "suite",
    ]
    assert [row["way"].split("-")[0] for row in rows if row["task"] == "train"] == [
        "stock",
        "stock",
        "suite",
        "suite",
    ]
    for row in rows:
        assert row["per_second"] > 0 and row["ratio"] > 0 and row["peak_mb"] > 0
        if row["task"] == "predict":
            assert row["max_difference"] < 1e-4 and row["images"] == 38
        else:
            assert (
                row["loader_per_second"] > 0 and 0 < row["first_epoch"] < row["per_second"] * 1.01
            )
    report = output.read_text(encoding="utf-8")
    assert report in capsys.readouterr().out and report.count("\n| ") == 7 + 4


def test_other_work_is_refused(tmp_path, capsys):
    for name, shift in (("pipeline-1", 0.0), ("suite", 0.01)):
        np.save(tmp_path / f"predict-{name}.npy", np.full((4, 2), 0.5) + shift)
    with pytest.raises(InputError, match="differ from the pipeline's by 1.0e-02"):
        image_throughput.agreement(tmp_path, {"way": "suite"})
    assert "--shapes 'huge'" in refused(capsys, image_throughput.main, "--shapes", "huge")
    assert "--pages 3" in refused(capsys, image_throughput.main, "--pages", "3")
