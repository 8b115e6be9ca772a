"""BLEU as mteval-v13a-sig.pl prints it, for `evaluate`."""

from deltalora.metrics import bleu, evaluate_module


class BleuMteval(evaluate_module.EvaluateMetric):
    """The metric `deltalora.metrics.bleu.BleuMteval`."""

    metric = bleu.BleuMteval()
