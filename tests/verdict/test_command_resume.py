"""Verdicts are kept by what gave them and by the bytes they are about."""

import json
import os

import pytest
from unmask.verdict import Verdict
from unmask.verdict.resume import Known, key_of, stamp_of

RECORD = Verdict(file="a.jpg", verdict="real", score=0.1).as_dict()


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.setenv("UNMASK_HOME", str(tmp_path))
    path = tmp_path / "a.jpg"
    path.write_bytes(b"first")
    return path


def test_a_verdict_is_known_to_the_next_call_and_to_no_other_detector(photo):
    Known("key").add(photo, stamp_of(photo), RECORD)
    assert Known("key").find(photo) == {**RECORD, "file": str(photo)}
    assert Known("other").find(photo) is None
    assert Known("key", fresh=True).find(photo) is None


def test_other_bytes_are_another_file_even_with_the_same_size_and_time(photo):
    known = Known("key")
    known.add(photo, stamp_of(photo), RECORD)
    before = photo.stat()
    photo.write_bytes(b"other")
    os.utime(photo, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert stamp_of(photo)[:2] == (before.st_size, before.st_mtime_ns)
    assert known.find(photo) is None


def test_the_same_bytes_under_another_name_are_known(photo):
    Known("key").add(photo, stamp_of(photo), RECORD)
    copy = photo.with_name("copy \udcff\n.jpg")
    copy.write_bytes(photo.read_bytes())
    assert Known("key").find(copy)["file"] == str(copy)
    touched = photo.with_name("touched.jpg")
    touched.write_bytes(b"of another length")
    assert Known("key").find(touched) is None


def test_a_file_that_changed_while_it_was_looked_at_is_not_kept(photo):
    known, stamp = Known("key"), stamp_of(photo)
    photo.write_bytes(b"second")
    known.add(photo, stamp, RECORD)
    assert known.find(photo) is None and not known.path.exists()


def test_a_line_cut_short_costs_only_itself(photo):
    known = Known("key")
    known.add(photo, stamp_of(photo), RECORD)
    with open(known.path, "a") as stream:
        stream.write('{"seen": ["/b.jpg", [1, 2')
    other = photo.with_name("b.jpg")
    other.write_bytes(b"b")
    Known("key").add(other, stamp_of(other), {**RECORD, "score": 0.2})
    again = Known("key")
    assert again.find(photo)["score"] == 0.1 and again.find(other)["score"] == 0.2
    assert oct(known.path.stat().st_mode & 0o777) == "0o600"


def test_the_later_of_two_verdicts_counts(photo):
    Known("key").add(photo, stamp_of(photo), RECORD)
    Known("key", fresh=True).add(photo, stamp_of(photo), {**RECORD, "score": 0.9})
    assert Known("key").find(photo)["score"] == 0.9


def test_the_key_depends_on_the_detector_and_how_it_is_asked():
    keys = {key_of({"name": name}, every=every) for name in ("a", "b") for every in (5, 10)}
    assert len(keys) == 4
    assert key_of({"name": "a"}, every=5) in keys
    assert json.dumps(sorted(keys)).count("/") == 0
