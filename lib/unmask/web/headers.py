"""Headers that every answer carries, and who may ask at all."""

from __future__ import annotations

from flask import Request, Response

from .problems import Problem

# Scripts and styles only from files of our own; pictures also as data (the answer's) and blobs
# (the visitor's own file); nobody may frame the page or take its forms elsewhere.
CONTENT_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "media-src blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def secure(response: Response) -> Response:
    """Adds the headers; whatever is no file of the page itself is never stored."""
    for name, value in HEADERS.items():
        response.headers[name] = value
    response.headers.setdefault("Cache-Control", "no-store")
    return response


def refuse_other_sites(request: Request) -> None:
    """Refuses what a page of another site sends through a visitor's browser.

    There are no cookies and no accounts, so such a page could read nothing and pretend to be
    nobody; but it could make this machine work. Browsers say where a request comes from in
    Sec-Fetch-Site. Programs such as curl send no such header and are let in.

    Raises:
        Problem: 403.
    """
    origin = request.headers.get("Sec-Fetch-Site", "none")
    if request.method == "POST" and origin not in ("same-origin", "none"):
        raise Problem(
            403,
            "another site",
            "A page of another site sent this file.",
            fix="open this page itself and send the file there",
        )
