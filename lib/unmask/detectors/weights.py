"""Reading a file of weights into a network, or saying which layers do not fit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import h5py
import keras
import numpy as np

from ..errors import DataError

SHOWN = 5
SAVED_SINCE_KERAS_3 = "layers"  # the group that files of Keras 3 keep the layers in


Pair = tuple[keras.layers.Layer | None, str, list[h5py.Dataset]]


def load_weights(network: keras.Model, path: str | Path, title: str) -> None:
    """Sets all weights of `network` to those of an HDF5 file, or changes none of them.

    Both formats of Keras are read: that of the published files, whose layers follow each other
    in order, and that of Keras 3, whatever the file is called.

    Args:
        network: as keras.applications makes it without its top.
        path: the file.
        title: the network's name in sentences.

    Raises:
        DataError: the file is damaged; or it does not fit: then the first layers that differ are
            named, with the shapes of their arrays in the network and in the file.
    """
    try:
        with h5py.File(path, "r") as stream:
            _set_weights(network, stream, path, title)
    except (OSError, KeyError) as error:
        raise DataError(
            f"{path} is damaged: {error}.",
            expected="a whole HDF5 file of weights",
            fix="fetch it again",
        ) from error


def _set_weights(network: keras.Model, stream: h5py.File, path: str | Path, title: str) -> None:
    pairs = list(_pairs(network, stream))
    wrong = [line for pair in pairs if (line := _difference(*pair))]
    if wrong:
        raise DataError(
            f"{path} does not hold the weights of {title} without its top: {_listed(wrong)}",
            expected=f"a file saved by keras.applications' {title} with include_top=False",
        )
    values = [[np.asarray(array) for array in arrays] for _, _, arrays in pairs]
    for (layer, _, _), arrays in zip(pairs, values, strict=True):
        for variable, array in zip(_variables(layer), arrays, strict=True):
            variable.assign(array)


def _pairs(network: keras.Model, stream: h5py.File) -> Iterator[Pair]:
    """Yields a layer of the network, its name in the file, and its arrays there."""
    if SAVED_SINCE_KERAS_3 in stream:
        yield from _pairs_by_place(network, stream)
        return
    group = stream.get("model_weights", stream)
    stored = []
    for name in _names(group, "layer_names"):
        arrays = [group[name][weight] for weight in _names(group[name], "weight_names")]
        if arrays:
            stored.append((name, arrays))
    layers = [layer for layer in network.layers if layer.weights]
    for layer, found in zip_longest(layers, stored):
        yield layer, *(found or ("", []))


def _difference(layer: keras.layers.Layer | None, name: str, arrays: list) -> str:
    """Returns a line when the shapes of layer and arrays differ, else ""."""
    expected = [tuple(variable.shape) for variable in _variables(layer)] if layer else []
    found = [array.shape for array in arrays]
    if expected == found:
        return ""
    title = layer.name if layer else f"{name} of the file"
    return f"{title}: expected {_shapes(expected)}, found {_shapes(found)}"


def _pairs_by_place(network: keras.Model, stream: h5py.File) -> Iterator[Pair]:
    stored: dict[str, list[h5py.Dataset]] = {}

    def collect(path: str, item) -> None:
        place, _, last = path.rpartition("/")
        if isinstance(item, h5py.Dataset) and "seed_generator" not in path:
            stored.setdefault(place.removesuffix("/vars"), []).append((int(last), item))

    stream[SAVED_SINCE_KERAS_3].visititems(collect)
    in_order = {place: [item for _, item in sorted(found)] for place, found in stored.items()}
    for place, layer in _places(network):
        yield layer, place, in_order.pop(place, [])
    for place, arrays in in_order.items():
        yield None, place, arrays


def _places(network: keras.Model, above: str = "") -> Iterator[tuple[str, keras.layers.Layer]]:
    """Yields where Keras 3 keeps each layer with weights: class names, numbered in order."""
    counts: dict[str, int] = {}
    for layer in network.layers:
        kind = _snake_case(type(layer).__name__)
        number = counts[kind] = counts.get(kind, -1) + 1
        place = above + (f"{kind}_{number}" if number else kind)
        if isinstance(layer, keras.Model):
            yield from _places(layer, f"{place}/layers/")
        elif layer.weights:
            yield place, layer


def _snake_case(name: str) -> str:
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _variables(layer: keras.layers.Layer) -> list:
    return [*layer.trainable_variables, *layer.non_trainable_variables]


def _shapes(shapes: list[tuple[int, ...]]) -> str:
    return " and ".join(map(str, shapes)) or "nothing"


def _listed(lines: list[str]) -> str:
    more = f"; and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return "; ".join(lines[:SHOWN]) + more


def _names(group: h5py.Group, kind: str) -> list[str]:
    """Returns the names that a group lists, in several parts where they were too many for one."""
    parts = [kind] if kind in group.attrs else []
    while f"{kind}{len(parts)}" in group.attrs:
        parts.append(f"{kind}{len(parts)}")
    names = [name for part in parts for name in group.attrs[part]]
    return [name.decode() if isinstance(name, bytes) else name for name in names]
