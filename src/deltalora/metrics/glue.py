"""The metrics of the eight GLUE tasks, on judgements and on files of one number a line."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from deltalora.errors import DataError, MetricError
from deltalora.metrics.base import Counts, Score, Statistics, Values, check_counts
from deltalora.metrics.classification import (
    LabelMetric,
    accuracy,
    accuracy_many,
    f1,
    f1_many,
    matthews,
    matthews_many,
    pearson,
    spearman,
)
from deltalora.metrics.files import read_lines

_ACCURACY = LabelMetric("Accuracy", accuracy, "agg:mean", accuracy_many)
_F1 = LabelMetric("F1", f1, "positive:1|average:binary|undefined:0", f1_many)
_MATTHEWS = LabelMetric("Matthews", matthews, "classes:2|constant:0", matthews_many)
_PEARSON = LabelMetric("Pearson", pearson, "clip:no|constant:0")
_SPEARMAN = LabelMetric("Spearman", spearman, "clip:no|ties:mean-rank|constant:0")

#: Task -> its metrics, the one of the paper's table first.
GLUE_METRICS: Mapping[str, tuple[LabelMetric, ...]] = MappingProxyType(
    {
        "mnli": (_ACCURACY,),
        "sst2": (_ACCURACY,),
        "mrpc": (_ACCURACY, _F1),
        "cola": (_MATTHEWS,),
        "qnli": (_ACCURACY,),
        "qqp": (_ACCURACY, _F1),
        "rte": (_ACCURACY,),
        "stsb": (_PEARSON, _SPEARMAN),
    }
)
_MNLI_PARTS = ("matched", "mismatched")
_HIGHEST_SIMILARITY = 5.0


def score_labels(
    dataset: str, predictions: Sequence[float], labels: Sequence[float], ids: Sequence[str], groups: Sequence[str]
) -> dict[str, Score]:
    """The scores of a task's judgements.

    MNLI's are Accuracy-matched, Accuracy-mismatched and their mean, Accuracy, which is no accuracy of all rows: its
    statistics (n, 3) are prediction, label and 1 where mismatched. A part without examples is left out of the mean
    and has no score; without groups Accuracy is that of all rows.

    Same as the `glue` metric of Hugging Face `evaluate` (sklearn's and scipy's functions), except where a correlation
    is not defined: see `judgements.pearson`.

    Args:
        dataset: mnli, sst2, mrpc, cola, qnli, qqp, rte or stsb.
        predictions: Class numbers; for stsb any numbers, scored as they are.
        labels: Class numbers; for stsb similarities from 0 to 5.
        ids: Names for error messages.
        groups: For mnli "matched" or "mismatched"; else unused, and may be empty texts.

    Raises:
        MetricError: The lengths differ, there is nothing to score, or a value is out of the task's range; names it.
    """
    metrics = _metrics_of(dataset)
    if not len(predictions) == len(labels) == len(ids) == len(groups):
        raise MetricError(
            f"glue/{dataset}: expected a label, an id and a group per prediction, found {len(predictions)} predictions,"
            f" {len(labels)} labels, {len(ids)} ids and {len(groups)} groups; pass sequences of equal length"
        )
    for identifier, prediction, label in zip(ids, predictions, labels, strict=True):
        if expected := _label_complaint(dataset, label):
            raise MetricError(f"glue/{dataset}, label of {identifier}: expected {expected}, found {label}; mend it")
        if expected := _prediction_complaint(dataset, prediction):
            raise MetricError(
                f"glue/{dataset}, prediction of {identifier}: expected {expected}, found {prediction}; "
                "look at the model's outputs"
            )
    scores = {metric.name: metric.score(predictions, labels) for metric in metrics}
    if dataset == "mnli" and any(groups):
        scores = _mnli(scores["Accuracy"].statistics, ids, groups)
    return {
        name: Score(one.value, one.statistics, one.signature.replace("|", f"|task:{dataset}|", 1), one.places)
        for name, one in scores.items()
    }


def score_glue(dataset: str, pred: Path, labels: Path) -> dict[str, Score]:
    """The scores of a file of predictions against a file of labels, one number a line and in the same order.

    Raises:
        DataError: A file cannot be read, the counts differ, or a line is no number of the task's range; names file,
            line, expected and found.
        MetricError: There is no such task.
    """
    _metrics_of(dataset)
    predicted, true = read_lines(pred), read_lines(labels)
    if len(predicted) != len(true):
        raise DataError(
            f"{pred}, line {min(len(predicted), len(true)) + 1}: expected one prediction per label, "
            f"found {len(predicted)} predictions and {len(true)} labels in {labels}; write one number a line in both"
        )
    numbers = []
    for path, lines, complaint in ((pred, predicted, _prediction_complaint), (labels, true, _label_complaint)):
        for number, line in enumerate(lines, start=1):
            if expected := complaint(dataset, _number(line)):
                raise DataError(
                    f"{path}, line {number}: expected {expected} (glue/{dataset}), found {line!r}; "
                    "write one number a line, with the label codes of the Hugging Face `glue` data"
                )
        numbers.append([_number(line) for line in lines])
    ids = [f"{pred}:{number}" for number in range(1, len(predicted) + 1)]
    return score_labels(dataset, numbers[0], numbers[1], ids, [""] * len(ids))


def aggregate_mnli(statistics: Statistics) -> float:
    """MNLI's Accuracy of any rows (prediction, label, 1 where mismatched): the mean over the parts that have rows."""
    parts = [rows for part in (0, 1) if len(rows := statistics[statistics[:, 2] == part])]
    return float(np.mean([_ACCURACY.aggregate(rows) for rows in parts]))


class MnliAccuracy:
    """MNLI's Accuracy with groups as a metric of rows (prediction, label, 1 where mismatched), for resampling.

    A resample may miss a part; its value is then that of the other part.
    """

    name = "Accuracy"

    def aggregate(self, statistics: Statistics) -> float:
        """As `aggregate_mnli`.

        Raises:
            MetricError: There is no row.
        """
        if len(statistics) == 0:
            return _ACCURACY.aggregate(statistics)
        return aggregate_mnli(statistics)

    def aggregate_many(self, statistics: Statistics, counts: Counts) -> Values:
        """The values (m,) of m resamples; as `Metric.aggregate_many`.

        Raises:
            MetricError: The counts are not of these rows, or a resample is empty.
        """
        check_counts(self.name, statistics, counts)
        mismatched = statistics[:, 2] == 1
        members = np.stack([~mismatched, mismatched], axis=1).astype(np.float64)
        right = members * (statistics[:, :1] == statistics[:, 1:2])
        numbers = counts @ members
        parts = np.divide(counts @ right, numbers, out=np.zeros_like(numbers), where=numbers != 0)
        values: Values = parts.sum(axis=1) / (numbers != 0).sum(axis=1)
        return values


def _mnli(statistics: Statistics, ids: Sequence[str], groups: Sequence[str]) -> dict[str, Score]:
    for identifier, group in zip(ids, groups, strict=True):
        if group not in _MNLI_PARTS:
            raise MetricError(
                f"glue/mnli: expected the group {' or '.join(_MNLI_PARTS)} for {identifier}, found {group!r}; name one"
            )
    scores = {}
    for part in _MNLI_PARTS:
        places = tuple(place for place, group in enumerate(groups) if group == part)
        rows = statistics[list(places)]
        if places:
            one = _ACCURACY.score(rows[:, 0].tolist(), rows[:, 1].tolist())
            signature = one.signature.replace("Accuracy|", f"Accuracy-{part}|", 1)
            whole = len(places) == len(groups)
            scores[f"Accuracy-{part}"] = Score(one.value, one.statistics, signature, None if whole else places)
    used = "+".join(name.removeprefix("Accuracy-") for name in scores)
    mismatched = np.array([[float(group == "mismatched")] for group in groups])
    rows = np.hstack([statistics, mismatched])
    signature = f"Accuracy|n:{len(rows)}|parts:{used}|agg:mean-of-parts"
    return {**scores, "Accuracy": Score(aggregate_mnli(rows), rows, signature)}


def _metrics_of(dataset: str) -> tuple[LabelMetric, ...]:
    if dataset not in GLUE_METRICS:
        raise MetricError(f"glue: expected one of {', '.join(GLUE_METRICS)}, found {dataset!r}; choose a listed task")
    return GLUE_METRICS[dataset]


def _label_complaint(dataset: str, label: float) -> str:
    """What was expected, if the label is not that."""
    if dataset == "stsb":
        return "" if 0.0 <= label <= _HIGHEST_SIMILARITY else "a similarity from 0 to 5"
    classes = 3 if dataset == "mnli" else 2
    return "" if label in range(classes) else f"a class number from 0 to {classes - 1}"


def _prediction_complaint(dataset: str, prediction: float) -> str:
    if dataset == "stsb":
        return "" if math.isfinite(prediction) else "a finite number"
    return _label_complaint(dataset, prediction)


def _number(line: str) -> float:
    """The number, or NaN, which every range excludes."""
    try:
        return float(line)
    except ValueError:
        return math.nan
