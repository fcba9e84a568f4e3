"""What a detector says of a file and of each person in it: plain records, the same everywhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

REAL, FAKE, UNSURE, NO_FACE = "real", "fake", "unsure", "no face"
VERDICTS = (REAL, FAKE, UNSURE, NO_FACE)


@dataclass(frozen=True)
class Person:
    """A face of a photo, or one person followed through a clip.

    Attributes:
        number: from 0, the largest face or the person seen most and largest first.
        verdict: "real", "fake" or "unsure"; "" where `outcome` says why there is none.
        score: P(fake) as the detector gives it, None without a verdict.
        calibrated: P(fake) that means what it says on validation; None where not calibrated.
        reasons: sentences for the reader, the most important first.
        flips: change ("jpeg_90", "jpeg_75", "resize_0.75") to the score after it.
        box: left, top, width, height in pixels of the picture; in a clip of the frame shown.
        landmarks: the five points of a face, x and y in pixels; None when no face was searched.
        confidence: of the face finder, 0 to 1.
        quality: `side` of the face and `crop`, of what was cut out for the networks, in pixels;
            where measured, `sharpness`.
        frames: of a clip, for each frame they are in: `index`, `time` (seconds), `box`, `score`
            (None where the face is too small or too blurred).
        evidence: what a careful viewer looks at, see `evidence.Evidence.as_dict`.
        outcome: "", "too small" or "too blurred".
        crop: uint8 `[side, side, 3]`, RGB, what the networks were shown; of a clip the frame with
            the highest score. Not part of `as_dict`.
    """

    number: int
    verdict: str = ""
    score: float | None = None
    calibrated: float | None = None
    reasons: list[str] = field(default_factory=list)
    flips: dict[str, float] = field(default_factory=dict)
    box: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    landmarks: list[list[float]] | None = None
    confidence: float = 1.0
    quality: dict[str, float] = field(default_factory=dict)
    frames: list[dict[str, Any]] = field(default_factory=list)
    evidence: list[dict[str, Any]] = field(default_factory=list)
    outcome: str = ""
    crop: np.ndarray | None = field(default=None, repr=False, compare=False)

    def as_dict(self) -> dict[str, Any]:
        """Returns everything but the crop as plain data, for JSON."""
        return {
            each.name: _plain(getattr(self, each.name))
            for each in fields(self)
            if each.name != "crop"
        }


@dataclass(frozen=True)
class Verdict:
    """What a detector says of one file.

    Attributes:
        file: its name, as it was given.
        kind: "image", "video" or "" when it could not be told.
        verdict: one of VERDICTS; "" when `error` is set.
        score: of the person that decided, None without one.
        calibrated: the same, calibrated.
        threshold: from which on a score speaks for fake.
        band: scores from the first up to below the second give "unsure".
        false_positive_rate: share of real test faces (clips for a clip, where that is known) called
            fake: `value`, `low`, `high`; None when it is not known.
        chances: for stated shares of fakes among the files looked at (`share_of_fakes`), how often
            this verdict is right (`right`, `low`, `high`); empty for "unsure" and "no face".
        reasons: sentences for the reader, the most important first.
        people: see `Person`.
        notices: what the reader must know of how this was computed.
        error: `reason` and `detail` of a file that could not be read, else None.
        seconds: that it took.
        detector: its name.
        width, height: of the picture, upright, in pixels.
        clip: of a video `frames` (looked at), `seconds`, `rate`, `codec`, ...; else None.
    """

    file: str
    kind: str = ""
    verdict: str = ""
    score: float | None = None
    calibrated: float | None = None
    threshold: float | None = None
    band: tuple[float, float] | None = None
    false_positive_rate: dict[str, float | None] | None = None
    chances: list[dict[str, float | None]] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    error: dict[str, str] | None = None
    seconds: float = 0.0
    detector: str = ""
    width: int = 0
    height: int = 0
    clip: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """Returns the verdict as plain data: the JSON of the command line, the page, a notebook."""
        return {each.name: _plain(getattr(self, each.name)) for each in fields(self)}


@dataclass(frozen=True)
class HeatMap:
    """Which places of a face spoke for its score.

    Attributes:
        heat: float32 `[side, side]`, 0 to 1, of the person's crop; all 0 when nothing spoke for it.
        speaks_for: "fake" or "real".
        network: whose places these are: of an ensemble the network that counts most.
        method: "gradient" (Grad-CAM) or "covering".
    """

    heat: np.ndarray = field(repr=False)
    speaks_for: str
    network: str
    method: str


def scored_frames(person: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns those of a person's `frames` that have a score: a face may be too small in others."""
    return [frame for frame in person["frames"] if frame["score"] is not None]


def _plain(value: Any) -> Any:
    """Returns plain data that JSON can hold: no arrays, no NaN, no infinity."""
    if isinstance(value, Person):
        return value.as_dict()
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.ndarray):
        return _plain(value.tolist())
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
