"""The average noise residual of real and of fake faces.

What a picture loses when it is smoothed is noise, different in every picture, and the faint mark
of whatever made it, the same in all. Averaging keeps the mark: Marra et al. 2019, "Do GANs leave
artificial fingerprints?", arXiv:1812.11842.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ...errors import DataError, UsageError
from .spectrum import GRAY

DENOISERS = ("median", "gaussian")


@dataclass(frozen=True)
class AverageResiduals:
    """What is left of the noise of many pictures.

    Attributes:
        mean: float32 [2, height, width], gray levels of 0 to 255, the class real first.
        strength: float64 [2], the typical size of a single picture's residual (mean over the
            pictures of the class of the standard deviation), gray levels.
        counts: pictures that are real, and fake.
    """

    mean: np.ndarray
    strength: np.ndarray
    counts: tuple[int, int]


def noise_residuals(pictures: np.ndarray, denoiser: str = "median") -> np.ndarray:
    """Returns each picture in gray minus itself smoothed, float32 `[n, height, width]`.

    Args:
        pictures: uint8 `[n, height, width, 3]` RGB.
        denoiser: "median" of 3x3 pixels, which spares edges, or "gaussian" of sigma 1.

    Raises:
        UsageError: the denoiser is not known.
    """
    if denoiser not in DENOISERS:
        raise UsageError(f"There is no denoiser {denoiser!r}.", expected=", ".join(DENOISERS))
    residuals = np.empty(pictures.shape[:3], dtype=np.float32)
    for place, picture in enumerate(pictures):
        gray = (picture @ GRAY).astype(np.float32)
        if denoiser == "median":
            smooth = cv2.medianBlur(gray, 3)
        else:
            smooth = cv2.GaussianBlur(gray, (0, 0), 1.0)
        residuals[place] = gray - smooth
    return residuals


def average_residuals(
    pictures: np.ndarray, labels: Sequence[int], denoiser: str = "median"
) -> AverageResiduals:
    """Returns the mean residual of each class.

    Raises:
        DataError: a class is missing, or lengths differ.
        UsageError: see `noise_residuals`.
    """
    labels = np.asarray(labels)
    if len(labels) != len(pictures) or set(np.unique(labels)) != {0, 1}:
        raise DataError(
            f"{len(labels)} labels for {len(pictures)} pictures do not give two averages.",
            expected="a label for each picture, of both classes",
        )
    parts = [noise_residuals(np.asarray(pictures)[labels == label], denoiser) for label in (0, 1)]
    return AverageResiduals(
        mean=np.stack([part.mean(axis=0) for part in parts]),
        strength=np.array([part.std(axis=(1, 2)).mean() for part in parts], dtype=np.float64),
        counts=(len(parts[0]), len(parts[1])),
    )
