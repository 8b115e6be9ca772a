"""BLEU as `measure_scores.py -p` prints it, for `evaluate`."""

from deltalora.metrics import evaluate_module, mteval


class Bleu(evaluate_module.EvaluateMetric):
    """The metric `deltalora.metrics.mteval.Bleu`."""

    metric = mteval.Bleu()
