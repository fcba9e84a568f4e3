"""Figures that compare models: AUC with intervals, by model and by generator; ensembles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from ...errors import UsageError
from ..ensembles import member_names
from ..summary import format_interval
from .style import (
    FAINT,
    MODEL_COLORS,
    MODEL_MARKERS,
    columns_for,
    described,
    heat_map,
    listed,
    new_figure,
    panels,
    shortened,
    styled,
)


@dataclass(frozen=True)
class _Row:
    """One line of a forest plot; `place` is its height on the axis, `look` picks its marker."""

    place: float
    entry: Mapping[str, Any] | None
    look: int


@styled
def auc_forest(models: Mapping[str, Mapping[str, Any]], split: str = "test") -> Figure:
    """Returns the AUC of each model with its 95% interval, one line a model.

    Args:
        models: the content of metrics.json for each name.
        split: the block of `splits` to show; models without it are left out.

    Raises:
        UsageError: no model has scores of this split.
    """
    blocks = {
        name: metrics["splits"][split]
        for name, metrics in models.items()
        if split in metrics["splits"]
    }
    if not blocks:
        raise UsageError(f"No model has scores of the split '{split}'.", fix="show another split")
    rows = [_Row(place, block["metrics"]["auc"], 0) for place, block in enumerate(blocks.values())]
    figure = new_figure(1.15 + 0.36 * len(rows))
    axes = figure.subplots()
    _forest(axes, rows, len(rows))
    axes.set_yticks(range(len(rows)), [shortened(name) for name in blocks])
    faces = next(iter(blocks.values()))
    axes.set_title(f"AUC on the {split} faces ({faces['n_real']:,} real, {faces['n_fake']:,} fake)")
    texts = [f"{name} {format_interval(row.entry)}" for name, row in zip(blocks, rows, strict=True)]
    return described(figure, f"AUC on the {split} faces with 95% intervals: {'; '.join(texts)}.")


@styled
def auc_by_generator(models: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Returns the AUC of each model on each generator's fakes, those never trained on last.

    Args:
        models: the content of metrics.json for each name.
    """
    generators = {}
    for metrics in models.values():
        generators.update({(name, "test_generators"): "" for name in metrics["test_generators"]})
    for metrics in models.values():
        unseen = {(name, "unseen_generators"): "" for name in metrics["unseen_generators"]}
        generators.update(unseen)
    step = 0.8 / max(len(models), 1)
    rows, texts, titles = [], [], []
    for place, (generator, key) in enumerate(generators):
        title = shortened(generator, 22) + ("\n(never trained on)" if key[0] == "u" else "")
        titles.append(title)
        for look, (name, metrics) in enumerate(models.items()):
            block = metrics[key].get(generator)
            entry = block["metrics"]["auc"] if block else None
            rows.append(_Row(place + step * (look - (len(models) - 1) / 2), entry, look))
            texts.append(f"{name} on {' '.join(title.split())} {format_interval(entry)}")
    figure = new_figure(1.3 + len(generators) * max(0.45, 0.24 * len(models)))
    axes = figure.subplots()
    _forest(axes, rows, len(titles))
    axes.set_yticks(range(len(titles)), titles)
    axes.set_title("AUC by generator of the fakes")
    for boundary in range(1, len(titles)):
        axes.axhline(boundary - 0.5, color="#BBBBBB", linewidth=0.8)
    if len(models) > 1:
        handles = [_marker(axes, look) for look in range(len(models))]
        figure.legend(
            handles, [shortened(name) for name in models], loc="outside lower center", ncols=3
        )
    return described(figure, f"AUC with 95% intervals: {'; '.join(texts)}.")


@styled
def ensemble_weights(weights: Mapping[str, Mapping[str, float]]) -> Figure:
    """Returns how much each member counts in each ensemble.

    Args:
        weights: for each ensemble the weight of each member; see `ensembles.Ensemble`.
    """
    members = list(dict.fromkeys(name for each in weights.values() for name in each))
    figure, all_axes = panels(len(weights), columns_for(len(weights)), 1.2 + 0.3 * len(members))
    texts = []
    for position, (axes, (name, each)) in enumerate(zip(all_axes, weights.items(), strict=True)):
        values = [each.get(member, 0.0) for member in members]
        bars = axes.barh(range(len(members)), values, color="#009E73", height=0.62)
        axes.bar_label(bars, fmt="{:.2f}", padding=3, fontsize=9)
        axes.set_yticks(range(len(members)), [shortened(member, 20) for member in members])
        axes.tick_params(labelleft=position % columns_for(len(weights)) == 0, length=0)
        axes.invert_yaxis()
        axes.margins(x=0.35)
        axes.axvline(0, color="#9A9A9A", linewidth=0.8)
        axes.grid(axis="y", visible=False)
        axes.set_title(shortened(name, 22))
        axes.set_xlabel("weight")
        pairs = [f"{member} {value:.2f}" for member, value in zip(members, values, strict=True)]
        texts.append(f"{name}: {listed(pairs)}")
    return described(figure, f"Weights of the members. {'. '.join(texts)}.")


@styled
def score_correlation(wide: pd.DataFrame, split: str = "val") -> Figure:
    """Returns how alike the members rank faces: Spearman's correlation of each pair.

    Args:
        wide: a table made by `ensembles.combine`.
        split: whose faces.
    """
    names = member_names(wide)
    table = wide.loc[wide["split"] == split, names].corr("spearman").to_numpy()
    size = min(7.0, 2.4 + 0.62 * len(names))
    figure = new_figure(size * 0.88, size)
    axes = figure.subplots()
    texts = np.array([[f"{value:.2f}" for value in row] for row in table])
    heat_map(axes, table, texts, "Greens", darkest=1)
    middles = np.arange(len(names)) + 0.5
    short = [shortened(name, 18) for name in names]
    axes.set_xticks(middles, short, rotation=30, ha="right", rotation_mode="anchor")
    axes.set_yticks(middles, short, rotation=0)
    axes.set_title("Rank correlation of scores")
    pairs = [
        f"{names[i]} and {names[j]} {table[i, j]:.2f}"
        for i in range(len(names))
        for j in range(i + 1, len(names))
    ]
    return described(figure, f"Rank correlation of scores on {split} faces: {'; '.join(pairs)}.")


def _forest(axes: Axes, rows: list[_Row], lines: int) -> None:
    """Draws rows with their numbers on the right; the axis ends at 1 and shows guessing.

    A value without an interval is a point without a line.
    """
    shown = [row for row in rows if row.entry]
    right = blended_transform_factory(axes.transAxes, axes.transData)
    for row in shown:
        value, low, high = _ends(row.entry)
        axes.errorbar(
            value,
            row.place,
            xerr=[[max(value - low, 0)], [max(high - value, 0)]],
            color=MODEL_COLORS[row.look % len(MODEL_COLORS)],
            marker=MODEL_MARKERS[row.look % len(MODEL_MARKERS)],
            markersize=6,
            elinewidth=1.8,
            capsize=3,
        )
        text = format_interval(row.entry)
        axes.text(1.02, row.place, text, transform=right, va="center", fontsize=8.5)
    lowest = min([_ends(row.entry)[1] for row in shown], default=0.5)
    axes.axvline(0.5, color=FAINT, linewidth=1, linestyle=":")
    axes.set_xlim(min(0.45, np.floor(lowest * 20 - 0.2) / 20), 1.01)
    axes.set_ylim(lines - 0.45, -0.55)
    axes.set_xlabel("AUC (0.5 is guessing, 1 is perfect)")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def _ends(entry: Mapping[str, Any]) -> tuple[float, float, float]:
    """Returns value, low and high; the value thrice where there is no interval."""
    value = entry["value"]
    return (value, value, value) if entry["low"] is None else (value, entry["low"], entry["high"])


def _marker(axes: Axes, look: int) -> Any:
    color = MODEL_COLORS[look % len(MODEL_COLORS)]
    marker = MODEL_MARKERS[look % len(MODEL_MARKERS)]
    return axes.errorbar([], [], xerr=[], color=color, marker=marker, markersize=6)
