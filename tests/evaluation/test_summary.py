"""metrics.json and the comparison table: right faces, right counts, plain data."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix, roc_auc_score
from unmask.errors import DataError
from unmask.evaluation.calibration import add_calibrated
from unmask.evaluation.metrics import METRICS
from unmask.evaluation.operating import operating_points_table
from unmask.evaluation.prevalence import prevalence_table
from unmask.evaluation.summary import (
    DETAILS,
    comparison_table,
    costs_of,
    details_table,
    evaluate_member,
    format_interval,
    format_percent,
    format_seconds,
    generators_table,
    majority_reference,
)
from unmask.evaluation.threshold import choose_threshold


@pytest.fixture
def faces(make_faces):
    return make_faces(people=2)


@pytest.fixture
def scores(faces, score_faces):
    return add_calibrated(score_faces(faces, seeds=(0, 1)))


@pytest.fixture
def metrics(scores, faces):
    return evaluate_member(scores, faces, resamples=60)


def test_is_plain_json(metrics):
    text = json.dumps(metrics, allow_nan=False)
    assert json.loads(text) == metrics


def test_blocks_hold_the_faces_they_say(metrics):
    def counts(block):
        return block["n_real"], block["n_fake"], block["n"]

    assert counts(metrics["splits"]["val"]) == (60, 60, 120)
    assert counts(metrics["splits"]["test"]) == (80, 80, 160)
    assert counts(metrics["splits"]["unseen"]) == (100, 40, 140)
    assert set(metrics["test_generators"]) == {"swap", "blend"}
    assert counts(metrics["test_generators"]["swap"]) == (80, 40, 120)
    assert set(metrics["unseen_generators"]) == {"gan"}
    assert counts(metrics["unseen_generators"]["gan"]) == (100, 40, 140)
    assert metrics["level"] == "face" and metrics["seeds"] == [0, 1]


def test_numbers_are_those_of_each_seed_at_its_own_threshold(metrics, scores):
    areas, matrix = [], np.zeros((2, 2), dtype=int)
    for seed in (0, 1):
        part = scores[scores["seed"] == seed]
        val, test = part[part["split"] == "val"], part[part["split"] == "test"]
        threshold = choose_threshold(val["label"], val["score"])
        assert metrics["threshold"]["by_seed"][str(seed)] == threshold
        areas.append(roc_auc_score(test["label"], test["score"]))
        matrix += confusion_matrix(test["label"], test["score"] >= threshold)
    block = metrics["splits"]["test"]
    assert block["metrics"]["auc"]["value"] == pytest.approx(np.mean(areas), abs=1e-12)
    assert block["metrics"]["auc"]["seed_spread"] == pytest.approx(np.std(areas, ddof=1))
    assert block["confusion_matrix"] == matrix.tolist()
    right = matrix.trace() / matrix.sum()
    assert block["metrics"]["accuracy"]["value"] == pytest.approx(right, abs=1e-12)


def test_groups_are_counted_and_few_of_them_are_remarked(make_faces, score_faces):
    faces = make_faces(people=8)
    block = evaluate_member(score_faces(faces), faces, resamples=20)["splits"]["test"]
    assert block["clustered"] and block["n_groups"] == 10
    assert any("rough" in note for note in block["notes"])
    single = make_faces()
    block = evaluate_member(score_faces(single), single, resamples=20)["splits"]["test"]
    assert not block["clustered"] and block["n_groups"] == 160 and block["notes"] == []


def test_val_numbers_are_marked_as_flattering(metrics):
    assert any("flattering" in note for note in metrics["splits"]["val"]["notes"])


def test_calibrated_scores_are_reported_beside_the_raw_ones(metrics, scores, faces):
    block = metrics["splits"]["test"]
    assert set(block["calibrated"]) == {"temperature", "isotonic"}
    for method, column in (("temperature", "calibrated"), ("isotonic", "isotonic")):
        found = block["calibrated"][method]
        assert set(found) == {"log_loss", "brier", "ece"}
        test = scores[scores["split"] == "test"]
        squares = (test[column] - test["label"]) ** 2
        assert found["brier"]["value"] == pytest.approx(squares.mean(), abs=1e-12)
        assert all(each["low"] <= each["value"] <= each["high"] for each in found.values())
    plain = evaluate_member(scores.drop(columns=["calibrated", "isotonic"]), faces, resamples=20)
    assert plain["splits"]["test"]["calibrated"] == {}


def test_three_thresholds_are_shown_each_from_validation(metrics, scores, faces):
    points = metrics["splits"]["test"]["operating_points"]
    assert list(points) == list(metrics["thresholds"]) == ["fpr_1", "balanced_accuracy", "half"]
    for rule, point in points.items():
        limits, right = [], []
        for seed in (0, 1):
            part = scores[scores["seed"] == seed]
            val, test = part[part["split"] == "val"], part[part["split"] == "test"]
            limits.append(choose_threshold(val["label"], val["score"], rule))
            called = test["score"] >= limits[-1]
            right.append((called == test["label"].astype(bool)).groupby(test["label"]).mean())
        assert list(metrics["thresholds"][rule]["by_seed"].values()) == limits
        assert point["threshold"] == pytest.approx(np.mean(limits))
        found = (point["recall_real"], point["recall_fake"])
        for label, share in enumerate(found):
            values = [each[label] for each in right]
            assert share["value"] == pytest.approx(np.mean(values), abs=1e-12)
            assert share["seed_spread"] == pytest.approx(np.std(values, ddof=1), abs=1e-12)
            assert share["low"] < share["value"] < share["high"]
    used = metrics["splits"]["test"]["metrics"]
    for name in ("accuracy", "balanced_accuracy", "recall_fake", "recall_real"):
        assert points["balanced_accuracy"][name] == pytest.approx(used[name], abs=1e-12)
    strict = evaluate_member(scores, faces, rule="fpr_5", resamples=9)
    assert list(strict["thresholds"]) == ["fpr_1", "balanced_accuracy", "half", "fpr_5"]
    assert strict["threshold"] == strict["thresholds"]["fpr_5"]


def test_a_rule_that_validation_cannot_follow_is_left_out_unless_it_was_asked_for(
    make_faces, score_faces
):
    faces = make_faces({"val": {"swap": 9}, "test": {"real": 12, "swap": 12}})
    scores = score_faces(faces)
    found = evaluate_member(scores, faces, rule="half", resamples=9)
    assert list(found["splits"]["test"]["operating_points"]) == ["half"]
    with pytest.raises(DataError, match="needs both classes"):
        evaluate_member(scores, faces, rule="fpr_1", resamples=9)


def test_test_labels_cannot_move_what_validation_decides(metrics, scores, faces):
    others = scores["split"] != "val"
    flipped = scores.assign(label=scores["label"].mask(others, 1 - scores["label"]))
    turned = faces.assign(label=faces["label"].mask(faces["split"] != "val", 1 - faces["label"]))
    found = evaluate_member(flipped, turned, resamples=9)
    assert found["thresholds"] == metrics["thresholds"]


def test_tables_of_thresholds_and_of_rare_fakes(metrics):
    table = operating_points_table(metrics)
    assert table["rule"].tolist() == [
        "at most 1% of the real validation faces called fake",
        "highest balanced accuracy on validation (used)",
        "fixed at 0.5",
    ]
    point = metrics["splits"]["test"]["operating_points"]["half"]
    assert table.loc[2, "threshold"] == "0.500"
    assert table.loc[2, "fakes found"] == format_percent(point["recall_fake"], spread=True)
    assert table.loc[2, "precision"] == format_percent(point["precision"])
    assert table.loc[2, "accuracy"] == format_interval(point["accuracy"], spread=True)
    rare = prevalence_table(metrics)
    assert rare["fakes among the pictures"].tolist() == 2 * [
        "1 in 2",
        "1 in 10",
        "1 in 100",
        "1 in 1,000",
    ]
    points = metrics["splits"]["test"]["operating_points"]
    last = points["fpr_1"]["prevalence"][-1]
    assert rare["alarms that are right"].iloc[-1] == format_percent(last["ppv"])
    assert operating_points_table(metrics, "elsewhere").empty
    assert prevalence_table(metrics, "elsewhere").empty


def test_every_metric_has_a_row_in_the_details(metrics):
    table = details_table([({"name": "m"}, metrics)])
    assert list(table) == ["measure", "m"] and set(DETAILS) == set(METRICS)
    assert len(table) == len(METRICS)
    found = metrics["splits"]["test"]["metrics"]
    assert table["m"].tolist() == [format_interval(found[name], spread=True) for name in DETAILS]


def test_too_few_real_faces_for_a_rate_are_remarked(metrics, make_faces, score_faces):
    (remark,) = metrics["splits"]["test"]["remarks"]
    assert remark.startswith("With 80 real faces, the share of fakes found at 0.1% and 1% false")
    many = make_faces({"val": {"real": 9, "swap": 9}, "test": {"real": 1000, "swap": 5}})
    assert evaluate_member(score_faces(many), many, resamples=9)["splits"]["test"]["remarks"] == []


def test_without_unseen_faces_there_is_no_such_block(make_faces, score_faces):
    faces = make_faces({name: {"real": 20, "swap": 20} for name in ("train", "val", "test")})
    found = evaluate_member(score_faces(faces), faces, resamples=20)
    assert set(found["splits"]) == {"val", "test"} and found["unseen_generators"] == {}


def test_a_test_split_of_one_class_is_reported_without_inventing_numbers(make_faces, score_faces):
    faces = make_faces({"val": {"real": 9, "swap": 9}, "test": {"real": 12}})
    found = evaluate_member(score_faces(faces), faces, resamples=20)
    block = found["splits"]["test"]
    assert block["metrics"]["auc"] is None and block["metrics"]["recall_fake"] is None
    assert block["metrics"]["recall_real"]["value"] == block["metrics"]["accuracy"]["value"]
    assert block["metrics"]["accuracy"]["low"] < block["metrics"]["accuracy"]["high"]
    assert block["metrics"]["log_loss"]["low"] < block["metrics"]["log_loss"]["value"]
    point = block["operating_points"]["half"]
    assert point["recall_fake"] is None and point["precision"] is None
    assert point["prevalence"] == [] and point["recall_real"] == point["accuracy"]
    assert "All faces are real" in block["notes"][0]
    json.dumps(found, allow_nan=False)
    table = comparison_table([({"name": "m"}, found)])
    assert table.loc[0, "AUC"] == "–"


def test_majority_reference_knows_nothing(faces):
    member, metrics = majority_reference(faces, resamples=20)
    found = metrics["splits"]["test"]["metrics"]
    assert member["name"] == "always says fake"  # training faces are half and half
    assert found["auc"] == {"value": 0.5, "low": None, "high": None, "seed_spread": None}
    assert found["accuracy"]["low"] < 0.5 < found["accuracy"]["high"]
    assert found["accuracy"]["value"] == 0.5 and found["balanced_accuracy"]["value"] == 0.5
    mostly_real = faces[(faces["split"] != "train") | (faces["generator"] != "swap")]
    assert majority_reference(mostly_real, resamples=20)[0]["name"] == "always says real"


def test_comparison_table_has_a_row_a_model(metrics, faces):
    table = comparison_table([majority_reference(faces, resamples=20), ({"name": "m"}, metrics)])
    assert list(table) == [
        "model",
        "accuracy",
        "balanced accuracy",
        "AUC",
        "average precision",
        "EER",
    ]
    assert table["model"].tolist() == ["always says fake", "m"]
    found = metrics["splits"]["test"]["metrics"]["auc"]
    assert table.loc[1, "AUC"] == format_interval(found, spread=True)
    assert table.map(lambda cell: isinstance(cell, str)).all(axis=None)


def test_costs_are_written_for_people():
    member = {
        "name": "baseline",
        "seeds": [1, 2],
        "parameters": 1234567,
        "bytes_on_disk": 14_900_000,
        "training_seconds": 185.2,
        "milliseconds_per_image": 1.234,
    }
    table = costs_of([member, {"name": "old", "seeds": [1]}])
    assert table.to_dict("records") == [
        {
            "model": "baseline",
            "trainings": "2",
            "parameters": "1,234,567",
            "size (MB)": "14.9",
            "time of training": "3 min 05 s",
            "ms per image": "1.23",
        },
        {
            "model": "old",
            "trainings": "1",
            "parameters": "–",
            "size (MB)": "–",
            "time of training": "–",
            "ms per image": "–",
        },
    ]


def test_table_of_generators(metrics):
    rows = generators_table(metrics)
    assert rows[["generator", "seen in training"]].to_numpy().tolist() == [
        ["blend", "yes"],
        ["swap", "yes"],
        ["gan", "no"],
    ]
    for fakes, seen in (("self_blended", "no"), ("mixed", "by some members")):
        told = generators_table(metrics, fakes)["seen in training"].tolist()
        assert told == [seen, seen, "no"]
    assert isinstance(rows, pd.DataFrame) and rows["real faces"].tolist() == ["80", "80", "100"]


def test_unseen_fakes_of_a_generator_that_training_saw_count_nowhere(make_faces, score_faces):
    """A whole group goes to unseen for one held-out fake; its other fakes are not unseen ones."""
    kinds = {"real": 20, "swap": 20}
    faces = make_faces(
        {"train": kinds, "val": kinds, "test": kinds, "unseen": {"real": 8, "gan": 10, "swap": 15}}
    )
    scores = score_faces(faces)
    easy = (scores["split"] == "unseen") & scores["face_id"].str.contains("swap")
    found = evaluate_member(
        scores.assign(score=scores["score"].mask(easy, 1.0)), faces, resamples=9
    )
    assert list(found["unseen_generators"]) == ["gan"]
    pooled = found["splits"]["unseen"]
    assert (pooled["n_fake"], pooled["n_real"]) == (10, 28)
    assert pooled["metrics"]["auc"] == found["unseen_generators"]["gan"]["metrics"]["auc"]
    without = faces[(faces["generator"] != "gan") | (faces["split"] != "unseen")]
    rest = scores[scores["face_id"].isin(without["face_id"])]
    assert "unseen" not in evaluate_member(rest, without, resamples=9)["splits"]


def test_a_fixed_threshold_is_not_said_to_come_from_validation(faces, scores):
    found = evaluate_member(scores, faces, rule="half", resamples=9)
    assert found["threshold"]["meaning"] == "fixed at 0.5"
    assert not any("threshold" in note for note in found["splits"]["val"]["notes"])


def test_formats():
    entry = {"value": 0.9124, "low": 0.88, "high": 0.9409, "seed_spread": None}
    assert format_interval(entry) == "0.912 [0.880, 0.941]"
    assert format_interval({**entry, "low": None, "high": None}) == "0.912"
    several = {**entry, "seed_spread": 0.0142}
    assert format_interval(several) == "0.912 [0.880, 0.941]"
    assert format_interval(several, spread=True) == "0.912 [0.880, 0.941] ±0.014 over seeds"
    assert format_percent({**several, "low": None}, spread=True) == "91.2% ±1.4% over seeds"
    assert format_interval(entry, spread=True) == "0.912 [0.880, 0.941]"
    assert format_interval(None) == "–" and format_interval({**entry, "value": None}) == "–"
    assert format_percent(entry) == "91.2% [88.0%, 94.1%]" and format_percent(None) == "–"
    times = [format_seconds(value) for value in (0.4, 59, 61, 3599.6, 7800, None)]
    assert times == ["0 s", "59 s", "1 min 01 s", "1 h 00 min", "2 h 10 min", "–"]
