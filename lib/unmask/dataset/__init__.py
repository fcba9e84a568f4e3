"""Files to faces: one table and one memory-mapped array, with splits that do not leak."""

from .face_set import FaceSet
from .preprocess import PreprocessSummary, build_faces
from .settings import PreprocessSettings
from .splits import assign_splits

__all__ = ["FaceSet", "PreprocessSettings", "PreprocessSummary", "assign_splits", "build_faces"]
