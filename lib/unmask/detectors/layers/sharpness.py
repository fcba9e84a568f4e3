"""Where in a face it is sharp, at several sizes."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from .colour import area_weights
from .exact import Exact

# Second differences across and down, and the square of both, by their pixels' offsets.
_SECOND = (1.0, -2.0, 1.0)
_SMALLEST_RESIDUAL = 0.2


@keras.saving.register_keras_serializable("unmask")
class SharpnessMap(Exact):
    """How large residuals are in each cell of a grid over the picture, `[n, numbers]`.

    Logarithms of the mean magnitude of second differences (across, down, and both) of each plane
    at full size and at each half of it, and the mean of each plane: a pasted face is sharper or
    softer than what is around it, and its border is neither. Left and right are averaged, since
    a mirrored face is as fake. Numbers stand in the order size and filter, row, column, plane.

    Args:
        cells: of the grid, in each direction; even.
        sizes: how many, each half the one before; the smallest picture must have `cells` pixels.
    """

    def __init__(self, cells: int = 14, sizes: int = 4, **arguments):
        super().__init__(**arguments)
        self.cells, self.sizes = int(cells), int(sizes)

    def compute(self, inputs):
        found, planes = [], inputs
        for size in range(self.sizes):
            if size:
                planes = ops.average_pool(planes, 2, strides=2, padding="valid")
            across, down = _second(planes, 2), _second(planes, 1)
            for residual in (across, down, _second(across, 1) / 2):
                found.append(ops.log(self._in_cells(ops.abs(residual)) + _SMALLEST_RESIDUAL))
        found.append(self._in_cells(inputs) / 64.0)
        maps = ops.stack(found, axis=1)
        halves = (maps + ops.flip(maps, axis=3))[:, :, :, : self.cells // 2] / 2
        return ops.reshape(halves, (-1, int(np.prod(halves.shape[1:]))))

    def get_config(self):
        return {**super().get_config(), "cells": self.cells, "sizes": self.sizes}

    def _in_cells(self, planes):
        down = area_weights(planes.shape[1], self.cells)
        across = area_weights(planes.shape[2], self.cells)
        rows = ops.einsum("ih,nhwc->niwc", down, planes)
        return ops.einsum("jw,niwc->nijc", across, rows)


def _second(planes, axis: int):
    """Returns second differences along an axis, the border mirrored about its pixels."""
    around = [(0, 0)] * 4
    around[axis] = (1, 1)
    padded = ops.pad(planes, around, mode="reflect")
    parts = [slice(None)] * 4
    total = 0.0
    for place, weight in enumerate(_SECOND):
        parts[axis] = slice(place, place + planes.shape[axis])
        total = total + weight * padded[tuple(parts)]
    return total
