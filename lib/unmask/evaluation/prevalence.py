"""What an alarm is worth where fakes are rare: the share of verdicts that are right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from .formats import format_percent
from .rates import Interval
from .threshold import RULES

COLUMNS = ["threshold", "fakes among the pictures", "alarms that are right", "all-clears right"]
PREVALENCES = (0.5, 0.1, 0.01, 0.001)  # shares of fakes among the pictures looked at


def predictive_values(
    recall_fake: Interval, recall_real: Interval, share: float
) -> tuple[Interval | None, Interval | None]:
    """Returns how often "fake" is right, and how often "real" is, when `share` of faces are fake.

    By Bayes' rule from both recalls. The interval is recovered from theirs (MOVER for a ratio of
    two independent shares: Donner & Zou 2012, Statistical Methods in Medical Research
    21:347-359), so that it stays honest where not one real face was called fake; where groups
    hold faces of both classes it is a little too wide. None for a verdict that was never given.

    Args:
        recall_fake: the share of fakes called fake.
        recall_real: the share of reals called real.
        share: of fakes, above 0 and below 1.
    """
    odds = (1 - share) / share
    alarms, misses = rest_of(recall_real), rest_of(recall_fake)
    return _right(recall_fake, alarms, odds), _right(recall_real, misses, 1 / odds)


def _right(right: Interval, wrong: Interval, odds: float) -> Interval | None:
    """Returns right / (right + odds * wrong)."""
    if right.value + wrong.value == 0:
        return None
    value = right.value / (right.value + odds * wrong.value)
    if right.low is None or wrong.low is None:
        return Interval(value, None, None)
    least, most = _ratio(wrong, right)
    return Interval(value, 1 / (1 + odds * most), 1 / (1 + odds * least))


def _ratio(above: Interval, below: Interval) -> tuple[float, float]:
    """Returns the ends of above / below; infinite where `below` may be 0."""
    product = above.value * below.value

    def root(end: float, other: float) -> tuple[float, float, float]:
        top, bottom = end * (2 * above.value - end), other * (2 * below.value - other)
        return top, bottom, float(np.sqrt(max(product**2 - top * bottom, 0.0)))

    top, _, middle = root(above.low, below.high)
    least = top / (product + middle) if product + middle > 0 else 0.0
    _, bottom, middle = root(above.high, below.low)
    most = (product + middle) / bottom if bottom > 0 else float("inf")
    return least, most


def rest_of(share: Interval) -> Interval:
    """Returns 1 minus a share with its ends; without them where it has none."""
    if share.low is None or share.high is None:
        return Interval(1 - share.value, None, None)
    return Interval(1 - share.value, 1 - share.high, 1 - share.low)


def prevalence_rows(recall_fake: Interval, recall_real: Interval) -> list[dict[str, Any]]:
    """Returns for each of PREVALENCES plain data: share, and ppv and npv as intervals or None."""
    rows = []
    for share in PREVALENCES:
        ppv, npv = predictive_values(recall_fake, recall_real, share)
        rows.append({"share": share, "ppv": plain(ppv), "npv": plain(npv)})
    return rows


def plain(interval: Interval | None) -> dict[str, float | None] | None:
    """Returns an interval as plain data, None for none."""
    return None if interval is None else interval.as_dict()


def prevalence_table(metrics: Mapping[str, Any], split: str = "test") -> pd.DataFrame:
    """Returns a row a threshold and share of fakes: how many alarms and all-clears are right.

    Shown for the threshold of the headline accuracy and for the one that accuses at most 1% of
    the real validation faces. All cells are text.

    Args:
        metrics: content of metrics.json, see `summary.evaluate_member`.
        split: a key of its `splits`.
    """
    points = metrics["splits"].get(split, {}).get("operating_points", {})
    rows = [
        (
            RULES[rule],
            f"1 in {1 / each['share']:,.0f}",
            format_percent(each["ppv"]),
            format_percent(each["npv"], 2),
        )
        for rule in dict.fromkeys((metrics["threshold"]["rule"], "fpr_1"))
        if rule in points
        for each in points[rule]["prevalence"]
    ]
    return pd.DataFrame(rows, columns=COLUMNS)
