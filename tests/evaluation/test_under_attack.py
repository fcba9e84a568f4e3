"""Clean and robust accuracy: shares at each training's own threshold, and what attack it was."""

import pandas as pd
import pytest
from unmask.evaluation.members import Result
from unmask.evaluation.under_attack import attacked_table, describe_attacked
from unmask.runs import write_table

LABELS = [0, 0, 1, 1]
CLEAN = {1: [0.1, 0.2, 0.8, 0.9], 2: [0.1, 0.4, 0.2, 0.9]}
ATTACKED = {1: [0.1, 0.6, 0.4, 0.9], 2: [0.4, 0.4, 0.2, 0.2]}


@pytest.fixture
def trained(tmp_path):
    faces = pd.DataFrame(
        {
            "face_id": list("abcd"),
            "file_id": list("abcd"),
            "group": "",
            "split": "test",
            "label": LABELS,
        }
    )
    scores = pd.concat([faces.assign(seed=seed, score=CLEAN[seed]) for seed in (1, 2)])
    given = ["face_id", "split", "label", "seed", "score"]
    both = pd.concat(
        [faces.assign(seed=s, score=CLEAN[s], attacked_score=ATTACKED[s]) for s in (1, 2)]
    )
    write_table(tmp_path / "attacked_scores.parquet", both[[*given, "attacked_score"]])
    known = {"budget": 2.0, "steps": 3, "steps_of_the_test": 20}
    metrics = {"threshold": {"by_seed": {"1": 0.5, "2": 0.3}}}
    return Result(tmp_path, {"name": "hardened", "adversarial": known}, metrics, scores)


def test_shares_are_over_faces_and_trainings_at_their_own_thresholds(trained):
    row = attacked_table(trained).iloc[0]
    # with 0.5 all four and then two are right; with 0.3 two and then none
    assert row["faces"] == "test, 4"
    assert row["right"].startswith("75.0% [") and row["right when attacked"].startswith("25.0% [")


def test_the_sentence_says_which_attack_it_was(trained):
    (told,) = describe_attacked(trained)
    assert told.startswith("Trained against changes of 2 of 255 grey levels, it gets 25.0% [")
    assert told.endswith(
        "The attack is of the kind it was trained against (projected gradient descent, 20 steps; "
        "3 in training): another one may leave less."
    )
    del trained.member["adversarial"]["steps_of_the_test"]
    assert "(projected gradient descent, 3 steps; 3 in training)" in describe_attacked(trained)[0]


def test_without_such_training_nothing_is_said(trained):
    del trained.member["adversarial"]
    assert describe_attacked(trained) == [] and attacked_table(trained).empty
