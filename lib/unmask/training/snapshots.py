"""Snapshots: several detectors out of one training, and the one file that averages them.

Huang et al., 2017, "Snapshot Ensembles: Train 1, get M for free", arXiv:1704.00109.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from ..runs import atomic_path
from .checkpoints import DAMAGE
from .features import features_of, head_of, run_on

CYCLES = 5  # the paper's five or six, of 40 to 50 epochs each
SHORTEST = 2  # epochs of a cycle


def cycle_ends(epochs: int) -> tuple[int, ...]:
    """Returns after which epochs (from 1) the learning rate is at its lows; the last is `epochs`.

    Up to five cycles of at least two epochs, as equally long as they can be.
    """
    cycles = max(1, min(CYCLES, epochs // SHORTEST))
    return tuple(epochs * number // cycles for number in range(1, cycles + 1))


def snapshot_path(folder: str | Path, number: int) -> Path:
    """Returns where snapshot `number` (from 1) of a training in `folder` lies."""
    return Path(folder) / "snapshots" / f"{number}.npz"


def save_snapshot(folder: str | Path, number: int, model: keras.Model) -> None:
    """Writes the weights of `model`, as `Model.get_weights` orders them."""
    with atomic_path(snapshot_path(folder, number)) as temporary:
        np.savez(temporary, *model.get_weights())


def count_snapshots(folder: str | Path) -> int:
    """Returns how many snapshots lie in `folder`."""
    return len(list((Path(folder) / "snapshots").glob("*.npz")))


def read_snapshots(folder: str | Path, notices: list[str]) -> list[list[np.ndarray]]:
    """Returns the weights of every snapshot in `folder`, first to last; empty for none.

    A damaged one is removed, which `notices` are told.
    """
    found = []
    paths = (Path(folder) / "snapshots").glob("*.npz")
    for path in sorted(paths, key=lambda path: int(path.stem)):
        try:
            with np.load(path) as arrays:
                found.append([arrays[name] for name in arrays.files])
        except DAMAGE:
            path.unlink()
            notices.append(
                f"Snapshot {path.stem} of the training was damaged on disk and has no part in "
                "the mean of the others."
            )
    return found


def average(model: keras.Model, snapshots: Sequence[list[np.ndarray]]) -> keras.Model:
    """Returns one network whose logit is the mean of the logits of `model` with each weights.

    The logit is linear in what the last layer sees, so the features of all are laid side by side
    under one last layer whose kernel holds every kernel divided by their number.

    Args:
        model: a network that ends in `Dense(1)` with a sigmoid.
        snapshots: at least one list of weights of `model`.
    """
    body, head = features_of(model), head_of(model)
    pixels = keras.Input(model.input_shape[1:], name="pixels")
    features, kernels, biases = [], [], []
    for number, weights in enumerate(snapshots, start=1):
        model.set_weights(weights)
        copies: dict[str, keras.layers.Layer] = {}
        features.append(run_on(body, pixels, _renaming(number, copies)))
        for name, copied in copies.items():
            copied.set_weights(model.get_layer(name).get_weights())
        kernel, bias = head.get_weights()
        kernels.append(kernel / len(snapshots))
        biases.append(bias / len(snapshots))
    joined = features[0] if len(features) == 1 else keras.layers.Concatenate()(features)
    config = head.get_config()
    last = keras.layers.Dense.from_config(config)
    averaged = keras.Model(pixels, last(joined), name=model.name)
    last.set_weights([np.concatenate(kernels), np.sum(biases, axis=0)])
    return averaged


def _renaming(number: int, copies: dict[str, keras.layers.Layer]):
    def copy(layer):
        if not isinstance(layer, keras.layers.Layer):
            return layer
        if layer.name in copies:  # a layer used twice stays one layer
            return copies[layer.name]
        config = {**layer.get_config(), "name": f"snapshot{number}_{layer.name}"}
        copies[layer.name] = type(layer).from_config(config)
        return copies[layer.name]

    return copy
