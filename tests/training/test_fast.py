"""The fast copies compute what plain Keras computes, and what is saved is plain Keras."""

import subprocess
import sys

import keras
import numpy as np
import pytest
from unmask import detectors
from unmask.training.fast import FusedBatchNormalization, accelerate, fit_momentum, plain

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), dtype=np.uint8)
LABELS = (np.arange(24) % 2).astype(np.float32)


def small_network(seed: int = 1) -> keras.Model:
    keras.utils.set_random_seed(seed)
    return detectors.build_from_choices((16, 16, 3), blocks=(4, 8), dropout=0.0, skip=True)


def train_some(model: keras.Model) -> None:
    model.compile(optimizer=keras.optimizers.SGD(0.05), loss="binary_crossentropy")
    model.fit(PIXELS, LABELS, batch_size=8, epochs=2, shuffle=False, verbose=0)


def smooth_network() -> keras.Model:
    """Returns a network without the kinks that turn rounding into another path of training."""
    keras.utils.set_random_seed(1)
    layers = keras.layers
    x = inputs = keras.Input((16, 16, 3))
    x = layers.Rescaling(1 / 255)(x)
    for filters, momentum in ((4, 0.9), (8, 0.5)):
        x = layers.Conv2D(filters, 3, padding="same")(x)
        x = layers.BatchNormalization(momentum=momentum)(x)
        x = layers.Activation("tanh")(x)
    x = layers.BatchNormalization(center=False, scale=False)(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))


def test_fused_normalization_equals_keras_own_after_training():
    ours, theirs = accelerate(smooth_network()), smooth_network()
    assert sum(isinstance(layer, FusedBatchNormalization) for layer in ours.layers) == 3
    start = theirs.get_weights()
    train_some(ours)
    train_some(theirs)
    paths, moved = [weight.path for weight in theirs.weights], {}
    for path, before, mine, other in zip(
        paths, start, ours.get_weights(), theirs.get_weights(), strict=True
    ):
        np.testing.assert_allclose(mine, other, atol=1e-5, err_msg=path)
        moved[path.split("/")[-1]] = np.abs(before - other).max()
    assert min(moved[name] for name in ("kernel", "moving_mean", "moving_variance")) > 1e-4
    np.testing.assert_allclose(ours(PIXELS).numpy(), theirs(PIXELS).numpy(), atol=1e-5)


def test_frozen_normalization_keeps_its_statistics_and_uses_them():
    model = small_network()
    train_some(model)
    detectors.set_trainable(model, "all", freeze_normalization=True)
    fast = accelerate(model)
    frozen = [layer for layer in fast.layers if isinstance(layer, FusedBatchNormalization)]
    assert frozen and not any(layer.trainable for layer in frozen)
    before = [weight.numpy() for layer in frozen for weight in layer.weights]
    np.testing.assert_allclose(
        fast(PIXELS, training=True).numpy(), fast(PIXELS, training=False).numpy(), atol=1e-6
    )
    train_some(fast)
    after = [weight.numpy() for layer in frozen for weight in layer.weights]
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old, new)


def test_normalization_of_dense_features_is_left_to_keras():
    layer = FusedBatchNormalization()
    reference = keras.layers.BatchNormalization()
    features = np.random.default_rng(1).normal(3, 2, (32, 5)).astype(np.float32)
    np.testing.assert_array_equal(
        layer(features, training=True).numpy(), reference(features, training=True).numpy()
    )


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16", "mixed_float16"])
def test_fast_and_back_gives_the_same_scores_and_plain_layers(precision):
    model = small_network()
    train_some(model)
    fast = accelerate(model, precision)
    assert fast.get_layer("block1_conv1").dtype_policy.name == precision
    assert fast.layers[-1].compute_dtype == "float32"
    assert fast(PIXELS).dtype == "float32"
    back = plain(fast)
    assert [type(layer) for layer in back.layers] == [type(layer) for layer in model.layers]
    assert {layer.dtype_policy.name for layer in back.layers} == {"float32"}
    np.testing.assert_array_equal(back(PIXELS).numpy(), model(PIXELS).numpy())
    tolerance = 1e-5 if precision == "float32" else 0.05
    np.testing.assert_allclose(fast(PIXELS).numpy(), model(PIXELS).numpy(), atol=tolerance)


def test_trainable_flags_survive_both_ways():
    model = small_network()
    detectors.set_trainable(model, "head")
    for copy in (accelerate(model, "mixed_bfloat16"), plain(accelerate(model))):
        assert [layer.trainable for layer in copy.layers] == [
            layer.trainable for layer in model.layers
        ]
    assert model.get_layer("fake").trainable and not model.get_layer("block1_conv1").trainable


def test_a_saved_model_opens_in_plain_keras_with_identical_scores(tmp_path):
    fast = accelerate(small_network(), "mixed_bfloat16")
    train_some(fast)
    saved = plain(fast)
    saved.save(tmp_path / "model.keras")
    np.save(tmp_path / "pixels.npy", PIXELS)
    script = (
        "import sys, numpy, keras\n"
        "model = keras.models.load_model('model.keras', safe_mode=True)\n"
        "numpy.save('scores.npy', model(numpy.load('pixels.npy')).numpy())\n"
        "assert not any(name.startswith('unmask') for name in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, capture_output=True)
    np.testing.assert_array_equal(np.load(tmp_path / "scores.npy"), saved(PIXELS).numpy())


@pytest.mark.parametrize(("steps", "momentum"), [(1, 0.8), (40, 0.01 ** (1 / 40)), (10_000, 0.99)])
def test_momentum_lets_the_start_weigh_one_percent_after_an_epoch(steps, momentum):
    model = accelerate(small_network())
    fit_momentum(model, steps)
    found = [x.momentum for x in model.layers if isinstance(x, FusedBatchNormalization)]
    assert found == [pytest.approx(momentum)] * 4
