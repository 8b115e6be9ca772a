"""METEOR 1.5 as `measure_scores.py` prints it, for `evaluate`."""

from deltalora.metrics import evaluate_module, meteor


class Meteor(evaluate_module.EvaluateMetric):
    """The metric `deltalora.metrics.meteor.Meteor`."""

    metric = meteor.Meteor()
