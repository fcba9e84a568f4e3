"""The packets of a clip, read without decoding: which frame is which, and what it needs."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from .. import Rejected
from .clip import TRIED_PACKETS, Clip, clip_of, no_frames, promised_seconds
from .container import NEVER_REORDERED, Source, open_container, prepare_decoder, video_stream

# A table of more would itself eat memory.
MOST_PACKETS = 4_000_000
# One packet, one frame: else frames are counted as they come out of the decoder.
# fmt: off
REGULAR_CODECS = frozenset({
    "h264", "hevc", "vp9", "av1", "mpeg4", "mpeg1video", "mpeg2video", *NEVER_REORDERED,
})
# fmt: on
# Decoding on is cheaper than emptying the decoder and beginning anew for gaps up to this.
SHORT_GAP = 16
UNKNOWN = np.iinfo(np.int64).min


@dataclass(frozen=True)
class PacketTable:
    """One entry a packet, in the order they are decoded.

    Attributes:
        times: int64, when the frame is shown, in ticks of the stream.
        keys: bool, whether decoding can begin here.
        good: bool, whether its frame is shown and its bytes are whole.
        shown: int64, positions of the packets whose frames are shown, in order of time: the
            frame of index i is that of packet `shown[i]`.
        regular: whether that order can be told from the packets alone.
    """

    times: np.ndarray
    keys: np.ndarray
    good: np.ndarray
    shown: np.ndarray
    regular: bool


@dataclass(frozen=True)
class Survey:
    """What reading a clip once, decoding one frame, tells.

    Attributes:
        clip: header and first frame.
        table: its packets.
        seconds: from the first to the last frame, by the packets' own times.
        first_time: of the earliest frame, in seconds of the container's clock.
        pixel_ratio: width of a stored pixel in heights; None where the header says nothing.
        notices: sentences about the clip as a whole.
    """

    clip: Clip
    table: PacketTable
    seconds: float
    first_time: float
    pixel_ratio: Fraction | None
    notices: list[str]


@dataclass(frozen=True)
class Run:
    """Packets `first` to `last`, both included, that are decoded in one go."""

    first: int
    last: int


def survey(source: Source, longest_seconds: float, most_pixels: int) -> Survey:
    """Reads all packets of a clip once and decodes its first frame.

    Raises:
        Rejected: as `describe_clip`, or "too long".
        OSError: the file cannot be read.
    """
    with open_container(source, most_pixels) as container:
        stream = video_stream(container, most_pixels)
        promised = promised_seconds(container, stream)
        if promised is not None and promised > longest_seconds:
            raise too_long(promised, longest_seconds, "Its header says that it lasts")
        prepare_decoder(stream, most_pixels, threads=1)
        return _read(container, stream, longest_seconds)


def too_long(seconds: float, longest: float, says: str = "It lasts") -> Rejected:
    """Returns what to raise for a clip that lasts too long."""
    return Rejected(
        "too long",
        f"{says} {_span(seconds)}, and {_span(longest)} is the most: cut out the part that matters",
    )


def plan_runs(table: PacketTable, wanted: Sequence[int]) -> list[Run]:
    """Returns the packets to decode for the frames of the indices `wanted` (rising).

    A frame needs all packets since the last one that decoding can begin at and that is shown no
    later than it: frames that are decoded after such a packet and shown before it (an open group
    of pictures) need the one before. The first packet is always decoded: there x264 writes its
    version, by which FFmpeg tells how an early one coded full colour. FaceForensics++ is such.
    """
    keys = np.flatnonzero(table.keys)
    gap = 0 if table.keys.all() else SHORT_GAP
    runs = [Run(0, 0)]
    for first, last in sorted(_needed(table, keys, int(table.shown[index])) for index in wanted):
        if first <= runs[-1].last + gap:
            runs[-1] = Run(runs[-1].first, max(runs[-1].last, last))
        else:
            runs.append(Run(first, last))
    return runs


def _needed(table: PacketTable, keys: np.ndarray, position: int) -> tuple[int, int]:
    number = int(np.searchsorted(keys, position, side="right")) - 1
    while number >= 0 and table.times[keys[number]] > table.times[position]:
        number -= 1
    return (int(keys[number]) if number >= 0 else 0), position


def _read(container: InputContainer, stream: VideoStream, longest: float) -> Survey:
    times, keys, shown, good = array("q"), bytearray(), bytearray(), bytearray()
    ticks = longest / float(stream.time_base)
    earliest, frame = None, None
    for packet in video_packets(container, stream):
        if frame is None and len(times) < TRIED_PACKETS:
            frame = _try_to_decode(packet)
        time = packet.pts if packet.pts is not None else UNKNOWN
        times.append(time)
        keys.append(packet.is_keyframe)
        shown.append(not packet.is_discard)
        good.append(not packet.is_corrupt)
        if time != UNKNOWN and shown[-1]:
            earliest = time if earliest is None else min(earliest, time)
            if time - earliest > ticks:
                raise too_long((time - earliest) * float(stream.time_base), longest)
        if len(times) >= MOST_PACKETS:
            raise too_long(longest, longest, f"It holds more than {MOST_PACKETS:,} frames in")
    frame = frame or _last_frame(stream)
    clip = clip_of(container, stream, frame)
    # An interlaced frame may come in two packets.
    regular = clip.codec in REGULAR_CODECS and not frame.interlaced_frame
    table = _table(times, keys, shown, good, regular)
    span = _seconds(table, stream, clip)
    if span > longest:
        raise too_long(span, longest)
    first = float((earliest or 0) * stream.time_base)
    notices = _broken_tail(clip, table, span)
    return Survey(clip, table, span, first, stream.sample_aspect_ratio, notices)


def video_packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet]:
    """Yields the packets that hold something: an empty one repeats the frame before it."""
    try:
        for packet in container.demux(stream):
            if packet.size:
                yield packet
    except av.error.FFmpegError:
        return  # the rest cannot be read; `_broken_tail` says so


def _try_to_decode(packet: av.Packet) -> av.VideoFrame | None:
    try:
        return next(iter(packet.decode()), None)
    except av.error.FFmpegError:
        return None


def _last_frame(stream: VideoStream) -> av.VideoFrame:
    """What the decoder of a very short clip still holds."""
    try:
        for frame in stream.codec_context.decode(None):
            return frame
    except av.error.FFmpegError:
        pass
    raise no_frames()


def _table(
    times: array, keys: bytearray, shown: bytearray, good: bytearray, regular: bool
) -> PacketTable:
    moments = np.frombuffer(times, np.int64) if times else np.zeros(0, np.int64)
    visible = np.flatnonzero(np.frombuffer(bytes(shown), bool))
    order = visible[np.argsort(moments[visible], kind="stable")]
    of_shown = moments[order]
    unique = bool((np.diff(of_shown) > 0).all()) and UNKNOWN not in of_shown
    return PacketTable(
        times=moments,
        keys=np.frombuffer(bytes(keys), bool),
        good=np.frombuffer(bytes(good), bool),
        shown=order,
        regular=regular and unique,
    )


def _seconds(table: PacketTable, stream: VideoStream, clip: Clip) -> float:
    known = table.times[table.times != UNKNOWN]
    if len(known):
        return float(int(known.max() - known.min()) * stream.time_base)
    return len(table.times) / clip.rate if clip.rate else 0.0


def _broken_tail(clip: Clip, table: PacketTable, span: float) -> list[str]:
    """One sentence when less can be read than the header promises, else nothing."""
    whole = int(table.good.sum())
    if clip.frames is not None and clip.frames > whole:
        return [
            f"The clip is not whole: its header promises {clip.frames} frames, and {whole} are "
            "there."
        ]
    if clip.frames is None and clip.seconds and clip.container != "mpegts":
        missing = clip.seconds - span
        if missing > max(1.0, 0.05 * clip.seconds):
            return [
                f"The clip is not whole: its header promises {clip.seconds:.1f} seconds, and the "
                f"last frame comes after {span:.1f}."
            ]
    return []


def _span(seconds: float) -> str:
    if seconds >= 3600:
        return f"{seconds / 3600:.1f} hours"
    return f"{seconds / 60:.1f} minutes" if seconds >= 60 else f"{seconds:.1f} seconds"
