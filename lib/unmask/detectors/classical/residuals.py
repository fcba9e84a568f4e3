"""Detectors that count how residuals occur together."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from ..layers import ColourPlanes, Join, ResidualCooccurrences
from ..parts import fake_unit, refuse_low, refuse_small

SMALLEST = 16
# Steps in which the residuals are counted: about the largest weight of the kernel, so that each
# has about the same spread.
SRM_STEPS = {"first": 1.0, "second": 2.0, "third": 2.0, "edge3": 8 / 3}
SRM_SQUARES = {"square3": 8 / 3, "square5": 8.0}
SCALES = (("fine", 1.0, None), ("coarse", 2.0, (0,)))


def cooccurrences(
    input_shape: tuple[int, int, int], *, truncation: int = 3, order: int = 3
) -> keras.Model:
    """Co-occurrences of residuals: how often small differences stand in a row, linear head.

    First and second differences of brightness and both colour differences, down and across, as
    runs of three along the same direction: 4,116 numbers.

    Source: Pevny, Bas and Fridrich, 2010, IEEE TIFS 5:215 (SPAM); on generated faces Nataraj et
    al., 2019, arXiv:1903.06836.

    Args:
        input_shape: height, width, 3; at least 16x16. Faces should come at the resolution they
            were saved with.
        truncation: differences beyond this many grey levels are set to it.
        order: differences in a run.

    Raises:
        UsageError: pictures smaller than 16x16 or not of 3 channels, or a truncation or an order
            below 1.
    """
    refuse_low("cooccurrences", truncation=truncation, order=order)
    refuse_small("The detector of co-occurrences", input_shape, SMALLEST)
    inputs = keras.Input(input_shape, name="pixels")
    planes = ColourPlanes("ycrcb", name="planes")(inputs)
    counts = ResidualCooccurrences(
        {"first": 1.0, "second": 1.0}, truncation, order, name="cooccurrences"
    )
    return keras.Model(inputs, fake_unit(counts(planes), start="zeros"), name="cooccurrences")


def cooccurrences_srm(
    input_shape: tuple[int, int, int], *, truncation: int = 2, order: int = 4
) -> keras.Model:
    """Rich co-occurrences: six kinds of residuals counted in runs of four, linear head.

    A small rich model of steganalysis: first to third differences and an edge kernel, in runs
    along and across their axis; the 3x3 and 5x5 squares as the mean of both. Brightness is
    counted in fine and in twice as coarse steps, the colour differences in fine ones. A run, its
    mirror image and its negative count as the same.

    Source: Fridrich and Kodovsky, 2012, IEEE TIFS 7:868.

    Args:
        input_shape: height, width, 3; at least 16x16. Faces should come at the resolution they
            were saved with.
        truncation: residuals beyond this many steps are set to it.
        order: residuals in a run.

    Raises:
        UsageError: pictures smaller than 16x16 or not of 3 channels, or a truncation or an order
            below 1.
    """
    refuse_low("cooccurrences_srm", truncation=truncation, order=order)
    refuse_small("The detector of rich co-occurrences", input_shape, SMALLEST)
    inputs = keras.Input(input_shape, name="pixels")
    planes = ColourPlanes("ycrcb", name="planes")(inputs)
    features = rich_counts(planes, truncation, order)
    return keras.Model(inputs, fake_unit(features, start="zeros"), name="cooccurrences_srm")


def rich_counts(
    planes,
    truncation: int = 2,
    order: int = 4,
    *,
    name: str = "counts",
    scales: Sequence[tuple[str, float, Sequence[int] | None]] = SCALES,
):
    """Returns counts as of `cooccurrences_srm`, float32 `[n, numbers]`.

    Args:
        planes: brightness and both colour differences, `[n, h, w, 3]`.
        truncation: residuals beyond this many steps are set to it.
        order: residuals in a run.
        name: of the layer that joins the counts, and the beginning of the others' names.
        scales: a name, a factor of the steps and the planes that it is for (None for all), each.
    """
    parts = []
    for scale_name, scale, channels in scales:
        for kind, steps, merged in (("lines", SRM_STEPS, False), ("squares", SRM_SQUARES, True)):
            counts = ResidualCooccurrences(
                {residual: scale * step for residual, step in steps.items()},
                truncation,
                order,
                directions=("along",) if merged else ("along", "across"),
                symmetric=True,
                merged=merged,
                channels=channels,
                name=f"{name}_{scale_name}_{kind}",
            )
            parts.append(counts(planes))
    return Join(name=name)(parts)


BUILDERS = {"cooccurrences": cooccurrences, "cooccurrences_srm": cooccurrences_srm}
