"""Pushes one kernel, and reads what Kaggle says to it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import UnmaskError
from .chain import MOST_PARTS, Kernel
from .client import Client, Saved
from .launcher import launcher_notebook, make_request, read_request
from .retrying import Refused
from .state import Push, State, new_run_id

KAGGLE_HOURS = 12.0
# Of a kernel's time, left to pack and save what it made.
MARGIN_SECONDS, MARGIN_SHARE = 1800, 0.1
LAST_RESORT_SECONDS = 300


@dataclass(frozen=True)
class Sent:
    """What became of a push: whether Kaggle took it, and a note for the reader."""

    taken: bool
    note: str = ""


class Pushing:
    """Pushes kernels of a profile; `waits` says whether one waits for a machine on Kaggle."""

    def __init__(self, client: Client, profile: str, state: State, hours: float):
        self.client, self.profile, self.state, self.hours = client, profile, state, hours
        self.waits = False
        self.no_gpu = ""

    def push(self, kernel: Kernel, part: int, sources: Sequence[str]) -> Sent:
        """Pushes a part of a kernel.

        Args:
            kernel: of the chain.
            part: from 1.
            sources: slugs of the kernels whose outputs are attached.

        Raises:
            DataError: Kaggle cannot be reached; whether it got the push is found out next time.
        """
        if kernel.gpu and self.no_gpu:
            return Sent(False, self.no_gpu)
        slug, title = kernel.part(part)
        before = self.state.pushes.get(slug)
        push = _next_push(kernel, slug, part, before)
        text = launcher_notebook(self._request(push, kernel, sources), title)
        for number in range(part + 1, MOST_PARTS + 1):
            self.state.pushes.pop(kernel.part(number)[0], None)
        self.state.pushes[slug] = push
        self.state.save()
        try:
            saved = self.client.save_kernel(
                kernel, text, self._timeout(), slug=slug, title=title, sources=sources
            )
        except Refused as refused:
            saved = Saved(error=refused.what)
        sent = self._read(push, saved, before)
        self.state.save()
        return sent

    def _request(self, push: Push, kernel: Kernel, sources: Sequence[str]) -> dict[str, Any]:
        attached = [f"datasets/{name}" for name in kernel.datasets]
        attached += [f"notebooks/{self.client.owner}/{slug}" for slug in sources]
        attached += [f"models/{name}" for name in kernel.models]
        return make_request(
            run_id=push.run_id,
            key=push.key,
            part=push.part,
            profile=self.profile,
            overrides=self.state.overrides,
            steps=push.steps,
            seconds=kernel_seconds(self.hours),
            attached=attached,
        )

    def _timeout(self) -> int | None:
        """When Kaggle ends it: a little after it should have ended itself."""
        seconds = self.hours * 3600 + LAST_RESORT_SECONDS
        return int(seconds) if seconds < KAGGLE_HOURS * 3600 else None

    def _read(self, push: Push, saved: Saved, before: Push | None) -> Sent:
        if saved.error and re.search("session count", saved.error, re.IGNORECASE):
            self.waits = True
            self._take_back(push, before)
            return Sent(False, f"waits for a free machine: {saved.error}")
        if saved.error and re.search("quota", saved.error, re.IGNORECASE):
            self._take_back(push, before)
            self.no_gpu = f"{saved.error} {self._when_again()}"
            return Sent(False, self.no_gpu)
        if saved.error:
            push.becomes("failed", f"Kaggle did not take it: {saved.error}")
            return Sent(True)
        if saved.invalid:
            push.becomes("failed", _invalid_words(saved.invalid))
            return Sent(True)
        push.becomes("queued")
        return Sent(True)

    def _take_back(self, push: Push, before: Push | None) -> None:
        del self.state.pushes[push.slug]
        if before is not None:
            self.state.pushes[push.slug] = before

    def _when_again(self) -> str:
        try:
            quota = self.client.quota()
        except UnmaskError:
            quota = None
        when = quota.refresh_words if quota else "within a week"
        return f"It is renewed {when}; run again then. Kernels on CPUs go on."


def kernel_seconds(hours: float) -> int:
    """Returns what a kernel may take from its start, so that it can still save what it made."""
    seconds = hours * 3600
    return int(seconds - min(MARGIN_SECONDS, MARGIN_SHARE * seconds))


def belongs(told: Mapping[str, Any], push: Push) -> bool:
    """Returns whether a request or a manifest is that of a push."""
    return all(told.get(name) == getattr(push, name) for name in ("run_id", "key", "part"))


def adopted(client: Client, profile: str, kernel: Kernel, part: int) -> Push | None:
    """Returns a push that Kaggle has and the state does not know: of the same work, or None.

    So a lost state file, or another machine, costs no second run.
    """
    slug = kernel.part(part)[0]
    kept = client.kernel(slug)
    request = read_request(kept[0]) if kept else None
    if request is None or request["profile"] != profile:
        return None
    if (request["key"], request["part"]) != (kernel.key, part):
        return None
    push = Push(slug, list(kernel.steps), part, kernel.key, request["run_id"], gpu=kernel.gpu)
    push.becomes("queued", "found on Kaggle")
    return push


def _next_push(kernel: Kernel, slug: str, part: int, before: Push | None) -> Push:
    same = before is not None and before.key == kernel.key
    last = before.seconds or before.last_seconds if before else 0.0
    return Push(
        slug=slug,
        steps=list(kernel.steps),
        part=part,
        key=kernel.key,
        run_id=new_run_id(),
        attempt=before.attempt + 1 if before and same else 1,
        gpu=kernel.gpu,
        pushed=time.time(),
        since=time.time(),
        last_seconds=last,
    )


def _invalid_words(invalid: Sequence[str]) -> str:
    # Kaggle tells nobody the number by which a session could be cancelled.
    return (
        f"Kaggle does not know, or does not let this account use: {', '.join(invalid)}. It started "
        "the kernel without, which sees that and ends itself.\n"
        "  to fix:   correct the name or accept the terms of what is attached, then run again"
    )
