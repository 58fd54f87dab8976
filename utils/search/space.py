"""The space of a search: a YAML file of `name: [values]` and `name: {low: , high: }`, and the names
of its trials.
"""

import difflib
import hashlib
import itertools
import math
import re
from dataclasses import fields
from pathlib import Path

import yaml

from utils.errors import InputError

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
RANGE_KEYS = {"low", "high", "log", "step", "int"}
# What a trial is told by the search itself, and what would make scores of two trials incomparable.
NOT_SEARCHED = {"output_dir", "resume", "overwrite", "metric_for_best_model", "greater_is_better"}
NAME_LENGTH = 100  # characters of a trial's name before it is cut and told apart by a hash


def read_space(path, arguments, said) -> dict[str, list | dict]:
    """Read a space: parameter name to its values, or to a range with `low`, `high`, `log`, `step`
    and `int`.

    Args:
        arguments: the dataclass instances whose fields may be searched.
        said: names of the flags on the command line, which a space must leave alone.

    Raises:
        InputError: the file cannot be read or is empty, a name is unknown or also a flag, values
            cannot be used.
    """
    path = Path(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); check --space") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML ({error})") from None
    if not isinstance(content, dict) or not content:
        raise InputError(f"{path}: no parameter in it; give lines like 'hidden_size: [64, 128]'")
    known = {f.name for one in arguments for f in fields(one) if f.init} - NOT_SEARCHED
    for name in content:
        check_name(path, str(name), known, said)
    return {name: parameter(f"{path}: {name}", value) for name, value in content.items()}


def check_name(path: Path, name: str, known: set[str], said):
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1)
        raise InputError(
            f"{path}: {name!r} is no parameter that can be searched"
            + (f", did you mean {close[0]!r}?" if close else "")
        )
    if name in said:
        raise InputError(
            f"{path}: {name} is given both in the space and as a flag; drop --{name}, or say "
            f"--only {name}=VALUE"
        )


def parameter(where: str, value) -> list | dict:
    """The values of one parameter, or its range, with numbers as numbers."""
    if isinstance(value, dict):
        return range_of(where, {key: number(one) for key, one in value.items()})
    if not isinstance(value, list) or not value:
        raise InputError(
            f"{where}: {value!r} is neither a list of values nor a range {{low: 0.1, high: 0.5}}"
        )
    values = [" ".join(map(str, one)) if isinstance(one, list) else number(one) for one in value]
    if any(not isinstance(one, (bool, int, float, str)) for one in values):
        raise InputError(
            f"{where}: give numbers, texts, true or false, or lists of them; nothing else can be a flag"
        )
    if len({text_of(one) for one in values}) < len(values):
        raise InputError(f"{where}: {value} holds a value twice; leave one out")
    return values


def range_of(where: str, given: dict) -> dict:
    """A checked range."""
    if unknown := given.keys() - RANGE_KEYS:
        raise InputError(
            f"{where}: a range has no {sorted(unknown)[0]!r}; it has {', '.join(sorted(RANGE_KEYS))}"
        )
    low, high, step = (given.get(key) for key in ("low", "high", "step"))
    kind = int if given.get("int") else (int, float)
    numbers = [low, high] + ([step] if "step" in given else [])
    if (
        any(isinstance(n, bool) or not isinstance(n, kind) or not math.isfinite(n) for n in numbers)
        or low > high
    ):
        raise InputError(
            f"{where}: a range needs numbers low ≤ high (whole ones with int: true), not {given}"
        )
    if given.get("log") and (low <= 0 or "step" in given):
        raise InputError(f"{where}: log: true needs a low above 0 and no step")
    if "step" in given and step <= 0:
        raise InputError(f"{where}: step must be above 0")
    return given


def number(value):
    """A text that is a number as a number: YAML 1.1 takes `1e-4`, without a point, for a text."""
    if not isinstance(value, str) or not NUMBER.fullmatch(value):
        return value
    return int(value) if value.lstrip("+-").isdecimal() else float(value)


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
    for word in only:
        name, sign, wanted = word.partition("=")
        if not sign or name not in space:
            raise InputError(
                f"--only {word}: not name=value of a parameter of the space ({', '.join(space)})"
            )
        if isinstance(space[name], dict):
            raise InputError(
                f"--only {word}: {name} is a range; --only chooses among listed values"
            )
        values = {text_of(value): value for value in space[name]}
        wanted = [text_of(number(value)) for value in wanted.split(",")]
        if missing := [value for value in wanted if value not in values]:
            raise InputError(
                f"--only {word}: {name} has no value {missing[0]!r}; it has {', '.join(values)}"
            )
        space[name] = [value for text, value in values.items() if text in wanted]
    return space


def combinations(space: dict) -> list[dict]:
    """Every combination of a grid, the last parameter changing first.

    Raises:
        InputError: a parameter is a range.
    """
    if ranges := [name for name, values in space.items() if isinstance(values, dict)]:
        raise InputError(
            f"{ranges[0]} is a range, of which a grid has no list; give values or pass --sampler tpe"
        )
    return [dict(zip(space, values, strict=True)) for values in itertools.product(*space.values())]


def distributions(space: dict) -> dict:
    """The space as Optuna's distributions."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    made = {}
    for name, values in space.items():
        if isinstance(values, list):
            made[name] = CategoricalDistribution(values)
        elif values.get("int"):
            made[name] = IntDistribution(
                values["low"], values["high"], bool(values.get("log")), values.get("step", 1)
            )
        else:
            made[name] = FloatDistribution(
                values["low"], values["high"], bool(values.get("log")), values.get("step")
            )
    return made


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
    lists = {
        f.name
        for one in arguments
        for f in fields(one)
        if isinstance(getattr(one, f.name, None), list)
    }
    words = []
    for name, value in parameters.items():
        words += [f"--{name}", *(text_of(value).split() if name in lists else [text_of(value)])]
    return words
