"""ROUGE-L as `measure_scores.py` prints it, for `evaluate`."""

from deltalora.metrics import coco, evaluate_module


class RougeL(evaluate_module.EvaluateMetric):
    """The metric `deltalora.metrics.coco.RougeL`."""

    metric = coco.RougeL()
