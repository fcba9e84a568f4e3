"""What a careful viewer looks at: through a clip, and against what is normal on real ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ...errors import UsageError
from .style import FAINT, INK, MODEL_COLORS, described, new_figure, panels, shortened, styled

NORMAL, LINE, ODD = "#D9EFE6", MODEL_COLORS[1], MODEL_COLORS[2]
# What a moment's value is, where it is not the value of the whole: no normal range is drawn there.
OF_A_MOMENT = {
    "blinking": "likeness to open eyes",
    "lip_sync": "darkness of the mouth",
}
# Where only one end is unusual, the normal range is open at the other.
NO_LOW_END = ("colour_match", "light_match", "flicker")
NO_HIGH_END = ("lip_sync",)
MARKS = {"usual": "o", "unusual": "D"}
BAND = {"color": NORMAL, "zorder": 0}
REACH = 1.6  # a dot further from the normal range than this, in its widths, is drawn at the edge
EDGE = REACH + 0.2


@styled
def evidence_timelines(evidence: Sequence[Mapping[str, Any]]) -> Figure:
    """Returns how each measure went through one person's clip, over what is normal.

    Args:
        evidence: records of one person as `Evidence.as_dict` gives them; those with fewer than
            two moments are left out.

    Raises:
        UsageError: none has two moments.
    """
    drawn = [each for each in evidence if len(each["series"]) > 1]
    if not drawn:
        raise UsageError(
            "None of this evidence goes through time.",
            expected="evidence on a clip",
            fix="draw a photo's with plots.evidence_ranges",
        )
    figure, axes = panels(len(drawn), 1, 1.5, sharex=True)
    for place, each in zip(axes, drawn, strict=True):
        _timeline(place, each)
    axes[-1].set_xlabel("seconds")
    said = " ".join(f"{each['title']}: {each['sentence']}" for each in drawn)
    return described(figure, f"Evidence through the clip, normal ranges shaded. {said}")


@styled
def evidence_ranges(evidence: Sequence[Mapping[str, Any]]) -> Figure:
    """Returns where one person lies in what is normal, a row a measure.

    Args:
        evidence: records of one person as `Evidence.as_dict` gives them.

    Raises:
        UsageError: there is none.
    """
    if not evidence:
        raise UsageError("There is no evidence to draw.", expected="a person's list of evidence")
    figure = new_figure(0.9 + 0.46 * len(evidence))
    axes = figure.subplots()
    for row, each in enumerate(evidence):
        _against_normal(axes, row, each)
    axes.set_yticks(range(len(evidence)), [shortened(each["title"], 44) for each in evidence])
    axes.set_ylim(len(evidence) - 0.5, -0.5)
    axes.set_xlim(-EDGE, 1 + EDGE)
    axes.set_xticks([0, 1], ["low end", "high end"])
    axes.set_xlabel("of what is normal on real ones")
    axes.grid(False)
    said = " ".join(f"{each['title']}: {each['sentence']}" for each in evidence)
    return described(figure, f"Evidence against what is normal. {said}")


def _timeline(axes: Axes, each: Mapping[str, Any]) -> None:
    times, values = (np.array([at[key] for at in each["series"]]) for key in ("time", "value"))
    of_a_moment = OF_A_MOMENT.get(each["name"])
    if each["normal"] and not of_a_moment:
        low, high = each["normal"]["low"], each["normal"]["high"]
        shade = min(values.min(), 0.9 * high) if each["name"] in NO_LOW_END else low
        axes.axhspan(shade, high, **BAND)
    color = ODD if each["verdict"] == "unusual" else LINE
    # A gap in which nothing was measured is no line.
    gaps = np.flatnonzero(np.diff(times) > 4 * np.median(np.diff(times))) + 1
    for part in np.split(np.arange(len(times)), gaps):
        axes.plot(times[part], values[part], color=color, linewidth=1.1)
    axes.set_title(f"{each['title']}: {each['verdict']}", fontsize=9.5)
    axes.set_ylabel((of_a_moment or each["unit"] or each["name"]).replace(" to ", "\nto "))
    axes.yaxis.label.set_size(8)
    axes.margins(x=0.01)


def _against_normal(axes: Axes, row: int, each: Mapping[str, Any]) -> None:
    beside = {"textcoords": "offset points", "va": "center", "fontsize": 8, "color": INK}
    if each["value"] is None or not each["normal"]:
        text = (
            "not measurable here" if each["value"] is None else f"{_number(each)}, normal: unknown"
        )
        axes.annotate(text, (0.5, row), (0, 0), ha="center", **{**beside, "color": FAINT})
        return
    low, high = each["normal"]["low"], each["normal"]["high"]
    start = -EDGE if each["name"] in NO_LOW_END else 0
    axes.barh(row, (1 + EDGE if each["name"] in NO_HIGH_END else 1) - start, 0.8, start, **BAND)
    place = (each["value"] - low) / (high - low) if high > low else float(each["value"] > low)
    shown = float(np.clip(place, -REACH, 1 + REACH))
    color = ODD if each["verdict"] == "unusual" else LINE
    axes.plot(shown, row, MARKS[each["verdict"]], color=color, markersize=7)
    right = shown <= 1
    axes.annotate(
        _number(each),
        (shown, row),
        (9 if right else -9, 0),
        ha="left" if right else "right",
        **beside,
    )


def _number(each: Mapping[str, Any]) -> str:
    return f"{each['value']:.3g} {each['unit']}".strip()
