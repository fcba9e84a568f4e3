"""Figures of augmentations: every picture in its place, in a grid that a page can hold."""

import io

import numpy as np
import pytest
from PIL import Image
from unmask.errors import UsageError
from unmask.evaluation import plots
from unmask.evaluation.plots.style import to_png

PICTURES = np.random.default_rng(0).integers(0, 256, (2, 20, 20, 3), dtype=np.uint8)


def test_columns_go_on_below_and_a_last_row_shows_the_middle():
    columns = {f"change {number}": PICTURES // (number + 1) for number in range(9)}
    figure = plots.augmentation_grid(columns, title="Changes")
    shown = [axes.images[0].get_array() for axes in figure.axes]
    assert len(shown) == 9 * 3
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == list(columns)
    # Two bands of five columns: face, face, detail; axes go row by row, and the last has no ninth.
    np.testing.assert_array_equal(shown[1], PICTURES[0] // 2)
    np.testing.assert_array_equal(shown[5], PICTURES[1])
    np.testing.assert_array_equal(shown[10], PICTURES[1, 8:12, 8:12])
    np.testing.assert_array_equal(shown[15], PICTURES[0] // 6)
    assert plots.alt_text(figure).startswith(
        "Changes: 2 faces, the middle of the last one enlarged, change 0, change 1,"
    )
    picture = Image.open(io.BytesIO(to_png(figure)))
    assert picture.width <= 770 and picture.getpixel((0, 0)) == (255, 255, 255)


def test_without_details_there_are_only_the_faces():
    figure = plots.augmentation_grid({"as it is": PICTURES[:1]}, detail=False)
    assert len(figure.axes) == 1
    assert plots.alt_text(figure) == "Changes of training pictures: one face, as it is."


def test_columns_of_other_faces_are_an_error():
    for columns in ({}, {"a": PICTURES, "b": PICTURES[:1]}, {"a": PICTURES[:0]}):
        with pytest.raises(UsageError, match="must show the same faces"):
            plots.augmentation_grid(columns)


def test_self_blended_faces_stand_above_their_difference():
    fakes = PICTURES.copy()
    fakes[:, :10] = PICTURES[:, :10] ^ 1
    fakes[1, :, :] = PICTURES[1] ^ 2
    figure = plots.self_blended_grid(PICTURES, fakes)
    assert len(figure.axes) == 6
    difference = figure.axes[4].images[0].get_array()
    assert (difference[:10] == 4).all() and (difference[10:] == 0).all()
    assert plots.alt_text(figure).endswith("50% to 100% of the pixels differ.")
    figure.canvas.draw()
    for axes in figure.axes[::2]:
        box = axes.yaxis.label.get_window_extent()
        assert box.y0 >= 0 and box.y1 <= figure.bbox.y1
