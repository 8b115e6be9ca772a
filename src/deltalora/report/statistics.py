"""What seeds tell: mean, deviation, Student-t interval and test, share of seeds ahead, and what they could have told.

Seeds are few, so intervals are wide, and one seed has none: what cannot be estimated is None, never NaN. Values are one
per seed, in the table's unit; the test and the interval take the differences of paired seeds (left - right) for
independent draws of one normal distribution, which a handful of seeds can neither show nor refute. What every number
means is in docs/statistics.md.
"""

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

# Student's t straight from the special functions: `scipy.stats` is the same numbers and takes a second to import.
from scipy import special

#: Of every interval in the reports.
CONFIDENCE = 0.95
#: Of every test, before Holm's correction.
ALPHA = round(1 - CONFIDENCE, 12)
#: With which the minimum detectable difference would be found.
POWER = 0.8
#: Differences that agree to the last digits have no spread; relative to the larger of 1 and their size.
_ROUNDING = 1e-12

#: Why there is no test: of one seed, or where every seed shows the same difference.
NOT_ENOUGH_SEEDS = "not enough seeds"
NO_SPREAD = "no spread over seeds"


@dataclass(frozen=True)
class Interval:
    """A two-sided confidence interval at level `CONFIDENCE`."""

    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """A sample over seeds; of one value there is neither deviation nor interval."""

    n: int
    mean: float
    sd: float | None  #: standard deviation with n - 1 in the denominator
    interval: Interval | None  #: Student-t interval of the mean, mean ± t(n-1) * sd / sqrt(n)


@dataclass(frozen=True)
class SeedEvidence:
    """What paired seeds say of one difference. With fewer than two seeds there is only n and a note."""

    n: int  #: seeds both sides have
    p_value: float | None = None  #: two-sided paired t test; None without spread over the seeds
    p_holm: float | None = None  #: adjusted within its `Family`
    probability_of_improvement: float | None = None  #: share of the seeds in which the left side is better, ties half
    minimum_detectable: float | None = None  #: above 0, what as many seeds would find with power 0.8; or None likewise
    note: str = ""  #: why there is no p value


def summarise(values: Sequence[float]) -> Summary:
    """Summarise one value per seed; a `ValueError` if there is none."""
    n = len(values)
    if n == 0:
        raise ValueError("a summary needs at least one value")
    mean = math.fsum(values) / n
    if n == 1:
        return Summary(n=1, mean=mean, sd=None, interval=None)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(special.stdtrit(n - 1, (1 + CONFIDENCE) / 2)) * sd / math.sqrt(n)
    return Summary(n=n, mean=mean, sd=sd, interval=Interval(mean - half, mean + half))


def paired_difference(left: Mapping[int, float], right: Mapping[int, float]) -> Summary | None:
    """Summarise left - right (seed -> value) over the seeds both have; None if they share none.

    Pairing by seed removes what the seed does to both alike: order of the data and initialisation.
    """
    common = sorted(left.keys() & right.keys())
    return summarise([left[seed] - right[seed] for seed in common]) if common else None


def seed_evidence(
    left: Mapping[int, float], right: Mapping[int, float], *, higher_is_better: bool
) -> SeedEvidence | None:
    """What the seeds both sides have say of left - right, before any correction; None if they share none."""
    differences = [left[seed] - right[seed] for seed in sorted(left.keys() & right.keys())]
    if len(differences) < 2:
        return SeedEvidence(1, note=NOT_ENOUGH_SEEDS) if differences else None
    p_value = paired_t_test(differences)
    return SeedEvidence(
        n=len(differences),
        p_value=p_value,
        probability_of_improvement=probability_of_improvement(differences, higher_is_better=higher_is_better),
        minimum_detectable=minimum_detectable_difference(differences),
        note=NO_SPREAD if p_value is None else "",
    )


def paired_t_test(differences: Sequence[float]) -> float | None:
    """The two-sided p value of Student's paired t test, t = mean / (sd / sqrt(n)) with n - 1 degrees of freedom.

    Same as scipy's `ttest_rel`, but for differences without spread, where scipy gives NaN or 0: that two seeds
    differ by the same rounded number is no proof beyond all doubt, so there is no test (None), as of one seed.
    """
    spread = _spread(differences)
    if spread is None:
        return None
    n = len(differences)
    t = math.fsum(differences) / n / (spread / math.sqrt(n))
    return float(2 * special.stdtr(n - 1, -abs(t)))


def probability_of_improvement(differences: Sequence[float], *, higher_is_better: bool) -> float | None:
    """The share of paired seeds in which the left side is better; ties count half. None without a seed.

    As rliable's `probability_of_improvement` (Agarwal et al., 2021), but of pairs of one seed where rliable compares
    every run of one side with every run of the other: our runs share data order and initialisation by seed, and what
    they share would blur a comparison across seeds. Of n seeds it moves in steps of 1 / (2n).
    """
    if not differences:
        return None
    signed = differences if higher_is_better else [-one for one in differences]
    return math.fsum(1.0 if one > 0 else 0.5 if one == 0 else 0.0 for one in signed) / len(signed)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment (Holm, 1979) of one family, in any order, adjusted values in the same order.

    It keeps the chance of any false finding in the family at alpha, whatever the tests have in common, as columns of
    one run do. With the p values ascending, adjusted_i = max over j <= i of min(1, (m - j + 1) * p_j). Same as R's
    `p.adjust(method="holm")`.
    """
    m = len(p_values)
    adjusted, least = [1.0] * m, 0.0
    for rank, place in enumerate(sorted(range(m), key=lambda one: p_values[one])):
        least = max(least, min(1.0, (m - rank) * p_values[place]))
        adjusted[place] = least
    return adjusted


def minimum_detectable_difference(differences: Sequence[float]) -> float | None:
    """The true difference, above 0, that the paired t test of as many seeds would find with `POWER` at `ALPHA`.

    delta with P(|T| > t(1 - alpha/2, n-1)) = power, T noncentral t with n - 1 degrees of freedom and noncentrality
    delta * sqrt(n) / sd. The deviation is the one observed, itself a rough estimate of few seeds; and Holm's correction
    asks for more than this. None with fewer than two differences, or where they are all the same.
    """
    spread = _spread(differences)
    return None if spread is None else _noncentrality(len(differences)) * spread / math.sqrt(len(differences))


def power_of_paired_t(noncentrality: float, n: int) -> float:
    """The chance that the two-sided paired t test of n >= 2 seeds finds a true difference at `ALPHA`.

    The noncentrality is the true difference times sqrt(n), over the true deviation of the differences.
    """
    critical = float(special.stdtrit(n - 1, 1 - ALPHA / 2))
    above = 1 - special.nctdtr(n - 1, noncentrality, critical)
    # The lower tail by symmetry; NaN where it is too far below the centre to be told from nothing.
    below = 1 - special.nctdtr(n - 1, -noncentrality, critical)
    return float(above if math.isnan(below) else above + below)


@lru_cache(maxsize=256)
def _noncentrality(n: int) -> float:
    """At which the power is `POWER`: 16.3 for two seeds, 5.7 for three, toward 2.80 for many."""
    # The power grows with it: a binary search in steps of 1e-10, between 1 and 30.
    steps = range(10**10, 30 * 10**10)
    return steps[bisect_left(steps, POWER, key=lambda one: power_of_paired_t(one / 10**10, n))] / 10**10


def _spread(differences: Sequence[float]) -> float | None:
    """The deviation of differences; None where they have none, but for the last digits."""
    sd = summarise(differences).sd if differences else None
    return sd if sd is not None and sd > _ROUNDING * max(1.0, *map(abs, differences)) else None
