"""The head of a model card, as the Hub reads it."""

import pytest
from huggingface_hub import ModelCard

from utils.runs.card import front_matter

RESULTS = {"test_accuracy": 0.91239, "test_macro_f1": 0.5}


def head_of(**model):
    config = {"dataset": {"name": "señales: año 1"}, "model": model}
    text = front_matter(config, RESULTS, "test", "transformers", "text-classification")
    return ModelCard(f"---\n{text}\n---\n# Modelo\n").data


def test_language_task_and_scores_are_told():
    data = head_of(start="preentrenado", local=False, name="dccuchile/bert")
    assert (data.language, data.pipeline_tag) == ("es", "text-classification")
    assert data.base_model == "dccuchile/bert" and data.model_name == "señales: año 1"
    found = {result.metric_type: result for result in data.eval_results}
    assert found["accuracy"].metric_value == 0.9124 and found["macro_f1"].metric_value == 0.5
    assert found["accuracy"].dataset_split == "test"


@pytest.mark.parametrize("start, local", [("pesos al azar", False), ("preentrenado", True)])
def test_what_is_not_on_the_hub_is_no_base_model(start, local):
    assert head_of(start=start, local=local, name="mini").base_model is None
