"""What a detector adds to the best floor: a simple score that needs no network and no insight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import pandas as pd

from .comparison import (
    Comparison,
    adjust,
    describe_ends,
    format_difference,
    format_p,
    is_better,
    is_worse,
)
from .members import Result, best_on_validation, comparison_on_test
from .summary import format_interval


@dataclass(frozen=True)
class Gain:
    """A detector's numbers on test minus those of `floor`, on the same faces."""

    floor: Result
    comparison: Comparison


def gain_over_floors(result: Result, floors: Sequence[Result], resamples: int) -> Gain | None:
    """Returns what a detector adds to the floor that is best on validation.

    None when there is no floor, or when test holds one class only.
    """
    if not floors or result.metrics["splits"]["test"]["metrics"]["auc"] is None:
        return None
    floor = best_on_validation(floors)
    return Gain(floor, comparison_on_test(result, floor, resamples))


def gains_over_floors(
    results: Sequence[Result], floors: Sequence[Result], resamples: int
) -> dict[str, Gain]:
    """Returns the gain of each detector by name, tests corrected over all of them (Holm)."""
    found = {result.name: gain_over_floors(result, floors, resamples) for result in results}
    known = {name: gain for name, gain in found.items() if gain is not None}
    corrected = adjust({name: gain.comparison for name, gain in known.items()})
    return {name: replace(gain, comparison=corrected[name]) for name, gain in known.items()}


def compare_with_floors(
    results: Sequence[Result], floors: Sequence[Result], resamples: int
) -> dict[str, dict[str, Comparison]]:
    """Returns each detector's numbers on test minus those of each floor, by both names.

    The tests are corrected over all pairs (Holm). No floor is chosen here, so one that is better
    on test alone is found as well. A detector whose test holds one class only is left out.
    """
    found = {
        (result.name, floor.name): comparison_on_test(result, floor, resamples)
        for result in results
        if _area(result) is not None
        for floor in floors
    }
    corrected: dict[str, dict[str, Comparison]] = {}
    for (name, floor), comparison in adjust(found).items():
        corrected.setdefault(name, {})[floor] = comparison
    return corrected


def gains_table(results: Sequence[Result], gains: Mapping[str, Gain]) -> pd.DataFrame:
    """Returns a row a detector: its test AUC, the best floor's, the gain, and whether it is one."""
    rows = []
    for result in results:
        if result.name not in gains:
            continue
        gain = gains[result.name]
        difference = gain.comparison.auc
        p = difference.p if difference.adjusted is None else difference.adjusted
        rows.append(
            {
                "detector": result.name,
                "AUC": format_interval(_area(result)),
                f"AUC of {gain.floor.name}": format_interval(_area(gain.floor)),
                "gain in AUC": format_difference(difference),
                "p after Holm": format_p(p),
                "beats the floor": _verdict(gain),
            }
        )
    return pd.DataFrame(rows)


def describe_gain(name: str, gain: Gain) -> str:
    """Returns one sentence on what the detector `name` adds to the best floor."""
    difference = gain.comparison.auc
    ends = describe_ends(difference)
    numbers = f"{difference.value:+.3f} AUC, {ends}, on {difference.n:,} test faces"
    floor = f"{gain.floor.name}, the floor that validation prefers"
    if is_better(difference):
        return f"{name} beats {floor}: {numbers}."
    if is_worse(difference):
        return f"{name} does worse than {floor}: {numbers}."
    return f"{name} cannot be told apart from {floor}: {numbers}."


def _verdict(gain: Gain) -> str:
    difference = gain.comparison.auc
    if is_better(difference):
        return "yes"
    if is_worse(difference):
        return "no, it is worse"
    return f"cannot be told on {difference.n:,} faces"


def _area(result: Result) -> dict[str, float] | None:
    return result.metrics["splits"]["test"]["metrics"]["auc"]
