"""Figures of the audit carry their alt text and draw whatever data come."""

from __future__ import annotations

import numpy as np
import pandas as pd
from unmask.audit.show import areas_by_title
from unmask.evaluation import plots
from unmask.evaluation.intervals import Interval
from unmask.evaluation.plots.style import alt_text, to_png

LABELS = np.array([0, 1] * 20)


def drawn(figure) -> str:
    assert to_png(figure).startswith(b"\x89PNG")
    return alt_text(figure)


def test_pairs_with_their_difference():
    one = np.zeros((20, 20, 3), np.uint8)
    two = one.copy()
    two[:5] = 30
    figure = plots.picture_pairs(
        [(one, two)] * 3, [("a_$.jpg", "b.jpg")] * 3, [(0, 1)] * 3, ["near, mirrored"] * 3, "Pairs"
    )
    assert "a_$.jpg (real) beside b.jpg (fake): near, mirrored" in drawn(figure)
    shown = figure.axes[2].images[0].get_array()
    assert (shown[:5] == 120).all() and not shown[5:].any()


def test_areas_as_they_came_and_after():
    areas = {"bytes": Interval(0.7, 0.6, 0.8), "format": Interval(0.5, 0.5, 0.5)}
    areas |= {"colour": Interval(0.55, None, None), "exif": Interval(0.5, None, None)}
    came = areas_by_title(areas)
    left = areas_by_title({"colour": Interval(0.51, 0.45, 0.57)})
    text = drawn(plots.shortcut_forest(came, left))
    assert "bytes 0.700 [0.600, 0.800]" in text
    assert "format the same in all files" in text
    assert "brightness and colour 0.550, after preprocessing 0.510 [0.450, 0.570]" in text
    assert "EXIF and other metadata does not tell at all" in text
    assert areas_by_title(areas, "file").keys() == {"bytes", "format", "EXIF and other metadata"}


def test_facts_of_files_with_and_without_jpegs():
    generator = np.random.default_rng(0)
    facts = pd.DataFrame({"bytes": generator.integers(1000, 9000, 40), "width": 100.0})
    facts = facts.assign(height=80.0, quality=np.nan, format="PNG", subsampling="no JPEG")
    assert "JPEG quality: none known" in drawn(plots.file_facts(facts, LABELS))
    facts["quality"] = np.where(LABELS, 90.0, 75.0)
    text = drawn(plots.file_facts(facts, LABELS))
    assert "JPEG quality, median in quality: real 75 and fake 90" in text
    assert "Longer side, median in pixels: real 100 and fake 100" in text


def test_mean_pictures_and_spectra():
    thumbnails = np.tile(np.where(LABELS, 0.6, 0.5)[:, None], (1, 768))
    spectra = np.zeros((40, 48))
    spectra[LABELS == 1, 12] = -0.5
    text = drawn(plots.average_pictures(thumbnails, spectra, LABELS))
    assert "differ by at most 0.10" in text
    assert "by -0.50, at 0.13 cycles" in text
