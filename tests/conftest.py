"""Fixtures that every test shares: a small corpus, a tiny encoder without dropout, a finished run."""

import gzip
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parent.parent
ROOM = HOUSE / "beto_text_model"
SCRIPTS = ROOM / "scripts" / "train"
LABELS = ("cédula de ciudadanía", "factura/recibo", "contrato", "01", "NA")


@pytest.fixture(autouse=True, scope="session")
def no_network_and_own_cache(tmp_path_factory):
    """Tests never ask the Hub and leave no cache behind."""
    cache = tmp_path_factory.mktemp("hf")
    os.environ |= {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(cache),
        "OMP_NUM_THREADS": "1",
        "WANDB_SILENT": "true",
        "TOKENIZERS_PARALLELISM": "false",
    }
    import datasets
    import huggingface_hub.constants

    datasets.config.HF_DATASETS_CACHE = cache
    datasets.config.HF_HUB_OFFLINE = huggingface_hub.constants.HF_HUB_OFFLINE = True


def script(name: str, folder: Path = SCRIPTS):
    """A script loaded as a module, so that its `main` can be called in this process."""
    sys.path.insert(0, str(folder))
    spec = importlib.util.spec_from_file_location(f"script_{name}", folder / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def command(*words, timeout=240, check=True, **env) -> subprocess.CompletedProcess:
    """Run a command line of the project as a user does, from another folder than its own."""
    done = subprocess.run(
        [str(w) for w in words],
        capture_output=True,
        text=True,
        timeout=timeout,
        cwd="/",
        env=os.environ | env,
    )
    if check and done.returncode:
        raise AssertionError(
            f"exit {done.returncode}: {words}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        )
    return done


def refused(capsys, main, *words) -> str:
    """Call `main` with bad input; it must exit with 2 and print one line, which is returned."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([str(w) for w in words])
    lines = capsys.readouterr().err.strip().splitlines()
    assert stop.value.code == 2
    assert len(lines) == 1 and lines[0].startswith("error: "), lines
    return lines[0]


def corpus_rows(n_per_class: int = 40) -> list[dict]:
    """Short Spanish texts of five classes whose first words tell the class; no two are equal."""
    words = {
        LABELS[0]: "identificación república nombres apellidos registraduría",
        LABELS[1]: "factura venta cliente subtotal régimen común señor",
        LABELS[2]: "contrato cláusula las partes acuerdan arrendamiento año",
        LABELS[3]: "extracto saldo cuenta débito crédito período",
        LABELS[4]: "acta reunión asamblea socios quórum decisión ¿aprobada?",
    }
    rows = []
    for label, vocabulary in words.items():
        vocabulary = vocabulary.split()
        for i in range(n_per_class):
            text = " ".join(vocabulary[(i * k) % len(vocabulary)] for k in range(1, 3 + i % 9))
            rows.append(
                {"id": f"doc-{len(rows):03}", "text": f"{text} número {len(rows)}", "label": label}
            )
    return rows


def write_jsonl(path: Path, rows: list[dict]) -> Path:
    opener = gzip.open if path.suffix == ".gz" else open
    path.parent.mkdir(parents=True, exist_ok=True)
    with opener(path, "wt", encoding="utf-8") as stream:
        for row in rows:
            stream.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


@pytest.fixture(scope="session")
def corpus_file(tmp_path_factory) -> Path:
    """One jsonl.gz file of 200 rows, without splits."""
    return write_jsonl(tmp_path_factory.mktemp("corpus") / "papeles.jsonl.gz", corpus_rows())


@pytest.fixture(scope="session")
def prepared(corpus_file, tmp_path_factory) -> Path:
    """The corpus, prepared: 160 / 20 / 20 rows."""
    from utils.data import load_corpus, save_prepared

    folder = tmp_path_factory.mktemp("data") / "papeles" / "data_v1"
    folder.mkdir(parents=True)
    save_prepared(load_corpus(corpus_file), folder)
    return folder


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory) -> Path:
    """A local encoder folder (one layer, 32 wide, no dropout, wide start) with its tokenizer."""
    import torch
    from transformers import BertConfig, BertModel

    from beto_text_model.tokenization import train_wordpiece

    folder = tmp_path_factory.mktemp("models") / "tiny"
    torch.manual_seed(0)
    tokenizer = train_wordpiece([row["text"] for row in corpus_rows()], 400, 64)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.2,
    )
    BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def run(prepared, tiny_encoder, tmp_path_factory) -> Path:
    """A finished run on the prepared corpus, two epochs."""
    folder = tmp_path_factory.mktemp("runs") / "papeles"
    script("train").main(
        [
            "--dataset",
            str(prepared),
            "--model_name_or_path",
            str(tiny_encoder),
            "--output_dir",
            str(folder),
            "--learning_rate",
            "5e-3",
            "--num_train_epochs",
            "2",
            "--use_cpu",
        ]
    )
    return folder


@pytest.fixture
def no_figures(monkeypatch):
    """For runs whose figures nobody looks at: drawing them takes longer than these trainings."""
    for name in (
        "save_figure",
        "confusion_matrix_figure",
        "per_class_figure",
        "calibration_figure",
        "curves_figure",
        "class_frequencies_figure",
    ):
        monkeypatch.setattr(f"utils.runs.{name}", nothing)


def nothing(*args, **kwargs):
    pass
