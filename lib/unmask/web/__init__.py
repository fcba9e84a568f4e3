"""The page: drop a photo or a clip, read the verdict. A door to `verdict.Detector`, nothing more.

Nothing is kept: a request brings its file and takes the answer with it.

Example:
    app = create_app(Detector.load("runs/demo"))
    app.test_client().post("/api/score", data={"file": open("photo.jpg", "rb")}).json["verdict"]
"""

from .app import create_app
from .limits import Limits

__all__ = ["Limits", "create_app"]
