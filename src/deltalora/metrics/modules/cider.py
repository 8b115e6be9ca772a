"""CIDEr as `measure_scores.py` prints it, for `evaluate`."""

from deltalora.metrics import coco, evaluate_module


class Cider(evaluate_module.EvaluateMetric):
    """The metric `deltalora.metrics.coco.Cider`."""

    metric = coco.Cider()
