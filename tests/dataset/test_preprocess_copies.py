"""Near copies in preprocessing: one side of the split, one of them if asked, and told of."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from unmask.dataset.copies import find_repeats, name_clusters
from unmask.dataset.equalise import Equaliser, plan_equaliser
from unmask.dataset.face_set import FaceSet
from unmask.dataset.preprocess import build_faces
from unmask.dataset.settings import PreprocessSettings
from unmask.dataset.splits import assign_splits, units_of
from unmask.errors import UsageError

SETTINGS = PreprocessSettings(size=32, jobs=2, seed=3)


def store_again(path: Path, target: Path, quality: int, turn: int | None = None) -> Path:
    """Stores the picture once more, turned when asked, as another JPEG."""
    image = Image.open(path)
    if turn is not None:
        image = image.transpose(turn)
    target.parent.mkdir(parents=True, exist_ok=True)
    image.save(target, quality=quality)
    return target


@pytest.fixture
def official(tmp_path, pictures):
    """Official splits; one real training picture stands again in test, mirrored and re-encoded."""
    for split, count in (("train", 24), ("val", 4), ("test", 4)):
        pictures(tmp_path / "in" / split, count)
        for label in ("real", "fake"):  # the same pictures in each split: keep different ones
            folder = tmp_path / "in" / split / label
            first = {"train": 0, "val": 24, "test": 28}[split]
            pictures(tmp_path / "all", 32)
            for path in folder.iterdir():
                path.unlink()
            for number in range(first, first + count):
                source = tmp_path / "all" / label / f"{number:05d}.jpg"
                (folder / source.name).write_bytes(source.read_bytes())
    root = tmp_path / "in"
    copy = root / "test" / "real" / "again.jpg"
    store_again(root / "train/real/00005.jpg", copy, 80, Image.Transpose.FLIP_LEFT_RIGHT)
    return root


def test_a_copy_in_test_takes_its_original_out_of_training(official, tmp_path, list_files):
    summary = build_faces(list_files(official), tmp_path / "run" / "preprocess", SETTINGS)
    assert summary.rejected == {"copy in another split": 1}
    assert summary.copies == {"near": {"within": 1, "across": 0}}
    rejected = pd.read_parquet(tmp_path / "run/preprocess/rejected.parquet")
    assert rejected["path"].str.endswith("train/real/00005.jpg").all()
    table = FaceSet.load(tmp_path / "run").table
    assert table.loc[table["path"].str.endswith("again.jpg"), "split"].tolist() == ["test"]
    assert (table["cluster"] != "").sum() == 1
    pairs = pd.read_parquet(tmp_path / "run/preprocess/copies.parquet")
    assert pairs["symmetry"].tolist() == ["mirrored"]
    assert set(pairs[["official_split_first", "official_split_second"]].iloc[0]) == {
        "train", "test",
    }  # fmt: skip


def test_every_decoded_file_has_a_fingerprint_and_broken_ones_have_none(
    official, tmp_path, list_files
):
    (official / "train" / "fake" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    files = list_files(official)
    build_faces(files, tmp_path / "out", SETTINGS)
    prints = pd.read_parquet(tmp_path / "out" / "fingerprints.parquet")
    assert len(prints) == len(files) - 1
    assert prints["thumbnail"].map(len).eq(32 * 32).all()
    assert not prints["path"].str.endswith("broken.jpg").any()


def test_without_official_splits_copies_share_a_side_or_only_one_stays(
    tmp_path, pictures, list_files
):
    root = pictures(tmp_path / "in", 20)
    for number in range(10):
        source = root / "real" / f"{number:05d}.jpg"
        store_again(source, root / "real" / f"again{number}.jpg", 70)
    files = list_files(root)
    kept = build_faces(files, tmp_path / "exact" / "preprocess", SETTINGS)
    assert (kept.faces, kept.rejected) == (50, {})
    table = FaceSet.load(tmp_path / "exact").table
    clusters = table[table["cluster"] != ""].groupby("cluster")
    assert clusters.size().tolist() == [2] * 10
    assert (clusters["split"].nunique() == 1).all()
    once = build_faces(files, tmp_path / "near", replace(SETTINGS, drop_duplicates="near"))
    assert (once.faces, once.rejected) == (40, {"near copy": 10})


def test_a_near_copy_with_another_label_stays_beside_its_original(tmp_path, pictures, list_files):
    root = pictures(tmp_path / "in", 20)
    store_again(root / "real" / "00003.jpg", root / "fake" / "again.jpg", 70)
    settings = replace(SETTINGS, drop_duplicates="near")
    summary = build_faces(list_files(root), tmp_path / "run" / "preprocess", settings)
    assert summary.rejected == {}
    assert summary.copies == {"near": {"within": 0, "across": 1}}
    table = FaceSet.load(tmp_path / "run").table
    pair = table[table["cluster"] != ""]
    assert sorted(pair["label"]) == [0, 1] and pair["split"].nunique() == 1


def test_of_a_chain_of_copies_no_two_that_are_alike_stay():
    files = pd.DataFrame(
        {
            "path": ["a", "b", "c", "d"],
            "label": [0, 0, 0, 1],
            "official_split": ["train", "train", "test", "train"],
        }
    )
    pairs = pd.DataFrame({"first": [0, 1, 0], "second": [1, 2, 3], "kind": ["near"] * 3})
    left_out = find_repeats(files, pairs)
    # c is in test and stays; b is like c; a is like b alone, which is gone, and like the fake d
    assert left_out.to_dict("index") == {1: {"reason": "near copy", "detail": "same picture as c"}}
    edited = pairs.assign(kind="edited")
    assert find_repeats(files, edited).empty


def test_groups_and_copies_are_kept_together_through_each_other():
    table = pd.DataFrame(
        {
            "file_id": list("abcdef"),
            "group": ["p", "p", "", "", "q", ""],
            "cluster": ["", "x", "x", "y", "y", ""],
        }
    )
    units = units_of(table)
    assert units[0] == units[1] == units[2]
    assert units[3] == units[4] != units[0]
    assert units[5] == "file f"
    assert units_of(table.drop(columns="cluster"))[:3] == ["group p", "group p", "file c"]


def test_no_copy_is_split_from_its_original_by_chance():
    generator = np.random.default_rng(0)
    size = 400
    table = pd.DataFrame(
        {
            "file_id": [f"{number:04d}" for number in range(size)],
            "label": generator.integers(0, 2, size),
            "generator": "fake",
            "group": [f"g{n}" if n % 3 else "" for n in generator.integers(0, 90, size)],
            "cluster": [f"c{n}" if n < 40 else "" for n in generator.integers(0, 80, size)],
            "official_split": "",
        }
    )  # fmt: skip
    split = assign_splits(table, (0.6, 0.2, 0.2))
    for column in ("group", "cluster"):
        known = table[column] != ""
        assert (split[known].groupby(table.loc[known, column]).nunique() == 1).all()
    assert set(split) == {"train", "val", "test"}


def test_clusters_are_named_by_content_not_by_place():
    ids = pd.Series([character * 20 for character in "dcba"])
    pairs = pd.DataFrame({"first": [0], "second": [2]})
    assert name_clusters(ids, pairs).tolist() == ["b" * 16, "", "b" * 16, ""]
    assert name_clusters(ids, pairs.iloc[:0]).tolist() == [""] * 4


def test_what_both_classes_can_be_brought_to_is_read_from_the_files():
    files = pd.DataFrame(
        {
            "label": [0] * 40 + [1] * 40,
            "width": [256.0] * 40 + [200.0] * 38 + [20.0, 300.0],
            "height": [300.0] * 80,
            "jpeg_quality": [75.0] * 40 + [95.0] * 39 + [np.nan],
        }
    )
    assert plan_equaliser(files, ["size", "jpeg_quality"]).as_dict() == {
        "size": 200,
        "jpeg_quality": 75,
    }
    assert plan_equaliser(files, []) == Equaliser()
    assert plan_equaliser(files.assign(jpeg_quality=np.nan), ["jpeg_quality"]).quality == 90


def test_equalising_encodes_every_face_alike(tmp_path, pictures, list_files):
    root = pictures(tmp_path / "in", 12)
    for path in (root / "real").iterdir():
        store_again(path, path, 60)
    settings = replace(SETTINGS, equalise=("jpeg_quality",))
    summary = build_faces(list_files(root), tmp_path / "run" / "preprocess", settings)
    assert summary.equalised == {"jpeg_quality": 60}
    plain = build_faces(list_files(root), tmp_path / "plain" / "preprocess", SETTINGS)
    assert plain.equalised == {}
    equalised, other = FaceSet.load(tmp_path / "run"), FaceSet.load(tmp_path / "plain")
    for row in range(len(other.table)):
        stream = io.BytesIO()
        Image.fromarray(other.pixels[row]).save(stream, "JPEG", quality=60)
        expected = np.asarray(Image.open(stream)).astype(int)
        # two libraries' JPEG code may round apart by a little
        assert np.abs(expected - equalised.pixels[row]).max() <= 6
    assert (equalised.pixels != other.pixels).any()


def test_sizes_are_equalised_by_shrinking_first():
    generator = np.random.default_rng(1)
    large = generator.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    shrunk = Equaliser(side=16).shrink(large)
    assert shrunk.shape == (16, 16, 3)
    np.testing.assert_allclose(shrunk[0, 0], large[:4, :4].mean((0, 1)), atol=0.51)
    assert Equaliser(side=80).shrink(large) is large


def test_an_unknown_word_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'jpeg_quality'"):
        PreprocessSettings(equalise=("jpeg_qualty",))
    with pytest.raises(UsageError, match="one of: exact, near"):
        PreprocessSettings(drop_duplicates="all")
