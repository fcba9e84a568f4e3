"""Clips of one original are one group: by names, metadata.json or a manifest; never by accident."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image
from unmask.errors import UsageError
from unmask.sources.clip_groups import describe_ungrouped, join_linked
from unmask.sources.folder import list_source


def make_files(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"not decoded here")
    return root


def groups_of(source) -> dict[str, str]:
    listed = list_source(source)
    names = listed["path"].str.rsplit("/", n=1).str[1]
    return dict(zip(names, listed["group"], strict=True))


def test_targets_and_sources_of_faceforensics_are_joined_in_a_chain(tmp_path):
    reals = ["real/001.mp4", "real/002.mp4", "real/003.mp4", "real/009.mp4"]
    fakes = [
        "fake/Deepfakes/001_002.mp4",
        "fake/FaceSwap/002_003.mp4",
        "fake/Face2Face/009_700.mp4",
    ]
    root = make_files(tmp_path, *reals, *fakes)
    found = groups_of(root)
    assert {found[name] for name in ("001.mp4", "002.mp4", "003.mp4")} == {"001"}
    assert found["001_002.mp4"] == found["002_003.mp4"] == "001"
    assert found["009.mp4"] == found["009_700.mp4"] == "009"
    sentence = list_source(root).attrs["groups"]
    assert sentence == (
        "Groups of 7 clips, target and source of a fake joined, named as in FaceForensics++: 2 "
        "groups, one of which holds 71% of the clips: a split that keeps it together will be "
        "lopsided, so name the official split in a manifest if there is one."
    )


def test_people_of_celeb_df_are_joined(tmp_path):
    root = make_files(
        tmp_path,
        *("real/id0_0001.mp4", "real/id16_0000.mp4", "real/id3_0000.mp4", "real/00017.mp4"),
        *("fake/id0_id16_0001.mp4", "fake/id3_id4_0000.mp4"),
    )
    assert groups_of(root) == {
        "id0_0001.mp4": "id0", "id16_0000.mp4": "id0", "id0_id16_0001.mp4": "id0",
        "id3_0000.mp4": "id3", "id3_id4_0000.mp4": "id3", "00017.mp4": "",
    }  # fmt: skip


def test_faceforensics_with_its_actors_and_clips_of_other_names(tmp_path):
    root = make_files(
        tmp_path,
        *("original_sequences/youtube/001.mp4", "original_sequences/actors/01__exit_room.mp4"),
        *("manipulated_sequences/Deepfakes/001_002.mp4", "manipulated_sequences/Own/mine.mp4"),
        "manipulated_sequences/DeepFakeDetection/01_02__exit_room__YVGY8LOK.mp4",
    )
    assert groups_of(root) == {
        "001.mp4": "001", "001_002.mp4": "001", "mine.mp4": "",
        "01__exit_room.mp4": "01", "01_02__exit_room__YVGY8LOK.mp4": "01",
    }  # fmt: skip
    listed = list_source(root)
    assert "named as in FaceForensics++ and DeepFakeDetection: 2 groups" in listed.attrs["groups"]
    (sentence,) = describe_ungrouped(listed.assign(kind="video"))
    assert sentence.startswith("Of 1 of 3 fake clips nothing says")
    assert describe_ungrouped(listed.assign(kind="image")) == []
    assert describe_ungrouped(listed[listed["group"] != ""].assign(kind="video")) == []


@pytest.mark.parametrize(
    "fakes",
    [
        ("fake/12_34.mp4", "fake/56_78.mp4"),  # no clip of the folder is called 12 or 56
        ("fake/001_002.mp4", "fake/holiday.mp4"),  # one name of two does not fit
        ("fake/001_7_8.mp4",),
    ],
)
def test_digits_that_name_no_clip_of_the_folder_are_no_group(tmp_path, fakes):
    root = make_files(tmp_path, "real/001.mp4", "real/002.mp4", *fakes)
    assert set(groups_of(root).values()) == {""}
    assert list_source(root).attrs["groups"] == ""


def test_pictures_with_such_names_keep_no_group(tmp_path):
    root = make_files(tmp_path, "real/001.jpg", "fake/001_002.jpg")
    assert set(groups_of(root).values()) == {""}


def test_metadata_of_dfdc_gives_labels_and_originals(tmp_path):
    root = make_files(tmp_path, *(f"part_0/{name}.mp4" for name in "abcde"))
    told = {
        "a.mp4": {"label": "FAKE", "split": "train", "original": "c.mp4"},
        "b.mp4": {"label": "FAKE", "split": "train", "original": "gone.mp4"},
        "c.mp4": {"label": "REAL", "split": "train"},
        "d.mp4": {"label": "FAKE", "split": "train", "original": "gone.mp4"},
        "notes.txt": {"label": "FAKE"},
    }
    (root / "part_0/metadata.json").write_text(json.dumps(told))
    listed = list_source(root)
    assert listed["label"].tolist() == [1, 1, 0, 1]
    assert listed["group"].tolist() == ["a.mp4", "b.mp4", "a.mp4", "b.mp4"]
    assert listed["generator"].tolist() == ["fake", "fake", "real", "fake"]
    assert listed.attrs["ignored"] == [f"{root}/part_0/e.mp4"]
    assert "metadata.json" in listed.attrs["groups"]


def test_metadata_above_sorted_clips_must_agree_with_the_folders(tmp_path):
    root = make_files(tmp_path, "real/c.mp4", "fake/a.mp4")
    told = {"a.mp4": {"label": "FAKE", "original": "c.mp4"}, "c.mp4": {"label": "REAL"}}
    (root / "metadata.json").write_text(json.dumps(told))
    assert set(groups_of(root).values()) == {"a.mp4"}
    told["a.mp4"]["label"] = "REAL"
    (root / "metadata.json").write_text(json.dumps(told))
    with pytest.raises(UsageError, match=r"contradicts the folders of 1 clips.*fake/a.mp4"):
        list_source(root)


@pytest.mark.parametrize("content", ["[1, 2]", "{", '{"a.mp4": "FAKE"}', '{"a.mp4": {}}'])
def test_another_metadata_json_says_nothing(tmp_path, content):
    root = make_files(tmp_path, "real/c.mp4", "fake/a.mp4")
    (root / "fake/metadata.json").write_text(content)
    assert groups_of(root) == {"a.mp4": "", "c.mp4": ""}


def test_a_manifest_says_what_fakes_were_made_of(tmp_path):
    root = make_files(tmp_path, *(f"{name}.mp4" for name in ("a", "b", "c", "d", "e", "f")))
    (root / "clips.csv").write_text(
        "path,label,original,target,source,group\n"
        "a.mp4,fake,c.mp4,,,\n"  # the original by its name
        "b.mp4,fake,,x1,x2,\n"  # clips that the manifest does not hold
        "c.mp4,real,,,,\n"
        "d.mp4,fake,,x3,x1,\n"  # shares a source with b
        "e.mp4,real,,,,\n"
        "f.mp4,fake,,e,,anna\n"  # the target by its name without ending, and a group of its own
    )
    assert groups_of(root / "clips.csv") == {
        "a.mp4": "c.mp4", "c.mp4": "c.mp4", "b.mp4": "x1", "d.mp4": "x1",
        "e.mp4": "anna", "f.mp4": "anna",
    }  # fmt: skip
    assert "the manifest's columns" in list_source(root / "clips.csv").attrs["groups"]


def test_a_manifest_without_origins_keeps_its_groups(tmp_path):
    for name in ("a", "b"):
        Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / f"{name}.png")
    (tmp_path / "list.csv").write_text(
        "path,label,group,original\na.png,real, anna ,\nb.png,fake,,"
    )
    assert groups_of(tmp_path / "list.csv") == {"a.png": "anna", "b.png": ""}
    assert list_source(tmp_path / "list.csv").attrs["groups"] == ""


def test_real_clips(shared_data):
    found = groups_of(shared_data / "videos_ffpp_c23")
    for target, source in (("004", "982"), ("519", "515"), ("634", "660")):
        assert found[f"{target}.mp4"] == found[f"{target}_{source}.mp4"] != ""
    assert len(set(found.values())) == 3


@given(some.lists(some.lists(some.sampled_from("abcdefgh"), max_size=3), max_size=12))
def test_rows_are_joined_exactly_when_a_chain_links_them(links):
    joined = join_linked(links)
    for first, ours in zip(links, joined, strict=True):
        assert (ours == "") == (not first)
        reached, before = set(first), set()
        while reached != before:
            before = set(reached)
            reached |= {unit for row in links if reached & set(row) for unit in row}
        for other, theirs in zip(links, joined, strict=True):
            if first and other:
                assert (ours == theirs) == bool(reached & set(other))
        assert not first or ours == min(reached)
