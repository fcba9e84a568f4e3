"""What JPEG's own transform shows when its 8x8 window is laid at every pixel."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from .counting import shares
from .exact import Exact
from .frequency import BLOCK, dct_matrix

# Places in the grid of 8x8 blocks, mirrored ones taken as the same: 5 down times 5 across.
PHASES = (BLOCK // 2 + 1) ** 2


@keras.saving.register_keras_serializable("unmask")
class UndecimatedDCTHistograms(Exact):
    """How large each frequency of the 8x8 cosine transform is at each place of JPEG's grid.

    The window is laid at every pixel, not only on the grid, and the magnitudes of the 63
    frequencies above 0 are counted apart for each of 25 places relative to the grid (mirrored
    places count as one). Re-encoding leaves its mark on the grid and what was there before beside
    it: DCTR of Holub and Fridrich, 2015, IEEE TIFS 10:219.

    The numbers `[n, channels * 63 * 25 * (truncation + 1)]` stand in the order plane, frequency
    (down, then across), place, magnitude; each `truncation + 1` squares sum to 1.

    Args:
        step: magnitudes are divided by it and rounded.
        truncation: largest magnitude kept, in steps.
        channels: which planes of the input.
    """

    def __init__(self, step: float = 6.0, truncation: int = 4, channels=(0,), **arguments):
        super().__init__(**arguments)
        self.supports_jit = False
        self.step, self.truncation = float(step), int(truncation)
        self.channels = [int(number) for number in channels]
        self.levels = self.truncation + 1

    def compute(self, inputs):
        found = [self._of_plane(inputs[..., channel : channel + 1]) for channel in self.channels]
        return ops.sqrt(ops.concatenate(found, axis=-1))

    def compute_output_spec(self, inputs):
        numbers = len(self.channels) * (BLOCK**2 - 1) * PHASES * self.levels
        return keras.KerasTensor((inputs.shape[0], numbers), "float32")

    def get_config(self):
        settings = {"step": self.step, "truncation": self.truncation, "channels": self.channels}
        return {**super().get_config(), **settings}

    def _of_plane(self, plane):
        """Returns the shares of one plane, `[n, 63 * 25 * levels]`."""
        height, width = plane.shape[1] - BLOCK + 1, plane.shape[2] - BLOCK + 1
        phases = _phases(height, width)
        # A place is as frequent as its part of the picture; shares are within a place.
        frequency_of_place = np.bincount(phases.ravel(), minlength=PHASES) / phases.size
        within = np.where(frequency_of_place > 0, 1 / np.maximum(frequency_of_place, 1e-9), 0)
        offsets = (phases * self.levels)[..., None] + np.arange(BLOCK) * (PHASES * self.levels)
        offsets = ops.convert_to_tensor(offsets.reshape(1, -1), "int32")
        found = []
        # One row of frequencies at a time: all 64 planes of a batch would fill the memory.
        for down in range(BLOCK):
            counted = shares(self._codes(plane, down) + offsets, BLOCK * PHASES * self.levels)
            counted = ops.reshape(counted, (-1, BLOCK, PHASES, self.levels)) * float(BLOCK)
            counted = counted * within.astype(np.float32)[:, None]
            found.append(counted[:, 1:] if down == 0 else counted)
        joined = ops.concatenate(found, axis=1)
        return ops.reshape(joined, (-1, (BLOCK**2 - 1) * PHASES * self.levels))

    def _codes(self, plane, down: int):
        """Returns truncated magnitudes, int32 `[n, places * 8]`, of one frequency down."""
        cosines = dct_matrix(BLOCK)
        rows = _convolve(plane, cosines[down].reshape(BLOCK, 1, 1, 1))
        values = _convolve(rows, cosines.T.reshape(1, BLOCK, 1, BLOCK))
        magnitudes = ops.minimum(ops.round(ops.abs(values) / self.step), float(self.truncation))
        places = magnitudes.shape[1] * magnitudes.shape[2] * BLOCK
        return ops.reshape(ops.cast(magnitudes, "int32"), (-1, places))


def _convolve(plane, kernel: np.ndarray):
    return ops.conv(plane, kernel, padding="valid", data_format="channels_last")


def _phases(height: int, width: int) -> np.ndarray:
    """Returns the place in the grid of each window, 0..24, int `[height, width]`."""
    down, across = (
        np.minimum(np.arange(side) % BLOCK, BLOCK - np.arange(side) % BLOCK)
        for side in (height, width)
    )
    return down[:, None] * (BLOCK // 2 + 1) + across[None]
