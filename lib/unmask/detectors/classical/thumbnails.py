"""The floor that every detector must beat: colours of a tiny picture."""

from __future__ import annotations

import keras

from ..layers import AreaThumbnail
from ..parts import fake_unit, refuse_low, refuse_small


def thumbnail(input_shape: tuple[int, int, int], *, side: int = 16) -> keras.Model:
    """Thumbnail: the colours of the face at 16x16 pixels, linear head.

    It can see pose, light and framing and hardly a forgery, so what it scores is how far the two
    classes differ in what has nothing to do with being fake.

    Source: the floor of Unmask's own audit.

    Args:
        input_shape: height, width, 3; at least `side` pixels a side.
        side: of the thumbnail, in pixels.

    Raises:
        UsageError: pictures smaller than `side` or not of 3 channels, or a side below 1.
    """
    refuse_low("thumbnail", side=side)
    refuse_small("The thumbnail detector", input_shape, side)
    inputs = keras.Input(input_shape, name="pixels")
    features = AreaThumbnail(side, name="thumbnail")(inputs)
    return keras.Model(inputs, fake_unit(features, start="zeros"), name="thumbnail")


BUILDERS = {"thumbnail": thumbnail}
