"""Finished runs and prediction tables of the same documents, aligned for a comparison."""

import json
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from utils import runs
from utils.errors import InputError
from utils.metrics import SUM_TOLERANCE
from utils.predictions import read_predictions

# What two trainings of one model may differ in: the seed, names, and what changes no result.
VOLATILE = (
    "seed",
    "data_seed",
    "output_dir",
    "run_name",
    "logging_dir",
    "resume",
    "overwrite",
    "keep_checkpoints",
    "disable_tqdm",
    "report_to",
    "dataset",
    "push_to_hub",
    "hub_",
    "logging_",
    "dataloader_num_workers",
    "resume_from_checkpoint",
    "project",
    "trackio_",
)
COSTS = {
    "train_seconds": "training, s",
    "ms_per_document": "prediction, ms a document",
    "megabytes": "size on disk, MB",
    "parameters": "parameters",
}


@dataclass(frozen=True, eq=False)
class Run:
    """The predictions of one run or file."""

    name: str
    model: str  # runs of one model are its seeds
    seed: int | None
    ids: list[str]
    labels: list[str | None]
    probabilities: np.ndarray | None  # (n, n_classes) float32; None once they are aligned
    class_names: list[str]
    costs: dict[str, float]
    parts: tuple[str, ...] = ()  # the runs that this one is a fusion of


@dataclass(frozen=True, eq=False)
class Aligned:
    """Runs over the same n documents, which are in the order of their true class."""

    ids: np.ndarray  # (n,)
    labels: np.ndarray  # (n,) codes of class_names, rising
    class_names: list[str]
    runs: list[Run]
    probabilities: list[np.ndarray]  # one (n, n_classes) a run
    notes: list[str]


def read_runs(paths, split: str) -> list[Run]:
    """Read run folders (or folders of them, as pipeline.py makes), evaluation folders and
    prediction files.

    Raises:
        InputError: a path is none of these, or has no predictions of the split.
    """
    found = []
    for path in map(Path, paths):
        if not path.exists():
            raise InputError(f"{path}: no such file or folder; check the path")
        if path.is_dir():
            found += [read_folder(folder, split) for folder in folders_of(path, split)]
        else:
            found.append(read_file(path))

    # A run given twice, or a copy of it, would count as a model's second seed.
    seen: dict = {}
    for run in found:
        marks: list = [Path(run.name).resolve()]
        if run.seed is not None:
            marks.append((run.model, run.seed))
        for mark in marks:
            if mark in seen:
                raise InputError(
                    f"{run.name}: the same run, or the same model and seed, as {seen[mark]}; name "
                    "it once"
                )
            seen[mark] = run.name
    return named_models(found)


def folders_of(path: Path, split: str) -> list[Path]:
    """The folder itself where it holds predictions, else its subfolders that do."""
    name = f"predictions_{split}.parquet"
    if (path / name).exists():
        return [path]
    inside = sorted(
        file.parent
        for file in path.glob(f"*/{name}")
        if file.parent.suffix not in (".partial", ".old")
    )
    if not inside:
        others = ", ".join(p.name for p in sorted(path.glob("predictions_*.parquet")))
        there = f" (only {others})" if others else ""
        raise InputError(
            f"{path}: no {name} in it{there}; give a finished run, a predictions file, or another "
            "--split"
        )
    return inside


def read_folder(folder: Path, split: str) -> Run:
    """A run folder, or the folder of an evaluation (which has no config.yaml)."""
    predictions = read_predictions(folder / f"predictions_{split}.parquet")
    results: dict = {}
    if (folder / "all_results.json").exists():
        results = runs.read_json(folder / "all_results.json")
    config = None
    if (folder / "config.yaml").exists():
        config = runs.read_yaml(folder / "config.yaml")
    costs = {
        "train_seconds": results.get("train_runtime"),
        "ms_per_document": results.get(f"{split}_ms_per_document"),
        "megabytes": results["model_bytes"] / 1e6 if "model_bytes" in results else None,
        "parameters": results.get("parameters"),
    }
    return Run(
        name=str(folder),
        model=model_key(config) if config else str(folder),
        seed=config["seed"] if config else None,
        ids=predictions.ids,
        labels=predictions.labels,
        probabilities=predictions.probabilities,
        class_names=predictions.class_names,
        costs={k: float(v) for k, v in costs.items() if v is not None},
    )


def read_file(path: Path) -> Run:
    """A predictions file alone: its model is the file."""
    table = read_predictions(path)
    return Run(
        name=str(path),
        model=str(path),
        seed=None,
        ids=table.ids,
        labels=table.labels,
        probabilities=table.probabilities,
        class_names=table.class_names,
        costs={},
    )


def model_key(config: dict) -> str:
    """What runs share that differ in their seed alone: package, model, data, settings, as JSON."""
    arguments = {k: v for k, v in config["arguments"].items() if not k.startswith(VOLATILE)}
    shared = {
        "room": config["room"],
        "model": config["model"]["name"],
        "data": config["dataset"]["hash"],
        "arguments": arguments,
    }
    return json.dumps(runs.plain(shared), sort_keys=True, ensure_ascii=False)


def named_models(found: list[Run]) -> list[Run]:
    """The runs with their models under short names, with the run's name where those are alike."""
    names: dict[str, tuple] = {}  # model: from the shortest name to the longest
    for run in found:
        # A finished run's model is the JSON of `model_key`, another's a path.
        if run.model.startswith("{"):
            model = Path(json.loads(run.model)["model"]).name
        else:
            model = Path(run.model).stem
        longer = (f"{model} ({Path(run.name).name})", f"{model} ({run.name})")
        names.setdefault(run.model, (model, *longer))
    taken = Counter(name for own in names.values() for name in own)
    short = {model: next(name for name in own if taken[name] == 1) for model, own in names.items()}
    return [replace(run, model=short[run.model]) for run in found]


def align(found: list[Run]) -> Aligned:
    """The runs over one order of documents and classes.

    Documents without a label are left out and counted.

    Raises:
        InputError: the runs are of different documents, disagree on a label, or no document has a
            label.
    """
    first = found[0]
    notes = []
    for run in found:
        if len(set(run.ids)) < len(run.ids):
            twice = pd.Series(run.ids).value_counts().index[0]
            raise InputError(
                f"{run.name}: id {twice!r} occurs more than once; write its predictions again"
            )
    known = dict(zip(first.ids, first.labels, strict=True))
    for run in found[1:]:
        check_same_documents(first, known, run)

    # The order of documents: by class, then by id.
    class_names = sorted(
        {name for run in found for name in run.class_names}
        | {label for label in first.labels if label is not None}
    )
    code = {name: c for c, name in enumerate(class_names)}
    labelled = sorted((code[label], i) for i, label in known.items() if label is not None)
    if not labelled:
        raise InputError(
            f"{first.name}: no document has a label, so nothing can be compared; give a labelled "
            "split"
        )
    if len(labelled) < len(known):
        notes.append(f"{len(known) - len(labelled)} documents without a label are left out")
    labels = np.array([c for c, _ in labelled])
    ids = np.array([i for _, i in labelled], dtype=object)

    # One copy of each run's probabilities is enough: they may fill the memory.
    probabilities = []
    for place, run in enumerate(found):
        probabilities.append(aligned_probabilities(run, ids, code))
        found[place] = replace(run, probabilities=None)
    return Aligned(ids, labels, class_names, found, probabilities, notes)


def check_same_documents(first: Run, known: dict, run: Run):
    """Refuse a run of other documents or other labels."""
    only_first, only_run = known.keys() - set(run.ids), set(run.ids) - known.keys()
    if only_first or only_run:
        raise InputError(
            f"{first.name} and {run.name} are of different documents: {len(only_first)} only in "
            f"the first {example(only_first)}, {len(only_run)} only in the second "
            f"{example(only_run)}, "
            f"{len(known) - len(only_first)} in both; compare runs on the same split"
        )
    other = [i for i, label in zip(run.ids, run.labels, strict=True) if known[i] != label]
    if other:
        label = dict(zip(run.ids, run.labels, strict=True))[other[0]]
        raise InputError(
            f"{first.name} and {run.name} disagree on the labels of {len(other)} documents: "
            f"{other[0]!r} is {known[other[0]]!r} in the first, {label!r} in the second; compare "
            "runs of one dataset"
        )


def example(ids: set) -> str:
    return f"(such as {min(ids)!r})" if ids else ""


def aligned_probabilities(run: Run, ids: np.ndarray, code: dict[str, int]) -> np.ndarray:
    """Probabilities (n, n_classes) float32 in the common order; a class unknown to the run has 0.

    Raises:
        InputError: a document's probabilities are no distribution.
    """
    own = run.probabilities
    assert own is not None  # set to None only once they are aligned
    sums = own.sum(axis=1, dtype=np.float32)
    wrong = np.flatnonzero((np.abs(sums - 1) > SUM_TOLERANCE) | (own.min(axis=1) < 0))
    if wrong.size:
        raise InputError(
            f"{run.name}: the probabilities of {run.ids[wrong[0]]!r} are below 0 or sum to "
            f"{sums[wrong[0]]:g}, not 1 ({wrong.size} such documents); write probabilities, not "
            "logits"
        )
    place = {i: row for row, i in enumerate(run.ids)}
    rows = np.fromiter((place[i] for i in ids), int, len(ids))
    columns = [code[name] for name in run.class_names]
    if columns == list(range(len(code))):
        return own[rows]
    probabilities = np.zeros((len(ids), len(code)), np.float32)
    probabilities[:, columns] = own[rows]
    return probabilities
