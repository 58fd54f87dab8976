"""Pre-train an encoder on unlabelled Spanish text (masked-language modelling), from scratch or from
BETO onwards.

    accelerate launch beto_text_model/scripts/train/pretrain_mlm.py \
        beto_text_model/configs/adapt-mini.yaml \
        --dataset data/x/data_v1 --max_minutes 10 --output_dir runs/x-encoder
    accelerate launch beto_text_model/scripts/train/train.py --model_name_or_path runs/x-encoder \
        --dataset data/x/data_v1
    accelerate launch beto_text_model/scripts/train/pretrain_mlm.py \
        beto_text_model/configs/pretrain-mini.yaml \
        --dataset corpus_es.jsonl.xz --tokenizer_name runs/tokenizer

Texts come from a folder of .txt, a table, or a prepared dataset (its train and unlabelled texts;
validation and test are never read). The run works in <output_dir>.partial and appears as
<output_dir>, a folder for --model_name_or_path, when it is finished; after a kill, the same command
with --resume continues from the last whole checkpoint.
"""

import copy
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from transformers import default_data_collator, set_seed

from beto_text_model.arguments import EncoderArguments, PretrainingArguments
from beto_text_model.model import longest_input
from beto_text_model.packing import MaskedRows, check_known, pack_corpus
from beto_text_model.pretraining import (
    MaskedLanguageModelTrainer,
    PrintCurve,
    build_masked_lm,
    load_pretraining_tokenizer,
)
from beto_text_model.pretraining_card import pretraining_card
from beto_text_model.pretraining_speed import Stopwatch, training_speed
from beto_text_model.raw_texts import RawTextOptions, RawTexts, load_raw_texts
from utils import runs
from utils.cli import parse, start_logging
from utils.data.corpus import dataset_name
from utils.errors import InputError, exits_on_input_error
from utils.figures import pretraining_figure, save_figure
from utils.folders import finish, partial_folder
from utils.training import (
    check_ranks,
    describe_hardware,
    end_ranks,
    from_first_rank,
    has_bf16,
    precision_of,
    raise_if_disk_full,
    train,
    use_all_cores,
)
from utils.training.trackers import close_trackers, open_trackers

logger = logging.getLogger("beto_text_model.pretrain_mlm")
PACKAGE = "beto_text_model"
SHAPE = ("model_type", "hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")


@exits_on_input_error
def main(argv=None) -> Path:
    """Pre-train one encoder; returns its folder."""
    # Arguments: flags, then the folder this run works in.
    encoder_args, text_args, args, words = parse(
        (EncoderArguments, RawTextOptions, PretrainingArguments), argv, doc=__doc__
    )
    start_logging(logging.INFO if args.process_index == 0 else logging.ERROR)
    check_ranks(args)
    args = decide(args, words["explicit_args"])
    output_dir = runs.choose_output_dir(args.output_dir, PACKAGE, text_args.dataset)
    if args.output_dir is None:
        output_dir = output_dir.with_name(f"{output_dir.name}-encoder")
    output_dir = Path(from_first_rank(str(output_dir)))
    working = partial_folder(output_dir)
    if not from_first_rank(
        args.process_index > 0 or runs.claim_output_dir(output_dir, args.resume, args.overwrite)
    ):
        end_ranks()
        return output_dir
    args.output_dir = str(working)

    # Texts: documents, those kept aside, and the tokenizer's pieces packed to rows.
    tokenizer, corpus, rows, held_out = load_rows(encoder_args, text_args, args)

    # Model: the encoder with its output layer.
    set_seed(args.seed)
    use_all_cores(args)
    model = build_masked_lm(encoder_args, tokenizer)
    limit = longest_input(model.config)
    if rows.length > limit:
        raise InputError(f"--max_length {rows.length}: the encoder reads up to {limit} pieces")
    tokenizer.model_max_length = min(limit, tokenizer.model_max_length)

    # Trainer: loss on the masked positions, scores by source, schedule by step or by clock.
    if not any(len(own) for own in held_out.values()):
        args.eval_strategy = "no"
    args.dataloader_drop_last = len(rows) >= args.train_batch_size * args.world_size
    model_entry = describe_model(encoder_args, model, args)
    check_same_shape(working, model_entry)
    if args.process_index == 0:
        runs.write_config(
            working,
            room=PACKAGE,
            arguments=vars(encoder_args) | vars(text_args) | args.to_dict(),
            dataset=describe_texts(corpus, text_args, rows),
            model=model_entry,
        )
        open_trackers(args.report_to, args.run_name or output_dir.name, working)
    stopwatch = Stopwatch()
    trainer = MaskedLanguageModelTrainer(
        model=model,
        args=args,
        train_dataset=rows,
        eval_dataset=rows,
        data_collator=default_data_collator,
        processing_class=tokenizer,
        callbacks=[PrintCurve(), stopwatch],
        held_out={source: first_rows(own, args.eval_rows) for source, own in held_out.items()},
        max_seconds=60 * args.max_minutes if args.max_minutes else None,
    )

    # Train.
    outcome = train(trainer, args.resume)
    results = {f"train_{k.removeprefix('train_')}": v for k, v in outcome.metrics.items()}
    results |= training_speed(trainer, stopwatch, rows.length, rows.share)

    # Evaluate: all the rows kept aside.
    if held_out:
        results |= {f"held_out_{name}": v for name, v in trainer.score(held_out).items()}

    # Save: everything into the working folder, then its final name.
    try:
        if encoder_args.save_fp16:
            trainer.model.half()
        trainer.save_model(str(working), _internal_call=True)
        if args.process_index == 0:
            save(working, trainer, results, args)
            finish(output_dir)
    except OSError as error:
        raise_if_disk_full(error, working)
        raise
    if args.push_to_hub:
        args.output_dir = str(output_dir)
        trainer.push_to_hub()
    if args.process_index == 0:
        close_trackers(args.report_to, results, [], output_dir)
        shown = ("held_out_perplexity", "held_out_masked_accuracy", "train_tokens_per_second")
        print(f"{output_dir}: " + ", ".join(f"{k} {results[k]:.4g}" for k in shown if k in results))
    end_ranks()
    return output_dir


def decide(args: PretrainingArguments, given: dict) -> PretrainingArguments:
    """The arguments with what was not given: bf16 where the hardware has it (pre-training is long
    and its loss does not suffer), and epochs without end where a time budget ends the training.
    """
    changes: dict[str, Any] = {}
    if not {"bf16", "fp16"} & given.keys() and has_bf16(args.use_cpu):
        changes["bf16"] = True
        # On a CPU, TrainingArguments takes bf16 only beside use_cpu.
        changes["use_cpu"] = args.use_cpu or args.device.type == "cpu"
    if args.max_minutes and "num_train_epochs" not in given and "max_steps" not in given:
        changes["num_train_epochs"] = 1000.0
    return replace(args, **changes)


def load_rows(
    encoder_args: EncoderArguments, text_args: RawTextOptions, args: PretrainingArguments
) -> tuple[Any, RawTexts, MaskedRows, dict[str, MaskedRows]]:
    """The tokenizer, the texts, their training rows and the held-out rows of each source."""
    # One process tokenises; the others find its cache.
    with args.main_process_first():
        tokenizer = load_pretraining_tokenizer(encoder_args)
        corpus = load_raw_texts(text_args)
        for note in corpus.notes[:20]:
            logger.info(note)
        stream, held_out_streams = pack_corpus(corpus, tokenizer)
    check_known(stream, tokenizer, text_args.dataset)

    length = encoder_args.max_length
    share = encoder_args.mlm_probability
    whole_words = encoder_args.whole_word_mask
    rows = MaskedRows(stream, tokenizer, length, share, args.seed, whole_words)
    # Seed 0 whatever the training's: all runs are measured with the same masks.
    held_out = {
        source: MaskedRows(own, tokenizer, length, share, 0, whole_words)
        for source, own in held_out_streams.items()
    }
    check_rows(rows, held_out, text_args)
    logger.info(
        f"{len(corpus.train)} documents, {len(stream)} pieces, {len(rows)} rows of {length}; "
        f"kept aside: {len(corpus.held_out)} documents, {sum(map(len, held_out.values()))} rows"
    )
    return tokenizer, corpus, rows, held_out


def check_rows(rows: MaskedRows, held_out: dict[str, MaskedRows], text_args: RawTextOptions):
    """Refuse a corpus without one full row, and one that keeps aside less than a row."""
    if not len(rows):
        raise InputError(
            f"{text_args.dataset}: {len(rows.stream)} pieces are less than one row of "
            f"{rows.length}; give more text or a smaller --max_length"
        )
    if text_args.held_out_size and not any(len(own) for own in held_out.values()):
        raise InputError(
            f"{text_args.dataset}: the documents kept aside are less than one row of "
            f"{rows.length}; raise --held_out_size, or pass --held_out_size 0"
        )


def first_rows(rows: MaskedRows, count: int) -> MaskedRows:
    """The same rows cut to the first `count`."""
    short = copy.copy(rows)
    short.n_rows = min(count, rows.n_rows)
    return short


def check_same_shape(working: Path, model_entry: dict[str, Any]):
    """Refuse to continue a run that was begun with an encoder of another shape."""
    if not (working / "config.yaml").exists():
        return
    begun = runs.read_yaml(working / "config.yaml")["model"]
    for name in (*SHAPE, "parameters"):
        if begun.get(name) != model_entry[name]:
            raise InputError(
                f"{working}: this run was begun with {name} {begun.get(name)}, now it is "
                f"{model_entry[name]}; give the same encoder or pass --overwrite"
            )


def describe_texts(corpus: RawTexts, text_args: RawTextOptions, rows: MaskedRows) -> dict[str, Any]:
    """What config.yaml says of the texts."""
    by_source = {}
    for number, name in enumerate(corpus.source_names):
        by_source[name] = int((corpus.sources[corpus.train] == number).sum())
    return {
        "name": dataset_name(text_args.dataset),
        "source": text_args.dataset,
        "hash": corpus.hash,
        "documents": {"train": len(corpus.train), "held_out": len(corpus.held_out)},
        "by_source": by_source,
        "pieces": len(rows.stream),
        "rows": len(rows),
    }


def describe_model(encoder_args: EncoderArguments, model, args) -> dict[str, Any]:
    """What config.yaml and the card say of the encoder and its hardware."""
    return {
        "name": encoder_args.model_name_or_path or f"{model.config.model_type} (random start)",
        "parameters": model.num_parameters(),
        **{name: getattr(model.config, name, None) for name in SHAPE},
        "max_length": encoder_args.max_length,
        "precision": precision_of(args),
        "global_batch_size": args.train_batch_size
        * args.gradient_accumulation_steps
        * args.world_size,
        "processes": args.world_size,
        "hardware": describe_hardware(args),
    }


def save(working: Path, trainer, results: dict, args):
    """Write the folder's results, curve and card beside the encoder and its tokenizer."""
    runs.write_json(working / "all_results.json", results)
    runs.write_json(working / "log_history.json", trainer.state.log_history)
    (working / "figures").mkdir(exist_ok=True)
    save_figure(pretraining_figure(trainer.state.log_history), working / "figures" / "curves.png")
    card = pretraining_card(runs.read_yaml(working / "config.yaml"), results)
    (working / "README.md").write_text(card, encoding="utf-8")
    runs.remove_leftovers(working, args.keep_checkpoints)


if __name__ == "__main__":
    main()
