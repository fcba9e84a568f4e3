"""What an ensemble did to the scores of the table is done again to those of a new face."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from unmask.errors import DataError
from unmask.evaluation.ensembles import (
    METHODS,
    Joiner,
    combine,
    mean_ensemble,
    member_names,
    read_joiner,
    write_joiner,
)
from unmask.evaluation.scores import attach_faces

SCORES = arrays(np.float64, (4, 3), elements=st.floats(0, 1))
JOINERS = (
    Joiner("mean", ("a", "b", "c"), (0.5, 0.25, 0.25)),
    Joiner("rank", ("a", "b", "c"), (1 / 3,) * 3, references=((0.1, 0.2, 0.9),) * 3),
    Joiner("stack", ("a", "b", "c"), (1.5, 0.5, 0.1), -0.3),
)


@pytest.fixture
def wide(make_faces, score_faces):
    faces = make_faces(people=2)
    gaps = {"good": 2.5, "fair": 1.5, "noise": 0.0}
    return combine(
        {
            name: attach_faces(score_faces(faces, gap=gap, salt=salt), faces)
            for salt, (name, gap) in enumerate(gaps.items())
        }
    )


@pytest.mark.parametrize("name", METHODS)
def test_the_scores_of_test_faces_follow_from_what_was_written(wide, name, tmp_path):
    ensemble = METHODS[name](wide)
    write_joiner(tmp_path, ensemble.joiner)
    joiner = read_joiner(tmp_path)
    assert joiner == ensemble.joiner
    assert list(joiner.members) == member_names(wide) and list(joiner.used()) == ensemble.used()
    new = (wide["split"] != "val").to_numpy()
    given_scores = wide.loc[new, list(joiner.members)].to_numpy()
    assert np.abs(joiner(given_scores) - ensemble.scores["score"][new]).max() < 1e-12


def test_worked_out_by_hand():
    mean, rank, stack = JOINERS
    scores = [[0.2, 0.4, 0.8]]
    assert mean(scores) == pytest.approx([0.1 + 0.1 + 0.2])
    # 0.2: one below and half of one tie; 0.4: two below; 0.8: two below, of three each
    assert rank(scores) == pytest.approx([(1.5 / 3 + 2 / 3 + 2 / 3) / 3])
    odds = 1.5 * np.log(0.2 / 0.8) + 0.5 * np.log(0.4 / 0.6) + 0.1 * np.log(0.8 / 0.2) - 0.3
    assert stack(scores) == pytest.approx([1 / (1 + np.exp(-odds))])


@given(SCORES, st.sampled_from(JOINERS))
def test_one_face_alone_gets_the_score_it_gets_among_others(scores, joiner):
    together = joiner(scores)
    assert ((together >= 0) & (together <= 1)).all()
    alone = np.concatenate([joiner(row[None]) for row in scores])
    assert np.abs(together - alone).max() < 1e-12
    higher = joiner(np.minimum(scores + 0.1, 1.0))  # no weight here is negative
    assert (higher >= together - 1e-12).all()


def test_a_member_without_weight_need_not_be_asked():
    joiner = Joiner("stack", ("a", "b"), (2.0, 0.0), 0.1)
    assert joiner.used() == ("a",)
    assert joiner([[0.7, np.nan]]) == joiner([[0.7, 0.2]])


@pytest.mark.parametrize(
    "change",
    [{"kind": "exec"}, {"weights": [0.5]}, {"members": []}, {"weights": ["x", "y"]}],
)
def test_what_is_not_whole_is_refused(change, tmp_path):
    data = {**Joiner("mean", ("a", "b"), (0.5, 0.5)).as_dict(), **change}
    (tmp_path / "joiner.json").write_text(json.dumps(data))
    with pytest.raises(DataError, match="run the step ensemble again"):
        read_joiner(tmp_path)


def test_ranks_need_what_they_are_taken_among():
    with pytest.raises(DataError):
        Joiner("rank", ("a", "b"), (0.5, 0.5), references=((), (0.1,)))


def test_an_ensemble_of_before_has_none(tmp_path, wide):
    assert read_joiner(tmp_path) is None
    assert mean_ensemble(wide).joiner == Joiner("mean", ("good", "fair", "noise"), (1 / 3,) * 3)
