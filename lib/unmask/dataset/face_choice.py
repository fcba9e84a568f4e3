"""What a person can choose about faces: take pictures whole, or find the faces in them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from ..errors import UsageError, nearest
from ..media.faces import FINDERS, Framing
from ..media.faces.quality import MINIMUM_SHARPNESS, MINIMUM_SIDE

FACES = ("whole", "largest", "all", "tracked")


@dataclass(frozen=True)
class FaceChoice:
    """What becomes a face of the table. The result depends on all of it.

    Attributes:
        faces: "whole" takes each picture, and each frame taken from a clip, as it is; "largest"
            cuts the largest face out; "all" every face; "tracked" every face too, and follows
            each person through the frames of a clip.
        finder: of `media.faces.FINDERS`.
        margin: the side of a cut face is the longer side of its box times 1 + `margin`.
        align: turn a face upright by its eyes, nose and mouth.
        minimum_face: pixels; a face whose box has a shorter side is "too small".
        minimum_sharpness: a face below is "too blurred", see `media.faces.measure_sharpness`.
        every: of a clip each so many frames are taken; 0 for `frames_per_clip` evenly spaced ones.
    """

    faces: str = "whole"
    finder: str = "auto"
    margin: float = 0.3
    align: bool = False
    minimum_face: int = MINIMUM_SIDE
    minimum_sharpness: float = MINIMUM_SHARPNESS
    every: int = 0

    def __post_init__(self) -> None:
        for name, value, known in (("faces", self.faces, FACES), ("finder", self.finder, FINDERS)):
            if value not in known:
                raise UsageError(
                    f"{name} is {value!r}.{nearest(value, known)}",
                    expected=f"one of: {', '.join(known)}",
                    fix=f"correct preprocess.{'face_finder' if name == 'finder' else name}",
                )
        for name in ("minimum_face", "minimum_sharpness", "every"):
            if getattr(self, name) < 0:
                raise UsageError(
                    f"{name} is {getattr(self, name)}.",
                    expected="a number of at least 0",
                    fix=f"correct preprocess.{name} in the profile",
                )
        if self.margin <= -1:
            raise UsageError(
                f"margin is {self.margin}, which leaves nothing of a face.",
                expected="a number above -1, such as 0.3",
                fix="correct preprocess.margin in the profile",
            )

    @property
    def searched(self) -> bool:
        """Whether faces are looked for at all."""
        return self.faces != "whole"

    @property
    def framing(self) -> Framing:
        """How faces are cut out where they are looked for."""
        return Framing(margin=float(self.margin), align=self.align, source="chosen")

    def as_dict(self) -> dict[str, Any]:
        """Returns the choice as plain data, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, record: dict[str, Any]) -> FaceChoice:
        """Builds the choice from what `as_dict` returned; what is not known is left out."""
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in record.items() if name in names})
