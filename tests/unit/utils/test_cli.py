"""utils.cli: YAML files and flags say the same, and what was typed stays as typed."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from utils.cli import add_model_config, as_words, parse
from utils.errors import InputError


@dataclass
class Arguments:
    """One field of each kind."""

    column: str = "text"
    marks: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    rate: float = 0.1
    steps: int = 1
    maybe: int | None = None
    shuffle: bool = True
    quiet: bool | None = None
    kwargs: dict | str | None = None


def from_yaml(tmp_path, text: str, *flags):
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    return parse(Arguments, [str(path), *flags])


@pytest.mark.parametrize(
    "word",
    ["NO", "01", "1_000", "2020-01-01", "3e-5", "yes", "0x1F", "1:30", "null_", "--", "-1", ".5"],
)
def test_yaml_keeps_the_words_typed_where_a_string_is_meant(tmp_path, word):
    args, words = from_yaml(tmp_path, f"column: {word}\nmarks: [{word}, otro]\n")
    assert args.column == word and args.marks == [word, "otro"]
    assert words["explicit_args"] == {"column": word, "marks": [word, "otro"]}


def test_yaml_numbers_booleans_and_objects(tmp_path):
    text = (
        "rate: 3e-5\nsteps: 1_000\nsizes: [03, 4]\nshuffle: off\nquiet: yes\n"
        "kwargs: {min_lr: 0.5}\n"
    )
    args, _ = from_yaml(tmp_path, text)
    assert (args.rate, args.steps, args.sizes, args.shuffle) == (3e-5, 1000, [3, 4], False)
    assert args.quiet is True and args.kwargs == '{"min_lr": 0.5}'


def test_yaml_without_a_value_is_not_given(tmp_path):
    args, words = from_yaml(tmp_path, "maybe: null\ncolumn: ~\nrate:\nmarks: ['', \"null\"]\n")
    assert (args.maybe, args.column, args.rate) == (None, "text", 0.1)
    assert words["explicit_args"] == {"marks": ["", "null"]} and args.marks == ["", "null"]


def test_flags_override_the_file_and_are_told_apart_from_it(tmp_path):
    args, words = from_yaml(
        tmp_path, "steps: 3\nrate: 0.5\nshuffle: false\n", "--steps=4", "--shuffle"
    )
    assert (args.steps, args.rate, args.shuffle) == (4, 0.5, True)
    assert words["config"] == tmp_path / "x.yaml"
    assert words["typed_args"] == {"steps": 4, "shuffle": True}
    assert words["explicit_args"] == {"steps": 4, "rate": 0.5, "shuffle": True}
    _, words = parse(Arguments, ["--no_shuffle"])
    assert words["config"] is None and words["typed_args"] == {"shuffle": False}
    assert parse(Arguments, as_words(words["explicit_args"]))[0].shuffle is False


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: muchos\n", "steps"),
        ("column: [a, b]\n", "takes one value"),
        ("marks: [[a]]\n", "plain words"),
        ("colunm: a\n", "did you mean 'column'"),
        ("steps: 3\nsteps: 4\n", "occurs twice"),
        ("- steps\n", "'key: value'"),
        ("a: b: c\n", "not valid YAML"),
    ],
)
def test_bad_yaml_names_the_file(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as refusal:
        from_yaml(tmp_path, text)
    assert "x.yaml" in str(refusal.value)


def test_yaml_behind_the_flags_is_told():
    with pytest.raises(InputError, match="comes first"):
        parse(Arguments, ["--steps", "3", "x.yaml"])


def test_the_model_at_hand_brings_its_yaml():
    configs = {"mini": Path("mini.yaml")}
    for argv, expected in (
        (["--steps", "3"], ["mini.yaml", "--steps", "3"]),
        (["--model_name_or_path=mini"], ["mini.yaml", "--model_name_or_path=mini"]),
        (["--model-name-or-path", "beto"], ["--model-name-or-path", "beto"]),
        (["other.yaml", "--steps", "3"], ["other.yaml", "--steps", "3"]),
    ):
        assert add_model_config(argv, configs, default="mini") == expected


@pytest.mark.parametrize("words", [["--rate", "nan"], ["--rate=NaN"], ["--rates", "0.1", "nan"]])
def test_nan_is_no_number(words):
    """`float` takes it, and no check of a range sees it."""
    with pytest.raises(InputError, match="nan: not a number"):
        parse(Rates, words)
    assert parse(Rates, ["--rate", "inf", "--rates", "0.1", "2"])[0] == Rates(
        float("inf"), [0.1, 2]
    )


@dataclass
class Rates:
    rate: float = 0.1
    rates: list[float] = field(default_factory=list)
