"""Compare two checkouts: do the same commands still give the same results?

    python -m benchmarks.same_results BEFORE AFTER --corpora data/mtod data/noticias --output FOLDER

BEFORE and AFTER are checkouts of the suite (`git worktree add ../before REV`); the python that runs
this has their packages. In each one it prepares the sample and the corpora, trains every room for a
few steps on one thread, and measures the workflow outputs that come with the project. Printed and
written to FOLDER/same_results.md: what was compared, both values, whether they are equal.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

SHORT = "--max_steps 6 --seed 1 --use_cpu --report_to none"  # spaCy has flags of its own for it
TRAININGS = {
    "beto_text_model": "--dataset {text} --model_name_or_path mini --max_length 64",
    "rnn_baseline": "--dataset {text} --hidden_size 16 --embedding_size 16",
    "spacy_text_model": "--dataset {text} --training.max_steps 20 --seed 1",
    "image_model": "--dataset sample_pages --image_size 64 --sample_fraction 0.2",
}
# Keys of a report that tell how it was made (places, versions, times), which always differ.
NOT_COMPARED = set(
    "date seconds version versions created command path commit name arguments".split()
)


def run(checkout: Path, words: list, work: Path):
    """Run a command of one checkout's modules on one thread; its output is shown if it fails."""
    env = os.environ | {
        "PYTHONPATH": str(checkout),
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_CACHE": str(work / "cache"),
    }
    done = subprocess.run(
        [sys.executable, *map(str, words)], cwd=checkout, env=env, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, words))} in {checkout}:\n{done.stdout}{done.stderr}")


def results_of(checkout: Path, corpora: list[Path], work: Path) -> dict[str, str]:
    """The hashes that are compared, of one checkout: what -> hash.

    Args:
        corpora: sources of texts, a small one last.
        work: folder for what is prepared and trained.
    """
    found = {}
    for source in ["sample", *corpora]:
        name = Path(source).name
        folder = work / "data" / name
        run(checkout, ["-m", "utils.prepare_dataset", source, "--output", folder], work)
        info = json.loads((folder / "dataset.json").read_text(encoding="utf-8"))
        found[f"dataset hash of {name}"] = info["hash"]

    # Text models train on the corpus that was named last.
    for room, flags in TRAININGS.items():
        output = work / "runs" / room
        words = [word.format(text=folder) for word in flags.split()]
        if room != "spacy_text_model":
            words += SHORT.split()
        script = checkout / room / "scripts" / "train" / "train.py"
        run(checkout, [script, *words, "--output_dir", output], work)
        data = (output / "predictions_test.parquet").read_bytes()
        found[f"{room}: predictions_test.parquet"] = hashlib.sha256(data).hexdigest()
    return found


def reports_of(checkout: Path, runs: Path, work: Path) -> dict[str, str]:
    """The workflow metrics of the outputs that come with the project, and a comparison of `runs`:
    `<file>: <dotted place>` -> value.
    """
    outputs = checkout / "wf_metrics" / "wf_outputs"
    calculator = checkout / "wf_metrics" / "notebooks_or_scripts" / "metrics_calc.py"
    words = [calculator, "--results", outputs / "results.csv"]
    words += ["--ground_truth", outputs / "ground_truth.csv", "--unify", outputs / "unify.yaml"]
    run(checkout, [*words, "--output", work / "metrics"], work)
    compared = [runs / "beto_text_model", runs / "rnn_baseline"]
    run(checkout, ["-m", "wf_metrics.compare", *compared, "--output", work / "compare"], work)
    files = {"wf_metrics.json": work / "metrics", "compare.json": work / "compare"}
    found = {}
    for name, folder in files.items():
        content = json.loads((folder / name).read_text(encoding="utf-8"))
        found |= {f"{name}: {key}": value for key, value in leaves(content)}
    return found


def leaves(content, place: str = ""):
    """Yield (dotted place, value) of every number and word of a json, but for NOT_COMPARED keys."""
    if isinstance(content, dict):
        for key, value in content.items():
            if key not in NOT_COMPARED:
                yield from leaves(value, f"{place}.{key}" if place else key)
    elif isinstance(content, list):
        for number, value in enumerate(content):
            yield from leaves(value, f"{place}[{number}]")
    else:
        # The last digits of a float depend on the library that computed it.
        yield place, f"{content:.12g}" if isinstance(content, float) else str(content)


def table(before: dict, after: dict) -> str:
    """A Markdown table: a row for each hash; for each report how many values are equal, and the
    first twenty that are not.
    """
    lines = ["| what | before | after | equal |", "| --- | --- | --- | --- |"]
    for what in before:
        if ".json: " not in what:
            same = "yes" if before[what] == after.get(what) else "**no**"
            lines.append(f"| {what} | {before[what][:12]} | {after.get(what, '')[:12]} | {same} |")
    for name in ("wf_metrics.json", "compare.json"):
        keys = [key for key in before if key.startswith(name)]
        differ = [key for key in keys if before[key] != after.get(key)]
        new = sum(key.startswith(name) and key not in before for key in after)
        same = "yes" if not differ else "**no**"
        equal = f"{len(keys) - len(differ)} equal, {new} new"
        lines.append(f"| {name} | {len(keys)} values | {equal} | {same} |")
        lines += [f"| … {key} | {before[key]} | {after.get(key)} | no |" for key in differ[:20]]
    return "\n".join(lines) + "\n"


def main(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument(
        "--corpora", type=Path, nargs="+", default=[], help="sources, small one last"
    )
    parser.add_argument("--output", type=Path, required=True, help="new folder")
    args = parser.parse_args(argv)
    output = args.output.resolve()
    corpora = [path.resolve() for path in args.corpora]
    # Both checkouts compare the runs that the first has made: what differs is the report's doing.
    runs = output / "before" / "runs"
    found = {}
    for side, checkout in (("before", args.before.resolve()), ("after", args.after.resolve())):
        found[side] = results_of(checkout, corpora, output / side)
        found[side] |= reports_of(checkout, runs, output / side)
    page = table(found["before"], found["after"])
    (args.output / "same_results.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
