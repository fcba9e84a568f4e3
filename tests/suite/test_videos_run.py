"""The profile videos on a handful of made clips: groups by name, faces found, numbers per clip."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import nbformat
import numpy as np
import pandas as pd
import papermill
import pytest
from real_home import REPOSITORY, link_home
from unmask.evaluation.summary import evaluate_member
from unmask.runs import read_json
from unmask.sources.demo import camera
from unmask.sources.demo.shots import take
from unmask.suite.profiles import load_profile

CLIPS = 14  # of each class; a fake of clip 2k has 2k + 1 as its source, and the other way round
FRAMES = 4
SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def write_clip(path: Path, face: np.ndarray, rng: np.random.Generator) -> None:
    """Moves a picture of a face over a canvas of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    coarse = rng.integers(0, 110, (5, 6, 3), dtype=np.uint8)
    canvas = cv2.resize(coarse, (240, 200), interpolation=cv2.INTER_CUBIC)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), 10, (240, 200))
    for frame in range(FRAMES):
        shown, left = canvas.copy(), 20 + 8 * frame
        shown[20:180, left : left + 160] = face
        writer.write(shown[..., ::-1])
    writer.release()


def make_clips(root: Path) -> None:
    rng = np.random.default_rng(1)
    for number in range(CLIPS):
        shot = take(1, number, 0, 160)
        face = camera.finish(shot.picture, shot.camera, rng)
        write_clip(root / "real" / f"{number:03d}.mp4", face, np.random.default_rng(number))
        forged = face.copy()
        forged[60:120, 50:110] = cv2.GaussianBlur(forged[60:120, 50:110], (0, 0), 2)
        name = f"{number:03d}_{number ^ 1:03d}.mp4"
        write_clip(root / "fake" / name, forged, np.random.default_rng(number))
    write_clip(root / "real" / "900.mp4", np.zeros((160, 160, 3), np.uint8), rng)
    (root / "real" / "901.mp4").write_bytes((root / "real" / "000.mp4").read_bytes()[:90])


def execute(steps, path: Path) -> None:
    """Executes the notebooks of steps with their parameters, in one kernel, which saves seconds."""
    cells = []
    for step in steps:
        prepared = papermill.execute_notebook(
            str(step.notebook), None, parameters=step.values, prepare_only=True
        )
        cells += prepared.cells
    prepared.cells = cells
    nbformat.write(prepared, path)
    papermill.execute_notebook(
        str(path), str(path), cwd=str(REPOSITORY / "notebooks"), progress_bar=False
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    base = tmp_path_factory.mktemp("videos")
    home = link_home(base / "home")
    make_clips(base / "clips")
    weights = Path(os.environ.get("UNMASK_SHARED_DATA", SHARED)) / "weights/yunet_n_640_640.onnx"
    finder = "yunet" if weights.exists() else "mtcnn"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("UNMASK_HOME", str(home))
        patch.setenv("UNMASK_YUNET", str(weights))
        profile = load_profile(
            "videos",
            [
                *(f"download.root={base / 'clips'}", f"preprocess.face_finder={finder}"),
                *("preprocess.frames_per_clip=3", "preprocess.size=32"),
            ],
        )
        execute(profile.steps[:2], home / "executed.ipynb")
    return home


def test_people_of_a_swap_stay_on_one_side(run):
    files = pd.read_parquet(run / "runs/videos/download/files.parquet")
    assert set(files["kind"]) == {"video"}
    assert files["group"].nunique() == CLIPS // 2 + 2
    faces = pd.read_parquet(run / "runs/videos/preprocess/faces.parquet")
    assert (faces.groupby("group")["split"].nunique() == 1).all()
    assert set(faces["split"]) == {"train", "val", "test"}
    said = read_json(run / "runs/videos/download/summary.json")["sentences"]
    assert any("named as in FaceForensics++: 9 groups" in sentence for sentence in said)


def test_faces_are_found_cut_and_followed(run):
    folder = run / "runs/videos/preprocess"
    faces = pd.read_parquet(folder / "faces.parquet")
    assert len(faces) >= 0.9 * 2 * CLIPS * 3
    assert (faces["person"] == 0).mean() > 0.95
    for box, frame in zip(faces["box"], faces["frame"], strict=True):
        # the picture of the face lies at 20 + 8 * frame, and the face in its middle
        assert abs(box[0] + box[2] / 2 - (20 + 8 * frame + 80)) < 40
    framing = read_json(folder / "framing.json")
    assert (framing["faces"], framing["frames_per_clip"]) == ("tracked", 3)
    assert framing["framing"]["source"] == "chosen"


def test_what_gave_no_face_is_listed_and_told(run):
    rejected = pd.read_parquet(run / "runs/videos/preprocess/rejected.parquet")
    dark = rejected[rejected["path"].str.endswith("900.mp4")]
    assert sorted(dark["frame"]) == [-1, 0, 2, 3]
    broken = rejected[rejected["path"].str.endswith("901.mp4")]
    assert broken["frame"].tolist() == [-1]
    shown = (run / "executed.ipynb").read_text()
    assert "<td>no face</td>" in shown and "Faces seen, and frames without one" in shown
    faces = pd.read_parquet(run / "runs/videos/preprocess/faces.parquet")
    kept, lost = (
        int((each["label"] == 0).sum()) for each in (faces, rejected[rejected.frame >= 0])
    )
    told = read_json(run / "runs/videos/preprocess/summary.json")["sentences"]
    assert any(f": {kept} of {kept + lost} in real files" in sentence for sentence in told)


def test_scores_of_these_faces_are_pooled_per_clip(run):
    faces = pd.read_parquet(run / "runs/videos/preprocess/faces.parquet")
    scored = faces.loc[faces["split"] != "train", ["face_id", "split", "label"]]
    rng = np.random.default_rng(0)
    scored = scored.assign(score=(0.4 * scored["label"] + 0.6 * rng.random(len(scored))), seed=1)
    clips = evaluate_member(scored, faces, resamples=20)["clips"]
    test = faces[faces["split"] == "test"]
    assert clips["n_clips"]["test"] == len(test.drop_duplicates(["file_id", "person"]))
    assert clips["splits"]["test"]["n_groups"] == test["group"].nunique()
