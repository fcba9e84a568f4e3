"""Ensembles are fitted on validation only, and claim no more than their interval."""

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit
from sklearn.metrics import roc_auc_score
from unmask.errors import DataError
from unmask.evaluation.comparison import compare_auc, is_better
from unmask.evaluation.ensembles import (
    combine,
    mean_ensemble,
    member_names,
    stacked_ensemble,
    weighted_ensemble,
)
from unmask.evaluation.metrics import compute_metrics
from unmask.evaluation.scores import attach_faces

FITTED = (weighted_ensemble, stacked_ensemble)


@pytest.fixture
def members(make_faces, score_faces):
    faces = make_faces(people=2)
    return {
        "good": attach_faces(score_faces(faces, gap=2.5, salt=1, seeds=(0, 1)), faces),
        "fair": attach_faces(score_faces(faces, gap=1.5, salt=2), faces),
        "noise": attach_faces(score_faces(faces, gap=0.0, salt=3), faces),
    }


@pytest.fixture
def wide(members):
    return combine(members)


def test_seeds_are_averaged_and_faces_aligned(members, wide):
    assert member_names(wide) == ["good", "fair", "noise"]
    assert wide["face_id"].is_unique and len(wide) == 340
    expected = members["good"].groupby("face_id")["score"].mean().loc[wide["face_id"]]
    assert np.allclose(wide["good"], expected, atol=1e-15)
    assert wide["cluster"].str.startswith("group:").all()


def test_shuffled_members_give_the_same_table(members, wide):
    shuffled = {name: frame.sample(frac=1, random_state=3) for name, frame in members.items()}
    pd.testing.assert_frame_equal(combine(shuffled), wide)


@pytest.mark.parametrize("spoil", ["face", "label", "split"])
def test_members_that_do_not_match_are_refused(members, spoil):
    frame = members["fair"].copy()
    if spoil == "face":
        frame = frame.iloc[1:]
    elif spoil == "label":
        frame.loc[3, "label"] = 1 - frame.loc[3, "label"]
    else:
        frame.loc[3, "split"] = "unseen"
    with pytest.raises(DataError, match="fair scored other faces, splits or labels than good"):
        combine({**members, "fair": frame})


def test_one_member_is_no_ensemble(members):
    with pytest.raises(DataError, match="1 member models cannot"):
        combine({"good": members["good"]})


def test_mean_is_the_mean(wide):
    found = mean_ensemble(wide)
    expected = (wide["good"] + wide["fair"] + wide["noise"]) / 3
    assert np.allclose(found.scores["score"], expected, atol=1e-15)
    assert list(found.scores) == ["face_id", "split", "label", "score", "seed"]
    assert set(found.scores["split"]) == {"val", "test", "unseen"}


def test_weights_are_shares_and_no_other_shares_fit_better(make_faces, score_faces):
    faces = make_faces()
    gaps = {"good": 2.0, "fair": 2.0, "noise": 0.0}
    wide = combine(
        {name: score_faces(faces, gap, salt=salt) for salt, (name, gap) in enumerate(gaps.items())}
    )
    weights = weighted_ensemble(wide).weights
    assert sum(weights.values()) == pytest.approx(1, abs=1e-12)
    assert min(weights.values()) >= 0
    assert weights["good"] > 0.1 and weights["fair"] > 0.1 and weights["noise"] < 0.1
    val = wide[wide["split"] == "val"]
    matrix = val[["good", "fair", "noise"]].to_numpy()

    def loss(shares):
        return compute_metrics(val["label"], matrix @ shares, 0.5)["log_loss"]

    best = loss(np.array(list(weights.values())))
    for shares in np.random.default_rng(0).dirichlet(np.ones(3), size=300):
        assert best <= loss(shares) + 1e-7


def test_a_useless_member_gets_little_weight_in_the_stack(wide):
    weights = stacked_ensemble(wide).weights
    assert weights["good"] > 3 * abs(weights["noise"])


@pytest.mark.parametrize("build", FITTED)
def test_test_and_unseen_rows_change_nothing_that_is_fitted(wide, build):
    first = build(wide)
    changed = wide.copy()
    others = (changed["split"] != "val").to_numpy()
    generator = np.random.default_rng(0)
    changed.loc[others, "label"] = generator.permutation(changed.loc[others, "label"])
    for name in member_names(wide):
        changed.loc[others, name] = generator.permutation(changed.loc[others, name])
    second = build(changed)
    assert second.weights == first.weights
    val = ~others
    assert np.array_equal(second.scores["score"][val], first.scores["score"][val])


@pytest.mark.parametrize("build", FITTED)
def test_validation_scores_do_not_see_the_labels_of_their_own_group(wide, build):
    """Exchanging labels inside one group leaves the scores of that group as they were."""
    wide = wide[["face_id", "split", "label", "cluster", "fair"]].assign(
        other=wide["fair"].sample(frac=1, random_state=0).to_numpy() * 0.2 + wide["good"] * 0.5
    )
    first = build(wide)
    group = wide.loc[wide["split"] == "val", "cluster"].iloc[0]
    rows = (wide["cluster"] == group).to_numpy()
    changed = wide.copy()
    labels = changed.loc[rows, "label"].to_numpy()
    turned = np.sort(labels) if np.diff(labels).min() < 0 else np.sort(labels)[::-1]
    assert not np.array_equal(turned, labels)  # the same counts, so the folds stay the same
    changed.loc[rows, "label"] = turned
    second = build(changed)
    assert np.array_equal(first.scores["score"][rows], second.scores["score"][rows])
    assert not np.array_equal(first.scores["score"], second.scores["score"])


def test_stack_of_noise_is_honest_on_validation(make_faces, score_faces):
    """With many useless members an in-sample stack looks skilled; out of fold it does not."""
    faces = make_faces({"val": {"real": 40, "swap": 40}, "test": {"real": 40, "swap": 40}})
    frames = {f"m{number}": score_faces(faces, gap=0.0, salt=number) for number in range(12)}
    scores = stacked_ensemble(combine(frames)).scores
    val = scores[scores["split"] == "val"]
    assert compute_metrics(val["label"], val["score"], 0.5)["auc"] < 0.62


@pytest.mark.parametrize("build", FITTED)
def test_same_input_same_answer(wide, build):
    assert build(wide).weights == build(wide).weights


@pytest.mark.parametrize("build", FITTED)
def test_perfect_and_saturated_members_are_no_trouble(make_faces, score_faces, build):
    faces = make_faces()
    perfect = score_faces(faces).assign(score=lambda frame: frame["label"].astype(float))
    scores = build(combine({"perfect": perfect, "fair": score_faces(faces, 1.0)})).scores
    assert scores["score"].between(0, 1).all()
    test = scores[scores["split"] == "test"]
    assert compute_metrics(test["label"], test["score"], 0.5)["auc"] == 1.0


@pytest.mark.parametrize("build", FITTED)
def test_too_small_a_validation_split_says_so(make_faces, score_faces, build):
    faces = make_faces({"val": {"real": 5, "swap": 1}, "test": {"real": 5, "swap": 5}})
    frames = {name: score_faces(faces, salt=salt) for salt, name in enumerate("ab")}
    with pytest.raises(DataError, match="too small to fit an ensemble"):
        build(combine(frames))


def test_paired_interval_is_narrower_than_an_unpaired_one(synthetic):
    labels, a = synthetic(400, 1.2, 0)
    noise = np.random.default_rng(1).normal(0, 0.1, size=400)
    difference = compare_auc(labels, a, expit(logit(a) + noise), None, resamples=500)
    assert difference.n == 400 and difference.low < 0 < difference.high
    assert difference.high - difference.low < 0.02  # each AUC alone: about 0.08
    same = compare_auc(labels, a, a, None, resamples=50)
    assert (same.value, same.low, same.high) == (0, 0, 0)


def test_a_real_gain_is_seen_and_its_sign_is_right(synthetic):
    labels, good = synthetic(400, 2.0, 0)
    _, poor = synthetic(400, 0.5, 1)
    gain = compare_auc(labels, good, poor, None, resamples=300)
    loss = compare_auc(labels, poor, good, None, resamples=300)
    assert is_better(gain) and not is_better(loss)
    ends = (-gain.value, -gain.high, -gain.low)
    assert (loss.value, loss.low, loss.high) == pytest.approx(ends, abs=1e-12)


def test_seeds_count_by_their_mean_auc_and_not_by_their_mean_score(synthetic):
    """Averaging noisy seeds makes a better detector than any of them: not what the table shows."""
    labels, _ = synthetic(300, 0.7, 0)
    seeds = np.stack([synthetic(300, 0.7, number)[1] for number in range(5)])
    _, other = synthetic(300, 0.7, 9)
    found = compare_auc(labels, seeds, other, None, resamples=400)
    areas = [roc_auc_score(labels, scores) for scores in seeds]
    assert found.value == pytest.approx(np.mean(areas) - roc_auc_score(labels, other), abs=1e-12)
    ensemble = roc_auc_score(labels, seeds.mean(axis=0)) - roc_auc_score(labels, other)
    assert ensemble > found.value + 0.05
    assert found.low < found.value < found.high < ensemble + 0.05
    turned = compare_auc(labels, other, seeds, None, resamples=400)
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low), abs=1e-12)
