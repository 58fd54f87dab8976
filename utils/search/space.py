"""The space of a search: a YAML file of `name: [values]` and `name: {low: , high: }`, and the names
of its trials.
"""

import difflib
import hashlib
import itertools
import math
import re
from argparse import Action
from collections.abc import Set
from dataclasses import fields
from pathlib import Path
from typing import Any

import yaml

from utils.cli import Parser, TypedWordsLoader, as_boolean, converted, refuse_nan
from utils.errors import InputError

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
RANGE_KEYS = {"low", "high", "log", "step", "int"}
RANGE_SWITCHES = {"log", "int"}
# What the search itself passes to a trial, and what would make scores of two trials incomparable.
NOT_SEARCHED = {"output_dir", "resume", "overwrite", "metric_for_best_model", "greater_is_better"}
NAME_LENGTH = 100  # characters of a trial's name before it is cut and told apart by a hash


def read_space(path, arguments, typed: Set[str]) -> dict[str, list | dict]:
    """Read a space: parameter name to its values, or to a range with `low`, `high`, `log`, `step`
    and `int`.

    A value is what its flag makes of the word in the file, as in the YAML files of trainings: `NO`
    and `01` stay words where the flag takes a text.

    Args:
        arguments: the dataclass instances whose fields may be searched.
        typed: names of the flags on the command line, which a space must leave alone.

    Raises:
        InputError: the file cannot be read or is empty, a name is unknown or also a flag, values
            cannot be used.
    """
    path = Path(path)
    try:
        content = yaml.load(path.read_text(encoding="utf-8-sig"), TypedWordsLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); check --space") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid YAML ({error}); fix that line") from None
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path}: no parameter in it; give lines like 'hidden_size: [64, 128]'")

    classes: list[Any] = [type(one) for one in arguments]
    parser = Parser(classes)
    # Reversed, for the second flag of a switch, `--no_x`, has the same name and comes later.
    flags = {action.dest: action for action in reversed(parser._actions)}
    searched = {f.name for one in arguments for f in fields(one) if f.init} - NOT_SEARCHED
    space: dict[str, list | dict] = {}
    for name, value in content.items():
        check_name(path, str(name), searched, typed)
        if isinstance(value, dict):
            space[name] = read_range(f"{path}: {name}", value)
        else:
            space[name] = read_values(path, flags[name], value)
    return space


def check_name(path: Path, name: str, searched: set[str], typed: Set[str]):
    """Refuse a parameter that cannot be searched, or that every trial is given by a flag."""
    if name not in searched:
        close = difflib.get_close_matches(name, searched, n=1)
        hint = f", did you mean {close[0]!r}?" if close else "; see --help for the flags"
        raise InputError(f"{path}: {name!r} is no parameter that can be searched{hint}")
    if name in typed:
        raise InputError(
            f"{path}: {name} is given both in the space and as a flag; drop --{name}, or pass "
            f"--only {name}=VALUE"
        )


def read_values(path: Path, flag: Action, listed) -> list:
    """The values of one parameter, each as its flag makes it: a number, a boolean or a text; a list
    for a flag that takes several words is their text, joined by spaces.
    """
    where = f"{path}: {flag.dest}"
    if not isinstance(listed, list) or not listed:
        raise InputError(
            f"{where}: {listed!r} is neither a list of values nor a range {{low: 0.1, high: 0.5}}"
        )
    takes_several = flag.nargs in ("+", "*")
    values = []
    for words in listed:
        if takes_several and isinstance(words, str):
            words = words.split()
        value = converted(path, flag, words)
        refuse_nan({flag.dest: value})
        values.append(" ".join(map(str, value)) if isinstance(value, list) else value)
    if len({text_of(value) for value in values}) < len(values):
        raise InputError(f"{where}: {listed} holds a value twice; leave one out")
    return values


def read_range(where: str, typed: dict) -> dict[str, Any]:
    """A checked range, its numbers as numbers and its switches as booleans."""
    if unknown := typed.keys() - RANGE_KEYS:
        raise InputError(
            f"{where}: a range has no {sorted(unknown)[0]!r}; it has "
            f"{', '.join(sorted(RANGE_KEYS))}"
        )
    found: dict[str, Any] = {
        key: switch(f"{where}: {key}", word) if key in RANGE_SWITCHES else number(word)
        for key, word in typed.items()
    }
    low: Any = found.get("low")
    high: Any = found.get("high")
    step: Any = found.get("step", 1)
    kind = int if found.get("int") else (int, float)
    are_numbers = all(isinstance(n, kind) and math.isfinite(n) for n in (low, high, step))
    if not are_numbers or low > high:
        raise InputError(
            f"{where}: a range needs numbers low ≤ high (whole ones with int: true), not {typed}"
        )
    if found.get("log") and (low <= 0 or "step" in found):
        raise InputError(f"{where}: log: true needs a low above 0 and no step")
    if step <= 0:
        raise InputError(f"{where}: step must be above 0")
    return found


def switch(where: str, word) -> bool:
    """A switch of a range as a boolean."""
    text = as_boolean(str(word)).lower()
    if text not in ("true", "yes", "false", "no"):
        raise InputError(f"{where}: {word!r} is neither true nor false; write one of them")
    return text in ("true", "yes")


def number(word):
    """A word that is a number as a number, whole where it is written so; anything else as it is."""
    if not isinstance(word, str) or not NUMBER.fullmatch(word):
        return word
    return int(word) if word.lstrip("+-").isdecimal() else float(word)


def text_of(value) -> str:
    """A value as a word of the command line."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def restrict(space: dict, only: list[str]) -> dict:
    """The space with the parameters that `only` names (`name=value`, `name=a,b`) cut down to these
    values.

    Raises:
        InputError: no such parameter, no such value, or a range.
    """
    space = dict(space)
    for condition in only:
        name, sign, wanted = condition.partition("=")
        if not sign or name not in space:
            raise InputError(
                f"--only {condition}: not name=value of a parameter of the space "
                f"({', '.join(space)})"
            )
        values = space[name]
        if isinstance(values, dict):
            raise InputError(
                f"--only {condition}: {name} is a range; --only chooses among listed values"
            )
        words = wanted.split(",")
        for word in words:
            if not any(is_value(word, value) for value in values):
                raise InputError(
                    f"--only {condition}: {name} has no value {word!r}; it has "
                    f"{', '.join(map(text_of, values))}"
                )
        space[name] = [value for value in values if any(is_value(word, value) for word in words)]
    return space


def is_value(word: str, value) -> bool:
    """Whether a word names a value of the space, a number in whatever way it is written."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return word == text_of(value) or is_number and number(word) == value


def combinations(space: dict) -> list[dict]:
    """Every combination of a grid, the last parameter changing first.

    Raises:
        InputError: a parameter is a range.
    """
    ranges = [name for name, values in space.items() if isinstance(values, dict)]
    if ranges:
        raise InputError(
            f"{ranges[0]} is a range, of which a grid has no list; give values or pass "
            "--sampler tpe"
        )
    return [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]


def distributions(space: dict) -> dict[str, Any]:
    """The space as Optuna's distributions, by parameter name."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    found: dict[str, Any] = {}
    for name, values in space.items():
        if isinstance(values, list):
            found[name] = CategoricalDistribution(values)
            continue
        low, high, log = values["low"], values["high"], values.get("log", False)
        if values.get("int"):
            found[name] = IntDistribution(low, high, log=log, step=values.get("step", 1))
        else:
            found[name] = FloatDistribution(low, high, log=log, step=values.get("step"))
    return found


def trial_name(parameters: dict) -> str:
    """A folder's name that the parameters alone decide, whatever their order."""
    plain = "_".join(f"{name}-{text_of(parameters[name])}" for name in sorted(parameters))
    safe = re.sub(r"[^A-Za-z0-9.+_-]", "-", plain)
    if safe == plain and len(plain) <= NAME_LENGTH:
        return f"trial_{plain}"
    return f"trial_{safe[: NAME_LENGTH - 11]}_{hashlib.sha256(plain.encode()).hexdigest()[:10]}"


def trial_words(parameters: dict, arguments) -> list[str]:
    """The parameters as words of the command line; those of a flag that takes several words are cut
    at spaces.
    """
    several = {
        f.name
        for one in arguments
        for f in fields(one)
        if isinstance(getattr(one, f.name, None), list)
    }
    words = []
    for name, value in parameters.items():
        text = text_of(value)
        words += [f"--{name}", *(text.split() if name in several else [text])]
    return words
