import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deltalora.report import paired_difference, summarise

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
