"""Joining results to the ground truth, with every file accounted for; groups of typologies; pages
of documents.
"""

import re

import pandas as pd
import pytest

from utils.errors import InputError
from wf_metrics.matching import match
from wf_metrics.unify import check_pattern, documents_of, group_documents, read_unify, resolve


def results_of(*rows) -> pd.DataFrame:
    """Results of (key, prediction, confidence, time), the last two may be left out."""
    rows = [(*row, None, None)[:4] for row in rows]
    keys, predictions, confidences, times = zip(*rows, strict=True)
    return pd.DataFrame(
        {
            "key": pd.Series(keys, dtype="str"),
            "prediction": pd.Series(predictions, dtype="str"),
            "confidence": pd.Series(confidences, dtype=float),
            "time": pd.to_datetime(pd.Series(times), utc=True),
            "row": range(1, len(rows) + 1),
        }
    )


def truth_of(*rows) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["key", "truth"], dtype="str")
    return frame.assign(path=frame["key"])


def matched(results, truth, **options):
    """What was matched; every file and row must be accounted for, whatever the input."""
    found = match(results, truth, **options)
    c = found.counts
    assert c["ground_truth_files"] == c["files_scored_or_missing"] + c["ambiguous"]
    assert c["files_scored_or_missing"] == c["matched"] + c["missing"] == len(found.files)
    assert len(truth) == c["ground_truth_files"] + c["repeated_in_ground_truth"] + sum(
        text.count(", ")
        for text in found.unmatched.loc[found.unmatched["reason"] == "ambiguous", "detail"]
    )
    assert (
        c["result_rows"]
        == len(results)
        == (
            c["matched"]
            + c["missing_without_prediction"]
            + c["extra"]
            + c["results_of_ambiguous"]
            + c["duplicate_rows_set_aside"]
            + c["rows_without_file_name"]
        )
    )
    listed = found.unmatched["reason"].value_counts()
    for reason, count in {
        "missing": "missing",
        "extra": "extra",
        "ambiguous": "ambiguous",
        "duplicate": "duplicate_files",
    }.items():
        assert listed.get(reason, 0) == c[count]
    assert found.files["name"].is_unique
    return found


def predictions(found) -> dict:
    return {
        row["name"]: row["prediction"] if isinstance(row["prediction"], str) else None
        for row in found.files.to_dict("records")
    }


def nonzero(found) -> dict:
    return {name: n for name, n in found.counts.items() if n}


PLAIN = truth_of(("x/a.png", "x"), ("x/b.png", "x"), ("y/c.png", "y"))


def test_all_matched_by_the_end_of_their_paths():
    keys = "s3://cubo/caso/a.png", "..\\..\\entrada\\b.png", "../../c.png"
    found = matched(results_of(*zip(keys, "xyy", strict=True)), PLAIN)
    assert predictions(found) == {"a.png": "x", "b.png": "y", "c.png": "y"}
    assert found.files["truth"].to_list() == ["x", "x", "y"] and found.files["path"][0] == "x/a.png"
    assert found.unmatched.empty and found.extension == "keep"


def test_missing_unanswered_extra_and_nameless():
    found = matched(
        results_of(
            ("a.png", "x", 0.9),
            ("b.png", "", 0.8),
            ("ajeno.png", "x"),
            ("carpeta/", "x"),
            ("otra\\", "x"),
            ("", "x"),
            (None, "x"),
        ),
        PLAIN,
    )
    assert predictions(found) == {"a.png": "x", "b.png": None, "c.png": None}
    assert found.files["confidence"].isna().to_list() == [
        False,
        True,
        True,
    ]  # of no answer there is no confidence
    assert found.unmatched.to_numpy().tolist() == [
        ["c.png", "missing", "no result"],
        ["b.png", "missing", "its result has no prediction"],
        ["ajeno.png", "extra", "not in the ground truth"],
    ]
    assert nonzero(found) == {
        "ground_truth_files": 3,
        "files_scored_or_missing": 3,
        "matched": 1,
        "missing": 2,
        "missing_without_prediction": 1,
        "result_rows": 7,
        "extra": 1,
        "rows_without_file_name": 4,
    }


EXTENSIONS = {  # keys of results and truth; extension asked for; the one used; matched files
    "same": (["a.png", "b.png"], ["a.png", "b.png"], "auto", "keep", 2),
    "other endings": (["a.json", "b.txt"], ["a.png", "b.PDF"], "auto", "ignore", 2),
    "none in the results": (["a", "b"], ["a.png", "b.tiff"], "auto", "ignore", 2),
    "some": (["a.png", "b.json"], ["a.png", "b.png"], "auto", "ignore", 2),
    "kept though others would match": (["a.png", "b.json"], ["a.png", "b.png"], "keep", "keep", 1),
    "dots in names": (["acta.v1.2", "b"], ["acta.v1.2", "b"], "auto", "keep", 2),
    "a dot is no ending": (["acta.v1", "b.png"], ["acta.v2", "b.png"], "ignore", "ignore", 1),
    "not the folder's dot": (["caso.png/a", "b"], ["a.png", "b.png"], "auto", "ignore", 2),
}


@pytest.mark.parametrize("case", EXTENSIONS)
def test_extensions(case):
    keys, truths, asked, used, n = EXTENSIONS[case]
    results, truth = (
        results_of(*((key, "x") for key in keys)),
        truth_of(*((key, "x") for key in truths)),
    )
    found = matched(results, truth, extension=asked)
    assert found.extension == used and found.counts["matched"] == n


def test_two_files_that_differ_by_their_ending():
    truth = truth_of(("a.png", "x"), ("a.pdf", "y"), ("b.png", "x"))
    results = results_of(("a.png", "x"), ("b.png", "x"))
    assert predictions(matched(results, truth)) == {"a.png": "x", "a.pdf": None, "b.png": "x"}
    found = matched(results, truth, extension="ignore")
    assert nonzero(found)["ambiguous"] == nonzero(found)["results_of_ambiguous"] == 1
    assert predictions(found) == {"b": "x"}


def test_case():
    results = results_of(("A.PNG", "x"), ("Ñandú.png", "y"))
    truth = truth_of(("a.png", "x"), ("ñandú.png", "y"))
    assert nonzero(matched(results, truth, case="ignore"))["matched"] == 2
    with pytest.raises(InputError, match="no file of the ground truth has a result"):
        match(results, truth)


@pytest.mark.parametrize(
    "order, counted",
    [
        ([("x", "2026-01-03"), ("y", "2026-01-01"), ("z", "2026-01-02")], "x"),  # the latest
        ([("x", None), ("y", None), ("z", None)], "z"),  # without times the last
        (
            [("x", "2026-01-01"), ("y", None), ("z", None)],
            "x",
        ),  # one with a time before those without
        (
            [("x", "2026-01-03"), ("y", "2026-01-03"), ("z", "2026-01-02")],
            "y",
        ),  # of one time the last
    ],
)
def test_duplicates(order, counted):
    rows = [
        ("carpeta/a.png" if i else "a.png", name, 0.1 * i, time)
        for i, (name, time) in enumerate(order)
    ]
    found = matched(results_of(*rows, ("b.png", "x")), PLAIN)
    assert predictions(found)["a.png"] == counted
    assert found.files["row"][0] == [name for name, _ in order].index(counted) + 1
    assert (
        nonzero(found)["duplicate_files"] == 1 and nonzero(found)["duplicate_rows_set_aside"] == 2
    )
    assert found.unmatched.to_numpy().tolist()[-1] == [
        "a.png",
        "duplicate",
        f"3 results (x, y, z); counted: {counted}",
    ]


def test_duplicates_of_files_that_are_not_scored_are_only_set_aside():
    found = matched(results_of(("a.png", "x"), ("extra.png", "x"), ("extra.png", "y")), PLAIN)
    assert nonzero(found)["extra"] == 1 and nonzero(found)["duplicate_rows_set_aside"] == 1
    assert "duplicate_files" not in nonzero(found)


def test_ambiguous_and_repeated_names():
    truth = truth_of(
        ("x/a.png", "x"),
        ("y/a.png", "y"),
        ("x/b.png", "x"),
        ("x/2026/b.png", "x"),
        ("y/c.png", "y"),
    )
    found = matched(results_of(("a.png", "x"), ("b.png", "x"), ("c.png", "y")), truth)
    assert predictions(found) == {"b.png": "x", "c.png": "y"}
    assert found.unmatched.to_numpy().tolist() == [["a.png", "ambiguous", "in x, y"]]
    assert nonzero(found) == {
        "ground_truth_files": 3,
        "files_scored_or_missing": 2,
        "matched": 2,
        "ambiguous": 1,
        "repeated_in_ground_truth": 1,
        "result_rows": 3,
        "results_of_ambiguous": 1,
    }


def test_no_match_shows_both_sides():
    with pytest.raises(InputError) as error:
        match(
            results_of(*((f"r{i}.png", "x") for i in range(9))),
            truth_of(*((f"t{i}.png", "x") for i in range(5))),
        )
    assert "it has 't0.png', 't1.png', 't2.png', 't3.png', 't4.png';" in str(error.value)
    assert "'r4.png' …; see --key_column, --extension and --case" in str(error.value)
    with pytest.raises(InputError, match="every file name .* in two typologies, such as 'a.png'"):
        match(results_of(("a.png", "x")), truth_of(("x/a.png", "x"), ("y/a.png", "y")))


# Groups of typologies.


def unify_file(tmp_path, text):
    path = tmp_path / "unify.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_names_are_read_as_they_are_written(tmp_path):
    text = (
        "\ufeff# comentario\n01: uno\n1: no\nno: null\nnull: ~\n2020-01-01: 1e3\n"
        "'a: b': \"c # d\"\n"
        "factura (común): x\nn\u0303: y\n"
    )
    assert read_unify(unify_file(tmp_path, text)) == {
        "01": "uno",
        "1": "no",
        "no": "null",
        "null": "~",
        "2020-01-01": "1e3",
        "a: b": "c # d",
        "factura (común)": "x",
        "ñ": "y",
    }


REFUSED_MAPS = {
    "empty": ("", "no 'typology: group' lines"),
    "a list": ("- x\n", "no 'typology: group' lines"),
    "nested": ("x: y\ngrupo:\n  - a\n  - b\n", "line 2: not 'typology: group'"),
    "no group": ("x:\n", "line 1: not 'typology: group'"),
    "no group in quotes": ("x: ''\n", "line 1"),
    "twice": ("x: y\nz: y\nx: z\n", "line 3: 'x' occurs twice"),
    "twice, once decomposed": ("ñ: y\nn\u0303: z\n", "line 2: 'ñ' occurs twice"),
    "no yaml": ("x: y: z\n", "not valid YAML"),
    "two documents": ("x: y\n---\nx: y\n", "not valid YAML"),
    "latin-1": ("año: y\n".encode("latin-1"), "not UTF-8; save it as UTF-8"),
}


@pytest.mark.parametrize("case", REFUSED_MAPS)
def test_maps_that_are_refused(case, tmp_path):
    text, words = REFUSED_MAPS[case]
    with pytest.raises(InputError, match=re.escape(words)) as error:
        read_unify(unify_file(tmp_path, text))
    assert "unify.yaml" in str(error.value)
    with pytest.raises(InputError, match="cannot be read"):
        read_unify(tmp_path / "otra.yaml")


def test_chains_and_what_is_not_in_the_map():
    groups = {"a": "b", "b": "c", "d": "d", "e": "nuevo"}
    assert resolve(groups, set("abcdef")) == {
        "a": "c",
        "b": "c",
        "c": "c",
        "d": "d",
        "e": "nuevo",
        "f": "f",
    }
    assert resolve({}, {"a"}) == {"a": "a"}


def test_circles():
    with pytest.raises(InputError, match="a → b → c → a goes in a circle; remove one line"):
        resolve({"a": "b", "b": "c", "c": "a"}, set("abc"))


def test_unknown_names():
    with pytest.raises(
        InputError, match=r"u.yaml: 'facturas', 'x' occur neither .*, did you mean 'factura'\?"
    ):
        resolve({"facturas": "g", "x": "g", "factura": "g"}, {"factura", "contrato"}, "u.yaml")
    known = resolve({"factura": "facturas", "facturas": "g"}, {"factura"}, unknown="list")
    assert known == {"factura": "g", "facturas": "g"}
    with pytest.raises(InputError, match=r"'n0', 'n1', 'n2', 'n3', 'n4' and 2 more occur neither"):
        resolve({f"n{i}": "g" for i in range(7)}, {"factura"})


# Pages of documents.

PAGE = re.compile(r"^(.+)_p\d+$")


def pages(*rows) -> pd.DataFrame:
    """Pages of (name, truth, prediction, confidence, day of the month)."""
    rows = [(*row, None, None, None)[:5] for row in rows]
    frame = pd.DataFrame(rows, columns=["name", "truth", "prediction", "confidence", "day"])
    times = pd.to_datetime(
        ["2026-08-" + f"{day:02}" if day else None for day in frame["day"].fillna(0).astype(int)],
        utc=True,
    )
    return frame.assign(
        path="ruta/" + frame["name"], time=times, confidence=frame["confidence"].astype(float)
    )


def test_documents_of():
    names = pd.Series(["c_1_p1.png", "c_1_p2.PDF", "c_1.png", "a.png", "a.pdf", "_p3.png"])
    assert documents_of(names, PAGE).to_list() == [
        "c_1",
        "c_1",
        "c_1.png",
        "a.png",
        "a.pdf",
        "_p3.png",
    ]
    assert documents_of(pd.Series(["7-a", "x"]), re.compile(r"^(\d+)?-?")).to_list() == ["7", "x"]
    with pytest.raises(InputError, match="in no file's name, such as 'a.png'; correct the pattern"):
        documents_of(pd.Series(["a.png", "b.png"]), PAGE)


TIES = {  # (prediction, confidence) of pages 1, 2, 3 …; the document's prediction and confidence
    "most pages": ([("x", 0.1), ("y", 0.9), ("x", 0.2)], "x", 0.15),
    "pages without a result do not vote": ([(None, None), (None, 0.9), ("y", 0.3)], "y", 0.3),
    "the higher sum": ([("x", 0.5), ("y", 0.6)], "y", 0.6),
    "the sum, not the highest": ([("x", 0.9), ("y", 0.7), ("y", 0.4), ("x", 0.1)], "y", 0.55),
    "the first page": ([("y", 0.5), ("x", 0.5)], "y", 0.5),
    "the first page, without confidences": ([("y", None), ("x", None)], "y", None),
    "no result at all": ([(None, None), (None, None)], None, None),
    "some confidences": ([("x", 0.4), ("x", None), ("y", 0.9)], "x", 0.4),
}


@pytest.mark.parametrize("case", TIES)
@pytest.mark.parametrize("reverse", [False, True])
def test_the_prediction_of_a_document(case, reverse):
    answers, prediction, confidence = TIES[case]
    rows = [(f"d_p{i}.png", "x", *answer, i) for i, answer in enumerate(answers, 1)]
    documents, mixed = group_documents(pages(*(reversed(rows) if reverse else rows)), PAGE)
    assert len(documents) == 1 and mixed.empty
    row = documents.iloc[0]
    assert (row["name"], row["truth"], row["path"]) == ("d", "x", "ruta/d_p1.png") and row[
        "time"
    ].day == len(answers)
    assert row["prediction"] == prediction or prediction is None and pd.isna(row["prediction"])
    assert (
        row["confidence"] == pytest.approx(confidence) if confidence else pd.isna(row["confidence"])
    )


def test_documents_of_several_truths_are_set_aside():
    documents, mixed = group_documents(
        pages(
            ("d_p1.png", "x", "x", 0.9),
            ("d_p2.png", "y", "x", 0.9),
            ("e_p1.png", "y", "y", 0.9),
            ("f.png", "x", "y", 0.2),
        ),
        PAGE,
    )
    assert documents["name"].to_list() == ["e", "f.png"] and documents["prediction"].to_list() == [
        "y",
        "y",
    ]
    assert mixed["name"].to_list() == ["d_p1.png", "d_p2.png"]


@pytest.mark.parametrize(
    "pattern, words", [("(", "not a regular expression"), ("a", "no group in it")]
)
def test_patterns_that_are_refused(pattern, words):
    with pytest.raises(InputError, match=f"--document_pattern {re.escape(repr(pattern))}: {words}"):
        check_pattern(pattern)
