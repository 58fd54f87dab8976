"""The image room from page images to predictions: what a run folder holds, what changes nothing,
what is refused.
"""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import yaml
from PIL import Image

from beto_text_model.scripts.train import train as beto_train_script
from image_model.augmentation import AUGMENTATIONS, augmented
from image_model.occlusion import occlusion_map
from image_model.pixels import Pages, PageTransform, fitted, make_collator, resize_splits, to_pixels
from image_model.scripts.model_metrics import occlusion_report as occlusion_report_script
from image_model.scripts.train import eval as eval_script
from image_model.scripts.train import pipeline as pipeline_script
from image_model.scripts.train import predict as predict_script
from image_model.scripts.train import train as train_script
from tests.helpers import REPO_ROOT, command, refused
from utils.data import DataOptions, load_corpus, save_prepared
from utils.metrics import classification_metrics
from utils.predictions import read_predictions

PACKAGE = REPO_ROOT / "image_model"
SCRIPTS = PACKAGE / "scripts" / "train"
LABELS = ("cédula", "extracto", "año")
RUN_FILES = {
    "README.md",
    "all_results.json",
    "classification_report.json",
    "config.json",
    "config.yaml",
    "confusion_matrix.csv",
    "labels.json",
    "log_history.json",
    "model.safetensors",
    "predictions_test.parquet",
    "predictions_validation.parquet",
    "preprocessor_config.json",
    "figures/calibration.png",
    "figures/class_frequencies.png",
    "figures/confusion_matrix.png",
    "figures/curves.png",
    "figures/per_class.png",
}
TINY = [
    "--image_size",
    "64",
    "--augment",
    *AUGMENTATIONS,
    "--learning_rate",
    "3e-3",
    "--use_cpu",
    "--disable_tqdm",
    "true",
]


def page(label: str, number: int) -> Image.Image:
    """A noisy page that is dark where its label says."""
    values = np.random.default_rng([LABELS.index(label), number]).integers(
        120, 256, (90, 64, 1), np.uint8
    )
    place = LABELS.index(label)
    values[30 * place : 30 * place + 25, 8:56] //= 4
    return Image.fromarray(np.repeat(values, 3, axis=2))


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    """split/typology/*.png of three classes: 96 / 24 / 30 pages; the test is flat, with its ground
    truth beside.
    """
    folder, lines = tmp_path_factory.mktemp("pages") / "paginas", ["file,typology"]
    for split, n in (("train", 32), ("val", 8), ("test", 10)):
        for label in LABELS:
            for i in range(n):
                name = f"{label}_{split}_{i:02}.png"
                path = folder / split / name if split == "test" else folder / split / label / name
                path.parent.mkdir(parents=True, exist_ok=True)
                page(label, 100 * ("train", "val", "test").index(split) + i).save(path)
                lines += [f"{name},{label}"] if split == "test" else []
    (folder / "ground_truth.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def flags(tree: Path, output: Path, *more) -> list[str]:
    words = [
        "--dataset",
        tree,
        "--ground_truth",
        tree / "ground_truth.csv",
        "--output_dir",
        output,
        *TINY,
        *more,
    ]
    return [str(word) for word in words]


@pytest.fixture(scope="module")
def image_pipeline(tree, tmp_path_factory) -> Path:
    """What pipeline.py makes of the tree and one page without a label: prepared, trained,
    evaluated, predicted.
    """
    folder, extra = tmp_path_factory.mktemp("runs") / "p", tree / "train" / "sin_etiqueta.png"
    page("año", 700).save(extra)
    pipeline_script.main(flags(tree, folder, "--num_train_epochs", "3"))
    extra.unlink()
    return folder


@pytest.fixture(scope="module")
def image_run(image_pipeline) -> Path:
    """A finished run, three epochs of six steps."""
    return image_pipeline / "seed_0"


def files_of(folder) -> set[str]:
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def test_run_folder_is_complete_and_its_numbers_agree(image_run, tree):
    assert {f for f in files_of(image_run) if not f.startswith(("eval/", "report/"))} == RUN_FILES
    results = json.loads((image_run / "all_results.json").read_text(encoding="utf-8"))
    config = yaml.safe_load((image_run / "config.yaml").read_text(encoding="utf-8"))
    corpus = load_corpus(
        tree, DataOptions(ground_truth=str(tree / "ground_truth.csv")), content="image"
    )
    assert config["dataset"]["hash"] == corpus.info["hash"] and config["room"] == "image_model"
    assert config["model"]["image_size"] == [64, 64] and config["arguments"]["augment"] == list(
        AUGMENTATIONS
    )
    for split in ("validation", "test"):
        found = read_predictions(image_run / f"predictions_{split}.parquet")
        assert found.ids == corpus.splits[split]["id"][:] and found.class_names == sorted(LABELS)
        codes = np.array([found.class_names.index(label) for label in found.labels])
        for name, value in classification_metrics(codes, found.probabilities).items():
            assert results[f"{split}_{name}"] == pytest.approx(value, abs=1e-12)
    assert results["test_macro_f1"] > 0.8
    assert {"train_runtime", "parameters", "model_bytes", "test_ms_per_document"} <= set(results)


def test_card_is_filled_and_spanish(image_run):
    card = (image_run / "README.md").read_text(encoding="utf-8")
    head = yaml.safe_load(card.split("---")[1])
    assert head["language"] == "es" and head["pipeline_tag"] == "image-classification"
    assert "64 × 64 píxeles" in card and 'pipeline("image-classification"' in card
    assert "None" not in card and "nan" not in card and "max_length" not in card


def test_loads_with_pipeline_and_predicts_the_same(image_run, tree):
    from transformers import pipeline

    reference = read_predictions(image_run / "predictions_test.parquet")
    classify = pipeline("image-classification", model=str(image_run), device="cpu", top_k=3)
    for row in (0, 11, 29):
        found = {
            f["label"]: f["score"]
            for f in classify(str(tree / "test" / f"{reference.ids[row]}.png"))
        }
        assert [found[name] for name in reference.class_names] == pytest.approx(
            reference.probabilities[row], abs=1e-5
        )


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_reloaded_equals_in_memory_whatever_the_batch(image_run, batch_size, no_figures):
    before = {f: (image_run / f).read_bytes() for f in RUN_FILES}
    folder = eval_script.main(
        [str(image_run), "--batch_size", str(batch_size), "--overwrite", "--use_cpu"]
    )
    assert folder.parent == image_run / "eval"
    ours, theirs = (read_predictions(f / "predictions_test.parquet") for f in (folder, image_run))
    assert ours.ids == theirs.ids and ours.labels == theirs.labels
    np.testing.assert_allclose(ours.probabilities, theirs.probabilities, atol=1e-5)
    assert {f: (image_run / f).read_bytes() for f in RUN_FILES} == before


def test_predictions_do_not_depend_on_the_order_or_the_names_of_files(image_run, tree, tmp_path):
    reference = read_predictions(image_run / "predictions_test.parquet")
    order = np.random.default_rng(0).permutation(len(reference.ids))
    for place, row in enumerate(order):
        target = tmp_path / "in" / "extracto" / f"{place:03}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tree / "test" / f"{reference.ids[row]}.png", target)
    for output, batch in (("a.parquet", "4"), ("a.csv", "32")):
        predict_script.main(
            [
                str(image_run),
                "--input",
                str(tmp_path / "in"),
                "--output",
                str(tmp_path / output),
                "--batch_size",
                batch,
                "--use_cpu",
            ]
        )
        found = read_predictions(tmp_path / output)
        assert found.ids == [f"extracto/{place:03}" for place in range(30)] and set(
            found.labels
        ) == {"extracto"}
        np.testing.assert_allclose(found.probabilities, reference.probabilities[order], atol=1e-5)


def test_predict_one_file_and_name_what_is_no_page(image_run, tree, tmp_path, capsys):
    first = sorted((tree / "test").iterdir())[0]
    (tmp_path / "in" / "otra").mkdir(parents=True)
    shutil.copyfile(first, tmp_path / "in" / "otra" / "buena.png")
    (tmp_path / "in" / "rota.png").write_bytes(first.read_bytes()[:500])
    (tmp_path / "in" / "vacía.jpg").write_bytes(b"")
    page("año", 0).save(
        tmp_path / "in" / "dos.tif", save_all=True, append_images=[page("cédula", 0)]
    )
    output = tmp_path / "o.csv"
    predict_script.main([str(image_run), "--input", str(tmp_path / "in"), "--output", str(output)])
    said = capsys.readouterr().out
    assert (
        "rota.png: left out" in said
        and "vacía.jpg: left out, empty file" in said
        and "2 files left out" in said
    )
    assert "dos: 2 pages, the first is taken" in said
    found = read_predictions(output)
    assert found.ids == ["dos", "otra/buena"] and found.labels == [None, None]
    predict_script.main(
        [str(image_run), "--input", str(first), "--output", str(tmp_path / "o.jsonl")]
    )
    alone = read_predictions(tmp_path / "o.jsonl")
    assert alone.ids == [first.stem]
    np.testing.assert_allclose(alone.probabilities[0], found.probabilities[1], atol=1e-5)


def test_predict_refuses(image_run, tmp_path, capsys):
    main, output = predict_script.main, ["--output", tmp_path / "o.csv"]
    (tmp_path / "vacía").mkdir()
    assert "no image in it" in refused(
        capsys, main, image_run, "--input", tmp_path / "vacía", *output
    )
    assert "no such file or folder" in refused(
        capsys, main, image_run, "--input", tmp_path / "no.png", *output
    )
    (tmp_path / "a.txt").write_text("hola", encoding="utf-8")
    assert "unknown kind of file" in refused(
        capsys, main, image_run, "--input", tmp_path / "a.txt", *output
    )
    (tmp_path / "a.png").write_text("hola", encoding="utf-8")
    assert "no page in it that can be read" in refused(
        capsys, main, image_run, "--input", tmp_path / "a.png", *output
    )
    assert "not a finished run" in refused(capsys, main, tmp_path, "--input", tmp_path, *output)
    assert not (tmp_path / "o.csv").exists()


def test_labels_unlike_the_runs_are_refused(image_run, tmp_path, capsys):
    for label in ("cédula", "pasaporte"):
        for split in ("train", "val", "test"):
            path = tmp_path / split / label / "a.png"
            path.parent.mkdir(parents=True)
            page("cédula", len(split) + len(label)).save(path)
    message = refused(capsys, eval_script.main, image_run, "--dataset", tmp_path)
    assert "pasaporte" in message and "does not know" in message


TRAIN_REFUSED = {
    "no such folder": (["--dataset", "no/hay/tal"], "no such file or folder"),
    "a model folder that is none": (["--model_name_or_path", "{empty}"], "no config.json"),
    "a Hub id without network": (
        ["--model_name_or_path", "microsoft/resnet-50"],
        "cannot be reached",
    ),
    "augmentation": (["--augment", "flip"], "choose among rotation, crop, blur, contrast"),
    "image size": (["--image_size", "20"], "64 to 2048"),
    "a size the model cannot read": (
        ["--model_name_or_path", "{vit}", "--image_size", "96"],
        "cannot read",
    ),
    "aspect without a size": (
        ["--model_name_or_path", "{convnext}", "--keep_aspect"],
        "needs --image_size",
    ),
    "length groups": (["--train_sampling_strategy", "group_by_length"], "pages have no length"),
    "texts": (["--dataset", "sample"], "no image in it"),
    "an occupied folder": (["--output_dir", "{tree}"], "already there"),
}


@pytest.mark.parametrize("case", TRAIN_REFUSED)
def test_train_refuses(case, tree, tmp_path, capsys):
    words, expected = TRAIN_REFUSED[case]
    places = {
        "empty": tmp_path,
        "tree": tree,
        "convnext": small_convnext(tmp_path / "convnext"),
        "vit": small_vit(tmp_path / "vit"),
    }
    base = [
        "--dataset",
        tree,
        "--ground_truth",
        tree / "ground_truth.csv",
        "--output_dir",
        tmp_path / "r",
        "--max_steps",
        "1",
        "--use_cpu",
    ]
    message = refused(capsys, train_script.main, *base, *(word.format(**places) for word in words))
    assert expected in message and not (tmp_path / "r").exists()


def small_convnext(folder: Path) -> Path:
    """Another architecture, with a processor that crops."""
    import torch
    from transformers import ConvNextConfig, ConvNextForImageClassification
    from transformers.models.convnext.image_processing_pil_convnext import ConvNextImageProcessorPil

    torch.manual_seed(0)
    config = ConvNextConfig(hidden_sizes=[8, 16], depths=[1, 1], num_stages=2, num_labels=5)
    ConvNextForImageClassification(config).save_pretrained(folder)
    ConvNextImageProcessorPil(size={"shortest_edge": 64}).save_pretrained(folder)
    return folder


def small_vit(folder: Path) -> Path:
    """A transformer, which has positions for one size."""
    from transformers import ViTConfig, ViTForImageClassification
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    config = ViTConfig(
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=64,
    )
    ViTForImageClassification(config).save_pretrained(folder)
    ViTImageProcessorPil(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


@pytest.mark.parametrize(
    "more",
    [
        pytest.param([], id="own processor", marks=pytest.mark.slow),
        pytest.param(["--image_size", "64", "--keep_aspect", "--grayscale"], id="whole page"),
    ],
)
def test_any_image_classifier_trains_and_reloads(more, tree, tmp_path, no_figures):
    words = [
        "--dataset",
        tree,
        "--ground_truth",
        tree / "ground_truth.csv",
        "--output_dir",
        tmp_path / "r",
        "--model_name_or_path",
        small_convnext(tmp_path / "m"),
        "--max_steps",
        "2",
        "--use_cpu",
        *more,
    ]
    run = train_script.main([str(word) for word in words])
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    assert config["model"]["image_size"] == [64, 64] and config["model"]["start"] == "preentrenado"
    assert config["model"]["keep_aspect"] == config["model"]["grayscale"] == bool(more)
    folder = eval_script.main([str(run), "--use_cpu"])
    ours, theirs = (read_predictions(f / "predictions_test.parquet") for f in (folder, run))
    np.testing.assert_allclose(ours.probabilities, theirs.probabilities, atol=1e-5)


def test_stopped_and_resumed_equals_uninterrupted(tree, tmp_path, monkeypatch, no_figures):
    """Stopped in the middle of an epoch, pages augmented: the same bits."""
    from utils.training import SuiteTrainer

    more = ["--max_steps", "8", "--save_strategy", "steps", "--save_steps", "4"]
    main, step, calls = train_script.main, SuiteTrainer.training_step, []
    whole = main(flags(tree, tmp_path / "whole", *more))

    def stops_at_the_seventh(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == 7:
            raise RuntimeError("killed")
        return step(self, *args, **kwargs)

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="killed"):
        patch.setattr(SuiteTrainer, "training_step", stops_at_the_seventh)
        main(flags(tree, tmp_path / "cut", *more))
    assert not (tmp_path / "cut").exists() and (tmp_path / "cut.partial" / "checkpoint-4").is_dir()
    cut = main(flags(tree, tmp_path / "cut", *more, "--resume"))
    assert (cut / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_augmented_pages_are_the_same_with_any_number_of_workers(tree, tmp_path, no_figures):
    """Workers hold copies of the pages: kept from epoch to epoch, they must hear of the epoch."""
    more = ["--num_train_epochs", "3", "--save_strategy", "no"]  # the last weights, not the best
    models = []
    for name, workers in (
        ("alone", []),
        ("workers", ["--dataloader_num_workers", "2"]),
        ("kept", ["--dataloader_num_workers", "2", "--dataloader_persistent_workers", "true"]),
    ):
        run = train_script.main(flags(tree, tmp_path / name, *more, *workers))
        models.append((run / "model.safetensors").read_bytes())
    assert models[0] == models[1], "workers see other pages"
    assert models[0] == models[2], "workers that are kept see the pages of another epoch"


def test_a_source_without_splits_is_evaluated_whole(tree, image_run, tmp_path, no_figures):
    """A folder of pages, of one class, with a test split alone."""
    shutil.copytree(tree / "train", tmp_path / "all")
    shutil.copytree(tree / "train" / "año", tmp_path / "one" / "año")
    shutil.copytree(tree / "val", tmp_path / "tested" / "test")
    for name, rows in {"all": 96, "one": 32, "tested": 24}.items():
        folder = eval_script.main([str(image_run), "--dataset", str(tmp_path / name)])
        results = json.loads((folder / "all_results.json").read_text(encoding="utf-8"))
        assert results["test_rows"] == rows


def test_rows_in_another_order_are_trained_with_their_own_pages(tree, tmp_path, no_figures):
    """The cache of resized pages must follow the order of the rows, which the hash does not see."""
    corpus = load_corpus(
        tree, DataOptions(ground_truth=str(tree / "ground_truth.csv")), content="image"
    )
    found = []
    for name in ("first", "second"):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        save_prepared(corpus, folder)
        words = ["--dataset", str(folder), "--output_dir", str(tmp_path / name), *TINY]
        run = train_script.main([*words, "--max_steps", "8"])
        found.append(read_predictions(run / "predictions_test.parquet"))
        for split in corpus.splits:
            corpus.splits[split] = corpus.splits[split].shuffle(seed=5)
    first, second = (dict(zip(p.ids, p.probabilities, strict=True)) for p in found)
    assert found[0].ids != found[1].ids and first.keys() == second.keys()
    same = [second[identifier] for identifier in first]
    np.testing.assert_allclose(same, list(first.values()), atol=1e-5)


@pytest.mark.parametrize("strategy", ["epoch", "no"])
def test_batch_norms_of_a_run_fit_its_weights(strategy, tree, tmp_path, no_figures):
    """Measured anew on the training pages, means and variances stay as the run folder has them."""
    import torch
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    from image_model.training import remeasure_batch_norms

    more = ["--num_train_epochs", "2", "--save_strategy", strategy]
    run = train_script.main(flags(tree, tmp_path / "r", *more))
    model = AutoModelForImageClassification.from_pretrained(run)
    stored = {name: value.clone() for name, value in model.state_dict().items()}

    corpus = load_corpus(
        tree, DataOptions(ground_truth=str(tree / "ground_truth.csv")), content="image"
    )
    processor = AutoImageProcessor.from_pretrained(run, backend="pil")
    pixels = resize_splits(corpus.splits, PageTransform(processor))["train"]
    config = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))
    args = SimpleNamespace(
        seed=0,
        per_device_eval_batch_size=config["arguments"]["per_device_eval_batch_size"],
    )
    drawn = torch.random.get_rng_state()
    remeasure_batch_norms(model, pixels, processor, args)
    assert (torch.random.get_rng_state() == drawn).all(), "training would go on otherwise"
    for name, value in model.state_dict().items():
        if name.endswith(("running_mean", "running_var")):
            torch.testing.assert_close(value, stored[name], atol=1e-4, rtol=1e-3)
        else:
            assert (value == stored[name]).all()


@pytest.mark.slow
def test_killed_and_resumed_equals_uninterrupted(tree, tmp_path):
    """The same with kill -9, through the command line."""
    more = ["--max_steps", "60", "--save_strategy", "steps", "--save_steps", "4"]
    words = [sys.executable, SCRIPTS / "train.py"]
    command(*words, *flags(tree, tmp_path / "whole", *more))
    process = subprocess.Popen(
        [str(w) for w in (*words, *flags(tree, tmp_path / "cut", *more))],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ,
    )
    deadline = time.time() + 120
    while not list((tmp_path / "cut.partial").glob("checkpoint-*/trainer_state.json")):
        assert process.poll() is None and time.time() < deadline, "no checkpoint before the end"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "cut").exists()
    assert (
        "resuming from" in command(*words, *flags(tree, tmp_path / "cut", *more), "--resume").stdout
    )
    same = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "cut")]
    assert same[0] == same[1]


def test_pipeline_prepares_evaluates_and_predicts(image_pipeline):
    summary = json.loads((image_pipeline / "all_results.json").read_text(encoding="utf-8"))
    results = json.loads(
        (image_pipeline / "seed_0" / "all_results.json").read_text(encoding="utf-8")
    )
    assert summary["n"] == 1 and summary["test_macro_f1_mean"] == results["test_macro_f1"]
    found = read_predictions(image_pipeline / "predictions_unlabelled.parquet")
    assert found.ids == ["sin_etiqueta"] and found.labels == [None] and found.predictions == ["año"]
    info = json.loads((image_pipeline / "data" / "dataset.json").read_text(encoding="utf-8"))
    assert info["content"] == "image" and info["rows"]["unlabelled"] == 1


def test_occlusion_report_finds_where_the_model_looks(image_run, tmp_path, capsys):
    main = occlusion_report_script.main
    folder = main([str(image_run), "--most", "3", "--output", str(tmp_path / "o"), "--use_cpu"])
    assert sorted(files_of(folder)) == ["figures/occlusion.png", "occlusion.csv"]
    ids = [
        i
        for i in read_predictions(image_run / "predictions_test.parquet").ids
        if i.startswith("cédula")
    ][:2]
    folder = main(
        [str(image_run), "--id", *ids, "--output", str(tmp_path / "o"), "--overwrite", "--use_cpu"]
    )
    rows = list(csv.DictReader(io.StringIO((folder / "occlusion.csv").read_text(encoding="utf-8"))))
    assert [row["id"] for row in rows] == ids and all(float(row["fall"]) > 0 for row in rows)
    assert "already there" in refused(capsys, main, image_run, "--output", tmp_path / "o")
    assert "'no_hay'" in refused(
        capsys, main, image_run, "--id", "no_hay", "--output", tmp_path / "p"
    )


def test_occlusion_is_highest_where_the_answer_is():
    """A model that answers by the darkness of the upper left corner."""
    import torch
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    class Corner(torch.nn.Module):
        device = torch.device("cpu")

        def forward(self, pixel_values):
            dark = -pixel_values[:, :, :16, :16].mean(dim=(1, 2, 3))
            return SimpleNamespace(logits=torch.stack([dark, -dark], dim=1))

    pixels = np.zeros((64, 48, 3), np.uint8)
    importance, label, probability = occlusion_map(Corner(), ViTImageProcessorPil(), pixels)
    assert (
        importance.shape == (64, 48)
        and label == 0
        and probability == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-3)
    )
    assert importance[:8, :8].min() > 0.02 and np.abs(importance[32:]).max() < 1e-6
    against, _, _ = occlusion_map(Corner(), ViTImageProcessorPil(), pixels, label=1)
    assert against[:8, :8].max() < -0.02


@pytest.mark.slow
def test_text_and_image_runs_of_the_sample_are_compared_and_fused(tmp_path):
    """The same documents in two rooms, through the command line of each."""
    from wf_metrics import compare

    more = ["--sample_fraction", "0.05", "--max_steps", "4", "--use_cpu"]
    text = beto_train_script.main(
        ["--output_dir", str(tmp_path / "text"), "--max_length", "16", *more]
    )
    image = train_script.main(
        ["--output_dir", str(tmp_path / "image"), "--image_size", "64", *more]
    )
    words = [str(text), str(image), "--fuse", str(text), str(image), "--samples", "100"]
    folder = compare.main([*words, "--output", str(tmp_path / "c")])
    found = json.loads((folder / "compare.json").read_text(encoding="utf-8"))
    assert len(found["models"]) == 3 and any(
        row["model"].startswith("fusion") for row in found["models"]
    )
    assert found["documents"] == len(read_predictions(image / "predictions_test.parquet").ids)


def test_a_part_of_the_samples_pages_is_found_again():
    """A run keeps the options of its dataset: by them the report of what it looked at reads it."""
    part = load_corpus("sample_pages", DataOptions(sample_fraction=0.02), content="image")
    again = load_corpus("sample_pages", DataOptions(**part.options), content="image")
    assert again.info["hash"] == part.info["hash"]


# The parts.


def test_augmented_pages_depend_on_seed_epoch_and_row_alone():
    pixels = np.stack([np.asarray(page("cédula", i)) for i in range(4)])
    labels = np.zeros(4, int)

    def drawn(seed, epoch, rows):
        pages = Pages(pixels, labels, AUGMENTATIONS, seed)
        pages.epoch = epoch
        return {row: pages[row]["pixels"].tobytes() for row in rows}

    assert drawn(0, 1, [0, 1, 2, 3]) == drawn(0, 1, [3, 1, 0, 2])
    assert drawn(0, 1, [2]) != drawn(0, 2, [2]) and drawn(0, 1, [2]) != drawn(1, 1, [2])
    assert (Pages(pixels, labels)[1]["pixels"] == pixels[1]).all()


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_each_augmentation_changes_a_page_a_little_and_never_mirrors(name):
    pixels = np.full((128, 128, 3), 255, np.uint8)
    pixels[10:60, 10:40] = 0
    changed = [augmented(pixels, [name], np.random.default_rng(i)) for i in range(20)]
    assert any((c != pixels).any() for c in changed) and all(
        c.shape == pixels.shape for c in changed
    )
    for c in changed:
        dark = c[..., 0] < 128
        rows, columns = np.nonzero(dark)
        assert (
            abs(rows.mean() - 34.5) < 14
            and abs(columns.mean() - 24.5) < 14
            and 0.6 < dark.sum() / 1500 < 1.5
        )
    assert (augmented(pixels, [], np.random.default_rng(0)) == pixels).all()


def test_batches_are_normalised_as_the_processor_does():
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    processor = ViTImageProcessorPil(
        size={"height": 64, "width": 48}, image_mean=(0.4, 0.5, 0.6), image_std=(0.2, 0.25, 0.3)
    )
    image = page("extracto", 1)
    pixels = to_pixels(image, PageTransform(processor))
    assert pixels.shape == (64, 48, 3) and pixels.dtype == np.uint8
    batch = make_collator(processor)([{"pixels": pixels, "label": 2}])
    assert batch["labels"].tolist() == [2] and tuple(batch["pixel_values"].shape) == (1, 3, 64, 48)
    expected = processor(image, return_tensors="pt")["pixel_values"]
    np.testing.assert_allclose(batch["pixel_values"], expected, atol=1e-5)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("resample", [0, 2, 3])
def test_the_short_way_of_a_plain_resize_gives_the_processors_bytes(mode, resample):
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    processor = ViTImageProcessorPil(size={"height": 50, "width": 41}, resample=resample)
    image = Image.effect_noise((300, 201), 80) if mode == "L" else page("año", 3)
    bare = processor(
        image.convert("RGB"), do_rescale=False, do_normalize=False, return_tensors="np"
    )["pixel_values"]
    assert (to_pixels(image, PageTransform(processor)) == np.moveaxis(bare[0], 0, -1)).all()


def test_a_processor_that_crops_is_obeyed(tmp_path):
    from transformers import AutoImageProcessor

    processor = AutoImageProcessor.from_pretrained(small_convnext(tmp_path), backend="pil")
    image = page("extracto", 1)
    pixels = make_collator(processor)(
        [{"pixels": to_pixels(image, PageTransform(processor)), "label": 0}]
    )["pixel_values"]
    np.testing.assert_allclose(
        pixels, processor(image, return_tensors="pt")["pixel_values"], atol=1e-5
    )


def test_proportions_are_kept_with_white_beside():
    wide = fitted(Image.new("RGB", (200, 50), "black"), 64, 64)
    values = np.asarray(wide)[..., 0]
    assert wide.size == (64, 64) and (values[24:40] == 0).all() and (values[:24] == 255).all()
    assert fitted(Image.new("RGB", (1, 9000), "black"), 64, 64).size == (64, 64)


def test_resized_pages_are_cached_and_an_edited_page_is_seen(tree, tmp_path):
    from transformers.models.vit.image_processing_pil_vit import ViTImageProcessorPil

    shutil.copytree(tree, tmp_path / "t")
    view = PageTransform(ViTImageProcessorPil(size={"height": 64, "width": 64}))
    options = DataOptions(ground_truth=str(tree / "ground_truth.csv"))

    def pixels():
        corpus = load_corpus(tmp_path / "t", options, content="image")
        return resize_splits(corpus.splits, view)["test"]

    first = pixels()
    assert isinstance(pixels(), np.memmap) and (pixels() == first).all()
    grey = PageTransform(view.processor, grayscale=True)
    corpus = load_corpus(tmp_path / "t", options, content="image")
    assert (np.ptp(resize_splits(corpus.splits, grey)["test"], axis=3) == 0).all()
    page("año", 999).save(sorted((tmp_path / "t" / "test").iterdir())[0])
    assert (pixels()[0] != first[0]).any() and (pixels()[1:] == first[1:]).all()
