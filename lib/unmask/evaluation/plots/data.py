"""Figures of the data: how many of what, their sizes and formats, and the splits."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..scores import ALL_SPLITS, CLASS_NAMES
from .style import (
    CLASS_COLORS,
    class_histograms,
    described,
    listed,
    new_figure,
    shortened,
    styled,
)

HATCHES = ("", "///")
MOST_ROWS = 15


@styled
def class_counts(frame: pd.DataFrame, title: str = "Pictures by where they come from") -> Figure:
    """Returns a bar for each generator (`real` among them), coloured by class.

    Args:
        frame: a files or faces table: label, generator.
        title: above the figure.
    """
    counts = frame.groupby(["label", "generator"]).size().sort_values(ascending=False)
    counts = counts.sort_index(level="label", sort_remaining=False)
    shown = counts.head(MOST_ROWS)
    names = [
        f"{CLASS_NAMES[label]}: {shortened(generator, 22)}" if label else "real"
        for label, generator in shown.index
    ]
    if len(counts) > MOST_ROWS:
        title += f" (the {MOST_ROWS} largest of {len(counts)})"
    figure = new_figure(0.8 + 0.36 * len(shown))
    axes = figure.subplots()
    for place, ((label, _), count) in enumerate(shown.items()):
        bar = axes.barh(
            place,
            count,
            height=0.66,
            color=CLASS_COLORS[label],
            hatch=HATCHES[label],
            edgecolor="white",
        )
        axes.bar_label(bar, fmt="{:,.0f}", padding=4, fontsize=9)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_title(title)
    _plain_counts(axes)
    pairs = [f"{name} {count:,}" for name, count in zip(names, shown, strict=True)]
    return described(figure, f"{title}: {listed(pairs)}.")


@styled
def resolutions(files: pd.DataFrame) -> Figure:
    """Returns how long the longer side of each picture is, and its bytes, by class.

    A difference between the classes is something a detector could learn instead of the face.

    Args:
        files: a files table: label, width, height, bytes.
    """
    figure = new_figure(2.9)
    left, right = figure.subplots(1, 2)
    longer = files[["width", "height"]].max(axis=1).to_numpy(dtype=float)
    kilobytes = files["bytes"].to_numpy(dtype=float) / 1000
    labels = files["label"].to_numpy()
    _class_outlines(left, longer, labels)
    _class_outlines(right, kilobytes, labels)
    left.set(title="Longer side", xlabel="pixels", ylabel="share of class")
    right.set(title="Size on disk", xlabel="kilobytes")
    handles, names = left.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2)
    texts = []
    for label in (0, 1):
        inside = (labels == label) & np.isfinite(longer)
        if inside.any():
            texts.append(
                f"{CLASS_NAMES[label]} pictures have a median longer side of "
                f"{np.median(longer[inside]):.0f} pixels and {np.median(kilobytes[inside]):.1f} kB"
            )
    return described(figure, f"Sizes of pictures: {listed(texts) if texts else 'none known'}.")


@styled
def formats_and_quality(files: pd.DataFrame) -> Figure:
    """Returns the share of each class by file format, and by JPEG quality.

    Args:
        files: a files table: label, format, jpeg_quality (missing where it is no JPEG).
    """
    figure = new_figure(2.9)
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.5])
    formats = _shares(files["label"], files["format"].fillna("?").astype(str))
    _class_bars(left, formats)
    left.set(title="File format", ylabel="share of class")
    known = files[files["jpeg_quality"].notna()]
    right.set(title="JPEG quality", xlabel="quality estimated from the file")
    if len(known):
        _class_outlines(right, known["jpeg_quality"].to_numpy(float), known["label"].to_numpy())
    else:
        right.text(0.5, 0.5, "no JPEG files", ha="center", va="center", transform=right.transAxes)
    handles, names = left.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2)
    texts = []
    for label in formats.columns:
        parts = [f"{name} {share:.0%}" for name, share in formats[label].items() if share]
        quality = known.loc[known["label"] == label, "jpeg_quality"]
        median = f", median JPEG quality {quality.median():.0f}" if len(quality) else ""
        texts.append(f"{CLASS_NAMES[label]} files are {listed(parts)}{median}")
    return described(figure, f"Formats: {'; '.join(texts)}.")


@styled
def split_composition(faces: pd.DataFrame) -> Figure:
    """Returns the number of real and fake faces in each split, fakes by generator.

    Args:
        faces: the faces table: split, label, generator.
    """
    counts = faces.groupby(["split", "label", "generator"]).size()
    splits = [name for name in ALL_SPLITS if name in counts.index.get_level_values("split")]
    figure = new_figure(0.9 + 0.72 * len(splits))
    axes = figure.subplots()
    texts = []
    largest = faces.groupby(["split", "label"]).size().max()
    for place, split in enumerate(splits):
        parts = []
        for label in (0, 1):
            if (split, label) not in counts.index.droplevel("generator"):
                continue
            height = place + (label - 0.5) * 0.38
            total, rest = _stacked_bar(axes, height, counts[split, label], label, largest)
            text = f"{total:,} {CLASS_NAMES[label]}{rest}"
            axes.text(total + 0.01 * largest, height, text, va="center", fontsize=9)
            named = [f"{name} {count:,}" for name, count in counts[split, label].items()]
            parts.append(
                f"{total:,} {CLASS_NAMES[label]}" + (f" ({listed(named)})" if label else "")
            )
        texts.append(f"{split} has {listed(parts)}")
    axes.set_yticks(range(len(splits)), splits)
    axes.invert_yaxis()
    axes.margins(x=0.16)
    axes.set_title("Faces in each split")
    _plain_counts(axes)
    return described(figure, f"Faces in each split: {'; '.join(texts)}.")


def _stacked_bar(
    axes: Axes, height: float, counts: pd.Series, label: int, largest: int
) -> tuple[int, str]:
    """Draws the faces of a class in a split; returns their number, and names that did not fit."""
    start, outside = 0, []
    for generator, count in counts.sort_values(ascending=False).items():
        axes.barh(height, count, 0.34, start, color=CLASS_COLORS[label], edgecolor="white")
        name = shortened(generator, 24)
        if label and len(name) < 54 * count / largest:
            axes.text(
                start + count / 2,
                height,
                name,
                ha="center",
                va="center",
                color="white",
                fontsize=8.5,
                fontweight="bold",
            )
        elif label:
            outside.append(f"{count:,} {name}")
        start += count
    fits = start < 0.55 * largest and outside
    return start, f": {shortened(', '.join(outside), 48)}" if fits else ""


def _plain_counts(axes: Axes) -> None:
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)


def _shares(labels: pd.Series, values: pd.Series) -> pd.DataFrame:
    """Returns the share of each value (rows, most frequent first) in each class (columns)."""
    table = pd.crosstab(values, labels)
    table = table.loc[table.sum(axis=1).sort_values(ascending=False).index]
    return table / table.sum(axis=0)


def _class_bars(axes: Axes, shares: pd.DataFrame) -> None:
    for label in shares.columns:
        places = np.arange(len(shares)) + (label - 0.5) * 0.4
        axes.bar(
            places,
            shares[label],
            0.38,
            color=CLASS_COLORS[label],
            hatch=HATCHES[label],
            edgecolor="white",
            label=CLASS_NAMES[label],
        )
    axes.set_xticks(range(len(shares)), [shortened(name, 8) for name in shares.index])
    axes.set_xlim(-0.6, max(len(shares), 2) - 0.4)
    axes.set_ylim(0, 1.05)
    axes.grid(axis="x", visible=False)


def _class_outlines(axes: Axes, values: np.ndarray, labels: np.ndarray) -> None:
    """Draws a histogram for each class as share of the class; bins are shared."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return
    low, high = finite.min(), np.percentile(finite, 99.5)
    step = max((high - low) / 30, 1e-6)
    if (finite == np.round(finite)).all():
        step = max(1.0, np.ceil((high - low + 1) / 30))  # whole numbers: no bin without any
    edges = np.arange(low - step / 2, high + 1.5 * step, step)
    known = np.isfinite(values)
    class_histograms(axes, np.clip(values[known], edges[0], edges[-1]), labels[known], edges)
