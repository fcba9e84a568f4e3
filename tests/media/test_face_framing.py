"""How crops frame their faces, from known boxes and with the finders."""

from __future__ import annotations

import numpy as np
import pytest
from unmask.media.faces import Face, Framing, crop_face, make_finder, measure_framing


class Marks:
    """A finder of white rectangles: what it finds is exact."""

    name, title, notices = "marks", "Marks", ()

    def find(self, pictures):
        return [self._find_in(pixels[..., 0] == 255) for pixels in pictures]

    def _find_in(self, white):
        rows, columns = np.nonzero(white)
        if not len(rows):
            return []
        left, top = columns.min(), rows.min()
        box = (left, top, columns.max() + 1 - left, rows.max() + 1 - top)
        return [Face(tuple(map(float, box)), np.zeros((5, 2)), 1.0)]


def draw(height: int, width: int, left: int, top: int, box_width: int, box_height: int):
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[top : top + box_height, left : left + box_width] = 255
    return pixels


def test_medians_of_known_boxes():
    pictures = [draw(112, 112, 26 + shift, 32, 40, 60) for shift in (-6, 0, 0, 3, 40)]
    framing = measure_framing(iter(pictures), Marks())
    assert framing == Framing(0.8667, (0.1667, -0.1), False, "measured", 5, 5)
    larger = measure_framing([draw(224, 224, 52, 64, 80, 120)], Marks())
    assert (larger.margin, larger.offset) == (framing.margin, framing.offset)


def test_of_an_oblong_picture_the_middle_square_counts():
    framing = measure_framing([draw(56, 112, 46, 18, 20, 20)], Marks())
    assert framing == Framing(1.8, (0.0, 0.0), False, "measured", 1, 1)


def test_too_few_faces():
    empty = np.zeros((50, 50, 3), np.uint8)
    faces = [draw(50, 50, 10, 10, 20, 20)] * 10
    assert measure_framing([*faces, *[empty] * 20], Marks()).found == 10
    assert measure_framing([*faces, *[empty] * 21], Marks()) is None
    assert measure_framing([], Marks()) is None


class BorderShy(Marks):
    """Finds nothing when there is a border around the picture."""

    def find(self, pictures):
        return [faces if pixels.shape[0] == 64 else [] for pixels, faces in
                zip(pictures, super().find(pictures), strict=True)]  # fmt: skip


def test_without_a_border_too_when_nothing_is_found_with_it():
    framing = measure_framing([draw(64, 64, 16, 16, 32, 32)], BorderShy())
    assert framing == Framing(1.0, (0.0, 0.0), False, "measured", 1, 1)


@pytest.mark.parametrize("name", ["mtcnn", "yunet"])
def test_a_crop_made_with_a_framing_is_measured_back(name, demo_pictures, request):
    weights = None
    if name == "yunet":
        weights = request.getfixturevalue("shared_data") / "weights" / "yunet_n_640_640.onnx"
    finder = make_finder(name, weights=weights)
    found = finder.find(demo_pictures)
    for wanted in (Framing(0.3, (0.0, -0.1)), Framing(0.0, (0.05, 0.05))):
        crops = [
            crop_face(pixels, faces[0], wanted)
            for pixels, faces in zip(demo_pictures, found, strict=True)
            if faces
        ]
        measured = measure_framing(crops, finder)
        assert measured.found == len(crops) >= 11
        assert 1 + measured.margin == pytest.approx(1 + wanted.margin, rel=0.05)
        assert measured.offset == pytest.approx(wanted.offset, abs=0.05)
