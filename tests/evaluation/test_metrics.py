"""Every metric equals scikit-learn's, with ties and weights; EER equals a root of the ROC curve."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from sklearn import metrics as reference
from unmask.errors import DataError, UsageError
from unmask.evaluation.calibration import expected_calibration_error
from unmask.evaluation.metrics import (
    LEAST_PARTIAL_AUC,
    METRICS,
    compute_metrics,
    rank,
    weighted_metrics,
)

# Few distinct scores make ties, free ones make none.
SCORES = st.one_of(
    st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75, 1.0]), st.floats(0, 1, allow_subnormal=False)
)


@st.composite
def labelled(draw):
    pairs = draw(st.lists(st.tuples(st.integers(0, 1), SCORES), min_size=2, max_size=40))
    labels = np.array([0, 1] + [label for label, _ in pairs])
    scores = np.array([draw(SCORES), draw(SCORES)] + [score for _, score in pairs])
    return labels, scores


def reference_eer(labels, scores, weights=None):
    false_rate, true_rate, _ = reference.roc_curve(
        labels, scores, sample_weight=weights, drop_intermediate=False
    )
    # Vertical steps are spread a little, so that the curve is a function of the position on it.
    place = np.arange(len(false_rate), dtype=float)
    gap = false_rate + true_rate - 1
    root = brentq(lambda at: np.interp(at, place, gap), 0, place[-1], xtol=1e-15)
    return np.interp(root, place, false_rate)


def expected_metrics(labels, scores, threshold, weights=None):
    called = (scores >= threshold).astype(int)
    false_rate, true_rate, _ = reference.roc_curve(
        labels, scores, sample_weight=weights, drop_intermediate=False
    )
    share = {"sample_weight": weights}
    return {
        "accuracy": reference.accuracy_score(labels, called, **share),
        "balanced_accuracy": reference.balanced_accuracy_score(labels, called, **share),
        "auc": reference.roc_auc_score(labels, scores, **share),
        "average_precision": reference.average_precision_score(labels, scores, **share),
        "recall_fake": reference.recall_score(labels, called, zero_division=0, **share),
        "recall_real": reference.recall_score(
            labels, called, pos_label=0, zero_division=0, **share
        ),
        "f1": reference.f1_score(labels, called, zero_division=0, **share),
        "mcc": reference.matthews_corrcoef(labels, called, **share),
        "log_loss": reference.log_loss(labels, scores, labels=[0, 1], **share),
        "brier": reference.brier_score_loss(labels, scores, **share),
        "tpr_at_fpr_0_1": true_rate[false_rate <= 0.001 + 1e-12].max(),
        "tpr_at_fpr_1": true_rate[false_rate <= 0.01 + 1e-12].max(),
        "tpr_at_fpr_5": true_rate[false_rate <= 0.05 + 1e-12].max(),
        "partial_auc": reference.roc_auc_score(labels, scores, max_fpr=0.1, **share),
    }


@settings(max_examples=150, deadline=None)
@given(labelled(), st.sampled_from([0.0, 0.25, 0.5, 0.6, 1.0]))
def test_equal_to_scikit_learn(data, threshold):
    labels, scores = data
    found = compute_metrics(labels, scores, threshold)
    for name, value in expected_metrics(labels, scores, threshold).items():
        assert found[name] == pytest.approx(value, abs=1e-12), name
    assert found["eer"] == pytest.approx(reference_eer(labels, scores), abs=1e-9)
    assert found["note"] == ""
    assert set(found) == {*METRICS, "note"}


@settings(max_examples=80, deadline=None)
@given(labelled(), st.integers(0, 2**32 - 1))
def test_weighted_equal_to_scikit_learn(data, seed):
    labels, scores = data
    weights = np.random.default_rng(seed).integers(0, 4, size=len(labels)).astype(float)
    weights[:2] = 1  # both classes stay
    ranking = rank(labels, scores)
    found = weighted_metrics(ranking, weights[None, ranking.order], 0.5, tuple(METRICS))
    kept = weights > 0  # scikit-learn drops these in its curves, but not everywhere
    expected = expected_metrics(labels[kept], scores[kept], 0.5, weights[kept])
    for name, value in expected.items():
        assert found[name][0] == pytest.approx(value, abs=1e-12), name
    expected_eer = reference_eer(labels[kept], scores[kept], weights[kept])
    assert found["eer"][0] == pytest.approx(expected_eer, abs=1e-9)


def test_calibration_error_is_that_of_bins_of_equal_mass():
    labels, scores = np.random.default_rng(0).integers(0, 2, 90), np.linspace(0, 1, 90)
    bins = np.arange(90) // 9
    gaps = [abs((scores - labels)[bins == number].sum()) for number in range(10)]
    assert compute_metrics(labels, scores, 0.5)["ece"] == pytest.approx(sum(gaps) / 90, abs=1e-12)
    assert compute_metrics([0, 0, 0, 1], [0.75] * 4, 0.5)["ece"] == 0.5
    assert compute_metrics([0, 0, 1, 1], [0.5] * 4, 0.5)["ece"] == 0.0


@settings(max_examples=60, deadline=None)
@given(labelled())
def test_calibration_error_equals_the_one_of_the_diagram(data):
    labels, scores = data
    found = compute_metrics(labels, scores, 0.5)["ece"]
    assert found == pytest.approx(expected_calibration_error(labels, scores), abs=1e-12)


def test_no_fake_found_below_the_limit_is_the_least_partial_area():
    labels = np.array([0] * 10 + [1] * 10)
    found = compute_metrics(labels, 1.0 - labels, 0.5)
    assert found["partial_auc"] == pytest.approx(LEAST_PARTIAL_AUC, abs=1e-12)
    assert found["mcc"] == -1.0


def test_known_values():
    found = compute_metrics([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], 0.5)
    assert found["auc"] == 0.75
    assert found["accuracy"] == 0.5
    assert found["eer"] == 0.5
    assert found["recall_fake"] == 0.5 and found["recall_real"] == 0.5
    perfect = compute_metrics([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], 0.5)
    assert (perfect["auc"], perfect["average_precision"], perfect["eer"]) == (1.0, 1.0, 0.0)
    constant = compute_metrics([0, 0, 1, 1], [0.5] * 4, 0.5)
    assert (constant["auc"], constant["average_precision"], constant["eer"]) == (0.5, 0.5, 0.5)


def test_score_equal_to_the_threshold_is_called_fake():
    assert compute_metrics([0, 1], [0.2, 0.5], 0.5)["recall_fake"] == 1.0


def test_float32_scores_are_compared_in_float64():
    score = np.float32(0.3)
    above = float(score) + 1e-9  # the same number in float32
    assert compute_metrics([0, 1], np.array([0, score]), above)["recall_fake"] == 0.0


@pytest.mark.parametrize(
    ("label", "defined"), [(0, "recall_real"), (1, "recall_fake")], ids=["real", "fake"]
)
def test_one_class_is_not_a_number_and_says_so(label, defined):
    found = compute_metrics([label] * 3, [0.1, 0.6, 0.7], 0.5)
    names = {name for name in METRICS if not np.isnan(found[name])}
    assert names == {"accuracy", defined, "log_loss", "brier"}
    assert found["accuracy"] == pytest.approx(2 / 3 if label else 1 / 3)
    assert "not defined" in found["note"]


@pytest.mark.parametrize(
    ("labels", "scores", "words"),
    [
        ([0, 1], [0.1, float("nan")], "not a number between 0 and 1"),
        ([0, 1], [0.1, 1.7], "not a number between 0 and 1"),
        ([0, 2], [0.1, 0.7], "neither 0 nor 1"),
        ([0, 1, 1], [0.1, 0.7], "do not fit"),
        ([], [], "do not fit"),
    ],
)
def test_unusable_input_is_refused(labels, scores, words):
    with pytest.raises(DataError, match=words):
        compute_metrics(labels, scores, 0.5)


def test_unknown_metric_names_the_nearest():
    ranking = rank([0, 1], [0.1, 0.2])
    with pytest.raises(UsageError, match="Did you mean 'accuracy'"):
        weighted_metrics(ranking, np.ones((1, 2)), 0.5, ("acuracy",))
