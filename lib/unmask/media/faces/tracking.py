"""The same person followed through the frames of a clip."""

from __future__ import annotations

from collections.abc import Sequence

from .records import Face, Track


def track_faces(
    found: Sequence[list[Face]], *, times: Sequence[float] | None = None
) -> list[Track]:
    """Follows each person through frames, by where the faces are and how they move.

    Args:
        found: the faces of each frame, in the order of time, as a finder returns them.
        times: of each frame in seconds; None takes frames for evenly spaced.

    Returns:
        People first, numbered by falling sum of the areas of their boxes; then, with the outcome
        "seen once", faces in a single one of six or more frames.
    """
    raise NotImplementedError
