"""Records what a notebook's cells show, as its reader sees it, from inside its own kernel."""

from __future__ import annotations

import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

OUTPUTS = ("stream", "display_data", "execute_result", "error")
MARKER = "unmask_marker"
START_SECONDS = 10.0  # a kernel's channel is there in milliseconds
WAIT_SECONDS = 30.0  # for what a cell showed to arrive


@dataclass
class CellRecord:
    """One execution of a cell: its source, its number, when it began (epoch), its outputs."""

    source: str
    count: int | None = None
    started: float = 0.0
    outputs: list[Any] = field(default_factory=list)
    clear_next: bool = False


class Recorder:
    """Listens on the kernel's own output channel, as a front end does.

    Example:
        recorder = Recorder(kernel)
        recorder.listen()
        ...
        recorder.catch_up()
        recorder.cells()
    """

    def __init__(self, kernel: Any):
        self._kernel = kernel
        self._cells: dict[str, CellRecord] = {}
        self._lock = threading.Lock()
        self._seen: dict[str, threading.Event] = {}

    def listen(self) -> None:
        """Starts listening; returns when it hears. The running cell is recorded from here on.

        Raises:
            TimeoutError: the kernel's output channel cannot be heard.
        """
        parent = self._kernel.get_parent()
        source = (parent.get("content") or {}).get("code", "")
        count = getattr(self._kernel, "execution_count", None)
        name = (parent.get("header") or {}).get("msg_id", "")
        self._cells[name] = CellRecord(source, count, time.time())
        threading.Thread(target=self._run, args=(_open_channel(),), daemon=True).start()
        end = time.monotonic() + START_SECONDS
        while not self._marker_arrives(0.1):
            if time.monotonic() > end:
                raise TimeoutError("the kernel's output channel cannot be heard")

    def catch_up(self) -> bool:
        """Waits until everything that was shown so far is recorded; returns whether it was."""
        sys.stdout.flush()
        sys.stderr.flush()
        return self._marker_arrives(WAIT_SECONDS)

    def cells(self) -> list[CellRecord]:
        """Returns what was executed, in the order in which it was first seen."""
        with self._lock:
            return list(self._cells.values())

    def _marker_arrives(self, seconds: float) -> bool:
        """Sends a mark through the channel and waits for it: the channel keeps the order.

        A status that front ends ignore, because it answers no request of theirs.
        """
        name = uuid.uuid4().hex
        self._seen[name] = threading.Event()
        self._kernel.session.send(
            self._kernel.iopub_socket,
            "status",
            {"execution_state": "busy"},
            parent={},
            ident=b"status",
            metadata={MARKER: name},
        )
        arrived = self._seen[name].wait(seconds)
        del self._seen[name]
        return arrived

    def _run(self, channel: Any) -> None:
        session, socket = channel
        while True:
            _, parts = session.feed_identities(socket.recv_multipart())
            try:
                message = session.deserialize(parts)
            except ValueError:  # signed by nobody we know
                continue
            with self._lock:
                self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        kind, content = message["header"]["msg_type"], message["content"]
        if kind == "status":
            event = self._seen.get(message["metadata"].get(MARKER, ""))
            if event:
                event.set()
            return
        name = (message["parent_header"] or {}).get("msg_id", "")
        if kind == "execute_input":
            record = CellRecord(content["code"], content["execution_count"], time.time())
            self._cells[name] = record
        elif kind == "update_display_data":
            self._update(content)
        elif name in self._cells:
            _add(self._cells[name], kind, message)

    def _update(self, content: dict[str, Any]) -> None:
        wanted = content.get("transient", {}).get("display_id")
        for record in self._cells.values():
            for output in record.outputs:
                if output.get("transient", {}).get("display_id") == wanted is not None:
                    output["data"], output["metadata"] = content["data"], content["metadata"]


def _open_channel() -> tuple[Any, Any]:
    """Returns a session that reads the kernel's messages, and a socket that hears them."""
    import zmq
    from ipykernel.connect import get_connection_info
    from jupyter_client.session import Session

    known = get_connection_info(unpack=True)
    key = known["key"] if isinstance(known["key"], bytes) else known["key"].encode()
    session = Session(key=key, signature_scheme=known["signature_scheme"])
    socket = zmq.Context.instance().socket(zmq.SUB)
    socket.linger = 0
    socket.setsockopt(zmq.RCVHWM, 0)  # a loop that prints shall not lose lines
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    between = "-" if known["transport"] == "ipc" else ":"
    socket.connect(f"{known['transport']}://{known['ip']}{between}{known['iopub_port']}")
    return session, socket


def _add(record: CellRecord, kind: str, message: dict[str, Any]) -> None:
    content = message["content"]
    if kind == "clear_output":
        record.clear_next = True
        if not content.get("wait"):
            record.outputs.clear()
            record.clear_next = False
        return
    if kind not in OUTPUTS:
        return
    if record.clear_next:
        record.outputs.clear()
        record.clear_next = False
    last = record.outputs[-1] if record.outputs else {}
    if kind == "stream" and last.get("kind") == "stream" and last["name"] == content["name"]:
        last["text"] += content["text"]
    else:
        record.outputs.append({"kind": kind, **content})
