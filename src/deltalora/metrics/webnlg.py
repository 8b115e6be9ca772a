"""The WebNLG metrics, for seen, unseen and all inputs from one pass, on texts and on files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from deltalora.errors import DataError, MetricError
from deltalora.metrics.base import Score, TextMetric, score_all
from deltalora.metrics.files import read_lines, read_segments
from deltalora.metrics.meteor import WebNLGMeteor
from deltalora.metrics.multi_bleu import MultiBleu
from deltalora.metrics.ter import Ter
from deltalora.metrics.ter_tercom import TerTercom

#: Name -> metric, in the order of the paper's table; the 2017 challenge published TER-tercom.
WEBNLG_METRICS: Mapping[str, TextMetric] = MappingProxyType(
    {metric.name: metric for metric in (MultiBleu(), WebNLGMeteor(), Ter(), TerTercom())}
)
_UPSTREAM: Mapping[str, TextMetric] = MappingProxyType({**WEBNLG_METRICS, "TER": Ter(blank_line=True)})
#: Letter in the paper's table -> the group of inputs that it scores.
_PARTS = {"S": "seen", "U": "unseen"}
_SEEN = {"1": "seen", "0": "unseen"}


def webnlg_metrics(upstream_blank_line: bool = False) -> Mapping[str, TextMetric]:
    """Return name -> metric.

    Args:
        upstream_blank_line: Whether `TER` counts the empty segment that the authors' scorer reads after the last line
            (in each part: it scores one file per part). Their METEOR fails on that segment; here it leaves it out.
    """
    return _UPSTREAM if upstream_blank_line else WEBNLG_METRICS


def score_webnlg_texts(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    ids: Sequence[str],
    groups: Sequence[str],
    upstream_blank_line: bool = False,
) -> dict[str, Score]:
    """Return the scores of generated texts: BLEU-S, BLEU-U, BLEU-A, METEOR-S, ... of seen, unseen and all inputs.

    Each text is compared once; a part is an aggregate of its rows, so A is not the mean of S and U. A part without
    inputs has no score. Raw outputs and prepared texts score the same (see `multi_bleu.prepare`).

    Args:
        hypotheses: As `score_all`.
        references: As `score_all`.
        ids: As `score_all`.
        groups: For each input "seen" or "unseen".
        upstream_blank_line: As `webnlg_metrics`.

    Raises:
        MetricError: A score cannot be computed; names the metric, the example and the cause.
    """
    if len(groups) != len(hypotheses):
        raise MetricError(
            f"WebNLG: expected one group per hypothesis, found {len(hypotheses)} hypotheses and {len(groups)} groups; "
            "pass sequences of equal length"
        )
    for identifier, group in zip(ids, groups, strict=False):
        if group not in _PARTS.values():
            raise MetricError(f"WebNLG: expected the group seen or unseen for {identifier}, found {group!r}; name one")
    metrics = webnlg_metrics(upstream_blank_line)
    scores = {}
    for name, whole in score_all(metrics, hypotheses, references, ids).items():
        for letter, part in (*_PARTS.items(), ("A", "")):
            rows = np.array([group.startswith(part) for group in groups])
            if rows.any():
                scores[f"{name}-{letter}"] = _part(metrics[name], whole, letter, rows)
    return scores


def score_webnlg(
    hyp: Path, ref: Path, index: Path | None = None, upstream_blank_line: bool = False
) -> dict[str, Score]:
    """Return the scores of a file of hypotheses, one per line, against blocks of references.

    Args:
        hyp: Raw or prepared texts; an empty line is an empty output.
        ref: Raw or prepared references.
        index: A tab-separated table with a header, one row per hypothesis, whose column `seen` is 1 or 0. With it the
            names end in -S, -U and -A; without it they are BLEU, METEOR, TER and TER-tercom of all.
        upstream_blank_line: As `webnlg_metrics`.

    Raises:
        DataError: A file cannot be read, or the files do not fit together; names file, line, expected and found.
        MetricError: A score cannot be computed.
    """
    hypotheses, references, ids = read_segments(hyp, ref)
    if index is None:
        return score_all(webnlg_metrics(upstream_blank_line), hypotheses, references, ids)
    groups = _read_groups(index)
    if len(groups) != len(hypotheses):
        raise DataError(
            f"{index}: expected one row per hypothesis after the header, found {len(groups)} rows and "
            f"{len(hypotheses)} lines in {hyp}; write the row of line n of the hypotheses in line n+1"
        )
    return score_webnlg_texts(hypotheses, references, ids, groups, upstream_blank_line)


def _part(metric: TextMetric, whole: Score, letter: str, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Score:
    statistics = whole.statistics[rows]
    signature = whole.signature.replace(f"{metric.name}|", f"{metric.name}-{letter}|n:{len(statistics)}|", 1)
    places = None if rows.all() else tuple(np.flatnonzero(rows).tolist())
    return Score(metric.aggregate(statistics), statistics, signature, places)


def _read_groups(index: Path) -> list[str]:
    header, *rows = [line.split("\t") for line in read_lines(index)]
    if "seen" not in header:
        raise DataError(
            f"{index}, line 1: expected a tab-separated header with the column seen, found {header}; "
            "name the columns, for example id, category, size, seen"
        )
    column = header.index("seen")
    groups = []
    for number, row in enumerate(rows, start=2):
        found = row[column] if column < len(row) else ""
        if found not in _SEEN:
            raise DataError(
                f"{index}, line {number}: expected 1 (seen) or 0 (unseen) in the column seen, found {found!r}; "
                "write one of them"
            )
        groups.append(_SEEN[found])
    return groups
