"""The Trainer's parts that every room shares: loss, sampler, weights, checkpoints, command line."""

import json
from types import SimpleNamespace

import datasets
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy
from transformers import EarlyStoppingCallback

from utils.cli import as_words, parse
from utils.errors import InputError
from utils.training import (
    DatasetArguments,
    LengthGroupedSampler,
    SuiteTrainer,
    SuiteTrainingArguments,
    balanced_weights,
    decide_precision,
    last_whole_checkpoint,
    make_loss,
    make_trainer,
    probabilities_of,
    raise_if_disk_full,
    wants_bf16,
)
from utils.training.inference import batches_by_length

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.5, 0.0], [-1.0, 3.0, 0.0], [0.0, 0.0, 1.0]])
GOLD = torch.tensor([0, 2, 1, 0])


def test_loss_is_the_mean_and_adds_up_over_parts():
    loss = make_loss()
    whole = loss({"logits": LOGITS}, GOLD)
    assert whole.item() == pytest.approx(cross_entropy(LOGITS, GOLD).item())
    parts = [
        loss({"logits": LOGITS[i : i + 1]}, GOLD[i : i + 1], num_items_in_batch=4) for i in range(4)
    ]
    assert sum(parts).item() == pytest.approx(whole.item(), abs=1e-6)


def test_loss_smooths_and_weighs():
    smoothed = make_loss(label_smoothing=0.2)({"logits": LOGITS}, GOLD)
    assert smoothed.item() == pytest.approx(cross_entropy(LOGITS, GOLD, label_smoothing=0.2).item())
    weights = balanced_weights(GOLD.numpy(), 3)
    each = cross_entropy(LOGITS, GOLD, reduction="none").numpy()
    weighed = make_loss(weights)({"logits": LOGITS}, GOLD)
    assert weighed.item() == pytest.approx((each * weights[GOLD.numpy()]).sum() / 4, abs=1e-6)


def test_balanced_weights_are_scikit_learns_with_mean_one():
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.array([0] * 7 + [2] * 2 + [3])
    weights = balanced_weights(labels, 5)
    expected = compute_class_weight("balanced", classes=np.array([0, 2, 3]), y=labels)
    assert weights[[0, 2, 3]] == pytest.approx(expected) and weights[1] == weights[4] == 0
    assert weights[labels].mean() == pytest.approx(1)


def test_sampler_depends_on_seed_and_epoch_alone_and_groups():
    lengths = np.random.default_rng(0).integers(1, 100, 1000).tolist()
    first, second = (LengthGroupedSampler(lengths, 16, seed=1) for _ in range(2))
    torch.manual_seed(5)
    order = list(first)
    torch.manual_seed(6)
    assert order == list(second) and sorted(order) == list(range(1000))
    second.set_epoch(1)
    assert order != list(second)
    assert order != list(LengthGroupedSampler(lengths, 16, seed=2))
    spread = [np.ptp([lengths[i] for i in order[b : b + 16]]) for b in range(0, 992, 16)]
    assert np.mean(spread) < 10


def test_prediction_batches_hold_every_row_once_and_fewer_long_ones():
    lengths = [3, 512, 7, 100, 400, 0, 5, 6, 8, 128]
    batches = list(batches_by_length(lengths, 4))
    assert sorted(sum(batches, [])) == list(range(10))
    assert batches[:3] == [[1], [4], [9, 3, 8, 2]]
    assert list(batches_by_length([], 4)) == [] and list(batches_by_length([9999], 1)) == [[0]]


def write_checkpoint(folder, step: int, state: str | None = "{}"):
    """The files that tell whether a checkpoint is whole, as the Trainer writes them."""
    checkpoint = folder / f"checkpoint-{step}"
    checkpoint.mkdir()
    save_file({"w": torch.arange(1000.0)}, checkpoint / "model.safetensors")
    for name in ("optimizer.pt", "rng_state.pth"):
        torch.save({"state": torch.arange(1000.0)}, checkpoint / name)
    if state is not None:
        (checkpoint / "trainer_state.json").write_text(state, encoding="utf-8")
    return checkpoint


def test_last_whole_checkpoint_skips_and_removes_halves(tmp_path):
    for step, state in [(10, "{}"), (9, "{}"), (100, '{"global_st'), (30, None)]:
        write_checkpoint(tmp_path, step, state)
    assert last_whole_checkpoint(tmp_path) == tmp_path / "checkpoint-10"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["checkpoint-10", "checkpoint-9"]
    assert last_whole_checkpoint(tmp_path / "checkpoint-9") is None


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt", "rng_state.pth"])
def test_a_checkpoint_that_was_cut_short_is_not_resumed_from(tmp_path, name):
    write_checkpoint(tmp_path, 5)
    cut = write_checkpoint(tmp_path, 10) / name
    assert last_whole_checkpoint(tmp_path).name == "checkpoint-10"
    cut.write_bytes(cut.read_bytes()[:-100])
    assert last_whole_checkpoint(tmp_path).name == "checkpoint-5"


@pytest.mark.parametrize("name", ["model.safetensors", "optimizer.pt"])
def test_a_checkpoint_without_weights_or_optimizer_is_not_resumed_from(tmp_path, name):
    write_checkpoint(tmp_path, 5)
    (write_checkpoint(tmp_path, 10) / name).unlink()
    assert last_whole_checkpoint(tmp_path).name == "checkpoint-5"


@pytest.mark.parametrize(
    "error",
    [OSError(28, "x"), RuntimeError("I/O error: No space left on device (os error 28)")],
)
def test_a_full_disk_is_told(tmp_path, error):
    with pytest.raises(InputError, match="no space left"):
        raise_if_disk_full(error, tmp_path)


def test_a_failure_of_torch_save_is_a_full_disk_only_where_the_disk_is_full(tmp_path):
    """It does not say why: on a disk with room, such as this one, it is another fault."""
    raise_if_disk_full(RuntimeError("PytorchStreamWriter failed writing file data/1"), tmp_path)
    raise_if_disk_full(RuntimeError("another"), tmp_path)
    assert not list(tmp_path.iterdir())


def test_weights_smoothing_and_patience_reach_the_trainer(tmp_path):
    """Each of the three would change nothing if it were dropped on the way."""
    model = torch.nn.Linear(2, 2)
    model.config = SimpleNamespace(num_labels=2)
    args = SuiteTrainingArguments(
        output_dir=str(tmp_path),
        use_cpu=True,
        class_weights="balanced",
        label_smoothing_factor=0.2,
        early_stopping_patience=3,
        early_stopping_threshold=0.25,
        train_sampling_strategy="random",
    )
    rows = datasets.Dataset.from_dict({"labels": [0, 0, 0, 1]})
    labels = np.array([0, 0, 0, 1])
    splits = {"train": rows, "validation": rows}
    trainer = make_trainer(model, args, splits, None, None, labels)
    logits, targets = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 1])
    weight = torch.tensor([4 / 6, 2.0])
    expected = torch.nn.functional.cross_entropy(
        logits, targets, weight=weight, label_smoothing=0.2, reduction="sum"
    )
    loss = trainer.compute_loss_func({"logits": logits}, targets)
    torch.testing.assert_close(loss, expected / 2)
    (stopping,) = [
        c for c in trainer.callback_handler.callbacks if isinstance(c, EarlyStoppingCallback)
    ]
    assert stopping.early_stopping_patience == 3
    assert stopping.early_stopping_threshold == 0.25


def test_batches_hold_texts_of_one_length_when_asked(tmp_path):
    lengths = np.random.default_rng(0).integers(1, 100, 800)
    args = SuiteTrainingArguments(
        output_dir=str(tmp_path), use_cpu=True, per_device_train_batch_size=8
    )
    rows = datasets.Dataset.from_dict({"labels": [0] * 800, "length": lengths})
    model = torch.nn.Linear(2, 2)
    trainer = SuiteTrainer(model=model, args=args, train_dataset=rows, eval_dataset=rows)
    order = np.array(list(trainer._get_train_sampler()))
    assert sorted(order) == list(range(800))
    spread = np.ptp(lengths[order].reshape(-1, 8), axis=1).mean()
    assert spread < 20  # random batches of 8 span 77 of 100


def test_diverged_outputs_are_told():
    with pytest.raises(InputError, match="learning_rate"):
        probabilities_of(np.array([[1.0, np.nan]]))


def test_bf16_is_for_wide_encoders_on_hardware_that_has_it(monkeypatch, tmp_path):
    monkeypatch.setattr("utils.training.device.has_bf16", lambda use_cpu: False)
    narrow = SuiteTrainingArguments(output_dir=str(tmp_path), use_cpu=False)
    assert decide_precision(narrow, 768, {}) is narrow
    monkeypatch.setattr(
        "utils.training.device.replace", lambda args, **changes: SimpleNamespace(**changes)
    )
    monkeypatch.setattr("utils.training.device.has_bf16", lambda use_cpu: True)
    assert decide_precision(narrow, 128, {}) is narrow
    assert decide_precision(narrow, 256, {}).bf16 and not wants_bf16(256, use_cpu=True)
    assert decide_precision(narrow, 768, {}).bf16 and wants_bf16(768, use_cpu=True)
    assert decide_precision(narrow, 768, {"bf16": False}) is narrow


def test_bf16_on_a_cpu_without_the_flag_use_cpu(monkeypatch, tmp_path):
    """BETO on a machine without a GPU: transformers refuses bf16 there unless use_cpu is said."""
    monkeypatch.setattr("utils.training.device.has_bf16", lambda use_cpu: True)
    args = SuiteTrainingArguments(output_dir=str(tmp_path))
    decided = decide_precision(args, 768, {})
    assert decided.bf16 and decided.output_dir == str(tmp_path)
    assert decided.use_cpu is (args.device.type == "cpu")


def test_yaml_first_then_the_command_line(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text(
        "learning_rate: 3e-5\nreport_to: [none]\nunlabelled: [NR, '']\nseed: 7\n", encoding="utf-8"
    )
    types = (DatasetArguments, SuiteTrainingArguments)
    flags = ["--learning_rate", "1e-4", "--output-dir", str(tmp_path), "--use_cpu"]
    data, args, words = parse(types, [str(path), *flags])
    assert args.learning_rate == 1e-4 and args.seed == 7 and data.unlabelled == ["NR", ""]
    assert set(words["explicit_args"]) == {
        "learning_rate",
        "report_to",
        "unlabelled",
        "seed",
        "output_dir",
        "use_cpu",
    }
    again, more, _ = parse(types, as_words(words["explicit_args"]))
    assert again == data and more.learning_rate == 1e-4 and more.seed == 7


def test_evaluation_follows_saving(tmp_path):
    args = SuiteTrainingArguments(
        output_dir=str(tmp_path), save_strategy="steps", save_steps=7, use_cpu=True
    )
    assert args.eval_strategy == "steps" and args.eval_steps == 7 and args.load_best_model_at_end
    args = SuiteTrainingArguments(output_dir=str(tmp_path), save_strategy="no", use_cpu=True)
    assert not args.load_best_model_at_end
    args = SuiteTrainingArguments(
        output_dir=str(tmp_path), metric_for_best_model="ece", use_cpu=True
    )
    assert args.greater_is_better is False
    json.dumps(args.to_dict(), default=str)


def test_a_data_seed_of_0_is_one():
    from types import SimpleNamespace

    from utils.training import order_seed

    assert order_seed(SimpleNamespace(seed=5, data_seed=0)) == 0
    assert order_seed(SimpleNamespace(seed=5, data_seed=None)) == 5
