"""Faces: found in two ways, cut out as a detector was trained on them, judged, followed.

- `make_finder`: YuNet or MTCNN, one interface;
- `crop_face`, `crop_as_trained`, `measure_framing`: margin, alignment, and how crops were framed;
- `judge_face`: "too small" and "too blurred" are outcomes of their own;
- `track_faces`: the same person followed through the frames of a clip.
"""

from __future__ import annotations

from .crops import crop_as_trained, crop_face
from .finders import FINDERS, make_finder
from .framing import measure_framing
from .quality import judge_face, measure_sharpness
from .records import Face, FaceFinder, Framing, Track
from .tracking import track_faces

__all__ = [
    "FINDERS",
    "Face",
    "FaceFinder",
    "Framing",
    "Track",
    "crop_as_trained",
    "crop_face",
    "judge_face",
    "make_finder",
    "measure_framing",
    "measure_sharpness",
    "track_faces",
]
