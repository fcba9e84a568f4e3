"""Work that tells how far it is while it runs: lines of JSON, the last one is the answer."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

from .desk import Tell
from .problems import Problem

TYPE = "application/x-ndjson"
BEAT = 1.0  # seconds between signs of life, by which a proxy and we see that the other is there
FAILED = Problem(500, "failed", "Something went wrong in Unmask; its log says more.")


class Progress:
    """One piece of work in a thread of its own, read as lines.

    What `work` tells is passed on as `{"share", "words"}`; what it returns is the last line. A
    problem is a last line too: `{"status", "error"}`, since the answer has begun by then.
    """

    def __init__(self, work: Callable[[Tell], dict[str, Any]], log: Callable[[str], None]):
        """Args: work: is given the function to tell with; log: is told of unforeseen errors."""
        self._work, self._log = work, log
        self._lines: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def stop(self) -> None:
        """Makes the work end at its next word, when nobody reads any more."""
        self._stopped.set()

    def lines(self) -> Iterator[bytes]:
        """Yields the lines, with an empty one now and then."""
        self._thread.start()
        try:
            while True:
                try:
                    line = self._lines.get(timeout=BEAT)
                except queue.Empty:
                    yield b"\n"
                    continue
                if line is None:
                    return
                yield json.dumps(line).encode() + b"\n"
        finally:
            self.stop()
            self._thread.join()  # the upload is closed after this; nobody may still read it

    def _tell(self, share: float, words: str) -> None:
        if self._stopped.is_set():
            raise Problem(499, "gone", "The one who asked is gone.")
        self._lines.put({"share": round(share, 4), "words": words})

    def _run(self) -> None:
        try:
            self._lines.put(self._work(self._tell))
        except Problem as problem:
            self._lines.put({"status": problem.status, **problem.as_dict()})
        except Exception as error:
            self._log(f"{type(error).__name__}: {error}")
            self._lines.put({"status": FAILED.status, **FAILED.as_dict()})
        finally:
            self._lines.put(None)
