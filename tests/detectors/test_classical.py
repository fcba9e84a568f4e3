"""Classical detectors: their features are the known ones, under any precision, and tell noise."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from unmask import detectors
from unmask.audit import picture_features
from unmask.detectors.classical.traces import COMMON, PARTS
from unmask.detectors.layers.undecimated import PHASES, _phases
from unmask.errors import UsageError
from unmask.training.fast import accelerate


def pictures(count: int, side: int) -> np.ndarray:
    steps = np.random.default_rng(0).integers(-3, 4, (count, side, side, 3))
    return np.clip(128 + np.cumsum(steps, axis=2), 0, 255).astype(np.uint8)


def features(model: keras.Model, pixels: np.ndarray) -> np.ndarray:
    return np.asarray(keras.Model(model.input, model.layers[-1].input)(pixels))


@pytest.mark.parametrize(
    ("name", "numbers"),
    [
        ("cooccurrences", 4_116),
        # 169 classes of runs; 4 lines x 2 axes x 2 directions + 2 squares; 3 planes + 1 coarse
        ("cooccurrences_srm", 169 * 18 * 4),
        ("traces", 169 * 18 * 4 + 169 * 18 * 3 + 63 * 25 * 5),
        ("log_dct", 32 * 32 * 3),
        ("azimuthal_spectrum", 48),
        ("thumbnail", 16 * 16 * 3),
    ],
)
def test_features_are_counted_exact_in_mixed_precision_and_the_head_starts_undecided(name, numbers):
    model = detectors.build(name, (32, 32, 3))
    pixels = pictures(2, 32)
    assert model.count_params() == numbers + 1 and len(model.trainable_weights) == 2
    np.testing.assert_array_equal(np.asarray(model(pixels)), 0.5)
    mixed = accelerate(model, "mixed_bfloat16")
    np.testing.assert_array_equal(features(mixed, pixels), features(model, pixels))


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("cooccurrences", picture_features.residual_cooccurrences),
        ("azimuthal_spectrum", picture_features.azimuthal_spectrum),
        ("thumbnail", picture_features.thumbnail),
    ],
)
def test_features_are_those_of_the_audits_floors(name, function):
    pixels = pictures(2, 36)
    expected = np.stack([function(one) for one in pixels])
    found = features(detectors.build(name, (36, 36, 3)), pixels)
    # A thumbnail there is rounded to whole pixels.
    np.testing.assert_allclose(found, expected, atol=0.51 / 255 if name == "thumbnail" else 1e-4)


def test_places_in_the_grid_are_mirrored_and_shares_sum_to_one():
    phases = _phases(9, 16)
    assert phases[0].tolist() == [0, 1, 2, 3, 4, 3, 2, 1] * 2
    assert phases[:, 0].tolist() == [0, 5, 10, 15, 20, 15, 10, 5, 0]
    model = detectors.build("traces", (32, 40, 3), parts=["grid"])
    pixels = np.concatenate([pictures(1, 40)[:, :32], np.full((1, 32, 40, 3), 90, np.uint8)])
    shares = (5 * features(model, pixels).reshape(2, 63, PHASES, 5)) ** 2
    np.testing.assert_allclose(shares.sum(axis=-1), 1, atol=1e-5)
    np.testing.assert_allclose(shares[1, ..., 0], 1, atol=1e-5)


def test_magnitudes_are_counted_at_the_right_frequency_and_place():
    """A window on the wave's own period sees one frequency down, and none across."""
    wave = 128 + 40 * np.cos(np.pi * (2 * np.arange(32) + 1) * 2 / 16)
    pixels = np.repeat(np.repeat(wave.round().astype(np.uint8)[:, None], 32, 1)[..., None], 3, 2)
    model = detectors.build("traces", (32, 32, 3), parts=["grid"])
    shares = (5 * features(model, pixels[None]).reshape(63, 5, 5, 5)) ** 2
    assert (shares[2 * 8 - 1, 0, :, 4] > 0.99).all()  # frequency 2 down, 0 across, on the grid
    across = [frequency for frequency in range(63) if (frequency + 1) % 8]
    np.testing.assert_allclose(shares[across][..., 0], 1, atol=1e-5)


def test_parts_of_the_traces_stand_side_by_side():
    pixels = pictures(1, 32)
    whole = features(detectors.build("traces", (32, 32, 3)), pixels)
    alone = [
        features(detectors.build("traces", (32, 32, 3), parts=[part]), pixels) for part in PARTS
    ]
    np.testing.assert_array_equal(np.concatenate(alone[: len(COMMON)], axis=1), whole)
    # 16 parts, left and right averaged; 39 classes; 3 sizes, 3 planes, 2 directions and a square
    assert [part.shape[1] for part in alone[3:]] == [169 * 18 * 3, 8 * 39 * 27, 13 * 14 * 7 * 3]
    rich = features(detectors.build("cooccurrences_srm", (32, 32, 3)), pixels)
    np.testing.assert_array_equal(alone[0], rich)
    with pytest.raises(UsageError, match="Did you mean 'grid'"):
        detectors.build("traces", (32, 32, 3), parts=["grit"])
    with pytest.raises(UsageError, match="needs a kind of trace"):
        detectors.build("traces", (32, 32, 3), parts=[])


def test_a_linear_head_tells_smoothed_noise_that_no_thumbnail_shows():
    generator = np.random.default_rng(3)
    reals = generator.normal(128, 3, (40, 32, 32, 3))
    fakes = generator.normal(128, 3, (40, 33, 33, 3))
    fakes = (fakes[:, 1:, 1:] + 0.4 * fakes[:, :-1, 1:]) / np.hypot(1, 0.4)
    fakes = 128 + fakes - fakes.mean(axis=(1, 2), keepdims=True)
    pixels = np.concatenate([reals, fakes]).round().clip(0, 255).astype(np.uint8)
    labels = np.repeat([0, 1], 40)
    learn, test = np.arange(80) % 2 == 0, np.arange(80) % 2 == 1
    model = detectors.build("cooccurrences", (32, 32, 3))
    numbers = features(model, pixels)
    head = LogisticRegression(C=10).fit(numbers[learn], labels[learn])
    model.layers[-1].set_weights([head.coef_.T, head.intercept_])
    scores = np.asarray(model(pixels[test]))[:, 0]
    assert ((scores > 0.5) == labels[test]).mean() > 0.9
