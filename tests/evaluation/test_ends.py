"""Ends of intervals: inside their range, none where nothing varies, honest about few reals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from scipy.stats import t as student
from unmask.evaluation.ends import ece_ends, recall_at_ends, transformed_ends, widening
from unmask.evaluation.metrics import LEAST_PARTIAL_AUC, compute_metrics, rank
from unmask.evaluation.rates import rates_of, wilson


def test_logit_ends_by_hand():
    drawn = np.array([0.88, 0.9, 0.92, 0.9])
    half = drawn.std(ddof=1) * student.ppf(0.975, 49) * np.sqrt(50 / 49) / (0.9 * 0.1)
    found = transformed_ends("auc", 0.9, drawn, 50)
    assert found == pytest.approx((expit(logit(0.9) - half), expit(logit(0.9) + half)))
    assert 0.9 - found[0] > found[1] - 0.9  # near its end the long side is the inner one


def test_few_units_widen():
    assert widening(10) == pytest.approx(2.262157 * np.sqrt(10 / 9), abs=1e-6)
    assert widening(100_000) == pytest.approx(1.96, abs=1e-3)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["auc", "mcc", "partial_auc", "log_loss", "brier", "f1"]),
    st.floats(0.001, 0.999),
    st.floats(1e-6, 0.5),
    st.integers(2, 500),
)
def test_ends_hold_the_value_inside_the_range(name, place, error, units):
    least = {"mcc": -1.0, "partial_auc": LEAST_PARTIAL_AUC}.get(name, 0.0)
    value = least + place * (1 - least)
    drawn = value + error * np.linspace(-1, 1, 50)
    low, high = transformed_ends(name, value, drawn, units)
    assert least <= low < value < high
    assert name == "log_loss" or high <= 1


def test_nothing_that_varies_has_no_ends_but_a_perfect_value_does():
    same = np.full(20, 0.5)
    assert transformed_ends("auc", 0.5, same, 30) == (None, None)
    assert transformed_ends("log_loss", 0.0, same * 0, 30) == (None, None)
    assert transformed_ends("auc", 1.0, np.ones(20), 30) == (wilson(30, 30).low, 1.0)
    assert transformed_ends("mcc", 1.0, np.ones(20), 30)[0] == 2 * wilson(30, 30).low - 1
    assert transformed_ends("eer", 0.0, np.zeros(20), 30) == (0.0, wilson(0, 30).high)
    assert transformed_ends("auc", 0.9, np.array([0.8, 0.95]), 1) == (None, None)


def test_calibration_error_of_noise_alone_reaches_zero():
    generator = np.random.default_rng(0)
    noise = generator.normal(0, 0.01, (500, 10))
    low, high = ece_ends(noise[0], noise[0] + noise, 200)
    assert low == 0.0 and high > np.abs(noise[0]).sum()


def test_calibration_error_beyond_noise_loses_what_noise_adds():
    generator = np.random.default_rng(0)
    gaps = np.where(np.arange(10) % 2, 0.03, 0.0)
    drawn = gaps + generator.normal(0, 0.005, (2000, 10))
    low, high = ece_ends(gaps, drawn, 5000)
    value = gaps.sum()
    assert 0.09 < low < value < high < 0.2
    # Noise lifts the five bins without a gap, so more than its spread is taken off below.
    assert value - low > 1.96 * np.abs(drawn).sum(axis=1).std()


def recall_ends(labels, scores, target, name):
    called = (scores >= 0.5)[None]
    rates = rates_of(labels, called, np.arange(len(labels)), len(labels))
    value = compute_metrics(labels, scores, 0.5)[name]
    return value, recall_at_ends(
        [rank(labels, scores)], target, value, rates["recall_fake"], rates["recall_real"]
    )


def test_few_reals_know_nothing_of_one_false_alarm_in_a_thousand(synthetic):
    labels, scores = synthetic(200, 3.0, 0)
    value, (low, high) = recall_ends(labels, scores, 0.001, "tpr_at_fpr_0_1")
    assert value > 0.4 and low < 0.1 and high >= value


def test_many_reals_know_it_well(synthetic):
    labels, scores = synthetic(40_000, 3.0, 0)
    value, (low, high) = recall_ends(labels, scores, 0.01, "tpr_at_fpr_1")
    assert low < value < high and high - low < 0.06


def test_equal_scores_of_real_and_fake_are_not_above_each_other():
    labels, scores = np.array([0, 1] * 50), np.full(100, 0.7)
    value, (low, high) = recall_ends(labels, scores, 0.05, "tpr_at_fpr_5")
    assert value == 0.0 and low == 0.0 and high < 0.2
