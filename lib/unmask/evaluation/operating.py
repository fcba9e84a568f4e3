"""What a detector does at a threshold: rates, and the worth of its verdicts, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from .formats import format_interval, format_percent
from .prevalence import plain, predictive_values, prevalence_rows
from .rates import Interval, Share, mean_of, rates_of
from .threshold import RULES

TITLES = {
    "recall_fake": "fakes found",
    "recall_real": "reals accepted",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision",
}


def operating_point(
    labels: np.ndarray, matrix: np.ndarray, units: np.ndarray, thresholds: Sequence[float]
) -> dict[str, Any]:
    """Returns what happens at one threshold a seed: plain data, None where not defined.

    `threshold` (mean over seeds), `recall_fake`, `recall_real`, `accuracy`, `balanced_accuracy`,
    `precision` (of the faces called fake, those that are, in the mix of these faces) and
    `prevalence` (see `prevalence.prevalence_rows`). Each with value, low, high and, for the first
    four, seed_spread. With several seeds precision and prevalence follow from the mean recalls.

    Args:
        labels: int64 [n], 1 for fake.
        matrix: float64 [seeds, n], scores.
        units: int64 [n], which faces belong together.
        thresholds: one for each seed.
    """
    limits = np.asarray(thresholds, dtype=np.float64)
    called = matrix >= limits[:, None]
    count = int(units.max()) + 1
    rates = _with_balance(rates_of(labels, called, units, count))
    if len(matrix) > 1:
        of_seeds = [_with_balance(rates_of(labels, row[None], units, count)) for row in called]
        rates = {
            name: replace(each, seed_spread=_spread([one[name].value for one in of_seeds]))
            for name, each in rates.items()
        }
    point: dict[str, Any] = {"threshold": float(limits.mean())}
    point.update({name: plain(rates.get(name)) for name in TITLES})
    point["prevalence"] = []
    if "balanced_accuracy" in rates:
        recalls = rates["recall_fake"], rates["recall_real"]
        point["precision"] = plain(predictive_values(*recalls, float(labels.mean()))[0])
        point["prevalence"] = prevalence_rows(*recalls)
    return point


def _with_balance(shares: Mapping[str, Share]) -> dict[str, Interval]:
    found = {name: share.interval for name, share in shares.items()}
    if "recall_fake" in shares and "recall_real" in shares:
        found["balanced_accuracy"] = mean_of(shares["recall_fake"], shares["recall_real"])
    return found


def _spread(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1))


def operating_points_table(metrics: Mapping[str, Any], split: str = "test") -> pd.DataFrame:
    """Returns a row a threshold rule: the threshold and what it does to the faces of one split.

    All cells are text; the rule of the headline accuracy is marked.

    Args:
        metrics: content of metrics.json, see `summary.evaluate_member`.
        split: a key of its `splits`.
    """
    rows = []
    for rule, point in metrics["splits"].get(split, {}).get("operating_points", {}).items():
        mark = " (used)" if rule == metrics["threshold"]["rule"] else ""
        row = {"rule": RULES[rule] + mark, "threshold": f"{point['threshold']:.3f}"}
        shares = ("recall_fake", "recall_real", "precision")
        for name, title in TITLES.items():
            write = format_percent if name in shares else format_interval
            row[title] = write(point[name], spread=True)
        rows.append(row)
    return pd.DataFrame(rows, columns=["rule", "threshold", *TITLES.values()])
