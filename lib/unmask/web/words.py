"""Verdicts in the words and numbers of the page."""

from __future__ import annotations

from ..verdict import FAKE, NO_FACE, REAL, UNSURE, Person, Verdict

HEADLINES = {
    FAKE: "Looks fake",
    REAL: "Looks real",
    UNSURE: "Cannot tell",
    NO_FACE: "No face found",
}
SHORT = {FAKE: "fake", REAL: "real", UNSURE: "unsure", NO_FACE: "no face", "": "not judged"}
CHANGES = {
    "jpeg_90": "Saved as JPEG of quality 90",
    "jpeg_75": "Saved as JPEG of quality 75",
    "resize_0.75": "At three quarters of its size",
}


def percent(share: float | None) -> str:
    """Returns a share as a percentage: 0.0412 is "4.1%", 0.5 is "50%", None "unknown"."""
    if share is None:
        return "unknown"
    digits = 0 if share >= 0.1 or share == 0 else 1 if share >= 0.01 else 2
    return f"{share:.{digits}%}"


def probability(share: float) -> str:
    """Returns a probability as a percentage; what rounds to certainty is told as less than that."""
    if share > 0.995:
        return "above 99%"
    return "below 1%" if share < 0.005 else f"{share:.0%}"


def moment(seconds: float) -> str:
    """Returns a time in a clip as minutes, seconds and tenths: 63.28 is "1:03.3"."""
    tenths = round(seconds * 10)
    return f"{tenths // 600}:{tenths % 600 / 10:04.1f}"


def megabytes(count: int) -> str:
    """Returns a number of bytes for the reader: 1234567 is "1.2 MB", 2048 is "2 kB"."""
    return f"{count / 1e6:,.1f} MB" if count >= 1e6 else f"{max(1, round(count / 1e3))} kB"


def who(person: Person, verdict: Verdict) -> str:
    """Returns how a person is called: "The face", "Face 2", "Person 1"."""
    noun = "Person" if verdict.kind == "video" else "Face"
    return f"The {noun.lower()}" if len(verdict.people) == 1 else f"{noun} {person.number + 1}"


def chance_lines(verdict: Verdict) -> list[dict[str, str]]:
    """Returns, for each stated share of fakes, the share and how often this verdict is right."""
    lines = []
    for chance in verdict.chances:
        right, low, high = (chance.get(name) for name in ("right", "low", "high"))
        between = f"{percent(low)} to {percent(high)}" if None not in (low, high) else ""
        lines.append(
            {
                "share": f"{100 * chance['share_of_fakes']:g}%",
                "right": percent(right),
                "between": between,
            }
        )
    return lines
