"""BLEU and NIST in the two forms that the E2E scorer prints: its Python port (`-p`) and the Perl original.

Both tokenise by the 13a rules (sacrebleu's `Tokenizer13a`) and fold case; on ordinary outputs their BLEU agrees:

                                    port                             Perl
    capitals that are folded        all of Unicode                   ASCII (`tr/A-Z/a-z/`)
    an empty text                   one empty token                  no token
    n-grams in L tokens             L - n + 1, even if negative      max(L - n + 1, 0)
    BLEU: orders without a match    count nearly 0                   count a half, a quarter, ... match
    NIST: reference length          Σ_segments mean length           Σ all lengths / mean references per segment
"""

import math
import string
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

from deltalora.metrics.base import AdditiveMetric, References, Statistics, TextMetric, Texts, Values, divide

Tokens = tuple[str, ...]

_BLEU_ORDER, _NIST_ORDER = 4, 5
#: The port's floors: an order without a match, or any n-gram, keeps the logarithm finite and the score near zero.
_MIN_MATCHES, _MIN_TOTAL = 1e-15, 1e-9
_BETA = math.log(2.0) / math.log(1.5) ** 2
_ASCII_FOLD = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_tokenize_13a: Callable[[str], str] = Tokenizer13a()  # type: ignore[no-untyped-call]  # sacrebleu leaves it untyped


def port_tokens(text: str) -> Tokens:
    """Return lower-cased 13a tokens; an empty text gives one empty token. Same as pymteval.py@1b9c4d8."""
    return tuple(_tokenize_13a(text).lower().split(" "))


def perl_tokens(text: str) -> Tokens:
    """Return ASCII-lower-cased 13a tokens; an empty text gives none. Same as `tokenization` of mteval-v13a-sig.pl."""
    return tuple(_tokenize_13a(text).translate(_ASCII_FOLD).split())


class Form(NamedTuple):
    """One of the scorer's two forms, with its case and implementation as signatures name them."""

    tokenize: Callable[[str], Tokens]
    #: The smallest number of n-grams that a text may have.
    fewest: float
    case: str
    implementation: str

    def numbers(self, length: int, order: int) -> list[float]:
        """Return how many n-grams of order 1 to `order` a text of so many tokens has."""
        return [max(length - n, self.fewest) for n in range(order)]


PORT = Form(port_tokens, float("-inf"), "lc", f"pymteval-1b9c4d8+sacrebleu-{version('sacrebleu')}")
PERL = Form(perl_tokens, 0, "lc-ascii", f"mteval-v13a-sig+sacrebleu-{version('sacrebleu')}")


class ReferenceCounts(NamedTuple):
    """What the references of a test set hold."""

    #: For each segment the largest count of each n-gram in any of its references, and their lengths in tokens.
    segments: list[tuple[Counter[Tokens], list[int]]]
    #: The total of each n-gram in all of them; the empty n-gram counts words.
    totals: Counter[Tokens]


@lru_cache(maxsize=4)
def count_references(references: tuple[tuple[str, ...], ...], form: Form) -> ReferenceCounts:
    """Count the references; the counts of the last few sets are kept."""
    totals: Counter[Tokens] = Counter()
    segments = []
    for block in references:
        texts = [form.tokenize(text) for text in block]
        limits: Counter[Tokens] = Counter()
        for counts in map(_ngram_counts, texts):
            totals.update(counts)
            limits |= counts  # the larger of the two
        lengths = [len(tokens) for tokens in texts]
        totals[()] += sum(lengths)
        segments.append((limits, lengths))
    return ReferenceCounts(segments, totals)


def _ngram_counts(tokens: Tokens) -> Counter[Tokens]:
    counts: Counter[Tokens] = Counter()
    for n in range(1, _NIST_ORDER + 1):
        counts.update(zip(*(tokens[i:] for i in range(n)), strict=False))
    return counts


class Bleu(TextMetric, AdditiveMetric):
    """BLEU as `measure_scores.py -p` prints it, the form this suite reports.

    BLEU = BP · exp(¼ Σ_n log(matches_n / total_n)), n = 1..4, with BP = exp(min(0, 1 - ref_length / length)). Matches
    are clipped at the largest count in any one reference; the reference length is that closest to the hypothesis, the
    shorter on a tie.

    Statistics (n, 9): matches of orders 1-4, totals of orders 1-4, closest reference length.

    Same as `BLEUScore` of tuetschek/e2e-metrics@1b9c4d8. On ordinary text it equals sacrebleu's
    `corpus_bleu(lowercase=True, tokenize="13a", smooth_method="none", force=True)` to 4 decimals, whose tokeniser it
    uses; sacrebleu's own default keeps case and is another number.
    """

    name = "BLEU"
    _form = PORT
    _smoothing = "none"

    @property
    def settings(self) -> str:
        """Case, tokeniser, smoothing, order, length rule and implementation."""
        form, smoothing = self._form, self._smoothing
        return f"case:{form.case}|tok:13a|smooth:{smoothing}|n:{_BLEU_ORDER}|len:closest|impl:{form.implementation}"

    def segment_statistics(self, hypotheses: Texts, references: References, ids: Texts) -> Statistics:
        """Return statistics (n, 9)."""
        counted = count_references(tuple(map(tuple, references)), self._form)
        rows = np.zeros((len(hypotheses), 2 * _BLEU_ORDER + 1))
        for row, text, (limits, lengths) in zip(rows, hypotheses, counted.segments, strict=True):
            tokens = self._form.tokenize(text)
            for ngram, count in (_ngram_counts(tokens) & limits).items():
                if len(ngram) <= _BLEU_ORDER:
                    row[len(ngram) - 1] += count
            row[_BLEU_ORDER:-1] = self._form.numbers(len(tokens), _BLEU_ORDER)
            row[-1] = _closest(len(tokens), lengths)
        return rows

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """Return BLEU of summed rows, from 0 to 1."""
        matches, totals, reference_length = sums[:, :_BLEU_ORDER], sums[:, _BLEU_ORDER:-1], sums[:, -1]
        precisions = np.maximum(matches, _MIN_MATCHES) / np.maximum(totals, _MIN_TOTAL)
        log_brevity = np.minimum(0.0, 1.0 - reference_length / totals[:, 0])
        values: Values = np.exp(log_brevity) * np.exp(np.log(precisions).mean(axis=1))
        return values


class BleuMteval(Bleu):
    """BLEU as mteval-v13a-sig.pl prints it, what the E2E scorer gives by default.

    The formula and the statistics are those of `Bleu`. The k-th order that has n-grams and no match counts 2^-k
    matches, an order without any n-gram has precision 1, and outputs without any token score 0.

    Same as `measure_scores.py` without `-p` (tuetschek/e2e-metrics@1b9c4d8), with no Perl.
    """

    name = "BLEU-mteval"
    _form = PERL
    _smoothing = "exp"

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """Return BLEU of summed rows, from 0 to 1."""
        matches, totals, reference_length = sums[:, :_BLEU_ORDER], sums[:, _BLEU_ORDER:-1], sums[:, -1]
        unmatched = (matches == 0) & (totals > 0)
        smoothed = np.where(unmatched, 0.5 ** unmatched.cumsum(axis=1), matches)
        brevity = np.exp(np.minimum(0.0, 1.0 - divide(reference_length, totals[:, 0], otherwise=np.inf)))
        values: Values = brevity * np.exp(np.log(divide(smoothed, totals, otherwise=1.0)).mean(axis=1))
        return values


def _closest(length: int, references: Sequence[int]) -> int:
    return min(references, key=lambda reference: (abs(reference - length), reference))


class Nist(TextMetric, AdditiveMetric):
    """NIST as `measure_scores.py -p` prints it, the form this suite reports.

    NIST-5 = Σ_n (Σ information of the matched n-grams / number of n-grams) · exp(-β ln²(min(1, length / reference
    length))), n = 1..5, with β = ln 2 / ln² 1.5: the penalty is one half at two thirds of the length. The information
    log2(count(w_1..w_{n-1}) / count(w_1..w_n)) is counted over *all* references of the test set, so that these weights
    stay fixed when rows are resampled.

    Statistics (n, 11): information matched in orders 1-5, n-grams of orders 1-5, mean reference length.

    Same as `NISTScore` of tuetschek/e2e-metrics@1b9c4d8, except that an order without any n-gram contributes 0; the
    port divides by zero there. nltk's `corpus_nist` takes one best reference per order and that reference's length.
    """

    name = "NIST"
    _form = PORT
    _length_rule = "segment-mean"

    @property
    def settings(self) -> str:
        """Case, tokeniser, order, length rule and implementation."""
        form, rule = self._form, self._length_rule
        return f"case:{form.case}|tok:13a|n:{_NIST_ORDER}|len:{rule}|info:references|impl:{form.implementation}"

    def segment_statistics(self, hypotheses: Texts, references: References, ids: Texts) -> Statistics:
        """Return the statistics that the class describes."""
        counted = count_references(tuple(map(tuple, references)), self._form)
        rows = []
        for text, (limits, lengths) in zip(hypotheses, counted.segments, strict=True):
            tokens = self._form.tokenize(text)
            information = [0.0] * _NIST_ORDER
            for ngram, count in (_ngram_counts(tokens) & limits).items():
                information[len(ngram) - 1] += count * self._information(ngram, counted)
            rows.append([*information, *self._form.numbers(len(tokens), _NIST_ORDER), *self._lengths(lengths)])
        return np.array(rows, dtype=np.float64)

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """Return NIST of summed rows, in bits, from 0 upward."""
        information, totals, reference_length = sums[:, :_NIST_ORDER], sums[:, _NIST_ORDER:-1], sums[:, -1]
        return _nist(information, totals, totals[:, 0] / reference_length)

    def _information(self, ngram: Tokens, counted: ReferenceCounts) -> float:
        return math.log2(counted.totals[ngram[:-1]] / counted.totals[ngram])

    def _lengths(self, lengths: Sequence[int]) -> list[float]:
        return [float(np.mean(lengths))]


class NistMteval(Nist):
    """NIST as mteval-v13a-sig.pl prints it, the form in the E2E challenge's published tables.

    Statistics (n, 12): information matched in orders 1-5, n-grams of orders 1-5, tokens in all references, number of
    references.

    Same as `measure_scores.py` without `-p` (tuetschek/e2e-metrics@1b9c4d8), with no Perl.
    """

    name = "NIST-mteval"
    _form = PERL
    _length_rule = "corpus-mean"

    def value_of_sums(self, sums: Statistics, numbers: Values) -> Values:
        """Return NIST of summed rows, in bits, from 0 upward."""
        information, totals = sums[:, :_NIST_ORDER], sums[:, _NIST_ORDER:-2]
        reference_tokens, mean_references = sums[:, -2], sums[:, -1] / numbers
        return _nist(information, totals, totals[:, 0] * mean_references / reference_tokens)

    def _information(self, ngram: Tokens, counted: ReferenceCounts) -> float:
        # The script tests whether there is a prefix by its truth value, and in Perl the text "0" is false.
        prefix = () if ngram[:-1] == ("0",) else ngram[:-1]
        return math.log2(counted.totals[prefix] / counted.totals[ngram])

    def _lengths(self, lengths: Sequence[int]) -> list[float]:
        return [sum(lengths), len(lengths)]


def _nist(information: Statistics, totals: Statistics, ratios: Values) -> Values:
    logarithms = np.log(np.minimum(1.0, ratios), out=np.full_like(ratios, -np.inf), where=ratios > 0)
    values: Values = divide(information, totals).sum(axis=1) * np.exp(-_BETA * logarithms**2)
    return values
