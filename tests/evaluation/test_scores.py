"""Scores and faces are joined one to one, or not at all."""

import numpy as np
import pandas as pd
import pytest
from unmask.errors import DataError
from unmask.evaluation.scores import attach_faces, cluster_ids, score_matrix, select_scores


def test_rows_keep_their_order_and_gain_the_columns_of_their_face(make_faces, score_faces):
    faces = make_faces(people=4)
    scores = score_faces(faces, seeds=(0, 1)).sample(frac=1, random_state=0)
    joined = attach_faces(scores, faces.sample(frac=1, random_state=1))
    assert joined["face_id"].tolist() == scores["face_id"].tolist()
    assert joined["score"].tolist() == scores["score"].tolist()
    assert (joined["generator"] == [name.split("-")[1] for name in joined["face_id"]]).all()
    assert {"group", "file_id", "path", "row"} <= set(joined)
    assert not [name for name in joined if name.endswith("_of_face") or name == "_merge"]


def test_a_single_training_needs_no_seed_column(make_faces, score_faces):
    faces = make_faces()
    joined = attach_faces(score_faces(faces).drop(columns="seed"), faces)
    assert (joined["seed"] == 0).all()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda s, f: (s.assign(label=1 - s["label"]), f), "another label"),
        (lambda s, f: (s.replace({"split": {"val": "test"}}), f), "another split"),
        (lambda s, f: (s, f[f["generator"] != "swap"]), "not in the faces table"),
        (lambda s, f: (s.iloc[1:], f), "scored 59 of the 60 real faces of the split val"),
        (lambda s, f: (s.iloc[[0, *range(len(s))]], f), "holds 1 rows twice"),
        (lambda s, f: (s, f.iloc[[0, *range(len(f))]]), "holds 1 rows twice"),
        (lambda s, f: (s.drop(columns="score"), f), "no column score"),
        (lambda s, f: (s, f.drop(columns="group")), "no column group"),
    ],
)
def test_what_does_not_fit_is_refused(make_faces, score_faces, spoil, words):
    faces = make_faces()
    with pytest.raises(DataError, match=words):
        attach_faces(*spoil(score_faces(faces), faces))


def test_one_flipped_label_is_found(make_faces, score_faces):
    faces = make_faces()
    scores = score_faces(faces)
    scores.loc[7, "label"] = 1 - scores.loc[7, "label"]
    with pytest.raises(DataError, match="1 scored faces have another label"):
        attach_faces(scores, faces)


def test_matrix_puts_seeds_in_rows_and_faces_in_order(make_faces, score_faces):
    faces = make_faces()
    scores = score_faces(faces, seeds=(3, 1))
    table, matrix = score_matrix(scores.sample(frac=1, random_state=0))
    assert matrix.shape == (2, len(table)) and table["face_id"].is_monotonic_increasing
    for row, seed in enumerate((1, 3)):
        part = scores[scores["seed"] == seed].set_index("face_id")
        assert np.array_equal(matrix[row], part.loc[table["face_id"], "score"])


def test_matrix_refuses_a_missing_score(make_faces, score_faces):
    scores = score_faces(make_faces(), seeds=(0, 1)).iloc[:-2]
    with pytest.raises(DataError, match="2 scores are missing"):
        score_matrix(scores)


def test_clusters_are_groups_else_files_else_faces(make_faces):
    faces = make_faces(people=3).iloc[:4].copy()
    faces["group"] = ["anna", "anna", "", ""]
    faces["file_id"] = ["f0", "f1", "f2", "f2"]
    first, second, third, fourth = cluster_ids(faces)
    assert first == second and third == fourth and first != third
    assert len(set(cluster_ids(faces[["face_id"]]))) == 4
    assert (first, third) == ("group:anna", "file_id:f2")
    faces["file_id"] = ["f0", "f1", "anna", "f3"]  # a file that is called like a person
    assert len(set(cluster_ids(faces))) == 3
    assert len(cluster_ids(faces.iloc[:0])) == 0


def test_near_copies_of_two_people_make_them_one_unit(make_faces):
    faces = make_faces(people=3).iloc[:6].copy()
    faces["group"] = ["anna", "anna", "bert", "bert", "", "carla"]
    faces["file_id"] = ["f0", "f1", "f2", "f3", "f3", "f5"]
    faces["cluster"] = ["", "c1", "c1", "", "", ""]
    *linked, alone = cluster_ids(faces)
    assert len(set(linked)) == 1 and alone == "group:carla"  # anna - c1 - bert - f3 - no name
    twice = pd.concat([faces, faces])  # a row for each of two seeds
    assert cluster_ids(twice).tolist() == 2 * cluster_ids(faces).tolist()
    assert len(set(cluster_ids(twice[["face_id"]]))) == 6


def test_held_out_scores_need_a_reason(make_faces, score_faces):
    scores = score_faces(make_faces())
    assert set(select_scores(scores, "val")["split"]) == {"val"}
    for split in ("test", "unseen"):
        with pytest.raises(ValueError, match="say why"):
            select_scores(scores, split)
        assert set(select_scores(scores, split, reason="a test")["split"]) == {split}
    with pytest.raises(ValueError, match="no split 'train' is scored"):
        select_scores(scores, "train")
