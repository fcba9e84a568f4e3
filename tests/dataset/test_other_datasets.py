"""Other datasets and folders of real photographs: decoded alike, without what the run knows."""

import shutil

import numpy as np
import pytest
from PIL import Image
from unmask.dataset.decode import decode_file
from unmask.dataset.elsewhere import RunPictures, load_elsewhere, load_reals, short_names
from unmask.dataset.equalise import Equaliser
from unmask.dataset.near_copies import fingerprint_files
from unmask.dataset.settings import PreprocessSettings
from unmask.errors import DataError, UsageError
from unmask.runs import step_folder, write_json, write_table

SETTINGS = PreprocessSettings(size=32, jobs=2)


def draw(path, number, side=96):
    """Writes a picture of its own: random blocks, so that no two are near copies."""
    small = np.random.default_rng(number).integers(0, 256, (7, 7, 3), dtype=np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(small).resize((side, side), Image.Resampling.BICUBIC).save(path, quality=92)
    return path


def known_of(paths):
    table = fingerprint_files([str(path) for path in paths], 2)
    return RunPictures(SETTINGS, Equaliser(), table)


@pytest.fixture
def other(tmp_path):
    """Ten real and ten fake pictures, half of each in an official test split."""
    for number in range(10):
        split = "test" if number % 2 else "train"
        draw(tmp_path / "other" / split / "real" / f"{number}.jpg", number)
        draw(tmp_path / "other" / split / "fake" / f"{number}.jpg", 100 + number)
    return tmp_path / "other"


@pytest.fixture
def known(tmp_path):
    """A run that shares nothing with `other`."""
    return known_of([draw(tmp_path / "run" / f"{n}.jpg", 1000 + n) for n in range(6)])


def test_the_official_test_split_is_taken_and_decoded_alike(other, known):
    found = load_elsewhere(other, known, most=100)
    assert (found.name, found.part) == ("other", "test split")
    assert (found.listed, found.chosen, found.overlapping) == (20, 10, 0)
    assert found.table["label"].value_counts().to_dict() == {0: 5, 1: 5}
    for _, face in found.table.iterrows():
        decoded = decode_file(face["path"], face["file_id"], "image", SETTINGS)
        assert np.array_equal(found.pixels[face["row"]], decoded.faces[0])
    assert found.as_dict()["faces"] == 10


def test_pictures_of_the_run_are_left_out_also_when_changed(other, known, tmp_path):
    copied = other / "test" / "real" / "1.jpg"
    smaller = other / "test" / "fake" / "3.jpg"
    shutil.copy(copied, tmp_path / "a.jpg")
    with Image.open(smaller) as image:
        image.resize((64, 64), Image.Resampling.LANCZOS).save(tmp_path / "b.jpg", quality=70)
    others = [tmp_path / "run" / f"{number}.jpg" for number in range(6)]
    run = known_of([*others, tmp_path / "a.jpg", tmp_path / "b.jpg"])
    found = load_elsewhere(other, run, most=100)
    assert found.overlapping == 2 and len(found.table) == 8
    assert not {str(copied), str(smaller)} & set(found.table["path"])
    assert "2 show a picture of this run and were left out" in found.describe()


def test_a_draw_takes_both_classes_in_proportion_and_repeats(other, known):
    taken = load_elsewhere(other, known, most=4, seed=3)
    again = load_elsewhere(other, known, most=4, seed=3)
    assert taken.table["label"].value_counts().to_dict() == {0: 2, 1: 2}
    assert list(taken.table["face_id"]) == list(again.table["face_id"])


def test_what_the_run_equalised_is_equalised_here(other, known):
    run = RunPictures(SETTINGS, Equaliser(quality=20), known.fingerprints)
    found, plain = (load_elsewhere(other, each, most=2) for each in (run, known))
    assert list(found.table["face_id"]) == list(plain.table["face_id"])
    for face in range(2):
        assert np.array_equal(found.pixels[face], run.equaliser.encode(plain.pixels[face]))
        assert not np.array_equal(found.pixels[face], plain.pixels[face])


def test_what_a_run_left_is_read_back(tmp_path, monkeypatch, known):
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path))
    folder = step_folder("runs/here", "preprocess")
    write_table(folder / "fingerprints.parquet", known.fingerprints)
    write_json(folder / "equalise.json", {"jpeg_quality": 75})
    found = RunPictures.load("runs/here", 48, 1)
    assert found.equaliser == Equaliser(quality=75) and found.settings.size == 48
    assert len(found.fingerprints) == 6


def test_names_tell_datasets_apart():
    assert short_names(["/a/faces", "/b/more.csv"]) == ["faces", "more"]
    assert short_names(["/a/one/test", "/a/two/test"]) == ["one/test", "two/test"]
    assert short_names([]) == []


def test_broken_files_are_counted(other, known):
    (other / "test" / "real" / "1.jpg").write_bytes(b"no picture")
    found = load_elsewhere(other, known, most=100)
    assert found.rejected == {"not an image": 1} and len(found.table) == 9


def test_a_class_that_is_gone_is_said(tmp_path, known):
    draw(tmp_path / "lone" / "real" / "0.jpg", 1)
    fake = draw(tmp_path / "lone" / "fake" / "0.jpg", 2)
    fake.write_bytes(b"")
    with pytest.raises(DataError, match="No fake face is left"):
        load_elsewhere(tmp_path / "lone", known, most=10)


def test_reals_of_any_layout_all_count_as_real(tmp_path, known):
    for number, name in enumerate(("a.jpg", "holiday/b.png", "fake/c.jpg")):
        draw(tmp_path / "photos" / name, 50 + number)
    found = load_reals(tmp_path / "photos", known, most=10)
    assert len(found.table) == 3 and set(found.table["label"]) == {0}
    assert found.name == f"{tmp_path.name}/photos"
    assert (tmp_path / "photos" / "fake" / "c.jpg").as_posix() in set(found.table["path"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no pictures"):
        load_reals(tmp_path / "empty", known, most=10)
