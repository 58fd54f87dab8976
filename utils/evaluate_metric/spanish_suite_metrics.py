"""The suite's metrics for users of evaluate; a thin shell around
`utils.metrics.classification_metrics`.

    metric = evaluate.load("utils/evaluate_metric/spanish_suite_metrics.py")
    metric.compute(references=[0, 1], predictions=[[0.9, 0.1], [0.2, 0.8]])

Loads from the path, without the Hub; the suite must be installed (`pip install -e .`), because
evaluate copies this file to its cache and runs the copy. One import a line: evaluate's scan for
dependencies sees only the first.
"""

import datasets
import evaluate

from utils.metrics import classification_metrics

DESCRIPTION = """\
Accuracy, balanced accuracy, macro and weighted precision, recall and F1 over the classes that occur
in the references, top-3 accuracy, log loss in nats, and expected calibration error of the top label
in 15 bins.
"""
INPUTS = """\
Args:
    predictions: (n, n_classes) probabilities, every row summing to 1; no class indices, no logits.
    references: (n,) class indices.
Returns:
    dict of float, the keys of `utils.metrics.classification_metrics`.
"""


class SpanishSuiteMetrics(evaluate.Metric):
    """`evaluate.Metric` with probabilities as predictions; `compute` raises ValueError for input
    that does not fit.
    """

    def _info(self):
        features = {
            "predictions": datasets.Sequence(datasets.Value("float32")),
            "references": datasets.Value("int64"),
        }
        return evaluate.MetricInfo(
            description=DESCRIPTION,
            citation="",
            inputs_description=INPUTS,
            features=datasets.Features(features),
        )

    def _compute(self, predictions, references):
        return classification_metrics(references, predictions)
