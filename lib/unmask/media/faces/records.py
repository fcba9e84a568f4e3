"""The records that everything about faces speaks in: a face, a finder, a framing, a track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np


@dataclass(frozen=True, eq=False)
class Face:
    """A face as a finder saw it.

    Attributes:
        box: left, top, width, height in pixels of the picture; may reach outside of it.
        landmarks: float64 `[5, 2]`, x and y in pixels: the eye on the picture's left, the other
            eye, the tip of the nose, the corner of the mouth on the picture's left, the other.
        confidence: the finder's, 0..1; two finders' are not comparable.
    """

    box: tuple[float, float, float, float]
    landmarks: np.ndarray
    confidence: float

    @property
    def area(self) -> float:
        """Of the box, in square pixels."""
        return self.box[2] * self.box[3]

    @property
    def center(self) -> tuple[float, float]:
        """Of the box: x, y in pixels."""
        left, top, width, height = self.box
        return left + width / 2, top + height / 2

    def as_dict(self) -> dict:
        """Returns the face as plain data, for JSON; rounded to hundredths of a pixel."""
        return {
            "box": [round(float(value), 2) for value in self.box],
            "landmarks": np.round(self.landmarks, 2).tolist(),
            "confidence": round(float(self.confidence), 4),
        }


class FaceFinder(Protocol):
    """Finds faces in pictures. Safe to call from several threads.

    Attributes:
        name: "yunet" or "mtcnn".
        title: for a person, as "YuNet (OpenCV)".
        notices: sentences the user should read, such as why the other finder was not taken.
    """

    name: str
    title: str
    notices: tuple[str, ...]

    def find(self, pictures: Sequence[np.ndarray]) -> list[list[Face]]:
        """Returns each picture's faces by falling area.

        Args:
            pictures: uint8 `[height, width, 3]`, RGB, of any sizes.
        """
        ...


@dataclass(frozen=True)
class Framing:
    """How a crop frames its face: enough to cut another picture in the same way.

    Attributes:
        margin: the crop's side is the box's longer side x (1 + margin); -0.2 cuts into the face.
        offset: centre of the crop minus centre of the box, x and y, in longer box sides.
        align: turn the face upright, by a similarity transform onto five landmarks.
        source: "chosen" (a setting), "measured" (on given face crops) or "whole" (pictures are
            used as they are, and no face says how they frame it).
        measured_on, found: how many crops were looked at, and in how many a face was found.
    """

    margin: float = 0.3
    offset: tuple[float, float] = (0.0, 0.0)
    align: bool = False
    source: str = "chosen"
    measured_on: int = 0
    found: int = 0

    def as_dict(self) -> dict:
        """Returns the framing as plain data, for JSON."""
        return {
            "margin": self.margin,
            "offset": list(self.offset),
            "align": self.align,
            "source": self.source,
            "measured_on": self.measured_on,
            "found": self.found,
        }

    @classmethod
    def from_dict(cls, record: dict) -> Framing:
        """Builds the framing from what `as_dict` returned."""
        return cls(**{**record, "offset": tuple(record["offset"])})


@dataclass(frozen=True)
class Track:
    """One person through the frames of a clip.

    Attributes:
        person: 0 is the one with most and largest appearances.
        frames: positions in the list that was given to `track_faces`, rising.
        faces: the face in each of `frames`.
        outcome: "" for a person; "seen once" for a face in a single one of six or more frames,
            most often a false detection: last in the list, to be counted and not scored.
    """

    person: int
    frames: list[int] = field(default_factory=list)
    faces: list[Face] = field(default_factory=list)
    outcome: str = ""
