"""Mean, deviation and Student-t intervals over seeds.

Seeds are few, so intervals are wide, and one seed has none: what cannot be estimated is None, never NaN.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from scipy import stats

#: Of every interval in the reports.
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """A two-sided confidence interval at level `CONFIDENCE`."""

    low: float
    high: float


@dataclass(frozen=True)
class Summary:
    """A sample over seeds.

    Attributes:
        n: Number of values.
        mean: Their mean.
        sd: Standard deviation with n - 1 in the denominator; None for n = 1.
        interval: Student-t interval of the mean, mean ± t(n-1) * sd / sqrt(n); None for n = 1.
    """

    n: int
    mean: float
    sd: float | None
    interval: Interval | None


def summarise(values: Sequence[float]) -> Summary:
    """Summarise one value a seed.

    Raises:
        ValueError: No value at all.
    """
    n = len(values)
    if n == 0:
        raise ValueError("a summary needs at least one value")
    mean = math.fsum(values) / n
    if n == 1:
        return Summary(n=1, mean=mean, sd=None, interval=None)
    sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1)) * sd / math.sqrt(n)
    return Summary(n=n, mean=mean, sd=sd, interval=Interval(mean - half, mean + half))


def paired_difference(left: Mapping[int, float], right: Mapping[int, float]) -> Summary | None:
    """Summarise left - right over the seeds both have; None if they share none.

    Pairing by seed removes what the seed does to both alike: order of the data and initialisation.

    Args:
        left: Seed -> value.
        right: Seed -> value.
    """
    common = sorted(left.keys() & right.keys())
    return summarise([left[seed] - right[seed] for seed in common]) if common else None
