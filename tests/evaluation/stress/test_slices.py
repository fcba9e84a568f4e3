"""Parts of the test set: the right faces in each, and no number where there are too few."""

import numpy as np
import pandas as pd
import pytest
from unmask.evaluation.stress.sentences import describe_slices
from unmask.evaluation.stress.slices import FEWEST, face_traits, measure_slices, slices_table


def test_traits_have_known_answers():
    flat = np.full((8, 8, 3), 50, np.uint8)
    board = np.zeros((8, 8, 3), np.uint8)
    board[::2, ::2] = board[1::2, 1::2] = 200
    faces = pd.DataFrame({"file_id": ["a", "b"], "row": [0, 1]})
    files = pd.DataFrame({"file_id": ["a", "a"], "width": [30.0, 9], "height": [20.0, 9]})
    found = face_traits(np.stack([flat, board]), faces, files)
    assert found["brightness"].tolist() == [50, 100]
    assert found["sharpness"][0] == 0 < found["sharpness"][1]
    assert found["side"][0] == 20 and np.isnan(found["side"][1])


def graded_faces(count=360):
    """Scores are right for bright faces and guesses for dark ones."""
    generator = np.random.default_rng(0)
    labels, light = np.arange(count) % 2, generator.uniform(0, 255, count)
    guess = generator.uniform(0, 1, count)
    return pd.DataFrame(
        {
            "face_id": [f"f{number}" for number in range(count)],
            "label": labels,
            "score": np.where(light > 170, 0.1 + 0.8 * labels, guess),
            "generator": np.where(labels == 0, "real", np.where(light > 20, "swap", "rare")),
            "dataset": np.where(np.arange(count) < 100, "one", "two"),
            "brightness": light,
            "sharpness": 7.0,
            "side": np.where(light < 100, 64.0, 128.0),
        }
    )


@pytest.fixture(scope="module")
def entries():
    return measure_slices(graded_faces(), 0.5, resamples=100)


def entry(entries, kind, start):
    found = [each for each in entries if each["kind"] == kind and each["slice"].startswith(start)]
    assert len(found) == 1
    return found[0]


def test_each_face_counts_once_in_each_division(entries):
    for kind in ("all", "dataset", "brightness", "side"):
        own = [each for each in entries if each["kind"] == kind]
        assert sum(each["n_real"] + each["n_fake"] for each in own) == 360
    thirds = [each for each in entries if each["kind"] == "brightness"]
    assert [each["n_real"] + each["n_fake"] for each in thirds] == [120, 120, 120]


def test_the_weak_part_is_found(entries):
    assert entry(entries, "brightness", "bright")["auc"]["value"] == 1
    dark = entry(entries, "brightness", "dark")["auc"]
    assert dark["value"] < 0.7 and dark["high"] < 1
    text = describe_slices("net", [each for each in entries if each["kind"] == "brightness"])
    assert "best on brightness: bright" in text


def test_a_generator_stands_against_all_real_faces(entries):
    swap = entry(entries, "generator", "swap")
    assert swap["n_real"] == 180 and swap["recall_real"] is None
    assert swap["auc"] is not None and swap["recall_fake"] is not None


def test_few_faces_get_no_number(entries):
    rare = entry(entries, "generator", "rare")
    assert 0 < rare["n_fake"] < FEWEST
    assert rare["auc"] is None and rare["recall_fake"] is None
    assert rare["note"] == f"fewer than {FEWEST} fake faces"


def test_what_does_not_vary_is_no_part(entries):
    assert not [each for each in entries if each["kind"] == "sharpness"]
    assert entries[0]["slice"] == "all test faces" and entries[0]["note"] == ""
    assert len([each for each in entries if each["kind"] == "side"]) == 2
    table = slices_table(entries)
    assert len(table) == len(entries) and (table["AUC"] != "").all()
