"""Extraction of hostile, damaged and odd archives; the manifest."""

import hashlib
import json
import re
import shutil
import stat
import struct
import time
import zipfile
from collections import namedtuple

import pytest
from unmask.errors import DataError
from unmask.sources.archive import (
    DamagedArchiveError,
    ExtractedFile,
    extract_zip,
    verify_manifest,
    write_manifest,
)

USAGE = namedtuple("USAGE", "total used free")


def make_zip(path, members, compression=zipfile.ZIP_DEFLATED):
    """Writes a zip with `members`, pairs of a name or ZipInfo and bytes."""
    with zipfile.ZipFile(path, "w", compression) as content:
        for name, data in members:
            content.writestr(name, data)
    return path


def everything_in(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def refused(archive, folder, words, error=DataError):
    """Asserts that extraction fails with `words`, and that nothing new lies in `folder`."""
    before = everything_in(folder)
    with pytest.raises(error, match=words) as caught:
        extract_zip(archive, folder / "out")
    assert everything_in(folder) == before
    return caught.value


def test_extracts_files_and_describes_them(tmp_path):
    archive = make_zip(
        tmp_path / "a.zip",
        [("Final Dataset/", b""), ("Final Dataset/Real/1.jpg", b"one"), ("d.csv", b"x" * 3000)],
    )
    seen = []

    files = extract_zip(archive, tmp_path / "out", lambda done, total: seen.append((done, total)))

    assert files == [
        ExtractedFile("Final Dataset/Real/1.jpg", 3, hashlib.sha256(b"one").hexdigest()),
        ExtractedFile("d.csv", 3000, hashlib.sha256(b"x" * 3000).hexdigest()),
    ]
    assert (tmp_path / "out/Final Dataset/Real/1.jpg").read_bytes() == b"one"
    assert seen == [(3, 3003), (3003, 3003)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "out"]


def test_replaces_what_was_there_and_clears_an_earlier_attempt(tmp_path):
    for folder in ("out", ".out.partial", ".out.old"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "stale.jpg").write_bytes(b"old")
    archive = make_zip(tmp_path / "a.zip", [("new.jpg", b"new")])

    extract_zip(archive, tmp_path / "out")

    assert everything_in(tmp_path) == ["a.zip", "out", "out/new.jpg"]


def test_a_failure_leaves_what_was_there(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "good.jpg").write_bytes(b"good")
    archive = make_zip(tmp_path / "a.zip", [("x.jpg", b"1"), ("x.jpg/inside.jpg", b"2")])
    refused(archive, tmp_path, "same place")


@pytest.mark.parametrize(
    "name",
    ["../evil.jpg", "a/../../evil.jpg", "/tmp/evil.jpg", "C:/evil.jpg", "c:evil.jpg",
     "..\\evil.jpg", "\\\\host\\share\\evil.jpg", "a\\..\\..\\evil.jpg"],
)  # fmt: skip
def test_refuses_names_that_leave_the_folder(tmp_path, name):
    archive = make_zip(tmp_path / "a.zip", [("fine.jpg", b"1"), (name, b"evil")])
    error = refused(archive, tmp_path, "points outside the folder")
    assert repr(name) in error.what


@pytest.mark.parametrize(
    ("kind", "words"), [(stat.S_IFLNK, "symbolic link"), (stat.S_IFIFO, "not a plain file")]
)
def test_refuses_links_and_special_files(tmp_path, kind, words):
    link = zipfile.ZipInfo("real/passwd.jpg")
    link.create_system, link.external_attr = 3, (kind | 0o777) << 16
    refused(make_zip(tmp_path / "a.zip", [(link, b"/etc/passwd")]), tmp_path, words)


def test_refuses_a_bomb_in_one_member(tmp_path):
    members = [("bomb.jpg", bytes(8 * 2**20)), ("b", b"")]
    error = refused(make_zip(tmp_path / "a.zip", members), tmp_path, "zip bomb")
    assert re.search(r"'bomb.jpg' would grow from 8,\d{3} to 8,388,608 bytes", error.what)


def test_refuses_a_bomb_of_many_small_members(tmp_path):
    members = [(f"{index}.jpg", bytes(2**20)) for index in range(8)]
    refused(make_zip(tmp_path / "a.zip", members), tmp_path, "would become 8,388,608")


def test_refuses_members_that_share_their_packed_bytes(tmp_path):
    archive = make_zip(tmp_path / "a.zip", [("1", b"a" * 900)], zipfile.ZIP_STORED)
    content = bytearray(archive.read_bytes())
    start, size = content.index(b"PK\x01\x02"), 46 + 1
    entry, end = content[start : start + size], content[start + size :]
    end[8:12] = struct.pack("<HH", 3, 3)
    end[12:16] = struct.pack("<L", 3 * size)
    archive.write_bytes(content[:start] + entry * 3 + end)
    refused(archive, tmp_path, "claim 2,700 packed bytes")


def test_refuses_too_many_members(tmp_path, monkeypatch):
    monkeypatch.setattr("unmask.sources.archive.MAXIMUM_MEMBERS", 3)
    members = [(f"{index}.jpg", b"1") for index in range(4)]
    refused(make_zip(tmp_path / "a.zip", members), tmp_path, "holds 4 files, more than 3")


def test_dense_small_files_are_no_bomb(tmp_path):
    archive = make_zip(tmp_path / "a.zip", [("blank.bmp", bytes(2**20))])
    assert extract_zip(archive, tmp_path / "out")[0].bytes == 2**20


def test_says_how_much_disk_is_missing(tmp_path, monkeypatch):
    archive = make_zip(tmp_path / "a.zip", [("a.jpg", bytes(3 * 2**20))], zipfile.ZIP_STORED)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: USAGE(2**30, 2**30 - 2**20, 2**20))
    error = refused(archive, tmp_path, "Too little disk space for extracting a.zip: 0.00 GiB free")
    assert "0.00 GiB" in error.expected


@pytest.mark.parametrize("keep", [0, 10, 4000, -1])
def test_names_a_truncated_archive(tmp_path, keep):
    archive = make_zip(tmp_path / "cut.zip", [("a.jpg", bytes(range(256)) * 64)], 0)
    archive.write_bytes(archive.read_bytes()[:keep])
    error = refused(archive, tmp_path, "is damaged", DamagedArchiveError)
    assert str(archive) in error.what


def test_names_the_member_whose_bytes_changed(tmp_path):
    archive = make_zip(tmp_path / "a.zip", [("1", b"x"), ("Fake/7.jpg", b"abcdefgh")], 0)
    archive.write_bytes(archive.read_bytes().replace(b"abcdefgh", b"abcdXfgh"))
    error = refused(archive, tmp_path, "is damaged", DamagedArchiveError)
    assert "'Fake/7.jpg'" in error.what


def test_any_changed_byte_is_noticed_or_harmless(tmp_path):
    names = [f"Real/{index}.jpg" for index in range(4)]
    original = make_zip(
        tmp_path / "a.zip", [(name, name.encode() * 9) for name in names]
    ).read_bytes()
    changed = tmp_path / "changed.zip"
    outcomes = {"refused": 0, "extracted": 0}
    for place in range(0, len(original), 3):
        for flip in (0x01, 0xFF):
            damaged = bytearray(original)
            damaged[place] ^= flip
            changed.write_bytes(damaged)
            try:
                files = extract_zip(changed, tmp_path / "box" / "out")
            except DataError:
                outcomes["refused"] += 1
            else:
                outcomes["extracted"] += 1
                contents = {(file.bytes, file.sha256) for file in files}
                expected = {
                    (len(name) * 9, hashlib.sha256(name.encode() * 9).hexdigest()) for name in names
                }
                assert contents <= expected
    assert outcomes["refused"] > outcomes["extracted"] > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "box", "changed.zip"]


def test_refuses_an_encrypted_member(tmp_path):
    archive = make_zip(tmp_path / "a.zip", [("a.jpg", b"secret")], zipfile.ZIP_STORED)
    content = bytearray(archive.read_bytes())
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    refused(archive, tmp_path, "'a.jpg' is encrypted")


def test_refuses_an_empty_archive_and_one_name_twice(tmp_path):
    refused(make_zip(tmp_path / "e.zip", [("real/", b"")]), tmp_path, "e.zip holds no files")
    with pytest.warns(UserWarning, match="Duplicate name"):
        archive = make_zip(tmp_path / "t.zip", [("a.jpg", b"1"), ("a.jpg", b"2")])
    refused(archive, tmp_path, "'a.jpg' has the same place")


def test_names_that_differ_by_case_are_kept_apart_or_refused(tmp_path):
    archive = make_zip(tmp_path / "a.zip", [("Real/a.jpg", b"1"), ("real/A.jpg", b"2")])
    if (tmp_path / "A.ZIP").exists():
        refused(archive, tmp_path, "same place")
    else:
        extract_zip(archive, tmp_path / "out")
        assert (tmp_path / "out/Real/a.jpg").read_bytes() == b"1"
        assert (tmp_path / "out/real/A.jpg").read_bytes() == b"2"


def test_windows_separators_become_folders(tmp_path):
    archive = make_zip(tmp_path / "a.zip", [("Final Dataset\\Real\\1.jpg", b"1")])
    assert extract_zip(archive, tmp_path / "out")[0].path == "Final Dataset/Real/1.jpg"
    assert (tmp_path / "out" / "Final Dataset" / "Real" / "1.jpg").is_file()


@pytest.fixture
def dataset(tmp_path):
    archive = make_zip(tmp_path / "a.zip", [(f"real/{index}.jpg", b"12345") for index in range(4)])
    files = extract_zip(archive, tmp_path / "files")
    write_manifest(tmp_path, files, handle="ada/faces", version=2)
    return tmp_path


def test_manifest_describes_every_file(dataset):
    manifest = json.loads((dataset / "manifest.json").read_text())
    assert (manifest["handle"], manifest["version"]) == ("ada/faces", 2)
    assert manifest["files"][3] == {
        "path": "real/3.jpg", "bytes": 5, "sha256": hashlib.sha256(b"12345").hexdigest(),
    }  # fmt: skip
    assert verify_manifest(dataset) == verify_manifest(dataset, thorough=True) == []


def test_manifest_names_missing_and_damaged_files(dataset):
    (dataset / "files/real/0.jpg").unlink()
    (dataset / "files/real/1.jpg").write_bytes(b"123")
    (dataset / "files/real/2.jpg").write_bytes(b"54321")
    quick = ["real/0.jpg: missing", "real/1.jpg: 3 bytes instead of 5"]
    changed = "real/2.jpg: its content has changed (SHA-256)"
    assert verify_manifest(dataset) == quick
    assert verify_manifest(dataset, thorough=True) == [*quick, changed]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"files": [{"path": "a"}]}'])
def test_a_broken_manifest_is_named(dataset, text):
    (dataset / "manifest.json").write_text(text)
    assert verify_manifest(dataset) == ["manifest.json: missing or unreadable"]


def test_many_files_verify_quickly(tmp_path):
    files = [ExtractedFile(f"real/{index:06}.jpg", 0, "0" * 64) for index in range(14_000)]
    (tmp_path / "files" / "real").mkdir(parents=True)
    for file in files:
        (tmp_path / "files" / file.path).touch()
    write_manifest(tmp_path, files)
    started = time.process_time()
    assert verify_manifest(tmp_path) == []
    assert time.process_time() - started < 0.5  # a tenth of the 140k set
