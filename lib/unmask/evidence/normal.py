"""What is normal: the range of a measure on real people, and a person held against it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .records import NOT_HERE, UNUSUAL, USUAL, Evidence, Measure, Reading

FEWEST = 8  # real people: of fewer, the 5% and 95% points are guesses


def measure_normal(people: Iterable[Sequence[Evidence]]) -> dict[str, dict[str, Any]]:
    """Returns the range of each measure on real people, for `measure_evidence`.

    Clips belong to clips and photos to photos: hand in people of one kind, measured as those that
    will be held against them (frames a second, size of the face).

    Args:
        people: what was found on each real person.

    Returns:
        For each measure by name, `low` and `high`: the 5% and 95% points of the values, None when
        fewer than `FEWEST` were measurable; and `n`, how many were.
    """
    values: dict[str, list[float]] = {}
    for person in people:
        for found in person:
            values.setdefault(found.name, [])
            if found.value is not None:
                values[found.name].append(found.value)
    return {name: _range(np.asarray(found, float)) for name, found in values.items()}


def judge(
    measure: Measure, reading: Reading, normal: Mapping[str, Mapping[str, Any]] | None
) -> Evidence:
    """Holds one reading against what is normal, and says it in a sentence."""
    known = dict((normal or {}).get(measure.name) or {"low": None, "high": None, "n": 0})
    given = known if known["n"] >= FEWEST and known["low"] is not None else None
    series = tuple({"time": time, "value": value} for time, value in reading.series)
    if reading.value is None:
        verdict, sentence = NOT_HERE, f"Not measurable here: {reading.reason}."
    elif given is None:
        verdict = NOT_HERE
        sentence = (
            f"{reading.words}; too few real ones were measured to say what is usual "
            f"({known['n']} of the {FEWEST} that it takes)."
        )
    else:
        verdict, sentence = _held_against(measure, reading, given)
    return Evidence(
        measure.name, measure.title, reading.value, measure.unit, given, verdict, sentence, series
    )


def _range(values: np.ndarray) -> dict[str, Any]:
    if len(values) < FEWEST:
        return {"low": None, "high": None, "n": len(values)}
    low, high = np.quantile(values, [0.05, 0.95])
    return {"low": float(low), "high": float(high), "n": len(values)}


def _held_against(measure: Measure, reading: Reading, normal: Mapping[str, Any]) -> tuple[str, str]:
    """Returns the verdict and the sentence of a value that has a normal range."""
    below = measure.side in ("low", "both") and reading.value < normal["low"]
    above = measure.side in ("high", "both") and reading.value > normal["high"]
    verdict = UNUSUAL if below or above else USUAL
    unit = f" {measure.unit}" if measure.unit else ""
    among = {"low": "19 in 20", "high": "19 in 20", "both": "9 in 10"}[measure.side]
    bounds = {
        "low": f"at least {normal['low']:.3g}{unit}",
        "high": f"at most {normal['high']:.3g}{unit}",
        "both": f"{normal['low']:.3g} to {normal['high']:.3g}{unit}",
    }[measure.side]
    return (
        verdict,
        f"{reading.words}; {among} real ones ({normal['n']} measured) have {bounds}: {verdict}.",
    )
