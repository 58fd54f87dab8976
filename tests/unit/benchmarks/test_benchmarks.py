"""The benchmarks run at tiny sizes, their tables are whole, and the ways they compare do the same
work.
"""

import gzip
import json
import os
import sys

import numpy as np
import pytest
import torch

from benchmarks import beto_throughput, bf16_crossover, common, prepare_titles, workflow_metrics
from benchmarks import workflow_contenders as workflow_contenders
from benchmarks.beto_contenders import epoch_batches, measuring_order
from benchmarks.beto_work import Work, prepare_work, spread
from utils import prepare_dataset
from utils.errors import InputError

TINY = Work(
    "tiny",
    32,
    1,
    500,
    batch_size=8,
    max_seconds=0.05,
    warmup_steps=2,
    repeats=1,
    use_cpu=True,
    texts=200,
)


def in_this_process(command, one_core=False):
    """Stands in for `launch`: the same commands without a process of their own."""
    module, words = command[2], [str(word) for word in command[3:]]
    modules = {
        "utils.prepare_dataset": prepare_dataset,
        "benchmarks.prepare_titles": prepare_titles,
        "benchmarks.workflow_contenders": workflow_contenders,
    }
    modules[module].main(words)
    return {"seconds": 1.0, "cpu_seconds": 1.0, "peak_mb": 1.0, "private_mb": None}


@pytest.fixture(scope="module")
def work_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("work")
    prepare_work(TINY, folder)
    return folder


def test_throughput_tables(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(beto_throughput, "run_way", beto_throughput.measure_alone)
    output = beto_throughput.main(
        [
            "--layers",
            "1",
            "--hidden_size",
            "32",
            "--sets",
            "mixed",
            "--texts",
            "200",
            "--max_seconds",
            "0.4",
            "--repeats",
            "1",
            "--no_bf16_crossover",
            "--use_cpu",
            "--output",
            str(tmp_path),
        ]
    )
    results = json.loads((tmp_path / "beto_throughput.json").read_text(encoding="utf-8"))
    shape = results["shapes"]["1x32"]
    ways = {(row["task"], row["way"]) for row in shape["rows"]}
    assert ways == {
        ("train", w) for w in ("pad-128", "pad-512", "dynamic", "suite", "suite-128")
    } | {
        ("predict", w)
        for w in ("pipeline-1", "pipeline-32", "pad-128", "pad-512", "suite", "suite-128")
    }
    for row in shape["rows"]:
        assert (
            row["per_second"] > 0 and row["ratio"] > 0 and row["peak_mb"] > 0 and row["waste"] >= 1
        )
        assert row["max_length"] == (128 if row["way"].endswith("128") else 512)
        if row["task"] == "predict":
            assert row["max_difference"] < 1e-5 and row["same_class"] == 1 and row["compared"] >= 8
    assert shape["gradients"]["mixed"]["fp32"] < 1e-5
    report = output.read_text(encoding="utf-8")
    assert report in capsys.readouterr().out
    assert report.count("| mixed |") == 11 and "same results" in report


def test_suite_batches_need_less_padding_and_cover_the_epoch():
    lengths = np.random.default_rng(0).integers(5, 500, 403)
    waste = {}
    for name in ("pad-512", "dynamic", "suite"):
        batches, sizes = epoch_batches(lengths, 8, name, 512)
        waste[name] = sizes.sum() * 8 / lengths[batches].sum()
        order = measuring_order(sizes, lengths[batches].max(1), 2)
        assert batches.shape == (50, 8) and len(np.unique(batches)) == 400
        assert sorted(order[2:]) == list(range(50)) and sizes[order[0]] == sizes.max()
        assert abs(sizes[order[2:13]].mean() / sizes.mean() - 1) < 0.1
    assert waste["suite"] < 1.1 < waste["dynamic"] < waste["pad-512"]


@pytest.mark.parametrize("n", [1, 2, 3, 64, 337])
def test_spread_is_a_permutation_whose_beginnings_are_even(n):
    order = spread(n)
    assert sorted(order) == list(range(n))
    if n > 60:
        assert all(abs(order[:k].mean() / (n - 1) - 0.5) < 0.1 for k in range(7, n))


def test_one_way_in_its_own_process(work_folder):
    row = beto_throughput.run_way("short/predict/suite", work_folder)
    assert (
        row["way"] == "suite"
        and row["per_second"] > 0
        and row["precision"] == "fp32"
        and row["peak_mb"] > 50
    )
    assert np.load(work_folder / "short-predict-suite.npy").shape == (row["examples"], 16)


def test_crossover_times():
    times = bf16_crossover.crossover_times(32, 2, 4, torch.device("cpu"), rounds=1)
    assert set(times) == {"train_fp32", "train_bf16", "predict_fp32", "predict_bf16"}
    assert min(times.values()) > 0
    gains = {"train_gain": 1.0, "predict_gain": 1.0}
    table = bf16_crossover.crossover_table([{"width": 32, "batch": "2 × 4"} | times | gains])
    assert table.count("\n") == 3


def test_titles_table(tmp_path, monkeypatch):
    monkeypatch.setattr(prepare_titles, "launch", in_this_process)
    output = prepare_titles.main(["--rows", "2000", "--output", str(tmp_path / "results")])
    results = json.loads((tmp_path / "results" / "prepare_titles.json").read_text(encoding="utf-8"))
    rows = {row["way"]: row for row in results["rows"]}
    assert set(rows) == {"suite", "pandas", "datasets"}
    assert (
        rows["suite"]["leaks"] == 0
        and rows["pandas"]["leaks"] > 0
        and rows["datasets"]["leaks"] > 0
    )
    assert rows["suite"]["same_ids"] == "yes" and rows["pandas"]["same_ids"] == "no"
    for row in rows.values():
        assert (
            sum(row["sizes"].values()) == 2000 and row["stratified"] == "yes" and row["ratio"] == 1
        )
    lines = output.read_text(encoding="utf-8").splitlines()
    assert [line.count("|") for line in lines if line.startswith("|")] == [
        len(prepare_titles.COLUMNS) + 1
    ] * 5


def test_titles_are_the_same_for_a_seed(tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        prepare_titles.write_unsplit(tmp_path / name, 1000, 20, seed)
    a, b, c = (gzip.open(tmp_path / name, "rt", encoding="utf-8").read() for name in "abc")
    assert a == b != c
    rows = [json.loads(line) for line in a.splitlines()]
    assert len({row["id"] for row in rows}) == 1000 and len({row["label"] for row in rows}) == 20
    seen, repeated = {}, 0
    for number, row in enumerate(rows):
        if number % prepare_titles.REPEAT == 0 and row["label"] in seen:
            assert row["text"] == seen[row["label"]].upper()
            repeated += 1
        seen[row["label"]] = row["text"]
    assert repeated


def test_launch_measures_the_child_alone():
    ballast = bytearray(300_000_000)
    code = "import time; b = bytes(b'x') * 60_000_000; time.sleep(0.1)"
    run = common.launch([sys.executable, "-S", "-c", code])
    assert 60 < run["peak_mb"] < 200 < len(ballast) / 1e6
    assert run["seconds"] > 0.1
    if hasattr(os, "sched_getaffinity"):
        code = (
            "import os; raise SystemExit(len(os.sched_getaffinity(0)) != 1 "
            "or os.environ['OMP_NUM_THREADS'] != '1')"
        )
        assert common.launch([sys.executable, "-S", "-c", code], one_core=True)["cpu_seconds"] > 0


def test_workflow_tables(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(workflow_metrics, "launch", in_this_process)
    output = workflow_metrics.main(
        [
            "--rows",
            "500",
            "--stock_rows",
            "400",
            "--agree_rows",
            "400",
            "--compare_rows",
            "400",
            "--compare_files",
            "2",
            "--samples",
            "100",
            "--loop_samples",
            "2",
            "--output",
            str(tmp_path),
        ]
    )
    results = json.loads((tmp_path / "workflow_metrics.json").read_text(encoding="utf-8"))
    rows = {row["way"]: row for row in results["rows"]}
    assert set(rows) == set(workflow_contenders.WAYS) and all(
        row["seconds"] > 0 < row["ratio"] for row in rows.values()
    )
    assert rows["f1-stock"]["note"] == "2 resamples timed, scaled to 100"
    assert rows["array-stock"]["rows"] == 400 and rows["array-suite"]["rows"] == 500
    for way in ("csv-suite", "csv-stock", "array-suite", "table-suite", "parquet-suite"):
        assert rows[way]["scores"]["macro_f1"] == pytest.approx(
            rows["csv-stock"]["scores"]["macro_f1"], abs=1e-9
        )
        assert 0.7 < rows[way]["scores"]["accuracy"] < 0.9
    assert rows["array-stock"]["scores"]["log_loss"] == pytest.approx(
        rows["parquet-stock"]["scores"]["log_loss"]
    )
    assert {(goal["way"], goal["key"]) for goal in results["goals"]} == {
        goal[:2] for goal in workflow_metrics.GOALS
    }
    assert all(max(row["apart"]) < workflow_metrics.ERRORS for row in results["agreement"])
    report = output.read_text(encoding="utf-8")
    assert report in capsys.readouterr().out
    assert (
        report.count("\n| ") == len(rows) + len(results["goals"]) + len(results["agreement"]) + 6
    )  # and three heads


def test_other_work_is_refused():
    rows = [
        {"way": way, "data": "full", "scores": {"macro_f1": score}}
        for way, score in (("a", 0.5), ("b", 0.6))
    ]
    with pytest.raises(InputError, match="not the same work"):
        workflow_metrics.check_scores(rows)
    assert workflow_metrics.check_scores(rows[:1]) is None
    slow = {"way": "csv-suite", "what": "metrics_calc", "rows": 10, "seconds": 6.0, "ratio": 6.0}
    assert [workflow_metrics.verdict(slow, key, 5)["verdict"] for key in ("seconds", "ratio")] == [
        "missed",
        "met",
    ]


def test_bad_arguments_are_one_line(capsys):
    for main, words in (
        (beto_throughput.main, ["--shapes", "huge"]),
        (beto_throughput.main, ["--sets", "long"]),
        (prepare_titles.main, ["--ways", "polars"]),
        (prepare_titles.main, ["--rows", "3"]),
        (workflow_metrics.main, ["--parts", "drift"]),
        (workflow_metrics.main, ["--rows", "3"]),
        (workflow_metrics.main, ["--rows", "1000000000000"]),
    ):
        with pytest.raises(SystemExit) as stop:
            main(words)
        assert stop.value.code == 2 and len(capsys.readouterr().err.strip().splitlines()) == 1


def test_table_cells():
    table = common.markdown_table(
        [{"a": 1234567, "b": 0.12345, "c": None}], {"a": "A", "b": "B", "c": "C"}
    )
    assert table.splitlines() == [
        "| A | B | C |",
        "| --- | --- | --- |",
        "| 1,234,567 | 0.123 |  |",
    ]
    assert common.peak_memory_mb() > 10


@pytest.mark.slow
def test_spacy_throughput_tables(tmp_path):
    from benchmarks import spacy_throughput

    report = spacy_throughput.main(
        [
            "--classes",
            "3",
            "--rows",
            "400",
            "--predict_rows",
            "60",
            "--variants",
            "default",
            "--output",
            str(tmp_path),
        ]
    )
    text = report.read_text(encoding="utf-8")
    for title in (
        "Training, 3",
        "Prediction, 3",
        "Sweep of the batch size, 3",
        "Sweep of the hash table's length, 3",
    ):
        assert title in text
    rows = json.loads((tmp_path / "spacy_throughput.json").read_text(encoding="utf-8"))["tables"]
    assert [row["ratio"] for row in rows["Training, 3 classes"]][0] == 1
    assert all(row["rows_per_second"] > 0 for table in rows.values() for row in table)
