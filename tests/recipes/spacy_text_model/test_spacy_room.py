"""The spaCy room through its scripts and through `spacy train`, on the splits that every room
shares.
"""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.cli._util import app
from spacy.tokens import DocBin
from spacy.util import load_config
from typer.testing import CliRunner

from spacy_text_model.architectures import weighted_ngrams
from spacy_text_model.inference import Predictor, load_pipeline, load_predictor
from spacy_text_model.readers import balanced_rows, labels_reader, splits_reader
from spacy_text_model.scripts.explore import debug_data as debug_data_script
from spacy_text_model.scripts.explore import errors as errors_script
from spacy_text_model.scripts.train import eval as eval_script
from spacy_text_model.scripts.train import export as export_script
from spacy_text_model.scripts.train import pipeline as pipeline_script
from spacy_text_model.scripts.train import predict as predict_script
from spacy_text_model.scripts.train import preprocess as preprocess_script
from spacy_text_model.scripts.train import train as train_script
from tests.helpers import LABELS, REPO_ROOT, command, corpus_rows, refused, write_jsonl
from utils.predictions import read_predictions
from utils.runs import read_json, read_yaml

PACKAGE = REPO_ROOT / "spacy_text_model"
SCRIPTS = PACKAGE / "scripts" / "train"
CONFIGS = sorted((PACKAGE / "configs").glob("*.cfg"))
FEW = [
    "--training.max_steps",
    "40",
    "--training.eval_frequency",
    "20",
    "--training.batcher.size",
    "16",
]


def train(prepared, folder, *words) -> Path:
    return train_script.main(
        [*map(str, words), "--dataset", str(prepared), "--output_dir", str(folder), *FEW]
    )


@pytest.fixture(scope="module")
def spacy_run(prepared, tmp_path_factory) -> Path:
    """A finished run on the prepared corpus."""
    return train(prepared, tmp_path_factory.mktemp("spacy") / "papeles")


def test_the_run_folder_holds_what_every_room_leaves(spacy_run, run):
    own = {"model-best", "eval"}
    beto = {
        "eval",  # other tests evaluate these runs
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "training_args.bin",
    }
    assert {p.name for p in spacy_run.iterdir()} - own == {p.name for p in run.iterdir()} - beto
    assert {p.name for p in (spacy_run / "figures").iterdir()} == {
        p.name for p in (run / "figures").iterdir()
    }
    ours, theirs = read_json(spacy_run / "all_results.json"), read_json(run / "all_results.json")
    scores = {k for k in theirs if k.startswith(("validation_", "test_"))}
    assert scores <= ours.keys() and ours["test_macro_f1"] > 0.8
    config = read_yaml(spacy_run / "config.yaml")
    assert config["dataset"] == read_yaml(run / "config.yaml")["dataset"] and config["seed"] == 0
    card = (spacy_run / "README.md").read_text(encoding="utf-8")
    assert "library_name: spacy" in card and 'spacy.load("RUTA_DE_ESTA_CARPETA/model-best")' in card


def test_ids_and_label_order_are_those_of_the_other_rooms(spacy_run, run):
    for split in ("validation", "test"):
        ours, theirs = (
            read_predictions(r / f"predictions_{split}.parquet") for r in (spacy_run, run)
        )
        assert ours.ids == theirs.ids and ours.labels == theirs.labels
        assert ours.class_names == theirs.class_names == sorted(LABELS)
    assert list(spacy.load(spacy_run / "model-best").get_pipe("textcat").labels) == sorted(LABELS)


def test_eval_repeats_training_and_is_spacys_micro_f(spacy_run, prepared):
    folder = eval_script.main([str(spacy_run), "--overwrite"])
    ours, again = read_json(spacy_run / "all_results.json"), read_json(folder / "all_results.json")
    assert {k: again[k] for k in again if k in ours and "_ms_" not in k} == {
        k: v for k, v in ours.items() if k.startswith("test_") and "_ms_" not in k
    }
    nlp = spacy.load(spacy_run / "model-best")
    theirs = nlp.evaluate(list(splits_reader(str(prepared), "test")(nlp)))
    assert again["test_accuracy"] == pytest.approx(theirs["cats_micro_f"], abs=1e-12)


def test_a_saved_config_trains_again_and_logs_nowhere_else(spacy_run):
    config = load_config(spacy_run / "model-best" / "config.cfg")
    assert config["training"]["logger"]["@loggers"] == "spacy.ConsoleLogger.v3"
    assert config["components"]["textcat"] == load_config(PACKAGE / "config.cfg").interpolate()[
        "components"
    ]["textcat"] | {"model": config["components"]["textcat"]["model"]}


TEXTS = [
    "factura de venta",
    "",
    "ACTA de la asamblea año 2020",
    None,
    "¿aprobada?",
    "zzz",
    "contrato " * 3000,
]


def test_probabilities_do_not_depend_on_the_batch_and_are_those_of_pipe(spacy_run):
    nlp = load_pipeline(spacy_run / "model-best")
    predict = Predictor(nlp).predict_probabilities
    whole = predict(TEXTS)
    assert whole.shape == (len(TEXTS), 5) and whole.sum(1) == pytest.approx(1, abs=1e-5)
    for size in (1, 2, 3):
        assert predict(TEXTS, size) == pytest.approx(whole, abs=1e-6)
    labels = nlp.get_pipe("textcat").labels
    piped = [[doc.cats[label] for label in labels] for doc in nlp.pipe(t or " " for t in TEXTS)]
    assert np.array(piped) == pytest.approx(whole, abs=1e-6)
    assert predict(TEXTS, 2, n_process=2) == pytest.approx(whole, abs=1e-6)


def test_the_same_seed_gives_the_same_model_and_another_does_not(
    spacy_run, prepared, tmp_path, no_figures
):
    first = read_predictions(spacy_run / "predictions_test.parquet").probabilities
    for seed, same in ((0, True), (1, False)):
        other = train(prepared, tmp_path / str(seed), "--seed", seed)
        assert (
            np.array_equal(
                first, read_predictions(other / "predictions_test.parquet").probabilities
            )
            == same
        )
        assert read_yaml(other / "config.yaml")["seed"] == seed


def test_predict_takes_tables_and_keeps_their_order(spacy_run, tmp_path, capsys):
    rows = corpus_rows(3)[::-1] + [{"id": "vacío", "text": "", "label": ""}]
    path = write_jsonl(tmp_path / "nuevos.jsonl", rows)
    output = predict_script.main(
        [str(spacy_run), "--input", str(path), "--output", str(tmp_path / "p.csv")]
    )
    found = read_predictions(output)
    assert found.ids == [r["id"] for r in rows] and found.labels == [
        r["label"] or None for r in rows
    ]
    assert "1 empty" in capsys.readouterr().out
    right = [p == r["label"] for p, r in zip(found.predictions, rows, strict=True) if r["label"]]
    assert np.mean(right) > 0.8


def test_spacy_train_reads_the_splits_from_any_folder(prepared, tmp_path):
    done = command(
        sys.executable,
        "-m",
        "spacy",
        "train",
        PACKAGE / "config.cfg",
        "--gpu-id",
        "-1",
        "--output",
        tmp_path / "run",
        "--paths.dataset",
        prepared,
        *FEW,
    )
    assert "Saved pipeline" in done.stdout
    folder = eval_script.main([str(tmp_path / "run"), "--split", "validation"])
    assert folder.parent == tmp_path / "run" / "eval"
    assert read_json(folder / "all_results.json")["validation_macro_f1"] > 0.8


@pytest.mark.parametrize(
    "content, words",
    {
        "missing": (None, ["no such file", "corpus.csv"]),
        "column": ("id,texto,label\n1,a,b\n", ["'text'", "--text_column"]),
        "one class": ("id,text,label\n1,a,b\n2,c,b\n", ["two classes"]),
    }.values(),
)
def test_what_is_wrong_with_a_corpus_is_one_line_in_spacy_train_too(
    content, words, tmp_path, capsys
):
    path = tmp_path / "corpus.csv"
    if content:
        path.write_text(content, encoding="utf-8")
    from spacy.cli.train import train as spacy_train

    line = refused(
        capsys,
        lambda _: spacy_train(PACKAGE / "config.cfg", overrides={"paths.dataset": str(path)}),
    )
    assert all(word in line for word in words)
    assert (
        refused(capsys, train_script.main, "--dataset", path, "--output_dir", tmp_path / "r")
        == line
    )
    assert not (tmp_path / "r").exists()


def test_every_config_is_the_default_but_for_what_it_is_about(prepared):
    base = load_config(PACKAGE / "config.cfg")
    for path in CONFIGS:
        config = load_config(path)
        for section in ("paths", "dataset", "nlp", "corpora", "initialize", "system"):
            assert config[section].keys() == base[section].keys(), (path.name, section)
        assert config["corpora"]["train"]["@readers"] == "suite.Splits.v1"
        head = path.read_text(encoding="utf-8").splitlines()
        assert head[0].startswith("# ") and "spacy train" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "path",
    [p for p in CONFIGS if p.stem not in ("wandb", "mlflow", "vectors")],
    ids=lambda p: p.stem,
)
def test_every_variant_trains(path, prepared, tmp_path, no_figures):
    words = [
        "--training.max_steps",
        "2",
        "--training.eval_frequency",
        "2",
        "--training.batcher.size",
        "8",
    ]
    folder = train_script.main(
        [str(path), "--dataset", str(prepared), "--output_dir", str(tmp_path / "r"), *words]
    )
    assert read_json(folder / "all_results.json")["test_rows"] == 20


def test_a_streamed_corpus_trains_like_one_in_memory(prepared, tmp_path, no_figures):
    folder = train(
        prepared, tmp_path / "r", "--training.max_epochs", -1, "--corpora.train.shuffle", "true"
    )
    results = read_json(folder / "all_results.json")
    assert results["test_macro_f1"] > 0.8 and results["train_epoch"] > 2


def test_static_vectors_are_read_and_shipped(prepared, tmp_path, no_figures):
    lines = ["6 4"] + [
        f"{word} {i} 1 0 {-i}"
        for i, word in enumerate("factura acta contrato saldo año las".split())
    ]
    (tmp_path / "sbw.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    done = CliRunner().invoke(
        app, ["init", "vectors", "es", str(tmp_path / "sbw.txt"), str(tmp_path / "vectors")]
    )
    assert done.exit_code == 0, done.output
    folder = train_script.main(
        [
            str(PACKAGE / "configs" / "vectors.cfg"),
            "--dataset",
            str(prepared),
            "--output_dir",
            str(tmp_path / "r"),
            "--paths.vectors",
            str(tmp_path / "vectors"),
            "--training.max_steps",
            "2",
        ]
    )
    nlp = spacy.load(folder / "model-best")
    assert nlp.vocab.vectors.shape == (6, 4) and nlp.vocab["año"].vector.tolist() == [4, 1, 0, -4]


REFUSED = {
    "config": (["otro.cfg"], ["otro.cfg", "no such config"]),
    "not a config": ([str(REPO_ROOT / "pyproject.toml")], ["pyproject.toml"]),
    "flag": (["--data", "x"], ["--data", "--dataset"]),
    "section": (["--trainin.dropout", "0"], ["trainin", "overrides"]),
    "value": (["--training.dropout", "hola"], ["dropout"]),
    "architecture": (
        ["--components.textcat.model.@architectures", "suite.Nada.v1"],
        ["suite.Nada.v1"],
    ),
    "dataset by override": (["--paths.dataset", "x"], ["--dataset"]),
    "reading option": (["--dataset.text_colum", "x"], ["text_colum", "no such option"]),
    "balance": (["--corpora.train.balance", "2"], ["balance", "0 to 1"]),
    "split": (["--corpora.train.split", "dev"], ["'dev'", "validation"]),
    "start": (["--model_name_or_path", "nada"], ["nada", "pipeline"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_train_refuses(case, prepared, tmp_path, capsys):
    flags, words = REFUSED[case]
    line = refused(
        capsys,
        train_script.main,
        *flags,
        "--dataset",
        prepared,
        "--output_dir",
        tmp_path / "r",
        "--training.max_steps",
        "1",
    )
    assert all(word in line for word in words), line
    assert not (tmp_path / "r").exists()


def test_a_gpu_that_is_not_there_is_refused(prepared, tmp_path, capsys):
    if spacy.prefer_gpu():
        pytest.skip("there is a GPU")
    line = refused(
        capsys,
        train_script.main,
        "--gpu_id",
        0,
        "--dataset",
        prepared,
        "--output_dir",
        tmp_path / "r",
    )
    assert "--gpu_id 0" in line and "spacy-gpu" in line


def test_an_occupied_folder_other_classes_and_what_is_no_pipeline_are_refused(
    spacy_run, prepared, tmp_path, capsys
):
    assert "--overwrite" in refused(capsys, lambda words: train(prepared, spacy_run), "x")
    path = write_jsonl(
        tmp_path / "otras.jsonl", [r | {"label": r["label"] + " nueva"} for r in corpus_rows(8)]
    )
    line = refused(capsys, eval_script.main, spacy_run, "--dataset", path)
    assert "does not know" in line and "nueva" in line
    line = refused(
        capsys,
        train_script.main,
        "--dataset",
        path,
        "--model_name_or_path",
        spacy_run,
        "--output_dir",
        tmp_path / "r",
    )
    assert "classes are not the dataset's" in line
    for name in ("eval", "predict", "export"):
        more = (
            ["--input", path, "--output", tmp_path / "x.csv"]
            if name == "predict"
            else ["--output", tmp_path]
        )
        line = refused(
            capsys,
            importlib.import_module(f"spacy_text_model.scripts.train.{name}").main,
            tmp_path,
            *(more if name != "eval" else []),
        )
        assert "neither a finished run nor a spaCy pipeline" in line
    spacy.blank("es").to_disk(tmp_path / "vacía")
    assert "textcat" in refused(capsys, eval_script.main, tmp_path / "vacía")
    (tmp_path / "rota" / "model-best").mkdir(parents=True)
    (tmp_path / "rota" / "model-best" / "meta.json").write_text("{", encoding="utf-8")
    assert "cannot be loaded" in refused(capsys, eval_script.main, tmp_path / "rota")


def test_a_killed_run_is_resumed_from_its_best_pipeline(prepared, tmp_path, capsys, no_figures):
    folder, partial = tmp_path / "r", tmp_path / "r.partial"
    words = [
        sys.executable,
        str(SCRIPTS / "train.py"),
        "--dataset",
        str(prepared),
        "--output_dir",
        str(folder),
        "--training.max_steps",
        "1000000",
        "--training.eval_frequency",
        "20",
        "--training.batcher.size",
        "16",
    ]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = partial / "log.jsonl"
    while process.poll() is None and not (log.exists() and len(log.read_text().splitlines()) > 3):
        time.sleep(0.1)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert (partial / "model-best" / "meta.json").exists() and not folder.exists()
    assert "--resume" in refused(capsys, lambda words: train(prepared, folder), "x")
    reached = max(json.loads(line)["score"] for line in log.read_text().splitlines()[:3])
    assert train(prepared, folder, "--resume") == folder
    assert "optimizer state" in capsys.readouterr().out
    history = read_json(folder / "log_history.json")
    assert history[0]["eval_score"] > reached - 0.1 and not partial.exists()
    assert not (folder / "model-last").exists() and not (folder / "model-begun").exists()


def test_the_wheel_classifies_with_spacy_alone(spacy_run, tmp_path, capsys):
    words = [str(spacy_run), "--output", str(tmp_path), "--name", "papeles", "--version", "1.2.0"]
    wheel = export_script.main(words)
    assert wheel.name == "es_papeles-1.2.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        metadata = archive.read("es_papeles-1.2.0.dist-info/METADATA").decode()
    needed = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:")]
    assert (
        len(needed) == 1
        and needed[0].startswith("Requires-Dist: spacy")
        and "suite" not in needed[0]
    )
    assert "already there" in refused(capsys, export_script.main, *words)
    assert "--name" in refused(
        capsys, export_script.main, spacy_run, "--output", tmp_path, "--name", "Á"
    )
    command(
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        tmp_path / "site",
        wheel,
    )
    for place in map(
        Path, (p for p in sys.path if p.endswith("site-packages"))
    ):  # all but the suite itself
        for package in place.iterdir():
            if (
                "spanish_text_suite" not in package.name
                and not (tmp_path / "site" / package.name).exists()
            ):
                (tmp_path / "site" / package.name).symlink_to(package)
    code = (
        "import json, sys, es_papeles; nlp = es_papeles.load(); assert 'utils' not in sys.modules;"
        "docs = nlp.pipe(json.load(sys.stdin)); labels = nlp.get_pipe('textcat').labels;"
        "print(json.dumps([[d.cats[name] for name in labels] for d in docs]))"
    )
    rows = corpus_rows(2)
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        input=json.dumps([r["text"] for r in rows]),
        text=True,
        capture_output=True,
        cwd="/",
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    ours = load_predictor(spacy_run).predict_probabilities([r["text"] for r in rows])
    assert np.array(json.loads(done.stdout)) == pytest.approx(ours, abs=1e-6)


def test_preprocess_writes_what_spacys_own_corpus_reads(prepared, tmp_path, capsys):
    folder = preprocess_script.main(["--dataset", str(prepared), "--output", str(tmp_path / "s")])
    from utils.data import load_splits

    splits = load_splits(prepared)
    for split, name in (
        ("train", "train.spacy"),
        ("validation", "dev.spacy"),
        ("test", "test.spacy"),
    ):
        docs = list(DocBin().from_disk(folder / name).get_docs(spacy.blank("es").vocab))
        assert [d.text for d in docs] == splits[split]["text"]
        assert [d.user_data["id"] for d in docs] == splits[split]["id"]
        names = splits[split].features["label"].names
        assert [max(d.cats, key=d.cats.get) for d in docs] == [
            names[c] for c in splits[split]["label"]
        ]
        assert all(list(d.cats) == names and sum(d.cats.values()) == 1 for d in docs)
    assert read_json(folder / "labels.json") == sorted(LABELS)
    assert "already there" in refused(
        capsys, preprocess_script.main, "--dataset", prepared, "--output", folder
    )


def test_the_reader_gives_the_splits_rows_in_order_and_balances_them(prepared):
    nlp = spacy.blank("es")
    from utils.data import load_splits, training_order

    dataset = training_order(load_splits(prepared)["train"])
    names = dataset.features["label"].names
    examples = list(splits_reader(str(prepared), "train")(nlp))
    assert [e.text for e in examples] == dataset["text"]
    assert [list(e.reference.cats.items()) for e in examples] == [
        [(names[c], 1.0)] for c in dataset["label"]
    ]
    assert labels_reader(str(prepared)) == names
    read = splits_reader(str(prepared), "train", shuffle=True, seed=3)
    orders = [[e.text for e in read(nlp)] for _ in range(2)]
    assert orders[0] != orders[1] and sorted(orders[0]) == sorted(orders[1]) == sorted(
        dataset["text"]
    )
    again = splits_reader(str(prepared), "train", shuffle=True, seed=3)
    assert [e.text for e in again(nlp)] == orders[0]


def test_balance_repeats_the_rows_of_small_classes():
    labels = np.array([0] * 16 + [1] * 4 + [3])
    assert balanced_rows(labels, 0.0).tolist() == list(range(21))
    assert np.bincount(labels[balanced_rows(labels, 1.0)]).tolist() == [16, 16, 0, 16]
    half = balanced_rows(labels, 0.5)
    assert np.bincount(labels[half]).tolist() == [16, 8, 0, 4] and set(half.tolist()) == set(
        range(21)
    )


def test_documents_of_the_linear_model_weigh_the_same_whatever_their_length():
    nlp = spacy.blank("es")
    docs = [nlp.make_doc(text) for text in ("Año año AÑO nuevo", "", "nuevo")]
    keys, weights, lengths = weighted_ngrams(2).predict(docs)
    assert lengths.tolist() == [4, 0, 1] and keys.dtype == np.uint64 and weights.dtype == np.float32
    counts = {nlp.vocab.strings["año"]: 3, nlp.vocab.strings["nuevo"]: 1}
    first = dict(zip(keys[:4].tolist(), weights[:4].tolist(), strict=True))
    bigrams = sorted(
        first[key] for key in first.keys() - counts.keys()
    )  # "año año" twice, "año nuevo"
    logs = np.log1p([1, 2, 1, 3])
    assert bigrams == pytest.approx(logs[:2] / np.linalg.norm(logs))
    assert [first[key] for key in counts] == pytest.approx(np.log1p([3, 1]) / np.linalg.norm(logs))
    assert (weights[:4] ** 2).sum() == pytest.approx(1) and weights[4] == 1


def test_empty_texts_train_in_every_batch(tmp_path, no_figures):
    rows = [row | {"text": "" if i % 2 else row["text"]} for i, row in enumerate(corpus_rows(12))]
    path = write_jsonl(tmp_path / "medio.jsonl", rows)
    for name in ("config", "configs/bow"):
        folder = train_script.main(
            [
                str(PACKAGE / f"{name}.cfg"),
                "--dataset",
                str(path),
                "--output_dir",
                str(tmp_path / Path(name).name),
                "--training.max_steps",
                "4",
                "--training.batcher.size",
                "2",
            ]
        )
        assert read_json(folder / "all_results.json")["test_rows"] > 0


def test_pipeline_repeats_seeds_and_skips_what_is_done(prepared, tmp_path, capsys, no_figures):
    words = ["--dataset", str(prepared), "--output_dir", str(tmp_path / "p"), "--seeds", "2", *FEW]
    summary = pipeline_script.main(words)
    assert summary["n"] == 2 and summary["test_macro_f1_mean"] > 0.8
    capsys.readouterr()
    assert pipeline_script.main([*words, "--resume"]) == summary
    out = capsys.readouterr().out
    assert "train_seed_1: unchanged, skipped" in out and "running" not in out


def test_explore_says_what_spacy_says_and_chooses_a_threshold(spacy_run, prepared, capsys):
    found = debug_data_script.main(["--dataset", str(prepared)])
    assert (
        "160 training docs" in found["facts"]
        and "Corpus is loadable" in found["passed"]
        and found["few"] == {}
    )
    outcome = errors_script.main([str(spacy_run), "--accuracy", "0.9"])
    assert outcome["validation"]["accuracy"] >= 0.9
    assert {p.name for p in (spacy_run / "explore" / "errors").iterdir()} == {
        "thresholds.csv",
        "confusions.csv",
        "errors.csv",
        "figures",
    }
    assert "--accuracy" in refused(
        capsys, errors_script.main, spacy_run, "--accuracy", 2, "--overwrite"
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_trackers_log_offline(name, prepared, tmp_path):
    env = {
        "WANDB_MODE": "offline",
        "WANDB_DIR": str(tmp_path),
        "WANDB_SILENT": "true",
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db",
    }
    command(
        sys.executable,
        SCRIPTS / "train.py",
        PACKAGE / "configs" / f"{name}.cfg",
        "--dataset",
        prepared,
        "--output_dir",
        tmp_path / "r",
        *FEW,
        **env,
    )
    assert (
        list(tmp_path.glob("wandb/offline-run-*"))
        if name == "wandb"
        else (tmp_path / "mlflow.db").exists()
    )


def test_the_readme_section_is_that_of_project_yml(tmp_path):
    text = (PACKAGE / "README.md").read_text(encoding="utf-8")
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    (tmp_path / "project.yml").write_text(
        (PACKAGE / "project.yml").read_text(encoding="utf-8"), encoding="utf-8"
    )
    command(
        sys.executable, "-m", "weasel", "document", "--output", tmp_path / "README.md", tmp_path
    )
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == text


@pytest.mark.slow
def test_weasel_runs_all_and_skips_what_is_done(tmp_path):
    project = tmp_path / "p"
    project.mkdir()
    for name in ("project.yml", "config.cfg", "scripts"):
        (project / name).symlink_to(PACKAGE / name)
    words = [sys.executable, "-m", "weasel", "run", "all", project]
    command(*words)
    assert list((project / "dist").glob("*.whl"))
    assert command(*words).stdout.count("Skipping") == 4
