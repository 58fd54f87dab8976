"""Fine-tune an encoder: from any dataset to a finished run folder.

    accelerate launch beto_text_model/scripts/train/train.py
    accelerate launch beto_text_model/scripts/train/train.py beto_text_model/configs/beto.yaml \
        --dataset data/x/data_v1
    python beto_text_model/scripts/train/train.py --dataset corpus.csv --text_column texto \
        --label_column tema \
        --model_name_or_path models/beto --output_dir runs/temas --seed 1 --report_to wandb

Without arguments: the embedded sample and `mini`, the small pre-trained encoder of the project. The
run works in <output_dir>.partial and appears as <output_dir> when it is finished; after a kill, the
same command with --resume continues from the last whole checkpoint.
"""

import logging
from pathlib import Path

import numpy as np
from transformers import DataCollatorWithPadding, set_seed

from beto_text_model.arguments import MINI, MINI_SCRATCH, parse_training
from beto_text_model.inference import PACKAGE, transformers_usage
from beto_text_model.model import build_model, choose_max_length, load_config, load_tokenizer
from beto_text_model.tokenization import share_truncated, tokenise_splits
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

logger = logging.getLogger("beto_text_model.train")


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

    # Model: configuration, tokenizer, weights.
    set_seed(args.seed)
    config = load_config(model_args, class_names)
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
    description = describe_model(model_args, model, max_length, cut, args)
    if args.process_index == 0:
        runs.write_config(
            working,
            room=PACKAGE,
            arguments=vars(model_args) | vars(data_args) | args.to_dict(),
            dataset=runs.dataset_entry(corpus.info, corpus.options),
            model=description,
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
        split: evaluate_split(trainer, tokenised[split], split, results)
        for split in ("validation", "test")
    }

    # Save: everything into the working folder, then its final name.
    usage = transformers_usage(description)
    save_run(output_dir, trainer, corpus, probabilities, results, usage=usage)
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


if __name__ == "__main__":
    main()
