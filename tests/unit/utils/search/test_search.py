"""The search, with a training that only writes a run's files: nothing is trained twice, whatever is
killed when.
"""

import csv
import json
import multiprocessing
import os
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import optuna
import pytest

from utils.cli import parse
from utils.errors import InputError, exits_on_input_error
from utils.folders import partial_folder
from utils.search import trials as search_trials
from utils.search.figures import parameters_figure, trials_figure
from utils.search.report import choosable, choose
from utils.search.space import read_space, restrict, trial_name, trial_words
from utils.search.study import SearchArguments, open_storage, search

GRID = """
activation: [relu, mish, tanh]
hidden_size: [64, 128]
bidirectional: [false, true]
head_dropout: [0.0, 0.1, 0.2]
"""


@dataclass
class Model:
    activation: str = field(default="relu")
    hidden_size: int = field(default=8)
    bidirectional: bool = field(default=False)
    head_dropout: float = field(default=0.0)
    mlp_sizes: list[int] = field(default_factory=list)


@dataclass
class Training:
    learning_rate: float = field(default=1e-3)
    optim: str = field(default="adamw_torch")
    num_train_epochs: int = field(default=2)
    seed: int = field(default=0)
    metric_for_best_model: str = field(default="macro_f1")
    greater_is_better: bool = field(default=True)
    eval_strategy: str = field(default="epoch")
    logging_strategy: str = field(default="epoch")
    output_dir: str | None = field(default=None)
    resume: bool = field(default=False)
    overwrite: bool = field(default=False)


@exits_on_input_error
def train(argv):
    """Write a run's files; its score and gap follow from its parameters. $TRAINED counts, $KILL
    ends it midway, and it waits while the file $HOLD is there.
    """
    model, args, _ = parse((Model, Training), argv)
    with open(os.environ["TRAINED"], "a") as log:
        log.write(f"{Path(args.output_dir).name} {'resumed' if args.resume else 'begun'}\n")
    if model.activation == "tanh" and os.environ.get("DIVERGE"):
        raise InputError(
            "the model's outputs are not finite: the training diverged; lower --learning_rate"
        )
    if model.hidden_size == 3:
        raise InputError("--hidden_size 3: is odd")
    while os.environ.get("HOLD") and Path(os.environ["HOLD"]).exists():
        time.sleep(0.02)
    run = Path(args.output_dir)
    partial = partial_folder(run)
    partial.mkdir(parents=True, exist_ok=True)
    if os.environ.get("KILL") and trained() == int(os.environ["KILL"]):
        os.kill(os.getpid(), signal.SIGKILL)
    score = (
        0.5
        + 0.1 * ("relu", "mish", "tanh").index(model.activation)
        + model.hidden_size / 10000
        + 0.01 * model.bidirectional
        - model.head_dropout / 20
        + args.learning_rate
    )
    history = [
        {"loss": 0.9, "epoch": 1.0},
        {"eval_macro_f1": score - 0.1, "eval_loss": 1.5, "epoch": 1.0},
        {"loss": 0.4, "epoch": 2.0},
        {
            "eval_macro_f1": score,
            "eval_loss": 0.4 + 0.5 * score - model.head_dropout / 2,
            "epoch": 2.0,
        },
        {"loss": 0.1, "epoch": 3.0},
        {"eval_macro_f1": score - 0.01, "eval_loss": 2.0, "epoch": 3.0},
        {"train_loss": 0.5, "epoch": 3.0},
    ]
    (partial / "log_history.json").write_text(json.dumps(history))
    (partial / "model.safetensors").write_bytes(b"weights")
    (partial / "all_results.json").write_text(json.dumps({"train_runtime": 7.0}))
    if run.exists():
        shutil.rmtree(run)
    partial.rename(run)
    return run


def trained() -> int:
    return len(Path(os.environ["TRAINED"]).read_text().splitlines())


def counts() -> Counter:
    return Counter(line.split()[0] for line in Path(os.environ["TRAINED"]).read_text().splitlines())


@pytest.fixture
def go(tmp_path, monkeypatch, request):
    """Run a search in tmp_path/search as a script would; figures only where a test sees them."""
    for figure in (
        ()
        if "untold" in request.node.name
        else ("trials_figure", "parameters_figure", "save_figure")
    ):
        monkeypatch.setattr(f"utils.search.report.{figure}", nothing)
    monkeypatch.setenv("TRAINED", str(tmp_path / "trained.log"))
    for name in ("KILL", "DIVERGE", "HOLD"):
        monkeypatch.delenv(name, raising=False)

    def run(space, *words, dataset="abc"):
        path = tmp_path / "space.yaml"
        path.write_text(space)
        argv = ["--space", str(path), *words]
        model, args, plan, said = parse((Model, Training, SearchArguments), argv)
        return search(
            train,
            plan,
            (model, args),
            argv,
            said["explicit_args"],
            dataset=dataset,
            folder=tmp_path / "search",
        )

    return run


def killed(go, at: int, *words):
    """The search in another process that is killed with signal 9 in its `at`-th training."""
    os.environ["KILL"] = str(at)
    process = multiprocessing.get_context("fork").Process(target=go, args=words)
    process.start()
    process.join(60)
    del os.environ["KILL"]
    assert process.exitcode == -signal.SIGKILL


def table(tmp_path) -> list[dict]:
    with open(tmp_path / "search" / "trials.csv", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def states(tmp_path) -> Counter:
    with open_storage(optuna, tmp_path / "search") as storage:
        study = optuna.load_study(study_name="search", storage=storage)
        return Counter(trial.state.name for trial in study.trials)


def test_grid_in_three_stages_each_killed_and_resumed(go, tmp_path):
    for stage, at in (("relu", 5), ("mish", 14), ("tanh", 37)):
        killed(go, at, GRID, "--only", f"activation={stage}")
        go(GRID, "--only", f"activation={stage}")
    assert states(tmp_path) == {
        "COMPLETE": 36,
        "FAIL": 3,
    }  # what was killed stays as a failed trial
    assert len(table(tmp_path)) == 36
    lines = Path(os.environ["TRAINED"]).read_text().splitlines()
    assert sum(line.endswith("begun") for line in lines) == 36 and len(counts()) == 36
    assert sum(line.endswith("resumed") for line in lines) == 3 and max(counts().values()) == 2
    before = trained()
    go(GRID)
    assert trained() == before


def test_a_run_that_finished_untold_is_taken_and_the_chosen_one_copied(go, tmp_path):
    space = "hidden_size: [64, 128, 32]\n"
    killed(go, 2, space)
    left = tmp_path / "search" / "trial_hidden_size-128.partial"
    assert left.is_dir() and states(tmp_path) == {"COMPLETE": 1, "RUNNING": 1}
    os.environ["KILL"] = ""
    train(
        [
            "--hidden_size",
            "128",
            "--output_dir",
            str(left.with_name("trial_hidden_size-128")),
            "--resume",
            "true",
        ]
    )
    before = trained()
    best = go(space)
    assert trained() == before + 1 and states(tmp_path) == {"COMPLETE": 3, "FAIL": 1}
    assert best == tmp_path / "search" / "best" and (best / "model.safetensors").exists()
    kept = {path.parent.name for path in (tmp_path / "search").rglob("*.safetensors")}
    assert kept == {"best", "trial_hidden_size-128"}
    rows = table(tmp_path)
    assert [row["hidden_size"] for row in rows] == ["128", "64", "32"]
    assert float(rows[0]["score"]) == pytest.approx(0.5138) and rows[0]["epoch"] == "2.0"
    assert float(rows[0]["gap"]) == pytest.approx(0.5138 / 2) and rows[0]["seconds"] == "7.0"
    summary = (tmp_path / "search" / "summary.md").read_text(encoding="utf-8")
    assert "| **2** | **128** | **0.5138** | **0.2569** | **2** | **7** |" in summary
    assert {p.name for p in (tmp_path / "search" / "figures").iterdir()} == {
        "trials.png",
        "parameters.png",
    }


def test_best_is_refreshed_and_another_rule_trains_lost_weights_again(go, tmp_path):
    space = "head_dropout: [0.2, 0.0, 0.1]\n"  # scores .491, .501, .496; gaps .1455, .2505, .198
    go(space, "--only", "head_dropout=0.2")
    assert table(tmp_path)[0]["head_dropout"] == "0.2"
    best = go(space)
    assert [row["head_dropout"] for row in table(tmp_path) if row["chosen"] == "True"] == ["0.0"]
    first = json.loads((best / "log_history.json").read_text())
    assert first == json.loads(
        (tmp_path / "search/trial_head_dropout-0.0/log_history.json").read_text()
    )
    assert trained() == 3
    go(space, "--max_gap", "0.005")
    assert [row["head_dropout"] for row in table(tmp_path) if row["chosen"] == "True"] == ["0.1"]
    assert trained() == 4 and (best / "model.safetensors").exists()
    go(space, "--max_gap", "0.005")
    assert trained() == 4
    go(space, "--overwrite", "--keep_models")
    assert trained() == 7 and len(list((tmp_path / "search").rglob("*.safetensors"))) == 4


def test_choice_by_gap_and_who_may_still_be_chosen():
    scores, gaps = [0.80, 0.78, 0.795, 0.70, 0.79], [0.30, 0.10, 0.20, 0.0, 0.25]
    rows = [
        {"score": s, "gap": g, "number": n}
        for n, (s, g) in enumerate(zip(scores, gaps, strict=True))
    ]
    assert choose(rows, None, True)["number"] == 0
    assert choose(rows, 0.02, True)["number"] == 1  # .80 − .78 is a little more than .02 in floats
    assert choose(rows, 0.019, True)["number"] == 2
    assert choose(rows, None, False)["number"] == 3
    # The last one is worse than the third and of a larger gap: never chosen, however the bound
    # moves.
    assert [row["number"] for row in choosable(rows, 0.02, True)] == [0, 2, 1]
    assert [row["number"] for row in choosable(rows, None, True)] == [0]
    unknown = [row | {"gap": None} for row in rows]
    assert choose(unknown, None, True)["number"] == 0 and len(choosable(unknown, None, True)) == 1


def test_tpe_goes_on_as_if_it_had_not_been_killed(go, tmp_path):
    space = (
        "learning_rate: {low: 1e-4, high: 1e-1, log: true}\n"
        "hidden_size: {low: 16, high: 256, step: 16, int: true}\n"
    )
    words = ("--sampler", "tpe", "--trials", "14", "--seed", "3")
    killed(go, 12, space, *words)
    go(space, *words)
    resumed = [(row["learning_rate"], row["hidden_size"]) for row in table(tmp_path)]
    assert len(set(resumed)) == 14 and len(counts()) == 14
    go(space, *words)
    assert trained() == 15
    shutil.rmtree(tmp_path / "search")
    go(space, *words)
    assert [(row["learning_rate"], row["hidden_size"]) for row in table(tmp_path)] == resumed


def test_tpe_repeats_no_parameters(go, tmp_path, monkeypatch):
    monkeypatch.setattr(search_trials, "REPEATS", 15)
    go("hidden_size: [16, 32]\nactivation: [relu, mish]\n", "--sampler", "tpe", "--trials", "9")
    assert set(counts().values()) == {1} and len(table(tmp_path)) == len(counts()) == 4


def test_diverged_and_failed_trials_are_recorded(go, tmp_path, monkeypatch):
    monkeypatch.setenv("DIVERGE", "1")
    space = "activation: [tanh, relu]\nhidden_size: [3, 64]\n"
    go(space)
    rows = table(tmp_path)
    assert [(row["activation"], row["hidden_size"], bool(row["reason"])) for row in rows] == [
        ("relu", "64", False),
        ("tanh", "3", True),
        ("tanh", "64", True),
        ("relu", "3", True),
    ]
    assert "odd" in rows[3]["reason"] and "diverged" in rows[1]["reason"]
    assert "3 failed" in (tmp_path / "search" / "summary.md").read_text(encoding="utf-8")
    go(space)  # what diverged would diverge again; what failed otherwise may have been fixed
    assert counts() == {
        "trial_activation-relu_hidden_size-3": 2,
        "trial_activation-relu_hidden_size-64": 1,
        "trial_activation-tanh_hidden_size-3": 1,
        "trial_activation-tanh_hidden_size-64": 1,
    }


def test_figures_of_lists_and_ranges():
    space = {
        "activation": ["relu", "mish"],
        "learning_rate": {"low": 1e-4, "high": 1e-2, "log": True},
        "hidden_size": {"low": 1, "high": 9, "int": True},
        "bidirectional": [False, True],
    }
    rows = [
        {
            "number": n,
            "score": 0.5 + n / 10,
            "gap": 0.1 * n,
            "parameters": {
                "activation": "relu",
                "learning_rate": 10.0 ** (n - 4),
                "hidden_size": 3 * n,
                "bidirectional": n == 1,
            },
        }
        for n in range(3)
    ]
    figure = parameters_figure(rows, rows[1], space, "macro_f1")
    titles = [axes.get_title() for axes in figure.axes]
    assert titles[:4] == list(space) and len(titles) == 6
    said = [[t.get_text() for t in axes.get_xticklabels()] for axes in figure.axes[:4]]
    assert said[0] == ["relu", "mish"] and said[3] == ["false", "true"]
    assert "0.001" in said[1] and not any("$" in text for text in said[1])
    dots, ring = figure.axes[3].lines[2], figure.axes[3].lines[-1]
    assert dots.get_ydata().tolist() == ring.get_ydata().tolist() == [0.6]
    trials = trials_figure(rows, rows[1], "macro_f1", 0.1).axes[0]
    assert (
        trials.lines[0].get_xdata().tolist() == pytest.approx([0, 0.1, 0.2])
        and len(trials.patches) == 1
    )
    unknown = [row | {"gap": None} for row in rows]
    assert trials_figure(unknown, unknown[2], "macro_f1").axes[0].get_xlabel() == "trial"


def test_all_failed(go):
    with pytest.raises(InputError, match="all 1 trials failed.*odd"):
        go("hidden_size: [3]\n")


@pytest.mark.parametrize("reason", ["no space left on the disk", "is the disk full, or a quota?"])
def test_a_full_disk_ends_the_search_and_keeps_the_checkpoints(go, tmp_path, monkeypatch, reason):
    """As a failed trial its checkpoints would go, and every other trial would fail like it."""

    def full(train, words, run):
        (partial_folder(run) / "checkpoint-2").mkdir(parents=True)
        raise InputError(f"{run}: {reason}; checkpoint-2 is whole")

    with monkeypatch.context() as patch:
        patch.setattr(search_trials, "train_run", full)
        with pytest.raises(InputError, match="checkpoint-2 is whole"):
            go("hidden_size: [64, 32]\n")
    assert (tmp_path / "search" / "trial_hidden_size-64.partial" / "checkpoint-2").is_dir()
    assert states(tmp_path) == {"RUNNING": 1}
    go("hidden_size: [64, 32]\n")
    lines = Path(os.environ["TRAINED"]).read_text().splitlines()
    assert lines == ["trial_hidden_size-64 resumed", "trial_hidden_size-32 begun"]


def test_interrupt_is_clean(go, tmp_path, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(search_trials, "train_run", interrupted)
        with pytest.raises(SystemExit) as stop:
            go("hidden_size: [64]\n")
    assert stop.value.code == 130
    go("hidden_size: [64]\n")
    assert states(tmp_path) == {"COMPLETE": 1, "FAIL": 1}


@pytest.mark.parametrize(
    "space, words, said",
    [
        ("hidden_sise: [64]\n", (), "hidden_sise.*did you mean 'hidden_size'"),
        ("", (), "no parameter in it"),
        ("- a\n", (), "no parameter in it"),
        ("hidden_size: []\n", (), "neither a list of values nor a range"),
        ("hidden_size: 64\n", (), "neither a list of values nor a range"),
        ("hidden_size: [64, 64]\n", (), "twice"),
        ("head_dropout: [0, 0.0]\n", (), "twice"),
        ("hidden_size: [dos]\n", (), "hidden_size: invalid literal"),
        ("head_dropout: [nan]\n", (), "--head_dropout nan: not a number"),
        ("hidden_size: [64]\nhidden_size: [32]\n", (), "the key 'hidden_size' occurs twice"),
        ("learning_rate: {low: 1, high: 2, int: 7}\n", (), "int: '7' is neither true nor false"),
        ("learning_rate: {low: no, high: 2}\n", (), "needs numbers low ≤ high"),
        (
            "activation: [null]\n",
            (),
            "activation: a list holds a list or nothing; give plain words",
        ),
        ("output_dir: [a]\n", (), "no parameter that can be searched"),
        ("learning_rate: {low: 1e-4, high: 1e-2}\n", (), "range.*--sampler tpe"),
        ("learning_rate: {low: 0, high: 1, log: true}\n", ("--sampler", "tpe"), "low above 0"),
        ("learning_rate: {low: 1, hihg: 2}\n", ("--sampler", "tpe"), "no 'hihg'"),
        ("hidden_size: {low: 1.5, high: 2, int: true}\n", ("--sampler", "tpe"), "whole ones"),
        (GRID, ("--only", "optim=rmsprop"), "not name=value of a parameter of the space"),
        (GRID, ("--only", "activation"), "not name=value"),
        (GRID, ("--only", "activation=gelu"), "has no value 'gelu'; it has relu, mish, tanh"),
        (GRID, ("--only", "activation=relu", "--sampler", "tpe"), "not with --sampler tpe"),
        (GRID, ("--hidden_size", "32"), "both in the space and as a flag"),
        (GRID, ("--output_dir", "x"), "--search_dir"),
        (GRID, ("--eval_strategy", "no"), "compares trials on validation"),
        (GRID, ("--sampler", "random"), "choose grid or tpe"),
        (GRID, ("--trials", "0"), "at least 1"),
    ],
)
def test_bad_input(go, tmp_path, space, words, said):
    with pytest.raises(InputError, match=said):
        go(space, *words)
    assert not (tmp_path / "search").exists()


def test_a_search_takes_no_other_data_flags_or_space(go, tmp_path):
    go("hidden_size: [64]\n")
    for space, words, dataset, said in (
        ("hidden_size: [64]\n", (), "other", "another dataset"),
        ("hidden_size: [64]\n", ("--num_train_epochs", "3"), "abc", "settings, --num_train_epochs"),
        ("hidden_size: [64, 32]\n", (), "abc", "another space"),
    ):
        with pytest.raises(InputError, match=said):
            go(space, *words, dataset=dataset)
    assert trained() == 1
    go("hidden_size: [32]\n", "--overwrite", dataset="other")
    assert [row["hidden_size"] for row in table(tmp_path)] == ["32"]
    (tmp_path / "search" / "search.db").unlink()
    with pytest.raises(InputError, match="holds no search.db"):
        go("hidden_size: [32]\n", "--overwrite")
    assert (tmp_path / "search" / "best").is_dir()


def test_values_are_the_words_that_were_typed(go, tmp_path):
    """As in the YAML files of trainings: where a text is meant, `NO` is not False, nor `01` one."""
    go(
        "optim: [NO, 01, 1e3, 2026-08-31, null_]\nbidirectional: [on, no]\n",
        "--only",
        "optim=01,NO",
    )
    assert {row["optim"] for row in table(tmp_path)} == {"NO", "01"}
    assert {row["bidirectional"] for row in table(tmp_path)} == {"True", "False"}
    assert counts().keys() == {
        f"trial_bidirectional-{switch}_optim-{word}"
        for switch in ("true", "false")
        for word in ("NO", "01")
    }
    summary = (tmp_path / "search" / "summary.md").read_text(encoding="utf-8")
    assert "| NO |" in summary and "| 01 |" in summary


def test_two_searches_in_one_folder_do_not_mix(go, tmp_path, monkeypatch):
    """The second waits for nothing, and --overwrite does not empty the folder of the first."""
    monkeypatch.setenv("HOLD", str(tmp_path / "hold"))
    (tmp_path / "hold").touch()
    first = multiprocessing.get_context("fork").Process(target=go, args=("hidden_size: [64]\n",))
    first.start()
    while not Path(os.environ["TRAINED"]).exists() and first.is_alive():
        time.sleep(0.02)
    for words in ((), ("--overwrite",)):
        with pytest.raises(InputError) as refusal:
            go("hidden_size: [64]\n", *words)
        assert f"search: another search is working here (pid {first.pid} on " in str(refusal.value)
    (tmp_path / "hold").unlink()
    first.join(60)
    assert first.exitcode == 0 and trained() == 1
    assert not list(tmp_path.glob(".*"))


def test_numbers_names_and_words(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(
        "learning_rate: [1e-4, 1e-3, 0.5]\nmlp_sizes: [[256, 128], [64]]\nbidirectional: [true]\n"
        "activation: [relu, 'a/b']\n"
    )
    arguments = (Model(), Training())
    space = read_space(path, arguments, set())
    assert space["learning_rate"] == [0.0001, 0.001, 0.5] and space["mlp_sizes"] == [
        "256 128",
        "64",
    ]
    assert restrict(space, ["learning_rate=1e-4,0.5"])["learning_rate"] == [0.0001, 0.5]
    assert restrict(space, ["bidirectional=true"])["bidirectional"] == [True]
    one = {
        "learning_rate": 1e-4,
        "mlp_sizes": "256 128",
        "bidirectional": True,
        "activation": "a/b",
    }
    assert trial_words(one, arguments) == [
        "--learning_rate",
        "0.0001",
        "--mlp_sizes",
        "256",
        "128",
        "--bidirectional",
        "true",
        "--activation",
        "a/b",
    ]
    plain = {"hidden_size": 64, "activation": "relu"}
    assert (
        trial_name(plain)
        == trial_name(dict(reversed(plain.items())))
        == "trial_activation-relu_hidden_size-64"
    )
    assert trial_name({"activation": "a/b"}) != trial_name({"activation": "a-b"})
    long = {f"parameter_{i}": i for i in range(20)}
    assert len(trial_name(long)) <= 110 and trial_name(long) != trial_name(
        long | {"parameter_19": 20}
    )


def nothing(*args, **kwargs):
    pass
