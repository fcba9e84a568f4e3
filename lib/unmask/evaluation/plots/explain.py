"""Figures of explanations: heat maps on faces, spectra with their bands, noise residuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from ..explain.mistakes import WRONG, judge
from ..explain.record import Explanations
from ..explain.residual import AverageResiduals
from ..explain.spectrum import GRAY, SpectrumBands
from .faces import draw_face, mistake_caption, mistake_title
from .style import CLASS_COLORS, CLASS_LINES, FAINT, INK, WIDTH, described, new_figure, styled

STRONGEST = 0.8  # opacity of the colour where a map is at its maximum
LEGEND = "orange speaks for fake, blue for real"


@styled
def heat_overlays(
    pictures: Sequence[np.ndarray],
    maps: Mapping[str, np.ndarray],
    captions: Sequence[str],
    labels: Sequence[int] | None = None,
    title: str = "",
) -> Figure:
    """Returns faces side by side, below each one row for every kind of heat map.

    Args:
        pictures: uint8 [height, width, 3] RGB each, about four to eight.
        maps: by the name of the row, float [n, height, width]: above 0 speaks for fake, below 0
            for real. A map beyond 1 is divided by its largest value, as is one of scores, such
            as `occlusion_maps` gives; its name should say so.
        captions: below each face, plain text.
        labels: 0 real, 1 fake, for the frame; none without.
        title: above the sheet.
    """
    rows, columns = 1 + len(maps), len(pictures)
    side = (WIDTH - 0.3) / max(columns, 4)
    figure = _tight_figure(rows * (side + 0.05) + 0.45 + (0.35 if title else 0))
    grid = figure.subplots(rows, max(columns, 4), squeeze=False)
    for axes in grid[:, columns:].ravel():
        axes.remove()
    for column, picture in enumerate(pictures):
        label = None if labels is None else int(labels[column])
        draw_face(grid[0, column], picture, "", label, 1)
        for row, heats in enumerate(maps.values(), start=1):
            draw_heat(grid[row, column], picture, heats[column])
        grid[-1, column].set_xlabel(captions[column], fontsize=8.5, labelpad=3)
    for row, name in enumerate(("face", *maps)):
        grid[row, 0].set_ylabel(name, fontsize=9)
    if title:
        figure.suptitle(f"{title} ({LEGEND})", fontsize=11, x=0.01, ha="left")
    texts = "; ".join(" ".join(str(caption).split()) for caption in captions)
    return described(
        figure,
        f"{title or 'Heat maps'}: {columns} faces, below each {', '.join(maps)}; {LEGEND}. "
        f"Captions: {texts}.",
    )


def where_it_looks(explanations: Explanations, pixels: np.ndarray) -> Figure:
    """Returns one face or more of each verdict with its heat maps and its occlusion map.

    Args:
        explanations: of one detector; the faces with an occlusion map are shown.
        pixels: uint8 [N, size, size, 3], indexed by `row`; a memory map will do.
    """
    places = explanations.covered_places
    table = explanations.table.iloc[places]
    drops = np.abs(explanations.covered).max(axis=(1, 2))
    scale = np.maximum(drops, np.finfo(np.float32).tiny)[:, None, None]
    return heat_overlays(
        [pixels[row] for row in table["row"]],
        {
            "for fake": explanations.fake[places],
            "for real": -explanations.real[places],
            "when covered": explanations.covered / scale,
        },
        [
            f"{kind}\nscore {score:.2f}\nmoves by up to {drop:.2f}"
            for kind, score, drop in zip(table["kind"], table["score"], drops, strict=True)
        ],
        list(table["label"]),
        f"Where {explanations.detector} looks",
    )


@styled
def mistakes_with_reasons(
    frame: pd.DataFrame,
    pixels: np.ndarray,
    threshold: float,
    maps: Mapping[str, np.ndarray],
    count: int = 6,
) -> Figure:
    """Returns the faces a model is most wrong about, below each what spoke for its verdict.

    Args:
        frame: rows of a scores table after `attach_faces`, usually its test split; seeds are
            averaged.
        pixels: uint8 [N, size, size, 3], indexed by `row`; a memory map will do.
        threshold: faces with a score at or above it are called fake.
        maps: by face_id float [size, size], -1 to 1 (`Explanations.reasons`); a face without one
            is shown alone.
        count: of each kind, at most.
    """
    verdicts = judge(frame, threshold)
    tall = 2 * (WIDTH / count - 0.05) + 0.8
    heights = [tall if len(verdicts.by_kind[kind]) else 0.45 for kind in WRONG]
    figure = _tight_figure(sum(heights))
    texts = []
    parts = figure.subfigures(2, 1, height_ratios=heights)
    for part, kind in zip(parts, WRONG, strict=True):
        shown = verdicts.by_kind[kind].head(count)
        title, counts = mistake_title(kind), verdicts.counts(kind)
        part.suptitle(f"{title} ({counts})", fontsize=11, fontweight="bold", x=0.01, ha="left")
        if len(shown):
            _draw_reasons(part.subplots(2, count, squeeze=False), shown, pixels, maps)
        told = ", ".join(_places_in_words(row, maps) for _, row in shown.iterrows()) or "none"
        texts.append(f"{title}: {counts}. {told}")
    return described(
        figure, f"Worst mistakes, each with what spoke for it; {LEGEND}. {'. '.join(texts)}."
    )


def _tight_figure(height: float) -> Figure:
    figure = new_figure(height)
    figure.get_layout_engine().set(w_pad=0.05, h_pad=0.02, hspace=0.02, wspace=0.02)
    return figure


def _draw_reasons(
    grid: np.ndarray, shown: pd.DataFrame, pixels: np.ndarray, maps: Mapping[str, np.ndarray]
) -> None:
    count = grid.shape[1]
    for (face, reason), (_, row) in zip(grid.T, shown.iterrows(), strict=False):
        picture = pixels[int(row["row"])]
        draw_face(face, picture, "", int(row["label"]), 1)
        if row["face_id"] in maps:
            draw_heat(reason, picture, maps[row["face_id"]])
        else:
            draw_face(reason, np.full_like(picture, 255), "no map", None, 20)
        lines = [line[: 90 // count] for line in mistake_caption(row).split("\n")]
        reason.set_xlabel("\n".join(lines), fontsize=8.5, labelpad=3)
    for axes in grid[:, len(shown) :].ravel():
        axes.axis("off")


def draw_heat(axes: Axes, picture: np.ndarray, heat: np.ndarray) -> None:
    """Draws a picture in gray below a heat map: orange above 0, blue below, clear at 0."""
    gray = (picture @ GRAY) / 255 * 0.75 + 0.2
    heat = heat / max(1.0, float(np.abs(heat).max()))
    colors = np.where((heat > 0)[..., None], to_rgb(CLASS_COLORS[1]), to_rgb(CLASS_COLORS[0]))
    opacity = STRONGEST * np.abs(heat)[..., None]
    axes.imshow(gray[..., None] * (1 - opacity) + colors * opacity, interpolation="bilinear")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _places_in_words(row: pd.Series, maps: Mapping[str, np.ndarray]) -> str:
    text = f"score {row['score']:.2f}"
    heat = maps.get(row["face_id"])
    if heat is None or not np.abs(heat).max():
        return text
    top, left = np.unravel_index(np.abs(heat).argmax(), heat.shape)
    height, width = heat.shape
    down = ("top", "middle", "bottom")[min(2, 3 * top // height)]
    across = ("left", "centre", "right")[min(2, 3 * left // width)]
    return f"{text} (strongest at {down} {across})"


@styled
def spectrum_bands(bands: SpectrumBands) -> Figure:
    """Returns the mean power spectra of real and fake faces, and of their difference, with bands.

    Args:
        bands: from `explain.spectrum.spectrum_bands`.
    """
    figure = new_figure(3.3)
    both, apart = figure.subplots(1, 2)
    for label, (name, count) in enumerate(zip(("real", "fake"), bands.counts, strict=True)):
        look = {"color": CLASS_COLORS[label], "linestyle": CLASS_LINES[label]}
        title = f"{name} ({count:,})"
        both.plot(bands.frequencies, bands.mean[label], label=title, linewidth=1.4, **look)
        ends = (bands.low[label], bands.high[label])
        both.fill_between(bands.frequencies, *ends, color=look["color"], alpha=0.25, linewidth=0)
    both.set(title="Power", xlabel="waves across the picture", ylabel="decibel")
    both.legend(loc="upper right")
    apart.axhline(0, color=FAINT, linewidth=1, linestyle=":")
    apart.plot(bands.frequencies, bands.difference, color=INK, linewidth=1.4)
    ends = (bands.difference_low, bands.difference_high)
    apart.fill_between(bands.frequencies, *ends, color=INK, alpha=0.2, linewidth=0)
    apart.set(title="Fake minus real", xlabel="waves across the picture", ylabel="decibel")
    places = len(bands.apart)
    widest = int(np.abs(bands.difference).argmax())
    return described(
        figure,
        f"Power spectra of {bands.counts[0]:,} real and {bands.counts[1]:,} fake faces with 95% "
        f"bands. The band of the difference leaves out zero at {places} of "
        f"{len(bands.frequencies)} frequencies; the largest difference is "
        f"{bands.difference[widest]:+.1f} decibel at {bands.frequencies[widest]} waves.",
    )


@styled
def noise_residuals(average: AverageResiduals) -> Figure:
    """Returns the average noise residual of real faces, of fake ones, and their difference.

    Args:
        average: from `explain.residual.average_residuals`.
    """
    figure = new_figure(2.9)
    grid = figure.subplots(1, 3)
    real, fake = average.mean
    most = max(float(np.percentile(np.abs(average.mean), 99)), 1e-6)
    titles = [f"{name} ({n:,})" for name, n in zip(("real", "fake"), average.counts, strict=True)]
    for axes, title, part in zip(
        grid, (*titles, "fake minus real"), (real, fake, fake - real), strict=True
    ):
        image = axes.imshow(part, cmap="gray", vmin=-most, vmax=most, interpolation="nearest")
        axes.set_title(title)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.grid(False)
    figure.colorbar(image, ax=grid, shrink=0.75, label="gray levels")
    sizes = " and ".join(f"{part.std():.2f}" for part in (real, fake))
    single = " and ".join(f"{size:.2f}" for size in average.strength)
    return described(
        figure,
        f"Average noise residuals of {average.counts[0]:,} real and {average.counts[1]:,} fake "
        f"faces. What is left after averaging varies by {sizes} gray levels (real and fake), a "
        f"single residual by {single}; the difference of the averages by "
        f"{(fake - real).std():.2f}.",
    )
