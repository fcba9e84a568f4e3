"""Figures: white, nothing cut off or under a legend, the numbers in the alt text."""

import io
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from unmask.errors import UsageError
from unmask.evaluation import plots
from unmask.evaluation.calibration import add_calibrated
from unmask.evaluation.comparison import Difference
from unmask.evaluation.ensemble_gains import Gain
from unmask.evaluation.ensembles import (
    combine,
    greedy_ensemble,
    mean_ensemble,
    stacked_ensemble,
    verdict_pairs,
)
from unmask.evaluation.plots.style import listed, shortened, to_png
from unmask.evaluation.scores import attach_faces
from unmask.evaluation.summary import evaluate_member

HOSTILE = "a $\\frac$ <b>name</b> that goes on and on and on"


@pytest.fixture(scope="module")
def drawn(make_faces, score_faces):
    """Returns every figure once, from one small set of models."""
    faces = make_faces(people=2)
    members = {}
    for salt, (name, seeds) in enumerate(
        {"baseline": (0,), "winner": (0, 1), HOSTILE: (0,)}.items()
    ):
        scores = add_calibrated(score_faces(faces, 1.0 + salt, seeds, salt))
        members[name] = attach_faces(scores, faces)
    test = {name: frame[frame["split"] == "test"] for name, frame in members.items()}
    columns = ["face_id", "split", "label", "score", "calibrated", "isotonic", "seed"]
    metrics = {
        name: evaluate_member(frame[columns], faces, resamples=50)
        for name, frame in members.items()
    }
    wide = combine(members)
    thresholds = {name: found["threshold"] for name, found in metrics.items()}
    pictures = np.random.default_rng(0).integers(0, 256, (len(faces), 8, 8, 3), dtype=np.uint8)
    matrices = {name: m["splits"]["test"]["confusion_matrix"] for name, m in metrics.items()}
    figures = {
        "roc": plots.roc_and_precision_recall(test),
        "histograms": plots.score_histograms(test, thresholds),
        "histograms_half": plots.score_histograms(
            test, {name: {"value": 0.5, "meaning": "fixed at 0.5"} for name in test}
        ),
        "confusion": plots.confusion_matrices(matrices),
        "confusion_of_one": plots.confusion_matrices({"baseline": [[90, 10], [25, 75]]}),
        "reliability": plots.reliability_diagrams(test),
        "forest": plots.auc_forest(metrics),
        "forest_constant": plots.auc_forest({**metrics, "constant": constant(metrics["baseline"])}),
        "generators": plots.auc_by_generator(metrics),
        "weights": plots.ensemble_weights(
            {"mean": mean_ensemble(wide).weights, HOSTILE: stacked_ensemble(wide).weights}
        ),
        "correlation": plots.score_correlation(wide),
        "verdicts": plots.verdict_differences(
            verdict_pairs(wide, {name: each["value"] for name, each in thresholds.items()})
        ),
        "greedy": plots.greedy_path(greedy_ensemble(wide).path),
        "gains": plots.gain_and_cost(gains(), HOSTILE),
        "training": plots.training_curves(
            {"baseline": history(9, 4), HOSTILE: history(30, 12), "short": history(1, 1)}
        ),
        "search": plots.search_results(trials(), ["blocks", "learning_rate", "pooling", "fixed"]),
        "search_loss": plots.search_results(trials(), ["blocks"], "val_loss"),
        "search_failed": plots.search_results(trials().assign(val_auc=np.nan), ["blocks"]),
        "counts": plots.class_counts(files()),
        "resolutions": plots.resolutions(files()),
        "formats": plots.formats_and_quality(files()),
        "formats_png": plots.formats_and_quality(files().assign(format="PNG", jpeg_quality=None)),
        "splits": plots.split_composition(faces),
        "sheet": plots.face_sheet(list(pictures[:7]), [HOSTILE] * 7, [0, 1, 0, 1, 0, 1, 1]),
        "mistakes": plots.worst_mistakes(
            test["baseline"], pictures, thresholds["baseline"]["value"]
        ),
        "no_mistakes": plots.worst_mistakes(
            test["baseline"].assign(score=lambda frame: frame["label"].astype(float)), pictures, 0.5
        ),
    }
    pictures = {name: to_png(figure) for name, figure in figures.items()}
    return figures, metrics, test, pictures


def constant(metrics: dict) -> dict:
    """Returns the metrics of a model that gives every face one score: no interval of its AUC."""
    auc = {"value": 0.5, "low": None, "high": None, "seed_spread": None}
    block = metrics["splits"]["test"]
    return {"splits": {"test": {**block, "metrics": {**block["metrics"], "auc": auc}}}}


def history(epochs: int, best: int) -> pd.DataFrame:
    epoch = np.arange(epochs)
    val_loss = 0.4 + 0.01 * np.abs(epoch - (best - 1))
    frame = {"epoch": epoch, "loss": 0.5 - 0.01 * epoch, "val_loss": val_loss}
    return pd.DataFrame({**frame, "auc": 0.7 + 0.005 * epoch, "val_auc": 1 - val_loss})


def trials() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "trial": ["04", "03", "02", "01", "00"],
            "val_auc": [0.70, 0.81, np.nan, 0.75, 0.93],
            "val_loss": [0.60, 0.55, np.nan, 0.50, 0.61],
            "blocks": ["32-64", "32", "32", "64-128-256", "32-64"],
            "learning_rate": [1e-3, 5e-4, 1e-4, 1e-4, 1e-3],
            "pooling": ["average", np.nan, "average", "flatten", "flatten"],
            "fixed": [1] * 5,
        }
    )


def files() -> pd.DataFrame:
    label = np.arange(60) % 2
    return pd.DataFrame(
        {
            "label": label,
            "generator": np.where(
                label == 0, "real", np.where(np.arange(60) < 20, "swap", HOSTILE)
            ),
            "width": 200 + np.arange(60),
            "height": 100,
            "bytes": 9000 + 100 * np.arange(60),
            "format": np.where(np.arange(60) < 6, "PNG", "JPEG"),
            "jpeg_quality": np.where(np.arange(60) < 6, np.nan, 90 + label),
        }
    )


def gains():
    ends = [(0.02, 0.01, 0.03), (-0.01, -0.03, 0.01), (0.0, None, None)]
    names = (HOSTILE, "stacked_ensemble", "greedy_ensemble")
    return [
        Gain(name, 3, Difference(*each, n=90), milliseconds=2.0, megabytes=3.0, times=1.5)
        for name, each in zip(names, ends, strict=True)
    ]


def test_every_public_plot_is_drawn_here(drawn):
    rooms = ("data", "ensembles", "faces", "models", "scores", "training")
    functions = [getattr(plots, name) for name in plots.__all__]
    here = {each.__name__ for each in functions if each.__module__.rpartition(".")[2] in rooms}
    assert len(here) == 19 and len(drawn[0]) >= len(here)


def test_pictures_are_white_and_of_report_width(drawn):
    for name, data in drawn[3].items():
        picture = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
        assert (picture[0, 0] == 255).all() and (picture[-1, -1] == 255).all(), name
        assert picture.shape[1] <= 770, name
        assert picture[..., :3].min() < 100, name


def painted_texts(figure: Figure):
    """Returns the texts that a reader sees; ticks outside the limits are made, but not painted."""
    beyond = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                if not low <= tick.get_loc() <= high:
                    beyond |= {tick.label1, tick.label2}
    texts = set(figure.findobj(Text)) - beyond
    return [text for text in texts if text.get_visible() and text.get_text().strip()]


def test_no_text_is_cut_off(drawn):
    for name, figure in drawn[0].items():
        for text in painted_texts(figure):
            box = text.get_window_extent()
            inside = box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1
            inside = inside and box.y0 >= -1 and box.y1 <= figure.bbox.y1 + 1
            assert inside, (name, text.get_text())


def test_legends_lie_beside_the_axes(drawn):
    for name, figure in drawn[0].items():
        for legend in figure.legends:
            box = legend.get_window_extent()
            for axes in figure.axes:
                assert not box.overlaps(axes.get_window_extent()), name


def test_names_from_data_stay_plain_text(drawn):
    for figure in drawn[0].values():
        for text in painted_texts(figure):
            assert not text.get_parse_math()


def test_alt_texts_hold_the_numbers_of_the_metrics(drawn):
    figures, metrics = drawn[:2]
    area = metrics["baseline"]["splits"]["test"]["metrics"]["auc"]
    interval = f"{area['value']:.3f} [{area['low']:.3f}, {area['high']:.3f}]"
    assert f"baseline {interval}" in plots.alt_text(figures["forest"])
    assert f"baseline AUC {area['value']:.3f}" in plots.alt_text(figures["roc"])
    assert "80 real and 80 fake faces" in plots.alt_text(figures["roc"])
    winner = metrics["winner"]["splits"]["test"]
    assert f"winner AUC {winner['metrics']['auc']['value']:.3f}" in plots.alt_text(figures["roc"])
    reliability = plots.alt_text(figures["reliability"])
    raw = winner["metrics"]["ece"]["value"]
    assert f"winner raw expected calibration error {raw:.3f}" in reliability
    for method in ("temperature", "isotonic"):
        error = winner["calibrated"][method]["ece"]["value"]
        assert f"winner {method} expected calibration error {error:.3f}" in reliability
    unseen = metrics["winner"]["unseen_generators"]["gan"]["metrics"]["auc"]["value"]
    assert f"winner on gan (never trained on) {unseen:.3f}" in plots.alt_text(figures["generators"])


def test_alt_texts_of_known_data(drawn):
    figures = drawn[0]
    assert plots.alt_text(figures["confusion_of_one"]) == (
        "Confusion matrices. baseline: 10 of 100 real faces called fake, "
        "25 of 100 fake faces called real."
    )
    assert "baseline: lowest validation loss 0.400 at epoch 4 of 9" in plots.alt_text(
        figures["training"]
    )
    assert plots.alt_text(figures["search"]) == (
        "4 trials of a search and 1 that failed. The validation AUC goes from 0.700 to 0.930; "
        "the best has blocks 32-64, learning_rate 0.001, pooling flatten."
    )
    assert plots.alt_text(figures["search_loss"]).endswith("the best has blocks 64-128-256.")
    assert plots.alt_text(figures["search_failed"]) == "0 trials of a search and 5 that failed."
    assert "test has 80 real and 80 fake (blend 40 and swap 40)" in plots.alt_text(
        figures["splits"]
    )
    assert "real 30" in plots.alt_text(figures["counts"])
    assert "real files are JPEG 90% and PNG 10%, median JPEG quality 90" in plots.alt_text(
        figures["formats"]
    )
    assert "Fake faces called real: 0 of 80, the worst with scores none" in plots.alt_text(
        figures["no_mistakes"]
    )


def test_the_threshold_is_called_what_its_rule_says(drawn):
    figures = drawn[0]

    def legend(name):
        return [text.get_text() for text in figures[name].legends[0].get_texts()]

    assert "threshold: highest balanced accuracy on validation" in legend("histograms")
    assert "threshold: fixed at 0.5" in legend("histograms_half")
    assert "threshold 0.50 (fixed at 0.5)" in plots.alt_text(figures["histograms_half"])


def test_a_value_without_an_interval_is_still_a_point(drawn):
    axes = drawn[0]["forest_constant"].axes[0]
    assert len(axes.containers) == 4
    assert "constant 0.500." in plots.alt_text(drawn[0]["forest_constant"])


def test_numbers_on_a_heat_map_can_be_read(drawn):
    """WCAG's contrast of each number against its square."""
    for name in ("confusion", "correlation"):
        for axes in drawn[0][name].axes:
            colors = axes.collections[0].get_facecolors()
            for text, color in zip(axes.texts, colors, strict=True):
                bright, dark = sorted([luminance(text.get_color()), luminance(color)])[::-1]
                assert (bright + 0.05) / (dark + 0.05) > 3.8, (name, text.get_text())


def luminance(color) -> float:
    channels = np.array(to_rgb(color))
    linear = np.where(channels <= 0.03928, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))


def test_worst_mistakes_are_the_worst(drawn):
    figures, metrics, test = drawn[:3]
    frame, limit = test["baseline"], metrics["baseline"]["threshold"]["value"]
    fakes = frame[(frame["label"] == 1) & (frame["score"] < limit)]["score"].sort_values()
    scores = ", ".join(f"{score:.2f}" for score in fakes.head(6))
    expected = f"Fake faces called real: {len(fakes)} of 80, the worst with scores {scores}"
    assert expected in plots.alt_text(figures["mistakes"])


def test_show_gives_the_notebook_a_picture_with_alt_text(drawn):
    InteractiveShell.instance()  # what a kernel has
    try:
        with capture_output() as captured:
            plots.show(drawn[0]["forest"])
    finally:
        InteractiveShell.clear_instance()
    output = captured.outputs[0]
    assert output.metadata["image/png"]["alt"] == plots.alt_text(drawn[0]["forest"])
    assert output.data["image/png"]
    with pytest.raises(UsageError, match="no alt text"):
        plots.show(Figure())


def test_a_split_that_nobody_scored_is_said(drawn):
    metrics = {"baseline": {"splits": {"test": drawn[1]["baseline"]["splits"]["test"]}}}
    with pytest.raises(UsageError, match="No model has scores of the split 'unseen'"):
        plots.auc_forest(metrics, "unseen")


def test_short_names_and_lists():
    assert shortened("a  name\nof two lines") == "a name of two lines"
    assert shortened("x" * 40, 9) == "xxxx…xxxx" and len(shortened("abcdefghijkl", 8)) == 8
    assert [listed(["a"]), listed(["a", "b", "c"])] == ["a", "a, b and c"]


def test_evaluation_imports_neither_tensorflow_nor_pyplot():
    names = "plots, summary, ensembles, calibration, threshold, comparison, tables"
    code = f"import sys; from unmask.evaluation import {names}; print(*sorted(sys.modules))"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"tensorflow", "keras", "matplotlib.pyplot"} & set(modules)
