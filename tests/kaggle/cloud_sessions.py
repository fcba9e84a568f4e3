"""A session: one execution of one version of a kernel, from the queue to its end."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cloud_faults import Fault

OVER = ("COMPLETE", "ERROR", "CANCEL_ACKNOWLEDGED")


@dataclass
class Session:
    """State, output and log of an execution.

    `execute` is what runs the kernel (see container.run_kernel). `polls` questions for the
    status are answered QUEUED before it starts; `slots` is a semaphore of places to run.
    """

    number: int
    kernel: str
    version: int
    body: dict[str, Any]
    inputs: dict[str, Path]
    working: Path
    execute: Callable[..., Any]
    slots: threading.Semaphore
    layout: str = "new"
    polls: int = 0
    end: Fault | None = None
    state: str = "QUEUED"
    failure: str = ""
    seconds: float = 0.0
    outcome: Any = None
    events: list[dict[str, Any]] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    admitted: threading.Event = field(default_factory=threading.Event)

    @property
    def uses_gpu(self) -> bool:
        shape = self.body.get("machineShape") or ""
        return shape.startswith("Nvidia") or bool(self.body.get("enableGpu"))

    @property
    def is_over(self) -> bool:
        return self.state in OVER

    @property
    def log(self) -> str:
        """The log as Kaggle keeps it: a JSON list of events."""
        return json.dumps(self.events)

    def start(self) -> None:
        if self.polls <= 0:
            self.admitted.set()
        threading.Thread(target=self._run, daemon=True).start()

    def asked(self) -> dict[str, Any]:
        """Answers a question for the status; so many are answered QUEUED."""
        answer = {"status": self.state}
        if self.failure:
            answer["failureMessage"] = self.failure
        self.polls -= 1
        if self.polls <= 0:
            self.admitted.set()
        return answer

    def cancel(self) -> None:
        """Its owner presses Cancel: what has not ended is killed."""
        if not self.is_over:
            self.state = "CANCEL_REQUESTED"
            self.stop.set()
            self.admitted.set()

    def follow(self) -> Iterator[dict[str, Any]]:
        """Yields the events of the log until the session is over."""
        given = 0
        while True:
            is_over = self.is_over
            while given < len(self.events):
                yield self.events[given]
                given += 1
            if is_over:
                return
            time.sleep(0.05)

    def _tell(self, line: str) -> None:
        self.events.append({"stream_name": "stdout", "time": time.time(), "data": line})
        if self.end and self.end.values.get("when", "") in line:
            self.stop.set()

    def _run(self) -> None:
        self.admitted.wait()
        with self.slots:
            start = time.monotonic()
            if self.state == "QUEUED":
                self.state = "RUNNING"
                self.outcome = self._execute()
            self.seconds = time.monotonic() - start
        self.state = self._ended()

    def _execute(self) -> Any:
        try:
            return self.execute(
                self.body["text"],
                self.inputs,
                self.working,
                layout=self.layout,
                internet=bool(self.body.get("enableInternet", False)),
                seconds=self.body.get("sessionTimeoutSeconds", 12 * 3600),
                stop=self.stop,
                tell=self._tell,
            )
        except Exception as error:  # a container that could not be made is a failed session
            self.failure = f"The container did not start: {error!r}"
            return None

    def _ended(self) -> str:
        if self.end and self.end.kind == "die":
            message = "The kernel's container was terminated: it tried to allocate more memory."
            self.failure = self.end.values.get("message", message)
            return "ERROR"
        if self.state == "CANCEL_REQUESTED" or self.end:
            self.failure = "The kernel was killed due to a requested cancel."
            return "CANCEL_ACKNOWLEDGED"
        if self.outcome is not None and self.outcome.returncode == 0:
            return "COMPLETE"
        if self.outcome is not None and self.outcome.stopped:
            self.failure = "Your notebook was stopped because it exceeded the allowed time."
        return "ERROR"
