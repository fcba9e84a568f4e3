"""Opens a clip's container: only kinds that are whole in one file, and never another file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import av
from av.container import Flags, InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from .. import Rejected

Source = str | Path | BinaryIO

# One frame of 8K fits, upright or turned; the decoder keeps several of them at a time.
MOST_PIXELS = 8192 * 4608
# A playlist (m3u8, mpd, concat, sdp) would make the library open other files and addresses, and
# pictures have a decoder of their own: so only these containers are tried.
# fmt: off
CONTAINERS = (
    "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "asf", "flv", "live_flv", "mpeg", "mpegts",
    "mpegvideo", "m4v", "h261", "h263", "h264", "hevc", "vvc", "av1", "obu", "ivf", "ogg", "gif",
    "apng", "mxf", "nut", "rm", "swf", "wtv", "dv", "gxf", "vc1", "vc1test", "mjpeg", "mjpeg_2000",
    "yuv4mpegpipe", "dirac", "cavsvideo", "avs2", "avs3", "nsv", "nuv", "roq", "smk", "bink",
    "amv", "ty", "pva", "ivr", "lxf", "dhav", "dnxhd", "webp", "jpegxl_anim",
    # sound only: opened so that the message can say what they are
    "mp3", "wav", "flac", "aac", "aiff", "amr", "amrnb", "amrwb", "au", "caf", "w64", "wv", "ape",
    "ac3", "eac3", "dts", "tta", "voc", "mpc", "mpc8", "dsf", "tak", "oma",
)
# fmt: on
# fmt: off
NEVER_REORDERED = frozenset({
    "mjpeg", "prores", "dnxhd", "ffv1", "rawvideo", "png", "qtrle", "huffyuv", "utvideo", "dvvideo",
    "h263", "flv", "wmv2", "msmpeg4v3",
})
# fmt: on
SIGNATURES = {
    "a picture": (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II*\0", b"MM\0*"),
    "a list of other files": (b"#EXTM3U", b"ffconcat", b"<?xml", b"<MPD", b"v=0"),
}
KNOWN_BEGINNINGS = (b"\x1aE\xdf\xa3", b"OggS", b"FLV", b"GIF8", b"\0\0\1\xba", b"0&\xb2u")


def open_container(source: Source, most_pixels: int = MOST_PIXELS) -> InputContainer:
    """Opens a clip or a sound file; close it after use.

    Args:
        source: a path, or a binary file object that can seek.
        most_pixels: the decoder refuses frames with more.

    Raises:
        Rejected: "empty file", "not a video", "truncated" or "corrupt".
        OSError: the file cannot be read.
    """
    beginning = _beginning(source)
    if not beginning:
        raise Rejected("empty file")
    options = {
        "format_whitelist": ",".join(CONTAINERS),
        "protocol_whitelist": "file",
        "max_pixels": _decoders_limit(most_pixels),
    }
    # "file:" keeps a name such as "a:b.mp4" from being taken for an address.
    name = source if hasattr(source, "read") else "file:" + os.path.abspath(source)
    try:
        return av.open(name, options=options, metadata_errors="replace")
    except (av.error.FFmpegError, ValueError) as error:
        raise _reason(beginning) from error


def video_stream(container: InputContainer, most_pixels: int = MOST_PIXELS) -> VideoStream:
    """Returns the first moving picture of the container; a sound file's cover is none.

    Raises:
        Rejected: "not a video" (it is a sound file), "no video stream", "no frames" or "too
            large".
    """
    moving = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic
    ]
    if not moving and container.streams.audio:
        raise Rejected(
            "not a video", "it is a sound file without a moving picture: give the clip itself"
        )
    if not moving:
        raise Rejected(
            "no video stream",
            f"the container ({container.format.name.split(',')[0]}) holds no moving picture: "
            "export the clip again with its picture",
        )
    stream = moving[0]
    if stream.codec_context is None:
        raise Rejected("no frames", "no decoder here knows its codec: save it as H.264 (.mp4)")
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height > most_pixels:
        raise Rejected(
            "too large",
            f"frames of {width} x {height} pixels, and {most_pixels:,} pixels are the most: "
            "save it smaller",
        )
    return stream


def prepare_decoder(stream: VideoStream, most_pixels: int, threads: int | None = None) -> None:
    """Sets threads and limits before the first packet is read."""
    context = stream.codec_context
    if context.name not in NEVER_REORDERED:
        # Times that the container does not hold (AVI) are guessed wrongly where frames are
        # decoded in another order than they are shown: better none, and frames are counted.
        flags = stream.container.flags | Flags.no_fillin.value
        stream.container.flags = flags & ~Flags.gen_pts.value
    pixels = max(1, context.width * context.height)
    # Each thread holds frames of its own: fewer for large ones, so that memory stays bounded.
    fitting = max(1, min(os.cpu_count() or 1, 8, 32_000_000 // pixels))
    context.thread_type = "AUTO"
    context.thread_count = fitting if threads is None else threads
    context.options = {"max_pixels": _decoders_limit(most_pixels)}


def _decoders_limit(most_pixels: int) -> str:
    # Twice as many: the decoder counts its margins too, and where the library opens a frame
    # somewhat too large, its size can be told.
    return str(2 * most_pixels)


def _beginning(source: Source) -> bytes:
    if hasattr(source, "read"):
        source.seek(0)
        beginning = source.read(16)
        source.seek(0)
        return beginning
    with open(source, "rb") as stream:
        return stream.read(16)


def _reason(beginning: bytes) -> Rejected:
    for what, signatures in SIGNATURES.items():
        if beginning.startswith(signatures):
            return Rejected("not a video", f"it is {what}")
    if beginning[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free"):
        return Rejected(
            "truncated", "its table of contents is missing: the copy or the recording broke off"
        )
    if beginning.startswith(KNOWN_BEGINNINGS) or beginning[8:12] == b"AVI ":
        return Rejected("corrupt", "its header cannot be read: copy or export it again")
    return Rejected("not a video", "no container of moving pictures that Unmask opens")
