"""Intervals: Wilson's textbook values, resamples equal to scikit-learn, groups, seeds."""

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as reference
from unmask.errors import DataError, UsageError
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
            "mcc": reference.matthews_corrcoef(labels, called, **share),
            "partial_auc": reference.roc_auc_score(labels, scores, max_fpr=0.1, **share),
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


def test_one_class_has_intervals_of_what_it_defines(synthetic):
    labels, scores = synthetic(80, 1.0, 5)
    scores = scores[labels == 0]
    found = bootstrap_metrics(
        np.zeros(40, dtype=int),
        scores,
        None,
        0.5,
        resamples=50,
        metrics=("accuracy", "recall_real", "log_loss", "brier"),
        one_class=True,
    )
    expected = wilson((scores < 0.5).sum(), 40)
    for name in ("accuracy", "recall_real"):
        assert (found[name].low, found[name].high) == pytest.approx((expected.low, expected.high))
    assert found["brier"].low < found["brier"].value < found["brier"].high
    assert found["log_loss"].low < found["log_loss"].value < found["log_loss"].high


def test_rates_of_independent_faces_have_wilsons_interval(synthetic):
    labels, scores = synthetic(150, 1.0, 6)
    found = bootstrap_metrics(labels, scores, None, 0.4, resamples=20)
    called = scores >= 0.4
    for name, inside, right in (
        ("accuracy", labels >= 0, called == labels),
        ("recall_fake", labels == 1, called),
        ("recall_real", labels == 0, ~called),
    ):
        expected = wilson((right & inside).sum(), inside.sum())
        assert (found[name].low, found[name].high) == pytest.approx((expected.low, expected.high))


def test_every_metric_has_an_interval_around_its_value(synthetic):
    labels, scores = synthetic(90, 1.0, 8)
    for groups in (None, np.arange(90) // 3, np.arange(90) // 2 * 2 + np.arange(90) % 2):
        found = bootstrap_metrics(labels, scores, groups, 0.5, resamples=60)
        assert set(found) == set(METRICS)
        for name, each in found.items():
            assert each.low <= each.value <= each.high, name


def test_an_unknown_metric_is_refused(synthetic):
    labels, scores = synthetic(20, 1.0, 0)
    with pytest.raises(UsageError, match="Did you mean 'auc'"):
        bootstrap_metrics(labels, scores, None, 0.5, metrics=("auk",))
