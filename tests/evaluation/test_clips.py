"""Numbers per clip: pooling, its choice on validation, blocks, intervals, tables and the figure."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as some
from sklearn.metrics import roc_auc_score
from unmask.errors import DataError, UsageError
from unmask.evaluation import plots
from unmask.evaluation.clip_tables import clips_table, describe_clips, scores_of_clips
from unmask.evaluation.clips import (
    FEWEST_TO_CHOOSE,
    Pooling,
    choose_pooling,
    clip_rows,
    pool_clips,
    pool_scores,
)
from unmask.evaluation.members import Result
from unmask.evaluation.scores import attach_faces
from unmask.evaluation.summary import evaluate_member

FRAMES = 6


def make_clips(clips: int = 12, people: int = 1) -> pd.DataFrame:
    """Returns faces of `clips` clips of each class and split, two clips a group, and pictures."""
    rows = []
    for split in ("train", "val", "test"):
        for label in (0, 1):
            for clip in range(clips):
                for frame in range(FRAMES):
                    for person in range(people):
                        rows.append((f"{split}{label}{clip:02d}", frame, person, label, split))
            rows.append((f"{split}{label}picture", 0, 0, label, split))
    faces = pd.DataFrame(rows, columns=["file_id", "frame", "person", "label", "split"])
    faces["face_id"] = faces[["file_id", "frame", "person"]].astype(str).agg("-".join, axis=1)
    faces["generator"] = faces["label"].map({0: "real", 1: "swap"})
    faces["group"] = faces["split"] + (faces["file_id"].str[-2:].str.extract(r"(\d+)")[0]).fillna(
        ""
    )
    faces["cluster"] = ""
    return faces


def score(faces: pd.DataFrame, make, seeds=(1,)) -> pd.DataFrame:
    """Returns a scores table; `make(row, generator)` gives the score of a face."""
    parts = []
    for seed in seeds:
        generator = np.random.default_rng(seed)
        part = faces.loc[faces["split"] != "train", ["face_id", "split", "label"]]
        values = [make(row, generator) for row in faces.loc[part.index].itertuples()]
        parts.append(part.assign(score=np.clip(values, 0, 1), seed=seed))
    return pd.concat(parts, ignore_index=True)


def one_bad_frame(row, generator):
    """Fakes show themselves in one frame alone."""
    shown = row.label and row.frame == 2
    return 0.9 - 0.1 * generator.random() if shown else 0.5 + 0.2 * generator.normal()


def steady(row, generator):
    return 0.5 + 0.15 * (2 * row.label - 1) + 0.2 * generator.normal()


@pytest.mark.parametrize(
    ("how", "k", "expected"),
    [
        ("mean", 0, 0.4),
        ("median", 0, 0.3),
        ("top_k", 1, 0.9),
        ("top_k", 2, 0.65),
        ("top_k", 9, 0.4),
    ],
)
def test_pooling_by_hand(how, k, expected):
    assert pool_scores([0.3, 0.9, 0.1, 0.4, 0.3], how, k) == pytest.approx(expected)


def test_the_highest_of_more_frames_are_no_higher_than_when_the_threshold_was_chosen():
    scores = [0.1, 0.2, 0.9, 0.3, 0.4, 0.8]
    assert pool_scores(scores, "top_k", 1, frames=3) == 0.8  # of 0.2, 0.3 and 0.8
    assert pool_scores(scores, "top_k", 1, frames=6) == pool_scores(scores, "top_k", 1) == 0.9
    assert pool_scores(scores, "top_k", 2, frames=9) == pytest.approx(0.85)
    assert pool_scores(scores, "mean", 0, frames=3) == pytest.approx(0.45)
    alarms = np.random.default_rng(1).random((20_000, 30))
    called = [pool_scores(row, "top_k", 1, frames=10) >= 0.95 ** (1 / 10) for row in alarms]
    assert np.mean(called) == pytest.approx(0.05, abs=0.005)  # of all 30 it would be 0.14


@given(
    some.lists(some.floats(0, 1), min_size=1, max_size=9),
    some.sampled_from([("mean", 0), ("median", 0), ("top_k", 1), ("top_k", 3)]),
)
def test_pooling_lies_between_the_scores_and_knows_no_order(scores, how):
    pooled = pool_scores(scores, *how)
    assert min(scores) - 1e-12 <= pooled <= max(scores) + 1e-12
    assert pool_scores(scores[::-1], *how) == pooled
    assert pool_scores([score / 2 for score in scores], *how) == pytest.approx(pooled / 2)
    assert pool_scores(scores, "top_k", len(scores)) == pytest.approx(pool_scores(scores))


def test_pooling_says_what_is_wrong():
    with pytest.raises(UsageError, match="Did you mean 'median'"):
        pool_scores([0.5], "medain")
    with pytest.raises(UsageError, match="k = 0"):
        pool_scores([0.5], "top_k")
    with pytest.raises(DataError, match="no scores"):
        pool_scores([])


def test_pictures_are_no_clips_and_each_person_is_a_row():
    faces = make_clips(clips=3, people=2)
    joined = attach_faces(score(faces, steady), faces)
    rows = clip_rows(joined)
    assert not rows["file_id"].str.contains("picture").any()
    pooled = pool_clips(rows, Pooling())
    assert len(pooled) == 2 * 2 * 3 * 2
    one = rows[(rows["file_id"] == "test101") & (rows["person"] == 1)]
    found = pooled[pooled["face_id"] == "test101-1"]
    assert found["score"].item() == pytest.approx(one["score"].mean())
    assert found[["label", "split", "generator", "group"]].iloc[0].tolist() == [
        1, "test", "swap", "test01",
    ]  # fmt: skip


def test_a_clip_with_a_face_in_one_frame_counts_but_single_frames_alone_are_no_clips():
    faces = make_clips(clips=3)
    lone = faces[(faces["file_id"] != "test101") | (faces["frame"] == 4)]
    metrics = evaluate_member(score(lone, steady), lone, resamples=20)
    assert metrics["clips"]["n_clips"] == {"val": 6, "test": 6}
    single = faces[
        faces["frame"].isin([0, 4])
        & ~((faces["frame"] == 0) & faces["file_id"].str[-1].str.isdigit())
    ]
    assert single.groupby("file_id").size().max() == 1
    assert "clips" not in evaluate_member(score(single, steady), single, resamples=20)


@pytest.mark.parametrize(
    ("make", "expected"), [(one_bad_frame, Pooling("top_k", 1)), (steady, Pooling("mean"))]
)
def test_validation_chooses_the_pooling(make, expected):
    faces = make_clips(clips=40)
    val = clip_rows(attach_faces(score(faces, make, seeds=(1, 2)), faces))
    val = val[val["split"] == "val"]
    chosen, tried = choose_pooling(val)
    assert chosen == expected
    assert [(each["pooling"], each["k"]) for each in tried] == [
        ("mean", 0), ("median", 0), ("top_k", 1), ("top_k", 3), ("top_k", 5),
    ]  # fmt: skip
    pooled = pool_clips(val, Pooling("top_k", 3))
    areas = [roc_auc_score(part["label"], part["score"]) for _, part in pooled.groupby("seed")]
    assert tried[3]["auc"] == pytest.approx(np.mean(areas))


def test_of_equals_the_mean_wins_and_few_clips_choose_nothing():
    faces = make_clips(clips=FEWEST_TO_CHOOSE)
    rows = clip_rows(attach_faces(score(faces, lambda row, _: 0.2 + 0.6 * row.label), faces))
    val = rows[rows["split"] == "val"]
    assert choose_pooling(val)[0] == Pooling()
    assert {each["auc"] for each in choose_pooling(val)[1]} == {1.0}
    fewer = val[~val["file_id"].isin(["val000"])]
    assert choose_pooling(fewer) == (Pooling(), [])


@pytest.fixture(scope="module")
def evaluated():
    faces = make_clips(clips=20)
    scores = score(faces, one_bad_frame)
    return faces, scores, evaluate_member(scores, faces, resamples=60)


def test_metrics_per_clip_are_those_of_the_pooled_scores(evaluated):
    faces, scores, metrics = evaluated
    clips = metrics["clips"]
    assert (clips["level"], clips["pooling"], clips["k"]) == ("clip", "top_k", 1)
    assert (clips["chosen_on"], clips["notes"], clips["frames"]) == ("val", [], FRAMES)
    assert clips["n_clips"] == {"val": 40, "test": 40}
    block = clips["splits"]["test"]
    pooled = pool_clips(clip_rows(attach_faces(scores, faces)), Pooling("top_k", 1))
    test = pooled[pooled["split"] == "test"]
    area = roc_auc_score(test["label"], test["score"])
    assert block["metrics"]["auc"]["value"] == pytest.approx(area, abs=1e-12)
    limit = clips["threshold"]["value"]
    called = test["score"] >= limit
    assert block["confusion_matrix"] == [
        [int((~called & (test["label"] == 0)).sum()), int((called & (test["label"] == 0)).sum())],
        [int((~called & (test["label"] == 1)).sum()), int((called & (test["label"] == 1)).sum())],
    ]
    # a real and a fake clip share each group: 40 clips are 20 independent ones
    assert (block["level"], block["n"], block["n_groups"], block["clustered"]) == (
        "clip", 40, 20, True,
    )  # fmt: skip
    words = json.dumps(clips)
    assert "clips" in clips["thresholds"]["fpr_1"]["meaning"] and "face" not in words.replace(
        "its faces", ""
    )
    assert metrics["splits"]["test"]["n"] == 2 * (20 * FRAMES + 1)


def test_test_scores_have_no_say_in_pooling_and_threshold(evaluated):
    faces, scores, metrics = evaluated
    turned = scores.assign(
        score=scores["score"].where(scores["split"] == "val", 1 - scores["score"])
    )
    again = evaluate_member(turned, faces, resamples=60)["clips"]
    for name in ("pooling", "k", "tried", "thresholds"):
        assert again[name] == metrics["clips"][name]
    assert again["splits"]["test"] != metrics["clips"]["splits"]["test"]


def test_no_clips_no_numbers(make_faces, score_faces):
    faces = make_faces()
    assert "clips" not in evaluate_member(score_faces(faces), faces, resamples=20)
    one_class = make_clips(clips=4)
    one_class = one_class[~((one_class["label"] == 1) & (one_class["frame"] > 0))]
    scores = score(one_class, steady)
    assert "clips" not in evaluate_member(scores, one_class, resamples=20)


def test_without_people_a_clip_is_its_file(evaluated):
    faces, scores, metrics = evaluated
    plain = evaluate_member(scores, faces.drop(columns="person"), resamples=60)
    assert (
        plain["clips"]["splits"]["test"]["metrics"]
        == (metrics["clips"]["splits"]["test"]["metrics"])
    )


def test_the_reader_sees_table_sentence_and_figure(evaluated, tmp_path):
    faces, scores, metrics = evaluated
    result = Result(tmp_path, {"name": "tiny"}, metrics, attach_faces(scores, faces))
    table, caption = clips_table([result])
    block = metrics["clips"]["splits"]["test"]["metrics"]
    assert table.iloc[0]["AUC"].startswith(f"{block['auc']['value']:.3f} [")
    assert table.iloc[0]["a clip's score is"] == "its highest score"
    assert "one score per clip and person" in caption
    assert "its highest score, chosen on validation clips" in describe_clips(result)[0]
    of_faces, of_clips = scores_of_clips(result)
    assert (len(of_faces), len(of_clips)) == (40 * FRAMES, 40)
    limit = metrics["clips"]["threshold"]["value"]
    alt = plots.alt_text(plots.clip_scores(of_faces, of_clips, limit, "tiny", "its highest score"))
    called = (of_clips["score"] >= limit) & (of_clips["label"] == 1)
    assert f"{called.sum()} of 20 fake clips are called fake" in alt
    bare = Result(tmp_path, {"name": "bare"}, {"splits": {}}, attach_faces(scores, faces))
    assert clips_table([bare]) is None
    assert describe_clips(bare) == []
