"""Clips of many codecs, containers and faults: the right frame at its time, or a reason."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from itertools import accumulate, pairwise

import cv2
import numpy as np
import pytest
from drawn_clips import number_in, picture, read_plainly, write_clip, write_sound
from hypothesis import given, settings
from hypothesis import strategies as st
from unmask.errors import UsageError
from unmask.media import Rejected
from unmask.media.videos import describe_clip, open_frames, read_frame, read_frames
from unmask.media.videos.packets import PacketTable, plan_runs, survey
from unmask.media.videos.pixels import turn

SOON = [10, 40, 41, 83, 200]
TIMES = list(accumulate(SOON[number * 7 % 5] for number in range(40)))
X264 = "bframes=3:keyint=12:scenecut=0"
X265 = "log-level=none:bframes=3:keyint=12"
ALTERNATE = {"auto-alt-ref": "1", "lag-in-frames": "16", "cpu-used": "5", "b": "300k"}
BOTH_WAYS = {"bf": "2", "b": "2M"}
# name: codec, its options, whether frames can be told by their packets
STREAMS = {
    "closed.mp4": ("libx264", {"x264-params": X264 + ":b-pyramid=normal"}, True),
    "open.mkv": ("libx264", {"x264-params": X264 + ":open-gop=1"}, True),
    "refresh.mp4": ("libx264", {"x264-params": "intra-refresh=1:keyint=12:bframes=0"}, True),
    "interlaced.ts": ("libx264", {"x264-params": X264 + ":tff=1:interlaced=1"}, False),
    "reordered.avi": ("libx264", {"x264-params": X264}, False),
    "bare.h264": ("libx264", {"x264-params": X264}, False),
    "open.mp4": ("libx265", {"x265-params": X265 + ":open-gop=1", "preset": "ultrafast"}, True),
    "layers.ts": ("libx265", {"x265-params": X265 + ":temporal-layers=3"}, True),
    "hidden.webm": ("libvpx-vp9", ALTERNATE, True),
    "hidden8.webm": ("libvpx", ALTERNATE, False),
    "av1.mkv": ("libsvtav1", {"preset": "12", "svtav1-params": "lp=1"}, True),
    "plain.mp4": ("mpeg4", BOTH_WAYS, True),
    "plain.ts": ("mpeg2video", BOTH_WAYS, None),
    "still.avi": ("mjpeg", {}, True),
}


@pytest.mark.parametrize("name", STREAMS)
def test_an_index_means_the_same_picture_by_every_route(tmp_path, name):
    codec, options, regular = STREAMS[name]
    format = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    clip = write_clip(tmp_path / name, codec, options=options, format=format)
    plain = read_plainly(clip)
    assert [number_in(pixels) for pixels in plain] == list(range(40))
    found = survey(clip, 60, 10**6).table
    assert found.regular == regular or regular is None
    for every in (3, 10):
        frames = list(open_frames(clip, every=every))
        assert [frame.index for frame in frames] == list(range(0, 40, every))
        assert all((frame.pixels == plain[frame.index]).all() for frame in frames)
        assert [frame.time for frame in frames] == pytest.approx(
            [frame.index / 25 for frame in frames], abs=2e-3
        )
    spread = read_frames(clip, 3)
    assert [index for index, _ in spread] == [6, 20, 33]
    assert all((pixels == plain[index]).all() for index, pixels in spread)
    for index in (0, 11, 13, 39):
        assert (read_frame(clip, index) == plain[index]).all()


@pytest.mark.parametrize("name", ["vfr.mp4", "vfr.mkv"])
def test_times_are_those_of_the_clip_where_its_rate_varies(tmp_path, name):
    options = {"x264-params": X264}
    clip = write_clip(tmp_path / name, "libx264", options=options, milliseconds=TIMES)
    frames = list(open_frames(clip, every=3))
    expected = [(TIMES[frame.index] - TIMES[0]) / 1000 for frame in frames]
    assert [frame.time for frame in frames] == pytest.approx(expected, abs=1e-6)
    assert [number_in(frame.pixels) for frame in frames] == list(range(0, 40, 3))


def test_frames_are_those_that_opencv_gives(tmp_path):
    for name, codec, format in (
        ("even.mp4", "libx264", "yuv420p"),
        ("odd.avi", "ffv1", "yuv420p"),
        ("full.avi", "mjpeg", "yuvj420p"),
        ("wide.mp4", "libx264", "yuv444p"),
    ):
        side = 95 if name.startswith("odd") else 96

        def draw(number, side=side):
            return np.ascontiguousarray(picture(number)[:side, : side + 30])

        clip = write_clip(tmp_path / name, codec, 6, format=format, draw=draw)
        capture = cv2.VideoCapture(str(clip))
        for frame in open_frames(clip, every=1):
            assert (frame.pixels[..., ::-1] == capture.read()[1]).all(), name


def test_the_tag_of_the_colours_changes_no_pixel(tmp_path):
    drawn = {}
    for tag in ("bt709", "smpte170m"):
        options = {"x264-params": f"colormatrix={tag}"}
        clip = write_clip(tmp_path / f"{tag}.mp4", "libx264", 2, options=options)
        drawn[tag] = read_frame(clip, 1)
    assert (drawn["bt709"] == drawn["smpte170m"]).all()


def test_only_what_is_needed_is_planned():
    # decode order I0 P4 B2 B1 B3, then an open group: I9 before B7 B6 B8 that are shown before it
    times = np.array([0, 4, 2, 1, 3, 9, 7, 6, 8, 10, *range(30, 60)])
    keys = np.isin(np.arange(40), [0, 5, 10, 39])
    table = PacketTable(times, keys, np.ones(40, bool), np.argsort(times), True)
    first = [(run.first, run.last) for run in plan_runs(table, [9])]
    assert first == [(0, 9)]  # shown at 10: from the I shown at 9, which a short gap parts from 0
    assert [(run.first, run.last) for run in plan_runs(table, [7])] == [(0, 8)]
    assert [(run.first, run.last) for run in plan_runs(table, [39])] == [(0, 0), (39, 39)]
    assert [(run.first, run.last) for run in plan_runs(table, [0, 39])] == [(0, 0), (39, 39)]
    everywhere = PacketTable(times, np.ones(40, bool), keys, np.argsort(times), True)
    assert [run.first for run in plan_runs(everywhere, [20, 25])] == [0, 20, 25]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_plans_hold_all_that_the_frames_need(data):
    count = data.draw(st.integers(1, 60))
    times = np.array(data.draw(st.permutations(range(count))))
    keys = np.array(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    table = PacketTable(times, keys, np.ones(count, bool), np.argsort(times), True)
    wanted = sorted(data.draw(st.sets(st.integers(0, count - 1), min_size=1)))
    runs = plan_runs(table, wanted)
    assert all(run.first <= run.last for run in runs)
    assert all(before.last < after.first for before, after in pairwise(runs))
    for index in wanted:
        position = int(np.argsort(times)[index])
        (run,) = [run for run in runs if run.first <= position <= run.last]
        earlier = [key for key in np.flatnonzero(keys[: position + 1]) if times[key] <= index]
        assert run.first <= (earlier[-1] if earlier else 0)


def test_every_and_count_and_most(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4")
    reader = open_frames(clip, every=3, most=5)
    assert (reader.planned, [frame.index for frame in reader]) == (5, [0, 9, 18, 27, 36])
    assert reader.notices == [
        "One frame in 9 was read instead of one in 3: the clip has 40 frames, and 5 are the most "
        "that are looked at."
    ]
    assert len(list(open_frames(clip, count=100))) == 40
    for asked in ({}, {"every": 2, "count": 2}, {"every": 0}, {"count": 1, "most": 0}):
        with pytest.raises(UsageError, match="every=10"):
            open_frames(clip, **asked)
    with pytest.raises(Rejected, match="no frames: the clip has 40 frames, so none of index 40"):
        read_frame(clip, 40)


def test_a_clip_is_described_and_closed(tmp_path):
    clip = write_clip(tmp_path / "a:b #1.mkv", "libx264")
    described = describe_clip(clip)
    assert (described.width, described.height, described.rotation) == (128, 96, 0)
    assert (described.codec, described.container, described.rate) == ("h264", "matroska", 25)
    assert (described.frames, described.seconds) == (None, pytest.approx(1.6, abs=0.1))
    assert not described.has_sound
    with open_frames(clip, every=5) as frames:
        assert next(iter(frames)).index == 0
    assert list(frames) == []


def test_a_file_object_gives_what_its_path_gives(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", "libx264", options={"x264-params": X264})
    with open(clip, "rb") as stream:
        by_stream = list(open_frames(stream, every=7))
    memory = io.BytesIO(clip.read_bytes())
    assert describe_clip(memory) == describe_clip(clip)
    for frame, other in zip(by_stream, open_frames(memory, every=7), strict=True):
        assert frame.index == other.index
        assert (frame.pixels == read_frame(clip, frame.index)).all()
        assert (frame.pixels == other.pixels).all()


@pytest.mark.parametrize(
    ("degrees", "rotation"), [(90, 270), (180, 180), (270, 90), (-90, 90), (0, 0)]
)
def test_turned_clips_stand_upright(tmp_path, degrees, rotation):
    upright = read_frame(write_clip(tmp_path / "straight.mp4", frames=2), 1)
    clip = write_clip(tmp_path / "turned.mp4", frames=2, turned=degrees)
    described = describe_clip(clip)
    assert described.rotation == rotation
    pixels = read_frame(clip, 1)
    assert (pixels == np.rot90(upright, degrees // 90)).all()
    assert (described.height, described.width) == pixels.shape[:2]


def test_mirrored_matrices():
    stored = np.arange(6).reshape(2, 3)
    one = 65536
    for matrix, expected in (
        ((one, 0, 0, one), stored),
        ((-one, 0, 0, one), stored[:, ::-1]),
        ((one, 0, 0, -one), stored[::-1]),
        ((0, one, one, 0), stored.T),
        ((0, one, -one, 0), np.rot90(stored, -1)),
        ((0, -one, -one, 0), np.rot90(stored, 2).T),
        ((0, 0, 0, 0), stored),
    ):
        assert (turn(stored, matrix) == expected).all(), matrix


@pytest.mark.parametrize(
    ("ratio", "shape"),
    [((16, 11), (96, 186)), ((1, 2), (192, 128)), ((101, 100), (96, 128)), ((50, 1), (96, 128))],
)
def test_pixels_become_square(tmp_path, ratio, shape):
    clip = write_clip(tmp_path / "clip.mp4", frames=2, ratio=Fraction(*ratio))
    reader = open_frames(clip, every=1)
    assert [frame.pixels.shape[:2] for frame in reader] == [shape, shape]
    assert (reader.clip.height, reader.clip.width) == shape
    assert len(reader.notices) == (shape != (96, 128))


@pytest.mark.parametrize(
    ("name", "codec", "format", "notice"),
    [
        ("ten.mp4", "libx264", "yuv420p10le", "10-bit colours"),
        ("grey.mkv", "ffv1", "gray", ""),
        ("deep.mkv", "ffv1", "rgb48le", "16-bit colours"),
        ("clear.mov", "qtrle", "argb", "transparent"),
        ("few.gif", "gif", "rgb8", "transparent"),
    ],
)
def test_every_kind_of_pixel_becomes_rgb(tmp_path, name, codec, format, notice):
    clip = write_clip(tmp_path / name, codec, 3, format=format)
    reader = open_frames(clip, every=1)
    frames = list(reader)
    assert [number_in(frame.pixels) for frame in frames] == [0, 1, 2]
    assert all(frame.pixels.dtype == np.uint8 for frame in frames)
    assert all(frame.pixels.shape == (96, 128, 3) for frame in frames)
    assert (notice in " ".join(reader.notices)) and bool(notice) == bool(reader.notices)


@pytest.mark.parametrize("name", ["cut.mp4", "cut.mkv", "cut.avi"])
def test_a_broken_tail_gives_what_is_before_it_and_says_so(tmp_path, name):
    first = {"movflags": "faststart"} if name.endswith("mp4") else {}
    options = {"x264-params": X264} if name.endswith("mkv") else {}
    codec = "libx264" if name.endswith("mkv") else "mpeg4"
    clip = write_clip(tmp_path / f"whole_{name}", codec, 80, options=options, metadata=first)
    data = clip.read_bytes()
    (tmp_path / name).write_bytes(data[: len(data) * 2 // 3])
    reader = open_frames(tmp_path / name, every=5)
    indices = [frame.index for frame in reader]
    assert indices == list(range(0, 5 * len(indices), 5))
    assert 20 <= indices[-1] <= 65
    assert reader.notices[0].startswith("The clip is not whole: its header promises ")
    plain = read_plainly(clip)
    spread = read_frames(tmp_path / name, 4)
    assert len(spread) == 4
    assert all((pixels == plain[index]).all() for index, pixels in spread)


def test_frames_that_rest_on_damage_are_left_out(tmp_path):
    options = {"x264-params": "bframes=0:keyint=12:scenecut=0"}
    clip = write_clip(tmp_path / "clip.mp4", "libx264", options=options)
    data, plain = bytearray(clip.read_bytes()), read_plainly(clip)
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    (tmp_path / "hurt.mp4").write_bytes(data)
    reader = open_frames(tmp_path / "hurt.mp4", every=1)
    frames = list(reader)
    assert 28 <= len(frames) < 40
    assert all((frame.pixels == plain[frame.index]).all() for frame in frames)
    assert reader.notices == [
        f"{40 - len(frames)} of the 40 frames asked for are damaged and were left out."
    ]
    assert len(read_frames(tmp_path / "hurt.mp4", 20)) == 20  # of the whole ones


def test_a_header_that_promises_another_number_of_frames(tmp_path):
    clip = write_clip(tmp_path / "clip.avi", "mjpeg", format="yuvj420p")
    data = bytearray(clip.read_bytes())
    for header, place in ((b"avih", 24), (b"strh", 40)):
        begin = data.find(header) + place
        data[begin : begin + 4] = struct.pack("<I", 90)
    (tmp_path / "more.avi").write_bytes(data)
    reader = open_frames(tmp_path / "more.avi", count=4)
    assert reader.clip.frames == 90
    assert [frame.index for frame in reader] == [5, 15, 25, 35]
    assert reader.notices == [
        "The clip is not whole: its header promises 90 frames, and 40 are there."
    ]


def test_long_clips_are_refused_before_they_are_decoded(tmp_path):
    slow = [number * 1_500_000 for number in range(30)]  # one frame in 25 minutes: 12 hours
    clip = write_clip(tmp_path / "long.mkv", "mpeg4", 30, milliseconds=slow)
    with pytest.raises(Rejected) as caught:
        open_frames(clip, every=10)
    assert caught.value.reason == "too long"
    assert caught.value.detail.startswith("Its header says that it lasts 12.")
    assert "1.0 hours is the most: cut out the part that matters" in caught.value.detail
    data = bytearray(clip.read_bytes())
    begin = data.find(b"\x44\x89\x88") + 3  # the duration, a double of milliseconds
    data[begin : begin + 8] = struct.pack(">d", 1000.0)
    (tmp_path / "lies.mkv").write_bytes(data)
    assert describe_clip(tmp_path / "lies.mkv").seconds == 1
    with pytest.raises(Rejected, match=r"too long: It lasts 1\.2 hours"):
        open_frames(tmp_path / "lies.mkv", every=10)
    assert len(read_frames(clip, 2)) == 2  # a clip of a dataset may be long


def test_what_is_no_clip_says_what_it_is(tmp_path, capfd):
    silence = np.zeros(16000, np.float32)
    clip = write_clip(tmp_path / "clip.mp4", "mpeg4", 4).read_bytes()
    playlist = f"#EXTM3U\n#EXTINF:5,\nfile://{tmp_path}/clip.mp4\n#EXT-X-ENDLIST\n"
    files = {
        "empty.mp4": (b"", "empty file"),
        "text.mp4": (b"this is no clip", "not a video"),
        "list.mp4": (playlist.encode(), "not a video: it is a list of other files"),
        "join.mp4": (b"ffconcat version 1.0\nfile clip.mp4\n", "not a video: it is a list"),
        "photo.mp4": (cv2.imencode(".png", picture(1))[1].tobytes(), "not a video: it is a pict"),
        "photo.mov": (cv2.imencode(".jpg", picture(1))[1].tobytes(), "not a video: it is a pict"),
        "cut.mp4": (clip[: len(clip) // 2], "truncated: its table of contents is missing"),
        "head.avi": (b"RIFF\0\0\0\0AVI LIST" + bytes(40), "corrupt"),
    }
    for name, (data, message) in files.items():
        (tmp_path / name).write_bytes(data)
        for use in (describe_clip, lambda path: open_frames(path, every=1)):
            with pytest.raises(Rejected) as caught:
                use(tmp_path / name)
            assert str(caught.value).startswith(message), name
    for name, codec in (("sound.wav", "pcm_s16le"), ("sound.mp4", "aac")):
        with pytest.raises(Rejected, match="not a video: it is a sound file"):
            describe_clip(write_sound(tmp_path / name, silence, codec))
    with pytest.raises(FileNotFoundError):
        describe_clip(tmp_path / "nowhere.mp4")
    assert capfd.readouterr() == ("", "")


def test_a_clip_without_a_single_frame(tmp_path):
    clip = write_clip(tmp_path / "clip.avi", "mjpeg", 3, format="yuvj420p")
    data = clip.read_bytes()
    begin = data.find(b"movi")
    (tmp_path / "none.avi").write_bytes(data[: begin + 4] + bytes(len(data) - begin - 4))
    for use in (describe_clip, lambda path: read_frames(path, 3)):
        with pytest.raises(Rejected) as caught:
            use(tmp_path / "none.avi")
        assert caught.value.reason == "no frames"


def test_large_frames_are_refused_before_they_are_decoded(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", frames=3)
    for use in (
        lambda: describe_clip(clip, most_pixels=7_000),
        lambda: open_frames(clip, every=1, most_pixels=7_000),
    ):
        with pytest.raises(Rejected, match="too large: frames of 128 x 96 pixels, and 7,000"):
            use()
    assert len(list(open_frames(clip, every=1, most_pixels=100_000))) == 3


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_mutated_clips_give_frames_or_a_reason(tmp_path_factory, data):
    clip = bytearray(CLIP_BYTES[0] if CLIP_BYTES else _remember(tmp_path_factory))
    for _ in range(data.draw(st.integers(1, 12))):
        place = data.draw(st.integers(0, len(clip) - 1))
        clip[place] = data.draw(st.integers(0, 255))
    clip = clip[: data.draw(st.integers(len(clip) // 2, len(clip)))]
    try:
        frames = list(open_frames(io.BytesIO(bytes(clip)), every=4, most=6, most_pixels=10**6))
    except Rejected as rejected:
        assert rejected.reason
    else:
        assert 1 <= len(frames) <= 6
        assert all(frame.pixels.dtype == np.uint8 for frame in frames)


CLIP_BYTES: list[bytes] = []


def _remember(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("mutated") / "clip.mp4"
    options = {"x264-params": X264}
    write_clip(path, "libx264", 12, options=options, metadata={"movflags": "faststart"})
    CLIP_BYTES.append(path.read_bytes())
    return CLIP_BYTES[0]


def test_real_clips_are_what_opencv_reads(shared_data):
    for name in ("real/004.mp4", "fake/519_515.mp4"):  # the second needs its first packet
        path = shared_data / "videos_ffpp_c23" / name
        capture = cv2.VideoCapture(str(path))
        wanted = dict(read_frames(path, 1))
        for index in range(max(wanted) + 1):
            assert capture.grab()
            if index in wanted:
                assert (capture.retrieve()[1][..., ::-1] == wanted[index]).all(), path.name
