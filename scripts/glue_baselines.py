"""Print how far simple baselines come on the embedded GLUE-like sets: what a model must leave behind.

    python scripts/glue_baselines.py [--seed 0]

Four baselines, all logistic (STS-B: ridge) regressions on counts of words, trained on train, scored on validation:

    words         bag of words, the two sentences' words kept apart
    second only   bag of words of the second sentence alone
    overlap       besides `words`: each word marked as in both, only in the first, only in the second
    word pairs    besides `overlap`: every pair of neighbours, and every pair of a word of one and a word of the other

Scores are GLUE's own: Matthews for CoLA, Pearson for STS-B, accuracy else. Needs scikit-learn.
"""

import argparse
import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import matthews_corrcoef
from sklearn.multiclass import OneVsRestClassifier

from embedded_world.glue import GLUE_SETS, GlueEntry, glue_splits

Features = Callable[[GlueEntry], dict[str, int]]


def tokens(text: str | None) -> list[str]:
    """Lower-cased words, numbers and punctuation marks."""
    return re.findall(r"[^\W\d_]+|\d+|[^\w\s]", (text or "").lower())


def words(entry: GlueEntry) -> dict[str, int]:
    """Bag of words of each sentence."""
    return dict(Counter([f"1 {word}" for word in tokens(entry.first)] + [f"2 {word}" for word in tokens(entry.second)]))


def second_only(entry: GlueEntry) -> dict[str, int]:
    """Bag of words of the second sentence."""
    return dict(Counter(tokens(entry.second)))


def overlap(entry: GlueEntry) -> dict[str, int]:
    """`words`, and each word by where it occurs, with how many there are of each."""
    first, second = set(tokens(entry.first)), set(tokens(entry.second))
    parts = {"both": first & second, "first": first - second, "second": second - first}
    marked = {f"{part} {word}": 1 for part, found in parts.items() for word in sorted(found)}
    return {**words(entry), **marked, **{f"n {part}": len(found) for part, found in parts.items()}}


def word_pairs(entry: GlueEntry) -> dict[str, int]:
    """`overlap`, neighbours, and pairs across the two sentences."""
    first, second = tokens(entry.first), tokens(entry.second)
    near = {f"{one} {other}": 1 for text in (first, second) for one, other in pairwise(text)}
    across = {f"{one} / {other}": 1 for one in first for other in second}
    return {**overlap(entry), **near, **across}


BASELINES: dict[str, Features] = {
    "words": words,
    "second only": second_only,
    "overlap": overlap,
    "word pairs": word_pairs,
}


def score(dataset: str, predicted: Sequence[float], labels: Sequence[float]) -> float:
    """GLUE's first score of the data set."""
    if dataset == "stsb":
        return float(np.corrcoef(predicted, labels)[0, 1])
    if dataset == "cola":
        return float(matthews_corrcoef(labels, predicted))
    return float(np.mean(np.equal(predicted, labels)))


def majority(splits: dict[str, list[GlueEntry]]) -> dict[str, float]:
    """Return validation split -> accuracy of always giving train's most frequent label."""
    most = Counter(entry.label for entry in splits["train"]).most_common(1)[0][0]
    return {
        split: sum(entry.label == most for entry in entries) / len(entries)
        for split, entries in splits.items()
        if split != "train"
    }


def baseline(dataset: str, splits: dict[str, list[GlueEntry]], features: Features) -> dict[str, float]:
    """Return validation split -> score of the regression on `features`."""
    found = {split: [features(entry) for entry in entries] for split, entries in splits.items()}
    seen = Counter(feature for example in found["train"] for feature in example)
    kept = {feature: index for index, feature in enumerate(feature for feature, count in seen.items() if count > 1)}
    inputs = {split: _matrix(examples, kept) for split, examples in found.items()}
    model: Any = (
        Ridge(10.0) if dataset == "stsb" else OneVsRestClassifier(LogisticRegression(C=0.3, solver="liblinear"))
    )
    model.fit(inputs["train"], [entry.label for entry in splits["train"]])
    return {
        split: score(
            dataset,
            model.predict(inputs[split]).tolist(),
            [entry.label for entry in entries],
        )
        for split, entries in splits.items()
        if split != "train"
    }


def _matrix(examples: Sequence[dict[str, int]], columns: dict[str, int]) -> csr_matrix:
    cells = [
        (row, columns[feature], count)
        for row, example in enumerate(examples)
        for feature, count in example.items()
        if feature in columns
    ]
    rows, found, counts = zip(*cells, strict=True)
    shape = (len(examples), len(columns))
    matrix = csr_matrix((np.array(counts, dtype=float), (np.array(rows), np.array(found))), shape=shape)
    matrix.indices, matrix.indptr = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int32)
    return matrix


def main() -> None:
    """Print one line per data set and validation split."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--datasets", nargs="*", default=list(GLUE_SETS))
    arguments = parser.parse_args()
    print("| set | split | majority | " + " | ".join(BASELINES) + " |")
    print("|---" * (3 + len(BASELINES)) + "|")
    for dataset in arguments.datasets:
        splits = glue_splits(dataset, arguments.seed)
        pairs = splits["train"][0].second is not None
        most = {} if dataset == "stsb" else majority(splits)
        found = {
            name: baseline(dataset, splits, features)
            for name, features in BASELINES.items()
            if pairs or name in ("words", "word pairs")
        }
        for split in (split for split in splits if split != "train"):
            cells = [f"{found[name][split]:.2f}" if name in found else "-" for name in BASELINES]
            start = f"{most[split]:.2f}" if split in most else "-"
            print(f"| {dataset} | {split} | {start} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
