"""CIDEr as `measure_scores.py` prints it, for `evaluate`."""

from deltalora.metrics import cider, evaluate_module


class Cider(evaluate_module.EvaluateMetric):
    """The metric `deltalora.metrics.cider.Cider`."""

    metric = cider.Cider()
