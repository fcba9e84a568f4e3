"""How many verdicts are right where fakes are rare: Bayes by hand, and ends that stay honest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unmask.evaluation.prevalence import PREVALENCES, predictive_values, prevalence_rows
from unmask.evaluation.rates import Interval, wilson


def test_bayes_by_hand():
    """Of 1,000 pictures 10 are fake: 8 found, and 99 of 990 reals accused."""
    ppv, npv = predictive_values(wilson(80, 100), wilson(90, 100), 0.01)
    assert ppv.value == pytest.approx(8 / (8 + 99))
    assert npv.value == pytest.approx(891 / (891 + 2))
    assert ppv.low < ppv.value < ppv.high and npv.low < npv.value < npv.high


def test_the_mix_of_the_set_itself_gives_its_precision():
    ppv, npv = predictive_values(wilson(60, 80), wilson(100, 120), 80 / 200)
    assert ppv.value == pytest.approx(60 / (60 + 20), abs=1e-12)
    assert npv.value == pytest.approx(100 / (100 + 20), abs=1e-12)


def test_no_false_alarm_seen_is_not_no_false_alarm():
    """Not one of 200 reals accused: at 1 fake in 1,000 most alarms may still be false."""
    ppv, _ = predictive_values(wilson(150, 200), wilson(200, 200), 0.001)
    assert ppv.value == 1.0 and ppv.high == 1.0 and ppv.low < 0.05


def test_a_verdict_never_given_has_no_worth():
    ppv, npv = predictive_values(wilson(0, 50), wilson(50, 50), 0.1)
    assert ppv is None and npv.value == pytest.approx(0.9)
    ppv, npv = predictive_values(wilson(50, 50), wilson(0, 50), 0.1)
    assert npv is None and ppv.value == pytest.approx(0.1)


def test_without_intervals_of_the_recalls_there_is_none():
    ppv, npv = predictive_values(Interval(0.5, None, None), wilson(9, 10), 0.5)
    assert ppv.value == pytest.approx(5 / 6)
    assert (ppv.low, ppv.high, npv.low, npv.high) == (None,) * 4


def test_ratio_of_shares_equals_the_published_formula():
    """Donner & Zou's ends of a ratio, written out as they stand in the paper."""
    alarms, hits = wilson(12, 150), wilson(90, 120)
    l1, u1, l2, u2 = alarms.low, alarms.high, hits.low, hits.high
    p1, p2 = alarms.value, hits.value

    def end(sign, a, b):
        root = np.sqrt((p1 * p2) ** 2 - a * b * (2 * p1 - a) * (2 * p2 - b))
        return (p1 * p2 + sign * root) / (b * (2 * p2 - b))

    least, most = end(-1, l1, u2), end(1, u1, l2)
    ppv, _ = predictive_values(hits, Interval(1 - p1, 1 - u1, 1 - l1), 0.1)
    assert ppv.low == pytest.approx(1 / (1 + 9 * most), abs=1e-12)
    assert ppv.high == pytest.approx(1 / (1 + 9 * least), abs=1e-12)


COUNTS = st.tuples(st.integers(1, 300), st.floats(0, 1)).map(lambda x: (round(x[0] * x[1]), x[0]))


@settings(max_examples=200, deadline=None)
@given(COUNTS, COUNTS)
def test_values_lie_in_their_intervals_and_fall_with_the_share_of_fakes(hits, passes):
    rows = prevalence_rows(wilson(*hits), wilson(*passes))
    assert [row["share"] for row in rows] == list(PREVALENCES)
    for key in ("ppv", "npv"):
        found = [row[key] for row in rows]
        if None in found:
            assert found == [None] * 4
            continue
        for each in found:
            assert 0 <= each["low"] <= each["value"] + 1e-12
            assert each["value"] - 1e-12 <= each["high"] <= 1
        values = [each["value"] for each in found]
        assert values == sorted(values, reverse=key == "ppv")
