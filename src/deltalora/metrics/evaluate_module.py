"""The metrics behind Hugging Face `evaluate`: the classes that the scripts in `modules/` fill with their metrics.

Importing this imports `evaluate` and `datasets`; nothing else in the room does.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import datasets
import evaluate

from deltalora.metrics.base import TextMetric


class EvaluateMetric(evaluate.Metric):  # type: ignore[misc]  # evaluate is untyped
    """One of our metrics as an `evaluate.Metric`; loads and computes without network.

    `compute(predictions=[...], references=[[...], ...])` returns `{module name: value, "signature": ...}`.
    """

    metric: TextMetric

    def _info(self) -> evaluate.MetricInfo:
        citation = "Dušek, Novikova and Rieser, 2020 (arXiv:1901.07931): the E2E NLG Challenge and its scorer."
        return _information(self.metric, citation)

    def _compute(self, *, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float | str]:
        score = self.metric.score(predictions, references)
        return {self.name: score.value, "signature": score.signature}


class EvaluateMetrics(evaluate.Metric):  # type: ignore[misc]  # evaluate is untyped
    """Metrics of one family as an `evaluate.Metric`, with the same features as `EvaluateMetric`.

    `compute(...)` returns `{key: value, ..., "signature": {key: signature, ...}}`.
    """

    metrics: ClassVar[Mapping[str, TextMetric]]
    paper: str

    def _info(self) -> evaluate.MetricInfo:
        return _information(next(iter(self.metrics.values())), self.paper)

    def _compute(
        self, *, predictions: Sequence[str], references: Sequence[Sequence[str]]
    ) -> dict[str, float | dict[str, str]]:
        scores = {key: metric.score(predictions, references) for key, metric in self.metrics.items()}
        return {
            **{key: score.value for key, score in scores.items()},
            "signature": {key: score.signature for key, score in scores.items()},
        }


def _information(metric: TextMetric, citation: str) -> evaluate.MetricInfo:
    text = datasets.Value("string")
    return evaluate.MetricInfo(
        description=type(metric).__doc__ or "",
        citation=citation,
        inputs_description="predictions: list of str; references: for each prediction, a list of str.",
        features=datasets.Features({"predictions": text, "references": datasets.Sequence(text)}),
    )
