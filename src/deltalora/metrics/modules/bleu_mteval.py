"""BLEU as mteval-v13a-sig.pl prints it, for `evaluate`."""

from deltalora.metrics import evaluate_module, mteval


class BleuMteval(evaluate_module.EvaluateMetric):
    """The metric `deltalora.metrics.mteval.BleuMteval`."""

    metric = mteval.BleuMteval()
