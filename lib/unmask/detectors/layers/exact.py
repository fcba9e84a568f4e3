"""The base of layers that compute in float32 whatever the policy of the network is."""

from __future__ import annotations

from collections.abc import Sequence

import keras


class Exact(keras.layers.Layer):
    """A layer without weights that computes in float32 under any dtype policy.

    Pixels, differences of pixels, counts and spectra need more than bfloat16's eight bits: it
    has no number between 254 and 256. Subclasses write `compute(inputs)`, which is given float32
    and returns it; the layers after it cast to what they compute with.
    """

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.autocast = False

    def call(self, inputs):
        return self.compute(keras.ops.cast(inputs, "float32"))

    def get_config(self):
        # Without this, Keras takes the arguments of `__init__` for the whole configuration.
        return super().get_config()

    def compute(self, inputs):
        """Returns the layer's float32 output for float32 `inputs`."""
        raise NotImplementedError


@keras.saving.register_keras_serializable("unmask")
class Join(Exact):
    """Numbers `[n, ...]` of several layers side by side, float32 under any policy.

    Args:
        factors: what the numbers of each layer are multiplied by; 1 when None.
    """

    def __init__(self, factors: Sequence[float] | None = None, **arguments):
        super().__init__(**arguments)
        self.factors = None if factors is None else [float(factor) for factor in factors]

    def call(self, inputs):
        return self.compute([keras.ops.cast(part, "float32") for part in inputs])

    def compute(self, inputs):
        if self.factors is not None:
            pairs = zip(inputs, self.factors, strict=True)
            inputs = [part * factor for part, factor in pairs]
        return keras.ops.concatenate(inputs, axis=-1)

    def get_config(self):
        return {**super().get_config(), "factors": self.factors}
