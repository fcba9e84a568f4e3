"""Batches carry their own labels in an order that follows from seed and epoch alone."""

import cv2
import numpy as np
import pytest
from unmask.errors import DataError, UsageError
from unmask.training.batches import augment_batch, count_batches, count_steps, make_batches

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


def test_crops_are_of_the_side_asked_for_with_their_own_labels_and_the_same_after_a_resume(pixels):
    options = {"batch_size": 5, "seed": 3, "shuffle": True, "crop": 6, "augment": 1.0}
    options |= {"endless": True, "names": ("shift",)}  # crops are moved already
    dataset = make_batches(pixels, ROWS, LABELS, **options)
    assert dataset.element_spec[0].shape.as_list() == [None, 6, 6, 3]
    pairs, order = collect(dataset, 10)
    for x, y in pairs:
        assert x.shape == (len(y), 6, 6, 3)
        np.testing.assert_array_equal(x, np.broadcast_to(x[:, :1, :1, :1], x.shape))
        np.testing.assert_array_equal(y[:, 0], x[:, 0, 0, 0] % 3 == 0)
    _, later = collect(make_batches(pixels, ROWS, LABELS, first_epoch=1, **options), 5)
    assert order[5:] == later and sorted(np.concatenate(later)) == sorted(ROWS)


def test_crops_of_pictures_are_encoded_and_repeat():
    pictures = faces(8, side=40)
    options = {"batch_size": 4, "augment": 1.0, "crop": 24, "seed": 2}
    options["names"] = ("flip", "shift", "resave", "noise")
    batches = [
        collect(make_batches(pictures, np.arange(8), np.arange(8) % 2, **options), 2)[0]
        for _ in range(2)
    ]
    for (x, _), (again, _) in zip(*batches, strict=True):
        assert x.shape == (4, 24, 24, 3)
        np.testing.assert_array_equal(x, again)


def test_what_cannot_be_done_is_said_before_any_batch(pixels):
    with pytest.raises(UsageError, match="Crops of 9 pixels do not fit"):
        make_batches(pixels, ROWS, LABELS, batch_size=5, crop=9)
    with pytest.raises(UsageError, match="no augmentation 'blurr'"):
        make_batches(pixels, ROWS, LABELS, batch_size=5, augment=1.0, names=("blurr",))
    with pytest.raises(DataError, match="no real faces to make self-blended fakes from"):
        make_batches(pixels, ROWS, np.ones(COUNT), batch_size=5, fakes="self_blended")


@pytest.mark.parametrize("crop", [0, 24])
def test_self_blended_batches_hold_each_real_face_and_then_a_fake_of_each(crop):
    pictures, labels = faces(9, side=32), np.array([0, 1, 0, 0, 1, 0, 1, 0, 0])
    options = {"batch_size": 4, "seed": 3, "fakes": "self_blended", "crop": crop}
    dataset = make_batches(pictures, np.arange(9), labels, **options)
    pairs, _ = collect(dataset, 99)
    assert len(pairs) == count_steps(labels, 4, "self_blended") == 3
    assert [y[:, 0].tolist() for _, y in pairs] == [[0, 0, 1, 1]] * 3
    side = crop or 32
    for (x, _), reals in zip(pairs, ([0, 2], [3, 5], [7, 8]), strict=True):
        assert x.shape == (4, side, side, 3) and x.dtype == np.uint8
        for real, fake, row in zip(x[:2], x[2:], reals, strict=True):
            differences = [np.abs(real.astype(int) - other).mean() for other in x[2:]]
            assert 0 < np.abs(real.astype(int) - fake).mean() == min(differences)
            if not crop:
                likeness = np.abs(pictures.astype(int) - fake).mean(axis=(1, 2, 3))
                assert likeness.argmin() == row
    again, _ = collect(make_batches(pictures, np.arange(9), labels, **options), 99)
    np.testing.assert_array_equal(pairs[1][0], again[1][0])


def test_steps_count_what_an_epoch_holds():
    assert count_steps(np.array([0, 1, 1, 0, 1]), 2) == 3
    assert count_steps(np.array([0, 1, 1, 0, 0]), 2, "self_blended") == 3
    assert count_steps(np.array([0, 1, 1, 0, 0]), 5, "self_blended") == 2
    assert count_steps(np.array([0, 0]), 1, "self_blended") == 2


def test_self_blended_crops_are_parts_of_whole_faces_blended():
    pictures = faces(2, side=64)
    options = {"batch_size": 2, "fakes": "self_blended", "shuffle": True, "endless": True}
    whole, crops = (
        collect(make_batches(pictures, [0, 1], [0, 0], crop=crop, **options), 6)[0]
        for crop in (0, 24)
    )
    for (faces_of_a_batch, _), (parts, labels) in zip(whole, crops, strict=True):
        assert labels[:, 0].tolist() == [0, 1]
        views = np.lib.stride_tricks.sliding_window_view(faces_of_a_batch, (24, 24), axis=(1, 2))
        real, fake = (
            {
                tuple(place)
                for place in np.argwhere(
                    (view == np.moveaxis(part, -1, 0)).all(axis=(2, 3, 4))
                ).tolist()
            }
            for view, part in zip(views, parts, strict=True)
        )
        assert real & fake
