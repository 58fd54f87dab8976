"""Write the shared splits as .spacy files, for `spacy.Corpus.v1` and spaCy's own tools.

    python spacy_text_model/scripts/train/preprocess.py --dataset data/x/data_v1 \
        --output data/x/spacy
    python -m spacy train config.cfg --paths.train data/x/spacy/train.spacy \
        --paths.dev data/x/spacy/dev.spacy

The suite's own config.cfg needs none of it: its reader reads the splits themselves. The second
command is for a config of yours. Writes train.spacy, dev.spacy,
test.spacy (every class in `doc.cats`, the id in `doc.user_data["id"]`) and labels.json, for
`spacy.read_labels.v1`.
"""

from dataclasses import dataclass, field
from pathlib import Path

from spacy.lang.es import Spanish
from spacy.tokens import DocBin
from tqdm import tqdm

from spacy_text_model.readers import NO_TEXT, whole_texts
from utils import runs
from utils.cli import parse, start_logging
from utils.data import load_corpus, options_of
from utils.data.corpus import DataOptions
from utils.errors import InputError, exits_on_input_error
from utils.folders import claim_report, whole_folder

FILES = {"train": "train.spacy", "validation": "dev.spacy", "test": "test.spacy"}  # spaCy's names


@dataclass
class PreprocessArguments(DataOptions):
    """What to write, and where to."""

    dataset: str = field(
        default="sample", metadata={"help": "prepared folder, raw source, Hub id or 'sample'"}
    )
    output: str | None = field(default=None, metadata={"help": "folder to write"})
    overwrite: bool = field(
        default=False, metadata={"help": "replace what this script wrote there before"}
    )


@exits_on_input_error
def main(argv=None) -> Path:
    """Convert; returns the folder that was written."""
    # Arguments.
    args, _ = parse(PreprocessArguments, argv, doc=__doc__)
    start_logging()
    if args.output is None:
        raise InputError("--output: name the folder to write")
    folder = Path(args.output)
    claim_report(folder, "train.spacy", args.overwrite)

    # Splits: the same for every room.
    corpus = load_corpus(args.dataset, options_of(args))
    class_names = corpus.info["labels"]

    # Save.
    with whole_folder(folder) as partial:
        for split, name in FILES.items():
            documents(corpus.splits[split], class_names, split).to_disk(partial / name)
        runs.write_json(partial / "labels.json", class_names)
    rows = ", ".join(f"{FILES[split]} {len(dataset)}" for split, dataset in corpus.splits.items())
    print(f"{folder}: {rows}, {len(class_names)} classes")
    return folder


def documents(dataset, class_names: list[str], split: str) -> DocBin:
    """The rows of a split as spaCy's documents, in their order."""
    nlp = whole_texts(Spanish())
    found = DocBin(store_user_data=True)
    for row in tqdm(dataset, desc=split, unit=" rows", unit_scale=True, disable=None):
        doc = nlp.make_doc(row["text"] or NO_TEXT)
        doc.cats = {name: float(i == row["label"]) for i, name in enumerate(class_names)}
        doc.user_data["id"] = row["id"]
        found.add(doc)
    return found


if __name__ == "__main__":
    main()
