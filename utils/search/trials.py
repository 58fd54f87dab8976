"""The trials of a search: which are missing, what TPE proposes, and the outcome of each in Optuna's
study.

Every outcome is kept in the user attributes of its Optuna trial: name, parameters, score, gap,
train_loss, eval_loss, epoch and seconds, or the reason why there is none.
"""

import inspect
import logging
import math
import shutil
from pathlib import Path

from torch import OutOfMemoryError

from utils.errors import InputError
from utils.folders import partial_folder
from utils.runs import read_json
from utils.search.report import choosable, shown
from utils.search.space import distributions, trial_name

logger = logging.getLogger(__name__)

TPE_TRIALS = 20
DISK_FULL_SIGNS = ("no space left", "disk full")  # in what `raise_if_disk_full` says
REPEATS = 50  # proposals in a row that were all made before: then a space is taken to be exhausted


def end_stale(optuna, study) -> list[dict]:
    """Mark what a killed process left behind as failed; returns the parameters of trials that
    should be run again.

    Optuna's heartbeats would find such trials only after a time of grace, and beat in its own
    `optimize` alone. The lock of the folder shows it: whoever holds it is the only one alive.
    """
    missing = []
    for trial in study.get_trials(deepcopy=False):
        if trial.state == optuna.trial.TrialState.RUNNING:
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
            missing.append(trial.params)
    # What was enqueued but never asked for would be handed out in place of the next trial.
    while study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.WAITING,)):
        study.tell(study.ask(), state=optuna.trial.TrialState.FAIL)
    missing += [row["parameters"] for row in rows_of(study) if not settled(row)]
    return [parameters for parameters in missing if parameters]


def rows_of(study) -> list[dict]:
    """The last outcome of every parameter set: number, name, parameters, and score … seconds, or
    the failure's reason.
    """
    rows = {}
    for trial in study.get_trials(deepcopy=False):
        row = trial.user_attrs | {"number": trial.number}
        is_complete = trial.state.name == "COMPLETE" and "name" in row
        if is_complete or "reason" in row:
            rows[row["name"]] = row
    return list(rows.values())


def settled(row: dict) -> bool:
    """Whether a trial need not be run again: it has a score, or would diverge again. Other failures
    can be fixed.
    """
    return "reason" not in row or "diverged" in row["reason"]


def settled_names(study) -> set[str]:
    return {row["name"] for row in rows_of(study) if settled(row)}


def ask(study, parameters: dict, space: dict):
    """A new trial of the study with these parameters."""
    study.enqueue_trial(parameters)
    return study.ask(distributions(space))


def grid_trials(study, plan, grid: list[dict], space: dict):
    """Yield (trial, place) for every combination that has no outcome yet.

    Optuna's GridSampler is of no help: it fixes one grid for the whole study, where stages (--only)
    take parts of it in turn, shuffles it, and takes a failed combination for a visited one.
    """
    done = settled_names(study)
    missing = [parameters for parameters in grid if trial_name(parameters) not in done]
    n_before = len(grid) - len(missing)
    end = min(len(grid), plan.trials or len(grid))
    n_wanted = max(0, end - n_before)
    for place, parameters in enumerate(missing[:n_wanted], n_before + 1):
        yield ask(study, parameters, space), f"{place} of {end}"


def tpe_trials(optuna, study, plan, space: dict, seed: int, cut_off: list[dict]):
    """Yield (trial, place): what was cut off, then what TPE proposes from the outcomes so far."""
    done = settled_names(study)
    end = plan.trials or TPE_TRIALS
    # By name, for what was cut off twice is to be run once.
    by_name = {trial_name(parameters): parameters for parameters in cut_off}
    waiting = [parameters for name, parameters in by_name.items() if name not in done]
    for place in range(len(done) + 1, end + 1):
        if waiting:
            trial = ask(study, waiting.pop(0), space)
        else:
            trial = propose(optuna, study, space, seed)
        if trial is None:
            logger.info(
                f"{REPEATS} proposals in a row were trained before: the space is taken to be "
                "exhausted"
            )
            return
        yield trial, f"{place} of {end}"


def propose(optuna, study, space: dict, seed: int):
    """A trial of TPE with new parameters, or None where it finds none.

    Every proposal is seeded by (seed, outcomes so far), so that a resumed search proposes what an
    uninterrupted one would have. A repeated proposal gets the known outcome.
    """
    for _ in range(REPEATS):
        trials = study.get_trials(deepcopy=False)
        n_told = sum(is_told(trial) for trial in trials)
        # A prime keeps the seeds of neighbouring searches apart for a million outcomes.
        study.sampler = optuna.samplers.TPESampler(seed=(seed * 1_000_003 + n_told) % 2**32)
        trial = study.ask(distributions(space))
        known = {row["name"]: row for row in rows_of(study)}.get(trial_name(trial.params))
        if known is None:
            return trial
        trial.set_user_attr("repeats", known["number"])
        if "reason" in known:
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
        else:
            study.tell(trial, known["score"])
    return None


def is_told(trial) -> bool:
    """Whether a trial has an outcome of its own; one that was cut off has none."""
    attributes = trial.user_attrs
    return trial.state.name == "COMPLETE" or "reason" in attributes or "repeats" in attributes


def run_trial(
    optuna, study, trial, train, words: list[str], folder: Path, metric: str, greater: bool
):
    """Train one trial unless its run is there, and tell the study its score or why there is none.

    Raises:
        InputError: the disk is full, which would end every other trial too.
    """
    name = trial_name(trial.params)
    run = folder / name
    trial.set_user_attr("parameters", trial.params)
    trial.set_user_attr("name", name)
    try:
        if not (run / "all_results.json").exists():
            train_run(train, words, run)
        outcome = read_outcome(run, metric, greater)
    except (InputError, OutOfMemoryError) as error:
        if any(sign in str(error) for sign in DISK_FULL_SIGNS):
            raise
        # Begun anew next time: what made it fail may lie in what it has written.
        shutil.rmtree(partial_folder(run), ignore_errors=True)
        trial.set_user_attr("reason", " ".join(str(error).split()))
        study.tell(trial, state=optuna.trial.TrialState.FAIL)
        return
    for key, value in outcome.items():
        trial.set_user_attr(key, value)
    study.tell(trial, outcome["score"])


def train_run(train, words: list[str], run: Path):
    """Call the package's training, which continues where it was cut off."""
    resume = ["--resume", "true"] if partial_folder(run).exists() else []
    # The bare function below `exits_on_input_error`: a failure is to be recorded, not to end the
    # process.
    inspect.unwrap(train)([*words, "--output_dir", str(run), *resume])


def read_outcome(run: Path, metric: str, greater: bool) -> dict:
    """Score, train and validation loss and their gap at a run's best evaluation (the first of
    equals), its epoch, and the seconds of training.

    Raises:
        InputError: the run logged no finite evaluation.
    """
    history = read_json(run / "log_history.json")
    key = f"eval_{metric}"
    places = [i for i, entry in enumerate(history) if math.isfinite(entry.get(key, math.nan))]
    if not places:
        raise InputError(
            f"{run}: no finite {key} in log_history.json; evaluate at least once in the training"
        )
    values = [history[i][key] for i in places]
    best = places[values.index(max(values) if greater else min(values))]
    # The last train loss that was logged before the evaluation, or with it.
    losses = [entry["loss"] for entry in history[: best + 1] if "loss" in entry]
    train_loss = losses[-1] if losses else None
    eval_loss = history[best].get("eval_loss")
    gap = None
    if train_loss is not None and eval_loss is not None and math.isfinite(eval_loss - train_loss):
        gap = eval_loss - train_loss
    return {
        "score": history[best][key],
        "gap": gap,
        "train_loss": train_loss,
        "eval_loss": eval_loss,
        "epoch": history[best].get("epoch"),
        "seconds": read_json(run / "all_results.json").get("train_runtime"),
    }


def describe_outcome(trial, metric: str) -> str:
    """A finished trial in a line."""
    row = trial.user_attrs
    parameters = ", ".join(f"{name} {shown(value)}" for name, value in trial.params.items())
    if "reason" in row:
        return f"{parameters}: failed, {row['reason']}"
    gap = "" if row["gap"] is None else f", gap {row['gap']:.4f}"
    return f"{parameters}: {metric} {row['score']:.4f}{gap}"


def drop_weights(folder: Path, rows: list[dict], max_gap: float | None, greater: bool):
    """Delete the weights of the trials that can no longer be chosen."""
    complete = [row for row in rows if "reason" not in row]
    kept = {row["name"] for row in choosable(complete, max_gap, greater)}
    for row in complete:
        if row["name"] in kept:
            continue
        for path in (folder / row["name"]).rglob("*.safetensors"):
            path.unlink()
