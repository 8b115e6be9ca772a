"""ROUGE-L as `measure_scores.py` prints it, for `evaluate`."""

from deltalora.metrics import evaluate_module, rouge_l


class RougeL(evaluate_module.EvaluateMetric):
    """The metric `deltalora.metrics.rouge_l.RougeL`."""

    metric = rouge_l.RougeL()
