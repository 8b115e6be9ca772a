"""The E2E metrics together, on texts and on e2e-metrics' own files, equal to `measure_scores.py -p` to 4 decimals."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from deltalora.errors import DataError
from deltalora.metrics.base import Metric, Score
from deltalora.metrics.bleu import Bleu
from deltalora.metrics.cider import Cider
from deltalora.metrics.lines import read_lines
from deltalora.metrics.meteor import Meteor
from deltalora.metrics.nist import Nist, NistMteval
from deltalora.metrics.rouge_l import RougeL

_METEOR = Meteor()

#: Name -> metric, in the order of the paper's table; the published challenge tables use NIST-mteval.
E2E_METRICS: Mapping[str, Metric] = MappingProxyType(
    {metric.name: metric for metric in (Bleu(), Nist(), _METEOR, RougeL(), Cider(), NistMteval())}
)


def score_texts(
    hypotheses: Sequence[str], references: Sequence[Sequence[str]], ids: Sequence[str] | None = None
) -> dict[str, Score]:
    """All E2E scores of generated texts, in the order of `E2E_METRICS`.

    Args:
        hypotheses: One text a meaning representation; an empty text is scored as the official scorer does.
        references: The human texts of each.
        ids: Names for error messages.

    Raises:
        MetricError: A score cannot be computed; names the metric, the example and the cause.
    """
    _METEOR.start()
    others = {
        name: metric.score(hypotheses, references, ids) for name, metric in E2E_METRICS.items() if metric is not _METEOR
    }
    scores = others | {_METEOR.name: _METEOR.score(hypotheses, references, ids)}
    return {name: scores[name] for name in E2E_METRICS}


def score_e2e(hyp: Path, ref: Path) -> dict[str, Score]:
    """All E2E scores of a file of hypotheses (one a line) against a file of references (blocks parted by a blank line).

    A reference file without blank lines holds one reference a hypothesis. An empty hypothesis line is an empty output
    and is scored. Lines end at a line feed only; the official reader also breaks at rarer characters (form feed,
    U+2028, ...), and then fails on the count.

    Raises:
        DataError: A file cannot be read, or the files do not fit together; names file, line, expected and found.
        MetricError: A score cannot be computed.
    """
    hypotheses = read_lines(hyp)
    blocks = read_references(ref)
    if len(blocks) == 1 and len(blocks[0]) == len(hypotheses):
        blocks = [[text] for text in blocks[0]]
    if len(blocks) != len(hypotheses):
        found = f"{len(blocks)} reference blocks in {ref}"
        if len(blocks) == 1:
            found = f"{len(blocks[0])} single references (there is no blank line) in {ref}"
        raise DataError(
            f"{hyp}: expected one hypothesis line per reference block, found {len(hypotheses)} lines and {found}; "
            "write one line per block, an empty line for an empty output"
        )
    return score_texts(hypotheses, blocks, [f"{hyp}:{number}" for number in range(1, len(hypotheses) + 1)])


def read_references(path: Path) -> list[list[str]]:
    """The blocks of non-empty lines of a file, stripped; blank lines after the last block are ignored.

    Raises:
        DataError: The file is missing, empty, or not UTF-8, or a block has no reference.
    """
    lines = read_lines(path)
    while lines and not lines[-1]:
        lines.pop()
    blocks: list[list[str]] = [[]]
    for number, line in enumerate([*lines, ""], start=1):
        if line:
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
        else:
            raise DataError(
                f"{path}, line {number}: expected a reference, found a second blank line (an empty reference block); "
                "part blocks by exactly one blank line"
            )
    return blocks[:-1]
