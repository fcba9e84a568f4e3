"""What the page cannot do, in words: told as JSON to programs and as a page to people."""

from __future__ import annotations

from typing import Any


class Problem(Exception):
    """A request that gets no verdict.

    Attributes:
        status: of the HTTP answer, 400 to 599.
        reason: a few fixed words for programs, such as "too large".
        detail: what happened, a sentence for the reader.
        expected, fix: what was expected and what to do, or empty.
        retry_after: whole seconds after which another try makes sense, or None.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        detail: str,
        *,
        expected: str = "",
        fix: str = "",
        retry_after: int | None = None,
    ):
        self.status, self.reason, self.detail = status, reason, detail
        self.expected, self.fix, self.retry_after = expected, fix, retry_after
        super().__init__(f"{status} {reason}: {detail}")

    def as_dict(self) -> dict[str, Any]:
        """Returns the body of the answer: `{"error": {"reason", "detail", "expected", "fix"}}`."""
        names = ("reason", "detail", "expected", "fix")
        return {"error": {name: getattr(self, name) for name in names}}

    def headers(self) -> dict[str, str]:
        """Returns the headers that go with it."""
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


# What `media.Rejected` says of a file: (status, what to do).
OF_REJECTED = {
    "empty file": (422, "Send the file once more; it arrived with no bytes in it."),
    "not an image": (415, "Send a photo (JPEG, PNG, WebP, ...) or a clip (MP4, MOV, WebM, ...)."),
    "not a video": (415, "Send a photo (JPEG, PNG, WebP, ...) or a clip (MP4, MOV, WebM, ...)."),
    "no video stream": (415, "Send a clip with pictures in it, or a photo."),
    "too large": (413, "Make it smaller, or ask on your own machine: unmask score FILE"),
    "too long": (413, "Cut out the part that matters, or ask on your own machine: unmask score"),
}
BROKEN = (422, "Save or download the file once more; this copy is damaged.")


def of_rejected(reason: str, detail: str) -> Problem:
    """Returns the problem for a file that `media` rejects, or a verdict's `error`."""
    status, fix = OF_REJECTED.get(reason, BROKEN)
    words = f"This file gives no pictures that can be trusted: {reason}"
    return Problem(status, reason, f"{words} ({detail})." if detail else f"{words}.", fix=fix)
