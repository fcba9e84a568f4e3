"""Sound tracks: what is heard, and when, on the clock of the frames."""

from __future__ import annotations

import io

import numpy as np
import pytest
from drawn_clips import write_clip, write_sound
from unmask.media import Rejected
from unmask.media.videos import describe_clip, read_sound

RATE = 16_000
CLICK = np.zeros(2 * RATE, np.float32)
CLICK[RATE : RATE + 40] = 0.9


@pytest.mark.parametrize(
    ("name", "codec", "sound_codec"),
    [
        ("clip.mp4", "libx264", "aac"),
        ("clip.mkv", "mpeg4", "flac"),
        ("clip.ts", "mpeg2video", "mp2"),  # begins before its first frame
        ("clip.webm", "libvpx-vp9", "libopus"),
    ],
)
def test_a_click_is_heard_when_it_was_made(tmp_path, name, codec, sound_codec):
    options = {"deadline": "realtime", "cpu-used": "8"} if "vpx" in codec else None
    clip = write_clip(
        tmp_path / name, codec, 50, options=options, sound=CLICK, sound_codec=sound_codec
    )
    assert describe_clip(clip).has_sound
    sound = read_sound(clip)
    assert (sound.rate, sound.samples.dtype, sound.samples.ndim) == (RATE, np.float32, 1)
    loudest = int(np.abs(sound.samples).argmax())
    assert sound.start + loudest / sound.rate == pytest.approx(1, abs=0.005)
    assert len(sound.samples) / sound.rate == pytest.approx(2, abs=0.06)
    assert 0.5 < np.abs(sound.samples).max() <= 1


def test_other_rates_become_16_khz(tmp_path):
    tone = np.sin(np.arange(2 * RATE) * 2 * np.pi * 440 / RATE).astype(np.float32) / 2
    sound = read_sound(write_sound(tmp_path / "tone.mp3", tone, "libmp3lame"))
    spectrum = np.abs(np.fft.rfft(sound.samples[4000 : 4000 + RATE]))
    assert (spectrum.argmax(), sound.start) == (440, pytest.approx(0, abs=0.1))
    sound = read_sound(write_sound(tmp_path / "tone.ogg", tone, "libopus"))  # opus is at 48 kHz
    assert np.abs(np.fft.rfft(sound.samples[4000 : 4000 + RATE])).argmax() == 440


def test_sound_is_capped(tmp_path):
    clip = write_clip(tmp_path / "clip.mkv", frames=50, sound=CLICK)
    assert len(read_sound(clip, most_seconds=0.5).samples) == RATE // 2
    assert len(read_sound(io.BytesIO(clip.read_bytes()), most_seconds=9).samples) == 2 * RATE


def test_a_clip_without_sound_and_files_that_are_none(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4", frames=3)
    assert not describe_clip(clip).has_sound
    assert read_sound(clip) is None
    (tmp_path / "text.mp4").write_bytes(b"this is no clip")
    with pytest.raises(Rejected, match="not a video"):
        read_sound(tmp_path / "text.mp4")


def test_a_track_that_breaks_off_gives_its_readable_part(tmp_path):
    data = write_clip(tmp_path / "clip.mkv", frames=50, sound=CLICK).read_bytes()
    (tmp_path / "cut.mkv").write_bytes(data[: len(data) * 3 // 4])
    sound = read_sound(tmp_path / "cut.mkv")
    assert 1.1 < len(sound.samples) / RATE < 1.9
    assert np.abs(sound.samples).argmax() == pytest.approx(RATE, abs=40)


def test_gaps_are_silence(tmp_path):
    clip = write_clip(
        tmp_path / "clip.mkv", frames=50, sound=CLICK, sound_codec="pcm_s16le", gap=(4, 8)
    )
    sound = read_sound(clip)
    assert np.abs(sound.samples).argmax() == pytest.approx(RATE, abs=2)
    assert len(sound.samples) == 2 * RATE
