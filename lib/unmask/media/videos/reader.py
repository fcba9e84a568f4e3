"""Some frames of a clip, one after the other, with no more decoded than they need."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ...errors import UsageError
from .clip import no_frames
from .container import MOST_PIXELS, Source
from .decoding import decodable, decode_wanted
from .packets import Survey, survey
from .pixels import Upright

LONGEST_SECONDS = 3600.0


@dataclass(frozen=True)
class Frame:
    """One frame of a clip.

    Attributes:
        index: from 0, in the order in which frames are shown.
        time: seconds from the clip's first frame, by the clip's own time stamps.
        pixels: uint8 `[height, width, 3]`, RGB, upright, pixels square.
    """

    index: int
    time: float
    pixels: np.ndarray


class FrameReader:
    """Gives the wanted frames in one pass, in order; made by `open_frames`.

    Attributes:
        clip: what the header and the first frame say.
        planned: how many frames it is about to give when none is damaged.
        notices: sentences on what is wrong with the clip and on what was converted; complete
            after the last frame.
        damage: those of them that say that frames are missing or damaged.

    Example:
        with open_frames("clip.mp4", every=10) as frames:
            for frame in frames:
                print(frame.index, frame.time, frame.pixels.shape)
        print(frames.notices)
    """

    def __init__(self, source: Source, wanted: np.ndarray, found: Survey, most_pixels: int):
        self.clip = found.clip
        self.planned = len(wanted)
        self.notices, self.damage = list(found.notices), list(found.notices)
        self._frames = self._read(source, wanted, found, most_pixels)

    def __iter__(self) -> Iterator[Frame]:
        return self._frames

    def __enter__(self) -> FrameReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the clip; no more frames come."""
        self._frames.close()

    def _read(
        self, source: Source, wanted: np.ndarray, found: Survey, most_pixels: int
    ) -> Iterator[Frame]:
        upright = Upright(found.pixel_ratio)
        given = 0
        for decoded in decode_wanted(source, found, wanted, most_pixels):
            if not given:
                self.notices += upright.notices(decoded.frame)
            given += 1
            yield Frame(decoded.index, decoded.time, upright.pixels(decoded.frame))
        if not given:
            raise no_frames()
        if given < self.planned:
            told = (
                f"{self.planned - given} of the {self.planned} frames asked for are damaged and "
                "were left out."
            )
            self.notices.append(told)
            self.damage.append(told)


def open_frames(
    path: Source,
    *,
    every: int | None = None,
    count: int | None = None,
    longest_seconds: float = LONGEST_SECONDS,
    most: int | None = None,
    most_pixels: int = MOST_PIXELS,
) -> FrameReader:
    """Opens a clip for reading every n-th frame, or some evenly spaced ones.

    All packets are read once without decoding, so that index, time and number of frames are
    those of the clip and not what its header promises. The frames then come one by one: memory
    does not grow with the clip.

    Args:
        path: a path, or a binary file object that can seek; leave it open while reading.
        every: frames 0, n, 2n and so on.
        count: this many frames from the middles of as many equal parts, or all of a shorter clip.
        longest_seconds: a clip that lasts longer is rejected before anything is decoded.
        most: with `every`, at most this many frames: n becomes a multiple of itself that allows
            it, and a notice says so.
        most_pixels: larger frames are rejected before any is decoded.

    Raises:
        UsageError: not exactly one of `every` and `count`, or a number below 1.
        Rejected: as `describe_clip`, or "too long"; "no frames" may come at the end of reading.
        OSError: the file cannot be read.
    """
    numbers = [number for number in (every, count) if number is not None]
    if len(numbers) != 1 or min(numbers) < 1 or (most is not None and most < 1):
        raise UsageError(
            f"Frames were asked for with every={every}, count={count}, most={most}.",
            expected="either every or count, and whole numbers of at least 1",
            fix="use every=10, or count=8",
        )
    notices: list[str] = []

    def choose(total: int) -> np.ndarray:
        if count is not None:
            return _evenly_spaced(total, count)
        step = every
        if most is not None and math.ceil(total / every) > most:
            step = every * math.ceil(math.ceil(total / every) / most)
            notices.append(
                f"One frame in {step} was read instead of one in {every}: the clip has {total} "
                f"frames, and {most} are the most that are looked at."
            )
        return np.arange(0, total, step)

    reader = open_chosen(path, choose, longest_seconds, most_pixels, guess=count is None)
    reader.notices += notices
    return reader


def open_chosen(
    source: Source,
    choose: Callable[[int], np.ndarray],
    longest_seconds: float = math.inf,
    most_pixels: int = MOST_PIXELS,
    guess: bool = False,
) -> FrameReader:
    """Opens a clip for reading the frames that `choose` names.

    Args:
        source: as in `open_frames`.
        choose: gets the number of frames, returns rising indices below it.
        longest_seconds: as in `open_frames`.
        most_pixels: as in `open_frames`.
        guess: whether the number of packets will do where only decoding the clip tells how many
            frames it has.
    """
    found = survey(source, longest_seconds, most_pixels)
    table = found.table
    if table.regular:
        whole = np.flatnonzero(table.good[table.shown])
        total = int(whole[-1]) + 1 if len(whole) else 0
    elif guess:
        total = len(table.times)
    else:
        total = int(decodable(source, found, most_pixels).max(initial=-1)) + 1
    if not total:
        raise no_frames()
    return FrameReader(source, choose(total), found, most_pixels)


def read_evenly(source: Source, count: int) -> tuple[list[Frame], FrameReader]:
    """Returns `count` evenly spaced frames, where some are damaged of those that are whole, and
    the reader, at its end, for its notices.

    Raises:
        Rejected: as `describe_clip`.
    """
    reader = open_chosen(source, lambda total: _evenly_spaced(total, count))
    frames = list(reader)
    if len(frames) < reader.planned:
        found = survey(source, math.inf, MOST_PIXELS)
        whole = decodable(source, found, MOST_PIXELS)
        wanted = whole[_evenly_spaced(len(whole), count)]
        frames = list(FrameReader(source, wanted, found, MOST_PIXELS))
    return frames, reader


def _evenly_spaced(total: int, count: int) -> np.ndarray:
    """The middles of `count` equal parts of `total` frames."""
    return np.array(sorted({int((part + 0.5) * total / count) for part in range(count)}), int)
