"""The metrics of the eight GLUE tasks, each a function of (prediction, label), on labels and on files of numbers."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from deltalora.errors import DataError, MetricError
from deltalora.metrics.base import AdditiveMetric, MeanMetric, Metric, Score, Statistics, Texts, Values, divide
from deltalora.metrics.files import line_ids, read_pairs


class LabelMetric(Metric):
    """A metric of predicted labels, with `settings` as `TextMetric`. Statistics (n, 2): prediction, label."""

    settings: str

    def score(self, predictions: npt.ArrayLike, labels: npt.ArrayLike) -> Score:
        """Return the score of predictions against as many labels; raise a `MetricError` where there is none."""
        statistics = np.array([predictions, labels], dtype=np.float64).T
        return Score(self.aggregate(statistics), statistics, f"{self.name}|n:{len(statistics)}|{self.settings}")


class Accuracy(LabelMetric, MeanMetric):
    """The share of predictions that equal their labels."""

    name = "Accuracy"
    settings = "agg:mean"

    def terms(self, statistics: Statistics) -> Statistics:
        """Return 1 where the prediction is right, (n, 1)."""
        return np.where(statistics[:, :1] == statistics[:, 1:2], 1.0, 0.0)


class MnliAccuracy(Accuracy):
    """The mean of MNLI's accuracies, matched and mismatched; a resample without one part has the value of the other.

    Statistics (n, 3): prediction, label, 1 where mismatched; or (n, 2), without groups, which is `Accuracy`.
    """

    def terms(self, statistics: Statistics) -> Statistics:
        """Return right predictions and rows, each matched and mismatched, (n, 4)."""
        mismatched = statistics[:, 2:] if statistics.shape[1] > 2 else np.zeros((len(statistics), 1))
        parts = np.hstack([1.0 - mismatched, mismatched])
        return np.hstack([parts * super().terms(statistics), parts])

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """Return the mean over the parts that have rows, from 0 to 1."""
        right, rows = sums[:, :2], sums[:, 2:]
        values: Values = divide(right, rows).sum(axis=1) / (rows != 0).sum(axis=1)
        return values


class F1(LabelMetric, AdditiveMetric):
    """F1 = 2·TP / (2·TP + FP + FN) of class 1; 0 where neither side has it. Same as sklearn's `f1_score`."""

    name = "F1"
    settings = "positive:1|average:binary|undefined:0"

    def terms(self, statistics: Statistics) -> Statistics:
        """Return class 1 on both sides, and the number of sides that have it, (n, 2)."""
        positive = statistics == 1
        return np.stack([positive.all(axis=1), positive.sum(axis=1)], axis=1).astype(np.float64)

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """Return F1, from 0 to 1."""
        both, found = sums.T
        return divide(2.0 * both, found)


class Pearson(LabelMetric):
    """Pearson's r = cov(p, y) / (σ_p · σ_y), as scipy's `pearsonr`.

    Where predictions or labels are constant, as those of a tiny run may be, r is not defined (scipy gives NaN and a
    warning); it is 0 here, as Matthews' is in sklearn.
    """

    name = "Pearson"
    settings = "clip:no|constant:0"

    def combine(self, statistics: Statistics) -> float:
        """Return r, from -1 to 1."""
        if (statistics == statistics[0]).all(axis=0).any():
            return 0.0
        # Scaled before they are squared: predictions of a run that diverges may be huge.
        return float(np.corrcoef(statistics / np.abs(statistics).max(axis=0), rowvar=False)[0, 1])


class Spearman(Pearson):
    """Pearson's r of the ranks, ties at their mean rank, as scipy's `spearmanr`."""

    name = "Spearman"
    settings = "clip:no|ties:mean-rank|constant:0"

    def combine(self, statistics: Statistics) -> float:
        """Return r of the ranks, from -1 to 1."""
        return super().combine(np.stack([_ranks(column) for column in statistics.T], axis=1))


class Matthews(Pearson, AdditiveMetric):
    """Pearson's r of two binary variables; 0 where either is constant, as sklearn's `matthews_corrcoef`.

    Resamples follow from the sums of p, y, p², y² and p·y: exact, as classes are whole numbers.
    """

    name = "Matthews"
    settings = "classes:2|constant:0"

    def terms(self, statistics: Statistics) -> Statistics:
        """Return p, y, p², y² and p·y, (n, 5)."""
        return np.hstack([statistics, statistics**2, statistics.prod(axis=1, keepdims=True)])

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """Return r, from -1 to 1."""
        p, y, p_squared, y_squared, both = sums.T
        spread = (numbers * p_squared - p**2) * (numbers * y_squared - y**2)
        return divide(numbers * both - p * y, np.sqrt(spread)).clip(-1.0, 1.0)


def _ranks(values: Values) -> Values:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.take(np.cumsum(counts) - (counts - 1) / 2.0, places)


#: Task -> its metrics, the one in the paper's table first.
GLUE_METRICS: Mapping[str, tuple[LabelMetric, ...]] = MappingProxyType(
    {
        "mnli": (MnliAccuracy(),),
        "sst2": (Accuracy(),),
        "mrpc": (Accuracy(), F1()),
        "cola": (Matthews(),),
        "qnli": (Accuracy(),),
        "qqp": (Accuracy(), F1()),
        "rte": (Accuracy(),),
        "stsb": (Pearson(), Spearman()),
    }
)
_MNLI_PARTS = ("matched", "mismatched")


def score_labels(
    dataset: str, predictions: Sequence[float], labels: Sequence[float], ids: Texts, groups: Texts
) -> dict[str, Score]:
    """Return the scores of a task's predictions.

    Labels are class numbers, for stsb similarities from 0 to 5, against which any predictions are scored as they are.

    MNLI's groups are "matched" and "mismatched", and its scores Accuracy-matched, Accuracy-mismatched and their mean,
    Accuracy, which is not the accuracy of all rows. A part without examples is left out of the mean and has no score;
    with empty groups Accuracy is that of all rows.

    Same as the `glue` metric of Hugging Face `evaluate` (sklearn's and scipy's functions), except where a correlation
    is not defined: see `Pearson`.

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
        if expected := _expected(dataset, label, is_label=True):
            raise MetricError(f"glue/{dataset}, label of {identifier}: expected {expected}, found {label}; correct it")
        if expected := _expected(dataset, prediction, is_label=False):
            raise MetricError(
                f"glue/{dataset}, prediction of {identifier}: expected {expected}, found {prediction}; "
                "look at the model's outputs"
            )
    scores = {metric.name: metric.score(predictions, labels) for metric in metrics}
    if dataset == "mnli" and any(groups):
        scores = _mnli(scores["Accuracy"].statistics, ids, groups)
    return {
        name: replace(one, signature=one.signature.replace("|", f"|task:{dataset}|", 1)) for name, one in scores.items()
    }


def score_glue(dataset: str, pred: Path, labels: Path) -> dict[str, Score]:
    """Return the scores of a file of predictions against a file of labels, one number per line in the same order.

    Raises:
        DataError: A file cannot be read, the counts differ, or a line is no number of the task's range.
        MetricError: There is no such task.
    """
    _metrics_of(dataset)
    lines = read_pairs(pred, labels, ("prediction", "label"))
    predictions = _to_numbers(dataset, pred, lines[0], is_label=False)
    truths = _to_numbers(dataset, labels, lines[1], is_label=True)
    return score_labels(dataset, predictions, truths, line_ids(pred, lines[0]), [""] * len(truths))


def _to_numbers(dataset: str, path: Path, lines: Texts, is_label: bool) -> list[float]:
    numbers = []
    for place, line in enumerate(lines, start=1):
        try:
            numbers.append(float(line))
        except ValueError:
            numbers.append(math.nan)  # which every range excludes
        if expected := _expected(dataset, numbers[-1], is_label):
            raise DataError(
                f"{path}, line {place}: expected {expected} (glue/{dataset}), found {line!r}; "
                "write one number per line, with the label codes of the Hugging Face `glue` data"
            )
    return numbers


def _mnli(statistics: Statistics, ids: Texts, groups: Texts) -> dict[str, Score]:
    for identifier, group in zip(ids, groups, strict=True):
        if group not in _MNLI_PARTS:
            raise MetricError(
                f"glue/mnli: expected the group {' or '.join(_MNLI_PARTS)} for {identifier}, found {group!r}; name one"
            )
    scores = {}
    for part in _MNLI_PARTS:
        places = [place for place, group in enumerate(groups) if group == part]
        if places:
            one = Accuracy().score(*statistics[places].T)
            signature = one.signature.replace("Accuracy|", f"Accuracy-{part}|", 1)
            some = tuple(places) if len(places) < len(groups) else None
            scores[f"Accuracy-{part}"] = replace(one, signature=signature, places=some)
    used = "+".join(name.removeprefix("Accuracy-") for name in scores)
    rows = np.hstack([statistics, [[float(group == "mismatched")] for group in groups]])
    signature = f"Accuracy|n:{len(rows)}|parts:{used}|agg:mean-of-parts"
    return {**scores, "Accuracy": Score(MnliAccuracy().aggregate(rows), rows, signature)}


def _metrics_of(dataset: str) -> tuple[LabelMetric, ...]:
    if dataset not in GLUE_METRICS:
        raise MetricError(f"glue: expected one of {', '.join(GLUE_METRICS)}, found {dataset!r}; choose a listed task")
    return GLUE_METRICS[dataset]


def _expected(dataset: str, value: float, is_label: bool) -> str:
    """Return what a label or a prediction should have been, or nothing if it is right."""
    if dataset != "stsb":
        classes = 3 if dataset == "mnli" else 2
        return "" if value in range(classes) else f"a class number from 0 to {classes - 1}"
    if is_label:
        return "" if 0.0 <= value <= 5.0 else "a similarity from 0 to 5"
    return "" if math.isfinite(value) else "a finite number"
