"""Clips written by OpenCV, whole, broken off and turned."""

from __future__ import annotations

import struct

import cv2
import numpy as np
import pytest
from unmask.media import Rejected, kind_of
from unmask.media.videos import describe_video, read_frames


def write_clip(path, frames: int, codec: str) -> None:
    """Left half red, right half a grey that grows by 4 a frame."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), 25, (96, 64))
    assert writer.isOpened()
    for index in range(frames):
        pixels = np.zeros((64, 96, 3), np.uint8)
        pixels[:, :48] = (0, 0, 255)
        pixels[:, 48:] = 4 * index
        writer.write(pixels)
    writer.release()


@pytest.mark.parametrize(("name", "codec"), [("clip.mp4", "mp4v"), ("clip.avi", "MJPG")])
def test_frames_are_evenly_spaced_and_rgb(tmp_path, name, codec):
    write_clip(tmp_path / name, 40, codec)
    frames = read_frames(tmp_path / name, 4)
    assert [index for index, _ in frames] == [5, 15, 25, 35]
    for index, pixels in frames:
        assert (pixels.shape, pixels.dtype) == ((64, 96, 3), np.uint8)
        assert pixels[32, 10, 0] > 230
        assert pixels[32, 10, 2] < 20
        assert abs(int(pixels[32, 90, 0]) - 4 * index) < 8
    assert describe_video(tmp_path / name) == {"width": 96, "height": 64}


def test_a_short_clip_gives_all_its_frames(tmp_path):
    write_clip(tmp_path / "clip.avi", 3, "MJPG")
    assert [index for index, _ in read_frames(tmp_path / "clip.avi", 10)] == [0, 1, 2]


def test_a_broken_tail_gives_the_frames_before_it(tmp_path):
    write_clip(tmp_path / "clip.avi", 40, "MJPG")
    data = (tmp_path / "clip.avi").read_bytes()
    (tmp_path / "broken.avi").write_bytes(data[: int(len(data) * 0.6)])
    indices = [index for index, _ in read_frames(tmp_path / "broken.avi", 4)]
    assert len(indices) == 4
    assert max(indices) < 24


def test_rotation_is_honoured(tmp_path):
    write_clip(tmp_path / "clip.mp4", 4, "mp4v")
    data = bytearray((tmp_path / "clip.mp4").read_bytes())
    matrix = data.find(b"tkhd") + 4 + 4 + 20 + 16
    quarter_turn = (0, 65536, 0, -65536, 0, 0, 64 << 16, 0, 0x40000000)
    data[matrix : matrix + 36] = struct.pack(">9i", *quarter_turn)
    (tmp_path / "turned.mp4").write_bytes(data)
    (_, pixels), *_ = read_frames(tmp_path / "turned.mp4", 2)
    assert pixels.shape == (96, 64, 3)
    assert pixels[10, 32, 0] > 230  # red is on top now
    assert describe_video(tmp_path / "turned.mp4") == {"width": 64, "height": 96}


def test_no_frames(tmp_path, capfd):
    for name, data, reason in (
        ("empty.mp4", b"", "empty file"),
        ("text.mp4", b"this is no clip", "not a video"),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(Rejected) as caught:
            read_frames(tmp_path / name, 4)
        assert caught.value.reason == reason
    with pytest.raises(Rejected):
        describe_video(tmp_path / "text.mp4")
    assert "moov" not in capfd.readouterr().err


def test_kinds():
    assert [kind_of(name) for name in ("a.JPG", "b.webp", "c.MP4", "d.txt", "e")] == [
        "image",
        "image",
        "video",
        "",
        "",
    ]


def test_real_clips(shared_data):
    clips = sorted((shared_data / "videos_ffpp_c23").glob("*/*.mp4"))
    assert len(clips) == 6
    frames = read_frames(clips[0], 3)
    assert len(frames) == 3
    assert all(40 < pixels.mean() < 220 for _, pixels in frames)
