"""Crops around faces: where they lie, what is beyond the border, upright, and as trained."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from unmask.media.faces import Face, Framing, crop_as_trained, crop_face
from unmask.media.faces.crops import TEMPLATE, crop_matrix

SMOOTH = cv2.GaussianBlur(
    np.random.default_rng(3).integers(0, 256, (240, 320, 3), np.uint8), (0, 0), 4
)
SMOOTH = cv2.normalize(SMOOTH, None, 0, 255, cv2.NORM_MINMAX)


def make_face(x: float, y: float, width: float, height: float, turn: float = 0.0) -> Face:
    """A face with its box's centre at x, y; landmarks as the template, turned by degrees."""
    angle = np.radians(turn)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    landmarks = max(width, height) * TEMPLATE @ rotation.T + (x, y)
    return Face((x - width / 2, y - height / 2, width, height), landmarks, 0.9)


def test_margin_is_of_the_longer_side_and_the_box_is_in_the_middle():
    face = make_face(150, 120, 60, 80)
    assert np.array_equal(crop_face(SMOOTH, face, Framing(0.0)), SMOOTH[80:160, 110:190])
    assert np.array_equal(crop_face(SMOOTH, face, Framing(0.5)), SMOOTH[60:180, 90:210])
    assert np.array_equal(crop_face(SMOOTH, face, Framing(-0.5)), SMOOTH[100:140, 130:170])
    moved = Framing(0.0, (0.25, -0.125))
    assert np.array_equal(crop_face(SMOOTH, face, moved), SMOOTH[70:150, 130:210])


def test_the_crop_is_a_copy():
    pixels = SMOOTH.copy()
    crop_face(pixels, make_face(150, 120, 60, 80), Framing(0.0))[:] = 0
    assert np.array_equal(pixels, SMOOTH)


def test_beyond_the_border_edge_pixels_are_repeated():
    crop = crop_face(SMOOTH, make_face(10, 230, 40, 40), Framing(0.0))
    assert crop.shape == (40, 40, 3)
    assert np.array_equal(crop[:30, 10:], SMOOTH[210:240, :30])
    assert (crop[:, :10] == crop[:, 10:11]).all()
    assert (crop[30:] == crop[29:30]).all()
    outside = crop_face(SMOOTH, make_face(-100, -100, 40, 40), Framing(0.0))
    assert (outside == SMOOTH[0, 0]).all()


def test_sizes_are_reached_as_the_loader_does():
    face = make_face(150, 120, 80, 80)
    whole = SMOOTH[80:160, 110:190]
    for size, how in ((32, cv2.INTER_AREA), (200, cv2.INTER_LINEAR)):
        crop = crop_face(SMOOTH, face, Framing(0.0), size)
        assert np.array_equal(crop, cv2.resize(whole, (size, size), interpolation=how))
    assert np.array_equal(crop_face(SMOOTH, face, Framing(0.0), 80), whole)


@given(
    turn=some.floats(-80, 80),
    side=some.floats(20, 90),
    margin=some.floats(-0.2, 1),
    right=some.floats(-0.3, 0.3),
    down=some.floats(-0.3, 0.3),
)
@settings(max_examples=50, deadline=None)
def test_an_aligned_crop_puts_the_landmarks_where_the_template_has_them(
    turn, side, margin, right, down
):
    face = make_face(160, 120, side * 0.8, side, turn)
    matrix, pixels = crop_matrix(face, Framing(margin, (right, down), True))
    # Half a pixel may be rounded up or down: the landmarks' distances are not exact.
    assert abs(pixels - side * (1 + margin)) <= 0.5 + 1e-6
    placed = face.landmarks @ matrix[:, :2].T + matrix[:, 2]
    assert np.allclose(placed, (TEMPLATE - (right, down)) * side + pixels / 2, atol=1e-6)


def test_an_upright_face_is_cut_alike_with_and_without_alignment():
    face = make_face(150, 120, 64, 80)
    plain, aligned = (crop_face(SMOOTH, face, Framing(0.3, (0.1, 0.1), align)) for align in (0, 1))
    assert plain.shape == aligned.shape == (104, 104, 3)
    assert np.abs(plain.astype(int) - aligned).mean() < 2


def test_a_turned_face_is_turned_upright():
    turn = cv2.getRotationMatrix2D((160, 120), -30, 1.0)
    turned = cv2.warpAffine(SMOOTH, turn, (320, 240), flags=cv2.INTER_CUBIC)
    upright = crop_face(SMOOTH, make_face(160, 120, 60, 80), Framing(0.0))
    crop = crop_face(turned, make_face(160, 120, 60, 80, turn=30), Framing(0.0, align=True))
    assert crop.shape == upright.shape
    assert np.abs(crop.astype(int) - upright).mean() < 4


def test_a_picture_that_is_such_a_crop_comes_back_untouched():
    whole = SMOOTH[:200, :200]
    face = make_face(100, 90, 80, 110)
    same = Framing(200 / 110 - 1, (0.0, 10 / 110))
    assert crop_as_trained(whole, face, same) is whole
    # squares in the middle: IoU (155 / 200)^2 = 0.6006 and (154 / 200)^2 = 0.593
    for side, untouched in ((155, True), (154, False)):
        crop = crop_as_trained(whole, make_face(100, 100, side, side), Framing(0.0))
        assert (crop is whole) == untouched
        assert untouched or crop.shape == (side, side, 3)
    # reaching beyond the border counts as area of the crop
    assert crop_as_trained(whole, make_face(100, 100, 258, 258), Framing(0.0)) is whole
    assert crop_as_trained(whole, make_face(100, 100, 259, 259), Framing(0.0)) is not whole


def test_other_pictures_are_cropped():
    face = make_face(150, 120, 240, 240)
    assert crop_as_trained(SMOOTH, face, Framing(0.0)).shape == (240, 240, 3)  # not square
    whole = SMOOTH[:200, :200]
    turned = make_face(100, 100, 180, 180, turn=30)
    assert crop_as_trained(whole, turned, Framing(0.1, align=True)) is not whole
    assert crop_as_trained(whole, turned, Framing(0.1)) is whole
    assert crop_as_trained(SMOOTH, face, Framing(source="whole")) is SMOOTH


def test_degenerate_landmarks_give_a_crop_still():
    face = Face((100.0, 100.0, 50.0, 50.0), np.full((5, 2), 120.0), 0.9)
    assert crop_face(SMOOTH, face, Framing(0.2, align=True), 16).shape == (16, 16, 3)
    tiny = Face((100.0, 100.0, 0.2, 0.2), np.full((5, 2), 100.0), 0.9)
    assert crop_face(SMOOTH, tiny, Framing(0.0)).shape == (1, 1, 3)


def test_records_as_plain_data():
    framing = Framing(0.25, (0.0, -0.1), True, "measured", 64, 60)
    assert Framing.from_dict(framing.as_dict()) == framing
    assert framing.as_dict()["offset"] == [0.0, -0.1]
    record = make_face(10, 20, 4, 8).as_dict()
    assert record["box"] == [8.0, 16.0, 4.0, 8.0]
    assert record["confidence"] == 0.9
    assert len(record["landmarks"]) == 5
    with pytest.raises(TypeError):
        Framing.from_dict({**framing.as_dict(), "unknown": 1})
