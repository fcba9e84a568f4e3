"""The demo that Unmask renders: its bytes, its table, its resuming, and that only forgery tells."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import psutil
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from unmask import runs
from unmask.errors import DataError, UsageError
from unmask.sources.demo import render_demo

SMALL = dict(identities=4, pictures=2, clips=2, size=64, seed=5)


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in (folder / "raw").rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> tuple[Path, pd.DataFrame]:
    folder = tmp_path_factory.mktemp("small")
    return folder, render_demo(folder, **SMALL, jobs=2)


@pytest.fixture(scope="module")
def crowd(tmp_path_factory) -> pd.DataFrame:
    """384 pictures of 48 people at the demo's own size."""
    folder = tmp_path_factory.mktemp("crowd")
    return render_demo(folder, identities=48, pictures=4, clips=0, size=160, seed=3, jobs=2)


def test_one_job_and_two_give_the_same_bytes(small, tmp_path):
    folder, table = small
    again = render_demo(tmp_path, **SMALL, jobs=1)
    assert digests(tmp_path) == digests(folder)
    assert len(digests(folder)) == len(table) == 4 * 2 * 2 + 2
    assert again.drop(columns="path").equals(table.drop(columns="path"))


def test_another_seed_gives_other_faces(small, tmp_path):
    folder, _ = small
    render_demo(tmp_path, **SMALL | {"seed": 6, "clips": 0}, jobs=1)
    assert not set(digests(tmp_path).values()) & set(digests(folder).values())


def test_the_table_says_who_forged_what(crowd):
    assert list(crowd.columns) == [
        "path",
        "label",
        "dataset",
        "generator",
        "group",
        "official_split",
    ]
    assert set(crowd["dataset"]) == {"demo"} and set(crowd["official_split"]) == {""}
    assert ((crowd["generator"] != "real") == (crowd["label"] == 1)).all()
    assert all(Path(path).is_absolute() and Path(path).is_file() for path in crowd["path"])
    assert crowd["generator"].value_counts().to_dict() == {
        "real": 192,
        "face_swap": 84,
        "self_blend": 84,
        "reenactment": 24,
    }
    per_group = crowd.groupby("group")["label"].agg(["size", "mean"])
    assert len(per_group) == 24
    assert (per_group["size"] == 16).all() and (per_group["mean"] == 0.5).all()


def test_the_held_out_generator_has_its_pairs_to_itself(crowd):
    fakes = crowd[crowd["label"] == 1].groupby("group")["generator"].agg(set)
    held_out = fakes[fakes.map(lambda names: "reenactment" in names)]
    assert len(held_out) == 3
    assert set(map(frozenset, held_out)) == {frozenset({"reenactment"})}
    others = fakes.drop(held_out.index)
    assert set(map(frozenset, others)) == {frozenset({"face_swap", "self_blend"})}


def test_names_and_numbers_do_not_tell_the_class(crowd):
    names = crowd["path"].map(lambda path: Path(path).name)
    assert names.is_unique and names.str.fullmatch(r"p\d{4}_\d{2}\.jpg").all()
    number = names.str[6:8].astype(int)
    for label in (0, 1):
        assert set(number[crowd["label"] == label]) == set(range(8))
    assert 0.4 < roc_auc_score(crowd["label"], number) < 0.6


def test_the_manifest_lists_every_file_with_its_hash(small):
    folder, table = small
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["settings"] == SMALL | {"renderer": 1}
    assert {name: entry["sha256"] for name, entry in manifest["files"].items()} == digests(folder)
    assert len(manifest["files"]) == len(table)


def test_a_finished_demo_is_not_rendered_again(small):
    folder, table = small
    before = {path: Path(path).stat().st_mtime_ns for path in table["path"]}
    again = render_demo(folder, **SMALL, jobs=2)
    assert again.equals(table)
    assert {path: Path(path).stat().st_mtime_ns for path in table["path"]} == before


def test_a_damaged_file_and_a_missing_one_come_back_alone(small):
    folder, table = small
    before = digests(folder)
    damaged, missing, clip = table["path"][1], table["path"][7], table["path"].iloc[-1]
    Path(damaged).write_bytes(Path(damaged).read_bytes()[:300])
    for path in (missing, clip):
        Path(path).unlink()
    stamps = {path: Path(path).stat().st_mtime_ns for path in table["path"][8:16]}
    render_demo(folder, **SMALL, jobs=1)
    assert digests(folder) == before
    assert {path: Path(path).stat().st_mtime_ns for path in stamps} == stamps


def test_a_killed_rendering_goes_on_and_leaves_no_process(small, tmp_path):
    code = (
        "import sys; from unmask.sources.demo import render_demo\n"
        "if __name__ == '__main__': render_demo(sys.argv[1], identities=4, pictures=2, clips=2,"
        " size=64, seed=5, jobs=2)"
    )
    script = tmp_path / "render.py"
    script.write_text(code)
    folder = tmp_path / "demo"
    process = subprocess.Popen([sys.executable, str(script), str(folder)])
    while not list(folder.rglob("raw/*/p*")):
        assert process.poll() is None, "the rendering ended before it could be killed"
        time.sleep(0.01)
    workers = psutil.Process(process.pid).children(recursive=True)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _, alive = psutil.wait_procs(workers, timeout=20)
    assert alive == []
    kept = {path: path.stat().st_mtime_ns for path in folder.rglob("raw/*/p*")}
    assert kept and not (folder / "manifest.json").exists()
    render_demo(folder, **SMALL, jobs=2)
    assert digests(folder) == digests(small[0])
    assert {path: path.stat().st_mtime_ns for path in kept} == kept


def test_other_settings_replace_the_demo_and_foreign_files_are_left_alone(small, tmp_path):
    render_demo(tmp_path, identities=2, pictures=1, clips=0, size=64, jobs=1)
    table = render_demo(tmp_path, identities=2, pictures=2, clips=0, size=64, jobs=1)
    assert len(digests(tmp_path)) == len(table) == 8
    foreign = tmp_path / "foreign"
    (foreign / "raw" / "real").mkdir(parents=True)
    (foreign / "raw" / "real" / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(DataError, match="was not rendered by Unmask"):
        render_demo(foreign, **SMALL)
    assert (foreign / "raw" / "real" / "mine.jpg").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("identities", 5, "an even whole number from 2 to 9998"),
        ("identities", 0, "an even whole number from 2 to 9998"),
        ("pictures", 0, "a whole number from 1 to 50"),
        ("clips", -1, "a whole number from 0 to 100"),
        ("size", 161, "an even whole number from 64 to 512"),
        ("seed", -1, "a whole number from 0 to"),
        ("jobs", 0, "a whole number from 1 to 256"),
        ("pictures", 2.0, "a whole number from 1 to 50"),
    ],
)
def test_settings_out_of_range_are_named(tmp_path, setting, value, expected):
    with pytest.raises(UsageError, match=f"{setting} = ") as caught:
        render_demo(tmp_path / "never", **SMALL | {setting: value})
    assert expected in str(caught.value)
    assert not (tmp_path / "never").exists()


def test_progress_is_reported(tmp_path, monkeypatch):
    events = tmp_path / "progress.jsonl"
    monkeypatch.setenv("UNMASK_PROGRESS", str(events))
    render_demo(tmp_path / "demo", identities=4, pictures=1, clips=0, size=64, jobs=1)
    fractions = [json.loads(line)["fraction"] for line in events.read_text().splitlines()]
    assert fractions == [0.49, 0.98, 1.0]


def test_clips_move_and_are_half_fake(small):
    _, table = small
    clips = table[table["path"].str.endswith(".mp4")]
    assert sorted(clips["label"]) == [0, 1]
    for path in clips["path"]:
        reader = cv2.VideoCapture(path)
        assert reader.get(cv2.CAP_PROP_FPS) == pytest.approx(13.0)
        frames = []
        while (read := reader.read())[0]:
            frames.append(read[1])
        assert np.shape(frames) == (26, 64, 64, 3)
        steps = np.abs(np.diff(np.array(frames, dtype=np.int16), axis=0)).mean((1, 2, 3))
        assert (steps > 0.2).all() and steps.mean() < 12


def test_pictures_leave_through_one_encoder(crowd):
    tables = {"real": set(), "fake": set()}
    for path, label in zip(crowd["path"], crowd["label"], strict=True):
        with Image.open(path) as picture:
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (160, 160))
            assert set(picture.info) == {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
            tables["fake" if label else "real"].add(tuple(picture.quantization[0]))
    assert len(tables["real"] & tables["fake"]) >= 17
    assert len(tables["real"] | tables["fake"]) <= 19


def out_of_group_auc(features: np.ndarray, table: pd.DataFrame) -> float:
    """The AUC of a logistic regression, each group scored by a model that never saw it."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    scores = cross_val_predict(
        model,
        features,
        table["label"],
        groups=table["group"],
        cv=GroupKFold(6),
        method="predict_proba",
    )
    return roc_auc_score(table["label"], scores[:, 1])


def metadata_of(path: str) -> list[float]:
    data = Path(path).read_bytes()
    picture = Image.open(io.BytesIO(data))
    pixels = np.asarray(picture, dtype=np.float64).reshape(-1, 3)
    step = sum(picture.quantization[0])
    return [len(data), *picture.size, step, *pixels.mean(0), *pixels.std(0)]


def test_metadata_and_colour_do_not_separate_the_classes(crowd):
    features = np.array([metadata_of(path) for path in crowd["path"]])
    auc = out_of_group_auc(features, crowd)
    print(f"AUC of metadata and colour: {auc:.3f}")
    assert auc < 0.60


def residual_of(path: str) -> list[float]:
    """Strength of the fine residual in the middle of the face against the rim of the picture."""
    grey = cv2.imread(path, cv2.IMREAD_GRAYSCALE).astype(np.float32)
    values = []
    for sigma in (0.7, 1.2):
        fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), sigma))
        middle, rim = fine[50:110, 55:105], np.concatenate([fine[:30, :30], fine[:30, -30:]])
        values += [np.log(np.median(middle)), np.log(np.median(rim)), np.log(middle.mean())]
    return [*values, values[0] - values[1], values[3] - values[4]]


def test_forgery_leaves_traces_that_are_hard_but_there(crowd):
    trained_on = crowd[crowd["generator"] != "reenactment"].reset_index(drop=True)
    features = np.array([residual_of(path) for path in trained_on["path"]])
    auc = out_of_group_auc(features, trained_on)
    print(f"AUC of simple residuals: {auc:.3f}")
    assert 0.60 < auc < 0.95


@pytest.fixture(scope="module")
def face_finder():
    shared = os.environ.get("UNMASK_SHARED_DATA")
    home = Path(shared) if shared else Path(__file__).parents[3] / "shared" / "data"
    weights = home / "weights" / "yunet_n_640_640.onnx"
    if not weights.exists():
        pytest.skip("the YuNet weights are not there")
    return cv2.FaceDetectorYN.create(str(weights), "", (320, 320), score_threshold=0.6)


def test_a_face_detector_finds_the_faces(crowd, face_finder):
    found = []
    for path in crowd["path"][:48]:
        picture = cv2.resize(cv2.imread(path), (320, 320))
        found.append(face_finder.detect(picture)[1] is not None)
    print(f"faces found: {sum(found)} of {len(found)}")
    assert sum(found) >= 46


def test_no_two_pictures_are_the_same(crowd):
    hashes = crowd["path"].map(runs.sha256_file)
    assert hashes.is_unique
