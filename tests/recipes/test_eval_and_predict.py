"""What eval.py evaluates and predict.py reads, in every room alike."""

import csv
import importlib
import json
import shutil

import pytest

from tests.helpers import corpus_rows, refused, write_jsonl

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
}
ROWS = corpus_rows(20)


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
    for missing in ("model.safetensors", "config.json", "labels.json", "config.yaml"):
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


def test_prediction_keeps_no_hidden_states(monkeypatch):
    from rnn_baseline.inference import predict_probabilities

    class Model:
        config = type("Config", (), {"num_labels": 2})
        device = "cpu"

        def __call__(self, **inputs):
            import torch

            assert "output_hidden_states" not in inputs
            rows = len(inputs["input_ids"])
            return type("Output", (), {"logits": torch.zeros(rows, 2)})

    import torch

    from rnn_baseline.encoding import EncodedDataset

    tokens, offsets = torch.ones(6, dtype=torch.int32), torch.tensor([0, 2, 6])
    encoded = EncodedDataset(tokens, offsets, torch.zeros(2, dtype=torch.int64))
    assert predict_probabilities(Model(), encoded, 1).tolist() == [[0.5, 0.5]] * 2
