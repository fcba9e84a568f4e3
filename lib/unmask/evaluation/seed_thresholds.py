"""The thresholds of all rules for all trainings of a member, from validation scores alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from ..errors import DataError
from .scores import select_scores
from .threshold import RULES, SHOWN_RULES, choose_threshold


def thresholds_of(scores: pd.DataFrame, rule: str) -> dict[str, dict[int, float]]:
    """Returns the thresholds of the rules to show, by rule and seed; from validation alone.

    Args:
        scores: a scores table with validation rows and `seed`.
        rule: a key of `threshold.RULES`, besides those that are always shown.

    Raises:
        DataError: `rule` itself cannot be followed; another one is left out then.
    """
    val = select_scores(scores, "val")
    seeds = sorted(int(number) for number in scores["seed"].unique())
    found = {}
    for name in dict.fromkeys((*SHOWN_RULES, rule)):
        try:
            found[name] = {number: _threshold(val, number, name) for number in seeds}
        except DataError:
            if name == rule:
                raise
    return found


def described(rule: str, thresholds: Mapping[int, float]) -> dict[str, Any]:
    """Returns thresholds by seed as metrics.json has them: rule, meaning, value (mean), by_seed."""
    return {
        "rule": rule,
        "meaning": RULES[rule],
        "value": float(np.mean(list(thresholds.values()))),
        "by_seed": {str(number): value for number, value in thresholds.items()},
    }


def _threshold(val: pd.DataFrame, seed: int, rule: str) -> float:
    rows = val[val["seed"] == seed]
    return choose_threshold(rows["label"], rows["score"], rule)
