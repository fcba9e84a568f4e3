"""Around the tests: stored scores beside fresh ones, faces of other folders, their false alarms."""

import numpy as np
import pandas as pd
import pytest
from unmask.evaluation.members import Result
from unmask.evaluation.stress.sentences import describe_limits, describe_reals
from unmask.evaluation.stress.study import (
    check_parity,
    measure_reals,
    missing_class,
    stored_scores,
)
from unmask.evaluation.stress.study import score_faces as score_them


def mean_scorer(pictures):
    return pictures.mean((1, 2, 3)) / 255


def test_stored_scores_are_those_of_one_seed(make_faces, score_faces, tmp_path):
    faces = make_faces()
    scores = score_faces(faces, seeds=(1, 2))
    joined = scores.merge(faces.drop(columns=["label", "split"]), on="face_id")
    found = stored_scores(Result(tmp_path, {"name": "net"}, {}, joined), 2)
    assert set(found["split"]) == {"test", "unseen"} and set(found["seed"]) == {2}
    expected = scores[(scores["seed"] == 2) & (scores["split"] != "val")]
    assert found.set_index("face_id")["score"].to_dict() == (
        expected.set_index("face_id")["score"].to_dict()
    )


def test_faces_are_scored_by_their_row_whatever_the_batches():
    pixels = np.arange(150, dtype=np.uint8)[:, None, None, None] * np.ones((1, 2, 2, 3), np.uint8)
    faces = pd.DataFrame({"row": np.random.default_rng(0).permutation(150)})
    found = score_them(mean_scorer, pixels, faces)
    np.testing.assert_allclose(found["score"], faces["row"] / 255)


def test_any_network_that_changed_since_is_an_alarm():
    """All that are scored are looked at, not only those that get curves."""
    pixels = np.full((3, 2, 2, 3), 51, np.uint8)
    faces = pd.DataFrame({"face_id": ["a", "b", "c"], "row": [0, 1, 2]})
    stored = pd.DataFrame({"face_id": ["b", "c", "d", "a"], "score": [0.2, 0.2, 0.9, 0.2004]})
    scorers = {"net": mean_scorer, "second": lambda pictures: mean_scorer(pictures) + 0.1}
    tables = {"net": stored, "second": stored}
    (alarm,) = check_parity(scorers, pixels, faces, tables)
    assert alarm["light"] == "red" and "second gives scores up to 0.100" in alarm["sentence"]
    assert set(alarm) == {"name", "light", "sentence", "fix"}


def test_a_missing_class_is_named():
    both = pd.DataFrame({"label": [0, 1]})
    assert missing_class(both) == ""
    assert missing_class(both[:1]).startswith("The test split holds no fake faces")
    assert missing_class(both[1:]).startswith("The test split holds no real faces")
    assert "no real and no fake faces" in missing_class(both[:0])


def test_no_faces_have_no_scores():
    none = pd.DataFrame({"row": np.zeros(0, dtype=int)})
    assert len(score_them(mean_scorer, np.zeros((1, 2, 2, 3), np.uint8), none)) == 0


def test_false_alarms_on_real_photographs():
    pixels = np.full((40, 2, 2, 3), 100, np.uint8)
    pixels[:10] = 200
    names = [f"f{number}" for number in range(40)]
    faces = pd.DataFrame({"face_id": names, "file_id": names, "label": 0, "row": np.arange(40)})
    found = measure_reals("net", mean_scorer, 0.5, "holiday", pixels, faces)
    assert found["n"] == 40 and found["false_alarms"]["value"] == pytest.approx(0.25)
    # Wilson's interval of 10 of 40
    assert found["false_alarms"]["low"] == pytest.approx(0.1419, abs=1e-4)
    assert found["false_alarms"]["high"] == pytest.approx(0.4019, abs=1e-4)
    assert "Of 40 real faces from holiday net calls 25.0% [14.2%, 40.2%]" in describe_reals(found)


def test_what_was_cut_short_is_said():
    assert describe_limits(300, 300, [], 3) == []
    told = describe_limits(3000, 300, ["swap"], 3)
    assert "300 of 3,000 test faces" in told[0] and "at most 3 epochs" in told[1]
