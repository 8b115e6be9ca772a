"""The WebNLG metrics together, for seen, unseen and all inputs from one pass, on texts and on files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from deltalora.errors import DataError, MetricError
from deltalora.metrics.base import Metric, Score
from deltalora.metrics.files import read_lines, read_segments
from deltalora.metrics.meteor import WebNLGMeteor
from deltalora.metrics.multi_bleu import MultiBleu
from deltalora.metrics.ter import Ter
from deltalora.metrics.ter_tercom import TerTercom

_METEOR = WebNLGMeteor()
_TER_UPSTREAM = Ter(blank_line=True)

#: Name -> metric, in the order of the paper's table; the 2017 challenge published TER-tercom.
WEBNLG_METRICS: Mapping[str, Metric] = MappingProxyType(
    {metric.name: metric for metric in (MultiBleu(), _METEOR, Ter(), TerTercom())}
)
#: Letter in the paper's table -> the group of inputs that it scores.
_PARTS = {"S": "seen", "U": "unseen"}
_SEEN = {"1": "seen", "0": "unseen"}


def score_webnlg_texts(
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    ids: Sequence[str],
    groups: Sequence[str],
    upstream_blank_line: bool = False,
) -> dict[str, Score]:
    """The scores of generated texts: BLEU-S, BLEU-U, BLEU-A, METEOR-S, ... of seen, unseen and all inputs.

    Each text is compared once; a part is an aggregate of its rows, so A is not the mean of S and U. A part without
    inputs has no score. Raw outputs and prepared texts score the same (see `multi_bleu.prepare`).

    Args:
        hypotheses: One text an input; it may be empty.
        references: The human texts of each.
        ids: Names for error messages.
        groups: For each input "seen" or "unseen".
        upstream_blank_line: Whether `TER` counts the empty segment that the authors' scorer reads after the last line
            (in each part: it scores one file a part). Their METEOR fails on that segment; here it goes without it.

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
    metrics = _metrics(upstream_blank_line)
    whole = _score(metrics, hypotheses, references, ids)
    scores = {}
    for name, metric in metrics.items():
        for letter, part in (*_PARTS.items(), ("A", "")):
            rows = np.array([group.startswith(part) for group in groups])
            if rows.any():
                scores[f"{name}-{letter}"] = _part(metric, whole[name], letter, rows)
    return scores


def score_webnlg(
    hyp: Path, ref: Path, index: Path | None = None, upstream_blank_line: bool = False
) -> dict[str, Score]:
    """The scores of a file of hypotheses (one a line) against a file of references (blocks parted by a blank line).

    Args:
        hyp: Raw or prepared texts; an empty line is an empty output.
        ref: Raw or prepared references.
        index: A table parted by tabs with a header, one row a hypothesis, whose column `seen` is 1 or 0. With it the
            names end in -S, -U and -A; without it they are BLEU, METEOR, TER and TER-tercom of all.
        upstream_blank_line: As `score_webnlg_texts`.

    Raises:
        DataError: A file cannot be read, or the files do not fit together; names file, line, expected and found.
        MetricError: A score cannot be computed.
    """
    hypotheses, references, ids = read_segments(hyp, ref)
    if index is None:
        return _score(_metrics(upstream_blank_line), hypotheses, references, ids)
    groups = _read_groups(index)
    if len(groups) != len(hypotheses):
        raise DataError(
            f"{index}: expected one row per hypothesis after the header, found {len(groups)} rows and "
            f"{len(hypotheses)} lines in {hyp}; write the row of line n of the hypotheses in line n+1"
        )
    return score_webnlg_texts(hypotheses, references, ids, groups, upstream_blank_line)


def webnlg_metric(name: str, upstream_blank_line: bool = False) -> Metric:
    """The metric behind a score's name, for resampling its statistics: TER-S -> TER.

    Args:
        name: A key of what `score_webnlg` and `score_webnlg_texts` return, with or without -S, -U or -A.
        upstream_blank_line: As it was given to them.

    Raises:
        MetricError: There is no such score.
    """
    metrics = _metrics(upstream_blank_line)
    for known in (name, name.rpartition("-")[0]):
        if known in metrics:
            return metrics[known]
    raise MetricError(f"WebNLG: expected one of {', '.join(metrics)}, found {name!r}; choose a listed name")


def _metrics(upstream_blank_line: bool) -> Mapping[str, Metric]:
    return {**WEBNLG_METRICS, "TER": _TER_UPSTREAM} if upstream_blank_line else WEBNLG_METRICS


def _score(
    metrics: Mapping[str, Metric],
    hypotheses: Sequence[str],
    references: Sequence[Sequence[str]],
    ids: Sequence[str],
) -> dict[str, Score]:
    _METEOR.start()  # its JVM reads its tables while the others compare
    others = {
        name: metric.score(hypotheses, references, ids) for name, metric in metrics.items() if metric is not _METEOR
    }
    scores = others | {_METEOR.name: _METEOR.score(hypotheses, references, ids)}
    return {name: scores[name] for name in metrics}


def _part(metric: Metric, whole: Score, letter: str, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Score:
    statistics = whole.statistics[rows]
    signature = whole.signature.replace(f"{metric.name}|", f"{metric.name}-{letter}|n:{len(statistics)}|", 1)
    places = None if rows.all() else tuple(np.flatnonzero(rows).tolist())
    return Score(metric.aggregate(statistics), statistics, signature, places)


def _read_groups(index: Path) -> list[str]:
    header, *rows = [line.split("\t") for line in read_lines(index)]
    if "seen" not in header:
        raise DataError(
            f"{index}, line 1: expected a header parted by tabs with the column seen, found {header}; "
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
