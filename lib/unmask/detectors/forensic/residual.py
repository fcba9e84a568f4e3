"""Networks on residuals: what is left of a picture when its content is forecast and taken off."""

from __future__ import annotations

from collections.abc import Sequence

import keras
from keras import layers

from ...errors import UsageError, nearest
from ..layers import ConstrainedConvolution, FixedFilters, Truncation
from ..parts import convolve, fake_unit, refuse_small, refuse_widths

SMALLEST = 16
FRONTS = ("srm", "srm30", "differences", "constrained")


def residual_net(
    input_shape: tuple[int, int, int],
    *,
    front: str = "differences",
    truncation: float = 4.0,
    widths: Sequence[int] = (24, 24, 32, 48),
    dropout: float = 0.2,
) -> keras.Model:
    """Residual network: high-pass filters, truncation, no early down-sampling.

    The first layers are those of steganalysis: fixed filters or a constrained convolution, cut
    off at `truncation`. Two convolutions see every pixel; each later one follows a mean over 2x2.
    Traces are averages over the whole picture, so the head takes the mean over all places.

    Source: Fridrich and Kodovsky, 2012, IEEE TIFS 7:868 (filters); Bayar and Stamm, 2018, IEEE
    TIFS 13:2691 (constrained); Ye, Ni and Yi, 2017, IEEE TIFS 12:2545 (truncation).

    Args:
        input_shape: height, width, 3; at least 16x16. Faces should come at the resolution they
            were saved with: resizing wipes the traces out.
        front: "srm" (3 fixed filters), "srm30" (30), "differences" (4) or "constrained"
            (5 learned filters).
        truncation: residuals beyond this many grey levels are set to it.
        widths: filters of each convolution; the first two keep the resolution.
        dropout: share of the last features dropped while training.

    Raises:
        UsageError: an unknown front, no widths, a truncation that is not above 0, or pictures
            smaller than 16x16 or not of 3 channels.
    """
    refuse_widths("residual_net", widths=widths)
    refuse_small("The residual network", input_shape, SMALLEST)
    inputs = keras.Input(input_shape, name="pixels")
    x = residual_front(inputs, front, truncation)
    for number, width in enumerate(widths, start=1):
        if number > 2:
            x = layers.AveragePooling2D(2, padding="same", name=f"pool{number}")(x)
        x = convolve(x, width, 3, f"block{number}")
    x = layers.GlobalAveragePooling2D(name="average")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    return keras.Model(inputs, fake_unit(x), name="residual_net")


def residual_front(pixels, front: str, truncation: float):
    """Returns truncated residuals of `pixels`, float32 of the same height and width.

    Raises:
        UsageError: an unknown front, or a truncation that is not above 0.
    """
    if not truncation > 0:
        raise UsageError(
            f"Residuals cannot be cut off at {truncation!r} grey levels.",
            expected="truncation above 0",
        )
    if front not in FRONTS:
        raise UsageError(
            f"There is no front {front!r}.{nearest(front, FRONTS)}",
            expected="one of " + ", ".join(FRONTS),
        )
    if front == "constrained":
        residuals = ConstrainedConvolution(5, 5, name="residuals")(pixels)
    else:
        residuals = FixedFilters(front, name="residuals")(pixels)
    return Truncation(truncation, name="truncation")(residuals)


BUILDERS = {"residual_net": residual_net}
