r"""Versions of a dataset: what changed between two of them, and the ground truth that a workflow is
measured by.

    python -m utils.versions diff data/papeles/data_v1 data/papeles/data_v2 \
        --output runs/versions/papeles_1_2
    python -m utils.versions ground_truth text_dataset/ ground_truth/ --split test
    python -m utils.versions ground_truth data/papeles/data_v2 ground_truth/ --split test \
        --overwrite

diff takes prepared datasets, or any source that `load_corpus` reads (splits that it lacks are cut
first). Documents are known by id, by split and id where ids repeat between splits; one whose id
alone changed, as that of a file which went to another typology's folder, is renamed, not removed
and added. Leaks are documents of one version's test whose text is in the other's train but for
case, accents, punctuation and spacing. Tables are printed and written to diff.md, numbers to
diff.json, documents to documents.csv (without --output in runs/versions/<v1>-<v2>/<date-time>).

ground_truth writes muestras/<typology>/<file>, todas/<file> under the same names, and
ground_truth.csv with file, typology and path, from a tree split/typology/* of txt, images and pdf,
or from any other source, whose texts become <id>.txt. A name that occurs twice, whatever its ending
and case, becomes <typology>__<name>, the next of those <typology>__<name>__2 and so on.
"""

import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pyarrow as pa

from utils import runs
from utils.cli import parse, start_logging
from utils.data import dataset_name, is_prepared, load_corpus, options_of, usable_options
from utils.data.corpus import SPLITS, Corpus, DataOptions
from utils.data.ground_truth_files import write_ground_truth
from utils.errors import InputError, exits_on_input_error
from utils.folders import claim_report, whole_folder
from utils.tables import markdown_table, write_csv
from utils.text import match_keys

KINDS = {
    "added": "added",
    "removed": "removed",
    "renamed": "same text, other id",
    "changed": "same id, other text",
    "relabelled": "other label",
    "moved": "other split",
    "leak_v1_train": "test of v2 whose text is in train of v1",
    "leak_v2_train": "test of v1 whose text is in train of v2",
}
SHOWN = 20  # classes in the printed table; diff.json has all
# Characters of a changed text in documents.csv, from a little before the first difference.
EXCERPT = 200


@dataclass
class VersionsArguments(DataOptions):
    """Where the answer goes, and how sources that are no prepared dataset are read."""

    output: str | None = field(default=None, metadata={"help": "diff: folder of the report"})
    split: str = field(default="test", metadata={"help": "ground_truth: train, validation or test"})
    overwrite: bool = field(
        default=False, metadata={"help": "replace what this command wrote there before"}
    )


@exits_on_input_error
def main(argv=None) -> Path:
    """Do what the first word says; returns the folder that was written."""
    args, words = parse(
        VersionsArguments, argv, doc=__doc__, positional=["action", "first", "second"]
    )
    start_logging()
    if words["action"] == "diff":
        return diff(args, words["first"], words["second"])
    if words["action"] == "ground_truth":
        if args.output:
            raise InputError(
                "--output belongs to diff; ground_truth takes its folder as the last word"
            )
        output = Path(words["second"])
        return write_ground_truth(
            words["first"], output, args.split, args.overwrite, options_of(args)
        )
    raise InputError(f"{words['action']!r}: give diff V1 V2, or ground_truth SOURCE OUTPUT")


# What changed.


def diff(args: VersionsArguments, first: str, second: str) -> Path:
    """Compare two versions and report."""
    name = f"{dataset_name(first)}-{dataset_name(second)}"
    moment = datetime.now().strftime("%Y-%m-%d-%H%M%S")
    folder = Path(args.output or Path("runs", "versions", name, moment))
    claim_report(folder, "diff.json", args.overwrite)
    options = options_of(args)
    mixed = is_prepared(first) != is_prepared(second)
    # How a raw version is read says nothing of a prepared one beside it.
    corpora = [
        load_corpus(source, usable_options(source, options) if mixed else options)
        for source in (first, second)
    ]
    by_split = any(has_repeated_ids(corpus) for corpus in corpora)
    tables = [documents(corpus, by_split) for corpus in corpora]
    changes = pd.concat([changes_of(*tables), leaks_of(*tables)], ignore_index=True)
    numbers = numbers_of(corpora, (first, second), tables, changes, by_split)
    report = diff_report(numbers, changes)
    with whole_folder(folder) as partial:
        runs.write_json(partial / "diff.json", numbers)
        (partial / "diff.md").write_text(report, encoding="utf-8")
        write_csv(with_excerpts(changes), partial / "documents.csv")
    print(f"{report}\n{folder}: diff.json, diff.md, documents.csv")
    return folder


def parts_of(corpus: Corpus) -> dict[str, datasets.Dataset]:
    """The splits, and what has no label as one more."""
    return dict(corpus.splits) | {"unlabelled": corpus.unlabelled}


def has_repeated_ids(corpus: Corpus) -> bool:
    ids = [i for dataset in parts_of(corpus).values() for i in dataset["id"]]
    return len(set(ids)) < len(ids)


def documents(corpus: Corpus, by_split: bool) -> pd.DataFrame:
    """One row a document, sorted by id: id, split, label ("" without one), text, key (the same for
    equal texts).
    """
    class_names = np.array(corpus.splits["train"].features["label"].names, object)
    frames = []
    for split, dataset in parts_of(corpus).items():
        if not len(dataset):
            continue
        texts = ["" if text is None else text for text in dataset["text"]]
        labels = ""
        if split != "unlabelled":
            labels = class_names[np.array(dataset["label"], int)]
        ids = [f"{split}/{i}" if by_split else i for i in dataset["id"]]
        keys = match_keys(pa.chunked_array([texts], pa.string()))
        frames.append(
            pd.DataFrame({"id": ids, "split": split, "label": labels, "text": texts, "key": keys})
        )
    return pd.concat(frames).sort_values("id", ignore_index=True)


def changes_of(one: pd.DataFrame, two: pd.DataFrame) -> pd.DataFrame:
    """A row a document and kind of change: id (the newer one), kind, before, after."""
    newer = renamed(one, two)
    one = one.assign(old=one["id"], id=[newer.get(i, i) for i in one["id"]])
    both = one.merge(two, on="id", how="outer", suffixes=("_1", "_2"))
    new, gone = both[both["split_1"].isna()], both[both["split_2"].isna()]
    kept = both[both["split_1"].notna() & both["split_2"].notna()]
    parts = [
        listing(new["id"], "added", "", new["split_2"] + ": " + new["label_2"]),
        listing(gone["id"], "removed", gone["split_1"] + ": " + gone["label_1"], ""),
    ]
    for kind, before, after in (
        ("renamed", "old", "id"),
        ("changed", "text_1", "text_2"),
        ("relabelled", "label_1", "label_2"),
        ("moved", "split_1", "split_2"),
    ):
        other = kept[kept[before] != kept[after]]
        parts.append(listing(other["id"], kind, other[before], other[after]))
    return pd.concat(parts, ignore_index=True)


def renamed(one: pd.DataFrame, two: pd.DataFrame) -> dict[str, str]:
    """Ids that only the first version has to those that only the second has, where the texts are
    equal, one by one.
    """
    gone = numbered_texts(one[~one["id"].isin(two["id"])])
    new = numbered_texts(two[~two["id"].isin(one["id"])])
    pairs = gone.merge(new, on=["text", "turn"])
    return dict(zip(pairs["id_x"], pairs["id_y"], strict=True))


def numbered_texts(documents: pd.DataFrame) -> pd.DataFrame:
    """The documents with a text; `turn` counts those of one text, so that they pair one by one."""
    documents = documents[documents["text"].str.strip() != ""]
    return documents.assign(turn=documents.groupby("text").cumcount())


def leaks_of(one: pd.DataFrame, two: pd.DataFrame) -> pd.DataFrame:
    """A row a test document whose text is in the other version's train: before is its id there,
    after its own.
    """
    parts = []
    for kind, train, test in (("leak_v1_train", one, two), ("leak_v2_train", two, one)):
        train = train[(train["split"] == "train") & (train["text"].str.strip() != "")]
        test = test[(test["split"] == "test") & (test["text"].str.strip() != "")]
        known = train.drop_duplicates("key").set_index("key")["id"]
        found = test[test["key"].isin(known.index)]
        parts.append(listing(found["id"], kind, known.loc[found["key"]].to_numpy(), found["id"]))
    return pd.concat(parts, ignore_index=True)


def listing(ids: pd.Series, kind: str, before, after) -> pd.DataFrame:
    return pd.DataFrame({"id": ids, "kind": kind, "before": before, "after": after}, dtype="str")


def with_excerpts(changes: pd.DataFrame) -> pd.DataFrame:
    """The changed texts cut to where they differ."""
    before, after = changes["before"].tolist(), changes["after"].tolist()
    for row in np.flatnonzero(changes["kind"] == "changed"):
        start = max(0, len(os.path.commonprefix([before[row], after[row]])) - EXCERPT // 5)
        before[row] = before[row][start : start + EXCERPT]
        after[row] = after[row][start : start + EXCERPT]
    return changes.assign(before=before, after=after)


def numbers_of(
    corpora: list[Corpus],
    sources: tuple[str, str],
    tables: list[pd.DataFrame],
    changes: pd.DataFrame,
    by_split: bool,
) -> dict[str, Any]:
    """The content of diff.json."""
    counts = {kind: int((changes["kind"] == kind).sum()) for kind in KINDS}
    changed = changes[changes["kind"] == "changed"]
    before, after = (
        match_keys(pa.chunked_array([changed[side].tolist()], pa.string()))
        for side in ("before", "after")
    )
    labelled = [table.loc[table["split"] != "unlabelled", "label"] for table in tables]
    classes = [labels.value_counts() for labels in labelled]
    shares = [counted / max(1, counted.sum()) for counted in classes]
    hashes = [corpus.info["hash"] for corpus in corpora]
    # A leak is found between the versions; it is no change of either.
    is_change = [kind for kind in KINDS if not kind.startswith("leak")]
    return {
        "versions": [
            {"source": source, "hash": digest}
            for source, digest in zip(sources, hashes, strict=True)
        ],
        "identical": hashes[0] == hashes[1] and not any(counts[kind] for kind in is_change),
        "documents_known_by": "split and id" if by_split else "id",
        "counts": counts,
        "changed_only_in_case_accents_punctuation_spacing": int((before == after).sum()),
        "rows": {
            split: [int((table["split"] == split).sum()) for table in tables]
            for split in (*SPLITS, "unlabelled")
        },
        "classes": [
            {
                "class": name,
                "documents": [int(n.get(name, 0)) for n in classes],
                "shares": [float(s.get(name, 0)) for s in shares],
                "difference": float(shares[1].get(name, 0) - shares[0].get(name, 0)),
            }
            for name in sorted(set(classes[0].index) | set(classes[1].index))
        ],
    }


def diff_report(numbers: dict[str, Any], changes: pd.DataFrame) -> str:
    """The Markdown report of diff.json's numbers."""
    verdict = "Identical: the same documents, texts, labels and splits.\n"
    if not numbers["identical"]:
        form = numbers["changed_only_in_case_accents_punctuation_spacing"]
        verdict = (
            f"Not identical. Documents are known by {numbers['documents_known_by']}; {form} of the "
            "changed texts differ in case, accents, punctuation or spacing alone.\n"
        )
    versions = [
        [f"v{number}", version["source"], version["hash"][:12]]
        for number, version in enumerate(numbers["versions"], 1)
    ]
    kinds = []
    for kind, what in KINDS.items():
        examples = changes.loc[changes["kind"] == kind, "id"].head(3)
        kinds.append([kind, what, numbers["counts"][kind], ", ".join(examples)])
    rows = [[split, *n, f"{n[1] - n[0]:+}"] for split, n in numbers["rows"].items()]
    n_classes = len(numbers["classes"])
    more = f", the {SHOWN} of {n_classes} that changed most" if n_classes > SHOWN else ""
    parts = [
        "# Two versions of a dataset\n",
        markdown_table(["version", "source", "hash"], versions),
        verdict,
        markdown_table(["kind", "what", "documents", "such as"], kinds),
        markdown_table(["split", "v1", "v2", "difference"], rows),
        f"Classes over all splits{more}; differences in percentage points.\n",
        markdown_table(
            ["class", "v1", "share", "v2", "share", "difference"],
            class_rows(numbers["classes"]),
        ),
    ]
    return "\n".join(parts)


def class_rows(classes: list[dict[str, Any]]) -> list[list]:
    """The classes whose share changed most, as rows of the report's table."""
    largest = sorted(classes, key=lambda c: (-abs(c["difference"]), c["class"]))[:SHOWN]
    rows = []
    for c in largest:
        before, after = c["documents"]
        shares = [f"{share:.1%}" for share in c["shares"]]
        change = f"{100 * c['difference']:+.1f}"
        rows.append([c["class"], before, shares[0], after, shares[1], change])
    return rows


if __name__ == "__main__":
    main()
