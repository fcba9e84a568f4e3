"""What the room takes in and hands out: a person's frames, what one frame shows, the findings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ..media.faces import Face
    from .canvas import Canvas

USUAL, UNUSUAL, NOT_HERE = "usual", "unusual", "not measurable here"


@dataclass(frozen=True)
class PersonFrame:
    """One person in one frame.

    Attributes:
        time: seconds from the clip's first frame; 0 for a photo.
        pixels: uint8 `[height, width, 3]`, RGB: the whole frame, as the surroundings count.
        face: this person's face in it: box and five landmarks (see `media.faces.Face`).
    """

    time: float
    pixels: np.ndarray
    face: Face


@dataclass(frozen=True)
class Signs:
    """What every measure keeps of one frame: some 3 kB in place of its pixels.

    Attributes:
        time: seconds from the clip's first frame.
        seen: for each measure by name, what it read in this frame: numbers, or in plain
            words why it could not ("the neck is outside the picture").
    """

    time: float
    seen: dict[str, np.ndarray | str]


@dataclass(frozen=True)
class Reading:
    """The value of a measure for one person, before it is held against what is normal.

    Attributes:
        value: None when it cannot be measured, and then `reason` says why.
        words: the value in a sentence's first half ("13 blinks in 51 s").
        series: pairs of seconds and value: how it went through the clip.
    """

    value: float | None = None
    words: str = ""
    reason: str = ""
    series: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Measure:
    """One thing that a careful viewer looks at.

    Attributes:
        name: as in the files ("face_sharpness").
        title: for a reader.
        unit: of the value; empty for a ratio or a correlation.
        side: which end of the normal range is unusual: "low", "high" or "both".
        rate: frames a second that it needs; 0 when one frame is enough.
        look: reads one frame: numbers, or in words why there are none.
        read: makes one value of all frames, given times [n], what was seen, and the sound.
    """

    name: str
    title: str
    unit: str
    side: str
    rate: float
    look: Callable[[Canvas], np.ndarray | str]
    read: Callable[..., Reading]


@dataclass(frozen=True)
class Evidence:
    """What one measure found on one person. It never says "fake", and is mixed into no score.

    Attributes:
        name, title, unit: of the measure.
        value: None when it could not be measured.
        normal: `low`, `high` (5% and 95% of real ones) and `n`; None when fewer than 8 real ones
            were measured.
        verdict: "usual", "unusual" or "not measurable here". A value without a normal range is
            "not measurable here" too: nobody can say whether it is usual.
        sentence: all of it in plain words, with the reason when there is no value.
        series: `time` in seconds and `value`, through the clip.
    """

    name: str
    title: str
    value: float | None
    unit: str
    normal: dict[str, Any] | None
    verdict: str
    sentence: str
    series: Sequence[dict[str, float]] = ()

    def as_dict(self) -> dict[str, Any]:
        """Returns it as plain data, for JSON."""
        return {**asdict(self), "series": [dict(each) for each in self.series]}
