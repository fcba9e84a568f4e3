"""Figures of a search: what mattered, every trial as a line, and every run of a grid overlaid."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .style import FAINT, MODEL_COLORS, MODEL_LINES, described, new_figure, shortened, styled
from .training import BEST, OBJECTIVES, ordered, texts_of

# Light to dark in grey print too, and told apart by the colour-blind; the palest part left out.
COLOR_MAP = "viridis_r"
MOST_AXES = 9
LABELLED_RUNS = 36


@styled
def search_importance(table: pd.DataFrame, trials: int, explained: float) -> Figure:
    """Returns a bar for how much each choice of a search mattered, with its spread.

    Args:
        table: of `importance.choice_importance`: choice, importance, low, high.
        trials: finished trials behind it.
        explained: share of the differences between trials left out that was forecast.
    """
    if table.empty:
        figure = new_figure(1.2)
        figure.text(0.5, 0.5, f"{trials} finished trials: too few to tell", ha="center")
        return described(figure, f"{trials} finished trials are too few to tell what mattered.")
    figure = new_figure(1.3 + 0.36 * len(table))
    axes = figure.subplots()
    places = np.arange(len(table))[::-1]
    axes.barh(places, table["importance"].clip(lower=0), height=0.55, color=MODEL_COLORS[4])
    axes.hlines(places, table["low"], table["high"], color="black", linewidth=1.4)
    axes.axvline(0, color=FAINT, linewidth=1)
    axes.set_yticks(places, [shortened(name.replace("_", " "), 24) for name in table["choice"]])
    axes.grid(axis="y", visible=False)
    axes.set(
        title=f"What mattered, from {trials} finished trials",
        xlabel="what a forecast of the result loses without it, in variances of the results\n"
        "(bar: median over bootstraps of the trials; line: their 10% to 90%)",
    )
    parts = "; ".join(
        f"{row.choice.replace('_', ' ')} {row.importance:.2f} ({row.low:.2f} to {row.high:.2f})"
        for row in table.itertuples()
    )
    return described(
        figure,
        f"How much each choice mattered in {trials} finished trials of a search, a forest "
        f"forecasting {explained:.0%} of the differences between trials left out: {parts}.",
    )


@styled
def search_parallel(
    trials: pd.DataFrame, choices: Sequence[str], objective: str = "val_auc"
) -> Figure:
    """Returns each trial as a line through its choices, coloured by its result.

    Args:
        trials: a row a trial: the columns of `choices` and the objective, missing for a failed
            trial, which is drawn dashed and ends in a cross; `status`, where halving stopped
            some, which cannot be the best.
        choices: columns to show, nine at most; those with a single value are left out.
        objective: `val_auc` (higher is better) or `val_loss` (lower is better).
    """
    varied = [name for name in choices if texts_of(trials[name]).nunique() > 1][:MOST_AXES]
    scores = trials[objective].to_numpy(dtype=float)
    title = OBJECTIVES.get(objective, objective)
    figure = new_figure(3.6)
    axes = figure.subplots()
    done = np.isfinite(scores)
    low, high = (scores[done].min(), scores[done].max()) if done.any() else (0.0, 1.0)
    heights = np.column_stack(
        [*(_heights(trials[name]) for name in varied), _share_of(scores, low, high)]
    )
    colors = ScalarMappable(Normalize(low, high if high > low else low + 1e-9), COLOR_MAP)
    stopped = trials.get("status", pd.Series("done", trials.index)).eq("stopped").to_numpy()
    best = _best(np.where(stopped, np.nan, scores), objective)
    for row in np.argsort(np.where(done, scores, -np.inf)):
        _draw_trial(axes, heights[row], done[row], colors.to_rgba(scores[row]), row == best)
    _label_axes(axes, trials, varied, low, high, title)
    figure.colorbar(colors, ax=axes, label=title, pad=0.02, aspect=30)
    failed = int((~done).sum())
    words = ", ".join(name.replace("_", " ") for name in varied) or "nothing that varied"
    text = f"Each of {len(trials)} trials as a line through {words}, and its {title}"
    if done.any():
        text += f", {low:.3f} to {high:.3f}"
    return described(figure, text + (f"; {failed} failed." if failed else "."))


@styled
def grid_runs(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Returns validation accuracy and loss by epoch of every run of a grid study, overlaid.

    Args:
        histories: from a run's name, what it chose, to its history: a row an epoch with
            val_accuracy and val_loss. At most 36 are named; of more, the best ones by accuracy.
    """
    names = list(histories)
    best = {name: float(histories[name]["val_accuracy"].max()) for name in names}
    labelled = sorted(names, key=lambda name: -best[name])[:LABELLED_RUNS]
    columns = 2 if max(map(len, names)) <= 48 else 1
    rows = -(-len(labelled) // columns)
    figure = new_figure(5.0 + 0.19 * rows)
    pair = figure.subplots(2, 1, sharex=True)
    for number, name in enumerate(names):
        look = _look(number) if name in labelled else {"color": FAINT, "linewidth": 0.8}
        epochs = np.arange(1, len(histories[name]) + 1)
        for axes, measure in zip(pair, ("val_accuracy", "val_loss"), strict=True):
            values = histories[name][measure].to_numpy(dtype=float)
            label = shortened(name, 60) if name in labelled else None
            axes.plot(epochs, values, markersize=3, label=label, **look)
    pair[0].set(title="Validation accuracy of every run", ylabel="accuracy")
    pair[1].set(title="Validation loss of every run", ylabel="loss", xlabel="epoch")
    pair[1].xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    handles, texts = pair[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside lower center", ncols=columns, fontsize=8)
    first, last = labelled[0], min(names, key=best.get)
    return described(
        figure,
        f"Validation accuracy and loss by epoch of {len(names)} runs. The highest accuracy, "
        f"{best[first]:.3f}, has {first}; the lowest of the runs' highest, {best[last]:.3f}, has "
        f"{last}.",
    )


def _look(number: int) -> dict[str, object]:
    """Returns a colour, a line and a marker, so that 105 runs look different."""
    markers = ("o", "s", "^")
    turn, color = divmod(number, len(MODEL_COLORS))
    return {
        "color": MODEL_COLORS[color],
        "linestyle": MODEL_LINES[turn % len(MODEL_LINES)],
        "marker": markers[turn // len(MODEL_LINES) % len(markers)],
        "linewidth": 1.3,
    }


def _best(scores: np.ndarray, objective: str) -> int:
    """Returns the place of the best trial, -1 for none."""
    if not np.isfinite(scores).any():
        return -1
    return int(np.nanargmin(scores) if objective.endswith("loss") else np.nanargmax(scores))


def _share_of(scores: np.ndarray, low: float, high: float) -> np.ndarray:
    return (scores - low) / (high - low) if high > low else np.where(np.isnan(scores), scores, 0.5)


def _heights(column: pd.Series) -> np.ndarray:
    """Returns the height of each trial on the axis of a choice, its values evenly apart."""
    values = ordered(column)
    places = {value: place / (len(values) - 1) for place, value in enumerate(values)}
    # A little apart, so that lines through the same values do not hide each other.
    apart = np.linspace(-0.025, 0.025, len(column)) if len(column) > 1 else np.zeros(1)
    return texts_of(column).map(places).to_numpy(dtype=float) + apart


def _draw_trial(axes: Axes, heights: np.ndarray, done: bool, color: tuple, best: bool) -> None:
    places = np.arange(len(heights))
    if done:
        axes.plot(places, heights, color=color, linewidth=3.2 if best else 1.5, alpha=0.9)
        if best:
            axes.plot(places[-1], heights[-1], "D", color=BEST, markersize=8, zorder=5)
        return
    axes.plot(places[:-1], heights[:-1], color=FAINT, linewidth=1, linestyle=(0, (3, 2)))
    if len(places) > 1:
        axes.plot(places[-2], heights[-2], "x", color=FAINT, markersize=7)


def _label_axes(
    axes: Axes, trials: pd.DataFrame, varied: list[str], low: float, high: float, title: str
) -> None:
    for place, name in enumerate(varied):
        axes.axvline(place, color="#9A9A9A", linewidth=1, zorder=0)
        values = ordered(trials[name])
        for number, value in enumerate(values):
            axes.annotate(
                shortened(value, 12),
                (place, number / (len(values) - 1)),
                xytext=(3, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                bbox={"boxstyle": "round,pad=0.1", "color": "white", "alpha": 0.75},
            )
    axes.axvline(len(varied), color="#9A9A9A", linewidth=1, zorder=0)
    names = [shortened(name.replace("_", " "), 14) for name in varied]
    axes.set_xticks(range(len(varied) + 1), [*names, title], rotation=25, ha="right")
    axes.set_yticks([])
    axes.set_xlim(-0.1, len(varied) + 0.12)
    axes.set_title("Every trial: what it chose, and how it did (diamond: the best)")
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.grid(False)
