"""Scoring a whole picture by a network for crops: cut a grid, and average what it gives."""

from __future__ import annotations

import itertools

import keras

from ...errors import UsageError
from .exact import Exact

BLOCK = 8  # pixels of a side of JPEG's blocks


@keras.saving.register_keras_serializable("unmask")
class CropGrid(Exact):
    """Cuts pictures `[n, height, width, c]` into square crops `[n * count, crop, crop, c]`.

    As few crops as cover the picture, evenly spaced up to the grid of JPEG's blocks, the outer
    ones at its borders; those of one picture follow each other, row by row.
    """

    def __init__(self, crop: int, **arguments):
        """Takes the side of the crops in pixels."""
        super().__init__(**arguments)
        self.crop = int(crop)

    def count(self, input_shape: tuple[int, int, int]) -> int:
        """Returns how many crops a picture of height, width, channels gives."""
        return len(self._starts(input_shape[0])) * len(self._starts(input_shape[1]))

    def compute(self, inputs):
        height, width, channels = inputs.shape[1:]
        crops = [
            inputs[:, top : top + self.crop, left : left + self.crop]
            for top in self._starts(height)
            for left in self._starts(width)
        ]
        return keras.ops.reshape(
            keras.ops.stack(crops, axis=1), (-1, self.crop, self.crop, channels)
        )

    def get_config(self):
        return {**super().get_config(), "crop": self.crop}

    def _starts(self, side: int) -> list[int]:
        if side < self.crop:
            raise UsageError(
                f"Faces of {side} pixels are smaller than crops of {self.crop}.",
                expected=f"faces of at least {self.crop} pixels",
                fix="choose a smaller crop, or larger faces",
            )
        steps = -(-side // self.crop) - 1
        even = [round((side - self.crop) * step / max(1, steps)) for step in range(steps + 1)]
        # JPEG's blocks are where training saw them, if that leaves no gap.
        aligned = [min(round(start / BLOCK) * BLOCK, side - self.crop) for start in even[:-1]]
        aligned.append(even[-1])
        gaps = any(later - start > self.crop for start, later in itertools.pairwise(aligned))
        return even if gaps else aligned


@keras.saving.register_keras_serializable("unmask")
class MeanOfCrops(Exact):
    """Averages the features `[n * count, d]` of the crops of a picture to float32 `[n, d]`."""

    def __init__(self, count: int, **arguments):
        """Takes the number of crops of a picture."""
        super().__init__(**arguments)
        self.count = int(count)

    def compute(self, inputs):
        grouped = keras.ops.reshape(inputs, (-1, self.count, inputs.shape[-1]))
        return keras.ops.mean(grouped, axis=1)

    def get_config(self):
        return {**super().get_config(), "count": self.count}
