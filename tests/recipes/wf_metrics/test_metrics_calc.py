"""metrics_calc.py as a user runs it: the README's command, every form of the same data, the report,
bad input.
"""

import contextlib
import csv
import gzip
import html.parser
import io
import json
import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers import REPO_ROOT, command, refused
from utils.tables import FORMULA
from wf_metrics import sample_outputs
from wf_metrics.measure import MetricsArguments, measure
from wf_metrics.notebooks_or_scripts import metrics_calc as metrics_calc_script

FOLDER = REPO_ROOT / "wf_metrics" / "notebooks_or_scripts"
OUTPUTS = REPO_ROOT / "wf_metrics" / "wf_outputs"
RESULTS, TRUTH, UNIFY = (
    str(OUTPUTS / name) for name in ("results.csv", "ground_truth.csv", "unify.yaml")
)
BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
T = "archivo,tipo\na.png,x\nb.png,y\n"


@pytest.fixture(scope="module")
def metrics_calc():
    return metrics_calc_script


@pytest.fixture(scope="module")
def main(metrics_calc):
    return metrics_calc.main


@pytest.fixture
def without_figures(metrics_calc, monkeypatch):
    """Figures take most of the time and are looked at elsewhere."""
    for name in (
        "confusion_matrix_figure",
        "coverage_figure",
        "per_class_figure",
        "over_time_figure",
        "save_figure",
    ):
        monkeypatch.setattr(metrics_calc, name, nothing)


def nothing(*_):
    return None


@pytest.fixture(scope="module")
def run(main, tmp_path_factory) -> tuple[Path, str]:
    """The README's command; returns the folder it wrote and what it printed."""
    folder, printed = tmp_path_factory.mktemp("readme") / "informe", io.StringIO()
    with contextlib.redirect_stdout(printed):
        main(
            [
                "--results",
                RESULTS,
                "--ground_truth",
                TRUTH,
                "--unify",
                UNIFY,
                "--output",
                str(folder),
            ]
        )
    return folder, printed.getvalue()


@pytest.fixture(scope="module")
def report(run) -> Path:
    return run[0]


def numbers_of(folder: Path) -> dict:
    return json.loads((folder / "wf_metrics.json").read_text(encoding="utf-8"))


def rows_of(path: Path) -> list[dict]:
    with open(path, encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def measured(main, folder: Path, *words) -> dict:
    return numbers_of(main([*map(str, words), "--samples", "100", "--output", str(folder)]))


def write(path: Path, content) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


# The example.


def test_the_readme_command(report):
    found = numbers_of(report)
    counts = {name: n for name, n in found["counts"].items() if n}
    assert counts == {
        "ground_truth_files": 165,
        "files_scored_or_missing": 164,
        "matched": 160,
        "missing": 4,
        "missing_without_prediction": 1,
        "ambiguous": 1,
        "result_rows": 164,
        "extra": 1,
        "results_of_ambiguous": 1,
        "duplicate_files": 1,
        "duplicate_rows_set_aside": 1,
        "scored": 164,
        "right": 147,
        "scored_unifying": 164,
        "right_unifying": 153,
    }
    assert found["accuracy"] == 147 / 164 and found["accuracy_unifying"] == 153 / 164
    assert found["unknown_labels"] == [
        {"prediction": "Factura de venta", "rows": 1, "like": "factura"}
    ]
    assert (
        found["arguments"]["results"] == [RESULTS]
        and found["names_compared"]["extension"] == "keep"
    )


def test_what_is_printed(run):
    for words in (
        "results.csv: 164 rows; key 'archivo', prediction 'tipo', confidence 'confianza', "
        "timestamp",
        "147 of 164 files right; 4 files without a result counted as wrong",
        "153 of 164 right",
        "160 of 164 files have a result",
        "| Factura de venta | 1 | factura |",
        "| missing | 4 |",
        "| ambiguous | 1 |",
        "1 files have several results",
        "| contrato | certificado laboral | 4 | contrato_006_p1.png, ",
        "accuracy_unifying 0.9329; see",
    ):
        assert words in run[1], words


def test_missing_files_left_out(main, tmp_path, capsys, without_figures):
    found = measured(
        main,
        tmp_path / "informe",
        "--results",
        RESULTS,
        "--ground_truth",
        TRUTH,
        "--missing",
        "exclude",
    )
    assert (
        found["accuracy"] == found["accuracy_unifying"] == 147 / 160
        and found["coverage"] == 160 / 164
    )
    assert "147 of 160 files right; 4 files without a result left out" in capsys.readouterr().out
    page = (tmp_path / "informe" / "report.html").read_text(encoding="utf-8")
    assert "the 4 without one are left out" in page and "After unifying" not in page


def test_committed_outputs_are_what_the_command_makes(tmp_path):
    """Contents, not the headers of gzip, which differ between versions of Python."""

    def contents(path) -> bytes:
        stored = path.read_bytes()
        return gzip.decompress(stored) if path.suffix == ".gz" else stored

    sample_outputs.main(["--output", str(tmp_path)])
    made, committed = (
        {path.name: contents(path) for path in folder.iterdir()} for folder in (tmp_path, OUTPUTS)
    )
    assert made == committed


def test_a_sample_replaces_nothing_unasked(tmp_path, capsys):
    write(tmp_path / "results.csv", "los míos")
    assert "--overwrite" in refused(capsys, sample_outputs.main, "--output", tmp_path)
    assert "holds no ground_truth.csv" in refused(
        capsys, sample_outputs.main, "--output", tmp_path, "--overwrite"
    )
    assert (tmp_path / "results.csv").read_text(encoding="utf-8") == "los míos"
    assert "--seed -1" in refused(
        capsys, sample_outputs.main, "--output", tmp_path / "otra", "--seed", "-1"
    )
    for words in ([], ["--overwrite", "--seed", "1"]):
        sample_outputs.main(["--output", str(tmp_path / "otra"), *words])


def test_other_forms_of_the_same_data(report, tmp_path):
    whole = numbers_of(report)
    parts = [
        str(OUTPUTS / f"results_{name}")
        for name in ("2019.csv", "export.jsonl.gz", "workbench.csv")
    ]
    found = measure(MetricsArguments(parts, TRUTH, unify=UNIFY)).numbers
    for name in whole.keys() - {"arguments", "commit"}:
        assert found[name] == whole[name], name
    folder = sample_outputs.main(["--output", str(tmp_path), "--muestras"]) / "muestras"
    found = measure(MetricsArguments([RESULTS], str(folder), unify=UNIFY)).numbers
    assert found["counts"] == whole["counts"] and found["thresholds"] == whole["thresholds"]
    scores = {name: value for name, value in whole.items() if isinstance(value, float)}
    assert {name: found[name] for name in scores} == pytest.approx(scores)


FILES = {
    "wf_metrics.json",
    "report.html",
    "per_typology.csv",
    "confusion_matrix.csv",
    "errors.csv",
    "unmatched.csv",
    "thresholds.csv",
    "figures",
    "per_typology_unifying.csv",
    "confusion_matrix_unifying.csv",
}
FIGURES = {
    "per_typology.png",
    "confusion_matrix.png",
    "thresholds.png",
    "over_time.png",
    "per_typology_unifying.png",
    "confusion_matrix_unifying.png",
}


def test_files_agree_with_the_json(report):
    found = numbers_of(report)
    assert {p.name for p in report.iterdir()} == FILES and {
        p.name for p in (report / "figures").iterdir()
    } == FIGURES
    assert not list(report.parent.glob("*.partial"))
    errors, unmatched = rows_of(report / "errors.csv"), rows_of(report / "unmatched.csv")
    assert len(errors) == 164 - 147 and list(errors[0]) == [
        "file",
        "truth",
        "prediction",
        "confidence",
        "path",
    ]
    sure = [float(row["confidence"]) for row in errors if row["confidence"]]
    assert sure == sorted(sure, reverse=True) and not any(
        row["confidence"] for row in errors[len(sure) :]
    )
    reasons = [row["reason"] for row in unmatched]
    assert {reason: reasons.count(reason) for reason in set(reasons)} == {
        "missing": 4,
        "ambiguous": 1,
        "extra": 1,
        "duplicate": 1,
    }
    for suffix, scored, right in (("", 164, 147), ("_unifying", 164, 153)):
        matrix = rows_of(report / f"confusion_matrix{suffix}.csv")
        names = [row["label"] for row in matrix]
        counts = np.array([[int(row[name]) for name in names] for row in matrix])
        assert list(matrix[0]) == ["label", *names] and names[-1] == "(no result)"
        assert counts.sum() == scored and counts.trace() == right
        table = rows_of(report / f"per_typology{suffix}.csv")
        assert [row["typology"] for row in table] == names[:-1]
        assert [int(row["support"]) for row in table] == counts.sum(axis=1)[:-1].tolist()
        recall = np.mean([float(row["recall"]) for row in table if row["recall"]])
        assert recall == pytest.approx(
            (found if not suffix else found["unifying"])["balanced_accuracy"]
        )
    for row, expected in zip(rows_of(report / "thresholds.csv"), found["thresholds"], strict=True):
        assert {k: float(v) if v else None for k, v in row.items()} == expected
    page = (report / "report.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == len(FIGURES)
    for words in (
        "93.3 %",
        "89.6 %",
        "147 of 164 scored files are right",
        "did it mean",
        "ajeno_001.png",
        "facturas y recibos",
        "4 typologies put into groups",
    ):
        assert words in page, words


def test_occupied_output(main, report, capsys, tmp_path):
    before = {p: p.stat().st_mtime_ns for p in report.rglob("*")}
    words = ["--results", RESULTS, "--ground_truth", TRUTH, "--output"]
    assert "--overwrite" in refused(capsys, main, *words, report)
    assert "no column 'no'" in refused(
        capsys, main, *words, report, "--overwrite", "--key_column", "no"
    )
    assert {p: p.stat().st_mtime_ns for p in report.rglob("*")} == before
    write(tmp_path / "mío.txt", "no borrar")
    assert "holds no wf_metrics.json" in refused(capsys, main, *words, tmp_path, "--overwrite")
    assert "already there" in refused(capsys, main, *words, tmp_path / "mío.txt")
    assert [p.name for p in tmp_path.iterdir()] == ["mío.txt"]


# What names can do.

FORMULAS = ("=1+1", "+57", "-x", "@SUM(A1)", "\tx", "=cmd|' /C calc'!A0")


def test_formulas_are_neutral_in_every_csv(main, tmp_path, without_figures):
    files = [(f"{name} {i}.png", name) for i, name in enumerate(FORMULAS)]
    for name, shift in (("r", 1), ("t", 0)):
        with open(tmp_path / f"{name}.csv", "w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows(
                [
                    ("archivo", "tipo", "confianza"),
                    *(
                        (file, FORMULAS[(i + shift * (i % 2)) % 6], "0.5")
                        for i, (file, _) in enumerate(files)
                    ),
                ]
            )
        with open(tmp_path / f"{name}.csv", "a", encoding="utf-8") as stream:
            stream.write(f"=extra{name}.png,=1+1,0.5\n")
    folder = tmp_path / "informe"
    measured(main, folder, "--results", tmp_path / "r.csv", "--ground_truth", tmp_path / "t.csv")
    tables = {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.csv")}
    cells = [
        cell for text in tables.values() for row in csv.reader(text.splitlines()) for cell in row
    ]
    assert not [cell for cell in cells if cell.startswith(FORMULA)]
    for name in FORMULAS:
        assert f"'{name}" in "".join(tables.values())
    assert (
        "'=extrat.png,missing" in tables["unmatched.csv"]
        and "'=extrar.png,extra" in tables["unmatched.csv"]
    )


@pytest.mark.filterwarnings("ignore:Glyph")
def test_names_of_all_kinds(main, tmp_path, capsys):
    """Line breaks, controls, 5,000 characters, 3,000 words in a cell; a typology that is called
    like a column.
    """
    names = [
        "a\nb",
        "\u202egnp",
        "\x1b[31mrojo\x1b[2J",
        "n" * 5000,
        "(no result)",
        "label",
        " ",
        "|",
        "'",
        "{{7*7}}",
    ]
    rows = [
        [f"{name}.png", name, "palabra " * 3000 if i == 0 else ""] for i, name in enumerate(names)
    ]
    for file, header in (
        ("r.csv", ["archivo", "tipo", "texto"]),
        ("t.csv", ["archivo", "tipo", "nota"]),
    ):
        with open(tmp_path / file, "w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([header, *(rows[:-2] if file == "r.csv" else rows)])
    found = measured(
        main,
        tmp_path / "informe",
        "--results",
        tmp_path / "r.csv",
        "--ground_truth",
        tmp_path / "t.csv",
    )
    assert found["counts"]["right"] == 8 and found["counts"]["missing"] == 2
    assert [
        row["typology"] for row in rows_of(tmp_path / "informe" / "per_typology.csv")
    ] == sorted(names)
    assert "\x1b" not in capsys.readouterr().out


HOSTILE = (
    '<script>document.title="x"</script>',
    '<img src=x onerror="document.title=1">',
    '"><svg onload=alert(1)>',
    "</style><h1>",
    "</td></table><b>",
    "{{7*7}}",
    "{% raw %}",
    "javascript:alert(1)",
    "'; --><!--",
    "&lt;b&gt;",
    "</title><iframe src=//x>",
)


class Page(html.parser.HTMLParser):
    """The tags, attributes and texts of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.attributes, self.texts = set(), set(), []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes |= {
            (name, value if name in ("src", "http-equiv") else None) for name, value in attributes
        }

    def handle_data(self, data):
        self.texts.append(data)


TAGS = set(
    "html head meta title style body main h1 h2 p div span b table thead tbody tr th td figure "
    "img figcaption details summary ul li code".split()
)
ATTRIBUTES = {"lang", "charset", "name", "content", "http-equiv", "class", "src", "alt"}


@pytest.fixture(scope="module")
def hostile_report(tmp_path_factory) -> Path:
    """A report of hostile names, made by the real command line."""
    folder = tmp_path_factory.mktemp("hostil")
    files = [(f"{name} {i}.png".replace("/", "\u2215"), name) for name in HOSTILE for i in range(3)]
    groups = {HOSTILE[0]: HOSTILE[1], HOSTILE[3]: HOSTILE[1]}
    with open(folder / "t.csv", "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(
            [("archivo", "tipo"), *files, *(("<b>doble.png", name) for name in "ab")]
        )
    with open(folder / "r.csv", "w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(
            [
                ("<i>archivo", "tipo", "confianza", "fecha"),
                *(
                    (
                        f"s3://<b>/{file}",
                        HOSTILE[(i // 3 + i % 3) % len(HOSTILE)],
                        "0.9",
                        f"2026-08-{1 + i:02}",
                    )
                    for i, (file, _) in enumerate(files[1:28])
                ),
                ("<u>ajeno.png", "<u>desconocida", "0.2", "2026-08-01"),
                (files[30][0], "<u>desconocida", "0.2", ""),
            ]
        )
    write(folder / "u.yaml", json.dumps(groups))
    command(
        sys.executable,
        FOLDER / "metrics_calc.py",
        "--results",
        folder / "r.csv",
        "--ground_truth",
        folder / "t.csv",
        "--unify",
        folder / "u.yaml",
        "--document_pattern",
        "^(.+) [0-9]$",
        "--samples",
        "100",
        "--key_column",
        "<i>archivo",
        "--output",
        folder / "<b>informe",
    )
    return folder / "<b>informe" / "report.html"


def check_page(text: str):
    """Nothing but our own elements is on a page, and names are its text."""
    page = Page(text)
    assert page.tags <= TAGS, page.tags - TAGS
    assert {name for name, _ in page.attributes} <= ATTRIBUTES
    assert all(
        value.startswith("data:image/png;base64,")
        for name, value in page.attributes
        if name == "src"
    )
    texts = "\n".join(page.texts)
    for name in (*HOSTILE, "<u>desconocida", "<u>ajeno.png", "<b>doble.png", "<i>archivo"):
        assert name in texts, name
    assert next(filter(str.strip, page.texts)).startswith(
        "Workflow: accuracy unifying"
    )  # the title, unchanged


def test_the_report_runs_and_asks_for_nothing(hostile_report):
    text = hostile_report.read_text(encoding="utf-8")
    check_page(text)
    assert ("http-equiv", "Content-Security-Policy") in Page(
        text
    ).attributes and "default-src 'none'" in text
    assert not re.search(r"https?://|@import|url\(|href|<script|<link|<object|<iframe", text)


@pytest.mark.skipif(
    not BROWSER, reason="no chromium, chromium-browser or google-chrome on the PATH"
)
def test_the_report_in_a_browser(hostile_report, tmp_path):
    """What a browser makes of the page, after the time in which scripts would have run."""
    done = command(
        BROWSER,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path}",
        "--virtual-time-budget=3000",
        "--dump-dom",
        hostile_report.as_uri(),
    )
    assert "<h2>Most confident errors</h2>" in done.stdout
    check_page(done.stdout)


# Bad input: (results, ground truth, flags, words of the message); a file is a csv's content, or its
# name and content.

GOOD = [{"archivo": "a.png", "tipo": "x"}, {"archivo": "b.png", "tipo": "y"}]
LINES = "".join(json.dumps(row) + "\n" for row in GOOD)
REFUSED = {
    "empty csv": ("", T, [], ["r.csv", "the file is empty"]),
    "blank csv": ("\n \n", T, [], ["r.csv", "empty"]),
    "header only": ("archivo,tipo\n", T, [], ["r.csv", "a header and no rows"]),
    "header without line break": ("archivo,tipo", T, [], ["r.csv", "a header and no rows"]),
    "empty truth": (T, "", [], ["t.csv", "the file is empty"]),
    "truth with a header only": (T, "archivo,tipo\n\n", [], ["t.csv", "a header and no rows"]),
    "no key column": ("a,tipo\n1,x\n", T, [], ["r.csv", "'a', 'tipo'", "--key_column"]),
    "no prediction column": (
        "archivo,b\n1,2\n",
        T,
        [],
        ["r.csv", "'archivo', 'b'", "--prediction_column"],
    ),
    "no such column": (
        T,
        T,
        ["--confidence_column", "prob"],
        ["'prob'", "'archivo', 'tipo'", "--confidence_column"],
    ),
    "no truth column": (T, "a,b\n1,2\n", [], ["t.csv", "'a', 'b'", "--truth_file_column"]),
    "no such truth column": (
        T,
        T,
        ["--truth_typology_column", "c"],
        ["t.csv", "'c'", "'archivo', 'tipo'"],
    ),
    "confidence that is no number": (
        "archivo,tipo,score\na.png,x,alta\n",
        T,
        [],
        ["row 1", "score 'alta'", "not a number", "--confidence_column"],
    ),
    "confidence out of range": (
        "archivo,tipo,score\na.png,x,95\n",
        T,
        [],
        ["row 1", "'95'", "not between 0 and 1", "--confidence_max 100"],
    ),
    "confidence beyond 100": (
        "archivo,tipo,score\na.png,x,101\n",
        T,
        ["--confidence_max", "100"],
        ["0 and 100"],
    ),
    "time that is none": (
        "archivo,tipo,fecha\na.png,x,ayer\n",
        T,
        [],
        ["row 1", "fecha 'ayer'", "not a time", "--timestamp_column"],
    ),
    "results of another dataset": (
        "archivo,tipo\n" + "".join(f"r{i}.png,x\n" for i in range(7)),
        T,
        [],
        [
            "no file of the ground truth has a result",
            "'a.png', 'b.png'",
            "'r0.png', 'r1.png', 'r2.png', 'r3.png', 'r4.png' …",
            "--key_column",
        ],
    ),
    "no prediction at all": (
        "archivo,tipo\na.png,\nb.png,\n",
        T,
        [],
        ["a result with a prediction"],
    ),
    "every name in two typologies": (
        T,
        "archivo,tipo\na.png,x\na.png,y\n",
        [],
        ["in two typologies", "'a.png'"],
    ),
    "broken gz": (
        ("r.csv.gz", gzip.compress(T.encode() * 99)[:-30]),
        T,
        [],
        ["r.csv.gz", "cannot be read"],
    ),
    "no gz": (("r.csv.gz", T), T, [], ["r.csv.gz", "cannot be read"]),
    "binary": (("r.csv", b"PK\3\4\0\0\0\0"), T, [], ["r.csv", "binary"]),
    "broken json line": (
        ("r.jsonl", LINES + '{"archivo": '),
        T,
        [],
        ["r.jsonl", "line 3", "broken json"],
    ),
    "broken json document": (
        ("r.json", '{"Items": [{"archivo": '),
        T,
        [],
        ["r.json", "broken json"],
    ),
    "json without items": (("r.json", '{\n"Count": 0\n}'), T, [], ["r.json", "no list of items"]),
    "no item": (("r.json", '{"Items": []}'), T, [], ["r.json", "no item"]),
    "items that are none": (("r.json", "[[1]]"), T, [], ["r.json", "item 1"]),
    "item that is none": (("r.jsonl", '{"Item": "x"}\n'), T, [], ["r.jsonl", "line 1"]),
    "nested too deep": (
        ("r.jsonl", '{"archivo": ' + '{"a": ' * 450 + "1" + "}" * 450 + "}\n"),
        T,
        [],
        ["r.jsonl"],
    ),
    "line nested far too deep": (
        ("r.jsonl", "[" * 100_000),
        T,
        [],
        ["r.jsonl", "line 1", "broken json"],
    ),
    "json nested too deep": (("r.json", "[" * 100_000), T, [], ["r.json", "broken json"]),
    "half a character": (
        ("r.jsonl", '{"archivo": "a\\ud800.png", "tipo": "x"}\n'),
        T,
        [],
        ["r.jsonl", "half a character"],
    ),
    "too many fields": (
        "archivo,tipo\na.png,x\nb.png,y,z\n",
        T,
        [],
        ["r.csv, line 3", "3 fields", "header has 2"],
    ),
    "too few fields": (
        "archivo,tipo,c\na.png,x,1\nb.png,y\n",
        T,
        [],
        ["r.csv, line 3", "2 fields"],
    ),
    "unclosed quote": ('archivo,tipo\na.png,"x\nb.png,y\n', T, [], ["r.csv, line 3", "quotes"]),
    "unclosed quotes in pairs": (
        'archivo,tipo\na.png,"x\nb.png,"y\n',
        T,
        [],
        ["r.csv, line 3", "quotes"],
    ),
    "unclosed quote in the truth": (
        T,
        'archivo,tipo\na.png,"x\nb.png,y\n',
        [],
        ["t.csv, line 3", "quotes"],
    ),
    "column twice": ("archivo,tipo,tipo\na.png,x,y\n", T, [], ["r.csv", "'tipo' twice"]),
    "typed column twice": ("archivo (S),tipo (S),tipo (N)\na.png,x,1\n", T, [], ["'tipo' twice"]),
    "unknown kind": (("r.xlsx", T), T, [], ["r.xlsx", "unknown kind of file"]),
    "unknown kind of truth": (T, ("t.txt", T), [], ["t.txt", "unknown kind of file"]),
    "no parquet": (("r.parquet", T), T, [], ["r.parquet", "not a readable parquet"]),
    "missing results": (None, T, [], ["r.csv", "no such file"]),
    "missing truth": (T, None, [], ["t.csv", "no such file or folder"]),
    "missing map": (T, T, ["--unify", "/no/está.yaml"], ["/no/está.yaml", "cannot be read"]),
    "wrong --missing": (T, T, ["--missing", "0"], ["--missing 0", "wrong or exclude"]),
    "wrong --extension": (
        T,
        T,
        ["--extension", "sí"],
        ["--extension sí", "auto or keep or ignore"],
    ),
    "wrong --case": (T, T, ["--case", "lower"], ["--case lower", "keep or ignore"]),
    "wrong --unify_unknown": (
        T,
        T,
        ["--unify_unknown", "no"],
        ["--unify_unknown no", "refuse or list"],
    ),
    "few samples": (T, T, ["--samples", "10"], ["--samples 10", "100 to"]),
    "too many samples": (T, T, ["--samples", "1000000000"], ["--samples 1000000000", "to 100000"]),
    "negative seed": (T, T, ["--seed", "-1"], ["--seed -1"]),
    "no confidence_max": (T, T, ["--confidence_max", "0"], ["--confidence_max 0", "1 or 100"]),
    "confidence_max that is none": (T, T, ["--confidence_max", "inf"], ["--confidence_max inf"]),
    "word for a number": (T, T, ["--samples", "mil"], ["--samples", "'mil'"]),
    "unknown flag": (T, T, ["--result", "x"], ["--result", "--results"]),
    "pattern that is none": (
        T,
        T,
        ["--document_pattern", "("],
        ["_pattern '('", "not a regular expression"],
    ),
    "pattern without a group": (T, T, ["--document_pattern", "a"], ["no group"]),
    "pattern of other names": (
        T,
        T,
        ["--document_pattern", "^(.+)_p$"],
        ["in no file's name", "'a.png'"],
    ),
    "documents of several typologies": (
        "archivo,tipo\na_1.png,x\na_2.png,y\n",
        "archivo,tipo\na_1.png,x\na_2.png,y\n",
        ["--document_pattern", "^(.)"],
        ["every document has pages of several"],
    ),
}
REFUSED_MAPS = {
    "bad yaml": ("a: b: c\n", ["u.yaml", "not valid YAML"]),
    "list": ("- x\n", ["u.yaml", "'typology: group'"]),
    "nested": ("x:\n  - y\n", ["u.yaml, line 1"]),
    "circle": ("x: y\ny: x\n", ["u.yaml", "x → y → x", "circle"]),
    "unknown name": ("xx: g\n", ["u.yaml", "'xx'", "did you mean 'x'?", "--unify_unknown list"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_metrics_calc_refuses(case, main, tmp_path, capsys):
    results, truth, flags, words = REFUSED[case]
    paths = []
    for name, content in (("r.csv", results), ("t.csv", truth)):
        name, content = content if isinstance(content, tuple) else (name, content)
        paths.append(write(tmp_path / name, content) if content is not None else tmp_path / name)
    before = sorted(tmp_path.iterdir())
    message = refused(
        capsys,
        main,
        "--results",
        paths[0],
        "--ground_truth",
        paths[1],
        "--output",
        tmp_path / "i",
        *flags,
    )
    assert all(word in message for word in words), message
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("case", REFUSED_MAPS)
def test_maps_are_refused(case, main, tmp_path, capsys):
    text, words = REFUSED_MAPS[case]
    paths = [write(tmp_path / name, content) for name, content in (("r.csv", T), ("u.yaml", text))]
    message = refused(
        capsys,
        main,
        "--results",
        paths[0],
        "--ground_truth",
        paths[0],
        "--unify",
        paths[1],
        "--output",
        tmp_path / "informe",
    )
    assert all(word in message for word in words), message


PROBABILITIES = {
    "of another length": ([[0.5, 0.5], [1.0]], '["x", "y"]', ["not every row has 2 probabilities"]),
    "missing": ([[0.5, 0.5], None], '["x", "y"]', ["not every row has 2 probabilities"]),
    "of another kind": (["a", "b"], '["x", "y"]', ["not every row has 2 probabilities"]),
    "logits": ([[0.5, 3.5], [-1.0, 1.0]], '["x", "y"]', ["below 0 or does not sum to 1"]),
    "of nameless classes": ([[0.5, 0.5], [0.5, 0.5]], "x, y", ["class_names"]),
    "of a class twice": ([[0.5, 0.5], [0.5, 0.5]], '["x", "x"]', ["class_names"]),
}


@pytest.mark.parametrize("case", PROBABILITIES)
def test_probabilities_that_are_none(case, main, tmp_path, capsys):
    probabilities, names, words = PROBABILITIES[case]
    table = pa.table(
        {"id": ["a.png", "b.png"], "prediction": ["x", "y"], "probabilities": probabilities}
    )
    pq.write_table(table.replace_schema_metadata({"class_names": names}), tmp_path / "p.parquet")
    truth = write(tmp_path / "t.csv", T)
    message = refused(
        capsys,
        main,
        "--results",
        tmp_path / "p.parquet",
        "--ground_truth",
        truth,
        "--output",
        tmp_path / "informe",
    )
    assert all(word in message for word in ["p.parquet", *words]), message


def test_a_folder_that_ends_like_a_parquet_and_tables_of_no_use(
    main, tmp_path, capsys, without_figures
):
    table = pa.table({"archivo": ["a.png", "b.png"], "tipo": ["x", "y"]})
    (tmp_path / "salida.parquet").mkdir()
    pq.write_table(table, tmp_path / "salida.parquet" / "part-0.parquet")
    words = ["--ground_truth", write(tmp_path / "t.csv", T), "--output", tmp_path / "informe"]
    pq.write_table(table.slice(0, 0), tmp_path / "p.parquet")
    assert "no item" in refused(capsys, main, "--results", tmp_path / "p.parquet", *words)
    pq.write_table(
        pa.table([["a.png"], ["x"], ["x"]], names=["archivo", "tipo", "tipo"]),
        tmp_path / "q.parquet",
    )
    assert "'tipo' twice" in refused(capsys, main, "--results", tmp_path / "q.parquet", *words)
    assert (
        measured(main, tmp_path / "i", "--results", tmp_path / "salida.parquet", *words[:2])[
            "accuracy"
        ]
        == 1
    )


def test_what_may_not_be_read(main, tmp_path, capsys):
    for name in (
        "muestras/x/a.png",
        "muestras/y/b.png",
        "resultados/r.csv",
        "resultados/mío/r.csv",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / name, T)
    locked = [tmp_path / "muestras" / "y", tmp_path / "resultados" / "mío"]
    for folder in locked:
        folder.chmod(0)
    try:
        if os.access(locked[0], os.R_OK):
            pytest.skip("this user may read everything")
        for results, truth, culprit in (
            (tmp_path / "resultados" / "r.csv", tmp_path / "muestras", locked[0]),
            (tmp_path / "resultados", tmp_path / "resultados" / "r.csv", locked[1]),
        ):
            message = refused(
                capsys,
                main,
                "--results",
                results,
                "--ground_truth",
                truth,
                "--output",
                tmp_path / "i",
            )
            assert str(culprit) in message and "ermission" in message
    finally:
        for folder in locked:
            folder.chmod(0o700)


# Size.

PEAK = """
import resource, runpy, sys
from wf_metrics.notebooks_or_scripts import metrics_calc
metrics_calc.main(sys.argv[1:])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux alone")
def test_a_large_csv_is_read_in_blocks(tmp_path):
    """150 MB, most of it in a column that is not needed, take little more memory than few do."""
    text = 'palabra ""ñandú"",\n' * 1000
    peaks = []
    for name, rows, filler in (("small.csv", 8000, "x"), ("large.csv", 8000, text)):
        with open(tmp_path / name, "w", encoding="utf-8") as stream:
            stream.write("archivo,texto,tipo,confianza\n")
            stream.writelines(f's3://cubo/{i}.png,"{filler}",t{i % 7},0.5\n' for i in range(rows))
        write(
            tmp_path / "t.csv",
            "archivo,tipo\n" + "".join(f"{i}.png,t{i % 7}\n" for i in range(rows)),
        )
        done = command(
            sys.executable,
            "-c",
            PEAK,
            "--results",
            tmp_path / name,
            "--ground_truth",
            tmp_path / "t.csv",
            "--output",
            tmp_path / "informe",
            "--samples",
            "100",
            "--overwrite",
        )
        assert numbers_of(tmp_path / "informe")["accuracy"] == 1
        peaks.append(int(done.stdout.split()[-1]) / 1024)
    assert (tmp_path / "large.csv").stat().st_size > 150e6
    assert peaks[1] - peaks[0] < 150, peaks
