"""Do heat maps point at places that matter? Blurs the hottest places, and as much elsewhere.

The deletion test of Petsiuk et al. 2018, "RISE", arXiv:1806.07421, against a control: the same
shape moved to a random place. A map may look convincing and still have nothing to do with the
network (Adebayo et al. 2018, arXiv:1810.03292). Places are blurred, not painted over: the rim of a
painted patch is itself a mark that a detector of forgeries answers to.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import cv2
import numpy as np

from ...errors import DataError
from .occlusion import Scorer

SMALLEST = 2  # pictures below which nothing can vary
LITTLE = 0.05  # differences of a probability below it are said to be little
BLUR = 32  # the Gaussian's sigma is the picture's side over this


@dataclass(frozen=True)
class CoverCheck:
    """How far the probability of a verdict falls when something is blurred, means over n pictures.

    Attributes:
        evidence: "fake" or "real": which maps, of faces with which verdict.
        hottest: mean drop when the hottest places are blurred.
        elsewhere: the same for the same shape at random places.
        low, high: 95% bootstrap interval of hottest minus elsewhere.
        share: of a picture that is blurred.
        n: pictures.
    """

    evidence: str
    hottest: float
    elsewhere: float
    low: float
    high: float
    share: float
    n: int

    @property
    def points_right(self) -> bool:
        """Whether the hottest places matter more than others, beyond doubt and rounding."""
        return round(self.low, 3) > 0

    def as_dict(self) -> dict[str, float | str]:
        """Returns the fields as plain data, for JSON."""
        return asdict(self)

    def sentence(self) -> str:
        """Returns what the check found, for the reader."""
        found = (
            f"Blurring the hottest {self.share:.0%} of {self.n:,} faces called {self.evidence} "
            f"lowers their probability of being {self.evidence} by {self.hottest:.3f} on average, "
            f"blurring the same shape elsewhere by {self.elsewhere:.3f} (difference "
            f"{self.hottest - self.elsewhere:+.3f} [{self.low:+.3f}, {self.high:+.3f}])"
        )
        if self.points_right:
            much = "" if self.hottest - self.elsewhere >= LITTLE else " a little"
            return f"{found}: these maps point at places that matter{much} to the detector."
        return f"{found}: these maps cannot be said to point at what matters."


def cover_check(
    score: Scorer,
    pictures: np.ndarray,
    maps: np.ndarray,
    *,
    evidence: str = "fake",
    share: float = 0.1,
    places: int = 4,
    resamples: int = 2000,
    seed: int = 0,
) -> CoverCheck:
    """Returns whether blurring what `maps` point at matters more than blurring elsewhere.

    The control is the same set of pixels, shifted around the picture by a random amount,
    `places` times.

    Args:
        score: from uint8 `[n, height, width, 3]` to P(fake) `[n]`.
        pictures: uint8 `[n, height, width, 3]`, faces called what `evidence` says, so that there
            is a probability to fall.
        maps: float `[n, height, width]`, that evidence.
        evidence: "fake" or "real".
        share: of the pixels blurred, the hottest.
        places: shifts of the control per picture.
        resamples, seed: of shifts and bootstrap.

    Raises:
        DataError: fewer than two pictures.
    """
    if len(pictures) < SMALLEST:
        raise DataError(
            f"{len(pictures)} pictures say nothing about heat maps.",
            expected=f"at least {SMALLEST} faces called {evidence}",
        )
    generator = np.random.default_rng(seed)
    drops = np.empty((len(pictures), 1 + places))
    for row, (picture, heat) in enumerate(zip(pictures, maps, strict=True)):
        shifts = generator.integers(0, heat.shape, (places, 2))
        hottest = _hottest(heat, share)
        masks = [hottest, *(np.roll(hottest, tuple(shift), axis=(0, 1)) for shift in shifts)]
        drops[row] = _drops(score, picture, np.stack(masks))
    drops *= 1 if evidence == "fake" else -1
    gains = drops[:, 0] - drops[:, 1:].mean(axis=1)
    draws = generator.integers(0, len(gains), (resamples, len(gains)))
    low, high = np.percentile(gains[draws].mean(axis=1), (2.5, 97.5))
    means = (float(drops[:, 0].mean()), float(drops[:, 1:].mean()))
    return CoverCheck(evidence, *means, float(low), float(high), share, len(pictures))


def _hottest(heat: np.ndarray, share: float) -> np.ndarray:
    """Returns which pixels are the hottest `share` of a map, bool [height, width]."""
    mask = np.zeros(heat.size, dtype=bool)
    mask[np.argsort(-heat.ravel(), kind="stable")[: max(1, round(share * heat.size))]] = True
    return mask.reshape(heat.shape)


def _drops(score: Scorer, picture: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Returns how far P(fake) falls when each of `masks` [m, height, width] is blurred."""
    blurred = cv2.GaussianBlur(picture, (0, 0), max(picture.shape[:2]) / BLUR)
    changed = np.where(masks[..., None], blurred, picture)
    scores = score(np.concatenate([picture[None], changed]))
    return scores[0] - scores[1:]
