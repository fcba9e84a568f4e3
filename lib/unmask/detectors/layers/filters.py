"""First layers that see a picture's noise and not its content."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from ...errors import UsageError, nearest
from .exact import Exact
from .kernels import BANKS, bank


@keras.saving.register_keras_serializable("unmask")
class FixedFilters(Exact):
    """High-pass filters that never learn, each on each channel: `[n, h, w, channels * filters]`.

    The kernels are those of the steganalysis rich model (see `kernels.bank`). The border is
    mirrored, so an even picture gives zeros everywhere.

    Args:
        bank: "srm" (3 kernels), "srm30" (30) or "differences" (4).

    Raises:
        UsageError: an unknown bank.
    """

    def __init__(self, bank: str = "srm", **arguments):
        super().__init__(**arguments)
        if bank not in BANKS:
            raise UsageError(
                f"There is no bank of filters {bank!r}.{nearest(bank, BANKS)}",
                expected="one of " + ", ".join(BANKS),
            )
        self.bank = bank

    def compute(self, inputs):
        channels = inputs.shape[-1]
        kernels = ops.tile(ops.convert_to_tensor(bank(self.bank))[:, :, None], (1, 1, channels, 1))
        padded = ops.pad(inputs, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="symmetric")
        return ops.depthwise_conv(padded, kernels, padding="valid", data_format="channels_last")

    def get_config(self):
        return {**super().get_config(), "bank": self.bank}


@keras.saving.register_keras_serializable("unmask")
class Truncation(Exact):
    """Values beyond `limit` set to it: what is left is noise, since edges are large.

    Args:
        limit: largest absolute value kept.
    """

    def __init__(self, limit: float = 3.0, **arguments):
        super().__init__(**arguments)
        self.limit = float(limit)

    def compute(self, inputs):
        return ops.clip(inputs, -self.limit, self.limit)

    def get_config(self):
        return {**super().get_config(), "limit": self.limit}


@keras.saving.register_keras_serializable("unmask")
class ConstrainedConvolution(keras.layers.Layer):
    """A convolution that learns to forecast each pixel from its neighbours, less the pixel itself.

    In every plane of every kernel the centre is -1 and the other weights sum to 1 (Bayar and
    Stamm, 2018, IEEE TIFS 13:2691), so even areas give 0. The paper divides by the sum after each
    step; here the weights used are the nearest ones that fit, computed in every call. So they fit
    under any optimizer, and there is no sum to be divided by that may come near 0. Computes in
    float32 under any dtype policy; the border is mirrored.

    Args:
        filters: kernels to learn.
        size: their side in pixels, odd, at least 3.
    """

    def __init__(self, filters: int = 3, size: int = 5, **arguments):
        super().__init__(**arguments)
        self.autocast = False
        if size < 3 or size % 2 == 0:
            raise UsageError(
                f"A constrained kernel cannot have a side of {size} pixels.",
                expected="an odd number of at least 3",
            )
        self.filters, self.size = filters, size

    def build(self, input_shape):
        shape = (self.size, self.size, input_shape[-1], self.filters)
        self.kernel = self.add_weight(
            shape=shape, initializer="glorot_uniform", dtype="float32", name="kernel"
        )

    def fitting_kernel(self):
        """Returns the weights used, `[size, size, channels, filters]`."""
        others = np.ones((self.size, self.size, 1, 1), np.float32)
        others[self.size // 2, self.size // 2] = 0.0
        kernel = ops.cast(self.kernel, "float32")
        total = ops.sum(kernel * others, axis=(0, 1), keepdims=True)
        return (kernel + (1.0 - total) / (self.size**2 - 1)) * others - (1.0 - others)

    def call(self, inputs):
        edge = self.size // 2
        around = ((0, 0), (edge, edge), (edge, edge), (0, 0))
        padded = ops.pad(ops.cast(inputs, "float32"), around, mode="symmetric")
        kernel = self.fitting_kernel()
        return ops.conv(padded, kernel, padding="valid", data_format="channels_last")

    def get_config(self):
        return {**super().get_config(), "filters": self.filters, "size": self.size}
