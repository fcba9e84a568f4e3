"""The page: drop a photo or a clip, read the verdict. A door to `verdict.Detector`, nothing more.

Nothing is kept: a request brings its file and takes the answer with it.

Example:
    app = create_app(Detector.load("runs/demo"))
    app.test_client().post("/api/score", data={"file": open("photo.jpg", "rb")}).json["verdict"]
"""

from typing import TYPE_CHECKING

from .limits import Limits

if TYPE_CHECKING:
    from .app import create_app

__all__ = ["Limits", "create_app"]


def __getattr__(name: str):
    """Imports `create_app` when it is asked for: Flask may be missing, and `unmask app` says so."""
    if name != "create_app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .app import create_app

    return create_app
