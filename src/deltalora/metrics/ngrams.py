"""N-gram counts under the two conventions of mteval-13a in the E2E scorer: its Python port and the Perl original.

Both tokenise by the 13a rules (sacrebleu's `Tokenizer13a`) and fold case. They part in two places. The port folds all
of Unicode, Perl's `tr/A-Z/a-z/` only ASCII. An empty line is *one* empty token in the port, and no token in Perl.
"""

import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

#: NIST counts up to 5-grams and BLEU up to 4-grams, from the same counts.
MAX_ORDER = 5

Tokens = tuple[str, ...]
Tokenize = Callable[[str], Tokens]

_tokenize_13a: Callable[[str], str] = Tokenizer13a()  # type: ignore[no-untyped-call]  # sacrebleu leaves it untyped
_ASCII_FOLD = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def port_tokens(text: str) -> Tokens:
    """Lower-cased 13a tokens; an empty text gives one empty token. Same as pymteval.py@1b9c4d8."""
    return tuple(_tokenize_13a(text).lower().split(" "))


def perl_tokens(text: str) -> Tokens:
    """ASCII-lower-cased 13a tokens; an empty text gives none. Same as `tokenization` of mteval-v13a-sig.pl."""
    return tuple(_tokenize_13a(text).translate(_ASCII_FOLD).split())


def ngram_counts(tokens: Tokens) -> Counter[Tokens]:
    """How often each n-gram of order 1 to `MAX_ORDER` occurs."""
    counts: Counter[Tokens] = Counter()
    for n in range(1, MAX_ORDER + 1):
        counts.update(zip(*(tokens[i:] for i in range(n)), strict=False))
    return counts


def clipped_matches(counts: Counter[Tokens], limits: dict[Tokens, int]) -> dict[Tokens, int]:
    """The n-grams that a hypothesis shares with its references, each at most as often as in any one of them."""
    return {ngram: min(count, limits[ngram]) for ngram, count in counts.items() if ngram in limits}


@dataclass(frozen=True)
class SegmentReferences:
    """The references of one segment: the largest count of each n-gram in any of them, and the lengths in tokens."""

    limits: dict[Tokens, int]
    lengths: tuple[int, ...]


@dataclass(frozen=True)
class ReferenceCounts:
    """All references of a test set: segment by segment, and the total of each n-gram; the empty one counts words."""

    segments: tuple[SegmentReferences, ...]
    totals: Counter[Tokens]


def count_references(references: Sequence[Sequence[str]], tokenize: Tokenize) -> ReferenceCounts:
    """Counts the references, or finds the counts of the same references again (the last few sets are kept)."""
    return _count_references(tuple(map(tuple, references)), tokenize)


@lru_cache(maxsize=4)
def _count_references(references: tuple[tuple[str, ...], ...], tokenize: Tokenize) -> ReferenceCounts:
    totals: Counter[Tokens] = Counter()
    segments = []
    for block in references:
        limits: dict[Tokens, int] = {}
        lengths = []
        for text in block:
            tokens = tokenize(text)
            counts = ngram_counts(tokens)
            totals.update(counts)
            totals[()] += len(tokens)
            lengths.append(len(tokens))
            for ngram, count in counts.items():
                limits[ngram] = max(count, limits.get(ngram, 0))
        segments.append(SegmentReferences(limits, tuple(lengths)))
    return ReferenceCounts(tuple(segments), totals)
