"""Detectors that look at how strong each frequency is."""

from __future__ import annotations

import keras

from ..layers import AzimuthalSpectrum, ColourPlanes, LogDCT
from ..parts import fake_unit, refuse_low, refuse_small

SMALLEST_SPECTRUM = 16


def log_dct(input_shape: tuple[int, int, int], *, bins: int = 32) -> keras.Model:
    """Cosine transform: logarithms of the whole face's frequencies in bins, linear head.

    Of brightness and both colour differences.

    Source: Frank et al., 2020, arXiv:2003.08685.

    Args:
        input_shape: height, width, 3; at least `bins` pixels a side.
        bins: parts that the frequencies of each direction are averaged in.

    Raises:
        UsageError: pictures smaller than `bins` or not of 3 channels, or bins below 1.
    """
    refuse_low("log_dct", bins=bins)
    refuse_small("The detector on the cosine transform", input_shape, bins)
    inputs = keras.Input(input_shape, name="pixels")
    planes = ColourPlanes("ycrcb", name="planes")(inputs)
    features = LogDCT(bins, name="log_dct")(planes)
    return keras.Model(inputs, fake_unit(features, start="zeros"), name="log_dct")


def azimuthal_spectrum(input_shape: tuple[int, int, int], *, rings: int = 48) -> keras.Model:
    """Azimuthal spectrum: mean power of the brightness in rings of frequency, linear head.

    Source: Durall et al., 2020, arXiv:2003.01826.

    Args:
        input_shape: height, width, 3; at least 16x16.
        rings: how many numbers a face becomes.

    Raises:
        UsageError: pictures smaller than 16x16 or not of 3 channels, or rings below 1.
    """
    refuse_low("azimuthal_spectrum", rings=rings)
    refuse_small("The detector on the azimuthal spectrum", input_shape, SMALLEST_SPECTRUM)
    inputs = keras.Input(input_shape, name="pixels")
    grey = ColourPlanes("grey", name="grey")(inputs)
    features = AzimuthalSpectrum(rings, name="rings")(grey)
    return keras.Model(inputs, fake_unit(features, start="zeros"), name="azimuthal_spectrum")


BUILDERS = {"log_dct": log_dct, "azimuthal_spectrum": azimuthal_spectrum}
