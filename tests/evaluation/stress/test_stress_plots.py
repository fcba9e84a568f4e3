"""Figures of the stress tests: nothing cut off, the numbers in the alt text, odd names plain."""

import io

import numpy as np
import pytest
from matplotlib.text import Text
from PIL import Image
from unmask.evaluation import plots
from unmask.evaluation.plots.style import to_png
from unmask.evaluation.stress.transforms import TRANSFORMS, apply

HOSTILE = "a $\\frac$ <b>name</b> that goes on and on and on"


def interval(value):
    return {"value": value, "low": value - 0.05, "high": min(1.0, value + 0.05)}


def make_curves(fall=0.04):
    """Curves in which every level takes a bit more, the real faces most."""
    clean = {"auc": interval(0.9), "recall_real": interval(0.95), "recall_fake": interval(0.8)}
    conditions = []
    for transform in TRANSFORMS.values():
        for place, level in enumerate(transform.levels):
            lost = fall * (place + 1)
            both = {name: interval(entry["value"] - lost) for name, entry in clean.items()}
            conditions.append(
                {
                    "transform": transform.name,
                    "level": level,
                    "label": transform.label(level),
                    "both": both,
                    "reals": {"auc": interval(0.9 - 2 * lost)},
                    "fakes": {"auc": interval(0.9 + lost / 3)},
                    "shift_real": interval(lost * 3),
                    "shift_fake": interval(-lost),
                }
            )
    return {"threshold": 0.4, "clean": clean, "conditions": conditions}


def make_entries(names):
    entries = []
    for network in names:
        for source, method in [("", "clean"), ("", "noise")] + [
            (source, method) for source in names for method in ("fgsm", "pgd")
        ]:
            for budget in (0,) if method == "clean" else (1, 2, 4, 8):
                value = 0.9 if method in ("clean", "noise") else 0.8 / budget
                about = {"network": network, "source": source, "method": method}
                entries.append({**about, "budget": budget, "accuracy": interval(value)})
    return entries


def make_cells(rows, columns):
    cells = []
    for row, name in enumerate(rows):
        for column, other in enumerate(columns):
            auc = None if (row, column) == (1, 0) else interval(0.55 + 0.03 * (row + column))
            relation = "left out" if row == column else "same"
            about = {"trained_on": name, "tested_on": other, "relation": relation}
            cells.append({**about, "auc": auc})
    return cells


def without_intervals():
    """Curves of faces that all belong to one group: no shift has an interval."""
    curves = make_curves()
    for condition in curves["conditions"]:
        condition["shift_real"] = {"value": 0.2, "low": None, "high": None}
    return curves


@pytest.fixture(scope="module")
def figures():
    faces = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    shifted = faces.copy()
    shifted[:, 3, 3] ^= 8
    return {
        "curves": plots.stress_curves(HOSTILE, make_curves()),
        "recalls": plots.stress_recalls("net", make_curves()),
        "flat": plots.stress_curves("net", make_curves(0.0)),
        "shifts": plots.shift_by_class(HOSTILE, make_curves()),
        "bare_shifts": plots.shift_by_class("net", without_intervals()),
        "sheet": plots.transform_sheet(faces, [0, 1], ["a", "b"]),
        "attacks": plots.attack_curves(make_entries(["one", HOSTILE])),
        "attack_of_one": plots.attack_curves(make_entries(["one"])),
        "example": plots.attack_example(faces, shifted, [(0.1, 0.8), (0.9, 0.2)], [0, 1]),
        "matrix": plots.cross_matrix(make_cells(["one", HOSTILE, "c"], ["x", HOSTILE])),
        "small_matrix": plots.cross_matrix(make_cells(["one"], ["x"])),
    }


def painted_texts(figure):
    """Returns the texts that a reader sees; ticks outside the limits are made, but not painted."""
    beyond = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                if not low <= tick.get_loc() <= high:
                    beyond |= {tick.label1, tick.label2}
    texts = set(figure.findobj(Text)) - beyond
    return [text for text in texts if text.get_visible() and text.get_text().strip()]


def test_of_report_width_and_nothing_cut_off(figures):
    for name, figure in figures.items():
        picture = np.asarray(Image.open(io.BytesIO(to_png(figure))).convert("RGB"))
        assert picture.shape[1] <= 770 and (picture[0, 0] == 255).all(), name
        for text in painted_texts(figure):
            assert not text.get_parse_math()
            box = text.get_window_extent()
            inside = box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1
            inside = inside and box.y0 >= -1 and box.y1 <= figure.bbox.y1 + 1
            assert inside, (name, text.get_text())


def test_legends_lie_beside_the_axes(figures):
    for name, figure in figures.items():
        for legend in figure.legends:
            box = legend.get_window_extent()
            assert not any(box.overlaps(axes.get_window_extent()) for axes in figure.axes), name


def test_alt_texts_hold_the_numbers(figures):
    alt = {name: plots.alt_text(figure) for name, figure in figures.items()}
    assert "JPEG: quality 95 0.86, quality 85 0.82" in alt["curves"]
    assert "0.90 on unchanged faces" in alt["curves"]
    assert "Noise: 3 of 255 0.91 and 0.76" in alt["recalls"]
    assert "JPEG, quality 30 real +0.60, fake -0.20" in alt["shifts"]
    assert "one, several steps (PGD): 0: 0.90, 1: 0.80, 2: 0.40" in alt["attacks"]
    assert "one on x 0.55 (left out)" in alt["small_matrix"]
    assert f"{2 * (1 + len(TRANSFORMS))} pictures" in alt["sheet"]


def test_the_unchanged_picture_stands_in_its_place(figures):
    axes = {one.get_title(loc="left"): one for one in figures["curves"].axes}
    ticks = {
        name: [tick.get_text() for tick in one.get_xticklabels()] for name, one in axes.items()
    }
    assert ticks["JPEG"][0] == "as is"
    assert ticks["Resized"] == ["2", "as is", "0.5", "0.25"]
    assert ticks["Brightness"] == ["-40", "as is", "40"]
    black = next(line for line in axes["Resized"].lines if line.get_linestyle() == "-")
    np.testing.assert_allclose(black.get_ydata(), [0.86, 0.90, 0.82, 0.78])


def test_a_cell_without_a_number_says_so_and_marks_what_was_left_out(figures):
    texts = [text.get_text() for text in figures["matrix"].axes[0].texts]
    assert "–" in texts and "0.55\nleft out" in texts and "0.61" in texts


def test_the_sheet_shows_what_was_scored():
    """The same seed and name give the same picture as the scoring loop."""
    face = np.random.default_rng(1).integers(0, 256, (1, 16, 16, 3), dtype=np.uint8)
    sheet = plots.transform_sheet(face, [1], ["a"], {"noise": TRANSFORMS["noise"]}, seed=3)
    drawn = sheet.axes[1].images[0].get_array()
    expected = apply(TRANSFORMS["noise"], TRANSFORMS["noise"].levels[-1], face, ["a"], 3)[0]
    assert np.array_equal(drawn, expected)
