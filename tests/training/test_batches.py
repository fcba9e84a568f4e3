"""Batches carry their own labels in an order that follows from seed and epoch alone."""

import cv2
import numpy as np
import pytest
from unmask.training.batches import augment_batch, count_batches, make_batches

COUNT, SIDE = 23, 8


@pytest.fixture
def pixels(tmp_path):
    """A memory map whose picture number n is filled with the value n."""
    array = np.lib.format.open_memmap(
        tmp_path / "faces.npy", mode="w+", dtype=np.uint8, shape=(40, SIDE, SIDE, 3)
    )
    array[:] = np.arange(40, dtype=np.uint8)[:, None, None, None]
    array.flush()
    return np.load(tmp_path / "faces.npy", mmap_mode="r")


ROWS = np.random.default_rng(5).permutation(40)[:COUNT]
LABELS = ROWS % 3 == 0


def collect(dataset, batches):
    pairs = [(x.numpy(), y.numpy()) for x, y in dataset.take(batches)]
    return pairs, [list(x[:, 0, 0, 0]) for x, _ in pairs]


def test_every_label_stays_with_its_picture_and_each_epoch_holds_each_once(pixels):
    batches = make_batches(pixels, ROWS, LABELS, batch_size=5, seed=3, shuffle=True, endless=True)
    pairs, order = collect(batches, 10)
    assert count_batches(COUNT, 5) == 5 and [len(x) for x, _ in pairs] == [5, 5, 5, 5, 3] * 2
    for x, y in pairs:
        assert x.dtype == np.uint8 and y.dtype == np.float32 and y.shape == (len(x), 1)
        np.testing.assert_array_equal(y[:, 0], x[:, 0, 0, 0] % 3 == 0)
    first, second = np.concatenate(order[:5]).tolist(), np.concatenate(order[5:]).tolist()
    assert sorted(first) == sorted(second) == sorted(ROWS)
    assert first != second and first != list(ROWS)


@pytest.mark.parametrize("augment", [0.0, 1.0])
def test_a_training_resumed_at_an_epoch_sees_what_it_would_have_seen(pixels, augment):
    options = {"batch_size": 5, "seed": 3, "shuffle": True, "augment": augment, "endless": True}
    whole, _ = collect(make_batches(pixels, ROWS, LABELS, **options), 15)
    later, _ = collect(make_batches(pixels, ROWS, LABELS, first_epoch=2, **options), 5)
    for (x, y), (again_x, again_y) in zip(whole[10:], later, strict=True):
        np.testing.assert_array_equal(x, again_x)
        np.testing.assert_array_equal(y, again_y)


def test_unshuffled_batches_are_one_epoch_in_the_given_order(pixels):
    _, order = collect(make_batches(pixels, ROWS, LABELS, batch_size=5), 99)
    assert np.concatenate(order).tolist() == list(ROWS)


def test_seeds_give_different_orders(pixels):
    orders = [
        collect(make_batches(pixels, ROWS, LABELS, batch_size=5, seed=s, shuffle=True), 5)[1]
        for s in (1, 1, 2)
    ]
    assert orders[0] == orders[1] != orders[2]


def faces(count=6, side=32):
    noise = np.random.default_rng(1).normal(0, 1, (count, side, side, 3))
    smooth = np.stack([cv2.GaussianBlur(picture, (0, 0), 3) for picture in noise])
    return np.clip(128 + 200 * smooth, 0, 255).astype(np.uint8)


def test_augmentation_keeps_shape_and_type_and_repeats_with_its_seed():
    pictures = faces()
    once, twice, other = (augment_batch(pictures, 1.0, np.random.default_rng(s)) for s in (7, 7, 8))
    assert once.shape == pictures.shape and once.dtype == np.uint8
    np.testing.assert_array_equal(once, twice)
    assert (once != other).any()
    assert all((new != old).any() for new, old in zip(once, pictures, strict=True))


def test_a_weaker_augmentation_changes_less_and_only_mirrors_at_nothing():
    pictures = faces(40)

    def distance(strength):
        changed = augment_batch(pictures, strength, np.random.default_rng(2)).astype(int)
        mirrored = np.abs(changed - pictures[:, :, ::-1]).mean((1, 2, 3))
        return np.minimum(mirrored, np.abs(changed - pictures).mean((1, 2, 3))).mean()

    assert distance(0.0) == 0 < distance(0.3) < distance(1.0)


def test_augmentation_keeps_the_order_of_the_channels():
    pictures = np.zeros((30, 32, 32, 3), dtype=np.uint8)
    pictures[..., 0], pictures[..., 1], pictures[..., 2] = 180, 80, 130
    changed = augment_batch(pictures, 1.0, np.random.default_rng(3)).astype(int).mean((1, 2))
    assert (changed[:, 0] > changed[:, 2] + 20).all()
    assert (changed[:, 2] > changed[:, 1] + 20).all()
