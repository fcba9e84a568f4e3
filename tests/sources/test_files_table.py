"""The files table: hashes and headers, for whole files and for broken ones."""

from __future__ import annotations

import hashlib
import math

import pandas as pd
import pytest
from PIL import Image
from unmask.sources.files_table import COLUMNS, build_files_table
from unmask.sources.folder import list_folder


@pytest.fixture
def folder(tmp_path):
    for name in ("real", "fake"):
        (tmp_path / name).mkdir()
    Image.new("RGB", (30, 20), "red").save(tmp_path / "real/a.jpg", quality=83)
    Image.new("RGB", (40, 50), "blue").save(tmp_path / "fake/b.png")
    (tmp_path / "fake/c.jpg").write_bytes(b"")
    (tmp_path / "fake/d.jpg").write_bytes(b"hello")
    (tmp_path / "fake/e.mp4").write_bytes(b"no clip")
    return tmp_path


def test_a_row_a_file(folder):
    table = build_files_table(list_folder(folder), dataset="mine", jobs=2)
    assert list(table.columns) == COLUMNS
    assert set(table["dataset"]) == {"mine"}
    rows = {path.rsplit("/", 1)[1]: row for path, row in table.set_index("path").iterrows()}
    photo, drawing = rows["a.jpg"], rows["b.png"]
    data = (folder / "real/a.jpg").read_bytes()
    assert photo["file_id"] == hashlib.sha256(data).hexdigest()
    assert photo[["label", "generator", "kind", "bytes"]].tolist() == [
        0,
        "real",
        "image",
        len(data),
    ]
    assert photo[["width", "height", "format", "jpeg_quality"]].tolist() == [30, 20, "JPEG", 83]
    assert drawing[["width", "height", "format"]].tolist() == [40, 50, "PNG"]
    assert math.isnan(drawing["jpeg_quality"])


def test_broken_files_keep_their_row(folder):
    table = build_files_table(list_folder(folder), jobs=1).set_index("path")
    for name, size in (("fake/c.jpg", 0), ("fake/d.jpg", 5), ("fake/e.mp4", 7)):
        row = table.loc[str(folder / name)]
        assert row["bytes"] == size
        assert len(row["file_id"]) == 64
        assert math.isnan(row["width"])
    assert table.loc[str(folder / "fake/e.mp4"), "kind"] == "video"


def test_a_file_that_vanished_keeps_its_row(folder):
    entries = list_folder(folder)
    (folder / "real/a.jpg").unlink()
    row = build_files_table(entries, jobs=1).set_index("path").loc[str(folder / "real/a.jpg")]
    assert (row["file_id"], row["bytes"], row["format"]) == ("", 0, "")


def test_the_table_does_not_depend_on_jobs_and_keeps_the_order(folder):
    entries = list_folder(folder).iloc[::-1]
    one, four = (build_files_table(entries, jobs=jobs) for jobs in (1, 4))
    pd.testing.assert_frame_equal(one, four)
    assert one["path"].tolist() == entries["path"].tolist()


def test_a_generators_rows_keep_their_columns(folder):
    entries = [
        {
            "path": folder / "fake/b.png",
            "label": 1,
            "generator": "swap",
            "group": "p1",
            "dataset": "x",
        },
        {"path": folder / "real/a.jpg", "label": 0},
    ]
    table = build_files_table(entries, dataset="demo", jobs=1)
    assert table["dataset"].tolist() == ["x", "demo"]
    assert table["group"].tolist() == ["p1", ""]
    assert table["generator"].tolist() == ["swap", "real"]
