"""The XSum metrics together, on texts and on files of one summary a line."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from deltalora.errors import DataError
from deltalora.metrics.base import Metric, Score
from deltalora.metrics.files import read_lines
from deltalora.metrics.rouge import VARIANTS, Rouge

#: Name -> metric. A paper's "R-L" is ROUGE-L or ROUGE-Lsum, by its scorer; on summaries of one sentence they are equal.
XSUM_METRICS: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in map(Rouge, VARIANTS)})


def score_summaries(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str] | None = None
) -> dict[str, Score]:
    """All XSum scores of generated summaries, in the order of `XSUM_METRICS`; an empty summary scores 0.

    Args:
        hypotheses: One summary a document.
        references: The human summaries of each; XSum has one.
        ids: Names for error messages.

    Raises:
        MetricError: A score cannot be computed; names the metric, the example and the cause.
    """
    return {name: metric.score(hypotheses, references, ids) for name, metric in XSUM_METRICS.items()}


def score_xsum(hyp: Path, ref: Path) -> dict[str, Score]:
    """All XSum scores of a file of summaries against a file of references, both one a line and in the same order.

    An empty line is an empty output in the first and an error in the second.

    Raises:
        DataError: A file cannot be read, or the files do not fit together; names file, line, expected and found.
    """
    hypotheses, references = read_lines(hyp), read_lines(ref)
    if "" in references:
        raise DataError(
            f"{ref}, line {references.index('') + 1}: expected a reference summary, found an empty line; "
            "write one reference a line, or drop the line from both files"
        )
    if len(hypotheses) != len(references):
        raise DataError(
            f"{hyp}, line {min(len(hypotheses), len(references)) + 1}: expected one summary line per reference line, "
            f"found {len(hypotheses)} lines and {len(references)} references in {ref}; "
            "write one line per reference, an empty line for an empty output"
        )
    ids = [f"{hyp}:{number}" for number in range(1, len(hypotheses) + 1)]
    return score_summaries(hypotheses, [[text] for text in references], ids)
