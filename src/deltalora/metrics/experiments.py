"""The metrics of each experiment by name, and the scores of texts and of files by them; GLUE's files are in `glue`.

The E2E scores equal those of `measure_scores.py -p` to 4 decimals.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from deltalora.errors import DataError, MetricError
from deltalora.metrics.base import AdditiveMetric, Metric, References, Score, TextMetric, Texts, score_all
from deltalora.metrics.coco import Cider, RougeL
from deltalora.metrics.files import line_ids, read_lines, read_pairs, read_segments
from deltalora.metrics.glue import GLUE_METRICS
from deltalora.metrics.meteor import Meteor, WebNLGMeteor
from deltalora.metrics.mteval import Bleu, BleuMteval, Nist, NistMteval
from deltalora.metrics.multi_bleu import MultiBleu
from deltalora.metrics.rouge import VARIANTS, Rouge
from deltalora.metrics.ter import Ter
from deltalora.metrics.ter_tercom import TerTercom


def _by_name(*metrics: TextMetric) -> Mapping[str, TextMetric]:
    return MappingProxyType({metric.name: metric for metric in metrics})


#: Name -> metric, in the order of the paper's table; the published challenge tables use the two -mteval.
E2E_METRICS = _by_name(Bleu(), Nist(), Meteor(), RougeL(), Cider(), BleuMteval(), NistMteval())
#: The same; the 2017 challenge published TER-tercom.
WEBNLG_METRICS = _by_name(MultiBleu(), WebNLGMeteor(), Ter(), TerTercom())
#: The same. A paper's "R-L" is ROUGE-L or ROUGE-Lsum, by its scorer; on summaries of one sentence they are equal.
XSUM_METRICS = _by_name(*map(Rouge, VARIANTS))

_UPSTREAM = _by_name(MultiBleu(), WebNLGMeteor(), Ter(blank_line=True), TerTercom())
#: Letter in the paper's table -> the group of inputs that it scores.
_WEBNLG_PARTS = {"S": "seen", "U": "unseen"}
_SEEN = {"1": "seen", "0": "unseen"}
#: Experiment -> endings of the names of scores of some of the examples.
_ENDINGS = {"webnlg": ("-S", "-U", "-A"), "glue/mnli": ("-matched", "-mismatched")}


def webnlg_metrics(upstream_blank_line: bool = False) -> Mapping[str, TextMetric]:
    """Return name -> metric.

    With `upstream_blank_line` `TER` counts the empty segment that the authors' scorer reads after the last line (in
    each part: it scores one file per part). Their METEOR fails on that segment; here it leaves it out.
    """
    return _UPSTREAM if upstream_blank_line else WEBNLG_METRICS


def metric_of_score(experiment: str, score: str, upstream_blank_line: bool = False) -> Metric:
    """Return the metric that turns a score's statistics into values: TER-S of webnlg -> TER.

    The experiment is e2e, webnlg, xsum or glue/TASK, as in the record.

    Raises:
        MetricError: There is no such score.
    """
    known: Mapping[str, Metric] = {
        "e2e": E2E_METRICS,
        "webnlg": webnlg_metrics(upstream_blank_line),
        "xsum": XSUM_METRICS,
        **{f"glue/{dataset}": {one.name: one for one in metrics} for dataset, metrics in GLUE_METRICS.items()},
    }.get(experiment, {})
    name = score
    for ending in _ENDINGS.get(experiment, ()):
        name = name.removesuffix(ending)
    if name not in known:
        raise MetricError(
            f"{experiment}: expected one of {', '.join(known) or 'no scores'}, found {score}; choose a listed name"
        )
    return known[name]


def is_slow(metric: Metric) -> bool:
    """Return whether every resample has to be built, as for correlations; the others are one matrix product."""
    return not isinstance(metric, AdditiveMetric)


def score_texts(hypotheses: Texts, references: References, ids: Texts | None = None) -> dict[str, Score]:
    """Return all E2E scores of generated texts; see `score_all`."""
    return score_all(E2E_METRICS, hypotheses, references, ids)


def score_e2e(hyp: Path, ref: Path) -> dict[str, Score]:
    """Return all E2E scores of two files; see `read_segments`.

    Lines end at a line feed only; the official reader also breaks at rarer characters (form feed, U+2028, ...), and
    then fails on the count.
    """
    return score_texts(*read_segments(hyp, ref))


def score_summaries(hypotheses: Texts, references: References, ids: Texts | None = None) -> dict[str, Score]:
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


def score_webnlg_texts(
    hypotheses: Texts, references: References, ids: Texts, groups: Texts, upstream_blank_line: bool = False
) -> dict[str, Score]:
    """Return the scores of generated texts: BLEU-S, BLEU-U, BLEU-A, METEOR-S, ... of seen, unseen and all inputs.

    Each text, of the group "seen" or "unseen", is compared once; a part is an aggregate of its rows, so A is not the
    mean of S and U. A part without inputs has no score. Raw outputs and prepared texts score the same (see
    `multi_bleu.prepare`).

    Raises:
        MetricError: A score cannot be computed; names the metric, the example and the cause.
    """
    if len(groups) != len(hypotheses):
        raise MetricError(
            f"WebNLG: expected one group per hypothesis, found {len(hypotheses)} hypotheses and {len(groups)} groups; "
            "pass sequences of equal length"
        )
    for identifier, group in zip(ids, groups, strict=False):
        if group not in _WEBNLG_PARTS.values():
            raise MetricError(f"WebNLG: expected the group seen or unseen for {identifier}, found {group!r}; name one")
    metrics = webnlg_metrics(upstream_blank_line)
    scores = {}
    for name, whole in score_all(metrics, hypotheses, references, ids).items():
        for letter, part in (*_WEBNLG_PARTS.items(), ("A", "")):
            rows = np.array([group.startswith(part) for group in groups])
            if rows.any():
                scores[f"{name}-{letter}"] = _part(metrics[name], whole, letter, rows)
    return scores


def _part(metric: TextMetric, whole: Score, letter: str, rows: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Score:
    statistics = whole.statistics[rows]
    signature = whole.signature.replace(f"{metric.name}|", f"{metric.name}-{letter}|n:{len(statistics)}|", 1)
    places = None if rows.all() else tuple(np.flatnonzero(rows).tolist())
    return Score(metric.aggregate(statistics), statistics, signature, places)


def score_webnlg(
    hyp: Path, ref: Path, index: Path | None = None, upstream_blank_line: bool = False
) -> dict[str, Score]:
    """Return the scores of a file of hypotheses, one per line, against blocks of references.

    `index` is a tab-separated table with a header, one row per hypothesis, whose column `seen` is 1 or 0. With it the
    names end in -S, -U and -A; without it they are BLEU, METEOR, TER and TER-tercom of all.

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
