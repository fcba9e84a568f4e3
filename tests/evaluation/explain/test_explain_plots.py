"""Figures of explanations and of the lesson: drawn on white, in width, with what they say."""

import io

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image
from unmask.evaluation import plots
from unmask.evaluation.explain.residual import average_residuals
from unmask.evaluation.explain.spectrum import spectrum_bands
from unmask.evaluation.plots.explain import draw_heat
from unmask.evaluation.plots.style import FAKE, REAL, to_png


def frame_of(labels, scores):
    return pd.DataFrame(
        {
            "face_id": [f"face-{number}" for number in range(len(labels))],
            "split": "test",
            "label": labels,
            "score": scores,
            "generator": ["real" if label == 0 else "$swap$" for label in labels],
            "row": np.arange(len(labels)),
        }
    )


@pytest.fixture(scope="module")
def drawn():
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (8, 16, 16, 3), dtype=np.uint8)
    heat = np.zeros((8, 16, 16))
    heat[:, 2, 13] = 1.0
    frame = frame_of([1, 1, 0, 0, 0], [0.1, 0.3, 0.9, 0.8, 0.2])
    labels = np.arange(60) % 2
    spectra = generator.normal(20, 1, (60, 8)) - np.arange(8)
    spectra[labels == 1, 5] += 9
    noise = generator.integers(90, 160, (60, 16, 16, 3), dtype=np.uint8)
    entry = {"value": 0.9, "low": 0.85, "high": 0.94}
    rows = [
        {"mistake": "an overlapping cut", "measure": "accuracy", "false": entry,
         "honest": {"value": 0.6, "low": 0.5, "high": 0.7}},
        {"mistake": "a constant", "measure": "AUC", "false": entry,
         "honest": {"value": 0.5, "low": None, "high": None}},
    ]  # fmt: skip
    epochs = pd.DataFrame(
        {"epoch": [1, 2, 3], "val_auc": [0.6, 0.8, 0.7], "test_auc": [0.6, 0.7, 0.75]}
    )
    return {
        "heat": plots.heat_overlays(
            pixels[:5], {"for fake": heat, "covering": -3 * heat}, list("abcde"), [0, 1, 0, 1, 1]
        ),
        "heat_of_one": plots.heat_overlays(
            pixels[:1], {"for fake": heat}, ["one"], title="Where it looks"
        ),
        "mistakes": plots.mistakes_with_reasons(
            frame, pixels, 0.5, {"face-0": heat[0], "face-2": -heat[0]}, 4
        ),
        "no_mistakes": plots.mistakes_with_reasons(
            frame.assign(score=frame["label"].astype(float)), pixels, 0.5, {}, 4
        ),
        "spectrum": plots.spectrum_bands(spectrum_bands(spectra, labels, resamples=100)),
        "residuals": plots.noise_residuals(average_residuals(noise, labels)),
        "false_and_honest": plots.false_and_honest(rows),
        "epochs": plots.epochs_on_test(epochs, chosen=2, favourite=3),
    }


def test_pictures_are_white_and_of_report_width(drawn):
    for name, figure in drawn.items():
        picture = np.asarray(Image.open(io.BytesIO(to_png(figure))).convert("RGB"))
        assert (picture[0, 0] == 255).all() and (picture[-1, -1] == 255).all(), name
        assert picture.shape[1] <= 770 and picture.min() < 100, name


def test_alt_texts_say_what_is_seen(drawn):
    texts = {name: plots.alt_text(figure) for name, figure in drawn.items()}
    assert "5 faces, below each for fake, covering" in texts["heat"]
    assert texts["heat_of_one"].startswith("Where it looks: 1 faces")
    assert (
        "Fake faces called real: 2 of 2. score 0.10 (strongest at top right), score 0.30. "
        "Real faces called fake: 2 of 3. score 0.90 (strongest at top right), score 0.80"
    ) in texts["mistakes"]
    assert "Fake faces called real: 0 of 2. none" in texts["no_mistakes"]
    assert "30 real and 30 fake faces" in texts["spectrum"]
    assert "at 6 waves" in texts["spectrum"]
    assert "single residual by" in texts["residuals"]
    assert "a constant, AUC 0.900 instead of 0.500" in texts["false_and_honest"]
    assert "Validation chooses epoch 2, with test AUC 0.700" in texts["epochs"]


def test_heat_is_orange_for_fake_and_blue_for_real():
    axes = Figure().subplots()
    heat = np.array([[1.0, -1.0], [0.0, 0.5]])
    draw_heat(axes, np.full((2, 2, 3), 128, dtype=np.uint8), heat)
    shown = np.asarray(axes.images[0].get_array())
    gray = 128 / 255 * 0.75 + 0.2
    np.testing.assert_allclose(shown[0, 0], 0.2 * gray + 0.8 * np.array(to_rgb(FAKE)), atol=1e-6)
    np.testing.assert_allclose(shown[0, 1], 0.2 * gray + 0.8 * np.array(to_rgb(REAL)), atol=1e-6)
    np.testing.assert_allclose(shown[1, 0], gray, atol=1e-6)
    np.testing.assert_allclose(shown[1, 1], 0.6 * gray + 0.4 * np.array(to_rgb(FAKE)), atol=1e-6)


def test_a_map_of_scores_is_scaled_to_its_strongest_place(drawn):
    covering = np.asarray(drawn["heat"].axes[10].images[0].get_array())
    np.testing.assert_allclose(
        covering[2, 13] - 0.8 * np.array(to_rgb(REAL)),
        covering[2, 13].mean() - 0.8 * np.mean(to_rgb(REAL)),
        atol=1e-6,
    )
