"""Learning rates follow from the step alone, and fall towards the first stages when asked to."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import planted_data, small_network
from unmask.training.optimizers import (
    RoundedAccuracy,
    RoundedAUC,
    Schedule,
    compile_for_training,
    rate_shares,
)
from unmask.training.settings import SCHEDULES, TrainingSettings
from unmask.training.snapshots import cycle_ends


def rates(kind: str, epochs: int, steps: int, peak: float = 1.0) -> np.ndarray:
    schedule = Schedule(kind, peak, epochs, steps)
    return np.asarray(schedule(np.arange(epochs * steps)), dtype=np.float64)


def test_cosine_warms_up_and_falls_along_half_a_cosine():
    found = rates("cosine", epochs=4, steps=10, peak=0.1)
    assert found[0] == pytest.approx(0.02) and found[5] == pytest.approx(0.1)
    np.testing.assert_allclose(
        found[5:], 0.05 * (1 + np.cos(np.pi * np.arange(35) / 35)), rtol=1e-5
    )


def test_one_cycle_starts_low_peaks_at_30_percent_and_ends_at_nothing():
    found = rates("one_cycle", epochs=2, steps=50, peak=0.5)
    assert found[0] == pytest.approx(0.5 / 25) and found.argmax() == 30
    assert found[30] == pytest.approx(0.5) and found[-1] < 1e-3
    assert (np.diff(found[:31]) > 0).all() and (np.diff(found[30:]) < 0).all()


def test_snapshots_start_anew_after_each_low():
    found = rates("snapshots", epochs=4, steps=5).reshape(4, 5)
    np.testing.assert_allclose(found[:2], found[2:], rtol=1e-6)
    assert found[0, 0] == 1 and found[1, -1] < 0.05
    assert np.asarray(Schedule("snapshots", 1.0, 4, 5)(10)) == 1


@settings(max_examples=40, deadline=None)
@given(
    kind=st.sampled_from(SCHEDULES[1:]),
    epochs=st.integers(1, 30),
    steps=st.integers(1, 40),
)
def test_every_rate_is_within_nothing_and_the_highest(kind, epochs, steps):
    found = rates(kind, epochs, steps, peak=0.25)
    assert (found >= 0).all() and (found <= 0.25 + 1e-7).all()
    assert found.max() > 0.1 or epochs * steps == 1


@given(epochs=st.integers(1, 200))
def test_cycles_cover_all_epochs_and_are_as_long_as_each_other(epochs):
    ends = cycle_ends(epochs)
    lengths = np.diff([0, *ends])
    assert ends[-1] == epochs and len(ends) <= 5
    assert lengths.max() - lengths.min() <= 1 and (lengths.min() >= 2 or epochs == 1)


def test_a_constant_rate_is_a_plain_number():
    model = small_network()
    compile_for_training(model, TrainingSettings(), 2e-3, epochs=3, steps=4)
    assert float(model.optimizer.learning_rate) == pytest.approx(2e-3)
    compile_for_training(model, TrainingSettings(schedule="cosine"), 2e-3, epochs=3, steps=4)
    assert isinstance(model.optimizer._learning_rate, Schedule)
    compile_for_training(model, TrainingSettings(schedule="cosine"), 2e-3)
    assert float(model.optimizer.learning_rate) == pytest.approx(2e-3)


def test_shares_halve_from_the_head_to_the_first_stage():
    shares = rate_shares(small_network(), 0.5)
    assert shares == {
        "block1_conv1": 0.5,
        "block1_norm1": 0.5,
        "block1_conv2": 0.5,
        "block1_norm2": 0.5,
        "fake": 1.0,
    }


def changes_of_a_step(**chosen) -> list[np.ndarray]:
    keras.utils.set_random_seed(3)
    model, data = small_network(), planted_data(32)
    compile_for_training(model, TrainingSettings(**chosen), 0.01)
    before = [variable.numpy() for variable in model.trainable_variables]
    labels = (np.arange(16) % 2).astype(np.float32)[:, None]
    with tf.GradientTape() as tape:
        scores = model(data.pixels[:16], training=True)
        loss = keras.ops.mean(keras.losses.binary_crossentropy(labels, scores))
    model.optimizer.apply(tape.gradient(loss, model.trainable_variables))
    after = [variable.numpy() for variable in model.trainable_variables]
    return [new - old for old, new in zip(before, after, strict=True)]


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_a_stage_moves_by_its_share_of_a_plain_step(optimizer):
    plain = changes_of_a_step(optimizer=optimizer, weight_decay=0.5)
    staged = changes_of_a_step(optimizer=optimizer, weight_decay=0.5, rate_decay=0.25)
    shares = [0.25] * 8 + [1.0, 1.0]
    for share, one, other in zip(shares, plain, staged, strict=True):
        assert np.abs(one).max() > 0
        np.testing.assert_allclose(other, share * one, rtol=2e-3, atol=1e-7)


@pytest.mark.parametrize("rate_decay", [1.0, 0.5])
def test_a_gradient_is_no_longer_than_allowed(rate_decay):
    changes = changes_of_a_step(optimizer="sgd", clip_norm=1e-3, rate_decay=rate_decay)
    shares = [rate_decay] * 8 + [1.0, 1.0]
    parts = [change / share for change, share in zip(changes, shares, strict=True)]
    length = np.sqrt(sum(np.square(part).sum() for part in parts))
    assert length == pytest.approx(0.01 * 1e-3, rel=0.01)


def test_metrics_take_a_fraction_for_the_class_it_is_nearest_to():
    labels = np.array([[0.05], [0.4], [0.6], [0.95]], dtype=np.float32)
    scores = np.array([[0.1], [0.7], [0.6], [0.9]], dtype=np.float32)
    accuracy, area = RoundedAccuracy(), RoundedAUC(num_thresholds=1001)
    accuracy.update_state(labels, scores)
    area.update_state(labels, scores)
    assert float(accuracy.result()) == 0.75
    assert float(area.result()) == pytest.approx(0.75, abs=1e-3)
