"""Patches of skin: cheeks and neck, their colour at one lightness, and whether it is skin."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas

MOST_TURNED = 0.28  # see Canvas.turned; beyond it a cheek is hidden
CHEEKS = ((-0.55, 0.68, 0.4, 0.4), (0.55, 0.68, 0.4, 0.4))  # x, y, width, height in eye distances
NECK = (0.0, 2.15, 0.9, 0.4)
NECK_SIDES = ((-0.28, 2.15, 0.34, 0.4), (0.28, 2.15, 0.34, 0.4))
LEAST_SHARE = 0.5  # of a patch that the picture must show, and of it that must be skin
DARKEST = 0.01  # luminance below which a colour is mostly noise
WHITE = np.array([0.9505, 1.0, 1.089])  # D65
# IEC 61966-2-1: linear sRGB to XYZ.
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
LIGHTNESS = 0.3  # the luminance at which colours are compared, so that shade does not count
# Hue (degrees) and chroma of skin in CIELAB at that luminance, widely drawn around the ranges of
# Xiao et al. (2017), "Characterising the variations in ethnic skin colours".
HUES, CHROMAS = (10, 85), (5, 60)


def patch_of(canvas: Canvas, place: tuple[float, float, float, float]) -> np.ndarray | None:
    """Returns the pixels of a patch in linear RGB `[n, 3]`; None when too few are shown."""
    area = canvas.patch(*place)
    shown = canvas.inside[area] & (canvas.light[area] > DARKEST)
    return canvas.linear[area][shown] if shown.mean() >= LEAST_SHARE else None


def colour_of(pixels: np.ndarray) -> np.ndarray:
    """Returns CIELAB a and b `[n, 2]` of linear RGB `[n, 3]`, all brought to one luminance."""
    xyz = np.asarray(pixels, np.float64) @ TO_XYZ.T
    xyz *= LIGHTNESS / np.maximum(xyz[:, 1:2], 1e-6)
    share = xyz / WHITE
    root = np.where(share > 216 / 24389, np.cbrt(share), (841 / 108) * share + 4 / 29)
    return np.stack([500 * (root[:, 0] - root[:, 1]), 200 * (root[:, 1] - root[:, 2])], axis=1)


def skin_of(pixels: np.ndarray) -> np.ndarray | None:
    """Returns those pixels `[m, 3]` that have a colour of skin, or None when most have none."""
    a, b = colour_of(pixels).T
    hue, chroma = np.degrees(np.arctan2(b, a)), np.hypot(a, b)
    is_skin = (hue > HUES[0]) & (hue < HUES[1]) & (chroma > CHROMAS[0]) & (chroma < CHROMAS[1])
    return pixels[is_skin] if is_skin.mean() >= LEAST_SHARE else None


def neck_of(
    canvas: Canvas, places: tuple[tuple[float, float, float, float], ...]
) -> list[np.ndarray] | str:
    """Returns the skin in each of the neck's patches, or why it cannot be had."""
    if canvas.turned > MOST_TURNED:
        return "the face is turned too far to a side"
    patches = [patch_of(canvas, place) for place in places]
    if any(patch is None for patch in patches):
        return "the neck is outside the picture or in the dark"
    skins = [skin_of(patch) for patch in patches]
    if any(skin is None for skin in skins):
        return "what is below the chin does not look like skin"
    return skins
