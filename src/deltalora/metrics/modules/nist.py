"""NIST as `measure_scores.py -p` prints it, for `evaluate`."""

from deltalora.metrics import evaluate_module, nist


class Nist(evaluate_module.EvaluateMetric):
    """The metric `deltalora.metrics.nist.Nist`."""

    metric = nist.Nist()
