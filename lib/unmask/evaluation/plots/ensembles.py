"""Figures of ensembles: how members differ, what was picked, what the gain costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ..ensemble_gains import Gain
from ..ensembles import VerdictPairs
from .style import (
    FAINT,
    MODEL_COLORS,
    MODEL_MARKERS,
    WIDTH,
    described,
    heat_map,
    new_figure,
    shortened,
    styled,
)


@styled
def verdict_differences(pairs: VerdictPairs) -> Figure:
    """Returns two tables: how often each pair of members disagrees, and errs together."""
    count = len(pairs.names)
    figure = new_figure(2.0 + 0.36 * count, WIDTH)
    all_axes = figure.subplots(1, 2)
    short = [shortened(name, 16) for name in pairs.names]
    texts = []
    tables = (
        ("Verdicts differ", pairs.disagreement, "Greens"),
        ("Both are wrong", pairs.both_wrong, "Oranges"),
    )
    for axes, (title, table, colours) in zip(all_axes, tables, strict=True):
        shown = np.array([[f"{value:.0%}" for value in row] for row in table])
        heat_map(axes, table, shown, colours, darkest=max(float(table.max()), 0.01))
        middles = np.arange(count) + 0.5
        axes.set_xticks(middles, short, rotation=40, ha="right", rotation_mode="anchor")
        own_names = axes is all_axes[0]
        axes.set_yticks(middles if own_names else [], short if own_names else [], rotation=0)
        axes.set_title(title)
        cells = [
            f"{pairs.names[one]} and {pairs.names[other]} {table[one, other]:.1%}"
            for one in range(count)
            for other in range(one + 1, count)
        ]
        texts.append(f"{title}: {'; '.join(cells)}")
    return described(figure, f"Of {pairs.n:,} validation faces. {'. '.join(texts)}.")


@styled
def greedy_path(path: Sequence[tuple[str, float]]) -> Figure:
    """Returns the validation AUC of a greedy selection after each pick, the picks named.

    It is the AUC on the faces that the picks are made by, higher than on others.

    Args:
        path: see `ensembles.Ensemble`.
    """
    areas = np.array([area for _, area in path])
    kept = int(np.argmax(areas)) + 1
    figure = new_figure(3.0)
    axes = figure.subplots()
    axes.plot(np.arange(1, len(path) + 1), areas, color=FAINT, linewidth=1.2, zorder=1)
    for look, member in enumerate(dict.fromkeys(name for name, _ in path)):
        own = np.array([name == member for name, _ in path])
        axes.plot(
            np.flatnonzero(own) + 1,
            areas[own],
            label=shortened(member, 22),
            linestyle="none",
            **_marker(look),
        )
    axes.axvline(kept + 0.5, color=FAINT, linewidth=1, linestyle=":")
    axes.set(
        xlabel="picks",
        ylabel="AUC on the validation\nfaces it picks by",
        title="Greedy selection",
    )
    axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside lower center", ncols=3)
    picks = ", ".join(f"{name} {area:.4f}" for name, area in path)
    return described(
        figure,
        f"AUC on the validation faces it picks by, after each pick: {picks}. The first {kept} are "
        "kept.",
    )


@styled
def gain_and_cost(gains: Sequence[Gain], best: str) -> Figure:
    """Returns each ensemble's gain in test AUC, with its 95% interval, against its time a face.

    Args:
        gains: see `ensemble_gains.gains_of`.
        best: the member that they are compared with.
    """
    figure = new_figure(3.4)
    axes = figure.subplots()
    axes.axhline(0, color=FAINT, linewidth=1, linestyle=":")
    apart = 1.05 ** (np.arange(len(gains)) - (len(gains) - 1) / 2)
    for look, (gain, factor) in enumerate(zip(gains, apart, strict=True)):
        value = gain.auc.value
        low, high = (value if end is None else end for end in (gain.auc.low, gain.auc.high))
        axes.errorbar(
            gain.milliseconds * factor,
            value,
            yerr=np.maximum([[value - low], [high - value]], 0),
            label=shortened(gain.name, 22),
            capsize=3,
            linestyle="none",
            **_marker(look),
        )
    axes.set_xscale("log")
    axes.set(
        xlabel="ms a face, all networks that count (equal ones drawn apart)",
        ylabel=f"AUC minus {shortened(best, 18)}",
        title="What an ensemble gains, and what it costs",
    )
    figure.legend(loc="outside lower center", ncols=3)
    texts = [
        f"{gain.name} {gain.auc.value:+.3f} at {gain.milliseconds:.2f} ms, {gain.members} members"
        for gain in gains
    ]
    return described(figure, f"Test AUC minus that of {best}, by cost: {'; '.join(texts)}.")


def _marker(look: int) -> dict[str, object]:
    return {
        "color": MODEL_COLORS[look % len(MODEL_COLORS)],
        "marker": MODEL_MARKERS[look % len(MODEL_MARKERS)],
        "markersize": 7,
    }
