"""What a search found: which trial is chosen, the table of all trials, and the figures."""

from pathlib import Path

import pandas as pd

from utils.figures import save_figure
from utils.search.figures import parameters_figure, trials_figure
from utils.search.space import text_of
from utils.tables import markdown_table, write_csv

CLOSE = 1e-9  # two scores this near are equal: 0.80 - 0.78 is a little more than 0.02


def near_best(rows: list[dict], max_gap: float | None, greater: bool) -> list[dict]:
    """The trials whose score is at most `max_gap` (none: nothing) from the best."""
    scores = [row["score"] if greater else -row["score"] for row in rows]
    best = max(scores, default=0.0)
    distance = (max_gap or 0) + CLOSE
    return [row for row, score in zip(rows, scores, strict=True) if best - score <= distance]


def choose(rows: list[dict], max_gap: float | None, greater: bool) -> dict:
    """The trial with the smallest gap among those near the best score; of equals the better, then
    the first.
    """

    def order(row: dict):
        return gap_of(row), -row["score"] if greater else row["score"], row["number"]

    return min(near_best(rows, max_gap, greater), key=order)


def choosable(rows: list[dict], max_gap: float | None, greater: bool) -> list[dict]:
    """The trials that may still be chosen, now or when a better one moves the bound: no other is
    both better and of a smaller gap.
    """
    found: list[dict] = []
    smallest = float("inf")
    for row in sorted(near_best(rows, max_gap, greater), key=rank(greater)):
        if not found or gap_of(row) < smallest:
            found.append(row)
            smallest = gap_of(row)
    return found


def gap_of(row: dict) -> float:
    """The gap of a trial, as one to sort by: an unknown one is the worst."""
    return float("inf") if row["gap"] is None else row["gap"]


def rank(greater: bool):
    """The order of a table, best first, as a sort key."""

    def key(row):
        return -row["score"] if greater else row["score"], gap_of(row), row["number"]

    return key


def write_report(
    folder: Path, rows: list[dict], chosen: dict, inputs: dict, max_gap: float | None, greater: bool
):
    """Write trials.csv, summary.md, figures/trials.png and figures/parameters.png."""
    complete = sorted((row for row in rows if "reason" not in row), key=rank(greater))
    failed = [row for row in rows if "reason" in row]
    table = pd.DataFrame([csv_line(row, chosen) for row in [*complete, *failed]])
    write_csv(table, folder / "trials.csv")

    metric = inputs["metric"]
    how = how_chosen(complete, chosen, metric, max_gap, greater)
    text = summary(complete, failed, chosen, inputs, how)
    (folder / "summary.md").write_text(text, encoding="utf-8")

    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    save_figure(trials_figure(complete, chosen, metric, max_gap, greater), figures / "trials.png")
    save_figure(
        parameters_figure(complete, chosen, inputs["space"], metric), figures / "parameters.png"
    )


def csv_line(row: dict, chosen: dict) -> dict:
    """One line of trials.csv."""
    columns = ("score", "gap", "train_loss", "eval_loss", "epoch", "seconds", "reason")
    return {
        "trial": row["number"],
        "chosen": row is chosen,
        **row["parameters"],
        **{name: row.get(name) for name in columns},
        "folder": row["name"],
    }


def how_chosen(
    rows: list[dict], chosen: dict, metric: str, max_gap: float | None, greater: bool
) -> str:
    """Why this trial was chosen, in words; `rows` are sorted, the best first."""
    if max_gap is None:
        return f"the best {metric}"
    n_near = len(near_best(rows, max_gap, greater))
    return (
        f"the smallest gap between validation and train loss ({cell(chosen['gap'])}) among the "
        f"{n_near} trials whose {metric} is at most {max_gap:g} from the best "
        f"({rows[0]['score']:.4f})"
    )


def summary(complete: list[dict], failed: list[dict], chosen: dict, inputs: dict, how: str) -> str:
    """summary.md: every run by its score, the chosen one in bold."""
    names = list(inputs["space"])
    metric = inputs["metric"]
    header = ["trial", *names, metric, "gap", "epoch", "seconds"]
    parts = [
        f"# {len(complete)} trials by {metric} on validation\n",
        markdown_table(header, [table_line(row, names, row is chosen) for row in complete]),
        f"Chosen (bold, copied to `best`): {how}.\n",
        "Score, losses and gap (validation − train loss) are those of each run's best "
        "evaluation.\n",
    ]
    if failed:
        rows = [
            [row["number"], *(shown(row["parameters"][name]) for name in names), row["reason"]]
            for row in failed
        ]
        parts += [f"## {len(failed)} failed\n", markdown_table(["trial", *names, "reason"], rows)]
    settings = "".join(f" --{name} {text_of(value)}" for name, value in inputs["settings"].items())
    parts.append(
        f"Dataset {inputs['dataset'][:12]}. Every trial was given:{settings or ' nothing else'}.\n"
    )
    return "\n".join(parts)


def table_line(row: dict, names: list[str], bold: bool) -> list[str]:
    """A trial as the cells of its line in summary.md."""
    seconds = row["seconds"]
    cells = [
        str(row["number"]),
        *(shown(row["parameters"][name]) for name in names),
        cell(row["score"]),
        cell(row["gap"]),
        f"{row['epoch']:g}",
        "" if seconds is None else f"{seconds:.0f}",
    ]
    return [f"**{text}**" if bold and text else text for text in cells]


def shown(value) -> str:
    """A parameter's value, short."""
    return f"{value:.6g}" if isinstance(value, float) else text_of(value)


def cell(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
