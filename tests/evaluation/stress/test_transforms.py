"""Changes of the picture: what each does exactly, and that nothing but the level matters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays
from unmask.errors import UsageError
from unmask.evaluation.stress.transforms import TRANSFORMS, apply, chosen

FACES = arrays(np.uint8, (2, 12, 12, 3))
GREY = np.full((1, 16, 16, 3), 100, np.uint8)


def picture(seed=0, side=32):
    """A smooth picture with some texture: what encoders are made for."""
    generator = np.random.default_rng(seed)
    ramp = np.add.outer(np.arange(side), np.arange(side))[..., None] * 255 / (2 * side)
    return np.clip(ramp + generator.normal(0, 12, (side, side, 3)), 0, 255).astype(np.uint8)[None]


def once(name, level, faces, seed=0):
    return apply(TRANSFORMS[name], level, faces, [f"face-{i}" for i in range(len(faces))], seed)


@pytest.mark.parametrize("name", TRANSFORMS)
@settings(max_examples=5, deadline=None)
@given(faces=FACES)
def test_same_shape_and_type_and_the_same_again(name, faces):
    before = faces.copy()
    for level in TRANSFORMS[name].levels:
        changed = once(name, level, faces)
        assert changed.shape == faces.shape and changed.dtype == np.uint8
        assert np.array_equal(changed, once(name, level, faces))
    assert np.array_equal(faces, before)


@pytest.mark.parametrize("name", TRANSFORMS)
def test_a_face_is_changed_alike_wherever_it_stands(name):
    """The order of the faces, their number and so their class cannot matter."""
    transform = TRANSFORMS[name]
    faces = np.concatenate([picture(1), picture(2), picture(3)])
    together = apply(transform, transform.levels[-1], faces, ["a", "b", "c"])
    alone = apply(transform, transform.levels[-1], faces[[2]], ["c"])
    assert np.array_equal(together[2], alone[0])
    assert not np.array_equal(together[2], faces[2])


@pytest.mark.parametrize("name", ["noise", "crop", "occlusion"])
def test_what_is_random_follows_name_and_seed(name):
    transform, face = TRANSFORMS[name], picture()
    level = transform.levels[-1]
    first = apply(transform, level, face, ["a"], 0)
    assert not np.array_equal(first, apply(transform, level, face, ["b"], 0))
    assert not np.array_equal(first, apply(transform, level, face, ["a"], 1))


def test_light_has_known_answers():
    assert (once("brightness", 40, GREY) == 140).all()
    assert (once("brightness", -120, GREY) == 0).all()
    assert (once("contrast", 2, GREY) == 72).all()  # 127.5 - 2 * 27.5 = 72.5, to even
    assert (once("gamma", 2, GREY) == 39).all()  # 255 * (100 / 255) ** 2 = 39.2
    for name in ("contrast", "gamma"):
        assert np.array_equal(once(name, 1, picture()), picture())


def test_geometry_leaves_a_flat_picture_alone():
    for name in ("resize", "blur", "crop"):
        for level in TRANSFORMS[name].levels:
            assert np.array_equal(once(name, level, GREY), GREY)


def test_occlusion_covers_exactly_its_share():
    black = np.zeros((1, 20, 20, 3), np.uint8)
    for level in (0.2, 0.4):
        covered = (once("occlusion", level, black)[0] == 128).all(axis=2)
        assert covered.sum() == (20 * level) ** 2
        rows, columns = np.where(covered)
        assert np.ptp(rows) == np.ptp(columns) == 20 * level - 1


def test_a_crop_shows_a_part_of_the_picture():
    ramp = np.broadcast_to(np.arange(40, dtype=np.uint8)[:, None, None], (1, 40, 40, 3))
    changed = once("crop", 0.5, np.ascontiguousarray(ramp))[0, :, 0, 0].astype(int)
    assert (np.diff(changed) >= 0).all() and 18 <= np.ptp(changed) <= 20


def test_noise_has_the_spread_that_is_asked_for():
    faces = np.full((4, 64, 64, 3), 128, np.uint8)
    for level in (3, 20):
        changed = once("noise", level, faces).astype(float) - 128
        assert changed.std() == pytest.approx(level, rel=0.03)
        assert abs(changed.mean()) < 0.3


@pytest.mark.parametrize("name", ["jpeg", "screenshot", "blur", "noise", "crop", "occlusion"])
def test_stronger_levels_change_more(name):
    faces = np.concatenate([picture(seed, 64) for seed in range(4)]).astype(float)
    changes = [
        np.abs(once(name, level, faces.astype(np.uint8)) - faces).mean()
        for level in TRANSFORMS[name].levels
    ]
    assert changes == sorted(changes) and changes[0] > 0


def test_passing_on_is_resize_and_two_encodings():
    face = picture(5, 64)
    resized = once("resize", 0.5, face).astype(int)
    shared = once("reshare", 0.5, face).astype(int)
    assert 0 < np.abs(shared - resized).mean() < np.abs(shared - face).mean()


def test_labels_and_choice():
    assert TRANSFORMS["jpeg"].label(95) == "quality 95"
    assert TRANSFORMS["resize"].label(0.25) == "0.25 times"
    assert list(chosen([])) == list(TRANSFORMS)
    assert list(chosen(["noise", "jpeg"])) == ["jpeg", "noise"]
    with pytest.raises(UsageError, match="Did you mean 'jpeg'"):
        chosen(["jepg"])
