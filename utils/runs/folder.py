"""The run folder: where a run works, what it holds when finished, and that it appears whole or not
at all.

A run works in `<output_dir>.partial` (checkpoints, then the final files) and is renamed to
`<output_dir>` at the end.
"""

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

from utils.errors import InputError
from utils.folders import partial_folder
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
REPO_ROOT = Path(__file__).resolve().parents[2]


def default_output_dir(room: str, dataset: str) -> Path:
    """`runs/<room>/<dataset>/<date-time>`."""
    return Path("runs") / room / dataset_name(dataset) / datetime.now().strftime("%Y-%m-%d-%H%M%S")


def claim_output_dir(output_dir: Path, resume: bool, overwrite: bool) -> bool:
    """Make room for a run; returns False when there is nothing left to do (a finished run is asked
    to resume).

    Raises:
        InputError: the folder is occupied, or an unfinished run is there, and neither flag was
            given.
    """
    partial = partial_folder(output_dir)
    occupied = output_dir.exists() and (not output_dir.is_dir() or any(output_dir.iterdir()))
    if occupied and resume and (output_dir / "all_results.json").exists():
        logger.info(f"{output_dir}: already finished, nothing to resume")
        return False
    if occupied and not overwrite:
        raise InputError(
            f"{output_dir}: already there; say --overwrite to replace it or choose another --output_dir"
        )
    if occupied and not (output_dir / "config.yaml").exists():
        raise InputError(
            f"{output_dir}: holds no run, so it is not overwritten; choose another --output_dir"
        )
    if partial.exists() and not resume:
        saved = [*partial.glob("checkpoint-*"), *partial.glob("model-*/")]  # the Trainer's, spaCy's
        if saved and not overwrite:
            raise InputError(
                f"{partial}: an unfinished run is there; say --resume to go on or --overwrite"
            )
        shutil.rmtree(partial)
    return True


def write_config(folder: Path, *, room: str, arguments: dict, dataset: dict, model: dict):
    """Write config.yaml: everything that was resolved, and what it ran on.

    Raises:
        InputError: the folder's unfinished run was of another dataset.
    """
    path = folder / "config.yaml"
    folder.mkdir(parents=True, exist_ok=True)
    if path.exists():
        begun = read_yaml(path)
        if begun["dataset"]["hash"] != dataset["hash"]:
            raise InputError(
                f"{folder}: this run was begun on other data (hash {begun['dataset']['hash'][:12]}, now "
                f"{dataset['hash'][:12]}); restore the data or say --overwrite"
            )
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
    path.write_text(
        yaml.safe_dump(plain(content), allow_unicode=True, sort_keys=False), encoding="utf-8"
    )


def read_config(run: Path) -> dict:
    """config.yaml of a finished run.

    Raises:
        InputError: the folder is not a finished run.
    """
    run = Path(run)
    if not (run / "config.yaml").exists() or not (run / "labels.json").exists():
        hint = (
            "; an unfinished run of it is there: --resume it"
            if partial_folder(run).exists()
            else ""
        )
        raise InputError(
            f"{run}: not a finished run folder (no config.yaml and labels.json){hint}; check the path"
        )
    return read_yaml(run / "config.yaml")


def read_labels(run: Path) -> list[str]:
    """labels.json: the class names in the order of the model's outputs."""
    return read_json(Path(run) / "labels.json")


def claim_evaluation(folder: Path, overwrite: bool):
    """Refuse an evaluation that is already there, unless it may be replaced."""
    if folder.exists() and not overwrite:
        raise InputError(
            f"{folder}: this split was evaluated already; say --overwrite to do it again"
        )


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
        run = {"cwd": REPO_ROOT, "capture_output": True, "text": True, "check": True, "timeout": 10}
        head = subprocess.run(["git", "rev-parse", "HEAD"], **run).stdout.strip()
        return head + (
            "+" if subprocess.run(["git", "status", "--porcelain"], **run).stdout.strip() else ""
        )
    except (OSError, subprocess.SubprocessError):
        return None


def plain(value):
    """The value with only what YAML and JSON know."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    if (
        value is None
        or isinstance(value, (bool, int, float, str))
        and type(value) in (bool, int, float, str)
    ):
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
    for checkpoint in [] if keep_checkpoints else folder.glob("checkpoint-*"):
        shutil.rmtree(checkpoint)


def folder_bytes(folder: Path, pattern: str) -> int:
    """Size on disk of the files that match, in bytes."""
    return sum(os.path.getsize(path) for path in folder.glob(pattern))
