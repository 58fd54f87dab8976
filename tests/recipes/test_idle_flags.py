"""Flags that would do nothing are refused, and config.yaml records what held."""

import importlib

import pytest
import yaml

from tests.helpers import corpus_rows, refused, write_jsonl

ROWS = corpus_rows(12)
RNN = ["--embedding_size", "8", "--num_layers", "1", "--max_steps", "2", "--use_cpu"]
IDLE = [
    ("beto_text_model", ["--vocab_size", "300"], "vocab_size"),
    ("beto_text_model", ["--early_stopping_threshold", "0.1"], "early_stopping_threshold"),
    ("image_model", ["--early_stopping_threshold", "0.1"], "early_stopping_threshold"),
    (
        "image_model",
        ["--save_strategy", "no", "--load_best_model_at_end", "true"],
        "load_best_model_at_end",
    ),
    (
        "rnn_baseline",
        ["--save_strategy", "no", "--metric_for_best_model", "accuracy"],
        "metric_for_best_model",
    ),
    ("rnn_baseline", ["--shuffle_buffer", "50"], "shuffle_buffer"),
    ("rnn_baseline", ["--min_word_length", "4"], "min_word_length"),
    ("rnn_baseline", ["--model_name_or_path", "RUN", "--max_length", "9"], "max_length"),
    ("rnn_baseline", ["--model_name_or_path", "RUN", "--filters", "lower"], "filters"),
]


def script(package: str, name: str):
    return importlib.import_module(f"{package}.scripts.train.{name}")


@pytest.mark.parametrize("step", ["train", "pipeline"])
@pytest.mark.parametrize(
    "package, words, culprit", IDLE, ids=lambda x: x if isinstance(x, str) else ""
)
def test_a_flag_without_effect_is_refused(package, words, culprit, step, capsys):
    message = refused(capsys, script(package, step).main, *words)
    assert message.startswith(f"error: --{culprit}: has no effect ")


def test_the_same_flags_are_taken_where_they_have_an_effect(tmp_path):
    from beto_text_model.arguments import parse_training as parse_beto
    from rnn_baseline.arguments import parse_training as parse_rnn

    parse_beto(["--model_name_or_path", "mini-scratch", "--vocab_size", "300"], "")
    words = ["--early_stopping_patience", "2", "--early_stopping_threshold", "0.1"]
    assert parse_beto(words, "")[2].early_stopping_threshold == 0.1
    words = ["--streaming", "--shuffle_buffer", "50", "--filters", "strip_short"]
    assert parse_rnn([*words, "--min_word_length", "4"], "")[0].min_word_length == 4


def test_config_records_the_shape_that_held(tmp_path):
    source = write_jsonl(tmp_path / "c.jsonl", ROWS)
    main = script("rnn_baseline", "train").main
    words = ["--dataset", str(source), "--use_cpu", "--max_steps", "2"]
    first = main([*words, *RNN, "--hidden_size", "9", "--output_dir", str(tmp_path / "first")])
    start = ["--model_name_or_path", str(first), "--output_dir", str(tmp_path / "second")]
    recorded = [arguments_of(run) for run in (first, main([*words, *start]))]
    for arguments in recorded:
        assert arguments["hidden_size"] == 9 and arguments["embedding_size"] == 8
        assert arguments["mlp_sizes"] is None and arguments["cnn_filters"] is None
    assert recorded[0]["vocab_size"] and recorded[1]["vocab_size"] is None


def arguments_of(run) -> dict:
    return yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))["arguments"]


@pytest.mark.parametrize("package", ["beto_text_model", "rnn_baseline", "spacy_text_model"])
def test_columns_of_an_input_without_columns_are_refused(package, tmp_path, monkeypatch, capsys):
    from types import SimpleNamespace

    predict = script(package, "predict")
    monkeypatch.setattr(
        predict, "load_predictor", lambda *_: SimpleNamespace(class_names=["a", "b"])
    )
    text = tmp_path / "uno.txt"
    text.write_text("contrato", encoding="utf-8")
    output = tmp_path / "p.csv"
    words = ["run", "--input", text, "--output", output, "--label_column", "tema"]
    message = refused(capsys, predict.main, *words)
    assert message.startswith("error: --label_column tema: ") and "no columns" in message
