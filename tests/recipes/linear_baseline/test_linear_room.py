"""The linear package's scripts, from a corpus to a run folder and what is read from it."""

import csv
import json
import random
import subprocess
import sys

import numpy as np
import pytest
from safetensors.numpy import load_file
from sklearn.metrics import f1_score

from linear_baseline.arguments import parse_training
from linear_baseline.inference import load_predictor
from linear_baseline.scripts.model_metrics import word_weights
from linear_baseline.scripts.train import pipeline, predict, preprocess, train
from tests.helpers import REPO_ROOT, RUN_FILES, corpus_rows, refused, write_jsonl
from utils.predictions import read_predictions
from utils.runs import read_json, read_yaml

ROWS = corpus_rows(30)
CONFIGS = REPO_ROOT / "linear_baseline" / "configs"
# What a linear run has none of: an epoch, a tokenizer, a config of transformers.
NOT_HERE = {"figures/curves.png", "config.json", "log_history.json"}
NOT_HERE |= {"tokenizer.json", "tokenizer_config.json"}


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return write_jsonl(tmp_path_factory.mktemp("linear") / "c.jsonl", ROWS)


@pytest.fixture(scope="module")
def run(source):
    return train.main(["--dataset", str(source), "--output_dir", str(source.parent / "r")])


def test_a_run_folder_is_whole_and_holds_nothing_that_executes(run):
    files = {str(p.relative_to(run)) for p in run.rglob("*") if p.is_file()}
    assert files == (RUN_FILES - NOT_HERE) | {"vocabulary.json"}
    card = (run / "README.md").read_text(encoding="utf-8")
    assert "logistic_regression sobre palabras (1 a 2)" in card and "C 10" in card
    results = read_json(run / "all_results.json")
    written = read_predictions(run / "predictions_test.parquet")
    expected = f1_score(written.labels, written.predictions, average="macro")
    assert results["test_macro_f1"] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("name", ["tfidf-balanced", "tfidf-chars", "hashing-sgd", "complement-nb"])
def test_every_recipe_trains_and_predicts_as_it_was_saved(name, source, tmp_path):
    words = [str(CONFIGS / f"{name}.yaml"), "--dataset", str(source)]
    run = train.main([*words, "--output_dir", str(tmp_path / "r")])
    written = read_predictions(run / "predictions_test.parquet")
    texts = {row["id"]: row["text"] for row in ROWS}
    found = load_predictor(run).predict_probabilities([texts[i] for i in written.ids])
    assert found == pytest.approx(written.probabilities, abs=1e-6)
    assert read_json(run / "all_results.json")["test_macro_f1"] > 0.5


@pytest.mark.parametrize("name", ["tfidf", "hashing-sgd"])
def test_shuffled_rows_give_the_same_weights(name, source, tmp_path):
    shuffled = ROWS.copy()
    random.Random(1).shuffle(shuffled)
    weights = []
    for number, rows in enumerate((ROWS, shuffled)):
        file = write_jsonl(tmp_path / f"{number}.jsonl", rows)
        words = [str(CONFIGS / f"{name}.yaml"), "--dataset", str(file)]
        run = train.main([*words, "--output_dir", str(tmp_path / f"r{number}")])
        weights.append(load_file(run / "model.safetensors")["weights"])
    assert np.array_equal(*weights)


def test_tune_takes_the_best_of_what_it_tried(source, tmp_path):
    words = ["--dataset", str(source), "--tune", "--output_dir", str(tmp_path / "r")]
    run = train.main(words)
    tried = read_json(run / "tuning.json")
    arguments = read_yaml(run / "config.yaml")["arguments"]
    best = max(row["macro_f1"] for row in tried)
    chosen = [row for row in tried if all(arguments[k] == row[k] for k in ("C", "class_weights"))]
    assert [row["macro_f1"] for row in chosen] == [best]
    assert read_json(run / "all_results.json")["validation_macro_f1"] == pytest.approx(best)
    assert len({row["C"] for row in tried}) > 3


def test_an_encoder_beside_the_words(source, tmp_path):
    """Its vectors are cached, added at the chosen scale, and asked for again in prediction."""
    encoder = tiny_encoder(tmp_path / "encoder")
    words = ["--dataset", str(source), "--encoder", str(encoder), "--encoder_scale", "2"]
    preprocess.main([*words[:4], "--use_cpu"])
    run = train.main([*words, "--use_cpu", "--output_dir", str(tmp_path / "r")])
    predictor = load_predictor(run)
    X = predictor.features.transform(["contrato de arriendo", ""])
    size = predictor.features.encode.model.config.hidden_size
    lengths = np.sqrt(X[:, -size:].multiply(X[:, -size:]).sum(1))
    assert np.asarray(lengths).ravel() == pytest.approx([2, 2], abs=1e-5)
    written = read_predictions(run / "predictions_test.parquet")
    texts = {row["id"]: row["text"] for row in ROWS}
    found = predictor.predict_probabilities([texts[i] for i in written.ids])
    assert found == pytest.approx(written.probabilities, abs=1e-5)


def test_an_encoder_that_was_replaced_is_noticed(source, tmp_path, capsys):
    encoder = tiny_encoder(tmp_path / "encoder")
    words = ["--dataset", str(source), "--encoder", str(encoder), "--use_cpu"]
    run = train.main([*words, "--output_dir", str(tmp_path / "r")])
    tiny_encoder(encoder, seed=1)  # of the same shape, so that the sizes of its files stay
    message = refused(capsys, predict.main, run, "--input", source, "--output", tmp_path / "p.csv")
    assert "not the encoder" in message


def tiny_encoder(folder, seed: int = 0):
    import torch
    from transformers import BertConfig, BertModel

    from beto_text_model.tokenization import train_wordpiece

    tokenizer = train_wordpiece([row["text"] for row in ROWS], 300, 64)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )
    torch.manual_seed(seed)
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_word_weights_add_up_to_the_scores(run, tmp_path):
    identifier = read_predictions(run / "predictions_test.parquet").ids[0]
    folder = word_weights.main([str(run), "--id", identifier, "--output", str(tmp_path / "w")])
    with open(folder / "document.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    predictor = load_predictor(run)
    text = next(row["text"] for row in ROWS if row["id"] == identifier)
    X = predictor.features.transform([text])
    scores = np.asarray(X @ predictor.model.weights.T)[0]
    # The intercepts speak for no word.
    best = predictor.predict_probabilities([text])[0].argmax()
    expected = scores[best] - scores.mean()
    assert sum(float(row["for_prediction"]) for row in rows) == pytest.approx(expected, abs=1e-9)
    assert (folder / "figures" / "classes.png").stat().st_size > 5000
    with open(folder / "classes.csv", encoding="utf-8") as file:
        classes = list(csv.DictReader(file))
    assert {row["class"] for row in classes} == set(predictor.class_names)


def test_pipeline_over_seeds_and_the_rows_without_a_label(tmp_path):
    rows = [*ROWS, *({"id": f"u{i}", "text": "contrato", "label": ""} for i in range(3))]
    source = write_jsonl(tmp_path / "c.jsonl", rows)
    words = [str(CONFIGS / "hashing-sgd.yaml"), "--dataset", str(source), "--seeds", "2"]
    summary = pipeline.main([*words, "--output_dir", str(tmp_path / "p")])
    assert summary["n"] == 2 and summary["test_macro_f1_sd"] is not None
    assert len(read_predictions(tmp_path / "p" / "predictions_unlabelled.parquet").ids) == 3


@pytest.mark.parametrize("path", [None, *sorted(CONFIGS.glob("*.yaml"))])
def test_pipeline_trains_what_train_trains(path, monkeypatch, tmp_path):
    typed = ["--seed", "3", "--min_df", "1"] if path is None else ["--seed", "3"]
    argv = [*([str(path)] if path else []), *typed, "--output_dir", str(tmp_path / "p")]
    seen = {}
    monkeypatch.setattr(pipeline, "run_pipeline", lambda *_, **kwargs: seen.update(kwargs))
    pipeline.main(argv)
    place = ["--output_dir", str(tmp_path / "p"), "--seed", "3"]
    by_pipeline = parse_training([*seen["training"], *place], "")
    assert by_pipeline[:2] == parse_training(argv, "")[:2]


def test_wrong_input_is_one_line(source, tmp_path, capsys):
    place = ["--output_dir", tmp_path / "r"]
    one_class = [row for row in ROWS if row["label"] == ROWS[0]["label"]]
    one = write_jsonl(tmp_path / "one.jsonl", one_class)
    cases = {
        ("--dataset", one): "class",
        ("--dataset", source, "--min_df", "900"): "lower --min_df",
        ("--dataset", source, "--encoder", tmp_path / "none"): "cannot be loaded",
        ("--dataset", source, "--alpha", "0.5"): "--alpha: has no effect",
        ("--dataset", source, "--tune", "--C", "3"): "--C: has no effect",
        ("--dataset", source, "--hashed_features", "64"): "has no effect",
    }
    for words, expected in cases.items():
        assert expected in refused(capsys, train.main, *words, *place)
    assert not (tmp_path / "r").exists()


def test_predicting_needs_no_torch(run):
    code = (
        "import sys; from linear_baseline.inference import load_predictor; "
        f"load_predictor({str(run)!r}).predict_probabilities(['contrato']); "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPO_ROOT, check=True
    )
    assert done.stdout.strip() == "False", done.stdout
    assert json.loads((run / "labels.json").read_text(encoding="utf-8"))
