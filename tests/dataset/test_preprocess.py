"""Files to faces: contents of the array, copies, corrupt files, and the same bytes every time."""

from __future__ import annotations

import json
import math
import shutil

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from unmask.dataset.decode import square
from unmask.dataset.face_set import FaceSet
from unmask.dataset.preprocess import build_faces
from unmask.dataset.settings import PreprocessSettings
from unmask.errors import DataError, UsageError

SMALL = PreprocessSettings(size=32, jobs=2, shard_size=16)


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def save(root, name: str, pixels: np.ndarray, **options) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(root / name, **options)


def test_every_row_is_the_face_it_says(tmp_path, pictures, list_files):
    files = list_files(pictures(tmp_path / "in", 20))
    summary = build_faces(files, tmp_path / "run" / "preprocess", SMALL)
    assert (summary.files, summary.faces, summary.rejected) == (40, 40, {})
    assert summary.per_split == {
        "train": {"real": 14, "fake": 14},
        "val": {"real": 3, "fake": 3},
        "test": {"real": 3, "fake": 3},
    }
    faces = FaceSet.load(tmp_path / "run")
    assert (faces.pixels.shape, faces.pixels.dtype) == ((40, 32, 32, 3), np.uint8)
    assert isinstance(faces.pixels, np.memmap)
    assert list(faces.table.columns) == [
        "face_id",
        "file_id",
        "path",
        "frame",
        "label",
        "dataset",
        "generator",
        "group",
        "cluster",
        "split",
        "row",
    ]
    for row in faces.table.itertuples():
        original = np.asarray(Image.open(row.path))
        expected = cv2.resize(original, (32, 32), interpolation=cv2.INTER_AREA)
        np.testing.assert_array_equal(faces.pixels[row.row], expected)
        assert row.label == int("/fake/" in row.path)
        assert row.face_id == f"{row.file_id[:16]}-0"
    assert sorted(contents(tmp_path / "run" / "preprocess")) == [
        "copies.parquet",
        "equalise.json",
        "faces.parquet",
        "faces_32.npy",
        "fingerprints.parquet",
        "rejected.parquet",
        "search.json",
    ]


def test_nothing_depends_on_jobs_or_the_order_of_files(tmp_path, pictures, list_files):
    files = list_files(pictures(tmp_path / "in", 20))
    build_faces(files, tmp_path / "one", PreprocessSettings(size=32, jobs=1, shard_size=16))
    shuffled = files.sample(frac=1, random_state=3)
    build_faces(shuffled, tmp_path / "four", PreprocessSettings(size=32, jobs=4, shard_size=7))
    assert contents(tmp_path / "one") == contents(tmp_path / "four")


def test_copies_leave_once_and_contradictions_twice(tmp_path, pictures, list_files):
    root = pictures(tmp_path / "in", 20)
    shutil.copy(root / "real/00003.jpg", root / "real/copy.jpg")
    pixels = np.asarray(Image.open(root / "real/00004.jpg"))
    save(root, "real/same_pixels.png", pixels)
    shutil.copy(root / "real/00005.jpg", root / "fake/contradiction.jpg")
    summary = build_faces(list_files(root), tmp_path / "out", SMALL)
    assert summary.rejected == {"duplicate": 2, "same picture, two labels": 2}
    rejected = pd.read_parquet(tmp_path / "out/rejected.parquet")
    assert list(rejected.columns) == ["path", "label", "reason", "detail"]
    assert rejected.to_numpy().tolist() == [
        [
            f"{root}/fake/contradiction.jpg",
            1,
            "same picture, two labels",
            f"also {root}/real/00005.jpg",
        ],
        [
            f"{root}/real/00005.jpg",
            0,
            "same picture, two labels",
            f"also {root}/fake/contradiction.jpg",
        ],
        [f"{root}/real/copy.jpg", 0, "duplicate", f"same bytes as {root}/real/00003.jpg"],
        [f"{root}/real/same_pixels.png", 0, "duplicate", f"same pixels as {root}/real/00004.jpg"],
    ]
    assert summary.faces == 39


def test_a_copy_in_two_official_splits_stays_in_test(tmp_path, pictures, list_files):
    root = tmp_path / "in"
    # the pictures of a class are the same on every call, so test repeats the first of train
    pictures(root / "train", 24)
    pictures(root / "test", 4)
    summary = build_faces(list_files(root), tmp_path / "out", SMALL)
    assert summary.rejected == {"duplicate": 8}
    assert summary.per_split["test"] == {"real": 4, "fake": 4}
    rejected = pd.read_parquet(tmp_path / "out/rejected.parquet")
    assert rejected["path"].str.contains("/train/").all()


def test_a_third_of_the_files_is_corrupt(tmp_path, pictures, list_files):
    root = pictures(tmp_path / "in", 40)
    whole = (root / "real/00000.jpg").read_bytes()
    broken = {
        "empty file": b"",
        "not an image": b"<html></html>",
        "truncated": whole[: len(whole) // 2],
        "corrupt": b"GIF89a" + bytes(3),
    }
    for number in range(12):
        for kind in ("real", "fake"):
            data = list(broken.values())[number % 4]
            (root / kind / f"{number:05d}.jpg").write_bytes(data)
    tiny = np.zeros((20, 64, 3), np.uint8)
    save(root, "real/tiny.png", tiny)
    files = list_files(root)
    (root / "real/00020.jpg").unlink()
    (root / "fake/00021.jpg").write_bytes(whole)
    summary = build_faces(files, tmp_path / "out", SMALL)
    assert summary.rejected == {
        **dict.fromkeys(broken, 6),
        "too small": 1,
        "unreadable": 1,
        "changed": 1,
    }
    assert summary.faces == 81 - 27


def test_conversions_are_counted(tmp_path, pictures, list_files):
    root = pictures(tmp_path / "in", 20)
    for number in range(3):
        values = np.random.default_rng(number).integers(0, 255, (40, 40), dtype=np.uint8)
        save(root, f"fake/grey{number}.png", values)
    Image.effect_noise((40, 40), 50).convert("CMYK").save(root / "real/print.jpg")
    summary = build_faces(list_files(root), tmp_path / "out", SMALL)
    assert summary.converted == {"grey converted": 3, "CMYK converted": 1}


def test_clips_give_frames_that_stay_together(tmp_path, pictures, list_files):
    root = pictures(tmp_path / "in", 14)
    for kind, red in (("real", 200), ("fake", 90)):
        path = str(root / kind / "clip.avi")
        writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 25, (48, 48))
        for frame in range(10):
            writer.write(np.full((48, 48, 3), (10 * frame, 0, red), np.uint8))
        writer.release()
    summary = build_faces(list_files(root), tmp_path / "run" / "preprocess", SMALL)
    assert summary.faces == 28 + 2 * 4
    table = FaceSet.load(tmp_path / "run").table
    clip = table[table["path"].str.endswith("fake/clip.avi")]
    assert clip["frame"].tolist() == [1, 3, 6, 8]
    assert clip["split"].nunique() == 1
    assert clip["face_id"].tolist() == [f"{clip.iloc[0]['file_id'][:16]}-{n}" for n in (1, 3, 6, 8)]


def test_square_takes_the_middle():
    wide = np.zeros((40, 80, 3), np.uint8)
    wide[:, 20:60] = 200
    assert (square(wide, 16) == 200).all()
    nearly = np.zeros((100, 102, 3), np.uint8)
    nearly[:, 0] = 255
    assert square(nearly, 50)[0, 0, 0] > 0  # squeezed, not cut
    assert square(wide, 64).shape == (64, 64, 3)


def test_too_small_to_split(tmp_path, pictures, list_files):
    files = list_files(pictures(tmp_path / "in", 4))
    with pytest.raises(DataError) as caught:
        build_faces(files, tmp_path / "out", SMALL)
    assert caught.value.exit_code == 1
    assert "8 faces (train: 2 real, 2 fake; val: 1 real, 1 fake" in caught.value.what
    assert not (tmp_path / "out/faces.parquet").exists()


def test_nothing_but_broken_files(tmp_path, pictures, list_files):
    root = pictures(tmp_path / "in", 3)
    for path in root.glob("*/*.jpg"):
        path.write_bytes(b"")
    with pytest.raises(DataError, match="0 faces"):
        build_faces(list_files(root), tmp_path / "out", SMALL)


def test_no_room_on_the_disk(tmp_path, pictures, list_files):
    files = list_files(pictures(tmp_path / "in", 20))
    free = shutil.disk_usage(tmp_path).free
    side = math.ceil(math.sqrt(free / (40 * 2 * 3))) + 100
    with pytest.raises(DataError, match=r"GiB free, and the faces need up to [\d.]+ GiB"):
        build_faces(files, tmp_path / "out", PreprocessSettings(size=side))


def test_a_new_size_replaces_the_array(tmp_path, pictures, list_files):
    files = list_files(pictures(tmp_path / "in", 20))
    folder = tmp_path / "run" / "preprocess"
    build_faces(files, folder, SMALL)
    build_faces(files, folder, PreprocessSettings(size=48))
    assert FaceSet.load(tmp_path / "run").pixels.shape == (40, 48, 48, 3)


def test_held_out_generator_and_progress(tmp_path, pictures, list_files, monkeypatch):
    root = pictures(tmp_path / "in", 30)
    (root / "fake/puppet").mkdir()
    for number in range(5):
        (root / f"fake/{number:05d}.jpg").rename(root / f"fake/puppet/{number}.jpg")
    monkeypatch.setenv("UNMASK_PROGRESS", str(tmp_path / "progress.jsonl"))
    settings = PreprocessSettings(size=32, shard_size=16, held_out_generators=["puppet"])
    summary = build_faces(list_files(root), tmp_path / "out", settings)
    assert summary.per_split["unseen"] == {"real": 4, "fake": 5}
    events = [json.loads(line) for line in (tmp_path / "progress.jsonl").read_text().splitlines()]
    fractions = [event["fraction"] for event in events if "decoded" in event["message"]]
    assert fractions == sorted(fractions)
    assert len(fractions) == 4
    assert events[-1]["fraction"] == 1


def test_settings_are_checked():
    with pytest.raises(UsageError, match="jobs is 0"):
        PreprocessSettings(jobs=0)
    with pytest.raises(UsageError, match="fractions"):
        PreprocessSettings(fractions=(0.5, 0.5, 0.5))


def test_real_faces(tmp_path, shared_data, list_files):
    files = list_files(shared_data / "faces_dfdc")
    sample = files.groupby(["official_split", "label"]).head(20)
    summary = build_faces(sample, tmp_path / "out", PreprocessSettings(size=96))
    counts = {"real": 20, "fake": 20}
    assert summary.per_split == {"train": counts, "val": counts, "test": counts}
    assert summary.rejected == {}
