"""Pictures as frequencies: blocks of 8x8, the whole picture, rings."""

from __future__ import annotations

from functools import lru_cache

import keras
import numpy as np
from keras import ops

from ...errors import UsageError, nearest
from .exact import Exact

BLOCK = 8
FORMS = ("magnitudes", "both", "values")


@keras.saving.register_keras_serializable("unmask")
class BlockDCT(Exact):
    """The cosine transform of each 8x8 block, as JPEG takes it: `[n, h // 8, w // 8, 64 * c]`.

    Of pixels 0..255 less 128. The channels stand in the order frequency (down, then across),
    plane. Pixels beyond the last whole block are left out.

    Args:
        form: "magnitudes", log(1 + |value|); "both", the same with the value's sign, then
            without (128 channels a plane); or "values", which lie within -1024..1024.

    Raises:
        UsageError: an unknown form.
    """

    def __init__(self, form: str = "magnitudes", **arguments):
        super().__init__(**arguments)
        if form not in FORMS:
            raise UsageError(
                f"There is no form {form!r} of the cosine transform.{nearest(form, FORMS)}",
                expected="one of " + ", ".join(FORMS),
            )
        self.form = form

    def compute(self, inputs):
        channels = inputs.shape[-1]
        rows = dct_matrix(BLOCK)
        kernels = np.einsum("ui,vj->ijuv", rows, rows).reshape(BLOCK, BLOCK, 1, BLOCK**2)
        kernels = ops.convert_to_tensor(kernels)
        of_planes = [
            ops.conv(
                inputs[..., number : number + 1] - 128.0,
                kernels,
                strides=BLOCK,
                padding="valid",
                data_format="channels_last",
            )
            for number in range(channels)
        ]
        values = ops.stack(of_planes, axis=-1)
        height, width = inputs.shape[1] // BLOCK, inputs.shape[2] // BLOCK
        values = ops.reshape(values, (-1, height, width, BLOCK**2 * channels))
        if self.form == "values":
            return values
        magnitudes = ops.log1p(ops.abs(values))
        if self.form == "magnitudes":
            return magnitudes
        return ops.concatenate([ops.sign(values) * magnitudes, magnitudes], axis=-1)

    def get_config(self):
        return {**super().get_config(), "form": self.form}


@keras.saving.register_keras_serializable("unmask")
class LogDCT(Exact):
    """log(1 + |value|) of the cosine transform of each whole plane, averaged to `[n, bins**2 * c]`.

    Frequencies of one bin lie beside each other (Frank et al., 2020, arXiv:2003.08685, take the
    logarithm of the transform of whole faces; the mean keeps a linear head small).

    Args:
        bins: parts that the frequencies of each direction are averaged in; the picture must
            have at least so many pixels a side, those beyond a multiple are left out.
    """

    def __init__(self, bins: int = 32, **arguments):
        super().__init__(**arguments)
        self.bins = bins

    def compute(self, inputs):
        height, width, channels = inputs.shape[1:]
        values = ops.einsum("uh,nhwc->nuwc", dct_matrix(height), inputs)
        values = ops.einsum("vw,nuwc->nuvc", dct_matrix(width), values)
        values = ops.log1p(ops.abs(values))
        down, across = height // self.bins, width // self.bins
        values = values[:, : down * self.bins, : across * self.bins]
        shape = (-1, self.bins, down, self.bins, across, channels)
        means = ops.mean(ops.reshape(values, shape), axis=(2, 4))
        return ops.reshape(means, (-1, self.bins**2 * channels))

    def get_config(self):
        return {**super().get_config(), "bins": self.bins}


@keras.saving.register_keras_serializable("unmask")
class LogSpectrum(Exact):
    """log10 of the power of each frequency of each plane, `[n, h, w // 2 + 1, c]`.

    After the mean is taken off and a Hann window is laid over; frequencies down run from -1/2 to
    1/2 cycles a pixel, those across from 0 to 1/2. The power of white noise of variance v is v.
    """

    def compute(self, inputs):
        power = ops.transpose(_power(inputs), (0, 2, 3, 1))
        middle = inputs.shape[1] // 2
        shifted = ops.roll(power, middle, axis=1)
        return ops.log(shifted + 1e-6) / np.log(10.0).astype(np.float32)


@keras.saving.register_keras_serializable("unmask")
class AzimuthalSpectrum(Exact):
    """log10 of the mean power of each plane in rings of equal width, `[n, rings * c]`.

    Rings from no frequency to half a cycle a pixel, after a Hann window: the azimuthal average of
    Durall et al., 2020, arXiv:2003.01826.

    Args:
        rings: how many.
    """

    def __init__(self, rings: int = 48, **arguments):
        super().__init__(**arguments)
        self.rings = rings

    def compute(self, inputs):
        height, width, channels = inputs.shape[1:]
        ring, weights, totals = _rings(height, width, self.rings)
        power = ops.reshape(_power(inputs) * weights, (-1, weights.size))
        sums = ops.segment_sum(ops.transpose(power), ring, num_segments=self.rings + 1)
        means = ops.transpose(sums[: self.rings] / totals[:, None])
        return ops.reshape(
            ops.log(means + 1e-6) / np.float32(np.log(10)), (-1, channels * self.rings)
        )

    def get_config(self):
        return {**super().get_config(), "rings": self.rings}


@lru_cache(maxsize=16)
def dct_matrix(size: int) -> np.ndarray:
    """Returns the orthonormal cosine transform DCT-II, float32 `[frequency, place]`."""
    places = np.arange(size)
    matrix = np.cos(np.pi * (2 * places[None] + 1) * places[:, None] / (2 * size))
    matrix *= np.where(places[:, None] == 0, np.sqrt(1 / size), np.sqrt(2 / size))
    return matrix.astype(np.float32)


def _power(inputs):
    """Returns the power of each frequency, `[n, c, h, w // 2 + 1]`, of windowed planes."""
    window = np.outer(np.hanning(inputs.shape[1]), np.hanning(inputs.shape[2]))
    window = (window / np.sqrt((window**2).sum())).astype(np.float32)
    planes = ops.transpose(inputs, (0, 3, 1, 2))
    planes = (planes - ops.mean(planes, axis=(2, 3), keepdims=True)) * window
    parts = [ops.transpose(part, (0, 1, 3, 2)) for part in ops.rfft(planes)]
    real, imaginary = ops.fft(tuple(parts))
    return ops.transpose(real * real + imaginary * imaginary, (0, 1, 3, 2))


@lru_cache(maxsize=16)
def _rings(height: int, width: int, rings: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns the ring of each place, how often it counts `[h, w // 2 + 1]`, sums of each ring."""
    across = np.fft.rfftfreq(width)
    distance = np.hypot(np.fft.fftfreq(height)[:, None], across[None])
    ring = np.minimum((distance * 2 * rings).astype(np.int32), rings).ravel()
    # The half that a real transform leaves out mirrors the one it gives.
    doubled = np.where((across == 0) | (across == 0.5), 1.0, 2.0).astype(np.float32)
    weights = np.ascontiguousarray(np.broadcast_to(doubled, (height, len(across))))
    totals = np.bincount(ring, weights.ravel(), minlength=rings + 1)[:rings]
    return ring, weights, np.maximum(totals, 1.0).astype(np.float32)
