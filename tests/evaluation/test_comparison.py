"""Two models on the same faces: Holm's correction, and claims that need interval and test."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from unmask.evaluation.comparison import (
    Comparison,
    Difference,
    adjust,
    compare,
    compare_auc,
    describe_difference,
    format_difference,
    format_p,
    holm,
    is_better,
    is_worse,
)
from unmask.evaluation.delong import compare_areas
from unmask.evaluation.mcnemar import mcnemar


def test_holm_by_hand():
    """0.01 x 4; 0.015 x 3; 0.03 x 2; 0.04 x 1 would be 0.04, but falls below none before it."""
    assert holm([0.03, 0.01, 0.04, 0.015]) == pytest.approx([0.06, 0.04, 0.06, 0.045])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == [] and holm([0.02]) == [0.02]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_keeps_the_order_and_lies_between_none_and_bonferroni(p_values):
    found = np.array(holm(p_values))
    given_values = np.array(p_values)
    assert (found >= given_values).all()
    assert (found <= np.minimum(given_values * len(given_values), 1) + 1e-15).all()
    order = np.argsort(given_values, kind="stable")
    assert (np.diff(found[order]) >= 0).all()


def test_a_comparison_holds_both_tests(synthetic):
    labels, a = synthetic(400, 2.0, 0)
    _, b = synthetic(400, 0.8, 1)
    found = compare(labels, a, b, None, thresholds=((0.5,), (0.4,)), resamples=200)
    right_a, right_b = (a >= 0.5) == labels, (b >= 0.4) == labels
    assert found.accuracy.value == pytest.approx(right_a.mean() - right_b.mean(), abs=1e-12)
    only_a, only_b = (right_a & ~right_b).sum(), (right_b & ~right_a).sum()
    assert found.accuracy.p == mcnemar(only_a, only_b)
    test = compare_areas(labels, a, b)
    assert (found.auc.value, found.auc.p) == pytest.approx((test.value, test.p), abs=1e-12)
    assert found.auc.low < found.auc.value < found.auc.high and not found.clustered
    assert found.auc == compare_auc(labels, a, b, None, resamples=200)
    half = 1.96 * test.error
    assert (found.auc.high - found.auc.low) / 2 == pytest.approx(half, rel=0.25)


def test_each_seed_has_its_own_threshold(synthetic):
    labels, scores = synthetic(100, 1.0, 0)
    shifted = np.clip(scores + 0.2, 0, 1)
    seeds = np.stack([scores, shifted])
    found = compare(labels, seeds, scores, None, thresholds=((0.5, 0.7), (0.5,)), resamples=50)
    assert found.accuracy.value == pytest.approx(0, abs=1e-12) and found.accuracy.p == 1.0


def test_groups_make_tests_and_intervals_careful(synthetic):
    labels, a = synthetic(200, 1.6, 0)
    _, b = synthetic(200, 1.0, 1)
    copies = [np.repeat(each, 5) for each in (labels, a, b)]
    groups = np.repeat(np.arange(200), 5)
    honest = compare(*copies, groups, resamples=200)
    naive = compare(*copies, None, resamples=200)
    once = compare(labels, a, b, None, resamples=200)
    assert honest.clustered and not naive.clustered
    assert once.auc.p < honest.auc.p < 1.5 * once.auc.p  # Student's p for 100 groups a class
    assert honest.accuracy.p == pytest.approx(once.accuracy.p, rel=1e-9)
    assert naive.auc.p < honest.auc.p / 5
    assert naive.auc.high - naive.auc.low < 0.6 * (honest.auc.high - honest.auc.low)


def test_one_fake_face_decides_nothing(synthetic):
    labels = np.array([0] * 9 + [1])
    a, b = np.linspace(0, 1, 10), np.linspace(1, 0, 10)
    assert compare(labels, a, b, None, resamples=20).auc.p == 1.0


def test_one_group_of_a_class_leaves_no_interval(synthetic):
    """However many faces it holds: drawn again, it is itself."""
    labels, a = synthetic(40, 3.0, 0)
    _, b = synthetic(40, 0.2, 1)
    groups = [f"person {number}" if label else "the clip" for number, label in enumerate(labels)]
    found = compare(labels, a, b, groups, resamples=50).auc
    assert (found.low, found.high, found.p) == (None, None, 1.0)
    assert not is_better(found) and not is_worse(found)
    assert format_difference(found) == f"{found.value:+.3f}"
    assert "no interval can be given" in describe_difference(found)
    assert compare(labels, a, b, None, resamples=50).auc.low is not None


def difference(low, high, p=None, adjusted=None):
    return Difference((low + high) / 2, low, high, 600, p, adjusted)


def test_a_claim_needs_the_interval_and_the_corrected_test():
    assert is_better(difference(0.01, 0.03)) and is_worse(difference(-0.03, -0.01))
    assert is_better(difference(0.01, 0.03, p=0.001, adjusted=0.01))
    assert not is_better(difference(0.01, 0.03, p=0.001, adjusted=0.06))
    assert not is_better(difference(-0.01, 0.03, p=0.001, adjusted=0.01))
    assert not is_worse(difference(-0.03, -0.01, p=0.2))
    assert not is_worse(difference(0.01, 0.03)) and not is_better(difference(-0.03, -0.01))


def test_holm_goes_over_the_whole_table():
    pairs = {"a": (0.01, 0.04), "b": (0.03, None)}
    table = {
        name: Comparison(difference(0.01, 0.02, first), difference(0.01, 0.02, second))
        for name, (first, second) in pairs.items()
    }
    found = adjust(table)
    assert list(found) == ["a", "b"]
    assert [found["a"].auc.adjusted, found["b"].auc.adjusted] == pytest.approx([0.03, 0.06])
    assert found["a"].accuracy.adjusted == pytest.approx(0.06)
    assert found["b"].accuracy.adjusted is None
    assert is_better(found["a"].auc) and not is_better(found["b"].auc)
    assert adjust({}) == {}


@pytest.mark.parametrize(
    ("given_difference", "sentence"),
    [
        (
            Difference(0.002, -0.010, 0.014, 600, 0.74),
            "The ensemble and its best member cannot be told apart on 600 faces "
            "(difference in AUC +0.002, interval -0.010 to +0.014, p 0.740).",
        ),
        (
            Difference(0.02, 0.010, 0.03, 1600),
            "The ensemble is better than its best member on 1,600 faces "
            "(difference in AUC +0.020, interval +0.010 to +0.030).",
        ),
        (
            Difference(-0.02, -0.030, -0.01, 600, 0.0001, 0.0004),
            "The ensemble is worse than its best member on 600 faces "
            "(difference in AUC -0.020, interval -0.030 to -0.010, p < 0.001).",
        ),
    ],
)
def test_the_sentence_says_what_interval_and_test_support(given_difference, sentence):
    assert describe_difference(given_difference) == sentence


def test_p_values_read_well():
    assert [format_p(p) for p in (None, 0.0, 0.00099, 0.0432, 1.0)] == [
        "–", "< 0.001", "< 0.001", "0.043", "1.000",
    ]  # fmt: skip


def test_an_interval_without_width_is_not_shown():
    assert format_difference(difference(-0.01, 0.03)) == "+0.010 [-0.010, +0.030]"
    assert format_difference(difference(0.5, 0.5)) == "+0.500"
