"""What a person sees while steps run: a live table in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.live import Live
from rich.table import Table

from .plan import StepRun

MARKS = {
    "waiting": "·",
    "running": "▶",
    "done": "✓",
    "unchanged": "=",
    "partial": "◐",
    "failed": "✗",
    "not run": "-",
}
ENDED = ("done", "partial", "failed")
QUIET_SECONDS = 15
# Where lines are all that is seen, such as in a log of Kaggle's, one comes at least as often.
SILENT_SECONDS = 300


def clock(seconds: float | None) -> str:
    """Returns seconds as m:ss or h:mm:ss, or "" for None."""
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def remaining(run: StepRun) -> float | None:
    """Returns the estimated seconds left: from its own progress, else from the last run."""
    if run.status != "running":
        return None
    if run.fraction > 0.05:
        return run.seconds / run.fraction - run.seconds
    return max(run.estimate - run.seconds, 0) if run.estimate else None


class Display:
    """Shows steps as they run. Use as a context manager; call `show` as often as you like."""

    def __init__(self, console: Console):
        self.console = console
        self.live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self.last_lines: dict[str, tuple[str, int]] = {}
        self.last_time = 0.0

    def __enter__(self) -> Callable[[list[StepRun]], None]:
        if self.live:
            self.live.start()
        return self.show

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()

    def show(self, runs: list[StepRun]) -> None:
        if self.live:
            self.live.update(progress_table(runs))
            return
        for run in runs:
            state = (run.status, int(run.fraction * 10))
            known = self.last_lines.get(run.step.name, ("waiting", 0))
            since = time.monotonic() - self.last_time
            silent = run.status == "running" and since > SILENT_SECONDS
            changed = state[0] != known[0] or (state != known and since >= QUIET_SECONDS)
            if not (changed or silent):
                continue
            self.last_lines[run.step.name] = state
            self.last_time = time.monotonic()
            self.console.print(_line(run), markup=False, highlight=False, soft_wrap=True)


def progress_table(runs: list[StepRun]) -> Table:
    """Returns the live table: step, state, progress, elapsed, estimate."""
    table = Table(box=None, pad_edge=False)
    for heading in ("", "step", "state", "done", "elapsed", "left", ""):
        table.add_column(heading, no_wrap=True)
    for run in runs:
        if run.asked:
            table.add_row(
                MARKS[run.status],
                run.step.name,
                run.status,
                f"{run.fraction:4.0%}" if run.status == "running" else "",
                clock(run.seconds) if run.seconds else "",
                clock(remaining(run)),
                run.message,
            )
    return table


def summary_table(runs: list[StepRun]) -> Table:
    """Returns the last table: step, outcome, time, first words of an error."""
    table = Table(box=None, pad_edge=False)
    for heading in ("", "step", "outcome", "time", ""):
        table.add_column(heading, overflow="fold")
    for run in runs:
        if run.asked:
            spent = clock(run.seconds) if run.status in ENDED else ""
            table.add_row(MARKS[run.status], run.step.name, run.status, spent, run.message)
    return table


def _line(run: StepRun) -> str:
    words = [MARKS[run.status], f"{run.step.name:<13}", run.status]
    if run.status == "running":
        left = remaining(run)
        words += [f"{run.fraction:.0%}", clock(run.seconds)]
        words += [f"about {clock(left)} left"] if left is not None else []
    elif run.status in ENDED:
        words.append(clock(run.seconds))
    return "  ".join([*words, run.message]).rstrip()
