"""Which sides are compared: ids, truths and predictions, incomplete exports, rare classes.

Each test meets, through a command line, a way in which a report would be wrong without a word.
"""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.helpers import refused
from utils.predictions import write_predictions
from wf_metrics import compare, monitor
from wf_metrics.intervals import holm
from wf_metrics.notebooks_or_scripts import metrics_calc

NAMES = ["contrato", "cédula", "factura"]


@pytest.fixture(autouse=True)
def without_figures(monkeypatch):
    """Figures take most of the time and are looked at elsewhere."""
    for module in (metrics_calc, monitor, compare):
        for name in vars(module):
            if name.endswith("_figure"):
                monkeypatch.setattr(module, name, nothing)


def nothing(*_):
    return None


def predictions(path, shares=(0.2, 0.3, 0.5), n=200, seed=0, right=0.8):
    """Predictions of n documents whose ids are `class/1`: base names repeat over the classes."""
    rng = np.random.default_rng(seed)
    truth = np.sort(rng.choice(3, n, p=shares))
    place = np.concatenate([np.arange((truth == c).sum()) for c in range(3)])
    shown = np.where(rng.random(n) < right, truth, (truth + 1) % 3)
    p = np.full((n, 3), 0.05)
    p[np.arange(n), shown] = 0.9
    ids = [f"{NAMES[c]}/{i}" for c, i in zip(truth, place, strict=True)]
    write_predictions(path, ids, p, NAMES, [NAMES[c] for c in truth])
    return path


def calculated(results, truth, folder, *words) -> dict:
    """The numbers that metrics_calc writes."""
    sides = ["--results", str(results), "--ground_truth", str(truth), "--output", str(folder)]
    metrics_calc.main([*sides, "--samples", "100", *map(str, words)])
    return json.loads((folder / "wf_metrics.json").read_text(encoding="utf-8"))


def monitored(reference, results, folder, *words) -> tuple[int, dict]:
    """The exit code of monitor and the numbers that it writes."""
    code = monitor.main([str(reference), str(results), "--output", str(folder), *words])
    return code, json.loads((folder / "monitor.json").read_text(encoding="utf-8"))


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


# Ids.


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl"])
def test_ids_with_folders_are_whole(ending, tmp_path):
    """The same predictions are no drift, and a file compared with itself loses no row."""
    reference = predictions(tmp_path / "agosto.parquet")
    same = predictions(tmp_path / f"septiembre{ending}")
    code, found = monitored(reference, same, tmp_path / "a")
    assert code == 0 and found["classes"]["psi"] == 0
    assert found["classes"]["current_documents"] == found["classes"]["reference_documents"] == 200
    for truth in (same, reference):
        numbers = calculated(same, truth, tmp_path / f"b{truth.suffix}{truth.stem}")
        assert numbers["counts"]["scored"] == 200 and numbers["counts"]["ambiguous"] == 0
        assert numbers["counts"]["duplicate_files"] == numbers["counts"]["extra"] == 0
        table = pq.read_table(reference).to_pydict()
        right = np.mean([a == b for a, b in zip(table["label"], table["prediction"], strict=True)])
        assert numbers["accuracy"] == right < 1


def test_ids_of_a_tree_of_texts_are_whole(tmp_path):
    """The ids of a tree are the paths below it: `contrato/1` is the file contrato/1.txt."""
    results = predictions(tmp_path / "r.parquet", n=60)
    for name in pq.read_table(results)["id"].to_pylist():
        path = tmp_path / "muestras" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    numbers = calculated(results, tmp_path / "muestras", tmp_path / "a")
    assert numbers["counts"]["matched"] == numbers["counts"]["ground_truth_files"] == 60
    assert numbers["names_compared"] == {"extension": "ignore", "case": "keep", "folders": "keep"}


@pytest.mark.parametrize("header", ["archivo", "ruta", "documento"])
def test_names_that_repeat_below_folders_are_compared_whole(header, tmp_path):
    """Every case has its own documento.pdf: joined by name alone, two of four would be lost."""
    keys = [f"caso_{i}/documento.pdf" for i in range(4)]
    truth = "".join(f"{key},x\n" for key in keys)
    rows = "".join(f"{key},{'xy'[i % 2]}\n" for i, key in enumerate(keys))
    truth = write(tmp_path / "t.csv", f"{header},tipo\n{truth}")
    results = write(tmp_path / "r.csv", f"{header},prediction\n{rows}")
    numbers = calculated(results, truth, tmp_path / "a")
    assert numbers["accuracy"] == 0.5 and numbers["counts"]["scored"] == 4
    assert numbers["names_compared"]["folders"] == "keep"
    assert numbers["counts"]["duplicate_files"] == 0

    _, found = monitored(results, results, tmp_path / "b")
    assert found["classes"]["current_documents"] == 4


def test_a_file_that_is_repeated_in_another_folder_is_still_one(tmp_path):
    """The workflow read it twice; whole paths would find no more files than names do."""
    truth = write(tmp_path / "t.csv", "archivo,tipo\nx/a.png,x\ny/b.png,y\n")
    results = write(tmp_path / "r.csv", "archivo,tipo\nx/a.png,y\nnuevo/a.png,x\nz/b.png,y\n")
    numbers = calculated(results, truth, tmp_path / "a")
    assert numbers["accuracy"] == 1 and numbers["counts"]["duplicate_files"] == 1


def test_paths_of_a_workflow_are_still_joined_by_name(tmp_path):
    """Results whose column is called `id` but holds paths match names without folders."""
    results = write(tmp_path / "r.csv", "id,tipo\ns3://b/x/a.png,x\ns3://b/x/b.png,y\n")
    truth = write(tmp_path / "t.csv", "archivo,tipo\na.png,x\nb.png,x\n")
    numbers = calculated(results, truth, tmp_path / "a")
    assert numbers["accuracy"] == 0.5 and "folders" not in numbers["names_compared"]


# Truths and predictions.

TRUTHS = {
    "archivo,prediccion,tipologia": "a.png,x,y\nb.png,y,x\n",
    "archivo,predicted_label,label": "a.png,x,y\nb.png,y,x\n",
    "archivo,tipo,tipo_real": "a.png,x,y\nb.png,y,x\n",
    "archivo,clase,verdad": "a.png,x,y\nb.png,y,x\n",
    "archivo,label,target": "a.png,x,y\nb.png,y,x\n",
    "archivo,y_pred,y_true": "a.png,x,y\nb.png,y,x\n",
    "archivo,tipologia,Tipología real": "a.png,x,y\nb.png,y,x\n",
    "archivo,resultado,clase": "a.png,x,y\nb.png,y,x\n",
    "archivo,etiqueta_predicha,etiqueta": "a.png,x,y\nb.png,y,x\n",
    "archivo,tipo,ground_truth": "a.png,x,y\nb.png,y,x\n",
    "prediccion,tipologia,archivo": "x,y,a.png\ny,x,b.png\n",
    "tipologia_predicha,archivo,tipologia": "x,a.png,y\ny,b.png,x\n",
    "tipo,etiqueta_manual,archivo": "x,y,a.png\ny,x,b.png\n",
    "clase,archivo,anotación": "x,a.png,y\ny,b.png,x\n",
}


@pytest.mark.parametrize("header", TRUTHS)
def test_a_truth_is_read_by_its_column(header, tmp_path):
    truth = write(tmp_path / "t.csv", f"{header}\n{TRUTHS[header]}")
    results = write(tmp_path / "r.csv", "archivo,tipo\na.png,y\nb.png,x\n")
    assert calculated(results, truth, tmp_path / "a")["accuracy"] == 1


@pytest.mark.parametrize("header", ["id,prediction,target", "id,label,y_true", "id,salida,real"])
def test_one_file_as_both_sides(header, tmp_path):
    rows = "1,x,x\n2,y,x\n3,x,y\n4,y,y\n"
    both = write(tmp_path / "r.csv", f"{header}\n{rows}")
    assert calculated(both, both, tmp_path / "a")["accuracy"] == 0.5


def test_one_column_as_both_sides_is_refused(tmp_path, capsys):
    both = write(tmp_path / "r.csv", "archivo,tipo\na.png,x\nb.png,y\n")
    (tmp_path / "enlace.csv").symlink_to(both)
    for truth in (both, tmp_path / "enlace.csv"):
        words = ["--results", both, "--ground_truth", truth, "--output", tmp_path / "a"]
        message = refused(capsys, metrics_calc.main, *words)
        assert "column 'tipo' is given as prediction and as truth" in message
    assert not (tmp_path / "a").exists()


def test_a_copy_of_the_truth_as_results_is_said(tmp_path, capsys):
    truth = write(tmp_path / "t.csv", "archivo,tipo\na.png,x\nb.png,y\n")
    copy = write(tmp_path / "copia.csv", truth.read_text("utf-8"))
    numbers = calculated(copy, truth, tmp_path / "a")
    assert "holds the same bytes" in numbers["warnings"][0]
    assert "every file is right; check --results" in capsys.readouterr().out
    other = write(tmp_path / "otra.csv", "archivo,tipo\na.png,x\nb.png,x\n")
    assert "same bytes" not in str(calculated(other, truth, tmp_path / "b")["warnings"])


@pytest.mark.parametrize("name", ["prediccion", "prediction", "predicted", "y_pred", "resultado"])
def test_a_prediction_is_never_the_truth(name, tmp_path, capsys):
    truth = write(tmp_path / "t.csv", f"archivo,{name}\na.png,x\n")
    results = write(tmp_path / "r.csv", "archivo,tipo\na.png,x\n")
    words = ["--results", results, "--ground_truth", truth, "--output", tmp_path / "a"]
    assert "--truth_typology_column" in refused(capsys, metrics_calc.main, *words)
    words += ["--truth_typology_column", name]  # asked for, it is taken
    metrics_calc.main([str(word) for word in words])


@pytest.mark.parametrize(
    "truth, prediction", [("171", "171.0"), ("01", "1"), ("cédula", "Cedula"), ("a b", "a_b")]
)
def test_what_differs_only_in_how_it_is_written(truth, prediction, tmp_path, capsys):
    truths = write(tmp_path / "t.csv", f"archivo,tipo\na.png,{truth}\nb.png,x\n")
    results = write(tmp_path / "r.csv", f"archivo,tipo\na.png,{prediction}\nb.png,x\n")
    numbers = calculated(results, truths, tmp_path / "a")
    assert numbers["same_but_for_form"] == [{"truth": truth, "prediction": prediction, "files": 1}]
    said = f"only in how they are written: {prediction!r} for {truth!r}"
    assert said in capsys.readouterr().out
    assert "only in how they are written" in (tmp_path / "a" / "report.html").read_text("utf-8")


def test_ids_that_differ_only_in_how_they_are_written(tmp_path, capsys):
    truth = write(tmp_path / "t.csv", "id,tipo\n171,x\n")
    results = write(tmp_path / "r.csv", "id,prediction\n171.0,x\n")
    words = ["--results", results, "--ground_truth", truth, "--output", tmp_path / "a"]
    message = refused(capsys, metrics_calc.main, *words)
    assert "'171.0' and '171' differ only in how they are written" in message


@pytest.mark.parametrize("other", ["171.0", "0171", "CARTA.PNG"])
def test_some_files_whose_names_are_written_otherwise(other, tmp_path, capsys):
    """Some match, so that the others would only be counted as missing and as extra."""
    name = "carta.png" if other == "CARTA.PNG" else "171"
    truth = write(tmp_path / "t.csv", f"id,tipo\n{name},x\nb,x\n")
    results = write(tmp_path / "r.csv", f"id,prediction\n{other},x\nb,x\n")
    numbers = calculated(results, truth, tmp_path / "a")
    assert numbers["counts"]["missing"] == numbers["counts"]["extra"] == 1
    said = f"only in how their names are written: {other!r} for {name!r}"
    assert said in numbers["warnings"][0] and said in capsys.readouterr().out


def test_classes_of_compared_models_that_are_written_otherwise(tmp_path, capsys):
    """A model that learned 171.0 has nothing right where the label is 171."""
    labels, p = ["171", "9"] * 30, np.full((60, 2), 0.1)
    p[np.arange(60), np.arange(60) % 2] = 0.9
    for name, classes in (("a", ["171", "9"]), ("b", ["171.0", "9.0"])):
        ids = [str(i) for i in range(60)]
        write_predictions(tmp_path / f"{name}.parquet", ids, p, classes, labels)
    words = [tmp_path / "a.parquet", tmp_path / "b.parquet", "--samples", "100", "--output"]
    folder = compare.main([str(word) for word in [*words, tmp_path / "o"]])
    said = "'171', '171.0' differ only in how they are written"
    assert said in capsys.readouterr().out
    assert said in json.loads((folder / "compare.json").read_text("utf-8"))["warnings"][0]


def test_classes_that_drift_only_in_how_they_are_written(tmp_path, capsys):
    files = []
    for name, label in (("antes", "171"), ("ahora", "171.0")):
        rows = "".join(f"{i}.png,{label}\n" for i in range(200))
        files.append(write(tmp_path / f"{name}.csv", f"archivo,tipo\n{rows}"))
    code, found = monitored(*files, tmp_path / "a")
    said = "class '171.0' is new and '171' has vanished"
    assert code == 1 and said in found["notes"][-1] and said in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_nan_is_no_prediction_and_no_confidence(kind, tmp_path):
    rows = [("a.png", 1.0, 0.9), ("b.png", float("nan"), float("nan"))]
    path = tmp_path / f"r.{kind}"
    if kind == "jsonl":
        names = ("archivo", "tipo", "confianza")
        lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
        write(path, "\n".join(lines).replace("1.0", "1"))
    else:
        columns = dict(zip(("archivo", "tipo", "confianza"), zip(*rows, strict=True), strict=True))
        pq.write_table(pa.table({name: list(values) for name, values in columns.items()}), path)
    truth = write(tmp_path / "t.csv", "archivo,tipo\na.png,1\nb.png,1\n")
    numbers = calculated(path, truth, tmp_path / "a")
    assert numbers["counts"]["missing_without_prediction"] == 1
    assert numbers["unknown_labels"] == [] and numbers["accuracy"] == 0.5


# Incomplete exports.

ITEMS = [
    {"archivo": {"S": f"{i}.png"}, "tipo": {"S": "x"}, "prediction": {"S": "x"}} for i in range(9)
]
PAGE = {"Items": ITEMS, "Count": 9, "ScannedCount": 9}
INCOMPLETE = {
    "scan.json": json.dumps(PAGE | {"LastEvaluatedKey": {"id": {"S": "8"}}}, indent=1),
    "one_line.json": json.dumps(PAGE | {"NextToken": "eyJ"}),
    "pages.jsonl": f"{json.dumps(PAGE)}\n{json.dumps(PAGE | {'LastEvaluatedKey': {'id': 1}})}\n",
    "list.json": json.dumps([PAGE, PAGE | {"NextToken": "eyJ"}]),
}


@pytest.mark.parametrize("name", INCOMPLETE)
def test_a_page_of_a_scan_is_called_incomplete(name, tmp_path, capsys):
    truth = write(tmp_path / "t.csv", "archivo,tipo\n0.png,x\n1.png,y\n")
    results = write(tmp_path / name, INCOMPLETE[name])
    numbers = calculated(results, truth, tmp_path / "a")
    assert numbers["accuracy"] == 0.5 and f"{results}: incomplete" in numbers["warnings"][0]
    assert "incomplete" in capsys.readouterr().out
    assert "incomplete" in (tmp_path / "a" / "report.html").read_text("utf-8")
    _, found = monitored(results, results, tmp_path / "b")
    assert "incomplete" in found["notes"][1] and "incomplete" in capsys.readouterr().out


def test_all_pages_of_a_scan_are_complete(tmp_path):
    first = json.dumps(PAGE | {"LastEvaluatedKey": {"id": 1}})
    results = write(tmp_path / "r.jsonl", f"{first}\n{json.dumps(PAGE)}\n")
    truth = write(tmp_path / "t.csv", "archivo,tipo\n" + "".join(f"{i}.png,x\n" for i in range(9)))
    assert calculated(results, truth, tmp_path / "a")["warnings"] == []


# Flags.


@pytest.mark.parametrize("flag", ["psi", "ks", "alpha", "confidence_max"])
@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0", "mucho"])
def test_monitor_refuses_what_is_no_limit(flag, value, tmp_path, capsys):
    """Exit code 1 means drift, so that a bad flag must not end with it."""
    file = write(tmp_path / "r.csv", "archivo,tipo\na.png,x\n")
    words = [file, file, f"--{flag}={value}", "--output", tmp_path / "a"]
    assert f"--{flag}" in refused(capsys, monitor.main, *words)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    "words", ["--confident=nan", "--confident=2", "--seed=-1", "--samples=1000001", "--samples=99"]
)
def test_compare_refuses_what_is_no_number(words, tmp_path, capsys):
    files = [predictions(tmp_path / f"{i}.parquet", seed=i) for i in (0, 1)]
    message = refused(capsys, compare.main, *files, words, "--output", tmp_path / "a")
    assert words.split("=")[0] in message and not (tmp_path / "a").exists()


# Rare classes.


def rare(folder) -> list:
    """Two models' predictions of a corpus with a class of four documents."""
    truth = np.repeat([0, 1, 2], [40, 40, 4])
    for seed in (0, 1):
        rng = np.random.default_rng(seed)
        shown = np.where(rng.random(84) < 0.8, truth, rng.integers(0, 3, 84))
        p = np.full((84, 3), 0.05)
        p[np.arange(84), shown] = 0.9
        ids, labels = [str(i) for i in range(84)], [NAMES[c] for c in truth]
        write_predictions(folder / f"{seed}.parquet", ids, p, NAMES, labels)
    return [folder / "0.parquet", folder / "1.parquet"]


def test_rare_classes_are_named(tmp_path, capsys):
    one, other = rare(tmp_path)
    said = "1 of 3 typologies have fewer than 5 documents: factura (4)"
    numbers = calculated(one, one, tmp_path / "a")
    assert said in numbers["warnings"][0] and said in capsys.readouterr().out
    assert said in (tmp_path / "a" / "report.html").read_text("utf-8")

    said = "1 of 3 classes have fewer than 5 documents: factura (4)"
    words = [str(one), str(other), "--samples", "100", "--output", str(tmp_path / "b")]
    folder = compare.main(words)
    found = json.loads((folder / "compare.json").read_text("utf-8"))
    assert said in found["warnings"][0] and said in capsys.readouterr().out
    for name in ("compare.md", "report.html"):
        text = (folder / name).read_text("utf-8")
        assert said in text and "is said too easily" in text


def test_classes_of_five_are_not_rare(tmp_path):
    rows = "".join(f"{i}.png,{'xy'[i % 2]}\n" for i in range(10))
    truth = write(tmp_path / "t.csv", f"archivo,tipo\n{rows}")
    results = write(tmp_path / "r.csv", f"archivo,prediction\n{rows}")
    assert calculated(results, truth, tmp_path / "a")["warnings"] == []


# What no test held.


def test_verdicts_go_by_holms_correction(tmp_path):
    """Of three comparisons each p-value is corrected, and the verdict is of the corrected one."""
    truth = np.repeat([0, 1, 2], 60)
    files = []
    for seed, right in enumerate((0.9, 0.8, 0.84, 0.82)):
        rng = np.random.default_rng(seed)
        shown = np.where(rng.random(180) < right, truth, (truth + 1) % 3)
        p = np.full((180, 3), 0.05)
        p[np.arange(180), shown] = 0.9
        files.append(str(tmp_path / f"m{seed}.parquet"))
        ids = [str(i) for i in range(180)]
        write_predictions(files[-1], ids, p, NAMES, [NAMES[c] for c in truth])
    folder = compare.main([*files, "--samples", "400", "--output", str(tmp_path / "a")])
    rows = json.loads((folder / "compare.json").read_text("utf-8"))["comparisons"]
    for test in ("p_bootstrap", "p_mcnemar"):
        assert [row[f"{test}_holm"] for row in rows] == holm([row[test] for row in rows])
        assert any(row[f"{test}_holm"] > row[test] for row in rows)
    for row in rows:
        real = "a real difference" if row["p_bootstrap_holm"] < 0.05 else "within chance"
        told = "tells them apart" if row["p_mcnemar_holm"] < 0.05 else "does not tell them apart"
        assert real in row["verdict"] and told in row["verdict"]
    # Where they differ, correcting has changed a verdict: else this test would hold nothing.
    assert any(row["p_mcnemar"] < 0.05 <= row["p_mcnemar_holm"] for row in rows)


def test_monitor_takes_the_latest_answer_by_its_time(tmp_path):
    """The rows are in falling order of time: the last row of a file is its oldest answer."""
    rows = [f"{i}.png,factura,2026-08-0{day}T08:00:00Z" for day in (5, 3) for i in range(50)]
    old = [row.replace("factura", "contrato") if "-03T" in row else row for row in rows]
    files = []
    for name, own in (("antes", rows[:50]), ("ahora", old)):
        text = "\n".join(["archivo,tipo,fecha", *own])
        files.append(write(tmp_path / f"{name}.csv", text))
    code, found = monitored(*files, tmp_path / "a")
    assert code == 0 and [row["class"] for row in found["classes"]["classes"]] == ["factura"]
    assert any("50 repeated and 0 unanswered" in note for note in found["notes"])


def test_a_table_of_excel_that_declares_its_separator(tmp_path):
    truth = write(tmp_path / "t.csv", 'sep=;\narchivo;tipo\n"a;1.png";x\nb.png;y\n')
    results = write(tmp_path / "r.csv", "\ufeffsep=|\r\narchivo|tipo\r\na;1.png|x\r\nb.png|y\r\n")
    numbers = calculated(results, truth, tmp_path / "a")
    assert numbers["accuracy"] == 1 and numbers["counts"]["result_rows"] == 2
