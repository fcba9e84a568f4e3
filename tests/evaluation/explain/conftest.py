"""Random textures whose fakes carry a small patch, so that the right place is known."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import pytest

SIDE, PATCH = 32, 8


@dataclass(frozen=True)
class Planted:
    """Pictures uint8 [n, 32, 32, 3], labels [n], and where each fake's patch begins [n, 2]."""

    pixels: np.ndarray
    labels: np.ndarray
    corners: np.ndarray

    def inside(self, number: int) -> np.ndarray:
        """Returns which pixels of a fake belong to its patch, bool [32, 32]."""
        top, left = self.corners[number]
        mask = np.zeros((SIDE, SIDE), dtype=bool)
        mask[top : top + PATCH, left : left + PATCH] = True
        return mask


def plant(count: int, seed: int) -> Planted:
    """Returns noise; every other picture has a fine checkerboard at a random place."""
    generator = np.random.default_rng(seed)
    pixels = generator.integers(60, 190, (count, SIDE, SIDE, 3))
    labels = np.arange(count) % 2
    corners = generator.integers(0, SIDE - PATCH, (count, 2))
    board = 60 * (-1) ** np.add.outer(np.arange(PATCH), np.arange(PATCH))[..., None]
    for number in np.flatnonzero(labels):
        top, left = corners[number]
        pixels[number, top : top + PATCH, left : left + PATCH] += board
    return Planted(np.clip(pixels, 0, 255).astype(np.uint8), labels, corners)


def train_network(head: str, planted: Planted) -> keras.Model:
    """Returns a network of one block that has learned the patch."""
    from unmask import detectors
    from unmask.training.fast import fit_momentum

    keras.utils.set_random_seed(3)
    model = detectors.build_from_choices(
        (SIDE, SIDE, 3), blocks=(16,), dropout=0.0, head=head, name=f"planted_{head}"
    )
    fit_momentum(model, steps_per_epoch=len(planted.pixels) // 32)
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss="binary_crossentropy")
    model.fit(planted.pixels, planted.labels, epochs=8, batch_size=32, verbose=0)
    return model


@pytest.fixture(scope="session")
def planted() -> Planted:
    return plant(80, seed=2)


@pytest.fixture(scope="session")
def averaging_network() -> keras.Model:
    return train_network("average", plant(480, seed=1))


@pytest.fixture(scope="session")
def flattening_network() -> keras.Model:
    return train_network("flatten", plant(480, seed=1))
