"""Every number of wf_metrics.json against scikit-learn's or counted by hand, on random data and at
the edges.
"""

from itertools import product
from operator import itemgetter

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    confusion_matrix,
    log_loss,
    precision_recall_fscore_support,
    top_k_accuracy_score,
)

from utils.errors import InputError
from utils.predictions import write_predictions
from wf_metrics import scoring
from wf_metrics.measure import MetricsArguments, measure
from wf_metrics.scoring import NO_RESULT, errors_of, over_time, score, unknown_labels

TYPOLOGIES = ("01", "NA", "acta", "cédula", "contrato", "factura", "recibo", "rara")
STRANGERS = ("Factura de venta", "otro")  # predicted, never true
GROUPS = {"factura": "cobros", "recibo": "cobros", "otro": "acta", "NA": "01"}
pytestmark = pytest.mark.filterwarnings(
    "ignore:y_pred contains classes not in y_true", "ignore:A single label was"
)


@pytest.fixture(scope="module")
def data() -> pd.DataFrame:
    """Documents of two pages with truth and prediction (null: no result), confidence, time."""
    rng = np.random.default_rng(0)
    n = 150
    truth = np.repeat(rng.choice(TYPOLOGIES[:-1], n, p=[0.3, 0.05, 0.1, 0.25, 0.1, 0.15, 0.05]), 2)
    truth[-2:] = "rara"
    wrong = rng.choice([*TYPOLOGIES[:-1], *STRANGERS], 2 * n)
    prediction = np.where(rng.random(2 * n) < 0.6, truth, wrong).astype(object)
    prediction[-2:] = "otro"  # a class that is never found
    prediction[rng.random(2 * n) < 0.1] = None
    confidence = np.where(rng.random(2 * n) < 0.1, np.nan, rng.random(2 * n).round(3))
    times = pd.Timestamp("2026-08-03", tz="UTC") + pd.to_timedelta(
        rng.integers(0, 40 * 86_400, 2 * n), unit="s"
    )
    names = [f"doc_{i // 2:03}_p{i % 2}.png" for i in range(2 * n)]
    frame = pd.DataFrame(
        {
            "name": names,
            "truth": truth,
            "prediction": prediction,
            "confidence": confidence,
            "time": times,
        }
    )
    # Without a result there is neither, whether the row is there without an answer or not there at
    # all.
    return frame.assign(confidence=frame["confidence"].where(frame["prediction"].notna()))


def measured(data, folder, **options):
    rows = data[data["prediction"].notna() | (np.arange(len(data)) % 2 == 0)]
    results = pd.DataFrame(
        {
            "archivo": "s3://cubo/" + rows["name"],
            "tipo": rows["prediction"],
            "confianza": rows["confidence"],
            "fecha": rows["time"],
        }
    )
    results.sample(frac=1, random_state=0).to_csv(folder / "results.csv", index=False)
    data[["name", "truth"]].to_csv(folder / "truth.csv", index=False)
    return measure(
        MetricsArguments(
            [str(folder / "results.csv")], str(folder / "truth.csv"), samples=100, **options
        )
    )


@pytest.fixture(scope="module")
def plain(data, tmp_path_factory):
    """The data measured as they are."""
    return measured(data, tmp_path_factory.mktemp("plain"))


def sklearn_numbers(y_true, y_pred) -> dict:
    """The suite's metrics as scikit-learn has them; a missing result is a class of its own that is
    never true.
    """
    y_true, y_pred = (
        np.asarray(y_true, dtype=str),
        np.where(pd.isna(y_pred), "∅", y_pred).astype(str),
    )
    numbers = {
        "accuracy": accuracy_score(y_true, y_pred),
        "balanced_accuracy": balanced_accuracy_score(y_true, y_pred),
    }
    for average in ("macro", "weighted"):
        found = precision_recall_fscore_support(
            y_true, y_pred, labels=np.unique(y_true), average=average, zero_division=0
        )
        numbers |= {
            f"{average}_{name}": value
            for name, value in zip(("precision", "recall", "f1"), found[:3], strict=True)
        }
    return numbers


def taken(numbers, names) -> dict:
    return {name: numbers[name] for name in names}


@pytest.mark.parametrize("missing", ["wrong", "exclude"])
def test_metrics(data, plain, tmp_path, missing):
    numbers = (plain if missing == "wrong" else measured(data, tmp_path, missing=missing)).numbers
    rows = data if missing == "wrong" else data[data["prediction"].notna()]
    expected = sklearn_numbers(rows["truth"], rows["prediction"])
    assert taken(numbers, expected) == pytest.approx(expected, abs=1e-12)
    assert numbers["accuracy_unifying"] == numbers["accuracy"]
    for name, interval in numbers["unifying"]["intervals"].items():
        assert interval == numbers["intervals"][name]
    counts, answered = numbers["counts"], int(data["prediction"].notna().sum())
    assert counts["scored"] == len(rows) and counts["right"] == int(
        (rows["truth"] == rows["prediction"]).sum()
    )
    assert counts["matched"] == answered and counts["missing"] == len(data) - answered
    assert (
        counts["missing_without_prediction"] > 0
        and counts["missing"] > counts["missing_without_prediction"]
    )
    assert numbers["coverage"] == answered / len(data)
    for name, right, n in [
        ("accuracy", counts["right"], len(rows)),
        ("coverage", answered, len(data)),
    ]:
        interval = binomtest(right, n).proportion_ci(0.95, method="wilson")
        assert numbers["intervals"][name] == pytest.approx([interval.low, interval.high])
    for name in ("balanced_accuracy", "macro_f1"):
        low, high = numbers["intervals"][name]
        assert low < numbers[name] < high


def test_tables(data, plain):
    scores = plain.scores
    y_pred = data["prediction"].fillna(NO_RESULT)
    names = [*sorted({*TYPOLOGIES, *STRANGERS}), NO_RESULT]
    assert scores.names == names
    np.testing.assert_array_equal(
        scores.confusion, confusion_matrix(data["truth"], y_pred, labels=names)
    )
    table = scores.per_typology.set_index("typology")
    assert table.index.to_list() == names[:-1]
    values = precision_recall_fscore_support(
        data["truth"], y_pred, labels=names[:-1], zero_division=0
    )
    for name, *expected in zip(names, *values, strict=False):
        row = table.loc[name]
        assert row["support"] == expected[3] and row["predicted"] == (y_pred == name).sum()
        assert row["precision"] == pytest.approx(expected[0])
        if name in STRANGERS:
            assert row[["recall", "recall_low", "recall_high", "f1"]].isna().all()
        else:
            hits = int(((data["truth"] == name) & (y_pred == name)).sum())
            interval = binomtest(hits, int(expected[3])).proportion_ci(0.95, method="wilson")
            assert row[["recall", "f1", "recall_low", "recall_high"]].to_list() == pytest.approx(
                [expected[1], expected[2], interval.low, interval.high]
            )


def test_confidences(data, plain):
    numbers = plain.numbers
    right, confidence = data["truth"] == data["prediction"], data["confidence"]
    for row in numbers["thresholds"]:
        kept = confidence >= row["confidence_from"]
        assert row["documents"] == kept.sum() and row["coverage"] == kept.sum() / len(data)
        assert row["errors"] == (kept & ~right).sum()
        assert row["accuracy"] == (pytest.approx(right[kept].mean()) if kept.any() else None)
    assert numbers["thresholds"][0]["documents"] == confidence.notna().sum() < len(data)
    ece = 0
    for m in range(15):
        own = (confidence > m / 15) & (confidence <= (m + 1) / 15) | (confidence == 0) & (m == 0)
        ece += abs(right[own].mean() - confidence[own].mean()) * own.sum() if own.any() else 0
    assert numbers["ece"] == pytest.approx(ece / confidence.notna().sum())


def test_unified_typologies(data, tmp_path):
    (tmp_path / "unify.yaml").write_text(
        "".join(f"{a}: {b}\n" for a, b in GROUPS.items()), encoding="utf-8"
    )
    found = measured(data, tmp_path, unify=str(tmp_path / "unify.yaml"))
    expected = sklearn_numbers(data["truth"].replace(GROUPS), data["prediction"].replace(GROUPS))
    assert taken(found.numbers["unifying"], expected) == pytest.approx(expected, abs=1e-12)
    assert found.numbers["accuracy_unifying"] == pytest.approx(expected["accuracy"])
    assert found.numbers["accuracy"] == pytest.approx(
        accuracy_score(data["truth"], data["prediction"].fillna("∅"))
    )
    assert found.numbers["unifying"]["groups"] == GROUPS
    assert found.numbers["unifying"]["unmapped"] == sorted({*TYPOLOGIES, *STRANGERS} - set(GROUPS))
    assert set(found.unified.names) == {*TYPOLOGIES, *STRANGERS, "cobros", NO_RESULT} - set(GROUPS)


def test_unified_pages(data, tmp_path):
    found = measured(data, tmp_path, document_pattern="^(.+)_p[0-9]$")
    pairs = data.assign(document=data["name"].str[:7]).groupby("document")
    truth, prediction = pairs["truth"].first(), [vote_of_two(pages) for _, pages in pairs]
    expected = sklearn_numbers(truth, np.array(prediction, dtype=object))
    assert taken(found.numbers["unifying"], expected) == pytest.approx(expected, abs=1e-12)
    assert found.documents["name"].to_list() == truth.index.to_list()
    assert (
        found.numbers["counts"]["scored"]
        == len(data)
        == 2 * found.numbers["counts"]["scored_unifying"]
    )
    times = found.files.groupby(found.files["name"].str[:7])["time"].max()
    assert found.documents["time"].to_list() == times.to_list()


def vote_of_two(pages: pd.DataFrame):
    """The answer of two pages: the one they share, else the surer, else the first."""
    answers = [
        (answer, sure if sure == sure else 0)
        for answer, sure in zip(pages["prediction"], pages["confidence"], strict=True)
        if answer == answer
    ]
    return max(answers, key=itemgetter(1))[0] if answers else None


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A predictions parquet with its truths: (path, truths, probabilities, names); every seventh
    row is of no file.
    """
    rng = np.random.default_rng(3)
    names, n = sorted(TYPOLOGIES), 210
    probabilities = rng.dirichlet(np.full(len(names), 0.4), n).astype(np.float32)
    truth = rng.choice(names[:-2], n)
    path = tmp_path_factory.mktemp("table") / "predictions_test.parquet"
    write_predictions(path, [f"a/{i}" for i in range(n)], probabilities, names)
    return path, truth, probabilities, names


def with_truth(path, folder, rows) -> dict:
    pd.DataFrame(rows, columns=["archivo", "tipo"]).to_csv(folder / "truth.csv", index=False)
    return measure(MetricsArguments([str(path)], str(folder / "truth.csv"), samples=100)).numbers


def test_probabilities(table, tmp_path):
    path, truth, probabilities, names = table
    scored = np.arange(len(truth)) % 7 > 0
    rows = [(f"{i}.png", truth[i]) for i in np.flatnonzero(scored)[::-1]]
    numbers = with_truth(path, tmp_path, [*rows, ("sin_resultado.png", "acta")])
    assert numbers["counts"]["missing"] == 1 and numbers["counts"]["extra"] == (~scored).sum()
    assert numbers["log_loss"] == pytest.approx(
        log_loss(truth[scored], probabilities[scored], labels=names), rel=1e-5
    )
    top = top_k_accuracy_score(truth[scored], probabilities[scored], k=3, labels=names)
    assert numbers["top_3_accuracy"] == pytest.approx(top)
    predicted = np.array(names)[probabilities[scored].argmax(1)]
    expected = sklearn_numbers([*truth[scored], "acta"], [*predicted, None])
    assert taken(numbers, expected) == pytest.approx(expected, abs=1e-12)


def test_a_truth_that_the_model_does_not_know(table, tmp_path):
    path, truth, probabilities, names = table
    numbers = with_truth(path, tmp_path, [("0.png", "nueva"), ("1.png", truth[1])])
    p = probabilities[1, names.index(truth[1])]
    assert numbers["log_loss"] == pytest.approx(
        (-np.log(np.finfo(np.float32).eps) - np.log(p)) / 2, rel=1e-5
    )
    assert numbers["top_3_accuracy"] == ((probabilities[1] > p).sum() < 3) / 2
    csv = pd.DataFrame({"id": ["0", "1"], "prediction": ["acta", truth[1]]})
    csv.to_csv(tmp_path / "r.csv", index=False)
    assert not {"log_loss", "top_3_accuracy"} & set(
        with_truth(tmp_path / "r.csv", tmp_path, [("0", "acta")])
    )


SPANS = [
    ("1s", "h", "%Y-%m-%d %H:00"),
    ("47h", "h", "%Y-%m-%d %H:00"),
    ("60D", "D", "%Y-%m-%d"),
    ("700D", "W-SUN", "%Y-%m-%d"),
    ("9000D", "M", "%Y-%m"),
]


@pytest.mark.parametrize("span, unit, form", SPANS)
def test_over_time(span, unit, form):
    rng = np.random.default_rng(0)
    n = 200
    start, seconds = pd.Timestamp("2026-01-05 10:00", tz="UTC"), pd.Timedelta(span).total_seconds()
    times = (
        (start + pd.to_timedelta(rng.random(n) * seconds, unit="s"))
        .to_series(index=range(n))
        .astype("datetime64[us, UTC]")
    )
    times[:2], times[2:9] = (start, start + pd.Timedelta(span)), pd.NaT
    files = pd.DataFrame(
        {"truth": "x", "prediction": rng.choice(["x", "y", None], n), "time": times}
    )
    found = over_time(files)
    right = (files["prediction"] == "x")[times.notna()]
    groups = right.groupby(
        times.dropna().dt.tz_localize(None).dt.to_period(unit).dt.start_time.dt.strftime(form)
    )
    assert [(p["period"], p["documents"], p["accuracy"]) for p in found] == [
        (period, len(values), pytest.approx(values.mean())) for period, values in groups
    ]
    assert sum(p["documents"] for p in found) == n - 7
    assert all(p["interval"][0] - 1e-12 <= p["accuracy"] <= p["interval"][1] + 1e-12 for p in found)
    assert over_time(files.assign(time=pd.NaT)) == []


def test_confusions_and_errors(data, plain):
    wrong = data[data["truth"] != data["prediction"].fillna("")].assign(
        prediction=data["prediction"].fillna(NO_RESULT)
    )
    pairs = wrong.groupby(["truth", "prediction"]).size().sort_values(ascending=False)
    confusions = plain.numbers["confusions"]
    assert [c["documents"] for c in confusions] == pairs.head(15).to_list()
    support = data["truth"].value_counts()
    for c in confusions:
        own = wrong[(wrong["truth"] == c["truth"]) & (wrong["prediction"] == c["prediction"])]
        assert c["documents"] == len(own) and c["share_of_truth"] == len(own) / support[c["truth"]]
        ordered = own.sort_values("confidence", ascending=False, kind="stable")["name"]
        assert c["files"] == ordered.head(5).to_list()
    errors = errors_of(plain.files)
    assert sorted(errors["file"]) == sorted(wrong["name"])
    assert errors["confidence"].dropna().is_monotonic_decreasing
    known = int(errors["confidence"].notna().sum())
    assert errors["confidence"][:known].notna().all() and set(
        errors["prediction"][known:].dropna()
    ) < set(wrong["prediction"])


def test_unknown_labels(data, plain):
    found = plain.numbers["unknown_labels"]
    rows = data["prediction"].value_counts()
    assert {u["prediction"]: u["rows"] for u in found} == {name: rows[name] for name in STRANGERS}
    assert found == unknown_labels(data["prediction"], set(TYPOLOGIES))
    like = {
        u["prediction"]: u["like"]
        for u in unknown_labels(
            pd.Series(["FACTURA", "facturas", "cedula", "xyz", " acta"]), set(TYPOLOGIES)
        )
    }
    assert like == {
        "FACTURA": "factura",
        "facturas": "factura",
        "cedula": "cédula",
        "xyz": None,
        " acta": "acta",
    }


EDGES = {
    "one file": (["x"], ["x"], 1.0, 1.0),
    "all wrong": (["x", "y"], ["y", "x"], 0.0, 0.0),
    "no result at all": (["x", "y"], [None, None], 0.0, 0.0),
    "one typology": (["x"] * 3, ["x", "x", "y"], 2 / 3, 0.8),
    "only strangers": (["x", "y"], ["z", "w"], 0.0, 0.0),
}


@pytest.mark.parametrize("case", EDGES)
def test_edges(case):
    truth, prediction, accuracy, macro_f1 = EDGES[case]
    scores = score(pd.Series(truth, dtype="str"), pd.Series(prediction, dtype="str"), 100, 0)
    assert scores.metrics["accuracy"] == pytest.approx(accuracy)
    assert scores.metrics["macro_f1"] == pytest.approx(macro_f1)
    assert scores.metrics == pytest.approx(
        sklearn_numbers(truth, np.array(prediction, dtype=object))
    )
    assert all(0 <= low <= high <= 1 for low, high in scores.intervals.values())


def test_a_typology_that_is_called_like_a_missing_result():
    names = [NO_RESULT, "label"]
    truth = pd.Series([*names, *names], dtype="str")
    scores = score(truth, pd.Series([*names, None, None], dtype="str"), 100, 0)
    assert scores.per_typology[
        ["typology", "support", "predicted", "recall"]
    ].to_numpy().tolist() == [[name, 2, 1, 0.5] for name in names]
    assert scores.confusion.tolist() == [[1, 0, 1], [0, 1, 1], [0, 0, 0]]


def test_too_many_names(monkeypatch):
    """A column of free texts would make a confusion matrix that no memory holds."""
    monkeypatch.setattr(scoring, "MOST_NAMES", 9)
    names = pd.Series(["".join(pair) for pair in product("abcde", repeat=2)], dtype="str")
    with pytest.raises(
        InputError, match="25 different typologies, such as 'aa', more than 9; check --truth"
    ):
        score(names, names, 100, 0)
