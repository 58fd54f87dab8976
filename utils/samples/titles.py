"""Made-up product titles in many unbalanced classes, for tests and measurements at the scale of a
marketplace.

    python -m utils.samples.titles --rows 100000 --output data/titulos
    python -m utils.samples.titles --rows 6182780 --label_noise 0.05 --output data/titulos_grandes

Writes {train,validation,test}.jsonl.gz with id, text and label. The sizes are those of the Spanish
part of the MeLi
Challenge 2019 that courses use, scaled down: 4,895,280 train rows in 632 classes of 15,208 to 220,
validation a quarter of that, and 63,680 test rows in nearly balanced classes. Where rows are few
there are fewer classes, and test keeps a row of each. Some train and validation labels are wrong,
test labels are right.

Words are made of Spanish syllables and drawn by Zipf's law. A title names its class by words of its
own, may hold a neighbouring class's word too, and sometimes only the order of two words tells two
classes apart, so that a bag of words gets most classes right but not all. The same seed gives the
same rows everywhere: only integers and uniform floats are drawn, and sums are sequential.
"""

import functools
import gzip
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

from utils.cli import parse
from utils.errors import InputError, exits_on_input_error
from utils.folders import claim_report, whole_folder
from utils.tables import markdown_table

CLASSES = 632
SPLIT_ROWS = {"train": 4_895_280, "validation": 1_223_820, "test": 63_680}
# Rows of the largest and the smallest class, and how the ramp between them bends (0: a straight
# line); with these the classes of each split add up to its rows.
TRAIN_SHAPE = (15_208, 220, 0.0127)
TEST_SHAPE = (134, 53, 0.5385)
BLOCK = 50_000  # titles made at once, from a seed of their own
WORDS = 40_000
SLOTS = 2**20  # entries of the table by which Zipf's law is drawn
OWN = 8  # words of a class
FAMILY = 8  # classes of a family
FAMILY_WORDS = 12
MOST = 9  # words of the longest title
SYLLABLES = (
    "a ba be bi bo ca ce ci co cu cha da de di do e es fa fi fo ga go gue gui i in jo la le li lo "
    "lla lle ma me mi mo na ne ni no ña ñe o pa pe pi po pla pre pro que qui ra re ri ro sa se si "
    "so su ta te ti to tra tre u un va ve vi vo ya yo za zo"
).split()
ENDINGS = (
    "a o e as os es al ar or ón ín és ía io ción dor dora tor ico ica ito ante ero era aje ete "
    "illo ño ña ismo ura dad mente"
).split()
UNITS = "w v gb ml cm kg mm lts hp x mah pcs".split()
GLUE = "de para con y sin en".split()


@dataclass
class TitlesArguments:
    """How many titles, and where to."""

    rows: int = field(default=100_000, metadata={"help": "titles of the three splits together"})
    output: str = field(
        default="data/titulos", metadata={"help": "folder for {train,validation,test}.jsonl.gz"}
    )
    classes: int = field(
        default=CLASSES, metadata={"help": "classes; at most one for every 40 rows"}
    )
    label_noise: float = field(
        default=0.08, metadata={"help": "share of wrong labels in train and validation"}
    )
    seed: int = field(
        default=0, metadata={"help": "seed of words, classes, titles and wrong labels"}
    )
    overwrite: bool = field(default=False, metadata={"help": "replace titles that are there"})

    def __post_init__(self):
        if self.rows < 80 or not 2 <= self.classes <= WORDS // (2 * OWN):
            raise ValueError(
                f"--rows {self.rows} --classes {self.classes}: give at least 80 rows and 2 "
                f"classes, at most {WORDS // (2 * OWN)}"
            )
        if not 0 <= self.label_noise < 1 or self.seed < 0:
            raise ValueError(
                f"--label_noise {self.label_noise} --seed {self.seed}: a share below 1; 0 or more"
            )


@exits_on_input_error
def main(argv=None) -> Path:
    """Write titles; returns the folder."""
    args, _ = parse(TitlesArguments, argv, doc=__doc__)
    folder = Path(args.output)
    claim_report(folder, "train.jsonl.gz", args.overwrite)
    sizes = split_sizes(args.rows, min(args.classes, args.rows // 40))
    with whole_folder(folder) as partial:
        for number, (split, counts) in enumerate(sizes.items()):
            write_titles(
                partial / f"{split}.jsonl.gz",
                shuffled(counts, [args.seed, number]),
                args.seed,
                stream=number,
                label_noise=0 if split == "test" else args.label_noise,
                prefix=f"{split}-",
            )
    rows = [[split, f"{c.sum():,}", f"{c.max():,}", f"{c.min():,}"] for split, c in sizes.items()]
    table = markdown_table(["split", "rows", "largest", "smallest"], rows)
    print(f"{folder}: {len(sizes['train'])} classes\n\n{table}")
    return folder


def split_sizes(rows: int, classes: int) -> dict[str, np.ndarray]:
    """Rows of every class in every split, the largest class of train first: {split: (classes,)
    int}.
    """
    shares = apportion(np.array(list(SPLIT_ROWS.values()), float), rows, least=classes)
    # A class that is large in train may be small in test.
    order = np.random.default_rng(CLASSES).permutation(classes)
    ramps = {
        "train": ramp(classes, TRAIN_SHAPE),
        "validation": ramp(classes, TRAIN_SHAPE),
        "test": ramp(classes, TEST_SHAPE)[order],
    }
    return {
        split: apportion(ramps[split], n, least=1)
        for split, n in zip(ramps, shares.tolist(), strict=True)
    }


def ramp(classes: int, shape: tuple) -> np.ndarray:
    """Weights (classes,) that fall from the largest class's rows to the smallest's."""
    most, least, bend = shape
    place = np.arange(classes) / max(1, classes - 1)
    return most - (most - least) * (place + bend * (place * place - place))


def apportion(weights: np.ndarray, total: int, least: int) -> np.ndarray:
    """Integers (n,) in proportion to the weights, none below `least`, that add up to `total`.

    Raises:
        InputError: `total` does not give everybody the least.
    """
    if total < least * len(weights):
        raise InputError(
            f"{total} rows are too few for {len(weights)} parts of at least {least}; give more "
            "--rows"
        )
    exact = weights / weights.cumsum()[-1] * total
    counts = np.maximum(np.floor(exact).astype(int), least)
    while (missing := total - counts.sum()) > 0:
        # The largest remainders first; of equals the first.
        counts[np.argsort(counts - exact, kind="stable")[:missing]] += 1
    while missing < 0:
        above = np.flatnonzero(counts > least)
        chosen = above[np.argsort((exact - counts)[above], kind="stable")[:-missing]]
        counts[chosen] -= 1
        missing = total - counts.sum()
    return counts


def shuffled(counts: np.ndarray, seed) -> np.ndarray:
    """A class code for every row, in random order: (rows,) int16."""
    codes = np.repeat(np.arange(len(counts), dtype=np.int16), counts)
    return np.random.default_rng(seed).permutation(codes)


def class_codes(rng, rows: int, classes: int) -> np.ndarray:
    """A class for each row (rows,) as unbalanced as train is, each at least 20 times where rows
    allow it.
    """
    counts = apportion(ramp(classes, TRAIN_SHAPE), rows, least=min(20, rows // classes))
    return rng.permutation(np.repeat(np.arange(classes), counts))


def vocabulary(rng, n: int) -> np.ndarray:
    """`n` different made-up Spanish-like words (n,), some with accents and ñ, one in ten a model
    number or a size.
    """
    found: dict[str, None] = {}  # in the order of their making
    while len(found) < n:
        sizes = rng.choice([1, 2, 3], size=n, p=[0.1, 0.45, 0.45]).tolist()
        starts = rng.integers(0, len(SYLLABLES), (n, 3)).tolist()
        ends = rng.integers(0, len(ENDINGS), n).tolist()
        numbers = rng.integers(2, 2000, n).tolist()
        units = rng.integers(0, len(UNITS), n).tolist()
        for i, (size, start, end) in enumerate(zip(sizes, starts, ends, strict=True)):
            word = "".join(SYLLABLES[s] for s in start[:size]) + ENDINGS[end]
            if i % 20 == 9:
                word = f"{word[:2]}{numbers[i]}"
            elif i % 20 == 19:
                word = f"{numbers[i]}{UNITS[units[i]]}"
            found[word] = None
    return np.array(list(found)[:n], dtype=object)


def zipf_table(n: int) -> np.ndarray:
    """Word numbers (SLOTS,), each as often as Zipf's law has it, so that a random entry is a word
    drawn by it.
    """
    weights = (1 / (np.arange(n) + 3.0)).cumsum()
    return np.searchsorted(weights, (np.arange(SLOTS) + 0.5) / SLOTS * weights[-1]).astype(np.int32)


@dataclass(frozen=True, eq=False)
class Language:
    """What all titles of a seed are made of."""

    # (3 * WORDS + 12,) as they are, capitalised, in capitals; then the glue, also in capitals
    words: np.ndarray
    common: np.ndarray  # (SLOTS,) word numbers by Zipf's law
    own: np.ndarray  # (classes, OWN) word numbers
    family: np.ndarray  # (families, FAMILY_WORDS) word numbers
    pairs: np.ndarray  # (classes, 2) the two words whose order tells a class from its neighbour
    own_slots: np.ndarray  # (64,) places in `own`, the first ones more often


@functools.lru_cache(maxsize=1)
def make_language(classes: int, seed: int) -> Language:
    """The words of a seed, and which of them name each class and family."""
    rng = np.random.default_rng([seed, 1000])
    vocabulary_words = vocabulary(rng, WORDS).tolist()
    words = [
        *vocabulary_words,
        *(word.capitalize() for word in vocabulary_words),
        *(word.upper() for word in vocabulary_words),
        *GLUE,
        *(word.upper() for word in GLUE),
    ]
    # Class words come from the rarer half of the vocabulary, which other titles seldom draw.
    rare = rng.permutation(np.arange(WORDS // 2, WORDS, dtype=np.int32))
    usual = rng.permutation(np.arange(100, WORDS // 2, dtype=np.int32))
    families = -(-classes // FAMILY)
    own = rare[: classes * OWN].reshape(classes, OWN)
    pairs = usual[: 2 * -(-classes // 2)].reshape(-1, 2)
    pairs = np.stack([pairs, pairs[:, ::-1]], 1).reshape(-1, 2)[:classes]
    family = usual[2 * classes :][: families * FAMILY_WORDS].reshape(families, FAMILY_WORDS)
    slots = np.repeat(np.arange(OWN), apportion(1 / (np.arange(OWN) + 1.0), 64, 1))
    all_words = np.array(words, dtype=object)
    return Language(all_words, zipf_table(WORDS), own, family, pairs, slots)


def titles(rng, language: Language, codes: np.ndarray) -> list[str]:
    """A title of 3 to 9 words, 6 on average, for each code (n,)."""
    n, codes = len(codes), codes.astype(int)
    ids = language.common[rng.integers(0, SLOTS, (n, MOST))]  # (n, MOST) word numbers
    sizes = 3 + rng.integers(0, 4, n) + rng.integers(0, 4, n)

    # Words that name the class, its neighbour in the family, and the family.
    own = language.own[codes[:, None], language.own_slots[rng.integers(0, 64, (n, 3))]]  # (n, 3)
    near = np.where(codes % FAMILY % 2 == 0, codes + 1, codes - 1) % len(language.own)
    near = language.own[near, language.own_slots[rng.integers(0, 64, n)]]
    family = language.family[codes[:, None] // FAMILY, rng.integers(0, FAMILY_WORDS, (n, 2))]

    # The first four places: the class's own words more often than the others'.
    chance = rng.random((n, 6))
    ids[:, 0] = own[:, 0]
    ids[:, 1] = np.where(chance[:, 0] < 0.5, own[:, 1], family[:, 0])
    third = np.where(chance[:, 1] < 0.55, near, ids[:, 2])
    ids[:, 2] = np.where(chance[:, 1] < 0.4, family[:, 1], third)
    ids[:, 3] = np.where(chance[:, 2] < 0.3, own[:, 2], ids[:, 3])
    vague = chance[:, 3] < 0.04  # names its family alone
    ids[vague, 0] = ids[vague, 4]
    ids[vague, 1] = family[vague, 0]
    # Told apart by the order of two words alone; a last class without a partner is not.
    has_partner = codes < len(language.pairs) // 2 * 2
    ordered = (chance[:, 3] > 0.9) & has_partner
    ids[ordered, 0], ids[ordered, 2] = language.pairs[codes[ordered]].T
    turned = ~ordered & (chance[:, 4] < 0.4)
    ids[turned] = ids[turned][:, [2, 1, 0, *range(3, MOST)]]

    # One title in twelve is in capitals; elsewhere words are capitalised or not, title by title.
    style = np.where(chance[:, 5] < 0.6, 1, 0)
    style[chance[:, 5] < 1 / 12] = 2
    ids = ids + WORDS * style[:, None]
    glued = ordered | (chance[:, 4] > 0.75)
    glue = np.where(ordered, 0, rng.integers(0, len(GLUE), n)) + len(GLUE) * (style == 2)
    ids[glued, 1] = 3 * WORDS + glue[glued]
    return [
        " ".join(row[:size])
        for row, size in zip(language.words[ids].tolist(), sizes.tolist(), strict=True)
    ]


def with_noise(rng, codes: np.ndarray, share: float) -> np.ndarray:
    """The codes with about that share replaced by each other's, so that every class keeps its
    number of rows.
    """
    noisy = np.flatnonzero(rng.random(len(codes)) < share)
    labels = codes.copy()
    labels[noisy] = np.roll(codes[noisy], 1)
    return labels


def write_titles(
    path: Path,
    codes: np.ndarray,
    seed: int,
    *,
    stream: int = 0,
    label_noise: float = 0,
    repeat_every: int = 0,
    prefix: str = "",
):
    """Write a title for each code (n,) as jsonl.gz, block by block.

    Args:
        stream: files of one seed speak one language, but differ in their titles by this number.
        repeat_every: so often a title repeats an earlier one of its class in capitals; 0: never.
        prefix: before the row number in an id.
    """
    language = make_language(int(codes.max()) + 1, seed)
    # mtime 0 and no name: the same titles are the same bytes.
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 1, raw, mtime=0) as packed:
        blocks = range(0, len(codes), BLOCK)
        for start in tqdm(blocks, desc=path.name, disable=None if len(blocks) >= 10 else True):
            rng = np.random.default_rng([seed, stream, start // BLOCK])
            own = codes[start : start + BLOCK]
            texts = titles(rng, language, own)
            labels = with_noise(rng, own, label_noise).tolist()
            if repeat_every:
                repeat(texts, own, repeat_every)
            lines = [
                json_line(f"{prefix}{number:09}", text, label)
                for number, (text, label) in enumerate(zip(texts, labels, strict=True), start)
            ]
            packed.write("".join(lines).encode())


def json_line(identifier: str, text: str, code: int) -> str:
    """A row; words hold nothing that json would escape."""
    return f'{{"id": "{identifier}", "text": "{text}", "label": "CATEGORIA_{code:04}"}}\n'


def repeat(texts: list[str], codes: np.ndarray, every: int):
    """Make one text in `every` the last one of its class before it, in capitals."""
    last: dict[int, int] = {}  # class -> place of its latest text
    for place, code in enumerate(codes.tolist()):
        if place % every == 0 and code in last:
            texts[place] = texts[last[code]].upper()
        last[code] = place


if __name__ == "__main__":
    main()
