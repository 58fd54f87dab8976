"""What pipeline.py of every room trains is what train.py trains, and it sees what has changed."""

import importlib
import json
from pathlib import Path

import pytest

from tests.helpers import REPO_ROOT, corpus_rows, write_jsonl
from utils.runs.pipeline import files_named_by, remove_folds

TRAINERS = ("beto_text_model", "rnn_baseline", "image_model")
# These two kinds are of pretrain_mlm.py, not of train.py.
OTHERS = ("pretrain-", "adapt-")
CONFIGS = [
    (room, path)
    for room in TRAINERS
    for path in sorted((REPO_ROOT / room / "configs").glob("*.yaml"))
    if not path.name.startswith(OTHERS)
]


def captured(monkeypatch, room: str, argv: list[str]) -> dict:
    """What a room's pipeline.py hands over for a command line."""
    module = importlib.import_module(f"{room}.scripts.train.pipeline")
    seen = {}

    def fake(folder, scripts, **kwargs):
        seen.update(kwargs)

    monkeypatch.setattr(module, "run_pipeline", fake)
    module.main(argv)
    return seen


def resolved(room: str, argv: list[str]) -> dict:
    """The arguments that train.py resolves, without the dataset and how it is read."""
    parse_training = importlib.import_module(f"{room}.arguments").parse_training
    model_args, _, args, _ = parse_training(argv, "")
    return vars(model_args) | args.to_dict()


@pytest.mark.parametrize("room, path", CONFIGS, ids=[f"{r}-{p.stem}" for r, p in CONFIGS])
def test_pipeline_resolves_every_config_as_train_does(room, path, monkeypatch, tmp_path):
    typed = ["--use_cpu", "--seed", "3", "--weight_decay", "0.125"]
    seen = captured(monkeypatch, room, [str(path), *typed, "--output_dir", str(tmp_path / "p")])
    place = ["--output_dir", str(tmp_path / "r"), "--seed", "3"]
    assert resolved(room, [*seen["training"], *place]) == resolved(
        room, [str(path), *typed, *place]
    )


@pytest.mark.parametrize("room", TRAINERS)
def test_pipeline_without_a_config_is_train_without_one(room, monkeypatch, tmp_path):
    typed = ["--use_cpu", "--num_train_epochs", "2", "--report_to", "none"]
    seen = captured(monkeypatch, room, [*typed, "--output_dir", str(tmp_path / "p")])
    place = ["--output_dir", str(tmp_path / "r"), "--seed", "0"]
    assert resolved(room, [*seen["training"], *place]) == resolved(room, [*typed, *place])


def test_a_config_of_few_keys_keeps_the_default_config_out(monkeypatch, tmp_path):
    config = tmp_path / "c.yaml"
    config.write_text("cell: lstm\nhidden_size: 16\nfilters: [lower]\nlr_scheduler_kwargs: {}\n")
    argv = [str(config), "--use_cpu", "--output_dir", str(tmp_path / "r")]
    seen = captured(monkeypatch, "rnn_baseline", argv)
    words = [*seen["training"], "--output_dir", str(tmp_path / "r"), "--seed", "0"]
    found = resolved("rnn_baseline", words)
    assert found == resolved("rnn_baseline", [*argv, "--seed", "0"])
    assert (found["hidden_size"], found["bidirectional"]) == (16, False)


@pytest.mark.parametrize("path", sorted((REPO_ROOT / "spacy_text_model").rglob("*.cfg")))
def test_spacy_pipeline_reads_every_config_as_train_does(path, monkeypatch, tmp_path):
    from spacy_text_model.arguments import parse_training, read_config

    def config_of(argv):
        args, words = parse_training(argv, "")
        return read_config(words["config"], args, words).to_str(interpolate=False)

    typed = ["--training.max_steps", "7", "--gpu_id", "-1"]
    argv = [str(path), *typed, "--dataset", "sample", "--output_dir", str(tmp_path)]
    seen = captured(monkeypatch, "spacy_text_model", argv)
    place = ["--dataset", "x", "--seed", str(seen["seed"])]
    assert config_of([*seen["training"], *place]) == config_of([str(path), *typed, *place])


def test_predictions_follow_the_unlabelled_rows(tmp_path):
    from rnn_baseline.scripts.train import pipeline
    from utils.predictions import read_predictions

    rows, flags = corpus_rows(12), ["--hidden_size", "8", "--embedding_size", "8", "--use_cpu"]
    flags += ["--max_steps", "1", "--output_dir", str(tmp_path / "p"), "--overwrite"]
    for n in (4, 2, 0):
        unlabelled = [{"id": f"u{i}", "text": f"texto nuevo {i}", "label": ""} for i in range(n)]
        source = write_jsonl(tmp_path / "c.jsonl", rows + unlabelled)
        pipeline.main(["--dataset", str(source), *flags])
        output = tmp_path / "p" / "predictions_unlabelled.parquet"
        found = read_predictions(output).ids if output.exists() else []
        assert found == [f"u{i}" for i in range(n)]


def test_a_changed_file_of_the_same_name_is_seen(tmp_path):
    encoder, vectors = tmp_path / "encoder", tmp_path / "v.txt"
    encoder.mkdir()
    (encoder / "model.safetensors").write_bytes(b"1")
    vectors.write_text("a 1\n")
    settings = {"model_name_or_path": str(encoder), "vectors": str(vectors), "run_name": "x" * 5000}
    before = files_named_by(settings)
    assert before.keys() == {"model_name_or_path", "vectors"}
    (encoder / "model.safetensors").write_bytes(b"22")
    vectors.write_text("a 1\nb 2\n")
    after = files_named_by(settings)
    assert all(before[name] != after[name] for name in before)


def test_fewer_folds_leave_no_fold_of_the_earlier_cut(tmp_path):
    (tmp_path / "steps").mkdir()
    for number in (1, 2, 3):
        (tmp_path / f"fold_{number}").mkdir()
        (tmp_path / f"fold_{number}" / "config.yaml").touch()
    for number in (1, 2):  # fold_3 is the user's own: no step made it
        (tmp_path / "steps" / f"train_fold_{number}.json").write_text(json.dumps({}))
    remove_folds(tmp_path, 1)
    assert sorted(p.name for p in Path(tmp_path).glob("fold_*")) == ["fold_1", "fold_3"]
