"""Train an LSTM, GRU, MLP or CNN: from any dataset to a finished run folder.

    accelerate launch rnn_baseline/scripts/train/train.py
    accelerate launch rnn_baseline/scripts/train/train.py rnn_baseline/configs/meli-bilstm64.yaml \
        --dataset data/x/data_v1
    python rnn_baseline/scripts/train/train.py --dataset corpus.csv --text_column texto \
        --label_column tema \
        --vectors SBW-vectors-300-min5.txt.bz2 --output_dir runs/temas --seed 1 --report_to wandb

Without arguments: the embedded sample and configs/bilstm-3x256.yaml. The run works in
<output_dir>.partial and appears as <output_dir> when it is finished; after a kill, the same command
with --resume continues from the last whole checkpoint.
"""

import logging
from pathlib import Path

from transformers import set_seed

from rnn_baseline.arguments import parse_training, used_arguments
from rnn_baseline.encoding import describe_words, encode_splits, identity_collator
from rnn_baseline.inference import PACKAGE, usage
from rnn_baseline.training import (
    RnnTrainer,
    build_model,
    hidden_size_of,
    load_tokenizer,
    shape_name,
)
from utils import runs
from utils.cli import start_logging
from utils.data import load_corpus, options_of, training_order
from utils.errors import exits_on_input_error
from utils.folders import partial_folder
from utils.training import (
    ALL_CORES_MIN_HIDDEN_SIZE,
    check_ranks,
    decide_precision,
    describe_hardware,
    end_ranks,
    from_first_rank,
    make_trainer,
    precision_of,
    train,
    use_all_cores,
)
from utils.training.run import evaluate_split, save_run
from utils.training.trackers import open_trackers

logger = logging.getLogger("rnn_baseline.train")


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
    splits, class_names = corpus.splits, corpus.info["labels"]
    splits["train"] = training_order(splits["train"])

    # Model: vocabulary of the training texts, encoded corpus, weights.
    set_seed(args.seed)
    tokenizer = load_tokenizer(model_args, splits["train"])
    hidden_size = hidden_size_of(model_args)
    args = decide_precision(args, hidden_size, words["explicit_args"])
    if hidden_size >= ALL_CORES_MIN_HIDDEN_SIZE:
        use_all_cores(args)
    max_length = tokenizer.model_max_length
    with args.main_process_first():
        encoded = encode_splits(splits, tokenizer, max_length)
    found = describe_words(encoded)
    logger.info(
        f"{len(tokenizer) - 2} words; {found['share_unknown']['test']:.1%} of the test texts' are "
        f"unknown; {sum(found['empty'].values())} texts without a word; "
        f"{found['share_truncated']['train']:.1%} of the train texts reach max_length "
        f"{max_length}: the rest of them is not read"
    )
    if not args.streaming:
        encoded = {split: dataset.to(args.device) for split, dataset in encoded.items()}
    model, vectors = build_model(model_args, class_names, tokenizer)

    # Trainer: batches of one length, the suite's loss and metrics.
    description = describe_model(model_args, model, tokenizer, vectors, args) | found
    if args.process_index == 0:
        runs.write_config(
            working,
            room=PACKAGE,
            arguments=used_arguments(model_args, model.config, max_length)
            | vars(data_args)
            | args.to_dict(),
            dataset=runs.dataset_entry(corpus.info, corpus.options),
            model=description,
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
        split: evaluate_split(trainer, encoded[split], split, results)
        for split in ("validation", "test")
    }

    # Save: everything into the working folder, then its final name.
    save_run(output_dir, trainer, corpus, probabilities, results, usage=usage(max_length))
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


if __name__ == "__main__":
    main()
