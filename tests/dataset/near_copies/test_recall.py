"""Planted copies are found, and nothing but copies: on drawn pictures and on real faces."""

from __future__ import annotations

import cv2
import pandas as pd
import pytest
from copying import CROPS, WAYS_TO_COPY, draw_scene, recall
from unmask.dataset.near_copies import clusters_of, find_near_copies, fingerprint_files
from unmask.sources.demo import render_demo

PICTURES = 100


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    paths = [str(folder / f"{seed:04d}.png") for seed in range(PICTURES)]
    for seed, path in enumerate(paths):
        cv2.imwrite(path, draw_scene(seed))
    return paths


def least_of(copy: str) -> float:
    return 0.9 if copy in CROPS else 0.99


@pytest.mark.parametrize("copy", WAYS_TO_COPY)
def test_copies_of_drawn_pictures(copy, scenes, tmp_path):
    found, others = recall(scenes, copy, tmp_path / "copies")
    assert found >= least_of(copy)
    assert others.empty


@pytest.mark.parametrize("name", ["faces_140k", "faces_dfdc"])
@pytest.mark.parametrize(
    "copy", ["JPEG 50", "mirrored, turned, half the size, JPEG 50", "twice the size", *CROPS]
)
def test_copies_of_real_faces(name, copy, shared_data, tmp_path):
    # one picture of a source video each: real ones alone
    faces = sorted(map(str, (shared_data / name / "val" / "real").glob("*.jpg")))[:120]
    found, others = recall(faces, copy, tmp_path / "copies")
    assert found >= least_of(copy)
    assert not (others["kind"] == "near").any()


def test_distinct_real_faces_are_not_paired(shared_data):
    photographs = sorted(map(str, (shared_data / "faces_140k").glob("*/real/*.jpg")))
    assert len(photographs) == 1800
    assert find_near_copies(fingerprint_files(photographs, jobs=2), jobs=2).empty


def test_manipulated_frames_stand_beside_their_originals(shared_data):
    files = pd.read_csv(shared_data / "manifest.csv")
    files = files[(files["dataset"] == "dfdc") & (files["split"] == "val")]
    paths = [str(shared_data / path) for path in files["path"]]
    pairs = find_near_copies(fingerprint_files(paths, jobs=2), jobs=2)
    ends = [files[["group", "label"]].iloc[pairs[end]].to_numpy() for end in ("first", "second")]
    same_video = ends[0][:, 0] == ends[1][:, 0]
    assert same_video.sum() >= 0.5 * files["group"].nunique()
    # hardly any forgery is as weak as another encoding
    assert (pairs.loc[same_video, "kind"] == "edited").mean() > 0.97
    assert (pairs.loc[~same_video, "kind"] == "edited").all()
    assert pd.Series(clusters_of(len(files), pairs)).value_counts().max() <= 8


def test_rendered_faces_of_different_people_are_not_paired(tmp_path):
    files = render_demo(tmp_path / "demo", identities=30, pictures=2, clips=0, size=128)
    pairs = find_near_copies(fingerprint_files(files["path"], jobs=2), jobs=2)
    groups = files["group"].to_numpy()
    assert (groups[pairs["first"]] == groups[pairs["second"]]).all()
    assert not (pairs["kind"] == "near").any()
