"""DynamoDB's typed values as plain ones, and nested records as flat ones of dotted names.

Attribute types are those of the DynamoDB API reference (AttributeValue): S, N, B, BOOL, NULL, M, L,
SS, NS, BS.
"""

import json
import math
import re

SCALARS, SETS = ("S", "N", "B"), ("SS", "NS", "BS")
TYPED_HEADER = re.compile(r"^(.*\S)\s+\((S|N|B|BOOL|NULL|M|L|SS|NS|BS)\)\s*$", re.DOTALL)


def untyped(value):
    """The plain value of a typed one, nested ones too: {"L": [{"S": "C"}]} → ["C"]; plain values
    stay as they are.
    """
    if isinstance(value, dict) and len(value) == 1:
        kind, inner = next(iter(value.items()))
        if kind in SCALARS and isinstance(inner, str) or kind == "BOOL" and isinstance(inner, bool):
            return inner
        if kind == "NULL":
            return None
        if kind in SETS and isinstance(inner, list):
            return inner
        if kind == "M" and isinstance(inner, dict) or kind == "L" and isinstance(inner, list):
            return untyped_parts(inner)
    return untyped_parts(value)


def untyped_parts(value):
    """The value with its members untyped; the outer list or map itself carries no type, as in the
    console's csv.
    """
    if isinstance(value, dict):
        return {name: untyped(member) for name, member in value.items()}
    if isinstance(value, list):
        return [untyped(member) for member in value]
    return value


def cell_value(text: str):
    """What a csv cell holds: a list or map where it is the JSON of one (typed or not), else the
    text itself.

    Sets of the console of 2019, `{ "a", "b" }`, are lists too.
    """
    stripped = text.strip()
    if stripped[:1] not in ("{", "["):
        return text
    for candidate in (stripped, f"[{stripped[1:-1]}]"):
        try:
            return untyped(json.loads(candidate, parse_int=str, parse_float=str))
        except (ValueError, RecursionError):
            if not stripped.startswith("{"):
                break
    return text


def header_name(column: str) -> str:
    """The attribute's name: the console of 2019 wrote its type behind it, `id (S)`."""
    match = TYPED_HEADER.match(column)
    return match.group(1) if match else column


def flat(record: dict) -> dict:
    """A record with scalars only: {"a": {"b": "x"}, "c": ["y", "z"]} → {"a.b": "x", "c.0": "y",
    "c.1": "z"}.

    A list of one is also found under its own name. Numbers and booleans become text as JSON writes
    them; null and NaN are no value.
    """
    found = {}
    for name, value in record.items():
        if isinstance(value, (dict, list)):
            members = (
                value.items()
                if isinstance(value, dict)
                else ((str(i), v) for i, v in enumerate(value))
            )
            inner = flat(dict(members))
            if isinstance(value, list) and len(value) == 1 and "0" in inner:
                found[name] = inner["0"]
            found |= {f"{name}.{path}": member for path, member in inner.items()}
        elif value is None or isinstance(value, str):
            found[name] = value
        elif isinstance(value, float) and math.isnan(value):
            found[name] = None
        else:
            found[name] = json.dumps(value)
    return found
