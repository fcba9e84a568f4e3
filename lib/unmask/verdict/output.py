"""Where verdicts are shown as they are given: standard output, with a bar on a terminal."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from .lines import csv_lines, json_line, name_width, outcome_of, printable, summary_lines, text_line
from .listing import name_below
from .records import FAKE, UNSURE


@contextlib.contextmanager
def own_stdout() -> Iterator[TextIO]:
    """Yields standard output for this program's own lines alone.

    What a library prints there, also from C++, comes out on standard error meanwhile.
    """
    try:
        sys.stdout.flush()
        descriptor, other = sys.stdout.fileno(), sys.stderr.fileno()
    except (OSError, ValueError, AttributeError):  # a notebook's, or a test's
        yield sys.stdout
        return
    kept, own = os.dup(descriptor), os.dup(descriptor)
    try:
        with open(own, "w", encoding=sys.stdout.encoding, errors="backslashreplace") as stream:
            os.dup2(other, descriptor)
            yield stream
    finally:
        os.dup2(kept, descriptor)
        os.close(kept)


class Output:
    """Shows verdicts as lines of one form, and what else is to be said on standard error.

    Use it as a context manager while verdicts come in.

    Attributes:
        records: all verdicts shown, as plain data.
        unreadable: how many of them are of files that could not be read.
    """

    def __init__(
        self, form: str, stream: TextIO, paths: Sequence[Path], folder: Path | None = None
    ):
        """Prepares for verdicts on `paths`, in the form "text", "json" or "csv".

        Lines for people name files as seen from `folder`, the others as they were given.
        """
        self.form, self.stream, self.records = form, stream, []
        self._folder, self._total = folder, len(paths)
        self._width = name_width(name_below(path, folder) for path in paths)
        self._told: set[str] = set()
        self._errors = Console(stderr=True, highlight=False, soft_wrap=True)
        shared = Console(file=stream, highlight=False, soft_wrap=True)
        self._terminal = shared if form == "text" and shared.is_terminal else None
        self._bar = self._make_bar()

    @property
    def unreadable(self) -> int:
        return sum(record["error"] is not None for record in self.records)

    def __enter__(self) -> Output:
        if self._bar:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar:
            self._bar.stop()

    def show(self, record: dict[str, Any]) -> None:
        """Shows one verdict at once."""
        self.records.append(record)
        if self.form == "text":
            name = name_below(record["file"], self._folder)
            self._print(text_line(record, name, self._width))
        elif self.form == "json":
            self._write(f"{json_line(record)}\n")
        else:
            self._write(csv_lines([record], head=len(self.records) == 1))
        if self._bar:
            counts = Counter(outcome_of(each) for each in self.records)
            words = f"{counts[FAKE]:,} fake, {counts[UNSURE]:,} unsure"
            self._bar.update(self._task, completed=len(self.records), words=words)

    def end(self, error_rates: str) -> None:
        """Shows the summary; with JSON and CSV on standard error."""
        lines = [
            *summary_lines(self.records, error_rates, self._folder),
            *_notes(self.records),
        ]
        if self.form == "text" and self._total > 1:
            lines = [Text(), *lines]
        for line in lines:
            if self.form == "text":
                self._print(line)
            else:
                self._errors.print(line)

    def say(self, words: str) -> None:
        """Says something on standard error."""
        self._errors.print(Text(printable(words)))

    def notice(self, notices: Iterable[str]) -> None:
        """Says on standard error what a reader must know, each once."""
        for words in notices:
            if words not in self._told:
                self._told.add(words)
                self.say(f"notice: {words}")

    @contextlib.contextmanager
    def waiting(self, words: str) -> Iterator[None]:
        """Shows on a terminal that something takes its time."""
        if self._errors.is_terminal:
            with self._errors.status(words):
                yield
        else:
            yield

    def _make_bar(self) -> Progress | None:
        # A bar among lines of JSON on one terminal would be in their way.
        if not self._errors.is_terminal or (self.form != "text" and self.stream.isatty()):
            return None
        bar = Progress(
            TextColumn("{task.fields[words]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self._terminal or self._errors,
            transient=True,
        )
        self._task = bar.add_task("", total=self._total, words="looking")
        return bar

    def _print(self, line: Text) -> None:
        if self._terminal:
            self._terminal.print(line)
        else:
            self._write(f"{line.plain}\n")

    def _write(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()


def _notes(records: list[dict[str, Any]]) -> list[Text]:
    """Returns what is to be known of how single files were looked at, the same words once."""
    counts = Counter(printable(words) for record in records for words in record["notices"])
    return [
        Text(f"Note on {number:,} {'file' if number == 1 else 'files'}: {words}")
        for words, number in counts.items()
    ]
