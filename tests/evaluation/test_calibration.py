"""Calibration finds what was done to honest scores, and never changes their order."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.metrics import log_loss, roc_auc_score
from unmask.errors import DataError
from unmask.evaluation.calibration import (
    Calibration,
    add_calibrated,
    expected_calibration_error,
    fit_calibration,
    fit_isotonic,
    reliability_table,
)


def honest_scores(n: int, seed: int = 0):
    generator = np.random.default_rng(seed)
    truth = expit(generator.normal(0, 2, size=n))
    return (generator.random(n) < truth).astype(int), truth


def test_finds_the_temperature_and_the_shift():
    labels, truth = honest_scores(20_000)
    fitted = fit_calibration(labels, expit(3 * logit(truth) + 1))
    assert fitted.a == pytest.approx(1 / 3, abs=0.02)
    assert fitted.b == pytest.approx(-1 / 3, abs=0.04)


def test_honest_scores_stay_and_worse_ones_get_better():
    labels, truth = honest_scores(5000)
    too_sure = expit(4 * logit(truth))
    fitted = fit_calibration(labels, too_sure)
    assert fit_calibration(labels, truth).a == pytest.approx(1, abs=0.1)
    assert log_loss(labels, fitted.apply(too_sure)) < 0.7 * log_loss(labels, too_sure)
    assert expected_calibration_error(labels, too_sure) > 0.08
    assert expected_calibration_error(labels, fitted.apply(too_sure)) < 0.03


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 5), st.floats(-4, 4))
def test_auc_is_unchanged(seed, a, b):
    labels, scores = honest_scores(60, seed)
    labels[:2] = (0, 1)
    scores = np.round(scores, 3).clip(0.001, 0.999)
    calibrated = Calibration(a, b).apply(scores)
    assert roc_auc_score(labels, calibrated) == roc_auc_score(labels, scores)


def test_worse_than_chance_scores_are_not_turned_round():
    labels, truth = honest_scores(500)
    fitted = fit_calibration(1 - labels, truth)
    assert fitted.a == 0.01


def test_perfect_and_saturated_scores_give_a_finite_answer():
    labels = np.array([0] * 20 + [1] * 20)
    calibrated = fit_calibration(labels, labels.astype(float)).apply(labels)
    assert np.isfinite(calibrated).all()
    assert calibrated[0] == pytest.approx(1 / 22, abs=0.01)
    assert calibrated[-1] == pytest.approx(21 / 22, abs=0.01)


@pytest.mark.parametrize("fit", [fit_calibration, fit_isotonic])
def test_one_class_is_refused(fit):
    with pytest.raises(DataError, match="needs both classes"):
        fit([1, 1], [0.2, 0.3])


def test_isotonic_by_hand():
    """Scores 0.2 and 0.4 come in the wrong order and are pooled; ties are one point."""
    labels = [0, 0, 1, 0, 1, 1]
    scores = [0.1, 0.1, 0.2, 0.4, 0.9, 0.9]
    fitted = fit_isotonic(labels, scores)
    low, high = 1 / 5, 4 / 5  # Platt's targets for three faces of each class
    assert fitted.apply([0.1, 0.9]).tolist() == pytest.approx([low, high])
    assert fitted.apply([0.2, 0.3, 0.4]).tolist() == pytest.approx([(low + high) / 2] * 3)
    assert fitted.apply([0.0, 1.0]).tolist() == pytest.approx([low, high])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 3))
def test_isotonic_never_falls_and_never_claims_certainty(seed, digits):
    labels, scores = honest_scores(60, seed)
    labels[:2] = (0, 1)
    fitted = fit_isotonic(labels, np.round(scores, digits))
    chances = fitted.apply(np.linspace(0, 1, 201))
    assert (np.diff(chances) >= -1e-12).all()
    assert chances.min() > 0 and chances.max() < 1


def test_isotonic_finds_what_no_temperature_can():
    labels, truth = honest_scores(20_000)
    bent = truth**4
    fitted, straight = fit_isotonic(labels, bent), fit_calibration(labels, bent)
    assert np.abs(fitted.apply(bent) - truth).mean() < 0.02
    assert log_loss(labels, fitted.apply(bent)) < log_loss(labels, straight.apply(bent))


def test_each_seed_is_fitted_on_its_validation_rows_only(make_faces, score_faces):
    scores = score_faces(make_faces(), seeds=(0, 1))
    found = add_calibrated(scores)
    assert found.drop(columns=["calibrated", "isotonic"]).equals(scores)
    changed = scores.copy()
    others = changed["split"] != "val"
    changed.loc[others, "label"] = 1 - changed.loc[others, "label"]
    changed.loc[others & (changed["seed"] == 1), "score"] = 0.5
    again = add_calibrated(changed)
    same = (~others | (changed["seed"] == 0)).to_numpy()
    for column in ("calibrated", "isotonic"):
        assert np.array_equal(again[column][same], found[column][same])
    for seed in (0, 1):
        val = scores[(scores["seed"] == seed) & ~others]
        expected = fit_calibration(val["label"], val["score"]).apply(val["score"])
        assert np.array_equal(found.loc[val.index, "calibrated"], expected)
        stepped = fit_isotonic(val["label"], val["score"]).apply(val["score"])
        assert np.array_equal(found.loc[val.index, "isotonic"], stepped)


def test_no_validation_rows_is_an_error(make_faces, score_faces):
    scores = score_faces(make_faces())
    with pytest.raises(DataError, match="no validation scores"):
        add_calibrated(scores[scores["split"] != "val"])


def test_reliability_bins_hold_equal_shares_and_keep_ties_together():
    labels, truth = honest_scores(1000)
    table = reliability_table(labels, truth)
    assert table["n"].tolist() == [100] * 10
    assert ((table["low"] <= table["share_fake"]) & (table["share_fake"] <= table["high"])).all()
    tied = reliability_table([0, 1, 1, 0, 1, 1], [0.2, 0.2, 0.2, 0.8, 0.8, 0.8])
    expected = pd.DataFrame({"n": [3, 3], "mean_score": [0.2, 0.8], "share_fake": [2 / 3, 2 / 3]})
    pd.testing.assert_frame_equal(tied[["n", "mean_score", "share_fake"]], expected)


def test_calibration_error_by_hand():
    assert expected_calibration_error([0, 0, 1, 1], [0.5] * 4) == 0.0
    assert expected_calibration_error([0, 0, 0, 1], [0.75] * 4) == 0.5
