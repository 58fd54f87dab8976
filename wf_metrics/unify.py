"""What "unificado" means here: similar typologies are one group, a document's pages one unit."""

import difflib
import re
from pathlib import Path

import pandas as pd
import yaml

from utils.errors import InputError
from utils.text import nfc
from wf_metrics.columns import ENDING, listed


def read_unify(path) -> dict[str, str]:
    """The `typology: group` lines of a YAML file, names as they are written (`01`, `no`), in NFC.

    Raises:
        InputError: no such file, no YAML, a value that is no name, a typology that occurs twice.
    """
    path = Path(path)
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError:
        raise InputError(f"--unify {path}: not UTF-8; save it as UTF-8 text") from None
    except OSError as error:
        raise InputError(f"--unify {path}: cannot be read ({error}); check the path") from None
    except yaml.YAMLError as error:
        raise InputError(
            f"--unify {path}: not valid YAML ({error}); write 'typology: group', one a line"
        ) from None
    if not isinstance(node, yaml.MappingNode):
        raise InputError(f"--unify {path}: no 'typology: group' lines in it; write one a line")
    groups = {}
    for key, value in node.value:
        where = f"--unify {path}, line {key.start_mark.line + 1}"
        if (
            not isinstance(key, yaml.ScalarNode)
            or not isinstance(value, yaml.ScalarNode)
            or not value.value
        ):
            raise InputError(
                f"{where}: not 'typology: group'; write one name before and one behind the colon"
            )
        name = nfc(key.value)
        if name in groups:
            raise InputError(f"{where}: {name!r} occurs twice; remove one of the lines")
        groups[name] = nfc(value.value)
    return groups


def resolve(
    groups: dict[str, str], typologies: set[str], path="--unify", unknown: str = "refuse"
) -> dict[str, str]:
    """Each typology's final group: a: b and b: c take a to c; what is not in the map stays itself.

    Args:
        typologies: those of ground truth and predictions. unknown: `refuse` or `list` names of the
            map that are none.

    Raises:
        InputError: a cycle, or a name of the map that occurs neither in ground truth nor
            predictions.
    """
    strangers = sorted(set(groups) - typologies)
    if strangers and unknown == "refuse":
        close = difflib.get_close_matches(strangers[0], sorted(typologies), n=1)
        raise InputError(
            f"{path}: {listed(strangers, 5)} occur neither in the ground truth nor in the results"
            f"{f', did you mean {close[0]!r}?' if close else ''}; correct the name, or pass "
            "--unify_unknown list"
        )
    final = {}
    for name in sorted(typologies | set(groups)):
        way = [name]
        while way[-1] in groups and groups[way[-1]] != way[-1]:
            if groups[way[-1]] in way:
                circle = " → ".join([*way, groups[way[-1]]])
                raise InputError(f"{path}: {circle} goes in a circle; remove one line")
            way.append(groups[way[-1]])
        final[name] = way[-1]
    return final


def check_pattern(pattern: str) -> re.Pattern:
    """The compiled pattern of a page's name, whose first group is the document.

    Raises:
        InputError: not a regular expression, or without a group.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(
            f"--document_pattern {pattern!r}: not a regular expression ({error})"
        ) from None
    if not compiled.groups:
        raise InputError(
            f"--document_pattern {pattern!r}: no group in it; put the document's id into (…)"
        )
    return compiled


def documents_of(names: pd.Series, pattern: re.Pattern) -> pd.Series:
    """Each file's document: the pattern's first group in its name without ending, else the name.

    Raises:
        InputError: the pattern is in no name.
    """
    matches = [pattern.search(re.sub(ENDING, "", name)) for name in names]
    found = [match and match.group(1) for match in matches]
    if not any(found):
        raise InputError(
            f"--document_pattern {pattern.pattern!r}: in no file's name, such as "
            f"{names.iloc[0]!r}; "
            "correct the pattern"
        )
    return pd.Series(
        [own or name for own, name in zip(found, names, strict=True)],
        index=names.index,
        dtype="str",
    )


def group_documents(files: pd.DataFrame, pattern: re.Pattern) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row a document, from one row a page.

    A document's prediction is that of most of its pages with a result; of a tie, the one of the
    higher sum of confidences; of a tie still, that of the first page by name. Its confidence is the
    mean of the pages that say so, its time the latest. A document whose pages have several truths
    is set aside.

    Args:
        files: name, truth, prediction, confidence, time, path.

    Returns:
        (documents with the same columns, pages of documents with several truths).
    """
    files = files.assign(document=documents_of(files["name"], pattern)).sort_values(
        "name", kind="stable"
    )
    mixed = files.groupby("document")["truth"].transform("nunique") > 1
    pages = files[~mixed]
    votes = pages[pages["prediction"].notna()].groupby(["document", "prediction"], sort=False)
    tally = votes.agg(
        pages=("name", "size"),
        total=("confidence", "sum"),
        first=("name", "min"),
        confidence=("confidence", "mean"),
    ).reset_index()
    order = tally.sort_values(
        ["pages", "total", "first"], ascending=[False, False, True], kind="stable"
    )
    winners = order.drop_duplicates("document")[["document", "prediction", "confidence"]]
    firsts = (
        pages.groupby("document", sort=True)
        .agg(truth=("truth", "first"), path=("path", "first"), time=("time", "max"))
        .reset_index()
    )
    documents = firsts.merge(winners, on="document", how="left").rename(
        columns={"document": "name"}
    )
    return documents, files[mixed]
