"""Train an LSTM, GRU, MLP or CNN: from any dataset to a finished run folder.

    accelerate launch rnn_baseline/scripts/train/train.py
    accelerate launch rnn_baseline/scripts/train/train.py rnn_baseline/configs/meli-bilstm64.yaml \
        --dataset data/x/data_v1
    python rnn_baseline/scripts/train/train.py --dataset corpus.csv --text_column texto --label_column tema \
        --vectors SBW-vectors-300-min5.txt.bz2 --output_dir runs/temas --seed 1 --report_to wandb

Without arguments: the embedded sample and configs/bilstm-3x256.yaml. The run works in <output_dir>.partial
and appears as <output_dir> when it is finished; after a kill, the same command with --resume goes
on from the last whole checkpoint.
"""

import logging
import time
from pathlib import Path

import numpy as np
from transformers import set_seed

from rnn_baseline.arguments import parse_training
from rnn_baseline.encoding import describe_words, encode_splits, identity_collator
from rnn_baseline.inference import usage
from rnn_baseline.training import RnnTrainer, build_model, load_tokenizer, shape_name
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

logger = logging.getLogger("rnn_baseline.train")
PACKAGE = "rnn_baseline"


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

    # Model: vocabulary of the training texts, encoded corpus, weights.
    set_seed(args.seed)
    args = decide_precision(args, model_args.hidden_size, words["explicit_args"])
    if model_args.hidden_size >= ALL_CORES_MIN_HIDDEN_SIZE:
        use_all_cores(args)
    tokenizer = load_tokenizer(model_args, splits["train"])
    max_length = tokenizer.model_max_length
    with args.main_process_first():
        encoded = encode_splits(splits, tokenizer, max_length)
    found = describe_words(encoded, max_length)
    logger.info(
        f"{len(tokenizer) - 2} words; {found['share_unknown']['test']:.1%} of the test texts' are "
        f"unknown; {sum(found['empty'].values())} texts without a word; "
        f"{found['share_truncated']['train']:.1%} of the train texts reach max_length "
        f"{max_length}: the rest of them is not read"
    )
    if not args.streaming:
        encoded = {split: dataset.to(args.device) for split, dataset in encoded.items()}
    model, vectors = build_model(model_args, names, tokenizer)

    # Trainer: batches of one length, the suite's loss and metrics.
    if args.process_index == 0:
        runs.write_config(
            working,
            room=PACKAGE,
            arguments=vars(model_args) | vars(data_args) | args.to_dict(),
            dataset=runs.dataset_entry(corpus.info, corpus.options),
            model=describe_model(model_args, model, tokenizer, vectors, args) | found,
        )
        open_trackers(args.report_to, args.run_name or output_dir.name, working)
    trainer = make_trainer(
        model, args, encoded, identity_collator, tokenizer, encoded["train"]["labels"], RnnTrainer
    )

    # Train.
    outcome = train(trainer, args.resume)
    results = {f"train_{k.removeprefix('train_')}": v for k, v in outcome.metrics.items()}

    # Evaluate: validation and test, once, with the best weights.
    probabilities = {
        split: evaluate(trainer, encoded, split, results) for split in ("validation", "test")
    }

    # Save: everything into the working folder, then its final name.
    try:
        trainer.save_model(
            str(working), _internal_call=True
        )  # without a push: the folder is not whole yet
        if args.process_index == 0:
            save(working, trainer, corpus, encoded, probabilities, results, args)
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


def describe_model(model_args, model, tokenizer, vectors: dict | None, args) -> dict:
    """What config.yaml and the card say of the network, its words and its hardware."""
    start = (
        f"la ejecución {model_args.model_name_or_path}"
        if model_args.model_name_or_path
        else "pesos al azar"
    )
    return {
        "name": shape_name(model.config),
        "start": f"{start}, vectores {vectors['file']}" if vectors else start,
        "local": True,
        "vectors": vectors,
        "freeze_embeddings": not model.embedding.weight.requires_grad,
        "max_length": tokenizer.model_max_length,
        "words": len(tokenizer) - 2,
        "parameters": model.num_parameters(),
        "parameters_without_embedding": model.num_parameters() - model.embedding.weight.numel(),
        "precision": precision_of(args),
        "global_batch_size": args.train_batch_size
        * args.gradient_accumulation_steps
        * args.world_size,
        "processes": args.world_size,
        "hardware": describe_hardware(args),
    }


def evaluate(trainer, encoded, split: str, results: dict) -> np.ndarray:
    """Class probabilities (n, n_classes) of a split; what they cost goes into `results`."""
    start = time.perf_counter()
    probabilities = predict_split(trainer, encoded[split])
    results[f"{split}_ms_per_document"] = 1000 * (time.perf_counter() - start) / len(encoded[split])
    return probabilities


def save(working: Path, trainer, corpus, encoded, probabilities, results: dict, args):
    """Write the run folder's files."""
    names = corpus.info["labels"]
    for split, p in probabilities.items():
        labels = encoded[split]["labels"]
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
    runs.write_results(
        working, results, names, usage=usage(trainer.processing_class.model_max_length)
    )
    runs.remove_leftovers(working, args.keep_checkpoints)


if __name__ == "__main__":
    main()
