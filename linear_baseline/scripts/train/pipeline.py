"""Everything in order: prepare, preprocess, train, eval and predict, for several seeds or folds.

    python linear_baseline/scripts/train/pipeline.py --dataset corpus.csv --output_dir runs/temas \
        --seeds 3
    python linear_baseline/scripts/train/pipeline.py linear_baseline/configs/tfidf-chars.yaml \
        --dataset corpus.csv --folds 5

Takes the flags of train.py. Writes <output_dir>/data (or fold_1 … below it), one run folder a seed
or fold,
predictions of the unlabelled rows, and the summary: all_results.json, summary.md,
figures/seeds.png. A step whose inputs have not changed is skipped; after a kill the same command
with --resume continues.
"""

from dataclasses import asdict

from linear_baseline.arguments import parse_training
from linear_baseline.inference import PACKAGE
from linear_baseline.scripts.train import eval as evaluate
from linear_baseline.scripts.train import predict, preprocess, train
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
    _, args, plan, words = parse_training(argv, __doc__, PipelineArguments)
    start_logging()
    options = options_of(args)
    folder = claim_pipeline(args.output_dir, PACKAGE, args.dataset)
    training, settings = training_words(folder, words["explicit_args"], options)

    # Prepare, preprocess, train, evaluate, predict, summarise.
    return run_pipeline(
        folder,
        Scripts(train.main, evaluate.main, predict.main, preprocess.main),
        source=args.dataset,
        options=asdict(options),
        training=training,
        settings=settings,
        seed=args.seed,
        plan=plan,
        overwrite=args.overwrite,
    )


if __name__ == "__main__":
    main()
