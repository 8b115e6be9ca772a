"""BLEU as `measure_scores.py -p` prints it, for `evaluate`."""

from deltalora.metrics import bleu, evaluate_module


class Bleu(evaluate_module.EvaluateMetric):
    """The metric `deltalora.metrics.bleu.Bleu`."""

    metric = bleu.Bleu()
