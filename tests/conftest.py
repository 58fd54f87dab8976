"""What every test shares: a small corpus, a tiny encoder without dropout, a finished run."""

import contextlib
import os
from pathlib import Path

import pytest

from tests.helpers import corpus_rows, nothing, write_jsonl


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


FIGURES = (
    "save_figure",
    "confusion_matrix_figure",
    "per_class_figure",
    "calibration_figure",
    "curves_figure",
    "class_frequencies_figure",
)


@contextlib.contextmanager
def figures_drawn(drawn: bool):
    """Draw the figures of runs, or not: drawing takes longer than the trainings of these tests."""
    import utils.figures

    with pytest.MonkeyPatch.context() as patch:
        for name in FIGURES:
            function = getattr(utils.figures, name) if drawn else nothing
            patch.setattr(f"utils.runs.evaluation.{name}", function)
        yield


@pytest.fixture(scope="session")
def run(prepared, tiny_encoder, tmp_path_factory) -> Path:
    """A finished run on the prepared corpus, two epochs."""
    folder = tmp_path_factory.mktemp("runs") / "papeles"
    from beto_text_model.scripts.train import train as train_script

    words = ["--dataset", str(prepared), "--model_name_or_path", str(tiny_encoder)]
    words += ["--output_dir", str(folder), "--learning_rate", "5e-3", "--num_train_epochs", "2"]
    # With figures, though the first test that asks for it may be of a module without.
    with figures_drawn(True):
        train_script.main([*words, "--use_cpu"])
    return folder


@pytest.fixture
def no_figures():
    """No figures in one test."""
    with figures_drawn(False):
        yield


@pytest.fixture(scope="module")
def no_figures_in_module():
    """No figures in a whole module, its fixtures too."""
    with figures_drawn(False):
        yield
