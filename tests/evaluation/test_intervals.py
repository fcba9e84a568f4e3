"""Intervals: Wilson's textbook values, resamples equal to scikit-learn, coverage, groups, seeds."""

import time

import numpy as np
import pytest
from scipy.stats import binomtest, norm
from sklearn import metrics as reference
from unmask.errors import DataError
from unmask.evaluation.intervals import (
    bootstrap_metrics,
    draw_unit_weights,
    plan_resampling,
    resample_metrics,
    wilson,
)
from unmask.evaluation.metrics import METRICS, rank


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (4, 4), (1, 30), (950, 1000)])
def test_wilson_equals_scipy(successes, n):
    found = wilson(successes, n)
    expected = binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert found.value == successes / n
    assert found.low == pytest.approx(expected.low, abs=1e-12)
    assert found.high == pytest.approx(expected.high, abs=1e-12)


def test_four_of_four_is_not_certain():
    assert wilson(4, 4).low == pytest.approx(0.5101, abs=1e-4)


@pytest.mark.parametrize(("successes", "n"), [(1, 0), (-1, 3), (4, 3)])
def test_wilson_refuses_what_is_no_share(successes, n):
    with pytest.raises(DataError, match="is not a share"):
        wilson(successes, n)


def test_resamples_equal_scikit_learn_with_weights(synthetic):
    labels, scores = synthetic(300, 1.0, 0, digits=2)
    groups = np.arange(300) // 3
    plan = plan_resampling(labels, groups)
    drawn = resample_metrics(
        plan, [rank(labels, scores)], [0.5], names=tuple(METRICS), resamples=5, seed=3
    )
    weights = np.concatenate(list(draw_unit_weights(plan, 5, 3)))[:, plan.unit_of_face]
    for row in range(5):
        share = {"sample_weight": weights[row]}
        called = (scores >= 0.5).astype(int)
        for name, value in {
            "auc": reference.roc_auc_score(labels, scores, **share),
            "average_precision": reference.average_precision_score(labels, scores, **share),
            "balanced_accuracy": reference.balanced_accuracy_score(labels, called, **share),
            "f1": reference.f1_score(labels, called, **share),
            "log_loss": reference.log_loss(labels, scores, **share),
            "brier": reference.brier_score_loss(labels, scores, **share),
        }.items():
            assert drawn[name][0, row] == pytest.approx(value, abs=1e-12), name


def test_faces_are_drawn_within_their_class():
    labels = np.array([0] * 7 + [1] * 3)
    plan = plan_resampling(labels, None)
    weights = np.concatenate(list(draw_unit_weights(plan, 50, 0)))[:, plan.unit_of_face]
    assert (weights[:, labels == 0].sum(axis=1) == 7).all()
    assert (weights[:, labels == 1].sum(axis=1) == 3).all()
    assert not plan.clustered


def test_groups_are_drawn_whole_and_within_their_mix():
    #         real only      fake only   both
    labels = np.array([0, 0, 0, 1, 1, 1, 0, 1, 0, 1])
    groups = list("aabccdeeff")
    plan = plan_resampling(labels, groups)
    weights = np.concatenate(list(draw_unit_weights(plan, 2000, 0)))[:, plan.unit_of_face]
    assert plan.clustered and plan.sizes == (2, 2, 2) and plan.units_with == (4, 4)
    for group in "abcdef":
        inside = weights[:, [name == group for name in groups]]
        assert (inside == inside[:, :1]).all()
    first_of = [groups.index(name) for name in "abcdef"]
    units = weights[:, first_of]
    assert (units[:, :2].sum(axis=1) == 2).all()
    assert (units[:, 2:4].sum(axis=1) == 2).all()
    assert (units[:, 4:].sum(axis=1) == 2).all()
    assert len(np.unique(units, axis=0)) == 27


def test_groups_widen_the_interval_when_frames_repeat(synthetic):
    labels, scores = synthetic(60, 1.0, 1)
    labels, scores = np.repeat(labels, 20), np.repeat(scores, 20)
    clips = np.repeat(np.arange(60), 20)
    single = bootstrap_metrics(labels, scores, None, 0.5, resamples=300, metrics=("auc",))["auc"]
    grouped = bootstrap_metrics(labels, scores, clips, 0.5, resamples=300, metrics=("auc",))["auc"]
    assert single.value == grouped.value
    assert grouped.high - grouped.low > 3.5 * (single.high - single.low)


def test_same_seed_same_interval_and_order_of_faces_does_not_matter_to_the_value(synthetic):
    labels, scores = synthetic(200, 1.0, 2)
    first = bootstrap_metrics(labels, scores, None, 0.5, resamples=100, seed=5)
    assert first == bootstrap_metrics(labels, scores, None, 0.5, resamples=100, seed=5)
    assert first != bootstrap_metrics(labels, scores, None, 0.5, resamples=100, seed=6)
    assert first["auc"].value == pytest.approx(reference.roc_auc_score(labels, scores), abs=1e-12)


def test_seeds_are_averaged_on_the_same_resamples(synthetic):
    labels, one = synthetic(200, 1.0, 3)
    _, two = synthetic(200, 1.5, 4)
    found = bootstrap_metrics(labels, np.stack([one, two]), None, [0.5, 0.4], resamples=200)
    areas = [reference.roc_auc_score(labels, scores) for scores in (one, two)]
    assert found["auc"].value == pytest.approx(np.mean(areas), abs=1e-12)
    assert found["auc"].seed_spread == pytest.approx(np.std(areas, ddof=1), abs=1e-12)
    doubled = bootstrap_metrics(labels, np.stack([one, one]), None, 0.5, resamples=200)
    single = bootstrap_metrics(labels, one, None, 0.5, resamples=200)
    for name in METRICS:
        assert doubled[name].low == pytest.approx(single[name].low, abs=1e-12)
        assert doubled[name].seed_spread == pytest.approx(0, abs=1e-12)
        assert single[name].seed_spread is None


def test_a_perfect_score_on_few_faces_keeps_an_open_end():
    labels, scores = [0, 0, 0, 0, 1, 1, 1, 1], [0.1, 0.1, 0.2, 0.2, 0.8, 0.9, 0.9, 0.9]
    found = bootstrap_metrics(labels, scores, None, 0.5, resamples=50)
    assert found["auc"].value == 1.0 and found["auc"].high == 1.0
    assert found["auc"].low == pytest.approx(wilson(4, 4).low)
    assert found["accuracy"].low == pytest.approx(wilson(8, 8).low)
    assert found["eer"].low == 0.0 and found["eer"].high == pytest.approx(wilson(0, 4).high)


def test_shares_that_every_resample_repeats_get_wilsons_interval():
    """All 10 fakes and 30 reals called fake: rates that cannot vary, on few faces."""
    labels = np.array([0] * 30 + [1] * 10)
    found = bootstrap_metrics(labels, np.full(40, 0.7), None, 0.5, resamples=50)
    real, fake = wilson(0, 30), wilson(10, 10)
    assert (found["recall_real"].low, found["recall_real"].high) == (0.0, real.high)
    assert (found["recall_fake"].low, found["recall_fake"].high) == (fake.low, 1.0)
    assert found["balanced_accuracy"].value == 0.5
    assert found["balanced_accuracy"].low == pytest.approx(fake.low / 2, abs=1e-12)
    assert found["balanced_accuracy"].high == pytest.approx((real.high + 1) / 2, abs=1e-12)
    assert found["accuracy"].value == 0.25
    assert found["accuracy"].low == pytest.approx(wilson(10, 40).low, abs=1e-12)
    assert found["accuracy"].high == pytest.approx(wilson(10, 40).high, abs=1e-12)


def test_what_cannot_vary_and_is_no_share_has_no_interval():
    labels = np.array([0] * 30 + [1] * 10)
    found = bootstrap_metrics(labels, np.full(40, 0.7), None, 0.5, resamples=50)
    for name in ("auc", "eer", "f1", "average_precision", "log_loss", "brier"):
        assert found[name].low is None and found[name].high is None, name
        assert np.isfinite(found[name].value)
    groups = np.arange(40) % 11  # mixed groups: the share of fakes varies, and so does precision
    grouped = bootstrap_metrics(labels, np.full(40, 0.7), groups, 0.5, resamples=50)
    assert grouped["average_precision"].low < grouped["average_precision"].high


def test_a_missing_class_is_refused():
    with pytest.raises(DataError, match="one class"):
        bootstrap_metrics([1, 1], [0.2, 0.3], None, 0.5)


def test_auc_interval_covers_the_truth(synthetic):
    truth = norm.cdf(1.2 / np.sqrt(2))
    covered = 0
    for seed in range(200):
        labels, scores = synthetic(120, 1.2, 1000 + seed)
        found = bootstrap_metrics(
            labels, scores, None, 0.5, resamples=300, seed=seed, metrics=("auc",)
        )["auc"]
        covered += found.low <= truth <= found.high
    assert 0.90 <= covered / 200 <= 0.99


def test_clustered_interval_covers_the_truth():
    """Frames of a clip share most of their score; drawing frames alone would cover far less."""
    truth = norm.cdf(1.2 / np.sqrt(2 * (1 + 0.1**2)))
    clips = np.repeat(np.arange(100), 5)
    covered = {"clips": 0, "frames": 0}
    for seed in range(120):
        generator = np.random.default_rng(seed)
        labels = clips % 2
        shared = generator.normal(size=100)[clips] + 0.1 * generator.normal(size=500)
        scores = norm.cdf(shared + 1.2 * labels)
        for name, groups in (("clips", clips), ("frames", None)):
            found = bootstrap_metrics(
                labels, scores, groups, 0.5, resamples=200, seed=seed, metrics=("auc",)
            )["auc"]
            covered[name] += found.low <= truth <= found.high
    assert covered["clips"] / 120 >= 0.88
    assert covered["frames"] / 120 <= 0.75


def test_twenty_thousand_faces_take_seconds(synthetic):
    labels, scores = synthetic(20_000, 1.5, 7)
    start = time.process_time()
    bootstrap_metrics(labels, scores, None, 0.5, resamples=400)
    assert time.process_time() - start < 5  # a fifth of the usual resamples; usually 0.5 s
