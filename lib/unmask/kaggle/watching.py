"""Asks how a pushed kernel stands, and decides what its end means."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from .client import Client
from .fetch import fetch_manifest
from .launcher import read_request
from .pushing import belongs
from .retrying import Refused
from .state import Push, staging_folder

STATES = {
    "QUEUED": "queued",
    "NEW_SCRIPT": "queued",
    "RUNNING": "running",
    "CANCEL_REQUESTED": "running",
    "COMPLETE": "complete",
}
# How often Kaggle may not know a kernel yet, or list no output or an earlier session's.
PATIENCE_FOR_OUTPUT = 5
AGAIN = "; run again to go on"


class Watching:
    """Looks at pushes of a profile, and keeps count of what seems not to be ours."""

    def __init__(self, client: Client, profile: str):
        self.client, self.profile = client, profile
        self.strange: dict[str, int] = {}

    def look(self, push: Push) -> bool:
        """Brings a push that is under way up to date; returns False when it never arrived."""
        if push.status == "sending" and not self._has_arrived(push):
            return False
        if push.status != "complete":
            self._ask(push)
        if push.status == "complete":
            self._settle(push)
        return True

    def _has_arrived(self, push: Push) -> bool:
        """Finds out about a push that was cut off: whether Kaggle got it."""
        kept = self.client.kernel(push.slug)
        request = read_request(kept[0]) if kept else None
        if request is not None and belongs(request, push):
            push.becomes("queued")
            return True
        return False

    def _ask(self, push: Push) -> None:
        try:
            name, failure = self.client.status(push.slug)
        except Refused as refused:
            if not refused.not_there:
                raise
            if not self._waits(push, push.status, "Kaggle does not know this kernel"):
                words = "Kaggle does not have this kernel any more; run again to push it anew"
                push.becomes("failed", words)
            return
        if name in STATES:
            words = "is being cancelled" if name == "CANCEL_REQUESTED" else ""
            push.becomes(STATES[name], words)
        elif name == "CANCEL_ACKNOWLEDGED":
            push.becomes("cancelled", "cancelled on Kaggle; run again to start it anew")
        else:
            push.becomes("failed", self._why(push, failure or f"the kernel ended as {name}"))

    def _settle(self, push: Push) -> None:
        """Reads what a completed kernel says of itself."""
        folder = staging_folder(self.profile, push.slug)
        try:
            manifest = fetch_manifest(self.client, push.slug, folder)
        except Refused as refused:
            if not refused.not_there:
                raise
            manifest = None
        if manifest is None:
            if self._waits(push, "queued", "Kaggle lists no results of it yet"):
                return
            push.becomes("failed", self._why(push, "the kernel ended and left no results"))
        elif not belongs(manifest, push):
            self._is_strange(push, manifest)
        else:
            push.running = _seconds(manifest.get("started")) or push.running
            push.ended = _seconds(manifest.get("ended")) or push.ended
            push.fetched = False
            known = manifest["status"] in ("done", "partial", "failed")
            push.becomes(manifest["status"] if known else "failed", _words(manifest))

    def _waits(self, push: Push, status: str, words: str) -> bool:
        """Notes that a push is to be asked about anew; returns False when that was enough.

        Right after a push Kaggle may still tell of the session before.
        """
        count = self.strange[push.slug] = self.strange.get(push.slug, 0) + 1
        if count < PATIENCE_FOR_OUTPUT:
            push.becomes(status, f"{words}; asking again")
        return count < PATIENCE_FOR_OUTPUT

    def _is_strange(self, push: Push, manifest: dict[str, Any]) -> None:
        other = f"the output on Kaggle belongs to another run ({manifest.get('run_id')})"
        if self._waits(push, "queued", other):
            return
        kept = self.client.kernel(push.slug)
        request = read_request(kept[0]) if kept else None
        ours = request is not None and belongs(request, push)
        hint = "run again to push it anew" if ours else (
            "somebody else pushed this kernel since; run again to push yours"
        )  # fmt: skip
        push.becomes("failed", f"{other}, not to ours ({push.run_id}); {hint}")

    def _why(self, push: Push, message: str) -> str:
        log = self.client.end_of_log(push.slug)
        return f"{message}\nThe end of its log:\n{log}" if log else message


def _words(manifest: dict[str, Any]) -> str:
    """Returns what a manifest says of an end that is not simply good."""
    if manifest["status"] == "done":
        return ""
    steps = manifest.get("steps", {})
    said = [
        f"{name}: {step['message']}" if len(steps) > 1 else step["message"]
        for name, step in steps.items()
        if step.get("message") and step.get("status") not in ("done", "unchanged", "not run")
    ]
    words = "\n".join([*filter(None, [manifest.get("message", "")]), *said])
    # The next part is pushed without being asked for.
    return words.removesuffix(AGAIN) if manifest["status"] == "partial" else words


def _seconds(text: str | None) -> float:
    try:
        return datetime.fromisoformat(text or "").timestamp()
    except ValueError:
        return 0.0
