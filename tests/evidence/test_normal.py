"""What is normal, and what is said when nobody knows."""

import json
from dataclasses import replace

import numpy as np
import pytest
from drawn_people import draw
from unmask import evidence
from unmask.evidence import (
    FEWEST,
    NAMES,
    NOT_HERE,
    UNUSUAL,
    USUAL,
    Evidence,
    blinking,
    measure_evidence,
    measure_normal,
    wanted_rate,
)
from unmask.evidence.measure import MEASURES


def found(name: str, value: float | None) -> Evidence:
    return Evidence(name, name, value, "", None, NOT_HERE, "")


def test_normal_is_the_range_from_5_to_95_per_cent_of_those_that_were_measurable():
    people = [[found("flicker", float(value)), found("lip_sync", None)] for value in range(21)]
    normal = measure_normal(people)
    assert normal["flicker"] == {"low": pytest.approx(1), "high": pytest.approx(19), "n": 21}
    assert normal["lip_sync"] == {"low": None, "high": None, "n": 0}
    assert json.loads(json.dumps(normal)) == normal
    assert measure_normal([]) == {}


def test_of_too_few_real_ones_there_is_no_range():
    few = [[found("flicker", 1.0)] for _ in range(FEWEST - 1)]
    assert measure_normal(few)["flicker"] == {"low": None, "high": None, "n": FEWEST - 1}
    assert measure_normal([*few, few[0]])["flicker"]["low"] == 1


@pytest.fixture(scope="module")
def still():
    return [draw(face_gain=(0.9, 1, 1.2))]


def held(still, low, high, n=20) -> dict[str, Evidence]:
    normal = {name: {"low": low, "high": high, "n": n} for name in NAMES}
    return {each.name: each for each in measure_evidence(still, None, normal, rate=0)}


def test_each_measure_is_unusual_on_its_own_side_only(still):
    wide, above, below = held(still, 0, 100), held(still, 50, 100), held(still, 0, 0.01)
    for name in ("face_sharpness", "colour_match", "light_match"):
        assert wide[name].verdict == USUAL and wide[name].normal["n"] == 20
        assert below[name].verdict == UNUSUAL
    assert above["face_sharpness"].verdict == UNUSUAL  # sharper and less sharp are both unusual
    assert above["colour_match"].verdict == USUAL  # a better match than most is none
    assert "19 in 20 real ones (20 measured) have at most 0.01 colour steps: unusual." in (
        below["colour_match"].sentence
    )
    assert (
        "9 in 10 real ones (20 measured) have 0 to 100 times: usual."
        in wide["face_sharpness"].sentence
    )


def test_without_a_normal_range_a_value_is_neither_usual_nor_unusual(still):
    for normal in (None, {}, measure_normal([[found("colour_match", 1.0)]])):
        each = measure_evidence(still, None, normal, rate=0)[NAMES.index("colour_match")]
        assert each.value > 2 and each.normal is None and each.verdict == NOT_HERE
        assert "too few real ones were measured" in each.sentence
    few = held(still, 0, 100, n=FEWEST - 1)["colour_match"]
    assert few.verdict == NOT_HERE and "(7 of the 8 that it takes)" in few.sentence


def test_it_is_plain_data_in_a_fixed_order_and_never_says_fake(still):
    everything = [each.as_dict() for each in held(still, 0, 100).values()]
    assert tuple(each["name"] for each in everything) == NAMES
    assert json.loads(json.dumps(everything, allow_nan=False)) == everything
    assert {each["verdict"] for each in everything} <= {USUAL, UNUSUAL, NOT_HERE}
    assert "fake" not in json.dumps(everything).lower()
    assert everything[1]["series"] == [{"time": 0.0, "value": pytest.approx(0.8, abs=0.8)}]


def test_no_frame_at_all_is_not_measurable():
    for each in measure_evidence([], None, None, rate=25):
        assert each.value is None and each.sentence.startswith("Not measurable here: ")


def test_a_person_mostly_unseen_is_not_judged_by_one_frame(still):
    gone = replace(evidence.observe(still[0]), seen=dict.fromkeys(NAMES, "it is night"))
    each = measure_evidence([*still, *[gone] * 5], None, None, rate=25)[1]
    assert each.value is None and each.sentence == "Not measurable here: it is night."


def test_what_is_wanted_of_a_clip_is_enough_for_the_measure_that_needs_most():
    assert wanted_rate() == max(each.rate for each in MEASURES.values()) > 1 / blinking.WIDEST_GAP


def test_a_generator_of_frames_is_enough_and_gives_the_same(still):
    frames = [replace(still[0], time=place / 25) for place in range(14)]
    at_once = measure_evidence(frames, None, None, rate=25)
    streamed = measure_evidence((evidence.observe(each) for each in frames), None, None, rate=25)
    assert [each.as_dict() for each in at_once] == [each.as_dict() for each in streamed]
    assert np.isfinite(at_once[NAMES.index("flicker")].value)
