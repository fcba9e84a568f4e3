"""The sound track of a clip, as one row of numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from av.stream import Disposition

from .container import Source, open_container

RATE = 16_000
SMALLEST_GAP = 0.1  # seconds; shorter ones are rounding of time stamps


@dataclass(frozen=True)
class Sound:
    """A sound track.

    Attributes:
        samples: float32 `[n]`, mono, -1 to 1.
        rate: samples a second.
        start: when the first sample is heard, in seconds from the clip's first frame.
    """

    samples: np.ndarray
    rate: int
    start: float


def read_sound(path: Source, *, most_seconds: float = 600) -> Sound | None:
    """Returns the first sound track, mixed to mono; None when there is none, or none to decode.

    A track that breaks off gives its readable part; gaps in it are filled with silence, so that
    sample `i` is heard `start + i / rate` seconds after the first frame.

    Args:
        path: a path, or a binary file object that can seek.
        most_seconds: what comes later is left out.

    Raises:
        Rejected: "empty file", "not a video", "truncated" or "corrupt".
        OSError: the file cannot be read.
    """
    with open_container(path) as container:
        streams = [stream for stream in container.streams.audio if stream.codec_context]
        if not streams:
            return None
        chunks, start = _chunks(container, streams[0], int(most_seconds * RATE))
        if not chunks:
            return None
        first_frame = _first_frame_time(container)
    samples = np.clip(np.concatenate(chunks)[: int(most_seconds * RATE)], -1, 1)
    return Sound(samples, RATE, start - first_frame if first_frame is not None else 0.0)


def _chunks(
    container: InputContainer, stream: av.AudioStream, most: int
) -> tuple[list[np.ndarray], float]:
    """Returns pieces of at least `most` samples, or all, and the time of the first one."""
    chunks: list[np.ndarray] = []
    start, have = 0.0, 0
    resampler = AudioResampler(format="flt", layout="mono", rate=RATE)
    for frame in _frames(container, stream):
        if not chunks:
            start = frame.time or 0.0
        gap = 0 if frame.time is None else int((frame.time - start) * RATE) - have
        if chunks and gap > SMALLEST_GAP * RATE:
            chunks.append(np.zeros(min(gap, most - have), np.float32))
            have += len(chunks[-1])
        frame.pts = None  # gaps are filled above
        try:
            parts = resampler.resample(frame)
        except (ValueError, av.error.FFmpegError):  # from here on in another rate or layout
            resampler = AudioResampler(format="flt", layout="mono", rate=RATE)
            parts = resampler.resample(frame)
        chunks += [part.to_ndarray().reshape(-1) for part in parts]
        have += sum(part.samples for part in parts)
        if have >= most:
            return chunks, start
    if chunks:
        chunks += [part.to_ndarray().reshape(-1) for part in resampler.resample(None)]
    return chunks, start


def _frames(container: InputContainer, stream: av.AudioStream) -> Iterator[av.AudioFrame]:
    try:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.error.FFmpegError:
                continue  # a damaged packet: the gap is filled with silence
    except av.error.FFmpegError:
        return


def _first_frame_time(container: InputContainer) -> float | None:
    for stream in container.streams.video:
        cover = stream.disposition & Disposition.attached_pic
        if stream.start_time is not None and not cover:
            return float(stream.start_time * stream.time_base)
    return None
