"""Numbers as a reader sees them: values with their intervals, percentages, durations."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from .rates import Interval

NOT_KNOWN = "–"
# For the caption of a table with spreads.
ABOUT_SPREAD = (
    "The brackets say how the number would vary with other faces; ± how it varies with another "
    "training (standard deviation over the seeds)."
)


def format_interval(
    entry: Interval | Mapping[str, Any] | None, digits: int = 3, *, spread: bool = False
) -> str:
    """Returns "0.912 [0.880, 0.941]", or a dash for what is not defined.

    Args:
        entry: value, low, high and perhaps seed_spread.
        digits: after the point.
        spread: whether " ±0.014 over seeds" follows where several seeds were trained.
    """
    return _with_ends(entry, f"{{:.{digits}f}}", spread)


def format_percent(
    entry: Interval | Mapping[str, Any] | None, digits: int = 1, *, spread: bool = False
) -> str:
    """Returns "8.3% [2.1%, 20.4%]", or a dash for what is not defined; see `format_interval`."""
    return _with_ends(entry, f"{{:.{digits}%}}", spread)


def format_seconds(seconds: float | None) -> str:
    """Returns "42 s", "3 min 05 s" or "2 h 10 min", or a dash when not known."""
    if seconds is None:
        return NOT_KNOWN
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _with_ends(entry: Interval | Mapping[str, Any] | None, form: str, spread: bool) -> str:
    if entry is None:
        return NOT_KNOWN
    values = entry.as_dict() if isinstance(entry, Interval) else entry
    if values["value"] is None or not math.isfinite(values["value"]):
        return NOT_KNOWN
    text = form.format(values["value"])
    if values.get("low") is not None:
        text += f" [{form.format(values['low'])}, {form.format(values['high'])}]"
    if spread and values.get("seed_spread") is not None:
        text += f" ±{form.format(values['seed_spread'])} over seeds"
    return text
