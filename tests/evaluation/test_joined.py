"""Ranks, greedy selection, named ensembles, diversity: exact answers on small tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score
from unmask.errors import UsageError
from unmask.evaluation.comparison import Comparison, Difference
from unmask.evaluation.ensemble_gains import gains_beside_costs, gains_of
from unmask.evaluation.ensembles import (
    REFERENCE_TRIO,
    combine,
    fit_ensembles,
    greedy_ensemble,
    named_ensembles,
    rank_ensemble,
    verdict_pairs,
)
from unmask.evaluation.members import Result
from unmask.evaluation.scores import attach_faces
from unmask.suite.notebook_parameters import read_parameters

NOTEBOOK = Path(__file__).resolve().parents[2] / "notebooks" / "08_ensemble.ipynb"


def table_of(**columns):
    """A table as `combine` makes it: the faces of validation, then one test face."""
    count = len(next(iter(columns.values()))) - 1
    return pd.DataFrame(
        {
            "face_id": [f"face-{number}" for number in range(count + 1)],
            "split": ["val"] * count + ["test"],
            "label": [number % 2 for number in range(count + 1)],
            "cluster": [f"file:{number}" for number in range(count + 1)],
            **columns,
        }
    )


@pytest.fixture
def wide(make_faces, score_faces):
    faces = make_faces(people=2)
    return combine(
        {
            "good": attach_faces(score_faces(faces, gap=2.5, salt=1), faces),
            "fair": attach_faces(score_faces(faces, gap=1.5, salt=2), faces),
            "noise": attach_faces(score_faces(faces, gap=0.0, salt=3), faces),
        }
    )


def test_a_rank_is_the_share_of_validation_faces_below():
    found = rank_ensemble(table_of(one=[0.1, 0.2, 0.2, 0.9, 0.2], two=[4.0, 3.0, 2.0, 1.0, 9.0]))
    one, two = [0.125, 0.5, 0.5, 0.875, 0.5], [0.875, 0.625, 0.375, 0.125, 1.0]
    assert found.scores["score"].tolist() == pytest.approx((np.array(one) + two) / 2)
    assert found.weights == {"one": 0.5, "two": 0.5}


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_ranks_do_not_change_with_what_keeps_the_order(seed):
    generator = np.random.default_rng(seed)
    one, two = generator.random((2, 13)).round(2)
    before = rank_ensemble(table_of(one=one, two=two)).scores["score"]
    after = rank_ensemble(table_of(one=np.exp(5 * one), two=two**3)).scores["score"]
    assert np.allclose(before, after, atol=1e-12)


def test_greedy_takes_the_best_first_and_what_helps_next(wide):
    found = greedy_ensemble(wide)
    val = wide[wide["split"] == "val"]
    areas = {name: roc_auc_score(val["label"], val[name]) for name in ("good", "fair", "noise")}
    first, area = found.path[0]
    assert first == max(areas, key=areas.get) == "good"
    assert area == pytest.approx(areas["good"], abs=1e-8)
    total = val["good"].to_numpy()
    steps = {
        name: roc_auc_score(val["label"], total + val[name]) for name in ("good", "fair", "noise")
    }
    assert found.path[1][0] == max(steps, key=steps.get)
    assert found.path[1][1] == pytest.approx(max(steps.values()), abs=1e-8)


def test_greedy_keeps_the_picks_up_to_the_best_and_scores_with_those(wide):
    found = greedy_ensemble(wide)
    areas = [area for _, area in found.path]
    kept = [name for name, _ in found.path[: int(np.argmax(areas)) + 1]]
    assert sum(found.weights.values()) == pytest.approx(1)
    for name, weight in found.weights.items():
        assert weight == pytest.approx(kept.count(name) / len(kept))
    test = wide["split"] == "test"
    expected = sum(wide.loc[test, name] for name in kept) / len(kept)
    assert np.allclose(found.scores.loc[test.to_numpy(), "score"], expected, atol=1e-12)


def test_a_useless_member_is_not_used_and_costs_nothing(make_faces, score_faces):
    faces = make_faces(people=2)
    perfect = attach_faces(score_faces(faces, gap=60.0, salt=1), faces)
    noise = attach_faces(score_faces(faces, gap=0.0, salt=3), faces)
    found = greedy_ensemble(combine({"noise": noise, "perfect": perfect}))
    assert found.used() == ["perfect"] and found.weights["noise"] == 0


@pytest.mark.parametrize("order", [["noise", "good", "fair"], ["fair", "noise", "good"]])
def test_the_order_of_members_changes_no_score(wide, order):
    keys = ["face_id", "split", "label", "cluster"]
    ours, _ = fit_ensembles(wide)
    theirs, _ = fit_ensembles(wide[[*keys, *order]])
    assert list(ours) == [
        "mean_ensemble", "rank_ensemble", "weighted_ensemble", "stacked_ensemble",
        "greedy_ensemble",
    ]  # fmt: skip
    for name, each in ours.items():
        assert np.allclose(each.scores["score"], theirs[name].scores["score"], atol=2e-4), name


def test_a_named_ensemble_is_the_mean_of_exactly_its_members(wide):
    named = {
        "pair": ["good", "noise"],
        "half": ["good", "gone"],
        "other": ["gone", "away"],
        "alone": ["good"],
    }
    found, notices = named_ensembles(wide, named)
    assert list(found) == ["pair"]
    expected = (wide["good"] + wide["noise"]) / 2
    assert np.allclose(found["pair"].scores["score"], expected, atol=1e-15)
    holds = "not in this run, which holds good, fair, noise."
    assert notices == [
        f"The ensemble half is not shown: gone {holds}",
        f"The ensemble other is not shown: gone, away {holds}",
        "The ensemble alone is not shown: it has one member.",
    ]


def test_only_the_trio_that_nobody_asked_for_is_missed_without_a_word(wide):
    trio = list(REFERENCE_TRIO)
    assert read_parameters(NOTEBOOK)["reference_trio"].default == trio
    assert named_ensembles(wide, {"reference_trio": trio}) == ({}, [])
    for named in ({"reference_trio": trio[:2]}, {"mine": trio}):
        assert len(named_ensembles(wide, named)[1]) == 1


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"pair": "good"}, "joins 'good'"),
        ({"pair": ["good", "good"]}, "joins"),
        ({"pair": []}, "joins"),
        ({"mean_ensemble": ["good", "fair"]}, "cannot be called 'mean_ensemble'"),
        ({"noise": ["good", "fair"]}, "cannot be called 'noise'"),
        ({"../good": ["good", "fair"]}, "cannot be called"),
    ],
)
def test_an_ensemble_that_cannot_be_meant_is_refused(wide, named, message):
    with pytest.raises(UsageError, match=message):
        named_ensembles(wide, named)


def test_what_validation_is_too_small_for_is_named(make_faces, score_faces):
    def notices(groups):
        kinds = {"real": 2 * groups, "swap": 2 * groups}
        faces = make_faces({"val": kinds, "test": kinds}, people=2)
        tables = {name: score_faces(faces, salt=salt) for salt, name in enumerate("ab")}
        table = combine({name: attach_faces(each, faces) for name, each in tables.items()})
        found, told = fit_ensembles(table)
        return list(found), told

    assert notices(2) == (
        ["mean_ensemble", "rank_ensemble", "weighted_ensemble", "greedy_ensemble"],
        [
            "Not shown: stacked_ensemble. Validation is too small to fit it: 4 real and 4 fake "
            "faces in 2 groups."
        ],
    )
    shown, (told,) = notices(1)
    assert shown == ["mean_ensemble", "rank_ensemble"]
    assert told.startswith("Not shown: weighted_ensemble, stacked_ensemble, greedy_ensemble.")
    assert told.endswith("to fit them: 2 real and 2 fake faces in 1 group.")


def test_a_detector_called_as_a_column_is_refused(make_faces, score_faces):
    faces = make_faces(people=2)
    tables = {name: attach_faces(score_faces(faces), faces) for name in ("good", "cluster")}
    with pytest.raises(UsageError, match="'cluster', as a column"):
        combine(tables)


def test_disagreement_and_common_errors_are_shares_of_the_faces():
    # labels of validation: 0 1 0 1
    wide = table_of(one=[0.9, 0.9, 0.1, 0.9, 0], two=[0.9, 0.9, 0.1, 0.1, 0], six=[0, 0, 1, 0, 0])
    found = verdict_pairs(wide, {"one": 0.5, "two": 0.5, "six": 0.5})
    assert found.n == 4
    assert found.disagreement.tolist() == [[0, 0.25, 1], [0.25, 0, 0.75], [1, 0.75, 0]]
    assert found.both_wrong.tolist() == [[0.25, 0.25, 0], [0.25, 0.5, 0.25], [0, 0.25, 0.75]]
    assert found.sentence() == (
        "one and six call 100.0% of 4 validation faces differently, one and two only 25.0%."
    )


def test_a_gain_stands_beside_its_cost(tmp_path):
    def result(name, milliseconds, **more):
        member = {"name": name, "milliseconds_per_image": milliseconds, "bytes_on_disk": 2e6}
        return Result(tmp_path, {**member, "seeds": [1], **more}, {}, pd.DataFrame())

    best = result("good", 2.0)
    ensembles = [
        result("both", 5.0, weights={"good": 0.5, "fair": 0.5, "noise": 0.0}),
        result("never compared", 1.0, weights={}),
    ]
    difference = Difference(0.02, 0.01, 0.03, 100)
    found = gains_of(ensembles, best, {"both": Comparison(difference, difference)})
    assert [(gain.name, gain.members, gain.times) for gain in found] == [("both", 2, 2.5)]
    row = gains_beside_costs(found, best).iloc[0]
    assert row["AUC minus that of good"].startswith("+0.020")
    assert (row["ms per image"], row["times good"], row["size (MB)"]) == ("5.00", "2.5", "2.0")
