"""docs/RESULTS.md is what the committed json gives, the json is whole, and the pages' links lead
somewhere.
"""

import re
import statistics

import pytest

from benchmarks import results_page
from benchmarks.results_page import PAGE, REPO_ROOT, aligned_table, read_tasks, score_text

MARKDOWN_PAGES = sorted(
    [*REPO_ROOT.glob("*.md"), *REPO_ROOT.glob("[a-z]*/*.md"), *REPO_ROOT.glob("docs/log/*.md")]
)
SCORES = [
    pytest.param(score, id=f"{task['dataset']}-{number}")
    for task in read_tasks()
    for number, score in enumerate(task["scores"])
]


def test_the_committed_page_is_what_the_committed_json_gives():
    assert PAGE.read_text(encoding="utf-8") == results_page.results_page(), (
        "run python -m benchmarks.results_page"
    )


def test_readme_has_the_table_of_the_results_page():
    readme = (REPO_ROOT / "README.md").read_text(encoding="utf-8")
    assert results_page.overview(read_tasks()) in readme


@pytest.mark.parametrize("score", SCORES)
def test_every_score_says_where_it_comes_from(score):
    assert (REPO_ROOT / "docs" / "log" / f"{score['log']}.md").is_file()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", score["date"])
    assert score.keys() >= {"model", "recipe", "command", "seeds", "n", "test"}
    if score["seeds"] is not None:
        assert len(score["seeds"]) == score["n"]


@pytest.mark.parametrize("score", SCORES)
def test_means_and_deviations_are_those_of_the_seeds(score):
    """Within what rounding to one digit leaves; n - 1 in the denominator."""
    for value in [*score["test"].values(), *score.get("validation", {}).values()]:
        if value["sd"] is not None:
            assert score["n"] > 1
        if "by_seed" in value:
            assert len(value["by_seed"]) == score["n"]
            assert value["mean"] == pytest.approx(statistics.mean(value["by_seed"]), abs=0.06)
            assert value["sd"] == pytest.approx(statistics.stdev(value["by_seed"]), abs=0.11)


@pytest.mark.parametrize("score", SCORES)
def test_every_figure_is_in_the_entry_that_the_score_names(score):
    """Seeds where they are known (the log may leave their mean to the reader), else mean and sd."""
    log = (REPO_ROOT / "docs" / "log" / f"{score['log']}.md").read_text(encoding="utf-8")
    figures = set(re.findall(r"\d+\.\d", log))
    for value in [*score["test"].values(), *score.get("validation", {}).values()]:
        stored = value.get("by_seed") or [value["mean"], value["sd"] or value["mean"]]
        assert {f"{figure:.1f}" for figure in stored} <= figures


def test_scores_of_one_figure_keep_their_digit_and_deviations_their_sign():
    assert score_text({"mean": 50.0, "sd": None}) == "50.0"
    assert score_text({"mean": 88.3, "sd": 4.1}) == "88.3 ± 4.1"
    assert score_text({"mean": 86.9, "sd": None, "interval": [80.6, 91.8]}) == "86.9 (80.6–91.8)"
    assert score_text(None) == ""


def test_columns_stand_below_each_other():
    table = aligned_table(["way", "seconds"], [["suite", "1"], ["", "1,234.5"]])
    assert len({line.index("|", 2) for line in table.splitlines()}) == 1


@pytest.mark.parametrize("page", MARKDOWN_PAGES, ids=lambda page: str(page.relative_to(REPO_ROOT)))
def test_links_lead_to_files(page):
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    inline, named = r"\]\(([^)\s]+)\)", r"^\[[^\]]+\]: (\S+)"
    for target in re.findall(inline, text) + re.findall(named, text, flags=re.MULTILINE):
        if not target.startswith(("http", "#")):
            assert (page.parent / target.split("#")[0]).exists(), target


def test_every_entry_of_the_log_is_in_its_index():
    log = REPO_ROOT / "docs" / "log"
    index = (log / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in log.glob("2*.md") if f"({path.name})" not in index] == []
