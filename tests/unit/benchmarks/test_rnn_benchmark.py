"""The RNN benchmark runs at a tiny size, its tables are whole, and its ways do the same work."""

import json
from pathlib import Path

import datasets
import numpy as np
import pytest

from benchmarks import rnn_contenders, rnn_reference, rnn_throughput
from rnn_baseline.arguments import ModelArguments
from rnn_baseline.tokenization import encode_texts, learn_tokenizer
from tests.helpers import refused
from utils.errors import InputError


def in_this_process(what, data, work, one_core=True):
    """`way` without a process of its own."""
    result = Path(data["cache"] + ".json")
    rnn_contenders.work_on(work | {"cache": data["cache"], "result": str(result)})
    found = json.loads(result.read_text(encoding="utf-8"))
    return {"what": what, "cores": 1 if one_core else 2, "peak_mb": 1.0, "private_mb": 1.0} | found


@pytest.mark.slow
def test_tables(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        datasets.config, "HF_DATASETS_CACHE", datasets.config.HF_DATASETS_CACHE
    )  # the ways set it
    monkeypatch.setattr(rnn_throughput, "way", in_this_process)
    monkeypatch.setitem(rnn_contenders.SHAPES, "best", {"num_layers": 3, "hidden_size": 8})
    output = rnn_throughput.main(
        [
            "--prepare_rows",
            "800",
            "--rows",
            "800",
            "--epochs",
            "1",
            "--wide_rows",
            "200",
            "--predict_rows",
            "200",
            "--batches",
            "256",
            "--scale_rows",
            "800",
            "--scale_steps",
            "2",
            "--output",
            str(tmp_path),
        ]
    )
    tables = json.loads((tmp_path / "rnn_throughput.json").read_text(encoding="utf-8"))["tables"]
    ratios = [row["ratio"] for row in tables["prepare"] if "ratio" in row]
    assert len(ratios) == 5 and ratios[2] == ratios[4] == 1.0
    assert len({row["checksum"] for row in tables["prepare"] if "checksum" in row}) == 1
    for name, linear in (("train 001-best", 2), ("train best", 0)):
        suite = [row for row in tables[name] if row["what"].startswith("suite")]
        assert len(suite) in (2, 4) and len(tables[name]) == 2 + len(suite) + linear
        assert all(row["titles_per_second"] > 0 and 0 <= row["test"] <= 1 for row in tables[name])
    assert [row["difference"] < 1e-4 for row in tables["predict"]] == [True] * 4
    assert [row["rows"] for row in tables["scale"]] == [800] * 4
    report = output.read_text(encoding="utf-8")
    assert report in capsys.readouterr().out and report.count("\nGoal of ") == 3
    assert report.count("\n| ") == sum(len(rows) + 2 for rows in tables.values())


def test_rows_become_the_same_ids():
    texts = [
        "Manubrio Saltplus Hq (4 Pzas)",
        "<b>Zapatos</b> de niño N38",
        "",
        "iPhone6S/7_azul ¡Envío!",
    ] * 2
    tokenizer = learn_tokenizer(texts, ModelArguments().filters, max_length=4)
    tokens, offsets = encode_texts(texts, tokenizer, 4)
    known = tokenizer.get_vocab()
    assert [rnn_reference.row_ids(text, known, 4) for text in texts] == [
        tokens[start:end].tolist() for start, end in zip(offsets, offsets[1:], strict=False)
    ]


def test_other_work_is_refused(tmp_path, capsys, monkeypatch):
    def other_ids(what, data, work, one_core=True):
        return {"what": what, "cores": 1, "titles_per_second": 1.0, "checksum": what}

    def other_probabilities(what, data, work, one_core=True):
        np.save(work["save"], np.full((2, 2), 0.5 if work["how"] == "suite" else 0.6))
        return {"what": what, "titles_per_second": 1.0}

    data = dict.fromkeys(("titles", "dataset", "tokenizer", "network", "source"), "") | {
        "cache": str(tmp_path / "c")
    }
    monkeypatch.setattr(rnn_throughput, "way", other_ids)
    with pytest.raises(InputError, match="found other ids"):
        rnn_throughput.prepare(data, 0)
    monkeypatch.setattr(rnn_throughput, "way", other_probabilities)
    with pytest.raises(InputError, match="differ from the suite's by 1.0e-01"):
        rnn_throughput.predict(data, 2)
    assert "--parts huge" in refused(capsys, rnn_throughput.main, "--parts", "huge")
    assert "needs train" in refused(capsys, rnn_throughput.main, "--parts", "predict")
    assert "at least 400" in refused(capsys, rnn_throughput.main, "--rows", "3")
