"""Everything in order: prepare, train, eval and predict, for several seeds or folds.

    python spacy_text_model/scripts/train/pipeline.py --dataset corpus.csv --output_dir runs/temas --seeds 3
    python spacy_text_model/scripts/train/pipeline.py spacy_text_model/configs/bow.cfg --dataset corpus.csv --folds 5

Takes the flags of train.py. Writes <output_dir>/data (or fold_1 … below it), one run folder a seed
or fold,
predictions of the unlabelled rows, and the summary: all_results.json, summary.md,
figures/seeds.png. A step whose inputs have not changed is skipped; after a kill the same command
with --resume goes on.
"""

import json
import logging
from dataclasses import asdict
from pathlib import Path

from spacy_text_model.arguments import parse_training, read_config
from spacy_text_model.scripts.train import eval as evaluate_run
from spacy_text_model.scripts.train import predict, train
from utils import prepare_dataset, runs
from utils.cli import as_words, start_logging
from utils.data import options_of
from utils.errors import exits_on_input_error
from utils.runs.pipeline import PipelineArguments, fingerprint, prepared_hash, step, summarise

logger = logging.getLogger("spacy_text_model.pipeline")


@exits_on_input_error
def main(argv=None) -> dict:
    """Run all steps; returns the summary."""
    # Arguments: those of train.py and the number of runs.
    args, plan, words = parse_training(argv, __doc__, PipelineArguments)
    start_logging()
    config = read_config(words["config"], args, words).interpolate()
    source, first_seed = str(config["paths"]["dataset"]), config["system"]["seed"]
    folder = Path(args.output_dir or runs.default_output_dir(train.PACKAGE, source))
    own = {"seeds", "folds", "output_dir", "seed", "dataset"} | set(asdict(options_of(args)))
    overrides = [
        word
        for name, value in words["overrides"].items()
        for word in (f"--{name}", json.dumps(value))
    ]
    passed = [
        str(words["config"]),
        *as_words({k: v for k, v in words["explicit_args"].items() if k not in own}),
        *overrides,
    ]
    settings = {
        k: v for k, v in words["explicit_args"].items() if k not in own | {"resume", "overwrite"}
    }
    settings |= {
        "config": words["config"].read_text(encoding="utf-8"),
        "overrides": words["overrides"],
    }

    # Prepare: the same splits for every seed, or one dataset a fold.
    options = config["dataset"]
    data = folder / "data"
    flags = as_words({k: v for k, v in options.items() if v != []})
    flags += ["--folds", str(plan.folds)] if plan.folds else []
    flags += ["--output", str(data), "--overwrite", str(args.overwrite)]
    step(
        "prepare",
        folder,
        {"source": fingerprint(source), "options": options, "folds": plan.folds},
        data,
        lambda: prepare_dataset.main([source, *flags]),
        args.overwrite,
    )
    if plan.folds:
        jobs = {f"fold_{i}": (data / f"fold_{i}", first_seed) for i in range(1, plan.folds + 1)}
    else:
        jobs = {f"seed_{s}": (data, s) for s in range(first_seed, first_seed + plan.seeds)}

    # Train and evaluate: one run folder a job; the evaluation reloads what was saved.
    for name, (dataset, seed) in jobs.items():
        run = folder / name
        inputs = {"dataset": prepared_hash(dataset), "seed": seed, "settings": settings}
        step(
            f"train_{name}",
            folder,
            inputs,
            run,
            lambda d=dataset, r=run, s=seed: train.main(
                [*passed, "--dataset", str(d), "--output_dir", str(r), "--seed", str(s)]
            ),
            args.overwrite,
        )
        evaluated = run / "eval" / f"test-{inputs['dataset'][:8]}"
        step(
            f"eval_{name}",
            folder,
            inputs,
            evaluated,
            lambda d=dataset, r=run: evaluate_run.main(
                [str(r), "--dataset", str(d), "--overwrite"]
            ),
            True,
        )

    # Predict: the rows without a label, with the first run.
    first, (dataset, seed) = next(iter(jobs.items()))
    unlabelled, output = dataset / "unlabelled.parquet", folder / "predictions_unlabelled.parquet"
    if unlabelled.exists():
        inputs = {"dataset": prepared_hash(dataset), "seed": seed, "settings": settings}
        step(
            "predict",
            folder,
            inputs,
            output,
            lambda: predict.main(
                [
                    str(folder / first),
                    "--input",
                    str(unlabelled),
                    "--output",
                    str(output),
                    "--overwrite",
                ]
            ),
            True,
        )

    # Summarise.
    seeds = ", ".join(str(seed) for _, seed in jobs.values())
    how = f"{plan.folds} folds, seed {first_seed}" if plan.folds else f"seeds {seeds}"
    summary = summarise([folder / name for name in jobs], folder, how)
    print((folder / "summary.md").read_text(encoding="utf-8"))
    return summary


if __name__ == "__main__":
    main()
