"""Shares of faces: Wilson for independent ones, fewer faces' worth for alike ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student
from unmask.evaluation.rates import mean_of, rates_of, share_of, wilson


def ends(interval):
    return interval.low, interval.high


def test_independent_faces_have_wilsons_interval():
    outcomes = np.array([1.0] * 37 + [0.0] * 13)
    found = share_of(outcomes, np.arange(50), 50)
    assert found.n_effective == 50
    assert ends(found.interval) == ends(wilson(37, 50))


def test_repeated_frames_are_worth_one():
    """Every clip's frames agree, so 200 frames are worth 20 clips, less what the estimate costs."""
    outcomes = np.repeat([1.0] * 14 + [0.0] * 6, 10)
    found = share_of(outcomes, np.repeat(np.arange(20), 10), 20)
    assert found.n_effective == pytest.approx(19)
    quantile = student.ppf(0.975, 19)
    assert ends(found.interval) == pytest.approx(ends(wilson(0.7 * 19, 19, quantile)))


def test_groups_without_likeness_cost_only_students_t():
    """Half of each clip is right: less variance than chance, but never more worth than n."""
    outcomes = np.tile([1.0, 0.0], 40)
    found = share_of(outcomes, np.repeat(np.arange(20), 4), 20)
    assert found.n_effective == pytest.approx(80)
    wider = wilson(40, 80, student.ppf(0.975, 19))
    assert ends(found.interval) == pytest.approx(ends(wider))


def test_all_right_counts_each_group_once():
    found = share_of(np.ones(30), np.repeat(np.arange(10), 3), 10)
    assert found.interval.high == 1.0
    assert found.interval.low == pytest.approx(wilson(10, 10, student.ppf(0.975, 9)).low)


def test_one_group_has_no_interval():
    found = share_of(np.array([1.0, 0.0, 1.0]), np.zeros(3, dtype=int), 1)
    assert found.interval.value == pytest.approx(2 / 3)
    assert ends(found.interval) == (None, None) and found.n_effective is None
    assert ends(mean_of(found, found)) == (None, None)


def test_seeds_that_err_on_different_faces_are_worth_more_faces():
    labels, units = np.zeros(100, dtype=int), np.arange(100)
    alike = np.zeros((2, 100), dtype=bool)
    alike[:, :10] = True
    apart = alike.copy()
    apart[1] = np.roll(apart[1], 10)
    first = rates_of(labels, alike, units, 100)["recall_real"]
    second = rates_of(labels, apart, units, 100)["recall_real"]
    assert first.n_effective == pytest.approx(100) and second.n_effective > 150
    assert ends(first.interval) == pytest.approx(ends(wilson(90, 100)))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.booleans(), st.integers(0, 6)), min_size=4))
def test_intervals_hold_their_value_and_stay_between_0_and_1(rows):
    labels, called, groups = (np.array(column) for column in zip(*rows, strict=True))
    units = np.unique(groups, return_inverse=True)[1]
    found = rates_of(labels, called[None], units, int(units.max()) + 1)
    intervals = [share.interval for share in found.values()]
    if len(found) == 3:
        intervals.append(mean_of(found["recall_fake"], found["recall_real"]))
    assert found["accuracy"].interval.value == pytest.approx(np.mean(labels == called), abs=1e-12)
    for each in intervals:
        if each.low is not None:
            assert -1e-12 <= each.low <= each.value + 1e-12
            assert each.value - 1e-12 <= each.high <= 1 + 1e-12


def test_mean_of_two_shares_by_hand():
    """Zou & Donner: half the root of the summed squares of both distances."""
    first = share_of(np.array([1.0] * 45 + [0.0] * 5), np.arange(50), 100)
    second = share_of(np.array([1.0] * 30 + [0.0] * 20), np.arange(50, 100), 100)
    found, ours, theirs = mean_of(first, second), wilson(45, 50), wilson(30, 50)
    assert found.value == pytest.approx(0.75)
    down = np.hypot(0.9 - ours.low, 0.6 - theirs.low) / 2
    up = np.hypot(ours.high - 0.9, theirs.high - 0.6) / 2
    assert ends(found) == pytest.approx((0.75 - down, 0.75 + up))


def test_likeness_within_groups_of_both_classes_counts():
    """A clip whose reals are called fake and whose fakes are too: the errors cancel."""
    labels = np.tile([0, 1], 40)
    called = np.repeat(np.arange(40) < 20, 2)[None]
    units = np.repeat(np.arange(40), 2)
    together = rates_of(labels, called, units, 40)
    balance = mean_of(together["recall_fake"], together["recall_real"])
    assert balance.value == 0.5 and balance.high - balance.low < 0.1
    few = rates_of(labels[:12], called[:, 16 : 16 + 12], units[:12], 6)
    unsure = mean_of(few["recall_fake"], few["recall_real"])
    assert unsure.value == 0.5 and unsure.high - unsure.low > 0.3  # six clips prove little
    apart = rates_of(labels, called, np.arange(80), 80)
    free = mean_of(apart["recall_fake"], apart["recall_real"])
    assert free.high - free.low > 0.2
