"""What is known of a picture without finding a face in it: colours, thumbnail, spectrum, residuals.

None of this can tell a forgery from a face, so whatever it tells about the class is a shortcut or
an artefact of the generator that costs nothing to find: a floor that every detector must beat.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
import scipy.fft

THUMBNAIL_SIDE = 16
RINGS = 48
LARGEST_SIDE = 512  # of the middle part that spectrum and residuals are taken from
SMALLEST_SIDE = 16
TRUNCATION = 3
LEVELS = 2 * TRUNCATION + 1
DETAIL_QUALITY = 90
PERCENTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def measure_picture(pixels: np.ndarray) -> dict[str, np.ndarray] | None:
    """Returns the numbers of every family, or None for a picture below 16 pixels.

    Args:
        pixels: uint8 `[height, width, 3]`, RGB, at native resolution.

    Returns:
        What the functions of `FAMILY_FUNCTIONS` give, by name.
    """
    if min(pixels.shape[:2]) < SMALLEST_SIDE:
        return None
    pixels = np.ascontiguousarray(pixels)
    return {name: function(pixels) for name, function in FAMILY_FUNCTIONS.items()}


def colour_statistics(pixels: np.ndarray) -> np.ndarray:
    """Returns mean, spread, skewness and percentiles (0 to 1) of Y, Cr, Cb and saturation.

    Args:
        pixels: uint8 `[height, width, 3]`, RGB.

    Returns:
        float32 `[42]`; the last two are the shares of black (0) and white (255) in the brightness.
    """
    brightness = cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb)
    saturation = pixels.max(axis=2) - pixels.min(axis=2)
    planes = [brightness[..., 0], brightness[..., 1], brightness[..., 2], saturation]
    levels = np.arange(256) / 255
    found: list[float] = []
    for plane in planes:
        counts = np.bincount(plane.ravel(), minlength=256)
        shares = counts / counts.sum()
        mean = float(shares @ levels)
        spread = float(np.sqrt(shares @ (levels - mean) ** 2))
        skewness = float(shares @ (levels - mean) ** 3) / max(spread, 1e-3) ** 3
        places = np.searchsorted(np.cumsum(shares), PERCENTILES)
        found += [mean, spread, skewness, *levels[np.minimum(places, 255)]]
        if plane is planes[0]:
            extremes = [shares[0], shares[255]]
    return np.array([*found, *extremes], np.float32)


def thumbnail(pixels: np.ndarray) -> np.ndarray:
    """Returns the picture at 16 x 16 pixels by area averaging, RGB, 0 to 1, float32 `[768]`."""
    size = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    return (small.astype(np.float32) / 255).ravel()


def azimuthal_spectrum(pixels: np.ndarray) -> np.ndarray:
    """Returns log10 of the mean power of the brightness in each of 48 rings, float32 `[48]`.

    Rings of equal width from no frequency to half a cycle a pixel (the azimuthal average of
    Durall et al. 2020, arXiv 2003.01826), after a Hann window, of the middle 512 pixels.
    """
    plane = cv2.cvtColor(_middle(pixels), cv2.COLOR_RGB2GRAY).astype(np.float32)
    window, ring_of_place, weights, totals = _rings(*plane.shape)
    spectrum = scipy.fft.rfft2((plane - plane.mean()) * window)
    power = (spectrum.real**2 + spectrum.imag**2) * weights
    sums = np.bincount(ring_of_place, power.ravel(), minlength=RINGS + 1)[:RINGS]
    return np.log10(sums / totals + 1e-6).astype(np.float32)


def residual_cooccurrences(pixels: np.ndarray) -> np.ndarray:
    """Returns how often each three neighbouring residuals occur together, square roots.

    First and second differences of Y, Cr and Cb along rows and along columns, truncated to -3..3,
    in triples along the same direction, of the middle 512 pixels: the rich model of steganalysis
    (Fridrich & Kodovsky 2012, IEEE TIFS 7:868) as used on GAN faces by Nataraj et al. 2019 (arXiv
    1903.06836). The square root of a share has the same spread for rare and for usual triples.

    Returns:
        float32 `[4116]`: 3 planes x 2 directions x 2 orders x 343 triples; each 343 squares sum
        to 1.
    """
    found = []
    planes = cv2.cvtColor(_middle(pixels), cv2.COLOR_RGB2YCrCb)
    for number in range(3):
        plane = planes[..., number].astype(np.int16)
        for turned in (plane, plane.T):
            residual = np.ascontiguousarray(turned)
            for _ in range(2):
                residual = residual[1:] - residual[:-1]
                short = np.minimum(np.maximum(residual, -TRUNCATION), TRUNCATION)
                codes = (short[:-2] * LEVELS + short[1:-1]) * LEVELS + short[2:]
                codes += LEVELS**3 // 2
                found.append(np.bincount(codes.ravel(), minlength=LEVELS**3) / codes.size)
    return np.sqrt(np.concatenate(found)).astype(np.float32)


def detail(pixels: np.ndarray) -> np.ndarray:
    """Returns log bytes a pixel as JPEG of quality 90, and the root of these bytes, float32 `[2]`.

    How much there is to encode, when every picture is encoded alike.
    """
    options = [cv2.IMWRITE_JPEG_QUALITY, DETAIL_QUALITY]
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    a_pixel = len(encoded) / (pixels.shape[0] * pixels.shape[1])
    return np.array([np.log(a_pixel), np.sqrt(a_pixel)], np.float32)


FAMILY_FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "colour": colour_statistics,
    "thumbnail": thumbnail,
    "spectrum": azimuthal_spectrum,
    "residuals": residual_cooccurrences,
    "detail": detail,
}
FAMILY_COLUMNS = {
    "colour": 4 * (3 + len(PERCENTILES)) + 2,
    "thumbnail": THUMBNAIL_SIDE**2 * 3,
    "spectrum": RINGS,
    "residuals": 3 * 2 * 2 * LEVELS**3,
    "detail": 2,
}


def _middle(pixels: np.ndarray) -> np.ndarray:
    height, width = (min(side, LARGEST_SIDE) for side in pixels.shape[:2])
    top, left = (pixels.shape[0] - height) // 2, (pixels.shape[1] - width) // 2
    return np.ascontiguousarray(pixels[top : top + height, left : left + width])


@lru_cache(maxsize=64)
def _rings(height: int, width: int) -> tuple[np.ndarray, ...]:
    """Returns for one shape: window, ring of each place, how often it counts, sum of each ring."""
    window = np.outer(np.hanning(height), np.hanning(width)).astype(np.float32)
    window /= np.sqrt((window**2).sum())
    across = scipy.fft.rfftfreq(width)
    distance = np.hypot(scipy.fft.fftfreq(height)[:, None], across[None])
    ring = np.minimum((distance * 2 * RINGS).astype(np.int64), RINGS).ravel()
    # The half that rfft2 leaves out mirrors the one it gives.
    doubled = np.where((across == 0) | (across == 0.5), 1.0, 2.0).astype(np.float32)
    weights = np.broadcast_to(doubled, (height, len(across)))
    totals = np.bincount(ring, weights.ravel(), minlength=RINGS + 1)[:RINGS]
    return window, ring, weights, np.maximum(totals, 1.0)
