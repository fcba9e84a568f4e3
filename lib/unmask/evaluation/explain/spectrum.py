"""The average power spectrum of real and of fake faces, with its 95% interval band.

The azimuthal average of the power spectrum as in Durall et al. 2020, "Watch your Up-Convolution",
arXiv:2003.01826: generators that enlarge pictures leave too much or too little fine detail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import DataError
from ..resampling import draw_unit_weights, plan_resampling

GRAY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
FLOOR = 1e-6  # power below which nothing is told from zero, so that its logarithm is finite


@dataclass(frozen=True)
class SpectrumBands:
    """Mean spectra of both classes and of their difference, each with a 95% band.

    Attributes:
        frequencies: int64 [f], waves across the picture.
        mean, low, high: float64 [2, f], decibel, real first.
        difference, difference_low, difference_high: float64 [f], fake minus real, decibel.
        counts: faces that are real, and fake.
    """

    frequencies: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    difference: np.ndarray
    difference_low: np.ndarray
    difference_high: np.ndarray
    counts: tuple[int, int]

    @property
    def apart(self) -> np.ndarray:
        """Frequencies whose band of the difference leaves out zero, int64 [at most f]."""
        return self.frequencies[(self.difference_low > 0) | (self.difference_high < 0)]


def power_spectra(pictures: np.ndarray) -> np.ndarray:
    """Returns the azimuthally averaged power spectrum of each picture, float64 `[n, side // 2]`.

    Column k is the mean power, in decibel, of all waves that fit k + 1 times across the picture
    (rounded), whatever their direction. The picture's mean is taken off and its border faded out
    (Hann window), for a hard border looks like fine detail.

    Args:
        pictures: uint8 or float `[n, side, side, 3]`, or gray `[n, side, side]`.

    Raises:
        DataError: pictures that are not square, or narrower than 4 pixels.
    """
    side = pictures.shape[1]
    if pictures.shape[2] != side or side < 4:
        raise DataError(
            f"Pictures of {pictures.shape[1]}x{pictures.shape[2]} pixels have no such spectrum.",
            expected="square pictures of at least 4x4 pixels",
        )
    steps = np.fft.fftfreq(side, 1 / side)
    rings = np.rint(np.hypot(steps[:, None], steps[None, :])).astype(np.int64).ravel()
    sizes = np.bincount(rings)[1 : side // 2 + 1]
    window = np.outer(*[np.hanning(side + 1)[:side]] * 2)
    window /= np.sqrt((window**2).mean())
    spectra = np.empty((len(pictures), side // 2))
    for place, picture in enumerate(pictures):
        gray = picture @ GRAY if picture.ndim == 3 else picture.astype(np.float64)
        power = np.abs(np.fft.fft2((gray - gray.mean()) * window)) ** 2 / side**2
        sums = np.bincount(rings, weights=power.ravel())[1 : side // 2 + 1]
        spectra[place] = 10 * np.log10(np.maximum(sums / sizes, FLOOR))
    return spectra


def spectrum_bands(
    spectra: np.ndarray,
    labels: Sequence[int],
    groups: Sequence | None = None,
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> SpectrumBands:
    """Returns the mean spectrum of each class and the band in which other faces would put it.

    The band at each frequency is the 95% percentile bootstrap interval; faces of one group are
    drawn together, and both classes from the same draw, as for every other interval.

    Args:
        spectra: float64 [n, f], from `power_spectra`.
        labels: [n], 0 real and 1 fake.
        groups: [n], what belongs together, or None.
        resamples, seed: of the bootstrap.

    Raises:
        DataError: a class is missing, or lengths differ.
    """
    labels = np.asarray(labels, dtype=np.int64)
    if len(labels) != len(spectra):
        raise DataError(f"{len(labels)} labels for {len(spectra)} spectra.", expected="one each")
    plan = plan_resampling(labels, groups)
    units = plan.unit_of_face.max() + 1
    sums, counts = np.zeros((2, units, spectra.shape[1])), np.zeros((2, units))
    np.add.at(sums, (labels, plan.unit_of_face), spectra)
    np.add.at(counts, (labels, plan.unit_of_face), 1)
    drawn = []
    for weights in draw_unit_weights(plan, resamples, seed):
        found = np.stack([weights @ sums[label] for label in (0, 1)])
        drawn.append(found / np.maximum(weights @ counts.T, 1).T[..., None])
    means = np.concatenate(drawn, axis=1)
    value = np.stack([spectra[labels == label].mean(axis=0) for label in (0, 1)])
    low, high = np.percentile(means, (2.5, 97.5), axis=1)
    apart_low, apart_high = np.percentile(means[1] - means[0], (2.5, 97.5), axis=0)
    return SpectrumBands(
        frequencies=np.arange(1, spectra.shape[1] + 1),
        mean=value,
        low=low,
        high=high,
        difference=value[1] - value[0],
        difference_low=apart_low,
        difference_high=apart_high,
        counts=(int((labels == 0).sum()), int((labels == 1).sum())),
    )
