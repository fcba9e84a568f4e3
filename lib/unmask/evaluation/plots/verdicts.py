"""Figures of verdicts: pictures with the faces that were judged, scores through a clip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from .style import (
    FAINT,
    FAKE,
    MODEL_COLORS,
    REAL,
    WIDTH,
    described,
    model_look,
    new_figure,
    panels,
    shortened,
    styled,
)

# By verdict: colour and line, so that they are told apart without colour too.
LOOKS = {"real": (REAL, "-"), "fake": (FAKE, "--"), "unsure": (MODEL_COLORS[2], ":")}
NOT_JUDGED = (FAINT, "-.")


@styled
def judged_pictures(
    pictures: Sequence[np.ndarray],
    faces: Sequence[Sequence[Mapping[str, Any]]],
    captions: Sequence[str],
    columns: int = 6,
) -> Figure:
    """Returns pictures with a frame around each face that was judged.

    Args:
        pictures: uint8 [height, width, 3] RGB each, of any sizes, at least one.
        faces: for each picture its faces: `box` (left, top, width, height in pixels) and
            `verdict` ("real", "fake", "unsure", or "" for not judged).
        captions: of each picture, up to two lines.
        columns: pictures in a row.
    """
    rows = -(-len(pictures) // columns)
    side = WIDTH / columns
    figure = new_figure(rows * (side + 0.42) + 0.35)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[len(pictures) :]:
        axes.remove()
    for axes, picture, found, caption in zip(grid, pictures, faces, captions, strict=False):
        _draw_judged(axes, picture, found, caption, 90 // columns)
    drawn = [LOOKS.get(face["verdict"], NOT_JUDGED) for found in faces for face in found]
    words = [name for name, look in LOOKS.items() if look in drawn]
    handles = [
        Rectangle((0, 0), 1, 1, fill=False, edgecolor=LOOKS[name][0], linestyle=LOOKS[name][1])
        for name in words
    ]
    if handles:
        figure.legend(handles, words, loc="outside upper left", ncols=len(words))
    texts = "; ".join(" ".join(caption.split()) for caption in captions)
    return described(figure, f"{len(pictures)} pictures with the faces judged. {texts}.")


@styled
def clip_timelines(clips: Sequence[Mapping[str, Any]]) -> Figure:
    """Returns the score of each person in each clip over time, with the band of "unsure".

    Args:
        clips: at least one: `title`, `band` (low, high, or None), `threshold` (or None) and
            `people`: a sequence of `times` (seconds) and `scores` for each person.
    """
    figure, grid = panels(len(clips), 2, 2.0, sharey=True)
    texts = []
    for axes, clip in zip(grid, clips, strict=True):
        if clip["band"]:
            axes.axhspan(*clip["band"], color=MODEL_COLORS[2], alpha=0.18, linewidth=0)
        if clip["threshold"] is not None:
            axes.axhline(clip["threshold"], color=FAINT, linewidth=1, linestyle=":")
        for number, person in enumerate(clip["people"]):
            axes.plot(
                person["times"], person["scores"], marker=".", label=f"person {number + 1}",
                **model_look(number),
            )  # fmt: skip
            texts.append(_in_words(clip["title"], number, person))
        axes.set(ylim=(-0.03, 1.03), xlabel="seconds", ylabel="score (1: fake)")
        axes.set_title(shortened(clip["title"], 34))
        if len(clip["people"]) > 1:
            axes.legend()
    return described(figure, f"Scores over time. {'; '.join(texts) or 'No face was scored'}.")


def _draw_judged(
    axes: Axes, picture: np.ndarray, faces: Sequence[Mapping[str, Any]], caption: str, length: int
) -> None:
    axes.imshow(picture, interpolation="antialiased")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    axes.spines[:].set_visible(False)
    for face in faces:
        left, top, width, height = face["box"]
        color, line = LOOKS.get(face["verdict"], NOT_JUDGED)
        for look in ({"edgecolor": "white", "linewidth": 3}, {"edgecolor": color, "linewidth": 2}):
            style = "-" if look["edgecolor"] == "white" else line
            axes.add_patch(
                Rectangle((left, top), width, height, fill=False, linestyle=style, **look)
            )
    axes.set_xlim(-0.5, picture.shape[1] - 0.5)
    axes.set_ylim(picture.shape[0] - 0.5, -0.5)
    lines = [shortened(line, length) for line in caption.split("\n")]
    axes.set_xlabel("\n".join(lines), fontsize=8.5, labelpad=3)


def _in_words(title: str, number: int, person: Mapping[str, Any]) -> str:
    scores, times = np.asarray(person["scores"]), person["times"]
    return (
        f"{' '.join(title.split())}, person {number + 1}: {scores.min():.2f} to "
        f"{scores.max():.2f}, the highest at {times[int(scores.argmax())]:.1f} s"
    )
