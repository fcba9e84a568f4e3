"""The strongest hand-made detector: several kinds of traces side by side."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from ...errors import UsageError, nearest
from ..layers import (
    ColourPlanes,
    HalfSize,
    Join,
    RegionCooccurrences,
    SharpnessMap,
    UndecimatedDCTHistograms,
)
from ..parts import fake_unit, refuse_small
from .residuals import rich_counts

SMALLEST = 32
PARTS = ("residuals", "half_size", "grid", "quarter_size", "regions", "sharpness")
# Enough where the whole face is generated; the others help where a face is pasted into another.
COMMON = PARTS[:3]
# Below full size brightness is counted in coarser steps and colour in halves of a grey level,
# which is what the mean of four pixels leaves of them.
SCALES = {
    "half_size": (("brightness", 2.0, (0,)), ("colour", 0.5, (1, 2))),
    "quarter_size": (("brightness", 3.0, (0,)), ("colour", 0.5, (1, 2))),
}
REGION_STEPS = (2.0, 4.0, 6.0)  # of brightness at full, half and quarter size; of colour 1
GRID_STEP, GRID_TRUNCATION = 6.0, 4
# One over the spread between faces and over the root of how many numbers, about: each kind then
# weighs the same in a linear head with one penalty for all.
FACTORS = {
    "residuals": 1.0,
    "half_size": 0.85,
    "grid": 0.2,
    "quarter_size": 0.6,
    "regions": 0.27,
    "sharpness": 0.03,
}


def traces(input_shape: tuple[int, int, int], *, parts: Sequence[str] = COMMON) -> keras.Model:
    """Traces: residuals at two sizes and JPEG's frequencies at each place of its grid, linear head.

    Kinds of numbers: "residuals", the counts of `cooccurrences_srm`; "half_size", the same of the
    picture at half its size, where traces outlive JPEG; "grid", how large each frequency of the
    8x8 cosine transform of the brightness is at each of 25 places relative to JPEG's grid. On
    demand "quarter_size"; "regions", counts in 16 parts of the face at three sizes; and
    "sharpness", how strong residuals are in 14 x 14 cells at four sizes: where a face is pasted
    into another, its parts differ. Meant for method "linear_head" with copies re-saved as JPEG.

    Source: Fridrich and Kodovsky, 2012, IEEE TIFS 7:868; Holub and Fridrich, 2015, IEEE TIFS
    10:219 (DCTR); on generated faces Nataraj et al., 2019, arXiv:1903.06836.

    Args:
        input_shape: height, width, 3; at least 32x32. Faces should come at the resolution they
            were saved with, uncropped where the grid counts.
        parts: which kinds, of `PARTS`.

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
        return rich_counts(planes, name=part)
    if part == "grid":
        return UndecimatedDCTHistograms(GRID_STEP, GRID_TRUNCATION, name=part)(planes)
    if part == "sharpness":
        return SharpnessMap(name=part)(planes)
    if part == "regions":
        return _regions(planes)
    for number in range(1 if part == "half_size" else 2):
        planes = HalfSize(name=f"{part}_{number + 1}")(planes)
    return rich_counts(planes, name=part, scales=SCALES[part])


def _regions(planes):
    """Returns counts in 16 parts at three sizes, second differences and their square."""
    found = []
    for number, step in enumerate(REGION_STEPS):
        if number:
            planes = HalfSize(name=f"regions_half_{number}")(planes)
        for colour, steps, channels in (("brightness", step, (0,)), ("colour", 1.0, (1, 2))):
            for residual, factor, merged in (("second", 1.0, False), ("square3", 2.0, True)):
                counts = RegionCooccurrences(
                    {residual: factor * steps},
                    merged=merged,
                    channels=channels,
                    name=f"regions_{number + 1}_{colour}_{residual}",
                )
                found.append(counts(planes))
    return Join(name="regions")(found)


BUILDERS = {"traces": traces}
