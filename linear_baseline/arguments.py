"""The package's own flags, and the command line of its training scripts."""

import sys
from dataclasses import dataclass, field
from pathlib import Path

from utils.cli import begins_with_yaml, parse, refuse_idle
from utils.data import DataOptions

CONFIGS = Path(__file__).parent / "configs"
DEFAULT_CONFIG = CONFIGS / "tfidf.yaml"
CLASSIFIERS = ("logistic_regression", "sgd", "complement_nb")
VECTORIZERS = ("tfidf", "hashing")


@dataclass
class ModelArguments:
    """What of a text is counted, and which linear model weighs it."""

    vectorizer: str = field(
        default="tfidf",
        metadata={"help": "tfidf, or hashing (no vocabulary: for millions of rows)"},
    )
    word_ngrams: int = field(
        default=2, metadata={"help": "longest run of words that counts as one feature; 0: no words"}
    )
    char_ngrams: list[int] = field(
        default_factory=list,
        metadata={"help": "shortest and longest run of characters within a word, as 3 5; none: no"},
    )
    min_df: int = field(
        default=2, metadata={"help": "training texts in which a feature must occur to count"}
    )
    max_features: int | None = field(
        default=None, metadata={"help": "of each kind the most frequent ones; default: all"}
    )
    sublinear_tf: bool = field(
        default=True, metadata={"help": "1 + log(count) instead of the count"}
    )
    hashed_features: int = field(
        default=2**17, metadata={"help": "columns of --vectorizer hashing"}
    )
    encoder: str | None = field(
        default=None,
        metadata={"help": "local folder or Hub id of an encoder whose sentence vectors are added"},
    )
    encoder_max_length: int = field(default=256, metadata={"help": "pieces it reads of a text"})
    encoder_prefix: str = field(
        default="", metadata={"help": "what it expects before a text (e5: 'query: ')"}
    )
    encoder_scale: float = field(
        default=1.0, metadata={"help": "length of a sentence vector; a text's words have length 1"}
    )
    classifier: str = field(
        default="logistic_regression", metadata={"help": f"one of {', '.join(CLASSIFIERS)}"}
    )
    C: float = field(
        default=10.0, metadata={"help": "logistic_regression: inverse strength of regularisation"}
    )
    alpha: float = field(
        default=1e-6, metadata={"help": "sgd: regularisation; complement_nb: smoothing"}
    )
    class_weights: str = field(
        default="none", metadata={"help": "none or balanced (n / (classes · n of the class))"}
    )
    max_iter: int = field(default=1000, metadata={"help": "most steps of logistic_regression"})
    epochs: int = field(default=5, metadata={"help": "passes of sgd over the texts"})
    tune: bool = field(
        default=False,
        metadata={"help": "choose C, class weights and encoder_scale by macro-F1 on validation"},
    )

    def __post_init__(self):
        check_choice("vectorizer", self.vectorizer, VECTORIZERS)
        check_choice("classifier", self.classifier, CLASSIFIERS)
        check_choice("class_weights", self.class_weights, ("none", "balanced"))
        for name in ("min_df", "hashed_features", "max_iter", "epochs", "encoder_max_length"):
            if getattr(self, name) < 1:
                raise ValueError(f"--{name} {getattr(self, name)}: give at least 1")
        for name in ("C", "alpha", "encoder_scale"):
            if not getattr(self, name) > 0:
                raise ValueError(f"--{name} {getattr(self, name)}: give more than 0")
        if self.word_ngrams < 0:
            raise ValueError(f"--word_ngrams {self.word_ngrams}: give 0 or more")
        if self.char_ngrams and not (
            len(self.char_ngrams) == 2 and 1 <= self.char_ngrams[0] <= self.char_ngrams[1]
        ):
            raise ValueError(f"--char_ngrams {self.char_ngrams}: give two numbers, as 3 5")
        if not (self.word_ngrams or self.char_ngrams or self.encoder):
            raise ValueError("--word_ngrams 0: nothing is left to count; give --char_ngrams")
        if self.classifier == "complement_nb" and (self.encoder or self.class_weights != "none"):
            raise ValueError(
                "--classifier complement_nb: takes counts alone, and weighs classes itself; leave "
                "out --encoder and --class_weights"
            )
        if self.vectorizer == "hashing" and self.encoder:
            raise ValueError("--vectorizer hashing: is for streams; leave out --encoder")


@dataclass
class TrainArguments(DataOptions):
    """What to train on, and where to."""

    dataset: str = field(
        default="sample", metadata={"help": "prepared folder, raw source, Hub id or 'sample'"}
    )
    output_dir: str | None = field(
        default=None, metadata={"help": "default runs/<package>/<dataset>/<date-time>"}
    )
    seed: int = field(default=0, metadata={"help": "seed of the order in which sgd reads"})
    use_cpu: bool = field(default=False, metadata={"help": "keep --encoder on the CPU"})
    resume: bool = field(
        default=False,
        metadata={"help": "leave a finished run as it is; fit an unfinished one anew"},
    )
    overwrite: bool = field(
        default=False, metadata={"help": "replace a finished run in --output_dir"}
    )


def check_choice(name: str, value: str, choices: tuple[str, ...]):
    if value not in choices:
        raise ValueError(f"--{name} {value!r}: choose one of {', '.join(choices)}")


def parse_training(argv, doc: str, *more):
    """Parse the flags that train.py, preprocess.py and pipeline.py share: model, training, and
    `more`.

    Where no YAML is named, configs/tfidf.yaml comes first.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    if not begins_with_yaml(argv):
        argv = [str(DEFAULT_CONFIG), *argv]
    model_args, args, *others, words = parse((ModelArguments, TrainArguments, *more), argv, doc=doc)
    refuse_idle(words["typed_args"], idle_flags(model_args))
    return model_args, args, *others, words


def idle_flags(args: ModelArguments) -> dict[str, str]:
    """The flags that do nothing beside the others (see `utils.cli.refuse_idle`)."""
    idle: dict[str, str] = {}
    if args.classifier != "logistic_regression":
        idle |= dict.fromkeys(("C", "max_iter", "tune"), f"on {args.classifier}")
    if args.classifier != "sgd":
        idle["epochs"] = f"on {args.classifier}"
    if args.classifier == "logistic_regression":
        idle["alpha"] = "on logistic_regression"
    if args.vectorizer == "hashing":
        why = "with --vectorizer hashing, which keeps no vocabulary"
        idle |= dict.fromkeys(("min_df", "max_features", "sublinear_tf"), why)
    else:
        idle["hashed_features"] = "without --vectorizer hashing"
    if args.tune:
        why = "with --tune, which chooses it"
        idle |= dict.fromkeys(("C", "class_weights", "encoder_scale"), why)
    if not args.encoder:
        names = ("encoder_max_length", "encoder_prefix", "encoder_scale")
        idle |= dict.fromkeys(names, "without --encoder")
    return idle
