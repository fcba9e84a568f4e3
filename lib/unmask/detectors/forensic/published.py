"""Weights of MesoNet as its authors published them: HDF5 files of Keras 2.1, layer by layer."""

from __future__ import annotations

import re
from pathlib import Path

import h5py
import keras
import numpy as np

from ...errors import DataError

# What our layers of each kind are called, in the order the authors made them.
_KINDS = {"conv2d": "conv", "batch_normalization": "norm", "dense": "dense"}
_SHOWN = 5


def load_published(model: keras.Model, path: str | Path) -> None:
    """Sets the weights of `model` to those of a published file.

    The authors' classes were real = 1, so the last unit is turned (its weights and bias negated):
    the model gives P(fake) then. Measured so, on 16 frames each of a clip of FaceForensics++ and
    of its Deepfake, which is what they learned: AUC 0.96 to 1.00 for all four files, and 0.57 to
    0.59 on faces of DFDC. On one clip made by FaceSwap, a graphics method, it is 0.00 to 0.39.

    Args:
        model: `meso4` or `meso_inception4` for pictures of 256x256 pixels.
        path: the HDF5 file.

    Raises:
        DataError: the file is missing, not HDF5, damaged, or does not fit; then the layers are
            named.
    """
    try:
        found = _read(Path(path).expanduser())
    except (OSError, KeyError) as error:
        raise DataError(
            f"{path} is damaged: {error}.",
            expected="a whole HDF5 file of weights",
            fix="fetch it again",
        ) from error
    layers = {_published_name(layer.name): layer for layer in model.layers if layer.weights}
    wrong = [
        f"{name}: expected {wanted}, found {has}"
        for name in sorted(layers.keys() | found.keys())
        if (wanted := _shapes(layers[name].get_weights() if name in layers else None))
        != (has := _shapes(found.get(name)))
    ]
    if wrong:
        more = f"; and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise DataError(
            f"The weights in {path} do not fit {model.name}: " + "; ".join(wrong[:_SHOWN]) + more,
            expected=f"the authors' file for {model.name}, and pictures of 256x256 pixels",
        )
    for name, layer in layers.items():
        layer.set_weights(found[name])
    last = model.layers[-1]
    last.set_weights([-array for array in last.get_weights()])


def _read(path: Path) -> dict[str, list[np.ndarray]]:
    """Returns the arrays of each layer, by our names: conv1, norm1, dense1 and so on."""
    if not path.is_file():
        raise DataError(f"There is no file of weights at {path}.", expected="a path, or random")
    if not h5py.is_hdf5(path):
        raise DataError(f"{path} is not an HDF5 file.", expected="weights saved by Keras as .h5")
    by_kind: dict[str, list[tuple[int, list[np.ndarray]]]] = {}
    with h5py.File(path, "r") as stream:
        for name in stream.attrs.get("layer_names", []):
            group = stream[name]
            arrays = [np.asarray(group[weight]) for weight in group.attrs["weight_names"]]
            kind, number = re.fullmatch(r"(.*?)_?(\d*)", _text(name)).groups()
            if arrays:
                by_kind.setdefault(_KINDS.get(kind, kind), []).append((int(number or 0), arrays))
    return {
        f"{kind}{place}": arrays
        for kind, members in by_kind.items()
        for place, (_, arrays) in enumerate(sorted(members, key=lambda pair: pair[0]), start=1)
    }


def _published_name(name: str) -> str:
    return "dense2" if name == "fake" else name


def _shapes(arrays: list[np.ndarray] | None) -> str:
    return " ".join(str(array.shape) for array in arrays) if arrays else "nothing"


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name
