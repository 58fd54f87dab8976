"""Steps that are skipped when nothing changed, and the summary of several runs: mean ± sd."""

import json
import logging
import math
import os
import statistics
from dataclasses import dataclass, field
from pathlib import Path

from utils.errors import InputError
from utils.figures import save_figure, seeds_figure
from utils.runs.folder import plain, read_json, write_json

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
                f"--seeds {self.seeds} --folds {self.folds}: one or more seeds, or two or more folds"
            )


def check_single_process():
    """Refuse several ranks: the pipeline's steps run one after the other in one process."""
    if int(os.environ.get("WORLD_SIZE", 1)) > 1:
        raise InputError(
            "pipeline.py runs in one process; on several devices launch train.py, once a seed"
        )


def fingerprint(source: str) -> list:
    """What tells whether a source changed: name, size and time of each of its files; the name alone
    for a Hub id.
    """
    path = Path(source)
    files = (
        [path]
        if path.is_file()
        else sorted(p for p in path.rglob("*") if p.is_file())
        if path.is_dir()
        else []
    )
    return [source, [[str(f), f.stat().st_size, f.stat().st_mtime_ns] for f in files]]


def prepared_hash(dataset: Path) -> str:
    """The content hash that a prepared folder records."""
    return read_json(dataset / "dataset.json")["hash"]


def step(name: str, folder: Path, inputs: dict, output: Path, action, overwrite: bool):
    """Run `action()` unless `output` is there and was made from the same `inputs`.

    Raises:
        InputError: `output` is there but was made from other inputs, and `overwrite` was not said.
    """
    stamp = folder / "steps" / f"{name}.json"
    inputs = json.loads(json.dumps(plain(inputs)))
    before = read_json(stamp) if stamp.exists() else None
    if output.exists() and before == inputs:
        logger.info(f"{name}: unchanged, skipped")
        return
    if output.exists() and not overwrite:
        changed = [k for k in inputs if before is None or before.get(k) != inputs[k]]
        raise InputError(
            f"{output}: made with another {', '.join(changed)}; say --overwrite to make it again or "
            "choose another --output_dir"
        )
    logger.info(f"{name}: running")
    action()
    stamp.parent.mkdir(parents=True, exist_ok=True)
    write_json(stamp, inputs)


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
    summary = {"n": len(runs), "how": how, "runs": [str(run) for run in runs]}
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
