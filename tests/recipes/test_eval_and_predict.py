"""What eval.py evaluates and predict.py reads, in every room alike."""

import csv
import importlib
import json
import shutil

import numpy as np
import pytest

from tests.helpers import corpus_rows, refused, write_jsonl
from utils.errors import InputError
from utils.predictions import read_predictions

# None of these runs is looked at for its figures.
pytestmark = pytest.mark.usefixtures("no_figures_in_module")
SMALL = {
    "rnn_baseline": [
        *("--hidden_size", "8", "--embedding_size", "8", "--num_layers", "1"),
        *("--max_steps", "2", "--use_cpu"),
    ],
    "beto_text_model": [
        *("--model_name_or_path", "mini-scratch", "--vocab_size", "200", "--max_length", "16"),
        *("--max_steps", "2", "--use_cpu"),
    ],
    "spacy_text_model": ["--training.max_steps", "20"],
    "linear_baseline": [],
}
ROWS = corpus_rows(20)
# What says how many texts are read at once.
BLOCKS = {
    "rnn_baseline": "CHUNK",
    "beto_text_model": "BLOCK_ROWS",
    "spacy_text_model": "BATCH_SIZE",
    "linear_baseline": "BATCH_SIZE",
}


def script(room: str, name: str):
    return importlib.import_module(f"{room}.scripts.train.{name}")


@pytest.fixture(scope="module", params=SMALL)
def finished(request, tmp_path_factory):
    """(room, run, source) of a run that was trained on a sample of a table without splits."""
    folder = tmp_path_factory.mktemp(request.param)
    source = write_jsonl(folder / "c.jsonl", ROWS)
    words = ["--dataset", str(source), *SMALL[request.param], "--sample_fraction", "0.9"]
    run = script(request.param, "train").main([*words, "--output_dir", str(folder / "r")])
    return request.param, run, source


def test_a_source_without_splits_is_evaluated_whole(finished, tmp_path):
    room, run, _ = finished
    one_class = [row for row in ROWS if row["label"] == ROWS[0]["label"]]
    (tmp_path / "folder").mkdir()
    sources = {
        write_jsonl(tmp_path / "all.jsonl", ROWS): len(ROWS),
        write_jsonl(tmp_path / "one.jsonl", one_class): len(one_class),
        write_jsonl(tmp_path / "folder" / "test.jsonl", ROWS[:33]).parent: 33,
    }
    for source, rows in sources.items():
        folder = script(room, "eval").main([str(run), "--dataset", str(source), "--overwrite"])
        results = json.loads((folder / "all_results.json").read_text(encoding="utf-8"))
        assert results["test_rows"] == rows


def test_the_own_dataset_is_evaluated_as_it_was_cut(finished):
    room, run, source = finished
    trained = json.loads((run / "all_results.json").read_text(encoding="utf-8"))
    for words in ([], ["--dataset", str(source)]):
        folder = script(room, "eval").main([str(run), *words, "--overwrite"])
        results = json.loads((folder / "all_results.json").read_text(encoding="utf-8"))
        assert results["test_rows"] == trained["test_rows"] < 20
        assert results["test_macro_f1"] == pytest.approx(trained["test_macro_f1"], abs=1e-6)


def test_predict_cleans_what_prepare_cleans(finished, tmp_path):
    room, run, _ = finished
    label = ROWS[0]["label"]
    rows = [
        {"id": "1", "text": "factura \ud83d rota", "label": f"  {label} "},
        {"id": "2", "text": "acta", "label": "NR"},
        {"id": "3", "text": "acta", "label": ""},
    ]
    source = tmp_path / "x.jsonl"
    source.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    for ending in ("csv", "jsonl", "parquet"):
        words = [str(run), "--input", str(source), "--output", str(tmp_path / f"p.{ending}")]
        script(room, "predict").main([*words, "--unlabelled", "NR"])
    with open(tmp_path / "p.csv", encoding="utf-8-sig", newline="") as stream:
        assert [row["label"] for row in csv.DictReader(stream)] == [label, "", ""]


def test_predict_refuses_before_the_work(finished, tmp_path, capsys):
    room, run, source = finished
    main = script(room, "predict").main
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "file").touch()
    cases = {
        "nope": ["--label_column", "nope", "--output", tmp_path / "p.csv"],
        "a folder": ["--output", tmp_path / "folder.csv"],
        "cannot be written": ["--output", tmp_path / "file" / "p.csv"],
        "unknown kind": ["--output", tmp_path / "p.txt"],
        "klingon": ["--encoding", "klingon", "--output", tmp_path / "p.csv"],
    }
    for words, more in cases.items():
        assert words in refused(capsys, main, run, "--input", source, *more)


def test_a_run_of_another_room_or_copied_in_part_is_one_line(finished, tmp_path, capsys):
    room, run, source = finished
    for other in ("rnn_baseline", "beto_text_model", "image_model"):
        if other != room:
            line = refused(capsys, script(other, "eval").main, run, "--dataset", source)
            assert room in line
    if room == "spacy_text_model":
        return
    other = "vocabulary.json" if room == "linear_baseline" else "config.json"
    for missing in ("model.safetensors", other, "labels.json", "config.yaml"):
        copy = tmp_path / missing
        shutil.copytree(run, copy)
        (copy / missing).unlink()
        assert str(copy) in refused(capsys, script(room, "eval").main, copy, "--dataset", source)
    for name, text in {"config.yaml": "", "labels.json": "{"}.items():
        copy = tmp_path / f"broken-{name}"
        shutil.copytree(run, copy)
        (copy / name).write_text(text, encoding="utf-8")
        assert name in refused(capsys, script(room, "eval").main, copy, "--dataset", source)
    copy = tmp_path / "cut"
    shutil.copytree(run, copy)
    weights = (copy / "model.safetensors").read_bytes()
    (copy / "model.safetensors").write_bytes(weights[: len(weights) // 2])
    assert "cannot be loaded" in refused(capsys, script(room, "eval").main, copy, "--overwrite")


@pytest.mark.parametrize(
    "flag", ["--hidden_size", "--num_layers", "--vocab_size", "--word_dropout"]
)
def test_a_shape_beside_a_run_to_start_from_is_refused(flag, tmp_path, capsys):
    main = script("rnn_baseline", "train").main
    value = "0.5" if flag.endswith("dropout") else "9"
    words = ["--model_name_or_path", tmp_path, flag, value, "--output_dir", tmp_path / "r"]
    assert "has no effect" in refused(capsys, main, *words, "--use_cpu")


def test_a_card_without_checkpoints_claims_no_best_one(tmp_path):
    source = write_jsonl(tmp_path / "c.jsonl", ROWS)
    words = ["--dataset", str(source), *SMALL["rnn_baseline"], "--output_dir", str(tmp_path / "r")]
    run = script("rnn_baseline", "train").main([*words, "--save_strategy", "no"])
    card = (run / "README.md").read_text(encoding="utf-8")
    assert "con mejor" not in card and "tal como quedó al final" in card


def predictor_of(room: str, run):
    return importlib.import_module(f"{room}.inference").load_predictor(run)


def test_a_predictor_keeps_the_order_of_any_iterable(finished, monkeypatch):
    """What it says of a text depends neither on its neighbours nor on the blocks they come in."""
    room, run, _ = finished
    predictor = predictor_of(room, run)
    texts = [row["text"] for row in ROWS[:9]] + [None, "", "contrato " * 300]
    alone = np.concatenate([predictor.predict_probabilities([text]) for text in texts])
    monkeypatch.setattr(f"{room}.inference.{BLOCKS[room]}", 5)
    together = predictor.predict_probabilities(iter(texts), batch_size=3)
    assert together.dtype == np.float32 and together.shape == (12, len(predictor.class_names))
    assert together == pytest.approx(alone, abs=1e-5)
    assert predictor.predict_probabilities([]).shape == (0, len(predictor.class_names))
    assert np.abs(together[0] - together[1:]).max(1).min() > 0  # an order that could be told


def test_a_predictor_finds_what_training_wrote(finished):
    room, run, _ = finished
    written = read_predictions(run / "predictions_test.parquet")
    texts = {row["id"]: row["text"] for row in ROWS}
    predictor = predictor_of(room, run)
    probabilities = predictor.predict_probabilities([texts[i] for i in written.ids])
    assert predictor.class_names == written.class_names
    assert probabilities == pytest.approx(written.probabilities, abs=1e-5)


def test_a_predictor_of_another_room_or_with_other_labels_is_refused(finished, tmp_path):
    room, run, _ = finished
    other = next(name for name in SMALL if name != room)
    with pytest.raises(InputError, match=f"a run of {room}"):
        predictor_of(other, run)
    copy = shutil.copytree(run, tmp_path / "copy")
    labels = json.loads((copy / "labels.json").read_text(encoding="utf-8"))
    (copy / "labels.json").write_text(json.dumps(labels[::-1]), encoding="utf-8")
    if room == "spacy_text_model":  # its pipeline itself names the classes
        assert predictor_of(room, copy).class_names == labels
    else:
        with pytest.raises(InputError, match="labels.json"):
            predictor_of(room, copy)


@pytest.mark.parametrize("room", ["beto_text_model", "rnn_baseline"])
def test_only_longer_texts_count_as_truncated(room, finished):
    own, run, _ = finished
    if own != room:
        pytest.skip("of the other rooms' runs")
    predictor = predictor_of(room, run)
    special = 2 if room == "beto_text_model" else 0
    piece = next(row["text"].split()[0] for row in ROWS if len(row["text"].split()[0]) > 3)
    pieces = len(predictor.tokenizer(piece)["input_ids"]) - special
    predictor.max_length = 4 * pieces + special
    fits, longer = " ".join([piece] * 4), " ".join([piece] * 5)
    same = predictor.predict_probabilities([fits, longer])
    assert predictor.truncated == 1
    if room == "rnn_baseline":  # words that are cut off are not read
        assert same[0] == pytest.approx(same[1], abs=1e-6)


def test_prediction_keeps_no_hidden_states(finished, monkeypatch):
    room, run, _ = finished
    if room != "rnn_baseline":
        pytest.skip("of the other rooms' runs")
    predictor = predictor_of(room, run)
    forward = type(predictor.model).forward
    asked = []

    def watched(self, *args, **kwargs):
        asked.append(kwargs.get("output_hidden_states"))
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(type(predictor.model), "forward", watched)
    predictor.predict_probabilities(["contrato", "factura"])
    assert asked and not any(asked)
