"""Which metric turns the statistics of a recorded score into values, by the names a run's record goes by."""

from collections.abc import Mapping
from types import MappingProxyType

from deltalora.errors import MetricError
from deltalora.metrics.base import Metric, Statistics
from deltalora.metrics.classification import LabelMetric
from deltalora.metrics.e2e import E2E_METRICS
from deltalora.metrics.glue import GLUE_METRICS, MnliAccuracy
from deltalora.metrics.resampling import Resampled
from deltalora.metrics.webnlg import webnlg_metric
from deltalora.metrics.xsum import XSUM_METRICS

_TEXT_METRICS: Mapping[str, Mapping[str, Metric]] = MappingProxyType({"e2e": E2E_METRICS, "xsum": XSUM_METRICS})
#: Prediction, label, and 1 where mismatched.
_COLUMNS_BY_GROUP = 3


def metric_of_score(experiment: str, score: str, statistics: Statistics) -> Resampled:
    """The metric behind a score: TER-S of webnlg -> TER, Accuracy-matched of glue/mnli -> Accuracy.

    Args:
        experiment: e2e, webnlg, xsum or glue/TASK, as in the record.
        score: Name of the score in the record.
        statistics: Of that score; MNLI's Accuracy is of other columns where its examples have groups.

    Raises:
        MetricError: There is no such score.
    """
    if experiment == "webnlg":
        return webnlg_metric(score)
    known: Mapping[str, Metric | LabelMetric]
    if experiment.startswith("glue/"):
        if score == "Accuracy" and statistics.shape[1] == _COLUMNS_BY_GROUP:
            return MnliAccuracy()
        known = {metric.name: metric for metric in GLUE_METRICS.get(experiment.removeprefix("glue/"), ())}
        if experiment == "glue/mnli":
            score = score.removesuffix("-matched").removesuffix("-mismatched")
    else:
        known = _TEXT_METRICS.get(experiment, {})
    if score not in known:
        raise MetricError(
            f"{experiment}: expected one of {', '.join(known) or 'no scores'}, found {score}; take a recorded score"
        )
    return known[score]


def is_slow(metric: Resampled) -> bool:
    """Whether every resample has to be built by itself, as for correlations; the others are one matrix product."""
    return isinstance(metric, LabelMetric) and metric.combine_many is None
