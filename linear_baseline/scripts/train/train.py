"""Train a linear model on counted words: from any dataset to a finished run folder.

    python linear_baseline/scripts/train/train.py
    python linear_baseline/scripts/train/train.py linear_baseline/configs/tfidf-chars.yaml \
        --dataset data/x/data_v1
    python linear_baseline/scripts/train/train.py --dataset corpus.csv --text_column texto \
        --label_column tema --tune --output_dir runs/temas

Without arguments: the embedded sample and configs/tfidf.yaml, the floor of every table. The run
works in <output_dir>.partial and appears as <output_dir> when it is finished.
"""

import logging
import time
from pathlib import Path

import numpy as np
from sklearn import __version__ as scikit_learn_version

from linear_baseline.arguments import ModelArguments, parse_training
from linear_baseline.features import SentenceEncoder, make_features, weight_files
from linear_baseline.inference import (
    PACKAGE,
    VOCABULARY,
    Predictor,
    card_usage,
    device_of,
)
from linear_baseline.model import MODEL, LinearModel, save_model
from linear_baseline.training import (
    check_classes,
    fit_matrix,
    fit_streamed,
    is_streamed,
    sentence_vectors,
    tune,
)
from utils import runs
from utils.cli import start_logging
from utils.data import load_corpus, options_of, training_order
from utils.errors import exits_on_input_error
from utils.figures import class_frequencies_figure, save_figure
from utils.folders import finish, partial_folder

logger = logging.getLogger("linear_baseline.train")


@exits_on_input_error
def main(argv=None) -> Path:
    """Train one model; returns the run folder."""
    # Arguments: flags, then the folder this run works in.
    model_args, args, words = parse_training(argv, __doc__)
    start_logging()
    output_dir = runs.choose_output_dir(args.output_dir, PACKAGE, args.dataset)
    working = partial_folder(output_dir)
    if not runs.claim_output_dir(output_dir, args.resume, args.overwrite):
        return output_dir

    # Splits: the same for every package.
    corpus = load_corpus(args.dataset, options_of(args))
    splits, class_names = corpus.splits, corpus.info["labels"]
    splits["train"] = training_order(splits["train"])
    label_ids = {split: np.array(splits[split]["label"]) for split in splits}
    check_classes(label_ids["train"], class_names)

    # Model: the features of the training texts, then the weights.
    begun = time.perf_counter()
    features = make_features(model_args)
    if model_args.encoder:
        device = device_of(model_args.encoder, args.use_cpu)
        features.encode = SentenceEncoder(
            model_args.encoder, model_args.encoder_max_length, model_args.encoder_prefix, device
        )
        features.scale = model_args.encoder_scale
    tried: list[dict] = []
    if is_streamed(model_args):
        model = fit_streamed(model_args, features, splits["train"], len(class_names), args.seed)
    else:
        needed = ("train", "validation") if model_args.tune else ("train",)
        texts = {split: [text or "" for text in splits[split]["text"]] for split in needed}
        if features.vectorizers:
            features.fit(texts["train"])
        counts = {s: features.counts(t) if features.vectorizers else None for s, t in texts.items()}
        vectors: dict = dict.fromkeys(needed)
        if features.encode:
            chosen = {split: splits[split].select_columns(["id", "text"]) for split in needed}
            vectors = sentence_vectors(chosen, features.encode)
        if model_args.tune:
            n_classes = len(class_names)
            model_args, tried = tune(model_args, features, counts, vectors, label_ids, n_classes)
        X = features.join(counts["train"], vectors["train"])
        logger.info(f"{X.shape[0]} rows of {X.shape[1]} features")
        model = fit_matrix(model_args, X, label_ids["train"], len(class_names), args.seed)
    results = {"train_runtime": time.perf_counter() - begun}
    runs.write_config(
        working,
        room=PACKAGE,
        arguments=vars(model_args) | vars(args),
        dataset=runs.dataset_entry(corpus.info, corpus.options),
        model=describe_model(model_args, model, words["config"]),
    )

    # Evaluate: validation and test, once, from the raw texts.
    predictor = Predictor(class_names, features, model)
    probabilities = {
        split: runs.evaluate_with(predictor, splits[split], split, results)
        for split in ("validation", "test")
    }

    # Save: everything into the working folder, then its final name.
    save(working, predictor, corpus, label_ids, probabilities, results, tried)
    finish(output_dir)
    print(runs.headline(output_dir, results, "test"))
    return output_dir


def describe_model(args: ModelArguments, model: LinearModel, config: Path | None) -> dict:
    """What config.yaml and the card say of the model and its hardware."""
    counted = f"{args.vectorizer} + {args.classifier}"
    return {
        "name": f"{config.stem}: {counted}" if config else counted,
        "start": f"vectores de {args.encoder}" if args.encoder else "sin preentrenar",
        "local": True,
        "features": model.weights.shape[1],
        "parameters": model.weights.size + len(model.intercept),
        "encoder_files": weight_files(args.encoder) if args.encoder else None,
        "precision": "fp64",
        "hardware": f"CPU, scikit-learn {scikit_learn_version}",
    }


def save(
    working: Path,
    predictor: Predictor,
    corpus,
    label_ids: dict[str, np.ndarray],
    probabilities: dict[str, np.ndarray],
    results: dict,
    tried: list[dict],
):
    """Write the run folder's files."""
    save_model(working, predictor.model, predictor.features, predictor.class_names)
    runs.write_json(working / VOCABULARY, predictor.features.vocabularies())
    if tried:
        runs.write_json(working / "tuning.json", tried)
    results |= runs.write_evaluations(working, corpus, label_ids, probabilities)
    results["parameters"] = predictor.model.weights.size + len(predictor.model.intercept)
    results["model_bytes"] = runs.folder_bytes(working, MODEL) + runs.folder_bytes(
        working, VOCABULARY
    )
    figure = class_frequencies_figure(corpus.info["report"]["class_counts"])
    save_figure(figure, working / "figures" / "class_frequencies.png")
    config = runs.read_yaml(working / "config.yaml")
    runs.write_results(
        working,
        results,
        corpus.info["labels"],
        usage=card_usage(),
        recipe=card_recipe(config),
        library="scikit-learn",
    )
    runs.remove_leftovers(working, keep_checkpoints=False)


def card_recipe(config: dict) -> list[str]:
    """How the card says that it was trained."""
    arguments = config["arguments"]
    kinds = []
    if arguments["word_ngrams"]:
        kinds.append(f"palabras (1 a {arguments['word_ngrams']})")
    if arguments["char_ngrams"]:
        kinds.append("caracteres ({} a {})".format(*arguments["char_ngrams"]))
    if arguments["encoder"]:
        kinds.append(
            f"vectores de `{arguments['encoder']}` (escala {arguments['encoder_scale']:g})"
        )
    settings = {
        "logistic_regression": f"C {arguments['C']:g}",
        "sgd": f"alfa {arguments['alpha']:g}, {arguments['epochs']} épocas",
        "complement_nb": f"alfa {arguments['alpha']:g}",
    }
    chosen = ", elegidos en validación" if arguments["tune"] else ""
    return [
        f"- {arguments['classifier']} sobre {', '.join(kinds)}: {config['model']['features']} "
        f"rasgos; {settings[arguments['classifier']]}, pesos de clase "
        f"`{arguments['class_weights']}`{chosen}. Semilla {config['seed']}."
    ]


if __name__ == "__main__":
    main()
