"""Curves: what is a weakness and what a bias, on detectors whose answer is known."""

import json

import numpy as np
import pandas as pd
import pytest
from unmask.errors import DataError
from unmask.evaluation.stress.curves import (
    curves_table,
    measure_curves,
    score_changes,
    verdict_on,
    verdicts_table,
)
from unmask.evaluation.stress.measure import common_shift, measure, share_interval, shift_of_class
from unmask.evaluation.stress.sentences import describe_bias, describe_curves, describe_weakest
from unmask.evaluation.stress.transforms import TRANSFORMS

COUNT = 80
OPTIONS = {"resamples": 100, "seed": 0, "progress": lambda fraction, message: None}


def faces_and_pixels():
    """Real faces are dark, fakes bright, all with a little texture; two faces a group."""
    generator = np.random.default_rng(0)
    labels = np.arange(COUNT) % 2
    light = 90 + 60 * labels + generator.integers(-20, 21, COUNT)
    texture = generator.integers(-8, 9, (COUNT, 16, 16, 3))
    pixels = np.clip(light[:, None, None, None] + texture, 0, 255).astype(np.uint8)
    groups = [f"{label}-{number // 4}" for number, label in enumerate(labels)]
    names = [f"face-{number}" for number in range(COUNT)]
    table = {"face_id": names, "label": labels, "group": groups, "file_id": names}
    return pd.DataFrame(table).assign(row=np.arange(COUNT)), pixels


def brightness_scorer(pictures):
    """Calls bright pictures fake: brightening them is a bias for it."""
    return pictures.mean((1, 2, 3)) / 255


def texture_scorer(pictures):
    """Sees light only through its picture's texture: blur blinds it."""
    light = pictures.mean((1, 2, 3)) / 255
    fine = np.abs(np.diff(pictures.astype(float), axis=1)).mean((1, 2, 3))
    return 0.5 + (light - 0.5) * np.clip(fine - 1.5, 0, None) / 8


@pytest.fixture(scope="module")
def measured():
    faces, pixels = faces_and_pixels()
    scorers = {"light": brightness_scorer, "texture": texture_scorer}
    transforms = {name: TRANSFORMS[name] for name in ("brightness", "blur", "jpeg")}
    quiet = OPTIONS["progress"]
    scored = score_changes(scorers, pixels, faces, transforms, progress=quiet)
    thresholds = {"light": 120 / 255, "texture": 0.5}
    return scored, measure_curves(scored, faces, thresholds, transforms, **OPTIONS), faces


def condition(curves, transform, level):
    return next(
        each
        for each in curves["conditions"]
        if (each["transform"], each["level"]) == (transform, level)
    )


def test_every_face_is_scored_once_a_condition(measured):
    scored, curves, faces = measured
    levels = sum(len(TRANSFORMS[name].levels) for name in ("brightness", "blur", "jpeg"))
    assert len(scored) == 2 * levels * COUNT
    assert not scored.duplicated(["network", "transform", "level", "face_id"]).any()
    part = scored[(scored["network"] == "light") & (scored["level"] == 40)]
    merged = part.merge(faces, on="face_id", suffixes=("", "_of_face"))
    assert (merged["label"] == merged["label_of_face"]).all()
    np.testing.assert_allclose(part["changed"] - part["clean"], 40 / 255)
    assert len(curves["light"]["conditions"]) == levels


def test_brightening_is_a_bias_for_a_detector_of_light_and_no_weakness(measured):
    _, curves, _ = measured
    found = condition(curves["light"], "brightness", 40)
    assert found["verdict"] == "biased towards fake"
    assert condition(curves["light"], "brightness", -40)["verdict"] == "biased towards real"
    for name in ("shift_real", "shift_fake", "bias"):
        assert found[name]["value"] == pytest.approx(40 / 255)
        assert found[name]["low"] == pytest.approx(found[name]["high"])
    assert found["auc_change"]["value"] == pytest.approx(0, abs=1e-12)
    assert found["reals"]["auc"]["value"] < curves["light"]["clean"]["auc"]["value"]
    assert found["fakes"]["auc"]["value"] > curves["light"]["clean"]["auc"]["value"] - 1e-12
    assert found["both"]["recall_fake"]["value"] == 1
    assert found["both"]["recall_real"]["value"] < curves["light"]["clean"]["recall_real"]["value"]
    assert "takes “Brightness, 40 of 255” itself for a sign of a fake face" in describe_bias(
        "light", {**curves["light"], "conditions": [found]}
    )


def test_blur_is_a_weakness_for_a_detector_of_texture_and_no_bias(measured):
    _, curves, _ = measured
    found = condition(curves["texture"], "blur", 2)
    assert found["verdict"] == "weak"
    assert found["auc_change"]["value"] < -0.2 and found["auc_change"]["adjusted"] < 0.05
    assert found["shift_fake"]["value"] < 0 < found["shift_real"]["value"]
    assert "Gaussian blur" in describe_weakest("texture", curves["texture"])
    told = describe_bias("texture", {**curves["texture"], "conditions": [found]})
    assert f"no bias shown on {COUNT} faces" in told


def made_condition(real, fake, half=0.02):
    """A condition whose mean scores move by `real` and `fake`, the AUC not at all."""
    shifts = {"shift_real": real, "shift_fake": fake, "bias": (real + fake) / 2}
    entries = {
        name: {"value": value, "low": value - half, "high": value + half}
        for name, value in shifts.items()
    }
    still = {"value": -0.1, "low": -0.15, "high": -0.05, "p": 1e-4, "adjusted": 1e-3}
    return entries | {"auc_change": still}


def test_evidence_shrunk_towards_a_middle_is_a_weakness_alone():
    """The mean of both shifts is clear of 0, but the classes approach each other."""
    assert verdict_on(made_condition(0.09, -0.49)) == "weak"
    assert verdict_on(made_condition(0.01, 0.49)) == "weak"  # real faces may not have moved
    assert verdict_on(made_condition(0.09, 0.49)) == "weak and biased towards fake"
    assert verdict_on(made_condition(-0.09, -0.1)) == "weak and biased towards real"
    no_ends = made_condition(0.3, 0.3) | {"shift_real": {"value": 0.3, "low": None, "high": None}}
    assert verdict_on(no_ends) == "weak"


@pytest.mark.parametrize(
    ("value", "low", "high", "told"),
    [
        (0.52, 0.45, 0.6, "cannot be told from guessing on 80 unchanged faces"),
        (0.72, 0.49, 0.87, "cannot be told from guessing on 80 unchanged faces (AUC 0.720"),
        (0.95, None, None, "AUC 0.950 on 80 unchanged faces, for which there is no interval"),
        (0.3, 0.2, 0.4, "worse than guessing"),
    ],
)
def test_an_auc_in_doubt_is_called_neither_robust_nor_guessing(measured, value, low, high, told):
    clean = measured[1]["light"]["clean"] | {"auc": {"value": value, "low": low, "high": high}}
    text = describe_weakest("light", measured[1]["light"] | {"clean": clean})
    assert told in text and "no better" not in text and "none of" not in text


def test_sentences_claim_no_absence_and_give_every_interval(measured):
    light = measured[1]["light"]
    found = condition(measured[1]["light"], "jpeg", 95)
    held = {**light, "conditions": [found]}
    assert f"shown on {COUNT} faces" in describe_weakest("light", held)
    assert f"no bias shown on {COUNT} faces" in describe_bias("light", held)
    biased = {**light, "conditions": [condition(light, "brightness", 40)]}
    text = describe_bias("light", biased)
    assert text.count("[") == 4  # two shifts, false alarms with and without the change
    assert describe_curves("light", {}) == []


def test_a_change_without_an_interval_is_shown_without_one(measured):
    found = condition(measured[1]["light"], "brightness", 40)
    bare = {"value": -0.1, "low": None, "high": None, "p": 1.0, "adjusted": 1.0}
    curves = {**measured[1]["light"], "conditions": [{**found, "auc_change": bare}]}
    assert list(verdicts_table(curves)["change of AUC"]) == ["-0.10"]
    assert np.isnan(curves_table({"light": curves})["auc_change_low"].astype(float)).all()


def test_without_networks_there_is_nothing_and_no_crash():
    faces, pixels = faces_and_pixels()
    quiet = OPTIONS["progress"]
    scored = score_changes({}, pixels, faces, TRANSFORMS, progress=quiet)
    assert scored.empty and "clean" in scored
    curves = measure_curves(scored, faces, {}, TRANSFORMS, **OPTIONS)
    assert curves == {} and curves_table(curves).empty
    assert verdicts_table({"conditions": []}).empty
    with pytest.raises(DataError):
        share_interval(np.zeros(0, dtype=bool), np.zeros(0))


def test_the_shift_of_one_group_alone_has_no_interval():
    frame = pd.DataFrame({"face_id": list("abcd"), "label": [0, 0, 1, 1], "group": list("ggfh")})
    frame = frame.assign(file_id="", clean=0.4, changed=[0.5, 0.7, 0.6, 0.5])
    assert shift_of_class(frame, 0, "clean", "changed")["low"] is None
    assert shift_of_class(frame, 1, "clean", "changed")["low"] is not None
    assert common_shift(frame, "clean", "changed")["high"] is None


def test_what_changes_little_holds(measured):
    _, curves, _ = measured
    assert condition(curves["light"], "jpeg", 95)["verdict"] == "nothing shown"


def test_the_sides_follow_from_the_two_columns(measured):
    """Only the real faces changed: the changed column for them, the clean one for the fakes."""
    scored, curves, _ = measured
    own = scored[(scored["network"] == "light") & (scored["level"] == -40)]
    mixed = own["changed"].where(own["label"] == 0, own["clean"])
    expected = measure(own.assign(score=mixed), 0.5, resamples=10)["auc"]["value"]
    assert condition(curves["light"], "brightness", -40)["reals"]["auc"]["value"] == expected


def test_tables_and_plain_data(measured):
    _, curves, _ = measured
    json.dumps(curves)
    table = curves_table(curves)
    assert len(table) == sum(len(each["conditions"]) for each in curves.values())
    assert {"auc_both", "auc_reals_low", "recall_real", "bias_high", "verdict"} <= set(table)
    shown = verdicts_table(curves["light"])
    assert sorted(shown["change"]) == ["Brightness", "Gaussian blur", "JPEG"]
    assert all(isinstance(cell, str) for row in shown.to_numpy() for cell in row)


def test_shift_interval_is_that_of_a_mean_when_faces_are_independent():
    generator = np.random.default_rng(1)
    moves = generator.normal(0.1, 0.2, 400)
    frame = pd.DataFrame(
        {"face_id": [str(number) for number in range(400)], "label": np.arange(400) % 2}
    ).assign(clean=0.3, changed=0.3 + moves)
    for label in (0, 1):
        own = moves[label::2]
        found = shift_of_class(frame, label, "clean", "changed")
        half = 1.959964 * own.std(ddof=1) / np.sqrt(200)
        assert found["value"] == pytest.approx(own.mean())
        assert found["high"] - found["value"] == pytest.approx(half, rel=1e-6)
    both = common_shift(frame, "clean", "changed")
    assert both["value"] == pytest.approx((moves[::2].mean() + moves[1::2].mean()) / 2)


def test_shift_interval_widens_when_faces_come_in_groups():
    moves = np.repeat(np.random.default_rng(2).normal(0, 0.2, 50), 8)
    frame = pd.DataFrame({"face_id": [str(number) for number in range(400)], "label": 0})
    frame = frame.assign(clean=0.5, changed=0.5 + moves, file_id="")
    alone = shift_of_class(frame, 0, "clean", "changed")
    grouped = frame.assign(group=[f"g{number // 8}" for number in range(400)])
    together = shift_of_class(grouped, 0, "clean", "changed")
    ratio = (together["high"] - together["low"]) / (alone["high"] - alone["low"])
    assert ratio == pytest.approx(np.sqrt(8), rel=0.02)


def test_sets_of_one_class_have_their_recall_alone():
    frame = pd.DataFrame({"face_id": list("abcd"), "label": 0, "score": [0.1, 0.2, 0.6, 0.3]})
    found = measure(frame, 0.5, resamples=10)
    assert (found["n_real"], found["n_fake"]) == (4, 0)
    assert found["auc"] is None and found["recall_fake"] is None
    assert found["recall_real"]["value"] == 0.75
    assert found["recall_real"]["low"] < 0.75 < found["recall_real"]["high"]
