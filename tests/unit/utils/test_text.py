import unicodedata

import pyarrow as pa
import pytest

from utils.text import decode, is_binary, is_blank, label_key, match_keys, nfc

TEXT = "Año: ¿cédula? ¡Sí! pingüino, camión, €, “acción” Ñ"


@pytest.mark.parametrize(
    ("encoded_as", "named"),
    [("utf-8", "utf-8"), ("utf-8-sig", "utf-8-sig"), ("cp1252", "cp1252"), ("utf-16", "utf-16")],
)
def test_decode_finds_the_encoding(encoded_as, named):
    assert decode(TEXT.encode(encoded_as)) == (TEXT, named)


def test_latin_1_is_told_from_cp1252_by_its_control_codes():
    assert decode("señal \x81".encode("latin-1")) == ("señal \x81", "latin-1")


def test_stray_bytes_in_utf_8_are_read_as_cp1252_and_the_rest_stays():
    data = TEXT.encode() + b" a\xf1o " + TEXT.encode()
    assert decode(data) == (f"{TEXT} año {TEXT}", "utf-8+cp1252")


@pytest.mark.parametrize(
    ("head", "binary"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0", True),
        (b"%PDF-1.7", True),
        (b"", False),
        (b"\x01\x02\x03\x04abc", True),
        ("año\t\r\n\f".encode(), False),
        ("año".encode("utf-16"), False),
    ],
)
def test_is_binary(head, binary):
    assert is_binary(head) is binary


def test_nfc_composes():
    assert nfc(unicodedata.normalize("NFD", TEXT)) == TEXT


def test_match_keys_ignore_case_accents_punctuation_and_space():
    same = ["Señal de ALARMA, ¡ya!", "senal  de alarma ya", "SEÑAL DE ALARMA\nYA."]
    other = ["señal de alarma", "!!!", "???", "", "año 2020", "año 2021"]
    keys = match_keys(pa.chunked_array([same, other]))
    assert len(set(keys[:3])) == 1
    assert len(set(keys)) == 1 + len(other)


def test_match_keys_do_not_depend_on_chunks_and_are_pinned():
    whole = match_keys(pa.chunked_array([["ñandú", "x", None]]))
    parts = match_keys(pa.chunked_array([["ñandú"], ["x", None]]))
    assert (whole == parts).all()
    assert whole[0] == match_keys(pa.chunked_array([["NANDU"]]))[0]


@pytest.mark.parametrize("encoded_as", ["cp1252", "mac_roman", "cp850"])
@pytest.mark.parametrize(
    "text",
    [
        "El niño está aquí.",
        "La educación pública y la línea 3",
        "AÑO 2020: EDUCACIÓN Y PEÑA",
        "¿Qué día vendrá la señora?",
        "cigüeña, pingüino, camión",
    ],
)
def test_spanish_tells_the_encodings_of_windows_macs_and_dos_apart(encoded_as, text):
    assert decode(text.encode(encoded_as)) == (text, encoded_as)


@pytest.mark.parametrize(
    "text", ["l’hora catalana", "don’t, it’s D’Elia", "“Hola” – dijo", "100 €"]
)
def test_signs_of_windows_are_no_letters_of_a_mac(text):
    assert decode(text.encode("cp1252")) == (text, "cp1252")


def test_wide_encodings_without_a_mark_and_the_euro_of_latin_9():
    assert decode("año nuevo, señal".encode("utf-16-be"))[1] == "utf-16-be"
    assert decode("año: 30 €, señal".encode("iso8859-15")) == ("año: 30 €, señal", "iso8859-15")


@pytest.mark.parametrize("text", [None, "", " \n", "\u00a0", "\u200b\ufeff", "\u00ad", "\u2800"])
def test_blank(text):
    assert is_blank(text) and not is_blank(f"{text}.")


def test_label_keys():
    labels = ["Cédula", "cedula", "CÉDULA\u200b", "ce\u0301dula", " cédula\u00a0", "cé\u00addula"]
    assert {label_key(label) for label in labels} == {"cedula"}
    assert label_key("cédula nueva") == label_key("cédula\u00a0nueva") != label_key("cédulanueva")
