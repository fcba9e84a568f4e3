"""Real clips and what was made of them: blinks counted by eye, and a number or its reason."""

import math

import numpy as np
import pytest
from unmask.evidence import NAMES, PersonFrame, Signs, measure_evidence, observe
from unmask.media.faces import Face, make_finder
from unmask.media.videos import open_frames

BETWEEN = 3  # frames from one search for the face to the next; it moves straight between them


@pytest.fixture(scope="module")
def finder(shared_data):
    return make_finder("yunet", weights=shared_data / "weights" / "yunet_n_640_640.onnx")


def watch(path, finder, count: int, every: int = 1) -> list[Signs]:
    """Returns the signs of the first `count` of every so many frames of a clip with one person."""
    with open_frames(path, every=every) as reader:
        frames = [frame for _, frame in zip(range(count), reader, strict=False)]
    found = finder.find([frame.pixels for frame in frames[::BETWEEN]])
    at = np.array([frame.time for frame in frames[::BETWEEN]])
    points = np.stack([faces[0].landmarks.ravel() for faces in found])
    signs = []
    for frame in frames:
        here = np.array([np.interp(frame.time, at, column) for column in points.T])
        face = Face(found[0][0].box, here.reshape(5, 2), 1.0)
        signs.append(observe(PersonFrame(frame.time, frame.pixels, face)))
    return signs


@pytest.mark.parametrize("name", ["real/004", "real/634", "fake/004_982", "fake/634_660"])
def test_each_measure_gives_a_number_or_its_reason(shared_data, finder, name):
    signs = watch(shared_data / "videos_ffpp_c23" / f"{name}.mp4", finder, 16)
    found = measure_evidence(signs, None, None, rate=25)
    assert tuple(each.name for each in found) == NAMES
    for each in found:
        if each.value is None:
            assert each.sentence.startswith("Not measurable here: ") and len(each.sentence) > 30
        else:
            assert math.isfinite(each.value) and each.series
    by_name = {each.name: each for each in found}
    assert by_name["face_sharpness"].value > 0.3
    assert "the clip has no sound" in by_name["lip_sync"].sentence


def test_blinks_counted_by_eye_are_found_and_a_face_that_never_blinks_is_told(shared_data, finder):
    """In its first 10.2 s the real person blinks 7 times; the face put over it keeps its eyes."""
    folder = shared_data / "videos_ffpp_c23"
    real, fake = (
        {each.name: each for each in measure_evidence(signs, None, None, rate=25)}
        for signs in (
            watch(folder / "real" / "519.mp4", finder, 128, every=2),
            watch(folder / "fake" / "519_515.mp4", finder, 128, every=2),
        )
    )
    assert real["blinking"].sentence.startswith(("6 blinks", "7 blinks", "8 blinks"))
    assert fake["blinking"].value < 0.3 * real["blinking"].value
    assert fake["flicker"].value > 2 * real["flicker"].value
    assert fake["face_sharpness"].value < 0.85 * real["face_sharpness"].value
    assert fake["colour_match"].value > 1.5 * real["colour_match"].value
