"""Pre-training through its own command line: it learns, resumes to the same bits, and its encoder
fine-tunes.
"""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.numpy import load_file, save_file

from beto_text_model.scripts.explore import train_tokenizer as train_tokenizer_script
from beto_text_model.scripts.train import pretrain_mlm as pretrain_mlm_script
from beto_text_model.scripts.train import train as train_script
from tests.helpers import PACKAGE, SCRIPTS, corpus_rows, refused, write_jsonl

EXPLORE = PACKAGE / "scripts" / "explore"
SHAPE = (
    "hidden_size=32,num_hidden_layers=2,num_attention_heads=2,intermediate_size=48,"
    "max_position_embeddings=64"
)
FLAGS = [
    "--config_overrides",
    SHAPE,
    "--max_length",
    "24",
    "--per_device_train_batch_size",
    "8",
    "--learning_rate",
    "1e-2",
    "--logging_steps",
    "4",
    "--bf16",
    "false",
    "--use_cpu",
    "--disable_tqdm",
    "true",
]


@pytest.fixture(scope="module")
def texts(tmp_path_factory) -> Path:
    """Two hundred short texts of two sources, without labels."""
    rows = [
        {"source": "actas" if i % 3 else "leyes", "text": row["text"]}
        for i, row in enumerate(corpus_rows())
    ]
    return write_jsonl(tmp_path_factory.mktemp("raw") / "textos.jsonl.gz", rows)


@pytest.fixture(scope="module")
def tokenizer(texts, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer") / "piezas"
    return train_tokenizer_script.main(
        [
            "--dataset",
            str(texts),
            "--vocab_size",
            "300",
            "--held_out_size",
            "0.1",
            "--output_dir",
            str(folder),
        ]
    )


@pytest.fixture(scope="module")
def words(texts, tokenizer) -> list[str]:
    """The flags of every run here, but the output folder."""
    return [
        "--dataset",
        str(texts),
        "--tokenizer_name",
        str(tokenizer),
        "--held_out_size",
        "0.1",
        *FLAGS,
    ]


@pytest.fixture(scope="module")
def encoder(words, tmp_path_factory) -> Path:
    """A finished pre-training of 24 steps."""
    folder = tmp_path_factory.mktemp("encoders") / "encoder"
    return pretrain_mlm_script.main(
        [*words, "--output_dir", str(folder), "--max_steps", "24", "--save_steps", "8"]
    )


def read(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


def weights(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / "model.safetensors")


def test_the_folder_is_whole_and_says_what_it_is(encoder, texts):
    results, config = (
        read(encoder / "all_results.json"),
        yaml.safe_load((encoder / "config.yaml").read_text("utf-8")),
    )
    assert results["train_tokens"] == 24 * 8 * 24 and 0 < results["train_share_of_peak"] < 1
    for source in ("actas", "leyes"):
        assert 1 < results[f"held_out_{source}_perplexity"] < 300
    assert config["dataset"]["source"] == str(texts) and len(config["dataset"]["hash"]) == 64
    card = (encoder / "README.md").read_text(encoding="utf-8")
    assert "fill-mask" in card and "| actas |" in card and "palabras enteras" in card
    assert (encoder / "figures" / "curves.png").stat().st_size > 5000
    assert not list(encoder.glob("checkpoint-*")) and not list(encoder.rglob("*.bin"))


def test_the_loss_falls_on_the_sample(tmp_path):
    """The embedded corpus, a start from scratch: the last loss is far below that of guessing."""
    tokenizer = train_tokenizer_script.main(
        ["--vocab_size", "1000", "--output_dir", str(tmp_path / "t")]
    )
    run = pretrain_mlm_script.main(
        [
            "--tokenizer_name",
            str(tokenizer),
            "--output_dir",
            str(tmp_path / "r"),
            *FLAGS,
            "--max_steps",
            "60",
            "--per_device_train_batch_size",
            "64",
            "--learning_rate",
            "3e-3",
            "--eval_strategy",
            "no",
            "--save_strategy",
            "no",
        ]
    )
    losses = [float(e["loss"]) for e in read(run / "log_history.json") if "loss" in e]
    assert losses[0] > 6 and np.mean(losses[-3:]) < losses[0] - 0.6
    assert read(run / "all_results.json")["held_out_loss"] < losses[0] - 0.6


def test_only_masked_positions_are_scored_and_they_are_the_right_ones(
    encoder, texts, words, tmp_path
):
    """The loss of the trainer's short way equals that of the whole output layer."""
    from transformers import (
        AutoModelForMaskedLM,
        AutoTokenizer,
        TrainingArguments,
        default_data_collator,
    )

    from beto_text_model.packing import MaskedRows, pack_corpus
    from beto_text_model.pretraining import MaskedLanguageModelTrainer
    from beto_text_model.raw_texts import RawTextOptions, load_raw_texts

    tokenizer, model = (
        AutoTokenizer.from_pretrained(encoder),
        AutoModelForMaskedLM.from_pretrained(encoder),
    )
    stream, _ = pack_corpus(load_raw_texts(RawTextOptions(dataset=str(texts))), tokenizer)
    rows = MaskedRows(stream, tokenizer, 24, 0.3, 0)
    batch = default_data_collator(rows.__getitems__(list(range(8))))
    whole = model.eval()(**batch).loss
    args = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to="none")
    trainer = MaskedLanguageModelTrainer(
        model=model, args=args, train_dataset=rows, held_out={}, data_collator=default_data_collator
    )
    assert trainer.compute_loss(model, dict(batch)).item() == pytest.approx(whole.item(), rel=1e-5)
    assert model(**batch).logits.shape == (
        8,
        24,
        len(tokenizer),
    )  # and the model is as it was for everybody else
    scores = trainer.score({"x": rows, "y": rows})
    assert (
        scores["perplexity"] == pytest.approx(scores["x_perplexity"])
        and np.log(scores["perplexity"]) < 6
    )


def test_accumulation_does_not_change_the_result(words, tmp_path):
    runs = [
        pretrain_mlm_script.main(
            [
                *words,
                "--output_dir",
                str(tmp_path / name),
                "--max_steps",
                "6",
                "--eval_strategy",
                "no",
                "--per_device_train_batch_size",
                size,
                "--gradient_accumulation_steps",
                steps,
            ]
        )
        for name, size, steps in (("a", "8", "1"), ("b", "2", "4"))
    ]
    first, second = map(weights, runs)
    assert all(np.allclose(first[name], second[name], atol=2e-5) for name in first)


def test_killed_and_resumed_equals_uninterrupted(encoder, words, tmp_path, capsys):
    """kill -9 once a checkpoint is there; the same command with --resume ends with the same bits
    and curve.
    """
    line = [
        sys.executable,
        str(SCRIPTS / "pretrain_mlm.py"),
        *words,
        "--output_dir",
        str(tmp_path / "run"),
        "--max_steps",
        "24",
        "--save_steps",
        "8",
    ]
    process = subprocess.Popen(
        line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ
    )
    deadline = time.time() + 120
    while not list((tmp_path / "run.partial").glob("checkpoint-*/trainer_state.json")):
        assert process.poll() is None and time.time() < deadline, "no checkpoint before the end"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "run").exists()
    capsys.readouterr()
    pretrain_mlm_script.main([*line[2:], "--resume"])
    assert re.search(r"resuming from .*checkpoint-(8|16)\n", capsys.readouterr().out)
    reference, resumed = weights(encoder), weights(tmp_path / "run")
    assert all((reference[name] == resumed[name]).all() for name in reference)
    curves = [
        [(e["step"], e["loss"]) for e in read(f / "log_history.json") if "loss" in e]
        for f in (encoder, tmp_path / "run")
    ]
    assert curves[0] == curves[1]


def test_the_budget_ends_the_run_with_the_rate_at_zero(words, tmp_path):
    begun = time.time()
    run = pretrain_mlm_script.main(
        [
            *words,
            "--output_dir",
            str(tmp_path / "r"),
            "--max_minutes",
            "0.05",
            "--save_strategy",
            "no",
            "--logging_steps",
            "1",
        ]
    )
    rates = [
        float(e["learning_rate"]) for e in read(run / "log_history.json") if "learning_rate" in e
    ]
    assert time.time() - begun < 60 and len(rates) > 5
    assert rates[-1] < 0.2 * max(rates) and max(rates) > 5e-3
    assert 2 < read(run / "all_results.json")["train_runtime"] < 20


def test_the_schedule_counts_on_after_a_resume():
    from beto_text_model.pretraining import ClockSchedule

    schedule = ClockSchedule(0.1, 1000, 100.0)
    schedule.seconds = 55.0
    assert schedule(1) == pytest.approx(0.5, abs=0.01)
    assert schedule(775) == pytest.approx(0.25, abs=0.01)  # steps run out before the time
    schedule.seconds = 200.0
    assert schedule(2) == 0


def test_the_encoder_fine_tunes(encoder, prepared, tmp_path):
    run = train_script.main(
        [
            "--dataset",
            str(prepared),
            "--model_name_or_path",
            str(encoder),
            "--output_dir",
            str(tmp_path / "r"),
            "--max_steps",
            "4",
            "--use_cpu",
        ]
    )
    tuned, before = weights(run), weights(encoder)
    name = next(n for n in before if n.endswith("tok_embeddings.weight"))
    assert (
        tuned[name].shape == before[name].shape and np.abs(tuned[name] - before[name]).max() < 0.01
    )
    assert read(run / "all_results.json")["test_rows"] == 20


def test_pretraining_goes_on_from_an_encoder_on_a_dataset(encoder, prepared, tmp_path):
    """Domain adaptation: train texts of a prepared dataset, weights near those it began with, half
    precision.
    """
    run = pretrain_mlm_script.main(
        [
            "--dataset",
            str(prepared),
            "--model_name_or_path",
            str(encoder),
            "--output_dir",
            str(tmp_path / "r"),
            "--held_out_size",
            "0.2",
            "--max_length",
            "24",
            "--max_steps",
            "2",
            "--learning_rate",
            "1e-3",
            "--save_fp16",
            "--use_cpu",
        ]
    )
    before, after = weights(encoder), weights(run)
    assert before.keys() == after.keys() and {str(w.dtype) for w in after.values()} == {"float16"}
    assert all(np.abs(before[n] - after[n].astype(np.float32)).max() < 0.01 for n in before)
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    assert (
        config["dataset"]["documents"]["train"] + config["dataset"]["documents"]["held_out"] == 160
    )


@pytest.mark.parametrize("kind", ["bpe", "unigram"])
def test_other_tokenizers_keep_every_sign_and_serve(kind, texts, tmp_path):
    from transformers import AutoTokenizer

    path = write_jsonl(
        tmp_path / "x.jsonl",
        [{"text": "á é í ó ú ü ñ Ñ ¿ ¡ % / ; cigüeña 1999"}] * 9
        + [{"text": row["text"]} for row in corpus_rows()],
    )
    folder = train_tokenizer_script.main(
        [
            "--dataset",
            str(path),
            "--kind",
            kind,
            "--vocab_size",
            "500",
            "--split_digits",
            "--output_dir",
            str(tmp_path / kind),
        ]
    )
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("cafe\u0301 ¿cigüeña Ñ? 1999").input_ids
    decoded = tokenizer.decode(ids, skip_special_tokens=True)
    assert tokenizer.unk_token_id not in ids and "café" in decoded and "¿cigüeña Ñ?" in decoded
    assert {"1", "9"} <= {p.strip("Ġ▁") for p in tokenizer.convert_ids_to_tokens(ids)}
    assert read(folder / "report.json")["tokenizers"][kind]["pieces"] == len(tokenizer) <= 500
    again = train_tokenizer_script.main(
        [
            "--dataset",
            str(path),
            "--kind",
            kind,
            "--vocab_size",
            "500",
            "--split_digits",
            "--output_dir",
            str(tmp_path / "again"),
        ]
    )
    assert AutoTokenizer.from_pretrained(again).get_vocab() == tokenizer.get_vocab()
    run = pretrain_mlm_script.main(
        [
            "--dataset",
            str(texts),
            "--tokenizer_name",
            str(folder),
            "--held_out_size",
            "0.1",
            "--output_dir",
            str(tmp_path / "r"),
            *FLAGS,
            "--max_steps",
            "1",
        ]
    )
    assert read(run / "all_results.json")["train_tokens"] == 8 * 24


def wrong_encoder(encoder, folder, **changes) -> Path:
    """A copy of the encoder whose config.json says something else."""
    folder.mkdir()
    for path in encoder.glob("*.json"):
        (folder / path.name).write_bytes(path.read_bytes())
    save_file(weights(encoder), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(
        json.dumps(read(encoder / "config.json") | changes), encoding="utf-8"
    )
    return folder


BAD = {
    "neither encoder nor tokenizer": (
        {"--tokenizer_name": None},
        ["--tokenizer_name", "train_tokenizer"],
    ),
    "no such corpus": ({"--dataset": "/no/esta.jsonl"}, ["/no/esta.jsonl", "no such file"]),
    "unknown architecture": ({"--model_type": "berto"}, ["berto", "modernbert"]),
    "unknown key of the shape": (
        {"--config_overrides": "hiden_size=3"},
        ["hiden_size", "did you mean 'hidden_size'"],
    ),
    "shape that cannot be": (
        {"--config_overrides": "hidden_size=30,num_attention_heads=4"},
        ["--config_overrides"],
    ),
    "share above one": ({"--mlm_probability": "1.5"}, ["--mlm_probability"]),
    "longer than the positions": ({"--max_length": "65"}, ["--max_length 65", "64"]),
    "less text than one row": ({"--max_length": "64", "--dataset": "SHORT"}, ["less than one row"]),
    "held-out texts less than one row": (
        {"--held_out_size": "0.001", "--max_length": "60"},
        ["--held_out_size"],
    ),
    "one document": ({"--dataset": "ONE"}, ["one document", "--held_out_size 0"]),
    "text without a known piece": ({"--dataset": "CYRILLIC"}, ["not one piece", "tokenizer"]),
    "no minutes": ({"--max_minutes": "0"}, ["--max_minutes"]),
    "unknown tracker": ({"--report_to": "excel"}, ["excel"]),
}


@pytest.mark.parametrize("case", BAD)
def test_pretraining_refuses(case, words, tmp_path, capsys):
    changes, said = BAD[case]
    flags = (
        dict(zip(words[: len(words) - 3 : 2], words[1 : len(words) - 2 : 2], strict=True)) | changes
    )
    made = {
        "SHORT": ["corto"] * 3 + ["otro"],
        "ONE": ["un solo texto " * 50],
        "CYRILLIC": ["ЖЩ" * 9, "ДЛ ЖЖ"] * 300,
    }
    if flags["--dataset"] in made:
        flags["--dataset"] = write_jsonl(
            tmp_path / "x.jsonl", [{"text": t} for t in made[flags["--dataset"]]]
        )
    line = [w for name, value in flags.items() if value is not None for w in (name, value)]
    message = refused(
        capsys, pretrain_mlm_script.main, *line, "--use_cpu", "--output_dir", tmp_path / "r"
    )
    assert all(word in message for word in said), message
    assert not (tmp_path / "r").exists()


def test_a_tokenizer_of_another_model_is_refused(encoder, words, tmp_path, capsys):
    other = train_tokenizer_script.main(
        ["--vocab_size", "900", "--output_dir", str(tmp_path / "t")]
    )
    message = refused(
        capsys,
        pretrain_mlm_script.main,
        *words,
        "--tokenizer_name",
        other,
        "--model_name_or_path",
        encoder,
        "--output_dir",
        tmp_path / "r",
    )
    assert "not of one model" in message and "900" in message


@pytest.mark.parametrize("name", ["train", "pretrain_mlm"])
def test_weights_of_another_shape_are_refused(name, encoder, words, prepared, tmp_path, capsys):
    folder = wrong_encoder(encoder, tmp_path / "otra", hidden_size=64)
    flags = (
        ["--dataset", prepared, "--held_out_size", "0.2"]
        if name == "pretrain_mlm"
        else ["--dataset", prepared]
    )
    message = refused(
        capsys,
        importlib.import_module(f"beto_text_model.scripts.train.{name}").main,
        *flags,
        "--model_name_or_path",
        folder,
        "--use_cpu",
        "--output_dir",
        tmp_path / "r",
    )
    assert "otra" in message and not (tmp_path / "r").exists()


def test_a_run_of_another_shape_is_not_resumed(words, tmp_path, capsys):
    main = pretrain_mlm_script.main
    line = [
        *words,
        "--output_dir",
        str(tmp_path / "r"),
        "--save_steps",
        "1",
        "--eval_strategy",
        "no",
    ]
    main([*line, "--max_steps", "1", "--keep_checkpoints"])
    (tmp_path / "r").rename(tmp_path / "r.partial")
    message = refused(
        capsys,
        main,
        *line,
        "--max_steps",
        "2",
        "--resume",
        "--config_overrides",
        SHAPE.replace("num_hidden_layers=2", "num_hidden_layers=1"),
    )
    assert "num_hidden_layers 2, now it is 1" in message and list(
        (tmp_path / "r.partial").glob("checkpoint-*")
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_at_a_checkpoint_is_one_line(words, tmp_path, capsys, monkeypatch):
    """The second checkpoint meets a full disk; the first one stays whole."""
    save, calls = torch.save, []

    def full(*args, **kwargs):
        calls.append(args)
        if len(list((tmp_path / "r.partial").glob("checkpoint-*"))) > 1:
            with open("/dev/full", "wb") as stream:
                stream.write(b"x" * 10_000)
        return save(*args, **kwargs)

    monkeypatch.setattr(torch, "save", full)
    message = refused(
        capsys,
        pretrain_mlm_script.main,
        *words,
        "--output_dir",
        tmp_path / "r",
        "--max_steps",
        "6",
        "--save_steps",
        "2",
        "--eval_strategy",
        "no",
    )
    assert "no space left" in message and "checkpoint-2 is whole" in message and calls


def test_one_line_of_many_characters_without_a_space(words, tmp_path):
    """Cut into parts for the tokenizer; memory and time stay in bounds (50 MB in the slow twin
    below).
    """
    rows = [{"text": "x" * 300_000 + " y"}] + [{"text": row["text"]} for row in corpus_rows()]
    path = write_jsonl(tmp_path / "x.jsonl", rows)
    run = pretrain_mlm_script.main(
        [*words, "--dataset", str(path), "--output_dir", str(tmp_path / "r"), "--max_steps", "1"]
    )
    assert (run / "model.safetensors").exists()


@pytest.mark.slow
def test_one_line_of_50_mb(words, tmp_path):
    rows = [{"text": "palabra ñandú " * 3_600_000}] + [
        {"text": row["text"]} for row in corpus_rows()
    ]
    path = write_jsonl(tmp_path / "x.jsonl", rows)
    run = pretrain_mlm_script.main(
        [*words, "--dataset", str(path), "--output_dir", str(tmp_path / "r"), "--max_steps", "1"]
    )
    assert (
        yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))["dataset"]["pieces"]
        > 7_000_000
    )
