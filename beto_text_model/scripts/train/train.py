"""Fine-tune an encoder: from any dataset to a finished run folder.

    accelerate launch beto_text_model/scripts/train/train.py
    accelerate launch beto_text_model/scripts/train/train.py beto_text_model/configs/beto.yaml --dataset data/x/data_v1
    python beto_text_model/scripts/train/train.py --dataset corpus.csv --text_column texto --label_column tema \
        --model_name_or_path models/beto --output_dir runs/temas --seed 1 --report_to wandb

Without arguments: the embedded sample and `mini`, the small pre-trained encoder of the project. The
run works in <output_dir>.partial and appears as <output_dir> when it is finished; after a kill, the
same command with --resume continues from the last whole checkpoint.
"""

import logging
import time
from pathlib import Path

import numpy as np
from transformers import DataCollatorWithPadding, set_seed

from beto_text_model.arguments import MINI, MINI_SCRATCH, parse_training
from beto_text_model.inference import transformers_usage
from beto_text_model.model import build_model, choose_max_length, load_config, load_tokenizer
from beto_text_model.tokenization import share_truncated, tokenise_splits
from utils import runs
from utils.cli import start_logging
from utils.data import load_corpus, options_of, training_order
from utils.errors import exits_on_input_error
from utils.folders import finish, partial_folder
from utils.training import (
    ALL_CORES_MIN_HIDDEN_SIZE,
    check_ranks,
    decide_precision,
    describe_hardware,
    end_ranks,
    from_first_rank,
    make_trainer,
    precision_of,
    predict_split,
    raise_if_disk_full,
    train,
    use_all_cores,
)
from utils.training.trackers import close_trackers, open_trackers

logger = logging.getLogger("beto_text_model.train")
PACKAGE = "beto_text_model"


@exits_on_input_error
def main(argv=None) -> Path:
    """Train one model; returns the run folder."""
    # Arguments: flags, then the folder this run works in.
    model_args, data_args, args, words = parse_training(argv, __doc__)
    start_logging(logging.INFO if args.process_index == 0 else logging.ERROR)
    check_ranks(args)
    output_dir = runs.choose_output_dir(args.output_dir, PACKAGE, data_args.dataset)
    output_dir = Path(from_first_rank(str(output_dir)))
    working = partial_folder(output_dir)
    if not from_first_rank(
        args.process_index > 0 or runs.claim_output_dir(output_dir, args.resume, args.overwrite)
    ):
        end_ranks()
        return output_dir
    args.output_dir = str(working)

    # Splits: the same for every room.
    corpus = load_corpus(data_args.dataset, options_of(data_args))
    splits, names = corpus.splits, corpus.info["labels"]
    splits["train"] = training_order(splits["train"])

    # Model: configuration, tokenizer, weights.
    set_seed(args.seed)
    config = load_config(model_args, names)
    hidden_size = getattr(config, "hidden_size", None)
    args = decide_precision(args, hidden_size, words["explicit_args"])
    if (hidden_size or 0) >= ALL_CORES_MIN_HIDDEN_SIZE:
        use_all_cores(args)
    with args.main_process_first():
        tokenizer = load_tokenizer(
            model_args, splits["train"]["text"], working, args.process_index == 0
        )
    max_length = tokenizer.model_max_length = choose_max_length(model_args, config, tokenizer)
    with args.main_process_first():
        tokenised = tokenise_splits(splits, tokenizer, max_length, model_args.truncation_side)
    cut = share_truncated(tokenised)
    logger.info(
        f"{cut['train']:.1%} of the train texts are longer than max_length {max_length}: the rest "
        f"of them ({model_args.truncation_side}) is not read"
    )
    model = build_model(model_args, config, tokenizer)

    # Trainer: dynamic padding, length-grouped batches, the suite's loss and metrics.
    if args.process_index == 0:
        runs.write_config(
            working,
            room=PACKAGE,
            arguments=vars(model_args) | vars(data_args) | args.to_dict(),
            dataset=runs.dataset_entry(corpus.info, corpus.options),
            model=describe_model(model_args, model, max_length, cut, args),
        )
        open_trackers(args.report_to, args.run_name or output_dir.name, working)
    collator = DataCollatorWithPadding(
        tokenizer, pad_to_multiple_of=8 if args.device.type == "cuda" else None
    )
    train_labels = np.array(tokenised["train"]["labels"])
    trainer = make_trainer(model, args, tokenised, collator, tokenizer, train_labels)

    # Train.
    outcome = train(trainer, args.resume)
    results = {f"train_{k.removeprefix('train_')}": v for k, v in outcome.metrics.items()}

    # Evaluate: validation and test, once, with the best weights.
    probabilities = {
        split: evaluate(trainer, tokenised, split, results) for split in ("validation", "test")
    }

    # Save: everything into the working folder, then its final name.
    try:
        trainer.save_model(
            str(working), _internal_call=True
        )  # without a push: the folder is not whole yet
        if args.process_index == 0:
            save(working, trainer, corpus, tokenised, probabilities, results, args)
            finish(output_dir)
    except OSError as error:
        raise_if_disk_full(error, working)
        raise
    if args.push_to_hub:
        args.output_dir = str(output_dir)
        trainer.push_to_hub()
    if args.process_index == 0:
        per_class = runs.read_json(output_dir / "classification_report.json")["per_class"]
        close_trackers(args.report_to, results, per_class, output_dir)
        shown = ("test_macro_f1", "test_accuracy", "test_balanced_accuracy")
        print(f"{output_dir}: " + ", ".join(f"{k} {results[k]:.4f}" for k in shown))
    end_ranks()
    return output_dir


def describe_model(model_args, model, max_length: int, cut: dict, args) -> dict:
    """What config.yaml and the card say of the model and its hardware."""
    name = model_args.model_name_or_path
    return {
        "name": name,
        "start": "pesos al azar" if name == MINI_SCRATCH else "preentrenado",
        "local": Path(name).is_dir() or name in (MINI, MINI_SCRATCH),
        "max_length": max_length,
        "truncation_side": model_args.truncation_side,
        "share_truncated": cut,
        "parameters": model.num_parameters(),
        "precision": precision_of(args),
        "global_batch_size": args.train_batch_size
        * args.gradient_accumulation_steps
        * args.world_size,
        "processes": args.world_size,
        "hardware": describe_hardware(args),
    }


def evaluate(trainer, tokenised, split: str, results: dict) -> np.ndarray:
    """Class probabilities (n, n_classes) of a split; what they cost goes into `results`."""
    start = time.perf_counter()
    probabilities = predict_split(trainer, tokenised[split])
    results[f"{split}_ms_per_document"] = (
        1000 * (time.perf_counter() - start) / len(tokenised[split])
    )
    return probabilities


def save(working: Path, trainer, corpus, tokenised, probabilities, results: dict, args):
    """Write the run folder's files."""
    names = corpus.info["labels"]
    for split, p in probabilities.items():
        labels = np.array(tokenised[split]["labels"])
        results |= runs.write_evaluation(
            working, split, corpus.splits[split]["id"], labels, p, names, headline=split == "test"
        )
    results["parameters"] = trainer.model.num_parameters()
    results["model_bytes"] = runs.folder_bytes(working, "*.safetensors")
    best = args.metric_for_best_model.removeprefix("eval_")
    runs.write_training_figures(
        working,
        trainer.state.log_history,
        corpus.info["report"]["class_counts"],
        best,
        args.greater_is_better,
    )
    runs.write_json(working / "log_history.json", trainer.state.log_history)
    usage = transformers_usage(runs.read_yaml(working / "config.yaml")["model"])
    runs.write_results(working, results, names, usage=usage)
    runs.remove_leftovers(working, args.keep_checkpoints)


if __name__ == "__main__":
    main()
