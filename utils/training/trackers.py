"""wandb, MLflow and TensorBoard beside the Trainer's own callbacks: offline defaults, figures, the
final table.

The run is opened here before training and closed here after the test metrics, so that nothing opens
a second one.
"""

import logging
import netrc
import os
from pathlib import Path

logger = logging.getLogger(__name__)


def open_trackers(names: list[str], run_name: str, folder: Path):
    """Set offline defaults where the user set none and open the MLflow run; call before the Trainer
    is made.

    `folder` is where the run works; TensorBoard's events go into it and move with it.
    """
    home = Path("runs").resolve()
    if "wandb" in names:
        home.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("WANDB_DIR", str(home))
        os.environ.setdefault("WANDB_PROJECT", "spanish-text-suite")
        if "WANDB_MODE" not in os.environ and not has_wandb_account():
            os.environ["WANDB_MODE"] = "offline"
            logger.info(
                f"wandb: no account found, writing offline to {os.environ['WANDB_DIR']}/wandb "
                "(wandb sync)"
            )
    if "tensorboard" in names:
        os.environ["TENSORBOARD_LOGGING_DIR"] = str(folder / "tensorboard")
    if "mlflow" in names:
        open_mlflow(run_name, home)


def has_wandb_account() -> bool:
    """Whether an API key is at hand, without asking the network."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return netrc.netrc().authenticators("api.wandb.ai") is not None
    except (OSError, netrc.NetrcParseError):
        return False


def open_mlflow(run_name: str, home: Path):
    """Start the MLflow run that the Trainer's callback will find active; sqlite in runs/ unless the
    user chose.
    """
    import mlflow

    if "MLFLOW_TRACKING_URI" not in os.environ:
        home.mkdir(parents=True, exist_ok=True)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{home / 'mlflow.db'}"
        logger.info(f"mlflow: writing to {os.environ['MLFLOW_TRACKING_URI']}")
    mlflow.set_tracking_uri(os.environ["MLFLOW_TRACKING_URI"])
    name = os.environ.setdefault("MLFLOW_EXPERIMENT_NAME", "spanish-text-suite")
    if mlflow.get_experiment_by_name(name) is None:
        local = os.environ["MLFLOW_TRACKING_URI"].startswith("sqlite:")
        mlflow.create_experiment(
            name, artifact_location=(home / "mlartifacts").as_uri() if local else None
        )
    mlflow.set_experiment(name)
    mlflow.start_run(run_name=run_name)


def close_trackers(names: list[str], metrics: dict, per_class: list[dict], run: Path):
    """Send the final metrics, the finished run's figures and the per-class table (if any), then
    close the runs.
    """
    figures = {path.stem: path for path in sorted((run / "figures").glob("*.png"))}
    numbers = {k: float(v) for k, v in metrics.items() if isinstance(v, (int, float))}
    if "wandb" in names:
        import wandb

        if wandb.run is not None:
            wandb.run.summary.update(numbers)
            wandb.log({f"figures/{name}": wandb.Image(str(path)) for name, path in figures.items()})
            if per_class:
                rows = [list(row.values()) for row in per_class]
                wandb.log({"per_class": wandb.Table(columns=list(per_class[0]), data=rows)})
            wandb.finish()
    if "mlflow" in names:
        import mlflow

        mlflow.log_metrics(numbers)
        for path in figures.values():
            mlflow.log_artifact(str(path), "figures")
        if per_class:
            mlflow.log_dict({"per_class": per_class}, "per_class.json")
        mlflow.end_run()
    if "tensorboard" in names:
        write_tensorboard(numbers, figures, per_class, run / "tensorboard")


def write_tensorboard(numbers: dict, figures: dict[str, Path], per_class: list[dict], folder: Path):
    import matplotlib.image
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder)) as writer:
        for name, value in numbers.items():
            writer.add_scalar(f"final/{name}", value)
        for name, path in figures.items():
            writer.add_image(
                f"figures/{name}", matplotlib.image.imread(path)[..., :3], dataformats="HWC"
            )
        if not per_class:
            return
        header = list(per_class[0])
        lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
        lines += ["| " + " | ".join(str(v) for v in row.values()) + " |" for row in per_class]
        writer.add_text("per_class", "\n".join(lines))
