"""What a clip's header and its first frame say."""

from __future__ import annotations

from dataclasses import dataclass

import av
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from .. import Rejected
from .container import MOST_PIXELS, Source, open_container, prepare_decoder, video_stream
from .pixels import Upright

TRIED_PACKETS = 600  # until the first frame must have come out


@dataclass(frozen=True)
class Clip:
    """A clip, before its frames are read.

    Attributes:
        width, height: of the upright frames, pixels square, in pixels.
        seconds: as the header promises; None where it says nothing.
        frames: as the header promises; None where it says nothing.
        rate: frames a second, on average; None where the header says nothing.
        codec: as "h264".
        container: as "mov" or "matroska".
        rotation: degrees by which the stored frames are turned clockwise to stand upright.
        has_sound: whether there is a sound track.
    """

    width: int
    height: int
    seconds: float | None
    frames: int | None
    rate: float | None
    codec: str
    container: str
    rotation: int
    has_sound: bool


def describe_clip(path: Source, *, most_pixels: int = MOST_PIXELS) -> Clip:
    """Reads the header and one frame of a clip.

    Args:
        path: a path, or a binary file object that can seek.
        most_pixels: larger frames are rejected before any is decoded.

    Raises:
        Rejected: "empty file", "not a video", "no video stream", "no frames", "too large",
            "truncated" or "corrupt"; its detail says what to do.
        OSError: the file cannot be read.
    """
    with open_container(path, most_pixels) as container:
        stream = video_stream(container, most_pixels)
        prepare_decoder(stream, most_pixels, threads=1)
        return clip_of(container, stream, _first_frame(container, stream))


def clip_of(container: InputContainer, stream: VideoStream, frame: VideoFrame) -> Clip:
    """Returns what is known of an open clip of which one frame was decoded."""
    upright = Upright(stream.sample_aspect_ratio)
    height, width = upright.shape(frame)
    rate = stream.average_rate or stream.guessed_rate
    return Clip(
        width=width,
        height=height,
        seconds=promised_seconds(container, stream),
        frames=stream.frames or None,
        rate=float(rate) if rate else None,
        codec=stream.codec_context.codec.canonical_name,
        container=container.format.name.split(",")[0],
        rotation=upright.rotation(frame),
        has_sound=len(container.streams.audio) > 0,
    )


def promised_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    """Returns the duration that the header gives for the picture, else for the whole clip."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return container.duration / av.time_base if container.duration else None


def no_frames() -> Rejected:
    """Returns what to raise when not one frame could be decoded."""
    return Rejected(
        "no frames",
        "not one frame can be decoded, because the clip is damaged or its frames are far too "
        "large: copy or export it again",
    )


def _first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame:
    for number, packet in enumerate(container.demux(stream)):
        try:
            for frame in packet.decode():
                return frame
        except av.error.FFmpegError:
            pass  # damaged packets at the beginning: a later one may be whole
        if number >= TRIED_PACKETS:
            break
    raise no_frames()
