"""The XSum metrics, on texts and on files of one summary per line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from deltalora.errors import DataError
from deltalora.metrics.base import Score, TextMetric, score_all
from deltalora.metrics.files import line_ids, read_pairs
from deltalora.metrics.rouge import VARIANTS, Rouge

#: Name -> metric. A paper's "R-L" is ROUGE-L or ROUGE-Lsum, by its scorer; on summaries of one sentence they are equal.
XSUM_METRICS: Mapping[str, TextMetric] = MappingProxyType({metric.name: metric for metric in map(Rouge, VARIANTS)})


def score_summaries(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str] | None = None
) -> dict[str, Score]:
    """Return all XSum scores of generated summaries; see `score_all`."""
    return score_all(XSUM_METRICS, hypotheses, references, ids)


def score_xsum(hyp: Path, ref: Path) -> dict[str, Score]:
    """Return all XSum scores of a file of summaries against a file of references, one per line in the same order.

    An empty line is an empty output in the first and an error in the second.

    Raises:
        DataError: A file cannot be read, or the files do not fit together; names file, line, expected and found.
    """
    hypotheses, references = read_pairs(hyp, ref, ("summary line", "reference line"))
    if "" in references:
        raise DataError(
            f"{ref}, line {references.index('') + 1}: expected a reference summary, found an empty line; "
            "write one reference per line, or drop the line from both files"
        )
    return score_summaries(hypotheses, [[text] for text in references], line_ids(hyp, hypotheses))
