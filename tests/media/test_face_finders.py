"""Both finders on the demo's faces, two public-domain portraits, and real clips."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from matplotlib.cbook import get_sample_data
from unmask.errors import DataError, UsageError
from unmask.media.faces import make_finder
from unmask.media.faces.boxes import corners, keep_best, overlaps, scaled
from unmask.media.faces.mtcnn import find_faces
from unmask.media.images import decode_image
from unmask.media.videos import read_frames


@pytest.fixture(scope="module", params=["mtcnn", "yunet"])
def finder(request):
    if request.param == "mtcnn":
        return make_finder("mtcnn")
    folder = request.getfixturevalue("shared_data")
    return make_finder("yunet", weights=folder / "weights" / "yunet_n_640_640.onnx")


def overlap(first, second) -> float:
    return float(overlaps(np.array([corners(first.box)]), np.array([corners(second.box)]))[0, 0])


def check_is_upright(face) -> None:
    """Eyes above nose above mouth, left ones left, all in the box."""
    left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_mouth[0] < right_mouth[0]
    assert max(left_eye[1], right_eye[1]) < nose[1] < min(left_mouth[1], right_mouth[1])
    left, top, right, bottom = corners(face.box)
    assert (face.landmarks >= (left, top)).all()
    assert (face.landmarks <= (right, bottom)).all()


def test_the_demo_s_faces_are_found(finder, demo_pictures):
    found = finder.find(demo_pictures)
    assert len(found) == len(demo_pictures)
    alone = [faces[0] for faces in found if len(faces) == 1]
    assert len(alone) >= len(demo_pictures) - 1
    for face in alone:
        check_is_upright(face)
        assert 60 < max(face.box[2:]) < 160
        assert face.landmarks.shape == (5, 2)
        assert face.landmarks.dtype == np.float64
        assert 0.7 <= face.confidence <= 1


def test_a_mirrored_picture_gives_mirrored_landmarks_in_the_same_order(finder, demo_pictures):
    (face,) = finder.find(demo_pictures[:1])[0]
    (mirrored,) = finder.find([np.ascontiguousarray(demo_pictures[0][:, ::-1])])[0]
    expected = face.landmarks[[1, 0, 2, 4, 3]]
    expected[:, 0] = 160 - expected[:, 0]
    assert np.abs(mirrored.landmarks - expected).max() < 0.06 * max(face.box[2:])


def test_portraits(finder):
    skimage_data = pytest.importorskip("skimage.data")
    hopper = decode_image(get_sample_data("grace_hopper.jpg").read()).pixels
    astronaut = skimage_data.astronaut()
    for pixels, eyes in (
        (hopper, [(222, 194), (307, 190)]),
        (astronaut, [(203, 102), (247, 104)]),
    ):
        largest = finder.find([pixels])[0][0]
        check_is_upright(largest)
        assert np.abs(largest.landmarks[:2] - eyes).max() < 10


def test_larger_faces_come_first(finder, demo_pictures):
    small = cv2.resize(demo_pictures[1], (96, 96), interpolation=cv2.INTER_AREA)
    both = np.full((160, 300, 3), 128, np.uint8)
    both[30:126, :96], both[:, 130:290] = small, demo_pictures[0]
    first, second = finder.find([both])[0]
    assert first.area > second.area
    assert first.center[0] > 130 > second.center[0]


def test_a_large_picture_is_searched_small_first_and_boxes_are_scaled_back(finder, demo_pictures):
    (face,) = finder.find(demo_pictures[:1])[0]
    large = cv2.resize(demo_pictures[0], (1440, 1280), interpolation=cv2.INTER_CUBIC)
    assert overlap(finder.find([large])[0][0], scaled(face, 9, 8)) > 0.8


def test_a_small_face_is_found_at_full_size(finder, demo_pictures):
    wide = np.full((1200, 1600, 3), 128, np.uint8)
    wide[1000:1040, 1400:1440] = cv2.resize(
        demo_pictures[0], (40, 40), interpolation=cv2.INTER_AREA
    )
    (face,) = finder.find([wide])[0]
    assert 1400 < face.center[0] < 1440
    assert 1000 < face.center[1] < 1040
    assert 15 < max(face.box[2:]) < 40


def test_pictures_without_faces(finder):
    noise = np.random.default_rng(1).integers(0, 256, (120, 90, 3), np.uint8)
    even = np.full((2000, 30, 3), 200, np.uint8)
    narrow = [np.full(shape, 90, np.uint8) for shape in ((320, 20, 3), (32, 640, 3), (1, 1, 3))]
    assert finder.find([noise, even, *narrow]) == [[]] * 5
    assert finder.find([]) == []


def test_what_is_no_picture_is_refused(finder):
    for wrong in (np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32)):
        with pytest.raises(DataError, match="cannot be searched"):
            finder.find([wrong])


def test_threads_find_what_one_finds(finder, demo_pictures):
    alone = [finder.find([pixels])[0] for pixels in demo_pictures]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda pixels: finder.find([pixels])[0], demo_pictures * 3))
    for expected, faces in zip(alone * 3, together, strict=True):
        assert [face.as_dict() for face in faces] == [face.as_dict() for face in expected]


def test_confidence_can_be_asked_for(demo_pictures):
    every, sure = (make_finder("mtcnn", minimum_confidence=least) for least in (0.8, 0.999))
    found, surely_found = (
        {round(face.confidence, 6) for faces in finder.find(demo_pictures) for face in faces}
        for finder in (every, sure)
    )
    assert min(found) < 0.999 < min(surely_found)
    assert {confidence for confidence in found if confidence > 0.999} <= surely_found


def test_mtcnn_leaves_out_faces_much_less_sure_than_the_surest(demo_pictures):
    finder = make_finder("mtcnn")
    for contrast, expected in ((1.0, 2), (0.5, 1)):
        faint = np.rint(128 + contrast * (demo_pictures[3] - 128.0)).astype(np.uint8)
        both = np.concatenate([demo_pictures[0], faint], axis=1)
        first, second = (face.confidence for face in find_faces(finder.networks, both, 20))
        assert (first - second < 0.08) == (expected == 2)
        kept = {face.confidence for face in finder.find([both])[0]}
        assert kept == set((first, second)[:expected])


def test_mtcnn_finds_what_its_package_finds(demo_pictures):
    package = pytest.importorskip("mtcnn").MTCNN()
    networks = make_finder("mtcnn").networks
    for pixels in demo_pictures[:3]:
        (theirs,) = package.detect_faces(pixels)
        (ours,) = find_faces(networks, pixels, 20)
        left, top, right, bottom = corners(theirs["box"])
        assert overlaps(np.array([corners(ours.box)]), np.array([(left, top, right, bottom)])) > 0.8
        names = ("left_eye", "right_eye", "nose", "mouth_left", "mouth_right")
        points = np.array([theirs["keypoints"][name] for name in names])
        assert np.abs(ours.landmarks - points).max() < 0.06 * max(ours.box[2:])
        assert ours.confidence == pytest.approx(theirs["confidence"], abs=0.1)


def test_unknown_finders():
    with pytest.raises(UsageError, match="Did you mean 'yunet'"):
        make_finder("yunett")


def test_the_best_of_boxes_that_overlap_is_kept():
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 11], [20, 0, 30, 10], [2, 2, 4, 4]], float)
    confidences = np.array([0.7, 0.9, 0.8, 0.6])
    assert keep_best(boxes, confidences, 0.5).tolist() == [1, 2, 3]
    assert keep_best(boxes, confidences, 0.5, of_smaller=True).tolist() == [1, 2]
    assert overlaps(boxes[:1], boxes[:3]).round(3).tolist() == [[1.0, round(10 / 11, 3), 0.0]]
    assert overlaps(np.zeros((1, 4)), boxes[:1]).tolist() == [[0.0]]


def test_real_clips(finder, shared_data):
    for path in sorted((shared_data / "videos_ffpp_c23").glob("*/*.mp4"))[::2]:
        for faces in finder.find([pixels for _, pixels in read_frames(path, 1)]):
            assert len(faces) == 1
            check_is_upright(faces[0])
