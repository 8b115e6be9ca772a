"""Whether the intervals cover and the p values are honest: many test sets drawn from known distributions."""

from collections.abc import Callable

import numpy as np
import pytest
import scipy.stats
from sacrebleu.significance import _compute_p_value

from deltalora.metrics import Statistics, bootstrap_interval, bootstrap_values, paired_bootstrap
from deltalora.metrics.ter_tercom import TerTercom

METRIC = TerTercom()
SETS = 400
SEGMENTS = 100
#: Edits and lengths below are so drawn that E[edits] / E[length] is this; the mean of the rates is another number.
TRUTH = 0.3


def draw(rng: np.random.Generator) -> tuple[Statistics, Statistics]:
    """Two equally good systems on one test set: (edits, length), with edits that a hard segment raises for both."""
    lengths = rng.integers(5, 30, size=SEGMENTS).astype(np.float64)
    hardness = rng.gamma(2.0, 0.5, size=SEGMENTS)
    left, right = rng.poisson(TRUTH * lengths * hardness, size=(2, SEGMENTS)).astype(np.float64)
    return np.stack([left, lengths], axis=1), np.stack([right, lengths], axis=1)


def sets() -> list[tuple[Statistics, Statistics]]:
    rng = np.random.default_rng(2024)
    return [draw(rng) for _ in range(SETS)]


def band(share: float) -> tuple[float, float]:
    """Where a binomial share of all sets lies but once in a thousand."""
    low, high = scipy.stats.binom.ppf([0.0005, 0.9995], SETS, share) / SETS
    return float(low), float(high)


@pytest.mark.property
@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_the_interval_holds_the_true_value_as_often_as_it_says(confidence: float) -> None:
    held = 0
    for seed, (statistics, _) in enumerate(sets()):
        interval = bootstrap_interval(METRIC, statistics, 400, confidence, seed)
        held += interval.low <= TRUTH <= interval.high
    low, high = band(confidence)
    assert low <= held / SETS <= high


def is_honest(p_values: list[float]) -> bool:
    """Whether p values under the null are about uniform: at two levels, and as a whole."""
    found = np.array(p_values)
    shares = [(level, (found <= level).mean()) for level in (0.05, 0.5)]
    within = all(band(level)[0] <= share <= band(level)[1] for level, share in shares)
    return within and bool(scipy.stats.kstest(found, "uniform").pvalue > 0.001)


Test = Callable[[Statistics, Statistics, int], float]


def paired(left: Statistics, right: Statistics, seed: int) -> float:
    return paired_bootstrap(METRIC, left, right, 400, seed=seed).p_value


@pytest.mark.property
def test_p_values_of_equally_good_systems_are_about_uniform() -> None:
    assert is_honest([paired(left, right, seed) for seed, (left, right) in enumerate(sets())])


def unpaired(left: Statistics, right: Statistics, seed: int) -> float:
    """The fault: each system on resamples of its own."""
    differences = bootstrap_values(METRIC, left, 400, seed) - bootstrap_values(METRIC, right, 400, seed + SETS)
    return min(1.0, 2 * (1 + min((differences <= 0).sum(), (differences >= 0).sum())) / 401)


def one_sided(left: Statistics, right: Statistics, seed: int) -> float:
    """The fault: the tail of the better system, not doubled."""
    return paired(left, right, seed) / 2


def next_line(left: Statistics, right: Statistics, seed: int) -> float:
    """The fault: the right system one line off."""
    return paired(left, np.roll(right, 1, axis=0), seed)


@pytest.mark.property
@pytest.mark.parametrize("fault", [unpaired, one_sided])
def test_the_check_of_p_values_finds_a_faulty_test(fault: Test) -> None:
    assert not is_honest([fault(left, right, seed) for seed, (left, right) in enumerate(sets())])


@pytest.mark.property
def test_a_pair_one_line_off_has_lost_its_power() -> None:
    # Of a system with a sixth more edits; an unpaired comparison sees the hard segments of two lines as noise.
    found = {"paired": 0, "one line off": 0}
    for seed, (left, right) in enumerate(sets()[:150]):
        worse = right + np.random.default_rng(seed).poisson(0.05 * right[:, 1])[:, None] * [1.0, 0.0]
        found["paired"] += paired(worse, left, seed) <= 0.05
        found["one line off"] += next_line(worse, left, seed) <= 0.05
    assert found["paired"] > 1.5 * found["one line off"]


@pytest.mark.property
def test_sacrebleus_bootstrap_p_finds_a_difference_between_equal_systems_twice_as_often_as_it_says() -> None:
    found = []
    for seed, (left, right) in enumerate(sets()):
        differences = np.abs(bootstrap_values(METRIC, left, 400, seed) - bootstrap_values(METRIC, right, 400, seed))
        real = abs(METRIC.aggregate(left) - METRIC.aggregate(right))
        found.append(_compute_p_value(differences - differences.mean(), real))
    share = float((np.array(found) <= 0.05).mean())
    assert share > band(0.05)[1]
    low, high = band(0.1)
    assert low <= share <= high
