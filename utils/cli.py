"""The command line, alike in every script: dataclass flags, an optional YAML file first, one-line
errors.
"""

import contextlib
import dataclasses
import difflib
import json
import logging
import math
import sys
import threading
from argparse import (
    Action,
    ArgumentDefaultsHelpFormatter,
    ArgumentParser,
    ArgumentTypeError,
    RawDescriptionHelpFormatter,
)
from pathlib import Path

import yaml
from transformers.hf_argparser import HfArgumentParser, string_to_bool
from transformers.utils.logging import disable_progress_bar

from utils.errors import InputError


class Parser(HfArgumentParser):
    """`HfArgumentParser` whose complaints are `InputError`s."""

    def error(self, message):
        raise InputError(f"{message}; see --help")


def parse(dataclass_types, argv=None, *, doc: str | None = None, positional=()):
    """Parse `[CONFIG.yaml] positionals --flags` into dataclasses; the command line overrides the
    file.

    Args:
        dataclass_types: dataclasses as `HfArgumentParser` takes them.
        argv: the words after the command's name; `sys.argv[1:]` when None.
        positional: names of positional words; `name+` takes one or more into a list, `name?` may be
            missing. A command with positional words takes no YAML file.

    Returns:
        (instances…, words): the dataclass instances and a dict of the positional words and of

        - `config`: the `Path` of the YAML file, None without one;
        - `typed_args`: name -> value of the fields set on the command line;
        - `explicit_args`: the same, and those set in the file.

    Raises:
        InputError: unknown flag or key, wrong value, missing or unreadable YAML file.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = Parser(
        dataclass_types, description=doc, allow_abbrev=False, formatter_class=HelpFormatter
    )
    fields = {f.name for t in parser.dataclass_types for f in dataclasses.fields(t) if f.init}
    for name in positional:
        parser.add_argument(name.rstrip("+?"), nargs=name[-1] if name[-1] in "+?" else None)

    # What the file says becomes the defaults, so that whatever is typed overrides it.
    config = Path(argv.pop(0)) if not positional and begins_with_yaml(argv) else None
    from_yaml = read_yaml(config, parser, fields) if config else {}
    parser.set_defaults(**from_yaml)
    for action in parser._actions:
        action.required = action.required and action.dest not in from_yaml
    namespace, unknown = parser.parse_known_args(argv)
    if unknown:
        raise unknown_argument(unknown[0], fields)

    values = vars(namespace)
    typed = typed_names(argv) & fields
    words = {name: values[name] for name in (name.rstrip("+?") for name in positional)}
    words["config"] = config
    words["typed_args"] = {name: values[name] for name in sorted(typed)}
    words["explicit_args"] = {name: values[name] for name in sorted(typed | from_yaml.keys())}
    refuse_nan(words["explicit_args"])
    try:
        objects = [
            t(**{f.name: values[f.name] for f in dataclasses.fields(t) if f.init})
            for t in parser.dataclass_types
        ]
    except (ValueError, TypeError, ImportError) as error:
        raise InputError(str(error)) from None
    return *objects, words


def refuse_nan(explicit_args: dict):
    """Refuse `nan`, which `float` takes: every comparison with it is False, so no check sees it."""
    for name, value in explicit_args.items():
        numbers = value if isinstance(value, list) else [value]
        if any(isinstance(number, float) and math.isnan(number) for number in numbers):
            raise InputError(f"--{name} nan: not a number; give one")


def refuse_idle(typed_args: dict, idle: dict[str, str]):
    """Refuse flags that would do nothing.

    Args:
        idle: name of a field -> beside what it has no effect.
    """
    for name in sorted(idle.keys() & typed_args.keys()):
        raise InputError(f"--{name}: has no effect {idle[name]}; leave it out")


def begins_with_yaml(argv: list[str]) -> bool:
    """Whether a command line begins with a YAML file of arguments."""
    return bool(argv) and argv[0].endswith((".yaml", ".yml"))


def add_model_config(argv, configs: dict[str, Path], default: str) -> list[str]:
    """The command line, with the YAML of the model that it names put first where it names no YAML.

    Args:
        argv: the words after the command's name; `sys.argv[1:]` when None.
        configs: value of --model_name_or_path -> YAML; other models have none.
        default: the model where the command line names none.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    parser = ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--model_name_or_path", "--model-name-or-path", nargs="?", default=default)
    model = parser.parse_known_args(argv)[0].model_name_or_path
    if begins_with_yaml(argv) or model not in configs:
        return argv
    return [str(configs[model]), *argv]


def typed_names(argv: list[str]) -> set[str]:
    """The names of the fields whose flags stand in a command line; `--no_x` stands for `x`."""
    flags = {w[2:].split("=")[0].replace("-", "_") for w in argv if w.startswith("--")}
    return flags | {flag.removeprefix("no_") for flag in flags}


def unknown_argument(word: str, fields: set[str]) -> InputError:
    name = word.lstrip("-").split("=")[0].replace("-", "_")
    close = difflib.get_close_matches(name, fields, n=1)
    if word.endswith((".yaml", ".yml")):
        hint = ": a YAML file comes first, before all flags"
    elif close:
        hint = f", did you mean --{close[0]}?"
    else:
        hint = ""
    return InputError(f"unknown argument {word!r}{hint}; see --help")


class HelpFormatter(ArgumentDefaultsHelpFormatter, RawDescriptionHelpFormatter):
    """The script's docstring as it stands, defaults, and `%` signs in other people's help texts as
    they are.
    """

    def _expand_help(self, action):
        try:
            return super()._expand_help(action)
        except (ValueError, TypeError, KeyError):
            return action.help


class TypedWordsLoader(yaml.SafeLoader):
    """YAML whose scalars are the words as typed: `01`, `NO` and `2020-01-01` stay so.

    `null`, `~` and nothing are None, as in any YAML. A key that occurs twice is an error.
    """

    def construct_mapping(self, node, deep=False):
        # Keys that come in by `<<` may be given again; their nodes are added only further below.
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} occurs twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def typed_word(loader: TypedWordsLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


for kind in ("bool", "int", "float", "timestamp"):
    TypedWordsLoader.add_constructor(f"tag:yaml.org,2002:{kind}", typed_word)


def read_yaml(path: Path, parser: ArgumentParser, fields: set[str]) -> dict:
    """The values of a YAML file of `key: value`, each converted as its flag converts a word.

    A key without a value is not given. An object keeps YAML's own types, as no flag declares them.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = yaml.load(text, TypedWordsLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); check the path") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid YAML ({error}); fix that line") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise InputError(f"{path}: holds no 'key: value' lines; write one argument a line")
    actions = {action.dest: action for action in reversed(parser._actions)}
    values = {}
    for key, value in content.items():
        if key not in fields:
            close = difflib.get_close_matches(str(key), fields, n=1)
            hint = f", did you mean {close[0]!r}?" if close else "; see --help"
            raise InputError(f"{path}: unknown key {key!r}{hint}")
        if isinstance(value, dict):
            value = json.dumps(yaml.safe_load(text)[key], ensure_ascii=False, default=str)
        if value is not None:
            values[key] = converted(path, actions[key], value)
    return values


def converted(path: Path, action: Action, value: str | list):
    """A YAML value as the flag would give it: one word, or a list where the flag takes several."""
    takes_list = action.nargs in ("+", "*")
    words = value if isinstance(value, list) else [value]
    if not all(isinstance(word, str) for word in words):
        raise InputError(f"{path}: {action.dest}: a list holds a list or nothing; give plain words")
    if not takes_list and len(words) != 1:
        raise InputError(f"{path}: {action.dest}: takes one value, not a list of {len(words)}")
    convert = action.type if callable(action.type) else str
    try:
        values = [convert(as_boolean(word) if is_switch(action) else word) for word in words]
    except (ValueError, TypeError, ArgumentTypeError) as error:
        raise InputError(f"{path}: {action.dest}: {error}; see --help") from None
    for one in values:
        if action.choices is not None and one not in action.choices:
            raise InputError(
                f"{path}: {action.dest}: {one!r} is not one of "
                f"{', '.join(map(str, action.choices))}"
            )
    return values if takes_list else values[0]


def is_switch(action: Action) -> bool:
    return action.type is string_to_bool


def as_boolean(word: str) -> str:
    """YAML's `on` and `off` in the words that flags know."""
    return {"on": "true", "off": "false"}.get(word.lower(), word)


def as_words(values: dict) -> list[str]:
    """Flags for `parse` from the `explicit_args` values of another command: what was not given
    stays default.
    """
    words = []
    for name, value in values.items():
        if isinstance(value, list):
            words += [f"--{name}", *map(str, value)]
        elif value is not None:
            value = json.dumps(value) if isinstance(value, dict) else getattr(value, "value", value)
            words += [f"--{name}", str(value)]
    return words


def start_logging(level=logging.INFO):
    """Print the suite's own log lines to stdout (errors alone go to stderr); bars only where
    somebody watches.
    """
    if not sys.stderr.isatty():
        if (
            "datasets" in sys.modules
        ):  # slow to import, and commands that need none of it come through here
            sys.modules["datasets"].disable_progress_bars()
        disable_progress_bar()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(message)s"))
    for name in (
        "utils",
        "beto_text_model",
        "spacy_text_model",
        "rnn_baseline",
        "linear_baseline",
        "image_model",
        "wf_metrics",
    ):
        logging.getLogger(name).handlers = [handler]
        logging.getLogger(name).setLevel(level)


@contextlib.contextmanager
def report_progress(describe, every: float = 30):
    """Print `describe()` to stderr every `every` seconds of the block where no terminal shows a
    bar, so that a log tells work that is slow from work that stands still.
    """
    if sys.stderr.isatty():
        yield
        return
    done = threading.Event()

    def report():
        while not done.wait(every):
            print(describe(), file=sys.stderr, flush=True)

    thread = threading.Thread(target=report, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
