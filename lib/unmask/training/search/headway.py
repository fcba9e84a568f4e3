"""Telling a worker that trains from one that hangs: the share of its trial that is done moves."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Hashable

from ...errors import UsageError

PATIENCE = "UNMASK_SEARCH_PATIENCE"
# Far longer than the longest silence of a training: building a large network, or validating it.
PATIENCE_SECONDS = 3600.0


def patience() -> float:
    """Returns after how many seconds without headway a worker counts as hung.

    Raises:
        UsageError: the variable UNMASK_SEARCH_PATIENCE is no number of seconds above 0.
    """
    asked = os.environ.get(PATIENCE, str(PATIENCE_SECONDS))
    try:
        seconds = float(asked)
    except ValueError:
        seconds = math.nan
    if not seconds > 0:
        raise UsageError(
            f"{PATIENCE} is {asked!r}.",
            expected=f"seconds without headway after which a worker counts as hung, such as "
            f"{PATIENCE_SECONDS:g}",
            fix="set it to a number above 0, or unset it",
        )
    return seconds


class Headway:
    """How long each worker has been where it is.

    Attributes:
        seconds: after so many in one place a worker counts as hung.
    """

    def __init__(self, seconds: float):
        self.seconds = seconds
        self._places: dict[str, tuple[Hashable, float]] = {}

    def lacks(self, worker: str, place: Hashable) -> bool:
        """Whether `worker` has been at `place` for too long; None is nowhere, and may be."""
        now = time.monotonic()
        known = self._places.get(worker)
        if place is None or known is None or known[0] != place:
            self._places[worker] = (place, now)
            return False
        return now - known[1] > self.seconds

    def forget(self, worker: str) -> None:
        """Begins anew with `worker`."""
        self._places.pop(worker, None)

    def words(self) -> str:
        """Returns what a hung worker did, in words that follow its name."""
        return f"got nowhere for {self.seconds / 60:g} minutes"
