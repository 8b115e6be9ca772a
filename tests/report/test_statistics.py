import math

import numpy as np
import pytest
import scipy
import scipy.integrate
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from deltalora.report.statistics import (
    ALPHA,
    POWER,
    holm,
    minimum_detectable_difference,
    paired_difference,
    paired_t_test,
    power_of_paired_t,
    probability_of_improvement,
    summarise,
)

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=8)


@pytest.mark.golden
def test_mean_deviation_and_interval_of_three_seeds_by_hand():
    # 68, 70, 72: mean 70, sd sqrt((4 + 0 + 4) / 2) = 2. t(0.975, 2) = 4.302653 from a printed table.
    found = summarise([68.0, 70.0, 72.0])
    assert (found.n, found.mean, found.sd) == (3, 70.0, 2.0)
    assert found.interval is not None
    half = 4.302653 * 2 / math.sqrt(3)
    assert found.interval.low == pytest.approx(70 - half, abs=1e-5)
    assert found.interval.high == pytest.approx(70 + half, abs=1e-5)


@pytest.mark.golden
def test_the_interval_of_two_seeds_uses_one_degree_of_freedom():
    # t(0.975, 1) = 12.7062; sd of 1 and 3 is sqrt(2), so the half width is 12.7062.
    found = summarise([1.0, 3.0])
    assert found.interval is not None
    assert found.interval.high - 2 == pytest.approx(12.7062, abs=1e-4)


def test_one_seed_has_neither_deviation_nor_interval():
    found = summarise([70.0])
    assert (found.n, found.mean, found.sd, found.interval) == (1, 70.0, None, None)


def test_no_seed_at_all_is_a_mistake_of_the_caller():
    with pytest.raises(ValueError, match="at least one"):
        summarise([])


def test_equal_seeds_have_an_interval_of_no_width():
    found = summarise([2.0, 2.0, 2.0])
    assert found.sd == 0
    assert found.interval is not None
    assert found.interval.low == found.interval.high == 2


@pytest.mark.property
@given(values=VALUES)
def test_nothing_is_ever_nan_and_the_interval_holds_the_mean(values):
    found = summarise(values)
    assert found.sd is not None
    assert found.interval is not None
    assert math.isfinite(found.sd)
    assert found.interval.low <= found.mean <= found.interval.high


@pytest.mark.golden
def test_a_paired_difference_uses_common_seeds_only_and_loses_what_seeds_share():
    # Differences on seeds 1, 2, 3: 1.0, 1.5, 2.0; mean 1.5, sd 0.5. Seed 9 has no partner.
    left = {1: 61.0, 2: 71.5, 3: 82.0, 9: 0.0}
    right = {3: 80.0, 2: 70.0, 1: 60.0}
    found = paired_difference(left, right)
    assert found is not None
    assert (found.n, found.mean, found.sd) == (3, 1.5, 0.5)
    assert found.interval is not None
    assert found.interval.low == pytest.approx(1.5 - 4.302653 * 0.5 / math.sqrt(3), abs=1e-5)


def test_without_a_common_seed_there_is_no_difference():
    assert paired_difference({1: 1.0}, {2: 1.0}) is None
    assert paired_difference({}, {}) is None


def test_one_common_seed_gives_a_difference_without_interval():
    found = paired_difference({1: 3.0, 2: 1.0}, {1: 1.0})
    assert found is not None
    assert (found.n, found.mean, found.interval) == (1, 2.0, None)


@pytest.mark.parity
def test_the_paired_t_test_is_scipys(fidelity):
    rng = np.random.default_rng(7)
    for n in (2, 3, 5, 10):
        left, right = rng.normal(60, 2, n), rng.normal(59, 2, n)
        ours = paired_t_test((left - right).tolist())
        theirs = scipy.stats.ttest_rel(left, right).pvalue
        fidelity.close("paired t test", f"scipy {scipy.__version__}", f"p, {n} seeds", ours, theirs, 1e-12)


@pytest.mark.golden
def test_the_paired_t_test_of_students_sleep_data_has_its_published_p():
    # Student (1908), additional hours of sleep under two drugs, ten patients: t = 4.0621, p = 0.00283 (R, ?sleep).
    first = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
    second = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
    assert paired_t_test([b - a for a, b in zip(first, second, strict=True)]) == pytest.approx(0.002833, abs=5e-7)


def test_one_seed_or_no_spread_is_no_test_and_detects_nothing():
    for differences in ([], [1.0], [2.0, 2.0], [0.0, 0.0, 0.0], [0.1 + 0.2, 0.3]):
        assert paired_t_test(differences) is None
        assert minimum_detectable_difference(differences) is None


@pytest.mark.property
@given(values=VALUES, shift=st.floats(0.1, 100))
def test_the_t_test_finds_a_difference_exactly_where_the_interval_leaves_out_zero(values, shift):
    differences = [value / 1e6 + shift for value in values]
    interval, p = summarise(differences).interval, paired_t_test(differences)
    if p is None or interval is None or abs(p - ALPHA) < 1e-6:
        return
    assert (p < ALPHA) == (interval.low > 0 or interval.high < 0)


def test_improvement_counts_seeds_ties_half_and_knows_which_way_is_better():
    differences = [1.0, 0.0, -2.0, 3.0]
    assert probability_of_improvement(differences, higher_is_better=True) == (2 + 0.5) / 4
    assert probability_of_improvement(differences, higher_is_better=False) == (1 + 0.5) / 4
    assert probability_of_improvement([], higher_is_better=True) is None


@pytest.mark.golden
def test_holms_adjustment_of_a_worked_example():
    # By hand, m = 4: 4 * 0.01, 3 * 0.013, 2 * 0.03, 1 * 0.04, each at least the one before. The middle two show the
    # step down: 3 * 0.013 = 0.039 is below 0.04, and 0.04 below 2 * 0.03.
    assert holm([0.03, 0.01, 0.04, 0.013]) == pytest.approx([0.06, 0.04, 0.06, 0.04])


@pytest.mark.golden
def test_holms_adjusted_values_never_fall_and_never_exceed_one():
    # By hand: 5 * 0.01, 4 * 0.02, 3 * 0.03 = 0.09; then 2 * 0.04 and 0.05 would be less.
    assert holm([0.01, 0.02, 0.03, 0.04, 0.05]) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.property
@given(p=st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_what_the_step_down_procedure_rejects(p):
    # Holm (1979), read off the paper: go up the ordered p values while p_(k) <= alpha / (m - k + 1).
    for alpha in (0.01, 0.05, 0.3):
        rejected: set[int] = set()
        for k, place in enumerate(sorted(range(len(p)), key=p.__getitem__)):
            if p[place] > alpha / (len(p) - k):
                break
            rejected.add(place)
        slack = 1e-12  # (m - k) * p and alpha / (m - k) round differently
        assert {place for place, one in enumerate(holm(p)) if one <= alpha - slack} <= rejected
        assert rejected <= {place for place, one in enumerate(holm(p)) if one <= alpha + slack}


@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_the_t_test_finds_the_minimum_detectable_difference_four_times_in_five(n):
    rng = np.random.default_rng(n)
    pattern = rng.normal(size=n)
    detectable = minimum_detectable_difference(pattern.tolist())
    assert detectable is not None
    sd, trials = pattern.std(ddof=1), 40_000
    drawn = rng.normal(detectable, sd, (trials, n))
    t = drawn.mean(axis=1) / (drawn.std(axis=1, ddof=1) / math.sqrt(n))
    found = (np.abs(t) > scipy.stats.t.ppf(1 - ALPHA / 2, n - 1)).mean()
    assert found == pytest.approx(POWER, abs=4 * math.sqrt(POWER * (1 - POWER) / trials))


@pytest.mark.parity
def test_the_power_of_the_t_test_is_the_integral_over_the_deviation(fidelity):
    # P(|T| > c) = E over s ~ chi(n-1)/sqrt(n-1) of Phi(delta - c s) + Phi(-delta - c s): no noncentral t in it.
    for n, delta in [(2, 16.3), (2, 8.0), (3, 5.65), (5, 3.76), (10, 0.0)]:
        c, chi, normal = scipy.stats.t.ppf(1 - ALPHA / 2, n - 1), scipy.stats.chi(n - 1), scipy.stats.norm

        def inside(s, n=n, delta=delta, c=c, chi=chi, normal=normal):
            scaled = c * s / math.sqrt(n - 1)
            return chi.pdf(s) * (normal.cdf(delta - scaled) + normal.cdf(-delta - scaled))

        theirs = scipy.integrate.quad(inside, 0, 40, limit=400)[0]
        fidelity.close(
            "power of paired t", "its integral", f"{n} seeds, {delta}", power_of_paired_t(delta, n), theirs, 1e-7
        )


@pytest.mark.property
def test_under_no_difference_p_values_are_uniform_and_intervals_hold_zero_as_often_as_they_say():
    rng = np.random.default_rng(11)
    for n in (2, 3, 5):
        drawn = rng.normal(0, 3, (2000, n)).tolist()
        p = [paired_t_test(one) for one in drawn]
        assert scipy.stats.kstest(p, "uniform").pvalue > 0.001
        inside = sum(found.low <= 0 <= found.high for one in drawn if (found := summarise(one).interval))
        assert inside / len(drawn) == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / len(drawn)))
