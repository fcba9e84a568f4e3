"""Every alarm fires on what it is for, and stays silent on what is healthy."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from unmask.evaluation.alarms import (
    CHECKS,
    alarms_of,
    alarms_of_loaded,
    alarms_of_step,
    class_totals,
    flipped_labels,
    floor_not_beaten,
    misaligned_labels,
    one_sided,
    overfitting,
    stuck_at_majority,
)
from unmask.evaluation.comparison import Comparison, Difference
from unmask.evaluation.floors import compare_with_floors
from unmask.evaluation.members import Result, best_on_validation
from unmask.evaluation.report import alarms_table, describe_alarms
from unmask.evaluation.scores import attach_faces
from unmask.evaluation.summary import evaluate_member
from unmask.runs import write_json, write_table


def make_result(name, scores, faces, step="baseline_cnn"):
    member = {"name": name, "step": step, "architecture": "of a test", "seeds": [0]}
    metrics = evaluate_member(scores, faces, resamples=40)
    return Result(None, member, metrics, attach_faces(scores, faces))


@pytest.fixture(scope="module")
def faces(make_faces):
    return make_faces()


@pytest.fixture(scope="module")
def healthy(faces, score_faces):
    return make_result("cnn", score_faces(faces, 2.5), faces)


@pytest.fixture(scope="module")
def floor(faces, score_faces):
    return make_result("floor_thumbnails", score_faces(faces, 0.5, salt=7), faces, "audit")


def history(val_accuracy, accuracy=0.8, val_loss=None):
    epochs = len(val_accuracy)
    losses = np.linspace(0.7, 0.4, epochs) if val_loss is None else val_loss
    return pd.DataFrame(
        {"val_accuracy": val_accuracy, "accuracy": [accuracy] * epochs, "val_loss": losses}
    )


GOOD = history([0.6, 0.7, 0.75])


def area(value, low=None, high=None):
    return {"value": value, "low": low, "high": high}


def light(alarm):
    return None if alarm is None else alarm["light"]


def test_a_healthy_detector_raises_none(healthy, floor, faces):
    against = compare_with_floors([healthy], [floor], 100)["cnn"]
    assert alarms_of(healthy, {"cnn": GOOD}, against, faces) == []
    assert alarms_of(healthy, {}, {}, faces) == []


def test_misaligned_labels():
    good = area(0.9, 0.85, 0.95)
    assert light(misaligned_labels("a", good, area(0.519, 0.505, 0.53))) == "red"
    assert light(misaligned_labels("a", good, area(0.47, 0.42, 0.52))) == "amber"
    assert misaligned_labels("a", good, area(0.6, 0.55, 0.65)) is None
    assert misaligned_labels("a", area(0.7, 0.6, 0.8), area(0.5, 0.4, 0.6)) is None
    assert misaligned_labels("a", None, area(0.5)) is None
    assert misaligned_labels("a", good, None) is None


def test_labels_in_another_order_are_found(faces, score_faces):
    """The public mistake: test labels shuffled against their scores, validation in order."""
    scores = score_faces(faces, 2.5)
    test = (scores["split"] == "test").to_numpy()
    shuffled = scores.copy()
    generator = np.random.default_rng(3)
    shuffled.loc[test, "score"] = generator.permutation(scores.loc[test, "score"])
    alarms = alarms_of(make_result("cnn", shuffled, faces), {}, {}, faces)
    assert [alarm["name"] for alarm in alarms] == ["misaligned labels"]


def test_flipped_labels(faces, score_faces):
    assert light(flipped_labels("a", "test", area(0.3, 0.2, 0.38))) == "red"
    unsure = flipped_labels("a", "test", area(0.38, 0.2, 0.55))
    assert unsure["light"] == "amber" and "looks turned around, or is chance" in unsure["sentence"]
    assert flipped_labels("a", "test", area(0.4, 0.39, 0.41)) is None
    assert flipped_labels("a", "test", None) is None
    scores = score_faces(faces, 2.5)
    turned = make_result("cnn", scores.assign(score=1 - scores["score"]), faces)
    alarms = alarms_of(turned, {}, {}, faces)
    flipped = [alarm for alarm in alarms if alarm["name"] == "flipped labels"]
    assert [alarm["light"] for alarm in flipped] == ["red", "red"]
    assert "on val:" in flipped[0]["sentence"] and "on test:" in flipped[1]["sentence"]


def test_accuracy_that_is_the_majority_share():
    assert light(stuck_at_majority("a", history([0.5, 0.5, 0.5]), 0.5, 120)) == "red"
    assert light(stuck_at_majority("a", history([0.7, 0.5, 0.5]), 0.5, 120)) == "red"
    escaped = stuck_at_majority("a", history([0.5, 0.5, 0.6, 0.7]), 0.5, 120)
    assert (
        escaped["light"] == "amber"
        and "for 2 epochs in a row, and then left" in (escaped["sentence"])
    )
    assert stuck_at_majority("a", history([0.5, 0.6, 0.5, 0.7]), 0.5, 120) is None
    assert stuck_at_majority("a", history([0.5, 0.5]), 0.6, 120) is None
    assert light(stuck_at_majority("a", history([0.6000001, 0.6]), 0.6, 120)) == "red"
    assert stuck_at_majority("a", history([0.6085, 0.6085]), 0.6, 120) is None  # one face more
    assert stuck_at_majority("a", history([]), 0.5, 120) is None
    penalties = history([0.5, 0.5, 0.5]).assign(penalty=[10.0, 1.0, 0.1])
    assert stuck_at_majority("a", penalties, 0.5, 120) is None  # a linear head has no epochs


def test_one_sided_verdicts(faces, score_faces):
    scores = score_faces(faces, 2.0, seeds=(1, 2))
    test = scores[scores["split"] == "test"]
    assert one_sided("a", test, {"1": 0.5, "2": 0.5}) is None
    alarm = one_sided("a", test, {"1": 0.5, "2": 1.5})
    assert alarm["light"] == "red"
    assert alarm["sentence"] == "a calls all 160 test faces real at its threshold."
    assert "test faces fake" in one_sided("a", test, {"1": 0.0, "2": 0.0})["sentence"]
    flat = test.assign(score=0.5 + 1e-5 * test["score"])
    assert "nearly the same score" in one_sided("a", flat, {"1": 0.5, "2": 0.5})["sentence"]
    assert one_sided("a", test[test["label"] == 1], {"1": 0.0, "2": 0.0}) is None


def test_class_totals_that_disagree(healthy, faces):
    assert class_totals("a", healthy.metrics, faces) is None
    fewer = faces.drop(faces.index[faces["split"] == "test"][0])
    alarm = class_totals("a", healthy.metrics, fewer)
    assert alarm["light"] == "red"
    assert "80 real and 80 fake faces of test, where the table holds 79 and 80" in alarm["sentence"]
    block = healthy.metrics["splits"]["val"]
    turned = {**block, "confusion_matrix": block["confusion_matrix"][::-1]}
    turned["confusion_matrix"] = [[59, 2], [9, 50]]  # 61 real and 59 fake
    metrics = {"splits": {**healthy.metrics["splits"], "val": turned}}
    assert "61 verdicts on real and 59 on fake" in class_totals("a", metrics, faces)["sentence"]
    # One verdict too many by two trainings: no division may round it away.
    twice = {**block, "seeds": 2, "confusion_matrix": [[100, 21], [20, 100]]}
    metrics = {"splits": {**healthy.metrics["splits"], "val": twice}}
    assert class_totals("a", metrics, faces)["light"] == "red"
    twice["confusion_matrix"] = [[100, 20], [20, 100]]
    assert class_totals("a", metrics, faces) is None


def test_numbers_read_from_disk_are_counted_again(healthy, faces):
    fewer = faces.drop(faces.index[faces["split"] == "test"][0])
    assert alarms_of_loaded([healthy], faces) == []
    raised = alarms_of_loaded([healthy], fewer)
    assert [alarm["name"] for alarm in raised] == ["class totals"]
    assert alarms_of_loaded([healthy], fewer, [{"step": "baseline_cnn", **raised[0]}]) == []


def test_overfitting():
    assert light(overfitting("a", history([0.7], accuracy=0.95), 400)) == "red"
    assert light(overfitting("a", history([0.84], accuracy=0.95), 400)) == "amber"
    assert overfitting("a", history([0.88], accuracy=0.95), 400) is None
    assert overfitting("a", history([0.7], accuracy=0.85), 12) is None  # 12 faces cannot tell
    # The kept epoch counts, the one of the lowest validation loss.
    rows = history([0.9, 0.6], val_loss=[0.3, 0.9], accuracy=0.95)
    assert overfitting("a", rows, 400) is None
    assert overfitting("a", history([]), 400) is None


def test_a_floor_that_is_as_good_or_better(faces, score_faces, healthy, floor):
    equal = make_result("equal", score_faces(faces, 0.5, salt=8), faces)
    against = compare_with_floors([healthy, equal], [floor], 100)
    assert floor_not_beaten("cnn", against["cnn"]) is None
    assert floor_not_beaten("cnn", {}) is None
    assert light(floor_not_beaten("equal", against["equal"])) == "amber"
    good = make_result("floor_spectrum", score_faces(faces, 3.0, salt=9), faces, "audit")
    alarm = floor_not_beaten("equal", compare_with_floors([equal], [floor, good], 100)["equal"])
    assert alarm["light"] == "red"
    assert alarm["sentence"].startswith("equal does worse than floor_spectrum on 160 test faces")


def test_a_floor_that_is_better_on_test_alone_is_found(faces, score_faces, floor):
    """Validation prefers the other floor, which the detector beats."""
    lucky = score_faces(faces, 0.1, salt=11)
    test = lucky["split"] == "test"
    lucky.loc[test, "score"] = 0.5 + 0.4 * (lucky.loc[test, "label"] - 0.5)
    floors = [floor, make_result("floor_lucky", lucky, faces, "audit")]
    assert best_on_validation(floors) is floor
    cnn = make_result("cnn", score_faces(faces, 1.5, salt=12), faces)
    assert floor_not_beaten("cnn", compare_with_floors([cnn], floors[:1], 100)["cnn"]) is None
    alarm = floor_not_beaten("cnn", compare_with_floors([cnn], floors, 100)["cnn"])
    assert alarm["light"] == "red" and "does worse than floor_lucky" in alarm["sentence"]


def test_an_interval_that_the_corrected_test_does_not_support_is_no_red_alarm():
    accuracy = Difference(0.0, -0.1, 0.1, 160, 1.0, 1.0)
    auc = Difference(-0.1, -0.19, -0.01, 160, 0.03, 0.12)
    alarm = floor_not_beaten("cnn", {"floor": Comparison(auc, accuracy)})
    assert alarm["light"] == "amber" and "cannot be told apart" in alarm["sentence"]
    alarm = floor_not_beaten("cnn", {"floor": Comparison(replace(auc, adjusted=0.04), accuracy)})
    assert alarm["light"] == "red"


def test_each_training_of_a_steps_members_is_looked_at(
    tmp_path, monkeypatch, healthy, floor, faces, score_faces
):
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path))
    step = tmp_path / "runs/demo/baseline_cnn"
    equal = score_faces(faces, 0.5, salt=8)
    results = [replace(healthy, folder=step / "cnn")]
    results.append(replace(make_result("weak", equal, faces), folder=step / "weak"))
    stuck = history([0.5, 0.5], accuracy=0.55)
    for path, rows in (("cnn/seed_1", GOOD), ("cnn/seed_2", stuck), ("weak/seed_1", GOOD)):
        write_table(step / path / "history.csv", rows)
    alarms = alarms_of_step(results, "runs/demo", faces, 20)
    assert [alarm["name"] for alarm in alarms] == ["stuck at the majority"]
    assert alarms[0]["sentence"].startswith("cnn, seed 2 had a validation accuracy of 50.0%")
    assert set(alarms[0]) == {"name", "light", "sentence", "fix"}
    audit = tmp_path / "runs/demo/audit/floor_thumbnails"
    write_table(audit / "scores.parquet", score_faces(faces, 0.5, salt=7))
    write_json(audit / "member.json", floor.member)
    write_json(audit / "metrics.json", floor.metrics)
    alarms = alarms_of_step(results, "runs/demo", faces, 20)
    assert [alarm["name"] for alarm in alarms] == ["stuck at the majority", "floor not beaten"]
    assert alarms[1]["sentence"].startswith("weak cannot be told apart from floor_thumbnails")


def test_one_class_in_test_is_no_alarm(make_faces, score_faces, floor):
    kinds = {"real": 9, "swap": 9}
    only_real = make_faces({"train": kinds, "val": kinds, "test": {"real": 12}})
    one = make_result("one", score_faces(only_real, 2.0), only_real)
    assert compare_with_floors([one], [floor], 20) == {}
    assert alarms_of(one, {}, {}, only_real) == []


def test_red_alarms_come_first_and_what_was_checked_is_listed():
    alarms = [
        {"step": "resnet50", "name": "b", "light": "amber", "sentence": "B.", "fix": "b"},
        {"name": "a", "light": "red", "sentence": "A.", "fix": "a"},
    ]
    table = alarms_table(alarms)
    assert table["light"].tolist() == ["red", "amber"]
    assert table["step"].tolist() == ["–", "resnet50"]
    assert describe_alarms(alarms)[0].startswith("1 red and 1 amber alarms. Red means")
    none, checked = describe_alarms([])
    assert none == "None of the 7 checks below fired."
    assert all(what in checked for what in CHECKS.values())
