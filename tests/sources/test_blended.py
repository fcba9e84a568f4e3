"""Fakes blended from real pictures alone: pairs, groups, what is left out, going on."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from unmask.dataset.preprocess import build_faces
from unmask.dataset.settings import PreprocessSettings
from unmask.errors import DataError, UsageError
from unmask.media.images import decode_image
from unmask.sources.blended import LARGEST, blend_fakes, describe_blended, read_pairs
from unmask.sources.collect import Source, collect
from unmask.sources.files_table import build_files_table
from unmask.sources.folder import list_source
from unmask.training.self_blended import self_blended_pair


def blend_square(picture, generator):
    """A forgery that is easy to check: a grey square, at a place drawn."""
    fake = picture.copy()
    top, left = (generator.random(2) * (np.array(picture.shape[:2]) - 8)).astype(int)
    fake[top : top + 8, left : left + 8] = 128
    return picture, fake


def save_pictures(folder: Path, count: int, *, size=(48, 48), quality=90) -> list[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        coarse = np.random.default_rng(number).integers(0, 255, (6, 6, 3), dtype=np.uint8)
        paths.append(folder / f"{number:02d}.jpg")
        Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(
            paths[-1], quality=quality
        )
    return paths


def pixels_of(path: str | Path) -> np.ndarray:
    return decode_image(Path(path).read_bytes()).pixels


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def pairs_of(entries: pd.DataFrame) -> list[tuple]:
    reals, fakes = (entries[entries["label"] == label] for label in (0, 1))
    return list(zip(reals.itertuples(), fakes.itertuples(), strict=True))


def test_every_picture_is_kept_without_loss_beside_its_fake(tmp_path):
    paths = save_pictures(tmp_path / "real", 5)
    entries = blend_fakes(list_source(tmp_path, reals_only=True), tmp_path / "out", blend_square)
    assert list(entries["generator"]) == ["real", "self_blended"] * 5
    for source, (real, fake) in zip(paths, pairs_of(entries), strict=True):
        before, kept, forged = (pixels_of(path) for path in (source, real.path, fake.path))
        assert np.array_equal(before, kept)
        changed = (kept != forged).any(axis=2)
        assert 0 < changed.sum() <= 64
        assert real.group == fake.group
        assert real.path.endswith(".png") and Path(real.path).name == Path(fake.path).name
    assert entries["group"].nunique() == 5
    assert entries.attrs["left_out"] == []
    reals, fakes = read_pairs(entries, most=3, side=16)
    assert reals.shape == fakes.shape == (3, 16, 16, 3)


def test_both_are_alike_as_files(tmp_path):
    save_pictures(tmp_path / "real", 4)
    entries = blend_fakes(
        list_source(tmp_path, reals_only=True), tmp_path / "out", self_blended_pair
    )
    files = build_files_table(entries, dataset="d", jobs=2)
    assert set(files["format"]) == {"PNG"}
    assert set(files["width"]) == set(files["height"]) == {48}
    assert files["jpeg_quality"].isna().all()
    assert files["bytes"].nunique() == 1


def test_half_of_the_pairs_changed_all_around(tmp_path):
    paths = save_pictures(tmp_path / "real", 24)
    entries = blend_fakes(
        list_source(tmp_path, reals_only=True), tmp_path / "out", self_blended_pair
    )
    untouched = 0
    for source, (real, fake) in zip(paths, pairs_of(entries), strict=True):
        kept, forged = pixels_of(real.path), pixels_of(fake.path)
        untouched += np.array_equal(pixels_of(source), kept)
        assert np.array_equal(kept[:3, :3], forged[:3, :3])  # a corner, outside any mask
        assert not np.array_equal(kept, forged)
    assert 6 <= untouched <= 18


def test_the_split_parts_no_pair(tmp_path):
    save_pictures(tmp_path / "real", 12)
    entries = blend_fakes(
        list_source(tmp_path, reals_only=True), tmp_path / "out", self_blended_pair
    )
    files = build_files_table(entries, dataset="d", jobs=2)
    build_faces(files, tmp_path / "faces", PreprocessSettings(size=32, fractions=(0.5, 0.25, 0.25)))
    faces = pd.read_parquet(tmp_path / "faces" / "faces.parquet")
    assert len(faces) == 24
    assert (faces.groupby("group")["split"].nunique() == 1).all()
    assert (faces.groupby(["group", "label"]).size() == 1).all()
    assert set(faces["split"]) == {"train", "val", "test"}


def test_groups_and_splits_of_a_manifest_are_kept(tmp_path):
    save_pictures(tmp_path, 3)
    text = "path,label,group,split\n00.jpg,0,ann,train\n01.jpg,0,ann,train\n02.jpg,0,,test\n"
    (tmp_path / "faces.csv").write_text(text)
    listed = list_source(tmp_path / "faces.csv", reals_only=True)
    entries = blend_fakes(listed, tmp_path / "out", blend_square)
    assert list(entries["official_split"]) == ["train"] * 4 + ["test"] * 2
    assert list(entries["group"][:4]) == ["ann"] * 4
    assert entries["group"][4] == entries["group"][5] != ""
    assert entries.attrs["own_groups"] == 1


def test_what_gives_no_picture_is_listed_and_gets_no_fake(tmp_path):
    paths = save_pictures(tmp_path / "real", 4)
    paths[0].write_bytes(paths[0].read_bytes()[:200])
    paths[1].write_bytes(b"")
    (tmp_path / "real" / "copy.jpg").write_bytes(paths[2].read_bytes())
    (tmp_path / "real" / "clip.mp4").write_bytes(b"x")
    save_pictures(tmp_path / "real" / "small", 1, size=(40, 20))
    entries = blend_fakes(list_source(tmp_path, reals_only=True), tmp_path / "out", blend_square)
    left_out = {
        os.path.relpath(row["path"], tmp_path / "real"): row["reason"]
        for row in entries.attrs["left_out"]
    }
    assert left_out == {
        "00.jpg": "truncated",
        "01.jpg": "empty file",
        "copy.jpg": "duplicate",
        "clip.mp4": "a clip",
        "small/00.jpg": "too small",
    }
    assert describe_blended(entries)[1].startswith("5 of 7 pictures left out")
    assert len(entries) == 4


def test_only_unusable_pictures_are_an_error(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"None of 1 real pictures can be used.*not an image"):
        blend_fakes(list_source(tmp_path, reals_only=True), tmp_path / "out", blend_square)


def test_the_middle_square_of_a_large_picture(tmp_path):
    save_pictures(tmp_path, 1, size=(1700, 1200), quality=70)
    entries = blend_fakes(list_source(tmp_path, reals_only=True), tmp_path / "out", blend_square)
    expected = cv2.resize(
        pixels_of(tmp_path / "00.jpg")[:, 250:1450],
        (LARGEST, LARGEST),
        interpolation=cv2.INTER_AREA,
    )
    assert np.array_equal(pixels_of(entries["path"][0]), expected)
    assert pixels_of(entries["path"][1]).shape == (LARGEST, LARGEST, 3)


def test_the_same_bytes_whatever_the_jobs_and_after_an_interruption(tmp_path):
    save_pictures(tmp_path / "real", 6)
    listed = list_source(tmp_path / "real", reals_only=True)
    blend_fakes(listed, tmp_path / "one", self_blended_pair, jobs=1)
    entries = blend_fakes(listed, tmp_path / "two", self_blended_pair, jobs=4)
    before = contents(tmp_path / "two")
    assert contents(tmp_path / "one") == before
    assert len(before) == 13
    os.unlink(entries["path"][3])
    (tmp_path / "two" / "real" / ".x.1.partial.png").write_bytes(b"half")
    again = blend_fakes(listed, tmp_path / "two", self_blended_pair, jobs=4)
    assert contents(tmp_path / "two") == before
    pd.testing.assert_frame_equal(entries, again)


def test_what_is_there_is_not_blended_again(tmp_path):
    save_pictures(tmp_path / "real", 3)
    listed = list_source(tmp_path / "real", reals_only=True)
    calls = []

    def counted(picture, generator):
        calls.append(1)
        return blend_square(picture, generator)

    entries = blend_fakes(listed, tmp_path / "out", counted)
    blend_fakes(listed, tmp_path / "out", counted)
    assert len(calls) == 3
    os.unlink(entries["path"][0])
    blend_fakes(listed, tmp_path / "out", counted)
    assert len(calls) == 4


def test_another_seed_or_another_code_gives_other_fakes(tmp_path):
    save_pictures(tmp_path / "real", 2)
    listed = list_source(tmp_path / "real", reals_only=True)
    blend_fakes(listed, tmp_path / "out", blend_square)
    first = contents(tmp_path / "out")
    blend_fakes(listed, tmp_path / "out", blend_square, seed=2)
    second = contents(tmp_path / "out")
    assert first.keys() == second.keys()
    assert {name for name in first if first[name] != second[name]} == {
        name for name in first if not name.startswith("real")
    }
    blend_fakes(listed, tmp_path / "out", self_blended_pair, seed=2)
    assert contents(tmp_path / "out") != second


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    save_pictures(tmp_path / "out" / "real", 2)
    with pytest.raises(DataError, match="was not written by Unmask"):
        blend_fakes(list_source(tmp_path / "out", reals_only=True), tmp_path / "out", blend_square)
    assert len(contents(tmp_path / "out")) == 2


def test_a_plain_folder_is_taken_to_be_real_and_says_so(tmp_path):
    save_pictures(tmp_path / "mine" / "train" / "ann", 2)
    save_pictures(tmp_path / "mine" / "test", 1, size=(64, 64))
    listed = list_source(tmp_path / "mine", reals_only=True)
    assert list(listed["label"]) == [0, 0, 0]
    assert list(listed["official_split"]) == ["test", "train", "train"]
    told = describe_blended(blend_fakes(listed, tmp_path / "out", blend_square))
    assert told[0].startswith("The fakes are blended by Unmask from these very photographs")
    assert told[1] == "No folder says what the pictures are: all 3 are taken to be real."
    assert told[2].startswith("Nobody said who is on 3 of 3 pictures")


def test_fakes_beside_reals_are_refused(tmp_path):
    save_pictures(tmp_path / "set" / "real", 2)
    save_pictures(tmp_path / "set" / "fake", 3)
    with pytest.raises(UsageError, match=r"holds fakes \(3 of 5 pictures\)"):
        list_source(tmp_path / "set", reals_only=True)
    (tmp_path / "a.csv").write_text("path,label\nset/real/00.jpg,0\nset/fake/00.jpg,1\n")
    with pytest.raises(UsageError, match=r"holds fakes \(1 of 2 pictures\)"):
        list_source(tmp_path / "a.csv", reals_only=True)
    with pytest.raises(UsageError, match="says that its pictures are fake"):
        list_source(tmp_path / "set" / "fake", reals_only=True)
    assert len(list_source(tmp_path / "set" / "real", reals_only=True)) == 2


def test_a_folder_of_one_class_is_told_the_way_out(tmp_path):
    save_pictures(tmp_path / "real", 2)
    with pytest.raises(UsageError) as caught:
        list_source(tmp_path)
    assert "--profile reals --set download.root=PATH" in caught.value.fix
    save_pictures(tmp_path / "others" / "fake", 2)
    with pytest.raises(UsageError) as caught:
        list_source(tmp_path / "others")
    assert "reals" not in caught.value.fix


@pytest.mark.parametrize(
    ("root", "name"),
    [
        ("/a/faces_dfdc/train/real", "faces_dfdc"),
        ("/a/celebrities", "celebrities"),
        ("/a/my.csv", "my"),
        ("/real", "real"),
    ],
)
def test_the_name_of_a_source_is_no_class(root, name):
    assert Source(kind="folder", root=root).name == name


def test_collect_writes_below_data(tmp_path, monkeypatch):
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path))
    save_pictures(tmp_path / "my faces" / "real", 2)
    source = Source(kind="folder", root="my faces", seed=3)
    entries = collect(source, jobs=2, blend=blend_square)
    folder = tmp_path / "data" / "my faces-blended-3"
    assert {Path(path).parent for path in entries["path"]} == {
        folder / "real",
        folder / "fake" / "self_blended",
    }
    with pytest.raises(UsageError, match="not from the source demo"):
        collect(Source(kind="demo"), jobs=2, blend=blend_square)
