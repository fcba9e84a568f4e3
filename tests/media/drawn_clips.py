"""Clips whose frames have their number drawn into them, in any codec, and the plainest reader."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from unmask.media.videos.pixels import Upright

WIDTH, HEIGHT, BLOCK = 128, 96, 16
TEXTURE = np.random.default_rng(0).integers(0, 256, (HEIGHT - 2 * BLOCK, 400, 3), dtype=np.uint8)
TICK = Fraction(1, 1000)


def picture(number: int) -> np.ndarray:
    """Two rows of eight blocks, white where the number has a 1, above a texture that moves."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for bit in range(16):
        top, left = bit // 8 * BLOCK, bit % 8 * BLOCK
        pixels[top : top + BLOCK, left : left + BLOCK] = 255 * (number >> bit & 1)
    pixels[2 * BLOCK :] = TEXTURE[:, number % 200 : number % 200 + WIDTH]
    return pixels


def number_in(pixels: np.ndarray) -> int:
    """Returns the number that `picture` drew."""
    middles = pixels[BLOCK // 2 : 2 * BLOCK : BLOCK, BLOCK // 2 :: BLOCK].mean(axis=2) > 128
    return sum(1 << bit for bit, white in enumerate(middles.reshape(-1)) if white)


def write_clip(
    path: Path,
    codec: str = "mpeg4",
    frames: int = 40,
    *,
    options: dict[str, str] | None = None,
    format: str = "yuv420p",
    milliseconds: list[int] | None = None,
    draw=picture,
    ratio: Fraction | None = None,
    turned: int = 0,
    sound: np.ndarray | None = None,
    sound_codec: str = "pcm_s16le",
    gap: tuple[int, int] = (0, 0),
    metadata: dict[str, str] | None = None,
) -> Path:
    """Writes a clip of 25 frames a second, or with a frame at each of `milliseconds`.

    `sound` is float32 `[n]` at 16,000 Hz; `turned` is what the display matrix says, in degrees
    counterclockwise; of the sound's pieces of 1,000 samples, those from `gap[0]` to before
    `gap[1]` are missing.
    """
    container = av.open(str(path), "w", options=metadata or {})
    first = draw(0)
    stream = container.add_stream(codec, rate=25, options=options or {})
    stream.width, stream.height, stream.pix_fmt = first.shape[1], first.shape[0], format
    stream.gop_size = 12
    if turned:
        stream.set_display_rotation(turned)
    if ratio:
        stream.codec_context.sample_aspect_ratio = ratio
    if milliseconds:
        stream.time_base = stream.codec_context.time_base = TICK
    heard = (
        container.add_stream(sound_codec, rate=16000, layout="mono") if sound is not None else None
    )
    for number in range(frames):
        frame = av.VideoFrame.from_ndarray(draw(number), format="rgb24").reformat(format=format)
        frame.pts = milliseconds[number] if milliseconds else number
        frame.time_base = TICK if milliseconds else Fraction(1, 25)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
    if heard is not None:
        _write_sound(container, heard, sound, gap)
    container.close()
    return path


def _write_sound(container, stream, sound: np.ndarray, gap: tuple[int, int] = (0, 0)) -> None:
    for begin in range(0, len(sound), 1000):
        if gap[0] <= begin // 1000 < gap[1]:
            continue
        piece = np.ascontiguousarray(sound[None, begin : begin + 1000], np.float32)
        frame = av.AudioFrame.from_ndarray(piece, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 16000, begin, Fraction(1, 16000)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def write_sound(path: Path, sound: np.ndarray, codec: str = "pcm_s16le") -> Path:
    """Writes a file that holds sound only."""
    container = av.open(str(path), "w")
    stream = container.add_stream(codec, rate=16000, layout="mono")
    _write_sound(container, stream, sound)
    container.close()
    return path


def read_plainly(path: Path) -> list[np.ndarray]:
    """Every frame, decoded one after the other on one thread: what indices must refer to."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        upright = Upright(stream.sample_aspect_ratio)
        return [upright.pixels(frame) for frame in container.decode(stream)]
