"""What arrives is told by its content; names are cleaned; nothing stays behind."""

import io
import os
import tempfile
from pathlib import Path

import pytest
import upload_files as files
from flask import Flask, request
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image
from unmask.web.limits import Limits
from unmask.web.problems import Problem
from unmask.web.scans import has_too_many_scans
from unmask.web.uploads import (
    UnnamedFilesRequest,
    check_clip,
    check_picture,
    path_of,
    receive,
    recognise,
    second_nature,
    shown_name,
)

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"


def received(data: bytes, name: str = "x.jpg", *, limits: Limits | None = None, **form):
    """What `receive` makes of a form with one file, and what is done with it while it lasts."""
    app = Flask("test")
    app.request_class = UnnamedFilesRequest
    import io

    fields = {"file": (io.BytesIO(data), name), **form}
    with app.test_request_context("/", method="POST", data=fields):
        upload = receive(request, limits or Limits())
        return upload.name, upload.kind, upload.size, upload.stream.read()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "JPEG2000", "PPM"])
def test_photos_are_photos_whatever_they_are_called(kind):
    data = files.photo(kind)
    assert received(data, "clip.mp4") == ("clip.mp4", "image", len(data), data)


@pytest.mark.parametrize(
    ("codec", "container"),
    [("mpeg4", "mp4"), ("mpeg4", "mov"), ("mpeg4", "matroska"), ("mpeg4", "avi"),
     ("flv1", "flv"), ("mpeg2video", "mpegts"), ("mpeg2video", "mpeg"), ("wmv2", "asf")],
)  # fmt: skip
def test_clips_are_clips_whatever_they_are_called(codec, container):
    rate = 25 if codec == "mpeg2video" else 10
    data = files.clip(codec, container, count=3, rate=rate, side=64)
    assert received(data, "photo.jpg")[1] == "video"


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (SVG, "drawing in text"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>" + SVG, "drawing in text"),
        (HTML, "drawing in text"),
        (b"   \n" + HTML, "drawing in text"),
        (b"%PDF-1.7 ...", "PDF"),
        (files.zip_of(), "archive"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "neither"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "neither"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"hello", "neither"),
        (b"\x7fELF\x02\x01\x01", "neither"),
    ],
)
def test_what_is_no_picture_is_refused_in_words(data, word):
    with pytest.raises(Problem) as told:
        received(data, "photo.jpg")
    assert told.value.status == 415
    assert word in told.value.detail


@pytest.mark.parametrize(
    ("data", "nature"),
    [
        (files.photo() + files.zip_of(), "a ZIP archive"),
        (files.clip() + files.zip_of(), "a ZIP archive"),
        (files.photo()[:2] + b"\xff\xfe\x00\x20" + b"<html><script>1".ljust(30) + files.photo()[2:],
         "an HTML page"),
        (b"GIF89a/*%PDF-1.4", "a PDF document"),
        (files.mp4_box(b"ftyp", b"isom\0\0\0\0") + files.mp4_box(b"free", HTML), "an HTML page"),
    ],
)  # fmt: skip
def test_two_types_in_one_are_refused(data, nature):
    with pytest.raises(Problem) as told:
        received(data)
    assert told.value.reason == "two types in one"
    assert nature in told.value.detail


def test_a_photo_with_a_clip_behind_it_is_a_photo():
    data = files.photo() + files.clip()
    assert received(data)[1] == "image"


@given(st.binary(max_size=300))
def test_no_archive_without_an_end_that_fits(noise):
    # An end record counts only when its comment reaches exactly to the end of the file.
    assert second_nature(b"", b"PK\x05\x06" + bytes(16) + b"\x07\0" + bytes(6)) == ""
    assert second_nature(b"", noise + b"PK\x05\x06" + bytes(16) + b"\x06\0" + bytes(6)) != ""


def test_form_without_file_empty_file_and_too_large_a_file():
    cases = [
        (b"", "", 400, "no file"),
        (b"", "a.jpg", 422, "empty file"),
        (bytes(1001), "a.jpg", 413, "too large"),
    ]
    for data, name, status, reason in cases:
        with pytest.raises(Problem) as told:
            received(data, name, limits=Limits(largest=1000))
        assert (told.value.status, told.value.reason) == (status, reason)
    assert received(files.photo(), limits=Limits(largest=len(files.photo())))[1] == "image"


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("photo.jpg", "photo.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\fakepath\\me.png", "me.png"),
        ("a\r\nSet-Cookie: x\0.jpg", "aSet-Cookie: x.jpg"),
        ("gpj.\u202eexe", "gpj.exe"),
        ("\ud800", "upload"),
        ("..", ".."),
        ("", "upload"),
        ("x" * 300, "x" * 50 + "…" + "x" * 49),
    ],
)
def test_names_are_shown_without_what_steers_text(given_name, shown):
    assert shown_name(given_name) == shown


@given(st.text())
@example("a/b\\c")
def test_names_never_hold_a_path_or_a_control(name):
    shown = shown_name(name)
    assert shown
    assert len(shown) <= 100
    assert not set(shown) & {"/", "\\", "\n", "\r", "\0", "\u202e"}


@given(st.binary(max_size=600))
def test_any_beginning_is_told(head):
    assert recognise(head) in ("image", "video", "")


def test_a_clip_has_a_path_only_while_it_is_needed(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    app = Flask("test")
    app.request_class = UnnamedFilesRequest
    import io

    data = files.clip()
    fields = {"file": (io.BytesIO(data), "../../a.mp4")}
    with app.test_request_context("/", method="POST", data=fields):
        upload = receive(request, Limits())
        with path_of(upload) as path:
            assert path.read_bytes() == data
            assert "a.mp4" not in str(path)
    assert os.listdir(tmp_path) == []
    assert not path.exists() or path.read_bytes() != data


def test_a_clip_gets_a_file_where_the_system_has_no_unnamed_ones(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(Path, "exists", lambda self: False)  # no /proc
    with tempfile.TemporaryFile() as stream:
        stream.write(files.clip())
        from unmask.web.uploads import Upload

        upload = Upload("a.mp4", "video", stream, 1)
        with pytest.raises(ValueError, match="dies"), path_of(upload) as path:
            assert path.parent.parent == tmp_path
            assert path.read_bytes() == files.clip()
            raise ValueError("the request dies")
    assert os.listdir(tmp_path) == []


def test_a_stream_of_its_own_outlives_the_request():
    with tempfile.TemporaryFile() as stream:
        stream.write(b"abc")
        from unmask.web.uploads import Upload

        kept = Upload("a", "image", stream, 3).kept_open()
    assert stream.closed
    assert kept.stream.read() == b"abc"
    kept.stream.close()


def test_bombs_are_refused_by_their_header(tmp_path):
    with pytest.raises(Problem) as told:
        check_picture(files.bomb(), Limits())
    assert told.value.status == 413
    with pytest.raises(Problem) as told:
        check_picture(files.photo(side=64), Limits(most_pixels=64 * 64 - 1))
    assert told.value.status == 413
    assert check_picture(files.photo(side=64), Limits(most_pixels=64 * 64)) is None
    path = tmp_path / "clip"
    path.write_bytes(files.clip())
    assert check_clip(path, Limits()) is None
    for limits in (Limits(longest=1.0), Limits(most_pixels_of_a_frame=1000)):
        with pytest.raises(Problem) as told:
            check_clip(path, limits)
        assert told.value.status == 413


def test_a_jpeg_that_paints_its_picture_without_end_is_refused():
    stream = io.BytesIO()
    Image.new("L", (64, 64), 128).save(stream, "JPEG", progressive=True)
    usual = stream.getvalue()
    last = usual[usual.rindex(b"\xff\xda") : -2]
    scans = usual.count(b"\xff\xda")
    for more, refused in ((0, False), (100 - scans, False), (101 - scans, True)):
        data = usual[:-2] + more * last + usual[-2:]
        assert Image.open(io.BytesIO(data)).load() is not None
        assert has_too_many_scans(data) is refused
    with pytest.raises(Problem, match="more than 100 times") as told:
        check_picture(data, Limits())
    assert told.value.status == 413
    # Neither what a comment holds nor what lies behind the picture is painted.
    comment = b"\xff\xfe" + (2 + 600).to_bytes(2, "big") + 300 * b"\xff\xda"
    assert not has_too_many_scans(usual[:2] + comment + usual[2:] + 200 * last)
    assert not has_too_many_scans(files.encoded(files.portrait(), "PNG"))


def test_sound_alone_and_noise_are_no_clips(tmp_path):
    path = tmp_path / "clip"
    path.write_bytes(files.sound())
    with pytest.raises(Problem) as told:
        check_clip(path, Limits())
    assert told.value.status == 415
    path.write_bytes(files.clip()[:40] + bytes(500))
    with pytest.raises(Problem) as told:
        check_clip(path, Limits())
    assert told.value.status == 422
