"""Figures of scores: curves, histograms, confusion matrices, reliability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import precision_recall_curve, roc_curve

from ..calibration import expected_calibration_error, reliability_table
from ..metrics import compute_metrics
from ..scores import score_matrix
from .style import (
    FAINT,
    class_histograms,
    columns_for,
    described,
    heat_map,
    listed,
    model_look,
    new_figure,
    panels,
    shortened,
    styled,
)

GRID = np.linspace(0, 1, 501)
THRESHOLD_LINE = {"color": "black", "linewidth": 1.2, "linestyle": ":"}
RELIABILITY = {
    "score": {"label": "raw", "color": FAINT, "marker": "s", "linestyle": "-"},
    "calibrated": {"label": "temperature", "color": "#009E73", "marker": "o", "linestyle": "-"},
    "isotonic": {"label": "isotonic", "color": "#E69F00", "marker": "^", "linestyle": "--"},
}


@styled
def roc_and_precision_recall(models: Mapping[str, pd.DataFrame]) -> Figure:
    """Returns ROC and precision-recall curves of several models over the same faces.

    With several seeds the curve is the mean of theirs, as are the numbers in the legend.

    Args:
        models: for each name, the rows of a scores table to show (usually its test split).
    """
    figure = new_figure(4.3)
    roc, precision = figure.subplots(1, 2)
    texts = []
    for position, (name, frame) in enumerate(models.items()):
        faces, matrix = score_matrix(frame)
        labels = faces["label"].to_numpy()
        found = [compute_metrics(labels, scores, 0.5) for scores in matrix]
        area = np.mean([one["auc"] for one in found])
        average = np.mean([one["average_precision"] for one in found])
        look = model_look(position)
        title = f"{shortened(name)}: AUC {area:.3f}, AP {average:.3f}"
        roc.plot(*_roc(labels, matrix), label=title, **look)
        precision.plot(*_precision_recall(labels, matrix), drawstyle="steps-post", **look)
        texts.append(f"{name} AUC {area:.3f}, average precision {average:.3f}")
    share = float(labels.mean())
    roc.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=":", label="guessing")
    precision.axhline(share, color=FAINT, linewidth=1, linestyle=":")
    roc.set(title="ROC", xlabel="real faces called fake", ylabel="fake faces found")
    precision.set(
        title="Precision and recall",
        xlabel="fake faces found (recall)",
        ylabel="fakes among those called fake",
    )
    for axes in (roc, precision):
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.03))
    figure.legend(loc="outside lower center", ncols=2 if len(models) > 1 else 1)
    counts = np.bincount(labels, minlength=2)
    return described(
        figure,
        f"ROC and precision-recall curves on {counts[0]:,} real and {counts[1]:,} fake faces: "
        f"{'; '.join(texts)}. Guessing has AUC 0.5 and precision {share:.2f}.",
    )


@styled
def score_histograms(
    models: Mapping[str, pd.DataFrame], thresholds: Mapping[str, Mapping[str, Any]] | None = None
) -> Figure:
    """Returns for each model how scores of real and fake faces spread, with the threshold.

    Args:
        models: for each name, the rows of a scores table to show, of all seeds.
        thresholds: for each name, `threshold` of metrics.json: the `value` from which on scores
            are called fake, and the `meaning` of the rule that set it.
    """
    figure, all_axes = panels(len(models), 2, 2.7, sharex=True)
    texts = []
    for axes, (name, frame) in zip(all_axes, models.items(), strict=True):
        faces, matrix = score_matrix(frame)
        labels, scores = np.tile(faces["label"], len(matrix)), matrix.ravel()
        class_histograms(axes, scores, labels, np.linspace(0, 1, 26))
        middles = [
            np.median(scores[labels == label]) for label in (0, 1) if (labels == label).any()
        ]
        text = f"{name}: median score {' and '.join(f'{middle:.2f}' for middle in middles)}"
        if thresholds and name in thresholds:
            limit = thresholds[name]["value"]
            axes.axvline(limit, **THRESHOLD_LINE)
            text += f", threshold {limit:.2f} ({thresholds[name]['meaning']})"
        axes.set_title(shortened(name))
        axes.set(xlim=(0, 1), ylabel="share of class")
        texts.append(text)
    for axes in all_axes[-2:]:
        axes.set_xlabel("score, P(fake)")
        axes.tick_params(labelbottom=True)
    handles, names = all_axes[0].get_legend_handles_labels()
    if thresholds:
        handles.append(all_axes[0].plot([], [], **THRESHOLD_LINE)[0])
        meanings = {thresholds[name]["meaning"] for name in models if name in thresholds}
        names.append("threshold" + (f": {meanings.pop()}" if len(meanings) == 1 else ""))
    figure.legend(handles, names, loc="outside lower center", ncols=3)
    return described(figure, f"Histograms of scores of real, then fake faces. {'. '.join(texts)}.")


@styled
def confusion_matrices(models: Mapping[str, Sequence[Sequence[int]]]) -> Figure:
    """Returns for each model how many real and fake faces were called real and fake.

    Args:
        models: for each name, [[real called real, real called fake], [fake called real, fake
            called fake]], as in metrics.json (summed over seeds).
    """
    figure, all_axes = panels(len(models), columns_for(len(models)), 2.7)
    if len(models) == 1:
        figure.set_size_inches(3.4, 3.0)
    texts = []
    for axes, (name, counts) in zip(all_axes, models.items(), strict=True):
        counts = np.asarray(counts)
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        texts_inside = [
            [f"{count:,}\n{share:.0%}" for count, share in zip(*row, strict=True)]
            for row in zip(counts, shares, strict=True)
        ]
        heat_map(axes, shares, np.array(texts_inside), "Blues", darkest=1.15)
        axes.set_title(shortened(name, 22))
        axes.set_xticks([0.5, 1.5], ["called real", "called fake"], rotation=0)
        axes.set_yticks([0.5, 1.5], ["real", "fake"], rotation=90, va="center")
        texts.append(
            f"{name}: {counts[0, 1]:,} of {counts[0].sum():,} real faces called fake, "
            f"{counts[1, 0]:,} of {counts[1].sum():,} fake faces called real"
        )
    return described(figure, f"Confusion matrices. {'; '.join(texts)}.")


@styled
def reliability_diagrams(models: Mapping[str, pd.DataFrame]) -> Figure:
    """Returns for each model how often a face with a given score was fake, with Wilson intervals.

    Raw scores stand beside those after calibration (temperature, isotonic) where the table has
    them. Points are of all seeds together, the calibration error is the mean of each seed's.

    Args:
        models: for each name, the rows of a scores table to show.
    """
    figure, all_axes = panels(len(models), 2, 3.8, sharex=True, sharey=True)
    if len(models) == 1:
        figure.set_size_inches(4.4, 4.9)
    texts = []
    for axes, (name, frame) in zip(all_axes, models.items(), strict=True):
        axes.plot([0, 1], [0, 1], color="black", linewidth=1, linestyle=":", label="exact")
        errors = []
        for column, look in RELIABILITY.items():
            if column not in frame:
                continue
            error = _reliability(axes, frame, column, look)
            errors.append(f"{look['label']} {error:.3f}")
            texts.append(f"{name} {look['label']} expected calibration error {error:.3f}")
        axes.set_title(shortened(name), pad=32)
        axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel="share that is fake")
        note = f"calibration error: {errors[0]}\n{', '.join(errors[1:])}"
        axes.text(0, 1.025, note, transform=axes.transAxes, va="bottom", fontsize=8.5)
        axes.set_aspect("equal")
    for axes in all_axes[-2:]:
        axes.set_xlabel("score, P(fake)")
        axes.tick_params(labelbottom=True)
    handles, names = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=4 if len(models) > 1 else 2)
    return described(figure, f"Reliability diagrams. {listed(texts)}.")


def _reliability(axes: Axes, frame: pd.DataFrame, column: str, look: Mapping[str, Any]) -> float:
    """Draws the points of one column of scores; returns its expected calibration error."""
    faces, matrix = score_matrix(frame, column)
    labels = faces["label"].to_numpy()
    table = reliability_table(np.tile(labels, len(matrix)), matrix.ravel(), repeats=len(matrix))
    ends = [table["share_fake"] - table["low"], table["high"] - table["share_fake"]]
    axes.errorbar(
        table["mean_score"],
        table["share_fake"],
        yerr=np.maximum(ends, 0),
        markersize=4.5,
        linewidth=1.4,
        elinewidth=0.8,
        capsize=1.5,
        **look,
    )
    return float(np.mean([expected_calibration_error(labels, scores) for scores in matrix]))


def _roc(labels: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    curves = [roc_curve(labels, scores)[:2] for scores in matrix]
    if len(curves) == 1:
        return curves[0]
    return GRID, np.mean([np.interp(GRID, *curve) for curve in curves], axis=0)


def _precision_recall(labels: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    curves = [precision_recall_curve(labels, scores)[:2] for scores in matrix]
    if len(curves) == 1:
        return curves[0][1][::-1], curves[0][0][::-1]
    return GRID, np.mean([np.interp(GRID, r[::-1], p[::-1]) for p, r in curves], axis=0)
