"""How fast the engines of one network score faces, and which of them keep its scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from ...errors import UsageError
from .style import FAINT, MODEL_COLORS, described, panels, shortened, styled

CHOSEN, KEPT = MODEL_COLORS[1], MODEL_COLORS[4]
COLUMNS = (
    "engine",
    "pictures a second",
    "ms for one picture",
    "largest difference of a score",
    "verdicts that differ",
    "",
)


def engines_table(report: Mapping[str, Any]) -> pd.DataFrame:
    """Returns a row an engine: speed, what its scores do, and what became of it.

    Args:
        report: what engine.json holds: `chosen` and `results`.
    """
    rows = []
    for each in report["results"]:
        if each["reason"]:
            rows.append([each["title"], "", "", "", "", f"not usable: {each['reason']}"])
            continue
        rows.append(
            [
                each["title"],
                _rate(each["images_per_second"]),
                _rate(each["latency_milliseconds"]),
                f"{each['largest_difference']:.1e}" if each["largest_difference"] else "0",
                f"{each['flipped']} of {each['faces']:,}",
                _fate(each, report),
            ]
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


@styled
def engine_speeds(report: Mapping[str, Any]) -> Figure:
    """Returns pictures a second and the time for one picture of each engine that ran.

    Args:
        report: what engine.json holds: `chosen` and `results`.

    Raises:
        UsageError: none ran.
    """
    ran = [each for each in report["results"] if not each["reason"]]
    if not ran:
        raise UsageError("No engine ran, so there are no speeds to draw.")
    figure, (left, right) = panels(2, 2, 1.5 + 0.34 * len(ran), sharey=True)
    _bars(left, ran, "images_per_second", report["chosen"])
    _bars(right, ran, "latency_milliseconds", report["chosen"])
    left.set_yticks(range(len(ran)), [shortened(each["title"], 36) for each in ran])
    left.invert_yaxis()
    left.set_title("Pictures a second")
    right.set_title("Time for one (ms)")
    figure.legend(handles=_looks(ran, report), loc="outside lower center", ncols=3)
    texts = [
        f"{each['title']} {_rate(each['images_per_second'])} pictures a second, "
        f"{_rate(each['latency_milliseconds'])} ms for one, {_fate(each, report)}"
        for each in ran
    ]
    return described(figure, f"Speed of the engines: {'; '.join(texts)}.")


def _bars(axes: Axes, ran: Sequence[Mapping[str, Any]], key: str, chosen: str) -> None:
    """Draws a bar an engine on a logarithmic axis: Keras' predict alone can take a hundredfold."""
    values = np.array([each[key] for each in ran])
    for place, (each, value) in enumerate(zip(ran, values, strict=True)):
        axes.barh(place, value, height=0.62, **_look(each, chosen))
        beside = {"textcoords": "offset points", "va": "center", "fontsize": 8}
        axes.annotate(_rate(value), (value, place), (4, 0), **beside)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, place: f"{value:,g}")
    axes.minorticks_off()
    axes.set_xlabel("each line is ten times the last")
    axes.set_xlim(values.min() / 2, 3 * values.max())
    axes.grid(False, axis="y")


def _look(each: Mapping[str, Any], chosen: str) -> dict[str, Any]:
    if each["engine"] == chosen:
        return {"color": CHOSEN}
    if each["allowed"]:
        return {"color": KEPT}
    return {"facecolor": "white", "edgecolor": FAINT, "hatch": "////"}


def _looks(ran: Sequence[Mapping[str, Any]], report: Mapping[str, Any]) -> list[Patch]:
    """Returns a handle for the legend for each kind of bar."""
    looks = {_fate(each, report): _look(each, report["chosen"]) for each in ran}
    return [Patch(label=fate, **look) for fate, look in looks.items()]


def _fate(each: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    if each["engine"] == report["chosen"]:
        return "chosen"
    return "keeps the scores" if each["allowed"] else "changes scores: left out"


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"
