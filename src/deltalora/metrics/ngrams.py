"""N-gram counts as the E2E scorer makes them, in its two forms: a Python port (`-p`) and the Perl original.

Both tokenise by the 13a rules (sacrebleu's `Tokenizer13a`) and fold case. They differ in three places:

            capitals that are folded    an empty text      n-grams in L tokens
    port    all of Unicode              one empty token    L - n + 1, even where that is negative
    Perl    ASCII (`tr/A-Z/a-z/`)       no token           max(L - n + 1, 0)
"""

import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version

from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

#: NIST counts up to 5-grams and BLEU up to 4-grams, from the same counts.
MAX_ORDER = 5

Tokens = tuple[str, ...]

_tokenize_13a: Callable[[str], str] = Tokenizer13a()  # type: ignore[no-untyped-call]  # sacrebleu leaves it untyped
_ASCII_FOLD = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


def port_tokens(text: str) -> Tokens:
    """Return lower-cased 13a tokens; an empty text gives one empty token. Same as pymteval.py@1b9c4d8."""
    return tuple(_tokenize_13a(text).lower().split(" "))


def perl_tokens(text: str) -> Tokens:
    """Return ASCII-lower-cased 13a tokens; an empty text gives none. Same as `tokenization` of mteval-v13a-sig.pl."""
    return tuple(_tokenize_13a(text).translate(_ASCII_FOLD).split())


@dataclass(frozen=True)
class Convention:
    """One of the scorer's two forms.

    Attributes:
        tokenize: Text -> tokens.
        fewest: The smallest number of n-grams that a text may have.
        case: For signatures.
        implementation: For signatures; the tokeniser is a library's, so its version counts.
    """

    tokenize: Callable[[str], Tokens]
    fewest: float
    case: str
    implementation: str

    def numbers(self, length: int, order: int) -> list[float]:
        """Return how many n-grams of order 1 to `order` a text of so many tokens has."""
        return [max(length - n, self.fewest) for n in range(order)]


PORT = Convention(port_tokens, float("-inf"), "lc", f"pymteval-1b9c4d8+sacrebleu-{version('sacrebleu')}")
PERL = Convention(perl_tokens, 0, "lc-ascii", f"mteval-v13a-sig+sacrebleu-{version('sacrebleu')}")


def ngram_counts(tokens: Tokens) -> Counter[Tokens]:
    """Count each n-gram of order 1 to `MAX_ORDER`."""
    counts: Counter[Tokens] = Counter()
    for n in range(1, MAX_ORDER + 1):
        counts.update(zip(*(tokens[i:] for i in range(n)), strict=False))
    return counts


def clipped_matches(tokens: Tokens, limits: dict[Tokens, int]) -> dict[Tokens, int]:
    """Return the n-grams that a hypothesis shares with its references, each at most as often as in any one of them."""
    return {ngram: min(count, limits[ngram]) for ngram, count in ngram_counts(tokens).items() if ngram in limits}


@dataclass(frozen=True)
class SegmentReferences:
    """The references of one segment: the largest count of each n-gram in any of them, and the lengths in tokens."""

    limits: dict[Tokens, int]
    lengths: tuple[int, ...]


@dataclass(frozen=True)
class ReferenceCounts:
    """All references of a test set, by segment, and the total of each n-gram; the empty n-gram counts words."""

    segments: tuple[SegmentReferences, ...]
    totals: Counter[Tokens]


def count_references(references: Sequence[Sequence[str]], convention: Convention) -> ReferenceCounts:
    """Count the references; the counts of the last few sets are kept."""
    return _count_references(tuple(map(tuple, references)), convention)


@lru_cache(maxsize=4)
def _count_references(references: tuple[tuple[str, ...], ...], convention: Convention) -> ReferenceCounts:
    totals: Counter[Tokens] = Counter()
    segments = []
    for block in references:
        limits: dict[Tokens, int] = {}
        lengths = []
        for text in block:
            tokens = convention.tokenize(text)
            counts = ngram_counts(tokens)
            totals.update(counts)
            totals[()] += len(tokens)
            lengths.append(len(tokens))
            for ngram, count in counts.items():
                limits[ngram] = max(count, limits.get(ngram, 0))
        segments.append(SegmentReferences(limits, tuple(lengths)))
    return ReferenceCounts(tuple(segments), totals)
