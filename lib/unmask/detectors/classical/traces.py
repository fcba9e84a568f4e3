"""The strongest hand-made detector: several kinds of traces side by side."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from ...errors import UsageError, nearest
from ..layers import ColourPlanes, HalfSize, Join, UndecimatedDCTHistograms
from ..parts import fake_unit, refuse_small
from .residuals import rich_counts

SMALLEST = 32
PARTS = ("residuals", "half_size", "grid")
# At half the size brightness is counted in steps of two and colour in halves of a grey level,
# which is what the mean of four pixels leaves of them.
HALF_SCALES = (("brightness", 2.0, (0,)), ("colour", 0.5, (1, 2)))
GRID_STEP, GRID_TRUNCATION = 6.0, 4
# Brings the three kinds to about the same spread between faces (0.010, 0.011 and 0.06 without),
# as a linear head with one penalty for all wants it.
FACTORS = {"residuals": 1.0, "half_size": 1.0, "grid": 1 / 6}


def traces(input_shape: tuple[int, int, int], *, parts: Sequence[str] = PARTS) -> keras.Model:
    """Traces: residuals at two sizes and JPEG's frequencies at each place of its grid, linear head.

    Three kinds of numbers: "residuals", the counts of `cooccurrences_srm`; "half_size", the same
    of the picture at half its size, where traces outlive JPEG; "grid", how large each frequency
    of the 8x8 cosine transform of the brightness is at each of 25 places relative to JPEG's grid.
    Meant for method "linear_head" with copies re-saved as JPEG, without standardising each number
    by itself.

    Source: Fridrich and Kodovsky, 2012, IEEE TIFS 7:868; Holub and Fridrich, 2015, IEEE TIFS
    10:219 (DCTR); on generated faces Nataraj et al., 2019, arXiv:1903.06836.

    Args:
        input_shape: height, width, 3; at least 32x32. Faces should come at the resolution they
            were saved with, uncropped where the grid counts.
        parts: which kinds, of "residuals", "half_size", "grid".

    Raises:
        UsageError: unknown parts or none, or pictures smaller than 32x32 or not of 3 channels.
    """
    refuse_small("The detector of traces", input_shape, SMALLEST)
    for part in parts:
        if part not in PARTS:
            raise UsageError(
                f"There is no kind of trace {part!r}.{nearest(part, PARTS)}",
                expected="some of " + ", ".join(PARTS),
            )
    inputs = keras.Input(input_shape, name="pixels")
    planes = ColourPlanes("ycrcb", name="planes")(inputs)
    chosen = [part for part in PARTS if part in parts]
    if not chosen:
        raise UsageError("A detector of traces needs a kind of trace.", expected=", ".join(PARTS))
    found = [_part(planes, part) for part in chosen]
    features = Join([FACTORS[part] for part in chosen], name="traces")(found)
    return keras.Model(inputs, fake_unit(features, start="zeros"), name="traces")


def _part(planes, part: str):
    if part == "residuals":
        return rich_counts(planes, name="residuals")
    if part == "half_size":
        return rich_counts(HalfSize(name="half")(planes), name="half_size", scales=HALF_SCALES)
    return UndecimatedDCTHistograms(GRID_STEP, GRID_TRUNCATION, name="grid")(planes)


BUILDERS = {"traces": traces}
