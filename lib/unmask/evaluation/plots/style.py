"""One look for all figures: colour-blind-safe, white behind, readable at 700 pixels."""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Callable, Sequence

import matplotlib
import numpy as np
from IPython.display import Image, display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image as Picture

from ...errors import UsageError
from ..scores import CLASS_NAMES

# Okabe & Ito (2008). Blue and vermillion always mean real and fake; models have the others.
REAL, FAKE = "#0072B2", "#D55E00"
CLASS_COLORS = (REAL, FAKE)
CLASS_LINES = ("-", "--")
MODEL_COLORS = ("#000000", "#009E73", "#E69F00", "#CC79A7", "#56B4E9", "#8C6D1F", "#777777")
MODEL_LINES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)), (0, (8, 2)))
MODEL_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
INK, FAINT = "#222222", "#767676"
WIDTH = 7.0  # inches

STYLE = {
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "figure.dpi": 110,
    "savefig.dpi": 110,
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "axes.facecolor": "white",
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.labelsize": 10,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#9A9A9A",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.8,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.8,
    # Names come from data: a dollar sign in one is a dollar sign.
    "text.parse_math": False,
}


def style() -> None:
    """Makes the look the default of matplotlib, for a notebook's own figures."""
    matplotlib.rcParams.update(STYLE)


def styled(function: Callable[..., Figure]) -> Callable[..., Figure]:
    """Decorator: draws a figure in the look, whatever matplotlib's defaults are."""

    @functools.wraps(function)
    def draw(*arguments, **options) -> Figure:
        with matplotlib.rc_context(STYLE):
            return function(*arguments, **options)

    return draw


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Returns an empty figure, sizes in inches; not known to pyplot, so nothing has to close it."""
    figure = Figure(figsize=(width, height), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.09, h_pad=0.09)
    return figure


def columns_for(count: int, most: int = 3) -> int:
    """Returns how many panels to put side by side, so that the last row is not nearly empty."""
    return 2 if count == 4 else min(count, most)


def panels(count: int, columns: int, height: float, **options) -> tuple[Figure, list[Axes]]:
    """Returns a figure with `count` axes, `height` inches each, in rows of at most `columns`."""
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure = new_figure(height * rows)
    axes = list(np.atleast_1d(figure.subplots(rows, columns, **options)).ravel())
    for spare in axes[count:]:
        spare.remove()
    return figure, axes[:count]


def described(figure: Figure, alt: str) -> Figure:
    """Returns `figure` with its alt text attached."""
    figure.set_label(alt)
    return figure


def alt_text(figure: Figure) -> str:
    """Returns the alt text that a plot function attached to its figure, or an empty string."""
    return str(figure.get_label())


def show(figure: Figure, alt: str | None = None) -> None:
    """Displays a figure in a notebook as PNG with alt text: its own, or `alt`.

    Raises:
        UsageError: there is no alt text.
    """
    alt = alt or alt_text(figure)
    if not alt:
        raise UsageError(
            "This figure has no alt text.",
            expected="a sentence for readers who cannot see it",
            fix="pass it: show(figure, alt='...')",
        )
    display(Image(data=to_png(figure), format="png", metadata={"alt": alt}))


def to_png(figure: Figure) -> bytes:
    """Returns a figure as PNG bytes on white, without the transparency that nothing uses."""
    drawn, small = io.BytesIO(), io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(drawn, format="png", metadata={"Software": None})
    Picture.open(drawn).convert("RGB").save(small, "PNG", optimize=True)
    return small.getvalue()


def model_look(position: int) -> dict[str, object]:
    """Returns color and linestyle of the model at `position`, distinct for the first 35."""
    return {
        "color": MODEL_COLORS[position % len(MODEL_COLORS)],
        "linestyle": MODEL_LINES[position % len(MODEL_LINES)],
    }


def class_histograms(axes: Axes, values: np.ndarray, labels: np.ndarray, edges: np.ndarray) -> None:
    """Draws how `values` [n] spread in each class, as shares of the class; bins are shared."""
    for label in (0, 1):
        part = values[labels == label]
        if not len(part):
            continue
        look = {"bins": edges, "weights": np.full(len(part), 1 / len(part))}
        axes.hist(part, color=CLASS_COLORS[label], alpha=0.28, **look)
        axes.hist(
            part,
            histtype="step",
            color=CLASS_COLORS[label],
            linestyle=CLASS_LINES[label],
            linewidth=1.6,
            label=CLASS_NAMES[label],
            **look,
        )


def heat_map(
    axes: Axes, shares: np.ndarray, texts: np.ndarray, color_map: str, darkest: float
) -> None:
    """Draws a matrix of shares as shaded squares with a text in each.

    Args:
        axes: where to.
        shares: [rows, columns], 0 to 1.
        texts: [rows, columns], what stands in the squares.
        color_map: a name of matplotlib's.
        darkest: the share that the darkest colour stands for.
    """
    import seaborn  # here, as it imports pyplot, which nothing else needs

    shading = {"cmap": color_map, "vmin": 0, "vmax": darkest}
    seaborn.heatmap(
        shares, annot=texts, fmt="", square=True, cbar=False, linewidths=1, ax=axes, **shading
    )
    for text, color in zip(axes.texts, axes.collections[0].get_facecolors(), strict=True):
        bright = seaborn.utils.relative_luminance(color) > 0.22  # white on it: contrast below 4
        text.set_color("black" if bright else "white")
    axes.grid(False)
    axes.tick_params(length=0)


def shortened(text: object, length: int = 28) -> str:
    """Returns one line of at most `length` characters, cut in the middle."""
    line = " ".join(str(text).split())
    if len(line) <= length:
        return line
    head = (length - 1) // 2
    return f"{line[:head]}…{line[-(length - 1 - head) :]}"


def listed(items: Sequence[str]) -> str:
    """Returns "a, b and c"."""
    items = list(items)
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
