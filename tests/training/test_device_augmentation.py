"""Augmentation on the device: what the processor does, from draws that follow seed and epoch."""

import numpy as np
import pytest
from unmask.training.augmentation import (
    DEFAULT,
    NAMES,
    augment_batch,
    device_augmentation,
    split_host_and_device,
)
from unmask.training.augmentation.device import ON_DEVICE

GRADIENT = np.stack(np.meshgrid(np.arange(24), np.arange(24), [0, 3, 60]), axis=-1).sum(-1)
PICTURES = np.stack([GRADIENT.astype(np.uint8) + 4 * number for number in range(16)])


def changed(names, seed=5, strength=1.0):
    return np.asarray(device_augmentation(names, strength, seed)(PICTURES, training=True))


def test_a_gpu_takes_what_it_can_and_leaves_encoders_to_the_processor():
    assert split_host_and_device(DEFAULT, on_gpu=True) == (("jpeg",), ("flip", "shift", "light"))
    assert split_host_and_device(DEFAULT, on_gpu=False) == (DEFAULT, ())
    host, device = split_host_and_device(NAMES, on_gpu=True)
    assert set(host) | set(device) == set(NAMES) and set(device) == set(ON_DEVICE)


def test_there_is_no_layer_when_there_is_nothing_to_do():
    assert device_augmentation(("jpeg", "webp"), 1.0, seed=1) is None
    assert device_augmentation(("flip",), 0.0, seed=1) is None


def test_draws_follow_the_seed_and_the_epoch_so_that_a_resumed_training_repeats_them():
    layer = device_augmentation(ON_DEVICE, 1.0, seed=5)
    layer.set_epoch(0)
    first, second = (np.asarray(layer(PICTURES, training=True)) for _ in range(2))
    layer.set_epoch(1)
    later = np.asarray(layer(PICTURES, training=True))
    resumed = type(layer).from_config(layer.get_config())
    np.testing.assert_array_equal(first, np.asarray(resumed(PICTURES, training=True)))
    resumed.set_epoch(1)
    np.testing.assert_array_equal(later, np.asarray(resumed(PICTURES, training=True)))
    assert all((one != two).any() for one, two in ((first, second), (first, later)))
    assert (first != changed(ON_DEVICE, seed=6)).any()


def test_pictures_come_as_whole_numbers_in_float32_and_untouched_when_scoring():
    result = changed(ON_DEVICE)
    assert result.shape == PICTURES.shape and result.dtype == np.float32
    assert (result == np.rint(result)).all() and result.min() >= 0 and result.max() <= 255
    layer = device_augmentation(ON_DEVICE, 1.0, seed=5)
    np.testing.assert_array_equal(np.asarray(layer(PICTURES, training=False)), PICTURES)
    assert layer.compute_dtype == "float32"
    copied = type(layer).from_config({**layer.get_config(), "dtype": "mixed_bfloat16"})
    np.testing.assert_array_equal(np.asarray(copied(PICTURES, training=True)), result)


def test_mirrored_pictures_are_exact_and_about_half_of_all():
    result = changed(["flip"])
    kept = [(new == old).all() for new, old in zip(result, PICTURES, strict=True)]
    turned = [(new == old[:, ::-1]).all() for new, old in zip(result, PICTURES, strict=True)]
    assert np.logical_xor(kept, turned).all() and 3 < sum(turned) < 13


def test_moved_pictures_are_exact_and_each_moves_by_its_own_whole_pixels():
    moves = set()
    for new, old in zip(changed(["shift"]), PICTURES, strict=True):
        padded = np.pad(old, ((3, 3), (3, 3), (0, 0)), mode="symmetric")
        places = [
            (down, right)
            for down in range(7)
            for right in range(7)
            if (padded[down : down + 24, right : right + 24] == new).all()
        ]
        assert len(places) == 1
        moves.add(places[0])
    assert len(moves) > 5


def test_light_and_noise_and_squares_reach_as_far_as_on_the_processor():
    grey = np.full((64, 24, 24, 3), 100, dtype=np.uint8)
    for name, statistic in (("light", np.mean), ("noise", np.std), ("cutout", np.mean)):
        layer = device_augmentation([name], 1.0, seed=2)
        device = [statistic(each) for each in np.asarray(layer(grey, training=True))]
        host = [
            statistic(each) for each in augment_batch(grey, 1.0, np.random.default_rng(2), [name])
        ]
        for part in (10, 50, 90):
            wanted = np.percentile(host, part)
            assert np.percentile(device, part) == pytest.approx(
                wanted, abs=0.15 * np.ptp(host) + 0.6
            )


def test_colours_change_but_not_their_grey():
    grey = np.full((8, 24, 24, 3), 255, dtype=np.uint8)
    layer = device_augmentation(["colour"], 1.0, seed=2)
    np.testing.assert_array_equal(np.asarray(layer(grey, training=True)), grey)
    result = changed(["colour"])
    assert all((new != old).any() for new, old in zip(result, PICTURES, strict=True))


def test_crops_enlarge_half_of_the_pictures_within_their_range():
    result = changed(["crop"])
    met = [(new != old).any() for new, old in zip(result, PICTURES, strict=True)]
    assert 3 < sum(met) < 13
    for new, old in zip(result, PICTURES, strict=True):
        # On a slope an enlarged part rises less, and never leaves the range of the whole.
        assert old.min() <= new.min() and new.max() <= old.max()
        assert 0.6 * 23 <= new[12, -1, 0] - new[12, 0, 0] <= 23
