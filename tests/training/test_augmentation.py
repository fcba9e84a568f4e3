"""Augmentations by name: repeatable, independent of each other, and as strong as they say."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unmask.errors import UsageError
from unmask.training import settings as training_settings
from unmask.training.augmentation import DEFAULT, MEANINGS, NAMES, augment_batch, examples
from unmask.training.augmentation.amounts import colour_matrices
from unmask.training.augmentation.codecs import SUBSAMPLINGS, through_jpeg, through_webp
from unmask.training.augmentation.crops import cut, trim


def faces(count=6, side=32):
    noise = np.random.default_rng(1).normal(0, 1, (count, side, side, 3))
    smooth = np.stack([cv2.GaussianBlur(picture, (0, 0), 3) for picture in noise])
    return np.clip(128 + 200 * smooth + 3 * noise, 0, 255).astype(np.uint8)


def changed(pictures, names, seed=7, strength=1.0):
    return augment_batch(pictures, strength, np.random.default_rng(seed), names)


def as_always(picture, strength, generator):
    """The four defaults as trainings before there were others had them, written anew."""
    mirror, encode, quality = generator.random(3)
    down, right, contrast, brightness = generator.uniform(-1, 1, 4)
    if mirror < 0.5:
        picture = picture[:, ::-1]
    side = len(picture)
    far = [round(share * strength * side / 8) for share in (down, right)]
    places = [np.abs(np.arange(side) - step) for step in far]
    places = [np.minimum(place, 2 * (side - 1) - place) for place in places]
    picture = picture[places[0]][:, places[1]]
    levels = (np.arange(256) - 127.5) * (1 + 0.2 * strength * contrast) + 127.5
    picture = np.clip(levels + 51 * strength * brightness, 0, 255).astype(np.uint8)[picture]
    if encode < 0.5 * strength:
        options = [cv2.IMWRITE_JPEG_QUALITY, round(95 - 35 * quality * strength)]
        picture = cv2.imdecode(cv2.imencode(".jpg", picture[..., ::-1], options)[1], 1)[..., ::-1]
    return picture


@pytest.mark.parametrize("strength", [0.4, 1.0])
def test_the_defaults_give_the_batches_they_always_gave(strength):
    pictures, generator = faces(12), np.random.default_rng(7)
    expected = [as_always(picture, strength, generator) for picture in pictures]
    np.testing.assert_array_equal(changed(pictures, DEFAULT, strength=strength), expected)


def test_settings_know_the_same_names_and_every_name_has_a_meaning():
    assert set(NAMES) == set(training_settings.AUGMENTATIONS) == set(MEANINGS)
    assert set(DEFAULT) == set(training_settings.TrainingSettings().augmentations)


@pytest.mark.parametrize("name", NAMES)
def test_each_changes_pictures_and_repeats_with_its_seed(name):
    pictures = faces(20)
    once, again, other = (changed(pictures, [name], seed) for seed in (7, 7, 8))
    assert once.shape == pictures.shape and once.dtype == np.uint8
    np.testing.assert_array_equal(once, again)
    assert (once != pictures).any() and (once != other).any()
    assert (pictures == faces(20)).all()


@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(st.integers(2, 40), st.integers(2, 40)),
    strength=st.floats(0, 1),
    seed=st.integers(0, 2**32),
)
def test_all_together_keep_shape_and_type_of_any_picture(shape, strength, seed):
    pictures = np.random.default_rng(seed).integers(0, 256, (2, *shape, 3), dtype=np.uint8)
    result = changed(pictures, NAMES, seed, strength)
    assert result.shape == pictures.shape and result.dtype == np.uint8


@pytest.mark.parametrize("name", [name for name in NAMES if name != "cutout"])
def test_what_one_does_hangs_neither_on_the_others_nor_on_other_pictures(name):
    pictures = faces(20)
    alone, both = changed(pictures, [name]), changed(pictures, ["cutout", name])
    square = (both == 128).all(axis=-1)
    np.testing.assert_array_equal(alone[~square], both[~square])
    assert square.any()
    first_black = np.concatenate([np.zeros_like(pictures[:1]), pictures[1:]])
    np.testing.assert_array_equal(alone[1:], changed(first_black, [name])[1:])


def test_an_unknown_name_is_an_error_that_offers_the_nearest():
    with pytest.raises(UsageError, match=r"no augmentation 'cutuot'\. Did you mean 'cutout'"):
        changed(faces(1), ["flip", "cutuot"])


def test_examples_show_each_on_every_picture():
    pictures = faces(8)
    shown = examples(pictures, 1.0, np.random.default_rng(3))
    assert tuple(shown) == NAMES
    for name, result in shown.items():
        assert result.shape == pictures.shape and result.dtype == np.uint8
        assert all((new != old).any() for new, old in zip(result, pictures, strict=True)), name
    np.testing.assert_array_equal(shown["flip"], pictures[:, :, ::-1])


def test_noise_is_as_strong_as_said_and_grey_half_of_the_time():
    pictures = np.full((60, 32, 32, 3), 128, dtype=np.uint8)
    noise = (
        examples(pictures, 1.0, np.random.default_rng(1), ["noise"])["noise"].astype(float) - 128
    )
    spread = noise.std(axis=(1, 2, 3))
    assert 0.9 < spread.min() < 2.5 and 6.5 < spread.max() < 8.4
    assert abs(noise.mean()) < 0.2
    grey = (noise == noise[..., :1]).all(axis=(1, 2, 3)).mean()
    assert 0.3 < grey < 0.7


def test_cutout_covers_a_square_of_the_size_asked_for_and_nothing_else():
    pictures = np.full((60, 40, 40, 3), 7, dtype=np.uint8)
    covered = examples(pictures, 1.0, np.random.default_rng(1), ["cutout"])["cutout"]
    assert set(np.unique(covered)) == {7, 128}
    sides = [(each == 128).any(axis=(1, 2)).sum() for each in covered]
    assert max(sides) == 16 and 6 < np.mean(sides) < 12


def test_colours_turn_about_grey_and_keep_their_brightness():
    grey, same, turned = colour_matrices()
    luma = np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(grey + same, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(turned @ turned, -same, atol=1e-9)
    for part in (same, turned):
        np.testing.assert_allclose(part @ np.ones(3), 0, atol=2e-6)
        np.testing.assert_allclose(luma @ part, 0, atol=2e-6)


@pytest.mark.parametrize("encode", [through_jpeg, through_webp])
def test_encoders_keep_the_order_of_the_channels_and_lose_more_at_lower_quality(encode):
    plain = np.tile(np.array([180, 80, 130], dtype=np.uint8), (32, 32, 1))
    assert np.abs(encode(plain, 90).astype(int) - plain).max() <= 4
    picture = faces(1)[0]
    losses = [np.abs(encode(picture, quality).astype(int) - picture).mean() for quality in (95, 40)]
    assert 0 < losses[0] < losses[1]


def test_less_chroma_is_kept_with_more_subsampling():
    picture = np.zeros((32, 32, 3), dtype=np.uint8)
    picture[:, ::2] = 255, 0, 0
    losses = [
        np.abs(through_jpeg(picture, 95, sampling).astype(int) - picture).mean()
        for sampling in SUBSAMPLINGS
    ]
    assert losses[0] < 5 and losses[0] * 3 < losses[1] and losses[1] <= losses[2]


@pytest.mark.parametrize("names", [(), ("flip", "resave")])
def test_crops_lie_within_their_pictures_and_follow_the_seed(names):
    pixels = np.arange(3 * 50 * 70 * 3, dtype=np.int64).reshape(3, 50, 70, 3)
    rows = np.array([2, 0, 0, 1])
    for seed in range(20):
        parts, places = cut(pixels, rows, 24, np.random.default_rng(seed), names)
        crops = trim(parts, places, 24)
        assert crops.shape == (4, 24, 24, 3)
        for row, crop in zip(rows, crops, strict=True):
            top, left = np.argwhere(pixels[row, ..., 0] == crop[0, 0, 0])[0]
            np.testing.assert_array_equal(crop, pixels[row, top : top + 24, left : left + 24])
    assert parts.shape[1:3] == ((48, 48) if names else (24, 24))


def test_re_encoding_a_crop_leaves_what_re_encoding_the_whole_picture_leaves():
    pixels = faces(6, side=80)
    whole = np.stack([through_jpeg(picture, 60) for picture in pixels])
    rows = np.arange(6)
    parts, places = cut(pixels, rows, 32, np.random.default_rng(4), ["jpeg"])
    crops = trim(np.stack([through_jpeg(part, 60) for part in parts]), places, 32)
    expected, again = cut(whole, rows, 32, np.random.default_rng(4), ["jpeg"])
    np.testing.assert_array_equal(places, again)
    assert len({tuple(place) for place in places}) > 3
    # A decoder smooths chroma across the border of the part by a pixel.
    inner = np.s_[:, 1:-1, 1:-1]
    np.testing.assert_array_equal(crops[inner], trim(expected, places, 32)[inner])


def test_a_crop_larger_than_the_faces_is_an_error():
    with pytest.raises(UsageError, match="Crops of 64 pixels do not fit into faces of 32 by 32"):
        cut(faces(2), np.array([0]), 64, np.random.default_rng(0))
