"""Everything in order: prepare, train, eval and predict, for several seeds or folds.

    python spacy_text_model/scripts/train/pipeline.py --dataset corpus.csv --output_dir \
        runs/temas --seeds 3
    python spacy_text_model/scripts/train/pipeline.py spacy_text_model/configs/bow.cfg \
        --dataset corpus.csv --folds 5

Takes the flags of train.py. Writes <output_dir>/data (or fold_1 … below it), one run folder a seed
or fold,
predictions of the unlabelled rows, and the summary: all_results.json, summary.md,
figures/seeds.png. A step whose inputs have not changed is skipped; after a kill the same command
with --resume continues.
"""

import json
from dataclasses import asdict

from spacy_text_model.arguments import parse_training, read_config
from spacy_text_model.inference import PACKAGE
from spacy_text_model.scripts.train import eval as evaluate
from spacy_text_model.scripts.train import predict, train
from utils.cli import as_words, start_logging
from utils.data import options_of
from utils.errors import exits_on_input_error
from utils.runs.pipeline import PipelineArguments, Scripts, claim_pipeline, run_pipeline


@exits_on_input_error
def main(argv=None) -> dict:
    """Run all steps; returns the summary."""
    # Arguments: those of train.py and the number of runs.
    args, plan, words = parse_training(argv, __doc__, PipelineArguments)
    start_logging()
    config = read_config(words["config"], args, words).interpolate()
    source = str(config["paths"]["dataset"])
    folder = claim_pipeline(args.output_dir, PACKAGE, source)

    # Train gets the same config and overrides; dataset, seed and folder are each training's own.
    own = {"seeds", "folds", "output_dir", "seed", "dataset", *asdict(options_of(args))}
    passed = {name: v for name, v in words["explicit_args"].items() if name not in own}
    training = [str(words["config"]), *as_words(passed)]
    for name, value in words["overrides"].items():
        training += [f"--{name}", json.dumps(value)]
    settings = {name: v for name, v in passed.items() if name not in ("resume", "overwrite")}
    settings["config"] = words["config"].read_text(encoding="utf-8")
    settings |= words["overrides"]

    # Prepare, train, evaluate, predict, summarise.
    return run_pipeline(
        folder,
        Scripts(train.main, evaluate.main, predict.main),
        source=source,
        options=config["dataset"],
        training=training,
        settings=settings,
        seed=config["system"]["seed"],
        plan=plan,
        overwrite=args.overwrite,
    )


if __name__ == "__main__":
    main()
