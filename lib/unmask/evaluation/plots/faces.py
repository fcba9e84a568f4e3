"""Sheets of faces: samples, and the worst mistakes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..explain.mistakes import WRONG, judge
from ..scores import CLASS_NAMES
from .style import (
    CLASS_COLORS,
    CLASS_LINES,
    WIDTH,
    described,
    new_figure,
    shortened,
    styled,
)


@styled
def face_sheet(
    pictures: Sequence[np.ndarray],
    captions: Sequence[str],
    labels: Sequence[int] | None = None,
    columns: int = 6,
    title: str = "",
) -> Figure:
    """Returns a grid of pictures, each with its caption; framed blue for real, red for fake.

    Args:
        pictures: uint8 [height, width, 3] RGB each, any number.
        captions: a line for each, plain text.
        labels: 0 real, 1 fake, for the frame; none without.
        columns: pictures in a row.
        title: above the sheet.
    """
    rows = -(-len(pictures) // columns)
    side = WIDTH / columns
    figure = new_figure(rows * (side + 0.24) + (0.35 if title else 0.05))
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for place, axes in enumerate(grid):
        if place >= len(pictures):
            axes.remove()
            continue
        label = None if labels is None else int(labels[place])
        draw_face(axes, pictures[place], captions[place], label, max(6, 90 // columns))
    if title:
        figure.suptitle(title, fontsize=11, fontweight="bold", x=0.01, ha="left")
    kinds = ""
    if labels is not None:
        fakes = int(np.sum(labels))
        kinds = f" {len(pictures) - fakes} real, {fakes} fake."
    return described(
        figure,
        f"{title or 'Sheet of faces'}: {len(pictures)} pictures.{kinds} "
        f"Captions: {'; '.join(' '.join(str(caption).split()) for caption in captions)}.",
    )


@styled
def worst_mistakes(
    frame: pd.DataFrame, faces: np.ndarray, threshold: float, count: int = 6
) -> Figure:
    """Returns the faces a model is most wrong about: fakes it trusts, and reals it accuses.

    Args:
        frame: rows of a scores table after `attach_faces`, usually its test split; seeds are
            averaged.
        faces: uint8 [N, size, size, 3], indexed by `row`; a memory map will do.
        threshold: faces with a score at or above it are called fake.
        count: of each kind, at most.
    """
    verdicts = judge(frame, threshold)
    heights = [WIDTH / count + 0.8 if len(verdicts.by_kind[kind]) else 0.45 for kind in WRONG]
    figure = new_figure(sum(heights))
    texts = []
    parts = figure.subfigures(2, 1, height_ratios=heights)
    for part, kind in zip(parts, WRONG, strict=True):
        shown = verdicts.by_kind[kind].head(count)
        title, counts = mistake_title(kind), verdicts.counts(kind)
        part.suptitle(f"{title} ({counts})", fontsize=11, fontweight="bold", x=0.01, ha="left")
        if len(shown):
            _draw_mistakes(part.subplots(1, count, squeeze=False).ravel(), shown, faces)
        scores = ", ".join(f"{score:.2f}" for score in shown["score"]) or "none"
        texts.append(f"{title}: {counts}, the worst with scores {scores}")
    return described(figure, f"Worst mistakes. {'. '.join(texts)}.")


def mistake_title(kind: str) -> str:
    """Returns "Fake faces called real" for the kind "fake called real"."""
    return kind.replace(" ", " faces ", 1).capitalize()


def _draw_mistakes(grid: np.ndarray, shown: pd.DataFrame, faces: np.ndarray) -> None:
    for axes, (_, row) in zip(grid, shown.iterrows(), strict=False):
        caption = mistake_caption(row)
        draw_face(axes, faces[int(row["row"])], caption, int(row["label"]), 90 // len(grid))
    for axes in grid[len(shown) :]:
        axes.axis("off")


def mistake_caption(row: pd.Series) -> str:
    """Returns the lines below a face: its score, and what made it when it is fake."""
    caption = f"score {row['score']:.2f}"
    return f"{caption}\n{row['generator']}" if row["label"] == 1 else caption


def draw_face(
    axes: Axes, picture: np.ndarray, caption: str, label: int | None, length: int
) -> None:
    """Draws one picture with a caption below, framed by its class (line style as well)."""
    axes.imshow(picture, interpolation="lanczos")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    lines = [shortened(line, length) for line in str(caption).split("\n")]
    axes.set_xlabel("\n".join(lines), fontsize=8.5, labelpad=3)
    for spine in axes.spines.values():
        spine.set_visible(label is not None)
        if label is not None:
            spine.set(color=CLASS_COLORS[label], linewidth=2.5, linestyle=CLASS_LINES[label])
    axes.set_gid(None if label is None else CLASS_NAMES[label])
