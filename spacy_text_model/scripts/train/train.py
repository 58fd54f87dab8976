"""Train a textcat pipeline: from any dataset to a finished run folder.

    python spacy_text_model/scripts/train/train.py
    python spacy_text_model/scripts/train/train.py spacy_text_model/configs/ensemble.cfg \
        --dataset data/x/data_v1
    python spacy_text_model/scripts/train/train.py --dataset corpus.csv --text_column texto \
        --label_column tema \
        --output_dir runs/temas --seed 1 --training.max_steps 500 --corpora.train.balance 0.5

Without arguments: the embedded sample and config.cfg. The loop, the weights that are kept and the
pipeline are those of `spacy train`; flags with a dot are spaCy's overrides of the config. Added are
predictions, metrics, figures, card and config.yaml, as in every room. The run works in
<output_dir>.partial and appears as <output_dir> when finished. spaCy saves no optimizer: after a
kill, --resume begins a new training from the best pipeline that was saved.
"""

import hashlib
import logging
import shutil
import sys
import time
from pathlib import Path

import numpy as np
from spacy.training.loop import train as train_pipeline

from spacy_text_model.arguments import parse_training, read_config
from spacy_text_model.inference import MODEL_BEST, MODEL_LAST, PACKAGE, Predictor, load_pipeline
from spacy_text_model.readers import corpus_of
from spacy_text_model.training import initialise, keep_history, read_history, start_from
from utils import runs
from utils.cli import start_logging
from utils.errors import InputError, exits_on_input_error
from utils.folders import finish, partial_folder

logger = logging.getLogger("spacy_text_model.train")


@exits_on_input_error
def main(argv=None) -> Path:
    """Train one model; returns the run folder."""
    # Arguments: flags and config, then the folder this run works in.
    args, words = parse_training(argv, __doc__)
    start_logging()
    config = read_config(words["config"], args, words)
    source = str(config.interpolate()["paths"]["dataset"])
    output_dir = runs.choose_output_dir(args.output_dir, PACKAGE, source)
    working = partial_folder(output_dir)
    if not runs.claim_output_dir(output_dir, args.resume, args.overwrite):
        return output_dir
    start = resumed(working, args.overwrite) if args.resume else args.model_name_or_path

    # Splits: the same for every room, by the reader that the config names too.
    corpus = corpus_of(source, dict(config.interpolate()["dataset"]))
    splits, class_names = corpus.splits, corpus.info["labels"]

    # Model: an initialised pipeline, or one to start from.
    working.mkdir(parents=True, exist_ok=True)
    block = keep_history(config, working / "log.jsonl")
    if start:
        start_from(config, Path(start), class_names)
    nlp = initialise(config, args.gpu_id)
    arguments = vars(args) | {"dataset": source, "seed": nlp.config["system"]["seed"]}
    arguments |= {
        "learning_rate": learning_rate(nlp.config),
        "metric_for_best_model": "cats_score",
        "config": str(words["config"]),
        "config_sha256": hashlib.sha256(words["config"].read_bytes()).hexdigest(),
        **words["overrides"],
    }
    dataset = runs.dataset_entry(corpus.info, corpus.options)
    runs.write_config(
        working,
        room=PACKAGE,
        arguments=arguments,
        dataset=dataset,
        model=describe_model(words["config"], start, nlp, args.gpu_id),
    )

    # Train: spaCy's loop, which keeps model-best and model-last.
    begun = time.perf_counter()
    train_pipeline(nlp, working, use_gpu=args.gpu_id, stdout=sys.stdout, stderr=sys.stderr)
    history = read_history(working / "log.jsonl")
    results = {
        "train_runtime": time.perf_counter() - begun,
        "train_epoch": history[-1]["epoch"] + 1,
        "train_steps": history[-1]["step"] + 1,
        "train_words_per_second": history[-1]["words"] / max(1, history[-1]["seconds"]),
    }

    # Evaluate: validation and test, once, with the best weights.
    nlp = load_pipeline(working / MODEL_BEST)
    nlp.config["training"]["logger"] = block
    nlp.config.to_disk(working / MODEL_BEST / "config.cfg")
    predictor = Predictor(nlp)
    probabilities = {
        split: runs.evaluate_with(predictor, splits[split], split, results)
        for split in ("validation", "test")
    }

    # Save: everything into the working folder, then its final name.
    save(working, nlp, corpus, probabilities, results, history, args.keep_checkpoints)
    finish(output_dir)
    print(runs.headline(output_dir, results, "test"))
    return output_dir


def resumed(working: Path, overwrite: bool) -> Path | None:
    """The best pipeline of an unfinished run, set aside, since spaCy empties the folder that it
    writes to.

    Raises:
        InputError: --overwrite was given too.
    """
    if overwrite:
        raise InputError("--resume --overwrite: pass one of them")
    best, aside = working / MODEL_BEST, working / "model-begun"
    if (best / "meta.json").exists():
        shutil.rmtree(aside, ignore_errors=True)
        best.rename(aside)
    if not aside.exists():
        logger.info(f"{working}: no pipeline was saved there; training begins anew")
        return None
    logger.info(
        "resume: a new training, of new optimizer state, from the best pipeline that the killed "
        "run saved"
    )
    return aside


def learning_rate(config) -> float:
    """The optimizer's rate; of a schedule, its first value."""
    rate = config["training"]["optimizer"]["learn_rate"]
    return (
        next(v for v in rate.values() if isinstance(v, float)) if isinstance(rate, dict) else rate
    )


def describe_model(config: Path, start, nlp, gpu_id: int) -> dict:
    """What config.yaml and the card say of the model and its hardware."""
    architecture = nlp.config["components"]["textcat"]["model"]["@architectures"]
    return {
        "name": f"{config.stem}: {architecture}",
        "start": f"sigue de {start}" if start else "pesos al azar",
        "local": True,
        "architecture": architecture,
        "parameters": parameters(nlp),
        "precision": "fp32",
        "hardware": f"GPU {gpu_id}" if gpu_id >= 0 else "CPU, 1 hilo",
    }


def parameters(nlp) -> int:
    """Numbers that training changes."""
    model = nlp.get_pipe("textcat").model
    return sum(
        node.get_param(name).size
        for node in model.walk()
        for name in node.param_names
        if node.has_param(name)
    )


def save(
    working: Path,
    nlp,
    corpus,
    probabilities,
    results: dict,
    history: list[dict],
    keep_checkpoints: bool,
):
    """Write the run folder's files."""
    label_ids = {split: np.array(corpus.splits[split]["label"]) for split in probabilities}
    results |= runs.write_evaluations(working, corpus, label_ids, probabilities)
    results["parameters"] = parameters(nlp)
    results["model_bytes"] = runs.folder_bytes(working / MODEL_BEST, "**/*")
    runs.write_training_figures(
        working, history, corpus.info["report"]["class_counts"], "score", True, "step"
    )
    runs.write_json(working / "log_history.json", history)
    config = runs.read_yaml(working / "config.yaml")
    runs.write_results(
        working,
        results,
        corpus.info["labels"],
        usage=card_usage(),
        recipe=card_recipe(config, results),
        library="spacy",
    )
    for leftover in ("model-begun", *([] if keep_checkpoints else [MODEL_LAST])):
        shutil.rmtree(working / leftover, ignore_errors=True)
    (working / "log.jsonl").unlink()
    runs.remove_leftovers(working, keep_checkpoints)


def card_usage() -> list[str]:
    """How the card says that the run is loaded."""
    return [
        "```python",
        "import spacy\n",
        f'nlp = spacy.load("RUTA_DE_ESTA_CARPETA/{MODEL_BEST}")',
        'doc = nlp("…")',
        "max(doc.cats, key=doc.cats.get)",
        "```\n",
        "Los textos se leen enteros, por largos que sean. `export.py` hace de esta carpeta un "
        "paquete que se "
        "instala con pip y solo necesita spaCy.",
    ]


def card_recipe(config: dict, results: dict) -> list[str]:
    """How the card says that it was trained."""
    arguments = config["arguments"]
    return [
        f"- Semilla {config['seed']}, configuración `{Path(arguments['config']).name}`, tasa de "
        "aprendizaje "
        f"{arguments['learning_rate']}, {results['train_steps']} pasos en "
        f"{results['train_epoch']:g} épocas "
        f"({results['train_words_per_second']:.0f} palabras por segundo)."
    ]


if __name__ == "__main__":
    main()
