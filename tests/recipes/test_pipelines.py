"""What pipeline.py of every room trains is what train.py trains, and it sees what has changed."""

import importlib
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers import REPO_ROOT, corpus_rows, refused, write_jsonl
from utils.runs.pipeline import files_named_by, remove_folds

# None of these runs is looked at for its figures.
pytestmark = pytest.mark.usefixtures("no_figures_in_module")
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


def test_vectors_that_changed_are_trained_with_again(tmp_path, capsys):
    """A file of the same name is not the same file."""
    from rnn_baseline.scripts.train import pipeline

    source = write_jsonl(tmp_path / "c.jsonl", corpus_rows(12))
    vectors = tmp_path / "v.txt"
    vectors.write_text("factura 1 0\nventa 0 1\n", encoding="utf-8")
    words = ["--dataset", str(source), "--vectors", str(vectors), "--hidden_size", "8"]
    words += ["--embedding_size", "2", "--max_steps", "1", "--use_cpu"]
    words += ["--output_dir", str(tmp_path / "p")]
    pipeline.main(words)
    vectors.write_text("factura 0 1\nventa 1 0\nacta 1 1\n", encoding="utf-8")
    assert "made with another settings" in refused(capsys, pipeline.main, *words)


def test_a_killed_pipeline_is_resumed_to_the_same_bits(tmp_path):
    """kill -9 within the second training: the first is not trained again, the second goes on."""
    from rnn_baseline.scripts.train import pipeline

    source = write_jsonl(tmp_path / "c.jsonl", corpus_rows(12))
    words = ["--dataset", str(source), "--hidden_size", "8", "--embedding_size", "8", "--use_cpu"]
    words += ["--num_train_epochs", "15", "--seeds", "2", "--output_dir"]
    script = REPO_ROOT / "rnn_baseline/scripts/train/pipeline.py"
    folder, output = tmp_path / "killed", subprocess.DEVNULL
    line = [sys.executable, str(script), *words, str(folder)]
    process = subprocess.Popen(line, stdout=output, stderr=output)
    deadline = time.time() + 240
    while not list(folder.glob("seed_1.partial/checkpoint-*/trainer_state.json")):
        assert process.poll() is None and time.time() < deadline, "no checkpoint of the second"
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (folder / "seed_1").exists()
    first = (folder / "seed_0" / "config.yaml").stat().st_mtime_ns

    summary = pipeline.main([*words, str(folder), "--resume"])
    assert (folder / "seed_0" / "config.yaml").stat().st_mtime_ns == first
    whole = pipeline.main([*words, str(tmp_path / "whole")])
    assert summary["test_macro_f1_mean"] == whole["test_macro_f1_mean"]
    for seed in ("seed_0", "seed_1"):
        weights = [tmp_path / name / seed / "model.safetensors" for name in ("killed", "whole")]
        assert weights[0].read_bytes() == weights[1].read_bytes()


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
