"""Folders as people have them, and the messages for those that cannot be used."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from unmask.errors import UsageError
from unmask.sources.folder import list_folder, list_source


def make(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return root


def listed(root: Path) -> list[tuple]:
    frame = list_folder(root)
    assert list(frame.columns) == ["path", "label", "official_split", "generator", "group"]
    assert set(frame["group"]) == {""}
    return [
        (os.path.relpath(row.path, root), row.label, row.official_split, row.generator)
        for row in frame.itertuples()
    ]


def message(root: Path) -> str:
    with pytest.raises(UsageError) as caught:
        list_source(root)
    assert caught.value.exit_code == 2
    assert caught.value.expected
    assert caught.value.fix
    return caught.value.what


def test_two_folders_in_any_case(tmp_path):
    make(
        tmp_path,
        "Final Dataset/Real/b.JPG",
        "Final Dataset/Real/a.png",
        "Final Dataset/Fake/c.jpeg",
    )
    assert listed(tmp_path) == [
        ("Final Dataset/Fake/c.jpeg", 1, "", "fake"),
        ("Final Dataset/Real/a.png", 0, "", "real"),
        ("Final Dataset/Real/b.JPG", 0, "", "real"),
    ]
    assert list_folder(tmp_path).attrs["ignored"] == []


def test_splits_above_and_both_classes_in_a_name(tmp_path):
    inner = "real_vs_fake/real-vs-fake"
    make(
        tmp_path,
        f"{inner}/train/real/1.jpg",
        f"{inner}/train/fake/1.jpg",
        f"{inner}/valid/fake/2.jpg",
        f"{inner}/test/real/3.jpg",
    )
    assert listed(tmp_path) == [
        (f"{inner}/test/real/3.jpg", 0, "test", "real"),
        (f"{inner}/train/fake/1.jpg", 1, "train", "fake"),
        (f"{inner}/train/real/1.jpg", 0, "train", "real"),
        (f"{inner}/valid/fake/2.jpg", 1, "val", "fake"),
    ]


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("REAL", (0, "", "real")),
        ("Original", (0, "", "real")),
        ("authentic", (0, "", "real")),
        ("genuine", (0, "", "real")),
        ("pristine", (0, "", "real")),
        ("Deepfake", (1, "", "fake")),
        ("synthetic", (1, "", "fake")),
        ("manipulated", (1, "", "fake")),
        ("generated", (1, "", "fake")),
        ("AI", (1, "", "fake")),
        ("ai-generated images", (1, "", "fake")),
        ("training_fake", (1, "train", "fake")),
        ("fake/Testing", (1, "test", "fake")),
        ("validation/fake", (1, "val", "fake")),
        ("dev/real/ffhq", (0, "val", "real")),
        ("train/fake/stylegan2", (1, "train", "stylegan2")),
        ("fake/train/stylegan2/seed 3", (1, "train", "stylegan2")),
        ("fake/stylegan2/train", (1, "train", "stylegan2")),
        ("fake/images", (1, "", "fake")),
        ("manipulated_sequences/Deepfakes/c23/videos", (1, "", "Deepfakes")),
        ("manipulated_sequences/Face2Face/c23/videos", (1, "", "Face2Face")),
        ("original_sequences/youtube/c23/videos", (0, "", "real")),
        ("fake/real", (0, "", "real")),
        ("real/fake", (1, "", "fake")),
    ],
)
def test_names_of_folders(tmp_path, folder, expected):
    make(tmp_path, "zzz/real/x.jpg", "zzz/fake/x.jpg", f"{folder}/x.jpg")
    rows = {name: rest for name, *rest in listed(tmp_path)}
    assert rows[f"{folder}/x.jpg"] == list(expected)


@pytest.mark.parametrize("folder", ["real_vs_fake", "surreal", "fakery", "unrealistic", "datasets"])
def test_names_that_name_no_class(tmp_path, folder):
    make(tmp_path, "real/x.jpg", "fake/x.jpg", f"{folder}/x.jpg")
    assert list_folder(tmp_path).attrs["ignored"] == [str(tmp_path / folder / "x.jpg")]


def test_the_name_of_the_root_itself_says_nothing(tmp_path):
    root = make(tmp_path / "test" / "fake", "real/x.jpg", "fake/y.jpg")
    assert listed(root) == [("fake/y.jpg", 1, "", "fake"), ("real/x.jpg", 0, "", "real")]


def test_what_is_no_picture_is_passed_over(tmp_path):
    make(
        tmp_path,
        "real/x.jpg",
        "fake/y.mp4",
        "fake/.hidden.jpg",
        "fake/notes.txt",
        "fake/Thumbs.db",
        "__MACOSX/real/z.jpg",
        ".ipynb_checkpoints/real/w.jpg",
        "real/.ipynb_checkpoints/x.jpg",
        "dataset.csv",
    )
    assert [name for name, *_ in listed(tmp_path)] == ["fake/y.mp4", "real/x.jpg"]


def test_linked_folders_are_followed_once(tmp_path):
    elsewhere = make(tmp_path / "elsewhere", "x.jpg")
    root = make(tmp_path / "root", "fake/y.jpg")
    (root / "real").symlink_to(elsewhere)
    (root / "fake" / "loop").symlink_to(root)
    assert [name for name, *_ in listed(root)] == ["fake/y.jpg", "real/x.jpg"]


def test_pictures_outside_the_class_folders_are_listed(tmp_path):
    make(tmp_path, "real/x.jpg", "fake/y.jpg", "cover.png", "others/z.jpg")
    ignored = list_folder(tmp_path).attrs["ignored"]
    assert ignored == [str(tmp_path / "cover.png"), str(tmp_path / "others/z.jpg")]


def test_a_name_that_is_not_utf8_is_ignored_and_listed(tmp_path):
    make(tmp_path, "real/x.jpg", "fake/y.jpg")
    with open(os.fsencode(tmp_path) + b"/real/\xff.jpg", "wb"):
        pass
    frame = list_folder(tmp_path)
    assert len(frame) == 2
    assert len(frame.attrs["ignored"]) == 1


def test_bad_folders_each_have_their_message(tmp_path):
    assert "does not exist" in message(tmp_path / "nowhere")
    make(tmp_path, "file.bin", "empty/readme.txt", "single/real/x.jpg", "single/real/y.jpg")
    make(tmp_path, "neither/cats/x.jpg", "neither/y.jpg")
    assert "is a file, not a folder" in message(tmp_path / "file.bin")
    assert "holds no pictures" in message(tmp_path / "empty")
    assert "one class only (real, 2 of them)" in message(tmp_path / "single")
    assert "None of the 2 pictures" in message(tmp_path / "neither")


def test_an_unreadable_folder():
    with tempfile.TemporaryDirectory() as name:
        root = make(Path(name), "real/x.jpg", "fake/y.jpg")
        root.chmod(0o755)
        (root / "fake").chmod(0)
        user = os.geteuid()
        if user == 0:
            os.seteuid(65534)  # to root every folder is readable
        try:
            assert "fake cannot be read (Permission denied)" in message(root)
        finally:
            os.seteuid(user)
            (root / "fake").chmod(0o755)


def test_real_faces(shared_data):
    frame = list_folder(shared_data / "faces_140k")
    assert len(frame) == 3600
    counts = frame.groupby(["official_split", "label"]).size().to_dict()
    expected = {"train": 1300, "val": 200, "test": 300}
    assert counts == {(split, label): n for split, n in expected.items() for label in (0, 1)}
    assert frame["path"].is_monotonic_increasing
    assert frame.attrs["ignored"] == []
