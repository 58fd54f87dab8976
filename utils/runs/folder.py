"""The run folder: where a run works, what it holds when finished, and that it appears whole or not
at all.

A run works in `<output_dir>.partial` (checkpoints, then the final files) and is renamed to
`<output_dir>` at the end.
"""

import contextlib
import importlib.metadata
import json
import logging
import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import numpy as np
import yaml

from utils.errors import InputError, hold_until_main_ends
from utils.folders import locked_folder, own_place, partial_folder, read_if_there
from utils.records import dataset_name

logger = logging.getLogger(__name__)

PACKAGES = (
    "torch",
    "transformers",
    "tokenizers",
    "datasets",
    "accelerate",
    "scikit-learn",
    "numpy",
    "pillow",
    "spacy",
)
MARK = ".unfinished-run"  # in a folder that a run works in
UNFINISHED = "An unfinished run of the Spanish text suite; --resume continues it."
# What may differ when a run is resumed. Sizes of evaluation batches and workers change no weight.
MAY_CHANGE = {
    "dataset",
    "output_dir",
    "resume",
    "overwrite",
    "report_to",
    "run_name",
    "project",
    "trackio_space_id",
    "max_minutes",
    "save_total_limit",
    "keep_checkpoints",
    "disable_tqdm",
    "push_to_hub",
    "per_device_eval_batch_size",
    "eval_accumulation_steps",
    "local_rank",
    "dataloader_num_workers",
    "dataloader_pin_memory",
    "dataloader_persistent_workers",
    "dataloader_prefetch_factor",
}
MAY_CHANGE_PREFIXES = ("logging_", "log_", "hub_", "ddp_", "training.logger.")
# spaCy's budgets: its --resume begins a new training from the best pipeline, and says so.
MAY_CHANGE |= {
    "training.max_steps",
    "training.max_epochs",
    "training.patience",
    "training.eval_frequency",
}
MAY_GROW = {"max_steps", "num_train_epochs"}
REPO_ROOT = Path(__file__).resolve().parents[2]


def choose_output_dir(given: str | None, package: str, dataset: str) -> Path:
    """Where a run goes: where the user said, links and `..` resolved, or `default_output_dir`.

    Raises:
        InputError: it is the folder in which the command was started.
    """
    if given is None:
        return default_output_dir(package, dataset)
    return own_place(Path(given), "--output_dir")


def default_output_dir(package: str, dataset: str) -> Path:
    """`runs/<package>/<dataset>/<date-time>`, to the millisecond: two may start in one second."""
    moment = datetime.now().strftime("%Y-%m-%d-%H%M%S-%f")[:-3]
    return Path("runs") / package / dataset_name(dataset) / moment


def claim_output_dir(output_dir: Path, resume: bool, overwrite: bool) -> bool:
    """Make room for a run and lock it until the command ends; returns False when there is nothing
    left to do (a finished run is asked to resume).

    Only folders that bear the suite's mark are ever removed, and only when `overwrite` is set.

    Raises:
        InputError: the folder is occupied, an unfinished run is there and neither flag was given,
            or another process works here.
    """
    hold_until_main_ends(locked_folder(output_dir, "training"))
    partial = partial_folder(output_dir)
    if is_occupied(output_dir):
        if resume and (output_dir / "all_results.json").exists():
            logger.info(f"{output_dir}: already finished, nothing to resume")
            return False
        if not overwrite:
            raise InputError(
                f"{output_dir}: already there; pass --overwrite to replace it or choose another "
                "--output_dir"
            )
        if not is_ours(output_dir):
            raise InputError(
                f"{output_dir}: holds no run, so it is not overwritten; choose another --output_dir"
            )
    if is_occupied(partial):
        if not is_ours(partial):
            raise InputError(
                f"{partial}: a run would work here, but this folder is not of this suite; move it "
                "or choose another --output_dir"
            )
        saved = [*partial.glob("checkpoint-*"), *partial.glob("model-*/")]  # the Trainer's, spaCy's
        if saved and not resume and not overwrite:
            raise InputError(
                f"{partial}: an unfinished run is there; pass --resume to continue it or "
                "--overwrite"
            )
        if not resume:
            shutil.rmtree(partial)
    hold_until_main_ends(marked(partial))
    return True


@contextlib.contextmanager
def marked(partial: Path):
    """Mark a folder as a run's; one that nothing else was written into is gone when the block
    ends.
    """
    partial.mkdir(parents=True, exist_ok=True)
    (partial / MARK).write_text(f"{UNFINISHED}\n", encoding="utf-8")
    try:
        yield
    finally:
        if partial.exists() and [path.name for path in partial.iterdir()] == [MARK]:
            shutil.rmtree(partial)


def is_occupied(folder: Path) -> bool:
    """Whether a name is taken by a file, or by a folder with something in it."""
    return folder.exists() and (not folder.is_dir() or any(folder.iterdir()))


def is_ours(folder: Path) -> bool:
    """Whether a folder bears the mark of a run: the file of an unfinished one, or its config."""
    if read_if_there(folder / MARK).strip() == UNFINISHED:
        return True
    try:
        content = read_yaml(folder / "config.yaml")
    except (OSError, ValueError, yaml.YAMLError):
        return False
    return isinstance(content, dict) and {"room", "arguments", "packages"} <= content.keys()


def write_config(folder: Path, *, room: str, arguments: dict, dataset: dict, model: dict):
    """Write config.yaml: everything that was resolved, and what it ran on.

    Raises:
        InputError: the folder's unfinished run was of another dataset or of other arguments.
    """
    path = folder / "config.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    arguments = plain(arguments)
    resumed: list[dict] = []
    if path.exists():
        begun = read_yaml(path)
        check_same_run(folder, begun, arguments, dataset)
        changes = {
            name: {"before": begun["arguments"][name], "now": value}
            for name, value in arguments.items()
            if name in begun["arguments"] and begun["arguments"][name] != value
        }
        moment = datetime.now().isoformat(timespec="seconds")
        resumed = [*begun.get("resumed", []), {"date": moment, "changes": changes}]
    content = {
        "room": room,
        "date": datetime.now().isoformat(timespec="seconds"),
        "commit": commit(),
        "seed": arguments["seed"],
        "dataset": dataset,
        "model": model,
        "arguments": arguments,
        "packages": versions(),
    }
    if resumed:
        content["resumed"] = resumed
    path.write_text(
        yaml.safe_dump(plain(content), allow_unicode=True, sort_keys=False), encoding="utf-8"
    )


def check_same_run(folder: Path, begun: dict, arguments: dict, dataset: dict):
    """Refuse to resume a run on other data or with other arguments than it was begun with.

    Raises:
        InputError: names the first argument that differs, and both values.
    """
    before = begun["dataset"]["hash"]
    if before != dataset["hash"]:
        raise InputError(
            f"{folder}: this run was begun on other data (hash {before[:12]}, now "
            f"{dataset['hash'][:12]}); restore the data or pass --overwrite"
        )
    # Overrides of a spaCy config have dotted names; one that is not given is as the config says.
    dotted = {name for name in arguments if "." in name}
    for name in sorted(begun["arguments"].keys() | dotted):
        old = begun["arguments"].get(name)
        new = arguments.get(name, None if "." in name else old)
        grows = name in MAY_GROW and is_number(old) and is_number(new) and new >= old > 0
        if new != old and not grows and not may_change(name):
            raise InputError(
                f"--{name} {new}: this run was begun with {old}; resume it with the same, or pass "
                "--overwrite to train anew"
            )


def is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def may_change(name: str) -> bool:
    """Whether an argument may differ when a run is resumed: it changes nothing that is learnt."""
    return name in MAY_CHANGE or name.startswith(MAY_CHANGE_PREFIXES)


def read_config(run: Path, package: str | None = None) -> dict:
    """config.yaml of a finished run.

    Args:
        package: the one whose run it must be; None: any.

    Raises:
        InputError: the folder is not a finished run, was copied in part, or is of another package.
    """
    run = Path(run)
    if not (run / "config.yaml").exists() or not (run / "labels.json").exists():
        hint = ""
        if partial_folder(run).exists():
            hint = "; an unfinished run of it is there: continue it with --resume"
        raise InputError(
            f"{run}: not a finished run folder (no config.yaml and labels.json){hint}; check the "
            "path"
        )
    try:
        config = read_yaml(run / "config.yaml")
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise InputError(f"{run}/config.yaml: cannot be read ({error}); copy it again") from None
    sections = {"room", "dataset", "model", "arguments"}
    if not isinstance(config, dict) or not sections <= config.keys():
        raise InputError(f"{run}/config.yaml: not that of a run; copy the run folder again")
    if package and config["room"] != package:
        raise InputError(
            f"{run}: a run of {config['room']}; use {config['room']}/scripts/train/ for it"
        )
    return config


def read_labels(run: Path) -> list[str]:
    """labels.json: the class names in the order of the model's outputs."""
    path = Path(run) / "labels.json"
    try:
        labels = read_json(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); copy it again") from None
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise InputError(f"{path}: not a list of class names; copy the run folder again")
    return labels


def check_files(run: Path, *names: str):
    """Refuse a run that was copied in part.

    Args:
        names: the files it needs; a name with `*` stands for one or more.
    """
    for name in names:
        if not any(Path(run).glob(name)):
            raise InputError(f"{run}: {name} is missing; copy the run folder again")


def claim_evaluation(run: Path, split: str, dataset_hash: str, overwrite: bool) -> Path:
    """Where the evaluation of a split goes: `<RUN>/eval/<split>-<hash>`.

    Raises:
        InputError: it is there already, and may not be replaced.
    """
    folder = run / "eval" / f"{split}-{dataset_hash[:8]}"
    if folder.exists() and not overwrite:
        raise InputError(
            f"{folder}: this split was evaluated already; pass --overwrite to do it again"
        )
    return folder


def dataset_entry(info: dict, options: dict) -> dict:
    """What config.yaml records of the dataset."""
    keys = ("name", "version", "source", "hash", "rows", "derived")
    return {k: info[k] for k in keys if k in info} | {
        "classes": len(info["labels"]),
        "options": options,
    }


def versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """The commit of the suite's checkout, with `+` when files were changed; None outside a
    checkout.
    """
    try:
        head = git("rev-parse", "HEAD")
        changed = git("status", "--porcelain")
    except (OSError, subprocess.SubprocessError):
        return None
    return f"{head}+" if changed else head


def git(*words: str) -> str:
    """What git says of the suite's checkout."""
    # Without optional locks: `git status` would write the index anew, and leave its lock there when
    # it is stopped in the midst of it, by a full disk or with the training.
    command = ["git", "--no-optional-locks", *words]
    done = subprocess.run(
        command, cwd=REPO_ROOT, capture_output=True, text=True, check=True, timeout=10
    )
    return done.stdout.strip()


def plain(value):
    """The value with only what YAML and JSON know."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    return str(getattr(value, "value", value))


def write_json(path: Path, content):
    text = json.dumps(plain(content), ensure_ascii=False, indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path):
    return json.loads(Path(path).read_text(encoding="utf-8"))


def read_yaml(path: Path) -> dict:
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def remove_leftovers(folder: Path, keep_checkpoints: bool):
    """What only an unfinished run needs: the tokenizer's copy, and the checkpoints unless they are
    to be kept.
    """
    shutil.rmtree(folder / "tokenizer", ignore_errors=True)
    (folder / MARK).unlink(missing_ok=True)
    if not keep_checkpoints:
        for checkpoint in folder.glob("checkpoint-*"):
            shutil.rmtree(checkpoint)


def folder_bytes(folder: Path, pattern: str) -> int:
    """Size on disk of the files that match, in bytes."""
    return sum(os.path.getsize(path) for path in folder.glob(pattern))
