"""ROUGE-1, -2, -L and -Lsum of summaries as `deltalora score xsum` prints them, for `evaluate`."""

from typing import ClassVar

from deltalora.metrics import evaluate_module, rouge


class Rouge(evaluate_module.EvaluateMetrics):
    """The metrics `deltalora.metrics.rouge.Rouge`, under the names of `evaluate`'s own module: rouge1 to rougeLsum."""

    metrics: ClassVar = {f"rouge{variant}": rouge.Rouge(variant) for variant in rouge.VARIANTS}
    metric = metrics["rouge1"]
    paper = "Lin, 2004 (ACL W04-1013): ROUGE: A Package for Automatic Evaluation of Summaries."
