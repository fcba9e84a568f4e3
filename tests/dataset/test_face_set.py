"""Loading faces: whole or not at all, and the test split only with a reason."""

from __future__ import annotations

import numpy as np
import pytest
from unmask.dataset.face_set import FaceSet
from unmask.dataset.preprocess import build_faces
from unmask.dataset.settings import PreprocessSettings
from unmask.errors import MissingStepError


@pytest.fixture
def run_folder(tmp_path, pictures, list_files):
    files = list_files(pictures(tmp_path / "in", 20))
    build_faces(files, tmp_path / "run" / "preprocess", PreprocessSettings(size=32))
    return tmp_path / "run"


def test_splits_are_selected_by_name(run_folder):
    faces = FaceSet.load(run_folder)
    assert faces.split_names == ("train", "val", "test")
    train = faces.select("train")
    assert len(train) == 28
    assert set(train["split"]) == {"train"}
    assert train.index.tolist() == list(range(28))
    assert faces.pixels[train["row"]].shape == (28, 32, 32, 3)


def test_the_test_split_needs_a_reason(run_folder):
    faces = FaceSet.load(run_folder)
    with pytest.raises(ValueError, match="say why"):
        faces.select("test")
    assert len(faces.select("test", reason="final scores")) == 6
    for name in ("unseen", "tests"):
        with pytest.raises(ValueError, match="there are train, val, test"):
            faces.select(name, reason="final scores")


def test_the_array_cannot_be_written_to(run_folder):
    with pytest.raises(ValueError, match="read-only"):
        FaceSet.load(run_folder).pixels[0] = 0


def test_a_missing_or_half_written_step_says_what_to_run(run_folder, tmp_path):
    with pytest.raises(MissingStepError, match="02_preprocess"):
        FaceSet.load(tmp_path / "nowhere")
    np.save(run_folder / "preprocess" / "faces_32.npy", np.zeros((3, 32, 32, 3), np.uint8))
    with pytest.raises(MissingStepError, match="does not hold one array"):
        FaceSet.load(run_folder)
