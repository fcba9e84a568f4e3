"""What is kept of a picture to find its copies: a hash of its pixels and a small grey picture."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd

from ... import runs
from ...media import Rejected, kind_of
from ...media.images import decode_image
from ...media.videos import read_frames

SIDE = 32
BATCH = 1024
COLUMNS = ("file_id", "pixels_id", "frame", "thumbnail")


@dataclass(frozen=True)
class Fingerprint:
    """What is kept of one picture.

    Attributes:
        pixels_id: hex digest of size and pixels; equal for exact copies only.
        thumbnail: the whole picture in grey, squeezed to `SIDE` x `SIDE` by area averaging:
            `SIDE * SIDE` bytes, row by row.
    """

    pixels_id: str
    thumbnail: bytes


def fingerprint(pixels: np.ndarray) -> Fingerprint:
    """Returns the fingerprint of a decoded picture.

    Args:
        pixels: uint8 `[height, width, 3]`, RGB.
    """
    return Fingerprint(pixels_id([pixels]), shrink(pixels, SIDE).tobytes())


def pixels_id(pictures: Iterable[np.ndarray]) -> str:
    """Returns one hex digest of the sizes and pixels of pictures, uint8 `[height, width, 3]`."""
    digest = hashlib.sha256()
    for pixels in pictures:
        add_pixels(digest, pixels)
    return digest.hexdigest()


def add_pixels(digest: hashlib._Hash, pixels: np.ndarray) -> None:
    """Adds one picture, uint8 `[height, width, 3]`, to the digest of `pixels_id`."""
    digest.update(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels))


def shrink(pixels: np.ndarray, side: int) -> np.ndarray:
    """Returns the whole picture in grey, uint8 `[side, side]`, whatever its shape was."""
    grey = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (side, side), interpolation=cv2.INTER_AREA)


def fingerprint_files(paths: Iterable[str], jobs: int) -> pd.DataFrame:
    """Decodes files once and returns a row for each, in their order.

    Args:
        paths: pictures and clips; of a clip the middle frame counts.
        jobs: files decoded at the same time; the table does not depend on it.

    Returns:
        `path`, `file_id` (sha256 of the bytes), `pixels_id`, `frame` (0 for a picture),
        `thumbnail` (bytes) and `reason`: "" or why the file cannot be decoded; such a file has
        `pixels_id` "" and an empty thumbnail, and no copies.
    """
    paths = [str(path) for path in paths]
    rows: list[dict] = []
    with ThreadPoolExecutor(max(1, jobs)) as pool:
        for start in range(0, len(paths), BATCH):
            rows.extend(pool.map(_of_file, paths[start : start + BATCH]))
            runs.report_progress(len(rows) / len(paths), f"{len(rows)} of {len(paths)} files")
    return pd.DataFrame(rows, columns=["path", *COLUMNS, "reason"])


def _of_file(path: str) -> dict:
    row = {"path": path, "file_id": "", "pixels_id": "", "frame": 0, "thumbnail": b"", "reason": ""}
    try:
        if kind_of(path) == "video":
            row["file_id"] = runs.sha256_file(path)
            row["frame"], pixels = read_frames(path, 1)[0]
        else:
            with open(path, "rb") as stream:
                data = stream.read()
            row["file_id"] = hashlib.sha256(data).hexdigest()
            pixels = decode_image(data).pixels
    except Rejected as rejected:
        return {**row, "reason": rejected.reason}
    except OSError as error:
        return {**row, "reason": error.strerror or str(error)}
    found = fingerprint(pixels)
    return {**row, "pixels_id": found.pixels_id, "thumbnail": found.thumbnail}
