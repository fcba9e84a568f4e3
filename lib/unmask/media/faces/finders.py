"""Faces two ways behind one call: YuNet through OpenCV, and MTCNN."""

from __future__ import annotations

from pathlib import Path

from ...errors import DataError, UsageError, nearest
from .records import FaceFinder

FINDERS = ("auto", "yunet", "mtcnn")


def make_finder(
    name: str = "auto",
    *,
    weights: str | Path | None = None,
    longer_side: int = 640,
    minimum_confidence: float | None = None,
) -> FaceFinder:
    """Returns a finder of faces; each searches a smaller picture first.

    Args:
        name: "yunet", "mtcnn", or "auto": YuNet when its ONNX file is there or can be fetched
            (once, checked by its hash), else MTCNN with a notice that says why.
        weights: YuNet's ONNX file; else it is looked for in $UNMASK_YUNET, `data/weights/` of the
            project and the cache (~/.cache/unmask, or $UNMASK_CACHE).
        longer_side: in pixels; a larger picture is shrunk to it, and searched at full size (at
            most 1920 pixels) only when no face was found. So of a crowd the small faces may be
            left out: a larger side finds more of them, and takes longer.
        minimum_confidence: faces below are not told; None takes the finder's own.

    Raises:
        UsageError: unknown name.
        DataError: "yunet" was asked for and its file is nowhere and cannot be fetched, or is not
            one of the files known by their hash.
    """
    if name not in FINDERS:
        raise UsageError(
            f"There is no finder of faces '{name}'.{nearest(name, FINDERS)}",
            expected=", ".join(FINDERS),
            fix="choose one of them",
        )
    settings = {"longer_side": longer_side, "minimum_confidence": minimum_confidence}
    notices: tuple[str, ...] = ()
    if name != "mtcnn":
        from .yunet import YunetFinder

        try:
            return YunetFinder(weights, **settings)
        except DataError as error:
            if name == "yunet" or weights is not None:
                raise
            notices = (_told(error),)
    from .mtcnn import MtcnnFinder

    return MtcnnFinder(**settings, notices=notices)


def _told(error: DataError) -> str:
    what = error.what.rstrip(".")
    fix = str(error).rpartition("to fix:")[2].strip()
    return f"Faces are searched with MTCNN, because there is no YuNet: {what}. To have it, {fix}."
