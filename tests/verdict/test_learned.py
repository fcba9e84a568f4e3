"""What a detector learned from, and what it says of faces that are unlike it."""

import numpy as np
import pandas as pd
import pytest
from unmask.evaluation.calibration import Calibration
from unmask.verdict.judging import Judge
from unmask.verdict.learned import Learned, learned_from, sides_of_faces
from unmask.verdict.rates import but_too_small
from unmask.verdict.records import FAKE, REAL, UNSURE
from unmask.verdict.rules import Limits

LEARNED = Learned(low=220.0, high=240.0, size=224, pictures=1.0, jpeg=1.0, quality=75.0)
LIMITS = Limits(0.5, (0.2, 0.8))
JUDGE = Judge(LIMITS, Calibration(1.0, 0.0), None, "faces", LEARNED)


@pytest.mark.parametrize(
    ("low", "size", "side", "too_small"),
    [
        (220, 224, 220, False),
        (220, 224, 219, True),
        (160, 128, 128, False),  # training's were shrunk to 128: only what lies below it counts
        (160, 128, 127, True),
        (60, 224, 60, False),  # training's were enlarged as much
        (60, 224, np.nan, False),  # not known
    ],
)
def test_a_face_is_too_small_beside_those_of_training(low, size, side, too_small):
    learned = Learned(low, 300, size, 1.0, 1.0, None)
    assert learned.too_small(side) == too_small
    table = pd.DataFrame({"side": [side]})
    assert list(but_too_small(np.array([REAL], object), table, learned)) == (
        [UNSURE] if too_small else [REAL]
    )


@pytest.mark.parametrize(("score", "alone"), [(0.9, FAKE), (0.1, REAL)])
def test_of_a_face_that_is_too_small_the_detector_is_unsure_and_says_why(score, alone):
    scores = np.full(4, score)
    person = JUDGE.person(0, scores, quality={"side": 90.0, "crop": 131.0})
    assert person.verdict == UNSURE and person.score == score
    assert "131 pixels wide and was enlarged to 224" in person.reasons[0]
    assert "had 220 or more. Enlarging wipes traces" in person.reasons[0]
    assert person.reasons[1] == f"Its score {score:.3f} alone would mean {alone}."
    assert JUDGE.person(0, scores, quality={"side": 90.0, "crop": 224.0}).verdict == alone


def test_in_the_band_the_size_is_told_first():
    person = JUDGE.person(0, np.full(4, 0.5), quality={"side": 90.0, "crop": 131.0})
    assert "131 pixels" in person.reasons[0] and "lies between" in person.reasons[1]


def test_it_is_told_what_was_learned_from():
    assert LEARNED.sentence() == (
        "It learned from faces with a side of 220 to 240 (5% to 95% of them) pixels, 100% of them "
        "from pictures and the others from clips; 100% of the pictures were JPEG files, usually of "
        "quality 75. Of a face below 220 pixels it is unsure: it would have to be enlarged."
    )


def test_a_file_of_another_kind_has_a_notice():
    assert LEARNED.notices("image", "JPEG", [224.0]) == []
    assert "JPEG files" in LEARNED.notices("image", "PNG", [224.0])[0]
    (clip,) = LEARNED.notices("video", "", [224.0])
    assert "this is a clip" in clip
    small, large = (LEARNED.notices("image", "JPEG", [side]) for side in (100.0, 900.0))
    assert "smaller" in small[0] and "larger" in large[0] and len(small) == len(large) == 1
    frames = Learned(220, 240, 224, 0.0, 0.0, None)
    assert frames.notices("video", "", [224.0]) == []
    assert "this is a photo" in frames.notices("image", "PNG", [224.0])[0]
    person = JUDGE.person(0, np.full(4, 0.9), quality={"side": 90.0, "crop": 131.0})
    verdict = JUDGE.file([person], "video", "YuNet", notices=["Read."], file="a.mp4")
    assert verdict.notices == ["Read.", clip, small[0]] and verdict.verdict == UNSURE
    assert JUDGE.file([], "video", "YuNet", file="a.mp4").notices == []


def test_sides_are_those_before_the_last_resize(tmp_path):
    files = pd.DataFrame(
        {
            "file_id": ["a", "b", "c"],
            "kind": ["image", "image", "video"],
            "width": [100.0, 300.0, 640.0],
            "height": [120.0, 200.0, 360.0],
            "format": ["JPEG", "PNG", "MP4"],
            "jpeg_quality": [75.0, np.nan, np.nan],
        }
    )
    faces = pd.DataFrame(
        {"file_id": ["c", "a", "b", "b"], "split": ["train", "train", "train", "test"]}
    )
    assert list(sides_of_faces(faces, files, None, None)) == [360, 100, 200, 200]
    assert list(sides_of_faces(faces, files, None, 150)) == [150, 100, 150, 150]
    searched = faces.assign(box=[[0.0, 0.0, 10.0, 20.0]] * 4)
    framing = {"framing": {"margin": 0.5}}
    assert list(sides_of_faces(searched, files, framing, None)) == 4 * [30]
    card = {"size": 64, "equalise": {}, "framing": None}
    assert learned_from(tmp_path, faces, card) is None
    (tmp_path / "download").mkdir()
    files.to_parquet(tmp_path / "download" / "files.parquet")
    assert learned_from(tmp_path, faces, card).as_dict() == {
        "low": pytest.approx(110), "high": pytest.approx(344), "size": 64,
        "pictures": pytest.approx(2 / 3), "jpeg": 0.5, "quality": 75.0,
    }  # fmt: skip
