"""NIST as mteval-v13a-sig.pl prints it, for `evaluate`."""

from deltalora.metrics import evaluate_module, mteval


class NistMteval(evaluate_module.EvaluateMetric):
    """The metric `deltalora.metrics.mteval.NistMteval`."""

    metric = mteval.NistMteval()
