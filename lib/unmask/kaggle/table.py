"""What a person sees while kernels run: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.table import Table

from ..suite.display import clock
from .state import Push

MARKS = {
    "waiting": "·",
    "ready": "·",
    "sending": "↑",
    "queued": "…",
    "running": "▶",
    "complete": "↓",
    "done": "✓",
    "partial": "◐",
    "failed": "✗",
    "cancelled": "✗",
    "not run": "-",
}
HEADINGS = ("", "kernel", "state", "on", "since", "elapsed", "left", "")


@dataclass(frozen=True)
class Row:
    """A kernel as the table shows it.

    Attributes:
        name: its step, or "suite" where one kernel runs all.
        state: a key of MARKS.
        machine: "GPU" or "CPU".
        since: when it came into this state, seconds since 1970; 0 when not known.
        elapsed: seconds that it has run; 0 when it has not.
        left: seconds that it will still take, from the last time; None when not known.
        message: for the reader.
    """

    name: str
    state: str
    machine: str
    since: float = 0.0
    elapsed: float = 0.0
    left: float | None = None
    message: str = ""


def row_of(name: str, machine: str, push: Push | None, state: str = "", message: str = "") -> Row:
    """Returns the row of a kernel, given its last push or None."""
    if push is None:
        return Row(name, state or "waiting", machine, message=message)
    left = None
    if push.status in ("queued", "running") and push.last_seconds:
        left = max(push.last_seconds - push.seconds, 0.0)
    words = message or push.message
    numbers = [f"part {push.part}"] if push.part > 1 else []
    numbers += [f"attempt {push.attempt}"] if push.attempt > 1 else []
    words = "; ".join([*numbers, *([words] if words else [])])
    state = state or push.status
    return Row(name, state, machine, push.since, push.seconds, left, words)


def kernel_table(rows: list[Row], note: str = "") -> Table:
    """Returns the table; `note` stands below it."""
    table = Table(box=None, pad_edge=False, caption=note or None, caption_justify="left")
    for heading in HEADINGS:
        table.add_column(heading, no_wrap=True, overflow="ellipsis")
    for row in rows:
        table.add_row(
            MARKS[row.state],
            row.name,
            row.state,
            row.machine,
            _moment(row.since) if row.since else "",
            clock(row.elapsed) if row.elapsed else "",
            _left(row),
            row.message.partition("\n")[0],
        )
    return table


class Display:
    """Shows rows and notes as they change. Use as a context manager."""

    def __init__(self, console: Console):
        self.console = console
        self.live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self.rows: list[Row] = []
        self.note = ""
        self._last: dict[str, tuple[str, str]] = {}

    def __enter__(self) -> Display:
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.note = ""
        if self.live:
            self.live.update(kernel_table(self.rows))
            self.live.stop()

    def show(self, rows: list[Row]) -> None:
        """Shows how the kernels stand."""
        self.rows = rows
        if self.live:
            self.live.update(kernel_table(rows, self.note))
            return
        for row in rows:
            state = (row.state, row.message)
            if state != self._last.get(row.name, ("waiting", "")):
                self._last[row.name] = state
                self.say(line_of(row))

    def tell(self, note: str) -> None:
        """Shows what is going on besides; "" when nothing is."""
        before, self.note = self.note, note
        if self.live:
            self.live.update(kernel_table(self.rows, note))
        # Where lines stay, one that only counts on is not said again.
        elif note and _kind(note) != _kind(before):
            self.say(note)

    def say(self, words: str) -> None:
        """Prints a line that stays."""
        self.console.print(words, markup=False, highlight=False, soft_wrap=True)


def line_of(row: Row) -> str:
    """Returns a row as one line."""
    words = [MARKS[row.state], f"{row.name:<22}", row.state, row.machine]
    if row.state in ("done", "partial", "failed") and row.elapsed:
        words.append(clock(row.elapsed))
    if row.state == "running" and row.left is not None:
        words.append(f"about {clock(row.left)} left")
    return "  ".join([*words, row.message.partition("\n")[0]]).rstrip()


def _moment(seconds: float) -> str:
    """Returns a time of day, with its day where that is another one."""
    then = time.localtime(seconds)
    today = then[:3] == time.localtime()[:3]
    return time.strftime("%H:%M" if today else "%b %d %H:%M", then)


def _left(row: Row) -> str:
    if row.left is not None:
        return clock(row.left)
    return "?" if row.state in ("queued", "running") else ""


def _kind(note: str) -> str:
    return "".join(letter for letter in note if not letter.isdigit())
