"""From scores to verdicts: the band that validation could not separate, and what changes flip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .records import FAKE, REAL, UNSURE

UNSURE_SHARE = 0.05  # of a class on validation that may lie on the other side of the band
SEVERITY = {FAKE: 2, UNSURE: 1, REAL: 0}


@dataclass(frozen=True)
class Limits:
    """Where scores turn from real to unsure to fake.

    Attributes:
        threshold: chosen on validation; from it on a score speaks for fake.
        band: scores from the first up to below the second are "unsure"; None when nothing is known
            of the detector's errors, and then every score is.
    """

    threshold: float
    band: tuple[float, float] | None

    def call(self, score: float) -> str:
        """Returns the verdict on one score alone."""
        if self.band is None:
            return UNSURE
        if score < self.band[0]:
            return REAL
        return FAKE if score >= self.band[1] else UNSURE

    def turning(self, score: float, changed: Mapping[str, float]) -> list[str]:
        """Returns the changes of a picture that turn its verdict into the opposite one.

        Real becomes fake, or fake real. A change that only makes the detector unsure contradicts
        nothing, and inside the band the threshold separates nothing. Measured on 240 test faces
        of DFDC, network "traces": without this rule 35 are called real and 4 of those are fakes,
        with it 8 and 1; with every crossing of the threshold counted, none at all.
        """
        opposite = {REAL: FAKE, FAKE: REAL}.get(self.call(score))
        return [name for name, other in changed.items() if self.call(other) == opposite]

    def judge(self, score: float, changed: Mapping[str, float]) -> str:
        """Returns the verdict on a score, "unsure" too when a mild change would turn it."""
        return UNSURE if self.turning(score, changed) else self.call(score)

    def judge_all(self, scores: np.ndarray, changed: np.ndarray | None = None) -> np.ndarray:
        """Returns the verdicts `[n]` on scores `[n]`, with those after changes `[n, changes]`."""
        rows = np.empty((len(scores), 0)) if changed is None else np.asarray(changed)
        verdicts = [
            self.judge(score, dict(enumerate(row))) for score, row in zip(scores, rows, strict=True)
        ]
        return np.array(verdicts, dtype=object)


def choose_band(
    labels: Sequence[int], scores: Sequence[float], threshold: float, share: float = UNSURE_SHARE
) -> tuple[float, float]:
    """Returns the band that validation could not separate: its lower and its upper end.

    Below it lie at most 5% of the validation fakes, from its upper end on at most 5% of the
    validation reals. Where the classes are apart, so that the first end would lie above the
    second, the band is the threshold alone. The threshold never lies outside of it: a stricter
    one, chosen to accuse fewer real faces, is kept.

    Args:
        labels: [n], 0 real and 1 fake, both there.
        scores: [n], P(fake).
        threshold: chosen on the same faces.
        share: of a class that may lie on the wrong side.
    """
    labels, scores = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    low = _cut_below(np.sort(scores[labels == 1]), share)
    high = -_cut_below(np.sort(-scores[labels == 0]), share, strictly=True)
    if low >= high:
        return threshold, threshold
    return min(low, threshold), max(high, threshold)


def _cut_below(rising: np.ndarray, share: float, *, strictly: bool = False) -> float:
    """Returns the highest cut with at most `share` of the values below, half-way where it can be.

    Args:
        rising: float64 [n].
        share: of them.
        strictly: a value at the cut counts as below it.
    """
    allowed = int(np.floor(share * len(rising) + 1e-9))
    first_kept = rising[allowed]
    lower = rising[:allowed][rising[:allowed] < first_kept]
    if len(lower):
        middle = (lower[-1] + first_kept) / 2
        if lower[-1] < middle < first_kept:
            return float(middle)
        return float(lower[-1] if strictly else first_kept)
    return float(np.nextafter(first_kept, -np.inf) if strictly else first_kept)


def decide(verdicts: Sequence[tuple[str, float]]) -> int:
    """Returns which person decides for a file: a fake one first, then an unsure one, then a real.

    Args:
        verdicts: of each person, verdict and score; of equals the highest score decides.
    """
    keys = [(SEVERITY[verdict], score) for verdict, score in verdicts]
    return keys.index(max(keys))


def chances_of(verdict: str, rates: Mapping[str, Any] | None) -> list[dict[str, float | None]]:
    """Returns how often a verdict is right where a stated share of the faces is fake.

    By Bayes' rule from the rates on test faces, see `evaluation.prevalence.predictive_values`.

    Args:
        verdict: "real" or "fake"; others are neither right nor wrong.
        rates: see `rates.three_way_rates`; None when they are not known.
    """
    from ..evaluation.prevalence import PREVALENCES, predictive_values, rest_of
    from ..evaluation.rates import Interval

    if rates is None or verdict not in (REAL, FAKE):
        return []
    wrong_class, right_class = (REAL, FAKE) if verdict == FAKE else (FAKE, REAL)
    of_right, of_wrong = rates.get(right_class), rates.get(wrong_class)
    if not of_right or not of_wrong:
        return []
    right, wrong = Interval(**of_right[verdict]), rest_of(Interval(**of_wrong[verdict]))
    found = []
    for share in PREVALENCES:
        recalls = (right, wrong) if verdict == FAKE else (wrong, right)
        value = predictive_values(*recalls, share)[0 if verdict == FAKE else 1]
        if value is not None:
            ends = {"low": value.low, "high": value.high}
            found.append({"share_of_fakes": share, "right": value.value, **ends})
    return found
