"""From pixels to faces as the networks see them, and the outcome of those they cannot judge."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..dataset.equalise import Equaliser
from ..dataset.squares import square
from ..media.faces import (
    Face,
    FaceFinder,
    Framing,
    crop_as_trained,
    judge_face,
    measure_sharpness,
)
from ..media.faces.crops import is_such_a_crop
from ..media.faces.quality import MINIMUM_SHARPNESS, MINIMUM_SIDE
from .changes import variants_of

MOST_FACES = 32  # of one picture: 256 in a photo of 49 megapixels took a minute and a half
ONLY_LARGEST = f"Only the {MOST_FACES} largest faces of a picture are looked at."


@dataclass(frozen=True)
class SeenFace:
    """A face of one picture or frame.

    Attributes:
        face: as the finder saw it; None where a picture was taken for a face as it is.
        box: left, top, width, height in pixels.
        outcome: "", "too small" or "too blurred".
        quality: `side` of the face and `crop`, of what is cut out for the networks, in pixels; and
            `sharpness` where a face was found.
        variants: uint8 `[1 + changes, size, size, 3]`, see `variants_of`; None with an outcome.
    """

    face: Face | None
    box: tuple[float, float, float, float]
    outcome: str = ""
    quality: dict[str, float] = field(default_factory=dict)
    variants: np.ndarray | None = field(default=None, repr=False)

    def about(self) -> dict[str, Any]:
        """Returns box, landmarks and confidence, as a `Person` has them."""
        if self.face is None:
            return {"box": self.box, "landmarks": None, "confidence": 1.0}
        return {
            "box": self.box,
            "landmarks": np.asarray(self.face.landmarks, dtype=float).tolist(),
            "confidence": float(self.face.confidence),
        }


@dataclass(frozen=True)
class FaceReader:
    """How pictures become faces: as the training of a detector saw them.

    Attributes:
        finder: None to take every picture for a face as it is.
        framing: how faces are cut out.
        size: side in pixels of what the networks see.
        equaliser: what every face is brought to.
        minimum_side, minimum_sharpness: of a face that is cut out, see `judge_face`. A picture
            that is a face crop already is scored whatever its size where training took all such.
    """

    finder: FaceFinder | None
    framing: Framing
    size: int
    equaliser: Equaliser
    minimum_side: int = MINIMUM_SIDE
    minimum_sharpness: float = MINIMUM_SHARPNESS

    def find(self, pictures: Sequence[np.ndarray]) -> list[list[Face | None]]:
        """Returns the faces of each picture, by falling area; None for a picture taken whole."""
        if self.finder is None:
            return [[None] for _ in pictures]
        return [list(faces) for faces in self.finder.find(pictures)]

    def look(self, pictures: Sequence[np.ndarray]) -> list[list[SeenFace]]:
        """Returns the faces of each picture, uint8 `[h, w, 3]`, ready for the networks.

        Of a picture with more, the `MOST_FACES` largest: see `notices_of`.
        """
        found = self.find(pictures)
        return [
            [self.see(pixels, face) for face in faces[:MOST_FACES]]
            for pixels, faces in zip(pictures, found, strict=True)
        ]

    def crop(self, pixels: np.ndarray, face: Face | None) -> np.ndarray:
        """Returns what the networks see of a face, uint8 `[size, size, 3]`, unchanged."""
        return square(np.ascontiguousarray(self._cut(pixels, face)), self.size, self.equaliser)

    def _cut(self, pixels: np.ndarray, face: Face | None) -> np.ndarray:
        """Returns what training saw of a face, at its own size.

        A picture that its face fills, as those of a training on such pictures do, was taken whole
        there; its face reaches beyond the border, which a finder's box does not tell.
        """
        tight = self.framing.source == "measured" and self.framing.margin < 0
        if face is None or (tight and is_such_a_crop(pixels.shape, face, Framing(margin=0.0))):
            return pixels
        return crop_as_trained(pixels, face, self.framing)

    def see(self, pixels: np.ndarray, face: Face | None) -> SeenFace:
        """Returns one face of a picture, ready for the networks."""
        height, width = pixels.shape[:2]
        if face is None:
            whole = (0.0, 0.0, float(width), float(height))
            variants = variants_of(pixels, self.size, self.equaliser)
            side = float(min(height, width))
            return SeenFace(None, whole, "", {"side": side, "crop": side}, variants)
        box = tuple(float(value) for value in face.box)
        crop = self._cut(pixels, face)
        outcome = ""
        if crop is not pixels or self.framing.source == "chosen":
            limits = self.minimum_side, self.minimum_sharpness
            outcome = judge_face(pixels, face, minimum_side=limits[0], minimum_sharpness=limits[1])
        quality = {
            "side": float(min(face.box[2:])),
            "crop": float(min(crop.shape[:2])),
            "sharpness": float(measure_sharpness(pixels, face)),
        }
        variants = None if outcome else variants_of(crop, self.size, self.equaliser)
        return SeenFace(face, box, outcome, quality, variants)


def notices_of(pictures: Iterable[Sequence[Any]]) -> list[str]:
    """Returns what has to be said of the faces looked at in each picture; usually nothing."""
    return [ONLY_LARGEST] if any(len(faces) >= MOST_FACES for faces in pictures) else []
