"""NIST as `measure_scores.py -p` prints it, for `evaluate`."""

from deltalora.metrics import evaluate_module, mteval


class Nist(evaluate_module.EvaluateMetric):
    """The metric `deltalora.metrics.mteval.Nist`."""

    metric = mteval.Nist()
