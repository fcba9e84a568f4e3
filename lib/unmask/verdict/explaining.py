"""Where a network looked on the faces that were judged; needs TensorFlow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..evaluation.explain.grad_cam import grad_cam, what_lacks
from ..evaluation.explain.occlusion import occlusion_maps
from .records import FAKE, REAL, HeatMap, Person
from .scoring import Network


def heat_maps(
    networks: Sequence[Network], people: Sequence[Person], threshold: float
) -> list[HeatMap]:
    """Returns a heat map for each person's crop: what spoke for the side that the score is on.

    Args:
        networks: those that count most, see `Scorer.leading`: the first that has Grad-CAM's maps
            is asked, else the first by covering.
        people: with crops, uint8 `[side, side, 3]`, all of one size.
        threshold: from which on a score speaks for fake.
    """
    pictures = np.stack([person.crop for person in people])
    sides = [FAKE if (person.score or 0.0) >= threshold else REAL for person in people]
    for network in networks:
        if not what_lacks(network.model(), pictures[:1]):
            maps = grad_cam(network.model(), pictures)
            heats = [maps[side][place] for place, side in enumerate(sides)]
            return _maps(heats, sides, network, "gradient")
    drops = occlusion_maps(networks[0], pictures)
    signed = [drop if side == FAKE else -drop for drop, side in zip(drops, sides, strict=True)]
    return _maps([_share(drop) for drop in signed], sides, networks[0], "covering")


def _maps(
    heats: Sequence[np.ndarray], sides: Sequence[str], network: Network, method: str
) -> list[HeatMap]:
    return [
        HeatMap(heat.astype(np.float32), side, network.member, method)
        for heat, side in zip(heats, sides, strict=True)
    ]


def _share(drop: np.ndarray) -> np.ndarray:
    """Returns what speaks for a side as a share of its strongest place, float32, 0 to 1."""
    heat = np.maximum(drop, 0).astype(np.float32)
    most = heat.max()
    return heat / most if most > 0 else heat
