"""One flow for every room: prepare, preprocess, train, evaluate, predict, summarise.

A step is skipped when its output is there and was made from the same inputs.
"""

import functools
import hashlib
import json
import logging
import math
import os
import shutil
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import yaml

from utils import prepare_dataset
from utils.cli import as_words
from utils.data import DataOptions
from utils.errors import InputError, hold_until_main_ends
from utils.figures import save_figure, seeds_figure
from utils.folders import files_below, locked_folder
from utils.runs.folder import default_output_dir, plain, read_json, write_json

logger = logging.getLogger(__name__)

HEADLINE = (
    "macro_f1",
    "accuracy",
    "balanced_accuracy",
    "weighted_f1",
    "top_3_accuracy",
    "log_loss",
    "ece",
)


@dataclass
class PipelineArguments:
    """How many trainings."""

    seeds: int = field(
        default=1, metadata={"help": "trainings with seeds seed, seed + 1, … on the same splits"}
    )
    folds: int = field(
        default=0, metadata={"help": "cross-validation: one training a fold, all rows pooled"}
    )

    def __post_init__(self):
        if self.seeds < 1 or self.folds == 1 or self.folds < 0 or (self.folds and self.seeds > 1):
            raise ValueError(
                f"--seeds {self.seeds} --folds {self.folds}: one or more seeds, or two or more "
                "folds"
            )


@dataclass
class Scripts:
    """The `main`s of a room's scripts; each takes the words of a command line."""

    train: Callable
    evaluate: Callable
    predict: Callable
    preprocess: Callable | None = None  # fills a cache, so that no training waits for it


def claim_pipeline(output_dir: str | None, package: str, dataset: str) -> Path:
    """The folder that a pipeline works in, locked until the command ends.

    Raises:
        InputError: several ranks were launched, or another process works there.
    """
    check_single_process()
    folder = Path(output_dir) if output_dir else default_output_dir(package, dataset)
    hold_until_main_ends(locked_folder(folder, "pipeline"))
    return folder


def run_pipeline(
    folder: Path,
    scripts: Scripts,
    *,
    source: str,
    options: dict,
    training: list[str],
    settings: dict,
    seed: int,
    plan: PipelineArguments,
    overwrite: bool,
) -> dict:
    """Run all steps into `folder`; returns the summary.

    Args:
        source: the dataset, as the user named it. options: how it is read (`DataOptions`).
        training: the words that train.py gets, but for dataset, seed and output folder.
        settings: what these words say, to tell whether it changed.
        seed: of the first training. overwrite: whether what other inputs made may be replaced.

    Raises:
        InputError: a step's output is there, was made from other inputs, and may not be replaced.
    """
    data = folder / "data"

    # Prepare: the same splits for every seed, or one dataset a fold.
    prepare(folder, data, source, options, plan.folds, overwrite)
    if plan.folds:
        jobs = {f"fold_{i}": (data / f"fold_{i}", seed) for i in range(1, plan.folds + 1)}
        how = f"{plan.folds} folds, seed {seed}"
    else:
        seeds = range(seed, seed + plan.seeds)
        jobs = {f"seed_{s}": (data, s) for s in seeds}
        how = f"seeds {', '.join(map(str, seeds))}"

    # Preprocess: fill the caches.
    if scripts.preprocess:
        for dataset in dict.fromkeys(dataset for dataset, _ in jobs.values()):
            scripts.preprocess([*training, "--dataset", str(dataset)])

    # Train and evaluate: one run folder a job; the evaluation reloads what was saved.
    settings = settings | {"files": files_named_by(settings)}
    for name, (dataset, job_seed) in jobs.items():
        inputs = {"dataset": prepared_hash(dataset), "seed": job_seed, "settings": settings}
        train_and_evaluate(folder, name, scripts, dataset, training, inputs, overwrite)

    # Predict: the rows without a label, with the first run.
    first, (dataset, job_seed) = next(iter(jobs.items()))
    inputs = {"dataset": prepared_hash(dataset), "seed": job_seed, "settings": settings}
    predict_unlabelled(folder, first, scripts, dataset, inputs)

    # Summarise.
    summary = summarise([folder / name for name in jobs], folder, how)
    print((folder / "summary.md").read_text(encoding="utf-8"))
    return summary


def prepare(folder: Path, data: Path, source: str, options: dict, folds: int, overwrite: bool):
    """The dataset as a prepared folder, or one folder a fold."""
    inputs = {"source": fingerprint(source), "options": options, "folds": folds}
    flags = as_words({name: value for name, value in options.items() if value != []})
    if folds:
        flags += ["--folds", str(folds)]
    flags += ["--output", str(data), "--overwrite", str(overwrite)]
    action = functools.partial(prepare_dataset.main, [source, *flags])
    if step("prepare", folder, inputs, data, action, overwrite):
        remove_folds(folder, folds)


def train_and_evaluate(
    folder: Path,
    name: str,
    scripts: Scripts,
    dataset: Path,
    training: list[str],
    inputs: dict,
    overwrite: bool,
):
    """One run folder, and what eval.py finds of its test split."""
    run = folder / name
    words = ["--dataset", str(dataset), "--output_dir", str(run), "--seed", str(inputs["seed"])]
    train = functools.partial(scripts.train, [*training, *words])
    step(f"train_{name}", folder, inputs, run, train, overwrite)
    evaluation = run / "eval" / f"test-{inputs['dataset'][:8]}"
    words = [str(run), "--dataset", str(dataset), "--overwrite"]
    evaluate = functools.partial(scripts.evaluate, words)
    step(f"eval_{name}", folder, inputs, evaluation, evaluate, True)


def predict_unlabelled(folder: Path, name: str, scripts: Scripts, dataset: Path, inputs: dict):
    """The predictions of a run for the rows without a label; earlier ones go with their rows."""
    unlabelled = dataset / "unlabelled.parquet"
    output = folder / "predictions_unlabelled.parquet"
    if unlabelled.exists():
        # The dataset's hash is that of its labelled rows alone.
        digest = hashlib.sha256(unlabelled.read_bytes()).hexdigest()
        words = ["--input", str(unlabelled), "--output", str(output), "--overwrite"]
        predict = functools.partial(scripts.predict, [str(folder / name), *words])
        step("predict", folder, inputs | {"unlabelled": digest}, output, predict, True)
    elif (folder / "steps" / "predict.json").exists():
        output.unlink(missing_ok=True)
        (folder / "steps" / "predict.json").unlink()


def training_words(folder: Path, explicit_args: dict, options: DataOptions) -> tuple[list, dict]:
    """The command line of train.py within a pipeline, and what it says.

    Everything that the user set, in a YAML file or by flags, goes into one YAML file of the
    pipeline: naming it keeps the room's default YAML out, as the user's own YAML does. How the
    source is read was said to prepare; dataset, seed and folder are each training's own.
    """
    own = {"seeds", "folds", "output_dir", "seed", "dataset", *asdict(options)}
    passed = {name: value for name, value in explicit_args.items() if name not in own}
    file = folder / "steps" / "train.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(plain(passed), allow_unicode=True, sort_keys=False)
    file.write_text(text, encoding="utf-8")
    settings = {name: passed[name] for name in passed if name not in ("resume", "overwrite")}
    return [str(file)], settings


def check_single_process():
    """Refuse several ranks: the pipeline's steps run one after the other in one process."""
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise InputError(
            "pipeline.py runs in one process; on several devices launch train.py, once a seed"
        )


def fingerprint(source: str) -> list:
    """What shows whether a source changed: name, size and time of each of its files; the name alone
    for a Hub id.
    """
    path = Path(source)
    files: list[Path] = []
    if path.is_file():
        files = [path]
    elif path.is_dir():
        files = [file for file in files_below(path) if file.is_file()]  # no broken links
    return [source, [[str(f), f.stat().st_size, f.stat().st_mtime_ns] for f in files]]


def files_named_by(settings: dict) -> dict:
    """The fingerprints of the local files and folders that settings name: an encoder, vectors."""
    named = {name: value for name, value in settings.items() if isinstance(value, str) and value}
    return {name: fingerprint(value) for name, value in named.items() if is_there(value)}


def is_there(value: str) -> bool:
    """Whether a value is the path of something; what no path can be is not."""
    try:
        return Path(value).exists()
    except (OSError, ValueError):
        return False


def prepared_hash(dataset: Path) -> str:
    """The content hash that a prepared folder records."""
    return read_json(dataset / "dataset.json")["hash"]


def remove_folds(folder: Path, folds: int):
    """Remove the runs of a pipeline of more folds: their data are no longer there.

    Only what this pipeline has made goes, as its steps record.
    """
    for stamp in (folder / "steps").glob("train_fold_*.json"):
        number = int(stamp.stem.rsplit("_", 1)[1])
        run = folder / f"fold_{number}"
        if number > folds and (run / "config.yaml").exists():
            logger.info(f"{run}: removed, a fold of an earlier cut")
            shutil.rmtree(run)
        if number > folds:
            stamp.unlink()
            (folder / "steps" / f"eval_fold_{number}.json").unlink(missing_ok=True)


def step(name: str, folder: Path, inputs: dict, output: Path, action, overwrite: bool) -> bool:
    """Run `action()` unless `output` is there and was made from the same `inputs`; returns whether
    it ran.

    Raises:
        InputError: `output` is there but was made from other inputs, and may not be replaced.
    """
    stamp = folder / "steps" / f"{name}.json"
    inputs = json.loads(json.dumps(plain(inputs)))
    before = read_json(stamp) if stamp.exists() else None
    if output.exists() and before == inputs:
        logger.info(f"{name}: unchanged, skipped")
        return False
    if output.exists() and not overwrite:
        changed = [k for k in inputs if before is None or before.get(k) != inputs[k]]
        raise InputError(
            f"{output}: made with another {', '.join(changed)}; pass --overwrite to make it again "
            "or choose another --output_dir"
        )
    logger.info(f"{name}: running")
    stamp.unlink(missing_ok=True)  # what an interrupted step leaves is not taken for its output
    action()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    write_json(stamp, inputs)
    return True


def summarise(runs: list[Path], folder: Path, how: str) -> dict:
    """Mean and sd (n − 1) of the runs' metrics: all_results.json, summary.md and figures/seeds.png
    in `folder`.
    """
    results = [read_json(run / "all_results.json") for run in runs]
    keys = [
        k
        for k, v in results[0].items()
        if isinstance(v, (int, float)) and all(k in r for r in results)
    ]
    summary: dict[str, Any] = {"n": len(runs), "how": how, "runs": [str(run) for run in runs]}
    for key in keys:
        values = [r[key] for r in results]
        summary[f"{key}_mean"] = statistics.fmean(values)
        summary[f"{key}_sd"] = statistics.stdev(values) if len(values) > 1 else None
    write_json(folder / "all_results.json", summary)
    (folder / "figures").mkdir(exist_ok=True)
    shown = {f"test {m}": [r[f"test_{m}"] for r in results] for m in HEADLINE[:4]}
    save_figure(seeds_figure(shown), folder / "figures" / "seeds.png")
    (folder / "summary.md").write_text(summary_markdown(summary, results), encoding="utf-8")
    return summary


def summary_markdown(summary: dict, results: list[dict]) -> str:
    """One row a run, then mean ± sd."""
    columns = [f"{split}_{m}" for split in ("validation", "test") for m in HEADLINE[:3]]
    lines = [
        f"# {summary['n']} runs: {summary['how']}\n",
        "| run | " + " | ".join(columns) + " |",
        "|" + " --- |" * (len(columns) + 1),
    ]
    for run, result in zip(summary["runs"], results, strict=True):
        lines.append(
            f"| {Path(run).name} | " + " | ".join(f"{result[c]:.4f}" for c in columns) + " |"
        )
    cells = [mean_sd(summary[f"{c}_mean"], summary[f"{c}_sd"]) for c in columns]
    lines.append("| **mean ± sd** | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def mean_sd(mean: float, sd: float | None) -> str:
    return f"{mean:.4f}" if sd is None or math.isnan(sd) else f"{mean:.4f} ± {sd:.4f}"
