"""The E2E metrics, on texts and on e2e-metrics' own files, equal to `measure_scores.py -p` to 4 decimals."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from deltalora.metrics.base import Score, TextMetric, score_all
from deltalora.metrics.bleu import Bleu, BleuMteval
from deltalora.metrics.cider import Cider
from deltalora.metrics.files import read_segments
from deltalora.metrics.meteor import Meteor
from deltalora.metrics.nist import Nist, NistMteval
from deltalora.metrics.rouge_l import RougeL

#: Name -> metric, in the order of the paper's table; the published challenge tables use the two -mteval.
E2E_METRICS: Mapping[str, TextMetric] = MappingProxyType(
    {metric.name: metric for metric in (Bleu(), Nist(), Meteor(), RougeL(), Cider(), BleuMteval(), NistMteval())}
)


def score_texts(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str] | None = None
) -> dict[str, Score]:
    """Return all E2E scores of generated texts; see `score_all`."""
    return score_all(E2E_METRICS, hypotheses, references, ids)


def score_e2e(hyp: Path, ref: Path) -> dict[str, Score]:
    """Return all E2E scores of two files; see `read_segments`.

    Lines end at a line feed only; the official reader also breaks at rarer characters (form feed, U+2028, ...), and
    then fails on the count.
    """
    return score_texts(*read_segments(hyp, ref))
