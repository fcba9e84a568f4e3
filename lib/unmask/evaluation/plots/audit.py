"""Figures of the audit: copies side by side, facts of files, what separates the classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..scores import CLASS_NAMES
from ..summary import format_interval
from .faces import draw_face
from .style import (
    CLASS_COLORS,
    CLASS_LINES,
    FAINT,
    INK,
    WIDTH,
    class_histograms,
    described,
    listed,
    new_figure,
    panels,
    shortened,
    styled,
)

BEFORE, AFTER = "#000000", "#009E73"
STRONGER = 4  # differences of two pictures are drawn so many times larger
TWO_IN_A_ROW = 2


@styled
def picture_pairs(
    pictures: Sequence[tuple[np.ndarray, np.ndarray]],
    captions: Sequence[tuple[str, str]],
    labels: Sequence[tuple[int, int]],
    notes: Sequence[str],
    title: str,
) -> Figure:
    """Returns pairs of pictures side by side with their difference, two pairs in a row.

    Args:
        pictures: two uint8 `[side, side, 3]` RGB pictures each, laid the same way.
        captions: a line below each picture.
        labels: 0 real or 1 fake of each picture, for its frame.
        notes: a line below the difference, such as the kind of the pair.
        title: above the figure.
    """
    rows = -(-len(pictures) // TWO_IN_A_ROW)
    side = WIDTH / (3 * TWO_IN_A_ROW)
    figure = new_figure(rows * (side + 0.3) + 0.4)
    grid = figure.subplots(rows, 3 * TWO_IN_A_ROW, squeeze=False).ravel()
    for axes in grid[3 * len(pictures) :]:
        axes.remove()
    for place, (one, two) in enumerate(pictures):
        left, middle, right = grid[3 * place : 3 * place + 3]
        for axes, pixels, name, label in zip(
            (left, middle), (one, two), captions[place], labels[place], strict=True
        ):
            draw_face(axes, pixels, name, label, 18)
        change = np.abs(one.astype(np.int16) - two.astype(np.int16)) * STRONGER
        shown = np.clip(change, 0, 255).astype(np.uint8)
        draw_face(right, shown, notes[place], None, 18)
    figure.suptitle(title, fontsize=11, fontweight="bold", x=0.01, ha="left")
    texts = [
        f"{first} ({CLASS_NAMES[one]}) beside {second} ({CLASS_NAMES[two]}): {note}"
        for (first, second), (one, two), note in zip(captions, labels, notes, strict=True)
    ]
    alt = f"{title}. Each pair with its difference, {STRONGER} times larger: {'; '.join(texts)}."
    return described(figure, alt)


@styled
def file_facts(facts: pd.DataFrame, labels: np.ndarray) -> Figure:
    """Returns bytes, sizes, JPEG quality and how files are encoded, by class.

    Args:
        facts: a row a file: `bytes`, `width`, `height`, `quality` (NaN where it is no standard
            JPEG), `format`, `subsampling`.
        labels: [n], 0 real and 1 fake.
    """
    figure, axes = panels(4, 2, 2.4)
    longer = facts[["width", "height"]].max(axis=1).to_numpy(float)
    numbers = (
        ("Bytes", facts["bytes"].to_numpy(float) / 1000, "kilobytes"),
        ("Longer side", longer, "pixels"),
        ("JPEG quality", facts["quality"].to_numpy(float), "quality"),
    )
    texts = []
    for panel, (title, values, unit) in zip(axes, numbers, strict=False):
        texts.append(_spread_by_class(panel, title, values, labels, unit))
    words = facts["format"].astype(str) + " " + facts["subsampling"].astype(str)
    texts.append(_shares_by_class(axes[3], "Format, subsampling", words, labels))
    axes[0].set_ylabel("share of class")
    axes[2].set_ylabel("share of class")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2)
    return described(figure, f"Facts of the files by class: {'; '.join(texts)}.")


@styled
def shortcut_forest(
    areas: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Mapping[str, Any]] | None = None,
    limit: float = 0.55,
    title: str = "What separates the classes without a face",
) -> Figure:
    """Returns the AUC of each family of shortcuts with its 95% interval and the limit.

    Args:
        areas: `value`, `low` and `high` for each name, as the files came.
        after: the same for the faces that preprocessing left, for some of the names.
        limit: a dashed line: an interval to the right of it is a shortcut.
        title: above the figure.
    """
    after = after or {}
    figure = new_figure(1.3 + 0.36 * len(areas))
    axes = figure.subplots()
    texts = []
    for place, (name, area) in enumerate(areas.items()):
        both = name in after
        _interval(axes, area, place - 0.14 * both, BEFORE, "o")
        text = f"{name} {_in_words(area)}"
        if both:
            _interval(axes, after[name], place + 0.14, AFTER, "s")
            text += f", after preprocessing {format_interval(after[name])}"
        axes.text(
            1.02,
            place,
            _in_words(area),
            transform=axes.get_yaxis_transform(),
            va="center",
            fontsize=8.5,
        )
        texts.append(text)
    axes.axvline(0.5, color=FAINT, linewidth=1, linestyle=":")
    axes.axvline(limit, color=CLASS_COLORS[1], linewidth=1.2, linestyle="--")
    axes.set_yticks(range(len(areas)), [shortened(name) for name in areas])
    axes.set_ylim(len(areas) - 0.45, -0.55)
    lows = [_ends(area)[1] for area in [*areas.values(), *after.values()]]
    axes.set_xlim(min(0.4, *lows) - 0.02, 1.02)
    axes.set_xlabel(
        f"AUC (0.5 is guessing; dashed: the limit {limit:g})\n"
        "bars: 95% intervals for these fits, a little too narrow"
    )
    axes.set_title(title)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    if after:
        handles = [
            axes.plot([], [], color=BEFORE, marker="o", linestyle="")[0],
            axes.plot([], [], color=AFTER, marker="s", linestyle="")[0],
        ]
        names = ["files as they came", "faces after preprocessing"]
        figure.legend(handles, names, loc="outside lower center", ncols=2)
    alt = f"{title}: AUC with 95% intervals for these fits: {'; '.join(texts)}."
    return described(figure, alt)


@styled
def average_pictures(thumbnails: np.ndarray, spectra: np.ndarray, labels: np.ndarray) -> Figure:
    """Returns the mean thumbnail of each class, their difference, and the mean spectra.

    Args:
        thumbnails: `[n, side * side * 3]`, RGB, 0 to 1.
        spectra: `[n, rings]`, log10 power from no frequency to half a cycle a pixel.
        labels: [n], 0 real and 1 fake.
    """
    side = round((thumbnails.shape[1] / 3) ** 0.5)
    means = [thumbnails[labels == label].mean(axis=0) for label in (0, 1)]
    difference = means[1] - means[0]
    largest = float(np.abs(difference).max())
    shown = 0.5 + difference / (2 * max(largest, 1e-6))
    figure = new_figure(2.6)
    grid = figure.subplots(1, 4, width_ratios=[1, 1, 1, 2.1])
    titles = ("mean real", "mean fake", f"fake minus real\n(largest {largest:.2f})")
    for axes, values, title in zip(grid, (*means, shown), titles, strict=False):
        axes.imshow(values.reshape(side, side, 3).clip(0, 1), interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.grid(False)
        axes.set_title(title, fontsize=9)
    text = _mean_spectra(grid[3], spectra, labels)
    alt = f"Mean thumbnails of both classes differ by at most {largest:.2f} of 1. {text}"
    return described(figure, alt)


def _mean_spectra(axes: Axes, spectra: np.ndarray, labels: np.ndarray) -> str:
    frequencies = (np.arange(spectra.shape[1]) + 0.5) / (2 * spectra.shape[1])
    means = []
    for label in (0, 1):
        part = spectra[labels == label].astype(float)
        mean, spread = part.mean(axis=0), part.std(axis=0)
        look = {"color": CLASS_COLORS[label], "linestyle": CLASS_LINES[label]}
        axes.plot(frequencies, mean, label=CLASS_NAMES[label], **look)
        axes.fill_between(
            frequencies, mean - spread, mean + spread, color=CLASS_COLORS[label], alpha=0.15
        )
        means.append(mean)
    axes.set(title="Mean power spectrum", xlabel="cycles a pixel", ylabel="log10 power")
    axes.legend()
    gap = means[1] - means[0]
    place = int(np.abs(gap).argmax())
    return (
        f"The mean log10 power of fakes is furthest from that of reals, by {gap[place]:+.2f}, at "
        f"{frequencies[place]:.2f} cycles a pixel."
    )


def _spread_by_class(
    axes: Axes, title: str, values: np.ndarray, labels: np.ndarray, unit: str
) -> str:
    axes.set(title=title, xlabel=unit)
    known = np.isfinite(values)
    if not known.any():
        axes.text(0.5, 0.5, "none known", ha="center", va="center", transform=axes.transAxes)
        return f"{title}: none known"
    edges = _edges(values[known])
    class_histograms(axes, np.clip(values[known], edges[0], edges[-1]), labels[known], edges)
    medians = [
        f"{CLASS_NAMES[label]} {np.median(values[known & (labels == label)]):.4g}"
        for label in (0, 1)
        if (known & (labels == label)).any()
    ]
    return f"{title}, median in {unit}: {listed(medians)}"


def _edges(values: np.ndarray) -> np.ndarray:
    """Returns about 30 bins for all but the outermost values; whole ones for whole numbers."""
    low, high = np.percentile(values, (0.5, 99.5))
    if (values == np.round(values)).all():
        step = max(1, round((high - low) / 30))
        return np.arange(np.floor(low) - step / 2 - step, high + 2 * step, step)
    margin = 0.02 * (high - low) + 1e-6
    return np.linspace(low - margin, high + margin, 31)


def _shares_by_class(axes: Axes, title: str, words: pd.Series, labels: np.ndarray) -> str:
    usual = list(words.value_counts().index[:4])
    texts = []
    for label in (0, 1):
        part = words[labels == label]
        shares = [float((part == word).mean()) for word in usual]
        places = np.arange(len(usual)) + (label - 0.5) * 0.38
        axes.barh(places, shares, 0.36, color=CLASS_COLORS[label], hatch=("", "///")[label])
        parts = [f"{share:.0%} {word}" for word, share in zip(usual, shares, strict=True)]
        texts.append(f"{CLASS_NAMES[label]} files are {listed(parts)}")
    axes.set_yticks(range(len(usual)), [shortened(word, 16) for word in usual])
    axes.invert_yaxis()
    axes.set(title=title, xlabel="share of class")
    axes.grid(axis="y", visible=False)
    return "; ".join(texts)


def _interval(axes: Axes, area: Mapping[str, Any], place: float, color: str, marker: str) -> None:
    value, low, high = _ends(area)
    axes.errorbar(
        value,
        place,
        xerr=[[max(value - low, 0)], [max(high - value, 0)]],
        color=color,
        marker=marker,
        markersize=5,
        elinewidth=1.6,
        capsize=3,
        markeredgecolor=INK,
        markeredgewidth=0.4,
    )


def _in_words(area: Mapping[str, Any]) -> str:
    if area["value"] == area["low"] == area["high"]:
        return "the same in all files"
    if area["value"] == 0.5 and area["low"] is None:
        return "does not tell at all"
    return format_interval(area)


def _ends(area: Mapping[str, Any]) -> tuple[float, float, float]:
    value = area["value"]
    return (value, value, value) if area["low"] is None else (value, area["low"], area["high"])
