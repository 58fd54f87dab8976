"""The recurrent room from raw files to predictions, and what must not change its result."""

import importlib
import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from safetensors.torch import load_file
from transformers import AutoTokenizer, set_seed

from rnn_baseline import encoding
from rnn_baseline.arguments import parse_training
from rnn_baseline.batches import BalancedSampler, BlockSampler, BucketSampler
from rnn_baseline.scripts.train import eval as eval_script
from rnn_baseline.scripts.train import pipeline as pipeline_script
from rnn_baseline.scripts.train import predict as predict_script
from rnn_baseline.scripts.train import preprocess as preprocess_script
from rnn_baseline.scripts.train import train as train_script
from rnn_baseline.training import RnnTrainer, build_model, load_tokenizer
from tests.helpers import (
    LABELS,
    REPO_ROOT,
    RUN_FILES,
    command,
    corpus_rows,
    files_of,
    refused,
    write_jsonl,
)
from utils.data import load_corpus, load_splits, training_order
from utils.metrics import classification_metrics
from utils.predictions import read_predictions
from utils.runs import read_json, read_yaml

PACKAGE = REPO_ROOT / "rnn_baseline"
SCRIPTS = PACKAGE / "scripts" / "train"
CONFIGS = sorted((PACKAGE / "configs").glob("*.yaml"))
TINY = """
cell: gru
hidden_size: 8
embedding_size: 6
bidirectional: true
min_frequency: 1
max_length: 12
learning_rate: 2e-2   # a string to YAML
lr_scheduler_type: constant
max_steps: 24
per_device_train_batch_size: 16
use_cpu: true
disable_tqdm: true
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    """A network of few units, without dropout, as a config file."""
    path = tmp_path_factory.mktemp("config") / "tiny.yaml"
    path.write_text(TINY, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def rnn_run(tiny, prepared, tmp_path_factory) -> Path:
    """A finished run on the prepared corpus."""
    folder = tmp_path_factory.mktemp("rnn") / "papeles"
    return train(tiny, prepared, folder, "--max_steps", 60)


def train(config, dataset, folder, *flags) -> Path:
    return train_script.main(
        [str(word) for word in (config, "--dataset", dataset, "--output_dir", folder, *flags)]
    )


def probabilities(run: Path, split="test") -> np.ndarray:
    return read_predictions(run / f"predictions_{split}.parquet").probabilities


def weights(run: Path) -> dict[str, torch.Tensor]:
    return load_file(run / "model.safetensors")


def same_weights(run: Path, other: Path) -> bool:
    ours, theirs = weights(run), weights(other)
    return ours.keys() == theirs.keys() and all(
        torch.equal(ours[name], theirs[name]) for name in ours
    )


def assert_same(run: Path, other: Path, tolerance=1e-5):
    for split in ("validation", "test"):
        np.testing.assert_allclose(
            probabilities(run, split), probabilities(other, split), atol=tolerance
        )


def fresh_model(flags, run: Path, seed: int):
    """The network that a training with these flags begins with, for the words of a finished run."""
    model_args = parse_training([str(flag) for flag in flags], "")[0]
    set_seed(seed)
    return build_model(model_args, sorted(LABELS), AutoTokenizer.from_pretrained(run))[0]


# The run folder.


def test_the_run_folder_is_that_of_every_room_and_holds_no_pickle(rnn_run):
    assert {f for f in files_of(rnn_run) if not f.startswith("eval/")} == RUN_FILES
    assert not rnn_run.with_name("papeles.partial").exists()
    results = read_json(rnn_run / "all_results.json")
    assert results["test_macro_f1"] > 0.6
    assert {
        "train_runtime",
        "train_loss",
        "parameters",
        "model_bytes",
        "test_ms_per_document",
    } <= set(results)
    assert results["parameters"] == sum(weight.numel() for weight in weights(rnn_run).values())


def test_results_are_those_of_the_predictions(rnn_run, prepared):
    results, corpus = read_json(rnn_run / "all_results.json"), load_corpus(prepared)
    for split in ("validation", "test"):
        predictions = read_predictions(rnn_run / f"predictions_{split}.parquet")
        assert predictions.ids == corpus.splits[split]["id"][:]
        codes = np.array([predictions.class_names.index(label) for label in predictions.labels])
        assert codes.tolist() == corpus.splits[split]["label"][:]
        for name, value in classification_metrics(codes, predictions.probabilities).items():
            assert results[f"{split}_{name}"] == pytest.approx(value, abs=1e-12)


def test_ids_and_label_order_are_those_of_the_beto_room(rnn_run, run):
    assert read_json(rnn_run / "labels.json") == read_json(run / "labels.json") == sorted(LABELS)
    for split in ("validation", "test"):
        ours, theirs = (
            read_predictions(r / f"predictions_{split}.parquet") for r in (rnn_run, run)
        )
        assert (
            ours.ids == theirs.ids
            and ours.labels == theirs.labels
            and ours.class_names == theirs.class_names
        )
    config = read_json(rnn_run / "config.json")
    assert [config["id2label"][str(code)] for code in range(5)] == sorted(LABELS)


def test_config_and_card_say_what_was_trained(rnn_run, prepared):
    config, info = read_yaml(rnn_run / "config.yaml"), read_json(prepared / "dataset.json")
    assert config["dataset"]["hash"] == info["hash"] and config["dataset"]["rows"] == info["rows"]
    assert config["arguments"]["learning_rate"] == 0.02 and config["arguments"]["cell"] == "gru"
    model, results = config["model"], read_json(rnn_run / "all_results.json")
    texts = load_splits(prepared)["train"]["text"][:]
    known = {word for text in texts for word in text.replace("¿", "").replace("?", "").split()}
    assert (
        model["words"] == len(known)
        and model["vectors"] is None
        and model["freeze_embeddings"] is False
    )
    assert model["parameters"] - model["parameters_without_embedding"] == 6 * (len(known) + 2)
    card = (rnn_run / "README.md").read_text(encoding="utf-8")
    assert (
        f"| F1 macro | {results['test_macro_f1']:.4f} |" in card and "import rnn_baseline" in card
    )
    assert (
        yaml.safe_load(card.split("---")[1])["language"] == "es"
        and "None" not in card
        and "nan" not in card
    )


# Evaluation and prediction.


def test_eval_writes_beside_and_equals_training(rnn_run, prepared, capsys):
    before = {f: (rnn_run / f).read_bytes() for f in RUN_FILES}
    theirs = read_json(rnn_run / "all_results.json")
    hash_ = read_json(prepared / "dataset.json")["hash"]
    for split, flags in (("test", []), ("validation", ["--dataset", prepared, "--batch_size", 3])):
        words = [str(w) for w in (rnn_run, "--split", split, "--overwrite", *flags)]
        folder = eval_script.main(words)
        assert folder == rnn_run / "eval" / f"{split}-{hash_[:8]}"
        ours = read_json(folder / "all_results.json")
        assert ours[f"{split}_macro_f1"] == theirs[f"{split}_macro_f1"]
        assert ours[f"{split}_log_loss"] == pytest.approx(theirs[f"{split}_log_loss"], abs=1e-6)
        np.testing.assert_allclose(
            probabilities(folder, split), probabilities(rnn_run, split), atol=1e-5
        )
    assert {f: (rnn_run / f).read_bytes() for f in RUN_FILES} == before
    assert "--overwrite" in refused(capsys, eval_script.main, rnn_run, "--split", "test")


FRESH = """
import json, sys
import rnn_baseline
from transformers import pipeline
run, texts = sys.argv[1], json.load(open(sys.argv[2], encoding="utf-8"))
classify = pipeline("text-classification", model=run, device="cpu")
alone = [classify([text], truncation=True, top_k=None)[0] for text in texts]
together = classify(texts, truncation=True, top_k=None, batch_size=8)
scores = [
    [{row["label"]: row["score"] for row in rows} for rows in found] for found in (alone, together)
]
print(json.dumps(scores))
"""


def test_a_pipeline_in_a_fresh_process_gives_evals_probabilities(rnn_run, tmp_path):
    test = read_predictions(rnn_run / "predictions_test.parquet")
    rows = {row["id"]: row["text"] for row in corpus_rows()}
    texts = [rows[i] for i in test.ids] + ["", "?!", "palabra " * 3000]
    (tmp_path / "t.json").write_text(json.dumps(texts), encoding="utf-8")
    done = command(sys.executable, "-c", FRESH, rnn_run, tmp_path / "t.json")
    source = write_jsonl(
        tmp_path / "t.jsonl", [{"id": str(i), "text": text} for i, text in enumerate(texts)]
    )
    predicted = read_predictions(predict(rnn_run, source, tmp_path / "p.parquet")).probabilities
    np.testing.assert_allclose(predicted[:-3], test.probabilities, atol=1e-5)
    for found in json.loads(done.stdout.splitlines()[-1]):
        scores = np.array([[row[name] for name in test.class_names] for row in found])
        np.testing.assert_allclose(scores, predicted, atol=1e-5)
    np.testing.assert_allclose(predicted[-3], predicted[-2], atol=1e-6)  # two texts without a word


def predict(run, source, output, *flags) -> Path:
    return predict_script.main(
        [str(w) for w in (run, "--input", source, "--output", output, *flags)]
    )


@pytest.mark.parametrize("output", ["p.parquet", "p.csv", "p.jsonl"])
def test_predict_tables_in_their_own_order(rnn_run, prepared, tmp_path, output, capsys):
    test = load_splits(prepared)["test"]
    order = np.argsort([len(text) for text in test["text"]])[::-1].tolist()
    names = test.features["label"].names
    rows = [
        {"id": test[i]["id"], "text": test[i]["text"], "label": names[test[i]["label"]]}
        for i in order
    ]
    rows += [{"id": "vacío", "text": "", "label": ""}, {"id": "nulo", "text": None, "label": None}]
    found = read_predictions(
        predict(
            rnn_run, write_jsonl(tmp_path / "in.jsonl", rows), tmp_path / output, "--batch_size", 3
        )
    )
    assert found.ids == [row["id"] for row in rows] and found.labels == [
        row["label"] or None for row in rows
    ]
    tolerance = 1e-5 if output != "p.csv" else 1e-4
    np.testing.assert_allclose(
        found.probabilities[:-2], probabilities(rnn_run)[order], atol=tolerance
    )
    np.testing.assert_allclose(found.probabilities[-2], found.probabilities[-1], atol=1e-6)
    assert "22 texts" in capsys.readouterr().out


def test_predict_csv_standard_input_and_latin_1_are_read_alike(
    rnn_run, tmp_path, monkeypatch, capsys
):
    text = "contrato cláusula las partes año número"
    (tmp_path / "a.csv").write_text(f"clave,texto\n01,{text}\n", encoding="utf-8")
    (tmp_path / "b.txt").write_bytes(text.encode("latin-1"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{text}\r\n\n".encode())))
    columns = ["--text_column", "texto", "--id_column", "clave"]
    found = [
        read_predictions(predict(rnn_run, *words))
        for words in (
            (tmp_path / "a.csv", tmp_path / "a.parquet", *columns),
            (tmp_path / "b.txt", tmp_path / "b.parquet"),
            ("-", tmp_path / "c.parquet"),
        )
    ]
    assert [p.ids for p in found] == [["01"], ["b"], ["0", "1"]]
    for predictions in found:
        assert predictions.predictions[0] == "contrato"
        np.testing.assert_allclose(
            predictions.probabilities[0], found[0].probabilities[0], atol=1e-6
        )
    assert "1 without a word" in capsys.readouterr().out


# What does not change the result, and what does.


def test_accumulation_does_not_change_the_result(tiny, prepared, tmp_path, no_figures):
    reference = train(tiny, prepared, tmp_path / "1x16")
    assert (
        np.ptp(probabilities(reference), axis=0).max() > 0.3
    )  # equal runs say nothing when nothing was learnt
    for size, parts in ((8, 2), (2, 8)):
        run = train(
            tiny,
            prepared,
            tmp_path / f"{size}x{parts}",
            "--per_device_train_batch_size",
            size,
            "--gradient_accumulation_steps",
            parts,
        )
        assert_same(run, reference)
        assert read_yaml(run / "config.yaml")["model"]["global_batch_size"] == 16


@pytest.mark.parametrize(
    "order",
    [[], ["--balanced_batches", "7"], ["--streaming", "--shuffle_buffer", "50"]],
    ids=["buckets", "balanced", "streaming"],
)
def test_interrupted_and_resumed_equals_uninterrupted(
    tiny, prepared, tmp_path, order, monkeypatch, no_figures
):
    """Ctrl-C in the 15th step, a later epoch: nothing looks finished, and --resume ends with the
    same bits.
    """
    flags = [
        "--save_strategy",
        "steps",
        "--save_steps",
        "4",
        "--word_dropout",
        "0.2",
        "--head_dropout",
        "0.3",
        *order,
    ]
    whole = train(tiny, prepared, tmp_path / "whole", *flags)
    step, steps = RnnTrainer.training_step, []

    def stopped(self, *args, **kwargs):
        steps.append(self.state.global_step)
        if len(steps) == 15:
            raise KeyboardInterrupt
        return step(self, *args, **kwargs)

    monkeypatch.setattr(RnnTrainer, "training_step", stopped)
    with pytest.raises(SystemExit, match="130"):
        train(tiny, prepared, tmp_path / "run", *flags)
    assert not (tmp_path / "run").exists() and (tmp_path / "run.partial" / "checkpoint-12").exists()
    resumed = train(tiny, prepared, tmp_path / "run", *flags, "--resume")
    assert steps[15:] == list(range(12, 24))
    assert same_weights(resumed, whole) and (probabilities(resumed) == probabilities(whole)).all()


def test_the_same_seed_gives_the_same_bits_and_another_does_not(
    tiny, prepared, tmp_path, no_figures
):
    runs = [
        train(
            tiny,
            prepared,
            tmp_path / str(number),
            "--seed",
            seed,
            "--word_dropout",
            0.1,
            "--max_steps",
            6,
        )
        for number, seed in enumerate((0, 0, 1))
    ]
    assert same_weights(runs[0], runs[1]) and not same_weights(runs[0], runs[2])
    start = train(
        tiny, prepared, tmp_path / "start", "--seed", 1, "--learning_rate", 0, "--max_steps", 1
    )
    expected = fresh_model([tiny, "--output_dir", tmp_path], start, seed=1).state_dict()
    assert all(torch.equal(weight, expected[name]) for name, weight in weights(start).items())


@pytest.fixture
def orders(monkeypatch) -> list:
    """The samplers of the trainings, and the rows each handed out, epoch by epoch."""
    seen, iterate = [], BucketSampler.__mro__[1].__iter__

    def noted(self):
        rows = list(iterate(self))
        seen.append((type(self), self.epoch, rows))
        return iter(rows)

    monkeypatch.setattr(BucketSampler.__mro__[1], "__iter__", noted)
    return seen


def test_streaming_reads_every_row_once_an_epoch_from_mapped_files(
    tiny, prepared, tmp_path, orders, no_figures, monkeypatch
):
    monkeypatch.setattr(encoding.EncodedDataset, "to", forbid)
    run = train(
        tiny, prepared, tmp_path / "r", "--streaming", "--shuffle_buffer", 50, "--max_steps", 20
    )
    assert [(kind, epoch) for kind, epoch, _ in orders] == [(BlockSampler, 0), (BlockSampler, 1)]
    assert (
        all(sorted(rows) == list(range(160)) for *_, rows in orders)
        and orders[0][2] != orders[1][2]
    )
    assert all(np.count_nonzero(np.diff(np.array(rows) // 50)) == 3 for *_, rows in orders)
    assert read_json(run / "all_results.json")["test_rows"] == 20


def test_buckets_are_the_default_and_random_is_a_choice(
    tiny, prepared, tmp_path, orders, no_figures
):
    train(tiny, prepared, tmp_path / "a", "--max_steps", 11, "--seed", 3)
    lengths = [
        min(12, len(text.split()))
        for text in training_order(load_splits(prepared)["train"])["text"]
    ]
    expected = [
        BucketSampler(lengths, 16, 3).order(np.random.default_rng([3, epoch])).tolist()
        for epoch in (0, 1)
    ]
    assert orders == [(BucketSampler, 0, expected[0]), (BucketSampler, 1, expected[1])]
    orders.clear()
    train(tiny, prepared, tmp_path / "b", "--max_steps", 1, "--seed", 4, "--data_seed", 3)
    assert orders == [(BucketSampler, 0, expected[0])]
    orders.clear()
    train(tiny, prepared, tmp_path / "c", "--max_steps", 2, "--train_sampling_strategy", "random")
    assert orders == []


def test_balanced_batches_are_balanced_and_others_each_epoch(tiny, tmp_path, orders, no_figures):
    rows = (
        corpus_rows()[:60] + corpus_rows()[80:85] + corpus_rows()[120:124]
    )  # 40, 20, 5 and 4 of a class
    source = write_jsonl(tmp_path / "desiguales.jsonl", rows)
    run = train(tiny, source, tmp_path / "r", "--balanced_batches", 4, "--max_steps", 8)
    labels = np.array(training_order(load_splits(source)["train"])["label"])
    assert [(kind, epoch) for kind, epoch, _ in orders] == [
        (BalancedSampler, 0),
        (BalancedSampler, 1),
    ]
    for *_, drawn in orders:
        for batch in labels[np.reshape(drawn, (4, 16))]:
            assert np.bincount(batch).tolist() == [4, 4, 4, 4]
    assert orders[0][2] != orders[1][2]
    config = read_yaml(run / "config.yaml")
    assert (
        config["arguments"]["balanced_batches"] == 4
        and read_json(run / "all_results.json")["train_epoch"] == 2
    )


def forbid(*args, **kwargs):
    raise AssertionError("not to be called")


def test_preprocess_says_what_the_network_sees_and_train_finds_it(
    tiny, tmp_path, capsys, monkeypatch, no_figures
):
    rows = corpus_rows(12) + [{"id": "signos", "text": "¿? … !", "label": "01"}]
    source = write_jsonl(tmp_path / "fuente.jsonl", rows)
    report = preprocess_script.main([str(tiny), "--dataset", str(source), "--max_length", "5"])
    splits = load_splits(source)
    for split, dataset in splits.items():
        whole = [0 if text == "¿? … !" else len(text.split()) for text in dataset["text"]]
        lengths = [min(5, n) for n in whole]
        assert report["splits"][split] == {
            "texts": len(lengths),
            "words_median": int(np.median(lengths)),
            "words_p95": int(np.percentile(lengths, 95)),
        }
        # A text of exactly five words loses nothing.
        assert report["share_truncated"][split] == pytest.approx(np.mean([n > 5 for n in whole]))
    assert sum(report["empty"].values()) == 1 and report["share_unknown"]["train"] == 0
    monkeypatch.setattr(encoding, "write_split", forbid)
    capsys.readouterr()
    train(tiny, source, tmp_path / "r", "--max_length", 5, "--max_steps", 1, "--hidden_size", 4)
    assert "words: from " in capsys.readouterr().out


# Vectors, frozen tables, and going on from a run.

VECTORS = {
    "factura": [1, 0, 0, 2],
    "contrato": [0, 3, 0, 0],
    "año": [0, 0, 4, 1],
    "Saldo": [1, 1, 1, 5],
    "manubrio": [9, 9, 9, 9],
}


@pytest.fixture
def vectors(tmp_path) -> Path:
    """A word2vec file that has four words of the corpus."""
    lines = [f"{word} {' '.join(map(str, numbers))}" for word, numbers in VECTORS.items()]
    (tmp_path / "v.txt").write_text("\n".join([f"{len(lines)} 4", *lines]) + "\n", encoding="utf-8")
    return tmp_path / "v.txt"


@pytest.mark.parametrize("frozen", [True, False])
def test_vectors_are_read_and_frozen_ones_stay(
    tiny, prepared, vectors, tmp_path, frozen, no_figures
):
    flags = [
        "--vectors",
        vectors,
        "--embedding_size",
        4,
        "--freeze_embeddings",
        frozen,
        "--weight_decay",
        0.1,
    ]
    run = train(tiny, prepared, tmp_path / "r", *flags)
    table, vocabulary = (
        weights(run)["embedding.weight"],
        AutoTokenizer.from_pretrained(run).get_vocab(),
    )
    start = fresh_model([tiny, "--output_dir", tmp_path, *flags], run, seed=0)
    assert torch.equal(table, start.embedding.weight) is frozen
    assert not torch.equal(weights(run)["classifier.weight"], start.classifier.weight)
    for word, numbers in VECTORS.items():
        if word != "manubrio":
            assert (table[vocabulary[word.lower()]].tolist() == numbers) is frozen
    assert not table[0].any() and table[1].any() and "manubrio" not in vocabulary
    model = read_yaml(run / "config.yaml")["model"]
    assert model["freeze_embeddings"] is frozen and "v.txt" in model["start"]
    assert model["vectors"] == {
        "file": "v.txt",
        "words": 4,
        "share": pytest.approx(4 / model["words"]),
    }


def test_a_run_goes_on_from_another(rnn_run, tiny, prepared, tmp_path, no_figures):
    """A step of size 0 changes nothing; a real one trains what is not frozen, and the vocabulary is
    the run's.
    """
    same = train(
        tiny,
        prepared,
        tmp_path / "same",
        "--model_name_or_path",
        rnn_run,
        "--learning_rate",
        0,
        "--max_steps",
        1,
    )
    assert same_weights(same, rnn_run)
    assert_same(same, rnn_run)
    frozen = train(
        tiny,
        prepared,
        tmp_path / "frozen",
        "--model_name_or_path",
        rnn_run,
        "--freeze_embeddings",
        "true",
        "--max_steps",
        4,
    )
    ours, theirs = weights(frozen), weights(rnn_run)
    assert torch.equal(ours["embedding.weight"], theirs["embedding.weight"])
    assert not torch.equal(ours["classifier.weight"], theirs["classifier.weight"])
    config = read_yaml(frozen / "config.yaml")
    assert config["model"]["freeze_embeddings"] is True and str(rnn_run) in config["model"]["start"]
    free = train(
        tiny, prepared, tmp_path / "free", "--model_name_or_path", frozen, "--max_steps", 4
    )
    assert not torch.equal(weights(free)["embedding.weight"], theirs["embedding.weight"])
    assert read_yaml(free / "config.yaml")["model"]["freeze_embeddings"] is False
    for run in (same, frozen, free):
        assert (run / "tokenizer.json").read_bytes() == (rnn_run / "tokenizer.json").read_bytes()


def test_a_run_goes_on_with_other_classes(rnn_run, tiny, tmp_path, no_figures):
    rows = [row | {"label": f"tema {i % 3}"} for i, row in enumerate(corpus_rows(12))]
    run = train(
        tiny,
        write_jsonl(tmp_path / "t.jsonl", rows),
        tmp_path / "r",
        "--model_name_or_path",
        rnn_run,
        "--max_steps",
        2,
    )
    assert read_json(run / "labels.json") == ["tema 0", "tema 1", "tema 2"]
    assert weights(run)["classifier.weight"].shape[0] == 3 and probabilities(run).shape[1] == 3


def test_pipeline_over_seeds(tiny, tmp_path, capsys, no_figures):
    rows = corpus_rows(12)
    rows[3]["label"] = rows[30]["label"] = "NR"
    source = write_jsonl(tmp_path / "x.jsonl", rows)
    flags = [
        str(w)
        for w in (
            tiny,
            "--dataset",
            source,
            "--unlabelled",
            "NR",
            "--output_dir",
            tmp_path / "p",
            "--seeds",
            2,
            "--max_steps",
            4,
        )
    ]
    summary = pipeline_script.main(flags)
    runs = [read_json(tmp_path / "p" / f"seed_{seed}" / "all_results.json") for seed in (0, 1)]
    assert summary["n"] == 2
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
    assert not same_weights(tmp_path / "p" / "seed_0", tmp_path / "p" / "seed_1")
    capsys.readouterr()
    pipeline_script.main(flags)
    assert "train_seed_1: unchanged, skipped" in capsys.readouterr().out


# Odd texts and classes.


def split_files(folder: Path, **splits) -> Path:
    """A folder of {train,validation,test}.jsonl from (text, label) pairs."""
    for split, pairs in splits.items():
        rows = [
            {"id": f"{split}-{i}", "text": text, "label": label}
            for i, (text, label) in enumerate(pairs)
        ]
        write_jsonl(folder / f"{split}.jsonl", rows)
    return folder


def test_unknown_words_empty_texts_and_absent_classes_are_counted(tiny, tmp_path, no_figures):
    source = split_files(
        tmp_path / "d",
        train=[
            ("factura venta", "a"),
            ("saldo ¡cuenta!", "b"),
            ("¡!", "a"),
            ("???", "b"),
            ("acta", "rara"),
            ("… factura", "a"),
        ],
        validation=[("factura nueva", "a"), ("saldo", "b")],
        test=[
            ("FACTURA saldo extraña rara", "a"),
            ("%%", "b"),
            ("zzz", "a"),
            ("cuenta venta", "b"),
        ],
    )
    run = train(tiny, source, tmp_path / "r", "--per_device_train_batch_size", 1, "--max_steps", 12)
    model = read_yaml(run / "config.yaml")["model"]
    assert model["words"] == 5  # acta, cuenta, factura, saldo, venta: those of train alone
    assert model["share_unknown"] == {
        "train": 0.0,
        "validation": pytest.approx(1 / 3),
        "test": pytest.approx(3 / 7),
    }
    assert model["empty"] == {"train": 2, "validation": 0, "test": 1}
    report = read_json(run / "classification_report.json")
    assert report["absent_classes"] == ["rara"] and read_json(run / "labels.json") == [
        "a",
        "b",
        "rara",
    ]
    assert "rara" in (run / "README.md").read_text(encoding="utf-8")
    found = read_predictions(run / "predictions_test.parquet")
    assert found.ids == [f"test-{i}" for i in range(4)] and np.isfinite(found.probabilities).all()
    tokenizer = AutoTokenizer.from_pretrained(run)
    assert tokenizer.convert_ids_to_tokens(range(7)) == [
        "[PAD]",
        "[UNK]",
        "factura",
        "acta",
        "cuenta",
        "saldo",
        "venta",
    ]


@pytest.mark.parametrize("cell", ["lstm", "layernorm_lstm", "mlp", "cnn"])
def test_whole_batches_without_a_word_train(cell, tiny, tmp_path, no_figures):
    pairs = [
        ("factura venta", "a"),
        ("saldo", "b"),
        *[("¿?" * (i + 1), "ab"[i % 2]) for i in range(12)],
    ]
    source = split_files(
        tmp_path / "d", train=pairs, validation=pairs[1:5], test=[("!", "a"), ("!!", "b")]
    )
    run = train(
        tiny,
        source,
        tmp_path / "r",
        "--cell",
        cell,
        "--mlp_sizes",
        5,
        "--cnn_filters",
        3,
        "--max_steps",
        8,
        "--per_device_train_batch_size",
        4,
    )
    assert all(weight.isfinite().all() for weight in weights(run).values())
    np.testing.assert_allclose(probabilities(run)[0], probabilities(run)[1], atol=1e-6)
    assert read_yaml(run / "config.yaml")["model"]["empty"] == {
        "train": 12,
        "validation": 3,
        "test": 2,
    }


# Command line.


@pytest.mark.parametrize(
    "flags", [["--learning_rate", "1e-4"], ["--learning_rate=1e-4"], ["CONFIG"]]
)
def test_a_learning_rate_is_a_number_however_it_is_written(flags, tmp_path):
    if flags == ["CONFIG"]:
        (tmp_path / "c.yaml").write_text(
            "learning_rate: 1e-4\nfilters: [lower]\n", encoding="utf-8"
        )
        flags = [str(tmp_path / "c.yaml")]
    _, _, args, _ = parse_training([*flags, "--use_cpu", "--output_dir", str(tmp_path)], "")
    assert args.learning_rate == 1e-4 and isinstance(args.learning_rate, float)


def test_where_no_config_is_named_best_comes_first(tmp_path):
    best = yaml.safe_load((PACKAGE / "configs" / "bilstm-3x256.yaml").read_text(encoding="utf-8"))
    given = parse_training(["--use_cpu", "--output_dir", str(tmp_path)], "")[-1]["explicit_args"]
    assert best.keys() <= given.keys()
    model_args = parse_training(
        ["--hidden_size", "7", "--use_cpu", "--output_dir", str(tmp_path)], ""
    )[0]
    assert model_args.hidden_size == 7 and model_args.cell == best["cell"]


@pytest.mark.parametrize("path", CONFIGS, ids=[path.stem for path in CONFIGS])
def test_every_config_is_read_and_says_how_it_is_launched(path, tmp_path):
    _, _, args, words = parse_training([str(path), "--use_cpu", "--output_dir", str(tmp_path)], "")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert content.keys() <= words["explicit_args"].keys() and isinstance(args.learning_rate, float)
    launch = path.read_text(encoding="utf-8").splitlines()[0]
    assert launch.startswith("# accelerate launch rnn_baseline/scripts/train/train.py")
    assert path.stem == "bilstm-3x256" or f"rnn_baseline/configs/{path.name}" in launch


@pytest.mark.slow
@pytest.mark.parametrize("path", CONFIGS, ids=[path.stem for path in CONFIGS])
def test_every_config_trains(path, prepared, tmp_path, no_figures):
    run = train(
        path, prepared, tmp_path / "r", "--max_steps", 2, "--use_cpu", "--disable_tqdm", "true"
    )
    assert read_json(run / "all_results.json")["test_rows"] == 20
    config, content = (
        read_yaml(run / "config.yaml"),
        yaml.safe_load(path.read_text(encoding="utf-8")),
    )
    assert config["model"]["freeze_embeddings"] is content.get("freeze_embeddings", False)


# Bad input.

REFUSED = {
    "no word is frequent enough": (
        ["--min_frequency", 9999],
        ["--min_frequency 9999", "no word", "filter"],
    ),
    "filters leave nothing": (
        ["--filters", "strip_short", "--min_word_length", 99],
        ["strip_short", "no word"],
    ),
    "unknown filter": (
        ["--filters", "lower", "stemmer"],
        ["--filters stemmer", "strip_punctuation", "none"],
    ),
    "no units": (["--hidden_size", 0], ["--hidden_size 0", "at least 1"]),
    "unknown cell": (["--cell", "transformer"], ["--cell 'transformer'", "gru"]),
    "pooling of another cell": (
        ["--cell", "cnn", "--pooling", "last"],
        ["--pooling 'last'", "max"],
    ),
    "dropout of all": (["--head_dropout", 1], ["--head_dropout 1.0", "below 1"]),
    "negative batches": (["--balanced_batches", -1], ["--balanced_batches -1", "0 or more"]),
    "no buffer": (["--streaming", "--shuffle_buffer", 0], ["--shuffle_buffer 0", "at least 1"]),
    "balanced and streaming": (
        ["--balanced_batches", 3, "--streaming"],
        ["--balanced_batches", "--streaming"],
    ),
    "no length": (["--max_length", 0], ["--max_length 0", "at least 1"]),
    "missing vectors": (
        ["--vectors", "no/están.txt"],
        ["no/están.txt", "no such file", "--vectors"],
    ),
    "no such start": (["--model_name_or_path", "no/está"], ["no/está", "no finished run"]),
    "word for a number": (["--hidden_size", "muchas"], ["hidden_size", "'muchas'"]),
    "unknown flag": (["--hiden_size", 8], ["--hiden_size", "--hidden_size"]),
    "missing dataset": (["--dataset", "/no/esta"], ["/no/esta", "no such file or folder"]),
    "unknown metric": (["--metric_for_best_model", "f2"], ["f2", "macro_f1"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_train_refuses(case, tiny, prepared, tmp_path, capsys):
    flags, words = REFUSED[case]
    message = refused(
        capsys,
        train_script.main,
        tiny,
        "--dataset",
        prepared,
        "--output_dir",
        tmp_path / "run",
        *flags,
    )
    assert all(word in message for word in words), message
    assert not list(tmp_path.iterdir())


def test_vectors_that_do_not_fit_are_refused(tiny, prepared, vectors, rnn_run, tmp_path, capsys):
    flags = [tiny, "--dataset", prepared, "--output_dir", tmp_path / "run", "--vectors", vectors]
    message = refused(capsys, train_script.main, *flags)
    assert "v.txt: line 2: 4 numbers, 6 expected" in message and "--embedding_size" in message
    message = refused(capsys, train_script.main, *flags, "--model_name_or_path", rnn_run)
    assert "--vectors" in message and "--model_name_or_path" in message
    vectors.write_text("5 4\nfactura 1 2 3 4\n", encoding="utf-8")
    assert "cut short" in refused(capsys, train_script.main, *flags, "--embedding_size", 4)
    assert not list(tmp_path.glob("run*"))


def test_what_is_no_rnn_run_is_no_start(tiny, prepared, tiny_encoder, tmp_path, capsys):
    flags = [tiny, "--dataset", prepared, "--output_dir", tmp_path / "run", "--model_name_or_path"]
    message = refused(capsys, train_script.main, *flags, tiny_encoder)
    assert "not a network of rnn_baseline" in message and "beto_text_model" in message
    assert "no finished run" in refused(capsys, train_script.main, *flags, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_occupied_folder_is_kept(rnn_run, tiny, prepared, capsys):
    before = {p: p.stat().st_mtime_ns for p in rnn_run.rglob("*")}
    flags = [tiny, "--dataset", prepared, "--output_dir", rnn_run]
    assert "--overwrite" in refused(capsys, train_script.main, *flags)
    assert train(tiny, prepared, rnn_run, "--resume") == rnn_run
    assert {p: p.stat().st_mtime_ns for p in rnn_run.rglob("*")} == before


def test_eval_and_predict_refuse(rnn_run, prepared, tmp_path, capsys):
    evaluate, predicting = eval_script.main, predict_script.main
    assert "not a finished run" in refused(capsys, evaluate, tmp_path)
    assert "--split" in refused(capsys, evaluate, rnn_run, "--split", "prueba")
    other = write_jsonl(
        tmp_path / "o.jsonl", [r | {"label": r["label"] + "!"} for r in corpus_rows(8)]
    )
    assert "does not know" in refused(capsys, evaluate, rnn_run, "--dataset", other)
    assert "no such file" in refused(
        capsys, predicting, rnn_run, "--input", "/no/esta", "--output", tmp_path / "p.csv"
    )
    assert "unknown kind" in refused(
        capsys, predicting, rnn_run, "--input", other, "--output", tmp_path / "p.xls"
    )
    assert "already there" in refused(
        capsys, predicting, rnn_run, "--input", other, "--output", other
    )


def test_preprocess_and_pipeline_refuse_what_train_refuses(tiny, prepared, tmp_path, capsys):
    flags = [tiny, "--dataset", prepared, "--output_dir", tmp_path / "p", "--filters", "stemmer"]
    for name in ("preprocess", "pipeline"):
        assert "--filters stemmer" in refused(
            capsys, importlib.import_module(f"rnn_baseline.scripts.train.{name}").main, *flags
        )
    assert not list(tmp_path.iterdir())


def test_vocabulary_comes_from_train_alone(tiny, prepared, tmp_path):
    model_args = parse_training([str(tiny), "--output_dir", str(tmp_path)], "")[0]
    splits = load_splits(prepared)
    vocabulary = load_tokenizer(model_args, splits["train"]).get_vocab().keys() - {"[PAD]", "[UNK]"}
    seen = {
        split: {w.strip("¿?") for text in d["text"] for w in text.split()}
        for split, d in splits.items()
    }
    assert vocabulary == seen["train"] and not seen["test"] <= vocabulary
