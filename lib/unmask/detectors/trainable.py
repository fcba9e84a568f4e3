"""The stages of a network from its input to its head, and which of them a training may change."""

from __future__ import annotations

import keras

from ..errors import UsageError, nearest

PARTS = ("all", "last_stage", "head")


def stages(model: keras.Model) -> list[list[str]]:
    """Returns the names of the layers with weights, stage by stage from the input to the head.

    A stage is what works at one size of the pictures; wherever they get smaller (pooling,
    strides) the next one begins. The head is what comes after the last map with places. Every
    layer with weights is in exactly one stage, and no stage is empty.

    Example:
        stages(build("two_block", (32, 32, 3)))
        # [["block1_conv1", "block1_norm1", ...], ["block2_conv1", ...], ["fake"]]

    Args:
        model: any of our networks.
    """
    areas = [_area(layer) for layer in model.layers]
    found: list[list[str]] = []
    of_stage = None
    for number, layer in enumerate(model.layers):
        if not layer.weights:
            continue
        # Blocks of attention shrink to one value a channel and come back: what comes later at
        # a larger size shows that such a layer does not begin a stage.
        area = max(areas[number:])
        if area != of_stage:
            found.append([])
            of_stage = area
        found[-1].append(layer.name)
    return found


def set_trainable(model: keras.Model, part: str, *, freeze_normalization: bool = False) -> None:
    """Freezes every layer of `model` that is not in `part`; compile the model afterwards.

    Args:
        model: any of our networks.
        part: "all"; "head", the last of `stages`; "last_stage", the last two of them.
        freeze_normalization: keeps every batch normalization as it is and in inference mode, as
            fine-tuning of pretrained weights wants it
            (https://keras.io/guides/transfer_learning).

    Raises:
        UsageError: `part` is not known, or the network is nothing but a head.
    """
    if part not in PARTS:
        raise UsageError(
            f"There is no part {part!r} of a network to train.{nearest(part, PARTS)}",
            expected="one of " + ", ".join(PARTS),
        )
    found = stages(model)
    if part == "last_stage" and len(found) < 2:
        raise UsageError(
            f"The network {model.name} has no last stage to train alone.",
            expected="a network with stages that learn before its head",
            fix="train 'all' of it",
        )
    taught = {"all": found, "last_stage": found[-2:], "head": found[-1:]}[part]
    names = {name for stage in taught for name in stage}
    for layer in model.layers:
        if layer.weights:
            frozen = freeze_normalization and isinstance(layer, keras.layers.BatchNormalization)
            layer.trainable = layer.name in names and not frozen


def _area(layer: keras.layers.Layer) -> int:
    """Returns how many places the output of `layer` has, 0 when it is no map."""
    try:
        shape = tuple(layer.output.shape)
    except (AttributeError, ValueError):  # used twice, or with several outputs
        return 0
    if len(shape) != 4 or None in shape[1:]:
        return 0
    return shape[1] * shape[2]
