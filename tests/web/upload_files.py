"""Photos and clips for the page: real bytes, made from a public-domain portrait."""

from __future__ import annotations

import functools
import io
from fractions import Fraction

import av
import matplotlib.cbook
import numpy as np
from PIL import Image


@functools.cache
def portrait(side: int = 220) -> np.ndarray:
    """Grace Hopper, official portrait (public domain), uint8 [h, w, 3]."""
    path = matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
    image = Image.open(path).convert("RGB").crop((100, 20, 420, 340))
    return np.asarray(image.resize((side, side), Image.Resampling.LANCZOS))


def two_people() -> np.ndarray:
    return np.concatenate([portrait(), portrait()[:, ::-1]], axis=1)


@functools.cache
def photo(kind: str = "JPEG", side: int = 220) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(portrait(side)).save(stream, kind)
    return stream.getvalue()


def encoded(pixels: np.ndarray, kind: str = "JPEG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


@functools.cache
def clip(
    codec: str = "mpeg4", container: str = "mp4", count: int = 12, rate: int = 10, side: int = 220
) -> bytes:
    """A clip of the portrait that moves a little."""
    stream = io.BytesIO()
    with av.open(stream, "w", format=container) as target:
        track = target.add_stream(codec, rate=rate)
        track.width = track.height = side
        track.pix_fmt = "yuv420p"
        track.time_base = Fraction(1, rate)
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(
                np.ascontiguousarray(np.roll(portrait(side), number, axis=1)), "rgb24"
            )
            frame.pts = number
            for packet in track.encode(frame):
                target.mux(packet)
        for packet in track.encode():
            target.mux(packet)
    return stream.getvalue()


def sound() -> bytes:
    """A clip's container with a sound track alone."""
    stream = io.BytesIO()
    with av.open(stream, "w", format="mp4") as target:
        track = target.add_stream("aac", rate=16000)
        wave = np.zeros((1, 16000), np.float32)
        frame = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate = 16000
        for packet in [*track.encode(frame), *track.encode()]:
            target.mux(packet)
    return stream.getvalue()


def zip_of(name: str = "a.class") -> bytes:
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        target.writestr(name, b"content")
    return stream.getvalue()


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A small PNG whose header promises 3.6 billion pixels."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = zlib.compress(bytes(1000), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


def mp4_box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4, "big") + kind + content
