"""What spaCy's training loop lacks for a run folder: its history, a start from another pipeline,
and errors of one line.
"""

import json
from pathlib import Path

import spacy
from catalogue import RegistryError
from confection import ConfigValidationError
from spacy.language import Language
from spacy.training.initialize import init_nlp
from spacy.util import registry

from spacy_text_model.inference import load_pipeline, pipeline_folder
from utils.errors import InputError


@registry.loggers("suite.History.v1")
def history_logger(output_file: str, logger):
    """`suite.History.v1`: another logger of spaCy, and beside it a jsonl file of the evaluations.

    A line holds epoch, step, words and seconds so far, `score`, the sum of the losses since the
    line before and spaCy's scores (0 to 1).
    """

    def setup(nlp, stdout, stderr):
        log_step, finalize = logger(nlp, stdout, stderr)
        stream = open(output_file, "w", encoding="utf-8")

        def log(info):
            log_step(info)
            if info is None:  # a step without an evaluation
                return
            line = {name: info[name] for name in ("epoch", "step", "words", "seconds", "score")}
            line["loss"] = float(sum(info["losses"].values()))
            # Numbers alone: spaCy's scores hold tables by class too.
            line["scores"] = {
                name: value
                for name, value in info["other_scores"].items()
                if isinstance(value, (int, float))
            }
            stream.write(json.dumps(line) + "\n")
            stream.flush()  # a kill leaves what was known

        def close():
            stream.close()
            finalize()

        return log, close

    return setup


def keep_history(config, output_file: Path) -> dict:
    """Put `suite.History.v1` around the config's logger.

    Returns:
        The logger's block as it was, which train.py puts back into the pipeline that it saves.
    """
    block = config["training"]["logger"]
    config["training"]["logger"] = {
        "@loggers": "suite.History.v1",
        "output_file": str(output_file),
        "logger": block,
    }
    return block


def read_history(path: Path) -> list[dict]:
    """The history as `utils.figures.curves_figure` takes it: losses per batch, macro F1 and
    accuracy per step.
    """
    history = []
    last_step = -1  # steps count from 0
    for text in Path(path).read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        history.append(
            {
                "epoch": line["epoch"],
                "step": line["step"],
                "words": line["words"],
                "seconds": line["seconds"],
                "loss": line["loss"] / (line["step"] - last_step),
                "eval_score": line["score"],
                "eval_macro_f1": line["scores"].get("cats_macro_f"),
                "eval_accuracy": line["scores"].get("cats_micro_f"),
            }
        )
        last_step = line["step"]
    return history


def start_from(config, start: Path, class_names: list[str]):
    """Let the config's textcat begin with the weights of another pipeline.

    Raises:
        InputError: it has other classes, or its own order of them.
    """
    folder = pipeline_folder(start)
    theirs = list(load_pipeline(folder).pipe_labels["textcat"])
    if theirs != class_names:
        differing = sorted(set(theirs) ^ set(class_names))[:3] or ["their order"]
        raise InputError(
            f"{start}: its classes are not the dataset's (see {', '.join(differing)}); train "
            "without --model_name_or_path, or give a pipeline of the same classes"
        )
    config["components"]["textcat"] = {"source": str(folder.resolve())}


def initialise(config, gpu_id: int) -> Language:
    """`spacy.training.initialize.init_nlp`, with its errors in one line.

    Raises:
        InputError: no such GPU, unknown architecture or reader, wrong value, missing vectors.
    """
    if gpu_id >= 0:
        try:
            spacy.require_gpu(gpu_id)
        except (ValueError, RuntimeError) as error:
            raise InputError(
                f"--gpu_id {gpu_id}: {error}; pip install -e '.[spacy-gpu]' where there is a GPU, "
                "or pass --gpu_id -1"
            ) from None
    try:
        return init_nlp(config, use_gpu=gpu_id)
    except (ConfigValidationError, RegistryError, OSError) as error:
        raise InputError(f"config: {error}; fix it or its --overrides") from None
