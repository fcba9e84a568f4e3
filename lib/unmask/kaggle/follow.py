"""Pushes the kernels of a chain in turn and follows them to their ends."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ..suite.profiles import Profile
from .chain import MOST_PARTS, SINGLE, Kernel
from .client import Client
from .datasets import check_code
from .homecoming import Homecoming
from .pushing import Pushing, adopted
from .state import ENDED_BADLY, UNDER_WAY, Push, State
from .table import Display, Row, row_of
from .watching import Watching

LAST_PART = ("partial", MOST_PARTS)


@dataclass
class Options:
    """How kernels are pushed and followed.

    Attributes:
        jobs: how many run at the same time at most.
        every: seconds between two looks.
        hours: that a kernel may take.
        again: whether finished kernels are pushed anew.
        with_data: whether arrays of faces and pictures are fetched as well.
        as_pushed: whether kernels count as they were pushed, although the code or the settings
            are others by now: to look at them and fetch them, not to go on from them.
    """

    jobs: int = 2
    every: float = 30.0
    hours: float = 12.0
    again: bool = False
    with_data: bool = False
    as_pushed: bool = False


@dataclass
class Follower:
    """Brings the kernels of a chain to their ends; its state is on disk after every change.

    Attributes:
        kernels: the whole chain, in order.
        asked: slugs of those that are wanted; others only count where they are needed.
        display: of what goes on.
        code: digest of the code that was brought to Kaggle; "" where none was.
        own: slugs that this command pushed, or saw under way: a failure of these stands and is
            told, one that was told before is tried again.
    """

    client: Client
    profile: Profile
    kernels: list[Kernel]
    asked: list[str]
    state: State
    options: Options
    display: Display
    code: str = ""
    own: set[str] = field(default_factory=set)
    notes: dict[str, str] = field(default_factory=dict)
    recalled: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.pushing = Pushing(self.client, self.profile.name, self.state, self.options.hours)
        self.watching = Watching(self.client, self.profile.name)
        self.home = Homecoming(self.client, self.profile, self.display, self.options.with_data)
        self.use(self.kernels)

    def use(self, kernels: list[Kernel]) -> None:
        """Takes another chain of the same kernels, once it is known what they need."""
        self.kernels = kernels
        self.by_slug = {kernel.slug: kernel for kernel in kernels}

    def run(self) -> None:
        """Goes on until every kernel asked for is done or cannot be."""
        while True:
            self.look()
            self.take_home()
            changed = self.push_ready()
            self.show()
            if self.under_way() or self.pushing.waits:
                self._wait()
            elif not changed:
                return

    def current(self, kernel: Kernel) -> Push | None:
        """Returns the last part of a kernel that was pushed for what is asked now, or None."""
        found, key = None, kernel.key
        if self.options.as_pushed and self._was_other(kernel):
            key = self.state.pushes[kernel.slug].key
        for number in range(1, MOST_PARTS + 1):
            push = self.state.of(kernel.part(number)[0], key)
            if push is None or (self.options.again and not self._counts(kernel, push)):
                break
            found = push
            if push.status != "partial":
                break
        return found

    def _counts(self, kernel: Kernel, push: Push) -> bool:
        """Whether a push stands although all that is asked is to be done again."""
        return kernel.slug not in self.asked or push.slug in self.own or push.status in UNDER_WAY

    def under_way(self) -> list[Push]:
        """Returns the pushes whose end is not known yet, of any kernel of the chain."""
        found = [self.current(kernel) for kernel in self.kernels]
        return [push for push in found if push and push.status in UNDER_WAY]

    def is_done(self, kernel: Kernel) -> bool:
        push = self.current(kernel)
        return push is not None and push.status == "done"

    def is_open(self, kernel: Kernel) -> bool:
        """Returns whether a kernel is asked for and not done."""
        return kernel.slug in self.asked and not self.is_done(kernel)

    def recall(self) -> None:
        """Finds out what Kaggle has of this work that the notes do not know.

        So lost notes, or another machine, cost no second run.
        """
        found = not self.options.again
        while found:
            self.display.tell("asking Kaggle what it has already")
            recalled = [self._recalled(kernel) for kernel in self.kernels]
            found = [push for push in recalled if push]
            self.state.pushes |= {push.slug: push for push in found}
            self.state.save()
            self.look()
        self.display.tell("")

    def _recalled(self, kernel: Kernel) -> Push | None:
        last = self.current(kernel)
        part = 1 if last is None else last.part + 1
        goes_on = last is None or (last.status == "partial" and part <= MOST_PARTS)
        slug = kernel.part(part)[0]
        if not goes_on or slug in self.recalled:
            return None
        self.recalled.add(slug)
        return adopted(self.client, self.profile.name, kernel, part)

    def look(self) -> None:
        """Asks Kaggle how all kernels stand that are under way."""
        for push in self.under_way():
            if self.watching.look(push):
                self.own.add(push.slug)
            else:
                del self.state.pushes[push.slug]
            self.state.save()
            self.show()

    def take_home(self, partial: bool = False) -> None:
        """Fetches what is new, puts it into runs/<profile>/ and renders its reports.

        Args:
            partial: also of kernels that another part will go on from.
        """
        wanted = ("done", "failed", *(["partial"] if partial else []))
        found = [self.current(kernel) for kernel in self.kernels]
        ended = [
            push
            for push in found
            if push and (push.status in wanted or (push.status, push.part) == LAST_PART)
        ]
        if self.home.take(ended):
            self.state.save()

    def push_ready(self) -> list[str]:
        """Pushes every kernel that may start now; returns those that Kaggle took or had."""
        self.pushing.waits = False
        changed = []
        for kernel in self.kernels:
            if len(self.under_way()) >= self.options.jobs:
                break
            if kernel.slug in self.asked and self._is_ready(kernel):
                changed += self._push(kernel)
        return changed

    def _is_ready(self, kernel: Kernel) -> bool:
        push = self.current(kernel)
        if push and (push.status == "done" or push.status in UNDER_WAY):
            return False
        if push and push.status in ENDED_BADLY and push.slug in self.own:
            return False
        if push and push.status == "partial" and push.part >= MOST_PARTS:
            push.message = f"stopped after {MOST_PARTS} parts; run fewer epochs or steps at a time"
            return False
        return all(self.is_done(self.by_slug[need]) for need in kernel.needs)

    def _push(self, kernel: Kernel) -> list[str]:
        last = self.current(kernel)
        part = last.part + (last.status == "partial") if last else 1
        slug = kernel.part(part)[0]
        before = self.state.pushes.get(slug)
        if before and before.key != kernel.key and before.status in UNDER_WAY:
            address = f"https://www.kaggle.com/code/{self.client.owner}/{slug}"
            self.display.say(f"{slug} may still run as it was asked before; stop it on {address}")
        sources = [self._last_slug(need) for need in kernel.needs]
        sources += [kernel.part(part - 1)[0]] if part > 1 else []
        self.show()
        if self.code:
            check_code(self.client, self.code)
        sent = self.pushing.push(kernel, part, sources)
        self.notes[kernel.slug] = sent.note
        if sent.taken:
            self.own.add(slug)
        self.show()
        return [slug] if sent.taken else []

    def _last_slug(self, need: str) -> str:
        push = self.current(self.by_slug[need])
        return push.slug if push else need

    def rows(self) -> list[Row]:
        """Returns the table's rows: the kernels asked for."""
        rows = []
        for kernel in self.kernels:
            if kernel.slug in self.asked:
                name = kernel.steps[0] if len(kernel.steps) == 1 else SINGLE
                push, note = self.current(kernel), self.notes.get(kernel.slug, "")
                state, lacking = "", self._lacking(kernel)
                if push is None and lacking:
                    state, note = "not run", f"needs {', '.join(lacking)}"
                elif not note and self._was_other(kernel):
                    note = "pushed with other code or settings than now"
                rows.append(row_of(name, "GPU" if kernel.gpu else "CPU", push, state, note))
        return rows

    def _was_other(self, kernel: Kernel) -> bool:
        before = self.state.pushes.get(kernel.slug)
        return before is not None and before.key != kernel.key

    def _lacking(self, kernel: Kernel) -> list[str]:
        """Returns the needs of a kernel that have ended badly."""
        found = [(need, self.current(self.by_slug[need])) for need in kernel.needs]
        return [
            ", ".join(self.by_slug[need].steps)
            for need, push in found
            if push and push.status in ENDED_BADLY
        ]

    def show(self) -> None:
        self.display.show(self.rows())

    def _wait(self) -> None:
        end = time.monotonic() + self.options.every
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, 1.0))
            self.show()
