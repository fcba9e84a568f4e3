"""The parts of the report: timelines, heat, and a picture that is no longer the same."""

import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from unmask.verdict import HeatMap, Person, Verdict
from unmask.verdict.asked import clips_of, telling_evidence
from unmask.verdict.stills import (
    data_uri,
    faces_in_still,
    reduced,
    shown_moment,
    still_of,
    with_heat,
    worst_moment,
)
from unmask.verdict.timeline import HEIGHT, WIDTH, describe, ticks, timeline

FRAMES = [
    {"index": 10 * n, "time": n / 3, "box": [1, 2, 30, 40], "score": score}
    for n, score in enumerate((0.1, 0.9, 0.4))
]
VERDICT = Verdict(
    file="clip.mp4",
    kind="video",
    verdict="unsure",
    threshold=0.5,
    band=(0.3, 0.7),
    people=[
        Person(0, "unsure", 0.45, frames=FRAMES),
        Person(1, "real", 0.1, frames=[{**FRAMES[0], "score": 0.05}]),
    ],
)
CLIP = VERDICT.as_dict()


def test_a_timeline_is_well_formed_says_itself_and_stays_inside():
    drawn = str(timeline(CLIP))
    root = ElementTree.fromstring(drawn)
    assert (
        root.get("aria-label")
        == describe(CLIP)
        == (
            "Scores over time. person 1: 3 frames, scores from 0.10 to 0.90, the highest at 0.3 s; "
            "person 2: 1 frame, scores from 0.05 to 0.05, the highest at 0.0 s."
        )
    )
    points = re.findall(r'points="([^"]*)"', drawn)
    assert [len(each.split()) for each in points] == [3, 1]
    for point in " ".join(points).split():
        x, y = map(float, point.split(","))
        assert 0 <= x <= WIDTH and 0 <= y <= HEIGHT
    assert len(root.findall(".//circle")) == 2
    assert timeline({**CLIP, "people": []}) == ""


@given(st.floats(0, 1e4), st.floats(1e-3, 1e4))
def test_ticks_are_round_inside_and_not_too_many(start, length):
    found = ticks(start, start + length)
    assert len(found) <= 7
    assert all(start - 1e-6 <= time <= start + length + 1e-6 for time in found)


def test_heat_is_orange_for_fake_and_leaves_cold_places_grey():
    crop = np.full((8, 8, 3), 100, np.uint8)
    heat = np.zeros((8, 8), np.float32)
    heat[:4] = 1
    fake = with_heat(crop, HeatMap(heat, "fake", "net", "gradient"), side=8)
    assert (fake[0, 0] == np.round(0.2 * 100 + 0.8 * np.array((213, 94, 0)))).all()
    assert (fake[7] == 100).all()
    real = with_heat(crop, HeatMap(heat, "real", "net", "gradient"), side=8)
    assert real[0, 0, 2] > real[0, 0, 0]


def test_pictures_are_reduced_and_packed_without_metadata():
    small = reduced(np.zeros((500, 1000, 3), np.uint8), 100)
    assert small.shape == (50, 100, 3)
    assert reduced(small, 100) is small
    assert data_uri(small).startswith("data:image/jpeg;base64,")


def test_the_still_of_a_photo_that_was_replaced_is_none(tmp_path):
    path = tmp_path / "a.png"
    Image.new("RGB", (30, 20)).save(path)
    record = Verdict(file=str(path), kind="image", width=30, height=20).as_dict()
    assert still_of(record).shape == (20, 30, 3)
    Image.new("RGB", (31, 20)).save(path)
    assert still_of(record) is None
    path.write_bytes(b"nothing")
    assert still_of(record) is None
    path.unlink()
    assert still_of(record) is None


def test_only_faces_of_the_shown_frame_are_framed():
    found = faces_in_still(CLIP)
    assert [(person["number"], box) for person, box in found] == [(0, [1, 2, 30, 40])]


def test_frames_without_a_score_are_left_out_of_timelines():
    small = {**FRAMES[0], "index": 30, "time": 1.0, "score": None}
    people = [
        Person(0, "unsure", 0.45, frames=[small, *FRAMES]),
        Person(1, outcome="too small", frames=[small]),
    ]
    clip = replace(VERDICT, people=people)
    record = clip.as_dict()
    assert str(timeline(record)).count("<polyline") == 1
    assert worst_moment(record["people"][0])["score"] == 0.9
    assert worst_moment(record["people"][1]) is None
    assert shown_moment(record)["index"] == 10
    (drawn,) = clips_of([clip])
    assert [each["scores"] for each in drawn["people"]] == [[0.1, 0.9, 0.4]]
    nobody = {**record, "people": record["people"][1:]}
    assert shown_moment(nobody) is None and timeline(nobody) == ""


def test_the_evidence_shown_is_of_the_person_with_most_that_is_unusual():
    def found(verdict, normal, moments=0, value=1.0):
        series = [{"time": n / 5, "value": 1.0} for n in range(moments)]
        return {"verdict": verdict, "normal": normal, "series": series, "value": value}

    known = {"low": 0.0, "high": 1.0, "n": 9}
    usual, odd = found("usual", known), found("unusual", known)
    nothing, moving = found("not measurable here", None), found("usual", None, moments=2)
    plain = replace(VERDICT, file="a.jpg", people=[Person(0, evidence=[usual, usual, nothing])])
    telling = replace(
        VERDICT, people=[Person(0, evidence=[moving]), Person(1, evidence=[odd, nothing])]
    )
    assert telling_evidence([plain, telling]) == ("clip.mp4", [odd])
    assert telling_evidence([plain]) == ("a.jpg", [usual, usual])
    assert telling_evidence([plain, telling], through_time=True) == ("clip.mp4", [moving])
    assert telling_evidence([VERDICT]) == ("", [])
