"""Several detectors in one file: their logits, weighted and added, through one sigmoid."""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from ..errors import UsageError
from .layers import Join, Logit
from .parts import fake_unit


def together(
    models: Sequence[keras.Model],
    weights: Sequence[float] | None = None,
    bias: float | None = None,
    name: str = "together",
) -> keras.Model:
    """Joins detectors into one: P(fake) is the sigmoid of a weighted mean of their logits.

    The members' layers and weights are copied and called `<place>_<layer>`, so the same network
    may be a member twice.

    Args:
        models: detectors for pictures of one shape, from pixels 0..255 to P(fake) `[n, 1]`.
        weights: one a member, brought to a sum of 1; all the same when None.
        bias: when given, weights and bias are taken as they are, as a stacked logistic regression
            on the logits found them.
        name: of the new model.

    Returns:
        A functional model whose last layer is the dense unit "fake" on the logits, which are the
        output of its layer "logits" `[n, members]`.

    Raises:
        UsageError: no members, shapes that differ, or weights that do not fit.
    """
    shapes = {tuple(model.input_shape[1:]) for model in models}
    if len(shapes) != 1:
        raise UsageError(
            f"Detectors for pictures of {len(shapes)} different shapes cannot be joined.",
            expected="at least one detector, all for pictures of one shape",
        )
    kernel = _kernel(len(models), weights, bias)
    inputs = keras.Input(shapes.pop(), name="pixels")
    logits = [_logit(model, inputs, place) for place, model in enumerate(models, start=1)]
    joined = Join(name="logits")(logits)
    combined = keras.Model(inputs, fake_unit(joined), name=name)
    combined.get_layer("fake").set_weights([kernel, np.array([bias or 0.0], np.float32)])
    return combined


def _kernel(members: int, weights: Sequence[float] | None, bias: float | None) -> np.ndarray:
    given = np.ones(members) if weights is None else np.asarray(weights, np.float64)
    total = given.sum()
    if given.shape != (members,) or not np.isfinite(given).all() or (bias is None and total <= 0):
        raise UsageError(
            f"The weights {given.tolist()} do not fit {members} detectors.",
            expected="one number a detector, with a sum above 0",
        )
    return (given if bias is not None else given / total).reshape(-1, 1).astype(np.float32)


def _logit(model: keras.Model, inputs, place: int):
    """Returns the logit of a copy of `model` for `inputs`, `[n, 1]`."""
    last = model.layers[-1]
    linear = isinstance(last, keras.layers.Dense) and last.activation is keras.activations.sigmoid

    def copy_layer(layer):
        config = {**layer.get_config(), "name": f"{place}_{layer.name}"}
        if linear and layer is last:
            config["activation"] = "linear"
        copied = type(layer).from_config(config)
        copied.trainable = layer.trainable
        return copied

    # Without what a compiled model carries along.
    bare = keras.Model(model.input, model.output)
    copied = keras.models.clone_model(bare, input_tensors=inputs, clone_function=copy_layer)
    copied.set_weights(model.get_weights())
    return copied.output if linear else Logit(name=f"{place}_logit")(copied.output)
