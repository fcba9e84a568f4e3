"""What a detector adds to the best floor, which validation picks."""

import pytest
from unmask.evaluation.floors import (
    describe_gain,
    gain_over_floors,
    gains_over_floors,
    gains_table,
)
from unmask.evaluation.members import Result
from unmask.evaluation.scores import attach_faces
from unmask.evaluation.summary import evaluate_member


def make_result(name, scores, faces, step="baseline_cnn"):
    member = {"name": name, "step": step, "architecture": "of a test", "seeds": [0]}
    metrics = evaluate_member(scores, faces, resamples=40)
    return Result(None, member, metrics, attach_faces(scores, faces))


@pytest.fixture
def faces(make_faces):
    return make_faces()


@pytest.fixture
def floors(faces, score_faces):
    """The poor one does better on test, so that test could mislead."""
    poor, good = score_faces(faces, 0.2, salt=1), score_faces(faces, 1.0, salt=2)
    lucky = poor["split"] == "test"
    poor.loc[lucky, "score"] = 0.5 + 0.4 * (poor.loc[lucky, "label"] - 0.5)
    return [make_result(*pair, faces, "audit") for pair in (("floor_a", poor), ("floor_b", good))]


@pytest.fixture
def detector(faces, score_faces):
    return make_result("cnn", score_faces(faces, 3.0, salt=3), faces)


def area(result):
    return result.metrics["splits"]["test"]["metrics"]["auc"]["value"]


def test_validation_picks_the_floor(detector, floors):
    gain = gain_over_floors(detector, floors, 200)
    assert gain.floor.name == "floor_b" and area(floors[0]) > area(floors[1])
    difference = gain.comparison.auc
    assert difference.value == pytest.approx(area(detector) - area(floors[1]), abs=1e-12)
    assert 0 < difference.low < difference.value < difference.high
    assert describe_gain("cnn", gain).startswith(
        "cnn beats floor_b, the floor that validation prefers: +0."
    )
    assert describe_gain("cnn", gain).endswith("on 160 test faces.")


def test_no_floors_no_gain(detector, faces, score_faces, make_faces):
    assert gain_over_floors(detector, [], 20) is None
    assert gains_over_floors([detector], [], 20) == {}
    assert gains_table([detector], {}).empty
    kinds = {"real": 9, "swap": 9}
    only_real = make_faces({"train": kinds, "val": kinds, "test": {"real": 12}})
    one = make_result("one", score_faces(only_real), only_real)
    assert gain_over_floors(one, [one], 20) is None


def test_a_worse_and_an_equal_detector_are_called_so(detector, floors, faces, score_faces):
    weak = make_result("weak", score_faces(faces, 1.1, salt=4), faces)
    results = [detector, weak, make_result("blind", score_faces(faces, -1.0, salt=5), faces)]
    gains = gains_over_floors(results, floors, 200)
    p_values = [gains[each.name].comparison.auc.p for each in results]
    adjusted = [gains[each.name].comparison.auc.adjusted for each in results]
    assert all(after >= before for before, after in zip(p_values, adjusted, strict=True))
    table = gains_table(results, gains)
    assert table["beats the floor"].tolist() == [
        *("yes", "cannot be told on 160 faces", "no, it is worse"),
    ]
    assert list(table)[2] == "AUC of floor_b"
    assert "cannot be told apart from floor_b" in describe_gain("weak", gains["weak"])
    assert describe_gain("blind", gains["blind"]).startswith("blind does worse than floor_b")
