"""Mixup: pictures and labels are mixed by the same share, from the seed alone."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unmask.training.batches import make_batches, mix_up

SIDE = 6


def plain(values):
    return np.tile(np.array(values, dtype=np.uint8)[:, None, None, None], (1, SIDE, SIDE, 3))


@settings(max_examples=50, deadline=None)
@given(
    labels=st.lists(st.integers(0, 1), min_size=1, max_size=12),
    alpha=st.floats(0.05, 4),
    seed=st.integers(0, 2**32),
)
def test_a_picture_holds_as_much_of_each_as_its_label_says(labels, alpha, seed):
    # Fakes are white and reals are black, so brightness is the label.
    pictures = plain([255 * label for label in labels])
    truth = np.array(labels, dtype=np.float32)[:, None]
    mixed, shares = mix_up(pictures, truth, alpha, np.random.default_rng(seed))
    assert mixed.dtype == np.uint8 and mixed.shape == pictures.shape
    assert shares.dtype == np.float32 and shares.shape == truth.shape
    assert np.abs(mixed - 255.0 * shares[:, :, None, None]).max() <= 0.5 + 1e-3
    assert shares.min() >= 0 and shares.max() <= 1


def test_all_pictures_take_part_once_as_the_second_of_a_pair():
    pictures = plain([0, 10, 20, 40, 80, 160])
    same = mix_up(pictures, np.zeros((6, 1), np.float32), 1e-3, np.random.default_rng(1))[0]
    # With so small an alpha a pair is one or the other.
    assert set(same[:, 0, 0, 0]) <= {0, 10, 20, 40, 80, 160}
    half = mix_up(pictures, np.zeros((6, 1), np.float32), 1e9, np.random.default_rng(1))[0]
    assert half[:, 0, 0, 0].astype(int).sum() == pytest.approx(310, abs=3)


@pytest.mark.parametrize("augment", [0.0, 1.0])
def test_batches_are_mixed_the_same_after_a_resume_and_keep_their_order(augment):
    pixels = plain(range(0, 240, 12))
    rows, labels = np.arange(20), np.arange(20) % 2
    options = {"batch_size": 8, "seed": 4, "shuffle": True, "endless": True, "augment": augment}

    def batches(**more):
        dataset = make_batches(pixels, rows, labels, **options, **more)
        return [(x.numpy(), y.numpy()) for x, y in dataset.take(3)]

    whole = make_batches(pixels, rows, labels, mixup=0.4, **options).take(6)
    later = [(x.numpy(), y.numpy()) for x, y in whole][3:]
    for (x, y), (again_x, again_y) in zip(batches(mixup=0.4, first_epoch=1), later, strict=True):
        np.testing.assert_array_equal(x, again_x)
        np.testing.assert_array_equal(y, again_y)
        assert ((y > 0) & (y < 1)).any()
    for (x, _), (mixed, _) in zip(batches(), batches(mixup=1e-9), strict=True):
        # A vanishing alpha leaves each picture as it was, or puts its partner in its place.
        assert {bytes(each) for each in mixed} <= {bytes(each) for each in x}
