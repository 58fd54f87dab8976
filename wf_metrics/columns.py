"""Which column of a table holds what: the file, its prediction, its truth, a confidence, a time.

A guess goes by what a column holds, then by its name. Names of truths and of predictions are kept
apart: no column is guessed for the other side, whatever it holds.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

from utils.errors import InputError
from utils.text import nfc

# What stands before a file's name, and the ending of a document's file. Both are understood by
# Python and by Arrow (RE2).
FOLDERS = r"(?s)^.*[/\\]"
ENDING = r"(?i)\.(txt|json|png|jpe?g|tiff?|pdf|bmp|gif|webp|html?|xml|docx?|xlsx?|csv|eml|msg)$"

# Names that say "a typology", but not whether it is the true or the predicted one.
TYPOLOGY_NAMES = (
    "typology",
    "tipologia",
    "tipologia_documento",
    "document_type",
    "doc_type",
    "tipo_documento",
    "classification",
    "clasificacion",
    "class",
    "clase",
    "category",
    "categoria",
    "topic",
    "tema",
    "label",
    "etiqueta",
    "tipo",
    "type",
)
TYPOLOGY_WORDS = ("tipologia", "tipo", "clase", "categoria", "etiqueta", "tema") + (
    ("typology", "type", "class", "category", "label", "topic")
)


def compound_names(words: tuple[str, ...]) -> tuple[str, ...]:
    """`tipo_real` and `real_tipo` for the word `real`, and so for every word for a typology."""
    pairs = list(product(TYPOLOGY_WORDS, words))
    return (*(f"{a}_{b}" for a, b in pairs), *(f"{b}_{a}" for a, b in pairs))


# Names that say "this is true".
TRUTH_NAMES = (
    "ground_truth",
    "groundtruth",
    "truth",
    "true",
    "true_label",
    "verdad",
    "real",
    "target",
    "y_true",
    "gold",
    "expected",
    "esperado",
    "esperada",
    "verdadero",
    "verdadera",
    "correcto",
    "correcta",
    "valor_real",
    "gt",
    "anotacion",
    "annotation",
    *compound_names(
        ("real", "true", "gold", "target", "expected", "correct", "verdadero", "verdadera")
        + ("correcto", "correcta", "esperado", "esperada", "verdad", "truth", "actual")
        + ("manual", "human", "humano", "humana", "anotado", "anotada", "annotated", "gt")
    ),
)
# Names that say "this was predicted".
PREDICTION_NAMES = (
    "prediction",
    "predicted_label",
    "predicted_class",
    "predicted_typology",
    "predicted",
    "prediccion",
    "pred",
    "y_pred",
    "predicho",
    "predicha",
    *compound_names(("predicted", "pred", "prediction", "prediccion", "predicho", "predicha")),
)
NAMES = {
    "key": (
        "file",
        "filename",
        "file_name",
        "archivo",
        "nombre_archivo",
        "nombre_de_archivo",
        "s3_key",
        "object_key",
        "key",
        "s3_path",
        "path",
        "ruta",
        "s3_uri",
        "uri",
        "document",
        "documento",
        "document_name",
        "nombre_documento",
        "nombre",
        "name",
        "document_id",
        "doc_id",
        "id",
    ),
    "prediction": (*PREDICTION_NAMES, *TYPOLOGY_NAMES, "result", "resultado"),
    "confidence": (
        "confidence",
        "confianza",
        "score",
        "probability",
        "probabilidad",
        "prob",
        "puntaje",
    ),
    "timestamp": (
        "timestamp",
        "created_at",
        "createdat",
        "processed_at",
        "updated_at",
        "fecha_hora",
        "fecha",
        "date",
        "datetime",
        "time",
        "hora",
        "fecha_proceso",
        "procesado",
        "creado",
        "processing_date",
    ),
    "truth": (*TRUTH_NAMES, "label", "etiqueta", *TYPOLOGY_NAMES),
}


@dataclass
class Columns:
    """Which column holds what; None is guessed, "none" is left out."""

    key: str | None = None
    prediction: str | None = None
    confidence: str | None = None
    timestamp: str | None = None


def choose_columns(
    path, sample: list[dict], columns: Columns, stems: set[str], typologies: set[str]
) -> Columns:
    """The columns of one file of results: the user's, else guessed by what they hold and by name.

    Raises:
        InputError: a column that the user named is not there, or no column fits a file's name or
            its prediction.
    """
    found = list(dict.fromkeys(name for record in sample for name in record))
    for role, column in vars(columns).items():
        if column not in (None, "none") and column not in found:
            raise InputError(
                f"{path}: no column {column!r}, only {listed(found)}; pass --{role}_column"
            )

    # A column of truths holds typologies too, and is no prediction for it.
    truths = {name for name in found if rank_of(name, TRUTH_NAMES) is not None}
    key = columns.key or guess(found, NAMES["key"], set(), share_of(sample, stems, stem))
    prediction = columns.prediction or guess(
        found, NAMES["prediction"], {key} | truths, share_of(sample, typologies, nfc)
    )
    for role, column in (("key", key), ("prediction", prediction)):
        if column in (None, "none"):
            raise InputError(
                f"{path}: no column looks like the {role} among {listed(found)}; "
                f"pass --{role}_column"
            )

    chosen = Columns(key, prediction)
    shares = {"timestamp": share_of(sample, {True}, looks_like_time)}
    for role in ("confidence", "timestamp"):
        column = getattr(columns, role) or guess(
            found, NAMES[role], {key, prediction}, shares.get(role)
        )
        setattr(chosen, role, None if column == "none" else column)
    return chosen


def choose_truth_columns(
    path, found: list[str], file_column: str | None, typology_column: str | None
) -> tuple[str, str]:
    """The columns (file, typology) of a table of truths: the user's, else guessed by their names.

    Raises:
        InputError: a column that the user named is not there, or no column fits.
    """
    for flag, column in (
        ("truth_file_column", file_column),
        ("truth_typology_column", typology_column),
    ):
        if column is not None and column not in found:
            raise InputError(f"{path}: no column {column!r}, only {listed(found)}; pass --{flag}")
    key = file_column or guess(found, NAMES["key"], {typology_column})
    if key is None:
        raise InputError(
            f"{path}: no column looks like the file among {listed(found)}; pass --truth_file_column"
        )
    truth = typology_column or guess(found, NAMES["truth"], {key})
    if truth is None:
        predicted = [name for name in found if rank_of(name, PREDICTION_NAMES) is not None]
        why = f" ({predicted[0]!r} is a prediction, not the truth)" if predicted else ""
        raise InputError(
            f"{path}: no column looks like the true typology among {listed(found)}{why}; "
            "pass --truth_typology_column"
        )
    return key, truth


def share_of(sample: list[dict], known: set, form: Callable[[str], object]) -> dict[str, float]:
    """Of each column, the share of the sample whose value, brought into `form`, is known."""
    hits: dict[str, int] = {}
    for record in sample:
        for name, value in record.items():
            if value and form(value) in known:
                hits[name] = hits.get(name, 0) + 1
    return {name: n / len(sample) for name, n in hits.items()}


def guess(found: list[str], names: tuple, taken: set, shares: dict | None = None) -> str | None:
    """The column that best fits a role; None where none does.

    Most of what it holds is known, then its name is the likeliest, then more of it is known, then
    it comes first.
    """
    best = None
    for place, column in enumerate(found):
        rank = rank_of(column, names)
        share = (shares or {}).get(column, 0)
        if column in taken or (rank is None and share < 0.5):
            continue
        order = (share < 0.5, len(names) if rank is None else rank, -share, place)
        if best is None or order < best[0]:
            best = order, column
    return best and best[1]


def rank_of(column: str, names: tuple) -> int | None:
    """How likely a column's name is, 0 most; None where it says nothing.

    `result.label` is also read as `label`; case, accents and signs between words do not count.
    """
    parts = (unaccented(part).lower() for part in (column, column.split(".")[-1]))
    plain = [re.sub(r"[^a-z0-9]+", "_", part).strip("_") for part in parts]
    return min((names.index(name) for name in plain if name in names), default=None)


def looks_like_time(value: str) -> bool:
    return re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d", value) is not None


def unaccented(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def plain_form(name: str) -> str:
    """A label or id without what only its writing adds: `171.0` and `0171` as `171`.

    Case, accents, spaces, underscores and invisible characters do not count either.
    """
    text = unaccented(unicodedata.normalize("NFKC", name)).casefold()
    text = " ".join(text.replace("_", " ").split())
    text = "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cf"))
    number = re.fullmatch(r"([+-]?)0*(\d+)(?:[.,]0+)?", text)
    return number[1].replace("+", "") + number[2] if number else text


def listed(names, most: int = 20) -> str:
    """The first names in quotes, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


def stem(key: str) -> str:
    """The file name at the end of a path, without a document's ending."""
    return re.sub(ENDING, "", nfc(re.sub(FOLDERS, "", key)))
