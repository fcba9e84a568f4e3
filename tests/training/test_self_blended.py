"""Self-blended fakes: real outside the mask, changed inside, and the same for the same seed."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unmask.errors import UsageError
from unmask.training.self_blended import (
    face_mask,
    self_blend,
    self_blended_batch,
    self_blended_pair,
)

# In the upper left quarter of a picture of 96 pixels.
LANDMARKS = np.array([[12, 10], [40, 8], [44, 30], [26, 44], [10, 32], [25, 25]], dtype=float)


def face(side=96, seed=0):
    noise = np.random.default_rng(seed).normal(0, 1, (side, side, 3))
    return np.clip(128 + 300 * cv2.GaussianBlur(noise, (0, 0), 2) + noise, 0, 255).astype(np.uint8)


def generator(seed=3):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("seed", range(8))
def test_outside_the_mask_nothing_changes(seed):
    picture = face()
    fake = self_blend(picture, generator(seed), LANDMARKS)
    assert fake.shape == picture.shape and fake.dtype == np.uint8
    differs = (fake != picture).any(axis=-1)
    assert differs[15:35, 15:38].mean() > 0.2
    # Deformation and softness reach some way beyond the landmarks, never across the picture.
    assert not differs[72:].any() and not differs[:, 72:].any()


@pytest.mark.parametrize("seed", range(8))
def test_real_and_fake_of_a_pair_are_equal_outside_the_mask(seed):
    real, fake = self_blended_pair(face(), generator(seed), LANDMARKS)
    differs = (fake != real).any(axis=-1)
    assert differs.any() and not differs[72:].any() and not differs[:, 72:].any()


def test_half_of_the_reals_are_changed_themselves():
    picture = face()
    kept = [(self_blended_pair(picture, generator(n))[0] == picture).all() for n in range(40)]
    assert 10 < sum(kept) < 30


def test_the_seed_repeats_the_fake():
    once, again, other = (self_blend(face(), generator(seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(once, again)
    assert (once != other).any()


def test_a_batch_holds_the_pairs_in_order_and_leaves_what_it_was_given():
    pictures = np.stack([face(48, seed) for seed in range(6)])
    reals, fakes = self_blended_batch(pictures, generator())
    assert reals.shape == fakes.shape == pictures.shape and fakes.dtype == np.uint8
    for number, picture in enumerate(pictures):
        nearest = np.abs(pictures.astype(int) - fakes[number]).mean(axis=(1, 2, 3)).argmin()
        assert nearest == number and (fakes[number] != reals[number]).any()
        np.testing.assert_array_equal(picture, face(48, number))
    with_points, _ = self_blended_batch(pictures, generator(), [LANDMARKS / 2] * 6)
    np.testing.assert_array_equal(with_points[0], reals[0])


@settings(max_examples=25, deadline=None)
@given(shape=st.tuples(st.integers(16, 120), st.integers(16, 120)), seed=st.integers(0, 2**32))
def test_masks_go_from_nothing_at_the_corners_to_one(shape, seed):
    mask = face_mask(shape, generator(seed))
    assert mask.shape == shape and mask.dtype == np.float32
    assert mask.min() >= 0 and 0.5 < mask.max() <= 1 + 1e-6
    assert mask[0, 0] < 0.3 and mask[-1, -1] < 0.3
    assert 0.01 < mask.mean() < 0.8


def test_masks_differ_in_part_and_softness():
    masks = np.stack([face_mask((64, 64), generator(seed)) for seed in range(60)])
    covered = (masks > 0.5).mean(axis=(1, 2))
    soft = ((masks > 0.05) & (masks < 0.95)).mean(axis=(1, 2))
    assert covered.max() > 2 * covered.min() and soft.max() > 2 * soft.min()


@pytest.mark.parametrize(
    "points", [[[5, 5], [9, 9]], [[5, 5], [9, 9], [20, 20]], [[np.nan, 1], [9, 3], [4, 8]], []]
)
def test_landmarks_that_span_no_area_are_an_error(points):
    with pytest.raises(UsageError, match="span no area"):
        self_blend(face(), generator(), np.array(points, dtype=float))


def test_landmarks_beside_the_picture_are_an_error():
    with pytest.raises(UsageError, match="span no area in the picture"):
        self_blend(face(), generator(), LANDMARKS + 500)
