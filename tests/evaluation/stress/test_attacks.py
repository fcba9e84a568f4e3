"""Attacks: exact gradients, exact budgets, known answers on a linear network."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unmask import detectors
from unmask.errors import DataError
from unmask.evaluation.stress.attacks import (
    attack,
    can_be_followed,
    fgsm,
    logit_and_gradient,
    pgd,
    random_signs,
)

SIDE = 8
GENERATOR = np.random.default_rng(3)
WEIGHTS = GENERATOR.normal(size=(SIDE, SIDE, 3))
FACES = GENERATOR.integers(0, 256, (6, SIDE, SIDE, 3), dtype=np.uint8)
LABELS = np.array([0, 1, 0, 1, 1, 0])


def linear_gradient(pictures):
    """The logit of a linear network and its gradient, by hand."""
    logits = np.tensordot(pictures.astype(np.float64), WEIGHTS, axes=3)
    return logits, np.broadcast_to(WEIGHTS, pictures.shape)


def harm(pictures, labels=LABELS):
    """How far each logit lies on the wrong side; the loss rises with it."""
    return np.where(labels == 1, -1, 1) * linear_gradient(pictures)[0]


def exact_network():
    """A small convolutional network in float64, smooth so that differences converge."""
    keras.utils.set_random_seed(5)
    inputs = keras.Input((SIDE, SIDE, 3), dtype="float64")
    x = keras.layers.Rescaling(1 / 255, dtype="float64")(inputs)
    x = keras.layers.Conv2D(4, 3, padding="same", activation="tanh", dtype="float64")(x)
    x = keras.layers.BatchNormalization(dtype="float64")(x)
    x = keras.layers.AveragePooling2D(2, dtype="float64")(x)
    x = keras.layers.Flatten(dtype="float64")(x)
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid", dtype="float64")(x))


def test_gradient_agrees_with_finite_differences():
    gradient = logit_and_gradient(exact_network())
    pictures = FACES[:2].astype(np.float64)
    _, slopes = gradient(pictures)
    assert slopes.dtype == np.float64 and slopes.shape == pictures.shape
    width = 1e-3
    for place in GENERATOR.integers(0, (2, SIDE, SIDE, 3), (40, 4)):
        step = np.zeros_like(pictures)
        step[tuple(place)] = width
        numeric = (gradient(pictures + step)[0] - gradient(pictures - step)[0]) / (2 * width)
        assert numeric[place[0]] == pytest.approx(slopes[tuple(place)], rel=1e-6, abs=1e-12)


def test_logit_is_that_of_the_score_for_the_networks_that_are_trained_here():
    keras.utils.set_random_seed(1)
    model = detectors.build("two_block", (16, 16, 3))
    faces = GENERATOR.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    logits, slopes = logit_and_gradient(model)(faces)
    scores = model(faces, training=False).numpy()[:, 0]
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), scores, atol=1e-6)
    assert slopes.shape == faces.shape and np.abs(slopes).max() > 0


def test_a_saturated_score_still_has_a_slope():
    """Where P(fake) is rounded to 1 the loss is flat; the logit is not."""
    inputs = keras.Input((SIDE, SIDE, 3))
    layer = keras.layers.Dense(1, activation="sigmoid")
    model = keras.Model(inputs, layer(keras.layers.Flatten()(inputs)))
    layer.set_weights([np.full((SIDE * SIDE * 3, 1), 1.0), np.zeros(1)])
    assert model(FACES).numpy().min() == 1.0
    slopes = logit_and_gradient(model)(FACES)[1]
    np.testing.assert_allclose(slopes, 1.0)


def test_a_network_without_a_sigmoid_is_refused():
    inputs = keras.Input((SIDE, SIDE, 3))
    model = keras.Model(inputs, keras.layers.Dense(1)(keras.layers.Flatten()(inputs)))
    with pytest.raises(DataError, match="does not end in one sigmoid"):
        logit_and_gradient(model)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 12), st.integers(0, 5), st.integers(0, 99))
def test_no_value_moves_by_more_than_the_budget(budget, steps, seed):
    for changed in (
        fgsm(linear_gradient, FACES, LABELS, budget),
        pgd(linear_gradient, FACES, LABELS, budget, steps=steps, seed=seed),
        random_signs(FACES, budget, seed),
    ):
        assert changed.dtype == np.uint8 and changed.shape == FACES.shape
        assert np.abs(changed.astype(int) - FACES).max() <= budget


def test_fgsm_on_a_linear_network_is_the_worst_there_is():
    """Each value moves by the whole budget along its weight's sign: harm grows by their sum."""
    inside = GENERATOR.integers(20, 230, FACES.shape, dtype=np.uint8)
    for budget in (1, 8):
        changed = fgsm(linear_gradient, inside, LABELS, budget)
        gained = harm(changed) - harm(inside)
        np.testing.assert_allclose(gained, budget * np.abs(WEIGHTS).sum(), rtol=1e-12)
        found = pgd(linear_gradient, inside, LABELS, budget, steps=4)
        assert np.array_equal(found, changed)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 12), st.integers(0, 2**31))
def test_fgsm_never_helps_a_linear_network(budget, seed):
    generator = np.random.default_rng(seed)
    faces = generator.integers(0, 256, (4, SIDE, SIDE, 3), dtype=np.uint8)
    labels = generator.integers(0, 2, 4)
    assert (harm(fgsm(linear_gradient, faces, labels, budget), labels) >= harm(faces, labels)).all()


def test_several_steps_never_do_less_harm_than_one_nor_more_budget_less():
    keras.utils.set_random_seed(2)
    model = detectors.build("two_block", (16, 16, 3))
    gradient = logit_and_gradient(model)
    faces = GENERATOR.integers(0, 256, (40, 16, 16, 3), dtype=np.uint8)
    labels = np.arange(40) % 2
    sign = np.where(labels == 1, -1, 1)
    before = sign * gradient(faces)[0]
    found = attack(gradient, faces, labels, (1, 2, 8), steps=3)
    for budget in (1, 2, 8):
        single = sign * gradient(found["fgsm"][budget])[0]
        several = sign * gradient(found["pgd"][budget])[0]
        assert np.array_equal(found["fgsm"][budget], fgsm(gradient, faces, labels, budget))
        assert (several >= single - 1e-5).all() and (several >= before - 1e-5).all()
        assert np.abs(found["pgd"][budget].astype(int) - faces).max() <= budget
        before = several


def test_the_control_moves_every_value_by_the_whole_budget():
    inside = GENERATOR.integers(20, 230, (3, SIDE, SIDE, 3), dtype=np.uint8)
    moved = random_signs(inside, 5).astype(int) - inside
    assert set(np.unique(moved)) == {-5, 5}
    assert abs(moved.mean()) < 1


def test_a_detector_that_counts_cannot_be_followed_and_is_not_called_robust():
    inputs = keras.Input((SIDE, SIDE, 3))
    share = keras.layers.GlobalAveragePooling2D()(keras.ops.cast(inputs > 99, "float32"))
    counting = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(share))
    assert not can_be_followed(logit_and_gradient(counting), FACES)
    assert can_be_followed(linear_gradient, FACES)
