"""Everything the rooms need of the Trainer.

Checkpoints name `utils.training.SuiteTrainingArguments`: it stays importable from here.
"""

from utils.training.arguments import (
    CommonTrainingArguments,
    DatasetArguments,
    SuiteTrainingArguments,
    idle_flags,
)
from utils.training.device import (
    ALL_CORES_MIN_HIDDEN_SIZE,
    BF16_MIN_HIDDEN_SIZE,
    BF16_TRAINING_MIN_HIDDEN_SIZE,
    check_ranks,
    decide_precision,
    describe_hardware,
    end_ranks,
    from_first_rank,
    has_bf16,
    precision_of,
    use_all_cores,
    wants_bf16,
)
from utils.training.trainer import (
    LengthGroupedSampler,
    SuiteTrainer,
    balanced_weights,
    last_whole_checkpoint,
    make_loss,
    make_trainer,
    order_seed,
    predict_split,
    probabilities_of,
    raise_if_disk_full,
    train,
)

__all__ = [
    "ALL_CORES_MIN_HIDDEN_SIZE",
    "BF16_MIN_HIDDEN_SIZE",
    "BF16_TRAINING_MIN_HIDDEN_SIZE",
    "CommonTrainingArguments",
    "DatasetArguments",
    "LengthGroupedSampler",
    "SuiteTrainer",
    "SuiteTrainingArguments",
    "balanced_weights",
    "check_ranks",
    "decide_precision",
    "describe_hardware",
    "end_ranks",
    "from_first_rank",
    "has_bf16",
    "idle_flags",
    "last_whole_checkpoint",
    "make_loss",
    "make_trainer",
    "order_seed",
    "precision_of",
    "predict_split",
    "probabilities_of",
    "raise_if_disk_full",
    "train",
    "use_all_cores",
    "wants_bf16",
]
