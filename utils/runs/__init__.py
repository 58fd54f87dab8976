"""The run folder: claimed, filled, finished."""

from utils.runs.evaluation import (
    read_evaluation,
    write_evaluation,
    write_results,
    write_training_figures,
)
from utils.runs.folder import (
    check_files,
    choose_output_dir,
    claim_evaluation,
    claim_output_dir,
    commit,
    dataset_entry,
    default_output_dir,
    folder_bytes,
    plain,
    read_config,
    read_json,
    read_labels,
    read_yaml,
    remove_leftovers,
    write_config,
    write_json,
)

__all__ = [
    "check_files",
    "choose_output_dir",
    "claim_evaluation",
    "claim_output_dir",
    "commit",
    "dataset_entry",
    "default_output_dir",
    "folder_bytes",
    "plain",
    "read_config",
    "read_evaluation",
    "read_json",
    "read_labels",
    "read_yaml",
    "remove_leftovers",
    "write_config",
    "write_evaluation",
    "write_json",
    "write_results",
    "write_training_figures",
]
