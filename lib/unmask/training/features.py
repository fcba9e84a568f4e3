"""Networks taken apart before their last layer, which is linear in what it is given."""

from __future__ import annotations

from collections.abc import Callable

import keras

from ..detectors.layers.crops import CropGrid, MeanOfCrops
from ..errors import UsageError


def head_of(model: keras.Model) -> keras.layers.Dense:
    """Returns the last layer of `model`.

    Raises:
        UsageError: it is not one sigmoid unit on a vector of features.
    """
    head = model.layers[-1]
    if (
        not isinstance(head, keras.layers.Dense)
        or head.units != 1
        or head.activation is not keras.activations.sigmoid
        or len(head.input.shape) != 2
        or not head.use_bias
    ):
        raise UsageError(
            f"The network {model.name} does not end in one sigmoid unit on a vector of features.",
            expected="Dense(1, activation='sigmoid') for its last layer",
            fix="choose another network, or train this one by gradients on whole faces",
        )
    return head


def features_of(model: keras.Model) -> keras.Model:
    """Returns what comes before the last layer: pixels to features `[n, d]`, layers shared."""
    return keras.Model(model.input, head_of(model).input)


def to_logit(model: keras.Model) -> Callable:
    """Returns a function from a tensor of pictures to logits `[n]`, in inference mode.

    Unlike the score it has a slope everywhere: a score rounded to 0 or 1 has none.
    """
    body, head = features_of(model), head_of(model)

    def logit(pictures):
        features = keras.ops.cast(body(pictures, training=False), head.kernel.dtype)
        return (keras.ops.matmul(features, head.kernel) + head.bias)[:, 0]

    return logit


def whole_faces(model: keras.Model, input_shape: tuple[int, int, int]) -> keras.Model:
    """Returns a network for whole faces made of one for crops; it shares all layers.

    To take it apart again or to save it, make a copy that shares nothing: `fast.plain`.

    Its logit is the mean of the logits of a grid of crops that covers the face: the logit is
    linear in the features, so their mean over the crops is taken before the last layer.

    Args:
        model: a network for crops.
        input_shape: height, width, channels of the faces.

    Raises:
        UsageError: the faces are smaller than the crops, or see `head_of`.
    """
    grid = CropGrid(model.input_shape[1], name="crops")
    pixels = keras.Input(input_shape, name="faces")
    features = run_on(features_of(model), grid(pixels), lambda layer: layer)
    mean = MeanOfCrops(grid.count(input_shape), name="mean_of_crops")(features)
    return keras.Model(pixels, head_of(model)(mean), name=model.name)


def run_on(model: keras.Model, pixels: keras.KerasTensor, replace: Callable) -> keras.KerasTensor:
    """Returns the output of a functional `model` on `pixels`, each layer through `replace`.

    The graph stays flat: a model called as a layer would hide its layers from `accelerate`.
    """
    outputs = []

    def apply(layer, *inputs, **options):
        outputs.append(layer(*inputs, **options))
        return outputs[-1]

    # A compiled one would clone its optimizer.
    bare = keras.Model(model.input, model.output)
    keras.models.clone_model(
        bare, input_tensors=pixels, clone_function=replace, call_function=apply
    )
    return outputs[-1]
