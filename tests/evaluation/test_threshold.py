"""The threshold: exact on small sets, never above the promised false positive rate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score
from unmask.errors import DataError, UsageError
from unmask.evaluation.threshold import ONE_IN, choose_threshold

LABELS = st.lists(st.integers(0, 1), min_size=2, max_size=60).filter(lambda x: 0 < sum(x) < len(x))


def test_separated_classes_are_cut_half_way():
    assert choose_threshold([0, 0, 1, 1], [0.1, 0.2, 0.6, 0.9]) == pytest.approx(0.4)


def test_equal_scores_are_never_split():
    labels, scores = [0, 1, 1, 0, 1], [0.3, 0.3, 0.3, 0.1, 0.8]
    assert choose_threshold(labels, scores) == pytest.approx(0.2)


def test_of_equally_good_cuts_the_one_nearest_one_half_wins():
    # Cuts 0.125 and 0.75 find (2 of 2, 1 of 2) fakes with (1 of 2, 0 of 2) false alarms.
    assert choose_threshold([0, 1, 0, 1], [0.0, 0.25, 0.5, 1.0]) == 0.75
    # Cuts 0.25 and 0.75 are as good and as near: the higher accuses fewer.
    assert choose_threshold([0, 1, 0, 1], [0.0, 0.5, 0.5, 1.0]) == 0.75


@settings(max_examples=150, deadline=None)
@given(LABELS, st.randoms(use_true_random=False))
def test_no_cut_is_better(labels, random):
    scores = np.array([random.choice([0.0, 0.2, 0.5, 0.7, 1.0, random.random()]) for _ in labels])
    threshold = choose_threshold(labels, scores)
    best = max(balanced_accuracy_score(labels, scores >= cut) for cut in [*np.unique(scores), 1.1])
    found = balanced_accuracy_score(labels, scores >= threshold)
    assert found == pytest.approx(best, abs=1e-12)


@settings(max_examples=150, deadline=None)
@given(LABELS, st.randoms(use_true_random=False), st.sampled_from(sorted(ONE_IN)))
def test_false_positive_rate_stays_at_or_below_its_target(labels, random, rule):
    labels, target = np.array(labels * 3), 1 / ONE_IN[rule]
    scores = np.array([random.choice([0.0, 0.9, 1.0, random.random()]) for _ in labels])
    threshold = choose_threshold(labels, scores, rule)
    assert np.mean(scores[labels == 0] >= threshold) <= target
    # Conservative, but not more than it has to be.
    best = max(
        np.mean(scores[labels == 1] >= cut)
        for cut in [*np.unique(scores), 1.1]
        if np.mean(scores[labels == 0] >= cut) <= target
    )
    assert np.mean(scores[labels == 1] >= threshold) == pytest.approx(best)


@pytest.mark.parametrize(("rule", "reals"), [("fpr_0_1", 1000), ("fpr_5", 20)])
def test_exactly_one_in_so_many_is_allowed(rule, reals):
    labels = np.array([0] * reals + [1] * 10)
    scores = np.concatenate([np.linspace(0, 0.5, reals - 1), [0.9], np.full(10, 0.8)])
    assert 0.5 < choose_threshold(labels, scores, rule) <= 0.8
    assert choose_threshold(labels[1:], scores[1:], rule) > 0.9


def test_exactly_one_percent_is_allowed():
    labels = np.array([0] * 100 + [1] * 10)
    scores = np.concatenate([np.linspace(0, 0.5, 99), [0.9], np.full(10, 0.8)])
    threshold = choose_threshold(labels, scores, "fpr_1")
    assert 0.5 < threshold <= 0.8
    assert choose_threshold(labels[1:], scores[1:], "fpr_1") > 0.9  # 1 of 99 is too many


def test_neighbours_in_floating_point_are_told_apart():
    low = 0.5
    high = np.nextafter(low, 1)
    threshold = choose_threshold([0, 1], [low, high])
    assert low < threshold <= high


def test_saturated_scores_can_all_be_called_real():
    threshold = choose_threshold([0, 1], [1.0, 1.0], "fpr_1")
    assert threshold > 1.0


def test_half_is_one_half():
    assert choose_threshold([0, 1], [0.9, 0.1], "half") == 0.5


def test_order_does_not_matter(synthetic):
    labels, scores = synthetic(200, 0.7, 0, digits=2)
    shuffled = np.random.default_rng(0).permutation(200)
    for rule in ("balanced_accuracy", "fpr_1"):
        first = choose_threshold(labels, scores, rule)
        assert first == choose_threshold(labels[shuffled], scores[shuffled], rule)


def test_wrong_rule_and_one_class():
    with pytest.raises(UsageError, match="Did you mean 'balanced_accuracy'"):
        choose_threshold([0, 1], [0.1, 0.9], "balance_accuracy")
    with pytest.raises(DataError, match="needs both classes"):
        choose_threshold([1, 1], [0.1, 0.9])
