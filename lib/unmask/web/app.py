"""The Flask application: which address does what."""

from __future__ import annotations

from flask import Flask

from ..verdict import Detector
from .limits import Limits


def create_app(
    detector: Detector, limits: Limits | None = None, *, behind_proxy: bool = False
) -> Flask:
    """Returns the page and its API around a detector.

    Args:
        detector: that is asked.
        limits: of a request; None for the usual ones.
        behind_proxy: trust X-Forwarded-For, -Proto, -Host and -Prefix of one proxy before it.
            Without a proxy anybody could set them, so they are ignored.
    """
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = (limits or Limits()).largest
    return app
