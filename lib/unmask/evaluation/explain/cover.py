"""Do heat maps point at places that matter? Covers the hottest places, and as much elsewhere.

The deletion test of Petsiuk et al. 2018, "RISE", arXiv:1806.07421, against a control: the same
shape moved to a random place. A map may look convincing and still have nothing to do with the
network (Adebayo et al. 2018, arXiv:1810.03292).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from ...errors import DataError
from .occlusion import Scorer

SMALLEST = 2  # pictures below which nothing can vary


@dataclass(frozen=True)
class CoverCheck:
    """How far scores fall when something is covered, means over n pictures.

    Attributes:
        hottest: mean drop of the score when the hottest places are covered.
        elsewhere: the same for the same shape at random places.
        low, high: 95% bootstrap interval of hottest minus elsewhere.
        share: of a picture that is covered.
        n: pictures.
    """

    hottest: float
    elsewhere: float
    low: float
    high: float
    share: float
    n: int

    @property
    def points_right(self) -> bool:
        """Whether the hottest places matter more than others, beyond doubt."""
        return self.low > 0

    def as_dict(self) -> dict[str, float]:
        """Returns the fields as plain data, for JSON."""
        return asdict(self)

    def sentence(self) -> str:
        """Returns what the check found, for the reader."""
        found = (
            f"Covering the hottest {self.share:.0%} of a face lowers its score by "
            f"{self.hottest:.3f} on average, the same shape elsewhere by {self.elsewhere:.3f} "
            f"({self.n:,} faces; difference {self.hottest - self.elsewhere:+.3f} "
            f"[{self.low:+.3f}, {self.high:+.3f}])"
        )
        if self.points_right:
            return f"{found}: the maps point at places that matter to the detector."
        return f"{found}: the maps cannot be said to point at what matters; look, but do not trust."


def cover_check(
    score: Scorer,
    pictures: np.ndarray,
    maps: np.ndarray,
    *,
    share: float = 0.1,
    places: int = 4,
    resamples: int = 2000,
    seed: int = 0,
) -> CoverCheck:
    """Returns whether covering what `maps` point at lowers scores more than covering elsewhere.

    Covered pixels get the picture's mean colour. The control is the same set of pixels, shifted
    around the picture by a random amount, `places` times.

    Args:
        score: from uint8 `[n, height, width, 3]` to P(fake) `[n]`.
        pictures: uint8 `[n, height, width, 3]`, faces called fake, so that there is a score to
            fall.
        maps: float `[n, height, width]`, evidence of fake.
        share: of the pixels covered, the hottest.
        places: shifts of the control per picture.
        resamples, seed: of shifts and bootstrap.

    Raises:
        DataError: fewer than two pictures.
    """
    if len(pictures) < SMALLEST:
        raise DataError(
            f"{len(pictures)} pictures say nothing about heat maps.",
            expected=f"at least {SMALLEST} faces called fake",
        )
    generator = np.random.default_rng(seed)
    height, width = maps.shape[1:]
    wanted = max(1, round(share * height * width))
    drops = np.empty((len(pictures), 1 + places))
    for row, (picture, heat) in enumerate(zip(pictures, maps, strict=True)):
        hottest = np.zeros(heat.size, dtype=bool)
        hottest[np.argsort(-heat.ravel(), kind="stable")[:wanted]] = True
        shape = hottest.reshape(heat.shape)
        shifts = zip(
            generator.integers(0, height, places),
            generator.integers(0, width, places),
            strict=True,
        )
        masks = [shape, *(np.roll(shape, shift, axis=(0, 1)) for shift in shifts)]
        drops[row] = _drops(score, picture, np.stack(masks))
    gains = drops[:, 0] - drops[:, 1:].mean(axis=1)
    draws = generator.integers(0, len(gains), (resamples, len(gains)))
    low, high = np.percentile(gains[draws].mean(axis=1), (2.5, 97.5))
    means = (float(drops[:, 0].mean()), float(drops[:, 1:].mean()))
    return CoverCheck(*means, float(low), float(high), share, len(pictures))


def _drops(score: Scorer, picture: np.ndarray, masks: np.ndarray) -> np.ndarray:
    mean = picture.reshape(-1, picture.shape[2]).mean(axis=0).round().astype(picture.dtype)
    covered = np.where(masks[..., None], mean, picture[None])
    scores = score(np.concatenate([picture[None], covered]))
    return scores[0] - scores[1:]
