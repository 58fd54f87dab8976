"""Compare finished runs, or prediction files, on the same documents: which is best, and is the
difference real?

    python -m wf_metrics.compare runs/temas_beto runs/temas_rnn predicciones.parquet --split test
    python -m wf_metrics.compare runs/temas_3 runs/otro --output runs/wf_metrics/informe
    python -m wf_metrics.compare runs/textos runs/paginas --fuse runs/textos runs/paginas

Runs that differ in their seed alone are one model, with mean and standard deviation; a folder of
run folders (as pipeline.py makes) stands for all of them. Ids and labels of the split must be the
same. --fuse adds the fusion of two runs, such as a text and an image model, as a row:
log-probabilities weighted as is best on validation. Writes compare.md, compare.json, report.html,
disagreements.csv, label_errors.csv and figures/ to --output (default
runs/wf_metrics/compare/<date-time>).
"""

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from utils import runs
from utils.cli import parse, start_logging
from utils.errors import InputError, exits_on_input_error
from utils.figures import save_figure
from utils.folders import claim_report, whole_folder
from utils.tables import CONTROLS, markdown_table, write_csv
from wf_metrics.comparison import METRICS, compare, disagreements, likely_label_errors, opinions
from wf_metrics.figures import METRIC_TITLES, cost_figure, leaderboard_figure
from wf_metrics.fusion import fused_run
from wf_metrics.intervals import SAMPLES
from wf_metrics.paired_predictions import COSTS, align, read_runs
from wf_metrics.report import write_comparison_report


@dataclass
class CompareArguments:
    """How to compare."""

    split: str = field(
        default="test", metadata={"help": "whose predictions: test, validation or train"}
    )
    samples: int = field(default=SAMPLES, metadata={"help": "bootstrap samples"})
    seed: int = field(default=0, metadata={"help": "seed of the bootstrap"})
    fuse: list[str] = field(
        default_factory=list, metadata={"help": "two runs whose fusion is one more row"}
    )
    confident: float = field(
        default=0.9, metadata={"help": "confidence from which agreement against a label counts"}
    )
    output: str | None = field(default=None, metadata={"help": "folder to write"})
    overwrite: bool = field(default=False, metadata={"help": "replace a comparison that is there"})


@exits_on_input_error
def main(argv=None) -> Path:
    """Compare; returns the folder that was written."""
    # Arguments.
    args, words = parse(CompareArguments, argv, doc=__doc__, positional=["runs+"])
    start_logging()
    check(args)
    default = Path("runs/wf_metrics/compare") / datetime.now().strftime("%Y-%m-%d-%H%M%S")
    folder = Path(args.output or default)
    claim_report(folder, "compare.json", args.overwrite)

    # Runs.
    found = read_runs(words["runs"], args.split)
    if len(found) < 2:
        raise InputError(f"{found[0].name}: a single run; give at least two to compare")
    fusion = None
    if args.fuse:
        fused, fusion = fused_run(args.fuse, args.split)
        found.append(fused)
    aligned = align(found)

    # Compare.
    notes = aligned.notes + ([fusion_sentence(fusion)] if fusion else [])
    comparison = compare(aligned, args.samples, args.seed) | {
        "split": args.split,
        "notes": notes,
        "fusion": fusion,
    }
    answers = opinions(aligned)
    different = disagreements(aligned, *answers)
    doubtful = likely_label_errors(aligned, *answers, args.confident)
    text = markdown(comparison, different, doubtful, args.confident)

    # Save, and say it.
    with whole_folder(folder) as partial:
        runs.write_json(partial / "compare.json", comparison)
        (partial / "compare.md").write_text(text, encoding="utf-8")
        write_csv(different, partial / "disagreements.csv")
        write_csv(doubtful, partial / "label_errors.csv")
        figures = partial / "figures"
        figures.mkdir()
        rows = [*comparison["models"], comparison["ensemble"]]
        save_figure(leaderboard_figure(rows, "macro_f1"), figures / "leaderboard.png")
        save_figure(cost_figure(comparison["models"], "macro_f1", COSTS), figures / "costs.png")
        write_comparison_report(
            partial,
            comparison,
            different,
            doubtful,
            args.confident,
            leaderboard(comparison),
            tests(comparison),
        )
    print(text)
    print(f"{folder}: best {comparison['best']}; see {folder / 'report.html'}")
    return folder


def check(args: CompareArguments):
    """Refuse values that no flag takes."""
    if not 100 <= args.samples <= 100_000:
        raise InputError(f"--samples {args.samples}: give at least 100 and at most 100000")
    if args.seed < 0:
        raise InputError(f"--seed {args.seed}: give 0 or more")
    if not 0 <= args.confident <= 1:
        raise InputError(f"--confident {args.confident:g}: give a number from 0 to 1")


def markdown(comparison: dict, different, doubtful, confident: float) -> str:
    """compare.md."""
    header, rows = leaderboard(comparison)
    parts = [
        f"# {len(comparison['models'])} models on {comparison['documents']} documents of "
        f"{comparison['split']}\n",
        *(f"{note}.\n" for note in comparison["notes"]),
        f"{comparison['classes']} classes. In brackets: 95 % of a paired bootstrap within each "
        f"class, {comparison['samples']} samples, seed {comparison['seed']}; ± is the standard "
        "deviation over seeds.\n",
        markdown_table(header, rows),
        "## Is the difference real?\n",
        *(f"**Caution:** {warning.translate(CONTROLS)}.\n" for warning in comparison["warnings"]),
        "\n".join(f"- {row['verdict']}." for row in comparison["comparisons"]) + "\n",
        markdown_table(*tests(comparison)),
        "p-values after Holm's correction; the intervals are not corrected. McNemar's test takes "
        "the first run of each model. All of it is about other documents, not other seeds.\n",
        "## Where they disagree\n",
        f"{len(different)} documents of {comparison['documents']}, the most confident "
        f"contradictions first in disagreements.csv. {len(doubtful)} documents that every model "
        f"puts, with at least {confident:g} confidence, into the same class against the label are "
        "in label_errors.csv.\n",
        "![macro-F1](figures/leaderboard.png)\n",
        "![costs](figures/costs.png)\n",
    ]
    return "\n".join(parts)


def fusion_sentence(fusion: dict) -> str:
    """How two runs became one more row."""
    losses, weights = fusion["validation_log_loss"], fusion["weights"]
    parts = " and ".join(
        f"{weight:.3g} for {model}" for model, weight in zip(fusion["models"], weights, strict=True)
    )
    chosen = losses[f"{weights[0]:.3f}"]
    return (
        f"The fusion weighs log-probabilities with {parts}, which gives the lowest log loss on "
        f"{fusion['documents']} validation documents: {chosen:.3f}, against "
        f"{losses['1.000']:.3f} and {losses['0.000']:.3f} alone. It is no part of the ensemble and "
        "of the tables of disagreements"
    )


def leaderboard(comparison: dict) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the leaderboard, the ensemble last."""
    costs = [cost for cost in COSTS if any(row[cost] is not None for row in comparison["models"])]
    header = [
        "model",
        "runs",
        *(METRIC_TITLES[metric] for metric in METRICS),
        *(COSTS[cost] for cost in costs),
    ]
    rows = []
    for row in [*comparison["models"], comparison["ensemble"]]:
        cells = [score_cell(row, metric) for metric in METRICS]
        runs_shown = len(row["runs"]) or ""
        rows.append([row["model"], runs_shown, *cells, *(cost_cell(row[cost]) for cost in costs)])
    return header, rows


def score_cell(row: dict, metric: str) -> str:
    low, high = row["intervals"][metric]
    sd = f" ± {row['sd'][metric]:.3f}" if row["sd"] else ""
    return f"{row[metric]:.3f}{sd} ({low:.3f}–{high:.3f})"


def cost_cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def tests(comparison: dict) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the paired tests against the best model."""
    header = [
        "best against",
        "difference of macro-F1",
        "95 % interval",
        "p bootstrap",
        "only best right",
        "only other right",
        "p McNemar",
        "how",
    ]
    rows = [
        [
            row["other"],
            f"{row['difference']:+.4f}",
            "{:+.4f} to {:+.4f}".format(*row["interval"]),
            f"{row['p_bootstrap_holm']:.4f}",
            row["only_best_right"],
            row["only_other_right"],
            f"{row['p_mcnemar_holm']:.4f}",
            row["mcnemar"],
        ]
        for row in comparison["comparisons"]
    ]
    return header, rows


if __name__ == "__main__":
    main()
