"""Decodes wanted frames: by a plan where packets tell which frame is which, else by counting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType, VideoFrame

from .container import Source, open_container, prepare_decoder, video_stream
from .packets import PacketTable, Run, Survey, plan_runs, video_packets

# Here the decoder may leave out frames that no other one refers to.
SKIPPABLE = frozenset({"h264", "mpeg4", "mpeg1video", "mpeg2video"})
USUAL_RATE = 25.0


@dataclass(frozen=True)
class Decoded:
    """A frame as the decoder gives it, with its index and its seconds from the first one."""

    index: int
    time: float
    frame: VideoFrame


class _Unreliable(Exception):
    """Decoding began at a packet that is no true beginning."""


class _Decoder:
    """A decoder that knows what rests on damaged frames: all up to the next whole beginning.

    FFmpeg fills damaged parts with what was there before, which looks like a face that melts.
    """

    def __init__(self, context: VideoCodecContext):
        self.context = context
        self.skip = "NONREF" if _may_skip(context) else "DEFAULT"
        self._damaged = False

    def decode(self, packet: av.Packet | None) -> Iterator[tuple[VideoFrame, bool]]:
        """Yields frames, and whether each is whole; None gives what the decoder still holds."""
        if packet is not None and packet.is_corrupt:
            self._damaged = True
        try:
            frames = self.context.decode(packet)
        except av.error.FFmpegError:
            self._damaged = True
            return
        for frame in frames:
            self._damaged = frame.is_corrupt or (self._damaged and not frame.key_frame)
            yield frame, not self._damaged

    def begin_anew(self) -> None:
        """Forgets all frames: the next packet is one that decoding can begin at."""
        self.context.flush_buffers()
        self._damaged = False


def _may_skip(context: VideoCodecContext) -> bool:
    """Whether a frame called unreferenced is referred to by none that may be wanted.

    HEVC means only: by none of its own layer in time. So there must be one layer, which byte 21
    of the header that mp4 and mkv hold (ISO/IEC 14496-15, 8.3.3.1) tells.
    """
    header = context.extradata or b""
    if context.name == "hevc":
        return len(header) > 22 and header[0] == 1 and header[21] >> 3 & 7 == 1
    return context.name in SKIPPABLE


def decode_wanted(
    source: Source, found: Survey, wanted: np.ndarray, most_pixels: int
) -> Iterator[Decoded]:
    """Yields the frames of the indices `wanted` (rising), but those that cannot be decoded."""
    if not found.table.regular:
        yield from _counted(source, found, wanted, most_pixels)
        return
    last = -1
    try:
        for decoded in _rising(_planned(source, found, wanted, most_pixels, jump=True)):
            last = decoded.index
            yield decoded
    except _Unreliable:
        rest = wanted[wanted > last]
        yield from _rising(_planned(source, found, rest, most_pixels, jump=False))


def _rising(frames: Iterator[Decoded]) -> Iterator[Decoded]:
    """Leaves frames out that come too late for their time stamp, which is damaged then."""
    last = -1
    for decoded in frames:
        if decoded.index > last:
            last = decoded.index
            yield decoded


def decodable(source: Source, found: Survey, most_pixels: int) -> np.ndarray:
    """Decodes the whole clip and returns the indices of all undamaged frames."""
    everything = np.arange(2 * len(found.table.times))  # at most two frames a packet
    if found.table.regular:
        everything = everything[: len(found.table.shown)]
    frames = decode_wanted(source, found, everything, most_pixels)
    return np.array([decoded.index for decoded in frames], int)


def _planned(
    source: Source, found: Survey, wanted: np.ndarray, most_pixels: int, jump: bool
) -> Iterator[Decoded]:
    if not len(wanted):
        return
    table = found.table
    runs = plan_runs(table, wanted)
    if not jump:
        runs = [Run(0, max(run.last for run in runs))]
    indices = {
        int(table.times[position]): int(index)
        for index, position in zip(wanted, table.shown[wanted], strict=True)
        if table.good[position]
    }
    with open_container(source, most_pixels) as container:
        stream = video_stream(container, most_pixels)
        prepare_decoder(stream, most_pixels)
        base = float(stream.time_base)
        packets = enumerate(video_packets(container, stream))
        decoder = _Decoder(stream.codec_context)
        for run in runs:
            for frame in _decode_run(packets, run, table, indices, decoder):
                time = frame.pts * base - found.first_time
                yield Decoded(indices.pop(frame.pts), time, frame)


def _decode_run(
    packets: Iterator[tuple[int, av.Packet]],
    run: Run,
    table: PacketTable,
    wanted: dict[int, int],
    decoder: _Decoder,
) -> Iterator[VideoFrame]:
    """Yields the wanted frames of one run that are whole."""
    start = int(table.times[run.first])
    trusted = run.first == 0
    for frame, whole in _frames_of(packets, run, wanted, decoder):
        if not trusted and frame.pts == start:
            trusted = whole and _begins_anew(frame)
        if frame.pts in wanted and not trusted:
            raise _Unreliable
        if frame.pts in wanted and whole:
            yield frame
    if not trusted:
        raise _Unreliable


def _frames_of(
    packets: Iterator[tuple[int, av.Packet]], run: Run, wanted: dict[int, int], decoder: _Decoder
) -> Iterator[tuple[VideoFrame, bool]]:
    """Decodes the packets of one run; skips what neither is wanted nor referred to."""
    for position, packet in packets:
        if position < run.first:
            continue
        needed = position == run.first or packet.pts in wanted
        decoder.context.skip_frame = "DEFAULT" if needed else decoder.skip
        yield from decoder.decode(packet)
        if position >= run.last:
            break
    yield from decoder.decode(None)
    decoder.begin_anew()


def _begins_anew(frame: VideoFrame) -> bool:
    if frame.pict_type == PictureType.NONE:
        return frame.key_frame
    return frame.pict_type == PictureType.I


def _counted(
    source: Source, found: Survey, wanted: np.ndarray, most_pixels: int
) -> Iterator[Decoded]:
    """Decodes everything up to the last wanted frame and counts."""
    asked = {int(index) for index in wanted}
    last, time = max(asked, default=-1), 0.0
    step = 1 / (found.clip.rate or USUAL_RATE)
    first = None
    for index, (frame, whole) in enumerate(_all_frames(source, most_pixels)):
        if index > last:
            return
        if index:
            time += step
        if frame.time is not None:
            first = frame.time if first is None else first
            # Times that jump back (clips joined without mending them) go on by one step.
            time = frame.time - first if frame.time - first > time - step else time
        if index in asked and whole:
            yield Decoded(index, time, frame)


def _all_frames(source: Source, most_pixels: int) -> Iterator[tuple[VideoFrame, bool]]:
    with open_container(source, most_pixels) as container:
        stream = video_stream(container, most_pixels)
        prepare_decoder(stream, most_pixels)
        decoder = _Decoder(stream.codec_context)
        for packet in video_packets(container, stream):
            yield from decoder.decode(packet)
        yield from decoder.decode(None)
