"""The matrix of trainings and test sets: which faces stand in each cell."""

import numpy as np
import pandas as pd
import pytest
from unmask.evaluation.stress.elsewhere import (
    ALL_TEST,
    columns_here,
    left_out_cells,
    matrix_table,
    member_cells,
)
from unmask.evaluation.stress.sentences import describe_elsewhere, describe_left_out

COUNTS = {
    "train": {"real": 20, "swap": 10, "blend": 10},
    "val": {"real": 20, "swap": 10, "blend": 10},
    "test": {"real": 40, "swap": 24, "blend": 16},
    "unseen": {"real": 10, "gan": 12},
}
TRAINED = ["blend", "swap"]
OPTIONS = {"resamples": 50, "seed": 0}


@pytest.fixture(scope="module")
def faces(make_faces):
    return make_faces(COUNTS)


def scores_of(faces, better_on):
    """Perfect on real faces and the fakes of `better_on`, blind for all others."""
    known = (faces["label"] == 0) | faces["generator"].isin(better_on)
    blind = np.arange(len(faces)) % 2 * 0.8 + 0.1
    return faces.assign(score=np.where(known, 0.2 + 0.6 * faces["label"], blind))


def test_columns_hold_the_right_faces(faces):
    found = columns_here(scores_of(faces, TRAINED), TRAINED)
    assert {name: relation for name, (relation, _) in found.items()} == {
        ALL_TEST: "same",
        "blend": "same",
        "swap": "same",
        "gan": "unseen",
    }
    sizes = {name: frame["label"].value_counts().to_dict() for name, (_, frame) in found.items()}
    assert sizes[ALL_TEST] == {0: 40, 1: 40} and sizes["swap"] == {0: 40, 1: 24}
    assert sizes["gan"] == {0: 50, 1: 12}
    assert set(found["gan"][1]["split"]) == {"test", "unseen"}


def test_one_generator_alone_is_not_shown_twice(make_faces):
    faces = make_faces({split: {"real": 5, "swap": 5} for split in ("train", "val", "test")})
    assert list(columns_here(scores_of(faces, ["swap"]), ["swap"])) == [ALL_TEST]


def test_a_folder_called_as_a_generator_keeps_its_own_cell(faces):
    scored = scores_of(faces, TRAINED)
    other = scored[scored["split"] == "test"]
    cells = member_cells("net", scored, TRAINED, {"swap": other}, 0.5, **OPTIONS)
    found = {cell["tested_on"]: cell["relation"] for cell in cells}
    assert found["swap"] == "same" and found["swap (elsewhere)"] == "elsewhere"


def test_a_training_without_a_generator_has_no_whole_test_set(faces):
    found = columns_here(scores_of(faces, ["swap"]), ["swap"])
    assert found["blend"][0] == "left out" and found["swap"][0] == "same"
    assert ALL_TEST not in found


def test_left_out_fakes_are_met_for_the_first_time_in_test(faces):
    tables = {}
    for generator in TRAINED:
        others = [name for name in TRAINED if name != generator]
        scored = scores_of(faces, others)
        scored = scored[scored["split"] != "train"]
        own = (scored["split"] == "val") & (scored["generator"] == generator)
        tables[generator] = scored.loc[~own, ["face_id", "split", "label", "score"]]
    cells = left_out_cells(tables, faces, TRAINED, **OPTIONS)
    by_place = {(cell["trained_on"], cell["tested_on"]): cell for cell in cells}
    unseen = by_place["without swap", "swap"]
    assert unseen["relation"] == "left out" and (unseen["n_real"], unseen["n_fake"]) == (40, 24)
    assert by_place["without blend", "swap"]["auc"]["value"] == 1
    assert unseen["auc"]["value"] == pytest.approx(0.5)
    text = describe_left_out(cells, 3)
    assert "at most 3 epochs" in text and "where they were learned from 1.000" in text
    less = {**by_place["without blend", "swap"], "trained_on": "without swap"}
    less |= {"auc": {"value": 0.9, "low": 0.8, "high": 0.95}}
    text = describe_left_out([*cells, less], 3)
    assert "learned from 0.900 [0.800, 0.950] to 1.000" in text
    assert describe_left_out([], 3) == ""


def test_another_dataset_brings_its_own_cell_and_one_of_all_together(faces):
    scored = scores_of(faces, TRAINED)
    test = scored[scored["split"] == "test"]
    other = test.assign(score=0.5 + test["score"] / 2, face_id="o" + test["face_id"])
    here = scored[scored["split"].isin(["test", "unseen"])]
    cells = member_cells("net", here, TRAINED, {"other": other}, 0.5, **OPTIONS)
    by_name = {cell["tested_on"]: cell for cell in cells}
    assert by_name[ALL_TEST]["auc"]["value"] == by_name["other"]["auc"]["value"] == 1
    assert by_name["other"]["recall_real"]["value"] == 0
    # each ranks its own faces perfectly, but reals there score above some fakes here
    assert by_name["all together"]["relation"] == "pooled"
    assert by_name["all together"]["n_real"] == 80
    told = describe_elsewhere("net", cells)
    assert len(told) == 1 and "accepts 0.0%" in told[0]
    assert len(matrix_table(cells)) == len(cells)


def test_a_matrix_without_other_data_has_nothing_pooled(faces):
    cells = member_cells("net", scores_of(faces, TRAINED), TRAINED, {}, 0.5, **OPTIONS)
    assert {cell["relation"] for cell in cells} == {"same", "unseen"}
    assert isinstance(matrix_table(cells), pd.DataFrame)


def test_a_network_that_learned_from_blended_fakes_was_never_trained_on_any_generator(faces):
    given = ("net", scores_of(faces, TRAINED), TRAINED, {}, 0.5)
    cells = member_cells(*given, fakes="self_blended", **OPTIONS)
    assert {cell["tested_on"] for cell in cells} == {ALL_TEST, *TRAINED, "gan"}
    assert {cell["relation"] for cell in cells} == {"unseen"}
