"""Hyperparameter search in any package of models: Optuna's study in sqlite, one run folder a trial,
nothing trained twice.

A trial is one call of the package's `train.main`. Its folder is named by its parameters alone, so
that a trial that was killed continues from its last checkpoint, and one that had finished is taken
as it is. A search is one study: stages of a grid, samplers and later calls add to it.
"""

import contextlib
import inspect
import logging
import shutil
from dataclasses import dataclass, field, fields
from pathlib import Path

from utils.cli import as_words, begins_with_yaml, typed_names
from utils.errors import InputError
from utils.folders import locked_folder, whole_folder
from utils.runs import plain
from utils.search.report import choose, write_report
from utils.search.space import combinations, read_space, restrict, trial_words
from utils.search.trials import (
    describe_outcome,
    drop_weights,
    end_stale,
    grid_trials,
    rows_of,
    run_trial,
    tpe_trials,
)

logger = logging.getLogger(__name__)

DATABASE = "search.db"


@dataclass
class SearchArguments:
    """What to search, and how to choose."""

    space: str = field(
        metadata={"help": "YAML file of 'name: [values]' and 'name: {low: , high: , log: , int: }'"}
    )
    sampler: str = field(
        default="grid", metadata={"help": "grid (every combination) or tpe (Optuna's)"}
    )
    trials: int | None = field(
        default=None,
        metadata={
            "help": "trials that the grid (or its stage), or tpe, comes to, those of earlier "
            "calls counted; default: the whole grid, 20 for tpe"
        },
    )
    only: list[str] = field(
        default_factory=list, metadata={"help": "name=value or name=a,b: a stage of the grid"}
    )
    max_gap: float | None = field(
        default=None,
        metadata={
            "help": "choose the smallest gap between validation and train loss among the trials "
            "whose score is at most so far below the best; default: the best score"
        },
    )
    search_dir: str | None = field(
        default=None, metadata={"help": "default runs/<package>/<dataset>/search"}
    )
    keep_models: bool = field(
        default=False, metadata={"help": "keep the weights of trials that cannot be chosen"}
    )

    def __post_init__(self):
        if self.sampler not in ("grid", "tpe"):
            raise ValueError(f"--sampler {self.sampler!r}: choose grid or tpe")
        if self.trials is not None and self.trials < 1:
            raise ValueError(f"--trials {self.trials}: give at least 1")
        if self.max_gap is not None and not self.max_gap >= 0:
            raise ValueError(f"--max_gap {self.max_gap}: give 0 or more")
        if self.only and self.sampler == "tpe":
            raise ValueError("--only: chooses a stage of a grid; not with --sampler tpe")


def search(
    train, plan: SearchArguments, arguments, argv: list[str], given: dict, *, dataset: str, folder
) -> Path:
    """Run what is missing of a search, then write its table, figures and `best`, the chosen run.

    Args:
        train: the package's `main(argv)`, which leaves a finished run in `--output_dir`.
        arguments: the dataclass instances of the flags that may be searched; the training arguments
            come last.
        argv: the command line as it was typed, its YAML file first.
        given: what `parse` says was given, on the command line or in the file.
        dataset: the hash of the dataset.
        folder: where the search works; what an earlier call left there is continued.

    Returns:
        `folder / "best"`.

    Raises:
        InputError: the space, `--only` or the folder cannot be used, or every trial failed.
        SystemExit: 130, after Ctrl-C.
    """
    optuna = import_optuna()
    folder = Path(folder)
    args = arguments[-1]
    check_flags(args, plan, given)

    # The space, and the part of it that this call is for.
    typed = typed_names(argv)
    space = read_space(plan.space, arguments, typed)
    stage = restrict(space, plan.only)
    grid = combinations(stage) if plan.sampler == "grid" else None

    # What every trial is given: the YAML file, and the flags that are not the search's own.
    own = {f.name for f in fields(SearchArguments)} | {"output_dir", "resume", "overwrite"}
    config = argv[:1] if begins_with_yaml(argv) else []
    flags = {name: value for name, value in given.items() if name in typed - own}
    base = [*config, *as_words(flags)]

    # What later calls must give again, for scores of other data or settings do not compare.
    metric = args.metric_for_best_model.removeprefix("eval_")
    greater = bool(args.greater_is_better)
    left_out = own | {"dataset"} | space.keys()
    settings = {name: value for name, value in given.items() if name not in left_out}
    inputs = plain({"dataset": dataset, "space": space, "metric": metric, "settings": settings})

    with locked_folder(folder, "search"):
        claim(folder, args.overwrite)
        with open_storage(optuna, folder) as storage:
            study = open_study(optuna, storage, folder, inputs, greater)
            cut_off = end_stale(optuna, study)
            if grid:
                trials = grid_trials(study, plan, grid, space)
            else:
                trials = tpe_trials(optuna, study, plan, space, args.seed, cut_off)
            try:
                for trial, place in trials:
                    words = [*base, *trial_words(trial.params, arguments)]
                    run_trial(optuna, study, trial, train, words, folder, metric, greater)
                    outcome = describe_outcome(study.trials[trial.number], metric)
                    logger.info(f"trial {place}: {outcome}")
                    if not plan.keep_models:
                        drop_weights(folder, rows_of(study), plan.max_gap, greater)
            except KeyboardInterrupt:
                logger.info(f"{folder}: interrupted; the same command continues")
                raise SystemExit(130) from None
            return finish(study, train, base, arguments, plan, folder, inputs, greater)


def import_optuna():
    try:
        import optuna
    except ImportError:
        raise InputError("a search needs optuna: pip install -e '.[search]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def check_flags(args, plan: SearchArguments, given: dict):
    """Refuse flags of the training with which a search cannot work."""
    if "output_dir" in given:
        raise InputError("--output_dir: a search writes to --search_dir")
    if name_of(args.eval_strategy) == "no":
        raise InputError(
            "--eval_strategy no: a search compares trials on validation; pass epoch or steps"
        )
    if plan.max_gap is not None and name_of(args.logging_strategy) == "no":
        raise InputError(
            "--max_gap: needs the train loss, which --logging_strategy no does not log; pass epoch"
        )


def name_of(strategy) -> str:
    """The name of a strategy, which may be a member of an enumeration of transformers."""
    return str(getattr(strategy, "value", strategy))


def claim(folder: Path, overwrite: bool):
    """Make the folder ready for a search; only one that holds a search is ever emptied.

    Raises:
        InputError: something else is in the folder.
    """
    occupied = folder.exists() and (not folder.is_dir() or any(folder.iterdir()))
    if occupied and not (folder / DATABASE).exists():
        raise InputError(
            f"{folder}: holds no {DATABASE}, so it is no search; choose another --search_dir"
        )
    if occupied and overwrite:
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)


@contextlib.contextmanager
def open_storage(optuna, folder: Path):
    """The database of a search; closes its connections, which Optuna leaves to the collector."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{(folder / DATABASE).resolve()}")
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


def open_study(optuna, storage, folder: Path, inputs: dict, greater: bool):
    """The folder's study, new or as it was left.

    Raises:
        InputError: the study was made with other inputs.
    """
    # A folder that was renamed still holds its study, under the old name.
    names = optuna.get_all_study_names(storage) or [folder.resolve().name]
    study = optuna.create_study(
        storage=storage,
        study_name=names[0],
        load_if_exists=True,
        direction="maximize" if greater else "minimize",
    )
    before = study.user_attrs.get("inputs")
    if before is None:
        study.set_user_attr("inputs", inputs)
    elif before != inputs:
        changed = [name for name in inputs if before.get(name) != inputs[name]]
        old, new = before.get("settings", {}), inputs["settings"]
        changed += sorted(f"--{name}" for name in old | new if old.get(name) != new.get(name))
        raise InputError(
            f"{folder}: was begun with another {', '.join(changed)}; choose another --search_dir "
            "or pass --overwrite to begin anew"
        )
    return study


def finish(
    study, train, base: list[str], arguments, plan, folder: Path, inputs: dict, greater: bool
) -> Path:
    """Choose, copy the chosen run to `best` and write the report."""
    rows = rows_of(study)
    complete = [row for row in rows if "reason" not in row]
    if not complete:
        raise InputError(
            f"{folder}: all {len(rows)} trials failed; the first one: {rows[0]['reason']}"
        )
    chosen = choose(complete, plan.max_gap, greater)
    best = folder / "best"
    run = folder / chosen["name"]
    if study.user_attrs.get("best") != chosen["name"] or not best.exists():
        if not any(run.rglob("*.safetensors")):
            logger.info(
                f"{run}: chosen by another rule than before; its weights were deleted, so it is "
                "trained again"
            )
            words = [*base, *trial_words(chosen["parameters"], arguments)]
            # Unwrapped, as in `train_run`: an error is the search's to tell.
            inspect.unwrap(train)([*words, "--output_dir", str(run), "--overwrite", "true"])
        with whole_folder(best) as partial:
            shutil.copytree(run, partial, dirs_exist_ok=True)
        study.set_user_attr("best", chosen["name"])
    write_report(folder, rows, chosen, inputs, plan.max_gap, greater)
    logger.info(f"{folder}: {len(complete)} trials, {len(rows) - len(complete)} failed")
    return best
