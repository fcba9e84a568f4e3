"""Verdicts as lines: for people, as JSON Lines and as CSV; what stands below them all."""

from __future__ import annotations

import csv
import io
import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.text import Text

from .listing import name_below, shown_name
from .records import FAKE, NO_FACE, REAL, UNSURE

Record = Mapping[str, Any]  # a Verdict.as_dict()
UNREADABLE = "unreadable"
# The default colours of a terminal, told apart without them by the words themselves.
LOOKS = {
    FAKE: "bold red",
    REAL: "green",
    UNSURE: "bold yellow",
    NO_FACE: "cyan",
    UNREADABLE: "magenta",
}
NO_PROOF = (
    "A score is no proof: it says how much a face resembles the fakes this detector was trained "
    "on. Fakes made in another way may look real to it, and real pictures fake."
)
LONGEST_NAME = 48
LISTED = 50

COLUMNS = (
    *("file", "kind", "verdict", "score", "calibrated", "threshold", "band_low", "band_high"),
    *("people", "reason", "error", "detail", "width", "height", "seconds", "detector"),
)


def outcome_of(record: Record) -> str:
    """Returns the verdict, or "unreadable"."""
    return UNREADABLE if record["error"] else record["verdict"]


def main_reason(record: Record) -> str:
    """Returns the first reason, or what is wrong with the file, as printable text."""
    if error := record["error"]:
        return printable(": ".join(filter(None, (error["reason"], error["detail"]))))
    return printable(next(iter(record["reasons"]), ""))


def printable(text: str) -> str:
    """Returns one line of `text` without a character that could move a terminal's cursor."""
    return shown_name(" ".join(str(text).split()))


def name_width(names: Iterable[str]) -> int:
    """Returns how wide the column of names is: as the longest, up to a bound."""
    return min(LONGEST_NAME, max(map(len, names), default=0))


def text_line(record: Record, name: str, width: int) -> Text:
    """Returns name, verdict, score, calibrated probability and the main reason.

    Args:
        record: a verdict as plain data.
        name: of its file, printable.
        width: of the column of names; a longer name is never cut.
    """
    outcome = outcome_of(record)
    line = Text(f"{name:<{width}}  ")
    line.append(f"{outcome:<10}", style=LOOKS[outcome])
    if record["score"] is not None:
        line.append(f"  score {record['score']:.3f}")
        known = record["calibrated"] is not None
        line.append(f"  calibrated {record['calibrated']:.3f}" if known else "  not calibrated  ")
    line.append(f"  {main_reason(record)}")
    line.rstrip()
    return line


def json_line(record: Record) -> str:
    """Returns the record as one line of ASCII; what is no number in it is null already."""
    return json.dumps(record, allow_nan=False)


def csv_lines(records: Iterable[Record], *, head: bool) -> str:
    """Returns rows of CSV (RFC 4180), with a row of names before them when `head`."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    if head:
        writer.writerow(COLUMNS)
    for record in records:
        low, high = record["band"] or (None, None)
        error = record["error"] or {"reason": "", "detail": ""}
        own = {
            "file": _no_formula(shown_name(record["file"])),
            "band_low": low,
            "band_high": high,
            "people": len(record["people"]),
            "reason": "" if record["error"] else main_reason(record),
            "error": printable(error["reason"]),
            "detail": printable(error["detail"]),
        }
        row = {**record, **own}
        writer.writerow(["" if row[name] is None else row[name] for name in COLUMNS])
    return stream.getvalue()


def summary_lines(
    records: list[Record], error_rates: str, folder: Path | None = None
) -> list[Text]:
    """Returns what stands below all lines: counts, the unreadable files, what the model is worth.

    Args:
        records: of all files.
        error_rates: the sentence of the model.
        folder: that names are seen from.
    """
    counts = Counter(outcome_of(record) for record in records)
    line = Text(f"{len(records):,} {'file' if len(records) == 1 else 'files'}: ")
    parts = [outcome for outcome in LOOKS if counts[outcome]]
    for number, outcome in enumerate(parts):
        words = "could not be read" if outcome == UNREADABLE else outcome
        line.append(", " if number else "")
        line.append(f"{counts[outcome]:,} {words}", style=LOOKS[outcome])
    line.append(".")
    return [line, *_unreadable(records, folder), Text(printable(error_rates)), Text(NO_PROOF)]


def _unreadable(records: list[Record], folder: Path | None) -> list[Text]:
    found = [record for record in records if record["error"]]
    if not found:
        return []
    lines = [Text("Could not be read:")]
    for record in found[:LISTED]:
        lines.append(Text(f"  {name_below(record['file'], folder)}: {main_reason(record)}"))
    if len(found) > LISTED:
        lines.append(Text(f"  and {len(found) - LISTED:,} more, marked in the lines above"))
    return lines


def _no_formula(name: str) -> str:
    """Keeps a spreadsheet from taking a relative name such as "=1+1.jpg" for a formula."""
    return f".{os.sep}{name}" if name.startswith(("=", "+", "-", "@")) else name
