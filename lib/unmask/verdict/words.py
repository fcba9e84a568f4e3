"""The sentences of a verdict: plain words, every number computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..evaluation.formats import format_percent
from .changes import CHANGES
from .records import FAKE, NO_FACE, REAL, UNSURE
from .rules import UNSURE_SHARE, Limits

RATES_UNKNOWN = (
    "Unsure: nothing is known of this model's errors, so its score cannot be turned into a "
    "verdict. Load it with the run that trained it to have one."
)
OUTCOMES = {
    "too small": "The face is too small to be judged: {side:.0f} pixels.",
    "too blurred": "The face is too blurred to be judged.",
    "seen once": "A face was seen in one frame only, which is most often a mistake of the search.",
}
SHOWN_SHARES = (0.5, 0.01)  # of fakes, in the sentence on how often a verdict is right


def reasons_of(
    score: float, changed: Mapping[str, float], limits: Limits, things: str
) -> list[str]:
    """Returns why one person is called what they are called.

    Args:
        score: P(fake) of the face, or pooled over a clip.
        changed: after each change.
        limits: threshold and band.
        things: "faces" or "clips", what validation looked at.
    """
    if limits.band is None:
        return [RATES_UNKNOWN]
    low, high = limits.band
    share = f"{UNSURE_SHARE:.0%}"
    called = limits.call(score)
    if called == UNSURE:
        told = [
            f"Unsure: its score {score:.3f} lies between {low:.3f} and {high:.3f}, where "
            f"validation has real and fake {things}."
        ]
    elif limits.turning(score, changed):
        told = [
            f"Unsure: its score {score:.3f} alone would mean {called}, but a mild change turns it."
        ]
    elif called == FAKE:
        told = [
            f"Called fake: its score {score:.3f} reaches {high:.3f}, as at most {share} of the "
            f"real validation {things} do."
        ]
    else:
        told = [
            f"Called real: its score {score:.3f} is below {low:.3f}, as at most {share} of the "
            f"fake validation {things} are."
        ]
    turning = limits.turning(score, changed)
    if turning:
        moved = ", ".join(f"{changed[name]:.3f} when {CHANGES[name].words}" for name in turning)
        told.append(f"Its score becomes {moved}.")
    return told


def reasons_of_rates(
    verdict: str, rates: Mapping[str, Any] | None, chances: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Returns how far a verdict can be believed; nothing for "unsure"."""
    if rates is None or verdict not in (REAL, FAKE):
        return []
    others, n = (REAL, rates["n_real"]) if verdict == FAKE else (FAKE, rates["n_fake"])
    wrong = format_percent(rates[others][verdict])
    told = [f"It called {wrong} of {n:,} {others} test {rates['unit']}s {verdict}."]
    by_share = {each["share_of_fakes"]: each for each in chances}
    parts = [
        f"where 1 in {1 / share:,.0f} is fake, {_right(by_share[share])} of such verdicts are right"
        for share in SHOWN_SHARES
        if share in by_share
    ]
    sentence = "; ".join(parts)
    return [*told, f"{sentence[0].upper()}{sentence[1:]}."] if parts else told


def _right(chance: Mapping[str, Any]) -> str:
    return format_percent({**chance, "value": chance["right"]})


def reasons_of_file(
    verdict: str, people: Sequence[Mapping[str, Any]], kind: str, found_by: str
) -> list[str]:
    """Returns what is said of a file before its deciding person's own reasons.

    Args:
        verdict: of the file.
        people: `verdict`, `outcome` and `side` of each.
        kind: "image" or "video".
        found_by: title of the finder; "" when none looked.
    """
    what = {"image": "picture", "video": "clip"}[kind]
    judged = [each for each in people if not each["outcome"]]
    if not people:
        return [
            f"No face was found in this {what} by {found_by}. If it is itself the crop of a face, "
            'score it as it is (faces: "whole").'
        ]
    if verdict == NO_FACE:
        return [OUTCOMES[each["outcome"]].format(side=each["side"]) for each in people]
    if len(judged) < 2:
        return []
    counts = [
        f"{sum(each['verdict'] == name for each in judged)} {name}" for name in (FAKE, UNSURE, REAL)
    ]
    who = "people" if kind == "video" else "faces"
    return [
        f"Of {len(judged)} {who} in this {what}, the detector calls {', '.join(counts)}. The more "
        "there are, the likelier a false alarm on one of them."
    ]
