"""Find the metric that turns the statistics of a score into values, by experiment and name of the score."""

from collections.abc import Mapping

from deltalora.errors import MetricError
from deltalora.metrics.base import AdditiveMetric, Metric
from deltalora.metrics.e2e import E2E_METRICS
from deltalora.metrics.glue import GLUE_METRICS
from deltalora.metrics.webnlg import webnlg_metrics
from deltalora.metrics.xsum import XSUM_METRICS

#: Experiment -> endings of the names of scores of some of the examples.
_PARTS = {"webnlg": ("-S", "-U", "-A"), "glue/mnli": ("-matched", "-mismatched")}


def metric_of_score(experiment: str, score: str, upstream_blank_line: bool = False) -> Metric:
    """Return the metric behind a score: TER-S of webnlg -> TER, Accuracy-matched of glue/mnli -> Accuracy.

    Args:
        experiment: e2e, webnlg, xsum or glue/TASK, as in the record.
        score: Name of the score in the record.
        upstream_blank_line: For webnlg, as `webnlg_metrics`.

    Raises:
        MetricError: There is no such score.
    """
    known: Mapping[str, Metric] = {
        "e2e": E2E_METRICS,
        "webnlg": webnlg_metrics(upstream_blank_line),
        "xsum": XSUM_METRICS,
        **{f"glue/{dataset}": {one.name: one for one in metrics} for dataset, metrics in GLUE_METRICS.items()},
    }.get(experiment, {})
    name = score
    for ending in _PARTS.get(experiment, ()):
        name = name.removesuffix(ending)
    if name not in known:
        raise MetricError(
            f"{experiment}: expected one of {', '.join(known) or 'no scores'}, found {score}; choose a listed name"
        )
    return known[name]


def is_slow(metric: Metric) -> bool:
    """Return whether every resample has to be built, as for correlations; the others are one matrix product."""
    return not isinstance(metric, AdditiveMetric)
