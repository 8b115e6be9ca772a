"""The metrics behind Hugging Face `evaluate`: the classes that the scripts in `modules/` fill with their metrics.

Importing this imports `evaluate` and `datasets`; nothing else in the room does.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import datasets
import evaluate

from deltalora.metrics.base import References, TextMetric, Texts


class EvaluateMetric(evaluate.Metric):  # type: ignore[misc]  # evaluate is untyped
    """One of our metrics as an `evaluate.Metric`; loads and computes without network.

    `compute(predictions=[...], references=[[...], ...])` returns `{module name: value, "signature": ...}`.
    """

    metric: TextMetric
    paper = "Dušek, Novikova and Rieser, 2020 (arXiv:1901.07931): the E2E NLG Challenge and its scorer."

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=self.metric.__doc__ or "",
            citation=self.paper,
            inputs_description="predictions: list of str; references: for each prediction, a list of str.",
            features=datasets.Features({"predictions": text, "references": datasets.Sequence(text)}),
        )

    def _compute(self, *, predictions: Texts, references: References) -> dict[str, Any]:
        score = self.metric.score(predictions, references)
        return {self.name: score.value, "signature": score.signature}


class EvaluateMetrics(EvaluateMetric):
    """A family of metrics, of which `metric` is one; returns `{key: value, ..., "signature": {key: signature}}`."""

    metrics: ClassVar[Mapping[str, TextMetric]]

    def _compute(self, *, predictions: Texts, references: References) -> dict[str, Any]:
        scores = {key: metric.score(predictions, references) for key, metric in self.metrics.items()}
        values = {key: score.value for key, score in scores.items()}
        return values | {"signature": {key: score.signature for key, score in scores.items()}}
