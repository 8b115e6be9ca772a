"""The E2E metrics behind Hugging Face `evaluate`: the class that the scripts in `modules/` fill with a metric.

Importing this imports `evaluate` and `datasets`; nothing else in the room does.
"""

from collections.abc import Sequence

import datasets
import evaluate

from deltalora.metrics.base import Metric


class TextMetric(evaluate.Metric):  # type: ignore[misc]  # evaluate is untyped
    """One of our metrics as an `evaluate.Metric`; loads and computes without network.

    `compute(predictions=[...], references=[[...], ...])` returns `{module name: value, "signature": ...}`.
    """

    metric: Metric

    def _info(self) -> evaluate.MetricInfo:
        text = datasets.Value("string")
        return evaluate.MetricInfo(
            description=type(self.metric).__doc__ or "",
            citation="Dušek, Novikova and Rieser, 2020 (arXiv:1901.07931): the E2E NLG Challenge and its scorer.",
            inputs_description="predictions: list of str; references: for each prediction, a list of str.",
            features=datasets.Features({"predictions": text, "references": datasets.Sequence(text)}),
        )

    def _compute(self, *, predictions: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float | str]:
        score = self.metric.score(predictions, references)
        return {self.name: score.value, "signature": score.signature}
