"""What a request may cost, and who comes next when many ask at once."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from .problems import Problem

MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Limits:
    """What a request may cost.

    Attributes:
        largest: bytes of a file.
        most_pixels: width times height of a photo.
        most_pixels_of_a_frame: of a clip, of which several are in memory at a time.
        longest: seconds of a clip.
        seconds: that a request may take, waiting included.
        at_once: files that are looked at side by side.
        queue: files that may wait, as long as their turn comes in time; who comes after them is
            asked to come back.
    """

    largest: int = 100 * MEGABYTE
    most_pixels: int = 50_000_000
    most_pixels_of_a_frame: int = 4096 * 2304
    longest: float = 600.0
    seconds: float = 120.0
    at_once: int = 2
    queue: int = 64


class Clock:
    """The time that is left to a request; starts when it is made."""

    def __init__(self, seconds: float, gone: Callable[[], bool] = lambda: False):
        """Args: seconds: that the request may take; gone: says whether nobody listens any more."""
        self._seconds, self._gone = seconds, gone
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Returns the seconds that are left, 0 at least."""
        return max(0.0, self._end - time.monotonic())

    def check(self) -> None:
        """Raises Problem 503 when the time is up, or 499 when nobody waits for the answer."""
        if self._gone():
            raise Problem(499, "gone", "The one who asked is gone.")
        if not self.left():
            raise Problem(
                503,
                "time is up",
                f"This took longer than the {self._seconds:g} seconds that a request may take.",
                fix="Send a shorter or smaller clip, or ask on your own machine: unmask score FILE",
            )


class Turnstile:
    """Lets `at_once` in and `queue` wait, first come first served; sends the rest away.

    The queue is long, because who is sent away loses the place: others who come at the right
    moment overtake them again and again. But nobody waits in vain: who would not be through in
    time, by how long the last ones took, is sent away at once.
    """

    def __init__(self, at_once: int, queue: int, patience: float = math.inf):
        """Args: at_once, queue: as above; patience: seconds that one may wait and be looked at."""
        self.at_once, self.queue, self.patience = at_once, queue, patience
        self._changed = threading.Condition()
        self._waiting: deque[Ticket] = deque()
        self._inside: set[Ticket] = set()
        self._typical = 1.0  # seconds that one took, an average that forgets

    def take(self) -> Ticket:
        """Returns a ticket; leave its block, or call `Ticket.leave`, whatever happens.

        Raises:
            Problem: 429, there is no place left to wait.
        """
        with self._changed:
            places = self.at_once + self.queue
            late = len(self._waiting) >= self.at_once and self._wait() > self.patience
            if late or len(self._inside) + len(self._waiting) >= places:
                raise self._full()
            ticket = Ticket(self)
            self._waiting.append(ticket)
            self._admit()
            return ticket

    def counts(self) -> tuple[int, int]:
        """Returns how many are inside and how many wait."""
        with self._changed:
            return len(self._inside), len(self._waiting)

    def _wait(self) -> float:
        """Returns the seconds after which all that wait are likely to be through, and one more."""
        return self._typical * (1 + len(self._waiting) / self.at_once)

    def _full(self) -> Problem:
        return Problem(
            429,
            "busy",
            f"{len(self._inside) + len(self._waiting)} files are being looked at or waiting "
            "already.",
            fix="Try again in a moment.",
            retry_after=int(min(max(self._wait(), 1), 60)),
        )

    def _admit(self) -> None:
        while self._waiting and len(self._inside) < self.at_once:
            ticket = self._waiting.popleft()
            ticket.since = time.monotonic()
            self._inside.add(ticket)
        self._changed.notify_all()


class Ticket:
    """A place in the queue, then inside; given back at the end of its `with` block."""

    def __init__(self, turnstile: Turnstile):
        self._turnstile = turnstile
        self.since = 0.0

    def __enter__(self) -> Ticket:
        return self

    def __exit__(self, *_error: object) -> None:
        self.leave()

    def wait(
        self,
        clock: Clock,
        tell: Callable[[float, str], None] = lambda share, words: None,
        step: float = 0.25,
    ) -> None:
        """Returns when it is this one's turn; looks at the clock every `step` seconds.

        Args:
            clock: of the request.
            tell: is told how many come first.
            step: seconds.

        Raises:
            Problem: 503, the time is up before.
        """
        gate = self._turnstile
        while True:
            with gate._changed:
                if self in gate._inside or gate._changed.wait_for(
                    lambda: self in gate._inside, step
                ):
                    return
                before, retry_after = gate._waiting.index(self), gate._full().retry_after
            tell(0.0, f"waiting: {before + 1} before this one")
            try:
                clock.check()
            except Problem as problem:
                problem.retry_after = retry_after
                raise

    def leave(self) -> None:
        """Makes room; a second call does nothing."""
        gate = self._turnstile
        with gate._changed:
            if self in gate._inside:
                gate._inside.remove(self)
                took = time.monotonic() - self.since
                gate._typical += 0.2 * (took - gate._typical)
            elif self in gate._waiting:
                gate._waiting.remove(self)
            gate._admit()
