"""Workflow results of every form are read as one table, columns are found, values stay what they
are.
"""

import builtins
import csv
import gzip
import json
import unicodedata

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from utils.errors import InputError
from utils.predictions import write_predictions
from utils.records import csv_blocks
from wf_metrics.columns import Columns
from wf_metrics.dynamodb import cell_value, flat, header_name, untyped
from wf_metrics.ground_truth import read_ground_truth
from wf_metrics.result_files import kind_of
from wf_metrics.results import read_results

UNTYPED = [
    ({"S": "año"}, "año"),
    ({"N": "0.10"}, "0.10"),
    ({"B": "aGk="}, "aGk="),
    ({"BOOL": False}, False),
    ({"NULL": True}, None),
    ({"M": {"a": {"S": "x"}, "b": {"M": {"c": {"N": "1"}}}}}, {"a": "x", "b": {"c": "1"}}),
    ({"L": [{"S": "x"}, {"L": [{"N": "2"}, {"NULL": True}]}]}, ["x", ["2", None]]),
    ({"SS": ["a", "b"]}, ["a", "b"]),
    ({"NS": ["1", "2.5"]}, ["1", "2.5"]),
    ({"BS": ["aGk="]}, ["aGk="]),
    ([{"S": "x"}], ["x"]),
    ({"a": {"S": "x"}, "b": 1}, {"a": "x", "b": 1}),
    ({"S": {"N": "1"}}, {"S": "1"}),  # an attribute that is called S
    ({"L": "x"}, {"L": "x"}),
    ({"S": "x", "N": "1"}, {"S": "x", "N": "1"}),
    ({}, {}),
    ("x", "x"),
    (None, None),
]
CELLS = [
    ('[{"S": "x"}, {"N": "01"}]', ["x", "01"]),
    ('{"a": {"M": {"b": {"BOOL": true}}}}', {"a": {"b": True}}),
    ('{"S": "x"}', "x"),
    ('["a", 1.50]', ["a", "1.50"]),
    ('{ "a", "b" }', ["a", "b"]),  # a set of the console of 2019
    ("{ 1, 2 }", ["1", "2"]),
    (' {"a": "x"} ', {"a": "x"}),
    ("[2024] informe.png", "[2024] informe.png"),
    ("{borrador} a.png", "{borrador} a.png"),
    ("[", "["),
    ("[" * 100_000, "[" * 100_000),
    ("0123", "0123"),
    ("", ""),
]
HEADERS = {
    "id (S)": "id",
    "páginas (L)": "páginas",
    "confianza  (N) ": "confianza",
    "total (COP)": "total (COP)",
    "id(S)": "id(S)",
    "a (S) (N)": "a (S)",
    "(S)": "(S)",
    "línea\ndos (BOOL)": "línea\ndos",
}
FLAT = [
    ({"a": {"b": "x", "c": {"d": "y"}}}, {"a.b": "x", "a.c.d": "y"}),
    ({"a": ["x", "y"]}, {"a.0": "x", "a.1": "y"}),
    ({"a": ["x"]}, {"a": "x", "a.0": "x"}),
    ({"a": [{"label": "x"}]}, {"a.0.label": "x"}),
    ({"a": [], "b": {}}, {}),
    ({"a": True, "b": None, "c": 1.5, "d": "01"}, {"a": "true", "b": None, "c": "1.5", "d": "01"}),
]


@pytest.mark.parametrize("typed, plain", UNTYPED)
def test_untyped(typed, plain):
    assert untyped(typed) == plain


@pytest.mark.parametrize("text, value", CELLS)
def test_cell_value(text, value):
    assert cell_value(text) == value


def test_header_name():
    assert {name: header_name(name) for name in HEADERS} == HEADERS


@pytest.mark.parametrize("record, expected", FLAT)
def test_flat(record, expected):
    assert flat(record) == expected


# One table in every form. The third item has neither answer nor time.

KEYS = ["s3://cubo/caso/año_01.png", 'b, "dos".png', "c.png"]
PREDICTIONS, CONFIDENCES = ["cédula", "01", None], [0.95, 0.5, np.nan]
TIMES = ["2026-08-03T08:30:00Z", "2026-08-03T08:31:00.250Z", None]
HEADER = '"id","archivo","tipo","confianza","procesado","páginas","ocr"\n'
ROWS = (
    '"1","s3://cubo/caso/año_01.png","cédula","0.95","2026-08-03T08:30:00Z",'
    r'"[{""N"":""1""},{""N"":""2""}]","{""nota"":{""S"":""una \""cita\""""}}"'
    "\n"
    '"2","b, ""dos"".png","01","0.5","2026-08-03T08:31:00.250Z","[]","línea\ndos"\n'
    '"3","c.png","","","","",""\n'
)
HEADER_2019 = (
    '"id (S)","archivo (S)","tipo (S)","confianza (N)","procesado (S)","páginas (L)","ocr (M)"\n'
)
WORKBENCH = """archivo,tipo,confianza,procesado,páginas
s3://cubo/caso/año_01.png,cédula,0.95,2026-08-03T08:30:00Z,"[1,2]"
"b, ""dos"".png",01,0.5,2026-08-03T08:31:00.250Z,
c.png,,,,
"""
SEMICOLONS = """archivo;tipo;confianza;procesado;
s3://cubo/caso/año_01.png;cédula;0,95;2026-08-03T08:30:00Z;
"b, ""dos"".png";01;0,5;2026-08-03T08:31:00.250Z;
c.png;;;;
"""
PLAIN = [
    {"archivo": key, "tipo": prediction, "confianza": confidence, "procesado": time}
    for key, prediction, confidence, time in zip(
        KEYS, PREDICTIONS, [0.95, 0.5, None], TIMES, strict=True
    )
]
TYPED = [
    {
        name: {"NULL": True}
        if value is None
        else {"N": str(value)}
        if name == "confianza"
        else {"S": value}
        for name, value in item.items()
    }
    for item in PLAIN
]


def lines(records) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def change(item, number):
    """A line of an incremental export to S3."""
    return {
        "Metadata": {"WriteTimestampMicros": {"N": str(number)}},
        "Keys": {"id": {"S": str(number)}},
        "NewImage": item,
    }


DELETED = [
    {"Metadata": {}, "Keys": {"id": {"S": "9"}}, "OldImage": TYPED[0]},
    {"Metadata": {}, "Keys": {"id": {"S": "8"}}},
]
FORMS = {
    "console.csv": "\ufeff" + HEADER + ROWS,
    "crlf.csv": (HEADER + ROWS).replace("\n", "\r\n"),
    "gaps.csv": "\n\n" + WORKBENCH.replace("c.png", "\nc.png"),
    "console.csv.gz": gzip.compress((HEADER + ROWS).encode()),
    "2019.csv": HEADER_2019 + ROWS,
    "workbench.csv": WORKBENCH,
    "tabs.tsv": WORKBENCH.replace('"[1,2]"', "[1]")
    .replace('"b, ""dos"".png"', '"b; ""dos"".png"')
    .replace(",", "\t")
    .replace("b;", "b,"),
    "semicolons.csv": SEMICOLONS,
    "export.jsonl": lines({"Item": item} for item in TYPED),
    "export.json.gz": gzip.compress(lines({"Item": item} for item in TYPED).encode()),
    "incremental.jsonl": lines([DELETED[0], *map(change, TYPED, range(3)), DELETED[1]]),
    "scan.json": json.dumps({"Items": TYPED, "Count": 3, "ScannedCount": 3}, indent=2),
    "scan_one_line.json": json.dumps({"Count": 3, "Items": TYPED}),
    "list.json": json.dumps(PLAIN, indent=1),
    "plain.jsonl": lines(PLAIN),
    "plain.json": lines(PLAIN),
}


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(*paths, columns=None, stems=(), typologies=(), **options):
    """The frame of results, key columns only, and the notes."""
    reading = read_results(paths, columns or Columns(), set(stems), set(typologies), **options)
    return reading.frame[["key", "prediction", "confidence", "time"]], reading.notes


def expected(rows=3) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "key": pd.Series(KEYS, dtype="str"),
            "prediction": pd.Series(PREDICTIONS, dtype="str"),
            "confidence": CONFIDENCES,
            "time": pd.to_datetime(TIMES, utc=True, format="ISO8601").astype("datetime64[us, UTC]"),
        }
    )[:rows]


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_one_table(name, tmp_path):
    frame, notes = read(
        write(tmp_path / name, FORMS[name]), stems=["año_01"], typologies=["cédula"]
    )
    frame["prediction"] = frame["prediction"].where(frame["prediction"].ne(""))
    pd.testing.assert_frame_equal(frame, expected())
    assert notes == [
        f"{tmp_path / name}: 3 rows; key 'archivo', prediction 'tipo', confidence 'confianza', "
        "timestamp 'procesado'"
    ]


@pytest.mark.parametrize(
    "encoding, said", [("cp1252", "cp1252"), ("latin-1", "latin-1"), ("utf-16", "utf-16")]
)
@pytest.mark.parametrize("name", ["workbench.csv", "semicolons.csv", "plain.jsonl", "list.json"])
def test_other_encodings_are_read_and_noted(name, encoding, said, tmp_path):
    text = json.dumps(PLAIN, ensure_ascii=False) if name == "list.json" else FORMS[name]
    text = text.replace("c.png", "c\x81.png" if encoding == "latin-1" else "c€.png")
    path = write(tmp_path / name, text.encode(encoding))
    frame, notes = read(path)
    assert frame["key"][0] == KEYS[0] and frame["prediction"][0] == "cédula"
    assert notes[-1] == f"{path}: read as {said}"


def test_a_header_of_another_encoding_than_most_rows(tmp_path):
    path = write(
        tmp_path / "r.csv", "archivo,tipología\n".encode("cp1252") + "ñandú.png,ñañá\n".encode()
    )
    frame, notes = read(path)
    assert (
        frame["prediction"].to_list() == ["ñañá"]
        and "'tipología'" in notes[0]
        and "utf-8+cp1252" in notes[1]
    )


QUOTES = {  # what stands in a cell, and whether the file can be read
    '"una ""cita"""': True,
    '""': True,
    '""""': True,
    '"a\n""b"",\n"': True,
    'tv de 24"': True,
    'a "b" c': True,
    'x""': True,
    '"sin fin': False,
    '"sin ""fin': False,
    '"a"b': False,
    '"a" ': False,
    '"a"""b"': False,
}


@pytest.mark.parametrize("block", [128, csv_blocks.BLOCK])
@pytest.mark.parametrize("cell", QUOTES)
def test_quotes_and_blocks(cell, block, tmp_path, monkeypatch):
    """A misplaced quote swallows rows until the next one, wherever a block ends and however even
    their number.
    """
    monkeypatch.setattr(csv_blocks, "BLOCK", block)
    rows = [(f"{i}.png", cell if i in (11, 25) else f"t{i}", '"de\ndos"') for i in range(40)]
    path = write(tmp_path / "r.csv", "\n" + table("archivo,tipo,nota", rows))
    if QUOTES[cell]:
        frame, _ = read(path)
        assert frame["key"].to_list() == [f"{i}.png" for i in range(40)]
        wanted = next(csv.reader([cell])) if "\n" not in cell else ['a\n"b",\n']
        assert frame["prediction"].fillna("").to_list()[10:12] == ["t10", *(wanted or [""])]
    else:
        with pytest.raises(InputError, match=r"r\.csv, line \d+: .*quote"):
            read(path)


@pytest.mark.parametrize(
    "name, times",
    [("r.csv", 3), ("r.csv.gz", 3), ("r.tsv", 4), ("r.jsonl", 2), ("r.json", 2), ("lines.json", 3)],
)
def test_a_file_is_opened_few_times(name, times, tmp_path, monkeypatch):
    """Of a csv once for its encoding, once for its header, once for all rows; quotes and tabs ask
    for no more, but for a tsv whose rows may need no quotes.
    """
    rows = [(f"{i}.png", "cédula", '"una ""nota"""') for i in range(9)]
    content = table("archivo,tipo,nota", rows)
    if name.endswith(".tsv"):
        content = content.replace(",", "\t").replace('"', "")
    elif name in ("r.jsonl", "lines.json"):
        content = lines(PLAIN)
    elif name == "r.json":
        content = json.dumps({"Items": TYPED}, indent=1)
    path = write(tmp_path / name, gzip.compress(content.encode()) if ".gz" in name else content)
    opened = []

    def open_and_count(path, *args, real=builtins.open, **kwargs):
        opened.append(str(path))
        return real(path, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", open_and_count)
    read(path)
    assert opened.count(str(path)) == times


@pytest.mark.parametrize("closing", [9, None])
def test_a_tsv_that_quotes_nothing_keeps_its_rows(closing, tmp_path):
    """Texts open a quote in one row and close it in a later one, as people write."""
    rows = [[f"{i}.png", "x", f"nota {i}"] for i in range(20)]
    rows[3][2] = '"Hola dijo'
    if closing:
        rows[closing][2] = 'y se fue"'
    text = "".join("\t".join(row) + "\n" for row in [["archivo", "tipo", "nota"], *rows])
    frame, notes = read(write(tmp_path / "r.tsv", text))
    assert frame["key"].to_list() == [row[0] for row in rows]
    assert "quotes are read as characters" in notes[1]


def test_predictions_of_the_suite(tmp_path):
    path = tmp_path / "predictions_test.parquet"
    write_predictions(
        path, KEYS[:2], [[0.05, 0.95], [0.5, 0.5]], ["01", "cédula"], ["cédula", None]
    )
    frame, notes = read(path, typologies=["cédula", "01"])
    pd.testing.assert_frame_equal(
        frame, expected(2).assign(time=pd.Series(pd.NaT, range(2), "datetime64[us, UTC]"))
    )
    assert "key 'id', prediction 'prediction', confidence 'confidence'" in notes[0]


def test_a_parquet_of_another_tool(tmp_path):
    bogota = pa.array([1785763800000, 1785763860250, None], pa.timestamp("ms", "America/Bogota"))
    columns = {
        "archivo": pa.array(KEYS).dictionary_encode(),
        "tipo": pa.array(PREDICTIONS).dictionary_encode(),
        "score": [0.95, 0.5, None],
        "fecha": bogota,
        "foto": [b"\xff", b"\x89", None],
        "cajas": [[1.0], [2.0], None],
    }
    table = pa.table(columns)
    pq.write_table(table, tmp_path / "salida.parquet", row_group_size=2)
    frame, _ = read(tmp_path / "salida.parquet")
    shifted = expected().assign(time=expected()["time"] + pd.Timedelta(hours=5))
    pd.testing.assert_frame_equal(frame, shifted)


def test_a_parquet_whose_cells_hold_json(tmp_path):
    cells = ['{"salida": "cédula", "puntaje": 0.5}', None]
    pq.write_table(pa.table({"archivo": KEYS[:2], "r": cells}), tmp_path / "r.parquet")
    frame, notes = read(tmp_path / "r.parquet", typologies=["cédula"])
    assert frame["prediction"][0] == "cédula" and pd.isna(frame["prediction"][1])
    assert frame["confidence"][0] == 0.5 and "prediction 'r.salida'" in notes[0]


def test_a_folder_of_exports(tmp_path):
    data = tmp_path / "AWSDynamoDB" / "01690000000000-a1b2c3d4" / "data"
    write(data / "a.json.gz", gzip.compress(lines({"Item": item} for item in TYPED[:2]).encode()))
    write(data / "b.json.gz", gzip.compress(b""))  # a partition without items
    write(data / "c.json.gz", gzip.compress(lines({"Item": item} for item in TYPED[2:]).encode()))
    write(data / "d.json.gz", gzip.compress(lines(DELETED).encode()))
    for name in (
        "manifest-summary.json",
        "manifest-files.json",
        "manifest-files.checksum",
        "manifest-summary.md5",
        "_started",
    ):
        write(data.parent / name, '{"itemCount": 3}')
    write(tmp_path / ".ipynb_checkpoints" / "r-checkpoint.csv", WORKBENCH)
    write(tmp_path / "AWSDynamoDB" / "datos.json.md5", "0cc175b9")
    frame, notes = read(tmp_path)
    pd.testing.assert_frame_equal(frame, expected())
    assert [note.split(":")[1][:7] for note in notes] == [" 2 rows", " 1 rows", " no ite"]


def test_links_and_the_ground_truth_in_a_folder_of_results(tmp_path):
    write(tmp_path / "otro" / "r.csv", WORKBENCH)
    truth = write(tmp_path / "resultados" / "verdad.csv", "archivo,tipo\nc.png,contrato\n")
    (tmp_path / "resultados" / "r.csv").symlink_to(tmp_path / "otro" / "r.csv")
    (tmp_path / "resultados" / "agosto").symlink_to(tmp_path / "otro")
    (tmp_path / "otro" / "arriba").symlink_to(tmp_path)
    frame, notes = read(tmp_path / "resultados", truth=truth)
    assert len(frame) == 6 and "contrato" not in set(frame["prediction"].dropna())
    assert len(read(truth, truth=truth)[0]) == 1  # said by name, it is meant
    (tmp_path / "resultados" / "roto.csv").symlink_to(tmp_path / "no_está.csv")
    with pytest.raises(InputError, match="roto.csv: cannot be read"):
        read(tmp_path / "resultados")


def test_kind_of(tmp_path):
    names = {
        "a.csv": "csv",
        "a.TSV": "csv",
        "a.csv.GZ": "csv",
        "a.json": "json",
        "a.json.gz": "json",
        "a.v1.jsonl": "json",
        "a.parquet": "parquet",
        "a.json.md5": None,
        "a.xlsx": None,
        "a.gz": None,
        "csv": None,
        ".csv": None,
    }
    assert {name: kind_of(tmp_path / name) for name in names} == names


# Which column holds what.

FOUND = {
    "archivo,tipología,confianza,fecha": ("archivo", "tipología", "confianza", "fecha"),
    "Nombre de Archivo,Clasificación,Puntaje,Fecha-Hora": (
        "Nombre de Archivo",
        "Clasificación",
        "Puntaje",
        "Fecha-Hora",
    ),
    "RUTA,CLASE,PROB,CREADO": ("RUTA", "CLASE", "PROB", "CREADO"),
    "s3_key,predicted_label,score,createdAt": ("s3_key", "predicted_label", "score", "createdAt"),
    "filename,document_type,confidence,processed_at": (
        "filename",
        "document_type",
        "confidence",
        "processed_at",
    ),
    "doc.archivo,resultado.etiqueta,resultado.prob,meta.hora": (
        "doc.archivo",
        "resultado.etiqueta",
        "resultado.prob",
        "meta.hora",
    ),
    "x,y,z,w": ("x", "y", None, "w"),  # by what they hold, but a number says nothing
}
FILES = [
    ("caso/año_01.png", "cédula", "0.5", "2026-08-03 08:30:00"),
    ("b.png", "contrato", "1", "2026-08-03 09:30:00"),
]
STEMS, TYPOLOGIES = ("año_01", "b"), ("cédula", "contrato")


def table(header, rows) -> str:
    return "\n".join([header, *map(",".join, rows)]) + "\n"


def columns_in(notes):
    return dict(
        part.rsplit(" ", 1) for part in notes[0].split("; ")[1].replace("'", "").split(", ")
    )


@pytest.mark.parametrize("header", FOUND)
def test_columns_are_found(header, tmp_path):
    _, notes = read(
        write(tmp_path / "r.csv", table(header, FILES)), stems=STEMS, typologies=TYPOLOGIES
    )
    said = notes[0].split("; ")[1]
    found = zip(("key", "prediction", "confidence", "timestamp"), FOUND[header], strict=True)
    assert said == ", ".join(f"{role} {column!r}" for role, column in found if column)


def test_what_columns_hold_comes_before_their_names(tmp_path):
    rows = [
        ("7", "lote-1", key, "revisar", label, "0.9", "3 de agosto", time)
        for key, label, _, time in FILES
    ]
    path = write(
        tmp_path / "r.csv", table("id,document_id,origen,resultado,salida,nivel,fecha,cuando", rows)
    )
    _, notes = read(path, stems=STEMS, typologies=TYPOLOGIES)
    assert notes[0].endswith("key 'origen', prediction 'salida', timestamp 'cuando'")
    with pytest.raises(InputError, match="fecha '3 de agosto' is not a time"):
        read(path, stems=STEMS, typologies=TYPOLOGIES, columns=Columns(timestamp="fecha"))
    frame, _ = read(path, columns=Columns("document_id", "resultado", "nivel", "none"))
    assert (
        frame["key"][0] == "lote-1" and frame["confidence"][0] == 0.9 and frame["time"].isna().all()
    )


@pytest.mark.parametrize(
    "cell",
    [
        '{"salida": {"S": "cédula"}, "puntaje": {"N": "0.5"}}',
        '{"salida": "cédula", "puntaje": 0.5}',
    ],
)
def test_dotted_columns(cell, tmp_path):
    path = write(
        tmp_path / "r.csv", f'clave,r\na.png,"{cell.replace(chr(34), chr(34) * 2)}"\nb.png,\n'
    )
    frame, notes = read(path, columns=Columns("clave"), typologies=["cédula"])
    assert frame["prediction"].to_list()[0] == "cédula" and frame["confidence"][0] == 0.5
    assert (
        pd.isna(frame["prediction"][1])
        and "prediction 'r.salida', confidence 'r.puntaje'" in notes[0]
    )


REFUSED_COLUMNS = {
    "no key": (
        "a,tipo\n1,x\n",
        Columns(),
        ["no column looks like the key", "'a', 'tipo'", "--key_column"],
    ),
    "no prediction": (
        "archivo,b\n1,x\n",
        Columns(),
        ["looks like the prediction", "--prediction_column"],
    ),
    "said but not there": (
        "archivo,tipo\n1,x\n",
        Columns(confidence="prob"),
        ["no column 'prob'", "'archivo', 'tipo'", "--confidence_column"],
    ),
    "said to be none": ("archivo,tipo\n1,x\n", Columns(key="none"), ["--key_column"]),
    "many": (
        ",".join(f"c{i}" for i in range(30)) + "\n" + "x," * 29 + "x\n",
        Columns(),
        ["'c19' and 10 more"],
    ),
}


@pytest.mark.parametrize("case", REFUSED_COLUMNS)
def test_columns_that_cannot_be_found(case, tmp_path):
    text, columns, words = REFUSED_COLUMNS[case]
    path = write(tmp_path / "r.csv", text)
    with pytest.raises(InputError) as error:
        read(path, columns=columns)
    assert all(word in str(error.value) for word in [str(path), *words])


# Values.

MOMENT = "2026-08-03T08:30:00+00:00"
SAME_TIME = [
    "2026-08-03T08:30:00Z",
    "2026-08-03T03:30:00-05:00",
    "2026-08-03 08:30",
    "2026-08-03T08:30:00.000000000Z",
    "20260803T083000Z",
    "20260803083000",
    "03/08/2026 08:30",
    "3/8/2026 08:30:00",
    "1785745800",
    "1785745800.0",
    "1785745800000",
    " 2026-08-03T08:30:00Z ",
]
NO_TIMES = [
    "ayer",
    "now",
    "today",
    "NaT",
    "null",
    "-5",
    "5",
    "2026",
    "12/25/2026",
    "2026-13-01",
    "0001-01-01",
    "inf",
    "1785745800000000",
]


def read_cells(tmp_path, column, cells, **options):
    rows = [(f"{i}.png", "x", f'"{cell}"') for i, cell in enumerate(cells)]
    return read(write(tmp_path / "r.csv", table(f"archivo,tipo,{column}", rows)), **options)[0]


def test_times_of_all_forms(tmp_path):
    assert [t.isoformat() for t in read_cells(tmp_path, "fecha", SAME_TIME)["time"]] == [
        MOMENT
    ] * len(SAME_TIME)
    days = read_cells(tmp_path, "fecha", ["20260803", "2026-08-03", "03/08/2026", ""])["time"]
    assert [t.isoformat()[:10] for t in days[:3]] == ["2026-08-03"] * 3 and pd.isna(days[3])


@pytest.mark.parametrize("cell", NO_TIMES)
def test_what_is_no_time(cell, tmp_path):
    with pytest.raises(
        InputError, match=r"row 2: fecha '.*' is not a time \(1 such rows\).*--timestamp_column"
    ):
        read_cells(tmp_path, "fecha", [MOMENT, cell])


def test_confidences_of_all_forms(tmp_path):
    cells = ["0.25", "0,25", " 0.25 ", "2.5e-1", ".25", "0", "1", ""]
    np.testing.assert_array_equal(
        read_cells(tmp_path, "score", cells)["confidence"], [*[0.25] * 5, 0, 1, np.nan]
    )
    percents = read_cells(tmp_path, "score", ["25", "100", "12,5"], confidence_max=100.0)[
        "confidence"
    ]
    assert percents.to_list() == [0.25, 1, 0.125]


@pytest.mark.parametrize(
    "cell, what",
    [
        ("alta", "not a number"),
        ("nan", "not a number"),
        ("95 %", "not a number"),
        ("1.234,5", "not a number"),
        ("1.01", "not between 0 and 1"),
        ("-0.1", "not between"),
        ("inf", "not between"),
        ("95", "--confidence_max 100"),
    ],
)
def test_what_is_no_confidence(cell, what, tmp_path):
    with pytest.raises(InputError) as error:
        read_cells(tmp_path, "score", ["0.5", cell])
    assert f"row 2: score {cell!r}" in str(error.value) and what in str(error.value)


@pytest.mark.parametrize("name", ["r.csv", "r.jsonl"])
def test_names_stay_as_they_are_written(name, tmp_path):
    words = ["01", "NA", "2020-01-01", "null", "1e5", "TRUE", "0.10", " x ", "a\nb", "None", "nan"]
    content = (
        lines({"archivo": w, "tipo": w} for w in words)
        if name == "r.jsonl"
        else table("archivo,tipo", [(f'"{w}"', f'"{w}"') for w in words])
    )
    frame, _ = read(write(tmp_path / name, content))
    assert frame["key"].to_list() == frame["prediction"].to_list() == words


def test_numbers_of_json_stay_as_they_are_written(tmp_path):
    text = '{"id": 10.0, "tipo": 1}\n{"id": 12345678901234567890, "tipo": true}\n'
    path = write(tmp_path / "r.jsonl", text)
    frame, _ = read(path)
    assert frame["key"].to_list() == ["10.0", "12345678901234567890"]
    assert frame["prediction"].to_list() == ["1", "true"]


def test_decomposed_names_are_composed(tmp_path):
    decomposed, typology = (
        unicodedata.normalize("NFD", "ñandú.png"),
        unicodedata.normalize("NFD", "cédula"),
    )
    frame, _ = read(write(tmp_path / "r.csv", f"archivo,tipo\n{decomposed},{typology}\n"))
    assert frame["key"][0] == "ñandú.png" and frame["prediction"][0] == "cédula"
    write(tmp_path / "muestras" / typology / decomposed, "")
    truth = read_ground_truth(tmp_path / "muestras").frame
    assert truth["key"][0] == "cédula/ñandú.png" and truth["truth"][0] == "cédula"


# Ground truth.


def test_ground_truth_folder(tmp_path):
    folder = tmp_path / "muestras"
    for name in (
        "factura/a.png",
        "factura/2026/b.png",
        "01/c.png",
        "suelto.png",
        "factura/.oculto",
        "factura/Thumbs.db",
        ".ipynb_checkpoints/d.png",
        "factura/.git/e.png",
        "factura/desktop.ini",
    ):
        write(folder / name, "")
    (tmp_path / "aparte").mkdir()
    (tmp_path / "aparte" / "f.png").touch()
    (folder / "contrato").symlink_to(tmp_path / "aparte")
    (folder / "01" / "g.png").symlink_to("no_descargado.png")
    (folder / "01" / "vuelta").symlink_to(folder)
    (folder / "vacía").mkdir()
    reading = read_ground_truth(folder)
    truth, notes = reading.frame, reading.notes
    assert list(zip(truth["key"], truth["truth"], strict=True)) == [
        ("01/c.png", "01"),
        ("01/g.png", "01"),
        ("contrato/f.png", "contrato"),
        ("factura/2026/b.png", "factura"),
        ("factura/a.png", "factura"),
    ]
    assert truth["path"][0] == str(folder / "01" / "c.png")
    assert notes == [
        f"{folder}: 5 files by typology",
        f"{folder}: 1 files in no typology folder are left out",
    ]


def test_file_names_that_are_no_utf_8(tmp_path):
    folder = tmp_path / "muestras" / "x"
    folder.mkdir(parents=True)
    try:
        (folder / "a\udcf1o.png").touch()  # the byte of ñ in latin-1, as old zip files leave it
    except OSError:
        pytest.skip("this file system takes UTF-8 names alone")
    assert read_ground_truth(tmp_path / "muestras").frame["key"].to_list() == ["x/año.png"]


def test_ground_truth_tables(tmp_path):
    text = "archivo,tipo\na.png,x\n,y\nb.png,\ncarpeta/,x\ncarpeta\\,x\nc.png,01\n"
    reading = read_ground_truth(write(tmp_path / "t.csv", text))
    truth, notes = reading.frame, reading.notes
    assert truth[["key", "truth", "path"]].to_numpy().tolist() == [
        ["a.png", "x", "a.png"],
        ["c.png", "01", "c.png"],
    ]
    assert (
        "file 'archivo', typology 'tipo'" in notes[0]
        and "4 rows without a file or a typology" in notes[1]
    )
    path = write(tmp_path / "t.jsonl", lines([{"prediction": "y", "ruta": "a.png", "label": "x"}]))
    assert read_ground_truth(path).frame["truth"].to_list() == ["x"]
    assert read_ground_truth(path, "ruta", "prediction").frame["truth"].to_list() == ["y"]
