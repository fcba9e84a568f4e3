"""Which layers of a network a training phase may change."""

from __future__ import annotations

import keras

from ..errors import UsageError, nearest

PARTS = ("all", "last_stage", "head")
LAST_STAGE_PREFIX = "conv5_"


def set_trainable(model: keras.Model, part: str, *, freeze_normalization: bool = False) -> None:
    """Freezes every layer of `model` that is not in `part`; compile the model afterwards.

    Args:
        model: any of our networks.
        part: "all"; "head", the dense layers; "last_stage", ResNet50's fifth stage and the head.
        freeze_normalization: keeps every batch normalization as it is and in inference mode, as
            fine-tuning of pretrained weights wants it
            (https://keras.io/guides/transfer_learning).

    Raises:
        UsageError: `part` is not known, or the network has no such stage.
    """
    if part not in PARTS:
        raise UsageError(
            f"There is no part {part!r} of a network to train.{nearest(part, PARTS)}",
            expected="one of " + ", ".join(PARTS),
        )
    layers = [layer for layer in model.layers if layer.weights]
    if part == "last_stage" and not any(_in_last_stage(layer) for layer in layers):
        raise UsageError(
            f"The network {model.name} has no last stage to train alone.",
            expected="resnet50",
            fix="train 'all' of it",
        )
    for layer in layers:
        in_head = isinstance(layer, keras.layers.Dense)
        in_last_stage = part == "last_stage" and _in_last_stage(layer)
        frozen = freeze_normalization and isinstance(layer, keras.layers.BatchNormalization)
        layer.trainable = (part == "all" or in_head or in_last_stage) and not frozen


def _in_last_stage(layer: keras.layers.Layer) -> bool:
    return layer.name.startswith(LAST_STAGE_PREFIX)
