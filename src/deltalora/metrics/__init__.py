"""Metrics: text in, a `Score` out, with segment statistics for resampling and a signature of every setting.

This room holds the metrics that equal the official scorers, the scorers' file formats, the `evaluate` modules, and
intervals and paired tests over the segments of a test set (those over seeds are in `report`). Nothing here imports
torch or transformers or reaches the network. A new metric is a class, a `TextMetric` or `LabelMetric`, and an entry in
the metrics of its experiment (`E2E_METRICS`, `WEBNLG_METRICS`, `XSUM_METRICS`, `GLUE_METRICS`).
"""

from pathlib import Path

from deltalora.errors import MetricError
from deltalora.metrics.base import Metric, Score, Statistics, TextMetric
from deltalora.metrics.experiments import (
    E2E_METRICS,
    WEBNLG_METRICS,
    XSUM_METRICS,
    score_e2e,
    score_summaries,
    score_texts,
    score_webnlg,
    score_webnlg_texts,
    score_xsum,
)
from deltalora.metrics.glue import GLUE_METRICS, score_glue, score_labels
from deltalora.metrics.resampling import (
    BootstrapInterval,
    PairedComparison,
    bootstrap_interval,
    bootstrap_values,
    paired_bootstrap,
)

__all__ = [
    "E2E_METRICS",
    "GLUE_METRICS",
    "WEBNLG_METRICS",
    "XSUM_METRICS",
    "BootstrapInterval",
    "Metric",
    "PairedComparison",
    "Score",
    "Statistics",
    "TextMetric",
    "bootstrap_interval",
    "bootstrap_values",
    "module_path",
    "paired_bootstrap",
    "score_e2e",
    "score_glue",
    "score_labels",
    "score_summaries",
    "score_texts",
    "score_webnlg",
    "score_webnlg_texts",
    "score_xsum",
]


def module_path(name: str) -> Path:
    """Return the script of an `evaluate` module: `evaluate.load(str(module_path("meteor")))`, with no network.

    The name is bleu, bleu_mteval, nist, nist_mteval, meteor, rouge_l, cider or rouge; or one of `E2E_METRICS`.

    Raises:
        MetricError: There is no such module.
    """
    folder = Path(__file__).parent / "modules"
    path = folder / f"{name.lower().replace('-', '_')}.py"
    known = sorted(script.stem for script in folder.glob("[a-z]*.py"))
    if path.stem not in known:
        raise MetricError(f"evaluate module: expected one of {', '.join(known)}, found {name!r}; choose a listed name")
    return path
