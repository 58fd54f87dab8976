"""Everything in order: prepare, preprocess, train, eval and predict, for several seeds or folds.

    python beto_text_model/scripts/train/pipeline.py --dataset corpus.csv \
        --output_dir runs/temas --seeds 3
    python beto_text_model/scripts/train/pipeline.py beto_text_model/configs/beto.yaml \
        --dataset corpus.csv --folds 5

Takes the flags of train.py. Writes <output_dir>/data (or fold_1 … below it), one run folder a seed
or fold,
predictions of the unlabelled rows, and the summary: all_results.json, summary.md,
figures/seeds.png. A step whose inputs have not changed is skipped; after a kill the same command
with --resume continues.
"""

from dataclasses import asdict

from beto_text_model.arguments import MINI_SCRATCH, parse_training
from beto_text_model.inference import PACKAGE
from beto_text_model.scripts.train import eval as evaluate
from beto_text_model.scripts.train import predict, preprocess, train
from utils.cli import start_logging
from utils.data import options_of
from utils.errors import exits_on_input_error
from utils.runs.pipeline import (
    PipelineArguments,
    Scripts,
    claim_pipeline,
    run_pipeline,
    training_words,
)


@exits_on_input_error
def main(argv=None) -> dict:
    """Run all steps; returns the summary."""
    # Arguments: those of train.py and the number of runs.
    model_args, data_args, args, plan, words = parse_training(argv, __doc__, PipelineArguments)
    start_logging()
    options = options_of(data_args)
    folder = claim_pipeline(args.output_dir, PACKAGE, data_args.dataset)
    training, settings = training_words(folder, words["explicit_args"], options)
    # mini-scratch makes its tokenizer in training, so that nothing can be tokenised before.
    is_scratch = model_args.model_name_or_path == MINI_SCRATCH
    preprocess_main = None if is_scratch else preprocess.main

    # Prepare, preprocess, train, evaluate, predict, summarise.
    return run_pipeline(
        folder,
        Scripts(train.main, evaluate.main, predict.main, preprocess_main),
        source=data_args.dataset,
        options=asdict(options),
        training=training,
        settings=settings,
        seed=args.seed,
        plan=plan,
        overwrite=args.overwrite,
    )


if __name__ == "__main__":
    main()
