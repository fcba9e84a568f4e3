"""Faces too small or too blurred to be judged."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from unmask.media.faces import Face, judge_face, make_finder, measure_sharpness
from unmask.media.faces.boxes import scaled
from unmask.media.faces.quality import MINIMUM_SHARPNESS
from unmask.media.images import decode_image


@pytest.fixture(scope="module")
def faces(demo_pictures) -> list[tuple[np.ndarray, Face]]:
    found = make_finder("mtcnn").find(demo_pictures)
    return [(pixels, some[0]) for pixels, some in zip(demo_pictures, found, strict=True) if some]


def blurred(pixels: np.ndarray, face: Face, share: float) -> np.ndarray:
    return cv2.GaussianBlur(pixels, (0, 0), share * max(face.box[2:]))


def test_sharp_faces_pass_and_blurred_ones_do_not(faces):
    assert len(faces) >= 11
    assert {judge_face(pixels, face) for pixels, face in faces} == {""}
    softened = [judge_face(blurred(pixels, face, 0.04), face) for pixels, face in faces]
    assert set(softened) == {"too blurred"}


def test_sharpness_falls_with_blur_and_knows_neither_size_nor_contrast(faces):
    for pixels, face in faces[:4]:
        shares = (0.0, 0.01, 0.02, 0.04, 0.08)
        values = [
            measure_sharpness(blurred(pixels, face, share) if share else pixels, face)
            for share in shares
        ]
        assert values == sorted(values, reverse=True)
        assert 0 < values[-1] < MINIMUM_SHARPNESS < values[0] < 1
        large = cv2.resize(pixels, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
        assert measure_sharpness(large, scaled(face, 3, 3)) == pytest.approx(values[0], abs=0.03)
        pale = (pixels // 2 + 64).astype(np.uint8)
        assert measure_sharpness(pale, face) == pytest.approx(values[0], abs=0.03)


def test_small_faces_are_told_by_the_shorter_side(faces):
    pixels, face = faces[0]
    shorter = min(face.box[2:])
    assert judge_face(pixels, face, minimum_side=int(shorter)) == ""
    assert judge_face(pixels, face, minimum_side=int(shorter) + 1) == "too small"
    assert judge_face(pixels, face, minimum_sharpness=0.99) == "too blurred"


def test_an_even_face_is_too_blurred_unless_every_face_is_taken():
    face = Face((10.0, 10.0, 60.0, 60.0), np.zeros((5, 2)), 0.9)
    even = np.full((80, 80, 3), 77, np.uint8)
    assert measure_sharpness(even, face) == 0
    assert judge_face(even, face) == "too blurred"
    assert judge_face(even, face, minimum_sharpness=0) == ""


def test_real_faces_are_kept(shared_data):
    finder = make_finder("yunet", weights=shared_data / "weights" / "yunet_n_640_640.onnx")
    for name in ("faces_140k", "faces_dfdc"):
        paths = sorted((shared_data / name / "val" / "real").iterdir())[:40]
        pictures = [decode_image(path.read_bytes()).pixels for path in paths]
        for pixels, found in zip(pictures, finder.find(pictures), strict=True):
            assert [judge_face(pixels, face) for face in found[:1]] in ([""], [])
