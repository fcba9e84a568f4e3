"""Leaving one generator out: its fakes are nowhere in training, and a second call does nothing."""

import numpy as np
import pandas as pd
import pytest
from unmask.runs import read_json, write_json
from unmask.training.generalise import (
    folder_of,
    generators_to_leave_out,
    notices_left_out,
    train_left_out,
    without_generator,
)
from unmask.training.settings import TrainingSettings

SIDE = 8
COUNTS = {
    "train": {"real": 24, "swap": 12, "a/b?": 12},
    "val": {"real": 8, "swap": 4, "a/b?": 4},
    "test": {"real": 16, "swap": 8, "a/b?": 8},
    "unseen": {"real": 4, "gan": 4},
}


def make_faces(counts):
    rows = [
        {
            "face_id": f"{split}-{generator}-{number}",
            "split": split,
            "label": int(generator != "real"),
            "generator": generator,
        }
        for split, kinds in counts.items()
        for generator, count in kinds.items()
        for number in range(count)
    ]
    return pd.DataFrame(rows).assign(row=np.arange(len(rows)))


def test_which_generators_can_be_left_out():
    names, why = generators_to_leave_out(make_faces(COUNTS))
    assert names == ["a/b?", "swap"] and why == ""
    rare = {**COUNTS, "test": {"real": 16, "swap": 8, "a/b?": 2}}
    assert generators_to_leave_out(make_faces(rare))[0] == ["swap"]


def test_why_none_can_be_left_out():
    lone = {split: {"real": 9, "swap": 9} for split in ("train", "val", "test")}
    names, why = generators_to_leave_out(make_faces(lone))
    assert names == [] and "come from one generator (swap)" in why
    tiny = {split: {"real": 9, "swap": 3, "blend": 3} for split in ("train", "val", "test")}
    names, why = generators_to_leave_out(make_faces(tiny))
    assert names == [] and "None of the 2 generators" in why


def test_a_generator_left_out_is_gone_from_train_and_val_alone():
    faces = make_faces(COUNTS)
    kept = without_generator(faces, "swap")
    left = kept[kept["generator"] == "swap"]
    assert set(left["split"]) == {"test"} and len(left) == 8
    assert len(faces) - len(kept) == 16
    assert (kept["label"] == 0).sum() == (faces["label"] == 0).sum()


@pytest.mark.slow
def test_trainings_score_all_of_test_and_are_not_repeated(tmp_path):
    """Each generator has a colour of its own: what was not learned from is not found."""
    faces = make_faces(COUNTS)
    light = {"real": (90, 90, 90), "swap": (200, 90, 90), "a/b?": (90, 90, 200), "gan": (90,) * 3}
    colors = np.array([light[name] for name in faces["generator"]], np.uint8)
    pixels = np.broadcast_to(colors[:, None, None], (len(faces), SIDE, SIDE, 3)).copy()
    settings = TrainingSettings(
        epochs=6, patience=6, batch_size=8, learning_rate=3e-3, precision="float32"
    )
    names = ["a/b?", "swap"]
    found = train_left_out(names, pixels, faces, settings, tmp_path)
    for name, other in zip(names, names[::-1], strict=True):
        scores = found[name].merge(faces[["face_id", "generator"]], on="face_id")
        val = scores[scores["split"] == "val"]
        assert name not in set(val["generator"]) and len(val) == 12
        test = scores[scores["split"] == "test"].groupby("generator")["score"].mean()
        assert test[other] > test["real"] + 0.2
        assert test[name] < test[other] - 0.2
        assert len(scores) == 12 + 32 + 8
    stamps = {path: path.stat().st_mtime_ns for path in tmp_path.glob("*/seed_*/model.keras")}
    assert len(stamps) == 2 and folder_of(tmp_path, "a/b?").is_dir()
    again = train_left_out(names, pixels, faces, settings, tmp_path)
    assert stamps == {path: path.stat().st_mtime_ns for path in stamps}
    pd.testing.assert_frame_equal(again["swap"], found["swap"])

    assert notices_left_out(names, tmp_path) == []
    for name in names:
        path = folder_of(tmp_path, name) / "member.json"
        write_json(path, {**read_json(path), "notices": ["Memory did not suffice."]})
    told = ["Trainings without one generator: Memory did not suffice."]
    assert notices_left_out(names, tmp_path) == told
