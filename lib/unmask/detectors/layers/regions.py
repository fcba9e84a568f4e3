"""Co-occurrences of residuals in each part of the face by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np
from keras import ops

from .cooccurrences import ACROSS, DOWN, Residuals, codes_of, neighbours, same_runs
from .counting import shares


@keras.saving.register_keras_serializable("unmask")
class RegionCooccurrences(Residuals):
    """How often each run of neighbouring residuals occurs in each cell of a grid: `[n, numbers]`.

    As `ResidualCooccurrences` along the residual's axis, a run and its mirror image and negative
    being the same, but counted in `cells` times `cells` parts of the picture: noise of a pasted
    face differs from that around it. Cells left and right are averaged, since a mirrored face is
    as fake. Numbers stand in the order residual (those down, then those across), plane, row,
    column, run.

    Args:
        residuals: step of each residual, by the names of `kernels.RESIDUALS`.
        truncation: largest residual kept, in steps.
        order: residuals in a run.
        cells: of the grid in each direction, even.
        merged: the mean over both axes instead of each.
        channels: which planes of the input; all when None.
        root: square roots of the shares.
    """

    def __init__(
        self,
        residuals: Mapping[str, float],
        truncation: int = 2,
        order: int = 3,
        cells: int = 4,
        merged: bool = False,
        channels: Sequence[int] | None = None,
        root: bool = True,
        **arguments,
    ):
        super().__init__(residuals, truncation, channels, root, **arguments)
        self.order, self.cells, self.merged = int(order), int(cells), bool(merged)

    def compute(self, inputs):
        planes = self._planes(inputs)
        found = [
            [self._in_cells(self._short(planes, name, axis), axis) for name in self.residuals]
            for axis in (DOWN, ACROSS)
        ]
        if self.merged:
            found = [[(down + across) / 2 for down, across in zip(*found, strict=True)]]
        parts = ops.stack([part for of_axis in found for part in of_axis], axis=1)
        runs = ops.reshape(parts, (-1, self.levels**self.order))
        values = ops.matmul(runs, same_runs(self.levels, self.order))
        numbers = int(np.prod(parts.shape[1:-1])) * values.shape[-1]
        return self._finish(ops.reshape(values, (-1, numbers)))

    def compute_output_spec(self, inputs):
        numbers = len(self.channels) if self.channels is not None else inputs.shape[-1]
        numbers *= len(self.residuals) * (1 if self.merged else 2)
        numbers *= self.cells * (self.cells // 2) * same_runs(self.levels, self.order).shape[1]
        return keras.KerasTensor((inputs.shape[0], numbers), "float32")

    def get_config(self):
        own = {"order": self.order, "cells": self.cells, "merged": self.merged}
        return {**super().get_config(), **own}

    def _in_cells(self, short, axis: int):
        """Returns shares, `[n, channels, cells, cells / 2, runs]`."""
        channels, height, width = short.shape[1:]
        cells = self.cells
        runs, count = self.levels**self.order, cells**2
        place = _cell_of_run(height, width, cells, axis, self.order).reshape(1, -1)
        codes = codes_of(neighbours(short, axis, self.order), self.levels)
        # A run over the border of two cells belongs to none.
        codes = ops.where(place < count, codes + (place * runs).astype(np.int32), count * runs)
        found = shares(codes, count * runs + 1)[:, :-1]
        inside = np.bincount(place.ravel(), minlength=count)[:count]
        scale = (place.size / np.maximum(inside, 1)).astype(np.float32)
        found = ops.reshape(found, (-1, channels, count, runs)) * scale[:, None]
        found = ops.reshape(found, (-1, channels, cells, cells, runs))
        return (found + ops.flip(found, axis=3))[:, :, :, : cells // 2] / 2


def _cell_of_run(height: int, width: int, cells: int, axis: int, order: int) -> np.ndarray:
    """Returns the cell that a run from each place lies in, `cells ** 2` where it lies in two."""
    down, across = (
        np.searchsorted(
            [side * cell // cells for cell in range(1, cells)], np.arange(side), "right"
        )
        for side in (height, width)
    )
    cell = down[:, None] * cells + across[None]
    reach = order - 1
    if axis == DOWN:
        first, last = cell[: height - reach], cell[reach:]
    else:
        first, last = cell[:, : width - reach], cell[:, reach:]
    return np.where(first == last, first, cells**2)
