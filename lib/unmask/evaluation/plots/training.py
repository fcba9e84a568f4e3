"""Figures of training: curves of each member, and what a search tried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from .style import FAINT, columns_for, described, new_figure, shortened, styled

TRAIN, VALIDATION = "#E69F00", "#000000"
BEST = "#009E73"
OBJECTIVES = {"val_auc": "validation AUC", "val_loss": "validation loss"}
MEASURES = {"loss": "loss", "auc": "AUC", "accuracy": "accuracy"}


@styled
def training_curves(histories: Mapping[str, pd.DataFrame]) -> Figure:
    """Returns loss and AUC by epoch, training against validation, the best epoch marked.

    The best epoch is that of the lowest validation loss, whose weights are kept (of snapshots
    the mean of all is). Grey behind the lines begins where a next phase of training does.

    Args:
        histories: for each member its history.csv, a row an epoch: loss, val_loss, auc, val_auc;
            where it has `phase` its change is shown, with `seed` one line is drawn for each.
    """
    columns = columns_for(len(histories))
    bands = -(-len(histories) // columns)
    measures = ["loss", _second_measure(histories)]
    figure = new_figure(0.5 + 3.9 * bands)
    grid = figure.subplots(2 * bands, columns, squeeze=False, sharey=False)
    texts = []
    for position, (name, history) in enumerate(histories.items()):
        band, column = divmod(position, columns)
        pair = grid[2 * band : 2 * band + 2, column]
        epochs = [_draw_history(pair, one, measures) for one in _by_seed(history)]
        pair[0].set_title(shortened(name, 24))
        pair[1].set_xlabel("epoch")
        for axes, measure in zip(pair, measures, strict=True):
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            if column == 0:
                axes.set_ylabel(MEASURES.get(measure, measure))
        low = min(best for _, best in epochs)
        pair[0].set_xlim(0.5, _length(history) + 0.5)
        pair[1].set_xlim(0.5, _length(history) + 0.5)
        texts.append(
            f"{name}: lowest validation loss {low:.3f} at epoch "
            f"{', '.join(str(epoch) for epoch, _ in epochs)} of {_length(history)}"
        )
    for spare in range(len(histories), bands * columns):
        band, column = divmod(spare, columns)
        for axes in grid[2 * band : 2 * band + 2, column]:
            axes.remove()
    _same_limits(grid, histories, measures)
    handles, names = grid[0, 0].get_legend_handles_labels()
    unique = dict(zip(names, handles, strict=True))
    figure.legend(unique.values(), unique.keys(), loc="outside lower center", ncols=3)
    return described(figure, f"Training curves. {'; '.join(texts)}.")


@styled
def search_results(
    trials: pd.DataFrame, parameters: Sequence[str], objective: str = "val_auc"
) -> Figure:
    """Returns the result of each trial in order, and beside each value of each hyperparameter.

    Args:
        trials: a row a trial: `trial` (sorts in the order they ran), the objective (missing for a
            failed trial), and a column for each of `parameters` (missing where it does not apply).
        parameters: the columns to show; those with a single value are left out.
        objective: `val_auc` (higher is better) or `val_loss` (lower is better).
    """
    trials = trials.sort_values("trial", ignore_index=True)
    done = trials[trials[objective].notna()]
    lower = objective.endswith("loss")
    title = OBJECTIVES.get(objective, objective)
    varied = [name for name in parameters if texts_of(done[name]).nunique() > 1]
    columns = columns_for(len(varied)) or 1
    rows = -(-len(varied) // columns)
    figure = new_figure(2.5 + 2.3 * rows)
    heights = [2.5, 2.3 * rows] if rows else [2.5]
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False).ravel()
    _draw_trials(parts[0].subplots(), trials[objective].to_numpy(dtype=float), lower, title)
    failed = len(trials) - len(done)
    text = f"{len(done)} trials of a search" + (f" and {failed} that failed" if failed else "")
    if done.empty:
        return described(figure, f"{text}.")
    scores = done[objective]
    best = scores.idxmin() if lower else scores.idxmax()
    if rows:
        grid = parts[1].subplots(rows, columns, squeeze=False, sharey=True)
        for axes, name in zip(grid.ravel(), varied, strict=False):
            _draw_strip(axes, done[name], scores, best)
        for axes in grid.ravel()[len(varied) :]:
            axes.remove()
        for row in grid:
            row[0].set_ylabel(title)
    settings = ", ".join(f"{name} {texts_of(done[name])[best]}" for name in varied)
    return described(
        figure,
        f"{text}. The {title} goes from {scores.min():.3f} to {scores.max():.3f}; "
        f"the best has {settings or 'no varied setting'}.",
    )


def _by_seed(history: pd.DataFrame) -> list[pd.DataFrame]:
    if "seed" not in history:
        return [history]
    return [part for _, part in history.groupby("seed")]


def _length(history: pd.DataFrame) -> int:
    return max(len(part) for part in _by_seed(history))


def _second_measure(histories: Mapping[str, pd.DataFrame]) -> str:
    have_auc = all("val_auc" in history for history in histories.values())
    return "auc" if have_auc else "accuracy"


def _draw_history(
    pair: Sequence[Axes], history: pd.DataFrame, measures: list[str]
) -> tuple[int, float]:
    """Draws one training; returns the best epoch, counted from 1, and its validation loss."""
    epochs = np.arange(1, len(history) + 1)
    losses = history["val_loss"].to_numpy()
    best = int(np.nanargmin(losses))
    many = {"marker": "o", "markersize": 3} if len(history) <= 40 else {}
    phases = history.get("phase", pd.Series(1, index=history.index)).to_numpy()
    for axes, measure in zip(pair, measures, strict=True):
        for start in epochs[1:][np.diff(phases) != 0]:
            axes.axvspan(start - 0.5, len(history) + 0.5, color="#F3F3F3", zorder=0, linewidth=0)
        train, val = history[measure].to_numpy(), history[f"val_{measure}"].to_numpy()
        axes.plot(epochs, train, color=TRAIN, linestyle=(0, (4, 1.5)), label="training", **many)
        axes.plot(epochs, val, color=VALIDATION, label="validation", **many)
        axes.axvline(epochs[best], color=BEST, linewidth=1, linestyle=":")
        axes.plot(
            epochs[best],
            val[best],
            marker="D",
            markersize=7,
            color=BEST,
            linestyle="none",
            label="lowest validation loss",
        )
    return int(epochs[best]), float(losses[best])


def _same_limits(
    grid: np.ndarray, histories: Mapping[str, pd.DataFrame], measures: Sequence[str]
) -> None:
    """Gives every member the same scale, so that side by side can be compared."""
    for position, measure in enumerate(measures):
        columns = [measure, f"val_{measure}"]
        values = np.concatenate(
            [history[columns].to_numpy().ravel() for history in histories.values()]
        )
        values = values[np.isfinite(values)]
        low, high = values.min(), values.max()
        if measure == "loss":
            high = min(high, 4 * np.percentile(values, 75))  # one wild epoch must not hide the rest
        space = 0.06 * max(high - low, 1e-3)
        for axes in grid[position::2].ravel():
            axes.set_ylim(low - space, high + space)


def _draw_trials(axes: Axes, scores: np.ndarray, lower: bool, title: str) -> None:
    numbers = np.arange(1, len(scores) + 1)
    done = np.isfinite(scores)
    axes.plot(numbers[done], scores[done], "o", color="black", markersize=5, label="trial")
    bottom = scores[done].min() if done.any() else 0.0
    if done.any():
        worst = np.inf if lower else -np.inf
        best = (np.minimum if lower else np.maximum).accumulate(np.where(done, scores, worst))
        first = int(np.argmax(done))
        axes.step(numbers[first:], best[first:], where="post", color=BEST, label="best so far")
    if not done.all():
        place = np.full((~done).sum(), bottom)
        axes.plot(numbers[~done], place, "x", color=FAINT, markersize=7, label="failed")
    axes.set(title="Trials in the order they ran", xlabel="trial", ylabel=title)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, borderaxespad=0.2)


def _draw_strip(axes: Axes, chosen: pd.Series, scores: pd.Series, best: object) -> None:
    """Draws each trial above the value it chose, with the median of each value."""
    values = ordered(chosen)
    place = texts_of(chosen).map({value: number for number, value in enumerate(values)})
    spread = np.linspace(-0.14, 0.14, len(scores)) if len(scores) > 1 else np.zeros(1)
    place_drawn = place + spread
    axes.plot(place_drawn, scores, "o", color="black", alpha=0.55, markersize=5)
    medians = scores.groupby(place).median()
    axes.hlines(medians, medians.index - 0.28, medians.index + 0.28, color=TRAIN, linewidth=2.2)
    axes.plot(place_drawn[best], scores[best], "D", color=BEST, markersize=8)
    turned = {"rotation": 25, "ha": "right", "rotation_mode": "anchor"}
    wide = sum(len(value) for value in values) > 20
    texts = [shortened(value, 14) for value in values]
    axes.set_xticks(range(len(values)), texts, **(turned if wide else {}))
    axes.set_xlim(-0.6, len(values) - 0.4)
    axes.margins(y=0.12)
    axes.grid(axis="x", visible=False)
    axes.set_title(shortened(chosen.name, 24))


def texts_of(column: pd.Series) -> pd.Series:
    """Returns the values of a choice as a figure names them."""
    return column.map(_text)


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)


def ordered(column: pd.Series) -> list[str]:
    """Returns the distinct values as text: numbers by size, texts by length, missing last."""
    values = {_text(value): value for value in column}

    def key(text: str) -> tuple[int, float, str]:
        value = values[text]
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        return (
            (2, 0.0, "")
            if text == "–"
            else (0, float(value), "")
            if number
            else (1, float(len(text)), text)
        )

    return sorted(values, key=key)
