"""Figures of the lessons: false numbers beside honest ones, and test AUC by epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from .style import FAINT, INK, MODEL_COLORS, described, new_figure, styled

FALSE_COLOR = MODEL_COLORS[3]
HONEST_COLOR = MODEL_COLORS[1]


@styled
def false_and_honest(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Returns pairs of points: what a mistake reports, and what is true, with 95% intervals.

    Args:
        rows: of each mistake `mistake`, `measure`, and `false` and `honest` with value, low and
            high.
    """
    figure = new_figure(0.55 * len(rows) + 1.2)
    axes = figure.subplots()
    places = np.arange(len(rows))[::-1]
    for kind, color, marker, shift in (
        ("false", FALSE_COLOR, "X", 0.13),
        ("honest", HONEST_COLOR, "o", -0.13),
    ):
        values = np.array([row[kind]["value"] for row in rows])
        ends = np.array([[_end(row[kind], "low"), _end(row[kind], "high")] for row in rows])
        axes.errorbar(
            values,
            places + shift,
            xerr=np.maximum(np.abs(ends - values[:, None]).T, 0),
            fmt=marker,
            color=color,
            markersize=8,
            elinewidth=1.4,
            capsize=2.5,
            label="as the mistake reports it" if kind == "false" else "honest",
        )
    for place, row in zip(places, rows, strict=True):
        ends = [row["false"]["value"], row["honest"]["value"]]
        axes.plot(ends, [place + 0.13, place - 0.13], color=FAINT, linewidth=1, zorder=0)
    axes.axvline(0.5, color=FAINT, linewidth=1, linestyle=":")
    axes.set_yticks(places, [f"{row['mistake']}\n{row['measure']}" for row in rows], fontsize=8.5)
    axes.set(xlim=(min(0.4, axes.get_xlim()[0]), 1.02), ylim=(-0.6, len(rows) - 0.4))
    axes.set_xlabel("reported number (dotted: guessing)")
    figure.legend(loc="outside upper right", ncols=2)
    texts = [
        f"{row['mistake']}, {row['measure']} {row['false']['value']:.3f} instead of "
        f"{row['honest']['value']:.3f}"
        for row in rows
    ]
    return described(figure, f"False numbers beside honest ones. {'; '.join(texts)}.")


@styled
def epochs_on_test(epochs: pd.DataFrame, chosen: int, favourite: int) -> Figure:
    """Returns AUC on validation and test after each epoch, and which epoch either would keep.

    Args:
        epochs: epoch, val_auc, test_auc.
        chosen: the epoch that validation keeps.
        favourite: the epoch that test would keep.
    """
    figure = new_figure(2.9)
    axes = figure.subplots()
    looks = {"val": (MODEL_COLORS[4], "-"), "test": (INK, "--")}
    for split, (color, line) in looks.items():
        name = "validation" if split == "val" else split
        axes.plot(epochs["epoch"], epochs[f"{split}_auc"], color=color, linestyle=line, label=name)
    test = epochs.set_index("epoch")["test_auc"]
    axes.plot(
        chosen, test[chosen], "o", color=HONEST_COLOR, markersize=9, label="validation's choice"
    )
    axes.plot(
        favourite, test[favourite], "X", color=FALSE_COLOR, markersize=9, label="test's favourite"
    )
    axes.set(xlabel="epoch", ylabel="AUC")
    axes.xaxis.get_major_locator().set_params(integer=True)
    figure.legend(loc="outside upper right", ncols=4)
    return described(
        figure,
        f"AUC after each of {len(epochs)} epochs. Validation chooses epoch {chosen}, with test "
        f"AUC {test[chosen]:.3f}; test would choose epoch {favourite} with {test[favourite]:.3f}.",
    )


def _end(entry: Mapping[str, Any], name: str) -> float:
    return entry["value"] if entry[name] is None else entry[name]
