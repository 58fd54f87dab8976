"""The command line, alike in every script: dataclass flags, an optional YAML file first, one-line
errors.
"""

import dataclasses
import difflib
import json
import logging
import sys
from argparse import ArgumentDefaultsHelpFormatter, RawDescriptionHelpFormatter
from pathlib import Path

import yaml
from transformers.hf_argparser import HfArgumentParser
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
            missing.

    Returns:
        (instances…, words): the dataclass instances and a dict of the positional words and of
        `explicit_args`, the values of the fields that the user set on the command line or in the file.

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
    if not positional and argv and argv[0].endswith((".yaml", ".yml")):
        argv = yaml_words(Path(argv[0]), fields) + argv[1:]
    namespace, unknown = parser.parse_known_args(argv)
    if unknown:
        flag = unknown[0]
        close = difflib.get_close_matches(
            flag.lstrip("-").split("=")[0].replace("-", "_"), fields, n=1
        )
        raise InputError(
            f"unknown argument {flag!r}{f', did you mean --{close[0]}?' if close else ''}; see --help"
        )
    flags = {w[2:].split("=")[0].replace("-", "_") for w in argv if w.startswith("--")}
    flags |= {flag.removeprefix("no_") for flag in flags}
    values = vars(namespace)
    words = {name: values[name] for name in (name.rstrip("+?") for name in positional)}
    words["explicit_args"] = {name: values[name] for name in sorted(flags & fields)}
    try:
        objects = [
            t(**{f.name: values[f.name] for f in dataclasses.fields(t) if f.init})
            for t in parser.dataclass_types
        ]
    except (ValueError, TypeError, ImportError) as error:
        raise InputError(str(error)) from None
    return *objects, words


class HelpFormatter(ArgumentDefaultsHelpFormatter, RawDescriptionHelpFormatter):
    """The script's docstring as it stands, defaults, and `%` signs in other people's help texts as
    they are.
    """

    def _expand_help(self, action):
        try:
            return super()._expand_help(action)
        except (ValueError, TypeError, KeyError):
            return action.help


def yaml_words(path: Path, fields: set[str]) -> list[str]:
    """A YAML file of `key: value` as command-line words, so that its values are converted as flags
    are.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); check the path") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: not valid YAML ({error})") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: not a list of 'key: value' lines")
    words = []
    for key, value in content.items():
        if key not in fields:
            close = difflib.get_close_matches(str(key), fields, n=1)
            raise InputError(
                f"{path}: unknown key {key!r}{f', did you mean {close[0]!r}?' if close else ''}"
            )
        if value is None:
            continue
        words.append(f"--{key}")
        if isinstance(value, list):
            words += [str(v) for v in value]
        elif isinstance(value, dict):
            words.append(json.dumps(value))
        else:
            words.append(str(value))
    return words


def as_words(values: dict) -> list[str]:
    """Flags for `parse` from the `explicit_args` values of another command: what was not given stays
    default.
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
        "image_model",
        "wf_metrics",
    ):
        logging.getLogger(name).handlers = [handler]
        logging.getLogger(name).setLevel(level)
