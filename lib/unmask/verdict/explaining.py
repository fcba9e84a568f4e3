"""Where a network looked on the faces that were judged; needs TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..evaluation.explain.grad_cam import grad_cam, what_lacks
from ..evaluation.explain.occlusion import occlusion_maps
from .records import FAKE, REAL, HeatMap, Person
from .scoring import Network


def heat_maps(network: Network, people: Sequence[Person], threshold: float) -> list[HeatMap]:
    """Returns a heat map for each person's crop: what spoke for the side that the score is on.

    Args:
        network: of an ensemble the one that counts most.
        people: with crops, uint8 `[side, side, 3]`, all of one size.
        threshold: from which on a score speaks for fake.
    """
    pictures = np.stack([person.crop for person in people])
    sides = [FAKE if (person.score or 0.0) >= threshold else REAL for person in people]
    model = network.model()
    if what_lacks(model, pictures[:1]):
        drops = occlusion_maps(network, pictures)
        return [
            HeatMap(_share(drop if side == FAKE else -drop), side, network.member, "covering")
            for drop, side in zip(drops, sides, strict=True)
        ]
    maps = grad_cam(model, pictures)
    return [
        HeatMap(maps[side][place].astype(np.float32), side, network.member, "gradient")
        for place, side in enumerate(sides)
    ]


def _share(drop: np.ndarray) -> np.ndarray:
    """Returns what speaks for a side as a share of its strongest place, float32, 0 to 1."""
    heat = np.maximum(drop, 0).astype(np.float32)
    most = heat.max()
    return heat / most if most > 0 else heat
