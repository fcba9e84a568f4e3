"""How often small residuals occur side by side: the strongest hand-made trace of a generator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import keras
import numpy as np
from keras import ops

from ...errors import UsageError, nearest
from .counting import shares
from .exact import Exact
from .kernels import RESIDUALS

DIRECTIONS = ("along", "across")
DOWN, ACROSS = 2, 3  # axes of planes as they are kept here: [n, channels, h, w]


class Residuals(Exact):
    """What all kinds of co-occurrence have in common: residuals, quantised and truncated."""

    def __init__(
        self,
        residuals: Mapping[str, float],
        truncation: int,
        channels: Sequence[int] | None,
        root: bool,
        **arguments,
    ):
        super().__init__(**arguments)
        self.supports_jit = False
        for name in residuals:
            if name not in RESIDUALS:
                raise UsageError(
                    f"There is no residual {name!r}.{nearest(name, RESIDUALS)}",
                    expected="one of " + ", ".join(RESIDUALS),
                )
        self.residuals = {name: float(step) for name, step in residuals.items()}
        self.truncation, self.root = int(truncation), bool(root)
        self.channels = None if channels is None else [int(number) for number in channels]
        self.levels = 2 * self.truncation + 1

    def get_config(self):
        return {
            **super().get_config(),
            "residuals": self.residuals,
            "truncation": self.truncation,
            "channels": self.channels,
            "root": self.root,
        }

    def _planes(self, inputs):
        if self.channels is not None:
            return ops.stack([inputs[..., number] for number in self.channels], axis=1)
        return ops.transpose(inputs, (0, 3, 1, 2))

    def _short(self, planes, name: str, axis: int):
        """Returns the residual in whole steps, -truncation..truncation, `[n, channels, h', w']`."""
        kernel = RESIDUALS[name] if axis == ACROSS else RESIDUALS[name].T
        found, step = _correlate(planes, kernel), self.residuals[name]
        found = ops.round(found if step == 1.0 else found / step)
        return ops.clip(found, -float(self.truncation), float(self.truncation))

    def _finish(self, values):
        return ops.sqrt(values) if self.root else values


@keras.saving.register_keras_serializable("unmask")
class ResidualCooccurrences(Residuals):
    """How often each run of neighbouring residuals occurs, in each plane: `[n, numbers]`.

    A residual is a pixel's difference from a forecast by its neighbours, divided by a step,
    rounded and truncated; `order` neighbouring ones make one of (2 * truncation + 1) ** order
    runs, whose shares describe the noise of camera or generator and hardly the face (Fridrich
    and Kodovsky, 2012, IEEE TIFS 7:868; on generated faces Nataraj et al., 2019,
    arXiv:1903.06836).

    The numbers stand in the order plane, axis of the residual (down, then across; one when
    merged), residual, direction, run.

    Args:
        residuals: step of each residual, by the names of `kernels.RESIDUALS`.
        truncation: largest residual kept, in steps.
        order: residuals in a run.
        directions: runs "along" the axis of the residual, "across" it, or both.
        symmetric: a run, its reverse, its negative and both are the same (a mirrored or negative
            picture has the same noise), which leaves about a quarter of the numbers.
        merged: the mean over both axes instead of each.
        channels: which planes of the input; all when None.
        root: square roots of the shares, whose spread is the same for rare and for usual runs.

    Raises:
        UsageError: an unknown residual or direction.
    """

    def __init__(
        self,
        residuals: Mapping[str, float],
        truncation: int = 3,
        order: int = 3,
        directions: Sequence[str] = ("along",),
        symmetric: bool = False,
        merged: bool = False,
        channels: Sequence[int] | None = None,
        root: bool = True,
        **arguments,
    ):
        super().__init__(residuals, truncation, channels, root, **arguments)
        for direction in directions:
            if direction not in DIRECTIONS:
                raise UsageError(
                    f"There is no direction {direction!r}.{nearest(direction, DIRECTIONS)}",
                    expected=" or ".join(DIRECTIONS),
                )
        self.order, self.directions = int(order), list(directions)
        self.symmetric, self.merged = bool(symmetric), bool(merged)

    def compute(self, inputs):
        planes = self._planes(inputs)
        channels = planes.shape[1]
        found = [self._of_axis(planes, axis) for axis in (DOWN, ACROSS)]
        if self.merged:
            found = [[(down + across) / 2 for down, across in zip(*found, strict=True)]]
        parts = [part for of_axis in found for part in of_axis]
        stacked = ops.reshape(ops.stack(parts, axis=1), (-1, self._runs()))
        if self.symmetric:
            stacked = ops.matmul(stacked, same_runs(self.levels, self.order))
        numbers = channels * len(parts) * stacked.shape[-1]
        return self._finish(ops.reshape(stacked, (-1, numbers)))

    def get_config(self):
        return {
            **super().get_config(),
            "order": self.order,
            "directions": self.directions,
            "symmetric": self.symmetric,
            "merged": self.merged,
        }

    def compute_output_spec(self, inputs):
        numbers = len(self.channels) if self.channels is not None else inputs.shape[-1]
        numbers *= len(self.residuals) * len(self.directions) * (1 if self.merged else 2)
        runs = same_runs(self.levels, self.order).shape[1] if self.symmetric else self._runs()
        return keras.KerasTensor((inputs.shape[0], numbers * runs), "float32")

    def _runs(self) -> int:
        return self.levels**self.order

    def _of_axis(self, planes, axis: int) -> list:
        """Returns `[n * channels, runs]` of each residual and direction."""
        found = []
        for name in self.residuals:
            short = self._short(planes, name, axis)
            for direction in self.directions:
                run_axis = axis if direction == "along" else DOWN + ACROSS - axis
                codes = codes_of(neighbours(short, run_axis, self.order), self.levels)
                found.append(shares(codes, self._runs()))
        return found


@keras.saving.register_keras_serializable("unmask")
class ChannelCooccurrences(Residuals):
    """How often the residuals of several planes occur together at one pixel: `[n, numbers]`.

    Cameras make colours from one mosaic of sensors and generators do not, so their planes are
    not tied in the same way (Goljan, Fridrich and Cogranne, 2014, IEEE WIFS; Barni et al., 2020,
    arXiv:2007.12909).

    The numbers stand in the order residual, axis (down, then across), combination.

    Args:
        residuals: step of each residual, by the names of `kernels.RESIDUALS`.
        truncation: largest residual kept, in steps.
        channels: which planes of the input; all when None.
        steps: a factor of the step for each of these planes; 1 when None.
        root: square roots of the shares.
    """

    def __init__(
        self,
        residuals: Mapping[str, float],
        truncation: int = 3,
        channels: Sequence[int] | None = None,
        steps: Sequence[float] | None = None,
        root: bool = True,
        **arguments,
    ):
        super().__init__(residuals, truncation, channels, root, **arguments)
        self.steps = None if steps is None else [float(step) for step in steps]

    def compute(self, inputs):
        planes = self._planes(inputs)
        if self.steps is not None:
            planes = planes / np.array(self.steps, np.float32)[:, None, None]
        found = []
        for name in self.residuals:
            for axis in (DOWN, ACROSS):
                short = self._short(planes, name, axis)
                members = [short[:, number] for number in range(short.shape[1])]
                found.append(shares(codes_of(members, self.levels), self.levels ** len(members)))
        return self._finish(ops.concatenate(found, axis=-1))

    def compute_output_spec(self, inputs):
        members = len(self.channels) if self.channels is not None else inputs.shape[-1]
        numbers = 2 * len(self.residuals) * self.levels**members
        return keras.KerasTensor((inputs.shape[0], numbers), "float32")

    def get_config(self):
        return {**super().get_config(), "steps": self.steps}


@lru_cache(maxsize=8)
def same_runs(levels: int, order: int) -> np.ndarray:
    """Returns which runs are the same but for mirror and sign, float32 `[runs, classes]` of 0, 1.

    Classes stand in the order of their smallest run.
    """
    digits = np.indices((levels,) * order).reshape(order, -1)
    weights = levels ** np.arange(order)[::-1]
    negative = levels - 1 - digits
    forms = [weights @ form for form in (digits, digits[::-1], negative, negative[::-1])]
    _, classes = np.unique(np.min(forms, axis=0), return_inverse=True)
    return np.eye(classes.max() + 1, dtype=np.float32)[classes]


def _correlate(planes, kernel: np.ndarray):
    """Returns the sum of shifted planes, weighted by `kernel`, where all of it fits in."""
    height, width = kernel.shape
    total = None
    for down, across in np.argwhere(kernel):
        part = planes[..., down : _end(down, height), across : _end(across, width)]
        weight = float(kernel[down, across])
        part = part if weight == 1.0 else part * weight
        total = part if total is None else total + part
    return total


def neighbours(short, axis: int, order: int) -> list:
    """Returns `order` planes, each moved by one more pixel along `axis`."""
    around = [slice(None)] * 4
    found = []
    for place in range(order):
        around[axis] = slice(place, _end(place, order))
        found.append(short[tuple(around)])
    return found


def _end(start: int, length: int) -> int | None:
    return int(start) - length + 1 or None


def codes_of(members: list, levels: int):
    """Returns one number for each place's members, int32 `[rows, places]`."""
    code = members[0]
    for member in members[1:]:
        code = code * float(levels) + member
    centre = (levels ** len(members) - 1) // 2
    code = ops.cast(code + float(centre), "int32")
    shape = ops.shape(code)
    return ops.reshape(code, (-1, shape[-2] * shape[-1]))
