"""Decoded frames to upright RGB with square pixels."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter

# Ratios nearer to a square are rounding of encoders; resampling would only wipe traces out.
SQUARE_ENOUGH = 0.02
MOST_STRETCH = 4.0  # a larger ratio is a broken header
ROWS = 64  # put onto white at a time, so that a large frame needs little more memory
HDR_CURVES = {16: "PQ", 18: "HLG"}


class Upright:
    """Turns decoded frames of one stream into pixels as a person sees them.

    The conversion from YUV is that of OpenCV, bit for bit for 8-bit clips: swscale's bicubic, and
    the coefficients of BT.601 whatever the header's tag says. Re-encoding adds or drops that tag,
    so colours that followed it would tell clips apart by their encoder.

    Example:
        upright = Upright(stream.sample_aspect_ratio)
        pixels = upright.pixels(frame)  # uint8 [height, width, 3], RGB
    """

    def __init__(self, pixel_ratio: Fraction | None):
        self._reformatter = VideoReformatter()
        self._matrix: tuple[int, int, int, int] | None = None
        self.stretch = float(pixel_ratio) if pixel_ratio else 1.0
        if abs(self.stretch - 1) <= SQUARE_ENOUGH or not (
            1 / MOST_STRETCH <= self.stretch <= MOST_STRETCH
        ):
            self.stretch = 1.0

    def pixels(self, frame: VideoFrame) -> np.ndarray:
        """Returns uint8 `[height, width, 3]`, RGB, upright; transparency is put onto white."""
        width, height = self._square(frame)
        layer = "rgba" if has_alpha(frame) else "rgb24"
        pixels = self._reformatter.reformat(
            frame,
            width=width,
            height=height,
            format=layer,
            interpolation=Interpolation.BICUBIC,
            src_colorspace=Colorspace.ITU601,
            threads=1,
        ).to_ndarray()
        if layer == "rgba":
            pixels = _onto_white(pixels)
        return np.ascontiguousarray(turn(pixels, self._turned(frame)))

    def shape(self, frame: VideoFrame) -> tuple[int, int]:
        """Returns height and width of what `pixels` gives."""
        width, height = self._square(frame)
        return (width, height) if _is_sideways(self._turned(frame)) else (height, width)

    def rotation(self, frame: VideoFrame) -> int:
        """Returns the clockwise turn that `pixels` makes, in degrees: 0, 90, 180 or 270."""
        return _quarter_turns(self._turned(frame)) * 90

    def notices(self, frame: VideoFrame) -> list[str]:
        """Returns what had to be converted, in sentences."""
        found = []
        if self.stretch != 1.0:
            found.append(
                f"Its pixels are stored {self.stretch:.3g} times as wide as high; the frames were "
                "stretched to square pixels."
            )
        bits = max(part.bits for part in frame.format.components)
        if bits > 8:
            found.append(f"Its {bits}-bit colours were rounded to 8 bits.")
        if int(frame.color_trc) in HDR_CURVES:
            curve = HDR_CURVES[int(frame.color_trc)]
            found.append(f"It is HDR ({curve}), shown without tone mapping: colours look flat.")
        if frame.interlaced_frame:
            found.append("It is interlaced: both half pictures of a frame are shown at once.")
        if has_alpha(frame):
            found.append("Where its frames are transparent, white shows.")
        return found

    def _turned(self, frame: VideoFrame) -> tuple[int, int, int, int]:
        # Of the first frame alone: PyAV's frames whose side data was looked at are freed late.
        if self._matrix is None:
            self._matrix = display_matrix(frame)
        return self._matrix

    def _square(self, frame: VideoFrame) -> tuple[int, int]:
        """The stored width and height, the shorter of pixel sides enlarged."""
        if self.stretch >= 1:
            return round(frame.width * self.stretch), frame.height
        return frame.width, round(frame.height / self.stretch)


def has_alpha(frame: VideoFrame) -> bool:
    """Returns whether the stored format has transparency."""
    return any(part.is_alpha for part in frame.format.components)


def display_matrix(frame: VideoFrame) -> tuple[int, int, int, int]:
    """Returns the four numbers a, b, c, d that turn stored x, y into ax + cy, bx + dy."""
    for data in frame.side_data:
        if data.type == Type.DISPLAYMATRIX:
            a, b, _, c, d, *_ = struct.unpack("=9i", bytes(data)[:36])
            return a, b, c, d
    return 65536, 0, 0, 65536


def turn(pixels: np.ndarray, matrix: tuple[int, int, int, int]) -> np.ndarray:
    """Turns and mirrors pixels `[height, width, ...]` as the matrix says, by quarter turns."""
    if _is_mirrored(matrix):
        pixels = pixels[:, ::-1]
    return np.rot90(pixels, -_quarter_turns(matrix))


def _is_mirrored(matrix: tuple[int, int, int, int]) -> bool:
    a, b, c, d = matrix
    return a * d - b * c < 0


def _quarter_turns(matrix: tuple[int, int, int, int]) -> int:
    """Clockwise quarter turns, after a mirroring of left and right where there is one."""
    a, b, _, _ = matrix
    if _is_mirrored(matrix):
        a, b = -a, -b
    return round(math.atan2(b, a) / (math.pi / 2)) % 4 if a or b else 0


def _is_sideways(matrix: tuple[int, int, int, int]) -> bool:
    return _quarter_turns(matrix) % 2 == 1


def _onto_white(pixels: np.ndarray) -> np.ndarray:
    if pixels[..., 3].min() == 255:
        return pixels[..., :3]
    drawn = np.empty((*pixels.shape[:2], 3), np.uint8)
    for top in range(0, len(pixels), ROWS):
        rows = pixels[top : top + ROWS].astype(np.uint16)
        alpha = rows[..., 3:]
        drawn[top : top + ROWS] = (rows[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255
    return drawn
