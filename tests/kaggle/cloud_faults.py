"""What can go wrong at Kaggle, planted one by one.

    cloud.faults.add("lost_answer", on="SaveKernel")

of requests (`on`: a method such as "SaveKernel", or "upload", "storage", "logs")
    drop           the connection breaks before the request is handled
    lost_answer    the request is handled, then the connection breaks
    status         an HTTP error: `status`, `headers`, `message`
    cut            after `at` bytes of an upload or a download the connection breaks
                   (`on`: also a file's name)
    expired        a storage address is refused from now on (`on`: a file's name)
of a push (`on`: a kernel's slug)
    quota          the GPU quota of the week is used up
    sessions       two GPU sessions run already
    invalid        `field` of the answer, e.g. "invalidDatasetSources", holds `sources`
of a session (`on`: a kernel's slug)
    queue          waits for `polls` questions for its status
    die            the container is killed after its first line; ERROR with `message`
    cancel         the same, by its owner; CANCEL_ACKNOWLEDGED
    stale          the listing gives an earlier session's output
    damage         a file (`on`: "slug/file") is served "truncated" or "changed" (`how`)
of a dataset (`on`: its slug)
    pending        waits for `polls` questions for its status
    failed         its processing fails
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Fault:
    """A planted fault: happens `times` times after `skip` chances went by unharmed."""

    kind: str
    on: str = ""
    times: int = 1
    skip: int = 0
    values: dict[str, Any] = field(default_factory=dict)
    happened: int = 0


class Faults:
    """The planted faults; each happens as often as was asked, to whom it was meant for."""

    def __init__(self) -> None:
        self.planted: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, kind: str, on: str = "", times: int = 1, skip: int = 0, **values: Any) -> Fault:
        fault = Fault(kind, on, times, skip, values)
        self.planted.append(fault)
        return fault

    def take(self, kind: str, name: str) -> Fault | None:
        """Returns the fault of this kind that happens to `name` now, if any."""
        with self._lock:
            for fault in self.planted:
                if fault.kind != kind or fault.on not in ("", name) or not fault.times:
                    continue
                if fault.skip:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                fault.happened += 1
                return fault
        return None
