"""The logistic regression behind the shortcuts: judged on what it was not fitted on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from unmask.audit.families import FAMILIES
from unmask.audit.linear import LinearModel, fit_linear
from unmask.audit.separation import FEWEST, make_folds, separate, units_of, why_too_few
from unmask.audit.shortcuts import light_of
from unmask.evaluation.intervals import Interval

OPTIONS = {"strength": 1.0, "scaling": "each", "resamples": 200}
NOTHING = np.empty((0, 2), np.int64)


def two_classes(n: int, shift: float, seed: int = 0):
    generator = np.random.default_rng(seed)
    labels = np.arange(n) % 2
    features = generator.normal(size=(n, 3))
    features[:, 0] += shift * labels
    return features, labels


@given(
    st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=6),
)
@settings(max_examples=60, deadline=None)
def test_units_are_the_connected_components(groups, links):
    n = len(groups)
    links = [(a % n, b % n) for a, b in links]
    together = {(a, b) for a in range(n) for b in range(n) if a == b}
    together |= {(a, b) for a in range(n) for b in range(n) if groups[a] and groups[a] == groups[b]}
    together |= {*links, *((b, a) for a, b in links)}
    for middle in range(n):
        for a in range(n):
            for b in range(n):
                if (a, middle) in together and (middle, b) in together:
                    together.add((a, b))
    units = units_of(groups, np.array(links).reshape(-1, 2))
    assert {(a, b) for a in range(n) for b in range(n) if units[a] == units[b]} == together


def test_a_unit_is_never_on_two_sides_and_every_fold_has_both_classes():
    labels = np.arange(200) % 2
    units = np.arange(200) // 4
    folds = make_folds(labels, units, seed=3)
    assert all(len(set(folds.fold[units == unit])) == 1 for unit in range(50))
    assert all(set(labels[folds.fold == number]) == {0, 1} for number in range(5))


@pytest.mark.parametrize(
    ("labels", "units"),
    [
        (np.r_[np.zeros(FEWEST - 1), np.ones(100)], np.arange(FEWEST + 99)),
        (np.arange(200) % 2, np.zeros(200)),
        (np.arange(200) % 2, np.arange(200) % 4),
    ],
)
def test_too_few_files_or_units_are_not_judged(labels, units):
    assert make_folds(labels, units, seed=0) is None


def test_the_area_is_that_of_the_known_distributions():
    features, labels = two_classes(2000, shift=1.0)
    folds = make_folds(labels, np.arange(2000), seed=0)
    found = separate(features, folds, **OPTIONS)
    assert found.value == pytest.approx(0.7602, abs=0.03)  # Phi(1 / sqrt(2))
    assert found.low < 0.7602 < found.high


def test_what_tells_nothing_stays_around_one_half():
    features, labels = two_classes(1000, shift=0.0, seed=1)
    found = separate(features, make_folds(labels, np.arange(1000), seed=0), **OPTIONS)
    assert abs(found.value - 0.5) < 0.05
    assert light_of(found, FAMILIES["bytes"]) == "green"


def test_pure_noise_is_hardly_ever_red():
    """The intervals are a little too narrow; that must not bring false red lights."""
    reds = 0
    for seed in range(40):
        generator = np.random.default_rng(seed)
        folds = make_folds(np.arange(120) % 2, np.arange(120), seed)
        number = generator.normal(size=(120, 1))
        word = np.eye(12)[generator.integers(0, 12, 120)]
        for features in (np.hstack([number, number**2]), word):
            found = separate(features, folds, **(OPTIONS | {"resamples": 60}))
            reds += light_of(found, FAMILIES["bytes"]) == "red"
    assert reds <= 1  # of 80


@pytest.mark.parametrize(
    ("labels", "units", "words"),
    [
        (np.r_[np.zeros(29), np.ones(99)], np.arange(128), "Only 29 real and 99 fake"),
        (np.arange(200) % 2, np.arange(200) % 4, "come from only 2 people"),
        (np.arange(200) % 2, np.arange(200), ""),
    ],
)
def test_why_files_are_too_few(labels, units, words):
    reason = why_too_few(labels, units)
    assert words in reason and bool(words) == bool(reason)


def test_copies_across_folds_would_be_learned_by_heart():
    """With more columns than pictures, only keeping copies together tells noise from signal."""
    generator = np.random.default_rng(0)
    features = np.repeat(generator.normal(size=(100, 300)), 4, axis=0)
    labels = np.repeat(np.arange(100) % 2, 4)
    honest = separate(features, make_folds(labels, np.repeat(np.arange(100), 4), seed=0), **OPTIONS)
    fooled = separate(features, make_folds(labels, np.arange(400), seed=0), **OPTIONS)
    assert fooled.value > 0.99
    assert abs(honest.value - 0.5) < 0.15


def test_clusters_widen_the_interval():
    generator = np.random.default_rng(0)
    base = generator.normal(size=(60, 1))
    labels = np.repeat((base[:, 0] + generator.normal(size=60) > 0).astype(int), 5)
    features = np.repeat(base, 5, axis=0)
    widths = []
    for units in (np.repeat(np.arange(60), 5), np.arange(300)):
        found = separate(features, make_folds(labels, units, seed=0), **OPTIONS)
        widths.append(found.high - found.low)
    assert widths[0] > 1.5 * widths[1]


def test_columns_without_variation_are_one_half_exactly():
    labels = np.arange(100) % 2
    folds = make_folds(labels, np.arange(100), seed=0)
    assert separate(np.ones((100, 2)), folds, **OPTIONS) == Interval(0.5, 0.5, 0.5)
    assert separate(np.ones((100, 0)), folds, **OPTIONS) == Interval(0.5, 0.5, 0.5)


def test_it_is_scikit_learns_logistic_regression():
    features, labels = two_classes(300, shift=1.0)
    model = fit_linear(features, labels, strength=0.5, scaling="each")
    scaled = (features - features.mean(0)) / features.std(0)
    theirs = LogisticRegression(C=0.5).fit(scaled, labels).predict_proba(scaled)[:, 1]
    assert np.abs(model.score(features) - theirs).max() < 1e-3


def test_together_keeps_the_proportions_of_the_columns():
    features, labels = two_classes(300, shift=1.0)
    features[:, 1] *= 10
    model = fit_linear(features, labels, strength=1.0, scaling="together")
    assert len(set(model.scale)) == 1
    assert model.scale[0] == pytest.approx(features.std(0).mean(), rel=1e-4)


def test_a_saved_model_holds_its_numbers(tmp_path):
    model = LinearModel(np.float32([1, 2]), np.float32([1, 2]), np.float32([3, -1]), 0.5)
    model.save(tmp_path / "model.npz")
    with np.load(tmp_path / "model.npz") as arrays:
        again = LinearModel(
            *(arrays[name] for name in ("mean", "scale", "weights")), float(arrays["intercept"])
        )
    features = np.array([[1.0, 2.0], [2.0, 0.0]])
    assert again.score(features).tolist() == model.score(features).tolist()
    assert model.score(features) == pytest.approx([expit(0.5), expit(4.5)])
    assert model.score(features[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("area", "file_light", "picture_light"),
    [
        (Interval(0.60, 0.551, 0.65), "red", "amber"),
        (Interval(0.60, 0.55, 0.65), "amber", "green"),
        (Interval(0.56, 0.49, 0.63), "green", "green"),
        (Interval(0.54, 0.51, 0.57), "green", "green"),
        (Interval(0.30, 0.20, 0.40), "green", "green"),
        (Interval(1.0, None, None), "red", "amber"),
    ],
)
def test_lights_of_an_area(area, file_light, picture_light):
    assert light_of(area, FAMILIES["bytes"]) == file_light
    assert light_of(area, FAMILIES["colour"]) == picture_light
