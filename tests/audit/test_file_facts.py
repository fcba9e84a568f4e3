"""Facts of a file without its picture, and the numbers made of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from faults import save, structured, with_exif, with_profile
from unmask.audit.designs import DESIGNS, design_of, shape_of_name
from unmask.audit.families import FILE_FAMILIES
from unmask.audit.file_facts import describe_values, file_facts_table, read_file_facts
from unmask.audit.floors import facts_design


def facts_of(tmp_path, ending=".jpg", **options):
    return read_file_facts(str(save(structured(1, 64), tmp_path / "A_01", ending, **options)))


def test_a_plain_jpeg(tmp_path):
    facts = facts_of(tmp_path)
    assert facts["bytes"] == (tmp_path / "A_01.jpg").stat().st_size
    expected = {
        "name": "A_01", "extension": ".jpg", "format": "JPEG", "mode": "RGB", "width": 64,
        "height": 64, "quality": 90, "progressive": "baseline", "subsampling": "4:2:0",
        "exif": "none", "exif_tags": 0, "other_metadata": "", "colour_profile": "none",
    }  # fmt: skip
    assert {name: facts[name] for name in expected} == expected
    assert facts["coarseness"] < facts["coarseness_of_colour"]


@pytest.mark.parametrize(
    ("options", "name", "value"),
    [
        ({"progressive": True}, "progressive", "progressive"),
        ({"subsampling": 0}, "subsampling", "4:4:4"),
        ({"subsampling": 1}, "subsampling", "4:2:2"),
        ({"quality": 71}, "quality", 71),
        ({"dpi": (300, 300)}, "other_metadata", "dpi"),
        ({"comment": b"made"}, "other_metadata", "comment"),
    ],
)
def test_how_a_jpeg_was_stored(tmp_path, options, name, value):
    assert facts_of(tmp_path, **options)[name] == value


def test_other_tables_have_another_hash_and_more_coarseness(tmp_path):
    fine, coarse = facts_of(tmp_path, quality=95), facts_of(tmp_path, quality=50)
    assert fine["quantisation"] != coarse["quantisation"]
    assert fine["coarseness"] < coarse["coarseness"]


def test_metadata_and_profile(tmp_path):
    with_exif(structured(1), tmp_path / "exif")
    with_profile(structured(1), tmp_path / "icc")
    facts = read_file_facts(str(tmp_path / "exif.jpg"))
    assert (facts["exif"], facts["exif_tags"]) == ("camera", 1)
    assert len(read_file_facts(str(tmp_path / "icc.jpg"))["colour_profile"]) == 8


def test_what_is_no_jpeg_or_broken(tmp_path):
    png = facts_of(tmp_path, ".png")
    assert (png["format"], png["subsampling"], png["exif"]) == ("PNG", "no JPEG", "none")
    assert np.isnan(png["quality"])
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 nothing")
    broken = read_file_facts(str(tmp_path / "broken.jpg"))
    assert (broken["format"], broken["bytes"]) == ("", 10)
    (tmp_path / "clip.mp4").write_bytes(b"any")
    assert read_file_facts(str(tmp_path / "clip.mp4"), "video")["format"] == "MP4"


def test_the_table_does_not_depend_on_jobs_and_takes_the_size_of_clips(tmp_path):
    paths = [str(save(structured(n, 40 + n), tmp_path / f"{n}")) for n in range(5)]
    (tmp_path / "clip.mp4").write_bytes(b"any")
    files = pd.DataFrame({"path": [*paths, str(tmp_path / "clip.mp4")], "width": 320.0})
    files = files.assign(height=200.0, kind=["image"] * 5 + ["video"])
    one, many = (file_facts_table(files, jobs) for jobs in (1, 4))
    pd.testing.assert_frame_equal(one, many)
    assert one["width"].tolist() == [40, 41, 42, 43, 44, 320]


def test_every_file_family_has_a_design_and_a_constant_fact_gives_no_column(tmp_path):
    paths = [str(save(structured(n), tmp_path / f"{1000 + n}")) for n in range(6)]
    facts = file_facts_table(pd.DataFrame({"path": paths, "kind": "image"}).assign(
        width=np.nan, height=np.nan), 1)  # fmt: skip
    assert DESIGNS.keys() == {family.key for family in FILE_FAMILIES}
    columns = {name: design_of(name, facts).shape for name in DESIGNS}
    assert columns.pop("bytes") == (6, 2)
    assert columns.pop("names")[1] > 0
    assert all(shape == (6, 0) for shape in columns.values()), columns


def test_rows_that_are_not_learned_from_change_nothing_of_the_others():
    def rows(count, word, size):
        numbers = {name: float(size) for name in ("coarseness", "coarseness_of_colour", "quality")}
        table = pd.DataFrame({"bytes": np.arange(count) + 100 * size, **numbers}, np.arange(count))
        words = ("name", "extension", "format", "mode", "progressive", "subsampling",
                 "quantisation", "exif", "other_metadata", "colour_profile")  # fmt: skip
        sides = {"width": np.arange(count) % 3 + size, "height": size}
        return table.assign(exif_tags=np.arange(count) % 2, **sides, **dict.fromkeys(words, word))

    train = pd.concat([rows(6, "one", 50), rows(6, "two", 60)], ignore_index=True)
    alone = facts_design(train, train)
    for others in (rows(40, "three", 500), rows(3, "one", 50)):
        both = pd.concat([train, others], ignore_index=True)
        columns = facts_design(both, both.iloc[: len(train)])
        assert columns.shape == (len(both), alone.shape[1])
        assert np.array_equal(columns[: len(train)], alone)
    assert not design_of("colour_profile", rows(2, "three", 50), train).any()


def test_folders_and_endings_are_no_part_of_a_name(tmp_path):
    for folder in ("fake", "real"):
        (tmp_path / folder).mkdir()
        save(structured(1), tmp_path / folder / "x1")
    ours = [read_file_facts(str(tmp_path / folder / "x1.jpg")) for folder in ("fake", "real")]
    facts = pd.DataFrame(ours)
    assert facts["name"].tolist() == ["x1", "x1"]
    assert design_of("names", facts).shape == (2, 0)


def test_shapes_of_names():
    assert shape_of_name("p0001_Ab") == "a0000_Aa"
    assert shape_of_name("") == ""


def test_evidence_rows():
    labels = np.array([0, 0, 0, 1, 1, 1])
    rows = describe_values([1, 2, 3, 10, 20, 30], labels)
    assert rows[1] == {"what": "median", "real": "2", "fake": "20"}
    words = describe_values(["a", "a", "", "b", "b", "b"], labels, most=2)
    assert words == [
        {"what": "b", "real": "0.0%", "fake": "100.0%"},
        {"what": "a", "real": "66.7%", "fake": "0.0%"},
    ]
