"""Sharpness, colour and light in one picture: what was drawn is what is read."""

import cv2
import numpy as np
import pytest
from drawn_people import draw, encode, face_at, flipped
from hypothesis import given, settings
from hypothesis import strategies as st
from unmask.evidence import NOT_HERE, PersonFrame, measure_evidence, observe
from unmask.evidence.canvas import EYES, MIDDLE, TEMPLATE, make_canvas, similarity, to_linear
from unmask.evidence.skin import colour_of
from unmask.media.faces import Face

STILL = ("face_sharpness", "colour_match", "light_match")
MOVING = ("blinking", "flicker", "lip_sync")


def values_of(frame: PersonFrame) -> dict[str, float | None]:
    return {each.name: each.value for each in measure_evidence([frame], None, None, rate=0)}


@pytest.fixture(scope="module")
def plain():
    return values_of(draw())


def test_a_photo_measures_what_one_frame_can_and_says_why_not_the_rest(plain):
    found = {each.name: each for each in measure_evidence([draw()], None, None, rate=0)}
    assert all(plain[name] is not None for name in STILL)
    for name in MOVING:
        assert found[name].value is None and found[name].verdict == NOT_HERE
        assert found[name].sentence == "Not measurable here: a photo does not move."
    assert not any("fake" in each.sentence.lower() for each in found.values())


def test_a_picture_that_was_blurred_as_a_whole_has_a_face_as_sharp_as_the_rest(plain):
    frame = draw()
    blurred = PersonFrame(0.0, cv2.GaussianBlur(frame.pixels, (0, 0), 1.2), frame.face)
    before, after = (observe(each).seen["face_sharpness"] for each in (frame, blurred))
    assert (after < 0.75 * before).all()
    assert values_of(blurred)["face_sharpness"] == pytest.approx(plain["face_sharpness"], rel=0.12)


def test_smoother_skin_is_not_less_sharp(plain):
    smooth = values_of(draw(face_grain=0.06))["face_sharpness"]
    assert smooth == pytest.approx(plain["face_sharpness"], rel=0.15)


@pytest.mark.parametrize("blur", [0.02, 0.05])
def test_a_face_that_was_blurred_is_less_sharp_than_its_surroundings(plain, blur):
    blurred = values_of(draw(face_blur=blur))
    assert blurred["face_sharpness"] < 0.9 * plain["face_sharpness"]
    assert blurred["colour_match"] == pytest.approx(plain["colour_match"], abs=1)


def test_a_colour_cast_on_the_face_alone_is_a_distance_from_the_neck(plain):
    assert plain["colour_match"] < 1.5
    cast = (0.85, 1.0, 1.2)
    there = colour_of(np.array([[0.42, 0.25, 0.17], np.array([0.42, 0.25, 0.17]) * cast]))
    drawn = values_of(draw(face_gain=cast))["colour_match"]
    assert drawn == pytest.approx(np.linalg.norm(there[0] - there[1]), abs=1.5)


def test_a_brighter_face_of_the_same_colour_matches_its_neck(plain):
    assert values_of(draw(face_gain=(1.3, 1.3, 1.3)))["colour_match"] < 1.5


def test_light_from_two_sides_is_a_factor_and_from_one_side_is_none(plain):
    assert plain["light_match"] < 1.1
    both = values_of(draw(face_light=0.6, neck_light=0.6 * 1.1 / 0.56))["light_match"]
    assert both == pytest.approx(1, abs=0.12)
    opposed = values_of(draw(face_light=0.6, neck_light=-0.6 * 1.1 / 0.56))["light_match"]
    assert opposed == pytest.approx(2**1.2, rel=0.12)


@settings(max_examples=8, deadline=None)
@given(eyes=st.integers(34, 80), gain=st.floats(0.6, 1.4), face_light=st.floats(-0.5, 0.5))
def test_size_brightness_and_mirroring_change_nothing(eyes, gain, face_light):
    look = {"face_light": face_light, "face_gain": (0.9, 1.0, 1.1)}
    usual, other = values_of(draw(**look)), draw(eyes, gain=gain, **look)
    for changed in (values_of(other), values_of(flipped(other))):
        assert changed["face_sharpness"] == pytest.approx(usual["face_sharpness"], rel=0.15)
        assert changed["colour_match"] == pytest.approx(usual["colour_match"], abs=1)
        assert changed["light_match"] == pytest.approx(usual["light_match"], rel=0.06)


@settings(max_examples=30, deadline=None)
@given(
    size=st.floats(0.2, 8), angle=st.floats(-3, 3), x=st.floats(-500, 500), y=st.floats(-500, 500)
)
def test_the_similarity_brings_a_moved_template_back_exactly(size, angle, x, y):
    turn = size * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = TEMPLATE @ turn.T + [x, y]
    matrix = similarity(moved, TEMPLATE)
    assert np.allclose(moved @ matrix[:, :2].T + matrix[:, 2], TEMPLATE, atol=1e-6)


def test_the_eyes_lie_where_the_canvas_has_them_at_any_size():
    for eyes in (20, 64, 120):
        frame = draw(eyes)
        canvas = make_canvas(frame.pixels, frame.face.landmarks)
        assert canvas.landmarks[:2] == pytest.approx(MIDDLE + EYES * TEMPLATE[:2], abs=1e-6)
        assert canvas.scale == pytest.approx(eyes / EYES)
        for x, y in canvas.landmarks[:2]:
            area = canvas.light[round(y) - 10 : round(y) + 11, round(x) - 10 : round(x) + 11]
            dark = np.clip(0.15 - area, 0, None)  # the iris, whose middle the landmark is
            rows, columns = np.mgrid[-10:11, -10:11]
            across, down = (float((dark * at).sum() / dark.sum()) for at in (columns, rows))
            assert across == pytest.approx(x - round(x), abs=0.12)
            assert down == pytest.approx(y - round(y), abs=0.12)


def test_a_large_picture_is_averaged_down_not_picked_from():
    landmarks = face_at(160).landmarks
    noise = np.random.default_rng(0).integers(0, 256, (864, 800, 3), np.uint8)
    canvas = make_canvas(noise, landmarks)
    spread = to_linear(noise)[..., 1].std()
    assert canvas.linear[canvas.inside][:, 1].std() < 0.5 * spread


def reasons(pixels: np.ndarray, points: np.ndarray) -> dict[str, str]:
    signs = observe(PersonFrame(0.0, pixels, Face((0, 0, 1, 1), points, 0.9)))
    return {name: seen for name, seen in signs.seen.items() if isinstance(seen, str)}


def test_what_cannot_be_seen_is_said():
    frame = draw()
    points = frame.face.landmarks
    small = reasons(frame.pixels, points / 10)
    assert len(small) == 6 and "too small" in small["blinking"]
    assert "not found apart" in reasons(frame.pixels, np.zeros((5, 2)))["flicker"]
    below_chin = reasons(frame.pixels[: round((1.9 + 1.6) * 40)], points)
    assert below_chin["colour_match"] == "the neck is outside the picture or in the dark"
    turned = points + np.array([[0, 0], [0, 0], [14, 0], [0, 0], [0, 0]])
    assert reasons(frame.pixels, turned)["light_match"] == "the face is turned too far to a side"
    outside = reasons(frame.pixels, points + 5000)
    assert len(outside) == 6


def test_a_scarf_is_not_skin_and_a_wall_has_no_sharpness():
    frame = draw()
    scarf = frame.pixels.copy()
    scarf[round((1.9 + 1.8) * 40) :] = (30, 60, 160)
    found = reasons(scarf, frame.face.landmarks)
    assert found["colour_match"] == "what is below the chin does not look like skin"
    even = encode(np.full((*frame.pixels.shape[:2], 3), 0.2))
    assert "too even" in reasons(even, frame.face.landmarks)["face_sharpness"]
    grey = np.repeat(frame.pixels.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    assert "does not look like skin" in reasons(grey, frame.face.landmarks)["colour_match"]
