"""BETO from raw files to predictions: what a run folder holds, and that it loads anywhere."""

import io
import json
import sys

import numpy as np
import pytest
import yaml
from safetensors.numpy import load_file

from beto_text_model.model import MINI_FOLDER
from beto_text_model.scripts.train import eval as eval_script
from beto_text_model.scripts.train import pipeline as pipeline_script
from beto_text_model.scripts.train import predict as predict_script
from beto_text_model.scripts.train import train as train_script
from tests.helpers import LABELS, PACKAGE, RUN_FILES, corpus_rows, files_of, write_jsonl
from utils.data import load_corpus
from utils.metrics import classification_metrics
from utils.predictions import read_predictions


def test_run_folder_is_complete_and_holds_no_pickle(run):
    assert {f for f in files_of(run) if not f.startswith("eval/")} == RUN_FILES


def test_results_are_those_of_the_predictions(run, prepared):
    results = json.loads((run / "all_results.json").read_text(encoding="utf-8"))
    corpus = load_corpus(prepared)
    for split in ("validation", "test"):
        predictions = read_predictions(run / f"predictions_{split}.parquet")
        assert predictions.ids == corpus.splits[split]["id"][:]
        assert predictions.class_names == corpus.info["labels"] == sorted(LABELS)
        codes = np.array([predictions.class_names.index(label) for label in predictions.labels])
        for name, value in classification_metrics(codes, predictions.probabilities).items():
            assert results[f"{split}_{name}"] == pytest.approx(value, abs=1e-12)
    assert results["test_macro_f1"] > 0.6
    assert {
        "train_runtime",
        "train_loss",
        "parameters",
        "model_bytes",
        "test_ms_per_document",
    } <= set(results)


def test_config_says_where_the_run_comes_from(run, prepared):
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    info = json.loads((prepared / "dataset.json").read_text(encoding="utf-8"))
    assert config["dataset"]["hash"] == info["hash"] and config["dataset"]["rows"] == info["rows"]
    assert config["arguments"]["learning_rate"] == 5e-3 and config["seed"] == 0
    assert set(config["packages"]) >= {"torch", "transformers", "datasets", "accelerate"}


def test_card_is_filled_and_spanish(run):
    card = (run / "README.md").read_text(encoding="utf-8")
    head = yaml.safe_load(card.split("---")[1])
    results = json.loads((run / "all_results.json").read_text(encoding="utf-8"))
    assert head["language"] == "es" and head["pipeline_tag"] == "text-classification"
    assert f"| F1 macro | {results['test_macro_f1']:.4f} |" in card
    assert "None" not in card and "nan" not in card


def test_loads_with_pipeline(run):
    from transformers import pipeline

    texts = [row["text"] for row in corpus_rows(40)[::25]] + ["palabra " * 3000, ""]
    classify = pipeline("text-classification", model=str(run), device="cpu")
    found = classify(texts, truncation=True, top_k=1)
    assert all(f[0]["label"] in LABELS for f in found)
    assert classify.tokenizer.model_max_length == 64


def test_eval_writes_beside_and_equals_training(run, prepared):
    before = {f: (run / f).read_bytes() for f in RUN_FILES}
    folder = eval_script.main([str(run), "--dataset", str(prepared), "--split", "validation"])
    info = json.loads((prepared / "dataset.json").read_text(encoding="utf-8"))
    assert folder == run / "eval" / f"validation-{info['hash'][:8]}"
    ours = json.loads((folder / "all_results.json").read_text(encoding="utf-8"))
    theirs = json.loads((run / "all_results.json").read_text(encoding="utf-8"))
    assert ours["validation_macro_f1"] == theirs["validation_macro_f1"]
    assert {f: (run / f).read_bytes() for f in RUN_FILES} == before
    with pytest.raises(SystemExit):
        eval_script.main([str(run), "--dataset", str(prepared), "--split", "validation"])


def test_both_ends_of_long_texts_are_read(tiny_encoder, tmp_path, no_figures):
    """The class words come last: training, eval, predict and the card's own lines must all see
    them.
    """
    rows = [
        row | {"text": f"{'relleno ' * 40}{row['text'].split(' número')[0]} {i}"}
        for i, row in enumerate(corpus_rows())
    ]
    path, folder = write_jsonl(tmp_path / "largos.jsonl", rows), tmp_path / "run"
    train_script.main(
        [
            "--dataset",
            str(path),
            "--model_name_or_path",
            str(tiny_encoder),
            "--output_dir",
            str(folder),
            "--learning_rate",
            "5e-3",
            "--num_train_epochs",
            "3",
            "--max_length",
            "32",
            "--truncation_side",
            "middle",
            "--use_cpu",
        ]
    )
    results = json.loads((folder / "all_results.json").read_text(encoding="utf-8"))
    assert results["test_macro_f1"] > 0.6
    evaluated = eval_script.main([str(folder), "--use_cpu"])
    assert (
        json.loads((evaluated / "all_results.json").read_text(encoding="utf-8"))["test_macro_f1"]
        == results["test_macro_f1"]
    )
    predict_script.main(
        [str(folder), "--input", str(path), "--output", str(tmp_path / "p.parquet"), "--use_cpu"]
    )
    found = read_predictions(tmp_path / "p.parquet")
    usage = (
        (folder / "README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]
    )
    usage = usage.replace("RUTA_DE_ESTA_CARPETA", str(folder)).replace("…", rows[7]["text"])
    values = {}
    exec(usage.replace("modelo(torch", "p = modelo(torch"), values)
    assert len(values["ids"]) == 32
    np.testing.assert_allclose(values["p"].detach()[0], found.probabilities[7], atol=1e-5)


@pytest.mark.parametrize("output", ["p.parquet", "p.csv", "p.jsonl"])
def test_predict_a_tree_of_txt(run, tmp_path, output):
    rows = corpus_rows(40)[::15]
    for row in rows:
        path = tmp_path / "txt" / row["label"].replace("/", "_") / f"{row['id']}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(row["text"], encoding="latin-1")
    predict_script.main(
        [str(run), "--input", str(tmp_path / "txt"), "--output", str(tmp_path / output)]
    )
    found = read_predictions(tmp_path / output)
    assert len(found.ids) == len(rows) and "contrato/doc-090" in found.ids
    by_id = dict(zip(found.ids, found.labels, strict=True))
    assert by_id["contrato/doc-090"] == "contrato" and by_id["factura_recibo/doc-045"] is None


def test_predict_standard_input(run, tmp_path, monkeypatch):
    lines = "factura venta cliente\r\ncontrato cláusula año\n\nacta ¿aprobada?"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    predict_script.main([str(run), "--input", "-", "--output", str(tmp_path / "p.csv")])
    assert read_predictions(tmp_path / "p.csv").ids == ["0", "1", "2", "3"]


def test_pipeline_over_seeds_skips_what_has_not_changed(
    corpus_file, tiny_encoder, tmp_path, capsys, no_figures
):
    rows = corpus_rows(20)
    rows[3]["label"] = rows[30]["label"] = ""
    source = write_jsonl(tmp_path / "x.jsonl", rows)
    flags = [
        "--dataset",
        str(source),
        "--model_name_or_path",
        str(tiny_encoder),
        "--output_dir",
        str(tmp_path / "p"),
        "--seeds",
        "2",
        "--max_steps",
        "4",
        "--use_cpu",
        "--disable_tqdm",
        "true",
    ]
    summary = pipeline_script.main(flags)
    assert summary["n"] == 2 and summary["test_macro_f1_sd"] is not None
    runs = [
        json.loads((tmp_path / "p" / f"seed_{s}" / "all_results.json").read_text("utf-8"))
        for s in (0, 1)
    ]
    assert summary["test_macro_f1_mean"] == pytest.approx(
        np.mean([r["test_macro_f1"] for r in runs])
    )
    assert summary["test_macro_f1_sd"] == pytest.approx(
        np.std([r["test_macro_f1"] for r in runs], ddof=1)
    )
    assert read_predictions(tmp_path / "p" / "predictions_unlabelled.parquet").ids == [
        "doc-003",
        "doc-030",
    ]
    assert "mean ± sd" in (tmp_path / "p" / "summary.md").read_text(encoding="utf-8")
    assert (tmp_path / "p" / "figures" / "seeds.png").exists()
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "p").rglob("model.safetensors")}
    capsys.readouterr()
    pipeline_script.main(flags)
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "p").rglob("model.safetensors")} == before
    assert "train_seed_1: unchanged, skipped" in capsys.readouterr().out
    write_jsonl(source, rows[:60])
    with pytest.raises(SystemExit):
        pipeline_script.main(flags)
    assert "made with another source" in capsys.readouterr().err


def test_pipeline_over_folds(corpus_file, tiny_encoder, tmp_path, no_figures):
    summary = pipeline_script.main(
        [
            "--dataset",
            str(corpus_file),
            "--model_name_or_path",
            str(tiny_encoder),
            "--output_dir",
            str(tmp_path / "p"),
            "--folds",
            "2",
            "--max_steps",
            "2",
            "--use_cpu",
            "--disable_tqdm",
            "true",
        ]
    )
    files = [tmp_path / "p" / f"fold_{fold}" / "predictions_test.parquet" for fold in (1, 2)]
    tested = [i for file in files for i in read_predictions(file).ids]
    assert summary["n"] == 2 and len(tested) == len(set(tested)) == 200


def test_mini_is_the_default_and_starts_from_its_weights(prepared, tmp_path, no_figures):
    run = train_script.main(
        [
            "--dataset",
            str(prepared),
            "--output_dir",
            str(tmp_path / "r"),
            "--max_steps",
            "2",
            "--use_cpu",
        ]
    )
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    assert config["model"]["name"] == "mini" and config["model"]["start"] == "preentrenado"
    recipe = yaml.safe_load((PACKAGE / "configs" / "mini.yaml").read_text(encoding="utf-8"))
    assert config["arguments"]["learning_rate"] == float(recipe["learning_rate"])
    before, after = (
        load_file(MINI_FOLDER / "model.safetensors"),
        load_file(run / "model.safetensors"),
    )
    name = "model.embeddings.tok_embeddings.weight"
    assert 0 < np.abs(before[name].astype(np.float32) - after[name]).max() < 0.02
    assert "`mini`" in (run / "README.md").read_text(encoding="utf-8")


def test_mini_is_small_and_predicts_hidden_words():
    """What is shipped is an encoder that has learnt Spanish, within its 16 MB."""
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    assert (MINI_FOLDER / "model.safetensors").stat().st_size <= 16_000_000
    tokenizer, model = (
        AutoTokenizer.from_pretrained(MINI_FOLDER),
        AutoModelForMaskedLM.from_pretrained(MINI_FOLDER),
    )
    signs = "á é í ó ú ü ñ Ñ ¿ ¡ % / ;"
    decoded = tokenizer.decode(tokenizer(signs).input_ids, skip_special_tokens=True)
    assert decoded.split() == signs.split()
    for text, expected in {
        "La ley entrará en vigencia a partir de la [MASK] de su publicación.": "fecha",
        "El señor [MASK] la puerta y salió a la calle.": "abrió",
    }.items():
        inputs = tokenizer(text, return_tensors="pt")
        place = (inputs.input_ids[0] == tokenizer.mask_token_id).nonzero().item()
        best = model.float().eval()(**inputs).logits[0, place].topk(20).indices
        assert expected in tokenizer.convert_ids_to_tokens(best.tolist())


def test_mini_scratch_learns_its_own_vocabulary(prepared, tmp_path, no_figures):
    run = train_script.main(
        [
            "--dataset",
            str(prepared),
            "--output_dir",
            str(tmp_path / "r"),
            "--max_steps",
            "2",
            "--model_name_or_path",
            "mini-scratch",
            "--use_cpu",
            "--vocab_size",
            "300",
        ]
    )
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    assert config["model"]["name"] == "mini-scratch" and config["model"]["start"] == "pesos al azar"
    assert config["arguments"]["learning_rate"] == 1e-3
    assert "pesos al azar" in (run / "README.md").read_text(encoding="utf-8")
    assert json.loads((run / "config.json").read_text(encoding="utf-8"))["vocab_size"] <= 300


def test_without_output_dir_the_run_goes_below_runs(
    prepared, tiny_encoder, tmp_path, monkeypatch, no_figures
):
    monkeypatch.chdir(tmp_path)
    run = train_script.main(
        [
            "--dataset",
            str(prepared),
            "--model_name_or_path",
            str(tiny_encoder),
            "--max_steps",
            "1",
            "--use_cpu",
        ]
    )
    assert (
        run.parent.as_posix() == "runs/beto_text_model/papeles_v1"
        and (run / "all_results.json").exists()
    )


def test_early_stopping_stops(prepared, tiny_encoder, tmp_path, no_figures):
    run = train_script.main(
        [
            "--dataset",
            str(prepared),
            "--model_name_or_path",
            str(tiny_encoder),
            "--output_dir",
            str(tmp_path / "r"),
            "--learning_rate",
            "0",
            "--num_train_epochs",
            "9",
            "--early_stopping_patience",
            "2",
            "--use_cpu",
        ]
    )
    results = json.loads((run / "all_results.json").read_text(encoding="utf-8"))
    assert results["train_epoch"] == 3


def test_trackers_work_offline_and_get_figures_and_the_table(
    prepared, tiny_encoder, tmp_path, monkeypatch
):
    import mlflow
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    monkeypatch.chdir(tmp_path)
    for name in (
        "WANDB_MODE",
        "WANDB_DIR",
        "WANDB_API_KEY",
        "MLFLOW_TRACKING_URI",
        "TENSORBOARD_LOGGING_DIR",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    run = train_script.main(
        [
            "--dataset",
            str(prepared),
            "--model_name_or_path",
            str(tiny_encoder),
            "--output_dir",
            "r",
            "--max_steps",
            "3",
            "--use_cpu",
            "--report_to",
            "wandb,mlflow",
            "tensorboard",
        ]
    )
    results = json.loads((run / "all_results.json").read_text(encoding="utf-8"))
    assert list(tmp_path.glob("runs/wandb/offline-run-*/*.wandb"))
    assert list(
        tmp_path.glob("runs/wandb/offline-run-*/files/media/images/figures/confusion_matrix*.png")
    )
    assert list(tmp_path.glob("runs/wandb/offline-run-*/files/media/table/per_class*"))
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}")
    tracked = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert len(tracked) == 1 and tracked[0].info.status == "FINISHED"
    assert tracked[0].data.metrics["test_macro_f1"] == results["test_macro_f1"]
    figures = {p.name for p in tmp_path.glob("runs/mlartifacts/*/artifacts/figures/*.png")}
    assert "confusion_matrix.png" in figures
    events = EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    assert "figures/confusion_matrix" in events.Tags()["images"]
    assert events.Scalars("final/test_macro_f1")[0].value == pytest.approx(
        results["test_macro_f1"], abs=1e-6
    )
    for name in (
        "WANDB_MODE",
        "WANDB_DIR",
        "MLFLOW_TRACKING_URI",
        "TENSORBOARD_LOGGING_DIR",
        "WANDB_PROJECT",
        "MLFLOW_EXPERIMENT_NAME",
    ):
        monkeypatch.delenv(name, raising=False)


def test_push_goes_through_the_trainer_and_keeps_the_card(
    prepared, tiny_encoder, tmp_path, monkeypatch, no_figures
):
    """No Hub here: what would be uploaded is looked at instead."""
    import transformers.trainer as trainer_module

    class Api:
        def create_repo(self, *args, **kwargs):
            return type("Repo", (), {"repo_id": "equipo/papeles"})()

        def upload_folder(self, **kwargs):
            card = (tmp_path / "r" / "README.md").read_text(encoding="utf-8")
            pushed.update(kwargs, files=files_of(tmp_path / "r"), card=card)

    pushed = {}
    monkeypatch.setattr(trainer_module, "hf_api", Api)
    train_script.main(
        [
            "--dataset",
            str(prepared),
            "--model_name_or_path",
            str(tiny_encoder),
            "--output_dir",
            str(tmp_path / "r"),
            "--max_steps",
            "2",
            "--use_cpu",
            "--push_to_hub",
            "--hub_model_id",
            "equipo/papeles",
        ]
    )
    assert pushed["repo_id"] == "equipo/papeles" and "language: es" in pushed["card"]
    assert not any(f.endswith((".bin", ".pt", ".pkl")) for f in pushed["files"])


@pytest.mark.parametrize(
    "config", sorted((PACKAGE / "configs").glob("*.yaml")), ids=lambda p: p.stem
)
def test_every_config_parses_and_names_its_command(config, tmp_path):
    from beto_text_model.arguments import EncoderArguments, PretrainingArguments, parse_training
    from beto_text_model.raw_texts import RawTextOptions
    from utils.cli import parse

    words, name = [str(config), "--output_dir", str(tmp_path), "--use_cpu"], "train"
    if config.stem.startswith(("adapt", "pretrain")):
        model, _, args, _ = parse((EncoderArguments, RawTextOptions, PretrainingArguments), words)
        name = "pretrain_mlm"
        assert model.model_name_or_path or model.config_overrides
    else:
        model, _, args, _ = parse_training(words, "")
        assert model.model_name_or_path
    head = config.read_text(encoding="utf-8").splitlines()[0]
    assert head.startswith(f"# accelerate launch beto_text_model/scripts/train/{name}.py")
    assert args.learning_rate > 0


@pytest.mark.parametrize(
    "config", sorted((PACKAGE / "configs" / "accelerate").glob("*.yaml")), ids=lambda p: p.stem
)
def test_every_accelerate_config_is_taken_by_accelerate(config):
    """As far as that goes without its devices: cpu_1 and cpu_2 train in the invariants."""
    from accelerate.commands.config.config_args import load_config_from_file
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser

    loaded = load_config_from_file(str(config))
    words = launch_command_parser().parse_args(["--config_file", str(config), "train.py"])
    launched, _, _ = _validate_launch_command(words)
    assert launched.num_processes == loaded.num_processes
    assert launched.num_machines == loaded.num_machines
    assert launched.mixed_precision == loaded.mixed_precision
    assert launched.multi_gpu is (loaded.distributed_type == "MULTI_GPU")
    place = f"--config_file beto_text_model/configs/accelerate/{config.name}"
    assert place in config.read_text(encoding="utf-8")
