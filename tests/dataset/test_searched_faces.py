"""Faces looked for in pictures and clips: which ones are kept, how they are cut, what is lost."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from unmask.dataset.decode import DAMAGED, decode_file, square
from unmask.dataset.elsewhere import RunPictures, load_elsewhere
from unmask.dataset.equalise import Equaliser
from unmask.dataset.face_choice import FACES, FaceChoice
from unmask.dataset.face_set import FaceSet
from unmask.dataset.framing import write_framing
from unmask.dataset.preprocess import FACE_COLUMNS, build_faces, files_left_out
from unmask.dataset.seeking import FaceSeeker
from unmask.dataset.settings import PreprocessSettings
from unmask.dataset.shards import Shards
from unmask.errors import DataError, UsageError
from unmask.media.faces import Face, crop_face
from unmask.runs import read_json, sha256_file, write_json
from unmask.suite.notebook_parameters import read_parameters

SMALL = PreprocessSettings(size=32, jobs=2, shard_size=16, frames_per_clip=6)


class BrightFinder:
    """Finds bright squares, so that a test knows where the faces are."""

    name, title, notices = "bright", "bright squares", ("A finder of tests.",)

    def find(self, pictures):
        return [self._find(pixels) for pixels in pictures]

    def _find(self, pixels):
        mask = (pixels.min(axis=2) > 140).astype(np.uint8)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
        boxes = cv2.connectedComponentsWithStats(mask)[2][1:, :4].astype(float)
        faces = [Face(tuple(map(float, box)), np.zeros((5, 2)), 0.9) for box in boxes]
        return sorted(faces, key=lambda face: -face.area)


def seeker(**choice) -> FaceSeeker:
    return FaceSeeker(FaceChoice(**{"minimum_face": 12, **choice}), BrightFinder())


def scene(rng, *corners_and_sides, height=80, width=120):
    """A dark picture of its own with bright squares of noise at (left, top, side)."""
    coarse = rng.integers(0, 130, (8, 12, 3), dtype=np.uint8)
    pixels = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
    for left, top, side in corners_and_sides:
        pixels[top : top + side, left : left + side] = rng.integers(
            160, 256, (side, side, 3), dtype=np.uint8
        )
    return pixels


def write_clip(path, frames):
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"FFV1"), 25, (width, height))
    for pixels in frames:
        writer.write(pixels[..., ::-1])
    writer.release()


def file_of(path, kind="video"):
    return str(path), sha256_file(path), kind


@pytest.fixture
def photos(tmp_path):
    """20 photos a class with one face at a random place; every tenth has none."""
    rng = np.random.default_rng(3)
    for label in ("real", "fake"):
        (tmp_path / "in" / label).mkdir(parents=True)
        for number in range(20):
            place = (int(rng.integers(0, 80)), int(rng.integers(0, 40)), 40)
            pixels = scene(rng, *([place] if number % 10 else []))
            cv2.imwrite(str(tmp_path / "in" / label / f"{number:02d}.png"), pixels[..., ::-1])
    return tmp_path / "in"


def test_every_row_is_the_face_that_was_found(tmp_path, photos, list_files):
    asked = seeker(faces="largest", margin=0.2)
    summary = build_faces(list_files(photos), tmp_path / "run/preprocess", SMALL, asked)
    assert (summary.faces, summary.rejected) == (36, {"no face": 4})
    faces = FaceSet.load(tmp_path / "run")
    assert list(faces.table.columns) == [*FACE_COLUMNS, "person", "box", "confidence"]
    assert set(faces.table["person"]) == {0}
    for row in faces.table.itertuples():
        picture = cv2.imread(row.path)[..., ::-1]
        found = BrightFinder().find([picture])[0][0]
        assert tuple(row.box) == found.box and row.confidence == 0.9
        expected = square(crop_face(picture, found, asked.choice.framing), 32)
        np.testing.assert_array_equal(faces.pixels[row.row], expected)
        assert row.face_id == f"{row.file_id[:16]}-0"
    rejected = pd.read_parquet(tmp_path / "run/preprocess/rejected.parquet")
    assert list(rejected.columns) == ["path", "label", "reason", "detail", "frame"]
    assert sorted(rejected["frame"]) == [-1] * 4 + [0] * 4
    assert len(files_left_out(rejected)) == 4
    assert set(rejected["path"].str[-6:]) == {"00.png", "10.png"}


def test_the_bytes_do_not_depend_on_jobs(tmp_path, photos, list_files):
    files, asked = list_files(photos), seeker(faces="largest")
    for name, jobs, size in (("one", 1, 16), ("three", 3, 7)):
        settings = PreprocessSettings(size=32, jobs=jobs, shard_size=size)
        build_faces(files, tmp_path / name, settings, asked)
    contents = [
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("one", "three")
    ]
    assert contents[0] == contents[1]


def test_people_of_a_clip_are_followed_and_losses_are_told(tmp_path):
    rng = np.random.default_rng(1)
    frames = []
    for frame in range(6):
        faces = [(5 + 2 * frame, 20, 40)]  # the main person, in every frame
        faces += [(80, 30 + frame, 24)] if frame != 3 else []  # the other is missed once
        faces += [(110, 2, 9)] if frame == 4 else []  # and somebody far away
        frames.append(scene(rng, *faces) if frame != 5 else scene(rng))
    write_clip(tmp_path / "clip.avi", frames)
    found = decode_file(*file_of(tmp_path / "clip.avi"), SMALL, None, seeker(faces="tracked"))
    assert found.frames == [0, 0, 1, 1, 2, 2, 3, 4, 4]
    assert [face.person for face in found.found] == [0, 1, 0, 1, 0, 1, 0, 0, 1]
    assert found.face_names == ["0", "0-1", "1", "1-1", "2", "2-1", "3", "4", "4-1"]
    assert [(loss.frame, loss.reason) for loss in found.lost] == [
        (4, "too small"),
        (5, "no face"),
    ]
    assert found.middle == 3 and found.loss is None
    assert found.faces.shape == (9, 32, 32, 3)
    alone = decode_file(*file_of(tmp_path / "clip.avi"), SMALL, None, seeker(faces="largest"))
    assert alone.frames == [0, 1, 2, 3, 4]
    whole = decode_file(*file_of(tmp_path / "clip.avi"), SMALL)
    assert (alone.pixels_id, alone.thumbnail) == (whole.pixels_id, whole.thumbnail)


def test_a_face_seen_once_and_a_blurred_one_are_outcomes(tmp_path):
    rng = np.random.default_rng(2)
    frames = [scene(rng, *[(10, 10, 40)] * (frame == 2)) for frame in range(6)]
    write_clip(tmp_path / "once.avi", frames)
    once = decode_file(*file_of(tmp_path / "once.avi"), SMALL, None, seeker(faces="tracked"))
    assert (once.frames, once.loss.reason) == ([], "no face")
    assert once.loss.detail == "in none of 6 frames (5 no face, 1 seen once)"
    blurred = cv2.GaussianBlur(scene(rng, (20, 10, 60)), (0, 0), 6)
    blurred[12:68, 22:78] |= 160  # still found
    cv2.imwrite(str(tmp_path / "blurred.png"), cv2.GaussianBlur(blurred, (0, 0), 4))
    picture = decode_file(
        *file_of(tmp_path / "blurred.png", "image"), SMALL, None, seeker(faces="all")
    )
    assert [loss.reason for loss in picture.lost] == ["too blurred"]
    kept = decode_file(
        *file_of(tmp_path / "blurred.png", "image"),
        *(SMALL, None, seeker(faces="all", minimum_sharpness=0)),
    )
    assert kept.frames == [0]


def test_every_so_many_frames_with_their_own_index(tmp_path):
    rng = np.random.default_rng(4)
    write_clip(tmp_path / "clip.avi", [scene(rng, (30, 20, 40)) for _ in range(11)])
    of_clip = file_of(tmp_path / "clip.avi")
    assert decode_file(*of_clip, SMALL, None, seeker(faces="tracked", every=4)).frames == [0, 4, 8]
    whole = FaceSeeker.make(FaceChoice(every=5))
    assert decode_file(*of_clip, SMALL, None, whole).frames == [0, 5, 10]


@pytest.mark.parametrize("every", [0, 2])
def test_a_damaged_clip_gives_its_whole_frames_and_a_note(tmp_path, photos, list_files, every):
    rng = np.random.default_rng(10)
    clip = photos / "real/broken.avi"
    write_clip(clip, [scene(rng) for _ in range(30)])
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    found = decode_file(*file_of(clip), SMALL, None, FaceSeeker.make(FaceChoice(every=every)))
    assert 6 <= len(found.frames) < 15 and DAMAGED in found.notes
    summary = build_faces(
        list_files(photos), tmp_path / "run", SMALL, FaceSeeker.make(FaceChoice(every=every))
    )
    assert summary.converted[DAMAGED] == 1


def test_a_clip_without_any_face_is_listed_once_more(tmp_path, photos, list_files):
    rng = np.random.default_rng(5)
    write_clip(photos / "real/empty.avi", [scene(rng) for _ in range(6)])
    write_clip(photos / "fake/seen.avi", [scene(rng, (30, 20, 40)) for _ in range(6)])
    asked = seeker(faces="tracked")
    summary = build_faces(list_files(photos), tmp_path / "run/preprocess", SMALL, asked)
    assert summary.rejected == {"no face": 5} and summary.faces == 36 + 6
    rejected = pd.read_parquet(tmp_path / "run/preprocess/rejected.parquet")
    empty = rejected[rejected["path"].str.endswith("empty.avi")]
    assert sorted(empty["frame"]) == [-1, 0, 1, 2, 3, 4, 5]
    whole = empty[empty["frame"] == -1].iloc[0]
    assert whole["detail"] == "in none of 6 frames (6 no face)"
    table = FaceSet.load(tmp_path / "run").table
    assert table["face_id"].is_unique
    assert table[table["path"].str.endswith("seen.avi")]["split"].nunique() == 1


def test_no_face_anywhere_says_what_was_lost(tmp_path, list_files):
    rng = np.random.default_rng(6)
    for label in ("real", "fake"):
        (tmp_path / "in" / label).mkdir(parents=True)
        for number in range(4):
            cv2.imwrite(str(tmp_path / "in" / label / f"{number}.png"), scene(rng))
    with pytest.raises(DataError, match="8 no face"):
        build_faces(list_files(tmp_path / "in"), tmp_path / "out", SMALL, seeker(faces="all"))


def test_shards_of_another_choice_are_discarded(tmp_path, photos, list_files):
    files = list_files(photos).sort_values("path", ignore_index=True)
    first = Shards(tmp_path / "shards", files, SMALL, Equaliser(), seeker(faces="all"))
    first.discard_stale()
    first.decode_missing()
    same = Shards(tmp_path / "shards", files, SMALL, Equaliser(), seeker(faces="all"))
    same.discard_stale()
    assert same.is_done(0)
    Shards(tmp_path / "shards", files, SMALL).discard_stale()
    assert not first.is_done(0)


def test_framing_is_chosen_where_faces_were_cut_and_another_dataset_is_cut_alike(
    tmp_path, photos, list_files, monkeypatch
):
    asked = seeker(faces="largest", margin=0.4)
    build_faces(list_files(photos), tmp_path / "run/preprocess", SMALL, asked)
    table = FaceSet.load(tmp_path / "run").table
    told = write_framing(tmp_path / "run", table, SMALL, asked)
    assert told.notices == ("A finder of tests.",)
    assert "the largest face of each picture and frame was cut out with a margin of 40%" in (
        told.sentence
    )
    record = read_json(tmp_path / "run/preprocess/framing.json")
    assert (record["faces"], record["finder"], record["frames_per_clip"]) == (
        "largest",
        "bright",
        6,
    )
    assert record["framing"] == {
        "margin": 0.4, "offset": [0.0, 0.0], "align": False, "source": "chosen",
        "measured_on": 0, "found": 0,
    }  # fmt: skip
    elsewhere = tmp_path / "elsewhere"
    rng = np.random.default_rng(9)
    for label, number in (("real", 0), ("fake", 1)):
        (elsewhere / label).mkdir(parents=True)
        photo = scene(rng, (30, 10 + number, 40))
        cv2.imwrite(str(elsewhere / label / "face.png"), photo[..., ::-1])
        cv2.imwrite(str(elsewhere / label / "none.png"), scene(rng))
    prints = pd.read_parquet(tmp_path / "run/preprocess/fingerprints.parquet")
    found = load_elsewhere(elsewhere, RunPictures(SMALL, Equaliser(), prints, asked), most=9)
    assert (len(found.table), found.rejected) == (2, {"no face": 2})
    # a run says with its framing.json how another dataset is to be read
    record["choice"] |= {"faces": "whole", "finder": "auto", "every": 3}
    write_json(tmp_path / "run/preprocess/framing.json", record)
    loaded = RunPictures.load(tmp_path / "run", 32, 1)
    assert (loaded.seeker.choice.every, loaded.settings.frames_per_clip) == (3, 6)


def test_framing_of_whole_pictures_is_measured(tmp_path, list_files):
    rng = np.random.default_rng(7)
    for label in ("real", "fake"):
        (tmp_path / "in" / label).mkdir(parents=True)
        for number in range(14):
            # a wide picture: training sees its middle square, and the face 2 pixels to its right
            pixels = scene(rng, (42, 20, 40), height=80, width=120)
            cv2.imwrite(str(tmp_path / "in" / label / f"{number}.png"), pixels[..., ::-1])
    build_faces(list_files(tmp_path / "in"), tmp_path / "run/preprocess", SMALL)
    table = FaceSet.load(tmp_path / "run").table
    whole = FaceSeeker.make(FaceChoice())
    told = write_framing(tmp_path / "run", table, SMALL, whole, finder=BrightFinder())
    assert told.framing.margin == pytest.approx(1.0, abs=0.06)
    assert told.framing.offset == pytest.approx((-0.05, 0.0), abs=0.03)
    assert (told.framing.source, told.framing.found) == ("measured", 20)
    assert told.sentence.startswith("Pictures were taken whole; they are 1")
    assert read_json(tmp_path / "run/preprocess/framing.json")["framing"]["source"] == "measured"


def test_no_framing_without_faces_and_a_sentence_that_says_so(tmp_path, list_files):
    rng = np.random.default_rng(8)
    for label in ("real", "fake"):
        (tmp_path / "in" / label).mkdir(parents=True)
        for number in range(14):
            cv2.imwrite(str(tmp_path / "in" / label / f"{number}.png"), scene(rng))
    build_faces(list_files(tmp_path / "in"), tmp_path / "run/preprocess", SMALL)
    table = FaceSet.load(tmp_path / "run").table
    told = write_framing(
        tmp_path / "run", table, SMALL, FaceSeeker.make(FaceChoice()), finder=BrightFinder()
    )
    record = read_json(tmp_path / "run/preprocess/framing.json")
    assert record["framing"] is None and told.framing is None
    assert "finds a face in fewer than a third" in told.sentence
    assert told.notices == (told.sentence,)


@pytest.mark.parametrize(
    ("choice", "words"),
    [
        ({"faces": "biggest"}, "faces is 'biggest'"),
        ({"finder": "yunnet"}, "Did you mean 'yunet'"),
        ({"margin": -1}, "leaves nothing"),
        ({"every": -1}, "every is -1"),
    ],
)
def test_choices_are_checked(choice, words):
    with pytest.raises(UsageError, match=words):
        FaceChoice(**choice)


def test_a_choice_survives_json():
    choice = FaceChoice(faces="tracked", margin=0.1, every=5)
    assert FaceChoice.from_dict({**choice.as_dict(), "of_the_future": 1}) == choice


def test_the_notebook_asks_for_what_is_usual():
    notebook = Path(__file__).resolve().parents[2] / "notebooks" / "02_preprocess.ipynb"
    asked = {name: each.default for name, each in read_parameters(notebook).items()}
    usual = FaceChoice()
    assert FaceChoice.from_dict({**asked, "finder": asked["face_finder"]}) == usual
    assert read_parameters(notebook)["faces"].choices == FACES
