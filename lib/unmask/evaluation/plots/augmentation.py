"""Figures of what training does to pictures: augmentations, and fakes made from real faces."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from ...errors import UsageError
from .faces import draw_face
from .style import WIDTH, described, listed, new_figure, styled

FEWEST_COLUMNS, MOST_COLUMNS = 5, 7
DETAIL = 5  # the middle fifth of each side is enlarged
LOUDER = 4  # differences are shown so many times as large


@styled
def augmentation_grid(
    columns: Mapping[str, np.ndarray], title: str = "", detail: bool = True
) -> Figure:
    """Returns a row a face and a column a change of it; more than seven columns go on below.

    Args:
        columns: from what was done, a few words, to the pictures, uint8 `[n, height, width, 3]`
            of the same n faces in the same order. The first is usually "as it is".
        title: above the figure.
        detail: whether a last row shows the middle of the last face, pixel by pixel: noise and
            encoders are hard to see otherwise.

    Raises:
        UsageError: no columns, or columns of different numbers of faces.
    """
    counts = {len(pictures) for pictures in columns.values()}
    if len(counts) != 1 or 0 in counts:
        raise UsageError(
            "The columns of an augmentation grid must show the same faces, at least one.",
            expected="the same number of pictures in each column",
        )
    names, faces = list(columns), counts.pop()
    rows = faces + int(detail)
    bands = -(-len(names) // MOST_COLUMNS)
    width = max(FEWEST_COLUMNS, -(-len(names) // bands))
    figure = new_figure(bands * (rows * WIDTH / width + 0.25) + (0.3 if title else 0.0))
    grid = figure.subplots(bands * rows, width, squeeze=False)
    for spare in grid[(bands - 1) * rows :, len(names) - (bands - 1) * width :].ravel():
        spare.remove()
    for place, name in enumerate(names):
        band, column = divmod(place, width)
        below = grid[band * rows : (band + 1) * rows, column]
        below[0].set_title(name, fontsize=9, loc="center", pad=4)
        for axes, picture in zip(below, columns[name], strict=False):
            draw_face(axes, picture, "", None, 1)
        if detail:
            draw_face(below[-1], _middle(columns[name][-1]), "", None, 1)
            below[-1].images[0].set_interpolation("nearest")
    if title:
        figure.suptitle(title, fontsize=11, fontweight="bold", x=0.01, ha="left")
    number = "one face" if faces == 1 else f"{faces} faces"
    more = ", the middle of the last one enlarged" if detail else ""
    return described(
        figure, f"{title or 'Changes of training pictures'}: {number}{more}, {listed(names)}."
    )


def _middle(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    tall, wide = max(1, height // DETAIL), max(1, width // DETAIL)
    top, left = (height - tall) // 2, (width - wide) // 2
    return picture[top : top + tall, left : left + wide]


@styled
def self_blended_grid(reals: np.ndarray, fakes: np.ndarray) -> Figure:
    """Returns real faces, the fakes made from them, and where the two differ; a column a face.

    Args:
        reals: uint8 `[n, height, width, 3]`.
        fakes: of the same shape, in the same order.
    """
    count = len(reals)
    difference = np.abs(reals.astype(np.int16) - fakes).max(axis=-1, keepdims=True)
    louder = np.repeat(np.clip(LOUDER * difference, 0, 255).astype(np.uint8), 3, axis=-1)
    rows = (("real", reals), ("self-blended", fakes), (f"difference × {LOUDER}", louder))
    figure = new_figure(3 * (WIDTH - 0.4) / count + 0.1)
    grid = figure.subplots(3, count, squeeze=False)
    for axes_row, (name, pictures) in zip(grid, rows, strict=True):
        for axes, picture in zip(axes_row, pictures, strict=True):
            draw_face(axes, picture, "", None, 1)
        axes_row[0].set_ylabel(name, fontsize=8.5)
    shares = (difference > 0).mean(axis=(1, 2, 3))
    return described(
        figure,
        f"{count} real faces, a fake made from each by blending it with a changed copy of itself, "
        f"and their difference {LOUDER} times as large; {100 * shares.min():.0f}% to "
        f"{100 * shares.max():.0f}% of the pixels differ.",
    )
