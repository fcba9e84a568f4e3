"""metrics.json and the comparison table: right faces, right counts, plain data."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix, roc_auc_score
from unmask.evaluation.calibration import add_calibrated
from unmask.evaluation.summary import (
    comparison_table,
    costs_of,
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
    assert any("too narrow" in note for note in block["notes"])
    single = make_faces()
    block = evaluate_member(score_faces(single), single, resamples=20)["splits"]["test"]
    assert not block["clustered"] and block["n_groups"] == 160 and block["notes"] == []


def test_val_numbers_are_marked_as_flattering(metrics):
    assert any("flattering" in note for note in metrics["splits"]["val"]["notes"])


def test_calibrated_scores_are_reported_beside_the_raw_ones(metrics, scores, faces):
    calibrated = metrics["splits"]["test"]["calibrated"]
    assert calibrated["log_loss"]["low"] < calibrated["log_loss"]["value"]
    plain = evaluate_member(scores.drop(columns="calibrated"), faces, resamples=20)
    assert "calibrated" not in plain["splits"]["test"]


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
    assert table.loc[1, "AUC"] == format_interval(found)
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
    assert format_interval(None) == "–" and format_interval({**entry, "value": None}) == "–"
    assert format_percent(entry) == "91.2% [88.0%, 94.1%]" and format_percent(None) == "–"
    times = [format_seconds(value) for value in (0.4, 59, 61, 3599.6, 7800, None)]
    assert times == ["0 s", "59 s", "1 min 01 s", "1 h 00 min", "2 h 10 min", "–"]
